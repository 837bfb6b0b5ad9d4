"""A database of an earlier release is brought up to date, whole or not at all, with a copy of it beside."""

import gzip
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlite_utils import Database
from sqlite_utils.migrations import Migrations

from bot.store.database import file, schema
from bot.store.database.connection import DatabaseThread
from bot.store.database.copy import open_to_read
from bot.store.database.errors import DatabaseUnusable
from bot.store.database.schema import migrations
from tests.stack import ACCOUNT, POLYGON, USDC_POLYGON, open_stack
from tests.store.archive import OLD, tables_of

with closing(Database(memory=True)) as _nothing_yet:
    ALL = migrations.pending(_nothing_yet)
VERSIONS = sorted(OLD.glob("*.tar.xz"))
"""Databases that the code of each earlier version wrote, one archive for each."""
FIRST, SECOND, *_ = [migration.name for migration in ALL]
DROPPED = {("delivery", "trust")}
KEPT = {"setting": "name <> 'first traced change'"}
"""Which rows were there before a migration."""
COPY = f"bot.before-{SECOND}.sqlite3"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Put the database in place that the first schema left, while two alerts were still to be told."""
    path = tmp_path / "data" / "bot.sqlite3"
    path.parent.mkdir(mode=0o700)
    path.write_bytes(gzip.decompress((OLD / "m001.sqlite3.gz").read_bytes()))
    return path


def put_databases(version: Path, directory: Path) -> list[Path]:
    """Put the databases that an earlier version left each into a directory of its own."""
    paths = []
    with tarfile.open(version) as archive:
        # One by one: a Python 3.11 before 3.11.4 can't be told to unpack safely.
        for member in archive.getmembers():
            content = archive.extractfile(member)
            if content is not None:
                path = directory / member.name
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                path.write_bytes(content.read())
                paths.append(path)
    return sorted(path for path in paths if path.name == "bot.sqlite3")


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Let the last migration fail, after the others went well."""
    later = Migrations(migrations.name)
    for one in ALL:
        later(name=one.name)(one.fn)

    @later()
    def m999_never(db: Database) -> None:
        db.execute("DELETE FROM subscription")
        raise ValueError("on purpose")

    with monkeypatch.context() as patch:
        patch.setattr(file, "migrations", later)
        yield patch


def applied(path: Path) -> list[str]:
    with closing(open_to_read(path)) as db:
        return [name for (name,) in db.execute("SELECT name FROM _sqlite_migrations ORDER BY id")]


def dump(path: Path) -> list[str]:
    """Return everything that a database holds, but for what only a copy knows."""
    with closing(open_to_read(path)) as db:
        return [line for line in db.iterdump() if "copied_at" not in line]


def columns_of(path: Path) -> dict[str, list[str]]:
    """Return the columns of each table."""
    with closing(open_to_read(path)) as db:
        return {
            table: [name for _, name, *_ in db.execute(f"PRAGMA table_info({table})")]
            for table in tables_of(db)
        }


def columns_kept(path: Path) -> dict[str, list[str]]:
    """Return the columns of each table but for those that a migration drops."""
    return {
        table: [name for name in names if (table, name) not in DROPPED]
        for table, names in columns_of(path).items()
    }


def as_sets(columns: dict[str, list[str]]) -> dict[str, set[str]]:
    return {table: set(names) for table, names in columns.items()}


def rows_of(path: Path, columns: dict[str, list[str]]) -> dict[str, set[tuple[object, ...]]]:
    with closing(open_to_read(path)) as db:
        return {
            table: set(db.execute(f"SELECT {', '.join(names)} FROM {table} WHERE {KEPT.get(table, 'true')}"))
            for table, names in columns.items()
        }


def schema_of(path: Path) -> set[tuple[str, str]]:
    with closing(open_to_read(path)) as db:
        return set(db.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL"))


async def test_an_old_database_becomes_one_of_today(old: Path, tmp_path: Path) -> None:
    await (await DatabaseThread.open(old)).close()
    await (await DatabaseThread.open(tmp_path / "new.sqlite3")).close()

    assert schema_of(old) == schema_of(tmp_path / "new.sqlite3")


async def test_it_keeps_what_it_held(old: Path) -> None:
    columns = columns_kept(old)
    before = rows_of(old, columns)

    await (await DatabaseThread.open(old)).close()

    assert len(before["change"]) == 4
    assert rows_of(old, columns) == before


async def test_what_an_old_database_was_still_to_tell_rings_as_ever(old: Path) -> None:
    await (await DatabaseThread.open(old)).close()

    sounds = rows_of(old, {"alert": ["sound", "mentions"], "delivery": ["is_silent"]})
    assert sounds == {"alert": {(None, "")}, "delivery": {(0,)}}


async def test_a_mute_of_an_earlier_version_is_one_that_somebody_typed_and_nobody_has_other_wishes(
    tmp_path: Path,
) -> None:
    kinds = set()
    for path in put_databases(OLD / "m016.tar.xz", tmp_path):
        await (await DatabaseThread.open(path)).close()
        kinds |= rows_of(path, {"mute": ["kind", "alarms_pass"]})["mute"]

        assert rows_of(path, {"destination": ["zone", "budget"]})["destination"] <= {("", 0)}
        assert rows_of(path, {"alert": ["passes_quiet"]})["alert"] <= {(0,)}
    assert kinds == {("mute", 0)}


@pytest.mark.parametrize("version", VERSIONS, ids=lambda path: path.name)
async def test_every_earlier_version_becomes_today_s_and_keeps_its_rows(
    version: Path, tmp_path: Path
) -> None:
    await (await DatabaseThread.open(tmp_path / "new.sqlite3")).close()
    for path in put_databases(version, tmp_path / "old"):
        columns, before = columns_kept(path), dump(path)
        rows = rows_of(path, columns)

        await (await DatabaseThread.open(path)).close()

        assert rows_of(path, columns) == rows
        # In whatever order: two migrations once swapped places, and statements name their columns.
        assert as_sets(columns_of(path)) == as_sets(columns_of(tmp_path / "new.sqlite3"))
        (copy,) = path.parent.glob("bot.before-*.sqlite3")
        assert dump(copy) == before


@pytest.mark.parametrize("version", VERSIONS, ids=lambda path: path.name)
def test_what_an_earlier_version_left_has_rows_in_every_table(version: Path, tmp_path: Path) -> None:
    paths = put_databases(version, tmp_path)
    filled = {table for path in paths for table, rows in rows_of(path, columns_of(path)).items() if rows}

    # The table of drifts was there two versions before anything wrote into it.
    never_written = {"drift"} if version.name.startswith(("m010.", "m011.")) else set()
    assert filled | never_written == set(columns_of(paths[0]))


async def test_numbers_that_alarms_have_are_given_by_now(tmp_path: Path) -> None:
    given = []
    for path in put_databases(OLD / "m027.tar.xz", tmp_path):
        await (await DatabaseThread.open(path)).close()
        with closing(open_to_read(path)) as db:
            given += db.execute(
                "SELECT max(a.number), d.alarms_numbered FROM alarm a"
                " JOIN destination d ON d.id = a.destination_id GROUP BY d.id"
            ).fetchall()

    assert given == [(1, 1)]


async def test_what_filters_held_back_before_there_were_traces_has_them_now(tmp_path: Path) -> None:
    held_back = 0
    for path in put_databases(OLD / "m027.tar.xz", tmp_path):
        await (await DatabaseThread.open(path)).close()

        with closing(open_to_read(path)) as db:
            kept = db.execute(
                "SELECT u.destination_id, c.id, u.label FROM unreported u JOIN change c"
                " ON c.account_id = u.account_id AND c.asset_id = u.asset_id"
                " AND c.id BETWEEN u.first_change_id AND u.last_change_id"
            ).fetchall()
            traces = db.execute("SELECT destination_id, change_id, label FROM unalerted").fetchall()
        assert sorted(traces) == sorted(kept)
        held_back += len(kept)
    assert held_back


async def test_what_was_described_in_part_is_asked_about_at_once_and_the_rest_in_its_week(old: Path) -> None:
    with closing(sqlite3.connect(old)) as db, db:
        db.execute("UPDATE asset SET decimals = NULL WHERE symbol = 'FOX'")

    await (await DatabaseThread.open(old)).close()

    with closing(open_to_read(old)) as db:
        pauses = dict(
            db.execute("SELECT symbol, describe_at - described_at FROM asset WHERE contract <> x''")
        )
    week = 7 * 24 * 3600 * 1000
    assert pauses == {"DAI": week, "USDC": week, "SKYWVR": week, "FOX": None}


async def test_of_a_chain_that_was_held_back_every_holder_may_have_lost_something(old: Path) -> None:
    with closing(sqlite3.connect(old)) as db, db:
        db.execute("UPDATE chain SET lost_since = 1 WHERE id = 137")
        holders = set(
            db.execute(
                "SELECT x.chain_id, b.account_id FROM balance b JOIN asset x ON x.id = b.asset_id"
                " WHERE x.chain_id = 137 AND x.contract <> x''"
            )
        )

    await (await DatabaseThread.open(old)).close()

    with closing(open_to_read(old)) as db:
        assert holders
        assert set(db.execute("SELECT chain_id, account_id FROM account_with_losses")) == holders


async def test_a_copy_of_how_it_was_stands_beside_it(old: Path) -> None:
    before = dump(old)

    await (await DatabaseThread.open(old)).close()

    copy = old.with_name(COPY)
    assert dump(copy) == before
    assert applied(copy) == [FIRST]
    assert copy.stat().st_mode & 0o777 == 0o600


async def test_a_database_of_today_is_not_copied(old: Path) -> None:
    await (await DatabaseThread.open(old)).close()
    old.with_name(COPY).unlink()

    await (await DatabaseThread.open(old)).close()

    assert {path.name for path in old.parent.iterdir()} == {old.name}


async def test_a_migration_that_fails_takes_those_before_it_back_and_leaves_the_copy(
    old: Path, failing: pytest.MonkeyPatch
) -> None:
    before = dump(old)

    with pytest.raises(DatabaseUnusable, match=r"m999_never \(on purpose\).*as it was.*former version"):
        await DatabaseThread.open(old)

    assert dump(old) == before
    assert dump(old.with_name(COPY)) == before
    failing.undo()
    await (await DatabaseThread.open(old)).close()
    assert applied(old) != [FIRST]


@pytest.mark.usefixtures("failing")
async def test_failing_again_and_again_leaves_one_copy(old: Path) -> None:
    for _ in range(3):
        with pytest.raises(DatabaseUnusable):
            await DatabaseThread.open(old)

    assert {path.name for path in old.parent.iterdir()} == {old.name, COPY}


async def test_without_room_for_the_copy_nothing_is_changed(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dump(old)
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 0}))

    with pytest.raises(DatabaseUnusable, match=r"could not be brought up to date.*make room"):
        await DatabaseThread.open(old)

    assert dump(old) == before


async def test_a_migration_that_would_leave_a_row_without_what_it_refers_to_is_taken_back(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = Migrations(migrations.name)
    later()(schema.m001_accounts_outbox_and_chats)

    @later()
    def m002_forgets_the_chats(db: Database) -> None:
        db.execute("DELETE FROM chat")

    monkeypatch.setattr(file, "migrations", later)
    before = dump(old)

    with pytest.raises(DatabaseUnusable, match="destination refers to nothing"):
        await DatabaseThread.open(old)
    assert dump(old) == before


@pytest.mark.parametrize("with_copy", [True, False])
async def test_a_database_of_a_later_program_is_refused_and_it_is_said_what_to_do(
    old: Path, *, with_copy: bool
) -> None:
    await (await DatabaseThread.open(old)).close()
    if not with_copy:
        old.with_name(COPY).unlink()
    db = sqlite3.connect(old)
    db.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES (?, 'm777_later', '')",
        [migrations.name],
    )
    db.commit()
    db.close()
    before = dump(old)

    with pytest.raises(DatabaseUnusable, match=r"newer version.*m777_later.*install that version") as refused:
        await DatabaseThread.open(old)

    assert (COPY in str(refused.value)) == with_copy
    assert dump(old) == before


async def test_the_bot_goes_on_with_an_old_database_and_tells_what_was_still_to_be_told(
    old: Path, tmp_path: Path
) -> None:
    # The archive grows older each day: nothing of it is to expire, whenever this runs.
    async with open_stack(
        tmp_path, delivery=["expire_after_hours = 100_000"], store=["history_days = 36_500"]
    ) as stack:
        stack.start()

        await stack.hears("−2 USDC")
        await stack.hears("+2 USDC")
        await stack.asked(3)
        assert sum("USDC" in text for text in stack.said()) == 2
        stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
        await stack.hears("−1 USDC")

    assert old.with_name(COPY).exists()
