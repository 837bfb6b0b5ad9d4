"""Doubt about a chain of which so much vanished at once that its index is probably being rebuilt.

Such an index comes back piece by piece: the chain is believed again when nothing is missing there any
more, or when what is missing is little and stays the same for long.
"""

from collections.abc import Mapping
from typing import NamedTuple

from bot.domain.assets import ChainId

LOST_AT_LEAST = 10
"""Fewer balances that vanish in one sweep are never doubted."""

SWEEPS_TO_SETTLE = 10
"""After so many sweeps in a row that miss the same number, what is missing is taken for gone."""


class DoubtedChain(NamedTuple):
    """How many balances of a doubted chain are missing, and for how many sweeps in a row."""

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
        # Less than half may be missing while an index comes back: it has to stay the same for long.
        or (chain_id in doubts and _counted(doubts[chain_id], count).times < SWEEPS_TO_SETTLE)
    )


def counted_on(
    doubts: Mapping[ChainId, DoubtedChain], lost: Mapping[ChainId, int]
) -> dict[ChainId, DoubtedChain]:
    """Return the doubts to remember after a sweep that doubted these losses."""
    return {
        chain_id: _counted(doubts.get(chain_id, NEWLY_DOUBTED), count) for chain_id, count in lost.items()
    }


def _counted(doubt: DoubtedChain, lost: int) -> DoubtedChain:
    return DoubtedChain(lost, doubt.times + 1 if lost == doubt.lost else 1)


def _is_too_much(lost: int, held: int) -> bool:
    """Whether over half vanished, at least ten balances. `held` counts before; 0: nothing left to doubt."""
    return lost >= LOST_AT_LEAST and 0 < held < lost * 2
