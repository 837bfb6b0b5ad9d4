"""What can be counted of everything stored, cheaply: whoever asks may ask every few seconds.

Rows whose newest one always stays are counted by its number, since the start of the database and not
of the program. Alerts are not among them: where two destinations become one, the newest may go.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlite_utils import Database

from bot.domain.assets import ChainId
from bot.store.rows import Row, to_moment, to_moment_or_none


@dataclass(frozen=True, slots=True)
class DatabaseStats:
    """How much there is, and how far it is seen."""

    changes: int
    """Ever recorded."""
    deliveries: int
    """Ever composed."""
    waiting: int
    """Alerts not told yet to chats that can be reached."""
    waiting_since: datetime | None
    """When the oldest of them was made."""
    parked: int
    """Alerts for chats that can't be reached now."""
    complete_at: Mapping[ChainId, datetime]
    """When each chain was last seen."""
    unknown_views: Mapping[ChainId, int]
    """Parts of accounts that give no answer on a chain."""
    accounts: int
    """Watched by somebody."""
    subscriptions: int
    size_bytes: int


def collect_stats(db: Database) -> DatabaseStats:
    """Return all of it."""
    changes, deliveries, accounts, subscriptions = _one(db, _COUNTS)
    waiting, since, parked = _one(db, _BACKLOG)
    (page_count,), (page_size,) = _one(db, "PRAGMA page_count"), _one(db, "PRAGMA page_size")
    return DatabaseStats(
        changes=changes,
        deliveries=deliveries,
        waiting=waiting,
        waiting_since=to_moment_or_none(since),
        parked=parked,
        complete_at={
            ChainId(chain_id): to_moment(at)
            for chain_id, at in db.execute("SELECT id, complete_at FROM chain")
        },
        unknown_views={ChainId(chain_id): count for chain_id, count in db.execute(_UNKNOWN)},
        accounts=accounts,
        subscriptions=subscriptions,
        size_bytes=page_count * page_size,
    )


_COUNTS = """
SELECT (SELECT ifnull(max(id), 0) FROM change),
       (SELECT ifnull(max(id), 0) FROM delivery),
       (SELECT count(DISTINCT account_id) FROM subscription),
       (SELECT count(*) FROM subscription)
"""

_BACKLOG = """
WITH reached AS (
  SELECT n.id, c.open AND c.unavailable IS NULL AS now FROM destination n JOIN chat c ON c.id = n.chat_id
), untold AS (
  SELECT reached.now, ifnull(l.released_at, l.created_at) AS created_at FROM reached
  CROSS JOIN alert l ON l.destination_id = reached.id AND l.state = 'waiting'
  UNION ALL
  SELECT reached.now, ifnull(l.released_at, l.created_at) FROM reached
  CROSS JOIN delivery d ON d.destination_id = reached.id AND d.state IN ('ready', 'sending')
  CROSS JOIN alert l ON l.delivery_id = d.id AND l.state = 'bound'
)
SELECT count(*) FILTER (WHERE now), min(created_at) FILTER (WHERE now), count(*) FILTER (WHERE NOT now)
FROM untold
"""
"""In the very words of the indexes and in this order, or SQLite reads every alert there ever was."""

_UNKNOWN = "SELECT chain_id, count(*) FROM coverage WHERE unknown_since IS NOT NULL GROUP BY chain_id"


def _one(db: Database, sql: str) -> Row:
    row: Row = db.execute(sql).fetchone()
    return row
