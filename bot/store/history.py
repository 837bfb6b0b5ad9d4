"""What is forgotten in time: changes, and what came of telling them, older than operators wish to keep.

What still has to be told is never forgotten, however old. It goes in slices, so
that nobody waits long for the database, and the newest row of each table stays:
no number is given twice.
"""

from datetime import datetime

from sqlite_utils import Database

from bot.store.database import transaction
from bot.store.rows import to_milliseconds

ROWS_AT_ONCE = 200
"""Of each table: some ten milliseconds' work, half of it waiting for the disk."""

FINISHED_ALERTS = "state IN ('told', 'withdrawn', 'expired', 'dead')"
FINISHED_DELIVERIES = "state IN ('sent', 'withdrawn', 'expired', 'dissolved', 'dead')"
"""In the very words of the indexes `alert_finished` and `delivery_finished`, or SQLite doesn't use them."""


def forget_some(db: Database, before: datetime) -> int:
    """Delete the oldest rows from before a moment, some of each kind; returns how many, 0: no more are there.

    Alerts go before what they are about.
    """
    with transaction(db):
        at = to_milliseconds(before)
        return sum(db.execute(statement, [at, ROWS_AT_ONCE]).rowcount for statement in _STATEMENTS)


_STATEMENTS = (
    f"""
DELETE FROM alert WHERE id IN (
  SELECT id FROM alert WHERE {FINISHED_ALERTS} AND created_at < ? AND id < (SELECT max(id) FROM alert)
  ORDER BY created_at LIMIT ?)
""",
    f"""
DELETE FROM delivery WHERE id IN (
  SELECT id FROM delivery d WHERE {FINISHED_DELIVERIES} AND not_before < ?
  AND NOT EXISTS (SELECT 1 FROM alert l WHERE l.delivery_id = d.id)
  ORDER BY not_before LIMIT ?)
""",
    """
DELETE FROM change WHERE id IN (
  SELECT id FROM change c WHERE observed_at < ? AND id < (SELECT max(id) FROM change)
  AND NOT EXISTS (SELECT 1 FROM alert l WHERE l.change_id = c.id)
  ORDER BY observed_at LIMIT ?)
""",
)
