"""How far back somebody looks, as people type it: `7d`, `last 2 weeks`, `yesterday`."""

import re
from collections.abc import Sequence
from datetime import timedelta

from bot.chat.commands.arguments.errors import LineRefused

_PERIOD = re.compile(
    r"(?P<number>[0-9]{1,4})(?P<unit>h|d|w|mo|y)(?:rs?|ours?|ays?|eeks?|nths?|ears?)?",
    re.IGNORECASE | re.ASCII,
)
_APART = re.compile(
    r"(?<!\S)([0-9]{1,4}) (?=(?:h|hrs?|hours?|d|days?|w|weeks?|mo|months?|y|years?)(?!\S))",
    re.IGNORECASE | re.ASCII,
)
"""Between the two words of `7 days`."""
_MINUTES_OR_MONTHS = re.compile(r"(?P<number>[0-9]{1,4})m(?:in.*)?", re.IGNORECASE | re.ASCII)
_A_LENGTH = re.compile(f"{_PERIOD.pattern}|[0-9]{{1,4}}m(?:in.*)?", re.IGNORECASE | re.ASCII)
_BEFORE_IT = frozenset({"last", "past", "this", "the"})
_MOMENT = re.compile(
    r"(?:mon|tue|wed|thu|fri|mon|tues|wednes|thurs|fri|satur|sun)(?:day)?"
    r"|january|february|march|april|may|june|july|august|september|october|november|december"
    r"|q[1-4]|ytd|(?:19|20)[0-9]{2}|[0-9]{1,4}[-./][0-9]{1,2}(?:[-./][0-9]{1,4})?|[0-9]{1,2}:[0-9]{2}",
    re.IGNORECASE | re.ASCII,
)
_YEAR = re.compile(r"(?:19|20)[0-9]{2}", re.ASCII)
_HOUR, _DAY, _YEAR_LONG = timedelta(hours=1), timedelta(days=1), timedelta(days=365)
_UNITS = {"h": _HOUR, "d": _DAY, "w": 7 * _DAY, "mo": 30 * _DAY, "y": _YEAR_LONG}
_NAMED = {
    "hour": _HOUR,
    "day": _DAY,
    "today": _DAY,
    "yesterday": 2 * _DAY,
    "week": 7 * _DAY,
    "month": 30 * _DAY,
    "quarter": 90 * _DAY,
    "year": _YEAR_LONG,
}
_LONGEST = timedelta(days=36_500)


def put_together(words: Sequence[str]) -> list[str]:
    """Return the words with `7 days` as one of them."""
    return _APART.sub(r"\1", " ".join(words)).split()


def read_number(word: str) -> timedelta | None:
    """Return the length of `7d`; None: the word is none. Raises LineRefused for one out of all bounds."""
    read = _PERIOD.fullmatch(word)
    if read is None:
        return None
    span = int(read["number"]) * _UNITS[read["unit"].casefold()]
    if not timedelta(0) < span <= _LONGEST:
        raise LineRefused(word, "is no time to look back. Send one like 24h, 7d, 2w, 3mo or 1y.")
    return span


def read_named(word: str) -> timedelta | None:
    """Return a length that reaches back to `yesterday`, or further; None: the word is none."""
    return _NAMED.get(word.casefold())


def spelled(span: timedelta) -> str:
    """Return a length of time as it is typed: `12h`, `7d`, `1y`."""
    if span % _YEAR_LONG == timedelta(0):
        return f"{span // _YEAR_LONG}y"
    return f"{span // _DAY}d" if span % _DAY == timedelta(0) else f"{span // _HOUR}h"


def in_words(span: timedelta) -> str:
    """Return what follows “the last”: `hour`, `24 hours`, `7 days`."""
    if span > _DAY and span % _DAY == timedelta(0):
        return f"{span // _DAY:,} days"
    hours = span // _HOUR
    return "hour" if hours == 1 else f"{hours:,} hours"


def are_period(words: Sequence[str]) -> bool:
    """Whether words are a length of time and nothing else, be it a possible one or not."""
    return all(
        word.casefold() in _NAMED or word.casefold() in _BEFORE_IT or _A_LENGTH.fullmatch(word)
        for word in put_together(words)
    )


def is_year(word: str) -> bool:
    """Whether a number is rather a year than the id of a chain that nobody lists."""
    return _YEAR.fullmatch(word) is not None


def unclear(text: str) -> LineRefused | None:
    """Return why a text has a time that may be two; None: it has none."""
    found = next(filter(None, map(_MINUTES_OR_MONTHS.fullmatch, text.split())), None)
    if found is None:
        return None
    reason = f"could be months. Write {found['number']}mo, or a time in hours, such as 3h."
    return LineRefused(found[0], reason)


def no_length(text: str) -> LineRefused | None:
    """Return why a day, a month or a date is not taken; None: a text is none."""
    if not all(map(_MOMENT.fullmatch, text.split())):
        return None
    return LineRefused(
        text, "is no length of time. I look back from now: send one like 24h, 7d, 2w, 3mo or 1y."
    )
