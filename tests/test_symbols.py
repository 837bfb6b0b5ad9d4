"""A symbol deceives nobody: what looks like another token, or like a number of ours, shows what it is."""

import pytest

from bot.sandbox.gateway.world import Contract
from tests.chat.reading import spoken
from tests.stack import ACCOUNT, CHECKSUMMED, POLYGON, Stack, buttons_of

FIRST, SECOND = (f"0x000000000000000000000000000000000000300{number}" for number in (1, 2))
SHORT_FIRST, SHORT_SECOND = "0x0000…3001", "0x0000…3002"
STRANGER = "0x" + "7a" * 20


def pay(stack: Stack, contract: str, symbol: str, account: str = ACCOUNT) -> None:
    """Let an account get 50 of a token."""
    stack.world.add_contract(
        Contract(chain_id=POLYGON, address=contract, kind="ERC20", symbol=symbol, name="Token", decimals=6)
    )
    stack.world.set_token(POLYGON, contract, account, 50_000_000)


async def test_the_second_token_with_a_symbol_shows_its_contract_though_it_is_told_alone(
    stack: Stack,
) -> None:
    await stack.watches()
    pay(stack, FIRST, "XUSD")
    first = await stack.hears("+50 XUSD")
    pay(stack, SECOND, "XUSD")
    second = await stack.hears("+50 XUSD")

    assert SHORT_FIRST not in first.text
    assert f"+50 XUSD {SHORT_SECOND}" in second.text
    assert f"Ignore XUSD {SHORT_SECOND}" in buttons_of(second)
    stack.say("/balance")
    listed = (await stack.hears("As of")).text
    assert f"50 XUSD {SHORT_FIRST}" in listed
    assert f"50 XUSD {SHORT_SECOND}" in listed


@pytest.mark.parametrize("symbol", ["X\u200bUSD", "\u0425USD", "xu5d"])
async def test_a_live_balance_compares_with_what_the_bot_knows(stack: Stack, symbol: str) -> None:
    await stack.watches()
    pay(stack, FIRST, "XUSD")
    await stack.hears("+50 XUSD")

    pay(stack, SECOND, symbol, STRANGER)
    stack.say(f"/balance {STRANGER}")

    assert f" {SHORT_SECOND}" in (await stack.hears("asked just now")).text


async def test_a_symbol_that_reads_like_an_amount_stands_as_code(stack: Stack) -> None:
    await stack.watches()
    pay(stack, FIRST, "PLAIN")
    plain = await stack.hears("+50 PLAIN")
    pay(stack, SECOND, "USDC 0 → 5,000,000")
    spoofed = await stack.hears("+50 USDC 0 → 5,000,000")

    assert "<code>USDC 0 → 5,000,000</code>" in spoofed.html
    assert spoken(spoofed.html)[:-1] == spoken(plain.html)[:-1]
    assert f"Ignore {SHORT_SECOND}" in buttons_of(spoofed)


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        (f"/watch {CHECKSUMMED} min 5 USDC as Till", "Reported: only changes of 5 "),
        ("/only all min 5 USDC", "All that is watched here: only changes of 5 "),
        ("/loud all min 5 USDC", "changes of 5 "),
    ],
)
async def test_a_rule_asks_which_of_two_tokens_with_a_symbol_is_meant_and_keeps_the_rest(
    stack: Stack, typed: str, answer: str
) -> None:
    pay(stack, FIRST, "USDC")
    await stack.watches(f"/watch {CHECKSUMMED} on polygon")
    stack.say(typed)
    question = await stack.hears("may mean any of several tokens held here. Which one?")
    (meant,) = (one for one in buttons_of(question) if one.startswith("0x3c49…3359"))

    await stack.presses(question, meant)

    assert "0x3c49…3359" in (await stack.hears(answer)).text
