"""What a destination knows of the addresses that its changes were with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from types import MappingProxyType

from bot.domain.assets import Address


@dataclass(frozen=True, slots=True)
class CounterpartyNames:
    """How a destination calls addresses, and what it should be told of those that it doesn't know."""

    names: Mapping[Address, str] = field(default_factory=lambda: MappingProxyType({}))
    first_time: frozenset[Address] = frozenset()
    """Never seen with that account before, as far as explanations are stored."""
    look_alikes: Mapping[Address, Address] = field(default_factory=lambda: MappingProxyType({}))
    """By address the known one that it looks like without being it."""


NO_NAMES = CounterpartyNames()


def merged(known: Sequence[CounterpartyNames]) -> CounterpartyNames:
    """Return all that is known of addresses of several changes of one account, the first ones first.

    What was new with the first of them is new with all of them.
    """
    return CounterpartyNames(
        names=dict(chain.from_iterable(one.names.items() for one in known)),
        first_time=frozenset(chain.from_iterable(one.first_time for one in known)),
        look_alikes=dict(chain.from_iterable(one.look_alikes.items() for one in known)),
    )
