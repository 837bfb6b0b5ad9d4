"""Which replicas there are, and what each last said of itself."""

from collections.abc import Collection

from bot.domain.replicas.leases import Lease
from bot.domain.replicas.replica import TTL_SECONDS, Replica, ReplicaSeen
from bot.store.database.door import Database
from bot.store.replicas.leases import leases

FORGOTTEN_AFTER_SECONDS = 24 * 3600


def check_in(db: Database, me: Replica, now_ms: int, *, clock_ahead_ms: int, troubles: str) -> None:
    """Note that a replica is here, and forget those that it replaces or that have been away for a day.

    One that comes under the name of another is that one for people: owners may be told that it is back.
    Within a transaction.
    """
    db.execute(
        "INSERT INTO replica (id, name, version, started_at, seen_at, clock_ahead_ms, troubles, missed_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, (SELECT max(missed_at) FROM replica WHERE name = ?))"
        " ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at,"
        " clock_ahead_ms = excluded.clock_ahead_ms, troubles = excluded.troubles",
        [me.id, me.name, me.version, now_ms, now_ms, clock_ahead_ms, troubles, me.name],
    )
    db.execute(
        "DELETE FROM replica WHERE (name = ? AND id <> ? AND seen_at < ?) OR seen_at < ?",
        [me.name, me.id, now_ms - int(TTL_SECONDS * 1000), now_ms - FORGOTTEN_AFTER_SECONDS * 1000],
    )


def forget(db: Database, replica_id: str) -> None:
    """Forget a replica that ends."""
    db.execute("DELETE FROM replica WHERE id = ?", [replica_id])


def namesake_seen_at(db: Database, me: Replica) -> int | None:
    """Return when a replica of the same name was last there, in milliseconds; None: no other one has it.

    It may be what this one was before it was killed. One that lives moves on with each renewal.
    """
    (seen_at,) = db.execute(
        "SELECT max(seen_at) FROM replica WHERE name = ? AND id <> ? AND seen_at > ?",
        [me.name, me.id, db.now_ms() - int(TTL_SECONDS * 1000)],
    ).fetchone()
    return None if seen_at is None else int(seen_at)


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
