"""What left in the last minute, so that a restart goes on at the pace that Telegram's limits allow.

The messages that tell alerts are in `delivery`. Answers to people are in no table of their own, so those to
groups are noted here before they leave: a group may have so many in a minute. What a private chat and the
whole bot may have is counted in seconds, which a restart takes anyway, so nothing is written for them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

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


def note_departure(db: Database, chat_id: int, now: datetime) -> None:
    """Note that an answer leaves for a group now, and forget those that no limit counts any more."""
    at, since = to_milliseconds(now), to_milliseconds(now - _KEPT_FOR)
    with db.transaction():
        db.execute("DELETE FROM departure WHERE at NOT BETWEEN ? AND ?", [since, at])
        db.execute("INSERT INTO departure (telegram_id, at) VALUES (?, ?)", [chat_id, at])


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
  SELECT telegram_id, 'group', at FROM departure WHERE at BETWEEN ? AND ?) sent
ORDER BY left_at
"""
