"""The lines of a change, the same wherever one is shown: the news, and below it what led there.

The first line is fixed, because people and programs read it: mark, account (where the message is about one
change), signed amount with the symbol, worth in parentheses, chain. Old and new amount stand below.
"""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from bot.chat.text.html import EMPTY, Html, bold, fill, join, link
from bot.chat.text.transfers import WITHIN_ACCOUNTS, transfer_lines, transfer_parts, transfer_warnings
from bot.chat.text.untrusted import sanitized
from bot.chat.text.wording import RAW_UNITS, age, asset_name, clock, counted_ids, ids_held
from bot.domain.addresses import shortened
from bot.domain.assets import Asset
from bot.domain.chains import Chains
from bot.domain.deliver.alerts import ChangeAlert
from bot.domain.observations import Change, ItemMove, MoveKind
from bot.domain.observe.descriptions import Decimals, decimals_in
from bot.domain.observe.worth import dollars
from bot.domain.units import format_shown, format_signed, format_signed_usd

PRICE_IS_FRESH = timedelta(hours=1)
"""The age of an older price is shown."""

INDENT = "    "


class _News(NamedTuple):
    """What the two lines of a change say, beside whose it is and where."""

    mark: str
    what: Html
    below: str


def change_lines(
    alert: ChangeAlert,
    chains: Chains,
    alike: AbstractSet[Asset],
    *,
    who: Html = EMPTY,
    links_chain: bool = False,
    links_transactions: bool = True,
) -> Html:
    """Return both lines of a change, with `who` after the mark, below them with whom it was, and warnings.

    `alike` are the assets whose symbol looks like that of another one in the message.
    """
    news = _news(alert, chains, alike)
    asset, account = alert.change.asset, alert.change.account
    title = chains.get(asset.chain_id).title
    url = chains.explorer_link(asset, account) if links_chain else None
    first = join(" ", (news.mark, *([who] if who else []), news.what))
    amounts = join(" ", filter(None, (news.below, alert.sparkline)))
    below = join(" · ", (amounts, *transfer_parts(alert, chains, is_linked=links_transactions)))
    several = transfer_lines(alert, chains, is_linked=links_transactions)
    heading = fill("{} · {}", first, link(title, url) if url else title)
    return join(f"\n{INDENT}", (heading, below, *several, *transfer_warnings(alert)))


def on_the_clock_of(now: datetime, alert: ChangeAlert) -> ChangeAlert:
    """Return a change with the moment that its lines name in the zone of `now`."""
    return replace(alert, since=alert.since.astimezone(now.tzinfo)) if alert.since else alert


def linked_account(change: Change, label: str, chains: Chains) -> Html:
    """Return the label of a change's account, or its short address, as a link to its page on the explorer."""
    name = bold(sanitized(label)) or EMPTY + shortened(change.account)
    url = chains.explorer_link(change.asset, change.account)
    # Telegram allows no link around code, as which a label is shown that could be misread.
    return link(name, url) if url and not name.entities else name


def worth_of_change(alert: ChangeAlert, chains: Chains) -> Decimal | None:
    """Return the value of what came or went, below zero for what went; None: it is unknown, or neither."""
    change = alert.change
    if change.kind is MoveKind.LISTED:
        return None
    decimals = decimals_in(change, alert.description, chains)
    difference = decimals.difference(change.before.amount_raw, change.after.amount_raw) - within(alert)
    return dollars(difference, None if decimals.after is None else decimals.places, change.price_usd)


def _news(alert: ChangeAlert, chains: Chains, alike: AbstractSet[Asset]) -> _News:
    change = alert.change
    name = asset_name(change.asset, alert.description, chains, alike)
    decimals = decimals_in(change, alert.description, chains)
    if change.kind is MoveKind.LISTED:
        return _listed(alert, name, decimals.after)
    if change.before.amount_raw + within(alert) != change.after.amount_raw:
        return _moved(alert, name, decimals, _worth(alert, chains))
    if (alert.steps > 1 and not change.items) or within(alert):
        below = _old_and_new(alert, decimals) + _within_words(alert, decimals)
        return _News("⇄", "±0 " + name + _raw(decimals), below)
    return _exchanged(alert, name, decimals)


def _moved(alert: ChangeAlert, name: Html, decimals: Decimals, worth: str) -> _News:
    before, after = alert.change.before.amount_raw, alert.change.after.amount_raw
    difference = decimals.difference(before, after) - within(alert)
    what = format_signed(difference, decimals.places) + " " + name + _raw(decimals)
    moves = [move for move in alert.change.items if move.before_raw != move.after_raw]
    # The only id that came or went is part of the news.
    is_one = len(moves) == 1 and not (moves[0].before_raw and moves[0].after_raw)
    number = f" #{_shortened(moves[0].token_id)}" if is_one else ""
    more = "" if is_one else _items(moves, decimals)
    below = _old_and_new(alert, decimals) + more + _within_words(alert, decimals)
    return _News(_mark(before, difference), what + number + worth, below)


def _within_words(alert: ChangeAlert, decimals: Decimals) -> str:
    """Return ` · −1,000 within your accounts`; "" for none."""
    amount = within(alert)
    return f" · {format_signed(amount, decimals.places)} {WITHIN_ACCOUNTS}" if amount else ""


def within(alert: ChangeAlert) -> int:
    """Return what of a change is no news, as it moved between accounts of its reader."""
    return 0 if alert.within is None else alert.within.amount_raw


def _mark(before: int, difference: int) -> str:
    """Return the mark of less than before, of more, or of something where nothing was held before."""
    if difference < 0:
        return "🔴"
    return "🟢" if before else "✨"


def _raw(decimals: Decimals) -> str:
    return f" {RAW_UNITS}" if decimals.after is None else ""


def _old_and_new(alert: ChangeAlert, decimals: Decimals) -> str:
    """Return `51 → 87 in 8 steps`, `12 → 0, all of it`, `1 held`, and the number of ids if it is known."""
    change = alert.change
    before = format_shown(change.before.amount_raw, decimals.before or 0)
    after = format_shown(change.after.amount_raw, decimals.after or 0)
    steps = _steps(alert)
    if not change.after.amount_raw:
        return f"{before} → 0{steps}" + (", all of it" if change.before.amount_raw else "")
    ids = ids_held(alert.description, change.after)
    if not change.before.amount_raw and alert.description.is_collection:
        is_obvious = ids is None or format_shown(ids, 0) == after
        return f"{after} held{steps}" + ("" if is_obvious else f" · {counted_ids(ids or 0)}")
    return f"{before} → {after}{steps}{_ids(alert)}"


def _steps(alert: ChangeAlert) -> str:
    """Return ` in 8 steps`, and since when where a filter held them back; "" for a single step."""
    if alert.steps == 1:
        return ""
    if alert.since is None:
        return f" in {alert.steps:,} steps"
    there = alert.change.observed_at.astimezone(alert.since.tzinfo)
    return f" in {alert.steps:,} steps since {clock(alert.since, there, pattern='%H:%M')}"


def _exchanged(alert: ChangeAlert, name: Html, decimals: Decimals) -> _News:
    """Return the news of a collection of which as many items are held as before, but other ones."""
    items = format_shown(alert.change.after.amount_raw, decimals.after or 0)
    held = f"{items} {'item' if items == '1' else 'items'}"
    steps = _steps(alert)
    more = _items(alert.change.items, decimals)
    return _News("⇄", name + " exchanged", held + steps + _ids(alert) + more)


def _listed(alert: ChangeAlert, name: Html, decimals: int | None) -> _News:
    holding = alert.change.after
    amount = format_shown(holding.amount_raw, decimals or 0)
    since = "before" if holding.block is None else f"since block {holding.block:,}"
    raw = f" {RAW_UNITS}" if decimals is None else ""
    return _News("◦", amount + " " + name + raw + " now listed", f"held {since}")


def _ids(alert: ChangeAlert) -> str:
    before = ids_held(alert.description, alert.change.before)
    after = ids_held(alert.description, alert.change.after)
    if after is None:
        return ""
    if before is None or before == after:
        return f" · {counted_ids(after)}"
    return f" · {format_shown(before, 0)} → {counted_ids(after)}"


def _items(moves: Iterable[ItemMove], decimals: Decimals) -> str:
    return "".join(f" · {moved}" for moved in items_moved(moves, decimals))


def _worth(alert: ChangeAlert, chains: Chains) -> str:
    """Return the value of the difference, and the age of an old price; "" without a price or decimals."""
    value = worth_of_change(alert, chains)
    if value is None:
        return ""
    change = alert.change
    span = change.observed_at - (change.priced_at or change.observed_at)
    old = f", price {age(span)} old" if span > PRICE_IS_FRESH else ""
    return f" ({format_signed_usd(value)}{old})"


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
