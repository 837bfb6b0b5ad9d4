"""`/owners`: who owns the bot, changed by its owners where the configuration names none."""

import re
from dataclasses import dataclass

from bot.chat.buttons import toasts
from bot.chat.buttons.data import ButtonAction, Press, Screen, button, rows
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.command import (
    Answer,
    CallbackAction,
    CallbackResult,
    Command,
    Example,
    Feature,
    Request,
    Services,
    Usage,
    Who,
)
from bot.chat.commands.owners import words
from bot.chat.commands.owners.chat_lookup import find_chat, read_chat_id
from bot.chat.permissions import Incoming
from bot.chat.text.html import Html
from bot.domain.deliver.outcomes import Unreachable
from bot.domain.places import Place
from bot.store.chats import access_requests

OWNERS_COMMAND = Command(
    name="owners",
    does="Show who owns the bot, add and remove owners",
    grammar="/owners [add NAME, @NAME or ID]",
    examples=(
        Example("/owners", "shows them, with buttons that remove"),
        Example("/owners add @mallory", "adds somebody who has written to the bot"),
        Example("/owners add", "as a reply in a group, adds whoever wrote that"),
    ),
    who=Who.OWNERS,
)

REMOVE_OWNER = ButtonAction("disown")
"""Removes an owner; the row is the chat's."""

_ADD = re.compile(r"add(?:\s+(?P<who>.*))?", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class OwnersRequest(Request):
    """`/owners`."""

    needs = OWNERS_COMMAND.needs

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Show who owns the bot, in private."""
        if not incoming.place.is_private:
            return (words.private_only(OWNERS_COMMAND.name),)
        return (await _list(services, incoming),)


@dataclass(frozen=True, slots=True)
class AddOwnerRequest(Request):
    """`/owners add`; `who` is what was typed behind it, "" for the one replied to."""

    needs = OWNERS_COMMAND.needs
    who: str

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Make somebody an owner; who is called by a name is asked about first, as anybody can take one."""
        if services.owners_are_configured:
            return (words.owners_configured(),)
        # Not typed: only a reply to a person, or to a request for access, says who is meant.
        replied = incoming.replied_to
        if not self.who and (replied is None or not replied.names_chat):
            return await Usage(OWNERS_COMMAND, "").carry_out(services, incoming)
        meant = await find_chat(services, incoming, self.who, f"{OWNERS_COMMAND.name} add")
        if isinstance(meant, Screen):
            return (meant,)
        if not meant.is_private:
            return (words.owner_is_a_person(meant),)
        if self.who and read_chat_id(self.who) is None:
            return (await _asked(services, incoming.place, meant),)
        is_new = await services.permissions.appoint_owner(meant, incoming.actor(services.now()))
        return (await _added(services, incoming, meant) if is_new else words.owner_already(meant),)


async def _added(services: Services, incoming: Incoming, person: Place) -> Html:
    """Let everybody know who is concerned that somebody owns the bot now, and return the answer."""
    services.owners_changed()
    outcome = await services.screens.write(person, Screen(words.you_were_added(incoming.author)))
    await _notify(services, incoming, person, words.owner_added(person, incoming.author))
    return words.owner_added(person, None, is_unreachable=isinstance(outcome, Unreachable))


def _read_owners(rest: str, _chains: ChainReader) -> OwnersRequest | AddOwnerRequest | Usage:
    text = " ".join(rest.split())
    if not text:
        return OwnersRequest()
    added = _ADD.fullmatch(text)
    return AddOwnerRequest(added["who"] or "") if added else Usage(OWNERS_COMMAND, "")


async def _asked(services: Services, here: Place, person: Place) -> Screen:
    """Ask whether somebody who was called by a name is to own the bot."""
    offer = (f"Add {words.plain_name(person)}", f"/{OWNERS_COMMAND.name} add {person.chat_id}")
    return Screen(words.owner_question(person), rows(await services.button_commands.buttons(here, offer)))


async def _list(services: Services, incoming: Incoming) -> Screen:
    """Return who owns the bot, with a button for each other one that removes them."""
    owners = await services.db.run(access_requests.chats_of_owners)
    own_id = incoming.author.named_user_id
    if services.owners_are_configured:
        return Screen(words.owners([one.place for one in owners], own_id, is_configured=True))
    removable = [one for one in owners if one.place.chat_id != own_id]
    keyboard = rows(
        *([button(f"Remove {words.plain_name(one.place)}", REMOVE_OWNER, one.row)] for one in removable)
    )
    return Screen(words.owners([one.place for one in owners], own_id, is_configured=False), keyboard)


async def _find_owner(services: Services, incoming: Incoming, press: Press) -> CallbackAction | None:
    """Remove the owner that a button names."""
    chat = await services.db.run(access_requests.known_chat, press.row) if incoming.place.is_private else None
    if chat is None or services.owners_are_configured:
        return None

    async def act(presser: Incoming) -> CallbackResult:
        # Another owner does that: nobody shuts themselves out by a slip of the finger.
        if chat.place.chat_id == presser.author.named_user_id:
            return CallbackResult(words.NOT_ONESELF)
        removed = await services.permissions.remove_owner(chat.place, presser.actor(services.now()))
        if not removed:
            return CallbackResult(toasts.ALREADY, await _list(services, presser))
        services.owners_changed()

        async def then() -> Answer:
            await services.screens.write(chat.place, Screen(words.you_were_removed(presser.author)))
            await _notify(services, presser, chat.place, words.owner_removed(chat.place, presser.author))
            return ()

        return CallbackResult(words.OWNER_REMOVED, await _list(services, presser), then=then)

    return CallbackAction(OWNERS_COMMAND.needs, act, incoming.place)


async def _notify(services: Services, incoming: Incoming, person: Place, text: Html) -> None:
    """Write to all owners who neither did it nor are the one it is about."""
    others = services.permissions.owners - {incoming.author.named_user_id, person.chat_id}
    for owner in sorted(others):
        await services.screens.write(Place(owner, "private", ""), Screen(text))


OWNERS = Feature(OWNERS_COMMAND, _read_owners, {REMOVE_OWNER: _find_owner})
