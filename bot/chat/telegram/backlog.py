"""A bounded queue of updates from strangers, which are handled when nothing else is."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

MOST = 1000
MOST_OF_ONE_CHAT = 20
"""So that one stranger who floods takes no room from the others."""

Raw = Mapping[str, object]


@dataclass(slots=True)
class Backlog:
    """Updates by chat, each chat's in order; the chats take turns."""

    most: int = MOST
    most_of_one_chat: int = MOST_OF_ONE_CHAT
    _waiting: OrderedDict[int | None, deque[Raw]] = field(default_factory=OrderedDict)
    _count: int = 0
    _has_some: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, chat_id: int | None, raw: Raw) -> bool:
        """Add an update; returns False, and drops it, if there is no room."""
        of_chat = self._waiting.get(chat_id, ())
        if self._count >= self.most or len(of_chat) >= self.most_of_one_chat:
            return False
        self._waiting.setdefault(chat_id, deque()).append(raw)
        self._count += 1
        self._has_some.set()
        return True

    def take(self, chat_id: int | None) -> list[Raw]:
        """Remove and return all updates of one chat, in order."""
        taken = self._waiting.pop(chat_id, None) or deque()
        self._count -= len(taken)
        return list(taken)

    async def next(self) -> tuple[int | None, Raw]:
        """Wait for an update, then remove and return it with its chat. Chats take turns."""
        while not self._waiting:
            self._has_some.clear()
            await self._has_some.wait()
        # The chat goes to the end of the line, however much of it is left: that is what makes turns.
        chat_id, of_chat = self._waiting.popitem(last=False)
        raw = of_chat.popleft()
        self._count -= 1
        if of_chat:
            self._waiting[chat_id] = of_chat
        return chat_id, raw
