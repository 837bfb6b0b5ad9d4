"""Addresses as people type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.addresses import AddressRefused, checksummed, parse_address, shortened
from bot.domain.assets import Address
from tests.builders import TREASURY

CHECKSUMMED = "0x8e3E38fe7367dd3b52D1e281E4e8400447C8d8B9"

addresses = st.binary(min_size=20, max_size=20).map(lambda some: Address("0x" + some.hex()))


@pytest.mark.parametrize(
    "typed",
    [
        CHECKSUMMED,
        CHECKSUMMED.lower(),
        "0x" + CHECKSUMMED[2:].upper(),
        "0X" + CHECKSUMMED[2:].upper(),
        "0X" + CHECKSUMMED[2:],
    ],
)
def test_any_casing_is_taken(typed: str) -> None:
    assert parse_address(typed) == TREASURY


def test_digits_without_letters_have_no_casing_to_be_wrong() -> None:
    assert parse_address("0x" + "1" * 40) == "0x" + "1" * 40


def test_a_wrong_checksum_is_a_mistyped_digit() -> None:
    with pytest.raises(AddressRefused, match="checksum is wrong"):
        parse_address(CHECKSUMMED.replace("8e3E", "8E3e"))
    with pytest.raises(AddressRefused, match="checksum is wrong"):
        parse_address(CHECKSUMMED.replace("8B9", "8B8"))


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", "starts with 0x"),
        ("8e3e38fe7367dd3b52d1e281e4e8400447c8d8b9", "starts with 0x"),
        ("vitalik.eth", "starts with 0x"),
        ("0x", "this has 0"),
        (TREASURY[:-1], "this has 39"),
        (TREASURY + "0", "this has 41"),
        ("0x8e3E…d8B9", "“…” is no hex digit"),
        ("0x" + "g" * 40, "“g” is no hex digit"),
        (TREASURY + " ", "“ ” is no hex digit"),
        ("0x" + "٣" * 40, "“٣” is no hex digit"),
    ],
)
def test_what_is_no_address_is_refused_in_words(typed: str, why: str) -> None:
    with pytest.raises(AddressRefused, match=why):
        parse_address(typed)


@given(addresses)
def test_every_address_is_read_back_from_how_it_is_shown(address: Address) -> None:
    assert parse_address(checksummed(address)) == address
    assert parse_address(address) == address


@given(st.text())
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        address = parse_address(text)
    except AddressRefused:
        return
    assert address == text.lower()


def test_an_address_is_shown_short_by_its_ends() -> None:
    assert shortened(TREASURY) == "0x8e3E…d8B9"
