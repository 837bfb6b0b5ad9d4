"""Wording that alerts and answers share: names, amounts, moments and spans look the same everywhere."""

import re
from collections.abc import Collection, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

from bot.chat.text.html import EMPTY, Html, bold, code, fill, join
from bot.chat.text.untrusted import sanitized, symbol
from bot.domain.addresses import shortened
from bot.domain.assets import Address, Amount, Asset, ChainId, Description
from bot.domain.chains import Chains
from bot.domain.symbols import is_plain, symbol_key
from bot.domain.units import format_shown
from bot.domain.zones import zone_word

RAW_UNITS = "(raw units)"
"""Follows an amount in smallest units, where the decimals are unknown."""

_LIKE_AN_ADDRESS = re.compile(r"[0o]x[0-9a-f]{4}", re.IGNORECASE)

_CONTRACTS_NAMED = 3
_NAMES_LISTED_WHOLE = 4
_NAMES_BEFORE_FOLD = 3


def short_address(address: Address) -> Html:
    """Return `0x8e3E…d8B9`, as code."""
    return code(shortened(address))


def account_name(account: Address, label: str) -> Html:
    """Return the label, where there is one, and the short address."""
    named = bold(sanitized(label))
    return named + " · " + short_address(account) if named else short_address(account)


def token_names(contracts: Collection[Address]) -> Html:
    """Return `token 0x5ba3…5bA3`, `tokens 0x…, 0x… and 3 more`."""
    named = sorted(contracts)[:_CONTRACTS_NAMED]
    more = len(contracts) - len(named)
    return fill(
        "{} {}{}",
        "token" if len(contracts) == 1 else "tokens",
        join(", ", map(short_address, named)),
        f" and {more:,} more" if more else "",
    )


def folded(names: Sequence[Html | str], *, last: str = ", ") -> Html:
    """Return the names in a row, shortened if they are many: `Ethereum, Polygon, Base and 17 more`."""
    if len(names) > _NAMES_LISTED_WHOLE:
        return join(", ", names[:_NAMES_BEFORE_FOLD]) + f" and {len(names) - _NAMES_BEFORE_FOLD:,} more"
    return join(last, (part for part in (join(", ", names[:-1]), *names[-1:]) if part))


def chain_names(chain_ids: Sequence[ChainId], chains: Chains, *, last: str = ", ") -> str:
    """Return the titles of chains, shortened like `folded`."""
    return folded([chains.get(chain_id).title for chain_id in chain_ids], last=last).visible


def counted(number: int, thing: str) -> str:
    """Return `1 balance`, `1,400 balances`."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def clock(moment: datetime, now: datetime, *, pattern: str = "%H:%M:%S") -> str:
    """Return the time of day in the zone of `now`, with the date before it unless that is today there."""
    there = moment.astimezone(now.tzinfo)
    return there.strftime(pattern if there.date() == now.date() else f"%Y-%m-%d {pattern}")


def moment(at: datetime, now: datetime, *, pattern: str = "%H:%M") -> str:
    """Return `14:05 CET`, in the zone of `now`, with the date before it unless that is today there."""
    return f"{clock(at, now, pattern=pattern)} {zone_word(at.astimezone(now.tzinfo))}"


def age(span: timedelta) -> str:
    """Return a span that was measured, in the largest unit that fits twice: `119 s`, `2 min`."""
    seconds = max(0, int(span.total_seconds()))
    for unit, length in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length:,} {unit}"
    return f"{seconds} s"


def length(span: timedelta) -> str:
    """Return a span that somebody chose: `1 h`, `90 min`, `2 days`."""
    seconds = int(span.total_seconds())
    if seconds and seconds % 86_400 == 0:
        return counted(seconds // 86_400, "day")
    if seconds and seconds % 3_600 == 0:
        return f"{seconds // 3_600:,} h"
    return f"{seconds // 60:,} min" if seconds and seconds % 60 == 0 else age(span)


def is_collection(description: Description) -> bool:
    """Whether its amounts count items with ids."""
    return description.is_collection


def asset_name(
    asset: Asset, description: Description, chains: Chains, look_alikes: AbstractSet[Asset] = frozenset()
) -> Html:
    """Return the symbol, followed by the contract if it could be mistaken for another; or the contract alone.

    `look_alikes` are the assets whose symbol looks like that of another known one.
    """
    coin = chains.get(asset.chain_id).native_symbol
    if not asset.contract:
        return symbol(description.symbol or "") or EMPTY + coin
    return token_name(
        asset.contract,
        description.symbol or "",
        is_look_alike=asset in look_alikes or symbol_key(description.symbol) == symbol_key(coin),
    )


def token_name(contract: Address, spelled: str, *, is_look_alike: bool) -> Html:
    """Return a symbol, and the short contract behind one that is not plain or whole, or looks like another.

    One that reads like an address looks like another contract. Where there is no symbol to show it is the
    short contract.
    """
    shown = symbol(spelled)
    if not shown:
        return short_address(contract)
    is_whole = shown.visible == spelled and is_plain(spelled)
    if is_whole and not is_look_alike and not _LIKE_AN_ADDRESS.search(spelled):
        return shown
    return shown + " " + short_address(contract)


def ids_held(description: Description, holding: Amount) -> int | None:
    """Return how many different ids of a collection are held; None if unknown, or if it has no ids."""
    if not is_collection(description):
        return None
    return holding.uniques if holding.amount_raw else 0


def counted_ids(ids: int) -> str:
    """Return `1 id`, `13 ids`."""
    return f"{format_shown(ids, 0)} {'id' if ids == 1 else 'ids'}"


def token_words(contract: Address, spelled: str, *, is_look_alike: bool = False) -> str:
    """Return the name of a token for a button: its symbol, or its short address.

    Buttons have no format for code, so a symbol that needs it gives way to the address.
    """
    shown = symbol(spelled)
    if shown.entities:
        return short_address(contract).visible
    return token_name(contract, spelled, is_look_alike=is_look_alike).visible


def account_on(account: Address, label: str, on: Collection[ChainId], chains: Chains) -> Html:
    """Return the name of an account, and the chains if it is about some only."""
    named = account_name(account, label)
    return named + f" on {chain_names(sorted(on), chains, last=' and ')}" if on else named
