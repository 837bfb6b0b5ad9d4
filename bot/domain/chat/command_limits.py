"""How many commands per minute are answered, so that answers never delay alerts.

Answers and alerts of a chat share what Telegram lets a bot send there (docs/telegram.md, "Limits"), so
commands that only look get a part of it. Commands that change something, `/unmute` above all, are refused
only beyond what a person can type. `now` is in seconds of a monotonic clock.
"""

import math
from collections import OrderedDict, deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

WINDOW_SECONDS = 60.0

PRIVATE_PER_MINUTE = 20
GROUP_PER_MINUTE = 12
"""Looks; fewer than the messages a group may get per minute, to leave room for alerts."""

MEMBER_PER_MINUTE = 6
"""Looks of one member of a group, so that one member cannot use up the group's share."""

CHANGES_PER_MINUTE = 60
"""Changes by one person in one chat."""

PRIVATE_WARNING_SECONDS = 10.0
"""How often at most somebody who goes on in a private chat reads that it is too much: no silence there."""

REMEMBERED = 10_000
"""Chats and members to remember; the longest inactive are forgotten first."""


class LimitAction(Enum):
    """What to do with a command."""

    ALLOW = "carry out"
    WARN = "say enough"
    """One too many: say so, once a minute in a group."""
    IGNORE = "ignore"


class LimitResult(NamedTuple):
    """What to do with a command, and in how many seconds the next one of its kind is allowed."""

    action: LimitAction
    retry_after_seconds: int = 0


@dataclass(slots=True)
class _RecentCommands:
    """When the latest allowed commands of one chat or member came."""

    limit: int
    at: deque[float] = field(default_factory=deque)
    warned_at: float = -math.inf

    def wait(self, now: float) -> int:
        """Return in how many seconds the next command is allowed; 0: now."""
        if len(self.at) < self.limit:
            return 0
        return max(0, math.ceil(self.at[0] + WINDOW_SECONDS - now))

    def refuse(self, now: float, *, is_group: bool) -> LimitResult:
        """Return a warning, or an order to ignore the command if a warning was given not long ago."""
        if now - self.warned_at < (WINDOW_SECONDS if is_group else PRIVATE_WARNING_SECONDS):
            return LimitResult(LimitAction.IGNORE, self.wait(now))
        self.warned_at = now
        return LimitResult(LimitAction.WARN, self.wait(now))

    def count(self, now: float) -> None:
        # Only the latest `limit` moments matter: the oldest of them says when the next command is allowed.
        self.at.append(now)
        if len(self.at) > self.limit:
            self.at.popleft()


class CommandLimiter:
    """Counts commands per chat and member, and decides which are carried out."""

    def __init__(self) -> None:
        self._recent: OrderedDict[Hashable, _RecentCommands] = OrderedDict()

    def check_look(self, chat_id: int, user_id: int | None, now: float, *, is_group: bool) -> LimitResult:
        """Count a command that only looks, and return what becomes of it.

        What one member sends too much does not count for the group.
        """
        if not is_group:
            return _check([self._of(chat_id, PRIVATE_PER_MINUTE)], now, is_group=False)
        member = self._of((chat_id, user_id), MEMBER_PER_MINUTE)
        return _check([member, self._of(chat_id, GROUP_PER_MINUTE)], now, is_group=True)

    def check_change(self, chat_id: int, user_id: int | None, now: float, *, is_group: bool) -> LimitResult:
        """Count a command that changes something, and return what becomes of it."""
        return _check([self._of(("change", chat_id, user_id), CHANGES_PER_MINUTE)], now, is_group=is_group)

    def count_answer(self, chat_id: int, messages: int, now: float, *, is_group: bool) -> None:
        """Count an answer of several messages: each further message counts as one command."""
        recent = self._of(chat_id, GROUP_PER_MINUTE if is_group else PRIVATE_PER_MINUTE)
        # More than the limit would change nothing: it forgets the oldest.
        for _ in range(min(messages - 1, recent.limit)):
            recent.count(now)

    def _of(self, who: Hashable, limit: int) -> _RecentCommands:
        recent = self._recent.setdefault(who, _RecentCommands(limit))
        self._recent.move_to_end(who)
        if len(self._recent) > REMEMBERED:
            self._recent.popitem(last=False)
        return recent


def _check(counts: list[_RecentCommands], now: float, *, is_group: bool) -> LimitResult:
    """Allow only if no count is at its limit; a refused command is counted nowhere."""
    longest = max(counts, key=lambda recent: recent.wait(now))
    if longest.wait(now):
        return longest.refuse(now, is_group=is_group)
    for recent in counts:
        recent.count(now)
    return LimitResult(LimitAction.ALLOW)
