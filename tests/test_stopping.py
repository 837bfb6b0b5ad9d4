"""Asked to stop with a message in flight, stood still, on a full disk: nothing is lost or repeated."""

import asyncio
import resource
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.chat.reading import moves
from tests.fork_server import BotProcess
from tests.stack import ACCOUNT, POLL, POLYGON, USDC_POLYGON, Stack, open_stack
from tests.waits import STOP_SECONDS, until

only_linux = pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux limits another process")


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """Build the neighbours; each test starts the bot as a process."""
    async with open_stack(tmp_path) as one:
        yield one


def usdc_moves(stack: Stack, units: int) -> None:
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, units * 1_000_000)


def alerts(stack: Stack) -> list[str]:
    return [text for text in stack.said() if "USDC" in moves(text)]


def states(stack: Stack) -> list[str]:
    """Return the state of each message that is not sent."""
    return [state for (state,) in stack.rows("SELECT state FROM delivery WHERE state <> 'sent'")]


async def ended(process: BotProcess) -> int:
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(STOP_SECONDS):
        return await process.wait()


# ---------------------------------------------------------------- SIGTERM


async def test_asked_to_stop_while_a_message_is_in_flight_the_bot_waits_for_it_and_marks_it(
    stack: Stack,
) -> None:
    process = await stack.start_process()
    await stack.watches()
    hold = stack.telegram.hold_after()
    usdc_moves(stack, -1)
    await hold.arrived()

    process.send_signal(signal.SIGTERM)
    await until(lambda: "action=stopping" in stack.log)
    hold.release()

    assert await process.wait() == 0
    assert states(stack) == []
    await stack.start_process()
    await stack.asked(3)
    assert len(alerts(stack)) == 1


async def test_asked_to_stop_while_a_message_hangs_the_bot_ends_in_time_and_tells_it_at_the_next_start(
    stack: Stack,
) -> None:
    process = await stack.start_process()
    await stack.watches()
    hold = stack.telegram.hold_before()
    usdc_moves(stack, -1)
    await hold.arrived()

    assert await ended(process) == 0

    assert states(stack) == ["sending"]
    hold.drop()
    stack.telegram.heal()
    await stack.start_process()
    await stack.hears("−1 USDC")
    await stack.asked(3)
    assert len(alerts(stack)) == 1


# ---------------------------------------------------------------- standing still


async def test_stood_still_over_several_intervals_the_bot_goes_on_where_it_was(stack: Stack) -> None:
    process = await stack.start_process()
    await stack.watches()
    process.send_signal(signal.SIGSTOP)
    asked = stack.balance_requests()
    usdc_moves(stack, -1)
    usdc_moves(stack, -2)
    await asyncio.sleep(1)  # ten intervals: that time passes is what this is about
    assert stack.balance_requests() <= asked + 1

    process.send_signal(signal.SIGCONT)

    await stack.hears("−3 USDC")
    await stack.asked(3)
    assert len(alerts(stack)) == 1
    assert await ended(process) == 0


# ---------------------------------------------------------------- a second instance


@pytest.mark.about_the_file
async def test_a_second_instance_ends_with_3_and_the_first_goes_on(stack: Stack) -> None:
    first = await stack.start_process()
    await stack.watches()

    second = await stack.start_process()

    assert await second.wait() == 3
    usdc_moves(stack, -1)
    await stack.hears("−1 USDC")
    assert first.returncode is None
    assert len(alerts(stack)) == 1


# ---------------------------------------------------------------- a disk that is full


@pytest.mark.about_the_file
@only_linux
async def test_a_disk_full_while_a_change_is_recorded_costs_nothing_once_there_is_room(stack: Stack) -> None:
    process = await stack.start_process()
    await stack.watches()
    limits = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    stack.gateway.gate.hold(POLL)
    await stack.gateway.gate.until_waiting(1)
    usdc_moves(stack, -1)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, limits[1]))

    stack.gateway.gate.release()
    await until(lambda: "action=sweep_failed" in stack.log)
    assert alerts(stack) == []

    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, limits)
    await stack.hears("−1 USDC")
    await stack.asked(3)
    assert len(alerts(stack)) == 1


@pytest.mark.about_the_file
@only_linux
async def test_a_disk_full_after_a_send_repeats_nothing_once_there_is_room(stack: Stack) -> None:
    process = await stack.start_process()
    await stack.watches()
    hold = stack.telegram.hold_after()
    usdc_moves(stack, -1)
    await hold.arrived()
    limits = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, limits[1]))

    hold.release()
    await until(lambda: "action=settle_waits" in stack.log)
    assert states(stack) == ["sending"]

    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, limits)
    await until(lambda: states(stack) == [])
    usdc_moves(stack, 2)
    await stack.hears("+2 USDC")
    assert len(alerts(stack)) == 2
