"""Several programs that send with one token: together they stay below Telegram's limits."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sqlite_utils

from bot.chat.telegram.send_queue import Rank, SendQueue
from bot.chat.telegram.shared_departures import SharedDepartures
from bot.domain.deliver.pacing import Pacer
from bot.sandbox.telegram.api.limits import FloodRefusal, MessageRates, TelegramLimits
from bot.sandbox.telegram.server import Telegram
from bot.sandbox.telegram.world.world import Chat
from bot.store.database.lite import LiteDatabase
from bot.store.outbox.departures import Leaving, RecentSend, exchange
from tests.chat.telegram.test_send_queue import Time
from tests.faulty_database import make_faulty
from tests.new_database import put_new_database
from tests.store.conftest import OLGA, OPS, Keeper, open_new_keeper

TELEGRAM = Telegram()
PETR = TELEGRAM.add_user("Petr")
GROUP = TELEGRAM.add_group("Ops", {PETR: "creator"})
PRIVATE = TELEGRAM.add_private_chat(PETR)


class TimedDatabase(LiteDatabase):
    """A database whose clock is the test's."""

    time: Time

    def now_ms(self) -> int:
        return int(self.time.seconds * 1000)


@dataclass
class Exchange:
    """Departures over a database that answers at once, as threads know no time but the real one."""

    db: LiteDatabase
    me: str
    seen: int = 0

    async def exchange(self, *mine: Leaving) -> tuple[RecentSend, ...]:
        await asyncio.sleep(0)
        self.seen, others = exchange(self.db, self.me, mine, self.seen)
        return others


@dataclass
class Town:
    """Programs on one clock, and a Telegram that counts what it gets."""

    db: TimedDatabase
    time: Time
    rates: MessageRates
    floods: list[FloodRefusal] = field(default_factory=list)
    left: list[tuple[float, str]] = field(default_factory=list)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _programs: int = 0

    def program(self) -> SendQueue:
        self._programs += 1
        pacer = Pacer(messages_per_second=25, private_messages_per_second=1, group_messages_per_minute=18)
        shared = Exchange(self.db, str(self._programs))
        return SendQueue(pacer, lambda: self.time.seconds, self.time.sleep, shared)

    def send(
        self, queue: SendQueue, chat: Chat, rank: Rank = Rank.ALERT, name: str = ""
    ) -> asyncio.Task[None]:
        async def leave() -> None:
            await queue.turn(chat.id, is_group=chat.type != "private", rank=rank)
            flood = self.rates.flood("sendMessage", chat)
            if flood is not None:
                self.floods.append(flood)
                return
            self.rates.count(chat)
            self.left.append((self.time.seconds, name))

        task = asyncio.create_task(leave())
        self._tasks.append(task)
        return task


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    path = tmp_path / "bot.sqlite3"
    put_new_database(path)
    db = TimedDatabase(sqlite_utils.Database(path, execute_plugins=False, strict=True), path)
    db.time = time = Time(1_000.0)
    yield Town(db, time, MessageRates(TelegramLimits(), lambda: time.seconds))
    db.close()


# ---------------------------------------------------------------- together


@pytest.mark.parametrize("chat", [GROUP, PRIVATE], ids=["group", "private"])
async def test_answers_and_alerts_of_two_programs_stay_below_the_limits_of_a_chat(
    town: Town, chat: Chat
) -> None:
    receiver, sender = town.program(), town.program()
    for _ in range(40):
        town.send(receiver, chat, Rank.ANSWER)
        town.send(sender, chat)

    await town.time.pass_until_quiet()

    assert town.floods == []
    assert len(town.left) == 80


async def test_who_takes_over_goes_on_at_the_pace_of_whoever_sent_before(town: Town) -> None:
    receiver, former = town.program(), town.program()
    for _ in range(12):
        town.send(former, GROUP)
    for _ in range(6):
        town.send(receiver, GROUP, Rank.ANSWER)
    await town.time.pass_until_quiet()
    began = town.time.seconds

    successor = town.program()
    await successor.learn()
    for _ in range(18):
        town.send(successor, GROUP, name="after")
        town.send(receiver, GROUP, Rank.ANSWER, name="after")
    await town.time.pass_until_quiet()

    assert town.floods == []
    assert len(town.left) == 54
    assert min(at for at, name in town.left if name) > began


async def test_who_did_not_learn_what_left_before_would_send_too_much(town: Town) -> None:
    former, successor = town.program(), town.program()
    for _ in range(18):
        town.send(former, GROUP)
    await town.time.pass_until_quiet()
    deaf = SendQueue(successor._pacer, lambda: town.time.seconds, town.time.sleep)
    for _ in range(18):
        town.send(deaf, GROUP)
    await town.time.pass_until_quiet()

    assert {flood.rule for flood in town.floods} == {"group"}


async def test_two_programs_share_the_pace_of_the_whole_bot(town: Town) -> None:
    receiver, sender = town.program(), town.program()
    chats = [TELEGRAM.add_private_chat(TELEGRAM.add_user(f"P{number}")) for number in range(150)]
    for chat in chats:
        town.send(receiver, chat, Rank.ANSWER)
        town.send(sender, chat)

    await town.time.pass_until_quiet()

    assert town.floods == []
    assert len(town.left) == 300


async def test_a_pause_that_telegram_asks_one_program_for_holds_for_all(town: Town) -> None:
    receiver, sender = town.program(), town.program()
    await receiver.pause(PRIVATE.id, 30, Rank.ANSWER)
    began = town.time.seconds
    town.send(sender, PRIVATE, name="paused")
    town.send(sender, GROUP, name="other")

    await town.time.pass_until_quiet()

    left = {name: at - began for at, name in town.left}
    assert left["other"] < 1
    assert left["paused"] >= 30


async def test_where_two_chats_have_to_pause_the_whole_bot_does_wherever_it_sends_from(town: Town) -> None:
    receiver, sender = town.program(), town.program()
    await receiver.pause(PRIVATE.id, 30, Rank.ANSWER)
    await receiver.pause(GROUP.id, 20, Rank.ANSWER)
    began = town.time.seconds
    other = TELEGRAM.add_private_chat(TELEGRAM.add_user("Other"))
    town.send(sender, other)

    await town.time.pass_until_quiet()

    assert town.left[0][0] - began >= 20


async def test_a_pause_that_a_stranger_caused_is_told_to_nobody(town: Town) -> None:
    receiver, sender = town.program(), town.program()
    await receiver.pause(PRIVATE.id, 30, Rank.STRANGER)
    began = town.time.seconds
    town.send(sender, PRIVATE)

    await town.time.pass_until_quiet()

    assert town.left[0][0] - began < 1


async def test_what_left_more_than_a_minute_ago_is_forgotten_unless_its_pause_lasts(town: Town) -> None:
    program = town.program()
    await program.pause(PRIVATE.id, 600, Rank.ANSWER)
    town.send(program, GROUP)
    await town.time.pass_until_quiet()
    town.time.seconds += 61

    await town.program().learn()

    assert town.db.execute("SELECT telegram_id, pause_ms FROM departure").fetchall() == [
        (PRIVATE.id, 600_000)
    ]


# ---------------------------------------------------------------- over a database in its thread


@pytest.fixture
async def keeper(tmp_path: Path) -> AsyncIterator[Keeper]:
    one = await open_new_keeper(tmp_path / "bot.sqlite3")
    yield one
    await one.db.close()


async def test_each_learns_once_what_others_told_and_never_its_own(keeper: Keeper) -> None:
    one, other = SharedDepartures(keeper.db, "one"), SharedDepartures(keeper.db, "other")

    await asyncio.gather(*(one.exchange(Leaving(OPS.chat_id, is_group=True)) for _ in range(5)))
    await one.exchange(Leaving(OLGA.chat_id, is_group=False, pause_seconds=2.5))

    assert await one.exchange() == ()
    told = await other.exchange()
    assert [(sent.chat_id, sent.is_group, sent.pause_seconds) for sent in told] == [
        *[(OPS.chat_id, True, 0.0)] * 5,
        (OLGA.chat_id, False, 2.5),
    ]
    assert await other.exchange() == ()
    assert await keeper.value("SELECT count(*) FROM departure") == 6


async def test_what_left_while_the_database_was_away_is_told_once_it_is_back(keeper: Keeper) -> None:
    assert isinstance(keeper.path, Path), "a server is not let go away here"
    faulty = await make_faulty(keeper.db)
    one, other = SharedDepartures(keeper.db, "one"), SharedDepartures(keeper.db, "other")
    faulty.is_away = True
    for _ in range(3):
        assert await one.exchange(Leaving(OPS.chat_id, is_group=True)) == ()
    faulty.is_away = False

    await one.exchange(Leaving(OLGA.chat_id, is_group=False))

    told = [sent.chat_id for sent in await other.exchange()]
    assert told == [*[OPS.chat_id] * 3, OLGA.chat_id]
