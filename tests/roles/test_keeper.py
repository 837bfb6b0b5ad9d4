"""Roles are taken, done and given up: by several replicas over one server, and by the one that has a file."""

import asyncio
import json
import time
from datetime import datetime
from threading import Event

import pytest

from bot.domain.replicas.replica import TTL_SECONDS
from bot.domain.replicas.roles import Role, Tenure
from bot.roles.keeper import LEAVE_SECONDS, SoleKeeper, WorkerDied
from bot.store.database.door import Database
from bot.store.database.errors import RoleLost
from bot.store.database.signals import SignalName
from bot.store.replicas.membership import CONFIGURATION, ConfigurationDiffers
from tests.builders import NOON
from tests.roles.conftest import Group
from tests.waits import HANG_SECONDS, until

RECEIVER, POLLER, SENDER, CHORES = Role


async def ends_at_once(tenure: Tenure) -> None:
    """Do nothing."""


# ---------------------------------------------------------------- several


async def test_one_that_is_alone_does_everything_and_leaves_nothing_behind(group: Group) -> None:
    one = await group.join("a")
    await group.holds("a", *Role)

    await one.leave()

    assert not one.keeper.held
    assert sorted(group.said) == sorted(("a", what, role) for role in Role for what in ("begins", "ends"))
    assert await group.store.rows("SELECT replica_id FROM lease") == [(None,)] * 4
    assert await group.store.rows("SELECT id FROM replica") == []


async def test_whoever_leaves_hands_over_once_its_work_has_ended(group: Group) -> None:
    one = await group.join("a")
    await group.holds("a", *Role)
    await group.join("b")

    await one.leave()
    await group.holds("b", *Role)

    for role in Role:
        assert [who for who in group.said if who[2] is role] == [
            ("a", "begins", role),
            ("a", "ends", role),
            ("b", "begins", role),
        ]
    assert await group.store.rows("SELECT DISTINCT epoch FROM lease") == [(2,)]


async def test_two_share_evenly_and_three_as_well_and_then_nothing_moves(group: Group) -> None:
    await group.join("a")
    await group.holds("a", *Role)
    await group.join("b")
    await group.renewals(2)
    last_ms = await group.store.value("SELECT until FROM lease WHERE role = 'chores' AND replica_id = 'a'")
    await group.grow_old()
    await group.holds("b", CHORES)
    taken_ms = await group.store.value("SELECT until FROM lease WHERE role = 'chores' AND replica_id = 'b'")
    assert taken_ms - last_ms < TTL_SECONDS * 1000  # it was not waited for that the lease is over
    await group.holds("b", SENDER, CHORES)
    await group.holds("a", RECEIVER, POLLER)

    await group.join("c")
    await group.renewals(2)
    await group.grow_old()
    await until(lambda: len(group.members["c"].keeper.held) == 1)
    said = list(group.said)
    await group.renewals(5)

    assert sorted(len(one.keeper.held) for one in group.members.values()) == [1, 1, 2]
    assert group.said == said


async def test_what_another_one_took_ends_here_before_it_is_taken_again(group: Group) -> None:
    one = await group.join("a")
    await group.holds("a", *Role)
    tenure = one.keeper.held[SENDER]

    await group.store.script("UPDATE lease SET epoch = epoch + 1, replica_id = 'x' WHERE role = 'sender'")
    await group.look()
    await group.holds("a", RECEIVER, POLLER, CHORES)

    assert not tenure.lasts(0.0, 0.0)
    await group.store.script("UPDATE lease SET until = 0 WHERE role = 'sender'")
    await group.look()
    await group.holds("a", *Role)
    assert one.keeper.held[SENDER].epoch == 3
    assert [what for _, what, role in group.said if role is SENDER] == ["begins", "ends", "begins"]


async def test_work_that_meets_the_end_of_its_role_ends_nothing_else(group: Group) -> None:
    losses = 0

    async def lose(tenure: Tenure) -> None:
        nonlocal losses
        losses += 1
        if losses == 1:
            raise RoleLost(tenure.role)
        await group.idle("a", tenure)

    one = await group.join("a", {SENDER: lose})

    await until(lambda: ("a", "begins", SENDER) in group.said)

    assert not one.task.done()
    assert one.keeper.held[SENDER].epoch == 2


async def test_work_that_ends_by_itself_ends_the_program_and_others_take_over_at_once(group: Group) -> None:
    await group.join("b")
    await group.holds("b", *Role)
    died = asyncio.Event()

    async def die(tenure: Tenure) -> None:  # noqa: ARG001 - as works are
        await died.wait()

    one = await group.join("a", {SENDER: die})
    await group.members["b"].leave()
    await group.holds("a", *Role)
    await group.join("c")
    died.set()

    with pytest.raises(WorkerDied, match=r"^the sender ended by itself$"):
        await one.task
    await group.holds("c", *Role)


async def test_a_death_has_the_words_of_who_noticed_it(group: Group) -> None:
    async def die(tenure: Tenure) -> None:  # noqa: ARG001 - as works are
        raise WorkerDied("the explainer ended by itself")

    one = await group.join("a", {POLLER: die})

    with pytest.raises(WorkerDied, match=r"^the explainer ended by itself$"):
        await one.task


async def test_what_can_not_be_renewed_in_time_ends_before_another_one_begins(group: Group) -> None:
    one = await group.join("a")
    await group.holds("a", *Role)
    await group.join("b")
    frozen = Event()

    hang = asyncio.create_task(one.second.run(lambda _: frozen.wait(HANG_SECONDS)))
    await group.holds("b", *Role)
    assert not one.keeper.held
    frozen.set()
    await hang
    await group.renewals(2)

    assert not one.keeper.held
    for role in Role:
        assert [who for who in group.said if who[2] is role] == [
            ("a", "begins", role),
            ("a", "ends", role),
            ("b", "begins", role),
        ]


async def test_a_server_that_was_silent_while_work_ended_is_not_waited_for_once_more(group: Group) -> None:
    drained, asked, answers = asyncio.Event(), Event(), Event()

    async def drain(tenure: Tenure) -> None:
        try:
            await group.idle("a", tenure)
        finally:
            await drained.wait()

    def wait_for_the_answer() -> datetime:
        asked.set()
        answers.wait(HANG_SECONDS)
        return NOON

    one = await group.join("a", {SENDER: drain})
    await group.holds("a", *Role)
    group.now = wait_for_the_answer
    await until(asked.is_set)

    one.stop.set()
    await until(lambda: ("a", "ends", SENDER) in group.said)
    group.ahead = LEAVE_SECONDS + 1
    drained.set()
    await one.task

    answers.set()
    await one.second.ping()
    assert await group.store.rows("SELECT id FROM replica") == [("a",)]  # nobody asked to forget it


async def test_what_counts_here_is_over_before_it_is_over_for_the_others(group: Group) -> None:
    one = await group.join("a")
    await group.holds("a", *Role)

    def lefts(db: Database) -> tuple[float, float]:
        here = one.keeper.held[SENDER].good_until - time.monotonic()
        (until_ms,) = db.execute("SELECT until FROM lease WHERE role = 'sender'").fetchone()
        return here, (until_ms - db.now_ms()) / 1000

    # The way to the database takes half a second, and only then the lease is renewed.
    slow = asyncio.create_task(one.second.run(lambda _: time.sleep(0.5)))
    one.db.signal(SignalName.ROLES).set()
    await group.renewals(1)
    await slow

    here, there = await one.second.run(lefts)
    assert here < there


async def test_a_connection_that_is_lost_costs_no_role(group: Group) -> None:
    one = await group.join("a")
    await group.holds("a", *Role)
    held = dict(one.keeper.held)

    await group.store.db.run(
        lambda db: db.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            " AND datname = current_database()"
        ).fetchall()
    )
    await group.renewals(2)

    assert one.keeper.held == held


async def test_whoever_no_longer_counts_joins_again_and_keeps_what_nobody_took(group: Group) -> None:
    one = await group.join("a")
    await group.holds("a", *Role)
    held = dict(one.keeper.held)

    await group.store.script("DELETE FROM replica")
    await group.renewals(2)

    assert await group.store.rows("SELECT id FROM replica") == [("a",)]
    assert one.keeper.held == held


async def test_whoever_no_longer_counts_ends_if_others_have_another_configuration_by_now(
    group: Group,
) -> None:
    one = await group.join("a", values={"access.owners": "[]"})
    await group.holds("a", *Role)
    await group.store.db.run(_succeed)

    with pytest.raises(ConfigurationDiffers, match=r"run \(b\) in access.owners"):
        await one.task

    assert not one.keeper.held


def _succeed(db: Database) -> None:
    """Let a replica with another configuration be there instead."""
    with db.transaction():
        db.execute("UPDATE replica SET id = 'b', name = 'b'")
        (value,) = db.execute("SELECT value FROM setting WHERE name = ?", [CONFIGURATION]).fetchone()
        known = json.loads(value)
        known["digests"]["access.owners"] = "another"
        db.execute("UPDATE setting SET value = ? WHERE name = ?", [json.dumps(known), CONFIGURATION])


async def test_work_that_takes_its_time_to_end_is_waited_for_and_its_lease_goes_on(group: Group) -> None:
    may_end = asyncio.Event()

    async def end_slowly(tenure: Tenure) -> None:
        try:
            await group.idle("a", tenure)
        finally:
            await may_end.wait()

    one = await group.join("a", {SENDER: end_slowly})
    await group.holds("a", *Role)
    await group.join("b")
    one.stop.set()
    await group.holds("b", RECEIVER, POLLER, CHORES)
    await group.renewals(5)  # longer than a lease

    assert one.keeper.held.keys() == {SENDER}
    assert SENDER not in group.members["b"].keeper.held
    may_end.set()
    await group.holds("b", *Role)


async def test_what_one_replica_commits_wakes_the_workers_of_the_others(group: Group) -> None:
    await group.join("a")
    await group.holds("a", *Role)
    outbox = group.members["a"].db.signal(SignalName.OUTBOX)
    outbox.clear()

    await group.store.db.run(lambda db: db.notify(SignalName.OUTBOX))

    assert await outbox.wait(HANG_SECONDS)


async def test_all_workers_look_by_themselves_now_and_then(group: Group) -> None:
    await group.join("a")

    signals = group.members["a"].db.signals

    assert all([await signal.wait(HANG_SECONDS) for signal in signals.values()])


# ---------------------------------------------------------------- one, over a file


async def test_who_has_a_file_does_everything_until_the_end() -> None:
    said: list[tuple[str, Role]] = []

    async def idle(tenure: Tenure) -> None:
        said.append(("begins", tenure.role))
        try:
            await asyncio.Event().wait()
        finally:
            said.append(("ends", tenure.role))

    stop = asyncio.Event()
    keeper = SoleKeeper(dict.fromkeys(Role, idle))
    task = asyncio.create_task(keeper.run(stop))
    await until(lambda: len(said) == len(Role))
    assert all(tenure.lasts(1e12, 1e12) and tenure.epoch is None for tenure in keeper.held.values())

    stop.set()
    await task

    assert said == [("begins", role) for role in Role] + [("ends", role) for role in Role]


async def test_work_over_a_file_that_ends_by_itself_ends_the_program() -> None:
    ended: list[Role] = []

    async def idle(tenure: Tenure) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(tenure.role)

    keeper = SoleKeeper({POLLER: idle, SENDER: ends_at_once})

    with pytest.raises(WorkerDied, match=r"^the sender ended by itself$"):
        await keeper.run(asyncio.Event())
    assert ended == [POLLER]
