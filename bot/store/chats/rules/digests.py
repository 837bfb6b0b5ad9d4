"""When each destination gets its digests, and which get nothing else of changes."""

from datetime import time
from typing import NamedTuple

from bot.domain.chat.audit import Actor, AuditAction
from bot.domain.places import Place
from bot.domain.rules.digests import DigestSchedule
from bot.domain.subscriptions import DestinationId
from bot.store.chats.audit import record_audit
from bot.store.chats.chats import destination_here, destination_of, upsert_chat
from bot.store.database.door import Database
from bot.store.database.signals import SignalName
from bot.store.outbox.unreported import release
from bot.store.rows import to_milliseconds


class DigestResult(NamedTuple):
    """What became of digests that were set."""

    former: DigestSchedule | None
    released: int
    """Of so many balances changes were kept for a digest, which are reported now."""


def set_digest(
    db: Database, place: Place, schedule: DigestSchedule | None, actor: Actor, said: str
) -> DigestResult:
    """Let a place have these digests, or none; `said` is what the audit says of them.

    Where there were digests already, the next one goes on from the last. Whatever was kept for a digest is
    reported, unless changes are still told by digests alone.
    """
    with db.transaction():
        destination_id = destination_of(db, upsert_chat(db, place), place.thread_id)
        former = _schedule_of(db, destination_id)
        if schedule == former:
            return DigestResult(former, 0)
        record_audit(db, actor, AuditAction.DIGEST, place.chat_id, said)
        at = to_milliseconds(actor.at)
        if schedule is None:
            db.execute("DELETE FROM digest_schedule WHERE destination_id = ?", [destination_id])
        else:
            db.execute(_SET, [destination_id, *_columns(schedule), at, at])
        db.notify(SignalName.OUTBOX)
        was_only, is_only = former is not None and former.is_only, schedule is not None and schedule.is_only
        return DigestResult(former, release(db, destination_id, at) if was_only and not is_only else 0)


def digest_here(db: Database, place: Place) -> DigestSchedule | None:
    """Return when a place gets its digests; None: it gets none."""
    here = destination_here(db, place)
    return None if here is None else _schedule_of(db, here)


def told_by_digests_alone(db: Database) -> frozenset[DestinationId]:
    """Return the destinations in which changes have no alerts of their own."""
    rows = db.execute("SELECT destination_id FROM digest_schedule WHERE is_only = 1")
    return frozenset(DestinationId(destination_id) for (destination_id,) in rows)


def look_again(db: Database, destination_id: int, at: int) -> None:
    """Let the digests of a destination be judged anew, as the clock there is another one since `at`.

    Part of the caller's transaction.
    """
    # What the new clock says was due before it was set is not made up for.
    db.execute(
        "UPDATE digest_schedule SET due_at = 0,"
        " done_until = CASE WHEN done_until < ? THEN ? ELSE done_until END WHERE destination_id = ?",
        [at, at, destination_id],
    )


def to_schedule(at: int, weekday: int | None, is_only: int) -> DigestSchedule:
    """Return the schedule of its columns."""
    return DigestSchedule(time(*divmod(at, 60)), weekday, bool(is_only))


def _columns(schedule: DigestSchedule) -> tuple[int, int | None, bool]:
    return schedule.at.hour * 60 + schedule.at.minute, schedule.weekday, schedule.is_only


def _schedule_of(db: Database, destination_id: int) -> DigestSchedule | None:
    row = db.execute(
        "SELECT at, weekday, is_only FROM digest_schedule WHERE destination_id = ?", [destination_id]
    ).fetchone()
    return None if row is None else to_schedule(*row)


# It is due at once: then what everything is worth now is added up, for the first digest to compare with.
_SET = """
INSERT INTO digest_schedule
  (destination_id, at, weekday, is_only, looked_at, due_at, done_until, begins_at, after_alert_id, worth)
VALUES (?, ?, ?, ?, 0, 0, ?, ?, (SELECT coalesce(max(id), 0) FROM alert), '')
ON CONFLICT (destination_id) DO UPDATE SET
  at = excluded.at, weekday = excluded.weekday, is_only = excluded.is_only, due_at = 0,
  done_until = CASE WHEN digest_schedule.done_until < excluded.done_until
    THEN excluded.done_until ELSE digest_schedule.done_until END
"""
