"""What amounts are told by: decimals of items, decimals that come late, and those that change."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bot.sandbox.world import Contract
from tests.house import ACCOUNT, POLYGON, House, open_house

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
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path) as house:
        house.start()
        yield house


def holds(house: House, amount: int, token: Contract = TOKEN) -> None:
    house.world.set_token(POLYGON, token.address, ACCOUNT, amount)


def described(house: House) -> int:
    """Return how often the gateway was asked with metadata."""
    bodies = [request.body for request in house.gateway.requests if "Summary" in request.method]
    return sum(isinstance(body, dict) and not body["omitMetadata"] for body in bodies)


async def balance(house: House) -> str:
    house.say("/balance")
    return (await house.hears("as of")).text


# ---------------------------------------------------------------- items


async def test_fractions_of_an_item_are_told_as_fractions(house: House) -> None:
    await house.watches()
    house.world.add_contract(GOLD)
    house.world.set_token(POLYGON, GOLD.address, ACCOUNT, 3 * ONE // 2, 604)
    assert "✦ +1.5 GOLD     0 → 1.5 · 0 → 1 id" in (await house.hears("GOLD")).text

    house.world.set_token(POLYGON, GOLD.address, ACCOUNT, ONE, 604)

    assert "▼ −0.5 GOLD     1.5 → 1 · 1 id · fewer: #604 (1.5 → 1)" in (await house.hears("GOLD")).text
    assert "1 GOLD · 1 id" in await balance(house)


# ---------------------------------------------------------------- decimals that come late


async def test_decimals_that_come_late_are_asked_for_before_the_next_change_is_told(house: House) -> None:
    await house.watches()
    house.gateway.knobs = replace(house.gateway.knobs, metadata="no_contract_info")
    house.world.add_contract(TOKEN)
    holds(house, 1_000_000)
    assert "✦ +1,000,000 0x0000…4003 (raw units)" in (await house.hears("→")).text
    asked = described(house)
    await house.asked(10)
    assert described(house) <= asked + 1, "it is not asked again with every sweep"

    house.gateway.knobs = replace(house.gateway.knobs, metadata="full")
    holds(house, 2_000_000)

    assert "▲ +1 HID     1 → 2" in (await house.hears("→")).text


# ---------------------------------------------------------------- decimals that change


async def test_a_token_that_is_counted_in_other_units_is_told_by_what_it_was_and_is(house: House) -> None:
    house.world.add_contract(replace(TOKEN, decimals=18))
    holds(house, ONE)
    await house.watches()

    house.world.add_contract(TOKEN)
    holds(house, 2_000_000)

    assert "▲ +1 HID     1 → 2" in (await house.hears("→")).text
    holds(house, 500_000)
    assert "▼ −1.5 HID     2 → 0.5" in (await house.hears("→")).text


async def test_a_token_that_is_only_counted_in_other_units_says_nothing(house: House) -> None:
    house.world.add_contract(replace(TOKEN, decimals=18))
    holds(house, ONE)
    await house.watches()
    before = house.said()

    house.world.add_contract(TOKEN)
    holds(house, 1_000_000)
    await house.asked(4)

    assert house.said() == before
    assert "\n1 HID" in await balance(house)


async def test_a_source_that_corrects_decimals_tells_no_change_of_its_own(house: House) -> None:
    house.world.add_contract(replace(TOKEN, decimals=0))
    holds(house, 5_000_000)
    await house.watches()
    before = house.said()
    house.world.add_contract(TOKEN)
    await house.stop()
    with closing(sqlite3.connect(house.directory / "data" / "bot.sqlite3")) as database, database:
        database.execute("UPDATE asset SET described_at = 0, describe_at = 0")
    house.start()
    await house.asked(4)
    assert house.said() == before

    holds(house, 4_000_000)

    assert "▼ −1 HID     5 → 4" in (await house.hears("→")).text


async def test_an_alert_is_told_as_it_was_known_where_the_source_says_nothing_now(house: House) -> None:
    house.world.add_contract(TOKEN)
    holds(house, 1_000_000)
    await house.watches()
    house.gateway.knobs = replace(house.gateway.knobs, metadata="no_contract_info")

    holds(house, 2_000_000_000)

    assert "▲ +1,999 HID     1 → 2,000" in (await house.hears("→")).text


# ---------------------------------------------------------------- amounts that change by themselves


async def test_what_moves_without_a_block_makes_one_message_and_not_one_a_sweep(house: House) -> None:
    house.world.add_contract(replace(TOKEN, symbol="aUSDC"))
    holds(house, 10**12)
    await house.watches()
    house.world.drift(POLYGON, TOKEN.address, ACCOUNT, 10**12 + 137)
    assert "▲ +0.000137 aUSDC" in (await house.hears("→")).text
    before = house.said()

    for times in range(2, 8):
        house.world.drift(POLYGON, TOKEN.address, ACCOUNT, 10**12 + 137 * times)
        await house.asked(3)

    assert house.said() == before
    assert "1,000,000.000959 aUSDC" in await balance(house)
    house.world.drift(POLYGON, TOKEN.address, ACCOUNT, 10**12 + 10**10)
    assert "▲ +9,999.999863 aUSDC     1,000,000.000137 → 1,010,000" in (await house.hears("→")).text


async def test_what_leaves_a_rebasing_token_is_told_though_it_is_below_the_step(house: House) -> None:
    house.world.add_contract(replace(TOKEN, symbol="stETH", decimals=18, rebasing=True))
    holds(house, 10_000 * ONE)
    await house.watches()

    holds(house, 9_903 * ONE)

    assert "▼ −97 stETH     10,000 → 9,903" in (await house.hears("→")).text
