"""The ignore list of a destination: tokens it wants no alerts about.

A subscription that names a contract still reports it: that was asked for explicitly.
"""

from dataclasses import dataclass

from bot.domain.assets import Address, ChainId
from bot.domain.places import Place

IGNORED_MOST = 200
"""Entries per destination."""


@dataclass(frozen=True, slots=True)
class IgnoredToken:
    """One entry of a destination's ignore list."""

    row: int
    """Its row id, which buttons carry."""
    contract: Address
    chains: frozenset[ChainId]
    """Empty: every chain."""
    symbol: str
    """The token's symbol; "" if unknown or different from chain to chain."""


@dataclass(frozen=True, slots=True)
class IgnoreResult:
    """What became of an /ignore command."""

    new: tuple[IgnoredToken, ...]
    already: tuple[IgnoredToken, ...]
    over_limit: int
    """Number of contracts that were not added because the list is full."""
    still_to_come: int
    """Changes of the new entries observed before, whose alerts are still sent."""


@dataclass(frozen=True, slots=True)
class IgnoreListPage:
    """One page of a destination's ignore list."""

    tokens: tuple[IgnoredToken, ...]
    page: int
    pages: int
    total: int


@dataclass(frozen=True, slots=True)
class FoundIgnored:
    """The entry that a button is about, and the place it belongs to."""

    token: IgnoredToken
    place: Place
