"""Which destinations get an alert: changes are matched with the subscriptions as they stand now."""

from collections.abc import Iterable, Mapping, Sequence

from bot.domain.ask.plan import watched_parts
from bot.domain.assets import NATIVE, Address, Asset, ChainId, Part
from bot.domain.observations import Move
from bot.domain.subscriptions import DestinationId, Subscription

WatchPair = tuple[Subscription, Subscription]
"""The subscription that names an account, and the one that says what to watch of it (see `plan`)."""

Watches = Mapping[Address, Sequence[WatchPair]]
"""By account, as `plan.watches_by_account` returns them."""

Rules = Mapping[Address, frozenset[ChainId]]
"""The contracts that a destination ignores, each with the chains on which it does; none means all."""

Ignored = Mapping[DestinationId, Rules]

NO_RULES: Rules = {}


def recipients_of_parts(
    watches: Watches, account: Address, chain_id: ChainId, parts: frozenset[Part], status: Part
) -> dict[DestinationId, str]:
    """Return the destinations that watch any of these parts, with what each calls the account.

    A destination is listed once, however many of its subscriptions match; the label is that of one of them.
    """
    result: dict[DestinationId, str] = {}
    # Mostly there are none, of the parts that gave no answer: nobody's have to be looked at.
    if not parts:
        return result
    for watch, what in _by_name(watches.get(account, ())):
        if watched_parts([(watch, what)], chain_id, status) & parts:
            # The first label counts, in the order of `_by_name`; one that is empty gives way to the next.
            result[watch.destination_id] = result.get(watch.destination_id) or watch.label
    return result


def recipients(
    move: Move,
    *,
    watches: Watches,
    ignored: Ignored,
    account: Address,
    status: Part,
) -> dict[DestinationId, str]:
    """Return the destinations that get an alert about a change of an account, with their labels.

    A destination that ignores the asset gets an alert only if a subscription names its contract.
    """
    asset, through = move.asset, move.through
    found = recipients_of_parts(watches, account, asset.chain_id, through, status)
    by_name = recipients_of_parts(watches, account, asset.chain_id, through & {asset.part}, status)
    return {
        destination_id: label
        for destination_id, label in found.items()
        if destination_id in by_name or not ignores(ignored.get(destination_id, NO_RULES), asset)
    }


def ignores(rules: Rules, asset: Asset) -> bool:
    """Whether these rules name an asset. A subscription that names it counts more than they do."""
    chains = rules.get(asset.contract) if asset.contract != NATIVE else None
    return chains is not None and (not chains or asset.chain_id in chains)


def unignored_parts(parts: frozenset[Part], rules: Rules, asset: Asset) -> frozenset[Part]:
    """Return those of the watched parts that may report an asset: if it is ignored, only its own."""
    return parts & {asset.part} if ignores(rules, asset) else parts


def label_on(pairs: Iterable[WatchPair], chain_id: ChainId) -> str:
    """Return what a destination calls an account on a chain, by its own subscriptions; "" for nothing."""
    return next(
        (
            watch.label
            for watch, what in _by_name(pairs)
            if watch.label and watch.scope.covers_chain(chain_id) and what.scope.covers_chain(chain_id)
        ),
        "",
    )


def _by_name(pairs: Iterable[WatchPair]) -> list[WatchPair]:
    """Return the pairs in the order in which their labels count.

    The label of a whole account goes before that of some tokens, and one for certain chains before one for
    all chains.
    """
    return sorted(pairs, key=lambda pair: (bool(pair[0].scope.contracts), not pair[0].scope.chains))
