"""Makes text of others safe to show: token symbols, labels, chat titles, error messages.

Such text may contain invisible characters, reverse the line, fill the screen, or be turned into a link by
Telegram; a symbol may also be made to be read as one of our numbers.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from bot.chat.text.html import EMPTY, Html, code
from bot.domain.symbols import BLANKS
from bot.domain.units import ELLIPSIS

CHARACTERS_MOST = 32
"""The length of a name that is shown, in characters as people count them."""

QUOTED_CHARACTERS_MOST = 300
"""The same of an error message: a sentence or two."""

_READ_MOST = 1_000
_MARKS_MOST = 4  # on one letter: enough for every living script, too few to climb out of the line
_DROPPED = frozenset({"Cc", "Cf", "Cn", "Co", "Cs"})
_OUR_MARKS = frozenset("🔴🟢✨⇄◦👁✅⚠🧪🔕🔔⏰✓")  # first in a line they say what happened
_LEFT_OUT = BLANKS | _OUR_MARKS
_SKIN_TONES = frozenset(map(chr, range(0x1F3FB, 0x1F400)))
_FLAG_LETTERS = frozenset(map(chr, range(0x1F1E6, 0x1F200)))
_EAST_ASIAN = frozenset({"BOPOMOFO", "CJK", "HANGUL", "HIRAGANA", "IDEOGRAPHIC", "KATAKANA"})

# What Telegram links without being asked, and what could be read as an amount of ours.
_ACTIVE = re.compile(
    r"""
      [@\#]                            # a mention, a tag, an email
    | \w[.。]\w                         # a domain
    | (?<!\w)/\w                       # a command
    | \$\w                             # a cashtag
    | ://
    | (?<!\w)[-+\u2212\u2013]\s*(\d|$) # a sign, with a number or before ours
    | \d(?:[\s().-]*\d){6}             # a phone number
    """,
    re.VERBOSE,
)

# What a symbol may be to stand as plain text: letters, with a few digits, and single `-`, `_`, `/` inside.
_PLAIN_SYMBOL = re.compile(r"[A-Za-z](?:[A-Za-z]|[0-9]{1,4}(?![0-9])|[-_/](?=[A-Za-z]))*")
# Of those, what reads like a part of an amount (`+5 M`, `+5 e18`, `+5 x10`), of a time, or like a message id.
# A suffix such as `/A` in `+5 K/A` does not make it a name.
_SPOKEN = re.compile(
    r"(?i:(?:[kmbtex][0-9]*|mn|bn|thousand|million|billion|utc)(?:[-_/].*)?)|(?=[A-Z]*[0-9])[A-Z0-9]{4,10}"
)


@lru_cache(maxsize=1_024)
def symbol(text: str) -> Html:
    """Return the symbol of a token in one line, safe to show; empty if nothing of it is visible.

    Whoever deploys a token chooses its symbol, and it stands beside our numbers: one that could be read as
    more than a name, such as an amount, an arrow, a time or an id, is shown as code.
    """
    shown = _cut(_cleaned(text))
    is_plain = _PLAIN_SYMBOL.fullmatch(shown) and not _SPOKEN.fullmatch(shown)
    return EMPTY + shown if is_plain or not shown else code(shown)


@lru_cache(maxsize=1_024)
def sanitized(text: str, otherwise: Html | str = EMPTY) -> Html:
    """Return a name in one line, safe to show; `otherwise` if nothing of it is visible.

    A name that mixes scripts, or that Telegram would turn into a link, is shown as code.
    """
    shown = _cut(_cleaned(text))
    if not shown:
        return EMPTY + otherwise
    return code(shown) if _is_active(shown) or _mixes_scripts(shown) else EMPTY + shown


def quoted(text: str, most: int = QUOTED_CHARACTERS_MOST) -> Html:
    """Return an error message of another program, as one line of code."""
    return code(_cut(_cleaned(text), most) or "?")


def _cleaned(text: str) -> str:
    seen = "".join(" " if character.isspace() else character for character in text[:_READ_MOST])
    kept = "".join(
        character
        for character in seen
        if unicodedata.category(character) not in _DROPPED and character not in _LEFT_OUT
    )
    return " ".join(unicodedata.normalize("NFC", kept).split())


def _cut(text: str, most: int = CHARACTERS_MOST) -> str:
    shown = _characters(text)
    if len(shown) > most:
        shown = [*shown[: most - 1], ELLIPSIS]
    return "".join(shown).strip()


def _characters(text: str) -> list[str]:
    """Split into characters as people count them; marks without a letter below them are dropped."""
    shown: list[str] = []
    for character in text:
        if shown and _belongs_to(shown[-1], character):
            if len(shown[-1]) <= _MARKS_MOST:
                shown[-1] += character
        elif not _is_mark(character):
            shown.append(character)
    return shown


def _belongs_to(before: str, character: str) -> bool:
    if character in _FLAG_LETTERS:
        return before in _FLAG_LETTERS
    return character in _SKIN_TONES or _is_mark(character)


def _is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("M")


def _is_active(shown: str) -> bool:
    return any(_ACTIVE.search(form) for form in (shown, unicodedata.normalize("NFKC", shown)))


def _mixes_scripts(shown: str) -> bool:
    return len(set(_scripts(shown))) > 1


def _scripts(shown: str) -> Iterable[str]:
    """Yield the script of each letter, from its Unicode name; those of East Asia count as one."""
    for character in shown:
        if unicodedata.category(character).startswith("L"):
            script = unicodedata.name(character, "").replace("-", " ").partition(" ")[0]
            yield "EAST ASIAN" if script in _EAST_ASIAN else script
