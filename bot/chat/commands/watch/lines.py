"""How many lines are read at once: as lines of /watch, or as rows of a spreadsheet.

A row has one cell with an address; the others are its name and its chains, in any order, or as the header
above says. What a row doesn't say for certain is refused with what it may mean. Telegram turns the tabs of a
spreadsheet into blanks (docs/telegram.md, "Texts"), so that only a header tells where such a row's cells end.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.chat.commands.arguments.addresses import WORD, Word, names_address, no_address, read_words
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.errors import BadLine, LineRefused
from bot.chat.commands.watch.grammar import (
    LITERALS,
    NO_ADDRESS,
    Clauses,
    WatchEntry,
    bad_line,
    contracts_of,
    entries_of,
    is_token_line,
    numbered_lines,
    other_words,
    read_clauses,
    read_label,
    read_subject,
    without_repeats,
)
from bot.domain.assets import Address, ChainId
from bot.domain.chains import Chains
from bot.domain.chat.labels import CHARACTERS_MOST
from bot.domain.subscriptions import Scope

_DELIMITERS = "\t;,"
_ALL_CHAINS = frozenset({"all", "any", "every", "everywhere", "*", "-"})
"""What stands in a column of chains for all of them."""
_NAMING = frozenset({"address", "contract"})
"""Words in the title of the column that is meant where several titles mean the same."""

_COLUMNS = {
    "address": ("address", "addresses", "wallet", "wallets", "wallet address", "account", "account address"),
    "name": ("name", "names", "label", "labels", "title", "account name", "wallet name"),
    "chain": ("chain", "chains", "chain id", "chainid", "network", "networks", "blockchain"),
    "token": ("token", "tokens", "contract", "contracts", "token address", "contract address"),
}
_ROLE = {word: role for role, words in _COLUMNS.items() for word in words}

_CHAIN_WORDS_MOST = 4
_NAME_WORDS_MOST = 4
_UNQUOTED = "A quotation mark in it doesn't end, or stands within a cell. Put each row on one line."
_TALK = frozenset(
    re.findall(
        r"\w+",
        "a add an and at check do does for have hi i is it look me my of our please see thank thanks that the"
        " this to track us was watch we what who whose you your",
    )
)
"""Words of a sentence: a name that is offered has none of them."""
_AMOUNT_OR_NUMBER = re.compile(r"[-+\s\d.,%$€£#]+")
"""What a cell has that is no name: the number of a row, an amount, a chain's id."""


@dataclass(frozen=True, slots=True)
class Header:
    """The first row of a spreadsheet."""

    delimiter: str
    roles: tuple[str, ...]
    """Of each column: `address`, `name`, `chain`, `token`, or "" for one that isn't used."""
    unused: tuple[str, ...]
    """The titles of columns that aren't used."""


_IN_ORDER = Header("", ("address", "name", "chain", "token"), ())
"""What columns without titles are, where a second one has addresses."""


@dataclass(frozen=True, slots=True)
class ReadLines:
    """What lines ask for."""

    entries: tuple[WatchEntry, ...]
    bad: tuple[BadLine, ...]
    unused: tuple[str, ...] = ()
    """The titles of columns that aren't used."""
    count: int = field(default=1, compare=False)
    """Number of lines that say something, a header left out."""


def read_lines(text: str, chains: ChainReader) -> ReadLines:
    """Return what the lines of a text ask for, repeats left out, and those that are refused."""
    entries: list[WatchEntry] = []
    bad: list[BadLine] = []
    header, count = None, 0
    lines = numbered_lines(text)
    for number, line in lines:
        found = read_header(line) if not count else None
        if found is not None:
            header = found
            continue
        count += 1
        try:
            entries += entries_of(number, read_line(line, header, chains), chains)
        except LineRefused as refused:
            # In a list, words beside the address of a row leave no doubt that they are its name.
            named = read_named(number, line, refused, chains) if len(lines) > 1 else ()
            entries += named
            if not named:
                bad.append(bad_line(number, line, refused))
    return ReadLines(without_repeats(entries), tuple(bad), header.unused if header else (), count)


def read_named(number: int, line: str, refused: LineRefused, chains: ChainReader) -> tuple[WatchEntry, ...]:
    """Return what a refused line asks for if the words beside its address are its name; () if not."""
    if not refused.correction or not name_beside(_before_clauses(line), chains.chains):
        return ()
    try:
        return tuple(entries_of(number, read_clauses(refused.correction, chains), chains))
    except LineRefused:
        # What would be its name can't be one: `#3`.
        return ()


def _before_clauses(line: str) -> tuple[Word, ...]:
    """Return the words of a line up to the first clause, such as `on CHAIN`."""
    clauses = (one.start() for one in WORD.finditer(line) if one.group().casefold() in LITERALS)
    return read_words(line[: next(clauses, len(line))])


def name_beside(typed: Sequence[Word], chains: Chains) -> str:
    """Return the words on one side of an address if they may be its name; "" if they are a sentence."""
    shape = "".join("a" if word.named else "w" for word in typed)
    others = other_words(typed, chains).split()
    is_beside = shape.startswith("a") or shape.endswith("a")
    is_name = is_beside and len(others) <= _NAME_WORDS_MOST and _TALK.isdisjoint(map(str.casefold, others))
    name = " ".join(others)
    return name if is_name and len(name) <= CHARACTERS_MOST else ""


def read_line(line: str, header: Header | None, chains: ChainReader) -> Clauses:
    """Return what a line or a row says; raises LineRefused."""
    if is_token_line(line) and header is None:
        raise LineRefused("token", "belongs in a message of its own, which starts with /watch token.")
    if header is not None:
        cells = (
            _between_blanks(line, header, chains)
            if header.delimiter == " "
            else _cells(line, header.delimiter, is_strict=True)
        )
        return _titled(cells, header, chains) if len(cells) > 1 else read_clauses(line, chains)
    row = _row(line)
    if row:
        return _untitled(row, chains)
    row = _row_in_order(line)
    return _titled(row, _IN_ORDER, chains) if row else read_clauses(line, chains)


def read_header(line: str) -> Header | None:
    """Return the columns that a line names; None: it is no header."""
    delimiter = next((one for one in _DELIMITERS if one in line), " ")
    cells = line.split() if delimiter == " " else _cells(line, delimiter)
    titles = [cell.casefold().replace("_", " ") for cell in cells]
    roles = [_ROLE.get(title, "") for title in titles]
    # A title that returns is of another column: only one of each role is used.
    used = {role: _column(role, roles, titles) for role in set(roles)}
    once = tuple(role if used[role] == place else "" for place, role in enumerate(roles))
    if "address" in once and "name" not in once:
        # “Wallet, Address”: what is not the address is what it is called.
        called = next((place for place, role in enumerate(roles) if role == "address" != once[place]), None)
        once = tuple("name" if place == called else role for place, role in enumerate(once))
    # Between blanks a sentence is no header because one of its words is a title.
    if "address" not in once or (delimiter == " " and not all(once)):
        return None
    unused = (cell for cell, role in zip(cells, once, strict=True) if not role)
    return Header(delimiter, once, tuple(filter(None, unused)))


def _column(role: str, roles: Sequence[str], titles: Sequence[str]) -> int:
    """Return which column is the one of a role: the first whose title says what is in it, or the first."""
    places = [place for place, one in enumerate(roles) if one == role]
    return next((place for place in places if not _NAMING.isdisjoint(titles[place].split())), places[0])


def _between_blanks(line: str, header: Header, chains: ChainReader) -> list[str]:
    """Return the cells of a row whose tabs have become blanks: names are what chains and addresses leave."""
    cells = dict.fromkeys(header.roles, "")
    words = line.split()
    # From both ends up to the name, which alone may have any number of words.
    for roles, take_first in ((header.roles, True), (header.roles[::-1], False)):
        for role in roles:
            if role == "name" or cells[role]:
                break
            length = _length_of_chain(words, chains, take_first=take_first) if role == "chain" else 1
            taken = words[:length] if take_first else words[len(words) - length :]
            cells[role] = " ".join(taken)
            words = words[length:] if take_first else words[: len(words) - length]
    if "name" in cells:
        cells["name"], words = " ".join(words), []
    return [cells[role] for role in header.roles] + words


def _length_of_chain(words: Sequence[str], chains: ChainReader, *, take_first: bool) -> int:
    """Return how many words at an end of a row are its chain: the most that name one."""
    lengths = range(min(len(words), _CHAIN_WORDS_MOST), 0, -1)
    ends = ((length, words[:length] if take_first else words[len(words) - length :]) for length in lengths)
    return next((length for length, end in ends if chains.chains.find(" ".join(end)) is not None), 0)


def _row(line: str) -> list[str]:
    """Return the cells of a line that is the row of a spreadsheet; empty: it is none.

    Commas also separate addresses and chains, so a row has one address, in a cell of its own, and no clauses.
    """
    delimiter = next((one for one in _DELIMITERS if one in line), "")
    cells = [cell for cell in _cells(line, delimiter) if cell] if delimiter else []
    places = [place for place, cell in enumerate(cells) if names_address(cell)]
    has_clauses = any(word.casefold() in LITERALS for word in WORD.findall(line))
    is_row = len(places) == 1 and len(cells) > 1 and not has_clauses and len(cells[places[0]].split()) == 1
    return cells if is_row else []


def _row_in_order(line: str) -> list[str]:
    """Return the cells of a row that names tokens too, in the order of `_IN_ORDER`; empty: it is none."""
    delimiter = next((one for one in _DELIMITERS if one in line), "")
    cells = _cells(line, delimiter) if delimiter else []
    are_named = [names_address(cell) for cell in cells]
    is_row = are_named[:4] == [True, False, False, True] and len(cells[0].split()) == 1
    has_clauses = any(word.casefold() in LITERALS for word in WORD.findall(line))
    return cells if is_row and not has_clauses else []


def _cells(line: str, delimiter: str, *, is_strict: bool = False) -> list[str]:
    """Return the cells of a row; raises LineRefused where quotation marks make no sense, if `is_strict`."""
    try:
        row = next(csv.reader([line], delimiter=delimiter, strict=is_strict), [])
    except csv.Error:
        if is_strict:
            raise LineRefused("", _UNQUOTED) from None
        return []
    return [" ".join(cell.split()) for cell in row]


def _titled(cells: Sequence[str], header: Header, chains: ChainReader) -> Clauses:
    """Return what a row says under a header; cells beyond its titles are refused, not dropped."""
    texts = {role: cell for role, cell in zip(header.roles, cells, strict=False) if role}
    beyond = " ".join(filter(None, cells[len(header.roles) :]))
    if beyond:
        raise LineRefused(beyond, "stands in a column without a title.")
    named, others = read_subject(texts["address"], chains.chains)
    if not named and not others:
        raise LineRefused("", NO_ADDRESS)
    on = texts.get("chain", "")
    scope = Scope(
        _tokens(texts.get("token", ""), chains),
        frozenset() if on.casefold() in _ALL_CHAINS else chains.several(on),
    )
    name = texts.get("name", "")
    # Of a real cell the quotation marks are read already: those that are left belong to the name.
    label = read_label(name if header.delimiter == " " else f'"{name}"') if name else ""
    return Clauses(named, scope, label, others=others)


def _tokens(text: str, chains: ChainReader) -> frozenset[Address]:
    named, others = read_subject(text, chains.chains)
    if others:
        raise no_address(others)
    return frozenset(contracts_of(Clauses(named))) if named else frozenset()


def _untitled(cells: Sequence[str], chains: ChainReader) -> Clauses:
    """Return what a row says without a header: one cell that is no chain is its name."""
    address = next(cell for cell in cells if names_address(cell))
    named, beside = read_subject(address, chains.chains)
    others = [cell for cell in cells if cell is not address]
    on = {cell: _chains_of(cell, chains) for cell in others}
    names = [cell for cell in others if not on[cell]]
    if len(names) != 1 or _AMOUNT_OR_NUMBER.fullmatch(names[0]) or beside:
        return Clauses(named, others=" ".join(filter(None, [beside, *others])))
    return Clauses(named, Scope(chains=frozenset().union(*on.values())), read_label(names[0]))


def _chains_of(cell: str, chains: ChainReader) -> frozenset[ChainId]:
    return frozenset() if _AMOUNT_OR_NUMBER.fullmatch(cell) else chains.possible(cell)
