"""The series of a balance: made of its changes, newest first, and true to each of them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.history.series import (
    COLUMNS,
    AmountChange,
    Series,
    SeriesBuilder,
    Step,
    UnseenSpan,
    WorthOnDay,
    merged,
    worth_series,
)
from bot.domain.units import whole_units
from tests.builders import NOON, at

END = 10_000
"""Seconds after noon at which each series ends that is open."""


def milliseconds(seconds: int) -> int:
    return round(at(seconds).timestamp() * 1_000)


def change(
    second: int, before: int, after: int, *, seen: int | None = None, former: int | None = None
) -> AmountChange:
    previous_at = milliseconds(second - 60 if seen is None else seen)
    return AmountChange(milliseconds(second), previous_at, str(before), str(after), former)


def built(
    changes: Sequence[AmountChange],
    *,
    now: int | None,
    since: int = 0,
    known_since: int | None = 0,
    decimals: int | None = 0,
    is_rebasing: bool = False,
    until: int = END,
) -> Series | None:
    builder = SeriesBuilder(
        at(since),
        at(until),
        known_since=None if known_since is None else at(known_since),
        amount_raw=now,
        decimals=decimals,
        is_rebasing=is_rebasing,
    )
    builder.add(reversed(changes))
    return builder.build()


def steps(series: Series | None) -> list[tuple[float, float]]:
    assert series is not None
    return [((step.at - NOON).total_seconds(), float(step.value)) for step in series.steps]


def unseen(series: Series | None) -> list[tuple[float, float]]:
    assert series is not None
    return [
        ((since - NOON).total_seconds(), (until - NOON).total_seconds()) for since, until in series.unseen
    ]


def test_a_balance_holds_from_one_change_to_the_next() -> None:
    series = built([change(100, 5, 8), change(200, 8, 2)], now=2)
    assert steps(series) == [(0, 5), (100, 8), (200, 2)]
    assert series is not None
    assert (series.until, unseen(series)) == (at(END), [])
    assert (series.low, series.high) == (Step(at(200), Decimal(2)), Step(at(100), Decimal(8)))


def test_it_begins_with_the_window_and_with_what_held_then() -> None:
    changes = [change(100, 5, 8), change(200, 8, 2), change(300, 2, 3)]
    assert steps(built(changes, now=3, since=150)) == [(150, 8), (200, 2), (300, 3)]
    assert steps(built(changes[1:], now=3, since=150)) == [(150, 8), (200, 2), (300, 3)]


def test_it_begins_when_somebody_began_to_look() -> None:
    assert steps(built([change(100, 5, 8)], now=8, known_since=70)) == [(70, 5), (100, 8)]
    assert steps(built([change(100, 5, 8)], now=8, known_since=20)) == [(20, 5), (100, 8)]
    assert steps(built([], now=8, known_since=20)) == [(20, 8)]


def test_what_was_held_already_when_it_was_listed_begins_there() -> None:
    listed = change(100, 0, 8)._replace(before=None)
    assert steps(built([change(50, 3, 4), listed, change(200, 8, 9)], now=9)) == [(100, 8), (200, 9)]


def test_where_it_was_known_before_it_begins_when_that_was_seen() -> None:
    assert steps(built([change(100, 5, 8)], now=8, known_since=170)) == [(40, 5), (100, 8)]
    assert steps(built([change(100, 5, 8)], now=8, known_since=None)) == [(40, 5), (100, 8)]


def test_of_what_is_no_longer_watched_it_ends_with_the_last_change() -> None:
    series = built([change(100, 5, 8), change(200, 8, 2)], now=None, known_since=None)
    assert steps(series) == [(40, 5), (100, 8), (200, 2)]
    assert series is not None
    assert series.until == at(200)


def test_nothing_stays_nothing_while_it_is_watched() -> None:
    series = built([change(100, 5, 0)], now=None)
    assert series is not None
    assert series.until == at(END)
    assert built([], now=None) is None


def test_what_moved_without_a_change_is_dotted() -> None:
    series = built([change(100, 5, 8), change(500, 9, 2, seen=440)], now=4)
    assert steps(series) == [(0, 5), (100, 8), (440, 9), (500, 2), (END, 4)]
    assert unseen(series) == [(100, 440), (500, END)]


def test_what_moves_by_itself_was_looked_at_all_the_same() -> None:
    series = built([change(100, 5, 8), change(500, 9, 2, seen=440)], now=4, is_rebasing=True)
    assert steps(series) == [(0, 5), (100, 8), (440, 9), (500, 2), (END, 4)]
    assert unseen(series) == []


def test_a_clock_that_was_set_back_changes_no_order() -> None:
    series = built([change(300, 5, 8), change(200, 8, 2)], now=2)
    assert steps(series) == [(0, 5), (200, 8), (200, 2)]


def test_amounts_of_other_units_are_read_by_them() -> None:
    # 5 in units of 18 digits became 5 in units of 6.
    changes = [change(100, 4 * 10**18, 5 * 10**18), change(200, 5 * 10**18, 5_000_000, former=18)]
    series = built(changes, now=5_000_000, decimals=6)
    assert steps(series) == [(0, 4), (100, 5), (200, 5)]


def test_units_that_the_source_only_corrected_hold_for_older_amounts_too() -> None:
    changes = [change(100, 4_000_000, 5_000_000), change(200, 5_000_000, 6_000_000, former=18)]
    assert steps(built(changes, now=6_000_000, decimals=6)) == [(0, 4), (100, 5), (200, 6)]


def test_a_series_begins_anew_where_nobody_knows_which_units_it_had() -> None:
    changes = [change(100, 4, 5 * 10**12), change(200, 5 * 10**12, 5_000_000, former=18)]
    series = built(changes, now=5_000_000, decimals=6)
    assert steps(series) == [(200, 5)]
    assert series is not None
    assert series.is_cut


def test_without_decimals_amounts_are_in_smallest_units() -> None:
    assert steps(built([change(100, 5, 8)], now=8, decimals=None)) == [(0, 5), (100, 8)]


MOVES = st.lists(st.tuples(st.integers(1, 500), st.integers(0, 2**256 - 1)), min_size=1, max_size=60)


@given(MOVES, st.integers(0, 18), st.integers(-2_000, 9_999), st.sampled_from([1, 10_000, 10_000_000]))
def test_every_amount_is_between_those_that_are_kept_of_its_column(
    moves: list[tuple[int, int]], decimals: int, since: int, quiet: int
) -> None:
    amounts, changes, second = [0], [], 0
    for pause, amount in moves:
        second += pause
        changes.append(change(second, amounts[-1], amount, seen=second - 1))
        amounts.append(amount)
    until = max(second, since) + quiet
    series = built(changes, now=amounts[-1], since=since, decimals=decimals, until=until)
    assert series is not None
    assert list(series.steps) == sorted(series.steps, key=lambda step: step.at)
    held_then = [
        amounts[0],
        *(amount for one, amount in zip(changes, amounts[1:], strict=True) if one.at < milliseconds(since)),
    ]
    shown = [held_then[-1], *(int(one.after) for one in changes if one.at >= milliseconds(since))]
    assert (series.low.value, series.high.value) == (
        whole_units(min(shown), decimals),
        whole_units(max(shown), decimals),
    )
    assert series.steps[0].value == whole_units(shown[0], decimals)
    assert series.steps[-1].value == whole_units(shown[-1], decimals)
    width = timedelta(seconds=until - since) / COLUMNS + timedelta(milliseconds=1)
    for one in changes:
        value = whole_units(int(one.after), decimals)
        moment = NOON + timedelta(milliseconds=one.at - milliseconds(0))
        near = [step.value for step in series.steps if abs(step.at - moment) <= width]
        assert moment < at(since) or min(near) <= value <= max(near)


def test_half_a_million_changes_are_few_steps() -> None:
    builder = SeriesBuilder(at(0), at(500_000), known_since=None, amount_raw=0, decimals=6)
    builder.add(change(second, (second + 1) % 2, second % 2) for second in range(500_000, 0, -1))
    series = builder.build()
    assert series is not None
    assert len(series.steps) <= 4 * (COLUMNS + 1)
    assert {step.value for step in series.steps} == {Decimal(0), Decimal("0.000001")}


# ---------------------------------------------------------------- gaps


@given(
    st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)).map(lambda pair: UnseenSpan(*map(at, pair))))
)
def test_merged_spans_cover_the_same_moments_and_do_not_touch(spans: list[UnseenSpan]) -> None:
    result = merged(spans, at(10), at(90))
    for second in range(101):
        moment: datetime = at(second + 0.5)
        is_unseen = any(span.since <= moment <= span.until for span in spans) and 10 <= second < 90
        assert any(span.since <= moment <= span.until for span in result) == is_unseen
    assert all(one.until < other.since for one, other in pairwise(result))


# ---------------------------------------------------------------- daily worth


def day(number: int, usd: int, *, late_seconds: int = 0) -> WorthOnDay:
    return WorthOnDay(NOON + timedelta(days=number, seconds=late_seconds), Decimal(usd), 0, is_partial=False)


def test_a_day_is_worth_the_same_until_the_next() -> None:
    series = worth_series([day(0, 5), day(1, 7, late_seconds=600)], NOON + timedelta(days=2))
    assert steps(series) == [(0, 5), (87_000, 7)]
    assert unseen(series) == []
    assert worth_series([], NOON) is None


@pytest.mark.parametrize("days", [3, 4])
def test_days_without_a_row_are_dotted(days: int) -> None:
    series = worth_series([day(0, 5), day(days, 7)], NOON + timedelta(days=days + 1))
    assert unseen(series) == [(86_400, days * 86_400)]
