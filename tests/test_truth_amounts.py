"""What amounts are told by: decimals of items, decimals that come late, and those that change."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bot.sandbox.gateway.world import Contract
from tests.chat.reading import moves
from tests.stack import ACCOUNT, POLYGON, Stack, open_stack

GOLD = Contract(
    chain_id=POLYGON,
    address="0x0000000000000000000000000000000000001021",
    kind="ERC1155",
    symbol="GOLD",
    name="Gold",
    decimals=18,
)
TOKEN = Contract(
    chain_id=POLYGON,
    address="0x0000000000000000000000000000000000004003",
    kind="ERC20",
    symbol="HID",
    name="Token",
    decimals=6,
)
ONE = 10**18


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    async with open_stack(tmp_path) as stack:
        stack.start()
        yield stack


def holds(stack: Stack, amount: int, token: Contract = TOKEN) -> None:
    stack.world.set_token(POLYGON, token.address, ACCOUNT, amount)


def described(stack: Stack) -> int:
    """Return how often the gateway was asked with metadata."""
    bodies = [request.body for request in stack.gateway.requests if "Summary" in request.method]
    return sum(isinstance(body, dict) and not body["omitMetadata"] for body in bodies)


async def balance(stack: Stack) -> str:
    stack.say("/balance")
    return (await stack.hears("As of")).text


# ---------------------------------------------------------------- items


async def test_fractions_of_an_item_are_told_as_fractions(stack: Stack) -> None:
    await stack.watches()
    stack.world.add_contract(GOLD)
    stack.world.set_token(POLYGON, GOLD.address, ACCOUNT, 3 * ONE // 2, 604)
    assert "✨ +1.5 GOLD #604 | 1.5 held" in moves((await stack.hears("GOLD")).text)

    stack.world.set_token(POLYGON, GOLD.address, ACCOUNT, ONE, 604)

    assert "🔴 −0.5 GOLD | 1.5 → 1 · 1 id · fewer: #604 (1.5 → 1)" in moves((await stack.hears("GOLD")).text)
    assert "1 GOLD · 1 id" in await balance(stack)


# ---------------------------------------------------------------- decimals that come late


async def test_decimals_that_come_late_are_asked_for_before_the_next_change_is_told(stack: Stack) -> None:
    await stack.watches()
    stack.gateway.knobs = replace(stack.gateway.knobs, metadata="no_contract_info")
    stack.world.add_contract(TOKEN)
    holds(stack, 1_000_000)
    assert "✨ +1,000,000 0x0000…4003 (raw units)" in moves((await stack.hears("→")).text)
    asked = described(stack)
    await stack.asked(10)
    assert described(stack) <= asked + 1, "it is not asked again with every sweep"

    stack.gateway.knobs = replace(stack.gateway.knobs, metadata="full")
    holds(stack, 2_000_000)

    assert "🟢 +1 HID | 1 → 2" in moves((await stack.hears("→")).text)


# ---------------------------------------------------------------- decimals that change


async def test_a_token_that_is_counted_in_other_units_is_told_by_what_it_was_and_is(stack: Stack) -> None:
    stack.world.add_contract(replace(TOKEN, decimals=18))
    holds(stack, ONE)
    await stack.watches()

    stack.world.add_contract(TOKEN)
    holds(stack, 2_000_000)

    assert "🟢 +1 HID | 1 → 2" in moves((await stack.hears("→")).text)
    holds(stack, 500_000)
    assert "🔴 −1.5 HID | 2 → 0.5" in moves((await stack.hears("→")).text)


async def test_a_token_that_is_only_counted_in_other_units_says_nothing(stack: Stack) -> None:
    stack.world.add_contract(replace(TOKEN, decimals=18))
    holds(stack, ONE)
    await stack.watches()
    before = stack.said()

    stack.world.add_contract(TOKEN)
    holds(stack, 1_000_000)
    await stack.asked(4)

    assert stack.said() == before
    assert "\n1 HID" in await balance(stack)


async def test_a_source_that_corrects_decimals_tells_no_change_of_its_own(stack: Stack) -> None:
    stack.world.add_contract(replace(TOKEN, decimals=0))
    holds(stack, 5_000_000)
    await stack.watches()
    before = stack.said()
    stack.world.add_contract(TOKEN)
    await stack.stop()
    stack.rows("UPDATE asset SET described_at = 0, describe_at = 0")
    stack.start()
    await stack.asked(4)
    assert stack.said() == before

    holds(stack, 4_000_000)

    assert "🔴 −1 HID | 5 → 4" in moves((await stack.hears("→")).text)


async def test_an_alert_is_told_as_it_was_known_where_the_source_says_nothing_now(stack: Stack) -> None:
    stack.world.add_contract(TOKEN)
    holds(stack, 1_000_000)
    await stack.watches()
    stack.gateway.knobs = replace(stack.gateway.knobs, metadata="no_contract_info")

    holds(stack, 2_000_000_000)

    assert "🟢 +1,999 HID | 1 → 2,000" in moves((await stack.hears("→")).text)


# ---------------------------------------------------------------- amounts that change by themselves


async def test_what_moves_without_a_block_makes_one_message_and_not_one_a_sweep(stack: Stack) -> None:
    stack.world.add_contract(replace(TOKEN, symbol="aUSDC"))
    holds(stack, 10**12)
    await stack.watches()
    stack.world.drift(POLYGON, TOKEN.address, ACCOUNT, 10**12 + 137)
    assert "🟢 +0.000137 aUSDC" in moves((await stack.hears("→")).text)
    before = stack.said()

    for times in range(2, 8):
        stack.world.drift(POLYGON, TOKEN.address, ACCOUNT, 10**12 + 137 * times)
        await stack.asked(3)

    assert stack.said() == before
    assert "1,000,000.000959 aUSDC" in await balance(stack)
    stack.world.drift(POLYGON, TOKEN.address, ACCOUNT, 10**12 + 10**10)
    assert "🟢 +9,999.999863 aUSDC | 1,000,000.000137 → 1,010,000" in moves((await stack.hears("→")).text)


async def test_what_leaves_a_rebasing_token_is_told_though_it_is_below_the_step(stack: Stack) -> None:
    stack.world.add_contract(replace(TOKEN, symbol="stETH", decimals=18, rebasing=True))
    holds(stack, 10_000 * ONE)
    await stack.watches()

    holds(stack, 9_903 * ONE)

    assert "🔴 −97 stETH | 10,000 → 9,903" in moves((await stack.hears("→")).text)
