"""How one line of /watch is read: `ADDRESS… [contract ADDRESS…] [on CHAIN,…] [as LABEL]`.

A line is taken as a whole or refused as a whole, so that nobody has to guess which half counted.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from bot.chat.commands.arguments.addresses import NamedAddress, looks_like_address, names_address, read_named
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.errors import BadLine, LineRefused
from bot.chat.text.html import EMPTY, Html, fill
from bot.chat.text.wording import chain_names, token_names
from bot.domain.addresses import checksummed
from bot.domain.assets import Address, ChainId
from bot.domain.chains import Chains
from bot.domain.chat.labels import CHARACTERS_MOST
from bot.domain.subscriptions import EVERYTHING, Scope

WORD = re.compile(r"[^\s,;]+")
"""Spaces and commas both separate."""


@dataclass(frozen=True, slots=True)
class Clauses:
    """What a line says."""

    named: tuple[NamedAddress, ...]
    """At least one, each once."""
    scope: Scope = EVERYTHING
    label: str = ""


def read_clauses(line: str, chains: ChainReader) -> Clauses:
    """Return what a line says; `contract` and `on` come in any order, the label runs to the end.

    Raises LineRefused.
    """
    # By clause, "" before the first; a word that returns (`on polygon on base`) adds to its clause.
    texts: dict[str, str] = {"": ""}
    clause, begins, ends, label = "", 0, len(line), ""
    for match in WORD.finditer(line):
        literal = match.group().casefold()
        if literal not in {"contract", "on", "as"}:
            continue
        texts[clause] += line[begins : match.start()] + ","
        begins = match.end()
        # A label may hold any word, `on` too: nothing after `as` is a clause.
        if literal == "as":
            label, begins = _label(line[begins:].strip()), ends
            break
        clause = literal
        texts.setdefault(clause, "")
    texts[clause] += line[begins:]
    named = _named(WORD.findall(texts[""]))
    scope = Scope(
        contracts=_contracts(texts.get("contract"), named), chains=_chain_ids(texts.get("on"), chains)
    )
    return Clauses(named, scope, label)


def write_scope(scope: Scope, chains: Chains) -> str:
    """Return the clauses that `read_clauses` reads as this scope, with a blank before each."""
    contracts = " ".join(map(checksummed, sorted(scope.contracts)))
    on = ", ".join(chains.get(chain_id).name for chain_id in sorted(scope.chains))
    return (f" contract {contracts}" if contracts else "") + (f" on {on}" if on else "")


def show_scope(scope: Scope, chains: Chains) -> Html:
    """Return what a scope leaves of an account, to be read behind its name; nothing for everything."""
    only = fill(", only {}", token_names(scope.contracts)) if scope.contracts else EMPTY
    on = sorted(scope.chains)
    return only + f" on {chain_names(on, chains, last=' and ')}" if on else only


def _label(label: str) -> str:
    if not label:
        raise LineRefused("as", "a label has to follow")
    if names_address(label):
        raise LineRefused(label, "there is an address in this label; each account needs a line of its own")
    if len(label) > CHARACTERS_MOST:
        raise LineRefused(label, f"a label has at most {CHARACTERS_MOST} characters, this has {len(label)}")
    return label


def _named(words: list[str]) -> tuple[NamedAddress, ...]:
    if not words:
        raise LineRefused("", "there is no address in it")
    for word in words[1:]:
        if not looks_like_address(word):
            raise LineRefused(word, "an address starts with 0x, and a label comes after the word “as”")
    return tuple(dict.fromkeys(map(read_named, words)))


def _contracts(text: str | None, named: tuple[NamedAddress, ...]) -> frozenset[Address]:
    """Return the contracts; the link of a page about another holder is refused, since it names two."""
    words = WORD.findall(text or "")
    if text is not None and not words:
        raise LineRefused("contract", "an address has to follow")
    accounts = {one.address for one in named}
    contracts: set[Address] = set()
    for word in words:
        one = read_named(word)
        if one.token is not None and one.address not in accounts:
            raise LineRefused(word, "this link names a holder too; send the contract's address itself")
        contracts.add(one.contract)
    return frozenset(contracts)


def _chain_ids(text: str | None, chains: ChainReader) -> frozenset[ChainId]:
    if text is not None and not WORD.search(text):
        raise LineRefused("on", "a chain has to follow")
    return chains.several(text or "")


# ---------------------------------------------------------------- lines


@dataclass(frozen=True, slots=True)
class WatchEntry:
    """One account to watch."""

    line_number: int
    account: Address
    scope: Scope = EVERYTHING
    label: str = ""


def numbered_lines(text: str) -> list[tuple[int, str]]:
    """Return the lines that say anything, each with its number, from 1."""
    return [(number, line) for number, line in enumerate(text.split("\n"), 1) if WORD.search(line)]


def is_token_line(line: str) -> bool:
    """Whether a line begins with the word “token”."""
    first = WORD.search(line)
    return first is not None and first.group().casefold() == "token"


def contracts_of(clauses: Clauses) -> tuple[Address, ...]:
    """Return what a line names where contracts are expected: of a holder's page the token."""
    return tuple(dict.fromkeys(one.contract for one in clauses.named))


def read_entries(
    lines: Iterable[tuple[int, str]], chains: ChainReader
) -> tuple[tuple[WatchEntry, ...], tuple[BadLine, ...]]:
    """Return what numbered lines ask for, repeats left out, and the lines that are refused."""
    entries: list[WatchEntry] = []
    bad: list[BadLine] = []
    for number, line in lines:
        try:
            entries += _entries(number, line, chains)
        except LineRefused as refused:
            bad.append(BadLine(number, refused.typed, refused.reason, _corrected(line, refused)))
    return _without_repeats(entries), tuple(bad)


def _entries(number: int, line: str, chains: ChainReader) -> list[WatchEntry]:
    if is_token_line(line):
        raise LineRefused("token", "tokens go into a message of their own, which starts with /watch token")
    clauses = read_clauses(line, chains)
    accounts = {one.address for one in clauses.named}
    if clauses.label and len(accounts) > 1:
        raise LineRefused(clauses.label, f"a label names one address, and this line has {len(accounts)}")
    return [
        WatchEntry(
            number,
            one.address,
            replace(clauses.scope, contracts=clauses.scope.contracts | one.tokens),
            clauses.label,
        )
        for one in clauses.named
    ]


def _corrected(line: str, refused: LineRefused) -> str:
    """Return the line with the word that was probably meant."""
    # A word that stands twice: nobody can tell which of them was mistyped.
    if not refused.meant or line.count(refused.word) != 1:
        return ""
    return line.replace(refused.word, refused.meant).strip()


def _without_repeats(entries: list[WatchEntry]) -> tuple[WatchEntry, ...]:
    """Return each entry once, with the line where it stood first."""
    first: dict[WatchEntry, WatchEntry] = {}
    for entry in entries:
        first.setdefault(replace(entry, line_number=0), entry)
    return tuple(first.values())
