"""Daily work: done when it is due, soon after a start that comes late, and never in the way."""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.domain.deliver.alerts import BackupFails, BackupWorks, ReplicaAway
from bot.domain.observe.holdings import Sweeps
from bot.maintenance import (
    LOOK_SECONDS,
    Chore,
    Chores,
    daily_copy,
    daily_worth,
    history_deletion,
    run_in_thread,
    watch_replicas,
)
from bot.store.database.connection import DatabaseThread
from bot.store.database.copy import CopyFailed
from bot.store.maintenance import backup, jobs
from bot.store.maintenance.retention import ROWS_AT_ONCE
from bot.store.polling.chains import choose_chains
from bot.store.polling.worth import ACCOUNTS_AT_ONCE
from bot.store.rows import to_milliseconds as ms
from tests.builders import NOON, VERIFIED, address
from tests.chat.reading import CHAINS as REGISTRY
from tests.stack import open_stack
from tests.store.conftest import CHAINS, OLGA, OPS, Keeper, open_new_keeper
from tests.waits import until

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SWEEPS = Sweeps(
    interval_seconds=60,
    late_after_seconds=180,
    ended_seconds_ago=1,
    took_seconds=1,
    trouble=None,
)


@pytest.fixture
async def keeper(tmp_path: Path) -> AsyncIterator[Keeper]:
    path = tmp_path / "bot.sqlite3"
    one = await open_new_keeper(path)
    await one.apply_configuration([], [OLGA.chat_id])
    yield one
    await one.db.close()


@dataclass
class Copyist:
    """A chore that notes when it was done, and can be made to fail."""

    done_at: list[datetime] = field(default_factory=list)
    error: Exception | None = None

    async def work(self, now: datetime) -> None:
        self.done_at.append(now)
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error

    def chores(self, keeper: Keeper, now: datetime, *, is_of_a_day: bool = False) -> Chores:
        backup = Chore(
            "backup", self.work, trouble=BackupFails, recovery=BackupWorks(), is_of_a_day=is_of_a_day
        )
        return Chores(keeper.db, [backup], now=lambda: now)

    async def looks(self, keeper: Keeper, *moments: datetime) -> None:
        """Let it be asked what is due, as if by a new process each time."""
        for now in moments:
            await self.chores(keeper, now).do_what_is_due()


# ---------------------------------------------------------------- when


async def test_a_chore_is_done_once_a_day_over_all_restarts(keeper: Keeper) -> None:
    one = Copyist()

    await one.looks(keeper, NOON, NOON + HOUR, NOON + DAY - HOUR, NOON + DAY, NOON + DAY + HOUR)

    assert one.done_at == [NOON, NOON + DAY]


async def test_a_chore_that_was_missed_is_done_at_the_next_look_and_then_at_its_usual_time(
    keeper: Keeper,
) -> None:
    one = Copyist()

    await one.looks(keeper, NOON, NOON + 5 * DAY + HOUR, NOON + 6 * DAY - HOUR, NOON + 6 * DAY)

    assert one.done_at == [NOON, NOON + 5 * DAY + HOUR, NOON + 6 * DAY]


async def test_a_chore_that_fails_is_tried_again_each_hour_and_told_once(keeper: Keeper) -> None:
    one = Copyist(error=CopyFailed("the disk is full"))
    await one.looks(keeper, NOON, NOON + HOUR / 2, NOON + HOUR, NOON + 2 * HOUR)
    one.error = None
    await one.looks(keeper, NOON + 3 * HOUR)

    assert one.done_at == [NOON, NOON + HOUR, NOON + 2 * HOUR, NOON + 3 * HOUR]
    assert await keeper.notices() == [BackupFails("the disk is full"), BackupWorks()]


async def test_the_log_has_the_first_failure_and_the_recovery(keeper: Keeper) -> None:
    one = Copyist(error=CopyFailed("the disk is full"))
    with capture_logs() as lines:
        await one.looks(keeper, NOON, NOON + HOUR, NOON + 2 * HOUR)
        one.error = None
        await one.looks(keeper, NOON + 3 * HOUR, NOON + 3 * HOUR + DAY)

    assert [line["action"] for line in lines] == ["chore_failed", "chore_recovered"]


async def test_an_error_nobody_expected_is_a_failure_too_and_stops_no_other_chore(keeper: Keeper) -> None:
    broken, sound = Copyist(error=RuntimeError("on purpose")), Copyist()
    chores = Chores(
        keeper.db,
        [Chore("history", broken.work), Chore("backup", sound.work)],
        now=lambda: NOON,
    )

    await chores.do_what_is_due()

    assert sound.done_at == [NOON]
    assert (await keeper.db.run(jobs.due_work))["history"].failing_since == NOON
    assert await keeper.notices() == []


async def test_it_looks_at_once_and_again_after_each_pause_whatever_came_of_the_last(keeper: Keeper) -> None:
    one, looks, pauses = Copyist(), list[int](), list[float]()

    async def is_ready() -> bool:
        looks.append(1)
        if len(looks) == 1:
            raise RuntimeError("on purpose")
        return True

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 2:
            raise asyncio.CancelledError

    chores = Chores(keeper.db, [Chore("backup", one.work, is_ready=is_ready)], now=lambda: NOON, sleep=sleep)
    with pytest.raises(asyncio.CancelledError):
        await chores.run()

    assert one.done_at == [NOON]
    assert pauses == [LOOK_SECONDS] * 2


async def test_a_chore_of_a_day_is_done_on_each_day_as_soon_as_it_begins(keeper: Keeper) -> None:
    one = Copyist()
    midnight = NOON + DAY / 2
    for now in (
        NOON,
        midnight - HOUR,
        midnight,
        midnight + HOUR,
        midnight + 3 * DAY + HOUR,
        midnight + 4 * DAY,
    ):
        await one.chores(keeper, now, is_of_a_day=True).do_what_is_due()

    assert one.done_at == [NOON, midnight, midnight + 3 * DAY + HOUR, midnight + 4 * DAY]


async def test_a_chore_of_a_day_that_ends_on_the_next_is_due_again_at_once(keeper: Keeper) -> None:
    midnight = NOON + DAY / 2
    moments = [midnight - HOUR]
    begun: list[datetime] = []

    async def work(now: datetime) -> None:
        begun.append(now)
        moments.append(midnight + HOUR)
        await asyncio.sleep(0)

    chores = Chores(keeper.db, [Chore("worth", work, is_of_a_day=True)], now=lambda: moments[-1])

    for _ in range(3):
        await chores.do_what_is_due()

    assert begun == [midnight - HOUR, midnight + HOUR]


async def test_a_chore_that_is_not_ready_stays_due(keeper: Keeper) -> None:
    one, ready = Copyist(), [False, False, True]

    async def is_ready() -> bool:
        return ready.pop(0)

    chores = Chores(keeper.db, [Chore("worth", one.work, is_ready=is_ready)], now=lambda: NOON)

    await chores.do_what_is_due()
    await chores.do_what_is_due()
    assert one.done_at == []

    await chores.do_what_is_due()
    assert one.done_at == [NOON]


# ---------------------------------------------------------------- what


async def test_deletion_goes_on_until_nothing_old_is_left_and_lets_others_in_between(
    keeper: Keeper,
) -> None:
    await keeper.script(
        f"""
        INSERT INTO account (id, address) VALUES (1, x'{"11" * 20}');
        INSERT INTO asset (id, chain_id, contract, kind, rebasing) VALUES (1, 1, x'', 'native', 0);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {2 * ROWS_AT_ONCE + 2})
        INSERT INTO change (account_id, asset_id, kind, before, after, observed_at, sweep)
          SELECT 1, 1, 'moved', '1', '2', 0, 1 FROM n;
        """
    )
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    await history_deletion(keeper.db, 365 * DAY, sleep)(NOON)

    assert await keeper.value("SELECT count(*) FROM change") == 1
    assert len(pauses) == 3


async def test_worth_is_kept_slice_by_slice_and_lets_others_in_between(keeper: Keeper) -> None:
    keeper.limit = 100
    accounts = [address(number) for number in range(1, 2 * ACCOUNTS_AT_ONCE + 2)]
    for place, some in ((OLGA, accounts), (OPS, accounts[:1])):
        for account in some:
            await keeper.watch(account, place=place)
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    await keeper.db.run(choose_chains, CHAINS, ())

    async def sweeps() -> Sweeps:
        return SWEEPS

    moments = iter(NOON + HOUR * number for number in range(10))
    work = daily_worth(keeper.db, sweeps, REGISTRY, VERIFIED, now=lambda: next(moments), sleep=sleep)
    await work(NOON)

    assert len(pauses) == 4
    rows = await keeper.rows("SELECT destination_id, day, (at - ?) / 3600000 FROM worth", ms(NOON))
    today = (NOON.date() - date(1970, 1, 1)).days
    assert Counter(rows) == {
        (1, today, 0): ACCOUNTS_AT_ONCE,
        (1, today, 1): ACCOUNTS_AT_ONCE,
        (1, today, 2): 1,
        (2, today, 4): 1,
    }


AWAY = """
INSERT INTO replica (id, name, version, started_at, seen_at, clock_ahead_ms, troubles)
VALUES ('gone', 'gamma', '1', 0, 0, 0, '')
"""


@pytest.mark.parametrize("fails_between", [False, True])
async def test_replicas_are_looked_for_again_and_again_and_who_was_missed_in_two_looks_is_told(
    keeper: Keeper,
    fails_between: bool,  # noqa: FBT001 - a case
) -> None:
    await keeper.rows(AWAY)
    looks = 0
    looked_thrice = asyncio.Event()

    async def sleep(_: float) -> None:
        nonlocal looks
        if fails_between and looks in (1, 2):
            former, new = ("replica", "hidden") if looks == 1 else ("hidden", "replica")
            await keeper.rows(f"ALTER TABLE {former} RENAME TO {new}")
        looks += 1
        if looks > 3:
            looked_thrice.set()
            await asyncio.Event().wait()

    watch = asyncio.create_task(watch_replicas(keeper.db, now=lambda: NOON, sleep=sleep))
    await looked_thrice.wait()
    watch.cancel()

    (away,) = await keeper.notices(OLGA)
    assert isinstance(away, ReplicaAway)
    assert away.name == "gamma"


async def test_a_copy_is_put_into_the_folder(keeper: Keeper, tmp_path: Path) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()

    await daily_copy(keeper.path, folder, 7)(NOON)

    assert [path.name for path in folder.iterdir()] == ["bot-20260301T120000Z.sqlite3"]


async def test_copying_into_a_folder_that_is_not_there_fails_and_makes_none(
    keeper: Keeper, tmp_path: Path
) -> None:
    with pytest.raises(CopyFailed, match="does not exist"):
        await daily_copy(keeper.path, tmp_path / "copies", 7)(NOON)

    assert not (tmp_path / "copies").exists()


async def test_the_database_answers_while_a_copy_is_made(keeper: Keeper) -> None:
    may_go_on = threading.Event()

    def work(_: Callable[[], bool]) -> bool:
        return may_go_on.wait(20)

    copy = asyncio.create_task(run_in_thread(work))

    await keeper.db.ping()
    await keeper.script("INSERT INTO setting (name, value) VALUES ('a', 'b')")

    assert not copy.done()
    may_go_on.set()
    assert await copy


async def test_who_stops_while_a_copy_is_made_waits_until_it_is_given_up() -> None:
    has_begun = threading.Event()
    given_up: list[bool] = []
    pause = threading.Event()

    def work(is_given_up: Callable[[], bool]) -> None:
        has_begun.set()
        while not is_given_up():
            pause.wait(0.001)
        given_up.append(True)
        raise CopyFailed("given up")

    copy = asyncio.create_task(run_in_thread(work))
    await asyncio.to_thread(has_begun.wait, 20)
    copy.cancel()
    with suppress(asyncio.CancelledError):
        await copy

    assert copy.cancelled()
    assert given_up == [True]


# ---------------------------------------------------------------- in the whole bot


@pytest.mark.about_the_file
async def test_the_bot_makes_a_copy_soon_after_its_start_and_it_can_go_on_from_it(tmp_path: Path) -> None:
    copies = tmp_path / "copies"
    copies.mkdir()
    async with open_stack(tmp_path, store=[f'backup_dir = "{copies}"']) as stack:
        stack.start()
        await until(lambda: any(not path.name.startswith(".") for path in copies.iterdir()))
        await stack.watches()
        await stack.stop()

    (copy,) = copies.iterdir()
    db = await DatabaseThread.open(copy)
    assert await db.run(backup.record_restore, NOON) is not None
    await db.close()


@pytest.mark.about_the_file
async def test_owners_hear_that_no_copy_can_be_made(tmp_path: Path) -> None:
    async with open_stack(tmp_path, store=[f'backup_dir = "{tmp_path / "nowhere"}"']) as stack:
        stack.start()

        message = await stack.hears("daily backup")

    assert "nowhere does not exist" in message.text
