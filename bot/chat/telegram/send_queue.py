"""The order in which messages leave: one queue for alerts and answers, at the pace that the pacer allows.

Within a chat it is first come, first served. Between chats that may be written to now, answers go before
alerts, since somebody waits for them. Answers to strangers leave when nothing else wants to, and delay
nobody, not even in its own chat.
"""

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol
from weakref import WeakValueDictionary

from bot.domain.deliver.pacing import Pacer
from bot.store.outbox.departures import Leaving, RecentSend

FRESH_SECONDS = 1.0
"""How old what others have told may be when a message leaves."""

STRANGERS_LOOK_SECONDS = 0.05
"""How often a message to a stranger checks whether nothing else is waiting."""


class Rank(IntEnum):
    """What a message is, which decides who goes first; the lowest does."""

    ANSWER = 0
    ALERT = 1
    STRANGER = 2
    """Answers to strangers, and messages to others that only a stranger caused."""


class Departures(Protocol):
    """Where programs that send with one token tell each other of it."""

    async def exchange(self, *mine: Leaving) -> Sequence[RecentSend]:
        """Tell what leaves from here now; returns what others told since the last time."""


@dataclass(order=True, slots=True)
class _Waiting:
    rank: Rank
    number: int
    may_leave: asyncio.Future[None] = field(compare=False)


class SendQueue:
    """Lets messages leave one by one, below Telegram's limits.

    `departures` are shared with other programs, None: there are none. What two programs send at the same
    moment they learn afterwards: so a chat may have a message more than its pace allows, and has to wait
    longer then. Telegram's own limits leave room for that. A pause that Telegram asked for is kept by all.
    """

    def __init__(
        self,
        pacer: Pacer,
        monotonic: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        departures: Departures | None = None,
    ) -> None:
        self._pacer = pacer
        self._departures = departures
        self._learned_at = float("-inf")
        self._learning = asyncio.Lock()
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
            while True:
                await self._wait_for_both(chat_id, is_group=is_group, rank=rank)
                if not await self._has_learned() and await self._depart(chat_id, is_group=is_group):
                    return

    async def learn(self) -> None:
        """Count what other programs sent, the one included that sent before this one took over."""
        await self._exchange()

    def count(self, sends: Sequence[RecentSend]) -> None:
        """Count what left elsewhere, or before the start, and the pauses that Telegram asked for there."""
        for one in sends:
            at = self._monotonic() - one.ago.total_seconds()
            if one.pause_seconds:
                self._pacer.throttled(one.chat_id, one.pause_seconds, at)
            else:
                self._pacer.depart(one.chat_id, at, is_group=one.is_group)

    def wait(self, chat_id: int, *, is_group: bool) -> float:
        """Return the seconds until this chat may be written to, 0.0 for now."""
        return self._pacer.chat_wait(chat_id, self._monotonic(), is_group=is_group)

    def throttled(self, chat_id: int, seconds: float, rank: Rank = Rank.ALERT) -> None:
        """Let nothing leave for a chat for as long as Telegram wants, and slow it down afterwards."""
        self._pacer.throttled(chat_id, seconds, self._monotonic(), is_stranger=rank is Rank.STRANGER)

    async def pause(self, chat_id: int, seconds: float, rank: Rank) -> None:
        """Do the same here and wherever else this bot sends from."""
        self.throttled(chat_id, seconds, rank)
        # What strangers cause is no matter of others: they have nothing to say there.
        if rank is not Rank.STRANGER:
            await self._exchange(Leaving(chat_id, is_group=chat_id < 0, pause_seconds=seconds))

    async def _depart(self, chat_id: int, *, is_group: bool) -> bool:
        """Count a message as leaving, here and elsewhere; False: Telegram wants a pause, as others know."""
        # Counted here before others are told: meanwhile the next one looks whether it may leave.
        self._pacer.depart(chat_id, self._monotonic(), is_group=is_group)
        if self._departures is None:
            return True
        await self._exchange(Leaving(chat_id, is_group))
        return not self._pacer.pause_wait(chat_id, self._monotonic())

    async def _has_learned(self) -> bool:
        """Learn what others sent, unless that was done just now; then there is to be another look."""
        if self._departures is None or self._is_fresh:
            return False
        async with self._learning:
            if not self._is_fresh:
                await self._exchange()
        return True

    @property
    def _is_fresh(self) -> bool:
        return self._monotonic() - self._learned_at < FRESH_SECONDS

    async def _exchange(self, *mine: Leaving) -> None:
        if self._departures is not None:
            self.count(await self._departures.exchange(*mine))
            self._learned_at = self._monotonic()

    async def _turn_of_a_stranger(self, chat_id: int, *, is_group: bool) -> None:
        """Wait without a place in any queue, so that everybody who comes later goes first."""
        while True:
            wait = max(self.wait(chat_id, is_group=is_group), self._pacer.bot_wait(self._monotonic()))
            queue = self._queues.get(chat_id)
            if wait or self._waiting or (queue is not None and queue.locked()):
                # Polled, not queued: a place in the queue would be a place before somebody who comes later.
                await self._sleep(wait or STRANGERS_LOOK_SECONDS)
            elif not await self._has_learned() and await self._depart(chat_id, is_group=is_group):
                return

    async def _wait_for_both(self, chat_id: int, *, is_group: bool, rank: Rank) -> None:
        await self._wait_for_the_chat(chat_id, is_group=is_group)
        # The wait for the bot may be long enough for the chat to be throttled meanwhile: then all over again.
        while self._waiting or self._pacer.bot_wait(self._monotonic()):
            await self._wait_for_the_bot(rank)
            if not self._pacer.chat_wait(chat_id, self._monotonic(), is_group=is_group):
                break
            await self._wait_for_the_chat(chat_id, is_group=is_group)

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
