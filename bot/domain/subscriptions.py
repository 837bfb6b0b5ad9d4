"""Who wants to hear of what."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NewType

from bot.domain.assets import Address, ChainId

SubscriptionId = NewType("SubscriptionId", int)

DestinationId = NewType("DestinationId", int)


@dataclass(frozen=True, slots=True)
class Subscription:
    """A destination's wish to hear of an account, or of a contract in all accounts it watches."""

    id: SubscriptionId
    destination_id: DestinationId
    account: Address | None
    """None: the contracts, for every account this destination watches."""
    contracts: frozenset[Address] = frozenset()
    """Empty: all that the account holds."""
    chains: frozenset[ChainId] = frozenset()
    """Empty: every chain that is asked."""
    label: str = ""

    def covers_chain(self, chain_id: ChainId) -> bool:
        """Whether this chain is among the wished ones."""
        return not self.chains or chain_id in self.chains


@dataclass(frozen=True, slots=True)
class WatchSpec:
    """What somebody asks to be told of, before it is a subscription."""

    account: Address | None
    contracts: frozenset[Address] = frozenset()
    chains: frozenset[ChainId] = frozenset()
    label: str = ""


@dataclass(frozen=True, slots=True)
class ListedSubscription:
    """A subscription as its destination sees it."""

    number: int
    """What people call it: `#3`."""
    subscription: Subscription


class SubscribeOutcome(StrEnum):
    """What came of a wish."""

    CREATED = "created"
    ALREADY = "already"
    RELABELLED = "relabelled"
    FULL = "full"
    """The chat has as many subscriptions as it may."""
    TAKEN = "taken"
    """The label names something else there."""
