"""When each recurring job is due next, and since when it fails."""

from collections.abc import Mapping
from datetime import datetime

from bot.domain.deliver.alerts import Notice
from bot.domain.due import Schedule
from bot.store.database.door import Database
from bot.store.outbox.alerts import enqueue_owner_alerts
from bot.store.rows import to_milliseconds, to_moment, to_moment_or_none


def due_work(db: Database) -> Mapping[str, Schedule]:
    """Return the schedule of each job that ever ran, by its name."""
    rows = db.execute("SELECT name, at, failing_since FROM due")
    return {name: Schedule(to_moment(at), to_moment_or_none(since)) for name, at, since in rows}


def record_success(
    db: Database, name: str, next_at: datetime, now: datetime, recovery: Notice | None
) -> None:
    """Record that a job succeeded; if it failed before, owners get `recovery`."""
    with db.transaction():
        if recovery and _is_failing(db, name):
            enqueue_owner_alerts(db, recovery, to_milliseconds(now))
        _write(db, name, next_at, failing_since=None)


def record_failure(db: Database, name: str, next_at: datetime, now: datetime, trouble: Notice | None) -> None:
    """Record that a job failed; the first time in a row, owners get `trouble`."""
    with db.transaction():
        if _is_failing(db, name):
            db.execute("UPDATE due SET at = ? WHERE name = ?", [to_milliseconds(next_at), name])
            return
        _write(db, name, next_at, failing_since=now)
        if trouble:
            enqueue_owner_alerts(db, trouble, to_milliseconds(now))


def _is_failing(db: Database, name: str) -> bool:
    row = db.execute("SELECT 1 FROM due WHERE name = ? AND failing_since IS NOT NULL", [name]).fetchone()
    return row is not None


def _write(db: Database, name: str, next_at: datetime, *, failing_since: datetime | None) -> None:
    since = None if failing_since is None else to_milliseconds(failing_since)
    job = (name, to_milliseconds(next_at), since)
    db.upsert_many("due", ["name", "at", "failing_since"], [job], key=["name"])
