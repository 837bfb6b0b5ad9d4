"""What owners do: open and close chats, see who knocks, who did what, and what to believe."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from bot.chat.buttons import toasts
from bot.chat.buttons.button_commands import Answer, CallbackAction, CallbackResult
from bot.chat.buttons.data import Button, Does, Press, Screen, button, pager, rows
from bot.chat.buttons.screens import Screens
from bot.chat.commands.owners import words
from bot.chat.commands.requests import Allow, Audit, Believe, Chats, Deny
from bot.chat.permissions import Incoming, Permissions
from bot.chat.text.html import Html
from bot.chat.text.untrusted import foreign
from bot.domain.chains import Chains
from bot.domain.chat.access import Action
from bot.domain.chat.access_requests import KnownChat
from bot.domain.deliver.delivery import Unreachable, parking
from bot.domain.places import Place
from bot.store.store import Store

CHATS_A_PAGE = 5

Decide = Callable[[Incoming, KnownChat], Awaitable[tuple[str, Html]]]
"""Does what an owner decided of a chat; returns the toast, and what a knock shows from then on."""


class Opening:
    """The owners' work, by command and by button."""

    def __init__(
        self,
        store: Store,
        permissions: Permissions,
        screens: Screens,
        chains: Chains,
        *,
        on_new_wish: Callable[[], None],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._permissions = permissions
        self._screens = screens
        self._chains = chains
        self._on_new_wish = on_new_wish
        self._now = now

    # by command

    async def allow(self, incoming: Incoming, request: Allow) -> Answer:
        """Open a chat."""
        place = await self._meant(incoming.place, request.chat_id)
        _, answer = await self._opened(incoming, place)
        return (answer,)

    async def deny(self, incoming: Incoming, request: Deny) -> Answer:
        """Close a chat."""
        place = await self._meant(incoming.place, request.chat_id)
        was_open = await self._permissions.is_open(place)
        withdrawn = await self._permissions.close(place, incoming.actor(self._now()))
        is_here = place.chat_id == incoming.place.chat_id
        return (
            words.denied(place.chat_id, place.title, is_here=is_here, was_open=was_open, withdrawn=withdrawn),
        )

    async def believe(self, incoming: Incoming, request: Believe) -> Answer:
        """Take for real what vanished from a chain."""
        was_doubted = await self._store.believe_losses(request.chain_id, incoming.actor(self._now()))
        return (words.believed(request.chain_id, self._chains, was_doubted=was_doubted),)

    async def chats(self, incoming: Incoming, _: Chats) -> Answer:
        """Show the chats, in private."""
        if not incoming.place.is_private:
            return (words.private_only("chats"),)
        return (await self._chats_page(1),)

    async def audit(self, incoming: Incoming, _: Audit) -> Answer:
        """Show who did what, in private."""
        if not incoming.place.is_private:
            return (words.private_only("audit"),)
        return (await self._audit_page(1),)

    # by button

    async def ready_chats(self, incoming: Incoming, press: Press) -> CallbackAction | None:
        """Show another page of the chats."""

        async def act(_: Incoming) -> CallbackResult:
            return CallbackResult(redraw=await self._chats_page(press.row), is_only_to_see=True)

        return CallbackAction(Action.OWN, act, incoming.place) if incoming.place.is_private else None

    async def ready_audit(self, incoming: Incoming, press: Press) -> CallbackAction | None:
        """Show another page of who did what."""

        async def act(_: Incoming) -> CallbackResult:
            return CallbackResult(redraw=await self._audit_page(press.row), is_only_to_see=True)

        return CallbackAction(Action.OWN, act, incoming.place) if incoming.place.is_private else None

    async def ready_allow(self, incoming: Incoming, press: Press) -> CallbackAction | None:
        """Open the chat that a button names."""
        return await self._ready_to_decide(incoming, press, self._allow_known)

    async def ready_deny(self, incoming: Incoming, press: Press) -> CallbackAction | None:
        """Close the chat that a button names."""
        return await self._ready_to_decide(incoming, press, self._deny_known)

    async def ready_ignore(self, incoming: Incoming, press: Press) -> CallbackAction | None:
        """Let the chat that a button names knock in vain."""
        return await self._ready_to_decide(incoming, press, self._ignore_known)

    async def _ready_to_decide(
        self, incoming: Incoming, press: Press, decide: Decide
    ) -> CallbackAction | None:
        """Find the chat; buttons that decide about chats stand in owners' private chats only."""
        chat = await self._store.known_chat(press.row) if incoming.place.is_private else None
        if chat is None:
            return None

        async def act(presser: Incoming) -> CallbackResult:
            toast, shown = await decide(presser, chat)
            screen = Screen(shown) if press.page is None else await self._chats_page(press.page)
            return CallbackResult(toast, screen)

        return CallbackAction(Action.OWN, act, incoming.place)

    async def _allow_known(self, presser: Incoming, chat: KnownChat) -> tuple[str, Html]:
        was_open, shown = await self._opened(presser, chat.place)
        return toasts.ALREADY if was_open else toasts.OPENED, shown

    async def _deny_known(self, presser: Incoming, chat: KnownChat) -> tuple[str, Html]:
        place = chat.place
        withdrawn = 0
        if chat.is_open:
            withdrawn = await self._permissions.close(place, presser.actor(self._now()))
        shown = words.denied(
            place.chat_id, place.title, is_here=False, was_open=chat.is_open, withdrawn=withdrawn
        )
        return toasts.SHUT if chat.is_open else toasts.ALREADY, shown

    async def _ignore_known(self, presser: Incoming, chat: KnownChat) -> tuple[str, Html]:
        if await self._permissions.is_open(chat.place):
            return await self._allow_known(presser, chat)
        is_new = await self._store.ignore_request(chat.row, presser.actor(self._now()))
        return toasts.IGNORED if is_new else toasts.ALREADY, words.ignored(chat)

    # what both do

    async def _opened(self, incoming: Incoming, place: Place) -> tuple[bool, Html]:
        """Open a chat, and let it know if it is another one; returns whether it was open, and the answer."""
        was_open = await self._permissions.is_open(place)
        await self._permissions.open(place, incoming.actor(self._now()))
        self._on_new_wish()
        is_here = place.chat_id == incoming.place.chat_id
        trouble = "" if was_open or is_here else await self._told_so(place)
        return was_open, words.allowed(
            place.chat_id, place.title, is_here=is_here, was_open=was_open, trouble=trouble
        )

    async def _told_so(self, place: Place) -> str:
        """Let a chat know that it is open; returns why it can't be written to, "" if it can."""
        outcome = await self._screens.write(place, Screen(words.let_in()))
        if not isinstance(outcome, Unreachable):
            return ""
        await self._store.mark_unreachable(
            place.chat_id, parking(outcome.reason, outcome.park, 0, self._now())
        )
        return outcome.reason

    async def _meant(self, here: Place, chat_id: int | None) -> Place:
        """Return the chat a command names, or this one; negative numbers are groups (telegram.md 1)."""
        if chat_id is None or chat_id == here.chat_id:
            return Place(here.chat_id, here.kind, here.title)
        known = await self._store.known_place(chat_id)
        return known or Place(chat_id, "private" if chat_id > 0 else "group", "")

    async def _chats_page(self, page: int) -> Screen:
        guests = await self._store.known_chats(page, CHATS_A_PAGE)
        lines = [_buttons(number, chat, guests.page) for number, chat in enumerate(guests.chats, 1)]
        keyboard = rows(*lines) + pager(Does.CHATS, guests.page, guests.pages)
        return Screen(words.chats(guests, self._now()), keyboard)

    async def _audit_page(self, page: int) -> Screen:
        entries, total = await self._store.audit_page(max(1, page), words.ENTRIES_A_PAGE)
        pages = max(1, -(-total // words.ENTRIES_A_PAGE))
        page = min(max(1, page), pages)
        text = words.audit(entries, page, pages, self._chains, self._now())
        return Screen(text, pager(Does.AUDIT, page, pages))


def _buttons(number: int, chat: KnownChat, page: int) -> list[Button]:
    """Return what can be decided about a chat of the page; owners' own chats are left alone."""
    name = foreign(chat.place.title).visible or str(chat.place.chat_id)
    if chat.is_owner:
        return []
    if chat.is_open:
        return [button(f"{number}. Close {name}", Does.DENY, chat.row, page)]
    opens = button(f"{number}. Open {name}", Does.ALLOW, chat.row, page)
    if chat.knocked_at is None:
        return [opens]
    return [opens, button(f"{number}. Ignore", Does.IGNORE, chat.row, page)]
