"""The text of a change: one line under its chain and its account.

The order of the line is fixed, because people and programs read it: the signed amount with the symbol, then
old and new amount, then the value in dollars, then which ids of a collection came and went.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta

from bot.chat.text.html import EMPTY, Html, join, link
from bot.chat.text.wording import RAW_UNITS, account_name, age, asset_name, counted_ids, ids_held
from bot.domain.assets import Address, Asset, ChainId
from bot.domain.chains import Chains
from bot.domain.deliver.alerts import ChangeAlert
from bot.domain.observations import Change, ItemMove, MoveKind
from bot.domain.observe.descriptions import Decimals, decimals_of, decimals_of_change
from bot.domain.observe.worth import dollars
from bot.domain.symbols import find_look_alikes
from bot.domain.units import format_shown, format_signed, format_signed_usd

PRICE_IS_FRESH = timedelta(hours=1)
"""The age of an older price is shown."""

_GAP = "     "


def account_blocks(alerts: Sequence[ChangeAlert], chains: Chains) -> list[Html]:
    """Return a block for each account and label, with its changes by chain, in the order of the alerts."""
    together = find_look_alikes((alert.change.asset, alert.description.symbol) for alert in alerts)
    alike = together | {alert.change.asset for alert in alerts if alert.is_look_alike}
    by_chain: dict[tuple[Address, ChainId], list[ChangeAlert]] = defaultdict(list)
    for alert in alerts:
        by_chain[alert.change.account, alert.change.asset.chain_id].append(alert)
    # A chat may call an account differently on each chain; each name gets a block of its own.
    named: dict[tuple[Address, str], list[list[ChangeAlert]]] = defaultdict(list)
    for (account, _), on_chain in by_chain.items():
        named[account, _label(on_chain)].append(on_chain)
    return [
        _account(account, label, of_account, chains, alike) for (account, label), of_account in named.items()
    ]


def _label(on_chain: Sequence[ChangeAlert]) -> str:
    """Return the newest label among the alerts of one account on one chain, "" if none has any."""
    return next((alert.label for alert in reversed(on_chain) if alert.label), "")


def _account(
    account: Address,
    label: str,
    by_chain: Sequence[Sequence[ChangeAlert]],
    chains: Chains,
    alike: frozenset[Asset],
) -> Html:
    lines = [account_name(account, label)]
    for alerts in by_chain:
        lines.append(_chain(alerts[0].change, chains))
        lines += [_change(alert, chains, alike) for alert in alerts]
    return join("\n", lines)


def _chain(change: Change, chains: Chains) -> Html:
    title = chains.get(change.asset.chain_id).title
    url = chains.explorer_link(change.asset, change.account)
    return link(title, url) if url else EMPTY + title


def _change(alert: ChangeAlert, chains: Chains, alike: frozenset[Asset]) -> Html:
    change = alert.change
    name = asset_name(change.asset, alert.description, chains, alike)
    decimals = _decimals(alert, chains)
    if change.kind is MoveKind.LISTED:
        return _listed(change, name, decimals.after)
    if change.before.amount_raw == change.after.amount_raw:
        return _exchanged(alert, name, decimals)
    return _moved(alert, name, decimals)


def _decimals(alert: ChangeAlert, chains: Chains) -> Decimals:
    """Return the decimals of both amounts, as far as they were known when the change was observed."""
    change, description = alert.change, alert.description

    def known(decimals: int | None) -> int | None:
        otherwise = description.decimals if decimals is None else decimals
        return decimals_of(change.asset, description._replace(decimals=otherwise), chains)

    former = None if change.former_decimals is None else known(change.former_decimals)
    return decimals_of_change(
        change.before.amount_raw, change.after.amount_raw, former, known(change.decimals)
    )


def _moved(alert: ChangeAlert, name: Html, decimals: Decimals) -> Html:
    before, after = alert.change.before.amount_raw, alert.change.after.amount_raw
    difference = decimals.difference(before, after)
    amount = f"{_mark(before, difference)} {format_signed(difference, decimals.places)} "
    raw = f" {RAW_UNITS}" if decimals.after is None else ""
    values = (
        f"{_GAP}{format_shown(before, decimals.before or 0)} → {format_shown(after, decimals.after or 0)}"
    )
    worth = _worth(alert.change, difference, decimals)
    return amount + name + raw + values + _ids(alert) + worth + _items(alert, decimals)


def _mark(before: int, difference: int) -> str:
    """Return ▼ for less than before, ▲ for more, and ✦ where nothing was held before."""
    if difference < 0:
        return "▼"
    return "▲" if before else "✦"


def _exchanged(alert: ChangeAlert, name: Html, decimals: Decimals) -> Html:
    """Return the line of a collection of which as many items are held as before, but other ones."""
    items = format_shown(alert.change.after.amount_raw, decimals.after or 0)
    things = "item" if items == "1" else "items"
    return "⇄ " + name + f"{_GAP}{items} {things}" + _ids(alert) + _items(alert, decimals)


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


def _items(alert: ChangeAlert, decimals: Decimals) -> str:
    return "".join(f" · {moved}" for moved in items_moved(alert.change.items, decimals))


def _worth(change: Change, difference: int, decimals: Decimals) -> str:
    """Return the value of the difference, and the age of an old price; "" without a price or decimals."""
    value = dollars(difference, None if decimals.after is None else decimals.places, change.price_usd)
    if value is None:
        return ""
    span = change.observed_at - (change.priced_at or change.observed_at)
    return _GAP + format_signed_usd(value) + (f", price {age(span)} old" if span > PRICE_IS_FRESH else "")


_NAMED_WHOLE = 6
"""Up to so many ids are all named; of more, some of each kind are."""

_NAMED_BEFORE_FOLD = 3
_ID_DIGITS_WHOLE = 12
_CHARACTERS_MOST = 25
"""An amount with more characters is left out: the line has the exact sum, and an amount may have 78
digits."""


WHOLE = Decimals(0, 0)


def items_moved(moves: Iterable[ItemMove], decimals: Decimals = WHOLE) -> list[str]:
    """Return `gone: #12, #13`, `new: #77`, `fewer: #5 (99 → 98)`, `more: …`, each where there are any."""
    changed = sorted(move for move in moves if move.before_raw != move.after_raw)
    named_most = len(changed) if len(changed) <= _NAMED_WHOLE else _NAMED_BEFORE_FOLD
    kinds = {
        "gone": [move for move in changed if not move.after_raw],
        "new": [move for move in changed if not move.before_raw],
        "fewer": [move for move in changed if 0 < move.after_raw < move.before_raw],
        "more": [move for move in changed if 0 < move.before_raw < move.after_raw],
    }
    return [f"{kind}: {_named(moved, decimals, named_most)}" for kind, moved in kinds.items() if moved]


def _named(moves: Sequence[ItemMove], decimals: Decimals, most: int) -> str:
    named = ", ".join(_item(move, decimals) for move in moves[:most])
    return named if len(moves) <= most else f"{named} and {len(moves) - most:,} more"


def _item(move: ItemMove, decimals: Decimals) -> str:
    number = f"#{_shortened(move.token_id)}"
    before = format_shown(move.before_raw, decimals.before or 0)
    after = format_shown(move.after_raw, decimals.after or 0)
    if max(len(before), len(after)) > _CHARACTERS_MOST:
        return number
    if move.before_raw and move.after_raw:
        return f"{number} ({before} → {after})"
    amount = after if move.after_raw else before
    return number if amount == "1" else f"{number} ×{amount}"  # noqa: RUF001 - times


def _shortened(token_id: int) -> str:
    """Return the id, or its first and last digits: some are hashes of 78 digits."""
    digits = str(token_id)
    return digits if len(digits) <= _ID_DIGITS_WHOLE else f"{digits[:4]}…{digits[-4:]}"
