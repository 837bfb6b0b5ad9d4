"""By which decimals the amounts of one change are to be read."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.domain.assets import AMOUNT_MAX
from bot.domain.observe.descriptions import Decimals, decimals_of_change, may_be_redenominated

RAW = Decimals(None, None)

amounts = st.integers(1, 3) | st.integers(1, 10**24) | st.integers(1, AMOUNT_MAX)
decimals = st.integers(0, 36)


@pytest.mark.parametrize(
    ("before", "after", "former", "now"),
    [(10**18, 2 * 10**6, 18, 6), (10**6, 2 * 10**18, 6, 18), (10**18, 10**6, 18, 6)],
    ids=["fewer decimals", "more decimals", "and nothing else"],
)
def test_an_amount_that_moved_as_the_units_did_was_counted_anew(
    before: int, after: int, former: int, now: int
) -> None:
    assert decimals_of_change(before, after, former, now) == Decimals(former, now)


@pytest.mark.parametrize(("before", "after"), [(10**18, 2 * 10**18), (3 * 10**18, 10**17)])
def test_an_amount_that_stayed_about_where_it_was_had_the_new_decimals_all_along(
    before: int, after: int
) -> None:
    assert decimals_of_change(before, after, 6, 18) == Decimals(18, 18)
    assert decimals_of_change(before, after, 18, 6) == Decimals(6, 6)


@pytest.mark.parametrize("after", [10**12, 1, 0], ids=["in between", "beyond both", "nothing is left"])
def test_where_both_could_be_only_the_smallest_units_are_certain(after: int) -> None:
    assert decimals_of_change(10**18, after, 18, 6) == RAW


@pytest.mark.parametrize(("former", "now"), [(None, 18), (18, 18), (6, None), (None, None)])
def test_decimals_that_did_not_change_count_for_both(former: int | None, now: int | None) -> None:
    assert decimals_of_change(5, 7, former, now) == Decimals(now, now)


def test_nothing_is_nothing_in_any_units() -> None:
    assert decimals_of_change(0, 7, 18, 6) == Decimals(6, 6)


@given(amounts, amounts, decimals, decimals)
def test_the_way_back_is_read_by_the_same_decimals(before: int, after: int, former: int, now: int) -> None:
    forth = decimals_of_change(before, after, former, now)
    back = decimals_of_change(after, before, now, former)

    if forth == Decimals(former, now) and former != now:
        assert back == Decimals(now, former)
    elif forth == Decimals(now, now):
        assert back == Decimals(former, former)
    else:
        assert back == forth == RAW


@given(amounts, decimals, decimals)
def test_an_amount_that_is_only_counted_anew_did_not_move(before: int, former: int, now: int) -> None:
    assume(former != now and (now > former or before % 10 ** (former - now) == 0))
    after = before * 10**now // 10**former

    read = decimals_of_change(before, after, former, now)

    assert read == Decimals(former, now)
    assert read.difference(before, after) == 0


@given(amounts, decimals, decimals, st.integers(-60, 60))
def test_what_is_claimed_is_within_a_third_of_the_way(
    before: int, former: int, now: int, percent: int
) -> None:
    """Whatever truly happened: a difference that is claimed by one reading is far from the other one."""
    assume(abs(now - former) >= 2)
    counted_anew = before * 10 ** max(0, now - former) // 10 ** max(0, former - now)
    after = counted_anew * (100 + percent) // 100
    assume(counted_anew >= 100)

    assert decimals_of_change(before, after, former, now) == Decimals(former, now)
    corrected = before * (100 + percent) // 100
    assume(before >= 100)
    assert decimals_of_change(before, corrected, former, now) == Decimals(now, now)


@given(st.integers(0, AMOUNT_MAX), st.integers(0, AMOUNT_MAX), decimals, decimals)
def test_a_difference_is_exact(before: int, after: int, former: int, now: int) -> None:
    read = Decimals(former, now)

    exact = after * 10 ** (36 - now) - before * 10 ** (36 - former)
    assert read.difference(before, after) * 10 ** (36 - read.places) == exact


@pytest.mark.parametrize(
    ("before", "after", "is_suspicious"),
    [(5, 5_000, True), (5_000, 5, True), (5, 4_999, False), (0, 5_000, False), (5_000, 0, False)],
)
def test_an_amount_that_moves_by_powers_of_ten_is_suspicious(
    before: int, after: int, *, is_suspicious: bool
) -> None:
    assert may_be_redenominated(before, after) == is_suspicious
