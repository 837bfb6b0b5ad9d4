"""Blindness is told once it has lasted, its end if it was told, and flapping ever less often."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.observe.outages import (
    FORGOTTEN_AFTER,
    INTERVAL_MOST,
    BlindSpot,
    LastReport,
    OutageReport,
    outage_report,
)
from tests.builders import ETHEREUM, NOON, POLYGON, TREASURY, VAULT, at

STALE = timedelta(minutes=10)
CHAIN = BlindSpot(POLYGON, None)
ACCOUNT = BlindSpot(POLYGON, TREASURY)
OTHER = BlindSpot(POLYGON, VAULT)


def told(
    spot: BlindSpot, since: float = 0, *, reported_at: float = 600, times: int = 1
) -> dict[BlindSpot, LastReport]:
    return {spot: LastReport(at(since), at(reported_at), times, None)}


def judged(
    gaps: Mapping[BlindSpot, datetime], seconds: float, before: Mapping[BlindSpot, LastReport] | None = None
) -> OutageReport:
    return outage_report(gaps, before or {}, at(seconds), STALE)


@pytest.mark.parametrize(("seconds", "blind"), [(599, ()), (600, (CHAIN,)), (6000, (CHAIN,))])
def test_a_gap_is_told_once_it_has_lasted(seconds: float, blind: tuple[BlindSpot, ...]) -> None:
    assert judged({CHAIN: NOON}, seconds).blind == blind


def test_a_gap_that_was_told_is_not_told_again() -> None:
    assert judged({CHAIN: NOON}, 6000, told(CHAIN)).is_silent


def test_the_end_of_a_gap_that_was_told_is_told() -> None:
    one = judged({}, 700, told(CHAIN))

    assert one.seen == (CHAIN,)
    assert (one.remembered or {})[CHAIN].ended_at == at(700)


def test_the_end_of_a_gap_that_was_not_told_is_not_told() -> None:
    assert judged({}, 700).is_silent


def test_the_end_of_a_gap_is_told_once() -> None:
    first = judged({}, 700, told(CHAIN))

    assert judged({}, 800, first.remembered).is_silent


def test_an_account_is_left_to_its_chain() -> None:
    assert judged({CHAIN: NOON, ACCOUNT: NOON}, 600).blind == (CHAIN,)
    assert judged({CHAIN: NOON, ACCOUNT: NOON}, 700, told(CHAIN)).is_silent


def test_accounts_of_a_chain_that_answers_are_told_one_by_one() -> None:
    assert judged({ACCOUNT: NOON, OTHER: at(300)}, 600).blind == (ACCOUNT,)
    assert judged({ACCOUNT: NOON, OTHER: at(300)}, 900, told(ACCOUNT)).blind == (OTHER,)


def test_an_account_that_stays_blind_when_its_chain_is_back_is_told() -> None:
    one = judged({ACCOUNT: NOON}, 900, told(CHAIN))

    assert one.seen == (CHAIN,)
    assert one.blind == (ACCOUNT,)


def test_an_account_is_not_seen_again_while_its_chain_is_silent() -> None:
    assert judged({CHAIN: at(590)}, 600, told(ACCOUNT)).is_silent


def test_everything_that_went_silent_at_once_is_told_at_once() -> None:
    other = BlindSpot(ETHEREUM, None)

    assert judged({CHAIN: NOON, other: NOON}, 600).blind == (other, CHAIN)


# ---------------------------------------------------------------- flapping


def flapping(times: int, *, reported_at: float = 0, ended_at: float = 60) -> dict[BlindSpot, LastReport]:
    return {CHAIN: LastReport(at(-600), at(reported_at), times, at(ended_at))}


@pytest.mark.parametrize(("times", "waits"), [(1, 1200), (2, 2400), (3, 4800), (30, 6 * 3600)])
def test_what_keeps_coming_back_is_told_at_growing_intervals(times: int, waits: float) -> None:
    gap = {CHAIN: at(61)}

    assert judged(gap, waits - 1, flapping(times)).is_silent
    assert judged(gap, waits, flapping(times)).blind == (CHAIN,)


def test_what_stayed_well_for_a_day_is_told_as_soon_as_the_first_time() -> None:
    ended = 60 + FORGOTTEN_AFTER.total_seconds()
    one = judged({CHAIN: at(ended)}, ended + 600, flapping(5))

    assert one.blind == (CHAIN,)
    assert (one.remembered or {})[CHAIN].times == 1


@given(st.lists(st.booleans(), max_size=300))
def test_a_gap_is_never_told_twice_within_the_shortest_interval(answers: list[bool]) -> None:
    """A sweep a minute; each tells whether the chain answered."""
    known: dict[BlindSpot, LastReport] = {}
    since: datetime | None = None
    tellings: list[datetime] = []
    is_open = False
    for minute, answered in enumerate(answers):
        now = at(60 * minute)
        since = None if answered else (since or at(60 * (minute - 1)))
        one = outage_report({} if since is None else {CHAIN: since}, known, now, STALE)
        known |= one.remembered or {}
        assert not (one.blind and one.seen)
        if one.blind:
            assert not is_open
            assert since is not None
            assert now - since >= STALE
            tellings.append(now)
        if one.seen:
            assert is_open
            assert answered
        is_open = (is_open or bool(one.blind)) and not one.seen
    for times, (earlier, later) in enumerate(pairwise(tellings), start=1):
        assert later - earlier >= min(STALE * 2**times, INTERVAL_MOST)
