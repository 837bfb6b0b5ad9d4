"""How fast messages may leave: one pace for alerts and answers alike.

Telegram publishes no exact limits, so the pace stays below what is known of them: a burst and a steady rate
for a private chat, so many in a sliding minute for a group, a steady rate for the whole bot. A chat that
Telegram throttles all the same (HTTP 429) pauses for as long as Telegram wants, and keeps half its pace until
it has been quiet for a while. `now` is in seconds of any monotonic clock; nothing here waits.
"""

from collections import deque
from dataclasses import dataclass

PRIVATE_BURST = 3
GROUP_WINDOW_SECONDS = 60.0
GROUP_GAP_SECONDS = 1.0
"""Between two messages to a group; less where the settings allow more than 60 a minute."""

SLOWEST = 1 / 16
"""The part of its usual pace that a chat keeps however often it is throttled."""

RECOVERY_SECONDS = 60.0
RECOVERY_STEP = 0.1
"""Each quiet minute gives back a tenth of the usual pace."""

SIMULTANEOUS_SECONDS = 5.0
"""Two chats throttled within this time mean that the whole bot is too fast."""

SIMULTANEOUS_PAUSE_LONGEST_SECONDS = 60.0
"""The longest pause of the whole bot for that; then another message finds out."""

_PRUNE_ABOVE = 10_000
"""Chats in memory from which on those are forgotten that have been quiet."""


@dataclass(slots=True)
class _Slowed:
    """A chat that was throttled."""

    until: float
    pace: float
    """The part of its usual pace that it had after it was last throttled."""
    since: float

    def pace_at(self, now: float) -> float:
        steps = max(0.0, now - max(self.since, self.until)) // RECOVERY_SECONDS
        return min(1.0, self.pace + RECOVERY_STEP * steps)


class Pacer:
    """Tells how long a message has to wait, and counts those that leave."""

    def __init__(
        self,
        *,
        messages_per_second: float,
        private_messages_per_second: float,
        group_messages_per_minute: int,
    ) -> None:
        self._bot_gap = 1 / messages_per_second
        self._private_gap = 1 / private_messages_per_second
        self._per_minute = group_messages_per_minute
        self._group_gap = min(GROUP_GAP_SECONDS, GROUP_WINDOW_SECONDS / group_messages_per_minute)
        self._bot_free_at = float("-inf")
        self._bot_paused_until = float("-inf")
        self._spent_until: dict[int, float] = {}
        self._group_departures: dict[int, deque[float]] = {}
        self._slowed: dict[int, _Slowed] = {}
        self._last_throttled: tuple[int, float] | None = None

    def chat_wait(self, chat_id: int, now: float, *, is_group: bool) -> float:
        """Return the seconds until this chat may be written to, 0.0 for now."""
        slowed = self._slowed.get(chat_id)
        pace = 1.0 if slowed is None else slowed.pace_at(now)
        free_at = (
            self._group_free_at(chat_id, now, pace) if is_group else self._private_free_at(chat_id, pace)
        )
        paused_until = now if slowed is None else slowed.until
        return max(free_at - now, paused_until - now, 0.0)

    def pause_wait(self, chat_id: int, now: float) -> float:
        """Return for how many seconds Telegram wants no message there, because of the chat or the bot."""
        slowed = self._slowed.get(chat_id)
        until = self._bot_paused_until if slowed is None else max(slowed.until, self._bot_paused_until)
        return max(until - now, 0.0)

    def bot_wait(self, now: float) -> float:
        """Return the seconds until the whole bot may send again, 0.0 for now."""
        return max(self._bot_free_at - now, 0.0)

    def depart(self, chat_id: int, now: float, *, is_group: bool) -> None:
        """Count a message that leaves now."""
        # At most one gap of the idle time counts, so that an idle bot does not send a burst.
        self._bot_free_at = max(self._bot_free_at, now - self._bot_gap) + self._bot_gap
        slowed = self._slowed.get(chat_id)
        gap = self._private_gap / (1.0 if slowed is None else slowed.pace_at(now))
        if is_group:
            self._group_departures.setdefault(chat_id, deque()).append(now)
            gap = self._group_gap
        # Added up, as two programs may each have sent one at the same moment.
        self._spent_until[chat_id] = max(self._spent_until.get(chat_id, now), now) + gap
        self._forget_idle(now)

    def throttled(self, chat_id: int, seconds: float, now: float, *, is_stranger: bool = False) -> None:
        """Pause a chat for as long as Telegram wants; the whole bot, if it was the second one in a moment.

        Chats of strangers pause only themselves: strangers can cause throttling on purpose.
        """
        slowed = self._slowed.get(chat_id)
        pace = 1.0 if slowed is None else slowed.pace_at(now)
        until = max(now + seconds, now if slowed is None else slowed.until)
        self._slowed[chat_id] = _Slowed(until, max(SLOWEST, pace / 2), now)
        if is_stranger:
            return
        # One chat that is throttled is that chat's matter; two at once mean that the bot as a whole is.
        before, self._last_throttled = self._last_throttled, (chat_id, now)
        if before is not None and before[0] != chat_id and now - before[1] <= SIMULTANEOUS_SECONDS:
            other = self._slowed.get(before[0])
            longest = max(until, now if other is None else other.until)
            self._bot_paused_until = min(longest, now + SIMULTANEOUS_PAUSE_LONGEST_SECONDS)
            self._bot_free_at = max(self._bot_free_at, self._bot_paused_until)

    def _private_free_at(self, chat_id: int, pace: float) -> float:
        """Return when a private chat is free: at once in a burst, which a slowed chat does not have."""
        spent_until = self._spent_until.get(chat_id, float("-inf"))
        ahead = (PRIVATE_BURST - 1) * self._private_gap if pace >= 1 else 0.0
        return spent_until - ahead

    def _group_free_at(self, chat_id: int, now: float, pace: float) -> float:
        departures = self._group_departures.get(chat_id)
        while departures and departures[0] <= now - GROUP_WINDOW_SECONDS:
            departures.popleft()
        if not departures:
            return now
        # The window is free once the message is a minute old that so many others have followed.
        per_minute = max(1, int(self._per_minute * pace))
        window_free_at = now
        if len(departures) >= per_minute:
            window_free_at = departures[-per_minute] + GROUP_WINDOW_SECONDS
        return max(window_free_at, self._spent_until.get(chat_id, now))

    def _forget_idle(self, now: float) -> None:
        if len(self._spent_until) + len(self._group_departures) < _PRUNE_ABOVE:
            return
        self._spent_until = {chat: until for chat, until in self._spent_until.items() if until > now}
        self._group_departures = {
            chat: departures
            for chat, departures in self._group_departures.items()
            if departures and departures[-1] > now - GROUP_WINDOW_SECONDS
        }
        self._slowed = {chat: slowed for chat, slowed in self._slowed.items() if slowed.pace_at(now) < 1}
