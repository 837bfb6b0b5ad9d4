"""Which mutes there are, as rows, and whether they hold something."""

from sqlite_utils import Database

from bot.domain.chat.mutes import Mute, MuteScope, are_muted, label_of
from bot.domain.subscriptions import DestinationId
from bot.store.rows import Row, to_address, to_chains, to_moment

_MUTES = """
SELECT m.id, a.address, m.chains, m.since, m.until, m.destination_id, m.account_id
FROM mute m LEFT JOIN account a ON a.id = m.account_id
"""


_NAMED = """
SELECT chains, label, contracts FROM subscription WHERE destination_id = ? AND account_id = ? ORDER BY id
"""
"""A mute holds all tokens of an account: a name of some of them counts only where there is no other there."""


def mutes_of(db: Database, destination_id: int) -> list[Mute]:
    """Return the mutes of a destination, that of everything first."""
    rows = db.execute(
        f"{_MUTES} WHERE m.destination_id = ? ORDER BY m.account_id, m.id", [destination_id]
    ).fetchall()
    return [_to_mute(db, row) for row in rows]


def muted_scopes(db: Database, destination_id: int) -> list[MuteScope | None]:
    """Return what is muted of a destination; None: everything."""
    rows = db.execute(
        "SELECT a.address, m.chains FROM mute m LEFT JOIN account a ON a.id = m.account_id"
        " WHERE m.destination_id = ?",
        [destination_id],
    )
    return [
        None if address is None else MuteScope(to_address(address), to_chains(chains))
        for address, chains in rows
    ]


def mute_of(db: Database, row_id: int) -> Mute:
    """Return the mute of a row that is there."""
    return _to_mute(db, db.execute(f"{_MUTES} WHERE m.id = ?", [row_id]).fetchone())


def holds_change(db: Database, destination_id: DestinationId, change_id: int) -> bool:
    """Whether a destination does not wish to hear yet of a change; asked for each alert that is made."""
    (held,) = db.execute(_HOLDS_CHANGE, [destination_id, change_id]).fetchone()
    return bool(held)


_HOLDS_CHANGE = """
SELECT EXISTS (SELECT 1 FROM mute WHERE destination_id = ?1 AND ifnull(account_id, 0) IN (
  0, (SELECT account_id FROM change WHERE id = ?2)) AND (chains = '' OR ' ' || chains || ' ' LIKE
  (SELECT '% ' || x.chain_id || ' %' FROM change c JOIN asset x ON x.id = c.asset_id WHERE c.id = ?2)))
"""
"""In the very words of the index `mute_once`, or SQLite reads every mute of the destination."""


def holds_notice(db: Database, destination_id: DestinationId, about: frozenset[MuteScope]) -> bool:
    """Whether a destination does not wish to hear yet of what is about these accounts; none: about more."""
    return are_muted(muted_scopes(db, destination_id), about)


def _to_mute(db: Database, row: Row) -> Mute:
    row_id, address, words, since, until, destination_id, account_id = row
    moments = to_moment(since), to_moment(until)
    if address is None:
        return Mute(row_id, None, "", *moments)
    scope = MuteScope(to_address(address), to_chains(words))
    named = [
        (to_chains(chains), label, contracts)
        for chains, label, contracts in db.execute(_NAMED, [destination_id, account_id])
    ]
    there = [one for one in named if MuteScope(scope.account, one[0]).meets(scope)]
    of_the_account = [one for one in there if not one[2]] or there
    label = label_of(scope, [(chains, label) for chains, label, _ in of_the_account])
    return Mute(row_id, scope.account, label, *moments, scope.chains)
