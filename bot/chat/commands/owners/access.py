"""`/allow`, `/deny` and `/chats`: who may use the bot, decided by its owners."""

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
    Who,
)
from bot.chat.commands.owners import words
from bot.chat.commands.owners.chat_lookup import find_chat
from bot.chat.permissions import Incoming
from bot.chat.text.html import Html
from bot.domain.chat.known_chats import KnownChat
from bot.domain.deliver.delivery import parking_after
from bot.domain.deliver.outcomes import Unreachable
from bot.domain.places import Place
from bot.store.chats import access_requests, chats

CHATS_A_PAGE = 5

ALLOW_COMMAND = Command(
    name="allow",
    does="Let this chat, a person or another chat use the bot",
    grammar="/allow [NAME, @NAME or CHAT ID]",
    examples=(
        Example("/allow", "opens this chat; as a reply, lets in whoever wrote or asked"),
        Example("/allow @mallory", "lets somebody in who has written to the bot"),
        Example("/allow -1001234567890", "opens a chat by its id"),
    ),
    who=Who.OWNERS,
)
DENY_COMMAND = Command(
    name="deny",
    does="Close this chat or another one, or shut a person out",
    grammar="/deny [NAME, @NAME or CHAT ID]",
    examples=(
        Example("/deny", "closes this chat; as a reply, shuts out whoever wrote or asked"),
        Example("/deny Ops", "closes a chat by its name"),
        Example("/deny -1001234567890", "closes a chat by its id"),
    ),
    who=Who.OWNERS,
)
CHATS_COMMAND = Command(
    name="chats",
    does="Show who can use the bot, and who would like to",
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

Decide = Callable[[Services, Incoming, KnownChat], Awaitable[tuple[str, Html]]]
"""Does what an owner decided about a chat; returns the toast, and what the request shows from then on."""

# ---------------------------------------------------------------- /allow and /deny


@dataclass(frozen=True, slots=True)
class AllowRequest(Request):
    """`/allow`; `who` is what was typed behind it, "" for this chat or the one replied to."""

    needs = ALLOW_COMMAND.needs
    who: str

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Open a chat."""
        meant = await find_chat(services, incoming, self.who, ALLOW_COMMAND.name)
        if isinstance(meant, Screen):
            return (meant,)
        here, replied = incoming.place, incoming.replied_to
        is_author = not self.who and replied is not None and replied.person == meant
        # In a closed group a reply may mean either: its author, or that the group is to be opened.
        if is_author and not here.is_private and not await services.permissions.is_open(here):
            open_all, let_in = (
                ("Open this chat", "/allow"),
                (f"Let {words.plain_name(meant)} in", f"/allow {meant.chat_id}"),
            )
            buttons = await services.button_commands.buttons(here, open_all, let_in)
            return (Screen(words.person_or_group(here, meant), rows(buttons)),)
        _, answer = await _opened(services, incoming, meant)
        return (answer,)


@dataclass(frozen=True, slots=True)
class DenyRequest(Request):
    """`/deny`; `who` as for /allow."""

    needs = DENY_COMMAND.needs
    who: str

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Close a chat; an owner's own one only by a button."""
        meant = await find_chat(services, incoming, self.who, DENY_COMMAND.name)
        if isinstance(meant, Screen):
            return (meant,)
        was_open = await services.permissions.is_open(meant)
        is_here = meant.chat_id == incoming.place.chat_id
        if was_open and meant.is_private and meant.chat_id in services.permissions.owners:
            return (await _own_chat_question(services, incoming.place, meant, is_here=is_here),)
        withdrawn = await services.permissions.close(meant, incoming.actor(services.now()))
        return (words.denied(meant, is_here=is_here, was_open=was_open, withdrawn=withdrawn),)


def _read_allow(rest: str, _chains: ChainReader) -> AllowRequest:
    return AllowRequest(" ".join(rest.split()))


def _read_deny(rest: str, _chains: ChainReader) -> DenyRequest:
    return DenyRequest(" ".join(rest.split()))


async def _own_chat_question(services: Services, here: Place, own: Place, *, is_here: bool) -> Html | Screen:
    """Ask before an owner's private chat is closed; the button works in private, like all that close."""
    known = await services.db.run(access_requests.chat_at, own.chat_id)
    if known is None or not here.is_private:
        return words.asked_there(f"{DENY_COMMAND.name} {own.chat_id}")
    keyboard = rows([button(f"Close {words.plain_name(own)}", CLOSE_CHAT, known.row)])
    return Screen(words.closes_own_chat(own, is_here=is_here), keyboard)


async def _opened(services: Services, incoming: Incoming, place: Place) -> tuple[bool, Html]:
    """Open a chat, and write there if it is another one; returns whether it was open, and the answer."""
    was_open = await services.permissions.is_open(place)
    await services.permissions.open(place, incoming.actor(services.now()))
    is_here = place.chat_id == incoming.place.chat_id
    trouble = ""
    if place.is_channel:
        trouble = await services.posting_trouble(place.chat_id)
    # Only a chat that learns it just now: /allow twice must not write there twice.
    elif not was_open and not is_here:
        trouble = await _announce_open(services, place)
    return was_open, words.allowed(place, is_here=is_here, was_open=was_open, trouble=trouble)


async def opening_offer(services: Services, place: Place, text: Html) -> Screen:
    """Return a text with a button under it that opens this chat, for its owner to press."""
    buttons = await services.button_commands.buttons(place, ("Open this chat", f"/{ALLOW_COMMAND.name}"))
    return Screen(text, rows(buttons))


async def channel_offer(services: Services, channel: Place) -> Screen:
    """Return what an owner reads in private who took the bot into a channel, with a button that opens it."""
    row = await services.db.run(access_requests.meet_chat, channel)
    opens = button(f"Open {words.plain_name(channel)}", OPEN_CHAT, row)
    return Screen(words.channel_offer(channel), rows([opens]))


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
        return (await _chats_page(services, incoming.place, 1),)


def _read_chats(_rest: str, _chains: ChainReader) -> ChatsRequest:
    return ChatsRequest()


async def _find_page(services: Services, incoming: Incoming, press: Press) -> CallbackAction | None:
    """Show another page of the chats."""

    async def act(presser: Incoming) -> CallbackResult:
        page = await _chats_page(services, presser.place, press.row)
        return CallbackResult(redraw=page, is_only_to_see=True)

    return CallbackAction(CHATS_COMMAND.needs, act, incoming.place) if incoming.place.is_private else None


async def _chats_page(services: Services, here: Place, page: int) -> Screen:
    known = await services.db.run(access_requests.known_chats, page, CHATS_A_PAGE)
    lines = [_buttons(number, chat, known.page) for number, chat in enumerate(known.chats, 1)]
    keyboard = rows(*lines) + pager(SHOW_CHATS, known.page, known.pages)
    return Screen(words.chats(known, await services.now_in(here)), keyboard)


def _buttons(number: int, chat: KnownChat, page: int) -> list[Button]:
    """Return the buttons for one chat of the page; owners' own chats have none."""
    name = words.plain_name(chat.place)
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
        screen = (
            Screen(shown) if press.page is None else await _chats_page(services, presser.place, press.page)
        )
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
    is_here = place.chat_id == presser.place.chat_id
    shown = words.denied(place, is_here=is_here, was_open=chat.is_open, withdrawn=withdrawn)
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
