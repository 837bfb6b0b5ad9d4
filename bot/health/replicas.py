"""What is wrong with replicas and roles, as any of them sees it in the database they share."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from bot.chat.text.replicas import does
from bot.domain.ask.progress import LastSweep
from bot.domain.replicas.leases import GRACE_SECONDS, RENEW_SECONDS, Lease
from bot.domain.replicas.replica import TTL_SECONDS, ReplicaSeen
from bot.domain.replicas.roles import Role, Tenure
from bot.store.database.connection import DatabaseThread
from bot.store.database.door import Database
from bot.store.polling.sweeps import last_sweep
from bot.store.replicas.leases import leases
from bot.store.replicas.seen import replicas_seen
from bot.web.stats import ReplicaStats

LATE_SECONDS = 2 * RENEW_SECONDS
"""A replica that was not seen for longer has missed two of its renewals."""

TAKE_OVER_SECONDS = GRACE_SECONDS + RENEW_SECONDS + 2.0
"""How long after its lease is over a role is taken at the latest, if any replica is there to take it."""


class Shared(NamedTuple):
    """What a process needs to speak for all replicas."""

    me: str
    """The id of this one."""
    db: DatabaseThread
    """The connection that renews the leases: it is busy for moments only."""
    held: Callable[[], Mapping[Role, Tenure]]
    """The roles of this process."""


class Sight(NamedTuple):
    """What all replicas see alike."""

    last: LastSweep | None
    leases: tuple[Lease, ...]
    replicas: tuple[ReplicaSeen, ...]


def look(db: Database) -> Sight:
    """Return what there is to see, in one unit of work of a few statements."""
    return Sight(last_sweep(db), leases(db, db.now_ms()), replicas_seen(db))


def reasons_of_others(sight: Sight, me: str) -> Iterator[str]:
    """Yield why the bot does not see or tell, but for what this replica knows of itself."""
    for one in sight.replicas:
        if one.id != me and one.is_live:
            yield from (f"{one.name}: {trouble}" for trouble in one.troubles.splitlines())
    kept = [lease for lease in sight.leases if lease.left_seconds > -TAKE_OVER_SECONDS]
    for one in sight.replicas:
        roles = [lease.role for lease in kept if lease.holder == one.id]
        if roles and one.id != me and one.seen_ago_seconds > LATE_SECONDS:
            yield f"{one.name} has not been seen for {one.seen_ago_seconds:.0f} s: it {does(roles)}"
    for lease in sight.leases:
        if not lease.epoch:
            yield f"nobody has ever had the role of {lease.role}"
        elif lease not in kept:
            yield f"nobody has had the role of {lease.role} for {-lease.left_seconds:.0f} s"


def replica_stats(shared: Shared, sight: Sight | None, *, connections: int) -> ReplicaStats:
    """Return the numbers of roles and replicas; None: the database does not answer."""
    held = shared.held()
    of_this = ReplicaStats({role: int(role in held) for role in Role}, connections)
    if sight is None:
        return of_this
    live = [one for one in sight.replicas if one.is_live]
    ahead = [one.clock_ahead_ms / 1000 for one in sight.replicas if one.id == shared.me]
    return ReplicaStats(
        of_this.roles,
        connections,
        epochs={lease.role: lease.epoch for lease in sight.leases},
        lease_ages={lease.role: TTL_SECONDS - lease.left_seconds for lease in sight.leases if lease.epoch},
        here=len(live),
        away=len(sight.replicas) - len(live),
        clock_ahead_seconds=ahead[0] if ahead else None,
    )
