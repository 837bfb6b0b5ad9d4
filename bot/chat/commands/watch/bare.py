"""A message of addresses without a command: what can be done with them is offered."""

import re
from dataclasses import dataclass

from bot.chat.buttons.data import Keyboard, rows, with_keyboard
from bot.chat.commands.arguments.addresses import NamedAddress, is_explorer_page, read_named
from bot.chat.commands.arguments.errors import BadLine, LineRefused
from bot.chat.commands.command import Answer, Request, Services
from bot.chat.commands.watch import words
from bot.chat.commands.watch.grammar import WORD, numbered_lines
from bot.chat.permissions import Incoming
from bot.domain.addresses import checksummed
from bot.domain.chat.access import Action
from bot.domain.places import Place

ADDRESSES_OFFERED = 50
"""More than a message can hold are not offered by buttons."""

_ADDRESS_LIKE = re.compile(r"0[xX]\w{40}")


@dataclass(frozen=True, slots=True)
class BareRequest(Request):
    """A message of addresses and nothing else; at least one address or one bad line."""

    needs = Action.LOOK
    named: tuple[NamedAddress, ...]
    bad: tuple[BadLine, ...]

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Offer what can be done with the addresses."""
        lines = [_watch_line(one) for one in self.named]
        answer = words.bare_offer(lines, self.bad)
        if not 0 < len(lines) <= ADDRESSES_OFFERED:
            return answer
        if len(lines) == 1:
            return with_keyboard(answer, await _offered(services, incoming.place, self.named[0]))
        # A line with “contract” has to stay a line; addresses alone may share one.
        offers = [("Watch them", "/watch " + ("\n" if any(" " in one for one in lines) else " ").join(lines))]
        if not any(one.token for one in self.named):
            offers.append(("Watch as token", f"/watch token {' '.join(lines)}"))
        return with_keyboard(answer, rows(await services.button_commands.buttons(incoming.place, *offers)))


def read_bare(text: str) -> BareRequest | None:
    """Return the addresses that a message consists of; None: it says something else too."""
    words_typed = [(number, word) for number, line in numbered_lines(text) for word in WORD.findall(line)]
    taken: list[NamedAddress] = []
    bad: list[BadLine] = []
    for number, word in words_typed:
        try:
            taken.append(read_named(word))
        except LineRefused as refused:
            # A sentence is no business of ours; a mistyped address is, or its sender waits in vain.
            if not (_ADDRESS_LIKE.fullmatch(word) or is_explorer_page(word)):
                return None
            bad.append(BadLine(number, refused.typed, refused.reason))
    return BareRequest(tuple(dict.fromkeys(taken)), tuple(bad)) if taken or bad else None


async def _offered(services: Services, place: Place, named: NamedAddress) -> Keyboard:
    """Return buttons for one address; a holder's page is of one token, an explorer's of one chain."""
    account, line = checksummed(named.address), _watch_line(named)
    chain_id = services.chains.at_host(named.host) if named.host else None
    offers = [("Watch this token there", f"/watch {line}")] if named.token else []
    offers.append(("Watch all", f"/watch {account}"))
    # Only a chain that the source has: the button must not type what /watch refuses.
    if chain_id is not None and services.sweeps().listing.promises(chain_id):
        title = services.chains.get(chain_id).title
        offers.append((f"Watch on {title}", f"/watch {line} on {title}"))
    if not named.token:
        offers.append(("Watch as token", f"/watch token {account}"))
    balances = ("Balances now", f"/balance {account}")
    buttons = await services.button_commands.buttons(place, *offers, balances)
    return rows(*(buttons[start : start + 2] for start in range(0, len(buttons), 2)))


def _watch_line(named: NamedAddress) -> str:
    """Return what follows /watch to watch what somebody named: of a holder's page that token only."""
    account = checksummed(named.address)
    return f"{account} contract {checksummed(named.token)}" if named.token else account
