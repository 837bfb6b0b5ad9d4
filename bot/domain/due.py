"""When recurring work is due; its times are stored, so that a restart does not forget them."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Schedule:
    """The stored times of one recurring job."""

    at: datetime
    failing_since: datetime | None = None
    """Since when it has failed each time; None: it last succeeded."""


def is_due(due: Schedule | None, now: datetime, every: timedelta) -> bool:
    """Whether a job is due: it never ran, its time has come, or its time is impossibly far away.

    A clock that was wrong once must not put work off for years.
    """
    return due is None or due.at <= now or due.at > now + every


def next_at(due: Schedule | None, now: datetime, every: timedelta) -> datetime:
    """Return when a job is due next after running now: at its usual time, however late this run was."""
    if due is None or due.at > now:
        return now + every
    return due.at + every * ((now - due.at) // every + 1)
