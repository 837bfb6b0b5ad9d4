"""The queue of updates that wait for the bot until a later call confirms them.

See docs/telegram.md, "Updates".
"""

import itertools
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.sandbox.signal import ChangeSignal
from bot.sandbox.telegram.world.clock import Clock
from bot.sandbox.telegram.world.wire import ApiError, Json

NOT_BY_DEFAULT = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
FIRST_UPDATE_ID = 700_000_001
MAX_UPDATES = 100
MAX_TIMEOUT_SECONDS = 50
KEPT = timedelta(hours=24)
# The server's source keeps pressed buttons for less time: nobody waits longer for an answer.
PRESSES_KEPT = timedelta(seconds=150)


@dataclass(frozen=True)
class _QueuedUpdate:
    """One update, and when it is dropped unread."""

    update_id: int
    update: Json
    dropped_at: datetime


class Updates:
    """The queue of one bot. One poll at a time: a second ends the first."""

    def __init__(self, now: Clock) -> None:
        self._now = now
        self._ids = itertools.count(FIRST_UPDATE_ID)
        self._waiting: list[_QueuedUpdate] = []
        self._turn = 0
        self._ended_by = ""
        self._signal = ChangeSignal()
        self.allowed: tuple[str, ...] = ()
        self.webhook_url = ""

    @property
    def waiting_count(self) -> int:
        """How many updates are neither confirmed nor dropped."""
        self._drop_old()
        return len(self._waiting)

    def allow(self, kinds: Collection[str]) -> None:
        """Remember which kinds to queue from now on; none means the default."""
        self.allowed = tuple(kinds)

    def put(self, kind: str, content: Json) -> None:
        """Queue one update, unless its kind is not allowed."""
        # Kinds are filtered when the update happens and not when it is fetched, as Telegram does.
        if kind in self.allowed if self.allowed else kind not in NOT_BY_DEFAULT:
            number = next(self._ids)
            dropped_at = self._now() + (PRESSES_KEPT if kind == "callback_query" else KEPT)
            self._waiting.append(_QueuedUpdate(number, {"update_id": number, kind: content}, dropped_at))
            self._signal.send()

    def clear(self) -> None:
        """Drop all waiting updates."""
        self._waiting.clear()

    def set_webhook(self, url: str) -> None:
        """Set a webhook, which ends a poll and keeps updates from later ones; nothing is ever sent to it."""
        self.webhook_url = url
        self._end_poll("terminated by setWebhook request")

    def delete_webhook(self) -> None:
        """Remove the webhook, so that polls get updates again."""
        self.webhook_url = ""

    def refuse_beside_webhook(self) -> None:
        """Raise 409 while a webhook is set."""
        if self.webhook_url:
            raise _conflict(
                "can't use getUpdates method while webhook is active; "
                "use deleteWebhook to delete the webhook first"
            )

    async def poll(self, *, offset: int, limit: int, timeout_seconds: int) -> list[Json]:
        """Confirm what is before the offset and return the next, as soon as there is one.

        A negative offset keeps that many from the end and forgets the rest. Limit and timeout are brought
        into their ranges.
        """
        self._end_poll(
            "terminated by other getUpdates request; make sure that only one bot instance is running"
        )
        # A later poll raises the number: by it this one notices that it was ended.
        turn = self._turn
        self._confirm(offset)
        count = min(max(limit, 1), MAX_UPDATES)
        try:
            return await self._signal.wait_for(
                lambda: self._next(turn, count), min(max(timeout_seconds, 0), MAX_TIMEOUT_SECONDS)
            )
        except TimeoutError:
            return []

    def _end_poll(self, reason: str) -> None:
        self._turn += 1
        self._ended_by = reason
        self._signal.send()

    def _next(self, turn: int, count: int) -> list[Json] | None:
        if turn != self._turn:
            raise _conflict(self._ended_by)
        self._drop_old()
        return [waiting.update for waiting in self._waiting[:count]] or None

    def _confirm(self, offset: int) -> None:
        if offset < 0:
            # From the end: -1 keeps the newest only.
            self._waiting = self._waiting[offset:]
        elif offset > 0:
            self._waiting = [waiting for waiting in self._waiting if waiting.update_id >= offset]

    def _drop_old(self) -> None:
        self._waiting = [waiting for waiting in self._waiting if waiting.dropped_at > self._now()]


def _conflict(reason: str) -> ApiError:
    return ApiError(409, f"Conflict: {reason}")
