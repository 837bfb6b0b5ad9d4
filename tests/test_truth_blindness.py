"""It says when it is blind, end to end: once, and again when it sees, with what changed meanwhile."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.sandbox.gateway.faults.kinds import (
    AnswerError,
    FailNatives,
    FailTokens,
    LeaveOutChain,
    LeaveOutNatives,
    LeaveOutTokens,
    ReplaceFields,
)
from tests.chat.reading import moves
from tests.stack import ACCOUNT, CHECKSUMMED, ETHEREUM, POLYGON, USDC_POLYGON, Stack, open_stack

PAYROLL = "0x" + "0d" * 20


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """Run a whole bot that takes a silence of a moment for blindness."""
    async with open_stack(tmp_path, indexer=["stale_after_seconds = 0.3"]) as one:
        one.start()
        yield one


def count(stack: Stack, words: str) -> int:
    return sum(words in text for text in stack.said())


async def test_a_silent_chain_is_told_once_and_its_return_with_what_changed_meanwhile(stack: Stack) -> None:
    await stack.watches()
    stack.gateway.faults.add(LeaveOutTokens(chain_id=POLYGON), LeaveOutNatives(chain_id=POLYGON))

    assert "⚠️ I can't read Polygon since" in (await stack.hears("no answer")).text
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    await stack.asked(6)
    stack.gateway.faults.heal()

    message = (await stack.hears("✅")).text
    assert "Polygon is back after" in message
    assert "1 change meanwhile" in message
    assert any("50 → 48" in text for text in stack.said())
    assert count(stack, "I can't read") == 1


async def test_a_chain_that_was_silent_while_nothing_changed_says_so(stack: Stack) -> None:
    await stack.watches()
    stack.gateway.faults.add(LeaveOutTokens(chain_id=POLYGON), LeaveOutNatives(chain_id=POLYGON))
    await stack.hears("no answer")

    stack.gateway.faults.heal()

    assert "Nothing changed meanwhile" in (await stack.hears("✅")).text


@pytest.mark.parametrize("fault", [FailTokens(chain_id=POLYGON), FailNatives(chain_id=POLYGON)])
async def test_a_part_that_gives_no_answer_is_told_while_the_rest_is_seen(
    stack: Stack, fault: FailTokens | FailNatives
) -> None:
    await stack.watches()
    stack.gateway.faults.add(fault)

    await stack.hears("I can't read")
    stack.world.move(ETHEREUM, None, ACCOUNT, 10**18)

    assert "🟢 +1 ETH" in moves((await stack.hears("ETH")).text)


async def test_an_account_that_cannot_be_read_is_told_by_its_label_and_the_others_are_not(
    stack: Stack,
) -> None:
    await stack.watches(f"/watch {CHECKSUMMED} on polygon as Treasury\n{PAYROLL} on polygon as Payroll")
    stack.gateway.faults.add(ReplaceFields(fields={"balance": "x"}, where={"accountAddress": ACCOUNT}))

    told = (await stack.hears("I can't read")).text

    assert "Treasury" in told
    assert "Payroll" not in told


async def test_everything_silent_at_once_is_one_message(stack: Stack) -> None:
    await stack.watches()
    for chain in stack.world.chains():
        stack.gateway.faults.add(
            LeaveOutTokens(chain_id=chain.chain_id), LeaveOutNatives(chain_id=chain.chain_id)
        )

    await stack.hears("I can't read any balances")
    await stack.asked(6)
    stack.gateway.faults.heal()
    await stack.hears("✅")

    assert count(stack, "can't read") == 1


async def test_a_source_that_refuses_the_key_is_told_as_such_to_owners(stack: Stack) -> None:
    await stack.watches()
    stack.gateway.faults.add(AnswerError(name="AccessKeyNotFound", code=1101, status=401))

    assert "refused the access key" in (await stack.hears("refuses to answer")).text


async def test_what_never_answered_is_not_blind(stack: Stack) -> None:
    stack.gateway.faults.add(LeaveOutTokens(chain_id=POLYGON), LeaveOutNatives(chain_id=POLYGON))
    baseline = await stack.watches()

    await stack.asked(8)

    assert "No answer yet from Polygon; it joins when it answers." in baseline.text
    assert count(stack, "I can't read") == 0


async def test_who_watches_nothing_on_a_silent_chain_is_told_nothing(stack: Stack) -> None:
    await stack.watches(f"/watch {CHECKSUMMED} on polygon as Treasury")
    group = stack.telegram.add_group("Ops", {stack.olga: "creator"})
    stack.say("/allow", chat=group)
    stack.say(f"/watch {CHECKSUMMED} on mainnet", chat=group)
    await stack.hears("balances", chat=group)
    stack.gateway.faults.add(LeaveOutTokens(chain_id=POLYGON), LeaveOutNatives(chain_id=POLYGON))

    await stack.hears("I can't read Polygon")
    await stack.asked(3)

    assert not any("can't read" in text for text in stack.said(group))


async def test_a_chain_that_the_source_drops_and_lists_again_is_told_to_who_watches_it(
    stack: Stack,
) -> None:
    await stack.watches(f"/watch {CHECKSUMMED} on polygon as Treasury")
    await stack.stop()
    stack.gateway.faults.add(LeaveOutChain(chain_id=POLYGON), LeaveOutChain(chain_id=ETHEREUM))
    stack.start()
    gone = (await stack.hears("no longer lists")).text
    assert "Polygon" in gone
    assert "Ethereum" not in gone
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    await stack.hears("50 → 49")

    await stack.stop()
    stack.gateway.faults.heal()
    stack.start()

    assert "lists Polygon again" in (await stack.hears("lists")).text
