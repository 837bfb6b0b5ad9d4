"""Daily work as it is kept, and who hears that it fails."""

from datetime import timedelta

from bot.domain.deliver.alerts import BackupFails, BackupWorks
from bot.domain.due import Schedule
from bot.store.maintenance import jobs
from tests.builders import NOON, at
from tests.store.conftest import OLGA, OPS, Keeper

TOMORROW = NOON + timedelta(days=1)
FAILS = BackupFails("the disk is full")


async def fail(keeper: Keeper, seconds: float = 0) -> None:
    await keeper.db.run(jobs.record_failure, "backup", at(seconds + 3600), at(seconds), FAILS)


async def succeed(keeper: Keeper) -> None:
    await keeper.db.run(jobs.record_success, "backup", TOMORROW, NOON, BackupWorks())


async def test_when_something_is_due_outlives_the_process(keeper: Keeper) -> None:
    await succeed(keeper)
    await fail(keeper, 60)

    await keeper.reopen()

    assert await keeper.db.run(jobs.due_work) == {"backup": Schedule(at(3660), at(60))}


async def test_owners_hear_of_the_first_failure_and_of_the_recovery_only(keeper: Keeper) -> None:
    await keeper.apply_configuration([OPS.chat_id], [OLGA.chat_id])
    for hour in range(3):
        await fail(keeper, 3600 * hour)
    await succeed(keeper)
    await succeed(keeper)

    assert await keeper.notices(OLGA) == [FAILS, BackupWorks()]
    assert await keeper.notices(OPS) == []


async def test_a_second_outage_is_told_again(keeper: Keeper) -> None:
    await keeper.apply_configuration([], [OLGA.chat_id])
    for _ in range(2):
        await fail(keeper)
        await succeed(keeper)

    assert await keeper.notices(OLGA) == [FAILS, BackupWorks()] * 2


async def test_since_when_it_fails_is_kept_while_it_goes_on(keeper: Keeper) -> None:
    await fail(keeper, 60)
    await fail(keeper, 7200)

    assert await keeper.db.run(jobs.due_work) == {"backup": Schedule(at(7200 + 3600), at(60))}


async def test_what_always_went_well_is_no_news(keeper: Keeper) -> None:
    await keeper.apply_configuration([], [OLGA.chat_id])

    await succeed(keeper)

    assert await keeper.notices(OLGA) == []
    assert await keeper.db.run(jobs.due_work) == {"backup": Schedule(TOMORROW)}


async def test_a_failure_of_which_nobody_is_to_hear_is_kept_all_the_same(keeper: Keeper) -> None:
    await keeper.apply_configuration([], [OLGA.chat_id])

    await keeper.db.run(jobs.record_failure, "history", TOMORROW, NOON, None)

    assert await keeper.notices(OLGA) == []
    assert (await keeper.db.run(jobs.due_work))["history"].failing_since == NOON
