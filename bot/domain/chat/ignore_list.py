"""What a destination does not wish to hear of: tokens that only make noise.

Whoever watches a contract by its name has asked for it, and hears of it all the same.
"""

from dataclasses import dataclass

from bot.domain.assets import Address, ChainId
from bot.domain.places import Place

IGNORED_MOST = 200
"""Of one destination."""


@dataclass(frozen=True, slots=True)
class IgnoredToken:
    """One rule of a destination."""

    row: int
    """What buttons call it."""
    contract: Address
    chains: frozenset[ChainId]
    """Empty: every chain."""
    symbol: str
    """As its chains call it; "" if nobody knows, or each does otherwise."""


@dataclass(frozen=True, slots=True)
class IgnoreResult:
    """What came of ignoring contracts."""

    new: tuple[IgnoredToken, ...]
    already: tuple[IgnoredToken, ...]
    over_limit: int
    """So many found no room."""
    still_to_come: int
    """Changes of the new ones that were seen before, and are still told."""


@dataclass(frozen=True, slots=True)
class IgnoreListPage:
    """One page of what a destination ignores."""

    tokens: tuple[IgnoredToken, ...]
    page: int
    pages: int
    total: int


@dataclass(frozen=True, slots=True)
class FoundIgnored:
    """A rule that a button names, and where it holds."""

    token: IgnoredToken
    place: Place
