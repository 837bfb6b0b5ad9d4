"""Files that take a while: one for each chat, few for all, with a word about how far they are."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace

import pytest
from telegram import Bot

from bot.chat.buttons.data import Attachment
from bot.chat.buttons.screens import Screens
from bot.chat.commands.command import Answer
from bot.chat.commands.history.export_jobs import ExportJobs, all_busy, still_making
from bot.chat.telegram.connection import build_bot
from bot.chat.text.html import EMPTY, Html
from bot.domain.places import Place
from bot.sandbox.telegram.server import SANDBOX_TOKEN, Telegram
from bot.sandbox.telegram.world.world import Message
from bot.store.database.errors import DatabaseFault, DatabaseUnavailable
from tests.chat.telegram.test_outgoing import Way
from tests.waits import until

OLGA, BOB, EVE = (
    Place(7000 + number, "private", name) for number, name in enumerate(("Olga", "Bob", "Eve"), 1)
)
TOPIC = Place(-1001, "supergroup", "Ops", thread_id=5)
FILE = Attachment(name="changes.csv", content=b"1,2", caption=EMPTY + "2 changes")


@dataclass
class Work:
    """Work that says how far it is, and goes on when it is let."""

    answer: Answer | Exception = (FILE,)
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)
    is_under_way: bool = False
    note: Callable[[Html], None] = print

    async def __call__(self, note: Callable[[Html], None]) -> Answer:
        self.note = note
        self.is_under_way = True
        try:
            await self.goes_on.wait()
        finally:
            self.is_under_way = False
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
async def telegram() -> AsyncIterator[Telegram]:
    async with Telegram().serve() as one:
        for place in (OLGA, BOB, EVE):
            one.add_private_chat(one.add_user(place.title, user_id=place.chat_id))
        yield one


@pytest.fixture
async def bot(telegram: Telegram) -> AsyncIterator[Bot]:
    one = build_bot(SANDBOX_TOKEN, telegram.url)
    await one.initialize()
    yield one
    await one.shutdown()


@pytest.fixture
async def jobs(bot: Bot) -> AsyncIterator[ExportJobs]:
    one = ExportJobs(Screens(Way(bot).outgoing), at_once_seconds=0.05, progress_seconds=0.02)
    yield one
    await one.close()


def said(telegram: Telegram, place: Place) -> list[Message]:
    return telegram.messages(telegram.chat(place.chat_id))


async def test_what_is_ready_almost_at_once_is_the_answer(telegram: Telegram, jobs: ExportJobs) -> None:
    work = Work()
    work.goes_on.set()

    assert await jobs.run(OLGA, work) == (FILE,)
    assert said(telegram, OLGA) == []
    assert jobs.made == {"csv": 1}


async def test_what_takes_longer_says_how_far_it_is_and_follows(telegram: Telegram, jobs: ExportJobs) -> None:
    work = Work()
    assert await jobs.run(OLGA, work) == ()
    await until(lambda: bool(said(telegram, OLGA)))
    progress = said(telegram, OLGA)[0]

    work.note(EMPTY + "Half of it")
    await until(lambda: said(telegram, OLGA)[0].text == "Half of it")
    work.goes_on.set()
    await until(lambda: len(said(telegram, OLGA)) == 2)

    assert progress.text == "⏳ I'm writing the file. If it doesn't come, please ask again."
    assert said(telegram, OLGA)[1].document is not None
    assert jobs.made == {"csv": 1}
    assert "sendChatAction" in [call.method for call in telegram.calls]


async def test_a_second_one_of_a_chat_waits_for_the_first_and_others_do_not(jobs: ExportJobs) -> None:
    first, second, other = Work(), Work(), Work()
    await jobs.run(OLGA, first)

    assert await jobs.run(OLGA, second) == (still_making(),)
    assert await jobs.run(BOB, other) == ()

    assert (first.is_under_way, second.is_under_way, other.is_under_way) == (True, False, True)


async def test_two_topics_are_one_chat(telegram: Telegram, jobs: ExportJobs) -> None:
    telegram.add_forum("Ops", chat_id=TOPIC.chat_id)
    await jobs.run(TOPIC, Work())

    assert await jobs.run(replace(TOPIC, thread_id=6), Work()) == (still_making(),)


async def test_a_third_one_waits_for_others_until_one_of_them_ends(jobs: ExportJobs) -> None:
    first, second, third = Work(), Work(), Work()
    await jobs.run(OLGA, first)
    await jobs.run(BOB, second)

    assert await jobs.run(EVE, third) == (all_busy(),)
    first.goes_on.set()
    await until(lambda: not first.is_under_way)

    assert await jobs.run(EVE, third) == ()
    assert third.is_under_way


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (DatabaseUnavailable(DatabaseFault.FULL, "on purpose"), "full"),
        (ValueError("on purpose"), "went wrong"),
    ],
)
async def test_what_fails_says_so_and_lets_the_next_one_begin(
    telegram: Telegram, jobs: ExportJobs, error: Exception, words: str
) -> None:
    work = Work(error)
    await jobs.run(OLGA, work)
    work.goes_on.set()

    await until(lambda: any(words in one.text for one in said(telegram, OLGA)))
    assert jobs.made == {}
    assert await jobs.run(OLGA, Work()) == ()


async def test_what_fails_at_once_is_raised_to_who_answers_the_command(jobs: ExportJobs) -> None:
    work = Work(ValueError("on purpose"))
    work.goes_on.set()

    with pytest.raises(ValueError, match="on purpose"):
        await jobs.run(OLGA, work)


async def test_a_command_that_is_given_up_ends_its_work(bot: Bot) -> None:
    jobs, work = ExportJobs(Screens(Way(bot).outgoing), at_once_seconds=60), Work()
    command = asyncio.create_task(jobs.run(OLGA, work))
    await until(lambda: work.is_under_way)

    command.cancel()

    await until(lambda: not work.is_under_way)


async def test_nothing_goes_on_once_it_is_closed(telegram: Telegram, jobs: ExportJobs) -> None:
    work = Work()
    await jobs.run(OLGA, work)
    await until(lambda: bool(said(telegram, OLGA)))

    await jobs.close()

    assert not work.is_under_way
    assert [one.document for one in said(telegram, OLGA)] == [None]
