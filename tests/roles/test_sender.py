"""Whoever gives up sending waits for the answers to what has left: a message that is cut off comes twice."""

import asyncio

import pytest

from bot.roles import sender
from bot.roles.sender import wait_for_answers
from tests.waits import HANG_SECONDS


class Hand:
    """Hands the role of sending over while a message is on its way."""

    def __init__(self) -> None:
        self.answered, self.stop = asyncio.Event(), asyncio.Event()
        self.is_held = True
        self.over = asyncio.create_task(self._wait())

    async def _wait(self) -> None:
        async def drained() -> None:
            await self.answered.wait()

        await wait_for_answers(drained(), self.stop, lambda: self.is_held)

    async def is_over(self) -> bool:
        """Say whether it waits no longer, once it had the time to notice why."""
        done, _ = await asyncio.wait({self.over}, timeout=0.1)
        return bool(done)


@pytest.fixture
async def hand(monkeypatch: pytest.MonkeyPatch) -> Hand:
    monkeypatch.setattr(sender, "LOOK_SECONDS", 0.01)
    return Hand()


async def test_the_answer_to_a_message_on_its_way_is_waited_for(hand: Hand) -> None:
    assert not await hand.is_over()

    hand.answered.set()

    await asyncio.wait_for(hand.over, HANG_SECONDS)


async def test_a_program_that_is_asked_to_stop_waits_no_longer(hand: Hand) -> None:
    assert not await hand.is_over()

    hand.stop.set()

    await asyncio.wait_for(hand.over, HANG_SECONDS)


async def test_once_another_replica_may_send_nothing_is_waited_for(hand: Hand) -> None:
    assert not await hand.is_over()

    hand.is_held = False

    await asyncio.wait_for(hand.over, HANG_SECONDS)


async def test_an_answer_that_never_comes_is_given_up(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    hand.over.cancel()
    monkeypatch.setattr(sender, "HAND_OVER_SECONDS", 0.05)

    await asyncio.wait_for(Hand().over, HANG_SECONDS)
