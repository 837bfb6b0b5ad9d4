"""When so much of a chain vanishes at once that its index, and not the world, has lost it.

An index that is rebuilt comes back piece by piece: a chain that was doubted is believed again only when
nothing is missing there any more, or when what is missing is little and stays the same.
"""

from collections.abc import Mapping
from typing import NamedTuple

from bot.domain.assets import ChainId

LOST_AT_LEAST = 10
"""Balances that one sweep has to read as gone before it is doubted."""

SWEEPS_TO_SETTLE = 10
"""Sweeps in a row that have to miss equally few balances of a doubted chain before these are gone."""


class DoubtedChain(NamedTuple):
    """How many balances a doubted chain misses, and how many sweeps in a row have said so."""

    lost: int
    times: int


NEWLY_DOUBTED = DoubtedChain(0, 0)


def doubted_chains(
    lost: Mapping[ChainId, int], held: Mapping[ChainId, int], doubts: Mapping[ChainId, DoubtedChain]
) -> frozenset[ChainId]:
    """Return the chains whose losses are not believed; `doubts` are those of the sweep before."""
    return frozenset(
        chain_id
        for chain_id, count in lost.items()
        if _is_too_much(count, held.get(chain_id, 0))
        or (chain_id in doubts and _counted(doubts[chain_id], count).times < SWEEPS_TO_SETTLE)
    )


def counted_on(
    doubts: Mapping[ChainId, DoubtedChain], lost: Mapping[ChainId, int]
) -> dict[ChainId, DoubtedChain]:
    """Return the doubts after a sweep that doubted these losses."""
    return {
        chain_id: _counted(doubts.get(chain_id, NEWLY_DOUBTED), count) for chain_id, count in lost.items()
    }


def _counted(doubt: DoubtedChain, lost: int) -> DoubtedChain:
    return DoubtedChain(lost, doubt.times + 1 if lost == doubt.lost else 1)


def _is_too_much(lost: int, held: int) -> bool:
    """Whether so much can hardly be lost; where nothing is held any more, there is nothing to doubt."""
    return lost >= LOST_AT_LEAST and 0 < held < lost * 2
