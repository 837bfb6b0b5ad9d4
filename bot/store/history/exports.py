"""Notes who took history away as a file: a file leaves the chat and its permissions behind."""

from bot.domain.chat.audit import Actor, AuditAction
from bot.domain.places import Place
from bot.store.chats.audit import record_audit
from bot.store.database.door import Database


def note_export(db: Database, place: Place, what: str, actor: Actor) -> None:
    """Write that somebody exported something of a place."""
    with db.transaction():
        record_audit(db, actor, AuditAction.EXPORT, place.chat_id, what)
