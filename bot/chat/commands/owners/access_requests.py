"""Requests for access: who speaks in a closed chat is shown to owners, with a button that opens it."""

from collections.abc import Callable
from datetime import datetime
from enum import Enum

from bot.chat.buttons.data import Screen, button, rows
from bot.chat.buttons.screens import Screens
from bot.chat.commands.owners import words
from bot.chat.commands.owners.access import IGNORE_CHAT, OPEN_CHAT
from bot.chat.permissions import Incoming, Permissions
from bot.chat.telegram.send_queue import Rank
from bot.domain.deliver.delivery import parking_after
from bot.domain.deliver.outcomes import Sent, Unreachable
from bot.domain.places import Place
from bot.store.chats import access_requests, chats, mutes
from bot.store.database.connection import DatabaseThread


class AccessRequests:
    """Shows owners that a closed chat asks for access."""

    def __init__(
        self, db: DatabaseThread, permissions: Permissions, screens: Screens, *, now: Callable[[], datetime]
    ) -> None:
        self._db = db
        self._permissions = permissions
        self._screens = screens
        self._now = now

    async def announce(self, incoming: Incoming) -> bool:
        """Show owners a closed chat, at most once a day; returns whether one of them has it just now.

        An owner who never pressed Start can't be written to; /chats lists the request all the same.
        """
        request = await self._db.run(access_requests.request_access, incoming.place, self._now())
        if request is None:
            return False
        screen = Screen(
            words.access_request(incoming.place, incoming.author, is_last_today=request.is_last_today),
            rows([button("Allow", OPEN_CHAT, request.row), button("Ignore", IGNORE_CHAT, request.row)]),
        )
        notified = [await self._notify(owner, screen) for owner in sorted(self._permissions.owners)]
        # Only then: if no owner could be reached, the next message from there tries again.
        if any(result is not Notified.NO for result in notified):
            await self._db.run_if_possible(access_requests.mark_request_announced, request.row, self._now())
        return Notified.NOW in notified

    async def _notify(self, owner: int, screen: Screen) -> "Notified":
        """Write to one owner, unless their chat is muted: then only /chats lists the request."""
        chat = Place(owner, "private", "")
        muted = await self._db.run(mutes.muted_here, chat)
        if any(mute.account is None for mute in muted.mutes):
            return Notified.NO
        outcome = await self._screens.write(chat, screen, rank=Rank.STRANGER)
        if isinstance(outcome, Unreachable):
            await self._db.run(
                chats.mark_unreachable, owner, parking_after(outcome.reason, outcome.park, 0, self._now())
            )
        if outcome is None:
            return Notified.LATER
        return Notified.NOW if isinstance(outcome, Sent) else Notified.NO


class Notified(Enum):
    """Whether an owner was shown a request."""

    NOW = "now"
    LATER = "later"
    """Queued; counted as notified, so that requests do not pile up."""
    NO = "no"
