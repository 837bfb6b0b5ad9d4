"""How many commands are answered: enough for people, and never so many that alerts come late.

Answers and alerts of a chat share what Telegram lets a bot say there (telegram.md 1), so commands that only
look may take a part of it. Those that change something, `/unmute` above all, are refused only where no person
can have typed so many. Seconds of any steady clock come in as `now`.
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
"""Looks, below the messages that a group takes a minute: what is left is for alerts."""

MEMBER_PER_MINUTE = 6
"""Looks of one member of a group, so that one alone does not silence the others."""

CHANGES_PER_MINUTE = 60
"""Of one person in one chat."""

REMEMBERED = 10_000
"""Chats and members; who was quiet for longest is forgotten first."""


class LimitAction(Enum):
    """What becomes of a command."""

    ALLOW = "carry out"
    WARN = "say enough"
    """It is one too many, and the first one that is for a minute."""
    IGNORE = "ignore"


class LimitResult(NamedTuple):
    """What becomes of a command, and in how many seconds another one of its kind is carried out."""

    action: LimitAction
    retry_after_seconds: int = 0


@dataclass(slots=True)
class _RecentCommands:
    """The newest commands of somebody that were carried out."""

    limit: int
    at: deque[float] = field(default_factory=deque)
    told_at: float = -math.inf

    def wait(self, now: float) -> int:
        """Return for how many seconds another command is one too many; 0: it is none."""
        if len(self.at) < self.limit:
            return 0
        return max(0, math.ceil(self.at[0] + WINDOW_SECONDS - now))

    def refuse(self, now: float) -> LimitResult:
        """Say so, once a minute."""
        if now - self.told_at < WINDOW_SECONDS:
            return LimitResult(LimitAction.IGNORE, self.wait(now))
        self.told_at = now
        return LimitResult(LimitAction.WARN, self.wait(now))

    def count(self, now: float) -> None:
        self.at.append(now)
        if len(self.at) > self.limit:
            self.at.popleft()


class CommandLimiter:
    """Says which commands are carried out."""

    def __init__(self) -> None:
        self._lately: OrderedDict[Hashable, _RecentCommands] = OrderedDict()

    def check_look(self, chat_id: int, user_id: int | None, now: float, *, is_group: bool) -> LimitResult:
        """Count a command that only looks, and return what becomes of it.

        What one member sends too much does not count for the group.
        """
        if not is_group:
            return _check([self._of(chat_id, PRIVATE_PER_MINUTE)], now)
        member = self._of((chat_id, user_id), MEMBER_PER_MINUTE)
        return _check([member, self._of(chat_id, GROUP_PER_MINUTE)], now)

    def check_change(self, chat_id: int, user_id: int | None, now: float) -> LimitResult:
        """Count a command that changes something, and return what becomes of it."""
        return _check([self._of(("change", chat_id, user_id), CHANGES_PER_MINUTE)], now)

    def count_answer(self, chat_id: int, messages: int, now: float, *, is_group: bool) -> None:
        """Count an answer of several messages: each one more is as good as a command."""
        lately = self._of(chat_id, GROUP_PER_MINUTE if is_group else PRIVATE_PER_MINUTE)
        for _ in range(min(messages - 1, lately.limit)):
            lately.count(now)

    def _of(self, who: Hashable, limit: int) -> _RecentCommands:
        lately = self._lately.setdefault(who, _RecentCommands(limit))
        self._lately.move_to_end(who)
        if len(self._lately) > REMEMBERED:
            self._lately.popitem(last=False)
        return lately


def _check(counts: list[_RecentCommands], now: float) -> LimitResult:
    """Carry out what none of the counts has too many of."""
    longest = max(counts, key=lambda one: one.wait(now))
    if longest.wait(now):
        return longest.refuse(now)
    for one in counts:
        one.count(now)
    return LimitResult(LimitAction.ALLOW)
