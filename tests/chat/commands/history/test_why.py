"""What a reply has to name for `/why`: the message, the account of a token, or nothing."""

import pytest

from bot.chat.commands.command import Missing
from bot.chat.commands.history.why import WhyRequest
from tests.builders import TREASURY


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("", Missing.MESSAGE),
        ("USDC", Missing.ACCOUNT),
        ("7KQ2F", None),
        ("#1 USDC", None),
        (f"{TREASURY} USDC", None),
    ],
)
def test_a_message_that_is_replied_to_names_what_is_not_typed(text: str, missing: Missing | None) -> None:
    assert WhyRequest(text).missing is missing
