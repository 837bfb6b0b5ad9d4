"""Who hears what: changes against the subscriptions as they stand."""

from collections.abc import Iterable, Mapping, Sequence

from bot.domain.assets import NATIVE, Address, Asset, ChainId, Part
from bot.domain.observe.plan import watched_parts
from bot.domain.subscriptions import DestinationId, Subscription

Pair = tuple[Subscription, Subscription]
"""Who names an account, and what is looked at of it, as `plan.wishes` words it."""

Watches = Mapping[Address, Sequence[Pair]]
"""By account, as `plan.wishes` words them."""

Rules = Mapping[Address, frozenset[ChainId]]
"""Contracts that a destination ignores, each with the chains on which it does; none: on every chain."""

Ignored = Mapping[DestinationId, Rules]

NO_RULES: Rules = {}


def recipients_of_parts(
    wishes: Watches, account: Address, chain_id: ChainId, parts: frozenset[Part], status: Part
) -> dict[DestinationId, str]:
    """Return the destinations that wish to hear of these parts, each once, with its label of the account.

    However many subscriptions of a destination match, it is told once; the label is that of one that
    matches.
    """
    result: dict[DestinationId, str] = {}
    for watch, wish in _by_name(wishes.get(account, ())):
        if watched_parts([(watch, wish)], chain_id, status) & parts:
            result[watch.destination_id] = result.get(watch.destination_id) or watch.label
    return result


def recipients(
    asset: Asset,
    through: frozenset[Part],
    *,
    wishes: Watches,
    ignored: Ignored,
    account: Address,
    status: Part,
) -> dict[DestinationId, str]:
    """Return the destinations that wish to hear of an asset seen through these parts."""
    found = recipients_of_parts(wishes, account, asset.chain_id, through, status)
    by_name = recipients_of_parts(wishes, account, asset.chain_id, through & {asset.part}, status)
    return {
        destination_id: label
        for destination_id, label in found.items()
        if destination_id in by_name or not ignores(ignored.get(destination_id, NO_RULES), asset)
    }


def ignores(rules: Rules, asset: Asset) -> bool:
    """Whether these rules name an asset; what a wish names is told all the same."""
    chains = rules.get(asset.contract) if asset.contract != NATIVE else None
    return chains is not None and (not chains or asset.chain_id in chains)


def unignored_parts(parts: frozenset[Part], rules: Rules, asset: Asset) -> frozenset[Part]:
    """Return those of the wished parts through which an asset is heard of: by its name alone if ignored."""
    return parts & {asset.part} if ignores(rules, asset) else parts


def label_on(pairs: Iterable[Pair], chain_id: ChainId) -> str:
    """Return what a destination, by its own wishes, calls an account on a chain; "" if nothing."""
    return next(
        (
            watch.label
            for watch, wish in _by_name(pairs)
            if watch.label and watch.covers_chain(chain_id) and wish.covers_chain(chain_id)
        ),
        "",
    )


def _by_name(pairs: Iterable[Pair]) -> list[Pair]:
    """Return the wishes in the order in which their labels count.

    A name of all that an account holds goes before one of some tokens, one for certain chains before one
    for all.
    """
    return sorted(pairs, key=lambda pair: (bool(pair[0].contracts), not pair[0].chains))
