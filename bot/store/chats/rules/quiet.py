"""Quiet hours of destinations: a mute begins and ends by each of them, which nobody has to type.

A row of `quiet` says when to judge next. Between two moments its mute stands or does not, as people left it:
who ends it, ends it until the next quiet hours.
"""

from datetime import datetime, time, timedelta

from bot.domain.chat.audit import Actor, AuditAction
from bot.domain.deliver.alerts import MuteKind
from bot.domain.due import CLOCK_SLACK
from bot.domain.places import Place
from bot.domain.rules.quiet import QuietHours, quiet_span
from bot.domain.subscriptions import DestinationId
from bot.domain.zones import zone_named
from bot.store.chats.audit import record_audit
from bot.store.chats.chats import destination_here, destination_of, upsert_chat
from bot.store.chats.mutes import end_all
from bot.store.database.door import Database
from bot.store.database.signals import SignalName
from bot.store.each import DUE_AT_ONCE, write_each
from bot.store.rows import (
    Row,
    condition_to_json,
    to_condition,
    to_milliseconds,
    to_moment_or_none,
    words_of,
)

_LOOK_AGAIN = timedelta(days=7)
"""Where there are no quiet hours in sight."""


def set_quiet(db: Database, place: Place, hours: QuietHours | None, actor: Actor, said: str) -> int:
    """Let a place have these quiet hours, or none; returns how many changes are sent that were kept back.

    They are judged at once: it may be quiet already. `said` is what the audit says of them.
    """
    with db.transaction():
        destination_id = destination_of(db, upsert_chat(db, place), place.thread_id)
        if hours == _hours_of(db, destination_id):
            return 0
        record_audit(db, actor, AuditAction.QUIET, place.chat_id, said)
        db.execute("DELETE FROM quiet WHERE destination_id = ?", [destination_id])
        changes = end_all(db, destination_id, actor.at, MuteKind.QUIET)
        if hours is not None:
            db.insert_many("quiet", _COLUMNS, [_to_row(destination_id, hours)])
            _judge(db, destination_id, actor.at)
        db.notify(SignalName.OUTBOX)
        return changes


def quiet_here(db: Database, place: Place) -> QuietHours | None:
    """Return the quiet hours of a place; None: it has none."""
    here = destination_here(db, place)
    return None if here is None else _hours_of(db, here)


def judge_due(db: Database, now: datetime) -> datetime | None:
    """Begin and end what quiet hours are due; returns when the next are, None: nobody has any."""
    # What was judged in the future was so before the clock was set back: its next moment is too late.
    at, slack = to_milliseconds(now), to_milliseconds(now + CLOCK_SLACK)

    def due() -> list[Row]:
        return db.execute(
            "SELECT destination_id FROM quiet WHERE due_at <= ? OR judged_at > ? ORDER BY due_at LIMIT ?",
            [at, slack, DUE_AT_ONCE],
        ).fetchall()

    def judge(row: Row) -> None:
        _judge(db, row[0], now)

    write_each(db, due, judge)
    (due_at,) = db.execute("SELECT min(due_at) FROM quiet").fetchone()
    return to_moment_or_none(due_at)


def _judge(db: Database, destination_id: DestinationId, now: datetime) -> None:
    """Let it be quiet in a destination or not, as its hours say, and note when to judge again."""
    hours = _hours_of(db, destination_id)
    assert hours is not None
    (zone,) = db.execute("SELECT zone FROM destination WHERE id = ?", [destination_id]).fetchone()
    span = quiet_span(hours, now, zone_named(zone))
    at = to_milliseconds(now)
    due_at = at + _LOOK_AGAIN // timedelta(milliseconds=1)
    if span is None or span.begins > now:
        end_all(db, destination_id, now, MuteKind.QUIET)
        due_at = due_at if span is None else to_milliseconds(span.begins)
    else:
        due_at = to_milliseconds(span.ends)
        db.execute(
            "INSERT INTO mute (destination_id, account_id, chains, since, until, kind, alarms_pass)"
            " VALUES (?, NULL, '', ?, ?, ?, ?)"
            " ON CONFLICT (destination_id, coalesce(account_id, 0), chains, kind)"
            " DO UPDATE SET since = excluded.since, until = excluded.until",
            [destination_id, to_milliseconds(span.begins), due_at, MuteKind.QUIET, hours.alarms_pass],
        )
    db.execute(
        "UPDATE quiet SET judged_at = ?, due_at = ? WHERE destination_id = ?", [at, due_at, destination_id]
    )


_COLUMNS = ("destination_id", "begins", "ends", "days", "exception", "alarms_pass", "judged_at", "due_at")


def _to_row(destination_id: DestinationId, hours: QuietHours) -> Row:
    return (
        destination_id,
        _minutes(hours.begins),
        _minutes(hours.ends),
        words_of(hours.days),
        condition_to_json(hours.exception),
        hours.alarms_pass,
        0,
        0,
    )


def _hours_of(db: Database, destination_id: int) -> QuietHours | None:
    row = db.execute(
        "SELECT begins, ends, days, exception, alarms_pass FROM quiet WHERE destination_id = ?",
        [destination_id],
    ).fetchone()
    if row is None:
        return None
    begins, ends, days, exception, alarms_pass = row
    return QuietHours(
        begins=time(*divmod(begins, 60)),
        ends=time(*divmod(ends, 60)),
        days=frozenset(map(int, days.split())),
        exception=to_condition(exception),
        alarms_pass=bool(alarms_pass),
    )


def _minutes(at: time) -> int:
    return at.hour * 60 + at.minute
