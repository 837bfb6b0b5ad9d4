"""What leaves is told with its worth, though nothing of it is in the answer any more."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.wiring import clock
from tests.stack import ACCOUNT, POLYGON, USDC_POLYGON, Stack, open_stack


def spend(stack: Stack) -> None:
    stack.world.set_token(POLYGON, USDC_POLYGON, ACCOUNT, 0)


async def test_a_token_that_is_spent_is_told_with_its_worth(stack: Stack) -> None:
    await stack.watches()
    spend(stack)

    alert = await stack.hears("−50 USDC")

    assert "50 → 0     −$50.00\n" in alert.text


@pytest.mark.parametrize(
    ("away", "worth"), [(timedelta(hours=3), "−$50.00, price 3 h old\n"), (timedelta(minutes=5), "−$50.00\n")]
)
async def test_what_was_spent_while_the_bot_was_away_is_told_with_its_worth(
    tmp_path: Path, away: timedelta, worth: str
) -> None:
    def later() -> datetime:
        return clock() + away

    async with open_stack(tmp_path) as stack:
        stack.start()
        await stack.watches()
        await stack.stop()
        spend(stack)
        stack.start(now=later)

        assert worth in (await stack.hears("−50 USDC")).text
