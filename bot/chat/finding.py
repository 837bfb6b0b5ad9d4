"""Which subscription somebody means: by `#number`, by address or by label, whichever comes to mind."""

import difflib
import re
from collections.abc import Sequence

from bot.chat.watch_lines import in_link
from bot.domain.addresses import AddressRefused, parse_address
from bot.domain.model import Address, ListedSubscription

_NUMBER = re.compile(r"#?([0-9]{1,9})")


def find(listed: Sequence[ListedSubscription], who: str) -> tuple[ListedSubscription, ...]:
    """Return what one text names, all that match.

    What is written out, `#1` or an address (a link to it counts), can mean nothing else where it is here;
    after it a label counts, before a number alone.
    """
    by_number = _numbered(listed, who)
    literal = (by_number if who.startswith("#") else ()) or _at_address(listed, who)
    return literal or _labelled(listed, who) or by_number


def find_all(
    listed: Sequence[ListedSubscription], whole: str, words: Sequence[str]
) -> dict[str, tuple[ListedSubscription, ...]]:
    """Return what a text names as a whole, or else each of its words.

    Words count only where each names something or is written out: otherwise they are a label that is not
    here, `Valt 2`, and no part of it means anything.
    """
    as_whole = {whole: find(listed, whole)}
    if as_whole[whole]:
        return as_whole
    found = {word: find(listed, word) for word in words}
    are_words = all(matching or _is_written_out(word) for word, matching in found.items())
    return found if are_words else as_whole


def _is_written_out(who: str) -> bool:
    return _NUMBER.fullmatch(who) is not None or address_meant(who) is not None


def address_meant(who: str) -> Address | None:
    """Return the address that a text is, or that it links to; None: it is none."""
    try:
        return parse_address(in_link(who))
    except AddressRefused:
        return None


def _numbered(listed: Sequence[ListedSubscription], who: str) -> tuple[ListedSubscription, ...]:
    number = _NUMBER.fullmatch(who)
    return tuple(one for one in listed if number and one.number == int(number[1]))


def _labelled(listed: Sequence[ListedSubscription], who: str) -> tuple[ListedSubscription, ...]:
    return tuple(one for one in listed if one.subscription.label.casefold() == who.casefold() != "")


def _at_address(listed: Sequence[ListedSubscription], who: str) -> tuple[ListedSubscription, ...]:
    address = address_meant(who)
    return tuple(
        one
        for one in listed
        if address is not None
        and (
            address == one.subscription.account
            or (one.subscription.account is None and address in one.subscription.contracts)
        )
    )


def closest_label(listed: Sequence[ListedSubscription], who: str) -> str:
    """Return the label that may have been meant, "" if none comes near that names what it labels.

    One that reads like a number or an address of something else does not: it would mean that.
    """
    labels = {
        one.subscription.label.casefold(): one.subscription.label
        for one in listed
        if one in find(listed, one.subscription.label)
    }
    close = difflib.get_close_matches(who.casefold(), labels, n=1)
    return labels[close[0]] if close else ""
