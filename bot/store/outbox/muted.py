"""Reads the mutes of destinations, and what they cover."""

from collections import defaultdict
from collections.abc import Collection

from bot.domain.chat.mutes import Mute, MuteScope, label_of
from bot.domain.subscriptions import DestinationId
from bot.store.database.door import Database
from bot.store.rows import Row, to_address, to_chains, to_moment

_MUTES = """
SELECT m.id, a.address, m.chains, m.since, m.until, m.destination_id, m.account_id
FROM mute m LEFT JOIN account a ON a.id = m.account_id
"""

COVERED = """
SELECT m.destination_id, a.address, m.chains FROM mute m LEFT JOIN account a ON a.id = m.account_id
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


def muted_scopes(db: Database, destinations: Collection[int]) -> dict[DestinationId, list[MuteScope | None]]:
    """Return what each mute of these destinations covers; None: everything."""
    these = db.any_of(destinations)
    rows = db.execute(f"{COVERED} WHERE m.destination_id {these.sql}", these.values)
    result: dict[DestinationId, list[MuteScope | None]] = defaultdict(list)
    for destination_id, address, chains in rows:
        scope = None if address is None else MuteScope(to_address(address), to_chains(chains))
        result[DestinationId(destination_id)].append(scope)
    return dict(result)


def mute_of(db: Database, row_id: int) -> Mute:
    """Return the mute of a row, which has to be there."""
    return _to_mute(db, db.execute(f"{_MUTES} WHERE m.id = ?", [row_id]).fetchone())


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
        is_watched=bool(there),
    )
