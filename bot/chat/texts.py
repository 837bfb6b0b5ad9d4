"""What the bot tells by itself: changes and notices, composed into one message.

The layout is fixed, because people and tests read it (design.md 9): a change is one line
with the signed amount and the symbol; account and chain stand above it; the message id
ends the message.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from bot.chat.html import EMPTY, Html, join, link
from bot.chat.wording import (
    RAW_UNITS,
    account_name,
    asset_name,
    chain_names,
    clock,
    counted,
    counted_ids,
    decimals_of,
    find_look_alikes,
    ids_held,
)
from bot.domain.alerts import Alert, Baseline, ChangeAlert, NoticeAlert
from bot.domain.chains import Chains
from bot.domain.model import Address, Asset, ChainId, Change, MoveKind
from bot.domain.units import format_shown, format_signed, format_usd, usd_value

_GAP = "     "
_BASELINES_SINGLY = 5
_USD_CHARACTERS_MOST = 40


@dataclass(frozen=True, slots=True)
class Composed:
    """One message, ready to be sent."""

    html: str
    told: int
    """How many of the alerts it tells, from the first on; the others need another message."""


def compose(alerts: Sequence[Alert], message_id: str, chains: Chains, composed_at: datetime) -> Composed:
    """Return as many of the alerts, in order, as fit one message; at least the first."""
    today = composed_at.astimezone(UTC).date()

    def message(told: int) -> Html:
        return _message(alerts[:told], message_id, chains, today)

    fitting, step = 1, 1
    while fitting < len(alerts) and message(min(fitting + step, len(alerts))).fits:
        fitting = min(fitting + step, len(alerts))
        step *= 2
    while step > 1:
        step //= 2
        if fitting + step <= len(alerts) and message(fitting + step).fits:
            fitting += step
    return Composed(message(fitting).source, fitting)


def _message(alerts: Sequence[Alert], message_id: str, chains: Chains, today: date) -> Html:
    notices = [alert.notice for alert in alerts if isinstance(alert, NoticeAlert)]
    baselines = [notice for notice in notices if isinstance(notice, Baseline)]
    changes = [alert for alert in alerts if isinstance(alert, ChangeAlert)]
    blocks = [_baselines(baselines, chains)] if baselines else []
    return join("\n\n", blocks + _accounts(changes, chains)) + "\n" + _footer(alerts, message_id, today)


# ---------------------------------------------------------------- changes


def _accounts(alerts: Sequence[ChangeAlert], chains: Chains) -> list[Html]:
    look_alikes = find_look_alikes(((alert.change.asset, alert.description) for alert in alerts), chains)
    grouped: dict[Address, dict[ChainId, list[ChangeAlert]]] = {}
    for alert in alerts:
        by_chain = grouped.setdefault(alert.change.account, defaultdict(list))
        by_chain[alert.change.asset.chain_id].append(alert)
    return [_account(account, by_chain, chains, look_alikes) for account, by_chain in grouped.items()]


def _account(
    account: Address,
    by_chain: Mapping[ChainId, Sequence[ChangeAlert]],
    chains: Chains,
    look_alikes: frozenset[Asset],
) -> Html:
    labels = [alert.label for alerts in by_chain.values() for alert in alerts if alert.label]
    lines = [account_name(account, labels[-1] if labels else "")]
    for alerts in by_chain.values():
        lines.append(_chain(alerts[0].change, chains))
        lines += [_change(alert, chains, look_alikes) for alert in alerts]
    return join("\n", lines)


def _chain(change: Change, chains: Chains) -> Html:
    title = chains.get(change.asset.chain_id).title
    url = chains.explorer_link(change.asset, change.account)
    return link(title, url) if url else EMPTY + title


def _change(alert: ChangeAlert, chains: Chains, look_alikes: frozenset[Asset]) -> Html:
    change = alert.change
    name = asset_name(change.asset, alert.description, chains, look_alikes)
    decimals = decimals_of(change.asset, alert.description, chains)
    if change.kind is MoveKind.LISTED:
        return _listed(change, name, decimals)
    if change.before.amount_raw == change.after.amount_raw:
        return _exchanged(alert, name, decimals)
    return _moved(alert, name, decimals)


def _moved(alert: ChangeAlert, name: Html, decimals: int | None) -> Html:
    before, after = alert.change.before.amount_raw, alert.change.after.amount_raw
    places = decimals or 0
    amount = f"{_mark(before, after)} {format_signed(after - before, places)} "
    raw = f" {RAW_UNITS}" if decimals is None else ""
    values = f"{_GAP}{format_shown(before, places)} → {format_shown(after, places)}"
    return amount + name + raw + values + _ids(alert) + _worth(alert.change, decimals)


def _mark(before: int, after: int) -> str:
    if after < before:
        return "▼"
    return "▲" if before else "✦"


def _exchanged(alert: ChangeAlert, name: Html, decimals: int | None) -> Html:
    """Return the line of a collection that holds as many items as before, but other ones."""
    items = format_shown(alert.change.after.amount_raw, decimals or 0)
    things = "item" if items == "1" else "items"
    return "⇄ " + name + f"{_GAP}{items} {things}" + _ids(alert)


def _listed(change: Change, name: Html, decimals: int | None) -> Html:
    amount = format_shown(change.after.amount_raw, decimals or 0)
    raw = f" {RAW_UNITS}" if decimals is None else ""
    since = "before" if change.after.block is None else f"since block {change.after.block:,}"
    return "◦ " + name + f" now listed: {amount}{raw}, held {since}"


def _ids(alert: ChangeAlert) -> str:
    before = ids_held(alert.description, alert.change.before)
    after = ids_held(alert.description, alert.change.after)
    if after is None:
        return ""
    if before is None or before == after:
        return f" · {counted_ids(after)}"
    return f" · {format_shown(before, 0)} → {counted_ids(after)}"


def _worth(change: Change, decimals: int | None) -> str:
    """Return what the difference is worth; nothing where the price or the decimals are unknown or absurd."""
    delta = change.after.amount_raw - change.before.amount_raw
    if decimals is None:
        return ""
    try:
        value = usd_value(delta, decimals, change.price_usd)
        shown = format_usd(value) if value else ""
    except ArithmeticError:
        return ""
    if not value or (value < 0) != (delta < 0) or len(shown) > _USD_CHARACTERS_MOST:
        return ""
    return _GAP + shown


# ---------------------------------------------------------------- notices


def _baselines(baselines: Sequence[Baseline], chains: Chains) -> Html:
    if len(baselines) <= _BASELINES_SINGLY:
        return join("\n", (_baseline(baseline, chains) for baseline in baselines))
    accounts = len({baseline.account for baseline in baselines})
    seen = dict.fromkeys(chain for baseline in baselines for chain in baseline.chains)
    silent = dict.fromkeys(chain for baseline in baselines for chain in baseline.unanswered)
    return _watching(
        EMPTY + counted(accounts, "account"),
        _found(sum(baseline.balances for baseline in baselines), tuple(seen)),
        _silent(tuple(silent), chains),
    )


def _baseline(baseline: Baseline, chains: Chains) -> Html:
    found = _found(baseline.balances, baseline.chains)
    if baseline.balances:
        found += f" ({chain_names(baseline.chains, chains)})"
    return _watching(
        account_name(baseline.account, baseline.label), found, _silent(baseline.unanswered, chains)
    )


def _watching(who: Html, found: str, silent: str) -> Html:
    sentence = "👁 Watching " + who + (f": {found}" if found else "")
    return sentence + f". {silent}" if silent else sentence


def _found(balances: int, seen: Sequence[ChainId]) -> str:
    if not seen:
        return ""
    what = counted(balances, "balance") if balances else "nothing held yet"
    return f"{what} on {counted(len(seen), 'chain')}"


def _silent(unanswered: Sequence[ChainId], chains: Chains) -> str:
    if not unanswered:
        return ""
    they_join = "it joins when it answers" if len(unanswered) == 1 else "they join when they answer"
    return f"No answer yet from {chain_names(unanswered, chains, last=' and ')}; {they_join}."


# ---------------------------------------------------------------- footer


def _footer(alerts: Sequence[Alert], message_id: str, today: date) -> str:
    moments = [_observed_at(alert) for alert in alerts]
    return f"{_when(min(moments), max(moments), today)} UTC · {message_id}"


def _observed_at(alert: Alert) -> datetime:
    return alert.change.observed_at if isinstance(alert, ChangeAlert) else alert.observed_at


def _when(first: datetime, last: datetime, today: date) -> str:
    first, last = first.astimezone(UTC), last.astimezone(UTC)
    if last - first < timedelta(seconds=1):
        return clock(first, today)
    if first.date() == last.date():
        return f"{clock(first, today)}–{last:%H:%M:%S}"
    return f"{first:%Y-%m-%d %H:%M:%S} – {last:%Y-%m-%d %H:%M:%S}"
