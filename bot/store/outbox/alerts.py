"""Puts alerts into the queue: one row of `alert` for each destination that a change or a notice is for."""

from datetime import datetime

from bot.domain.chat.mutes import subjects_of
from bot.domain.deliver.alerts import Notice
from bot.domain.deliver.delivery import AlertState
from bot.domain.subscriptions import DestinationId
from bot.store.database.door import Database
from bot.store.database.signals import SignalName
from bot.store.outbox.muted import is_change_muted, is_notice_muted
from bot.store.outbox.notice_codec import notice_to_json
from bot.store.rows import to_milliseconds

MUTED = "muted"
"""What `alert.reason` says of an alert that is muted (its state is 'held')."""


def enqueue_alert(
    db: Database,
    destination_id: DestinationId,
    at: int,
    *,
    label: str = "",
    change_id: int | None = None,
    notice: Notice | None = None,
) -> None:
    """Enqueue an alert about a change or about a notice (exactly one of both) for a destination.

    `at` is now, in milliseconds; `label` what the destination calls the account. Where a mute covers it,
    the alert is kept back until the mute ends. Part of the caller's transaction.
    """
    # Mutes are looked up now, and not when messages are made: what a mute covers never enters the queue,
    # and no poll of the queue has to skip it.
    text = None if notice is None else notice_to_json(notice)
    is_muted = (change_id is not None and is_change_muted(db, destination_id, change_id)) or (
        notice is not None and is_notice_muted(db, destination_id, subjects_of(notice))
    )
    state, reason = (AlertState.MUTED, MUTED) if is_muted else (AlertState.WAITING, None)
    db.execute(
        "INSERT INTO alert (destination_id, change_id, notice, label, state, reason, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [destination_id, change_id, text, label, state, reason, at],
    )
    if not is_muted:
        db.notify(SignalName.OUTBOX)


def notify_owners(db: Database, notice: Notice, now: datetime) -> None:
    """Enqueue a notice for every owner."""
    with db.transaction():
        enqueue_owner_alerts(db, notice, to_milliseconds(now))


def enqueue_owner_alerts(db: Database, notice: Notice, at: int) -> int:
    """Enqueue a notice for every owner's private chat; returns how many. `at` is now, in milliseconds.

    Part of the caller's transaction.
    """
    destinations = owner_destinations(db)
    for destination_id in destinations:
        enqueue_alert(db, destination_id, at, notice=notice)
    return len(destinations)


def owner_destinations(db: Database) -> list[DestinationId]:
    """Return the destination of each owner's private chat, made where it isn't there yet.

    Part of the caller's transaction.
    """
    # An owner may never have written to the bot: then there is a chat by configuration, and no destination.
    db.execute(
        "INSERT INTO destination (chat_id, thread_id) SELECT id, 0 FROM chat WHERE is_owner = 1"
        " ON CONFLICT (chat_id, thread_id) DO NOTHING"
    )
    rows = db.execute(
        "SELECT d.id FROM destination d JOIN chat c ON c.id = d.chat_id"
        " WHERE c.is_owner = 1 AND d.thread_id = 0 ORDER BY d.id"
    )
    return [DestinationId(destination_id) for (destination_id,) in rows]
