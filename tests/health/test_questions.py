"""A question to the database's thread is asked once at a time."""

import asyncio

import pytest

from bot.health.questions import Question


class Thread:
    """Answers when it may."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()
        self.trouble: Exception | None = None
        self.seconds = 0.0
        self.question = Question(self._answer, lambda: self.seconds)

    async def _answer(self) -> int:
        self.asked += 1
        await self.may_answer.wait()
        if self.trouble is not None:
            raise self.trouble
        return self.asked


async def test_whoever_asks_while_it_is_open_gets_the_same_answer() -> None:
    thread = Thread()
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await thread.question.answer(0.001)
    thread.seconds = 7

    assert thread.asked == 1
    assert thread.question.open_seconds == 7

    both = [asyncio.create_task(thread.question.answer(9)) for _ in range(2)]
    await asyncio.sleep(0)
    thread.may_answer.set()
    assert [await one for one in both] == [1, 1]
    assert thread.question.open_seconds == 0


async def test_once_it_is_answered_it_is_asked_anew() -> None:
    thread = Thread()
    thread.may_answer.set()

    assert [await thread.question.answer(9) for _ in range(2)] == [1, 2]


async def test_what_comes_instead_of_an_answer_is_raised_and_the_next_is_asked() -> None:
    thread = Thread()
    thread.may_answer.set()
    thread.trouble = ValueError("no")
    with pytest.raises(ValueError, match="no"):
        await thread.question.answer(9)

    thread.trouble = None

    assert await thread.question.answer(9) == 2
