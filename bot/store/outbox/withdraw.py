"""Ends alerts that are never sent: their chat was closed, or they waited too long."""

from datetime import datetime, timedelta

from bot.domain.deliver.alerts import Dropped
from bot.domain.deliver.delivery import AlertState, DeliveryState
from bot.domain.subscriptions import DestinationId
from bot.store.database.door import Database
from bot.store.outbox.alerts import enqueue_alert
from bot.store.outbox.notice_codec import notice_to_json, to_notice
from bot.store.outbox.queue import UNFINISHED
from bot.store.rows import to_milliseconds, to_moment

# As `notice_codec` begins the JSON of these kinds.
_IS_DROPPED = """notice LIKE '{"kind": "dropped"%'"""
_IS_UNDELIVERED = """notice LIKE '{"kind": "undelivered"%'"""
_LASTS = f"({_IS_DROPPED} OR {_IS_UNDELIVERED})"
"""These notices never expire: they say that something was not told."""


def withdraw(db: Database, chat_id: int) -> int:
    """Withdraw the alerts of a chat, all but those being sent right now; returns how many.

    Part of the caller's transaction.
    """
    here = "destination_id IN (SELECT id FROM destination WHERE chat_id = ?)"
    ready = f"{UNFINISHED} AND state = 'ready' AND {here}"
    # Not `state IN ('waiting', 'held')`: each alone finds its rows by the index of that state.
    waiting = db.execute(
        f"UPDATE alert SET state = 'withdrawn' WHERE state = 'waiting' AND {here}", [chat_id]
    )
    muted = db.execute(f"UPDATE alert SET state = 'withdrawn' WHERE state = 'held' AND {here}", [chat_id])
    bound = db.execute(
        "UPDATE alert SET state = 'withdrawn' WHERE state = 'bound'"
        f" AND delivery_id IN (SELECT id FROM delivery WHERE {ready})",
        [chat_id],
    )
    db.execute(f"UPDATE delivery SET state = 'withdrawn' WHERE {ready}", [chat_id])
    return waiting.rowcount + muted.rowcount + bound.rowcount


def withdraw_all(db: Database, chat_id: int) -> int:
    """Withdraw the alerts of a chat that closes, and end its mutes and what is held back; returns how many.

    Part of the caller's transaction.
    """
    here = "SELECT id FROM destination WHERE chat_id = ?"
    db.execute(f"DELETE FROM mute WHERE destination_id IN ({here})", [chat_id])
    # Its quiet hours stay: it may be quiet there when it is opened again.
    db.execute(f"UPDATE quiet SET due_at = 0 WHERE destination_id IN ({here})", [chat_id])
    db.execute(f"DELETE FROM unreported WHERE destination_id IN ({here})", [chat_id])
    return withdraw(db, chat_id)


def withdraw_emptied(db: Database) -> None:
    """Withdraw messages without alerts: where two chats became one, another message had the same ones.

    Part of the caller's transaction.
    """
    db.execute(
        f"UPDATE delivery SET state = 'withdrawn' WHERE {UNFINISHED} AND state = 'ready'"
        " AND NOT EXISTS (SELECT 1 FROM alert l WHERE l.delivery_id = delivery.id)"
    )


def expire(db: Database, now: datetime, after: timedelta) -> int:
    """Drop alerts that have waited longer than `after`; returns how many changes that were.

    Each destination gets a notice of how many changes it missed. Old notices are dropped without one.
    """
    limit, at = to_milliseconds(now - after), to_milliseconds(now)
    with db.transaction():
        # All are read before the first update: SQLite may show a row or not that changes meanwhile.
        rows = [*db.execute(_EXPIRED_WAITING, [limit]).fetchall(), *db.execute(_EXPIRED_BOUND, [limit])]
        for delivery_id in {delivery_id for *_, delivery_id in rows if delivery_id is not None}:
            db.execute("UPDATE delivery SET state = ? WHERE id = ?", [DeliveryState.EXPIRED, delivery_id])
        db.executemany(
            "UPDATE alert SET state = ? WHERE id = ?",
            [(AlertState.EXPIRED, alert_id) for alert_id, *_ in rows],
        )
        changes = [(destination_id, seen_at) for _, destination_id, seen_at, _ in rows if seen_at is not None]
        for destination_id in dict.fromkeys(destination_id for destination_id, _ in changes):
            moments = [seen_at for destination, seen_at in changes if destination == destination_id]
            dropped = Dropped(len(moments), to_moment(min(moments)), to_moment(max(moments)))
            _enqueue_dropped(db, DestinationId(destination_id), dropped, at)
    return len(changes)


_EXPIRED_WAITING = f"""
SELECT l.id, l.destination_id, c.observed_at, NULL FROM alert l LEFT JOIN change c ON c.id = l.change_id
WHERE l.state = 'waiting' AND coalesce(l.released_at, l.created_at) < ? AND (notice IS NULL OR NOT {_LASTS})
"""

# A message expires with the newest of its alerts, as they are sent together or not at all.
_EXPIRED_BOUND = f"""
SELECT l.id, l.destination_id, c.observed_at, d.id
FROM delivery d JOIN alert l ON l.delivery_id = d.id LEFT JOIN change c ON c.id = l.change_id
WHERE d.{UNFINISHED} AND d.state = 'ready'
AND (SELECT max(coalesce(o.released_at, o.created_at)) FROM alert o WHERE o.delivery_id = d.id) < ?
AND NOT EXISTS (SELECT 1 FROM alert o WHERE o.delivery_id = d.id AND {_LASTS})
"""


def _enqueue_dropped(db: Database, destination_id: DestinationId, dropped: Dropped, at: int) -> None:
    """Enqueue a notice of what was dropped, or add to one that still waits: one tells it all."""
    row = db.execute(
        f"SELECT id, notice FROM alert WHERE destination_id = ? AND state = 'waiting' AND {_IS_DROPPED}",
        [destination_id],
    ).fetchone()
    before = None if row is None else to_notice(row[1])
    if not isinstance(before, Dropped):
        enqueue_alert(db, destination_id, at, notice=dropped)
        return
    both = Dropped(before.changes + dropped.changes, min(before.first_at, dropped.first_at), dropped.last_at)
    db.execute("UPDATE alert SET notice = ? WHERE id = ?", [notice_to_json(both), row[0]])
