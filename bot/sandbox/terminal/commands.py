"""Read a line typed at the terminal: a message to the bot, or a command to the world around it.

Commands begin with one of the words in `WORDS`; everything else is a message. A first word that is nearly one
of them is asked about, not sent.
"""

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum

CLOSE_ENOUGH = 0.75
_ITEM = re.compile(r"#([0-9]{1,78})")
# An amount has at most 78 digits; the rest is room for a sign, commas and a point.
_LONGEST_AMOUNT = 100


@dataclass(frozen=True, slots=True)
class Say:
    """Send a message to the bot in the current chat."""

    text: str


@dataclass(frozen=True, slots=True)
class Become:
    """Be somebody else; without a place there, or in their own chat."""

    person: str
    place: str | None = None


@dataclass(frozen=True, slots=True)
class GoTo:
    """Go to another chat or topic."""

    place: str


@dataclass(frozen=True, slots=True)
class PressButton:
    """Press a button of the newest message, by its number or its text."""

    button: str


@dataclass(frozen=True, slots=True)
class SendFile:
    """Send a file of this machine to the bot in the current chat, with what stands under it."""

    path: str
    caption: str = ""


@dataclass(frozen=True, slots=True)
class SaveFile:
    """Save the newest file of the current chat on this machine."""

    path: str


@dataclass(frozen=True, slots=True)
class MoveBalance:
    """Change a balance by whole units; chain and account are worked out where they are not given.

    Without a counterparty a stranger pays or is paid.
    """

    amount: Decimal
    asset: str
    token_id: int | None = None
    chain: str | None = None
    account: str | None = None
    counterparty: str | None = None


@dataclass(frozen=True, slots=True)
class Break:
    """Let the gateway, Telegram or one chain stop answering."""

    what: str


@dataclass(frozen=True, slots=True)
class LagChain:
    """Make every second answer about a chain an old one."""

    chain: str


@dataclass(frozen=True, slots=True)
class Rebuild:
    """Make a chain's index list no tokens, as while it is rebuilt."""

    chain: str


@dataclass(frozen=True, slots=True)
class Heal:
    """Heal what was broken; None for all of it."""

    what: str | None


class OneWord(Enum):
    """A command of one word."""

    BLOCK = "block"
    UNBLOCK = "unblock"
    KICK = "kick"
    INVITE = "invite"
    FLOOD = "flood"
    QUIET = "quiet"
    STORY = "story"
    PEOPLE = "people"
    CHATS = "chats"
    WORLD = "world"
    HELP = "help"
    QUIT = "quit"


@dataclass(frozen=True, slots=True)
class Misunderstood:
    """A line that can't be obeyed, with a reason that says what could."""

    reason: str


Command = (
    Say
    | Become
    | GoTo
    | PressButton
    | SendFile
    | SaveFile
    | MoveBalance
    | Break
    | LagChain
    | Rebuild
    | Heal
    | OneWord
    | Misunderstood
)


@dataclass(frozen=True, slots=True)
class Explained:
    """One row of the help."""

    grammar: str
    does: str

    @property
    def word(self) -> str:
        """The word that it begins with."""
        return self.grammar.partition(" ")[0]


WORDS: tuple[Explained, ...] = (
    Explained("as PERSON [in CHAT]", "become somebody else: `as bob in ops-group`"),
    Explained("in CHAT", "go to another chat or topic: `in treasury-topic`"),
    Explained("press BUTTON", "of the newest message, by its number or its text"),
    Explained("file PATH [TEXT]", "send a file: `file list.csv /import`"),
    Explained("save PATH", "the newest file that the bot sent here"),
    Explained("say TEXT", "send it to the bot, even if it looks like one of these"),
    Explained(
        "move AMOUNT ASSET [#ITEM] [on CHAIN] [of ACCOUNT] [to|from WHO]",
        "`move -1250 usdc on polygon to payroll`",
    ),
    Explained("break chain CHAIN", "no answer about it; or all: `break gateway`, `break telegram`"),
    Explained("lag CHAIN", "every second answer about it is old"),
    Explained("rebuild index of CHAIN", "its tokens are not listed meanwhile"),
    Explained("flood", "Telegram wants a pause before it takes more messages"),
    Explained("heal [WHAT]", "what was broken, or all of it"),
    Explained("block", "block the bot, as whoever you are"),
    Explained("unblock", "take that back"),
    Explained("kick", "remove the bot from the group where you are"),
    Explained("invite", "bring it back, or into the channel where you are"),
    Explained("quiet", "nothing moves by itself any more"),
    Explained("story", "it does again"),
    Explained("people", "list the people"),
    Explained("chats", "list the chats and topics"),
    Explained("world", "list the accounts and what they hold"),
    Explained("help", "this"),
    Explained("quit", "end the sandbox; so does Ctrl-C"),
)
"""Every word there is, in the order of the help."""

_BY_WORD = {explained.word: explained for explained in WORDS}
_ALSO = {"exit": "quit"}
_OTHER_END = ("to", "from")
_OF_THE_BOT = ("/", "0x", "0X")


class _Mistyped(Exception):
    """A word was used wrongly; the text says how."""


def read_command(line: str) -> Command:
    r"""Return what a line means; `\n` in what is said to the bot begins a new line."""
    text = line.strip()
    if text.startswith(_OF_THE_BOT):
        return _said(text)
    typed, *rest = text.split()
    word = _ALSO.get(typed.casefold(), typed.casefold())
    if word not in _BY_WORD:
        return _said_unless_mistyped(text, typed)
    if word == "say":
        return _said(text[len(typed) :].strip()) if rest else _how_to(_BY_WORD[word])
    try:
        return _READERS.get(word, _read_plain)(word, rest)
    except _Mistyped as mistake:
        return _how_to(_BY_WORD[word], str(mistake))


def _said(text: str) -> Say:
    return Say(text.replace("\\n", "\n"))


def _said_unless_mistyped(text: str, typed: str) -> Say | Misunderstood:
    # A mistyped `mvoe 5 usdc` must not be sent to the bot as a message.
    close = difflib.get_close_matches(typed.casefold(), _BY_WORD, n=1, cutoff=CLOSE_ENOUGH)
    if not close:
        return _said(text)
    return Misunderstood(
        f"Did you mean `{_BY_WORD[close[0]].grammar}`? `say {text}` sends it to the bot as it is."
    )


def _how_to(explained: Explained, mistake: str = "") -> Misunderstood:
    return Misunderstood(f"{mistake} {explained.grammar}: {explained.does}".strip())


def _read_plain(word: str, rest: Sequence[str]) -> Command:
    if rest:
        raise _Mistyped(f"`{word}` stands alone; `say {word} {' '.join(rest)}` sends it to the bot.")
    return OneWord(word)


def _read_become(_: str, rest: Sequence[str]) -> Command:
    clauses = _clauses(rest, ("in",))
    person = _one(clauses[""], "Who?")
    return Become(person, _named(clauses, "in", "chat"))


def _read_go_to(_: str, rest: Sequence[str]) -> Command:
    place = _one(rest, "Where?")
    return GoTo(place)


def _read_press(_: str, rest: Sequence[str]) -> Command:
    if not rest:
        raise _Mistyped("Which one?")
    return PressButton(" ".join(rest))


def _read_file(_: str, rest: Sequence[str]) -> Command:
    if not rest:
        raise _Mistyped("Which one?")
    return SendFile(rest[0], " ".join(rest[1:]))


def _read_save(_: str, rest: Sequence[str]) -> Command:
    return SaveFile(_one(rest, "Where to?"))


def _read_move(_: str, rest: Sequence[str]) -> Command:
    clauses = _clauses(rest, ("on", "of", *_OTHER_END))
    written, *what = clauses[""] or [""]
    items = [int(found[1]) for word in what if (found := _ITEM.fullmatch(word))]
    asset = _one([word for word in what if not _ITEM.fullmatch(word)], "How much of what?")
    amount = _amount(written)
    direction, wrong = _OTHER_END if amount < 0 else _OTHER_END[::-1]
    if wrong in clauses:
        raise _Mistyped(f"What {'leaves goes' if amount < 0 else 'comes is'} `{direction}` somebody.")
    return MoveBalance(
        amount=amount,
        asset=asset,
        token_id=items[0] if items else None,
        chain=_named(clauses, "on", "chain"),
        account=_named(clauses, "of", "account"),
        counterparty=_named(clauses, direction, "person or account"),
    )


def _read_break(_: str, rest: Sequence[str]) -> Command:
    what = _one([word for word in rest if word.casefold() != "chain"], "What?")
    return Break(what)


def _read_lag(_: str, rest: Sequence[str]) -> Command:
    chain = _one(rest, "Which chain?")
    return LagChain(chain)


def _read_rebuild(_: str, rest: Sequence[str]) -> Command:
    chain = _one([word for word in rest if word.casefold() not in ("index", "of")], "Which chain's?")
    return Rebuild(chain)


def _read_heal(_: str, rest: Sequence[str]) -> Command:
    what = [word for word in rest if word.casefold() not in ("chain", "all")]
    if len(what) > 1:
        raise _Mistyped("One thing at a time, or all of them.")
    return Heal(what[0] if what else None)


_READERS: Mapping[str, Callable[[str, Sequence[str]], Command]] = {
    "as": _read_become,
    "in": _read_go_to,
    "press": _read_press,
    "file": _read_file,
    "save": _read_save,
    "move": _read_move,
    "break": _read_break,
    "lag": _read_lag,
    "rebuild": _read_rebuild,
    "heal": _read_heal,
}


def _clauses(words: Sequence[str], openings: Sequence[str]) -> dict[str, list[str]]:
    """Return the words behind each opening; those before all of them stand under ""."""
    clauses: dict[str, list[str]] = {"": []}
    current = ""
    for word in words:
        if word.casefold() in openings:
            current = word.casefold()
            clauses[current] = []
        else:
            clauses[current].append(word)
    return clauses


def _named(clauses: Mapping[str, Sequence[str]], opening: str, what: str) -> str | None:
    if opening not in clauses:
        return None
    return _one(clauses[opening], f"`{opening}` which {what}?")


def _one(words: Sequence[str], otherwise: str) -> str:
    if len(words) != 1:
        raise _Mistyped(otherwise)
    return words[0]


def _amount(written: str) -> Decimal:
    """Return an amount in whole units; commas are for the eye."""
    digits = written.replace(",", "").replace("−", "-")
    try:
        # Refused before it is parsed: Decimal would take any number of digits.
        amount = Decimal(digits) if len(digits) <= _LONGEST_AMOUNT else Decimal("NaN")
    except InvalidOperation:
        raise _Mistyped(f"“{written}” is no amount.") from None
    if not amount.is_finite() or not re.fullmatch(r"[+-]?[0-9.]+", digits) or amount == 0:
        raise _Mistyped(f"“{written}” is no amount.")
    return amount
