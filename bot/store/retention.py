"""What is forgotten in time: changes, what came of telling them, who did what, accounts nothing is left of.

What still has to be told is never forgotten, however old. It goes in slices, so
that nobody waits long for the database, and the newest row of each table stays:
no number is given twice.
"""

from datetime import datetime

from sqlite_utils import Database

from bot.store.database import transaction
from bot.store.rows import to_milliseconds
from bot.store.snapshots import FIRST_GENERATION

ROWS_AT_ONCE = 200
"""Of each table: some ten milliseconds' work, half of it waiting for the disk."""

FINISHED_ALERTS = "state IN ('told', 'withdrawn', 'expired', 'dead')"
FINISHED_DELIVERIES = "state IN ('sent', 'withdrawn', 'expired', 'dissolved', 'dead')"
"""In the very words of the indexes `alert_finished` and `delivery_finished`, or SQLite doesn't use them."""


def delete_old_rows(db: Database, before: datetime) -> int:
    """Delete the oldest rows from before a moment, some of each kind; returns how many, 0: no more are there.

    Alerts go before what they are about.
    """
    with transaction(db):
        at = to_milliseconds(before)
        rows = sum(db.execute(statement, [at, ROWS_AT_ONCE]).rowcount for statement in _STATEMENTS)
        return rows + _forget_accounts(db)


def _forget_accounts(db: Database) -> int:
    """Delete some accounts that nothing refers to any more, whatever their age.

    One that comes back counts its generations on from the highest that was ever forgotten: what is remembered
    of the old one must not pass for a reading of the new one.
    """
    forgotten = db.execute(_FORGET_ACCOUNTS, [ROWS_AT_ONCE]).fetchall()
    if forgotten:
        generation = max(one for (one,) in forgotten) + 1
        db.execute(
            f"INSERT INTO setting (name, value) VALUES ('{FIRST_GENERATION}', ?1) ON CONFLICT (name)"
            " DO UPDATE SET value = max(CAST(value AS INTEGER), ?1)",
            [generation],
        )
    return len(forgotten)


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
    """
DELETE FROM audit WHERE id IN (
  SELECT id FROM audit WHERE at < ? AND id < (SELECT max(id) FROM audit) ORDER BY id LIMIT ?)
""",
)

_FORGET_ACCOUNTS = """
DELETE FROM account WHERE id IN (
  SELECT id FROM account a WHERE id < (SELECT max(id) FROM account)
  AND NOT EXISTS (SELECT 1 FROM subscription s WHERE s.account_id = a.id)
  AND NOT EXISTS (SELECT 1 FROM coverage v WHERE v.account_id = a.id)
  AND NOT EXISTS (SELECT 1 FROM balance b WHERE b.account_id = a.id)
  AND NOT EXISTS (SELECT 1 FROM change c WHERE c.account_id = a.id)
  AND NOT EXISTS (SELECT 1 FROM held h WHERE h.account_id = a.id)
  AND NOT EXISTS (SELECT 1 FROM item i WHERE i.account_id = a.id)
  AND NOT EXISTS (SELECT 1 FROM drift d WHERE d.account_id = a.id)
  AND id NOT IN (SELECT account_id FROM mute WHERE account_id IS NOT NULL)
  AND id NOT IN (SELECT account_id FROM blindness)
  AND id NOT IN (SELECT holder FROM asset WHERE holder IS NOT NULL)
  LIMIT ?)
RETURNING generation
"""
