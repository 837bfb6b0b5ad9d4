"""The axis of time: a few ticks where the clocks of a zone show a round time of day, a day, or a month."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, tzinfo
from typing import NamedTuple

from bot.domain.zones import moment_of

_TICKS_MOST = 6
_DAY = timedelta(days=1)

_MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720)
_DAYS = (1, 2, 7, 14)
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 240)
_LONGEST_MONTH = timedelta(days=31)


class TimeTick(NamedTuple):
    """One tick, and what is written at it."""

    at: datetime
    label: str


def time_ticks(since: datetime, until: datetime, zone: tzinfo) -> tuple[TimeTick, ...]:
    """Return the ticks from one moment to another, the earliest first."""
    first, last = since.astimezone(zone), until.astimezone(zone)
    return tuple(
        TimeTick(at, label)
        for at, label in _ticks(first.date(), last.date(), until - since, zone)
        if since <= at <= until
    )


def _ticks(first: date, last: date, span: timedelta, zone: tzinfo) -> Iterator[tuple[datetime, str]]:
    for minutes in _MINUTES:
        if span <= timedelta(minutes=minutes) * _TICKS_MOST:
            return _times(first, last, minutes, zone)
    for days in _DAYS:
        if span <= timedelta(days=days) * _TICKS_MOST:
            return _days(first, last, days, zone)
    months = next((some for some in _MONTHS if span <= some * _LONGEST_MONTH * _TICKS_MOST), _MONTHS[-1])
    return _months(first, last, months, zone)


def _times(first: date, last: date, minutes: int, zone: tzinfo) -> Iterator[tuple[datetime, str]]:
    shown = set[datetime]()
    for day in _days_between(first, last):
        for minute in range(0, 24 * 60, minutes):
            at = moment_of(day, time(minute // 60, minute % 60), zone)
            # What clocks leave out in spring is the first moment after it, which is shown once.
            if at not in shown:
                shown.add(at)
                yield at, f"{at.astimezone(zone):%H:%M}" if minute else _day(day)


def _days(first: date, last: date, days: int, zone: tzinfo) -> Iterator[tuple[datetime, str]]:
    for day in _days_between(first, last):
        if (day.toordinal() - 1) % days == 0:  # weeks begin on Monday
            yield moment_of(day, time(), zone), _day(day)


def _months(first: date, last: date, months: int, zone: tzinfo) -> Iterator[tuple[datetime, str]]:
    for number in range(first.year * 12 + first.month - 1, last.year * 12 + last.month):
        if number % months == 0:
            day = date(number // 12, number % 12 + 1, 1)
            yield moment_of(day, time(), zone), f"{day:%b}" if day.month > 1 else f"{day.year}"


def _days_between(first: date, last: date) -> Iterator[date]:
    return (first + number * _DAY for number in range((last - first).days + 1))


def _day(day: date) -> str:
    return f"{day.day} {day:%b}"
