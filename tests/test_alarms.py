"""Alarms, end to end: one ring for each crossing, whatever is killed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.sandbox.gateway.faults.kinds import LeaveOutNatives, LeaveOutTokens
from tests.stack import ACCOUNT, POLL, POLYGON, USDC_POLYGON, Stack, buttons_of, open_stack
from tests.waits import until


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """Build the neighbours, of a bot that takes a silence of a moment for blindness."""
    async with open_stack(tmp_path, indexer=["stale_after_seconds = 0.3"]) as one:
        yield one


def usdc_moves(stack: Stack, units: int) -> None:
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, units * 1_000_000)


def rings(stack: Stack) -> list[str]:
    return [text for text in stack.said() if "USDC, below 40" in text]


async def sets_alarm(stack: Stack, more: str = "") -> None:
    await stack.watches()
    stack.say(f"/alarm Treasury below 40 USDC on polygon {more}".strip())
    await stack.hears("A1 · Treasury below 40 USDC, on Polygon")


async def test_killed_between_ring_and_send_it_rings_once(stack: Stack) -> None:
    stack.lines["delivery"] = ["group_wait_seconds = 4", "group_messages_per_minute = 1000"]
    process = await stack.start_process()
    await sets_alarm(stack)
    usdc_moves(stack, -20)
    ring = 'SELECT state FROM alert WHERE notice LIKE \'{"kind": "alarm rang"%\''
    await until(lambda: stack.rows(ring) == [("waiting",)])

    await stack.kill(process)
    assert rings(stack) == []
    del stack.lines["delivery"]
    await stack.start_process()

    message = await stack.hears("⏰ Treasury · Polygon: 30 USDC, below 40")
    usdc_moves(stack, -1)
    await stack.hears("−1 USDC")
    await stack.asked(3)
    assert len(rings(stack)) == 1
    assert buttons_of(message) == ["I have it", "Balances"]
    assert stack.rows("SELECT count(*) FROM firing") == [(1,)]


async def test_killed_before_the_reading_is_stored_the_next_run_rings(stack: Stack) -> None:
    process = await stack.start_process()
    await sets_alarm(stack)
    stack.gateway.gate.hold(POLL)
    usdc_moves(stack, -20)
    await stack.gateway.gate.until_waiting(1)

    await stack.kill(process)
    stack.gateway.gate.release()
    assert stack.rows("SELECT count(*) FROM firing") == [(0,)]
    await stack.start_process()

    await stack.hears("30 USDC, below 40")
    await stack.asked(3)
    assert len(rings(stack)) == 1


async def test_blind_while_it_rings_a_repetition_says_since_when_and_the_end_still_comes(
    stack: Stack,
) -> None:
    stack.start()
    await sets_alarm(stack, "again 6h")
    usdc_moves(stack, -20)
    await stack.hears("30 USDC, below 40")
    stack.gateway.faults.add(LeaveOutTokens(chain_id=POLYGON), LeaveOutNatives(chain_id=POLYGON))
    await stack.hears("no answer")

    stack.rows("UPDATE firing SET next_at = 1")
    stack.say("/test")

    text = (await stack.hears("unknown since")).text
    assert "⏰ Treasury · Polygon: unknown since" in text
    assert "when last read it was below 40" in text
    assert "30 USDC" not in text
    stack.gateway.faults.heal()
    usdc_moves(stack, 25)
    await stack.hears("✓ Treasury · Polygon: 55 USDC again, was below 40 for")


async def test_who_has_it_is_said_and_a_press_on_what_is_over_says_that(stack: Stack) -> None:
    stack.start()
    await sets_alarm(stack)
    usdc_moves(stack, -20)
    message = await stack.hears("30 USDC, below 40")

    assert "You have it" in await stack.presses(message, "I have it")
    stack.say("/alarm")
    assert "Olga has it" in (await stack.hears("Ringing")).text
    usdc_moves(stack, 20)
    await stack.hears("50 USDC again")

    assert await stack.presses(message, "I have it") == "That one is over."


@pytest.mark.parametrize("typed", ["Treasury USDC below 40", "Treasury USDC < 40", "treasury usdc <40"])
async def test_the_token_may_stand_before_the_level(stack: Stack, typed: str) -> None:
    stack.start()
    await stack.watches()

    stack.say(f"/alarm {typed} on polygon")

    await stack.hears("A1 · Treasury below 40 USDC, on Polygon")


async def test_a_name_that_ends_like_a_token_is_the_name(stack: Stack) -> None:
    stack.start()
    await stack.watches()
    stack.say("/watch 0x4444444444444444444444444444444444444444 on polygon as Treasury USDC")
    await stack.hears("Watching Treasury USDC")

    stack.say("/alarm Treasury USDC below 40 on polygon")

    await stack.hears("40 of what?")


async def test_a_name_that_nobody_has_is_no_token_before_a_level(stack: Stack) -> None:
    stack.start()
    await stack.watches()

    stack.say("/alarm My Tresury below 40")

    await stack.hears("My Tresury")
