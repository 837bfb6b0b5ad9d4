"""When work that comes round again is due; its times are kept, so that they outlive the process."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Schedule:
    """What is kept of one such work."""

    at: datetime
    failing_since: datetime | None = None
    """It failed then for the first time, and every time since."""


def is_due(due: Schedule | None, now: datetime, every: timedelta) -> bool:
    """Whether it is to be done now: it never was, its time has come, or that time is too far away to be true.

    A clock that was wrong once must not put work off for years.
    """
    return due is None or due.at <= now or due.at > now + every


def next_at(due: Schedule | None, now: datetime, every: timedelta) -> datetime:
    """Return when it is due after it was done now: at its usual time, however late this one was."""
    if due is None or due.at > now:
        return now + every
    return due.at + every * ((now - due.at) // every + 1)
