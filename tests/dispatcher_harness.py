"""A dispatcher between a real store and a Telegram that does what it is told."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from bot.dispatcher import Dispatcher, DispatcherSettings
from bot.domain.deliver.delivery import Delivery
from bot.domain.deliver.outcomes import Outcome, Sent
from bot.domain.places import Place
from bot.store.database.connection import DatabaseThread
from bot.store.database.signals import SignalName
from bot.store.outbox.queue import Compose
from tests.builders import USDC, VERIFIED, reading
from tests.poller.conftest import Clock
from tests.store.conftest import OLGA, OPS, Keeper, open_new_keeper, words
from tests.waits import HANG_SECONDS, until

Answer = Callable[[Delivery], Outcome]

EXPIRE_AFTER = timedelta(hours=72)


def sent(delivery: Delivery) -> Outcome:
    return Sent(delivery.id)


@dataclass
class TelegramStub:
    """Takes messages, and answers each as it is told to."""

    answers: list[Outcome | Exception] = field(default_factory=list)
    """For the next sends; afterwards everything is sent."""
    answer_for: dict[int, Answer] = field(default_factory=dict)
    taken: list[Delivery] = field(default_factory=list)
    arrived: list[Delivery] = field(default_factory=list)
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    replies: list[Outcome | Exception] = field(default_factory=list)
    """For the next questions; afterwards each is answered."""
    asked: list[Delivery] = field(default_factory=list)
    may_reply: asyncio.Event = field(default_factory=asyncio.Event)
    hangs: dict[int, asyncio.Event] = field(default_factory=dict)
    """Chats in which a send ends only when it may."""
    under_way: list[int] = field(default_factory=list)
    most_per_chat: int = 0

    def __post_init__(self) -> None:
        self.may_answer.set()
        self.may_reply.set()

    async def send(self, delivery: Delivery) -> Outcome:
        self.taken.append(delivery)
        self.under_way.append(delivery.chat_id)
        self.most_per_chat = max(self.most_per_chat, self.under_way.count(delivery.chat_id))
        try:
            await self.may_answer.wait()
            if delivery.chat_id in self.hangs:
                await self.hangs[delivery.chat_id].wait()
        finally:
            self.under_way.remove(delivery.chat_id)
        answer = self.answer_for.get(delivery.chat_id)
        outcome = answer(delivery) if answer else self.answers.pop(0) if self.answers else sent(delivery)
        if isinstance(outcome, Exception):
            raise outcome
        if isinstance(outcome, Sent):
            self.arrived.append(delivery)
        return outcome

    async def ask(self, delivery: Delivery) -> Outcome | None:
        self.asked.append(delivery)
        await self.may_reply.wait()
        outcome = self.replies.pop(0) if self.replies else None
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def texts(self, place: Place = OLGA) -> list[str]:
        """Return what arrived in a chat, ids left out."""
        return [
            delivery.text.partition(" ")[2] for delivery in self.arrived if delivery.chat_id == place.chat_id
        ]


@dataclass
class SendQueueStub:
    """Lets everything leave at once, unless told to wait."""

    may_leave: asyncio.Event = field(default_factory=asyncio.Event)
    may_leave_to: dict[int, asyncio.Event] = field(default_factory=dict)
    """Chats that have to wait for a turn of their own."""
    troubles: list[Exception] = field(default_factory=list)
    waiting: int = 0

    def __post_init__(self) -> None:
        self.may_leave.set()

    async def turn(self, chat_id: int, *, is_group: bool) -> None:  # noqa: ARG002 - named by the protocol
        self.waiting += 1
        await self.may_leave.wait()
        if chat_id in self.may_leave_to:
            await self.may_leave_to[chat_id].wait()
        self.waiting -= 1
        if self.troubles:
            raise self.troubles.pop()


@dataclass
class DispatcherHarness:
    """A dispatcher between a real store and a Telegram that does what it is told."""

    keeper: Keeper
    telegram: TelegramStub
    send_queue: SendQueueStub
    clock: Clock
    dispatcher: Dispatcher
    amount: int = 5
    _task: asyncio.Task[None] | None = None

    async def change(self) -> None:
        """Let every destination have something to be told."""
        self.amount += 1
        await self.keeper.record(reading({USDC: self.amount}, native=100), when=self.clock.now())

    @asynccontextmanager
    async def open(self) -> AsyncIterator[asyncio.Task[None]]:
        task = asyncio.create_task(self.dispatcher.run())
        yield task
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await self.dispatcher.finish(5)

    async def arrived(self, messages: int) -> None:
        await until(lambda: len(self.telegram.arrived) >= messages)
        await self.settled()

    async def tried(self, sends: int) -> None:
        """Wait until so many sends are over."""
        await until(lambda: len(self.telegram.taken) >= sends)
        await self.settled()

    async def asked(self, questions: int) -> None:
        """Wait until so many questions are over."""
        await until(lambda: len(self.telegram.asked) >= questions)
        await self.settled()

    async def passed(self, seconds: float) -> None:
        """Let time go by, and the dispatcher look again."""
        self.clock.seconds += seconds
        self.keeper.db.signal(SignalName.OUTBOX).set()
        await self.settled()

    async def told(self) -> None:
        """Wait until every alert has been told, in however many messages."""
        async with asyncio.timeout(HANG_SECONDS):
            while set(await self.states()) != {"told"}:
                await self.settled()

    async def told_or_given_up(self) -> None:
        """Wait until nothing is on its way any more."""
        async with asyncio.timeout(HANG_SECONDS):
            while set(await self.states()) - {"told", "dead", "expired"}:
                await self.settled()

    async def settled(self) -> None:
        """Wait until nothing is in flight and the dispatcher has looked again."""
        await until(lambda: not self.dispatcher._in_flight)
        for _ in range(5):
            await self.keeper.db.ping()

    def restarted(self, compose: Compose = words) -> None:
        self.dispatcher = dispatcher_of(
            self.keeper.db, self.telegram, self.send_queue, self.clock, compose=compose
        )

    async def states(self) -> list[str]:
        rows = await self.keeper.rows("SELECT state FROM alert WHERE change_id IS NOT NULL ORDER BY id")
        return [state for (state,) in rows]


def dispatcher_of(
    db: DatabaseThread,
    telegram: TelegramStub,
    send_queue: SendQueueStub,
    clock: Clock,
    *,
    compose: Compose = words,
    window: float = 0,
) -> Dispatcher:
    return Dispatcher(
        db,
        telegram,
        send_queue,
        compose,
        DispatcherSettings(window, EXPIRE_AFTER, VERIFIED),
        now=clock.now,
        monotonic=clock.monotonic,
        rng=lambda: 0.0,
    )


@asynccontextmanager
async def open_dispatcher_harness(directory: Path) -> AsyncIterator[DispatcherHarness]:
    """Let Olga and the group watch the treasury, which was read once."""
    path = directory / "bot.sqlite3"
    keeper = await open_new_keeper(path)
    for place in (OLGA, OPS):
        await keeper.watch(place=place)
    await keeper.record(reading({USDC: 5}, native=100))
    await keeper.deliver_all()
    telegram, send_queue, clock = TelegramStub(), SendQueueStub(), Clock()
    yield DispatcherHarness(
        keeper, telegram, send_queue, clock, dispatcher_of(keeper.db, telegram, send_queue, clock)
    )
    await keeper.db.close()
