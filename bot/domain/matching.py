"""Who hears what: changes against the subscriptions as they stand."""

from collections.abc import Iterable, Mapping, Sequence

from bot.domain.model import Address, ChainId, DestinationId, Part, Subscription
from bot.domain.plan import wished_parts

Wishes = Mapping[Address, Sequence[tuple[Subscription, Subscription]]]
"""By account, as `plan.wishes` words them."""


def hearers(
    wishes: Wishes, account: Address, chain_id: ChainId, parts: frozenset[Part], status: Part
) -> dict[DestinationId, str]:
    """Return the destinations that wish to hear of these parts, each once, with its label of the account.

    However many subscriptions of a destination match, it is told once; the first label stands.
    """
    result: dict[DestinationId, str] = {}
    for watch, wish in wishes.get(account, ()):
        if wished_parts([(watch, wish)], chain_id, status) & parts:
            result[watch.destination_id] = result.get(watch.destination_id) or watch.label
    return result


def labels(subscriptions: Iterable[Subscription]) -> dict[tuple[DestinationId, Address], str]:
    """Return what each destination calls its accounts; the first label given stands."""
    result: dict[tuple[DestinationId, Address], str] = {}
    for subscription in subscriptions:
        if subscription.account is not None and subscription.label:
            result.setdefault((subscription.destination_id, subscription.account), subscription.label)
    return result
