"""A copy that was put in place, and a database of an earlier version, tell the same past."""

from contextlib import closing
from pathlib import Path

from bot.domain.deliver.delivery import AlertState
from bot.domain.history.changes import Selection
from bot.domain.subscriptions import DestinationId
from bot.store.database.connection import DatabaseThread
from bot.store.database.copy import copy_database, open_to_read
from bot.store.history.changes import read_slice, span_of
from bot.store.maintenance.backup import record_restore
from tests.builders import NOON, USDC, at, reading
from tests.store.archive import OLD
from tests.store.conftest import EVERYONE, Keeper
from tests.store.history.test_changes import look
from tests.store.test_migrations import put_databases

_OF_BEFORE = """
SELECT destination_id, change_id FROM alert WHERE change_id IS NOT NULL
UNION
SELECT u.destination_id, c.id FROM unreported u JOIN change c ON c.account_id = u.account_id
AND c.asset_id = u.asset_id AND c.id BETWEEN u.first_change_id AND u.last_change_id
"""
"""What each destination was told or is still to be told, as versions without traces kept it."""


async def test_a_copy_that_was_put_in_place_tells_the_same_past(watching: Keeper) -> None:
    await watching.record(reading({USDC: 6}, native=100))
    await watching.deliver_all()
    await watching.record(reading({USDC: 6}, native=101))
    before = {place: await look(watching, place) for place in EVERYONE}
    copy = watching.path.with_name("copy.sqlite3")
    copy_database(watching.path, copy, NOON, lambda: False)

    restored = Keeper(await DatabaseThread.open(copy), copy)
    try:
        assert await restored.db.run(record_restore, at(3600)) is not None
        assert {place: await look(restored, place) for place in EVERYONE} == before
    finally:
        await restored.db.close()
    assert {one.state for one in before[EVERYONE[0]]} == {AlertState.SENT, AlertState.WAITING}


async def test_a_database_without_traces_tells_all_that_was_told_or_held_back(tmp_path: Path) -> None:
    told = 0
    for path in put_databases(OLD / "m027.tar.xz", tmp_path):
        with closing(open_to_read(path)) as db:
            expected = set(db.execute(_OF_BEFORE))
            destinations = [DestinationId(row) for (row,) in db.execute("SELECT id FROM destination")]
        database = await DatabaseThread.open(path)
        try:
            found: set[tuple[int, int]] = set()
            for destination_id in destinations:
                span = await database.run(span_of, destination_id)
                if span is not None:
                    one = await database.run(read_slice, destination_id, Selection(), span, 10_000)
                    assert one.rest is None
                    found |= {(destination_id, change.id) for change in one.changes}
        finally:
            await database.close()
        assert found == expected
        told += len(found)
    assert told
