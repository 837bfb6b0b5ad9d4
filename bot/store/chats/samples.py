"""Sends sample alerts, through the outbox as every alert goes."""

from datetime import datetime

from bot.domain.chat.mutes import all_muted_until
from bot.domain.deliver.alerts import Sample
from bot.domain.places import Place
from bot.store.chats.chats import destination_of, upsert_chat
from bot.store.database.door import Database
from bot.store.outbox.alerts import enqueue_alert
from bot.store.outbox.muted import mutes_of
from bot.store.rows import to_milliseconds


def enqueue_sample(db: Database, place: Place, now: datetime) -> datetime | None:
    """Enqueue a sample alert for a destination; returns until when a mute keeps it back, None: it is sent."""
    with db.transaction():
        destination_id = destination_of(db, upsert_chat(db, place), place.thread_id)
        enqueue_alert(db, destination_id, to_milliseconds(now), notice=Sample())
        return all_muted_until(mutes_of(db, destination_id))
