"""A command that replies to a message is about what that message is about, where it names nothing itself."""

import re
from dataclasses import dataclass

from bot.chat.buttons.button_commands import OFFERED_MOST
from bot.chat.buttons.data import Screen, in_pairs
from bot.chat.commands.arguments.addresses import read_words
from bot.chat.commands.arguments.lookup import mentioned
from bot.chat.commands.command import Answer, Missing, Refusal, Request, Services
from bot.chat.commands.dispatch import CALL, NotForUs, read_message
from bot.chat.commands.words import typed_word
from bot.chat.permissions import Incoming, RepliedTo
from bot.chat.text.html import EMPTY, Html, code, fill
from bot.domain.addresses import checksummed, shortened, shortened_more
from bot.domain.assets import Address
from bot.domain.chat.access import Action
from bot.domain.deliver.delivery import About
from bot.domain.deliver.message_ids import delivery_of
from bot.domain.places import Place
from bot.store.chats import subscriptions
from bot.store.history import counterparty_names
from bot.store.outbox import delivered

_MESSAGE_ID = re.compile(r" · ([0-9A-HJKMNP-TV-Z]{5,12})$")
"""At the end of every alert."""

_OFF = "off"
_WHICH_ACCOUNT = "That message is about several accounts. Which one?"
_WHO_IS_NAMED = "Several in that alert have no name. Who gets this one?"


@dataclass(frozen=True, slots=True)
class WhichRequest(Request):
    """A command that replies to a message about several accounts."""

    needs = Action.LOOK
    commands: tuple[tuple[str, str], ...]
    """For each account what the button says, and the command."""
    question: str

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Ask which of them is meant."""
        buttons = await services.button_commands.buttons(incoming.place, *self.commands[:OFFERED_MOST])
        return (Screen(EMPTY + self.question, in_pairs(buttons)),)


async def read_reply(
    services: Services, place: Place, text: str, request: Request, replied: RepliedTo
) -> Request | NotForUs:
    """Return what is asked for, about what the message is about that is replied to."""
    called = CALL.fullmatch(text.strip())
    if request.missing is None or called is None:
        return request
    ended = _MESSAGE_ID.search(replied.text) if replied.is_ours else None
    if request.missing is Missing.MESSAGE and ended is not None:
        return await read_message(services, f"/{called['word']} {ended[1]}")
    subjects = await _subjects(services, place, replied, request.missing)
    word, rest = called["word"], called["rest"] or ""
    commands = {name: f"/{word} {checksummed(address)}{rest}" for address, name in subjects.items()}
    if request.missing is Missing.COUNTERPARTY and ended is not None and rest.strip().casefold() == _OFF:
        return Refusal(fill("Say which name is to go: {}. /names shows all.", code("/name Payroll off")))
    if not commands and request.missing is Missing.COUNTERPARTY and ended is not None:
        return Refusal(nobody_unnamed(rest))
    if len(commands) > 1:
        question = _WHO_IS_NAMED if request.missing is Missing.COUNTERPARTY else _WHICH_ACCOUNT
        return WhichRequest(tuple(commands.items()), question)
    return await read_message(services, *commands.values()) if commands else request


def nobody_unnamed(name: str) -> Html:
    """Return the answer to a name for whoever in an alert has none; nobody is known who may get one so."""
    return fill(
        "Nobody in that alert can be named by a reply: they have a name already, look like somebody else,"
        " or aren't known. Send the address as well: {}",
        typed_word(f"/name 0x…{name}"),
    )


async def _subjects(
    services: Services, place: Place, replied: RepliedTo, missing: Missing
) -> dict[Address, str]:
    """Return the accounts, or the token, that a message is about, each with a name for a button."""
    listed = await services.db.run(subscriptions.subscriptions_here, place)
    about = await _alert(services, place, replied.text) if replied.is_ours else None
    if missing is Missing.COUNTERPARTY and replied.is_ours:
        unnamed = await _counterparties(services, place, replied.text)
        # Four digits at each end, as buttons show accounts, are what forgers match.
        return {address: shortened_more(address) for address in unnamed}
    if missing is Missing.TOKEN and about is not None:
        found = [about.contract] if about.contract else []
    elif about is not None:
        found = list(about.accounts)
    elif replied.is_ours:
        found = mentioned(listed, replied.text)
    else:
        found = [word.named.address for word in read_words(replied.text) if word.named]
    labels = {one.subscription.account: one.subscription.label for one in listed}
    return {address: labels.get(address) or shortened(address) for address in found}


async def _counterparties(services: Services, place: Place, text: str) -> list[Address]:
    """Return with whom the changes of an alert of this chat were who have no name; none: it is no alert."""
    ended = _MESSAGE_ID.search(text)
    if ended is None or await _alert(services, place, text) is None:
        return []
    return await services.db.run(counterparty_names.unnamed_counterparties, delivery_of(ended[1]))


async def _alert(services: Services, place: Place, text: str) -> About | None:
    """Return what an alert of this chat is about, by the id at its end; None: it is no alert."""
    ended = _MESSAGE_ID.search(text)
    if ended is None:
        return None
    found = await services.db.run(delivered.find_delivery, delivery_of(ended[1]), place.chat_id)
    return found.about if found else None
