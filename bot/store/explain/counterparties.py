"""Looks up with whom an account dealt before, in the explanations of its changes."""

from collections.abc import Collection
from datetime import datetime

from bot.domain.assets import Address
from bot.store.database.door import Database
from bot.store.rows import to_address, to_blob, to_moment

_COMPARED = 2
"""Bytes at each end of an address, by which forged ones resemble the true one."""


def earlier_counterparties(
    db: Database, account: Address, addresses: Collection[Address], before: int
) -> frozenset[Address]:
    """Return which of these addresses explain a change of an account before the one of a number."""
    these = db.any_of(map(to_blob, sorted(addresses)))
    rows = db.execute(
        "SELECT DISTINCT counterparty FROM leg WHERE account_id = (SELECT id FROM account WHERE address = ?)"
        f" AND counterparty {these.sql} AND change_id < ?",
        [to_blob(account), *these.values, before],
    )
    return frozenset(to_address(counterparty) for (counterparty,) in rows)


def alike_counterparties(db: Database, account: Address, address: Address) -> list[Address]:
    """Return the counterparties of an account that begin and end as an address does, which may be among them.

    They come in the order in which they first explained a change.
    """
    blob = to_blob(address)
    start, end = blob[:_COMPARED], blob[-_COMPARED:]
    rest = len(blob) - _COMPARED
    rows = db.execute(
        "SELECT counterparty FROM leg WHERE account_id = (SELECT id FROM account WHERE address = ?)"
        " AND counterparty BETWEEN ? AND ?"
        " GROUP BY counterparty ORDER BY min(change_id) NULLS FIRST, counterparty",
        [to_blob(account), start + bytes(rest), start + b"\xff" * rest],
    )
    return [to_address(counterparty) for (counterparty,) in rows if counterparty.endswith(end)]


def first_explained_at(db: Database, account: Address) -> datetime | None:
    """Return since when the counterparties of an account are stored; None: they are not."""
    # Not by the explanations themselves: all those of an account would be read to find its first.
    row = db.execute(
        "SELECT c.observed_at FROM change c WHERE c.account_id = (SELECT id FROM account WHERE address = ?)"
        " AND c.sweep >= (SELECT f.sweep FROM change f WHERE f.id = (SELECT min(change_id) FROM explanation))"
        " ORDER BY c.sweep LIMIT 1",
        [to_blob(account)],
    ).fetchone()
    return None if row is None else to_moment(row[0])
