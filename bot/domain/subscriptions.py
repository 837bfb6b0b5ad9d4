"""Subscriptions: which destination wants alerts about which account or contract."""

from dataclasses import dataclass
from typing import NewType

from bot.domain.assets import Address, ChainId

SubscriptionId = NewType("SubscriptionId", int)

DestinationId = NewType("DestinationId", int)


@dataclass(frozen=True, slots=True)
class Subscription:
    """What one destination (a chat or a topic) watches: an account, or a contract in all its accounts."""

    id: SubscriptionId
    destination_id: DestinationId
    account: Address | None
    """None: the contracts below, in every account that this destination watches."""
    contracts: frozenset[Address] = frozenset()
    """Only these tokens; empty: everything the account holds."""
    chains: frozenset[ChainId] = frozenset()
    """Only on these chains; empty: on every chain the bot polls."""
    label: str = ""

    def covers_chain(self, chain_id: ChainId) -> bool:
        """Whether the subscription is about this chain."""
        return not self.chains or chain_id in self.chains


@dataclass(frozen=True, slots=True)
class WatchSpec:
    """What somebody asks to watch; it becomes a subscription when it is stored."""

    account: Address | None
    contracts: frozenset[Address] = frozenset()
    chains: frozenset[ChainId] = frozenset()
    label: str = ""


@dataclass(frozen=True, slots=True)
class ListedSubscription:
    """A subscription with the number it has in its chat."""

    number: int
    """What people type for it: `#3`."""
    subscription: Subscription
