"""Prices that sweeps leave out, end to end: asked beside the polls, and never at their cost."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot.domain.observe.prices import PRICE_ASKED_AFTER
from bot.sandbox.gateway.faults.kinds import (
    AnswerError,
    AnswerHtml,
    CutBody,
    Fault,
    ReplacePrices,
)
from bot.sandbox.gateway.knobs import Knobs
from bot.wiring import clock
from tests.stack import ACCOUNT, DAI, ETHEREUM, POLYGON, USDC, USDC_POLYGON, Stack, open_stack
from tests.waits import until

OLD = PRICE_ASKED_AFTER + timedelta(minutes=1)
WHOLE = "Worth $271.89"
"""Of 50 and 221.887067 USDC: coins have no price here."""


class Time:
    """The time of the bot and the gateway, which can be set forward between two sweeps."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)
        self._step = timedelta(0)

    def now(self) -> datetime:
        return clock() + self.ahead

    def before_sweep(self) -> None:
        self.ahead, self._step = self.ahead + self._step, timedelta(0)

    async def pass_by(self) -> None:
        """Let all prices grow old before the next sweep."""
        self._step = OLD
        await until(lambda: not self._step)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def stack(tmp_path: Path, time: Time) -> AsyncIterator[Stack]:
    """Build the neighbours, and start a bot whose gateway knows no prices of balances."""
    async with open_stack(tmp_path) as one:
        one.gateway.knobs = Knobs(row_prices=False)
        one.start(now=time.now, before_sweep=time.before_sweep)
        yield one


def asked(stack: Stack) -> int:
    """Return how often the gateway was asked for prices alone."""
    return sum(request.method == "GetTokenPrices" for request in stack.gateway.requests)


async def grows_old(stack: Stack, time: Time) -> None:
    """Let all prices grow old, and wait until they were asked for again."""
    before = asked(stack)
    await time.pass_by()
    await until(lambda: asked(stack) > before)
    await stack.asked(2)


async def balance(stack: Stack) -> str:
    stack.say("/balance Treasury")
    return (await stack.hears("Treasury")).text


async def test_balance_has_the_prices_that_were_asked_for(stack: Stack) -> None:
    await stack.watches()
    await until(lambda: asked(stack) == 1)
    await stack.asked(2)

    assert WHOLE in await balance(stack)
    await stack.asked(5)
    assert asked(stack) == 1


async def test_a_price_that_moves_while_no_amount_does_rings_an_alarm_in_dollars(
    stack: Stack, time: Time
) -> None:
    await stack.watches()
    await until(lambda: asked(stack) == 1)
    await stack.asked(2)
    stack.say("/alarm Treasury below $200")
    await stack.hears("A1")

    stack.world.set_price(ETHEREUM, USDC, Decimal("0.5"))
    await grows_old(stack, time)

    await stack.hears("⏰ Treasury: worth $160.94, below $200.00 (by price, no amount changed")


async def test_a_price_that_stays_rings_nothing(stack: Stack, time: Time) -> None:
    await stack.watches()
    await until(lambda: asked(stack) == 1)
    await stack.asked(2)
    stack.say("/alarm Treasury below $200")
    await stack.hears("A1")

    await grows_old(stack, time)
    await stack.asked(3)

    assert not [text for text in stack.said() if "⏰ Treasury:" in text]


@pytest.mark.parametrize(
    "fault",
    [
        AnswerError(name="WebrpcBadRoute", code=-2, status=404, method="GetTokenPrices"),
        AnswerHtml(status=502, method="GetTokenPrices"),
        CutBody(method="GetTokenPrices"),
        ReplacePrices(fields={"priceUSD": "1e400"}),
        ReplacePrices(fields={"priceUSD": "-1"}),
        ReplacePrices(fields={"priceUSD": "NaN"}),
        ReplacePrices(fields={"contractAddress": DAI}),
        ReplacePrices(entry_chain_id=10),
        ReplacePrices(fields={"priceUSD": "7"}, is_repeated=True),
    ],
    ids=str,
)
async def test_a_gateway_that_answers_no_price_that_counts_changes_nothing_else(
    stack: Stack, fault: Fault
) -> None:
    stack.gateway.faults.add(fault)
    await stack.watches()
    await until(lambda: asked(stack) == 1)

    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 1_000_000)

    alert = await stack.hears("+1 USDC")
    assert "$" not in alert.text
    await stack.asked(3)
    shown = await balance(stack)
    assert "Worth unknown: no price of it is known." in shown
    assert "51 USDC" in shown


async def test_a_price_that_is_old_by_the_source_is_in_no_sum(stack: Stack) -> None:
    stack.world.price_age = timedelta(hours=2)
    await stack.watches()
    await until(lambda: asked(stack) == 1)
    await stack.asked(2)

    assert "Worth unknown: no current price of it is known." in await balance(stack)
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 1_000_000)
    assert "+1 USDC (+$1.00, price 2 h old)" in (await stack.hears("+1 USDC")).text


async def test_where_sweeps_bring_prices_only_what_they_leave_out_is_asked_and_once(
    stack: Stack, time: Time
) -> None:
    stack.gateway.knobs = Knobs()
    await stack.watches()
    await until(lambda: asked(stack) == 1)
    for _ in range(4):
        await time.pass_by()
        await stack.asked(3)

    assert asked(stack) == 1
