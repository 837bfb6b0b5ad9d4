"""`/allow`, `/deny` and `/chats`: who may use the bot, decided by its owners."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.chat.buttons import toasts
from bot.chat.buttons.data import Button, ButtonAction, Press, Screen, button, pager, rows
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
from bot.chat.permissions import Incoming
from bot.chat.text.html import Html
from bot.chat.text.untrusted import sanitized
from bot.domain.chat.known_chats import KnownChat
from bot.domain.deliver.delivery import parking_after
from bot.domain.deliver.outcomes import Unreachable
from bot.domain.places import Place
from bot.store.chats import access_requests, chats

CHATS_A_PAGE = 5

ALLOW_COMMAND = Command(
    name="allow",
    does="Open this chat, or another one, for the bot",
    grammar="/allow [CHAT ID]",
    examples=(Example("/allow", "opens this chat"), Example("/allow -1001234567890", "opens another chat")),
    who=Who.OWNERS,
)
DENY_COMMAND = Command(
    name="deny",
    does="Close this chat, or another one",
    grammar="/deny [CHAT ID]",
    examples=(Example("/deny", "closes this chat"), Example("/deny -1001234567890", "closes another chat")),
    who=Who.OWNERS,
)
CHATS_COMMAND = Command(
    name="chats",
    does="Show which chats may use the bot, and which ask to",
    grammar="/chats",
    examples=(Example("/chats", "shows them, with buttons that open and close"),),
    who=Who.OWNERS,
)

OPEN_CHAT = ButtonAction("allow")
"""Opens a chat; the page is the one of /chats it stands on, none in a message about a request for access."""
CLOSE_CHAT = ButtonAction("deny")
"""Closes a chat; the page is as above."""
IGNORE_CHAT = ButtonAction("ignore")
"""Ignores a chat's requests for access; the page is as above."""
SHOW_CHATS = ButtonAction("chats")
"""Shows a page of /chats; the row is the page."""

_CHAT_ID = re.compile(r"-?[0-9]{1,16}")
_NO_CHAT_ID = "A chat id is a number like -1001234567890; /id shows it in the chat itself."

Decide = Callable[[Services, Incoming, KnownChat], Awaitable[tuple[str, Html]]]
"""Does what an owner decided about a chat; returns the toast, and what the request shows from then on."""

# ---------------------------------------------------------------- /allow and /deny


@dataclass(frozen=True, slots=True)
class AllowRequest(Request):
    """`/allow`; None: this chat."""

    needs = ALLOW_COMMAND.needs
    chat_id: int | None

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Open a chat."""
        place = await _meant(services, incoming.place, self.chat_id)
        _, answer = await _opened(services, incoming, place)
        return (answer,)


@dataclass(frozen=True, slots=True)
class DenyRequest(Request):
    """`/deny`; None: this chat."""

    needs = DENY_COMMAND.needs
    chat_id: int | None

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Close a chat."""
        place = await _meant(services, incoming.place, self.chat_id)
        was_open = await services.permissions.is_open(place)
        withdrawn = await services.permissions.close(place, incoming.actor(services.now()))
        is_here = place.chat_id == incoming.place.chat_id
        return (
            words.denied(place.chat_id, place.title, is_here=is_here, was_open=was_open, withdrawn=withdrawn),
        )


def _read_allow(rest: str, _chains: ChainReader) -> AllowRequest | Usage:
    return AllowRequest(_chat_id(rest)) if _is_chat_id(rest) else Usage(ALLOW_COMMAND, _NO_CHAT_ID)


def _read_deny(rest: str, _chains: ChainReader) -> DenyRequest | Usage:
    return DenyRequest(_chat_id(rest)) if _is_chat_id(rest) else Usage(DENY_COMMAND, _NO_CHAT_ID)


def _is_chat_id(rest: str) -> bool:
    """Whether it is a chat's number, or nothing, which means this chat."""
    number = _plain_minus(rest)
    return not number or (_CHAT_ID.fullmatch(number) is not None and int(number) != 0)


def _chat_id(rest: str) -> int | None:
    return int(_plain_minus(rest)) if rest.strip() else None


def _plain_minus(rest: str) -> str:
    return re.sub("^[\u2212\u2013]", "-", rest.strip())


async def _meant(services: Services, here: Place, chat_id: int | None) -> Place:
    """Return the chat a command names, or this one; negative numbers are groups."""
    if chat_id is None or chat_id == here.chat_id:
        # Without the topic: a chat is opened as a whole.
        return Place(here.chat_id, here.kind, here.title)
    known = await services.db.run(access_requests.known_place, chat_id)
    return known or Place(chat_id, "private" if chat_id > 0 else "group", "")


async def _opened(services: Services, incoming: Incoming, place: Place) -> tuple[bool, Html]:
    """Open a chat, and write there if it is another one; returns whether it was open, and the answer."""
    was_open = await services.permissions.is_open(place)
    await services.permissions.open(place, incoming.actor(services.now()))
    is_here = place.chat_id == incoming.place.chat_id
    # Only a chat that learns it just now: /allow twice must not write there twice.
    trouble = "" if was_open or is_here else await _announce_open(services, place)
    return was_open, words.allowed(
        place.chat_id, place.title, is_here=is_here, was_open=was_open, trouble=trouble
    )


async def _announce_open(services: Services, place: Place) -> str:
    """Tell a chat that it is open; returns why it can't be written to, "" if it can."""
    outcome = await services.screens.write(place, Screen(words.opened_from_elsewhere()))
    if not isinstance(outcome, Unreachable):
        return ""
    await services.db.run(
        chats.mark_unreachable, place.chat_id, parking_after(outcome.reason, outcome.park, 0, services.now())
    )
    return outcome.reason


# ---------------------------------------------------------------- /chats


@dataclass(frozen=True, slots=True)
class ChatsRequest(Request):
    """`/chats`."""

    needs = CHATS_COMMAND.needs

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Show the chats, in private."""
        if not incoming.place.is_private:
            return (words.private_only("chats"),)
        return (await _chats_page(services, 1),)


def _read_chats(_rest: str, _chains: ChainReader) -> ChatsRequest:
    return ChatsRequest()


async def _find_page(services: Services, incoming: Incoming, press: Press) -> CallbackAction | None:
    """Show another page of the chats."""

    async def act(_: Incoming) -> CallbackResult:
        return CallbackResult(redraw=await _chats_page(services, press.row), is_only_to_see=True)

    return CallbackAction(CHATS_COMMAND.needs, act, incoming.place) if incoming.place.is_private else None


async def _chats_page(services: Services, page: int) -> Screen:
    known = await services.db.run(access_requests.known_chats, page, CHATS_A_PAGE)
    lines = [_buttons(number, chat, known.page) for number, chat in enumerate(known.chats, 1)]
    keyboard = rows(*lines) + pager(SHOW_CHATS, known.page, known.pages)
    return Screen(words.chats(known, services.now()), keyboard)


def _buttons(number: int, chat: KnownChat, page: int) -> list[Button]:
    """Return the buttons for one chat of the page; owners' own chats have none."""
    name = sanitized(chat.place.title).visible or str(chat.place.chat_id)
    if chat.is_owner:
        return []
    if chat.is_open:
        return [button(f"{number}. Close {name}", CLOSE_CHAT, chat.row, page)]
    opens = button(f"{number}. Open {name}", OPEN_CHAT, chat.row, page)
    if chat.requested_at is None:
        return [opens]
    return [opens, button(f"{number}. Ignore", IGNORE_CHAT, chat.row, page)]


# ---------------------------------------------------------------- buttons


async def _find_to_open(services: Services, incoming: Incoming, press: Press) -> CallbackAction | None:
    """Open the chat that a button names."""
    return await _find_chat(services, incoming, press, _allow_known)


async def _find_to_close(services: Services, incoming: Incoming, press: Press) -> CallbackAction | None:
    """Close the chat that a button names."""
    return await _find_chat(services, incoming, press, _deny_known)


async def _find_to_ignore(services: Services, incoming: Incoming, press: Press) -> CallbackAction | None:
    """Ignore the request for access of the chat that a button names."""
    return await _find_chat(services, incoming, press, _ignore_known)


async def _find_chat(
    services: Services, incoming: Incoming, press: Press, decide: Decide
) -> CallbackAction | None:
    """Find the chat; buttons that decide about chats stand in owners' private chats only."""
    chat = await services.db.run(access_requests.known_chat, press.row) if incoming.place.is_private else None
    if chat is None:
        return None

    async def act(presser: Incoming) -> CallbackResult:
        toast, shown = await decide(services, presser, chat)
        screen = Screen(shown) if press.page is None else await _chats_page(services, press.page)
        return CallbackResult(toast, screen)

    return CallbackAction(CHATS_COMMAND.needs, act, incoming.place)


async def _allow_known(services: Services, presser: Incoming, chat: KnownChat) -> tuple[str, Html]:
    was_open, shown = await _opened(services, presser, chat.place)
    return toasts.ALREADY if was_open else words.CHAT_OPENED, shown


async def _deny_known(services: Services, presser: Incoming, chat: KnownChat) -> tuple[str, Html]:
    place = chat.place
    withdrawn = 0
    if chat.is_open:
        withdrawn = await services.permissions.close(place, presser.actor(services.now()))
    shown = words.denied(
        place.chat_id, place.title, is_here=False, was_open=chat.is_open, withdrawn=withdrawn
    )
    return words.CHAT_CLOSED if chat.is_open else toasts.ALREADY, shown


async def _ignore_known(services: Services, presser: Incoming, chat: KnownChat) -> tuple[str, Html]:
    # Opened meanwhile by another owner: ignoring an open chat would close nothing and say it did.
    if await services.permissions.is_open(chat.place):
        return await _allow_known(services, presser, chat)
    is_new = await services.db.run(access_requests.ignore_request, chat.row, presser.actor(services.now()))
    return words.CHAT_IGNORED if is_new else toasts.ALREADY, words.request_ignored(chat)


ALLOW = Feature(ALLOW_COMMAND, _read_allow, {OPEN_CHAT: _find_to_open, IGNORE_CHAT: _find_to_ignore})
DENY = Feature(DENY_COMMAND, _read_deny, {CLOSE_CHAT: _find_to_close})
CHATS = Feature(CHATS_COMMAND, _read_chats, {SHOW_CHATS: _find_page})
