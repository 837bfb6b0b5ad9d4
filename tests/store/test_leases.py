"""Who has which role, as the database has it: one at a time, each with a higher epoch."""

import time
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from bot.domain.replicas.clock import DatabaseClock
from bot.domain.replicas.leases import Lease
from bot.domain.replicas.replica import TTL_SECONDS, Replica
from bot.domain.replicas.roles import Role
from bot.store.database.door import Database
from bot.store.replicas.leases import take
from bot.store.replicas.renewal import Renewed, leave, renew_all
from bot.store.replicas.seen import check_in, replicas_seen
from tests.builders import NOON
from tests.store.conftest import Keeper

A, B = Replica("a", "one:8080", "1.0"), Replica("b", "two:8080", "1.0")
SENDER = Role.SENDER


async def renewed(
    keeper: Keeper,
    me: Replica,
    epochs: dict[Role, int] | None = None,
    ended: dict[Role, int] | None = None,
    *,
    now: datetime = NOON,
) -> Renewed:
    """Renew as a replica does: if the others no longer count on it, it joins again first."""
    renewal = partial(
        renew_all,
        me=me,
        epochs=epochs or {},
        ended=ended or {},
        clock=DatabaseClock(lambda: now, time.monotonic),
        troubles="it rains",
    )
    seen = await keeper.db.run(renewal)
    if seen is None:
        await keeper.db.run(lambda db: check_in(db, me, db.now_ms()))
        seen = await keeper.db.run(renewal)
    assert seen is not None
    return seen


async def taken(keeper: Keeper, me: Replica, role: Role = SENDER) -> int | None:
    return await keeper.db.run(take, role, me.id)


async def pass_time(keeper: Keeper, seconds: float) -> None:
    """Let everything be so much longer ago, by the database's clock."""
    ms = int(seconds * 1000)

    def earlier(db: Database) -> None:
        db.execute("UPDATE lease SET until = until - ?", [ms])
        db.execute("UPDATE replica SET seen_at = seen_at - ?, started_at = started_at - ?", [ms, ms])

    await keeper.db.run(earlier)


def lease_of(role: Role, seen: Renewed) -> Lease:
    return next(one for one in seen.leases if one.role is role)


async def test_a_role_that_nobody_ever_had_can_be_taken(keeper: Keeper) -> None:
    before = lease_of(SENDER, await renewed(keeper, A))

    assert before.holder is None
    assert before.left_seconds < 0
    assert await taken(keeper, A) == 1
    after = lease_of(SENDER, await renewed(keeper, A))
    assert (after.holder, after.epoch) == ("a", 1)
    assert 0 < after.left_seconds <= TTL_SECONDS


async def test_what_somebody_has_nobody_takes(keeper: Keeper) -> None:
    await taken(keeper, A)

    assert await taken(keeper, B) is None
    assert await taken(keeper, B, Role.POLLER) == 1
    assert (await renewed(keeper, A, {SENDER: 1})).kept == {SENDER}


async def test_a_lease_that_is_over_is_taken_with_a_higher_epoch_and_the_former_holder_hears_of_it(
    keeper: Keeper,
) -> None:
    await taken(keeper, A)
    await pass_time(keeper, TTL_SECONDS + 1)

    assert await taken(keeper, B) == 2

    assert not (await renewed(keeper, A, {SENDER: 1})).kept
    assert (await renewed(keeper, B, {SENDER: 2})).kept == {SENDER}


async def test_a_lease_that_is_over_goes_on_if_nobody_took_it(keeper: Keeper) -> None:
    await taken(keeper, A)
    await pass_time(keeper, TTL_SECONDS + 1)

    seen = await renewed(keeper, A, {SENDER: 1})

    assert seen.kept == {SENDER}
    assert lease_of(SENDER, seen).left_seconds > 0
    assert await taken(keeper, B) is None


async def test_whoever_did_not_hear_that_it_took_a_role_takes_it_again(keeper: Keeper) -> None:
    await taken(keeper, A)

    assert await taken(keeper, A) == 2
    assert not (await renewed(keeper, A, {SENDER: 1})).kept


async def test_a_role_that_is_given_up_is_free_at_once(keeper: Keeper) -> None:
    await taken(keeper, A)

    seen = await renewed(keeper, A, ended={SENDER: 1})

    assert lease_of(SENDER, seen).holder is None
    assert -1 < lease_of(SENDER, seen).left_seconds <= 0
    assert await taken(keeper, B) == 2


async def test_nobody_gives_up_what_another_one_took(keeper: Keeper) -> None:
    await taken(keeper, A)
    await pass_time(keeper, TTL_SECONDS)
    await taken(keeper, B)

    await renewed(keeper, A, ended={SENDER: 1})

    assert await taken(keeper, A) is None


async def test_a_lease_from_before_the_clock_was_set_back_is_over(keeper: Keeper) -> None:
    await taken(keeper, A)
    await pass_time(keeper, -3600)

    assert lease_of(SENDER, await renewed(keeper, B)).left_seconds == 0
    assert await taken(keeper, B) == 2


@pytest.mark.parametrize("wrong_by", [timedelta(hours=-1), timedelta(hours=1)])
async def test_a_replica_whose_clock_is_wrong_neither_keeps_nor_loses_anything_by_it(
    keeper: Keeper, wrong_by: timedelta
) -> None:
    (database_ms,) = await keeper.db.run(lambda db: [db.now_ms()])
    wrong = datetime.fromtimestamp(database_ms / 1000, UTC) + wrong_by
    await taken(keeper, A)
    await renewed(keeper, A, {SENDER: 1}, now=wrong)

    seen = await renewed(keeper, B)

    assert TTL_SECONDS - 3 < lease_of(SENDER, seen).left_seconds <= TTL_SECONDS
    one = seen.replicas[0]
    assert one.is_live
    assert abs(one.clock_ahead_ms - wrong_by.total_seconds() * 1000) < 3000
    assert lease_of(SENDER, await renewed(keeper, B, now=wrong)).left_seconds > 0
    await pass_time(keeper, TTL_SECONDS)
    assert await taken(keeper, B) == 2


async def test_replicas_see_each_other(keeper: Keeper) -> None:
    await renewed(keeper, A)
    await taken(keeper, A)
    await pass_time(keeper, 5)
    await renewed(keeper, B)
    one, two = await keeper.db.run(replicas_seen)

    assert (one.id, one.name, one.version, one.troubles) == ("a", "one:8080", "1.0", "it rains")
    assert one.roles == {SENDER}
    assert 5 <= one.seen_ago_seconds < 8
    assert one.is_live
    assert (two.id, two.roles) == ("b", frozenset())
    assert two.seen_ago_seconds < 3


async def test_how_long_a_replica_is_up_counts_from_its_first_word(keeper: Keeper) -> None:
    await renewed(keeper, A)
    await pass_time(keeper, 60)
    await renewed(keeper, A)

    (one,) = await keeper.db.run(replicas_seen)

    assert 60 <= one.up_seconds < 63
    assert one.seen_ago_seconds < 3


async def test_one_that_is_silent_for_as_long_as_a_lease_is_not_live_and_has_no_roles(keeper: Keeper) -> None:
    await renewed(keeper, A)
    await taken(keeper, A)
    await pass_time(keeper, TTL_SECONDS)

    (one,) = await keeper.db.run(replicas_seen)

    assert not one.is_live
    assert not one.roles


async def test_whoever_is_counted_on_renews_and_whoever_was_silent_for_too_long_does_nothing(
    keeper: Keeper,
) -> None:
    await renewed(keeper, A)
    await taken(keeper, A)
    renewal = partial(
        renew_all,
        me=A,
        epochs={SENDER: 1},
        ended={},
        clock=DatabaseClock(lambda: NOON, time.monotonic),
        troubles="it has woken up",
    )
    await pass_time(keeper, TTL_SECONDS - 1)
    assert await keeper.db.run(renewal)
    await pass_time(keeper, TTL_SECONDS)

    assert await keeper.db.run(renewal) is None

    (one,) = await keeper.db.run(replicas_seen)
    assert not one.is_live
    assert await taken(keeper, B) == 2


async def test_whoever_was_replaced_under_its_name_renews_nothing(keeper: Keeper) -> None:
    await renewed(keeper, A)
    await renewed(keeper, Replica("c", A.name, "1.1"))
    clock = DatabaseClock(lambda: NOON, time.monotonic)

    assert (await keeper.db.run(renew_all, A, {SENDER: 1}, {}, clock=clock, troubles="")) is None

    assert [one.id for one in await keeper.db.run(replicas_seen)] == ["c"]


async def test_a_replica_that_is_away_is_remembered_for_a_day(keeper: Keeper) -> None:
    await renewed(keeper, A)
    await pass_time(keeper, 23 * 3600)
    await renewed(keeper, B)
    assert [one.id for one in await keeper.db.run(replicas_seen)] == ["a", "b"]

    await pass_time(keeper, 3601)
    await renewed(keeper, B)

    assert [one.id for one in await keeper.db.run(replicas_seen)] == ["b"]


async def test_one_that_leaves_gives_up_everything_and_is_forgotten(keeper: Keeper) -> None:
    await renewed(keeper, A)
    await renewed(keeper, B)
    for role in Role:
        await taken(keeper, A if role is SENDER else B, role)

    await keeper.db.run(leave, B)

    seen = await renewed(keeper, A, {SENDER: 1})
    assert {one.role for one in seen.leases if one.holder is None} == set(Role) - {SENDER}
    assert [one.id for one in seen.replicas] == ["a"]
    assert await taken(keeper, A, Role.POLLER) == 2
