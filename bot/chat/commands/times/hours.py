"""How quiet hours are typed and written: `22:00-07:00 on weekdays except min $10k all`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import time

from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.conditions import (
    TypedCondition,
    read_condition,
    refuse_counterparties,
    write_condition,
)
from bot.chat.commands.arguments.errors import LineRefused, Offer
from bot.domain.chains import Chains
from bot.domain.rules.quiet import EVERY_DAY, MIDNIGHT, WEEKDAYS, WEEKENDS, QuietHours

DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NOON = 12
_END_OF_DAY = 24
_CLOCK = r"([0-9]{1,2})(?::([0-9]{2}))? ?(am|pm)?"
_HOURS = re.compile(
    rf"(?:from )?{_CLOCK} ?(?:-|\u2013|\u2014|to|until|till) ?{_CLOCK}(?=$|[ ,])", re.IGNORECASE | re.ASCII
)
_DAY = r"(?:mon|tues?|wed(?:nes)?|thu(?:rs?)?|fri|sat(?:ur)?|sun)(?:day)?s?"
_DAYS = (
    rf"(?:weekdays?|weekends?|every day|daily|{_DAY}(?:(?: ?- ?| ?, ?(?:and )?| and | ){_DAY})*)(?=$|[ ,])"
)
_LEADING_DAYS = re.compile(rf"^(?:on )?(?P<days>{_DAYS})", re.IGNORECASE)
_ON_DAYS = re.compile(rf"(?:^|(?<= ))on (?P<days>{_DAYS})", re.IGNORECASE)
_ALL = re.compile(r"(?:^|(?<= ))(?:and )?all(?=$|[ ,])", re.IGNORECASE)
_EXCEPT = re.compile(r"^(?:except|but)(?: for)?(?: |$)", re.IGNORECASE)
_USUAL = (
    Offer("22:00–07:00", "22:00-07:00"),
    Offer("The same on weekdays", "22:00-07:00 on weekdays"),
)
_NAMED = {"weekday": WEEKDAYS, "weekend": WEEKENDS, "every day": EVERY_DAY, "daily": EVERY_DAY}


@dataclass(frozen=True, slots=True)
class TypedHours:
    """Quiet hours as they were typed; which tokens an exception names is for the place to say."""

    begins: time
    ends: time
    days: frozenset[int] = EVERY_DAY
    exception: TypedCondition | None = None
    alarms_pass: bool = True


def read_hours(text: str, chains: ChainReader) -> TypedHours:
    """Return the quiet hours that a text is, all of it. Raises LineRefused."""
    typed_text, days_first = text, _LEADING_DAYS.match(text)
    if days_first is not None:
        text = f"{text[days_first.end() :].strip(' ,')} on {days_first['days']}"
    found = _HOURS.match(text)
    if found is None:
        why = "is not what I take for quiet hours. Send them as 22:00-07:00."
        raise LineRefused(typed_text, why).offering(*_USUAL)
    begins, ends = _time(*found.groups()[:3]), _time(*found.groups()[3:])
    rest = text[found.end() :].strip(" ,")
    # Right behind the hours "on" may be left out; elsewhere a token may be called SUN.
    typed = _LEADING_DAYS.search(rest) or _ON_DAYS.search(rest)
    days = _days(typed["days"]) if typed else EVERY_DAY
    rest = _without(rest, typed)
    alarms_too = _ALL.search(rest)
    rest = _without(rest, alarms_too)
    if begins == ends and days == EVERY_DAY:
        raise LineRefused(found[0], "would be quiet for ever. /mute keeps alerts back, for 30 days at most.")
    exception = _EXCEPT.match(rest)
    if rest and exception is None:
        raise LineRefused(rest, "is no part of quiet hours. “except min $10k”, “on weekdays” and “all” are.")
    condition = rest[exception.end() :].strip() if exception else ""
    if exception is not None and not condition:
        raise LineRefused("except", "is followed by nothing. Changes come after it, such as min $10k.")
    passing = read_condition(condition, chains) if condition else None
    if passing is not None:
        refuse_counterparties(passing)
    return TypedHours(
        begins=begins,
        ends=ends,
        days=days,
        exception=passing,
        alarms_pass=alarms_too is None,
    )


def write_hours(hours: QuietHours, chains: Chains) -> str:
    """Return the text that is read as these quiet hours."""
    words = [f"{hours.begins:%H:%M}-{hours.ends:%H:%M}"]
    if hours.days != EVERY_DAY:
        words.append("on " + ",".join(DAY_NAMES[day] for day in sorted(hours.days)))
    if not hours.alarms_pass:
        words.append("all")
    if hours.exception is not None:
        words.append("except " + write_condition(hours.exception, chains))
    return " ".join(words)


def _without(text: str, found: re.Match[str] | None) -> str:
    if found is None:
        return text
    return " ".join(f"{text[: found.start()]} {text[found.end() :]}".replace(" ,", " ").split())


def _time(hour: str, minute: str | None, half: str | None) -> time:
    hours, minutes = int(hour), int(minute or 0)
    typed = f"{hour}{f':{minute}' if minute else ''}{half or ''}"
    if half:
        if not 1 <= hours <= _NOON:
            raise LineRefused(typed, "is no time of day. Send one such as 22:00.")
        hours = hours % _NOON + _NOON * (half.casefold() == "pm")
    if (hours, minutes) == (_END_OF_DAY, 0):
        return MIDNIGHT
    try:
        return time(hours, minutes)
    except ValueError:
        raise LineRefused(typed, "is no time of day. Send one such as 22:00.") from None


def _days(typed: str) -> frozenset[int]:
    word = " ".join(typed.casefold().split())
    named = _NAMED.get(word) or _NAMED.get(word.removesuffix("s"))
    return named if named is not None else frozenset(_listed(word))


def _listed(word: str) -> Iterator[int]:
    for part in re.split(r" ?, ?(?:and )?| and |(?<![- ]) (?!-)", re.sub(r" ?- ?", "-", word)):
        first, _, last = part.partition("-")
        begin, end = DAY_NAMES.index(first[:3]), DAY_NAMES.index((last or first)[:3])
        # A range may go over the end of the week: fri-mon.
        yield from (day % 7 for day in range(begin, begin + (end - begin) % 7 + 1))
