"""Amounts that change by themselves are told in steps; what somebody moved is told at once."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.assets import Amount, Asset
from bot.domain.drifts import Drift
from bot.domain.observations import Balance, Reading, Standing, Verdict, View
from bot.domain.observe.compare import compare
from tests.builders import BROAD, PUNKS, USDC, VERIFIED, asset, at, coin, held, reading, view

TOKEN = asset()
MILLION = 10**12
"""Of a token with six decimals."""


def judged(stored: View, seen: Reading, collections: Iterable[Asset] = ()) -> Verdict:
    return compare(stored, seen, wanted=BROAD, status=VERIFIED, collections=frozenset(collections))


def told(verdict: Verdict) -> list[tuple[Asset, int, int]]:
    return [(move.asset, move.before.amount_raw, move.after.amount_raw) for move in verdict.moves]


@dataclass
class Follower:
    """Reads a token again and again, and keeps what comes of it as the store does."""

    amount: int = MILLION
    is_marked: bool = False
    block: int | None = 10
    seconds: float = 0
    drifted: int = 0
    """Sweeps in which it moved though its block stood still."""
    drift: Drift | None = None
    last_alerted_raw: int | None = None
    told: list[tuple[int, int]] = field(default_factory=list)

    def reads(self, amount: int, *, block: int | None = None, after: float = 60) -> bool:
        """Read an amount, at the same block unless one is named; whether that is told."""
        self.seconds += after
        seen = Amount(amount, None, self.block if block is None else block)
        verdict = compare(
            self._view(),
            reading({USDC: seen}),
            wanted=BROAD,
            status=VERIFIED,
            observed_at=at(self.seconds),
        )
        assert not verdict.holds
        stored = verdict.balances.get(TOKEN)
        if stored is not None:
            self.amount, self.block, self.last_alerted_raw = (
                stored.amount.amount_raw,
                seen.block,
                stored.last_alerted_raw,
            )
        self.drift = verdict.drifts.get(TOKEN, self.drift)
        self.drifted += TOKEN in verdict.drifted
        moves = [(move.before.amount_raw, move.after.amount_raw) for move in verdict.moves]
        self.told += moves
        return bool(moves)

    def drifts(self, by: int, times: int = 1, *, after: float = 60) -> int:
        """Let it move by itself, each time the same; returns how often that is told."""
        return sum(self.reads(self.amount + by, after=after) for _ in range(times))

    @property
    def last_told(self) -> int:
        """The amount that people know."""
        return self.amount if self.last_alerted_raw is None else self.last_alerted_raw

    def _view(self) -> View:
        is_drifting = self.drifted >= 2
        some = frozenset({TOKEN})
        return View(
            dict.fromkeys(BROAD),
            {TOKEN: Balance(Amount(self.amount, None, self.block), Standing.LISTED, self.last_alerted_raw)},
            rebasing=some if self.is_marked or is_drifting else frozenset(),
            drifting=some if is_drifting else frozenset(),
            drifted=some if self.drifted == 1 else frozenset(),
            drifts={} if self.drift is None else {TOKEN: self.drift},
        )


def marked(amount: int = MILLION) -> Follower:
    return Follower(amount, is_marked=True)


# ---------------------------------------------------------------- what the source marks


def test_what_rebases_is_not_told_below_a_step_but_stored() -> None:
    token = marked(1000)

    assert not token.reads(1009)
    assert (token.amount, token.last_told) == (1009, 1000)


def test_what_rebases_is_told_from_a_step_on() -> None:
    token = marked(1000)

    assert token.reads(1010)
    assert token.told == [(1000, 1010)]
    assert token.last_told == 1010


def test_small_rebases_add_up_against_the_amount_last_told() -> None:
    token = marked(1000)

    assert not token.reads(1009)
    assert token.reads(1011)
    assert token.told == [(1000, 1011)]


def test_what_does_not_rebase_is_told_to_the_last_unit() -> None:
    assert told(judged(view({USDC: 1000}), reading({USDC: 1001}))) == [(TOKEN, 1000, 1001)]


@pytest.mark.parametrize(("before", "after"), [(1000, 0), (0, 5)])
def test_what_rebases_is_told_when_it_comes_or_goes(before: int, after: int) -> None:
    stored = view({USDC: held(before, block=10)} if before else {}, rebasing=[asset()])

    assert told(judged(stored, reading({USDC: held(after, block=11)}))) == [(TOKEN, before, after)]


# ---------------------------------------------------------------- what drifts without a mark


def test_what_moves_twice_while_its_block_stands_still_is_taken_for_rebasing() -> None:
    token = Follower()

    assert token.drifts(137)
    assert not token.drifts(137, 50)
    assert token.told == [(MILLION, MILLION + 137)]


def test_what_moves_with_its_block_is_told_however_often() -> None:
    token = Follower()

    assert all(token.reads(MILLION + 137 * times, block=10 + times) for times in range(1, 20))


def test_one_move_without_a_block_is_not_enough() -> None:
    token = Follower()
    token.drifts(137)

    assert token.reads(MILLION + 274, block=11)
    assert token.reads(MILLION + 411, block=12)


def test_without_any_block_nothing_is_taken_for_rebasing() -> None:
    token = Follower(block=None)

    assert token.drifts(137, 20) == 20
    assert not token.drifted


@pytest.mark.parametrize("block", [None, 10])
def test_coins_and_collections_are_never_taken_for_rebasing(block: int | None) -> None:
    collected = judged(
        view({PUNKS: held(1000, block=block)}), reading({PUNKS: held(1001, block=block)}), [asset(PUNKS)]
    )
    coins = judged(view(native=1000), reading(native=1001))

    assert told(collected) == [(asset(PUNKS), 1000, 1001)]
    assert told(coins) == [(coin(), 1000, 1001)]
    assert not collected.drifted
    assert not coins.drifted


def test_what_comes_or_goes_at_one_block_has_not_drifted() -> None:
    token = Follower(block=10)

    assert token.reads(0)
    assert not token.drifted


def test_a_transfer_of_what_drifts_is_told_whichever_way_it_goes() -> None:
    token = Follower()
    token.drifts(137, 5)

    assert token.reads(token.amount + 10, block=11)
    assert token.reads(token.amount - 10, block=12)
    assert not token.drifts(137, 5)


# ---------------------------------------------------------------- transfers below the step


def test_what_leaves_with_a_newer_block_is_a_transfer() -> None:
    token = marked()

    assert token.reads(MILLION * 9903 // 10_000, block=11)
    assert token.told == [(MILLION, MILLION * 9903 // 10_000)]


def test_interest_may_come_with_a_newer_block() -> None:
    token = marked()

    assert not token.reads(MILLION + 137, block=11)
    assert not token.reads(MILLION + 274, block=12)


def test_what_moves_by_more_than_ten_times_the_usual_drift_is_a_transfer() -> None:
    token = marked()
    token.drifts(137, 3)

    assert not token.drifts(1370)
    assert token.reads(token.amount - 13_701)


def test_a_gain_by_more_than_the_usual_drift_is_a_transfer_whatever_its_block() -> None:
    token = marked()
    for block in range(11, 14):
        token.reads(token.amount + 137, block=block)

    assert token.reads(token.amount + MILLION // 200, block=14)


def test_the_first_drift_has_nothing_to_be_compared_with() -> None:
    assert not marked().drifts(MILLION // 200)


def test_interest_of_a_longer_time_is_more() -> None:
    token = marked()
    token.drifts(137, 5)

    assert not token.drifts(137 * 60, after=60 * 60)
    assert not token.drifts(137, 5)
    assert token.drifts(137 * 60, after=60)


def test_a_drift_that_grows_for_good_is_told_until_it_is_usual() -> None:
    token = marked()
    token.drifts(10, 5)

    assert token.drifts(5_000, 20) == 2


def test_what_was_usual_once_fades() -> None:
    token = marked()
    token.drifts(10_000, 2)
    assert not token.drifts(50_000)

    token.drifts(137, 60)

    assert token.drifts(50_000)


def test_a_larger_balance_drifts_by_more() -> None:
    token = marked(MILLION)
    token.drifts(137, 5)

    assert token.reads(MILLION * 100, block=11)
    assert not token.drifts(13_700, 5)


def test_interest_never_hides_which_way_a_transfer_went() -> None:
    token = marked(1000)
    token.reads(1009)

    assert token.reads(1004, block=11)
    assert token.told == [(1009, 1004)]


def test_what_was_moved_and_is_what_people_know_is_told_all_the_same() -> None:
    token = marked(1000)
    token.reads(1009)

    assert token.reads(1000, block=11)
    assert token.told == [(1009, 1000)]


# ---------------------------------------------------------------- laws

steps = st.tuples(
    st.integers(-30, 30) | st.integers(-(10**9), 10**9),
    st.booleans(),
    st.sampled_from([0, 0.2, 60, 86_400]),
)
"""By how much it moves, whether with a block, and how long after the move before."""


@given(st.booleans(), st.integers(10**9, 10**13), st.lists(steps, max_size=30))
def test_what_is_left_unsaid_is_less_than_a_step_and_did_not_leave_with_a_block(
    is_marked: bool,  # noqa: FBT001 - drawn
    amount: int,
    story: list[tuple[int, bool, float]],
) -> None:
    token = Follower(amount, is_marked=is_marked)
    for moved, has_block, seconds in story:
        before, known = token.amount, token.last_told
        after = max(1, before + moved)
        is_told = token.reads(after, block=(token.block or 0) + has_block, after=seconds)

        if is_told:
            old, new = token.told[-1]
            assert (new - old) * (after - before) > 0, "it is told which way it went"
            assert old in (known, before)
            assert token.last_told == new == after
        elif after != before:
            assert is_marked or token.drifted
            assert not (has_block and after < before)
            assert abs(after - known) * 100 < known
            assert token.last_told == known


@given(st.lists(steps, max_size=30))
def test_told_amounts_follow_each_other_while_only_interest_comes(
    story: list[tuple[int, bool, float]],
) -> None:
    token = marked()
    for moved, _, seconds in story:
        token.reads(token.amount + abs(moved), after=seconds)

    amounts = [MILLION, *(after for _, after in token.told)]
    assert token.told == list(pairwise(amounts))
    assert sum(after - before for before, after in token.told) == token.last_told - MILLION


@given(st.booleans(), st.integers(10**6, 10**13), st.integers(1, 200), st.integers(0, 400))
def test_what_drifts_for_ever_makes_few_messages(
    is_marked: bool,  # noqa: FBT001 - drawn
    amount: int,
    parts: int,
    times: int,
) -> None:
    token = Follower(amount, is_marked=is_marked)

    token.drifts(amount * parts // 10_000, times)

    assert len(token.told) <= 2 + log(token.amount / amount) / log(1.01)
