"""The order in which everything leaves, on a clock that only moves when somebody sleeps."""

import asyncio
import heapq
from dataclasses import dataclass, field

from bot.chat.telegram.send_queue import Rank, SendQueue
from bot.domain.deliver.pacing import Pacer


@dataclass
class Time:
    """Whoever sleeps is woken in order; time is that of the last one woken."""

    seconds: float = 0.0
    _sleeping: list[tuple[float, int, asyncio.Event]] = field(default_factory=list)
    _slept: int = 0

    async def sleep(self, seconds: float) -> None:
        self._slept += 1
        event = asyncio.Event()
        heapq.heappush(self._sleeping, (self.seconds + seconds, self._slept, event))
        await event.wait()

    async def pass_until_quiet(self) -> None:
        """Let time pass until nobody sleeps any more."""
        while True:
            for _ in range(20):
                await asyncio.sleep(0)
            if not self._sleeping:
                return
            until, _, event = heapq.heappop(self._sleeping)
            self.seconds = max(self.seconds, until)
            event.set()


@dataclass
class Street:
    """Messages that wait for their turn, and when each left."""

    time: Time
    send_queue: SendQueue
    left: list[tuple[str, float]] = field(default_factory=list)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def send(
        self, name: str, chat: int, *, is_group: bool = False, rank: Rank = Rank.ALERT
    ) -> asyncio.Task[None]:
        async def leave() -> None:
            await self.send_queue.turn(chat, is_group=is_group, rank=rank)
            self.left.append((name, round(self.time.seconds, 3)))

        task = asyncio.create_task(leave())
        self._tasks.append(task)
        return task

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.left]


def street(*, per_second: float = 10, private: float = 1) -> Street:
    time = Time()
    pacer = Pacer(
        messages_per_second=per_second, private_messages_per_second=private, group_messages_per_minute=18
    )
    return Street(time, SendQueue(pacer, lambda: time.seconds, time.sleep))


async def test_many_chats_leave_one_after_the_other_at_the_pace_of_the_bot() -> None:
    one = street(per_second=10)
    for chat in range(30):
        one.send(str(chat), chat)

    await one.time.pass_until_quiet()

    assert one.names == [str(chat) for chat in range(30)], "first come, first served"
    assert one.left[-1][1] == 2.8


async def test_answers_go_before_alerts_that_came_earlier() -> None:
    one = street(per_second=10)
    for chat in range(20):
        one.send(f"alert {chat}", chat)
    await asyncio.sleep(0)
    one.send("answer", 99, rank=Rank.ANSWER)

    await one.time.pass_until_quiet()

    assert one.names.index("answer") <= 2
    assert len(one.left) == 21


async def test_in_a_chat_who_comes_first_leaves_first() -> None:
    one = street()
    for number in range(4):
        one.send(str(number), 1)
    await asyncio.sleep(0)
    one.send("answer", 1, rank=Rank.ANSWER)

    await one.time.pass_until_quiet()

    assert one.names == ["0", "1", "2", "3", "answer"]


async def test_a_chat_at_its_limit_keeps_no_other_waiting() -> None:
    one = street(per_second=1000)
    for number in range(30):
        one.send(f"group {number}", -1, is_group=True)
    one.send("private", 1)

    await one.time.pass_until_quiet()

    assert dict(one.left)["private"] < 0.01
    assert one.left[-1][1] > 60


async def test_a_throttled_chat_waits_and_others_do_not() -> None:
    one = street(per_second=1000)
    one.send_queue.throttled(1, 30)
    one.send("throttled", 1)
    one.send("other", 2)

    await one.time.pass_until_quiet()

    assert [name for name, _ in one.left] == ["other", "throttled"]
    assert one.left[1][1] == 30


async def test_a_chat_throttled_while_its_message_waits_for_the_bot_waits_on() -> None:
    one = street(per_second=1)
    for chat in range(5):
        one.send(str(chat), chat)
    for _ in range(5):
        await asyncio.sleep(0)
    one.send_queue.throttled(4, 30)

    await one.time.pass_until_quiet()

    assert one.names == ["0", "1", "2", "3", "4"]
    assert one.left[-1][1] == 30


async def test_whoever_gives_up_waiting_takes_no_turn_from_others() -> None:
    one = street(per_second=1)
    *_, task = [one.send(str(chat), chat) for chat in range(5)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    one.send("last", 99)

    await one.time.pass_until_quiet()

    assert one.names == ["0", "1", "2", "3", "last"]
    assert one.left[-1][1] == 3, "a burst of two, then one a second"


async def test_what_strangers_are_told_leaves_when_nobody_else_wants_to() -> None:
    one = street(per_second=10)
    for chat in range(5):
        one.send(f"stranger {chat}", chat, rank=Rank.STRANGER)
    for chat in range(10, 20):
        one.send(f"alert {chat}", chat)

    await one.time.pass_until_quiet()

    assert all(name.startswith("alert") for name in one.names[2:12])
    assert sum(name.startswith("stranger") for name in one.names) == 5


async def test_what_a_stranger_causes_in_a_chat_keeps_its_answers_not_waiting() -> None:
    one = street()
    for number in range(6):
        one.send(f"knock {number}", 1, rank=Rank.STRANGER)
    for _ in range(5):
        await asyncio.sleep(0)
    one.send("answer", 1, rank=Rank.ANSWER)

    await one.time.pass_until_quiet()

    assert one.names.index("answer") <= 3
    assert len(one.left) == 7


async def test_closed_chats_that_are_throttled_hold_nobody_but_themselves() -> None:
    one = street(per_second=1000)
    one.send_queue.throttled(1, 30, Rank.STRANGER)
    one.send_queue.throttled(2, 30, Rank.STRANGER)
    one.send("alert", 3)

    await one.time.pass_until_quiet()

    assert one.left == [("alert", 0)]
