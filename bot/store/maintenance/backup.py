"""Makes the daily copies of the database, and deals with a start from one of them (a restore)."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.domain.deliver.alerts import Restored
from bot.domain.subscriptions import DestinationId
from bot.store.chats.mutes import end_all
from bot.store.database.copy import copy_database
from bot.store.database.door import Database
from bot.store.outbox.alerts import enqueue_alert, owner_destinations
from bot.store.rows import to_milliseconds, to_moment

MESSAGES_PER_SECOND = 30
"""More than Telegram lets through: the most message ids a second that may have been given since a copy."""

CLOCK_MAY_HAVE_BEEN_WRONG = timedelta(hours=1)
"""Added to the age of a copy when numbers are left out: its time, or now, may be wrong."""

_STAMP = "%Y%m%dT%H%M%SZ"


def copy_of_today(
    source: Path, folder: Path, kept: int, now: datetime, is_given_up: Callable[[], bool]
) -> Path:
    """Add a copy to a folder, which has to exist, and delete the oldest beyond `kept`; returns its path.

    Files that are not named like a copy of this database are left alone. Raises CopyFailed; no older copy is
    deleted then.
    """
    copy = folder / f"{source.stem}-{now.astimezone(UTC).strftime(_STAMP)}{source.suffix}"
    name = rf"{re.escape(source.stem)}-\d{{8}}T\d{{6}}Z{re.escape(source.suffix)}"
    for left in _named(rf"\.{name}\.\w+(-journal)?", folder):  # by a program that was killed
        left.unlink(missing_ok=True)
    copy_database(source, copy, now, is_given_up)
    for old in _named(name, folder)[:-kept]:
        old.unlink(missing_ok=True)
    return copy


def record_restore(db: Database, now: datetime) -> datetime | None:
    """Adapt a database that is a copy put in place, once; returns when it was made, None: it is no copy.

    Numbers that may have been given since are skipped, so that no message id comes twice and no old button
    means something new. Mutes end, as somebody may have ended them since. Subscribed chats and owners get a
    notice.
    """
    with db.transaction():
        row = db.execute("SELECT value FROM setting WHERE name = 'copied_at'").fetchone()
        if row is None:
            return None
        copied_at = to_moment(int(row[0]))
        db.execute("DELETE FROM setting WHERE name = 'copied_at'")
        db.skip_ids(_most_given(now - copied_at))
        _end_mutes(db, now)
        subscribed = db.execute(
            "SELECT DISTINCT s.destination_id FROM subscription s JOIN destination d"
            " ON d.id = s.destination_id JOIN chat c ON c.id = d.chat_id WHERE c.open = 1"
        ).fetchall()
        concerned = {DestinationId(one) for (one,) in subscribed} | set(owner_destinations(db))
        for destination_id in sorted(concerned):
            enqueue_alert(db, destination_id, to_milliseconds(now), notice=Restored(copied_at))
        return copied_at


def _named(pattern: str, folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if re.fullmatch(pattern, path.name))


def _end_mutes(db: Database, now: datetime) -> None:
    for (destination_id,) in db.execute("SELECT DISTINCT destination_id FROM mute").fetchall():
        end_all(db, destination_id, now)
    db.execute("UPDATE quiet SET due_at = 0")


def _most_given(since: timedelta) -> int:
    """Return how many numbers a table may have given in the time since the copy, at most."""
    longest = max(since, timedelta()) + CLOCK_MAY_HAVE_BEEN_WRONG
    return int(longest.total_seconds()) * MESSAGES_PER_SECOND
