"""/why end to end: where nothing can be said of an account, that is said."""

import pytest

from tests.stack import Stack

TOKEN = "/watch token 0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359 on polygon as Coin"


@pytest.mark.parametrize("command", ["/why all", "/why #1", "/why Coin", "/why on polygon"])
async def test_where_tokens_alone_are_watched_an_account_is_asked_for(stack: Stack, command: str) -> None:
    stack.say(TOKEN)
    await stack.hears("Watching Coin")

    stack.say(command)

    await stack.hears("No account is watched here. Name one.")
