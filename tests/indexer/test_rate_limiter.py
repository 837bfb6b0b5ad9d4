"""The limiter: shut for all, as long as was said and no longer."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.indexer.rate_limits import RateLimiter
from tests.indexer.gateway import Clock, Pauses


async def test_an_open_gate_lets_everybody_through() -> None:
    clock = Clock()

    await RateLimiter(sleep=clock.sleep, now=clock).ready()

    assert clock.pauses == []


async def test_a_shut_gate_is_waited_for_by_everybody_until_it_opens() -> None:
    clock = Clock()
    limiter = RateLimiter(sleep=clock.sleep, now=clock)
    limiter.pause(7)

    await asyncio.gather(limiter.ready(), limiter.ready())
    await limiter.ready()

    assert clock.pauses == [7, 7]
    assert clock() == 1007


async def test_who_comes_later_waits_for_the_rest() -> None:
    clock = Clock()
    limiter = RateLimiter(sleep=clock.sleep, now=clock)
    limiter.pause(7)
    clock.now += 5

    await limiter.ready()

    assert clock.pauses == [2]


@pytest.mark.parametrize(("second", "open_at"), [(3, 1007), (9, 1009)])
async def test_a_gate_shut_twice_opens_at_the_later_time(second: float, open_at: float) -> None:
    clock = Clock()
    limiter = RateLimiter(sleep=clock.sleep, now=clock)
    limiter.pause(7)
    limiter.pause(second)

    await limiter.ready()

    assert clock() == open_at


async def test_a_gate_shut_again_meanwhile_is_waited_for_again() -> None:
    clock = Clock()
    limiter = RateLimiter(sleep=clock.sleep, now=clock)
    limiter.pause(7)
    waiting = asyncio.create_task(limiter.ready())
    await asyncio.sleep(0)
    limiter.pause(10)

    await waiting

    assert clock.pauses == [7, 3]


async def test_a_sleep_that_moves_no_clock_is_slept_once() -> None:
    pauses = Pauses()
    limiter = RateLimiter(sleep=pauses, now=lambda: 1000.0)
    limiter.pause(7)

    await limiter.ready()

    assert pauses == [7]


async def test_a_clock_set_back_opens_the_gate() -> None:
    clock = Clock()
    limiter = RateLimiter(sleep=clock.sleep, now=clock)
    limiter.pause(7)
    clock.now -= 3600

    await limiter.ready()

    assert clock.pauses == []


@given(st.lists(st.tuples(st.floats(0, 60), st.floats(-100, 100)), max_size=6))
def test_whatever_the_clock_does_nobody_waits_longer_than_was_said(steps: list[tuple[float, float]]) -> None:
    clock, pauses = Clock(), Pauses()
    limiter = RateLimiter(sleep=pauses, now=clock)
    for seconds, moved in steps:
        limiter.pause(seconds)
        clock.now += moved
        asyncio.run(limiter.ready())

    assert all(0 < pause <= 60.001 for pause in pauses)
