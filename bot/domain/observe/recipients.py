"""Which destinations get an alert: changes are matched with the subscriptions as they stand now."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from bot.domain.ask.plan import watched_parts
from bot.domain.assets import NATIVE, Address, Asset, ChainId, Part
from bot.domain.observations import Move
from bot.domain.rules.conditions import Condition
from bot.domain.rules.loud import LoudRule
from bot.domain.subscriptions import DestinationId, Subscription

WatchPair = tuple[Subscription, Subscription]
"""The subscription that names an account, and the one that says what to watch of it (see `plan`)."""

Watches = Mapping[Address, Sequence[WatchPair]]
"""By account, as `plan.watches_by_account` returns them."""

Rules = Mapping[Address, frozenset[ChainId]]
"""The contracts that a destination ignores, each with the chains on which it does; none means all."""

Ignored = Mapping[DestinationId, Rules]

NO_RULES: Rules = {}


class Recipient(NamedTuple):
    """A destination that watches what changed."""

    pairs: tuple[WatchPair, ...]
    """Its subscriptions that match, in the order in which their labels count."""

    @property
    def wanted_by(self) -> tuple[int, ...]:
        """The numbers of those that say what is watched."""
        return tuple(sorted({what.number for _, what in self.pairs}))

    @property
    def label(self) -> str:
        """What it calls the account, "" for nothing."""
        return next((watch.label for watch, _ in self.pairs if watch.label), "")

    @property
    def filters(self) -> list[Condition | None]:
        """What each of these subscriptions lets through; None: every change."""
        return [what.filter or watch.filter or what.place_filter for watch, what in self.pairs]

    @property
    def loud_rules(self) -> list[LoudRule]:
        """The rules by which a change may ring: theirs, and the destination's."""
        rules = [rule for watch, what in self.pairs for rule in (watch.loud, what.loud, what.place_loud)]
        return [rule for rule in dict.fromkeys(rules) if rule is not None]


def recipients_of_parts(
    watches: Watches, account: Address, chain_id: ChainId, parts: frozenset[Part], status: Part
) -> dict[DestinationId, Recipient]:
    """Return the destinations that watch any of these parts, each once."""
    result: dict[DestinationId, Recipient] = {}
    for pair in _matching(watches, account, chain_id, parts, status):
        known = result.get(pair[0].destination_id)
        result[pair[0].destination_id] = Recipient((*known.pairs, pair) if known else (pair,))
    return result


def labels_of_parts(
    watches: Watches, account: Address, chain_id: ChainId, parts: frozenset[Part], status: Part
) -> dict[DestinationId, str]:
    """Return what the destinations that watch any of these parts call the account, "" for nothing."""
    # As `Recipient.label`, without what a first reading of a whole list does not need.
    result: dict[DestinationId, str] = {}
    for watch, _ in _matching(watches, account, chain_id, parts, status):
        result[watch.destination_id] = result.get(watch.destination_id) or watch.label
    return result


def _matching(
    watches: Watches, account: Address, chain_id: ChainId, parts: frozenset[Part], status: Part
) -> list[WatchPair]:
    # Mostly there are none, of the parts that gave no answer: nobody's have to be looked at.
    if not parts:
        return []
    return [
        pair for pair in _by_name(watches.get(account, ())) if watched_parts([pair], chain_id, status) & parts
    ]


class Recipients(NamedTuple):
    """The destinations that watch what changed."""

    wanting: dict[DestinationId, Recipient]
    ignoring: dict[DestinationId, Recipient]
    """Those that ignore its token: nothing is reported there."""


def recipients(
    move: Move,
    *,
    watches: Watches,
    ignored: Ignored,
    account: Address,
    status: Part,
) -> Recipients:
    """Return the destinations that watch what changed of an account, and those of them that ignore it.

    A destination that ignores the asset wants it only by subscriptions that name its contract.
    """
    asset, through = move.asset, move.through
    found = recipients_of_parts(watches, account, asset.chain_id, through, status)
    by_name = recipients_of_parts(watches, account, asset.chain_id, through & {asset.part}, status)
    unignored = {
        destination_id: recipient
        for destination_id, recipient in found.items()
        if not ignores(ignored.get(destination_id, NO_RULES), asset)
    }
    # In the order of `found`: whoever ignores it has only the subscriptions that name its contract.
    wanting = {one: unignored.get(one) or by_name[one] for one in found if one in unignored or one in by_name}
    return Recipients(wanting, {one: found[one] for one in found if one not in wanting})


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
