"""Time zones of the places that read: a moment is written in the zone of its reader.

Whatever words a moment takes it from `now`, which comes in the reader's zone: `local(now, name)`. Moments
that are compared or counted with stay in UTC, as arithmetic within a zone ignores its changes of the clock.
"""

import re
from bisect import bisect_left
from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from difflib import get_close_matches
from zoneinfo import ZoneInfo

IN_UTC = ""
"""The name of no zone: times are UTC."""

OFFERED_MOST = 4
_CLOSE_ENOUGH = 0.7
_TELLING = 3
"""So many letters of a name say something."""
_BY_HOURS = re.compile(r"(?:utc|gmt)?_?[-+−]_?[0-9]")
_AN_OFFSET = re.compile(r"[+-][0-9]+")


def zone_named(name: str) -> tzinfo:
    """Return a zone by its IANA name; UTC for `IN_UTC`, and for a name that this machine does not know."""
    try:
        return ZoneInfo(name) if name else UTC
    except (LookupError, ValueError, OSError):  # the database may come from a machine with newer zones
        return UTC


def local(at: datetime, name: str) -> datetime:
    """Return the same moment in the zone of an IANA name."""
    return at.astimezone(zone_named(name))


def moment_of(day: date, at: time, zone: tzinfo, *, is_end: bool = False) -> datetime:
    """Return the moment, in UTC, in which clocks of a zone show a time of day.

    A time that is left out in spring is the first one that there is after it. Of one that comes twice in
    autumn the first is meant, or the second where something lasts until then (`is_end`).
    """
    first = datetime.combine(day, at, zone)
    second = first.replace(fold=1)
    before, after = first.utcoffset() or timedelta(), second.utcoffset() or timedelta()
    if before >= after:
        return (second if is_end else first).astimezone(UTC)
    # Left out: the clock is set forward in one of these seconds.
    earliest = datetime.combine(day, at, UTC) - after
    seconds = range((after - before) // timedelta(seconds=1) + 1)

    def is_set(second: int) -> int:
        return int((earliest + timedelta(seconds=second)).astimezone(zone).utcoffset() == after)

    return earliest + timedelta(seconds=bisect_left(seconds, 1, key=is_set))


def zone_word(at: datetime) -> str:
    """Return what people call the zone of a moment at that moment: `CET`, `CEST`, `UTC`, `+05:45`."""
    word = at.tzname() or ""
    # Where people have no word for it, its name is the bare offset: "+0545", "-03".
    if not _AN_OFFSET.fullmatch(word):
        return word
    return f"{word[:3]}:{word[3:5] or '00'}"


def zone_meant(typed: str, names: Collection[str]) -> str | None:
    """Return the zone that somebody names, by its whole name or its city, in any case; None: it is in doubt.

    `names` are all there are.
    """
    wanted = _key(typed)
    whole = [name for name in names if _key(name) == wanted]
    found = whole or [name for name in names if _city(name) == wanted]
    return found[0] if len(found) == 1 else None


def zones_like(typed: str, names: Collection[str]) -> tuple[str, ...]:
    """Return a few zones that somebody may mean, the likeliest first."""
    wanted = _key(typed)
    if _BY_HOURS.match(wanted):
        return ()  # "UTC+2" is near to UTC by its letters alone
    by_key = {key: name for name in sorted(names) for key in (_key(name), _city(name)) if key}
    containing = [name for key, name in by_key.items() if len(wanted) >= _TELLING and wanted in key]
    close = [by_key[key] for key in get_close_matches(wanted, by_key, OFFERED_MOST, _CLOSE_ENOUGH)]
    return tuple(dict.fromkeys([*containing, *close]))[:OFFERED_MOST]


def _city(name: str) -> str:
    return _key(name).rpartition("/")[2] if "/" in name else ""


def _key(name: str) -> str:
    return re.sub(r"[\s_]+", "_", name.strip()).casefold()
