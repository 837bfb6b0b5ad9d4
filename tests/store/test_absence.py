"""Owners hear once that a replica has been away for long, and once that it is back."""

from datetime import timedelta

import pytest

from bot.domain.deliver.alerts import ReplicaAway, ReplicaBack, StoredNotice
from bot.domain.replicas.replica import Replica
from bot.store.database.door import Database
from bot.store.replicas.absence import AWAY_SECONDS, report_absences
from bot.store.replicas.seen import check_in, forget, keep_in
from bot.store.rows import to_moment
from tests.builders import NOON
from tests.store.conftest import OLGA, Keeper

ALPHA, BETA, GAMMA = (Replica(name, name, "1") for name in ("alpha", "beta", "gamma"))
GAMMA_ANEW = Replica("gamma, started again", "gamma", "1")


class Watch:
    """Somebody who looks again and again, and replicas that come and go."""

    def __init__(self, keeper: Keeper) -> None:
        self.keeper = keeper
        self.suspects = frozenset[str]()

    async def comes(self, replica: Replica) -> None:
        def come(db: Database) -> None:
            check_in(db, replica, db.now_ms())
            keep_in(db, replica.id, db.now_ms(), clock_ahead_ms=0, troubles="")

        await self.keeper.db.run(come)

    async def was_seen(self, replica: Replica, seconds_ago: float) -> None:
        """Let a replica have been seen for the last time so long ago."""
        await self.comes(replica)
        ago_ms = int(seconds_ago * 1000)
        await self.keeper.rows("UPDATE replica SET seen_at = seen_at - ? WHERE id = ?", ago_ms, replica.id)

    async def looks(self, times: int = 2) -> list[StoredNotice]:
        """Look for who is away, and return what owners hear."""
        for _ in range(times):
            self.suspects = await self.keeper.db.run(report_absences, self.suspects, NOON)
        return await self.keeper.notices(OLGA)


@pytest.fixture
async def watch(keeper: Keeper) -> Watch:
    """Two of three replicas are there; Olga is an owner."""
    await keeper.apply_configuration([], [OLGA.chat_id])
    one = Watch(keeper)
    await one.comes(ALPHA)
    await one.comes(BETA)
    return one


async def test_a_replica_that_is_away_for_long_is_told_once(watch: Watch) -> None:
    await watch.was_seen(GAMMA, AWAY_SECONDS + 60)

    (away,) = await watch.looks()

    (seen_at,) = await watch.keeper.rows("SELECT seen_at FROM replica WHERE id = 'gamma'")
    assert away == ReplicaAway("gamma", to_moment(seen_at[0]), left=2)
    assert await watch.looks(3) == []


async def test_a_replica_that_is_away_for_a_while_is_no_news(watch: Watch) -> None:
    await watch.was_seen(GAMMA, AWAY_SECONDS - 60)

    assert await watch.looks(3) == []


@pytest.mark.parametrize("returned", [GAMMA, GAMMA_ANEW])
async def test_a_replica_that_was_told_of_is_told_to_be_back_once(watch: Watch, returned: Replica) -> None:
    await watch.was_seen(GAMMA, AWAY_SECONDS + 60)
    await watch.looks()

    await watch.comes(returned)

    assert await watch.looks(1) == [ReplicaBack("gamma")]
    assert await watch.looks(3) == []


async def test_one_that_is_back_under_its_name_before_it_was_told_of_is_no_news(watch: Watch) -> None:
    await watch.was_seen(GAMMA, AWAY_SECONDS - 60)
    assert await watch.looks() == []

    await watch.comes(GAMMA_ANEW)

    assert await watch.looks(3) == []
    assert await watch.keeper.rows("SELECT id FROM replica WHERE name = 'gamma'") == [(GAMMA_ANEW.id,)]


async def test_one_that_goes_away_again_is_told_again(watch: Watch) -> None:
    await watch.was_seen(GAMMA, AWAY_SECONDS + 60)
    await watch.looks()
    await watch.comes(GAMMA)
    await watch.looks()

    await watch.was_seen(GAMMA, AWAY_SECONDS + 60)

    assert [type(notice) for notice in await watch.looks()] == [ReplicaAway]


async def test_one_that_was_asked_to_stop_is_not_away(watch: Watch) -> None:
    await watch.was_seen(GAMMA, AWAY_SECONDS + 60)
    await watch.keeper.db.run(forget, GAMMA.id)

    assert await watch.looks(3) == []


async def test_a_database_that_was_away_itself_has_missed_nobody(watch: Watch) -> None:
    for replica in (ALPHA, BETA, GAMMA):
        await watch.was_seen(replica, AWAY_SECONDS + 60)
    await watch.comes(ALPHA)
    assert await watch.looks(1) == []

    await watch.comes(BETA)
    await watch.comes(GAMMA)

    assert await watch.looks(3) == []


async def test_one_that_is_away_for_good_is_forgotten_after_a_day_without_a_word(watch: Watch) -> None:
    await watch.was_seen(GAMMA, AWAY_SECONDS + 60)
    await watch.looks()
    await watch.was_seen(GAMMA, timedelta(days=1).total_seconds() + 60)

    await watch.comes(ALPHA)

    assert await watch.looks(3) == []
    assert await watch.keeper.rows("SELECT id FROM replica ORDER BY id") == [("alpha",), ("beta",)]


async def test_a_file_has_no_replicas_and_nothing_is_told(keeper: Keeper) -> None:
    await keeper.apply_configuration([], [OLGA.chat_id])

    assert await Watch(keeper).looks(3) == []
