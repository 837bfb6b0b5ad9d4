"""How many commands are answered: enough for people, and never so many that alerts come late.

Answers and alerts of a chat share what Telegram lets a bot say there (telegram.md 1), so
commands may take a part of it only. Seconds of any steady clock come in as `now`.
"""

from collections import OrderedDict, deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import Enum

WINDOW_SECONDS = 60.0

PRIVATE_PER_MINUTE = 20
GROUP_PER_MINUTE = 10
"""Below the messages that a group takes a minute: what is left is for alerts."""

MEMBER_PER_MINUTE = 6
"""Of one member of a group, so that one alone does not silence the others."""

REMEMBERED = 10_000
"""Chats and members; who was quiet for longest is forgotten first."""


class Heed(Enum):
    """What becomes of a command."""

    CARRY_OUT = "carry out"
    SAY_ENOUGH = "say enough"
    """It is the first one too many: said once, until it gets calmer."""
    IGNORE = "ignore"


@dataclass(slots=True)
class _Lately:
    """The newest commands of somebody, carried out or not."""

    limit: int
    at: deque[float] = field(default_factory=deque)
    is_told: bool = False

    def take(self, now: float) -> Heed:
        """Count a command; it is one too many if so many came within the minute before."""
        is_many = len(self.at) == self.limit and now - self.at[0] < WINDOW_SECONDS
        self.count(now)
        if not is_many:
            self.is_told = False
            return Heed.CARRY_OUT
        if self.is_told:
            return Heed.IGNORE
        self.is_told = True
        return Heed.SAY_ENOUGH

    def count(self, now: float) -> None:
        self.at.append(now)
        if len(self.at) > self.limit:
            self.at.popleft()


class Flood:
    """Says which commands are carried out."""

    def __init__(self) -> None:
        self._lately: OrderedDict[Hashable, _Lately] = OrderedDict()

    def heed(self, chat_id: int, user_id: int | None, now: float, *, is_group: bool) -> Heed:
        """Count a command and return what becomes of it.

        What one member sends too much does not count for the group.
        """
        if not is_group:
            return self._of(chat_id, PRIVATE_PER_MINUTE).take(now)
        members = self._of((chat_id, user_id), MEMBER_PER_MINUTE).take(now)
        if members is not Heed.CARRY_OUT:
            return members
        return self._of(chat_id, GROUP_PER_MINUTE).take(now)

    def count_answer(self, chat_id: int, messages: int, now: float, *, is_group: bool) -> None:
        """Count an answer of several messages: each one more is as good as a command."""
        lately = self._of(chat_id, GROUP_PER_MINUTE if is_group else PRIVATE_PER_MINUTE)
        for _ in range(min(messages - 1, lately.limit)):
            lately.count(now)

    def _of(self, who: Hashable, limit: int) -> _Lately:
        lately = self._lately.setdefault(who, _Lately(limit))
        self._lately.move_to_end(who)
        if len(self._lately) > REMEMBERED:
            self._lately.popitem(last=False)
        return lately
