"""A clock that jumps: what waits goes on as was meant, and nothing is lost, repeated or dropped."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest

from bot.domain.backoff import Backoff
from bot.domain.deliver import delivery
from bot.poller.worker import Poller
from bot.sandbox.telegram.api.faults import Close, after, too_many_requests
from tests.chat.reading import moves
from tests.stack import ACCOUNT, POLYGON, USDC_POLYGON, Stack, open_stack
from tests.waits import until

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
JUMPS = pytest.mark.parametrize("jump", [-HOUR, HOUR, -DAY, DAY], ids=["-1 h", "+1 h", "-1 day", "+1 day"])


@dataclass
class JumpingClock:
    """The time of day, as wrong as it was set."""

    wrong_by: timedelta = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.wrong_by


def usdc_moves(stack: Stack, units: int) -> None:
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, units * 1_000_000)


def alerts(stack: Stack) -> list[str]:
    return [text for text in stack.said() if "USDC" in moves(text)]


def sends(stack: Stack) -> int:
    return sum(call.method == "sendMessage" for call in stack.telegram.calls)


@JUMPS
async def test_a_clock_that_jumps_costs_no_alert_and_tells_nothing_of_its_own(
    tmp_path: Path, jump: timedelta
) -> None:
    async with open_stack(tmp_path) as stack:
        clock = JumpingClock()
        stack.start(now=clock.now)
        await stack.watches()
        usdc_moves(stack, -1)
        await stack.hears("−1 USDC")
        heard = len(stack.said())

        clock.wrong_by = jump
        await stack.asked(3)
        usdc_moves(stack, -2)
        await stack.hears("−2 USDC")
        clock.wrong_by = timedelta(0)
        await stack.asked(3)
        usdc_moves(stack, -3)
        await stack.hears("−3 USDC")

        assert len(stack.said()) == heard + 2


async def test_a_clock_that_is_set_back_stops_no_tick(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong_by, ticks = [timedelta(0)], [0]

    class Jumping(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + wrong_by[0]

    monkeypatch.setattr("apscheduler.schedulers.base.datetime", Jumping)
    monkeypatch.setattr("apscheduler.triggers.interval.datetime", Jumping)
    tick = Poller.tick

    def counted(poller: Poller) -> None:
        ticks[0] += 1
        tick(poller)

    monkeypatch.setattr(Poller, "tick", counted)
    async with open_stack(tmp_path) as stack:
        stack.start()
        await until(lambda: ticks[0] >= 3)

        wrong_by[0] = -HOUR
        ticked = ticks[0] + 1  # one may have been on its way
        await until(lambda: ticks[0] >= ticked + 3)

        wrong_by[0] = -DAY
        ticked = ticks[0] + 1
        await until(lambda: ticks[0] >= ticked + 3)


@JUMPS
async def test_a_pause_that_telegram_wants_ends_though_the_clock_jumps(
    tmp_path: Path, jump: timedelta
) -> None:
    async with open_stack(tmp_path) as stack:
        clock = JumpingClock()
        stack.start(now=clock.now)
        await stack.watches()
        stack.telegram.fault(too_many_requests(2), times=1)
        sent = sends(stack)
        usdc_moves(stack, -1)
        await until(lambda: sends(stack) == sent + 1)

        clock.wrong_by = jump
        usdc_moves(stack, -2)

        await until(lambda: "\n".join(alerts(stack)).count(" USDC") == 2)
        assert len(stack.telegram.seen(stack.chat).by_id) == len(stack.said()) - 1, (
            "but for the answer to /watch"
        )


@JUMPS
async def test_what_is_in_doubt_is_repeated_once_though_the_clock_jumps(
    tmp_path: Path, jump: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "UNKNOWN_OUTCOME_BACKOFF", Backoff((0.5,)))
    async with open_stack(tmp_path) as stack:
        clock = JumpingClock()
        stack.start(now=clock.now)
        await stack.watches()
        stack.telegram.fault(after(Close()), times=1)
        usdc_moves(stack, -1)
        await stack.hears("−1 USDC")

        clock.wrong_by = jump
        usdc_moves(stack, 2)

        await stack.hears("−1 USDC")
        await stack.hears("+2 USDC")
        assert stack.telegram.seen(stack.chat).duplicates == 1
