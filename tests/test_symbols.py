"""A symbol deceives nobody: what looks like another token, or like a number of ours, shows what it is."""

import pytest

from bot.sandbox.world import Contract
from tests.chat.reading import spoken
from tests.house import ACCOUNT, POLYGON, House, buttons_of

FIRST, SECOND = (f"0x000000000000000000000000000000000000300{number}" for number in (1, 2))
SHORT_FIRST, SHORT_SECOND = "0x0000…3001", "0x0000…3002"
STRANGER = "0x" + "7a" * 20


def pay(house: House, contract: str, symbol: str, account: str = ACCOUNT) -> None:
    """Let an account get 50 of a token."""
    house.world.add_contract(
        Contract(chain_id=POLYGON, address=contract, kind="ERC20", symbol=symbol, name="Token", decimals=6)
    )
    house.world.set_token(POLYGON, contract, account, 50_000_000)


async def test_the_second_token_with_a_symbol_shows_its_contract_though_it_is_told_alone(
    house: House,
) -> None:
    await house.watches()
    pay(house, FIRST, "XUSD")
    first = await house.hears("+50 XUSD")
    pay(house, SECOND, "XUSD")
    second = await house.hears("+50 XUSD")

    assert SHORT_FIRST not in first.text
    assert f"+50 XUSD {SHORT_SECOND}" in second.text
    assert f"Ignore XUSD {SHORT_SECOND}" in buttons_of(second)
    house.say("/balance")
    listed = (await house.hears("as of")).text
    assert f"50 XUSD {SHORT_FIRST}" in listed
    assert f"50 XUSD {SHORT_SECOND}" in listed


@pytest.mark.parametrize("symbol", ["X\u200bUSD", "\u0425USD", "xu5d"])
async def test_a_live_balance_compares_with_what_the_bot_knows(house: House, symbol: str) -> None:
    await house.watches()
    pay(house, FIRST, "XUSD")
    await house.hears("+50 XUSD")

    pay(house, SECOND, symbol, STRANGER)
    house.say(f"/balance {STRANGER}")

    assert f" {SHORT_SECOND}" in (await house.hears("asked just now")).text


async def test_a_symbol_that_reads_like_an_amount_stands_as_code(house: House) -> None:
    await house.watches()
    pay(house, FIRST, "PLAIN")
    plain = await house.hears("+50 PLAIN")
    pay(house, SECOND, "USDC 0 → 5,000,000")
    spoofed = await house.hears("+50 USDC 0 → 5,000,000")

    assert "<code>USDC 0 → 5,000,000</code>" in spoofed.html
    assert spoken(spoofed.html)[:-1] == spoken(plain.html)[:-1]
    assert f"Ignore {SHORT_SECOND}" in buttons_of(spoofed)
