"""Which subscription somebody means: by `#number`, by address or by label, whichever comes to mind."""

import difflib
import re
from collections.abc import Sequence

from bot.domain.addresses import AddressRefused, parse_address
from bot.domain.model import ListedSubscription

_NUMBER = re.compile(r"#?([0-9]{1,9})")


def find(listed: Sequence[ListedSubscription], who: str) -> tuple[ListedSubscription, ...]:
    """Return what one text names, all that match; a label counts before a number."""
    by_label = tuple(one for one in listed if one.subscription.label.casefold() == who.casefold() != "")
    if by_label:
        return by_label
    number = _NUMBER.fullmatch(who)
    if number:
        return tuple(one for one in listed if one.number == int(number[1]))
    try:
        address = parse_address(who)
    except AddressRefused:
        return ()
    return tuple(
        one
        for one in listed
        if address == one.subscription.account
        or (one.subscription.account is None and address in one.subscription.contracts)
    )


def closest_label(listed: Sequence[ListedSubscription], who: str) -> str:
    """Return the label that may have been meant, "" if none comes near."""
    labels = {one.subscription.label.casefold(): one.subscription.label for one in listed}
    close = difflib.get_close_matches(who.casefold(), labels, n=1)
    return labels[close[0]] if close else ""
