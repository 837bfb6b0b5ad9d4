"""Addresses: read from what people type, kept in lower case, shown with their checksum."""

from functools import lru_cache

from eth_utils.address import is_checksum_formatted_address, to_checksum_address

from bot.domain.assets import Address

_DIGITS = frozenset("0123456789abcdefABCDEF")
_LENGTH = 42


class AddressRefused(ValueError):
    """The text is not an address; the message tells the person who typed it why."""


def parse_address(text: str) -> Address:
    """Return the address that a text spells, in lower case; raises AddressRefused.

    Any casing is taken; mixed casing is a checksum (EIP-55) and has to be right,
    since a wrong one means a mistyped digit.
    """
    if text[:2] not in ("0x", "0X"):
        raise AddressRefused("an address starts with 0x")
    digits = text[2:]
    for digit in digits:
        if digit not in _DIGITS:
            raise AddressRefused(f"“{digit}” is no hex digit (0-9, a-f)")
    if len(text) != _LENGTH:
        raise AddressRefused(f"an address has 40 digits after 0x, this has {len(digits)}")
    address = Address("0x" + digits.lower())
    # All lower or all upper case carries no checksum, so there is nothing to be wrong.
    if is_checksum_formatted_address("0x" + digits) and to_checksum_address(address) != "0x" + digits:
        raise AddressRefused("its checksum is wrong, so at least one digit or capital is mistyped")
    return address


@lru_cache(maxsize=1_024)  # a checksum is a hash, and what is written names few addresses many times
def checksummed(address: Address) -> str:
    """Return the address in the mixed casing of EIP-55, for people to copy."""
    return to_checksum_address(address)


def shortened_more(address: Address) -> str:
    """Return six digits of each end: those of attackers often agree in four."""
    digits = checksummed(address)
    return f"{digits[:8]}…{digits[-6:]}"


def shortened(address: Address) -> str:
    """Return the first and last four digits, checksummed: `0x8e3E…d8B9`."""
    whole = checksummed(address)
    return f"{whole[:6]}…{whole[-4:]}"
