"""The heartbeat of a whole bot: it comes after sweeps while all is well, and stops nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.roles import poller
from bot.sandbox.gateway.faults.kinds import AnswerError
from bot.web.heartbeat import Heartbeat
from tests.stack import ACCOUNT, POLYGON, USDC_POLYGON, Stack, open_stack
from tests.waits import until
from tests.web.watcher import Watcher, open_watcher

REFUSED_KEY = AnswerError(name="Unauthorized", code=1000, status=401, message="Unauthorized access")
PING = "/0a1b2c3d-secret"


@pytest.fixture
async def watcher() -> AsyncIterator[Watcher]:
    async with open_watcher() as one:
        yield one


@asynccontextmanager
async def calling(directory: Path, watcher: Watcher) -> AsyncIterator[Stack]:
    """Start a bot that calls the watcher, and let it watch something."""
    lines = ['listen = ""', f'heartbeat_url = "{watcher.url}{PING}"']
    async with open_stack(directory, web=lines) as stack:
        stack.start()
        await stack.watches()
        yield stack


async def is_called(watcher: Watcher, more: int = 2) -> None:
    wanted = len(watcher.paths) + more
    await until(lambda: len(watcher.paths) >= wanted)


async def is_told(stack: Stack, units: int) -> None:
    """Let a balance change, and see the alert."""
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, units * 10**6)
    await stack.hears(f"+{units} USDC")


async def test_sweeps_of_a_bot_that_is_well_are_called_out(tmp_path: Path, watcher: Watcher) -> None:
    async with calling(tmp_path, watcher):
        await is_called(watcher, 3)

        assert set(watcher.paths) == {PING}


async def test_while_the_source_refuses_nobody_is_called_and_then_again(
    tmp_path: Path, watcher: Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = list[Heartbeat]()

    def build(*arguments: Any, **options: Any) -> Heartbeat:  # noqa: ANN401 - whatever the program gives it
        built.append(Heartbeat(*arguments, **options))
        return built[0]

    monkeypatch.setattr(poller, "Heartbeat", build)
    async with calling(tmp_path, watcher) as stack:
        await is_called(watcher)
        stack.gateway.faults.add(REFUSED_KEY)
        await until(lambda: built[0].counts["withheld"] > 0)
        called = len(watcher.paths)
        await until(lambda: built[0].counts["withheld"] > 3)
        assert len(watcher.paths) == called

        stack.gateway.faults.heal()
        await is_called(watcher)


@pytest.mark.parametrize("trouble", ["hangs", "refuses", "is gone", "goes on and on"])
async def test_a_watcher_that_fails_stops_no_sweep_and_no_alert(
    tmp_path: Path, watcher: Watcher, trouble: str
) -> None:
    match trouble:
        case "hangs":
            watcher.answers.clear()
        case "refuses":
            watcher.status = 500
        case "is gone":
            watcher.url = "http://127.0.0.1:9"
        case _:
            watcher.is_endless = True

    async with calling(tmp_path, watcher) as stack:
        await stack.asked(3)
        await is_told(stack, 5)


async def test_a_bot_without_an_address_calls_nobody(stack: Stack, watcher: Watcher) -> None:
    await stack.watches()
    await stack.asked(3)

    assert watcher.paths == []
