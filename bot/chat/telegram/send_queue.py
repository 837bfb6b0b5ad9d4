"""The order in which messages leave: one queue for alerts and answers, at the pace that the pacer allows.

Within a chat it is first come, first served. Between chats that may be written to now, answers go before
alerts, since somebody waits for them. Answers to strangers leave when nothing else wants to, and delay
nobody, not even in its own chat.
"""

import asyncio
import heapq
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from enum import IntEnum
from weakref import WeakValueDictionary

from bot.domain.deliver.pacing import Pacer

STRANGERS_LOOK_SECONDS = 0.05
"""How often a message to a stranger checks whether nothing else is waiting."""


class Rank(IntEnum):
    """What a message is, which decides who goes first; the lowest does."""

    ANSWER = 0
    ALERT = 1
    STRANGER = 2
    """Answers to strangers, and messages to others that only a stranger caused."""


@dataclass(order=True, slots=True)
class _Waiting:
    rank: Rank
    number: int
    may_leave: asyncio.Future[None] = field(compare=False)


class SendQueue:
    """Lets messages leave one by one, below Telegram's limits."""

    def __init__(
        self, pacer: Pacer, monotonic: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._pacer = pacer
        self._monotonic = monotonic
        self._sleep = sleep
        self._queues: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._waiting: list[_Waiting] = []
        self._arrived = 0
        self._release_task: asyncio.Task[None] | None = None

    async def turn(self, chat_id: int, *, is_group: bool, rank: Rank = Rank.ALERT) -> None:
        """Wait until a message to this chat may leave, and count it as leaving."""
        if rank is Rank.STRANGER:
            await self._turn_of_a_stranger(chat_id, is_group=is_group)
            return
        # A chat's lock lives as long as somebody waits for it: the dictionary keeps no chats of its own.
        queue = self._queues.setdefault(chat_id, asyncio.Lock())
        async with queue:
            await self._wait_for_the_chat(chat_id, is_group=is_group)
            # The wait for the bot may be long enough for the chat to be throttled meanwhile: then all over
            # again.
            while self._waiting or self._pacer.bot_wait(self._monotonic()):
                await self._wait_for_the_bot(rank)
                if not self._pacer.chat_wait(chat_id, self._monotonic(), is_group=is_group):
                    break
                await self._wait_for_the_chat(chat_id, is_group=is_group)
            self._pacer.depart(chat_id, self._monotonic(), is_group=is_group)

    def note_departure(self, chat_id: int, seconds_ago: float, *, is_group: bool) -> None:
        """Count a message that left so long ago, by whoever sent it."""
        self._pacer.depart(chat_id, self._monotonic() - seconds_ago, is_group=is_group)

    def wait(self, chat_id: int, *, is_group: bool) -> float:
        """Return the seconds until this chat may be written to, 0.0 for now."""
        return self._pacer.chat_wait(chat_id, self._monotonic(), is_group=is_group)

    def throttled(self, chat_id: int, seconds: float, rank: Rank = Rank.ALERT) -> None:
        """Let nothing leave for a chat for as long as Telegram wants, and slow it down afterwards."""
        self._pacer.throttled(chat_id, seconds, self._monotonic(), is_stranger=rank is Rank.STRANGER)

    async def _turn_of_a_stranger(self, chat_id: int, *, is_group: bool) -> None:
        """Wait without a place in any queue, so that everybody who comes later goes first."""
        while True:
            wait = max(self.wait(chat_id, is_group=is_group), self._pacer.bot_wait(self._monotonic()))
            queue = self._queues.get(chat_id)
            if not wait and not self._waiting and (queue is None or not queue.locked()):
                break
            # Polled, not queued: a place in the queue would be a place before somebody who comes later.
            await self._sleep(wait or STRANGERS_LOOK_SECONDS)
        self._pacer.depart(chat_id, self._monotonic(), is_group=is_group)

    async def _wait_for_the_chat(self, chat_id: int, *, is_group: bool) -> None:
        while wait := self._pacer.chat_wait(chat_id, self._monotonic(), is_group=is_group):
            await self._sleep(wait)

    async def _wait_for_the_bot(self, rank: Rank) -> None:
        self._arrived += 1
        one = _Waiting(rank, self._arrived, asyncio.get_running_loop().create_future())
        heapq.heappush(self._waiting, one)
        if self._release_task is None or self._release_task.done():
            self._release_task = asyncio.create_task(self._release())
        await one.may_leave

    async def _release(self) -> None:
        """Release waiting messages one by one, highest rank first, as the pacer allows."""
        while self._waiting:
            while wait := self._pacer.bot_wait(self._monotonic()):
                await self._sleep(wait)
            one = heapq.heappop(self._waiting)
            if not one.may_leave.done():
                one.may_leave.set_result(None)
                await asyncio.sleep(0)  # it counts itself as leaving before the next one looks
