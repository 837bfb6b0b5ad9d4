"""How a message is read as a command.

Reading forgives what it can (capitals, commas, copied invisible characters) and otherwise
names what was typed and what is wrong with it; no text makes it raise.
"""

import difflib
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

from bot.chat.commands.arguments.addresses import Named, holds_possible_key, is_explorer_page, read_named
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.errors import LineRefused
from bot.chat.commands.command_table import (
    ALLOW,
    BELIEVE,
    COMMANDS,
    DENY,
    IGNORE,
    MUTE,
    UNIGNORE,
    UNWATCH,
    WATCH,
    Command,
)
from bot.chat.commands.requests import (
    Allow,
    Audit,
    BadLine,
    BalanceOf,
    Bare,
    Believe,
    Chats,
    Deny,
    Help,
    Here,
    Id,
    Ignore,
    Ignored,
    List,
    Mute,
    NotForUs,
    PossibleKey,
    Request,
    Start,
    Status,
    Unignore,
    Unknown,
    Unmute,
    Unwatch,
    Usage,
    Watch,
    WatchEntry,
    WatchToken,
)
from bot.chat.commands.watch.grammar import WORD, Clauses, read_clauses
from bot.domain.assets import Address
from bot.domain.chains import NOT_LISTED, Chains, Listing
from bot.domain.chat import mutes


def parse(
    text: str, bot_username: str, chains: Chains, listing: Listing = NOT_LISTED
) -> Request | Usage | Unknown | NotForUs | None:
    """Return what a message asks for; None if it is no command and not only addresses.

    A chain is refused that the source is known not to have.
    """
    cleaned = _cleaned(text)
    called = _CALL.fullmatch(cleaned)
    has_key = holds_possible_key(cleaned)
    if called is None:
        return PossibleKey(addressed=len(cleaned.split()) == 1) if has_key else _bare(cleaned)
    bot = called["bot"]
    if bot is not None and bot.casefold() != bot_username.removeprefix("@").casefold():
        return NotForUs()
    if has_key:
        return PossibleKey(addressed=True)
    word = called["word"].casefold()
    command = _BY_WORD.get(word)
    if command is None:
        rest = (called["rest"] or "").strip()
        return Unknown(called["word"], _closest_command(word), addressed=bot is not None, rest=rest)
    return _READERS[command.name](called["rest"] or "", ChainReader(chains, listing))


_CALL = re.compile(
    r"/(?P<word>[A-Za-z0-9_]{1,64})(?:@(?P<bot>[A-Za-z0-9_]{1,64}))?(?P<rest>\s.*)?", re.DOTALL
)
_PAYLOAD = re.compile(r"[A-Za-z0-9_-]{1,64}")
_CHAT_ID = re.compile(r"-?[0-9]{1,16}")
_NO_CHAT_ID = "A chat id is a number like -1001234567890; /id shows it in the chat itself."
_LENGTH = re.compile(
    r"(?:^|[\s,])(?:for )?(?P<number>[0-9]{1,4}) ?(?P<unit>m|mins?|minutes?|h|hours?|d|days?)$",
    re.IGNORECASE | re.ASCII,
)
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_ADDRESS_LIKE = re.compile(r"0[xX]\w{40}")
_INVISIBLE = frozenset({"Cc", "Cf", "Cs"})
_BY_WORD: Mapping[str, Command] = MappingProxyType(
    {word: command for command in COMMANDS for word in (command.name, *command.aliases)}
)


def _cleaned(text: str) -> str:
    """Return the text without invisible characters, its words one space apart, its lines kept."""
    return "\n".join(" ".join(_visible(line).split()) for line in text.splitlines()).strip()


def _visible(line: str) -> str:
    kept = (
        character
        for character in line
        if character.isspace() or unicodedata.category(character) not in _INVISIBLE
    )
    return unicodedata.normalize("NFC", "".join(kept))


def _bare(text: str) -> Bare | None:
    words = [(number, word) for number, line in _lines(text) for word in WORD.findall(line)]
    taken: list[Named] = []
    bad: list[BadLine] = []
    for number, word in words:
        try:
            taken.append(read_named(word))
        except LineRefused as refused:
            if not (_ADDRESS_LIKE.fullmatch(word) or is_explorer_page(word)):
                return None
            bad.append(BadLine(number, refused.typed, refused.reason))
    return Bare(tuple(dict.fromkeys(taken)), tuple(bad)) if taken or bad else None


def _closest_command(word: str) -> Command | None:
    close = difflib.get_close_matches(word, _BY_WORD, n=1)
    return _BY_WORD[close[0]] if close else None


# ---------------------------------------------------------------- one reader for each command


def _start(rest: str, _chains: ChainReader) -> Start:
    payload = rest.strip()
    return Start(payload if _PAYLOAD.fullmatch(payload) else "")


def _help(rest: str, _chains: ChainReader) -> Help:
    return Help(_BY_WORD.get(rest.strip().removeprefix("/").casefold()))


def _id(_rest: str, _chains: ChainReader) -> Id:
    return Id()


def _allow(rest: str, _chains: ChainReader) -> Allow | Usage:
    return Allow(_chat_id(rest)) if _is_chat_id(rest) else Usage(ALLOW, _NO_CHAT_ID)


def _deny(rest: str, _chains: ChainReader) -> Deny | Usage:
    return Deny(_chat_id(rest)) if _is_chat_id(rest) else Usage(DENY, _NO_CHAT_ID)


def _chats(_rest: str, _chains: ChainReader) -> Chats:
    return Chats()


def _audit(_rest: str, _chains: ChainReader) -> Audit:
    return Audit()


def _believe(rest: str, chains: ChainReader) -> Believe | Usage:
    text = " ".join(rest.split())
    if not text:
        return Usage(BELIEVE, "")
    try:
        return Believe(chains.one(text))
    except LineRefused as refused:
        return Usage(BELIEVE, _why(refused))


def _watch(rest: str, chains: ChainReader) -> Watch | WatchToken | Usage:
    lines = _lines(rest)
    if not lines:
        return Usage(WATCH, "")
    if _is_token_line(lines[0][1]):
        return _watch_token(lines, chains)
    entries: list[WatchEntry] = []
    bad: list[BadLine] = []
    for number, line in lines:
        try:
            entries += _entries(number, line, chains)
        except LineRefused as refused:
            bad.append(BadLine(number, refused.typed, refused.reason, _instead(line, refused)))
    return Watch(_without_repeats(entries), tuple(bad))


def _unwatch(rest: str, _chains: ChainReader) -> Unwatch | Usage:
    who = tuple(dict.fromkeys(WORD.findall(rest)))
    return Unwatch(who, " ".join(rest.split())) if who else Usage(UNWATCH, "")


def _here(_rest: str, _chains: ChainReader) -> Here:
    return Here()


def _ignore(rest: str, chains: ChainReader) -> Ignore | Ignored | Usage:
    if not WORD.search(rest):
        return Ignored()
    try:
        clauses = _only_tokens(rest, chains)
    except LineRefused as refused:
        return Usage(IGNORE, _why(refused))
    return Ignore(_contracts_of(clauses), clauses.chains)


def _unignore(rest: str, chains: ChainReader) -> Unignore | Ignored | Usage:
    if not WORD.search(rest):
        return Ignored()
    try:
        clauses = _only_tokens(rest, chains)
    except LineRefused as refused:
        return Usage(UNIGNORE, _why(refused))
    if clauses.chains:
        return Usage(
            UNIGNORE, "A token is told again on every chain; the buttons of /ignore take back one line."
        )
    return Unignore(_contracts_of(clauses))


def _mute(rest: str, _chains: ChainReader) -> Mute | Usage:
    text = " ".join(rest.split())
    read = _LENGTH.search(text)
    if read is None:
        return Mute(text, text, mutes.DEFAULT)
    span = _UNITS[read["unit"][0].casefold()] * int(read["number"])
    if not mutes.SHORTEST <= span <= mutes.LONGEST:
        return Usage(MUTE, "A mute lasts from 1m to 30d.")
    return Mute(text, text[: read.start()].strip(" ,"), span)


def _unmute(rest: str, _chains: ChainReader) -> Unmute:
    return Unmute(" ".join(rest.split()))


def _list(_rest: str, _chains: ChainReader) -> List:
    return List()


def _balance(rest: str, _chains: ChainReader) -> BalanceOf:
    return BalanceOf(" ".join(rest.split()) or None)


def _status(_rest: str, _chains: ChainReader) -> Status:
    return Status()


_READERS: Mapping[str, Callable[[str, ChainReader], Request | Usage]] = MappingProxyType(
    {
        "start": _start,
        "help": _help,
        "id": _id,
        "allow": _allow,
        "deny": _deny,
        "chats": _chats,
        "audit": _audit,
        "believe": _believe,
        "watch": _watch,
        "unwatch": _unwatch,
        "here": _here,
        "ignore": _ignore,
        "mute": _mute,
        "unmute": _unmute,
        "unignore": _unignore,
        "list": _list,
        "balance": _balance,
        "status": _status,
    }
)


def _is_chat_id(rest: str) -> bool:
    """Whether it is a chat's number, or nothing, which means this chat."""
    number = _plain_minus(rest)
    return not number or (_CHAT_ID.fullmatch(number) is not None and int(number) != 0)


def _chat_id(rest: str) -> int | None:
    return int(_plain_minus(rest)) if rest.strip() else None


def _plain_minus(rest: str) -> str:
    return re.sub("^[\u2212\u2013]", "-", rest.strip())


def _lines(text: str) -> list[tuple[int, str]]:
    return [(number, line) for number, line in enumerate(text.split("\n"), 1) if WORD.search(line)]


def _is_token_line(line: str) -> bool:
    first = WORD.search(line)
    return first is not None and first.group().casefold() == "token"


def _why(refused: LineRefused) -> str:
    return f"{refused.typed}: {refused.reason}" if refused.typed else refused.reason


def _only_tokens(rest: str, chains: ChainReader) -> Clauses:
    """Read contracts and chains, and nothing else; the word “token” before them is passed over."""
    line = WORD.sub("", rest, count=1) if _is_token_line(rest) else rest
    clauses = read_clauses(line, chains)
    if clauses.contracts:
        raise LineRefused("contract", "the contracts come first, without this word")
    if clauses.label:
        raise LineRefused("as", "an ignored token needs no label")
    return clauses


def _contracts_of(clauses: Clauses) -> tuple[Address, ...]:
    """Return what a line names where contracts are expected: of a holder's page the token."""
    return tuple(dict.fromkeys(one.contract for one in clauses.named))


def _entries(number: int, line: str, chains: ChainReader) -> list[WatchEntry]:
    if _is_token_line(line):
        raise LineRefused("token", "tokens go into a message of their own, which starts with /watch token")
    clauses = read_clauses(line, chains)
    accounts = {one.address for one in clauses.named}
    if clauses.label and len(accounts) > 1:
        raise LineRefused(clauses.label, f"a label names one address, and this line has {len(accounts)}")
    return [
        WatchEntry(number, one.address, clauses.contracts | one.tokens, clauses.chains, clauses.label)
        for one in clauses.named
    ]


def _instead(line: str, refused: LineRefused) -> str:
    """Return the line with the word that was probably meant."""
    if not refused.meant or line.count(refused.word) != 1:
        return ""
    return line.replace(refused.word, refused.meant).strip()


def _without_repeats(entries: list[WatchEntry]) -> tuple[WatchEntry, ...]:
    """Return each wish once, with the line where it stood first."""
    first: dict[WatchEntry, WatchEntry] = {}
    for entry in entries:
        first.setdefault(replace(entry, line_number=0), entry)
    return tuple(first.values())


def _watch_token(lines: list[tuple[int, str]], chains: ChainReader) -> WatchToken | Usage:
    """Read tokens, which may go on over several lines; chains and label stand in the first."""
    (first, line), *others = lines
    told = [
        (number, text) for number, text in ((first, WORD.sub("", line, count=1)), *others) if text.strip()
    ]
    if not told:
        return Usage(WATCH, "")
    contracts: list[Address] = []
    bad: list[BadLine] = []
    head = Clauses(())
    for number, text in told:
        try:
            clauses = _token_clauses(text, chains, is_first=number == first)
        except LineRefused as refused:
            bad.append(BadLine(number, refused.typed, refused.reason))
        else:
            contracts += _contracts_of(clauses)
            head = clauses if number == first else head
    return WatchToken(frozenset(contracts), head.chains, head.label, tuple(bad))


def _token_clauses(line: str, chains: ChainReader, *, is_first: bool) -> Clauses:
    clauses = read_clauses(line, chains)
    if clauses.contracts:
        raise LineRefused("contract", "after the word “token”, the addresses are the contracts")
    if any(one.token for one in clauses.named):
        raise LineRefused("", "a link names a holder too; send it after /watch, without the word “token”")
    if not is_first and (clauses.chains or clauses.label):
        raise LineRefused("", "chains and a label stand in the first line, for all tokens")
    return clauses
