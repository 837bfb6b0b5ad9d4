"""Updates of strangers, which keep nobody waiting: a bounded store that is worked off when there is time."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

MOST = 1000
MOST_OF_ONE_CHAT = 20
"""One stranger's flood takes no room from the others."""

Raw = Mapping[str, object]


@dataclass(slots=True)
class Backlog:
    """Keeps updates by chat, in order; chats take turns."""

    most: int = MOST
    most_of_one_chat: int = MOST_OF_ONE_CHAT
    dropped: int = 0
    """For which there was no room, since the start."""
    _waiting: OrderedDict[int | None, deque[Raw]] = field(default_factory=OrderedDict)
    _count: int = 0
    _has_some: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, chat_id: int | None, raw: Raw) -> bool:
        """Keep an update; False: there is no room, and it is dropped."""
        of_chat = self._waiting.get(chat_id, ())
        if self._count >= self.most or len(of_chat) >= self.most_of_one_chat:
            self.dropped += 1
            return False
        self._waiting.setdefault(chat_id, deque()).append(raw)
        self._count += 1
        self._has_some.set()
        return True

    def take(self, chat_id: int | None) -> list[Raw]:
        """Return and forget what waits of one chat, in order."""
        taken = self._waiting.pop(chat_id, None) or deque()
        self._count -= len(taken)
        return list(taken)

    async def next(self) -> tuple[int | None, Raw]:
        """Wait for the next update, and forget it; of several chats each has one in turn."""
        while not self._waiting:
            self._has_some.clear()
            await self._has_some.wait()
        chat_id, of_chat = self._waiting.popitem(last=False)
        raw = of_chat.popleft()
        self._count -= 1
        if of_chat:
            self._waiting[chat_id] = of_chat
        return chat_id, raw
