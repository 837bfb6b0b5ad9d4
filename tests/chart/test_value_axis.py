"""The axis of amounts: which ticks it has, and how they are written."""

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chart.value_axis import value_axis

AMOUNTS = st.builds(
    lambda raw, decimals: Decimal(raw).scaleb(-decimals),
    st.one_of(st.integers(0, 10**9), st.integers(0, 2**256 - 1)),
    st.integers(0, 18),
)


@given(AMOUNTS, AMOUNTS)
def test_a_few_ticks_cover_the_range(one: Decimal, other: Decimal) -> None:
    low, high = sorted((one, other))
    axis = value_axis(low, high)
    assert axis.low <= low <= high <= axis.high
    assert 2 <= len(axis.ticks) <= 7


@given(AMOUNTS, AMOUNTS)
def test_ticks_are_evenly_apart_and_written_differently(one: Decimal, other: Decimal) -> None:
    axis = value_axis(*sorted((one, other)))
    assert len({after - before for before, after in pairwise(axis.ticks)}) == 1
    assert len(set(axis.labels)) == len(axis.labels) == len(axis.ticks)


@given(AMOUNTS, AMOUNTS)
def test_no_label_takes_a_third_of_the_picture(one: Decimal, other: Decimal) -> None:
    assert max(map(len, value_axis(*sorted((one, other)), unit="$").labels)) <= 18


@given(st.data(), AMOUNTS, AMOUNTS, st.integers(1, 1_000))
def test_an_amount_is_off_by_half_a_pixel_at_most(
    data: st.DataObject, one: Decimal, other: Decimal, height: int
) -> None:
    low, high = sorted((one, other))
    axis = value_axis(low, high)
    amount = data.draw(st.sampled_from([low, high, (low + high) / 2]))
    exact = (amount - axis.low) / (axis.high - axis.low) * height
    assert abs(axis.height_of(amount, height) - exact) <= Decimal("0.500001")


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        ("0", "10", ["0", "2", "4", "6", "8", "10"]),
        ("3400", "5900", ["3,000", "3,500", "4,000", "4,500", "5,000", "5,500", "6,000"]),
        ("0.012", "0.05", ["0.00", "0.01", "0.02", "0.03", "0.04", "0.05"]),
        ("1500", "1500.0009", ["1,500.0000", "1,500.0005", "1,500.0010"]),
        ("0", "25000000", ["0", "5M", "10M", "15M", "20M", "25M"]),
        ("1234000000000", "1236000000000", ["1,234.0B", "1,234.5B", "1,235.0B", "1,235.5B", "1,236.0B"]),
        ("0", "0.000000004", ["0", "1e-9", "2e-9", "3e-9", "4e-9"]),
        ("7", "7", ["0", "2", "4", "6", "8"]),
        ("0", "0", ["0", "1"]),
    ],
)
def test_ticks_are_round_numbers(low: str, high: str, labels: list[str]) -> None:
    assert list(value_axis(Decimal(low), Decimal(high)).labels) == labels


def test_dollars_are_written_before_each_number() -> None:
    assert value_axis(Decimal(0), Decimal(2000), unit="$").labels[-1] == "$2,000"


@pytest.mark.parametrize(("low", "begins_at"), [("49", 0), ("51", 50)])
def test_the_axis_begins_at_zero_where_zero_is_near(low: str, begins_at: int) -> None:
    assert value_axis(Decimal(low), Decimal(100)).low == begins_at
