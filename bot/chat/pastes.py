"""Long pastes: Telegram's apps cut a text of more than 4,096 characters into several messages.

What was begun is kept in memory for a few seconds only. Where it is lost, the rest is read like any message
of addresses, and offered.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.chat.commands.arguments.addresses import WORD, holds_possible_key, names_address, read_words
from bot.chat.commands.arguments.recovery_phrase import holds_recovery_phrase
from bot.chat.commands.dispatch import CALL
from bot.chat.commands.watch.grammar import LITERALS, is_token_line, numbered_lines
from bot.chat.commands.watch.lines import read_header

UNITS_MOST = 4_096
"""The longest message, in UTF-16 units."""

_FULL = UNITS_MOST - 2
"""A message that was cut anywhere has so many: the server cuts a blank away at either end."""

_CUT_IN_A_LINE = 4_030
"""A message of at least so many units may end within a line: the word that follows did not fit."""

_CUT_BETWEEN_LINES = 2_048
"""One that is longer than this may end where its sender began a new paragraph."""

_OF_LINES = frozenset({"/import"})
"""Commands of which each line stands for itself, whatever the first one says."""

_FOLLOWS_WITHIN = timedelta(seconds=10)
_REMEMBERED = 1_000


@dataclass(frozen=True, slots=True)
class Paste:
    """What is to be read of a message."""

    text: str
    """With the last line of the message before it, if that was cut, and without its own."""
    held_back: str = ""
    """The command for its own last line alone, which may be cut; "" where that is read at once."""


@dataclass(frozen=True, slots=True)
class _Begun:
    head: str
    """The command, and the titles of a spreadsheet's columns."""
    last_line: str
    """What may be a part of a line only, "" where nothing is."""
    is_full: bool
    at: datetime

    def continued(self, text: str) -> str:
        first = text.partition("\n")[0]
        words = WORD.findall(self.last_line)
        if not self.last_line:
            return f"{self.head}\n{text}".lstrip("\n")
        if names_address(first) and names_address(self.last_line):
            between = "\n"
        elif not self.is_full or (words and (names_address(words[-1]) or words[-1].casefold() in LITERALS)):
            between = " "
        else:
            between = ""
        return f"{self.head}\n{self.last_line}{between}{text}".lstrip("\n")


class Pastes:
    """Puts the parts of long texts together again, each author's in each place apart."""

    def __init__(self) -> None:
        self._begun: OrderedDict[Hashable, _Begun] = OrderedDict()
        self._joined: OrderedDict[Hashable, tuple[int, Paste]] = OrderedDict()
        """What was last put together, by the number of its message: it may be handled again."""

    def join(self, key: Hashable, text: str, at: datetime, *, number: int) -> Paste:
        """Return what is to be read of a message that somebody sent somewhere (the `key`), again too."""
        before = self._joined.pop(key, None)
        paste = before[1] if before and before[0] == number else self._join(key, text, at)
        is_part = paste != Paste(text) or key in self._begun
        # Nothing of what may be a private key is kept, not even for seconds.
        if is_part and not _may_be_secret(paste.text):
            self._joined[key] = number, paste
            while len(self._joined) > _REMEMBERED:
                self._joined.popitem(last=False)
        return paste

    def _join(self, key: Hashable, text: str, at: datetime) -> Paste:
        begun = self._begun.pop(key, None)
        is_rest = begun is not None and at - begun.at <= _FOLLOWS_WITHIN and not text.startswith("/")
        # A half line is continued by anything, whole lines only by such that begin with an address.
        if begun is not None and is_rest and (begun.is_full or names_address(text.partition("\n")[0])):
            whole = begun.continued(text)
        else:
            whole = text
        if _may_be_secret(whole):
            return Paste(whole)
        units = len(text.encode("utf-16-le", "surrogatepass")) // 2
        head = _head(whole) if _CUT_BETWEEN_LINES < units <= UNITS_MOST and names_address(whole) else None
        if head is None:
            return Paste(whole)
        rest, last_line = _split(whole) if units >= _CUT_IN_A_LINE else (whole, "")
        self._begun[key] = _Begun(head, last_line, units >= _FULL, at)
        while len(self._begun) > _REMEMBERED:
            self._begun.popitem(last=False)
        return Paste(rest, f"{head}\n{last_line}".lstrip("\n") if last_line else "")


def _may_be_secret(text: str) -> bool:
    return holds_possible_key(text) or holds_recovery_phrase(text)


def _head(text: str) -> str | None:
    """Return what the next part needs before it; None: it could not be read by itself."""
    called = CALL.fullmatch(text)
    if called is None:
        command, lines = "", numbered_lines(text)
    else:
        command, lines = text[: called.start("rest")], numbered_lines(called["rest"] or "")
    first = lines[0][1] if lines else ""
    if is_token_line(first) and command.casefold() not in _OF_LINES:
        # What stands in its first line is for all tokens, and would be missing in the next part.
        return (
            None
            if any(word.text.casefold() in LITERALS for word in read_words(first))
            else f"{command} token"
        )
    return f"{command}\n{first}" if read_header(first) else command


def _split(text: str) -> tuple[str, str]:
    """Return a text without its last line, and that line; of one line the last word."""
    before, found, after = text.rpartition("\n") if "\n" in text else text.rpartition(" ")
    return (before, after) if found else (text, "")
