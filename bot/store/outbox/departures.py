"""What left in the last minute, so that all who send together stay at the pace that Telegram's limits allow.

Over a file that is one program, and its next start. The messages that tell alerts are in `delivery`. Answers
to people are in no table of their own, so those to groups are noted here before they leave: a group may have
so many in a minute. What a private chat and the whole bot may have is counted in seconds, which a restart
takes anyway, so nothing is written for them.

Over a server answers and alerts may leave from different machines: there each notes whatever leaves, and the
pauses that Telegram asks for, and learns with the same what others noted (`exchange`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from bot.domain.deliver.pacing import GROUP_WINDOW_SECONDS
from bot.store.database.door import Database
from bot.store.outbox.queue import FINISHED_DELIVERIES, UNFINISHED
from bot.store.rows import to_milliseconds

_KEPT_FOR = timedelta(seconds=GROUP_WINDOW_SECONDS)


@dataclass(frozen=True, slots=True)
class RecentSend:
    """A message that left, as far as pace is concerned."""

    chat_id: int
    """Telegram's number."""
    is_group: bool
    ago: timedelta
    pause_seconds: float = 0.0
    """How long Telegram wanted the chat left alone from then on; 0.0: a message left."""


class Leaving(NamedTuple):
    """Something to be noted, as in `RecentSend`."""

    chat_id: int
    is_group: bool
    pause_seconds: float = 0.0


class Exchanged(NamedTuple):
    """What others noted, oldest first, and up to which row that is all of it."""

    seen: int
    others: tuple[RecentSend, ...]


def note_departure(db: Database, chat_id: int, now: datetime) -> None:
    """Note that an answer leaves for a group now, and forget those that no limit counts any more."""
    at, since = to_milliseconds(now), to_milliseconds(now - _KEPT_FOR)
    with db.transaction():
        db.execute("DELETE FROM departure WHERE at NOT BETWEEN ? AND ?", [since, at])
        db.execute(
            "INSERT INTO departure (noted_by, telegram_id, is_group, at, pause_ms) VALUES ('', ?, 1, ?, 0)",
            [chat_id, at],
        )


def exchange(db: Database, me: str, mine: Sequence[Leaving], seen: int) -> Exchanged:
    """Note what leaves from here now, and return what others noted behind the row `seen`.

    `me` is who notes it, by a name that nobody else has. All times are by the database's clock.
    """
    # Not alone: whoever records a large reading would keep answers waiting. Changing this row instead puts
    # one exchange behind the other, so that of two messages at a time the second knows of the first.
    with db.transaction(alone=False):
        db.execute(
            "INSERT INTO setting (name, value) VALUES ('departures', '') ON CONFLICT (name)"
            " DO UPDATE SET value = excluded.value"
        )
        at = db.now_ms()
        since = at - _KEPT_FOR // timedelta(milliseconds=1)
        db.execute("DELETE FROM departure WHERE at > ? OR at + pause_ms < ?", [at, since])
        rows = db.execute(
            "SELECT id, telegram_id, is_group, at, pause_ms FROM departure"
            " WHERE id > ? AND noted_by <> ? ORDER BY id",
            [seen, me],
        ).fetchall()
        db.insert_many(
            "departure",
            ("noted_by", "telegram_id", "is_group", "at", "pause_ms"),
            [(me, one.chat_id, int(one.is_group), at, int(one.pause_seconds * 1000)) for one in mine],
        )
    others = tuple(
        RecentSend(chat_id, bool(is_group), timedelta(milliseconds=at - left_at), pause_ms / 1000)
        for _, chat_id, is_group, left_at, pause_ms in rows
    )
    return Exchanged(max((row[0] for row in rows), default=seen), others)


def recent_sends(db: Database, now: datetime, within: timedelta) -> list[RecentSend]:
    """Return what left in the last `within`, oldest first; a send that was cut off counts as now.

    Answers are among it where they went to groups, for a minute.
    """
    at, since = to_milliseconds(now), to_milliseconds(now - within)
    rows = db.execute(_RECENT_SENDS, [since, at, at, since, at])
    return [
        RecentSend(telegram_id, kind != "private", timedelta(milliseconds=at - left_at))
        for telegram_id, kind, left_at in rows
    ]


_RECENT_SENDS = f"""
SELECT telegram_id, kind, left_at FROM (
  SELECT c.telegram_id, c.kind, gone.left_at FROM (
    SELECT destination_id, not_before AS left_at FROM delivery
    WHERE {FINISHED_DELIVERIES} AND state = 'sent' AND not_before BETWEEN ? AND ?
    UNION ALL
    SELECT destination_id, ? FROM delivery WHERE {UNFINISHED} AND state = 'sending') gone
  JOIN destination n ON n.id = gone.destination_id JOIN chat c ON c.id = n.chat_id
  UNION ALL
  SELECT telegram_id, CASE WHEN is_group = 1 THEN 'group' ELSE 'private' END, at
  FROM departure WHERE pause_ms = 0 AND at BETWEEN ? AND ?) sent
ORDER BY left_at
"""
