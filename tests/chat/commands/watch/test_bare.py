"""Addresses that come without a command."""

import pytest

from bot.chat.commands.arguments.addresses import NamedAddress
from bot.chat.commands.arguments.errors import BadLine
from bot.chat.commands.watch.bare import BareRequest
from bot.domain.addresses import checksummed
from tests.chat.commands.builders import parsed
from tests.chat.reading import (
    TREASURY,
    USDC,
)

REASON_CHECKSUM = "its checksum is wrong, so at least one digit or capital is mistyped"
WRONG_CHECKSUM = "0x8E3E38fe7367dd3b52D1e281E4e8400447C8d8B9"


def test_addresses_alone_are_an_offer() -> None:
    assert parsed(f"{TREASURY}\n{checksummed(USDC)}, {TREASURY}") == BareRequest(
        (NamedAddress(TREASURY), NamedAddress(USDC)), ()
    )


def test_an_address_alone_with_a_mistake_says_so() -> None:
    assert parsed(WRONG_CHECKSUM) == BareRequest((), (BadLine(1, "0x8E3E38fe…d8B9", REASON_CHECKSUM),))


@pytest.mark.parametrize("text", [f"look at {TREASURY}", f"{TREASURY}!", "0x12", "token"])
def test_addresses_among_other_words_are_no_offer(text: str) -> None:
    assert parsed(text) is None
