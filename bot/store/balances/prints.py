"""Keeps of each account a print of its last reading, so that after a restart the same one is not compared.

A print hides what it stands for: it is written in the transaction that writes the balances, and goes with
whatever else changes them.
"""

from collections.abc import Collection, Iterable, Mapping

from bot.domain.assets import Address
from bot.domain.observations import Fingerprint
from bot.store.database.door import Database
from bot.store.rows import to_address, to_blob

_COVERED = "EXISTS (SELECT 1 FROM coverage v WHERE v.account_id = a.id)"


def stored_prints(db: Database) -> dict[Address, Fingerprint]:
    """Return the print of each account of which nothing is unknown: what is has to be seen again."""
    rows = db.execute(
        f"SELECT a.address, a.generation, a.print FROM account a WHERE a.print IS NOT NULL AND {_COVERED}"
        " AND NOT EXISTS"
        " (SELECT 1 FROM coverage v WHERE v.account_id = a.id AND v.unknown_since IS NOT NULL)"
    )
    return {to_address(address): Fingerprint(generation, digest) for address, generation, digest in rows}


def replace_prints(
    db: Database,
    prints: Mapping[Address, Fingerprint],
    *,
    written: Iterable[Address],
    partly_unknown: Collection[Address],
) -> dict[Address, Fingerprint]:
    """Store prints, and delete those of the other accounts of which anything is `written`.

    Returns those that hold: the coverage they were made under is still there, or began with them. Of what is
    `partly_unknown` none is stored. Part of the transaction that writes what they stand for.
    """
    generations = _generations(db, prints) if prints else {}
    held = {
        account: Fingerprint(generations[account], one.digest)
        for account, one in prints.items()
        if account in generations and one.generation in (None, generations[account])
    }
    stored = {account: one.digest for account, one in held.items() if account not in partly_unknown}
    db.executemany(
        "UPDATE account SET print = ? WHERE address = ?",
        [(digest, to_blob(account)) for account, digest in (dict.fromkeys(written) | stored).items()],
    )
    return held


def _generations(db: Database, accounts: Iterable[Address]) -> dict[Address, int]:
    these = db.any_of(map(to_blob, accounts))
    rows = db.execute(
        f"SELECT a.address, a.generation FROM account a WHERE a.address {these.sql} AND {_COVERED}",
        these.values,
    )
    return {to_address(address): generation for address, generation in rows}
