"""The gate: shut for all, as long as was said and no longer."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.indexer.rate_limiter import Gate
from tests.indexer.gateway import Clock, Pauses


async def test_an_open_gate_lets_everybody_through() -> None:
    clock = Clock()

    await Gate(sleep=clock.sleep, now=clock).passed()

    assert clock.pauses == []


async def test_a_shut_gate_is_waited_for_by_everybody_until_it_opens() -> None:
    clock = Clock()
    gate = Gate(sleep=clock.sleep, now=clock)
    gate.shut(7)

    await asyncio.gather(gate.passed(), gate.passed())
    await gate.passed()

    assert clock.pauses == [7, 7]
    assert clock() == 1007


async def test_who_comes_later_waits_for_the_rest() -> None:
    clock = Clock()
    gate = Gate(sleep=clock.sleep, now=clock)
    gate.shut(7)
    clock.now += 5

    await gate.passed()

    assert clock.pauses == [2]


@pytest.mark.parametrize(("second", "open_at"), [(3, 1007), (9, 1009)])
async def test_a_gate_shut_twice_opens_at_the_later_time(second: float, open_at: float) -> None:
    clock = Clock()
    gate = Gate(sleep=clock.sleep, now=clock)
    gate.shut(7)
    gate.shut(second)

    await gate.passed()

    assert clock() == open_at


async def test_a_gate_shut_again_meanwhile_is_waited_for_again() -> None:
    clock = Clock()
    gate = Gate(sleep=clock.sleep, now=clock)
    gate.shut(7)
    waiting = asyncio.create_task(gate.passed())
    await asyncio.sleep(0)
    gate.shut(10)

    await waiting

    assert clock.pauses == [7, 3]


async def test_a_sleep_that_moves_no_clock_is_slept_once() -> None:
    pauses = Pauses()
    gate = Gate(sleep=pauses, now=lambda: 1000.0)
    gate.shut(7)

    await gate.passed()

    assert pauses == [7]


async def test_a_clock_set_back_opens_the_gate() -> None:
    clock = Clock()
    gate = Gate(sleep=clock.sleep, now=clock)
    gate.shut(7)
    clock.now -= 3600

    await gate.passed()

    assert clock.pauses == []


@given(st.lists(st.tuples(st.floats(0, 60), st.floats(-100, 100)), max_size=6))
def test_whatever_the_clock_does_nobody_waits_longer_than_was_said(steps: list[tuple[float, float]]) -> None:
    clock, pauses = Clock(), Pauses()
    gate = Gate(sleep=pauses, now=clock)
    for seconds, moved in steps:
        gate.shut(seconds)
        clock.now += moved
        asyncio.run(gate.passed())

    assert all(0 < pause <= 60.001 for pause in pauses)
