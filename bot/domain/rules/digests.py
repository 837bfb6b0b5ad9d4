"""Digests: when each is due, by the clock of the place that reads it.

A schedule is kept as a time of day and a weekday, never as an offset from UTC, so that eight o'clock stays
eight o'clock when the clock is set forward or back: a time that comes twice counts once, one that is left out
is the first one after it (`zones.moment_of`).
"""

from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo

from bot.domain.zones import moment_of

_DAYS = range(-8, 10)
"""From today: a weekday is among them twice, and a day may be left out where a zone crosses the date line."""


@dataclass(frozen=True, slots=True)
class DigestSchedule:
    """When a place gets its digests, and whether it gets changes beside them."""

    at: time
    """On the clock of the place."""
    weekday: int | None = None
    """0 is Monday; None: every day."""
    is_only: bool = False
    """Whether changes are told by digests alone."""

    @property
    def longest(self) -> timedelta:
        """How far apart two digests are at most, whatever happens to the clock of a zone."""
        return timedelta(days=2) if self.weekday is None else timedelta(days=8)


def last_due(schedule: DigestSchedule, now: datetime, zone: tzinfo) -> datetime:
    """Return when the newest digest was due, in UTC; now counts."""
    return max(at for at in _moments(schedule, now, zone) if at <= now)


def next_due(schedule: DigestSchedule, now: datetime, zone: tzinfo) -> datetime:
    """Return when the next digest is due, in UTC; now doesn't count."""
    return min(at for at in _moments(schedule, now, zone) if at > now)


def _moments(schedule: DigestSchedule, now: datetime, zone: tzinfo) -> list[datetime]:
    today = now.astimezone(zone).date()
    days = [today + timedelta(days=days) for days in _DAYS]
    return [
        moment_of(day, schedule.at, zone)
        for day in days
        if schedule.weekday is None or day.weekday() == schedule.weekday
    ]
