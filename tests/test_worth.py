"""What leaves is told with its worth, though nothing of it is in the answer any more."""

from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from bot import maintenance
from bot.chat.text.prices import worth_line
from bot.domain.observe.worth import Worth
from bot.settings.sections import shipped_chains
from bot.store.rows import to_chains
from bot.wiring import clock
from tests.chat.reading import moves
from tests.stack import ACCOUNT, POLYGON, USDC_POLYGON, Stack, open_stack
from tests.waits import until


def spend(stack: Stack) -> None:
    stack.world.set_token(POLYGON, USDC_POLYGON, ACCOUNT, 0)


async def test_a_token_that_is_spent_is_told_with_its_worth(stack: Stack) -> None:
    await stack.watches()
    spend(stack)

    alert = await stack.hears("−50 USDC")

    assert "🔴 −50 USDC | 50 → 0, all of it | −$50.00" in moves(alert.text)


@pytest.mark.parametrize(
    ("away", "worth"),
    [
        (timedelta(hours=3), "(−$50.00, price 3 h old) · Polygon\n"),
        (timedelta(minutes=5), "(−$50.00) · Polygon\n"),
    ],
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


async def test_the_worth_that_is_kept_of_a_day_is_what_balance_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "LOOK_SECONDS", 0.1)
    async with open_stack(tmp_path) as stack:

        def kept() -> list[tuple[str, int, int, int, str, str]]:
            return stack.rows("SELECT usd, priced, unpriced, ignored, unknown, last_known FROM worth")

        stack.start()
        await stack.watches()
        await stack.stop()
        # The day may have been added up before anything was watched: the next start finds it to be done.
        stack.rows("DELETE FROM due")
        stack.rows("DELETE FROM worth")
        # What is stored then has no price yet that counts: the day is added up after the first sweep.
        stack.start(now=lambda: clock() + timedelta(hours=3))
        await until(lambda: bool(kept()))

        stack.say("/balance Treasury")
        answer = await stack.hears("Worth")

    ((usd, priced, unpriced, ignored, unknown, last_known),) = kept()
    total = Worth(
        usd=Decimal(usd),
        priced=priced,
        unpriced=unpriced,
        ignored=ignored,
        unknown=to_chains(unknown),
        last_known=to_chains(last_known),
    )
    assert total.priced > 0
    assert worth_line(total, shipped_chains()).visible in answer.text.splitlines()
