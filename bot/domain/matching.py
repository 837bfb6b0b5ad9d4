"""Who hears what: changes against the subscriptions as they stand."""

from collections.abc import Iterable, Mapping, Sequence

from bot.domain.model import NATIVE, Address, Asset, ChainId, DestinationId, Part, Subscription
from bot.domain.plan import wished_parts

Wishes = Mapping[Address, Sequence[tuple[Subscription, Subscription]]]
"""By account, as `plan.wishes` words them."""

Rules = Mapping[Address, frozenset[ChainId]]
"""Contracts that a destination ignores, each with the chains on which it does; none: on every chain."""

Ignored = Mapping[DestinationId, Rules]

NO_RULES: Rules = {}


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


def hearers_of(
    asset: Asset,
    through: frozenset[Part],
    *,
    wishes: Wishes,
    ignored: Ignored,
    account: Address,
    status: Part,
) -> dict[DestinationId, str]:
    """Return the destinations that wish to hear of an asset seen through these parts, as `hearers` does."""
    found = hearers(wishes, account, asset.chain_id, through, status)
    by_name = hearers(wishes, account, asset.chain_id, through & {asset.part}, status)
    return {
        destination_id: label
        for destination_id, label in found.items()
        if destination_id in by_name or not ignores(ignored.get(destination_id, NO_RULES), asset)
    }


def ignores(rules: Rules, asset: Asset) -> bool:
    """Whether these rules name an asset; what a wish names is told all the same."""
    chains = rules.get(asset.contract) if asset.contract != NATIVE else None
    return chains is not None and (not chains or asset.chain_id in chains)


def heard_parts(parts: frozenset[Part], rules: Rules, asset: Asset) -> frozenset[Part]:
    """Return those of the wished parts through which an asset is heard of: by its name alone if ignored."""
    return parts & {asset.part} if ignores(rules, asset) else parts


def labels(subscriptions: Iterable[Subscription]) -> dict[tuple[DestinationId, Address], str]:
    """Return what each destination calls its accounts; the first label given stands."""
    result: dict[tuple[DestinationId, Address], str] = {}
    for subscription in subscriptions:
        if subscription.account is not None and subscription.label:
            result.setdefault((subscription.destination_id, subscription.account), subscription.label)
    return result
