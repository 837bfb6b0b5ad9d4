"""The leases: who has which role, and until when it is left to them without being heard of.

A renewal changes `until` alone. Whoever takes a role changes its epoch, which is part of a key: that waits
for the transactions that the former holder has begun behind a fence, and all later ones of it are refused.
"""

from collections.abc import Mapping

from bot.domain.replicas.leases import Lease
from bot.domain.replicas.replica import TTL_SECONDS
from bot.domain.replicas.roles import Role
from bot.store.database.door import Database
from bot.store.database.moved import refuse_moved
from bot.store.database.signals import SignalName

_TTL_MS = int(TTL_SECONDS * 1000)
_LONGEST_MS = 2 * _TTL_MS
"""A lease that lasts longer was given before the database's clock was set back: it counts as over."""


def take(db: Database, role: Role, replica_id: str) -> int | None:
    """Take a role, if its lease is over or this replica has it by the database; returns the new epoch.

    None: somebody else has it. Raises DatabaseUnusable or DatabaseInUse if the data moves elsewhere.
    """
    with db.transaction(alone=False):
        refuse_moved(db)
        db.execute(
            "INSERT INTO lease (role, replica_id, epoch, until) VALUES (?, NULL, 0, 0)"
            " ON CONFLICT (role) DO NOTHING",
            [role],
        )
        now_ms = db.now_ms()
        taken = db.execute(
            "UPDATE lease SET replica_id = ?, epoch = epoch + 1, until = ?"
            " WHERE role = ? AND (until <= ? OR until > ? OR replica_id = ?) RETURNING epoch",
            [replica_id, now_ms + _TTL_MS, role, now_ms, now_ms + _LONGEST_MS, replica_id],
        ).fetchone()
    return None if taken is None else int(taken[0])


def renew(db: Database, replica_id: str, epochs: Mapping[Role, int], now_ms: int) -> frozenset[Role]:
    """Renew leases, even if they are over, as long as nobody took them; returns which this replica still has.

    Within a transaction.
    """
    if not epochs:
        return frozenset()
    # One statement for all, as each costs a way to the server.
    own = " OR ".join("role = ? AND epoch = ?" for _ in epochs)
    values = [value for one in epochs.items() for value in one]
    rows = db.execute(
        f"UPDATE lease SET until = ? WHERE replica_id = ? AND ({own}) RETURNING role",
        [now_ms + _TTL_MS, replica_id, *values],
    )
    return frozenset(Role(role) for (role,) in rows)


def release(db: Database, replica_id: str, epochs: Mapping[Role, int], now_ms: int) -> None:
    """Give up roles whose work has ended, and tell the other replicas; within a transaction."""
    for role, epoch in epochs.items():
        db.execute(
            "UPDATE lease SET replica_id = NULL, until = ? WHERE role = ? AND epoch = ? AND replica_id = ?",
            [now_ms, role, epoch, replica_id],
        )
        db.notify(SignalName.ROLES)


def release_all(db: Database, replica_id: str, now_ms: int) -> None:
    """Give up whatever a replica has by the database, and tell the others; within a transaction."""
    db.execute("UPDATE lease SET replica_id = NULL, until = ? WHERE replica_id = ?", [now_ms, replica_id])
    db.notify(SignalName.ROLES)


def leases(db: Database, now_ms: int) -> tuple[Lease, ...]:
    """Return one lease for each role; one that nobody ever had has been over since 1970."""
    rows = {
        role: (holder, epoch, until)
        for role, holder, epoch, until in db.execute("SELECT role, replica_id, epoch, until FROM lease")
    }
    return tuple(_lease(role, *rows.get(role, (None, 0, 0)), now_ms) for role in Role)


def _lease(role: Role, holder: str | None, epoch: int, until: int, now_ms: int) -> Lease:
    left_ms = until - now_ms
    return Lease(role, holder, epoch, left_seconds=0.0 if left_ms > _LONGEST_MS else left_ms / 1000)
