"""What reads as before is not compared, in the next sweep or after a restart, unless that hides something."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from bot.domain.assets import Address, Amount, Asset
from bot.domain.deliver.alerts import ChangeAlert
from bot.domain.observations import MoveKind
from bot.domain.observe.compare import READINGS_FOR_OLDER
from bot.indexer.errors import Unavailable
from bot.poller import memory
from bot.store.balances import coverage, snapshots
from bot.store.database.door import Database
from bot.store.polling import sweeps
from bot.store.rows import part_to_blob
from tests.builders import DAI, POLYGON, PUNKS, TREASURY, USDC, VAULT, VERIFIED
from tests.poller.conftest import PollerHarness, failing_for
from tests.store.conftest import OLGA
from tests.waits import until

UNKNOWN_PARTS = "SELECT count(*) FROM coverage WHERE unknown_since IS NOT NULL"
LISTS = part_to_blob(VERIFIED)
PRINTS = "SELECT count(*) FROM account WHERE print IS NOT NULL"


async def changes_after(harness: PollerHarness, sweeps: int) -> list[tuple[Address, int, int]]:
    for _ in range(sweeps):
        harness.clock.seconds += 60
        await harness.poller.sweep()
    return await harness.keeper.changes()


async def views_read(harness: PollerHarness, monkeypatch: pytest.MonkeyPatch) -> int:
    """Sweep, and return of how many accounts the stored view was read."""
    read: list[Address] = []
    views = snapshots.views

    def counted(db: Database, accounts: Sequence[Address]) -> snapshots.Views:
        read.extend(accounts)
        return views(db, accounts)

    with monkeypatch.context() as patched:
        patched.setattr(snapshots, "views", counted)
        await harness.poller.sweep()
    return len(read)


async def test_what_is_read_as_before_is_not_compared(
    watching: PollerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await watching.keeper.watch(VAULT)
    await watching.poller.sweep()
    await watching.poller.sweep()
    assert await views_read(watching, monkeypatch) == 0

    watching.source.holds(USDC, 6, block=11)
    assert await views_read(watching, monkeypatch) == 1
    assert await changes_after(watching, 1) == [(USDC, 5, 6)]


async def test_an_account_watched_anew_is_compared_though_it_reads_as_before(watching: PollerHarness) -> None:
    for _ in range(2):
        await watching.poller.sweep()
    await watching.keeper.unsubscribe(OLGA, [1])
    await watching.keeper.watch()

    await watching.poller.sweep()

    assert len(await watching.keeper.baselines()) == 1


async def test_more_of_an_account_is_compared_though_it_reads_as_before(watching: PollerHarness) -> None:
    for _ in range(2):
        await watching.poller.sweep()
    watching.source.hidden[POLYGON, TREASURY] = {DAI: Amount(3, None, 5)}
    await watching.keeper.watch(contracts=[DAI])

    await watching.poller.sweep()

    assert [notice.balances for notice in await watching.keeper.baselines()] == [1]


async def test_an_account_that_could_not_be_read_is_seen_again_though_it_reads_as_before(
    watching: PollerHarness,
) -> None:
    await watching.keeper.watch(VAULT)
    for _ in range(2):
        await watching.poller.sweep()
    watching.source.doubtful.add((POLYGON, TREASURY))
    for _ in range(3):
        watching.clock.seconds += 60
        await watching.poller.sweep()
    assert await watching.keeper.rows(UNKNOWN_PARTS) == [(1,)]

    watching.source.doubtful.clear()
    await watching.poller.sweep()

    assert await watching.keeper.rows(UNKNOWN_PARTS) == [(0,)]


async def test_a_chain_that_is_silent_for_all_and_then_for_one_is_unknown_for_that_one(
    watching: PollerHarness,
) -> None:
    await watching.keeper.watch(VAULT)
    for _ in range(2):
        await watching.poller.sweep()
    watching.source.silent.add(POLYGON)
    await changes_after(watching, 2)
    watching.source.silent.clear()
    watching.source.trouble = failing_for(TREASURY, Unavailable())
    watching.poller._settings = replace(watching.poller._settings, accounts_per_request=1, batches_at_once=1)

    await changes_after(watching, 1)

    ((unknown,),) = await watching.keeper.rows(UNKNOWN_PARTS)
    assert unknown == 2


# ---------------------------------------------------------------- a change is compared once


async def test_a_change_that_is_recorded_is_not_compared_again(
    watching: PollerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    watching.source.holds(USDC, 6, block=11)
    assert await views_read(watching, monkeypatch) == 1

    assert await views_read(watching, monkeypatch) == 0


async def test_a_first_reading_is_not_compared_again(
    harness: PollerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await harness.keeper.watch()
    assert await views_read(harness, monkeypatch) == 1

    assert await views_read(harness, monkeypatch) == 0


async def test_a_suspicious_reading_is_compared_until_it_is_believed(
    watching: PollerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    watching.source.holds(USDC, 4, block=9)

    assert [await views_read(watching, monkeypatch) for _ in range(READINGS_FOR_OLDER + 1)] == [1, 1, 1, 0]
    assert await watching.keeper.changes() == [(USDC, 5, 4)]


async def test_a_reading_that_came_too_late_is_not_taken_for_recorded(watching: PollerHarness) -> None:
    watching.source.holds(USDC, 6, block=11)
    watching.source.may_answer.clear()
    late = watching.poller.sweep()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(late)
        await until(lambda: watching.source.at_once > 0)
        await watching.keeper.db.run(sweeps.begin_sweep)
        watching.source.may_answer.set()
    assert await watching.keeper.changes() == []

    assert await changes_after(watching, 1) == [(USDC, 5, 6)]


async def test_a_reading_of_what_nobody_watched_meanwhile_is_not_taken_for_recorded(
    watching: PollerHarness,
) -> None:
    watching.source.holds(USDC, 6, block=11)
    watching.source.may_answer.clear()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(watching.poller.sweep())
        await until(lambda: watching.source.at_once > 0)
        await watching.keeper.unsubscribe(OLGA, [1])
        await watching.keeper.watch()
        watching.source.may_answer.set()

    await watching.poller.sweep()

    assert len(await watching.keeper.baselines()) == 1


async def test_a_first_reading_of_what_nobody_watched_meanwhile_is_not_taken_for_recorded(
    harness: PollerHarness,
) -> None:
    await harness.keeper.watch()
    harness.source.may_answer.clear()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(harness.poller.sweep())
        await until(lambda: harness.source.at_once > 0)
        await harness.keeper.unsubscribe(OLGA, [1])
        await harness.keeper.watch()
        harness.source.may_answer.set()
    assert await harness.keeper.rows(PRINTS) == [(0,)]

    await harness.poller.sweep()

    assert len(await harness.keeper.baselines()) == 1


async def test_a_name_asked_already_for_a_token_without_its_mark_gets_its_baseline(
    watching: PollerHarness,
) -> None:
    watching.source.hides(USDC)
    assert await changes_after(watching, 3) == []

    await watching.keeper.watch(contracts=[USDC])
    await watching.poller.sweep_new_subscriptions()

    assert [notice.balances for notice in await watching.keeper.baselines()] == [1]


async def test_a_list_read_anew_beside_older_balances_is_compared_once_more(watching: PollerHarness) -> None:
    await watching.keeper.db.run(lambda db: db.execute("DELETE FROM coverage WHERE part = ?", [LISTS]))
    del watching.source.listed[POLYGON, TREASURY][USDC]
    await watching.restart()

    await changes_after(watching, 2)

    assert await watching.keeper.balances() == {(POLYGON, Address("")): 100}


# ---------------------------------------------------------------- after a restart


async def test_what_reads_as_before_is_not_compared_after_a_restart(
    watching: PollerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await watching.restart()

    assert await views_read(watching, monkeypatch) == 0
    watching.source.holds(USDC, 6, block=11)
    assert await changes_after(watching, 1) == [(USDC, 5, 6)]


async def test_what_changed_while_the_bot_was_away_is_told_once(watching: PollerHarness) -> None:
    await watching.restart()
    watching.source.holds(USDC, 6, block=11)
    assert await changes_after(watching, 1) == [(USDC, 5, 6)]
    await watching.restart()

    assert await changes_after(watching, 1) == []


async def test_a_change_before_a_restart_that_is_undone_after_it_is_told(watching: PollerHarness) -> None:
    watching.source.natives[POLYGON, TREASURY] = 90
    assert await changes_after(watching, 5) == [(Address(""), 100, 90)]
    await watching.restart()
    watching.source.natives[POLYGON, TREASURY] = 100

    assert await changes_after(watching, 1) == [(Address(""), 90, 100)]


async def test_a_suspicious_reading_between_two_starts_begins_its_count_anew(
    watching: PollerHarness,
) -> None:
    watching.source.holds(USDC, 4, block=9)
    assert await changes_after(watching, READINGS_FOR_OLDER - 1) == []
    await watching.restart()
    watching.source.holds(USDC, 5, block=10)
    assert await changes_after(watching, 1) == []
    watching.source.holds(USDC, 4, block=9)

    assert await changes_after(watching, READINGS_FOR_OLDER - 1) == []
    assert await changes_after(watching, 1) == [(USDC, 5, 4)]


@pytest.mark.parametrize("compared", [True, False])
async def test_what_other_code_compared_is_compared_again(
    watching: PollerHarness, monkeypatch: pytest.MonkeyPatch, *, compared: bool
) -> None:
    await watching.restart()
    if compared:
        watching.poller._settings = replace(watching.poller._settings, code=b"of another version")

    assert await views_read(watching, monkeypatch) == compared


async def test_files_that_change_under_a_running_bot_are_no_other_code(
    watching: PollerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await watching.restart()
    monkeypatch.setattr(memory, "deciding_code", lambda: b"of an upgrade")

    assert await views_read(watching, monkeypatch) == 0


async def test_what_lists_left_out_under_other_settings_is_found_again(watching: PollerHarness) -> None:
    watching.source.trouble = failing_for(TREASURY, Unavailable())
    await watching.keeper.db.run(coverage.exclude_contracts, [USDC])
    await watching.restart()
    assert await watching.keeper.balances() == {(POLYGON, Address("")): 100}
    watching.source.trouble = lambda _: None

    await changes_after(watching, READINGS_FOR_OLDER)

    assert await watching.keeper.balances() == {(POLYGON, Address("")): 100, (POLYGON, USDC): 5}


async def test_other_settings_are_another_reading(
    watching: PollerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await watching.restart()
    watching.poller._settings = replace(watching.poller._settings, contracts_left_out=(DAI,))

    assert await views_read(watching, monkeypatch) == 1


# ---------------------------------------------------------------- what a print must not hide after a restart


async def test_what_was_unknown_is_seen_again_though_it_reads_as_before(watching: PollerHarness) -> None:
    await watching.keeper.watch(VAULT)
    await changes_after(watching, 1)
    watching.source.trouble = failing_for(TREASURY, Unavailable())
    watching.poller._settings = replace(watching.poller._settings, accounts_per_request=1)
    await changes_after(watching, 2)
    assert await watching.keeper.rows(UNKNOWN_PARTS) == [(2,)]
    await watching.restart()
    watching.source.trouble = lambda _: None

    await changes_after(watching, 1)

    assert await watching.keeper.rows(UNKNOWN_PARTS) == [(0,)]


async def test_what_is_unknown_stays_unknown(watching: PollerHarness) -> None:
    await watching.keeper.watch(VAULT)
    watching.source.doubtful.add((POLYGON, TREASURY))
    await changes_after(watching, 1)
    await watching.restart()
    for _ in range(2):
        await changes_after(watching, 1)
        assert await watching.keeper.rows(UNKNOWN_PARTS) == [(1,)]

    watching.source.doubtful.clear()
    await changes_after(watching, 1)

    assert await watching.keeper.rows(UNKNOWN_PARTS) == [(0,)]


async def test_what_is_only_now_listed_is_no_gain(watching: PollerHarness) -> None:
    watching.source.holds(USDC, 6, block=30)
    assert await changes_after(watching, 1) == [(USDC, 5, 6)]
    await watching.restart()
    assert await changes_after(watching, 1) == []
    watching.source.holds(DAI, 3, block=20)

    await changes_after(watching, READINGS_FOR_OLDER - 1)
    (alert,) = await kinds_after(watching, 1)

    assert alert is MoveKind.LISTED


async def test_what_is_only_now_listed_is_no_gain_after_a_kill_within_a_sweep(
    watching: PollerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise RuntimeError("killed")

    watching.source.holds(USDC, 6, block=30)
    with monkeypatch.context() as patched:
        patched.setattr(sweeps, "finish_sweep", killed)
        with pytest.raises(RuntimeError, match="killed"):
            await watching.poller.sweep()
    await watching.restart()
    assert await changes_after(watching, 1) == [(USDC, 5, 6)]
    watching.source.holds(DAI, 3, block=20)

    assert await kinds_after(watching, READINGS_FOR_OLDER) == [MoveKind.LISTED]


async def test_what_is_only_now_listed_is_no_gain_where_the_sweeps_before_recorded_nothing(
    watching: PollerHarness,
) -> None:
    await watching.keeper.watch(VAULT)
    watching.source.holds(DAI, 3, block=11)
    await changes_after(watching, 1)
    # USDC is missing, and whether it is gone is not said.
    del watching.source.listed[POLYGON, TREASURY][USDC]
    watching.source.trouble = lambda question: Unavailable() if question.contracts else None
    watching.source.holds(DAI, 3, block=40)
    await changes_after(watching, 2)
    await watching.restart()
    watching.poller._settings = replace(watching.poller._settings, accounts_per_request=1)
    await changes_after(watching, 1)
    watching.source.holds(DAI, 3, account=VAULT, block=20)

    assert await kinds_after(watching, READINGS_FOR_OLDER) == [MoveKind.LISTED]


async def test_what_came_is_a_gain(watching: PollerHarness) -> None:
    await watching.restart()
    await changes_after(watching, 1)
    watching.source.holds(DAI, 3, block=20)

    assert await kinds_after(watching, 1) == [MoveKind.MOVED]


async def test_ids_that_were_never_learned_are_learned(
    watching: PollerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    watching.source.listed[POLYGON, TREASURY][PUNKS] = Amount(1, 1, 11)
    watching.source.symbols[PUNKS] = "PUNK"
    watching.source.kinds[PUNKS] = "ERC721"
    watching.source.items_trouble = Unavailable()
    await changes_after(watching, 1)
    await watching.restart()
    watching.source.ids[TREASURY, Asset(POLYGON, PUNKS)] = {7: 1}
    watching.source.items_trouble = None

    assert await views_read(watching, monkeypatch) == 0
    assert await watching.keeper.rows("SELECT token_id FROM item") == [("7",)]


async def kinds_after(harness: PollerHarness, sweeps: int) -> list[MoveKind]:
    for _ in range(sweeps):
        harness.clock.seconds += 60
        await harness.poller.sweep()
    return [alert.change.kind for alert in await harness.keeper.alerts() if isinstance(alert, ChangeAlert)]
