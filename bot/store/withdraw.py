"""What is never told after all: taken back with its chat, or too old."""

from datetime import datetime, timedelta

from sqlite_utils import Database

from bot.domain.deliver.alerts import Dropped
from bot.domain.deliver.delivery import AlertState, DeliveryState
from bot.domain.subscriptions import DestinationId
from bot.store.alerts import enqueue_alert
from bot.store.database import transaction
from bot.store.notice_codec import notice_to_json, to_notice
from bot.store.outbox import UNFINISHED
from bot.store.rows import to_milliseconds, to_moment

_IS_DROPPED = """notice LIKE '{"kind": "dropped"%'"""
_IS_UNDELIVERED = """notice LIKE '{"kind": "undelivered"%'"""
_LASTS = f"({_IS_DROPPED} OR {_IS_UNDELIVERED})"
"""These notices never expire: they say what was not told. As `notice_to_json` begins them."""


def withdraw(db: Database, chat_id: int) -> int:
    """Withdraw what waits for a chat, but what is being sent right now; returns the number of alerts.

    Part of the caller's transaction.
    """
    here = "destination_id IN (SELECT id FROM destination WHERE chat_id = ?)"
    ready = f"{UNFINISHED} AND state = 'ready' AND {here}"
    waiting = db.execute(
        f"UPDATE alert SET state = 'withdrawn' WHERE state = 'waiting' AND {here}", [chat_id]
    )
    held = db.execute(f"UPDATE alert SET state = 'withdrawn' WHERE state = 'held' AND {here}", [chat_id])
    bound = db.execute(
        "UPDATE alert SET state = 'withdrawn' WHERE state = 'bound'"
        f" AND delivery_id IN (SELECT id FROM delivery WHERE {ready})",
        [chat_id],
    )
    db.execute(f"UPDATE delivery SET state = 'withdrawn' WHERE {ready}", [chat_id])
    return waiting.rowcount + held.rowcount + bound.rowcount


def withdraw_all(db: Database, chat_id: int) -> int:
    """Withdraw what a chat that closes was to be told, with what kept it back; returns how many alerts.

    Part of the caller's transaction.
    """
    here = "SELECT id FROM destination WHERE chat_id = ?"
    db.execute(f"DELETE FROM mute WHERE destination_id IN ({here})", [chat_id])
    return withdraw(db, chat_id)


def withdraw_emptied(db: Database) -> None:
    """Withdraw messages that have nothing left to tell: another one told it where two chats became one.

    Part of the caller's transaction.
    """
    db.execute(
        f"UPDATE delivery SET state = 'withdrawn' WHERE {UNFINISHED} AND state = 'ready'"
        " AND NOT EXISTS (SELECT 1 FROM alert l WHERE l.delivery_id = delivery.id)"
    )


def expire(db: Database, now: datetime, after: timedelta) -> int:
    """Drop what has waited for so long, and let each destination be told how much that was; returns it.

    Changes are counted; notices that waited for so long say nothing any more and go without a word.
    """
    limit, at = to_milliseconds(now - after), to_milliseconds(now)
    with transaction(db):
        rows = [*db.execute(_EXPIRED_WAITING, [limit]).fetchall(), *db.execute(_EXPIRED_BOUND, [limit])]
        for delivery_id in {delivery_id for *_, delivery_id in rows if delivery_id is not None}:
            db.execute("UPDATE delivery SET state = ? WHERE id = ?", [DeliveryState.EXPIRED, delivery_id])
        db.conn.executemany(
            "UPDATE alert SET state = ? WHERE id = ?",
            [(AlertState.EXPIRED, alert_id) for alert_id, *_ in rows],
        )
        changes = [(destination_id, seen_at) for _, destination_id, seen_at, _ in rows if seen_at is not None]
        for destination_id in dict.fromkeys(destination_id for destination_id, _ in changes):
            moments = [seen_at for destination, seen_at in changes if destination == destination_id]
            dropped = Dropped(len(moments), to_moment(min(moments)), to_moment(max(moments)))
            _tell_dropped(db, DestinationId(destination_id), dropped, at)
    return len(changes)


_EXPIRED_WAITING = f"""
SELECT l.id, l.destination_id, c.observed_at, NULL FROM alert l LEFT JOIN change c ON c.id = l.change_id
WHERE l.state = 'waiting' AND ifnull(l.released_at, l.created_at) < ? AND (notice IS NULL OR NOT {_LASTS})
"""

_EXPIRED_BOUND = f"""
SELECT l.id, l.destination_id, c.observed_at, d.id
FROM delivery d JOIN alert l ON l.delivery_id = d.id LEFT JOIN change c ON c.id = l.change_id
WHERE d.{UNFINISHED} AND d.state = 'ready'
AND (SELECT max(ifnull(o.released_at, o.created_at)) FROM alert o WHERE o.delivery_id = d.id) < ?
AND NOT EXISTS (SELECT 1 FROM alert o WHERE o.delivery_id = d.id AND {_LASTS})
"""


def _tell_dropped(db: Database, destination_id: DestinationId, dropped: Dropped, at: int) -> None:
    """Add to what the destination is to be told of, or let it be told."""
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
