"""When recurring work is due, and which stored moments only a clock that jumped can explain.

Stored times are not adjusted when the clock changes. A time further ahead than it could have been set must
have been stored before the clock was set back. That needs no memory of what the clock showed, so it works
after a restart too.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

CLOCK_SLACK = timedelta(minutes=1)
"""A clock set back by no more than this is ignored; a job then runs at most this much late."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The stored times of one recurring job."""

    at: datetime
    failing_since: datetime | None = None
    """Since when it has failed each time; None: it last succeeded."""


def next_midnight(now: datetime) -> datetime:
    """Return when the day after a moment's begins, in UTC."""
    return datetime.combine(now.astimezone(UTC).date() + timedelta(days=1), time(), UTC)


def is_impossible(at: datetime, now: datetime, longest: timedelta = timedelta(0)) -> bool:
    """Whether a moment that was at most so far ahead when it was stored shows that the clock was set back."""
    return at > now + longest + CLOCK_SLACK


def is_due(due: Schedule | None, now: datetime, every: timedelta) -> bool:
    """Whether a job is due: it never ran, its time has come, or its time is impossibly far away."""
    return due is None or due.at <= now or is_impossible(due.at, now, every)


def next_at(due: Schedule | None, now: datetime, every: timedelta) -> datetime:
    """Return when a job is due next after running now: at its usual time, however late this run was."""
    # A time ahead means that the clock was set back: counting on from it would put the job off.
    if due is None or due.at > now:
        return now + every
    return due.at + every * ((now - due.at) // every + 1)
