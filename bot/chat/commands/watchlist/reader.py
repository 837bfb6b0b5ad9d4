"""Reads a watchlist: lines as `writer` writes them or as people type them, and rows of a spreadsheet.

No text makes it raise: a line that says something is taken as a whole, or refused with a reason.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from bot.chat.commands.arguments.addresses import WORD, names_address
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.conditions import NOTHING_SAID, TypedCondition
from bot.chat.commands.arguments.errors import BadLine, LineRefused
from bot.chat.commands.arguments.loud_rules import TypedLoudRule
from bot.chat.commands.watch.grammar import (
    bad_line,
    contracts_of,
    entries_of,
    is_token_line,
    numbered_lines,
    read_token_line,
)
from bot.chat.commands.watch.lines import Header, read_header, read_line, read_named
from bot.domain.assets import Address
from bot.domain.subscriptions import Scope

LINE_CHARACTERS_MOST = 4_000
"""As long as a message: nobody types more, and a line without an end is no list."""

_COMMAND = re.compile(r"/(?P<word>[a-z]{1,16})(?:@\w{1,64})?(?:\s+(?P<rest>.*))?", re.IGNORECASE | re.ASCII)
_WATCH = frozenset({"watch", "add"})
_TAKEN = frozenset({"alarm", "low", "only", "loud", "ignore", "name"})
_CELLS_END = re.compile(r"[,;\t]")
_SEPARATOR = re.compile(r"sep=.", re.IGNORECASE)
"""How a spreadsheet may say in its first line what keeps its cells apart."""


@dataclass(frozen=True, slots=True)
class ImportLine:
    """What is to be watched by one line."""

    line_number: int = field(compare=False)
    account: Address | None
    """None: the contracts of the scope, in every account."""
    scope: Scope
    label: str = ""
    symbols: tuple[str, ...] = ()
    """Tokens that are named by their symbol."""
    condition: TypedCondition = NOTHING_SAID
    loud: TypedLoudRule | None = None


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A command in a watchlist."""

    line_number: int
    word: str
    rest: str


@dataclass(frozen=True, slots=True)
class TypedWatchlist:
    """What a watchlist says; which tokens and people are meant is for the place to say."""

    lines: tuple[ImportLine, ...]
    """Each once."""
    commands: tuple[CommandLine, ...]
    bad: tuple[BadLine, ...]
    unused: tuple[str, ...] = ()
    """The titles of columns that aren't used."""


def read_watchlist(text: str, chains: ChainReader) -> TypedWatchlist:
    """Return what a text says as a watchlist."""
    lines: list[ImportLine] = []
    commands: list[CommandLine] = []
    bad: list[BadLine] = []
    header: Header | None = None
    is_first = True
    for number, line in enumerate(text.splitlines(), 1):
        if WORD.search(line) is None or _SEPARATOR.fullmatch(line.strip()):
            continue
        found = read_header(line) if is_first and len(line) <= LINE_CHARACTERS_MOST else None
        if found is None and _is_comment(line, is_row=header is not None):
            continue
        header, is_first = found or header, False
        if found is not None:
            continue
        try:
            said = _said(number, line, is_row=header is not None)
            if isinstance(said, CommandLine):
                commands.append(said)
            elif said:
                lines += _lines(number, said, header, chains)
        except LineRefused as refused:
            bad.append(bad_line(number, "", refused))
    return TypedWatchlist(
        tuple(_without_repeats(lines)), tuple(commands), tuple(bad), header.unused if header else ()
    )


def _is_comment(line: str, *, is_row: bool) -> bool:
    """Say whether a line is for people alone; a row of a spreadsheet may begin with a name such as #7."""
    if not line.lstrip().startswith("#"):
        return False
    first_cell = _CELLS_END.split(line, maxsplit=1)[0]
    return not is_row or names_address(first_cell) or not names_address(line)


def _said(number: int, line: str, *, is_row: bool) -> CommandLine | str:
    """Return the command that a line is, or what is to be watched by it; raises LineRefused."""
    if len(line) > LINE_CHARACTERS_MOST:
        raise LineRefused("", f"It has {len(line):,} characters; {LINE_CHARACTERS_MOST:,} are the most.")
    command = _COMMAND.fullmatch(line.strip())
    if command is None:
        return line
    word, rest = command["word"].casefold(), command["rest"] or ""
    if word in _WATCH:
        return rest
    if word not in _TAKEN:
        # The first cell of a row may begin with a slash.
        if is_row:
            return line
        raise LineRefused(f"/{word}", "is no part of a watchlist. Send it as a message.")
    return CommandLine(number, word, " ".join(rest.split()))


def _lines(number: int, said: str, header: Header | None, chains: ChainReader) -> list[ImportLine]:
    """Return what a line or row asks for; raises LineRefused."""
    if header is None and is_token_line(said):
        return [_token_line(number, WORD.sub("", said, count=1), chains)]
    ((_, line),) = numbered_lines(said) or ((number, said),)
    try:
        entries = entries_of(number, read_line(line, header, chains), chains)
    except LineRefused as refused:
        # In a list, words beside the address of a row leave no doubt that they are its name.
        named = read_named(number, line, refused, chains) if header is None else ()
        if not named:
            raise
        entries = list(named)
    return [
        ImportLine(
            line_number=number,
            account=one.account,
            scope=one.scope,
            label=one.label,
            symbols=one.symbols,
            condition=one.condition,
            loud=one.loud,
        )
        for one in entries
    ]


def _token_line(number: int, said: str, chains: ChainReader) -> ImportLine:
    clauses = read_token_line(said, chains)
    return ImportLine(
        line_number=number,
        account=None,
        scope=replace(clauses.scope, contracts=frozenset(contracts_of(clauses))),
        label=clauses.label,
        symbols=tuple(dict.fromkeys(clauses.others.split())),
        condition=clauses.condition,
        loud=clauses.loud,
    )


def _without_repeats(lines: Iterable[ImportLine]) -> Iterable[ImportLine]:
    """Return each line once, where it stood first."""
    first: dict[ImportLine, ImportLine] = {}
    for line in lines:
        first.setdefault(line, line)
    return first.values()
