"""What any replica says of all: the troubles of others, and roles that nobody has."""

from dataclasses import replace

import pytest

from bot.domain.replicas.leases import Lease
from bot.domain.replicas.replica import TTL_SECONDS, ReplicaSeen
from bot.domain.replicas.roles import Role
from bot.health.replicas import LATE_SECONDS, TAKE_OVER_SECONDS, Sight, reasons_of_others

ME, OTHER = "me", "other"


def replica(replica_id: str, name: str) -> ReplicaSeen:
    return ReplicaSeen(
        id=replica_id,
        name=name,
        version="1",
        seen_ago_seconds=1,
        up_seconds=100,
        clock_ahead_ms=0,
        troubles="",
        roles=frozenset(),
    )


def sight(*replicas: ReplicaSeen, **changed: Lease) -> Sight:
    """Return what is seen where the other replica sends, and this one does all else."""
    leases: dict[str, Lease] = {
        role: Lease(role, OTHER if role is Role.SENDER else ME, 3, left_seconds=TTL_SECONDS - 1)
        for role in Role
    }
    return Sight(None, tuple({**leases, **changed}.values()), replicas)


ALPHA, BETA = replica(ME, "alpha"), replica(OTHER, "beta")


def test_where_all_are_well_there_is_nothing_to_say() -> None:
    assert list(reasons_of_others(sight(ALPHA, BETA), ME)) == []


def test_what_another_says_of_itself_is_said_with_its_name_and_of_this_one_nothing() -> None:
    here, there = replace(ALPHA, troubles="all is bad"), replace(BETA, troubles="no key\nno token")

    assert list(reasons_of_others(sight(here, there), ME)) == ["beta: no key", "beta: no token"]


def test_what_one_said_that_is_gone_counts_no_more() -> None:
    gone = replace(BETA, troubles="no key", seen_ago_seconds=TTL_SECONDS + 60)
    free = Lease(Role.SENDER, ME, 4, left_seconds=TTL_SECONDS)

    assert list(reasons_of_others(sight(ALPHA, gone, sender=free), ME)) == []


def test_one_that_is_not_seen_is_told_while_it_has_a_role() -> None:
    def told(seconds: float) -> list[str]:
        late = replace(BETA, seen_ago_seconds=seconds)
        lease = Lease(Role.SENDER, OTHER, 3, left_seconds=TTL_SECONDS - seconds)
        return list(reasons_of_others(sight(ALPHA, late, sender=lease), ME))

    assert told(LATE_SECONDS) == []
    assert told(LATE_SECONDS + 1) == ["beta has not been seen for 7 s: it sends"]
    assert told(TTL_SECONDS + 1) == ["beta has not been seen for 11 s: it sends"]


def test_one_that_is_not_seen_is_told_in_one_sentence() -> None:
    late = replace(ALPHA, seen_ago_seconds=8)

    assert list(reasons_of_others(sight(late, BETA), OTHER)) == [
        "alpha has not been seen for 8 s: it receives, polls and does chores"
    ]


def test_one_that_has_no_role_may_be_gone() -> None:
    gone = replace(replica("third", "gamma"), seen_ago_seconds=60)
    assert list(reasons_of_others(sight(ALPHA, BETA, gone), ME)) == []


@pytest.mark.parametrize("holder", [None, OTHER])
def test_a_role_that_is_free_for_longer_than_a_take_over_takes_is_told(holder: str | None) -> None:
    def told(seconds: float) -> list[str]:
        return list(reasons_of_others(sight(ALPHA, poller=Lease(Role.POLLER, holder, 3, -seconds)), ME))

    assert told(TAKE_OVER_SECONDS - 1) == []
    assert told(TAKE_OVER_SECONDS + 1) == ["nobody has had the role of poller for 9 s"]


def test_a_role_that_nobody_ever_had_is_told_at_once() -> None:
    never = Lease(Role.POLLER, None, 0, left_seconds=-1.7e9)

    assert list(reasons_of_others(sight(ALPHA, BETA, poller=never), ME)) == [
        "nobody has ever had the role of poller"
    ]
