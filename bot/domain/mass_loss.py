"""When so much of a chain vanishes at once that its index, and not the world, has lost it."""

from collections.abc import Mapping

from bot.domain.model import ChainId

LOST_AT_LEAST = 10
"""Balances that one sweep has to read as gone before it is doubted."""


def doubted_chains(lost: Mapping[ChainId, int], held: Mapping[ChainId, int]) -> frozenset[ChainId]:
    """Return the chains of which one sweep would zero too many of the token balances held there."""
    return frozenset(
        chain_id
        for chain_id, count in lost.items()
        if count >= LOST_AT_LEAST and count * 2 > held.get(chain_id, 0)
    )
