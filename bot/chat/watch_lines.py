"""How one line of /watch is read: `ADDRESS… [contract ADDRESS…] [on CHAIN,…] [as LABEL]`.

A line is taken as a whole or refused as a whole, so that nobody has to guess which half counted.
"""

import difflib
import re
from dataclasses import dataclass

from bot.domain.addresses import AddressRefused, parse_address
from bot.domain.chains import Chains
from bot.domain.model import Address, ChainId

WORD = re.compile(r"[^\s,;]+")
"""Spaces and commas both separate."""

LABEL_CHARACTERS_MOST = 64

_TYPED_MOST = 24
_CHAIN_WORDS_MOST = 6  # of a title such as "SKALE Nebula Gaming Hub Testnet"
_CHAIN_DIGITS_MOST = 15  # EIP-2294 keeps chain ids below 2^52

_EXPLORER_PAGE = re.compile(
    r"(?:https?://)?[\w.-]+\.[a-z]+/(?:[\w#-]+/){0,3}?(?:address|token|account|contract|nft)/"
    r"(?P<address>0[xX][0-9a-fA-F]{40})(?:[/?#].*)?$",
    re.IGNORECASE,
)
"""`https://polygonscan.com/address/0x…`; the host doesn't matter, since only the address is taken."""


class LineRefused(ValueError):
    """The line is not taken; `typed` is the word that is wrong, shortened, "" where it is the line."""

    def __init__(self, typed: str, reason: str, *, meant: str = "") -> None:
        super().__init__(reason)
        self.word = typed
        self.typed = typed if len(typed) <= _TYPED_MOST else f"{typed[:10]}…{typed[-4:]}"
        self.reason = reason
        self.meant = meant
        """What was probably meant instead of the word, "" if nobody can tell."""


@dataclass(frozen=True, slots=True)
class Clauses:
    """What a line says."""

    addresses: tuple[Address, ...]
    """At least one, each once."""
    contracts: frozenset[Address] = frozenset()
    chains: frozenset[ChainId] = frozenset()
    label: str = ""


def read_clauses(line: str, chains: Chains) -> Clauses:
    """Return what a line says; `contract` and `on` come in any order, the label runs to the end.

    Raises LineRefused.
    """
    words: dict[str, list[str]] = {"": []}
    clause, label = "", ""
    for match in WORD.finditer(line):
        word = match.group()
        literal = word.casefold()
        if literal == "as":
            label = _label(line[match.end() :].strip())
            break
        if literal in {"contract", "on"}:
            clause = literal
            words.setdefault(clause, [])
        else:
            words[clause].append(word)
    return Clauses(
        _accounts(words[""]), _contracts(words.get("contract")), _chain_ids(words.get("on"), chains), label
    )


def in_link(word: str) -> str:
    """Return the address that a page of a block explorer shows, or the word itself if it is no such link."""
    read = _EXPLORER_PAGE.match(word)
    return read["address"] if read else word


def read_address(word: str) -> Address:
    """Return the address, which may stand in the link of an explorer's page; raises LineRefused."""
    try:
        return parse_address(in_link(word))
    except AddressRefused as refused:
        raise LineRefused(word, str(refused)) from None


def read_chain(text: str, chains: Chains) -> ChainId:
    """Return the chain that a text names, all of it; raises LineRefused with the reason."""
    chain_id = _chain_id(text, chains)
    if chain_id is None:
        raise _no_chain(text, chains)
    return chain_id


def _label(label: str) -> str:
    if not label:
        raise LineRefused("as", "a label has to follow")
    if len(label) > LABEL_CHARACTERS_MOST:
        raise LineRefused(
            label, f"a label has at most {LABEL_CHARACTERS_MOST} characters, this has {len(label)}"
        )
    return label


def _accounts(words: list[str]) -> tuple[Address, ...]:
    if not words:
        raise LineRefused("", "there is no address in it")
    for word in words[1:]:
        if in_link(word)[:2] not in {"0x", "0X"}:
            raise LineRefused(word, "an address starts with 0x, and a label comes after the word “as”")
    return tuple(dict.fromkeys(map(read_address, words)))


def _contracts(words: list[str] | None) -> frozenset[Address]:
    if words == []:
        raise LineRefused("contract", "an address has to follow")
    return frozenset(map(read_address, words or ()))


def _chain_ids(words: list[str] | None, chains: Chains) -> frozenset[ChainId]:
    if words == []:
        raise LineRefused("on", "a chain has to follow")
    found: set[ChainId] = set()
    left = words or []
    while left:
        chain_id, length = _first_chain(left, chains)
        found.add(chain_id)
        left = left[length:]
    return frozenset(found)


def _first_chain(words: list[str], chains: Chains) -> tuple[ChainId, int]:
    """Return the chain the words begin with, and how many of them name it: the most that do."""
    for length in range(min(len(words), _CHAIN_WORDS_MOST), 0, -1):
        chain_id = _chain_id(" ".join(words[:length]), chains)
        if chain_id is not None:
            return chain_id, length
    raise _no_chain(words[0], chains)


def _chain_id(name: str, chains: Chains) -> ChainId | None:
    is_number = name.isascii() and name.isdigit()
    if is_number and (len(name) > _CHAIN_DIGITS_MOST or not int(name)):
        return None
    return chains.find(name)


def _no_chain(typed: str, chains: Chains) -> LineRefused:
    word = typed.casefold()
    if word.startswith("0x"):
        return LineRefused(typed, "addresses stand before the word “on”, chains after it")
    closest = _closest_chain(word, chains)
    if closest is None:
        return LineRefused(typed, "no chain is called that")
    return LineRefused(typed, f"no chain is called that; did you mean {closest}?", meant=closest)


def _closest_chain(word: str, chains: Chains) -> str | None:
    known = [chains.get(chain_id) for chain_id in chains.mainnets()]
    names = {name.casefold(): name for chain in known for name in (chain.title, chain.name)}
    starting = [name for name in names if name.startswith(word)]
    close = starting or difflib.get_close_matches(word[:LABEL_CHARACTERS_MOST], names, n=1)
    return names[close[0]] if close else None
