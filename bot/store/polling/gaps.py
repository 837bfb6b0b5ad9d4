"""Keeps every gap of sight: from when to when a chain, or an account on it, could not be seen.

A gap is one row, opened in the transaction that finds it and closed in the one that sees again. Account 0
stands for all of the chain: a silent chain writes one row, however many accounts are watched there.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from bot.domain.assets import ChainId
from bot.store.balances.coverage import is_covered
from bot.store.database.door import Database
from bot.store.rows import to_milliseconds


def open_account_gaps(db: Database, chains: Collection[ChainId]) -> None:
    """Open a gap for each account on these chains of which something is unknown. Part of a transaction."""
    on = db.any_of(chains)
    # A gap that would begin where the last one began is that one: nothing was complete in between.
    db.execute(
        "INSERT INTO gap (account_id, chain_id, since)"
        " SELECT v.account_id, v.chain_id, min(v.unknown_since) FROM coverage v"
        f" WHERE v.unknown_since IS NOT NULL AND v.chain_id {on.sql} AND NOT EXISTS (SELECT 1 FROM gap g"
        " WHERE g.account_id = v.account_id AND g.chain_id = v.chain_id AND g.until IS NULL)"
        " GROUP BY v.account_id, v.chain_id"
        " ON CONFLICT (account_id, chain_id, since) DO UPDATE SET until = NULL",
        on.values,
    )


def close_account_gaps(db: Database, keys: Iterable[tuple[int, ChainId]], at: datetime) -> None:
    """Close the gaps of accounts on chains, where nothing is unknown any more. Part of a transaction."""
    db.executemany(
        f"{_CLOSE} AND account_id = ? AND chain_id = ? AND {_IS_SEEN}", [(*_ended(at), *key) for key in keys]
    )


def close_ended_gaps(db: Database, at: datetime) -> None:
    """Close the gaps of what is no longer watched, or was read by another way. Part of a transaction."""
    db.execute(f"{_CLOSE} AND account_id <> 0 AND {_IS_SEEN}", _ended(at))
    db.execute(f"{_CLOSE} AND account_id = 0 AND NOT {is_covered('gap.chain_id')}", _ended(at))


def keep_chain_gaps(
    db: Database,
    *,
    silent: Collection[ChainId],
    answered: Collection[ChainId],
    at: datetime,
    stale_after: timedelta,
) -> None:
    """Open gaps of silent chains, and close those of chains that answered `at`. Part of a transaction.

    On a silent chain where nothing is watched, nothing is missed. It has to come before `chain.complete_at`
    is set anew. If a chain that answers now was last complete more than `stale_after` ago and no gap says so,
    nobody looked, as while the bot was off: that is a gap too.
    """
    if silent:
        on = db.any_of(silent)
        db.execute(
            "INSERT INTO gap (account_id, chain_id, since)"
            f" SELECT 0, c.id, c.complete_at FROM chain c WHERE c.id {on.sql} AND {is_covered('c.id')}"
            " AND NOT EXISTS"
            " (SELECT 1 FROM gap g WHERE g.account_id = 0 AND g.chain_id = c.id AND g.until IS NULL)"
            " ON CONFLICT (account_id, chain_id, since) DO UPDATE SET until = NULL",
            on.values,
        )
    on = db.any_of(answered)
    db.execute(f"{_CLOSE} AND account_id = 0 AND chain_id {on.sql}", [*_ended(at), *on.values])
    db.execute(
        "INSERT INTO gap (account_id, chain_id, since, until)"
        f" SELECT 0, c.id, c.complete_at, ? FROM chain c WHERE c.id {on.sql} AND c.complete_at < ?"
        " ON CONFLICT (account_id, chain_id, since) DO NOTHING",
        [to_milliseconds(at), *on.values, to_milliseconds(at - stale_after)],
    )


def _ended(at: datetime) -> list[int]:
    return [to_milliseconds(at)] * 2


# The clock may have been set back meanwhile: no gap ends before it began.
_CLOSE = "UPDATE gap SET until = CASE WHEN since > ? THEN since ELSE ? END WHERE until IS NULL"

_IS_SEEN = """NOT EXISTS (SELECT 1 FROM coverage v WHERE v.account_id = gap.account_id
 AND v.chain_id = gap.chain_id AND v.unknown_since IS NOT NULL)"""
