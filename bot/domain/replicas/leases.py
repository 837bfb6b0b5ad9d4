"""Who takes which role, and who gives one up: each replica decides for itself, all by the same rules.

Nobody asks the others: what is decided here is an intent, and of those that take a role at the same moment
the database lets one through. The rules keep replicas out of each other's way, not from harm.
"""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from bot.domain.replicas.replica import ReplicaSeen
from bot.domain.replicas.roles import Role

RENEW_SECONDS = 3.0
"""How often a replica renews its leases: two renewals may fail before a role is lost."""

GRACE_SECONDS = RENEW_SECONDS
"""How long a free role is left to the replica that should take it."""

SETTLED_SECONDS = 30.0
"""How long a replica has to be up before others give up roles for it: one that keeps crashing costs a pause
each time it takes something with it."""

MOST_APART = 1
"""By how many roles two replicas may differ: each move costs a pause."""

_CHEAPEST_TO_MOVE = (Role.CHORES, Role.SENDER, Role.POLLER, Role.RECEIVER)


@dataclass(frozen=True, slots=True)
class Lease:
    """Who has a role, as the database has it."""

    role: Role
    holder: str | None
    """The id of a replica."""
    epoch: int
    """How often the role has changed hands."""
    left_seconds: float
    """For how long by the database's clock; if it isn't above zero, it has been over for so long."""


@dataclass(frozen=True, slots=True)
class RolePlan:
    """What a replica does about roles now."""

    take: tuple[Role, ...] = ()
    give_up: Role | None = None


def plan_roles(
    leases: Collection[Lease], replicas: Collection[ReplicaSeen], me: str, running: Collection[Role]
) -> RolePlan:
    """Decide which free roles to take, and which one to give up so that all have about as many.

    `leases` has one of each role, `running` is what runs here, even if it is about to end. A free role is for
    the replica with the fewest, and for whoever comes once that one has let it lie. A role moves while none
    is free, from one with the most to one that has at least two less, one at a time.
    """
    live = {one.id for one in replicas if one.is_live} | {me}
    free = [one for one in leases if _is_free(one, me, running)]
    roles_of = Counter(one.holder for one in leases if one not in free)
    if not free:
        settled = [one.id for one in replicas if one.is_live and one.up_seconds >= SETTLED_SECONDS]
        return RolePlan(give_up=_to_give_up(leases, {one: roles_of[one] for one in live}, settled, me))
    take = []
    for lease in sorted(free, key=lambda one: list(Role).index(one.role)):
        taker = min(live, key=lambda one: (roles_of[one], one))
        roles_of[taker] += 1
        if lease.role not in running and (taker == me or -lease.left_seconds > GRACE_SECONDS):
            take.append(lease.role)
    return RolePlan(take=tuple(take))


def _is_free(lease: Lease, me: str, running: Collection[Role]) -> bool:
    """Say whether nobody has a role: nor does this replica, if it took it without hearing that it did."""
    return lease.left_seconds <= 0 or (lease.holder == me and lease.role not in running)


def _to_give_up(
    leases: Collection[Lease], roles_of: dict[str, int], settled: Collection[str], me: str
) -> Role | None:
    others = [roles_of[one] for one in settled if one != me]
    busiest = max(roles_of, key=lambda one: (roles_of[one], one))
    if busiest != me or not others or roles_of[me] - min(others) <= MOST_APART:
        return None
    mine = {one.role for one in leases if one.holder == me}
    return next(role for role in _CHEAPEST_TO_MOVE if role in mine)
