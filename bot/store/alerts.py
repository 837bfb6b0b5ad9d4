"""Alerts that wait for their turn: of changes and of notices, to whoever is to hear of them."""

from sqlite_utils import Database

from bot.domain.chat.mutes import subjects_of
from bot.domain.deliver.alerts import Notice
from bot.domain.deliver.delivery import AlertState
from bot.domain.subscriptions import DestinationId
from bot.store.muted import holds_change, holds_notice
from bot.store.notice_codec import notice_to_json

MUTED = "muted"
"""Why an alert is held."""


def enqueue_alert(
    db: Database,
    destination_id: DestinationId,
    at: int,
    *,
    label: str = "",
    change_id: int | None = None,
    notice: Notice | None = None,
) -> None:
    """Let a destination be told of a change, or of a notice, once it is not muted; `at` in milliseconds.

    Part of the caller's transaction.
    """
    text = None if notice is None else notice_to_json(notice)
    held = (change_id is not None and holds_change(db, destination_id, change_id)) or (
        notice is not None and holds_notice(db, destination_id, subjects_of(notice))
    )
    state, reason = (AlertState.HELD, MUTED) if held else (AlertState.WAITING, None)
    db.execute(
        "INSERT INTO alert (destination_id, change_id, notice, label, state, reason, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [destination_id, change_id, text, label, state, reason, at],
    )


def enqueue_owner_alerts(db: Database, notice: Notice, at: int) -> int:
    """Let every owner be told in their private chat; returns how many.

    Part of the caller's transaction.
    """
    destinations = owner_destinations(db)
    for destination_id in destinations:
        enqueue_alert(db, destination_id, at, notice=notice)
    return len(destinations)


def owner_destinations(db: Database) -> list[DestinationId]:
    """Return where each owner is told what only owners need to know.

    Part of the caller's transaction.
    """
    db.execute(
        "INSERT OR IGNORE INTO destination (chat_id, thread_id) SELECT id, 0 FROM chat WHERE is_owner = 1"
    )
    rows = db.execute(
        "SELECT d.id FROM destination d JOIN chat c ON c.id = d.chat_id"
        " WHERE c.is_owner = 1 AND d.thread_id = 0 ORDER BY d.id"
    )
    return [DestinationId(destination_id) for (destination_id,) in rows]
