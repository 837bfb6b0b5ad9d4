"""Reads the mutes of destinations, what they cover, and what their quiet hours let pass."""

from collections import defaultdict
from collections.abc import Collection
from typing import NamedTuple

from bot.domain.chat.mutes import Cover, Mute, MuteScope, label_of
from bot.domain.deliver.alerts import MuteKind
from bot.domain.rules.conditions import Condition
from bot.domain.subscriptions import DestinationId
from bot.store.database.door import Database
from bot.store.rows import Row, to_address, to_chains, to_condition, to_moment

_MUTES = """
SELECT m.id, a.address, m.chains, m.since, m.until, m.kind, m.alarms_pass, m.destination_id, m.account_id
FROM mute m LEFT JOIN account a ON a.id = m.account_id
"""

COVERED = """
SELECT m.destination_id, a.address, m.chains, m.kind, m.alarms_pass, ''
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


_EXCEPTIONS = """
SELECT q.destination_id, NULL, '', 'quiet', 1, q.exception FROM quiet q WHERE q.exception <> ''
"""


class KeptBackHere(NamedTuple):
    """What a destination has kept back."""

    covers: tuple[Cover, ...] = ()
    """By its mutes, as they are now."""
    exception: Condition | None = None
    """Which changes its quiet hours let pass, whether it is quiet now or not; None: none."""


def kept_back_in(db: Database, destinations: Collection[int]) -> dict[DestinationId, KeptBackHere]:
    """Return what is kept back in these destinations, without those that keep nothing back."""
    these = db.any_of(destinations)
    # One statement for both: it is asked with each poll that has news.
    rows = db.execute(
        f"{COVERED} WHERE m.destination_id {these.sql}"
        f" UNION ALL {_EXCEPTIONS} AND q.destination_id {these.sql}",
        [*these.values, *these.values],
    )
    result: dict[DestinationId, KeptBackHere] = defaultdict(KeptBackHere)
    for row_of, address, chains, kind, alarms_pass, exception in rows:
        destination_id = DestinationId(row_of)
        here = result[destination_id]
        if exception:
            result[destination_id] = here._replace(exception=to_condition(exception))
            continue
        scope = None if address is None else MuteScope(to_address(address), to_chains(chains))
        cover = Cover(scope, MuteKind(kind), bool(alarms_pass))
        result[destination_id] = here._replace(covers=(*here.covers, cover))
    return dict(result)


def mute_of(db: Database, row_id: int) -> Mute:
    """Return the mute of a row, which has to be there."""
    return _to_mute(db, db.execute(f"{_MUTES} WHERE m.id = ?", [row_id]).fetchone())


def _to_mute(db: Database, row: Row) -> Mute:
    row_id, address, words, since, until, kind, alarms_pass, destination_id, account_id = row
    moments = to_moment(since), to_moment(until)
    if address is None:
        return Mute(
            row=row_id,
            account=None,
            label="",
            since=moments[0],
            until=moments[1],
            kind=MuteKind(kind),
            alarms_pass=bool(alarms_pass),
        )
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
        kind=MuteKind(kind),
        alarms_pass=bool(alarms_pass),
    )
