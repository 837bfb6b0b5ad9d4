"""Subscriptions: which destination wants alerts about which account or contract."""

from dataclasses import dataclass, field
from typing import NewType

from bot.domain.assets import Address, Asset, ChainId
from bot.domain.rules.conditions import Condition
from bot.domain.rules.loud import LoudRule

SubscriptionId = NewType("SubscriptionId", int)

DestinationId = NewType("DestinationId", int)


@dataclass(frozen=True, slots=True)
class Scope:
    """Which changes of an account a subscription is about; by default all of them.

    Whatever is added here is stored, compared, undone and shown with the rest: each field needs a default
    that means "everything".
    """

    contracts: frozenset[Address] = frozenset()
    """Only these tokens; empty: everything the account holds."""
    chains: frozenset[ChainId] = frozenset()
    """Only on these chains; empty: on every chain the bot polls."""

    def covers_chain(self, chain_id: ChainId) -> bool:
        """Whether the scope includes this chain."""
        return not self.chains or chain_id in self.chains

    def covers(self, asset: Asset) -> bool:
        """Whether the scope includes this asset."""
        return self.covers_chain(asset.chain_id) and (not self.contracts or asset.contract in self.contracts)


EVERYTHING = Scope()


@dataclass(frozen=True, slots=True)
class Subscription:
    """What one destination (a chat or a topic) watches: an account, or a contract in all its accounts."""

    id: SubscriptionId
    destination_id: DestinationId
    account: Address | None
    """None: the contracts of the scope, in every account that this destination watches."""
    scope: Scope = EVERYTHING
    label: str = ""
    filter: Condition | None = None
    """Which changes are reported; None: as the destination says."""
    place_filter: Condition | None = None
    """The destination's own, for subscriptions without one; None: all changes are reported."""
    loud: LoudRule | None = None
    """Which of its changes ring; None: it has no rule."""
    place_loud: LoudRule | None = None
    """The destination's rule, which counts beside its own."""
    number: int = field(default=0, compare=False)
    """What people type for it: `#3`."""


@dataclass(frozen=True, slots=True)
class WatchSpec:
    """What somebody asks to watch; it becomes a subscription when it is stored."""

    account: Address | None
    scope: Scope = EVERYTHING
    label: str = ""
    filter: Condition | None = None
    loud: LoudRule | None = None


@dataclass(frozen=True, slots=True)
class ListedSubscription:
    """A subscription with the number it has in its chat."""

    number: int
    """What people type for it: `#3`."""
    subscription: Subscription
