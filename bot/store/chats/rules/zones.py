"""In which time zone each destination reads."""

from bot.domain.chat.audit import Actor, AuditAction
from bot.domain.places import Place
from bot.domain.zones import IN_UTC
from bot.store.chats.audit import record_audit
from bot.store.chats.chats import destination_of, upsert_chat
from bot.store.chats.rules.digests import look_again
from bot.store.database.door import Database
from bot.store.database.signals import SignalName
from bot.store.rows import to_milliseconds


def zone_here(db: Database, place: Place) -> str:
    """Return the IANA name of the zone in which a place reads, `IN_UTC` if none was chosen."""
    row = db.execute(
        "SELECT d.zone FROM destination d JOIN chat c ON c.id = d.chat_id"
        " WHERE c.telegram_id = ? AND d.thread_id = ?",
        [place.chat_id, place.thread_id or 0],
    ).fetchone()
    return IN_UTC if row is None else str(row[0])


def set_zone(db: Database, place: Place, zone: str, actor: Actor) -> str:
    """Let a place read in a zone, or in UTC; returns the one before."""
    with db.transaction():
        destination_id = destination_of(db, upsert_chat(db, place), place.thread_id)
        (before,) = db.execute("SELECT zone FROM destination WHERE id = ?", [destination_id]).fetchone()
        if before != zone:
            db.execute("UPDATE destination SET zone = ? WHERE id = ?", [zone, destination_id])
            # It may be quiet there now, or no longer.
            db.execute("UPDATE quiet SET due_at = 0 WHERE destination_id = ?", [destination_id])
            db.notify(SignalName.OUTBOX)
            look_again(db, destination_id, to_milliseconds(actor.at))
            record_audit(db, actor, AuditAction.ZONE, place.chat_id, zone or "UTC")
    return str(before)
