"""What leaves is told with its worth, though nothing of it is in the answer any more."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.wiring import clock
from tests.house import ACCOUNT, POLYGON, USDC_POLYGON, House, open_house


def spend(house: House) -> None:
    house.world.set_token(POLYGON, USDC_POLYGON, ACCOUNT, 0)


async def test_a_token_that_is_spent_is_told_with_its_worth(house: House) -> None:
    await house.watches()
    spend(house)

    alert = await house.hears("−50 USDC")

    assert "50 → 0     −$50.00\n" in alert.text


@pytest.mark.parametrize(
    ("away", "worth"), [(timedelta(hours=3), "−$50.00, price 3 h old\n"), (timedelta(minutes=5), "−$50.00\n")]
)
async def test_what_was_spent_while_the_bot_was_away_is_told_with_its_worth(
    tmp_path: Path, away: timedelta, worth: str
) -> None:
    def later() -> datetime:
        return clock() + away

    async with open_house(tmp_path) as house:
        house.start()
        await house.watches()
        await house.stop()
        spend(house)
        house.start(now=later)

        assert worth in (await house.hears("−50 USDC")).text
