"""Who is meant behind “from” or “to”: somebody with a name here, or an address."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.chat.commands.arguments.conditions import TypedCondition, like_an_amount
from bot.chat.commands.arguments.errors import LineRefused, Offer
from bot.chat.commands.arguments.lookup import address_meant, closest_label, find
from bot.domain.assets import Address
from bot.domain.places import Place
from bot.domain.rules.conditions import Counterparty
from bot.domain.subscriptions import ListedSubscription
from bot.store.chats.counterparties import called_here
from bot.store.chats.subscriptions import subscriptions_here
from bot.store.database.connection import DatabaseThread

COUNTERPARTIES_MOST = 20
"""Of one condition: it is read with every change."""

_BETWEEN = re.compile(r"(\s*[,;]\s*(?:(?:and|or)\s+)?|\s+(?:and|or)\s+)", re.IGNORECASE)
_PARTS_MOST = 4
"""Of one name: so many commas, and words like “and”, are rarely in any."""
_QUOTED = re.compile(r"[\"“”„](.*)[\"“”]")


@dataclass(frozen=True, slots=True)
class _Known:
    """Who has a name in a place."""

    listed: Sequence[ListedSubscription]
    names: Mapping[Address, str]

    def called(self, text: str) -> Counterparty | None:
        """Return who has a name, a number of /list or an address; None: nobody, or several have."""
        quoted = _QUOTED.fullmatch(text)
        who = quoted[1].strip() if quoted else text
        address = address_meant(who)
        if address is None:
            found = {one.subscription.account for one in find(self.listed, who)} - {None}
            found |= {one for one, name in self.names.items() if name.casefold() == who.casefold()}
            address = found.pop() if len(found) == 1 else None
        return None if address is None else Counterparty(address, self.names.get(address, ""))

    def closest(self, text: str) -> str:
        """Return the name that may have been meant, "" if none is near."""
        names = {name.casefold(): name for name in self.names.values()}
        near = difflib.get_close_matches(text.casefold(), names, n=1)
        return closest_label(self.listed, text) or (names[near[0]] if near else "")


async def counterparties_meant(
    db: DatabaseThread, place: Place, typed: TypedCondition
) -> tuple[Counterparty, ...]:
    """Return whom a condition names, each once, in the order they were typed; raises LineRefused."""
    if not typed.counterparties:
        return ()
    known = _Known(await db.run(subscriptions_here, place), await db.run(called_here, place))
    found: dict[Address, Counterparty] = {}
    for text in typed.counterparties:
        for one in _meant(known, text):
            found.setdefault(one.address, one)
    if len(found) > COUNTERPARTIES_MOST:
        raise LineRefused("", f"It names {len(found)} addresses; {COUNTERPARTIES_MOST} are the most.")
    return tuple(found.values())


def _meant(known: _Known, text: str) -> list[Counterparty]:
    """Return whom one clause names; of a name that has a comma itself, the most that is one counts."""
    pieces = _BETWEEN.split(text.strip(" ,;"))
    found: list[Counterparty] = []
    while pieces:
        # Names stand between what keeps them apart: one of two parts is three pieces.
        spans = {size: "".join(pieces[:size]) for size in range(2 * _PARTS_MOST - 1, 0, -2)}
        size, one = next(
            ((size, called) for size, span in spans.items() if (called := known.called(span))), (0, None)
        )
        if one is None:
            raise _nobody(known, pieces[0])
        found.append(one)
        pieces = pieces[size + 1 :]
    return found


def _nobody(known: _Known, text: str) -> LineRefused:
    if like_an_amount(text):
        return LineRefused(text, "is no name. An amount comes after “min”.")
    closest = known.closest(text)
    reason = "Send the address itself (0x…), or give it a name with /name."
    refused = LineRefused(text, reason, lead="Nobody here is called", meant=closest)
    return refused.offering(*([Offer(f"{closest} is meant", closest)] if closest else []))
