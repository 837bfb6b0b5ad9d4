"""Readings that contradict newer knowledge are held until others agree; the opposite is believed at once."""

from collections.abc import Mapping

import pytest

from bot.domain.assets import NATIVE_PART, Amount, Asset, Part
from bot.domain.observations import Balance, Hold, Reading, Standing, Verdict, View
from bot.domain.observe.compare import READINGS_FOR_OLDER, READINGS_FOR_RETURN, compare
from tests.builders import BROAD, DEGEN, PUNKS, USDC, VERIFIED, asset, coin, held, reading, view


def judged(stored: View, seen: Reading, **more: object) -> Verdict:
    return compare(stored, seen, **{"wanted": BROAD, "status": VERIFIED} | more)  # type: ignore[arg-type]


def told(verdict: Verdict) -> list[tuple[Asset, int, int]]:
    return [(move.asset, move.before.amount_raw, move.after.amount_raw) for move in verdict.moves]


def read_until_told(
    stored: View, seen: Reading, holds: Mapping[Asset, Hold | None] | None = None, **more: object
) -> int:
    """Return the number of readings in a row after which a change is told."""
    known = {one: hold for one, hold in (holds or {}).items() if hold is not None}
    verdict = judged(
        View(stored.coverage, stored.balances, known, stored.previous, stored.rebasing), seen, **more
    )
    if verdict.moves:
        return 1
    assert verdict.holds, "neither told nor held"
    return 1 + read_until_told(stored, seen, verdict.holds, **more)


# ---------------------------------------------------------------- older blocks


@pytest.mark.parametrize(("block", "readings"), [(9, READINGS_FOR_OLDER), (10, 1), (11, 1), (None, 1)])
def test_another_amount_of_an_older_block_is_believed_after_three_readings(
    block: int | None, readings: int
) -> None:
    stored = view({USDC: held(5, block=10)}, native=0)

    assert read_until_told(stored, reading({USDC: held(4, block=block)}, native=0)) == readings


def test_an_older_block_with_the_same_amount_is_nothing() -> None:
    assert judged(view({USDC: held(5, block=10)}), reading({USDC: held(5, block=9)})).says_nothing_new


def test_a_reading_that_agrees_with_what_is_stored_ends_the_hold() -> None:
    stored = view({USDC: held(5, block=10)}, holds={asset(): Hold(held(4, block=9), 2)})

    verdict = judged(stored, reading({USDC: held(5, block=10)}))

    assert verdict.holds == {asset(): None}
    assert verdict.moves == ()


def test_a_newer_reading_ends_the_hold_and_is_told() -> None:
    stored = view({USDC: held(5, block=10)}, holds={asset(): Hold(held(4, block=9), 2)})

    verdict = judged(stored, reading({USDC: held(4, block=11)}))

    assert verdict.holds == {asset(): None}
    assert told(verdict) == [(asset(), 5, 4)]


def test_readings_that_disagree_are_counted_from_one_again() -> None:
    stored = view({USDC: held(5, block=10)}, holds={asset(): Hold(held(4, block=9), 2)})

    verdict = judged(stored, reading({USDC: held(3, block=9)}))

    assert verdict.holds == {asset(): Hold(held(3, block=9), 1)}


def test_an_unknown_reading_leaves_the_hold_alone() -> None:
    stored = view({USDC: held(5, block=10)}, holds={asset(): Hold(held(4, block=9), 2)})

    assert judged(stored, reading(None)).holds == {}


def test_a_first_reading_is_never_held() -> None:
    verdict = judged(View(), reading({USDC: held(5, block=1)}), known_block=100)

    assert verdict.holds == {}
    assert verdict.balances == {asset(): Balance(held(5, block=1), Standing.LISTED)}


# ---------------------------------------------------------------- what appears with an older block


def test_what_is_only_now_listed_is_told_after_three_readings() -> None:
    seen = reading({USDC: held(5, block=9)}, native=0)

    assert read_until_told(view(), seen, known_block=10) == READINGS_FOR_OLDER


def test_a_gain_is_told_at_once() -> None:
    assert read_until_told(view(), reading({USDC: held(5, block=11)}, native=0), known_block=10) == 1


def test_a_token_that_was_spent_and_shows_up_once_more_is_no_gain() -> None:
    """A replica that lags still lists it."""
    stored = view(holds={asset(): Hold(held(5, block=9), 2)})

    assert judged(stored, reading({})).holds == {asset(): None}


@pytest.mark.parametrize(("block", "readings"), [(9, READINGS_FOR_OLDER), (10, READINGS_FOR_OLDER), (11, 1)])
def test_a_named_token_that_shows_up_with_a_block_known_before_is_held(block: int, readings: int) -> None:
    """It was read as nothing before: a replica that lags still shows what was spent since."""
    wanted = frozenset({Part(DEGEN)})
    seen = reading(named={DEGEN: held(5, block=block)})

    assert read_until_told(view(covered=wanted), seen, wanted=wanted, known_block=10) == readings


# ---------------------------------------------------------------- what a reading from behind lacks


@pytest.mark.parametrize(("block", "readings"), [(9, READINGS_FOR_OLDER), (10, 1), (11, 1), (None, 1)])
def test_what_is_absent_where_another_token_shows_an_older_block_is_held(
    block: int | None, readings: int
) -> None:
    stored = view({USDC: held(5, block=10), DEGEN: held(7, block=12)})
    seen = reading({USDC: held(5, block=block)}, named={DEGEN: 0})

    assert read_until_told(stored, seen) == readings


def test_a_token_said_to_be_zero_at_a_newer_block_is_gone_whatever_others_show() -> None:
    stored = view({USDC: held(5, block=10), DEGEN: held(7, block=12)})
    seen = reading({USDC: held(5, block=9), DEGEN: held(0, block=13)})

    assert told(judged(stored, seen)) == [(asset(DEGEN), 7, 0)]


# ---------------------------------------------------------------- natives that flicker


def test_a_native_amount_that_returns_is_held_for_one_reading() -> None:
    stored = view(native=4, previous={coin(): held(7)})

    assert read_until_told(stored, reading(native=7)) == READINGS_FOR_RETURN


def test_a_native_amount_that_goes_on_to_another_one_is_told_at_once() -> None:
    assert read_until_told(view(native=4, previous={coin(): held(7)}), reading(native=6)) == 1


def test_a_native_amount_that_returns_after_long_is_told_at_once() -> None:
    assert read_until_told(view(native=4), reading(native=7)) == 1


def test_a_token_that_came_lately_and_is_absent_by_name_is_held_for_one_reading() -> None:
    """Absence has no block that could tell which is newer."""
    stored = view({USDC: held(5, block=10)}, previous={asset(): held(0)})

    assert read_until_told(stored, reading({}, named={USDC: 0})) == READINGS_FOR_RETURN


def test_a_token_that_is_absent_by_name_is_gone_at_once() -> None:
    assert read_until_told(view({USDC: held(5, block=10)}), reading({}, named={USDC: 0})) == 1


# ---------------------------------------------------------------- collections


PUNK = asset(PUNKS)


def collected(amount: int, uniques: int, block: int | None) -> Amount:
    return held(amount, uniques=uniques, block=block)


def exchange(before: Amount, after: Amount) -> Verdict:
    return judged(view({PUNKS: before}), reading({PUNKS: after}), collections=frozenset({PUNK}))


def test_items_may_be_exchanged_for_as_many_others_at_a_newer_block() -> None:
    verdict = exchange(collected(3, 3, 10), collected(3, 3, 11))

    assert told(verdict) == [(PUNK, 3, 3)]
    assert verdict.balances == {PUNK: Balance(collected(3, 3, 11), Standing.LISTED)}


def test_a_collection_of_the_same_block_is_the_same() -> None:
    assert exchange(collected(3, 3, 10), collected(3, 3, 10)).says_nothing_new


def test_a_collection_of_an_older_block_is_the_same() -> None:
    assert exchange(collected(3, 3, 10), collected(3, 3, 9)).says_nothing_new


def test_a_token_of_a_newer_block_is_the_same() -> None:
    assert judged(view({USDC: held(3, block=10)}), reading({USDC: held(3, block=11)})).says_nothing_new


def test_natives_are_told_through_their_own_part() -> None:
    verdict = judged(view(native=4), reading(native=5))

    assert [move.through for move in verdict.moves] == [frozenset({NATIVE_PART})]
