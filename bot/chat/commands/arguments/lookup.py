"""Which subscription somebody means: by `#number`, by address or by label."""

import difflib
import re
from collections.abc import Sequence

from bot.chat.commands.arguments.addresses import NamedAddress, read_named
from bot.chat.commands.arguments.errors import LineRefused
from bot.chat.text.untrusted import sanitized
from bot.domain.addresses import checksummed, shortened
from bot.domain.assets import Address
from bot.domain.subscriptions import ListedSubscription

_NUMBER = re.compile(r"#?([0-9]{1,9})")

_SHORT = r"0x[0-9a-f]{4}(?:…|\.\.\.)[0-9a-f]{4}(?![0-9a-z])"
_PRINTED = re.compile(rf"(?:(?P<label>.+?) · )?(?P<short>{_SHORT})", re.IGNORECASE)
"""How answers name an account: `Treasury · 0x8e3E…d8B9`; what it is limited to may follow."""

_PRINTED_LINE = re.compile(rf"#(?P<number>[0-9]{{1,9}}) .*?(?P<short>{_SHORT})", re.IGNORECASE)
"""How /list names an entry: `#4 Stables · tokens 0x0D0D…0d0d, 0xA0b8…eB48 in every account`."""


def find(listed: Sequence[ListedSubscription], who: str) -> tuple[ListedSubscription, ...]:
    """Return all that one text names.

    First counts `#1` or an address (or a link to one), then a label, then a number alone. The link of a
    holder's page means what watches that token there, or else the holder.
    """
    return _found(listed, who, address_named(who))


def find_exactly(listed: Sequence[ListedSubscription], who: str) -> tuple[ListedSubscription, ...]:
    """Return the same, but of a holder's page only what watches that very token there."""
    named = address_named(who)
    found = _found(listed, who, named)
    if named is None or named.token is None:
        return found
    return tuple(entry for entry in found if named.token in entry.subscription.scope.contracts)


def _found(
    listed: Sequence[ListedSubscription], who: str, named: NamedAddress | None
) -> tuple[ListedSubscription, ...]:
    by_number = _numbered(listed, who)
    # "#1" is only ever a number; a plain "1" may be a label, which then counts first.
    literal = (by_number if who.startswith("#") else ()) or _at_address(listed, named)
    return literal or _labelled(listed, who) or by_number or _printed(listed, who)


def find_all(
    listed: Sequence[ListedSubscription], whole: str, words: Sequence[str]
) -> dict[str, tuple[ListedSubscription, ...]]:
    """Return what a text names as a whole, or else what each of its words names.

    Words count only where each of them names something, or is a number or an address. Otherwise the text is a
    mistyped label: of `Valt 2`, the 2 must not end subscription 2.
    """
    as_whole = {whole: find_exactly(listed, whole)}
    if as_whole[whole]:
        return as_whole
    found = {word: find_exactly(listed, word) for word in words}
    are_words = all(matching or _is_written_out(word) for word, matching in found.items())
    return found if are_words else as_whole


def _is_written_out(who: str) -> bool:
    return _NUMBER.fullmatch(who) is not None or address_named(who) is not None


def address_named(who: str) -> NamedAddress | None:
    """Return what a text names that is an address, or links to one; None: it is neither."""
    try:
        return read_named(who)
    except LineRefused:
        return None


def address_meant(who: str) -> Address | None:
    """Return the account that an address or a link names; None: a text is neither."""
    named = address_named(who)
    return named.address if named else None


def _numbered(listed: Sequence[ListedSubscription], who: str) -> tuple[ListedSubscription, ...]:
    number = _NUMBER.fullmatch(who)
    return tuple(entry for entry in listed if number and entry.number == int(number[1]))


def mentioned(listed: Sequence[ListedSubscription], text: str) -> list[Address]:
    """Return the watched accounts that an answer of the bot names, whole or shortened, in their order."""
    accounts = dict.fromkeys(entry.subscription.account for entry in listed)
    named = ((text.find(shortened(one)), text.find(checksummed(one)), one) for one in accounts if one)
    return [one for short, whole, one in sorted(named) if max(short, whole) >= 0]


def _printed(listed: Sequence[ListedSubscription], who: str) -> tuple[ListedSubscription, ...]:
    """Return what the bot names so in its answers."""
    line, named = _PRINTED_LINE.match(who), _PRINTED.match(who)
    if line is not None:
        # The address as well: the number may be another entry's by now.
        number, short = int(line["number"]), _as_shown(line["short"])
        return tuple(entry for entry in listed if entry.number == number and short in _shown_addresses(entry))
    if named is None:
        return ()
    short, label = _as_shown(named["short"]), (named["label"] or "").casefold()
    return tuple(
        entry
        for entry in listed
        if entry.subscription.account is not None
        and shortened(entry.subscription.account).casefold() == short
        and label in {"", sanitized(entry.subscription.label).visible.casefold()}
    )


def _as_shown(short: str) -> str:
    return short.replace("...", "…").casefold()


def _shown_addresses(entry: ListedSubscription) -> set[str]:
    account, contracts = entry.subscription.account, entry.subscription.scope.contracts
    return {shortened(one).casefold() for one in ([account] if account else contracts)}


def _labelled(listed: Sequence[ListedSubscription], who: str) -> tuple[ListedSubscription, ...]:
    return tuple(entry for entry in listed if entry.subscription.label.casefold() == who.casefold() != "")


def _at_address(
    listed: Sequence[ListedSubscription], named: NamedAddress | None
) -> tuple[ListedSubscription, ...]:
    if named is None:
        return ()
    address = named.address
    found = tuple(
        entry
        for entry in listed
        if address == entry.subscription.account
        or (entry.subscription.account is None and address in entry.subscription.scope.contracts)
    )
    of_token = tuple(
        entry
        for entry in found
        if entry.subscription.account and named.token in entry.subscription.scope.contracts
    )
    return of_token or found


def closest_label(listed: Sequence[ListedSubscription], who: str) -> str:
    """Return the label that may have been meant, "" if none is near.

    A label that reads like the number or the address of something else is not offered: typed, it would mean
    that.
    """
    labels = {
        entry.subscription.label.casefold(): entry.subscription.label
        for entry in listed
        if entry in find(listed, entry.subscription.label)
    }
    typed = who.casefold()
    begun = [label for label in labels if label.startswith(typed + " ")]
    if len(begun) == 1:
        return labels[begun[0]]
    longer = [label for label in labels if typed.startswith(label + " ")]
    if longer:
        return labels[max(longer, key=len)]
    close = difflib.get_close_matches(typed, labels, n=1)
    return labels[close[0]] if close else ""
