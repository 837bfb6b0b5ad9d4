"""Reads the mutes of a destination, and whether one of them covers an alert that is to be enqueued."""

from bot.domain.chat.mutes import Mute, MuteScope, are_muted, label_of
from bot.domain.subscriptions import DestinationId
from bot.store.database.door import Database
from bot.store.rows import Row, to_address, to_chains, to_moment

_MUTES = """
SELECT m.id, a.address, m.chains, m.since, m.until, m.destination_id, m.account_id
FROM mute m LEFT JOIN account a ON a.id = m.account_id
"""


_NAMED = """
SELECT chains, label, contracts FROM subscription WHERE destination_id = ? AND account_id = ? ORDER BY id
"""
"""What the destination calls the account, for the label of a mute."""


def mutes_of(db: Database, destination_id: int) -> list[Mute]:
    """Return the mutes of a destination; the one of everything, if there is one, comes first."""
    rows = db.execute(
        f"{_MUTES} WHERE m.destination_id = ? ORDER BY m.account_id NULLS FIRST, m.id", [destination_id]
    ).fetchall()
    return [_to_mute(db, row) for row in rows]


def muted_scopes(db: Database, destination_id: int) -> list[MuteScope | None]:
    """Return what each mute of a destination covers; None: everything."""
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
    """Return the mute of a row, which has to be there."""
    return _to_mute(db, db.execute(f"{_MUTES} WHERE m.id = ?", [row_id]).fetchone())


def is_change_muted(db: Database, destination_id: DestinationId, change_id: int) -> bool:
    """Return whether a destination has muted the account of a change, on the chain of the change."""
    (is_muted,) = db.execute(_IS_CHANGE_MUTED, [destination_id, change_id, change_id]).fetchone()
    return bool(is_muted)


# Runs once for each alert that is made. `coalesce(account_id, 0)` stands as in the index `mute_once`, by
# which SQLite then finds the two mutes that matter instead of reading all of the destination. `chains` is a
# list with blanks between: it is searched with a blank on either side, so that chain 1 isn't found in 10.
_IS_CHANGE_MUTED = """
SELECT EXISTS (SELECT 1 FROM mute WHERE destination_id = ? AND coalesce(account_id, 0) IN (
  0, (SELECT account_id FROM change WHERE id = ?)) AND (chains = '' OR ' ' || chains || ' ' LIKE
  (SELECT '% ' || x.chain_id || ' %' FROM change c JOIN asset x ON x.id = c.asset_id WHERE c.id = ?)))
"""


def is_notice_muted(db: Database, destination_id: DestinationId, about: frozenset[MuteScope]) -> bool:
    """Return whether a destination has muted all that a notice is about, by account and chain.

    `about` is empty where a notice is about more than accounts.
    """
    return are_muted(muted_scopes(db, destination_id), about)


def _to_mute(db: Database, row: Row) -> Mute:
    row_id, address, words, since, until, destination_id, account_id = row
    moments = to_moment(since), to_moment(until)
    if address is None:
        return Mute(row=row_id, account=None, label="", since=moments[0], until=moments[1])
    scope = MuteScope(to_address(address), to_chains(words))
    named = [
        (to_chains(chains), label, contracts)
        for chains, label, contracts in db.execute(_NAMED, [destination_id, account_id])
    ]
    # The mute covers all of the account: a label of some of its tokens counts only where it is the only one.
    there = [one for one in named if MuteScope(scope.account, one[0]).meets(scope)]
    of_the_account = [one for one in there if not one[2]] or there
    label = label_of(scope, [(chains, label) for chains, label, _ in of_the_account])
    return Mute(
        row=row_id,
        account=scope.account,
        label=label,
        since=moments[0],
        until=moments[1],
        chains=scope.chains,
    )
