"""What a replica does every few seconds: it renews what it has, says that it is here, and looks around."""

from collections.abc import Mapping
from typing import NamedTuple

from bot.domain.replicas.clock import DatabaseClock
from bot.domain.replicas.leases import Lease
from bot.domain.replicas.replica import Replica, ReplicaSeen
from bot.domain.replicas.roles import Role
from bot.store.database.door import Database
from bot.store.database.moved import refuse_moved
from bot.store.replicas.leases import leases, release, release_all, renew
from bot.store.replicas.seen import forget, keep_in, replicas_with


class Renewed(NamedTuple):
    """What came of a renewal, and what there was to see."""

    kept: frozenset[Role]
    """Which leases were renewed; another replica has the others."""
    leases: tuple[Lease, ...]
    replicas: tuple[ReplicaSeen, ...]


def renew_all(
    db: Database,
    me: Replica,
    epochs: Mapping[Role, int],
    ended: Mapping[Role, int],
    *,
    clock: DatabaseClock,
    troubles: str,
) -> Renewed | None:
    """Renew the leases in `epochs`, give up those in `ended`, and say that this replica is here.

    `clock` is set by the database's. None: the others no longer count on this replica, so it has to join
    again first, and nothing was done.

    Raises DatabaseUnusable or DatabaseInUse if the data moves elsewhere.
    """
    with db.transaction(alone=False):
        refuse_moved(db)
        now_ms = clock.ask(db.now_ms)
        if not keep_in(db, me.id, now_ms, clock_ahead_ms=clock.own_ahead_ms, troubles=troubles):
            return None
        kept = renew(db, me.id, epochs, now_ms)
        release(db, me.id, ended, now_ms)
        held = leases(db, now_ms)
        return Renewed(kept, held, replicas_with(db, held, now_ms))


def leave(db: Database, me: Replica) -> None:
    """Give up all roles, and let the other replicas forget this one; all its work has ended."""
    with db.transaction(alone=False):
        release_all(db, me.id, db.now_ms())
        forget(db, me.id)
