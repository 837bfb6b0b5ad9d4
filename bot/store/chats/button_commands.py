"""Commands that buttons stand for.

Telegram lets a button carry 64 bytes, so it carries the number of a row with the command. A row works in
the chat it was made for and nowhere else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.places import Place
from bot.store.chats.chats import destination_of, upsert_chat
from bot.store.database.door import Database
from bot.store.rows import to_milliseconds, to_moment, to_place

KEPT_FOR = timedelta(days=30)
"""A button older than that does nothing any more."""


@dataclass(frozen=True, slots=True)
class ButtonCommand:
    """A command as somebody could type it, and where the button with it stands."""

    command: str
    place: Place
    is_done: bool
    made_at: datetime


def save_button_commands(db: Database, place: Place, commands: Sequence[str], at: datetime) -> list[int]:
    """Save commands for buttons of a chat; returns their rows in order. Old commands are deleted."""
    with db.transaction():
        # A number is never given twice: the button of a deleted row does nothing, rather than something new.
        db.execute("DELETE FROM offer WHERE made_at < ?", [to_milliseconds(at - KEPT_FOR)])
        destination_id = destination_of(db, upsert_chat(db, place), place.thread_id)
        rows = [
            db.execute(
                "INSERT INTO offer (destination_id, command, made_at) VALUES (?, ?, ?) RETURNING id",
                [destination_id, command, to_milliseconds(at)],
            ).fetchone()
            for command in commands
        ]
    return [int(row_id) for (row_id,) in rows]


def find_button_command(db: Database, row: int, chat_id: int) -> ButtonCommand | None:
    """Return the command of a button of this chat; None: it is too old, or another chat's."""
    found = db.execute(
        "SELECT o.command, o.done_at, o.made_at, c.kind, c.title, d.thread_id FROM offer o"
        " JOIN destination d ON d.id = o.destination_id JOIN chat c ON c.id = d.chat_id"
        " WHERE o.id = ? AND c.telegram_id = ?",
        [row, chat_id],
    ).fetchone()
    if found is None:
        return None
    command, done_at, made_at, kind, title, thread_id = found
    place = to_place(chat_id, kind, title, thread_id)
    return ButtonCommand(command, place, done_at is not None, to_moment(made_at))


def mark_button_command_done(db: Database, row: int, at: datetime) -> None:
    """Record that the command of a button was carried out."""
    db.execute("UPDATE offer SET done_at = ? WHERE id = ?", [to_milliseconds(at), row])
