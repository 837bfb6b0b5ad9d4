"""The heartbeat against real servers: when it calls, what it makes of answers, and what it never says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from bot.web.heartbeat import BeatResult, Heartbeat
from tests.waits import until
from tests.web.watcher import Watcher, open_watcher

SECRET = "0a1b2c3d-secret"
NOBODY = f"http://127.0.0.1:9/{SECRET}"


@pytest.fixture
async def watcher() -> AsyncIterator[Watcher]:
    async with open_watcher() as one:
        yield one


async def all_well() -> list[str]:
    return []


@asynccontextmanager
async def beating(
    url: str, not_ready: Callable[[], Awaitable[list[str]]] = all_well, *, answer_seconds: float = 10.0
) -> AsyncIterator[Heartbeat]:
    one = Heartbeat(url, not_ready, answer_seconds=answer_seconds)
    task = asyncio.create_task(one.run())
    yield one
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def beats(heartbeat: Heartbeat) -> dict[str, int]:
    """Let a sweep end, wait for what comes of it, and return what it is counted as."""
    before = heartbeat.counts.copy()
    heartbeat.tick()
    await until(lambda: heartbeat.counts != before)
    return dict(heartbeat.counts - before)


async def test_each_sweep_is_one_call_and_without_one_there_is_none(watcher: Watcher) -> None:
    async with beating(f"{watcher.url}/{SECRET}?all=well") as heartbeat:
        assert watcher.paths == []
        for number in range(1, 4):
            assert await beats(heartbeat) == {"sent": 1}
            assert watcher.paths == number * [f"/{SECRET}?all=well"]


async def test_a_bot_that_is_not_ready_calls_nobody_until_it_is(watcher: Watcher) -> None:
    reasons = ["the indexer has been silent for 200 s"]

    async def not_ready() -> list[str]:
        return reasons

    async with beating(watcher.url, not_ready) as heartbeat:
        assert await beats(heartbeat) == {"withheld": 1}
        assert watcher.paths == []
        reasons.clear()
        assert await beats(heartbeat) == {"sent": 1}


@pytest.mark.parametrize(
    ("status", "result"),
    [(200, "sent"), (204, "sent"), (301, "refused"), (302, "refused"), (404, "refused"), (500, "refused")],
)
async def test_only_an_answer_of_two_hundreds_is_taken_and_no_redirect_followed(
    watcher: Watcher, status: int, result: str
) -> None:
    watcher.status = status

    async with beating(f"{watcher.url}/ping") as heartbeat:
        assert await beats(heartbeat) == {result: 1}

    assert watcher.paths == ["/ping"]


async def test_an_answer_that_does_not_come_is_given_up_and_the_next_call_made(watcher: Watcher) -> None:
    watcher.answers.clear()

    async with beating(watcher.url, answer_seconds=0.1) as heartbeat:
        assert await beats(heartbeat) == {"timed_out": 1}
        watcher.answers.set()
        assert await beats(heartbeat) == {"sent": 1}


async def test_an_answer_without_an_end_is_not_read(watcher: Watcher) -> None:
    watcher.is_endless = True

    async with beating(watcher.url) as heartbeat:
        for _ in range(2):
            assert await beats(heartbeat) == {"sent": 1}


async def test_sweeps_that_end_during_a_call_are_one_more(watcher: Watcher) -> None:
    watcher.answers.clear()

    async with beating(watcher.url) as heartbeat:
        heartbeat.tick()
        await until(lambda: len(watcher.paths) == 1)
        for _ in range(5):
            heartbeat.tick()
        watcher.answers.set()
        await until(lambda: heartbeat.counts[BeatResult.SENT] == 2)

        assert await beats(heartbeat) == {"sent": 1}


async def test_what_goes_wrong_in_asking_whether_all_is_well_ends_nothing(watcher: Watcher) -> None:
    troubles = [RuntimeError("no such table")]

    async def not_ready() -> list[str]:
        if troubles:
            raise troubles.pop()
        return []

    async with beating(watcher.url, not_ready) as heartbeat:
        assert await beats(heartbeat) == {"unreachable": 1}
        assert await beats(heartbeat) == {"sent": 1}


async def test_the_log_says_once_that_calls_fail_and_once_that_they_are_taken_and_never_where(
    watcher: Watcher,
) -> None:
    with capture_logs() as logs:
        async with beating(f"{watcher.url}/{SECRET}") as heartbeat:
            await beats(heartbeat)
            watcher.status = 500
            for _ in range(3):
                await beats(heartbeat)
            watcher.status = 200
            for _ in range(3):
                await beats(heartbeat)
        async with beating(NOBODY) as heartbeat:
            for _ in range(3):
                assert await beats(heartbeat) == {"unreachable": 1}

    told = [(line["action"], line.get("result"), line.get("word")) for line in logs]
    assert told == [
        ("heartbeat_fails", "refused", "500"),
        ("heartbeat_works", None, None),
        ("heartbeat_fails", "unreachable", "ClientConnectorError"),
    ]
    assert SECRET not in str(logs)
    assert "127.0.0.1" not in str(logs)
