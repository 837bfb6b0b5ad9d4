"""What a destination knows of the addresses that its changes were with."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from bot.domain.assets import Address


@dataclass(frozen=True, slots=True)
class CounterpartyNames:
    """How a destination calls addresses, and what it should be told of those that it doesn't know."""

    names: Mapping[Address, str] = field(default_factory=lambda: MappingProxyType({}))
    first_time: frozenset[Address] = frozenset()
    """Never seen with that account before, as far as explanations are stored."""
    look_alikes: Mapping[Address, str] = field(default_factory=lambda: MappingProxyType({}))
    """By address what it looks like without being it: a name, or an address where that has none."""


NO_NAMES = CounterpartyNames()
