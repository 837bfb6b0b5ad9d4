"""Doubt about a chain of which so much vanished at once that its index is probably being rebuilt.

Such an index comes back piece by piece: the chain is believed again when nothing is missing there any
more, or when what is missing is little and stays the same for long.
"""

from collections.abc import Mapping
from typing import NamedTuple

from bot.domain.assets import Address, ChainId

LOST_AT_LEAST = 10
"""Fewer balances that vanish in one sweep are never doubted."""

SWEEPS_TO_SETTLE = 10
"""After so many sweeps in a row that miss the same number, what is missing is taken for gone."""


class DoubtedChain(NamedTuple):
    """What is missing of a doubted chain, as of the last sweep."""

    lost: int = 0
    """So many token balances."""
    times: int = 0
    """For so many sweeps in a row, counted up to `SWEEPS_TO_SETTLE`."""
    accounts: frozenset[Address] = frozenset()
    """Whose balances vanished since the doubt began; it lasts while one of them can't be read."""


def doubted_chains(
    lost: Mapping[ChainId, int], held: Mapping[ChainId, int], doubts: Mapping[ChainId, DoubtedChain]
) -> frozenset[ChainId]:
    """Return the chains whose losses are not believed; `doubts` are those of the sweep before.

    `held` are the balances, before they were lost, of all accounts that could be read.
    """
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
        chain_id: _counted(doubts.get(chain_id, DoubtedChain()), count) for chain_id, count in lost.items()
    }


def _counted(doubt: DoubtedChain, lost: int) -> DoubtedChain:
    times = min(doubt.times + 1, SWEEPS_TO_SETTLE) if lost == doubt.lost else 1
    return doubt._replace(lost=lost, times=times)


def _is_too_much(lost: int, held: int) -> bool:
    """Whether over half vanished, at least ten balances. `held` counts before; 0: nothing left to doubt."""
    return lost >= LOST_AT_LEAST and 0 < held < lost * 2
