"""What /status says of replicas: who does what, who is away, whose clock is wrong."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.text.html import join
from bot.chat.text.replicas import replica_lines
from bot.domain.replicas.replica import ReplicaSeen
from bot.domain.replicas.roles import Role
from tests.chat.reading import HOSTILE_NAMES

R, P, S, C = Role.RECEIVER, Role.POLLER, Role.SENDER, Role.CHORES


def replica(name: str, *roles: Role, ago: float = 1, ahead_ms: int = 40) -> ReplicaSeen:
    return ReplicaSeen(
        id=name,
        name=name,
        version="1",
        seen_ago_seconds=ago,
        up_seconds=3600,
        clock_ahead_ms=ahead_ms,
        troubles="",
        roles=frozenset(roles),
    )


ALPHA, BETA = replica("alpha", R, P), replica("beta", S, C)


@pytest.mark.parametrize(
    ("replicas", "line"),
    [
        ([ALPHA, BETA], "2 replicas: alpha receives and polls, beta sends and does chores"),
        ([replica("alpha", *Role)], "1 replica: alpha does everything"),
        (
            [replica("alpha", R, P, C), replica("beta", S), replica("gamma")],
            "3 replicas: alpha receives, polls and does chores, beta sends, gamma stands by",
        ),
        (
            [ALPHA, BETA, replica("gamma", ago=725)],
            (
                "2 replicas: alpha receives and polls, beta sends and does chores;"
                " gamma has not been seen for 12 min"
            ),
        ),
        (
            [ALPHA, replica("beta", S, C, ago=11)],
            (
                "1 replica: alpha receives and polls; nobody sends or does chores;"
                " beta has not been seen for 11 s"
            ),
        ),
    ],
)
def test_it_says_who_does_what_and_who_is_away(replicas: list[ReplicaSeen], line: str) -> None:
    assert [one.visible for one in replica_lines(replicas)] == [line]


def test_with_a_file_there_is_nothing_to_say() -> None:
    assert replica_lines([]) == []


@pytest.mark.parametrize(
    ("ahead_ms", "words"), [(42_000, "42 s ahead"), (-5_001, "5 s behind"), (5_000, None), (-4_000, None)]
)
def test_a_clock_that_is_wrong_is_told(ahead_ms: int, words: str | None) -> None:
    told = [one.visible for one in replica_lines([ALPHA, replace(BETA, clock_ahead_ms=ahead_ms)])[1:]]

    assert told == ([] if words is None else [f"⚠️ The clock of beta is {words}"])


@given(st.lists(st.builds(replica, st.sampled_from(HOSTILE_NAMES), st.sampled_from(Role)), max_size=20))
def test_whatever_replicas_are_called_it_is_short(replicas: list[ReplicaSeen]) -> None:
    assert len(join("\n", replica_lines(replicas)).visible) < 2_500
