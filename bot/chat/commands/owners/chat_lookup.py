"""Which chat an owner means: by its id, by @name, by title, or by the message that the command replies to."""

import re

from bot.chat.buttons.button_commands import OFFERED_MOST
from bot.chat.buttons.data import Screen, rows
from bot.chat.commands.command import Services
from bot.chat.commands.owners import words
from bot.chat.permissions import Incoming
from bot.domain.places import Place
from bot.store.chats import access_requests

_CHAT_ID = re.compile(r"-?[0-9]{1,16}")
_LINK = re.compile(r"(?:https?://)?t\.me/(?=[A-Za-z])")


async def find_chat(services: Services, incoming: Incoming, typed: str, command: str) -> Place | Screen:
    """Return the chat that is meant; nothing typed means the one replied to, or else this one.

    Where nobody can tell, what comes back asks by buttons; each of them types `command` and an id.
    """
    here = incoming.place
    if not typed:
        replied_to = await _replied_to(services, incoming)
        # Without the topic: a chat is opened as a whole.
        return replied_to or Place(here.chat_id, here.kind, here.title, username=here.username)
    named = as_username(typed)
    chat_id = read_chat_id(named)
    if chat_id is not None:
        return await _at(services, chat_id)
    found = await services.db.run(access_requests.chats_named, named)
    if len(found.exact) == 1:
        return found.exact[0].place
    if not found.exact and named.startswith("@"):
        seen = await services.look_up_chat(named)
        return seen or Screen(words.unknown_chat(typed))
    meant = found.exact or found.similar
    if not meant:
        return Screen(words.unknown_chat(typed))
    text = words.which_chat(typed, is_exact=bool(found.exact))
    offers = [
        (f"{chat.place.chat_id} {words.plain_name(chat.place)}", f"/{command} {chat.place.chat_id}")
        for chat in meant[:OFFERED_MOST]
    ]
    buttons = await services.button_commands.buttons(here, *offers)
    return Screen(text, rows(*([one] for one in buttons)))


def as_username(typed: str) -> str:
    """Return `@name` for a link to a public chat or a person, and anything else as it is."""
    return _LINK.sub("@", typed)


def read_chat_id(typed: str) -> int | None:
    """Return the chat id that a text is; None: it is none."""
    number = re.sub("^[\u2212\u2013]", "-", typed.strip())
    return int(number) if _CHAT_ID.fullmatch(number) and int(number) != 0 else None


async def _replied_to(services: Services, incoming: Incoming) -> Place | None:
    """Return the chat that asks for access in the message replied to, or its author's private chat."""
    replied = incoming.replied_to
    if replied is None:
        return None
    return replied.person if replied.chat_id is None else await _at(services, replied.chat_id)


async def _at(services: Services, chat_id: int) -> Place:
    """Return the chat of an id; what the bot has never heard from is looked up at Telegram."""
    known = await services.db.run(access_requests.chat_at, chat_id)
    if known is not None and known.place.title:
        return known.place
    seen = await services.look_up_chat(chat_id)
    # Negative numbers are groups: a chat may be opened before the bot can see it.
    return seen or (known.place if known else Place(chat_id, "private" if chat_id > 0 else "group", ""))
