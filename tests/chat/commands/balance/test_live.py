"""Asking about an account that nobody watches: a source that answers as it is told to."""

import asyncio
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field, replace

import pytest

from bot.chat.commands.balance.live import (
    QUESTIONS_A_MINUTE,
    QUESTIONS_A_MINUTE_OF_ALL,
    LiveQuestions,
    LiveSettings,
    NoAnswer,
)
from bot.chat.text.html import Html
from bot.domain.ask.questions import Answer, Question
from bot.domain.assets import Address, Asset, ChainId, Description
from bot.domain.places import Place
from tests.builders import NOON, answer
from tests.chat.reading import BASE, CHAINS, OTHER, POLYGON, TREASURY, USDC
from tests.waits import HANG_SECONDS

OLGA = Place(7001, "private", "Olga")
OPS = Place(-1001, "supergroup", "Ops")
SEEN = answer({POLYGON: {TREASURY: {USDC: 5}}}, natives={POLYGON: {TREASURY: 0}})


@dataclass
class Source:
    """Answers when it may, with what it was given."""

    result: Answer | NoAnswer | Exception = SEEN
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    questions: list[Question] = field(default_factory=list)

    async def balances(self, question: Question) -> Answer | NoAnswer:
        self.questions.append(question)
        await self.may_answer.wait()
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


@dataclass
class Desk:
    """The questions with all that is around them."""

    source: Source
    longest_seconds: float = HANG_SECONDS
    is_allowed: bool = True
    said: list[tuple[Place, str]] = field(default_factory=list)
    clock: float = 0.0
    alike: frozenset[Asset] = frozenset()

    def __post_init__(self) -> None:
        self.questions = LiveQuestions(
            self.source,
            LiveSettings("VERIFIED", (OTHER,), is_allowed=self.is_allowed),
            CHAINS,
            asked_chains=self._asked_chains,
            look_alikes=self._look_alikes,
            say=self._say,
            now=lambda: NOON,
            monotonic=lambda: self.clock,
            at_once_seconds=HANG_SECONDS,
            longest_seconds=self.longest_seconds,
        )

    async def _asked_chains(self) -> frozenset[ChainId]:
        return frozenset({POLYGON, BASE})

    async def _look_alikes(self, _: Collection[tuple[Asset, str | None]]) -> frozenset[Asset]:
        return self.alike

    async def _say(self, place: Place, text: Html) -> None:
        self.said.append((place, text.visible))

    async def ask(self, account: Address = TREASURY, place: Place = OLGA) -> str:
        return "\n".join(page.visible for page in await self.questions.ask(place, account))

    async def hears(self, number: int) -> list[str]:
        async with asyncio.timeout(HANG_SECONDS):
            while len(self.said) < number:  # noqa: ASYNC110 - nobody sets an event
                await asyncio.sleep(0)
        return [text for _, text in self.said]


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    one = Desk(Source())
    one.source.may_answer.set()
    yield one
    await one.questions.close()


def slow(desk: Desk) -> None:
    desk.source.may_answer.clear()
    desk.questions._late._at_once_seconds = 0.01


async def test_what_comes_at_once_is_the_answer(desk: Desk) -> None:
    told = await desk.ask()

    assert "asked just now" in told
    assert "5 0xA0b8…eB48" in told
    assert "No answer from Base" in told
    assert desk.said == []


@pytest.mark.parametrize(("alike", "line"), [([USDC], "5 USDC 0xA0b8…eB48"), ([], "5 USDC")])
async def test_a_symbol_that_the_bot_knows_of_another_token_shows_its_contract(
    desk: Desk, alike: list[Address], line: str
) -> None:
    desk.alike = frozenset(Asset(POLYGON, contract) for contract in alike)
    desk.source.result = replace(SEEN, descriptions={Asset(POLYGON, USDC): Description("ERC20", "USDC", 0)})

    assert line in (await desk.ask()).splitlines()


async def test_the_question_is_about_one_account_on_every_chain_with_names(desk: Desk) -> None:
    await desk.ask()

    assert desk.source.questions == [
        Question(
            (TREASURY,),
            chain_ids=(POLYGON, BASE),
            contract_status="VERIFIED",
            contracts_left_out=(OTHER,),
            prices=True,
            metadata=True,
        )
    ]


async def test_what_takes_long_is_announced_and_follows(desk: Desk) -> None:
    slow(desk)

    assert await desk.ask() == ""
    assert await desk.hears(1) == ["Asking about 0x8e3E…d8B9, which is not watched here…"]

    desk.source.may_answer.set()
    _, told = await desk.hears(2)
    assert "5 0xA0b8…eB48" in told
    assert {place for place, _ in desk.said} == {OLGA}


async def test_a_source_that_fails_leaves_the_balances_unknown(desk: Desk) -> None:
    desk.source.result = NoAnswer("The indexer cannot be reached (HTTP 502)")

    assert await desk.ask() == (
        "No answer about 0x8e3E…d8B9, so what it holds is unknown. Please try again later.\n"
        "The indexer cannot be reached (HTTP 502)"
    )


async def test_a_source_that_never_answers_is_given_up() -> None:
    desk = Desk(Source(), longest_seconds=0.01)

    assert "so what it holds is unknown" in await desk.ask()


async def test_our_own_mistake_is_told_by_a_reference(desk: Desk) -> None:
    desk.source.result = KeyError("oops")

    told = await desk.ask()

    assert "Something went wrong on my side" in told
    assert "oops" not in told


async def test_one_question_at_a_time_in_each_chat(desk: Desk) -> None:
    slow(desk)
    await desk.ask()

    assert "one at a time" in await desk.ask(OTHER)
    assert await desk.ask(place=OPS) == ""
    assert len(desk.source.questions) == 2


async def test_after_the_answer_the_next_question_is_free(desk: Desk) -> None:
    slow(desk)
    await desk.ask()
    desk.source.may_answer.set()
    await desk.hears(2)

    assert "asked just now" in await desk.ask()


async def test_a_few_questions_a_minute_are_enough(desk: Desk) -> None:
    for _ in range(QUESTIONS_A_MINUTE):
        await desk.ask()

    desk.clock = 20.5
    assert "I'll ask again in 40 s" in await desk.ask()
    assert "asked just now" in await desk.ask(place=OPS)
    desk.clock = 60.0
    assert "asked just now" in await desk.ask()


async def test_all_chats_together_ask_so_much_a_minute(desk: Desk) -> None:
    for number in range(QUESTIONS_A_MINUTE_OF_ALL):
        assert "asked just now" in await desk.ask(place=Place(number, "private", ""))

    desk.clock = 59.0
    assert "Too many chats ask" in await desk.ask()
    assert "in 1 s" in await desk.ask()
    desk.clock = 60.0
    assert "asked just now" in await desk.ask()
    assert len(desk.source.questions) == QUESTIONS_A_MINUTE_OF_ALL + 1


async def test_where_it_is_switched_off_the_source_is_not_asked() -> None:
    desk = Desk(Source(), is_allowed=False)

    assert "isn't watched here" in await desk.ask()
    assert desk.source.questions == []


async def test_closing_gives_up_what_is_being_asked(desk: Desk) -> None:
    slow(desk)
    await desk.ask()
    await desk.hears(1)

    await desk.questions.close()
    desk.source.may_answer.set()
    await asyncio.sleep(0)

    assert len(desk.said) == 1
