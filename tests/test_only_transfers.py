"""Filters that name who is at the other end, end to end: judged again once the transfers are known."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from bot.domain.addresses import checksummed
from bot.sandbox.gateway.faults.kinds import AnswerError
from tests.builders import DAI, address
from tests.stack import ACCOUNT, CHECKSUMMED, POLYGON, USDC_POLYGON, Stack, open_stack
from tests.waits import until

HISTORY: Final = "GetTransactionHistory"
PAYROLL, TAX = address(0xABC), DAI


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    async with open_stack(tmp_path) as one:
        yield one


def pays(stack: Stack, receiver: str) -> None:
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000, counterparty=receiver)


def held_back(stack: Stack) -> int:
    ((steps,),) = stack.rows("SELECT coalesce(sum(steps), 0) FROM unreported")
    return int(steps)


async def filters(stack: Stack) -> None:
    """Watch the treasury, of which only payments to somebody are wanted."""
    await stack.watches()
    stack.say(f"/name {checksummed(PAYROLL)} Payroll")
    await stack.hears("Payroll")
    stack.say("/only Treasury to Payroll")
    await stack.hears("only outgoing changes to Payroll.")


async def test_a_payment_to_somebody_else_is_held_back_and_comes_with_one_that_is_meant(stack: Stack) -> None:
    stack.lists_transfers()
    stack.start()
    await filters(stack)

    pays(stack, TAX)
    await until(lambda: held_back(stack) == 1)
    pays(stack, PAYROLL)
    told = await stack.hears("USDC")

    assert "−2 USDC" in told.text
    assert "in 2 steps since" in told.text
    assert "Payroll" in told.text
    assert held_back(stack) == 0
    stack.say("/only Treasury to Payroll ?")
    await stack.hears("Of 2 changes in the last 30 days this would have reported 1.")


async def test_where_nobody_says_who_it_was_it_is_reported_and_why_says_so(stack: Stack) -> None:
    stack.lists_transfers()
    stack.gateway.faults.add(AnswerError(method=HISTORY, name="WebrpcInternalError", code=-8, status=500))
    stack.start()
    await filters(stack)

    pays(stack, TAX)
    told = await stack.hears("−1 USDC")

    stack.say(f"/why {told.text.split()[-1]}")
    await stack.hears("(only outgoing changes to Payroll) couldn't judge it without its transfers")


async def test_an_alarm_does_not_wait_for_what_a_filter_waits_for(stack: Stack) -> None:
    stack.lists_transfers()
    stack.start()
    await filters(stack)
    amount = stack.world.token(POLYGON, USDC_POLYGON, ACCOUNT) // 1_000_000
    stack.say(f"/alarm Treasury below {amount} USDC on polygon")
    await stack.hears("⏰ A1")
    stack.gateway.gate.hold(HISTORY)

    pays(stack, PAYROLL)
    await stack.hears("⏰ Treasury")

    assert not any("−1 USDC" in text for text in stack.said()), "the change waits on"
    stack.gateway.gate.release()
    await stack.hears("−1 USDC")


async def test_what_is_known_only_after_a_kill_is_held_back_all_the_same(stack: Stack) -> None:
    stack.lists_transfers(30)
    process = await stack.start_process()
    await filters(stack)
    stack.gateway.gate.hold(HISTORY)
    pays(stack, TAX)
    await stack.gateway.gate.until_waiting(1)

    await stack.kill(process)
    stack.gateway.gate.release()
    await stack.start_process()

    await until(lambda: held_back(stack) == 1)
    assert not any("−1 USDC" in text for text in stack.said())


async def test_by_whom_it_came_is_asked_as_well(stack: Stack) -> None:
    stack.lists_transfers()
    stack.start()
    await stack.watches(f"/watch {CHECKSUMMED} from {checksummed(PAYROLL)} as Treasury")

    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 5_000_000, counterparty=TAX)
    await until(lambda: held_back(stack) == 1)
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 7_000_000, counterparty=PAYROLL)

    assert "+12 USDC" in (await stack.hears("USDC (+")).text
