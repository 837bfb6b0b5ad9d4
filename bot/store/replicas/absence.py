"""Tells owners once that a replica has been away for long, and once that it is back.

One that is asked to stop forgets itself, so it is never away.
"""

from datetime import datetime

from bot.domain.deliver.alerts import ReplicaAway, ReplicaBack
from bot.domain.replicas.replica import ReplicaSeen
from bot.store.database.door import Database
from bot.store.outbox.alerts import enqueue_owner_alerts
from bot.store.replicas.seen import replicas_seen
from bot.store.rows import to_milliseconds, to_moment

AWAY_SECONDS = 600.0
"""How long a replica is not seen before owners hear of it: a restart of its machine is no news."""


def report_absences(db: Database, suspects: frozenset[str], now: datetime) -> frozenset[str]:
    """Report to owners which of the `suspects` are away, and who is back; returns whom to suspect next.

    Those are ids of replicas that are away and were not told of. It takes two looks, as a database that was
    away for long itself has seen nobody, and hears of the first replica some seconds before the last.
    """
    replicas = replicas_seen(db)
    told = {replica_id for (replica_id,) in db.execute("SELECT id FROM replica WHERE missed_at IS NOT NULL")}
    away = [one for one in replicas if one.seen_ago_seconds >= AWAY_SECONDS and one.id not in told]
    lost = [one for one in away if one.id in suspects]
    back = [one for one in replicas if one.is_live and one.id in told]
    if lost or back:
        _tell(db, lost, back, left=sum(one.is_live for one in replicas), now=now)
    return frozenset(one.id for one in away) - {one.id for one in lost}


def _tell(
    db: Database, lost: list[ReplicaSeen], back: list[ReplicaSeen], *, left: int, now: datetime
) -> None:
    at = to_milliseconds(now)
    with db.transaction():
        now_ms = db.now_ms()
        for one in lost:
            row = db.execute(
                "UPDATE replica SET missed_at = ? WHERE id = ? AND seen_at <= ? RETURNING seen_at",
                [now_ms, one.id, now_ms - int(AWAY_SECONDS * 1000)],
            ).fetchone()
            if row is not None:  # else it came back just now, or was replaced
                enqueue_owner_alerts(db, ReplicaAway(one.name, to_moment(row[0]), left), at)
        for one in back:
            db.execute("UPDATE replica SET missed_at = NULL WHERE id = ?", [one.id])
            enqueue_owner_alerts(db, ReplicaBack(one.name), at)
