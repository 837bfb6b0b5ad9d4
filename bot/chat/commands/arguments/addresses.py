"""Finds the addresses in what people type: alone, among words, with a chain before them, or in links.

The one reader of addresses for all commands. Of a link the one address in it is meant, `…/token/T?a=H` is
what holder H has of token T, and a link with several others is refused: no address is dropped in silence.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

from bot.chat.commands.arguments.errors import LineRefused
from bot.domain.addresses import AddressRefused, parse_address
from bot.domain.assets import Address, ChainId
from bot.domain.chains import Chains

WORD = re.compile(r"[^\s,;]+")
"""Spaces, commas and semicolons separate."""

_ADDRESS = r"0[xX][0-9a-fA-F]{40}(?![0-9a-zA-Z])"
_LIKE_AN_ADDRESS = re.compile(
    r"(?P<short>(?<![0-9A-Za-z])0[xX][0-9a-fA-F]{2,40}(?:…|\.{2,3})[0-9a-fA-F]{2,40}(?![0-9A-Za-z]))"
    r"|(?P<whole>(?<![0-9A-Za-z])0[xX][0-9A-Za-z]*|0[xX][0-9a-fA-F]{40}[0-9A-Za-z]*)"
    r"|(?P<plain>(?<![0-9A-Za-z])[0-9a-fA-F]{40}(?![0-9A-Za-z]))"
)
"""`0x8e3E…d8B9`, what begins like an address, and one without its `0x`."""

_NEAR = range(30, 61)
"""So many digits after 0x are meant as an address, whatever is wrong with them."""

_ECHOED_MOST = 50
"""More digits than that may be most of a private key: no answer repeats any of them."""

_LINK = re.compile(
    r"(?<![a-z0-9+.-])(?:[a-z][a-z0-9+.-]{0,30}://|[\w-]{1,63}(?:\.[\w-]{1,63}){0,9}\.[a-z]{2,20}(?::[0-9]{1,5})?/)",
    re.IGNORECASE | re.ASCII,
)
_PAYMENT = re.compile(r"ethereum:", re.IGNORECASE)
"""EIP-681: `ethereum:0x…@137`."""

_DIGITS = re.compile(r"0[xX][0-9a-fA-F]{30,}(?![g-zG-Z])")
_HASH_LENGTH = 66
_HOST = re.compile(r"(?:[a-z][a-z0-9+.-]*://)?([\w.-]+)", re.IGNORECASE | re.ASCII)
_ENDING = ").,:!?\"'>]}*`’”»"
_AROUND = _ENDING + "([{<«“„"
_HOLDER = re.compile(rf"[?&]a=({_ADDRESS})(?:[&#]|$)")
_CHAIN_VALUE = re.compile(r"[?&](?:chain|chainid|chain_id|network)=([\w-]{1,32})", re.IGNORECASE)
_TRANSACTION = re.compile(r"/(?:tx|transaction)s?/(?:0x)?[0-9a-f]{40}", re.IGNORECASE)
_TOKEN_PAGE = re.compile(r"/(?:tokens?|nfts?|assets|items?|collections?)/", re.IGNORECASE)

_CHAIN_BEFORE = re.compile(r"(eip155:[0-9]{1,20}|[a-z0-9][\w-]{0,31}):(?:pay-)?$", re.IGNORECASE)
_CHAIN_AFTER = re.compile(r"@([0-9]{1,15})(?![0-9])")

_64_DIGITS = re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{64}(?![0-9a-fA-F])")
_PAGE_OF_HASH = re.compile(
    r"(?:/(?:tx|block)/(?:0x)?|multisig_0x[0-9a-f]{40}_0x)[0-9a-f]{64}(?![0-9a-f])", re.IGNORECASE
)
"""In the link of an explorer's page, or of a transaction in a Safe."""

_BASE58 = "[1-9A-HJ-NP-Za-km-z]"
_BECH32 = "1[02-9ac-hj-np-z]"
_MIXED = "(?=.*[0-9])(?=.*[a-z])(?=.*[A-Z])"
"""A word of a language is not mixed so."""
_OTHER_CHAINS = {
    name: re.compile(shape, re.ASCII)
    for name, shape in (
        ("a Bitcoin", f"bc{_BECH32}{{11,87}}|{_MIXED}[13]{_BASE58}{{25,33}}"),
        ("a Litecoin", f"ltc{_BECH32}{{11,87}}"),
        ("a Cardano", f"addr{_BECH32}{{50,110}}"),
        ("a Cosmos", f"(?:cosmos|osmo|celestia){_BECH32}{{38}}"),
        ("a Tron", f"{_MIXED}T{_BASE58}{{33}}"),
        ("a Dogecoin", f"{_MIXED}D{_BASE58}{{33}}"),
        ("an XRP", f"{_MIXED}r{_BASE58}{{24,34}}"),
        ("a TON", f"{_MIXED}[EU]Q[\\w-]{{46}}"),
        ("a Solana", f"{_MIXED}{_BASE58}{{32,44}}"),
    )
}
"""What addresses look like that are of no EVM chain; the first that fits is named."""

_SERVICE_NAME = re.compile(r"[\w.-]+\.(?:eth|lens|crypto|nft)", re.IGNORECASE)

NO_0X = "isn't an address. An address is 0x and 40 digits (0-9, a-f)."
_NAME_SERVICE = "is a name, and I can't look names up. Send the address that it stands for (0x…)."
_OTHER_CHAIN = "looks like {} address. I watch EVM chains only: send an address of 0x and 40 digits."
_SHORTENED = "is shortened. Send the whole address, 0x and 40 digits."
_SEVERAL = "names several addresses. Send the one you mean."
_A_TRANSACTION = "This is the page of a transaction, not of an address. Send the address (0x…)."
_WHOSE_PAGE = "has no address in it. Send the address itself (0x…)."


@dataclass(frozen=True, slots=True)
class NamedAddress:
    """What a word names."""

    address: Address
    """An account, or what could be one; in the link of a holder's page the holder."""
    token: Address | None = None
    """What the holder's page is about."""
    hints: tuple[str, ...] = field(default=(), compare=False)
    """What may name a chain: `eth` of `eth:0x…`, words of a link, its host."""
    is_token_page: bool = field(default=False, compare=False)
    """Whether it is the link of a token's own page."""

    @property
    def contract(self) -> Address:
        """What the word names where a contract is expected."""
        return self.token or self.address

    @property
    def tokens(self) -> frozenset[Address]:
        """The token, if only one is meant."""
        return frozenset({self.token} if self.token else ())

    def chain(self, chains: Chains) -> ChainId | None:
        """Return the chain that is named beside the address; None: none is."""
        found = (chains.find(hint) or chains.at_host(hint) for hint in self.hints)
        return next((chain_id for chain_id in found if chain_id is not None), None)


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a text, and what it is as an address."""

    text: str
    start: int
    end: int
    named: NamedAddress | None = None
    before: str = ""
    """What stands before the address with a colon: a chain (`eth:0x…`), or else a name (`Treasury:0x…`)."""
    refused: LineRefused | None = None
    """Why what is written like an address, or is a link, is not taken."""
    is_near: bool = False
    """Whether a refused word is meant as an address for certain, in a sentence too."""


def read_words(text: str) -> tuple[Word, ...]:
    """Return the words of a text in order, without those that are only punctuation."""
    return tuple(word for chunk in WORD.finditer(text) for word in _words_of(chunk.group(), chunk.start()))


def read_named(text: str) -> NamedAddress:
    """Return what an address, or a link to one, names; raises LineRefused."""
    words = read_words(text)
    refused = next((word.refused for word in words if word.refused), None)
    if refused is not None:
        raise refused
    if len(words) == 1 and words[0].named is not None:
        return words[0].named
    raise no_address(text)


def no_address(text: str) -> LineRefused:
    """Return why a text that has no address in it is not taken for one."""
    return LineRefused(text, _NAME_SERVICE if is_service_name(text) else NO_0X)


def is_service_name(text: str) -> bool:
    """Whether a text is a name that stands for an address elsewhere: `treasury.eth`."""
    return _SERVICE_NAME.fullmatch(text) is not None


def holds_possible_key(text: str) -> bool:
    """Whether 64 digits in a text may be a private key; those of a link to a transaction are none."""
    return _64_DIGITS.search(_PAGE_OF_HASH.sub("", text)) is not None


def names_address(text: str) -> bool:
    """Whether there is an address anywhere in a text."""
    return any(word.named is not None for word in read_words(text))


# ---------------------------------------------------------------- one chunk


def _words_of(chunk: str, start: int) -> Iterator[Word]:
    link = _LINK.search(chunk) or _PAYMENT.match(chunk)
    if link is not None:
        yield from _unlinked(chunk[: link.start()], start)
        yield _link(chunk[link.start() :].rstrip(_ENDING), start + link.start())
    else:
        yield from _unlinked(chunk, start)


def _unlinked(chunk: str, start: int) -> Iterator[Word]:
    done = 0
    for match in _LIKE_AN_ADDRESS.finditer(chunk):
        between = chunk[done : match.start()]
        before = _CHAIN_BEFORE.search(between)
        yield from _plain(between[: before.start()] if before else between, start + done)
        after = _CHAIN_AFTER.match(chunk, match.end())
        done = after.end() if after else match.end()
        hints = tuple(part[1] for part in (after, before) if part)
        yield _address(match, start, start + done, hints, before[1] if before else "")
    yield from _plain(chunk[done:], start + done)


def _plain(text: str, start: int) -> Iterator[Word]:
    """Yield the word in a text; none where it is only punctuation."""
    kinds = map(unicodedata.category, text)
    if any(kind[0] not in "PZ" and kind not in {"Sm", "Sk"} for kind in kinds):
        refused = _of_other_chain(text)
        yield Word(text, start, start + len(text), refused=refused, is_near=refused is not None)


def _of_other_chain(text: str) -> LineRefused | None:
    """Return why the address of a chain that is not EVM is not taken; None: it is none."""
    typed = text.strip(_AROUND).rpartition(":")[2]
    name = next((name for name, shape in _OTHER_CHAINS.items() if shape.fullmatch(typed)), "")
    return LineRefused(typed, _OTHER_CHAIN.format(name)) if name else None


def _address(match: re.Match[str], start: int, end: int, hints: tuple[str, ...], before: str) -> Word:
    typed, begins = match.group(), start + match.start()
    if match["short"]:
        return Word(typed, begins, end, refused=LineRefused(typed, _SHORTENED), is_near=True)
    try:
        address = _parsed(typed if match["whole"] else "0x" + typed)
    except LineRefused as refused:
        return Word(typed, begins, end, refused=refused, is_near=len(typed) - 2 in _NEAR)
    return Word(typed, begins, end, NamedAddress(address, hints=hints), before)


def _link(link: str, start: int) -> Word:
    end = start + len(link)
    try:
        return Word(link, start, end, _linked(link))
    except LineRefused as refused:
        # A link that has nothing to do with addresses is no mistake in a sentence.
        is_near = _TRANSACTION.search(link) is not None or "0x" in link.casefold()
        return Word(link, start, end, refused=refused, is_near=is_near)


def _linked(link: str) -> NamedAddress:
    """Return what a link names; raises LineRefused."""
    url = unquote(link)
    # A hash beside an address belongs to one of its transactions.
    found = [one for one in _DIGITS.finditer(url) if len(one.group()) != _HASH_LENGTH]
    if _TRANSACTION.search(url):
        raise LineRefused("", _A_TRANSACTION)
    if not found:
        raise LineRefused(link, _WHOSE_PAGE)
    addresses = {one.start(): _parsed(one.group()) for one in found}
    first = min(addresses)
    subject, distinct = addresses[first], dict.fromkeys(addresses.values())
    hints = _hints(url, first, first + len(found[0].group()))
    is_token_page = _TOKEN_PAGE.search(url[:first]) is not None
    if len(distinct) == 1:
        return NamedAddress(subject, hints=hints, is_token_page=is_token_page)
    # On a token's page `a=` names the holder; on an account's page it would be somebody else.
    holders = {_parsed(one) for one in _HOLDER.findall(url)} if is_token_page else set()
    if len(holders) != 1 or distinct.keys() != {subject, *holders}:
        raise LineRefused(link, _SEVERAL)
    return NamedAddress(holders.pop(), subject, hints)


def _hints(url: str, start: int, end: int) -> tuple[str, ...]:
    """Return what may name a chain in a link, the likeliest first."""
    before, after, value = (
        _CHAIN_BEFORE.search(url[:start]),
        _CHAIN_AFTER.match(url, end),
        _CHAIN_VALUE.search(url),
    )
    host = _HOST.match(url)
    # Numbers between slashes are mostly pages or ids, and `xdai/mainnet` is not Ethereum.
    steps = url[:start].rsplit("://", maxsplit=1)[-1].split("/")[1:-1]
    words = [step for step in reversed(steps) if not step.isdigit() and step.casefold() != "mainnet"]
    named = [part[1] for part in (after, before, value) if part]
    return (*named, *words, *([host[1]] if host else []))


def _parsed(text: str) -> Address:
    try:
        return parse_address(text)
    except AddressRefused as refused:
        reason = f"isn't an address: {refused}. Copy it again."
        if len(text) > _ECHOED_MOST:
            raise LineRefused("", f"One word {reason}") from None
        raise LineRefused(text, reason) from None
