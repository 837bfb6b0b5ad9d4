"""What leaves for people: never awaited for long, bounded, and in order in each chat."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest
from telegram import Bot
from telegram.error import RetryAfter

from bot.chat.buttons.data import Screen
from bot.chat.buttons.screens import Screens
from bot.chat.telegram import reply_queue
from bot.chat.telegram.outgoing import Outgoing
from bot.chat.telegram.reply_queue import LONGEST_WAIT_SECONDS, UNPACED_MOST, WAITING_MOST, ReplyQueue
from bot.chat.telegram.send_queue import Rank, SendQueue
from bot.chat.text.html import EMPTY
from bot.domain.deliver.pacing import Pacer
from bot.domain.places import Place
from bot.domain.replicas.roles import Role, Tenure

OLGA = Place(7001, "private", "Olga")
GROUP = Place(-1001, "supergroup", "Ops")
OTHER_GROUP = Place(-1002, "group", "Till")


def place(number: int) -> Place:
    return Place(number, "private", "")


@dataclass
class Post:
    """Queues on a clock that stands still until it is moved, and what left them."""

    patience_seconds: float = 5.0
    seconds: float = 0.0
    left: list[str] = field(default_factory=list)
    pauses: list[tuple[int, float]] = field(default_factory=list)
    departures: list[tuple[int, int]] = field(default_factory=list)
    """Chats, and how much had left before it was noted."""
    closed: set[int] = field(default_factory=set)
    _sleeping: list[tuple[float, asyncio.Event]] = field(default_factory=list)

    def __post_init__(self) -> None:
        pacer = Pacer(
            messages_per_second=1e6, private_messages_per_second=1e6, group_messages_per_minute=10**6
        )
        self.send_queue = SendQueue(pacer, lambda: self.seconds, self._sleep)
        self.replies = ReplyQueue(
            self.send_queue,
            was_closed=lambda chat_id: chat_id in self.closed,
            before_leaving=self.note_departure,
            patience_seconds=self.patience_seconds,
        )

    def work(
        self, name: str, to: Place = OLGA, rank: Rank = Rank.ANSWER, *, while_open: bool = False
    ) -> Callable[[], Awaitable[None]]:
        async def leave() -> None:
            if await self.replies.may_leave(to, rank, while_open=while_open):
                self.left.append(name)

        return leave

    async def send(self, name: str, to: Place = OLGA, *, while_open: bool = False) -> None:
        await self.replies.hand_over(to, self.work(name, to, while_open=while_open))

    async def passes(self, seconds: float) -> None:
        """Let time pass, and everything happen that waited for it."""
        self.seconds += seconds
        for _ in range(100):  # a chat that was throttled is written to a little slower
            self.seconds += 0.001
            for at, event in self._sleeping:
                if at <= self.seconds:
                    event.set()
            for _ in range(5):
                await asyncio.sleep(0)

    async def _sleep(self, seconds: float) -> None:
        event = asyncio.Event()
        self._sleeping.append((self.seconds + seconds, event))
        await event.wait()

    async def note_departure(self, chat_id: int) -> None:
        self.departures.append((chat_id, len(self.left)))

    async def pause(self, chat_id: int, seconds: float) -> None:
        self.pauses.append((chat_id, seconds))


async def test_what_can_leave_at_once_has_left_when_it_was_handed_over() -> None:
    post = Post()

    await post.send("one")

    assert post.left == ["one"]


async def test_what_leaves_for_a_group_is_noted_before_it_leaves() -> None:
    post = Post()

    await post.send("one", GROUP)
    await post.send("two", OTHER_GROUP)

    assert post.departures == [(GROUP.chat_id, 0), (OTHER_GROUP.chat_id, 1)]


async def test_what_leaves_for_one_person_or_for_strangers_is_not_noted() -> None:
    post = Post()

    await post.send("one", OLGA)
    await post.replies.hand_over(GROUP, post.work("two", GROUP, Rank.STRANGER), rank=Rank.STRANGER)

    assert post.left == ["one", "two"]
    assert post.departures == []


async def test_what_waits_for_a_pause_is_not_waited_for_and_leaves_after_it_in_order() -> None:
    post = Post(patience_seconds=50)
    post.send_queue.throttled(OLGA.chat_id, 60)

    sending = [asyncio.create_task(post.send(name)) for name in ("one", "two", "three")]
    for _ in range(20):
        await asyncio.sleep(0)
    assert all(one.done() for one in sending)
    await post.send("other", place(1))
    assert post.left == ["other"]

    await post.passes(60)
    assert post.left == ["other", "one", "two", "three"]


async def test_what_is_slow_to_leave_is_waited_for_so_long_at_most() -> None:
    post = Post(patience_seconds=0.01)
    released = asyncio.Event()

    async def slow() -> None:
        await released.wait()
        post.left.append("slow")

    await post.replies.hand_over(OLGA, slow)
    assert post.left == []

    released.set()
    await post.passes(0)
    assert post.left == ["slow"]


async def test_behind_what_is_slow_to_leave_nobody_waits_until_it_has_left() -> None:
    post = Post(patience_seconds=0.2)
    released = asyncio.Event()

    async def slow() -> None:
        await released.wait()

    await post.replies.hand_over(OLGA, slow)
    behind = asyncio.create_task(post.send("behind"))
    for _ in range(20):
        await asyncio.sleep(0)
    assert behind.done()
    assert not post.left

    released.set()
    await post.passes(0)
    await post.send("after")
    assert post.left == ["behind", "after"]


async def test_a_pause_of_hours_drops_what_it_keeps_waiting() -> None:
    post = Post()
    post.send_queue.throttled(OLGA.chat_id, LONGEST_WAIT_SECONDS + 1)

    await post.send("one")

    await post.passes(LONGEST_WAIT_SECONDS + 2)
    assert post.left == []


async def test_a_chat_that_waits_holds_so_many_pieces() -> None:
    post = Post()
    post.send_queue.throttled(OLGA.chat_id, 60)

    for number in range(WAITING_MOST + 5):
        await post.send(str(number))

    await post.passes(60)
    assert post.left == [str(number) for number in range(WAITING_MOST)]


async def test_of_several_changes_of_one_message_the_last_one_counts() -> None:
    post = Post()
    post.send_queue.throttled(OLGA.chat_id, 60)
    await post.send("first in line")

    for name in ("old", "newer", "newest"):
        await post.replies.hand_over(OLGA, post.work(name), subject=("text", 7))
    await post.replies.hand_over(OLGA, post.work("another message"), subject=("text", 8))

    await post.passes(60)
    assert post.left == ["first in line", "newest", "another message"]


async def test_what_was_meant_for_an_open_chat_is_not_said_in_one_that_is_closed_meanwhile() -> None:
    post = Post()
    post.send_queue.throttled(OLGA.chat_id, 60)
    await post.send("balances", while_open=True)
    await post.send("closed")

    post.closed.add(OLGA.chat_id)
    await post.passes(60)

    assert post.left == ["closed"]


async def test_a_piece_that_fails_keeps_none_behind_it_waiting() -> None:
    post = Post()

    async def fail() -> None:
        raise ZeroDivisionError

    await post.replies.hand_over(OLGA, fail)
    await post.send("next")

    assert post.left == ["next"]


async def test_so_many_closed_chats_wait_and_open_ones_find_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reply_queue, "STRANGERS_MOST", 3)
    post = Post()
    for number in range(1, 6):
        post.send_queue.throttled(number, 60, Rank.STRANGER)
        await post.replies.hand_over(
            place(number), post.work(str(number), place(number), Rank.STRANGER), rank=Rank.STRANGER
        )
    post.send_queue.throttled(OLGA.chat_id, 60, Rank.STRANGER)
    await post.send("olga")

    await post.passes(60)
    await post.passes(1)

    assert sorted(post.left) == ["1", "2", "3", "olga"]


async def test_so_much_is_on_its_way_that_waits_for_no_chat() -> None:
    post = Post(patience_seconds=0.001)
    released = asyncio.Event()

    async def slow() -> None:
        await released.wait()
        post.left.append("slow")

    await asyncio.gather(*(post.replies.hand_over_unpaced(slow) for _ in range(UNPACED_MOST + 5)))
    released.set()
    await post.passes(0)

    assert len(post.left) == UNPACED_MOST


async def test_closing_gives_up_all_that_waits() -> None:
    post = Post()
    post.send_queue.throttled(OLGA.chat_id, 60)
    await post.send("one")

    await post.replies.close()

    await post.passes(60)
    assert post.left == []


# ---------------------------------------------------------------- what Telegram throttles


class Throttling:
    """A Telegram that wants a pause before it takes anything."""

    def __init__(self) -> None:
        self.tries = 0

    async def edit_message_text(self, *_: object, **__: object) -> None:
        self.tries += 1
        if self.tries == 1:
            raise RetryAfter(30)

    async def answer_callback_query(self, *_: object, **__: object) -> None:
        raise RetryAfter(30)


@pytest.fixture(autouse=True)
def _spans_of_time_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")


def screens(post: Post, telegram: Throttling) -> Screens:
    bot: Bot = telegram  # type: ignore[assignment]
    return Screens(
        Outgoing(
            bot,
            post.send_queue,
            post.replies,
            on_pause=post.pause,
            tenure=Tenure(Role.RECEIVER),
            monotonic=lambda: 0.0,
        )
    )


async def test_a_change_that_is_throttled_holds_its_chat_and_is_made_after_that() -> None:
    post, telegram = Post(patience_seconds=0.01), Throttling()

    await screens(post, telegram).redraw(OLGA, 7, Screen(EMPTY + "new"))

    assert (post.pauses, telegram.tries) == ([(7001, 30)], 1)
    assert post.send_queue.wait(7001, is_group=False) == 30
    await post.passes(30)
    assert telegram.tries == 2


async def test_a_press_whose_answer_is_throttled_holds_its_chat() -> None:
    post = Post()

    await screens(post, Throttling()).toast(OLGA, "query", "Already done.")

    assert post.pauses == [(7001, 30)]
    assert post.send_queue.wait(7001, is_group=False) == 30
