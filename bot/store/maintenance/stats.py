"""Numbers about everything stored, for /metrics, which is read every few seconds: no table is read whole.

Changes and deliveries ever made are counted by the highest row number, as the newest row is never deleted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.domain.assets import ChainId
from bot.domain.deliver.alerts import MuteKind
from bot.store.database.door import Database
from bot.store.rows import Row, to_moment, to_moment_or_none


@dataclass(frozen=True, slots=True)
class DatabaseStats:
    """How much is stored, how much waits to be sent, and how fresh balances are."""

    changes: int
    """Ever recorded."""
    digests: int
    """Ever made."""
    deliveries: int
    """Ever composed."""
    waiting: int
    """Alerts that wait for chats that can be reached."""
    waiting_since: datetime | None
    """Since when the oldest of them waits."""
    parked: int
    """Alerts for chats that can't be reached now."""
    unreported: int
    """Balances of which filters hold changes back, counted for each chat."""
    ringing: int
    """What alarms ring for now: several of one alarm where it is about several chains."""
    kept_back: Mapping[MuteKind, int]
    """Alerts that are kept back, by what keeps them, none left out."""
    complete_at: Mapping[ChainId, datetime]
    """When each chain last answered."""
    unknown_views: Mapping[ChainId, int]
    """How many parts of accounts give no answer, by chain."""
    accounts: int
    """Watched by somebody."""
    subscriptions: int
    size_bytes: int


def collect_stats(db: Database) -> DatabaseStats:
    """Return the numbers as they are now."""
    changes, digests, deliveries, accounts, subscriptions, unreported, ringing = _one(db, _COUNTS)
    waiting, since, parked = _one(db, _BACKLOG)
    return DatabaseStats(
        changes=changes,
        digests=digests,
        deliveries=deliveries,
        waiting=waiting,
        waiting_since=to_moment_or_none(since),
        parked=parked,
        unreported=unreported,
        ringing=ringing,
        kept_back=_kept_back(db),
        complete_at={
            ChainId(chain_id): to_moment(at)
            for chain_id, at in db.execute("SELECT id, complete_at FROM chain")
        },
        unknown_views={ChainId(chain_id): count for chain_id, count in db.execute(_UNKNOWN)},
        accounts=accounts,
        subscriptions=subscriptions,
        size_bytes=db.size(),
    )


def _kept_back(db: Database) -> dict[MuteKind, int]:
    # An alert that an earlier version kept back says 'muted'.
    rows = db.execute("SELECT reason, count(*) FROM alert WHERE state = 'held' GROUP BY reason")
    counted = dict.fromkeys(MuteKind, 0)
    for reason, count in rows:
        counted[MuteKind(reason) if reason in {*MuteKind} else MuteKind.MUTE] += count
    return counted


_COUNTS = """
SELECT (SELECT coalesce(max(id), 0) FROM change),
       (SELECT coalesce(max(id), 0) FROM digest),
       (SELECT coalesce(max(id), 0) FROM delivery),
       (SELECT count(DISTINCT account_id) FROM subscription),
       (SELECT count(*) FROM subscription),
       (SELECT count(*) FROM unreported),
       (SELECT count(*) FROM firing WHERE ended_at IS NULL)
"""

# What a chat that can't be reached has waiting counts apart: it is no backlog of the bot's.
_BACKLOG = """
WITH reached AS (
  SELECT n.id, c.open = 1 AND c.unavailable IS NULL AS now FROM destination n JOIN chat c ON c.id = n.chat_id
), untold AS (
  SELECT l.destination_id, coalesce(l.released_at, l.created_at) AS created_at
  FROM alert l WHERE l.state = 'waiting'
  UNION ALL
  SELECT l.destination_id, coalesce(l.released_at, l.created_at)
  FROM alert l WHERE l.state = 'bound'
  AND l.delivery_id IN (SELECT d.id FROM delivery d WHERE d.state IN ('ready', 'sending'))
)
SELECT count(*) FILTER (WHERE r.now), min(u.created_at) FILTER (WHERE r.now),
       count(*) FILTER (WHERE NOT r.now)
FROM untold u JOIN reached r ON r.id = u.destination_id
"""
"""The conditions repeat those of the partial indexes word for word, or SQLite reads every alert ever made.

IN and not a join fixes the order: from unfinished messages to their alerts.
"""

_UNKNOWN = "SELECT chain_id, count(*) FROM coverage WHERE unknown_since IS NOT NULL GROUP BY chain_id"


def _one(db: Database, sql: str) -> Row:
    row: Row = db.execute(sql).fetchone()
    return row
