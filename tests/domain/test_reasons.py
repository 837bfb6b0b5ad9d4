"""Of all that may keep an asset silent, the first reason that holds is told."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.assets import Amount, Description
from bot.domain.deliver.alerts import MuteKind
from bot.domain.history.reasons import (
    Doubted,
    Ignored,
    Muted,
    NeverSeen,
    NotListed,
    NotRead,
    NotWatched,
    OnItsWay,
    Reason,
    Situation,
    Unchanged,
    Unseen,
    Unsettled,
    reason_of,
)
from bot.domain.observe.filters import HeldBack
from tests.builders import NOON, TREASURY, asset, at

CALM = Situation(
    account=TREASURY,
    asset=asset(),
    description=Description("ERC20", "USDC", 6),
    is_account_watched=True,
    is_watched=True,
    is_named=False,
    is_listed=True,
    ignored=None,
    muted=None,
    unsettled=None,
    on_its_way=None,
    is_read=True,
    unseen=None,
    doubted=None,
    read_at=NOON,
    amount=Amount(5),
    was_held=True,
)
"""Watched, read, and held: nothing changed."""
IGNORED = Ignored(at(-60), "Olga")
MUTED = Muted(MuteKind.MUTE, at(60))
UNSETTLED = Unsettled(HeldBack(Amount(5), Amount(3)), 2, at(-60), (), is_for_digest=False)
ON_ITS_WAY = OnItsWay("7KQ2F", at(-1))
UNSEEN = Unseen(at(-60), is_chain_doubted=False)
DOUBTED = Doubted(Amount(4), 1)

IN_ORDER: tuple[tuple[dict[str, Any], Reason], ...] = (
    ({"is_watched": False}, NotWatched(is_account_watched=True)),
    ({"is_listed": False}, NotListed()),
    ({"ignored": IGNORED}, IGNORED),
    ({"muted": MUTED}, MUTED),
    ({"unsettled": UNSETTLED}, UNSETTLED),
    ({"on_its_way": ON_ITS_WAY}, ON_ITS_WAY),
    ({"is_read": False}, NotRead()),
    ({"unseen": UNSEEN}, UNSEEN),
    ({"doubted": DOUBTED}, DOUBTED),
    ({"amount": None, "was_held": True}, Unchanged(NOON, Amount(0))),
)
"""What is the matter, and the reason that follows if nothing before it is."""


@pytest.mark.parametrize(("what", "reason"), IN_ORDER)
def test_each_reason_holds_alone_and_nothing_is_the_matter_without_it(
    what: dict[str, Any], reason: Reason
) -> None:
    assert reason_of(replace(CALM, **what)) == reason
    assert reason_of(CALM) == Unchanged(NOON, Amount(5))


@given(st.sets(st.sampled_from(range(len(IN_ORDER))), min_size=1))
def test_of_several_reasons_the_first_is_told(which: set[int]) -> None:
    what: dict[str, Any] = {}
    for number in which:
        what |= IN_ORDER[number][0]

    assert reason_of(replace(CALM, **what)) == IN_ORDER[min(which)][1]


def test_what_a_line_names_is_neither_ignored_nor_unlisted() -> None:
    named = replace(CALM, is_named=True, is_listed=False, ignored=IGNORED)

    assert reason_of(named) == Unchanged(NOON, Amount(5))


def test_what_was_never_held_is_told_to_be_so_whether_lists_show_it_or_not() -> None:
    never = replace(CALM, amount=None, was_held=False, is_listed=False)

    assert reason_of(never) == NeverSeen(NOON)
    assert reason_of(replace(never, read_at=None)) == NotRead()


def test_an_account_that_is_not_watched_at_all_says_so() -> None:
    former = replace(CALM, is_watched=False, is_account_watched=False)

    assert reason_of(former) == NotWatched(is_account_watched=False)
