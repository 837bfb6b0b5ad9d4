"""Too much lost at once is doubted, and what an index that is rebuilt still lacks is not lost."""

import pytest

from bot.domain.observe.mass_loss import (
    LOST_AT_LEAST,
    SWEEPS_TO_SETTLE,
    DoubtedChain,
    counted_on,
    doubted_chains,
)
from tests.builders import ETHEREUM, POLYGON


@pytest.mark.parametrize(
    ("lost", "of", "is_doubted"),
    [
        (10, 19, True),
        (10, 20, False),
        (9, 9, False),
        (10, 10, True),
        (100, 1000, False),
        (501, 1000, True),
        (10, 0, False),
    ],
)
def test_too_much_at_once_is_doubted(lost: int, of: int, *, is_doubted: bool) -> None:
    assert LOST_AT_LEAST == 10
    assert doubted_chains({POLYGON: lost}, {POLYGON: of}, {}) == ({POLYGON} if is_doubted else frozenset())


def test_what_is_still_missing_of_a_doubted_chain_is_doubted_however_little_it_is() -> None:
    assert doubted_chains({POLYGON: 1}, {POLYGON: 90}, {POLYGON: DoubtedChain(80, 3)}) == {POLYGON}
    assert doubted_chains({POLYGON: 1}, {POLYGON: 90}, {POLYGON: DoubtedChain()}) == {POLYGON}


def test_what_another_chain_misses_is_not_doubted() -> None:
    assert doubted_chains({ETHEREUM: 1}, {ETHEREUM: 90}, {POLYGON: DoubtedChain(80, 3)}) == frozenset()


def test_little_that_stays_the_same_for_long_is_believed() -> None:
    doubts = {POLYGON: DoubtedChain()}
    sweeps = 1
    while doubted_chains({POLYGON: 2}, {POLYGON: 90}, doubts):
        doubts = counted_on(doubts, {POLYGON: 2})
        sweeps += 1

    assert sweeps == SWEEPS_TO_SETTLE


def test_much_that_stays_the_same_for_long_is_not_believed() -> None:
    assert doubted_chains({POLYGON: 60}, {POLYGON: 90}, {POLYGON: DoubtedChain(60, 10_000)}) == {POLYGON}


def test_what_comes_back_piece_by_piece_is_counted_from_one_again() -> None:
    assert counted_on({POLYGON: DoubtedChain(9, 9)}, {POLYGON: 8}) == {POLYGON: DoubtedChain(8, 1)}
    assert counted_on({POLYGON: DoubtedChain(9, 9)}, {POLYGON: 9}) == {POLYGON: DoubtedChain(9, 10)}


def test_what_misses_nothing_is_no_longer_doubted() -> None:
    assert counted_on({POLYGON: DoubtedChain(9, 9)}, {}) == {}
