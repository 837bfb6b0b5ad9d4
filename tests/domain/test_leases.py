"""Who takes which role, and who gives one up: by the same rules for all, so that nobody waits for another."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.replicas.leases import (
    GRACE_SECONDS,
    RENEW_SECONDS,
    SETTLED_SECONDS,
    Lease,
    RolePlan,
    plan_roles,
)
from bot.domain.replicas.replica import TTL_SECONDS, ReplicaSeen
from bot.domain.replicas.roles import Role
from tests.examples import examples

RECEIVER, POLLER, SENDER, CHORES = Role
EVERYBODY = ("a", "b", "c", "d")


def seen(name: str, *, ago: float = 1.0, up: float = 3600.0) -> ReplicaSeen:
    return ReplicaSeen(
        id=name,
        name=f"{name}:8080",
        version="1.0",
        seen_ago_seconds=ago,
        up_seconds=up,
        clock_ahead_ms=0,
        troubles="",
        roles=frozenset(),
    )


def held_by(**roles_of: Iterable[Role]) -> tuple[Lease, ...]:
    """Return leases of which each has just been renewed; nobody has the roles that nobody is said to have."""
    holders = {role: holder for holder, roles in roles_of.items() for role in roles}
    return tuple(
        Lease(role, holders.get(role), 1, left_seconds=TTL_SECONDS if role in holders else -0.5)
        for role in Role
    )


def plan_of(me: str, leases: Iterable[Lease], replicas: Iterable[ReplicaSeen]) -> RolePlan:
    mine = {one.role for one in leases if one.holder == me and one.left_seconds > 0}
    return plan_roles(tuple(leases), tuple(replicas), me, mine)


def test_who_is_alone_takes_all() -> None:
    assert plan_of("a", held_by(), [seen("a")]).take == tuple(Role)


def test_roles_that_are_free_go_to_those_with_the_fewest_one_each() -> None:
    leases = held_by(a=[RECEIVER, POLLER])

    assert plan_of("a", leases, map(seen, "abc")).take == ()
    assert plan_of("b", leases, map(seen, "abc")).take == (SENDER,)
    assert plan_of("c", leases, map(seen, "abc")).take == (CHORES,)


def test_a_role_is_not_left_to_one_that_is_silent() -> None:
    leases = held_by(a=[RECEIVER, POLLER, SENDER])

    assert plan_of("a", leases, [seen("a"), seen("b")]).take == ()
    assert plan_of("a", leases, [seen("a"), seen("b", ago=TTL_SECONDS)]).take == (CHORES,)


def test_a_role_that_was_left_lying_is_for_everybody() -> None:
    free = held_by(a=[RECEIVER, POLLER, SENDER])
    *others, chores = free

    assert plan_of("a", [*others, chores], [seen("a"), seen("b")]).take == ()
    lying = Lease(CHORES, None, 1, left_seconds=-GRACE_SECONDS - 0.1)
    assert plan_of("a", [*others, lying], [seen("a"), seen("b")]).take == (CHORES,)


def test_what_is_about_to_end_here_is_not_taken_again_before_it_has() -> None:
    leases = held_by()

    assert plan_roles(leases, [seen("a")], "a", {POLLER}).take == (RECEIVER, SENDER, CHORES)


def test_what_is_held_by_this_one_without_its_knowing_is_taken_again() -> None:
    leases = held_by(a=[POLLER], b=[RECEIVER, SENDER, CHORES])

    assert plan_roles(leases, [seen("a"), seen("b")], "a", ()).take == (POLLER,)


def test_one_with_two_more_than_another_gives_up_what_is_cheapest_to_move() -> None:
    leases = held_by(a=Role)

    assert plan_of("a", leases, map(seen, "ab")) == RolePlan(give_up=CHORES)
    assert plan_of("b", leases, map(seen, "ab")) == RolePlan()
    assert plan_of("a", held_by(a=[RECEIVER, POLLER, SENDER], b=[CHORES]), map(seen, "ab")) == RolePlan(
        give_up=SENDER
    )


def test_nothing_moves_for_a_difference_of_one() -> None:
    leases = held_by(a=[RECEIVER, POLLER], b=[SENDER], c=[CHORES])

    assert all(plan_of(one, leases, map(seen, "abc")) == RolePlan() for one in "abc")


def test_nothing_moves_to_one_that_has_only_just_come_or_is_silent() -> None:
    leases = held_by(a=Role)

    assert not plan_of("a", leases, [seen("a"), seen("b", up=SETTLED_SECONDS - 1)]).give_up
    assert not plan_of("a", leases, [seen("a"), seen("b", ago=TTL_SECONDS)]).give_up
    assert plan_of("a", leases, [seen("a"), seen("b", up=SETTLED_SECONDS)]).give_up


def test_of_two_that_have_the_most_one_gives_up() -> None:
    leases = held_by(a=[RECEIVER, POLLER], b=[SENDER, CHORES])

    assert [plan_of(one, leases, map(seen, "abc")).give_up for one in "abc"] == [None, CHORES, None]


def test_nothing_moves_while_a_role_is_free() -> None:
    leases = held_by(a=[RECEIVER, POLLER, SENDER])

    assert not plan_of("a", leases, map(seen, "ab")).give_up


leases_of_all = st.tuples(
    *(
        st.builds(
            Lease,
            st.just(role),
            st.sampled_from((None, *EVERYBODY)),
            st.integers(0, 9),
            st.floats(-20, TTL_SECONDS, allow_nan=False),
        )
        for role in Role
    )
)
everybody_seen = st.tuples(
    *(st.builds(seen, st.just(one), ago=st.floats(0, 15), up=st.floats(0, 60)) for one in EVERYBODY)
)


@given(leases_of_all, everybody_seen, st.sampled_from(EVERYBODY), st.sets(st.sampled_from(Role)))
def test_nobody_takes_what_another_one_has_or_gives_up_what_it_has_not(
    leases: tuple[Lease, ...], replicas: tuple[ReplicaSeen, ...], me: str, running: set[Role]
) -> None:
    plan = plan_roles(leases, replicas, me, running)

    holders = {one.role: one.holder for one in leases if one.left_seconds > 0}
    assert all(holders.get(role, me) == me and role not in running for role in plan.take)
    assert plan.give_up is None or holders[plan.give_up] == me
    assert not (plan.take and plan.give_up)


@given(leases_of_all, everybody_seen)
def test_of_those_who_see_the_same_one_takes_a_free_role_and_one_at_most_gives_one_up(
    leases: tuple[Lease, ...], replicas: tuple[ReplicaSeen, ...]
) -> None:
    plans = [plan_of(one.id, leases, replicas) for one in replicas if one.is_live]

    takers = [role for plan in plans for role in plan.take]
    for lease in leases:
        if lease.left_seconds <= 0 and plans:
            lies = -lease.left_seconds > GRACE_SECONDS
            assert takers.count(lease.role) == (len(plans) if lies else 1)
    assert sum(plan.give_up is not None for plan in plans) <= 1


# ---------------------------------------------------------------- several, over time


@dataclass
class Member:
    """A replica, with what it believes to hold."""

    name: str
    started_at: float
    next_look_at: float
    seen_at: float = float("-inf")
    is_alive: bool = True
    works: dict[Role, int] = field(default_factory=dict)
    """What runs here, by its epoch."""
    ending: dict[Role, float] = field(default_factory=dict)
    """When what was given up will have ended."""


@dataclass
class World:
    """Replicas over one database, which does for each what the statements of the store do."""

    random: Random
    now: float = 0.0
    leases: dict[Role, tuple[str | None, int, float]] = field(
        default_factory=lambda: dict.fromkeys(Role, (None, 0, float("-inf")))
    )
    members: dict[str, Member] = field(default_factory=dict)
    moved_at: float = 0.0
    """When a role last changed hands."""

    def start(self, name: str) -> None:
        self.members[name] = Member(name, self.now, self.now + self.random.random())

    def kill(self, name: str) -> None:
        if name in self.members:
            self.members[name].is_alive = False

    def pass_time(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            self.now += 0.5
            due = [one for one in self.members.values() if one.is_alive and one.next_look_at <= self.now]
            self.random.shuffle(due)
            for one in due:
                self.look(one)

    def look(self, one: Member) -> None:
        one.seen_at, one.next_look_at = self.now, self.now + RENEW_SECONDS
        for role, epoch in list(one.works.items()):
            if self.leases[role][:2] != (one.name, epoch):
                del one.works[role]
            elif one.ending.get(role, self.now) >= self.now:
                self.leases[role] = (one.name, epoch, self.now + TTL_SECONDS)
            else:
                self.release(one, role, epoch)
        plan = plan_roles(self.lease_rows(), self.members_seen(), one.name, one.works)
        for role in plan.take:
            holder, epoch, until = self.leases[role]
            if until <= self.now or holder == one.name:
                one.works[role] = epoch + 1
                self.leases[role] = (one.name, epoch + 1, self.now + TTL_SECONDS)
                self.moved_at = self.now
        if plan.give_up and plan.give_up not in one.ending:
            one.ending[plan.give_up] = self.now + self.random.random() * 6
        if one.ending:
            one.next_look_at = min([one.next_look_at, *(at + 0.5 for at in one.ending.values())])

    def release(self, one: Member, role: Role, epoch: int) -> None:
        del one.works[role], one.ending[role]
        self.leases[role] = (None, epoch, self.now)
        for other in self.members.values():  # it hears of it
            other.next_look_at = min(other.next_look_at, self.now + 0.5)

    def lease_rows(self) -> tuple[Lease, ...]:
        return tuple(
            Lease(role, holder, epoch, until - self.now)
            for role, (holder, epoch, until) in self.leases.items()
        )

    def members_seen(self) -> tuple[ReplicaSeen, ...]:
        return tuple(
            seen(one.name, ago=self.now - one.seen_at, up=one.seen_at - one.started_at)
            for one in self.members.values()
            if one.seen_at > float("-inf")
        )

    @property
    def longest_free(self) -> float:
        """For how many seconds nobody has had a role; below zero: all are held."""
        return max(self.now - until for _, _, until in self.leases.values())

    @property
    def roles_of(self) -> Mapping[str, int]:
        """How many roles each has that is alive."""
        return {
            one.name: sum(
                holder == one.name and until > self.now for holder, _, until in self.leases.values()
            )
            for one in self.members.values()
            if one.is_alive
        }


events = st.lists(
    st.tuples(st.sampled_from(("start", "kill")), st.sampled_from(EVERYBODY), st.floats(0.5, 40)), max_size=8
)


@settings(max_examples=examples(25))
@given(events, st.randoms(use_true_random=False))
def test_whatever_dies_all_is_done_soon_and_in_the_end_evenly_and_nothing_moves_any_more(
    events: list[tuple[str, str, float]], random: Random
) -> None:
    world = World(random)
    for what, name, seconds in events:
        if what == "start" and name not in world.roles_of:
            world.start(name)
        elif what == "kill":
            world.kill(name)
        world.pass_time(seconds)
    world.start("e")

    world.pass_time(TTL_SECONDS + 2 * RENEW_SECONDS + GRACE_SECONDS + 6)
    assert world.longest_free <= 1  # that one is on its way

    world.pass_time(SETTLED_SECONDS + 60)
    quiet_since = world.now
    assert max(world.roles_of.values()) - min(world.roles_of.values()) <= 1
    world.pass_time(60)
    assert world.moved_at < quiet_since
    assert sum(world.roles_of.values()) == len(Role)


@settings(max_examples=examples(25))
@given(st.integers(1, 3), st.randoms(use_true_random=False))
def test_what_a_dead_one_did_is_taken_as_soon_as_its_leases_are_over(others: int, random: Random) -> None:
    world = World(random)
    for name in EVERYBODY[: others + 1]:
        world.start(name)
    world.pass_time(SETTLED_SECONDS + 60)

    world.kill("a")
    world.pass_time(TTL_SECONDS + RENEW_SECONDS + 1)

    assert sum(world.roles_of.values()) == len(Role)
