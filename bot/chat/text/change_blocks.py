"""Where the lines of changes stand in a message: one alone, several under their accounts, many folded."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
from typing import NamedTuple

from bot.chat.text.changes import change_lines, linked_account, within, worth_of_change
from bot.chat.text.html import EMPTY, Html, bold, expandable, fill, join
from bot.chat.text.transfers import WITHIN
from bot.chat.text.wording import counted
from bot.domain.assets import Address, Asset, ChainId
from bot.domain.chains import Chains
from bot.domain.deliver.alerts import ChangeAlert
from bot.domain.explain.netting import ExplainedChange, is_within, within_accounts
from bot.domain.observations import MoveKind
from bot.domain.symbols import find_look_alikes
from bot.domain.units import added_usd, format_signed_usd

SHOWN_OPENLY = 8
"""Of more changes the weightiest are shown openly, and the others in a quotation that opens on a tap."""

SHOWN_OPENLY_IN_DIGESTS = 10

_PAIR = 2

_UNPRICED_LOSS = Decimal(1)
"""What leaves without a price weighs as much as a dollar: more than dust, less than what is known."""


class _Ranked(NamedTuple):
    alert: ChangeAlert
    worth: Decimal | None
    rank: int
    """Its place among the changes of the message, the weightiest first."""
    is_folded: bool


def change_blocks(
    alerts: Sequence[ChangeAlert], chains: Chains, *, shown_openly: int = SHOWN_OPENLY
) -> list[Html]:
    """Return the changes as blocks: a single one, or one block for each account and label in their order."""
    if not alerts:
        return []
    together = find_look_alikes((alert.change.asset, alert.description.symbol) for alert in alerts)
    alike = together | {alert.change.asset for alert in alerts if alert.is_look_alike}
    if len(alerts) == 1:
        (alert,) = alerts
        who = linked_account(alert.change, alert.label, chains)
        return [change_lines(alert, chains, alike, who=who)]
    ranked = _ranked(alerts, chains, shown_openly)
    accounts = _by_account(ranked)
    blocks = [_account(label, changes, chains, alike) for (_, label), changes in accounts.items()]
    blocks += _within_accounts(alerts)
    if len(accounts) > 1 and len(alerts) > shown_openly:
        return [bold(f"{_summary(ranked)} · {len(accounts):,} accounts"), *blocks]
    return blocks


def _within_accounts(alerts: Sequence[ChangeAlert]) -> list[Html]:
    """Return in one line how many of the changes are both ends of the same transfers; nothing if none are."""
    explained = [
        ExplainedChange(alert.change.account, alert.change.asset, alert.explanation)
        for alert in alerts
        if alert.explanation is not None
    ]
    passages = within_accounts(explained)
    count = sum(is_within(one, passages) for one in explained)
    if not count:
        return []
    # Not first in the line, where it would be read as the mark of a change.
    which = "Both changes" if count == len(alerts) == _PAIR else f"{count:,} of these changes"
    return [EMPTY + f"{which}: {WITHIN}"]


def _ranked(alerts: Sequence[ChangeAlert], chains: Chains, shown_openly: int) -> list[_Ranked]:
    worth = [worth_of_change(alert, chains) for alert in alerts]
    ranks = {place: rank for rank, place in enumerate(_by_weight(alerts, worth))}
    return [
        _Ranked(alert, worth[place], ranks[place], ranks[place] >= shown_openly)
        for place, alert in enumerate(alerts)
    ]


def _by_weight(alerts: Sequence[ChangeAlert], worth: Sequence[Decimal | None]) -> list[int]:
    """Return the places of the changes, those of the weightiest balance first."""
    # Several steps of one balance stay together and in order: each begins with what the one before left.
    of_balance: dict[tuple[Address, Asset], list[int]] = defaultdict(list)
    for place, alert in enumerate(alerts):
        of_balance[alert.change.account, alert.change.asset].append(place)
    weights = [_weight(alert, usd) for alert, usd in zip(alerts, worth, strict=True)]
    steps = sorted(
        of_balance.values(), key=lambda places: max(weights[place] for place in places), reverse=True
    )
    return [place for places in steps for place in places]


def _weight(alert: ChangeAlert, worth: Decimal | None) -> Decimal:
    if worth is not None:
        return abs(worth)
    is_loss = alert.change.after.amount_raw < alert.change.before.amount_raw
    return _UNPRICED_LOSS if is_loss else Decimal(0)


def _by_account(ranked: Sequence[_Ranked]) -> dict[tuple[Address, str], list[_Ranked]]:
    by_chain: dict[tuple[Address, ChainId], list[_Ranked]] = defaultdict(list)
    for one in ranked:
        by_chain[one.alert.change.account, one.alert.change.asset.chain_id].append(one)
    # A chat may call an account differently on each chain; each name gets a block of its own.
    named: dict[tuple[Address, str], list[_Ranked]] = defaultdict(list)
    for (account, _), on_chain in by_chain.items():
        # The newest label counts.
        label = next((one.alert.label for one in reversed(on_chain) if one.alert.label), "")
        named[account, label] += on_chain
    return named


def _account(label: str, ranked: Sequence[_Ranked], chains: Chains, alike: AbstractSet[Asset]) -> Html:
    """Return the heading of an account, its changes that are shown openly, and its others folded."""
    heading = fill("{} · {}", linked_account(ranked[0].alert.change, label, chains), _summary(ranked))
    # The heading links to the explorer of one chain only.
    is_on_several = len({one.alert.change.asset.chain_id for one in ranked}) > 1

    def lines(some: Iterable[_Ranked]) -> list[Html]:
        return [
            # Telegram formats a hundred links in a message, and there may be more changes than that.
            change_lines(
                one.alert, chains, alike, links_chain=is_on_several, links_transactions=not one.is_folded
            )
            for one in some
        ]

    openly = sorted((one for one in ranked if not one.is_folded), key=lambda one: one.rank)
    others = lines(one for one in ranked if one.is_folded)
    return join("\n", (heading, *lines(openly), *([expandable(join("\n", others))] if others else ())))


def _summary(ranked: Sequence[_Ranked]) -> str:
    """Return `3 changes · −$1,160.20, 1 without a price`."""
    changes = counted(sum(one.alert.steps for one in ranked), "change")
    priced = [one.worth for one in ranked if one.worth is not None]
    if not priced:
        return changes
    unpriced = sum(one.worth is None and _is_signed(one.alert) for one in ranked)
    without = f", {unpriced:,} without a price" if unpriced else ""
    return f"{changes} · {format_signed_usd(added_usd(*priced))}{without}"


def _is_signed(alert: ChangeAlert) -> bool:
    """Whether something came or went, which could have a price."""
    change = alert.change
    moved = change.after.amount_raw - change.before.amount_raw
    return change.kind is MoveKind.MOVED and moved != within(alert)
