"""When the next message may leave: one pace for all sends, alerts and answers alike.

Telegram publishes no exact limits (telegram.md 1), so the pace stays below what
is known: a burst and a steady rate for a private chat, a sliding minute for a
group, a steady rate for the whole bot. Seconds of any steady clock come in as
`now`; nothing here waits.
"""

from collections import deque

PRIVATE_BURST = 3
GROUP_WINDOW_SECONDS = 60.0
GROUP_GAP_SECONDS = 1.0
_SWEEP_UP_AT = 10_000


class Pacer:
    """Says whether a message may leave now, and counts it if so."""

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
        self._bot_free_at = float("-inf")
        self._private_spent_until: dict[int, float] = {}
        self._group_departures: dict[int, deque[float]] = {}

    def take(self, chat_id: int, now: float, *, is_group: bool) -> float:
        """Return 0.0 and count a departure, or return the seconds to wait before asking again."""
        chat_free_at = self._group_free_at(chat_id, now) if is_group else self._private_free_at(chat_id)
        wait = max(chat_free_at, self._bot_free_at) - now
        if wait > 0:
            return wait
        self._bot_free_at = max(self._bot_free_at, now - self._bot_gap) + self._bot_gap
        if is_group:
            self._group_departures[chat_id].append(now)
        else:
            spent_until = max(self._private_spent_until.get(chat_id, now), now)
            self._private_spent_until[chat_id] = spent_until + self._private_gap
        self._forget_idle(now)
        return 0.0

    def _private_free_at(self, chat_id: int) -> float:
        """Let a burst run ahead of the steady rate by its length."""
        spent_until = self._private_spent_until.get(chat_id, float("-inf"))
        return spent_until - (PRIVATE_BURST - 1) * self._private_gap

    def _group_free_at(self, chat_id: int, now: float) -> float:
        departures = self._group_departures.setdefault(chat_id, deque())
        while departures and departures[0] <= now - GROUP_WINDOW_SECONDS:
            departures.popleft()
        if not departures:
            return now
        window_free_at = now
        if len(departures) >= self._per_minute:
            window_free_at = departures[-self._per_minute] + GROUP_WINDOW_SECONDS
        return max(window_free_at, departures[-1] + GROUP_GAP_SECONDS)

    def _forget_idle(self, now: float) -> None:
        if len(self._private_spent_until) + len(self._group_departures) < _SWEEP_UP_AT:
            return
        self._private_spent_until = {
            chat: until for chat, until in self._private_spent_until.items() if until > now
        }
        self._group_departures = {
            chat: departures
            for chat, departures in self._group_departures.items()
            if departures and departures[-1] > now - GROUP_WINDOW_SECONDS
        }
