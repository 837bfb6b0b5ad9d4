"""Which replicas there are, and what each last said of itself."""

from collections.abc import Collection

from bot.domain.replicas.leases import Lease
from bot.domain.replicas.replica import TTL_SECONDS, Replica, ReplicaSeen
from bot.store.database.door import Database
from bot.store.replicas.leases import leases

FORGOTTEN_AFTER_SECONDS = 24 * 3600


def check_in(db: Database, me: Replica, now_ms: int) -> None:
    """Note that a replica begins to count, in the place of what it was before a restart.

    One that comes under the name of another is that one for people: owners may be told that it is back.
    Within a transaction.
    """
    db.execute(
        "INSERT INTO replica (id, name, version, started_at, seen_at, clock_ahead_ms, troubles, missed_at)"
        " VALUES (?, ?, ?, ?, ?, 0, '', (SELECT max(missed_at) FROM replica WHERE name = ?))"
        " ON CONFLICT (id) DO UPDATE SET name = excluded.name, seen_at = excluded.seen_at",
        [me.id, me.name, me.version, now_ms, now_ms, me.name],
    )
    db.execute("DELETE FROM replica WHERE name = ? AND id <> ?", [me.name, me.id])


def keep_in(db: Database, replica_id: str, now_ms: int, *, clock_ahead_ms: int, troubles: str) -> bool:
    """Note that a replica is still here, and forget those that have been away for a day.

    False: it was not seen for so long, or is replaced, that the others no longer count on it, and nothing is
    noted. Within a transaction.
    """
    noted = db.execute(
        "UPDATE replica SET seen_at = ?, clock_ahead_ms = ?, troubles = ? WHERE id = ? AND seen_at > ?",
        [now_ms, clock_ahead_ms, troubles, replica_id, now_ms - int(TTL_SECONDS * 1000)],
    )
    db.execute("DELETE FROM replica WHERE seen_at < ?", [now_ms - FORGOTTEN_AFTER_SECONDS * 1000])
    return noted.rowcount > 0


def forget(db: Database, replica_id: str) -> None:
    """Forget a replica that ends."""
    db.execute("DELETE FROM replica WHERE id = ?", [replica_id])


def replicas_seen(db: Database) -> tuple[ReplicaSeen, ...]:
    """Return all replicas of the last day, by name."""
    now_ms = db.now_ms()
    return replicas_with(db, leases(db, now_ms), now_ms)


def replicas_with(db: Database, held: Collection[Lease], now_ms: int) -> tuple[ReplicaSeen, ...]:
    """Return all replicas of the last day, by name, where it is known already who has which role."""
    return tuple(
        ReplicaSeen(
            id=replica_id,
            name=name,
            version=version,
            seen_ago_seconds=(now_ms - seen_at) / 1000,
            up_seconds=(seen_at - started_at) / 1000,
            clock_ahead_ms=clock_ahead_ms,
            troubles=troubles,
            roles=frozenset(one.role for one in held if one.holder == replica_id and one.left_seconds > 0),
        )
        for replica_id, name, version, seen_at, started_at, clock_ahead_ms, troubles in db.execute(
            "SELECT id, name, version, seen_at, started_at, clock_ahead_ms, troubles FROM replica"
            " ORDER BY name NULLS FIRST, id"
        ).fetchall()
    )
