"""How addresses are read from what people type: as such, or in the link of an explorer's page.

The one reader of addresses for all commands. `…/token/T?a=H` is the page of what holder H has of token T.
A link of which nobody can tell whom it is about is refused, and no address is taken out of it.
"""

import re
from dataclasses import dataclass, field

from bot.chat.commands.arguments.errors import LineRefused
from bot.domain.addresses import AddressRefused, parse_address
from bot.domain.assets import Address

_ADDRESS = r"0[xX][0-9a-fA-F]{40}(?![0-9a-fA-F])"
_ADDRESSES = re.compile(_ADDRESS)
_LINK = re.compile(r"(?:[a-z][a-z0-9+.-]*://|[\w-]+(?:\.[\w-]+)*\.[a-z]{2,}(?::[0-9]+)?/)", re.IGNORECASE)
_PAGE = re.compile(
    r"(?:https?://)?(?P<host>[\w.-]+\.[a-z]+)/(?:[\w#-]+/){0,3}?"
    rf"(?:(?P<kind>address|account|contract|token|nft)/(?P<subject>{_ADDRESS})|tokenholdings/?(?=\?))"
    r"(?P<rest>(?:[/?#].*)?)$",
    re.IGNORECASE,
)
"""`https://polygonscan.com/address/0x…`, `…/token/0x…?a=0x…`, `…/tokenholdings?a=0x…`."""

_HOLDER = re.compile(rf"[?&]a=({_ADDRESS})(?:[&#]|$)")
_TRANSACTION = re.compile(r"/tx/", re.IGNORECASE)
_TOKEN_PAGES = frozenset({"token", "nft"})


_64_DIGITS = re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{64}(?![0-9a-fA-F])")
_PAGE_OF_HASH = re.compile(r"/(?:tx|block)/(?:0x)?[0-9a-f]{64}(?![0-9a-f])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NamedAddress:
    """What a word names."""

    address: Address
    """An account, or what could be one; in the link of a holder's page the holder."""
    token: Address | None = None
    """What the holder's page is about."""
    host: str = field(default="", compare=False)
    """Of the link, "" where it is none."""

    @property
    def contract(self) -> Address:
        """What the word names where a contract is expected."""
        return self.token or self.address

    @property
    def tokens(self) -> frozenset[Address]:
        """The token, if only one is meant."""
        return frozenset({self.token} if self.token else ())


def read_named(word: str) -> NamedAddress:
    """Return what an address, or a link to one, names; raises LineRefused."""
    if not _LINK.match(word):
        return NamedAddress(_parsed(word, word))
    page = _PAGE.match(word)
    if page is None and _TRANSACTION.search(word):
        raise LineRefused(word, "this is the page of a transaction, not of an address")
    if page is None:
        raise LineRefused(word, "I can't tell whose page this is; send the address itself")
    subject = _parsed(page["subject"], word) if page["subject"] else None
    # On a token's page `a=` names the holder; on an account's page it would be somebody else.
    is_about_holders = page["kind"] is None or page["kind"].casefold() in _TOKEN_PAGES
    holders = {_parsed(one, word) for one in _HOLDER.findall(page["rest"]) if is_about_holders}
    others = {_parsed(one, word) for one in _ADDRESSES.findall(page["rest"])} - holders - {subject}
    if others or len(holders) > 1:
        raise LineRefused(word, "this link names several addresses; send the one you mean")
    holder = next(iter(holders), None)
    address = holder or subject
    if address is None:
        raise LineRefused(word, "I can't tell whose page this is; send the address itself")
    return NamedAddress(address, subject if holder else None, page["host"].casefold())


def holds_possible_key(text: str) -> bool:
    """Whether 64 digits in a text may be a private key; those of a link to a transaction are none."""
    return _64_DIGITS.search(_PAGE_OF_HASH.sub("", text)) is not None


def read_address(word: str) -> Address:
    """Return the account that an address or a link names; raises LineRefused."""
    return read_named(word).address


def names_address(text: str) -> bool:
    """Whether there is an address anywhere in a text."""
    return _ADDRESSES.search(text) is not None


def is_explorer_page(word: str) -> bool:
    """Whether a word links to the page of an address or token, rightly or with a mistake in it."""
    return _PAGE.match(word) is not None


def looks_like_address(word: str) -> bool:
    """Whether a word is written like an address, or is a link: what it can't be is a label."""
    return word[:2] in {"0x", "0X"} or _LINK.match(word) is not None


def _parsed(text: str, word: str) -> Address:
    try:
        return parse_address(text)
    except AddressRefused as refused:
        # "eth:0x…": the address is good, and what stands before it may name another chain than is meant.
        stands_inside = text[:2] not in {"0x", "0X"} and names_address(text)
        more = ": leave out what stands before it" if stands_inside else ""
        raise LineRefused(word, f"{refused}{more}") from None
