"""/why end to end: where nothing can be said of an account, that is said."""

import pytest

from tests.stack import CHECKSUMMED, Stack

TOKEN = "/watch token 0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359 on polygon as Coin"


@pytest.mark.parametrize("command", ["/why all", "/why #1", "/why Coin", "/why on polygon"])
async def test_where_tokens_alone_are_watched_an_account_is_asked_for(stack: Stack, command: str) -> None:
    stack.say(TOKEN)
    await stack.hears("Watching Coin")

    stack.say(command)

    await stack.hears("No account is watched here. Name one.")


@pytest.mark.parametrize(
    ("typed", "said", "unsaid"),
    [
        ("on base", "Base: not watched here.", "Polygon"),
        ("USDC on base", "on Base: not watched here.", "Polygon"),
        ("on base, polygon", "Base: not watched here.", "Ethereum"),
        ("on polygon", "Polygon: read ", "Base"),
    ],
)
async def test_of_a_chain_that_is_named_it_says_whether_it_is_watched(
    stack: Stack, typed: str, said: str, unsaid: str
) -> None:
    await stack.watches(f"/watch {CHECKSUMMED} on polygon as Treasury")

    stack.say(f"/why Treasury {typed}")

    answer = await stack.hears(said)
    assert unsaid not in answer.text


async def test_a_word_that_reads_as_a_message_is_first_who_has_that_name(stack: Stack) -> None:
    await stack.watches()
    stack.say("/why Payroll")
    assert "I know no message Payroll here" in (await stack.hears("Payroll")).text
    stack.say("/name 0x00000000000000000000000000000000000000b1 Payroll")
    await stack.hears("is now the name of")

    stack.say("/why Payroll")

    assert (await stack.hears("Payroll")).text.startswith("Payroll isn't watched: ask about the account")
