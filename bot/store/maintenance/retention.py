"""Deletes old history: changes, finished alerts, deliveries, alarms, audit, gaps, worth, digests, accounts.

What is still to be sent stays, however old. Rows go in slices, so that nothing else waits long for the
database. The newest row of each table stays, as SQLite would give its number again, and a number is what
buttons and message ids are made of.
"""

from datetime import datetime

from bot.store.balances.snapshots import FIRST_GENERATION
from bot.store.database.door import Database
from bot.store.outbox.queue import FINISHED_ALERTS, FINISHED_DELIVERIES
from bot.store.rows import to_milliseconds

ROWS_AT_ONCE = 200
"""Of each table at once: about ten milliseconds of work, half of it waiting for the disk."""


def delete_old_rows(db: Database, before: datetime) -> int:
    """Delete a slice of the rows from before a moment, oldest first; returns how many, 0: none are left."""
    with db.transaction():
        at = to_milliseconds(before)
        rows = sum(db.execute(statement, [at, ROWS_AT_ONCE]).rowcount for statement in _STATEMENTS)
        # Alerts refer to deliveries and to changes. What goes after them is looked for once no old one is
        # left: else each slice would walk over all that the others still refer to.
        history = db.execute(_OLD_ALERTS, [at, ROWS_AT_ONCE]).rowcount
        history = history or _delete_free(db, _OLD_DELIVERIES, _FREE_DELIVERIES, at)
        history = history or _delete_free(db, _OLD_CHANGES, _FREE_CHANGES, at)
        return rows + history + _delete_accounts(db)


def _delete_free(db: Database, old: str, free: str, at: int) -> int:
    """Delete the first slice of old rows in which some are that nothing refers to; returns how many."""
    # By their numbers: as one statement PostgreSQL joins all that is old with all that may refer to it, as it
    # can't know how soon it will have found enough.
    deleted, kept = 0, 0
    while not deleted and (rows := db.execute(old, [at, ROWS_AT_ONCE, kept]).fetchall()):
        these = db.any_of(row_id for (row_id,) in rows)
        deleted = db.execute(free.format(these.sql), these.values).rowcount
        kept += len(rows)
    return deleted


def _delete_accounts(db: Database) -> int:
    """Delete a slice of the accounts that nothing refers to, whatever their age; returns how many."""
    forgotten = db.execute(_DELETE_ACCOUNTS, [ROWS_AT_ONCE]).fetchall()
    # An account may come back under its address. Its generation goes on above all deleted ones, or what the
    # poller remembers of the old account would pass for a reading of the new one.
    if forgotten:
        generation = max(one for (one,) in forgotten) + 1
        db.execute(
            f"INSERT INTO setting (name, value) VALUES ('{FIRST_GENERATION}', ?) ON CONFLICT (name) DO UPDATE"
            " SET value = excluded.value"
            " WHERE CAST(setting.value AS BIGINT) < CAST(excluded.value AS BIGINT)",
            [str(generation)],
        )
    return len(forgotten)


_OLD_ALERTS = f"""
DELETE FROM alert WHERE id IN (
  SELECT id FROM alert WHERE {FINISHED_ALERTS} AND created_at < ? AND id < (SELECT max(id) FROM alert)
  ORDER BY created_at LIMIT ?)
"""

_OLD_DELIVERIES = f"""
SELECT id FROM delivery WHERE {FINISHED_DELIVERIES} AND not_before < ?
ORDER BY not_before, id LIMIT ? OFFSET ?
"""

_FREE_DELIVERIES = """
DELETE FROM delivery WHERE id {}
AND NOT EXISTS (SELECT 1 FROM alert l WHERE l.delivery_id = delivery.id)
"""

_OLD_CHANGES = """
SELECT id FROM change WHERE observed_at < ? AND id < (SELECT max(id) FROM change)
ORDER BY observed_at, id LIMIT ? OFFSET ?
"""

_FREE_CHANGES = """
DELETE FROM change WHERE id {}
AND NOT EXISTS (SELECT 1 FROM alert l WHERE l.change_id = change.id)
AND NOT EXISTS (SELECT 1 FROM alert l WHERE l.first_change_id = change.id)
AND NOT EXISTS (SELECT 1 FROM unreported u WHERE u.first_change_id = change.id)
AND NOT EXISTS (SELECT 1 FROM unreported u WHERE u.last_change_id = change.id)
"""

_STATEMENTS = (
    """
DELETE FROM audit WHERE id IN (
  SELECT id FROM audit WHERE at < ? AND id < (SELECT max(id) FROM audit) ORDER BY id LIMIT ?)
""",
    """
DELETE FROM gap WHERE (account_id, chain_id, since) IN (
  SELECT account_id, chain_id, since FROM gap WHERE until < ? ORDER BY until LIMIT ?)
""",
    """
DELETE FROM worth WHERE (destination_id, account_id, day) IN (
  SELECT destination_id, account_id, day FROM worth WHERE at < ? ORDER BY at LIMIT ?)
""",
    """
DELETE FROM firing WHERE id IN (
  SELECT id FROM firing WHERE ended_at IS NOT NULL AND ended_at < ? AND id < (SELECT max(id) FROM firing)
  ORDER BY ended_at LIMIT ?)
""",
    """
DELETE FROM digest WHERE id IN (
  SELECT id FROM digest WHERE made_at < ? AND id < (SELECT max(id) FROM digest) ORDER BY made_at LIMIT ?)
""",
)

_DELETE_ACCOUNTS = """
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
  AND NOT EXISTS (SELECT 1 FROM gap g WHERE g.account_id = a.id)
  AND NOT EXISTS (SELECT 1 FROM worth w WHERE w.account_id = a.id)
  AND NOT EXISTS (SELECT 1 FROM alarm r WHERE r.account_id = a.id)
  AND id NOT IN (SELECT holder FROM asset WHERE holder IS NOT NULL)
  ORDER BY id LIMIT ?)
RETURNING generation
"""
