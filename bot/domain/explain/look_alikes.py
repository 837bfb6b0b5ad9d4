"""Addresses that are made to be taken for another one: people compare how it begins and ends."""

from collections.abc import Collection, Iterable
from itertools import chain, takewhile

from bot.domain.assets import Address

_COMPARED = 4
"""So many hex digits at each end are what a forger can match, and a hurried reader looks at."""


def resembles(one: Address, other: Address) -> bool:
    """Whether two different addresses begin and end alike."""
    return one != other and ends(one) == ends(other)


def look_alike(address: Address, named: Collection[Address], earlier: Iterable[Address]) -> Address | None:
    """Return the known address that a counterparty looks like without being it; None: it looks like none.

    `named` are the addresses that people named or watch: these are never warned of. `earlier` are former
    counterparties in the order in which they first came: the first one is the true one, a later one its copy.
    """
    if address in named:
        return None
    before = takewhile(lambda one: one != address, earlier)
    return next((one for one in chain(named, before) if resembles(one, address)), None)


def ends(address: Address) -> tuple[str, str]:
    """Return how an address begins and ends: what is equal of addresses that resemble each other."""
    digits = address.removeprefix("0x")
    return digits[:_COMPARED], digits[-_COMPARED:]
