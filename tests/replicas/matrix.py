"""What can happen to replicas, when, and what comes of it."""

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.fork_server import ForkServer
from tests.replicas.ledger import NUMBER
from tests.replicas.proxy import Direction
from tests.replicas.recorder import Exchange, HeldRequest
from tests.replicas.world import HIGHEST, ROLES, SYMBOLS, Replica, ReplicaWorld, open_world
from tests.stack import OWNER, POLL
from tests.waits import HANG_SECONDS

LONGER_THAN_A_LEASE = 15
AHEAD_SECONDS = 20
RESTART_SECONDS = 3
"""What a supervisor takes to start what has ended."""
SLOW_SECONDS = 15
"""An answer of Telegram takes so long that a replica ends and starts meanwhile, and no sender gives it up.

A start takes some ten seconds after a kill, as its name is still somebody's.
"""
SETTLING_SECONDS = 1
"""A message is sent and settled in this time, on a busy machine."""
BLIND_SECONDS = 30
"""What is promised: nothing that moves is told later than this."""

ONE_WRITER = b"pg_advisory_xact_lock("
"""What a transaction that writes begins with."""

COMMIT = b"COMMIT"

POLLER_BEGINS = b"role = 'poller'"
"""How a transaction of the poller begins: it looks whether the role is still its own."""

IN_BETWEEN_SECONDS = 3
"""A command is carried out in this time, and the server lets a transaction stand still for longer."""

Fault = Callable[[ReplicaWorld, Replica], AbstractAsyncContextManager[None]]
"""Happens when it is entered; what it leaves behind is mended at its end."""

LetGo = Callable[[], None]
Aim = Callable[[ReplicaWorld], Awaitable[tuple[Replica, LetGo]]]
"""Waits for the moment; returns whom to strike, and what lets go on whatever was held for it."""


# ---------------------------------------------------------------- what happens


@asynccontextmanager
async def killed(world: ReplicaWorld, victim: Replica) -> AsyncIterator[None]:
    await victim.kill()
    yield
    await asyncio.sleep(RESTART_SECONDS)
    await world.start(victim)


def stopped(seconds: float) -> Fault:
    @asynccontextmanager
    async def fault(_: ReplicaWorld, victim: Replica) -> AsyncIterator[None]:
        victim.sleep()
        yield
        await asyncio.sleep(seconds)
        victim.wake()

    return fault


@asynccontextmanager
async def set_ahead(world: ReplicaWorld, victim: Replica) -> AsyncIterator[None]:
    """Let it come back with a clock that is wrong, for a while."""
    for ahead in (AHEAD_SECONDS, 0):
        await victim.kill()
        await world.start(victim, ahead)
        if ahead:
            yield
            await asyncio.sleep(2 * LONGER_THAN_A_LEASE)


@asynccontextmanager
async def cut(_: ReplicaWorld, victim: Replica) -> AsyncIterator[None]:
    for proxy in victim.databases:
        proxy.cut()
    yield


def frozen(directions: Iterable[Direction]) -> Fault:
    @asynccontextmanager
    async def fault(_: ReplicaWorld, victim: Replica) -> AsyncIterator[None]:
        for proxy in victim.databases:
            proxy.freeze(directions)
        yield
        await asyncio.sleep(LONGER_THAN_A_LEASE)
        for proxy in victim.databases:
            proxy.heal()

    return fault


@asynccontextmanager
async def database_restarted(world: ReplicaWorld, _: Replica) -> AsyncIterator[None]:
    await world.cluster.stop_primary()
    yield
    await asyncio.sleep(RESTART_SECONDS)
    await world.cluster.start_primary()


@asynccontextmanager
async def failed_over(world: ReplicaWorld, _: Replica) -> AsyncIterator[None]:
    world.cluster.kill_primary()
    yield
    await asyncio.sleep(RESTART_SECONDS)
    await world.cluster.promote_standby()
    await world.cluster.attach_standby()


@asynccontextmanager
async def nothing(_: ReplicaWorld, __: Replica) -> AsyncIterator[None]:
    yield


FAULTS: dict[str, Fault] = {
    "kill -9": killed,
    "stopped 5 s": stopped(5),
    "stopped 15 s": stopped(15),
    "stopped 60 s": stopped(60),
    "connection cut": cut,
    "frozen to the database": frozen({Direction.TO_SERVER}),
    "frozen from the database": frozen({Direction.TO_CLIENT}),
}
"""By what they are called: what happens to one replica."""

WRONG_CLOCK = "clock 20 s ahead"
NOTHING = "nothing"

DATABASE_FAULTS: dict[str, Fault] = {
    "database stopped and started": database_restarted,
    "standby promoted": failed_over,
}
"""What happens to all at once."""


# ---------------------------------------------------------------- when, and to whom


def at_any_time(role: str) -> Aim:
    async def aim(world: ReplicaWorld) -> tuple[Replica, LetGo]:
        await asyncio.sleep(world.rng.uniform(0, 2))
        return await world.holder(role), lambda: None

    return aim


async def _held(world: ReplicaWorld, hold: HeldRequest) -> tuple[Replica, LetGo]:
    """Wait until a request is held, whoever makes it: roles may wander meanwhile."""
    world.holds.append(hold)
    async with asyncio.timeout(HANG_SECONDS):
        await hold.arrived.wait()
    victim = next(one for one in world.replicas if hold.recorder in (one.telegram, one.gateway))

    def let_go() -> None:
        # What was not sent yet when its sender died is never sent.
        if hold.place == "before" and victim.process.returncode is not None:
            hold.drop()
        else:
            hold.release()

    return victim, let_go


async def claimed(world: ReplicaWorld) -> tuple[Replica, LetGo]:
    """Wait until a message has left that Telegram does not have yet."""
    return await _held(world, HeldRequest("sendMessage", "before", b"TOK"))


async def sent(world: ReplicaWorld) -> tuple[Replica, LetGo]:
    """Wait until Telegram has a message and has said so, but not to the sender."""
    return await _held(world, HeldRequest("sendMessage", "after", b"TOK"))


async def sent_by_another(world: ReplicaWorld) -> tuple[Replica, LetGo]:
    """Wait until Telegram has a message and takes its time to say so; somebody else is struck."""
    sender, let_go = await sent(world)
    asyncio.get_running_loop().call_later(SLOW_SECONDS, let_go)
    return world.rng.choice([one for one in world.replicas if one is not sender]), lambda: None


async def asked(world: ReplicaWorld) -> tuple[Replica, LetGo]:
    """Wait until balances were read that the poller does not have yet."""
    return await _held(world, HeldRequest(POLL, "after", b""))


def once_it_said(role: str, mark: bytes) -> Aim:
    """Wait until a replica has said something to the database, and does not have the answer."""

    async def aim(world: ReplicaWorld) -> tuple[Replica, LetGo]:
        while True:
            victim = await world.holder(role)
            said = [asyncio.create_task(one.hold_answer_to(mark).wait()) for one in victim.databases]
            # Not for long: roles may wander meanwhile.
            done, _ = await asyncio.wait(said, timeout=RESTART_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            for one in said:
                one.cancel()
            if done:
                return victim, victim.release_answers
            victim.release_answers()

    return aim


async def about_to_record(world: ReplicaWorld) -> tuple[Replica, LetGo]:
    """Wait until a change is about to be recorded; it begins once others can have taken over."""
    hold = HeldRequest(POLL, "after", b"")
    world.sets(SYMBOLS[0], world.rng.randrange(1, HIGHEST))
    victim, let_go = await _held(world, hold)
    held = [proxy.hold_request(ONE_WRITER) for proxy in victim.databases]
    let_go()
    came = [asyncio.create_task(one.wait()) for one, _ in held]
    await asyncio.wait(came, timeout=HANG_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    for task, (_, goes_on) in zip(came, held, strict=True):
        task.cancel()
        asyncio.get_running_loop().call_later(LONGER_THAN_A_LEASE - 0.5, goes_on.set)
    return victim, lambda: None


async def about_to_obey(world: ReplicaWorld) -> tuple[Replica, LetGo]:
    """Wait until a new account is about to be watched; that begins once others have done it, and more."""
    while True:
        victim = await world.holder("receiver")
        held = [proxy.hold_request(ONE_WRITER) for proxy in victim.databases]
        came = [asyncio.create_task(one.wait()) for one, _ in held]
        done, _ = await asyncio.wait(came, timeout=RESTART_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        is_it = bool(done) and world.asking.startswith("/watch")
        for task, (_, goes_on) in zip(came, held, strict=True):
            task.cancel()
            if is_it:
                asyncio.get_running_loop().call_later(LONGER_THAN_A_LEASE - 0.5, goes_on.set)
            else:
                goes_on.set()
        if is_it:
            return victim, lambda: None


async def about_to_keep_back(world: ReplicaWorld) -> tuple[Replica, LetGo]:
    """Wait until a change is about to be kept back by a mute, which another replica ends just then."""
    olga, chat = world.telegram.user(OWNER), world.telegram.chat(OWNER)
    muted = world.telegram.says(olga, chat, "/mute 1h")
    await world.telegram.wait_for_message(
        chat, "is muted", after=muted.message_id, timeout_seconds=HANG_SECONDS
    )
    while True:
        hold = HeldRequest(POLL, "after", b"")
        world.sets(SYMBOLS[0], world.rng.randrange(1, HIGHEST))
        victim, let_go = await _held(world, hold)
        begins = [proxy.hold_request(POLLER_BEGINS) for proxy in victim.databases]
        let_go()
        if victim is await world.holder("receiver"):
            # Of one replica alone, what is written is written one after the other.
            await victim.stop()
            await world.start(victim)
        elif await _any_of(come for come, _ in begins):
            ends = [proxy.hold_request(COMMIT) for proxy in victim.databases]
            _release(begins)
            if await _any_of(come for come, _ in ends):
                asked = world.telegram.says(olga, chat, "/unmute")
                with suppress(TimeoutError):
                    await world.telegram.wait_for_message(
                        chat, "no longer muted", after=asked.message_id, timeout_seconds=IN_BETWEEN_SECONDS
                    )
                _release(ends)
                return victim, lambda: None
            _release(ends)
        _release(begins)
        await asyncio.sleep(1)


async def _any_of(events: Iterable[asyncio.Event]) -> bool:
    """Wait until any event is set, not for long: roles may wander meanwhile."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    done, _ = await asyncio.wait(waiting, timeout=RESTART_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    for one in waiting:
        one.cancel()
    return bool(done)


def _release(held: Iterable[tuple[asyncio.Event, asyncio.Event]]) -> None:
    for _, goes_on in held:
        goes_on.set()


POINTS: dict[str, Aim] = {
    "claim -> send": claimed,
    "send -> settle": sent,
    "ask -> record": asked,
    "poller writes": once_it_said("poller", ONE_WRITER),
    "poller commits": once_it_said("poller", COMMIT),
    "sender commits": once_it_said("sender", COMMIT),
}
"""By what they are called: moments in which something is half done."""

ELSEWHERE = "while another one sends"
ABOUT_TO_RECORD = "answer -> record"
ABOUT_TO_OBEY = "command -> write"
ABOUT_TO_KEEP_BACK = "a mute ends"
"""Moments for one thing alone that can happen."""

AIMS: dict[str, Aim] = {
    **{role: at_any_time(role) for role in ROLES},
    **POINTS,
    ELSEWHERE: sent_by_another,
    ABOUT_TO_RECORD: about_to_record,
    ABOUT_TO_OBEY: about_to_obey,
    ABOUT_TO_KEEP_BACK: about_to_keep_back,
}


# ---------------------------------------------------------------- what comes of it


@dataclass(frozen=True)
class Case:
    """One strike."""

    fault: str
    aim: str
    replicas: int

    def __str__(self) -> str:
        return f"{self.fault}, {self.aim}, {self.replicas}"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What people noticed of a strike, and what they might have; all but the last two have to be 0."""

    lost: int = 0
    false: int = 0
    disorder: int = 0
    receivers_at_once: int = 0
    pauses: int = 0
    """How often Telegram asked for one."""
    forgotten: int = 0
    """Commands that were answered, and left nothing."""
    repeated: int = 0
    unknown: int = 0
    """Messages of which whoever sent them can't have stored in time what became of them."""
    blind: float = 0
    """Seconds from a movement to its message, at the worst."""
    notes: tuple[str, ...] = ()

    @property
    def is_as_promised(self) -> bool:
        """Whether that is what is promised."""
        never = (self.lost, self.false, self.disorder, self.receivers_at_once, self.pauses, self.forgotten)
        return not any(never) and self.repeated <= self.unknown and self.blind <= BLIND_SECONDS


def all_cases(replicas: int) -> list[Case]:
    """Return the whole matrix, shuffled in the same way each time: its first part shows a bit of all."""
    cases = [
        *(Case(fault, aim, replicas) for aim in (*ROLES, *POINTS) for fault in FAULTS),
        Case("kill -9", ELSEWHERE, replicas),
        Case("stopped 15 s", ABOUT_TO_RECORD, replicas),
        Case("stopped 15 s", ABOUT_TO_OBEY, replicas),
        *([Case(NOTHING, ABOUT_TO_KEEP_BACK, replicas)] if replicas > 2 else ()),
        *(Case(fault, aim, replicas) for aim in POINTS for fault in DATABASE_FAULTS),
        *(Case(WRONG_CLOCK, aim, replicas) for aim in ROLES),
    ]
    random.Random(replicas).shuffle(cases)  # noqa: S311 - no secret
    return cases


async def run_cases(
    cases: Iterable[Case], replicas: int, directory: Path, servers: ForkServer
) -> AsyncIterator[tuple[Case, Outcome]]:
    """Yield what came of each case, in one world as long as nothing breaks it."""
    left = list(cases)
    for attempt in itertools.count(1):
        home = directory / f"world-{replicas}-{attempt}"
        home.mkdir()
        async with open_world(home, replicas, servers, attempt) as world:
            while left:
                outcome = await strike(world, left[0])
                yield left.pop(0), outcome
                if not outcome.is_as_promised:
                    break
        if not left:
            return


async def strike(world: ReplicaWorld, case: Case) -> Outcome:
    """Strike once while life goes on, and return what came of it when all is calm again."""
    before = _tally(world)
    begun_at = world.now
    world.go_on()
    victim, let_go = await AIMS[case.aim](world)
    fault = (FAULTS | DATABASE_FAULTS | {WRONG_CLOCK: set_ahead, NOTHING: nothing})[case.fault]
    struck_at = time.monotonic()
    async with AsyncExitStack() as exits:
        exits.callback(let_go)
        await exits.enter_async_context(fault(world, victim))
        sends_on = victim.is_awake
        let_go()
    until = time.monotonic() + SETTLING_SECONDS if sends_on else struck_at
    notes: tuple[str, ...] = ()
    try:
        await world.rest()
    except TimeoutError:
        notes = ("it never came to rest",)
        world.end()
    victims = world.replicas if case.fault in DATABASE_FAULTS else [victim]
    # What is killed twice sends all the while between.
    kills = [(at, at) for at in victim.killed_at if at >= struck_at]
    unknown = sum(
        any(_may_be_unknown(exchange, *span) for span in kills or [(struck_at, until)])
        for one in victims
        for exchange in one.telegram.exchanges
    )
    after = _tally(world, begun_at)
    labels = await world.watched_numbers()
    is_as_said = labels == {f"W{world.wanted}"}
    return Outcome(
        lost=after.lost - before.lost,
        false=after.false - before.false,
        disorder=after.disorder - before.disorder,
        receivers_at_once=after.receivers_at_once - before.receivers_at_once,
        pauses=after.pauses - before.pauses,
        forgotten=0 if is_as_said else 1,
        repeated=after.repeated - before.repeated,
        unknown=unknown,
        blind=after.blind,
        notes=(
            *notes,
            *(note for note in after.notes if note not in before.notes),
            *(() if is_as_said else (f"{sorted(labels)} instead of W{world.wanted}",)),
        ),
    )


def _may_be_unknown(exchange: Exchange, struck_at: float, until: float) -> bool:
    """Say whether Telegram has an alert whose sender was struck before it could store that."""
    return (
        exchange.arrived_at < until
        and (exchange.passed_at or exchange.gone_at or until) > struck_at - SETTLING_SECONDS
        and NUMBER.search(exchange.said) is not None
    )


def _tally(world: ReplicaWorld, since: float = 0) -> Outcome:
    """Count all that was wrong so far."""
    verdicts = world.verdicts(since)
    return Outcome(
        lost=sum(one.count("lost") for one in verdicts),
        false=sum(one.count("false") for one in verdicts),
        disorder=sum(one.count("disorder") for one in verdicts),
        receivers_at_once=world.receivers_at_once,
        pauses=len(world.telegram.floods),
        repeated=sum(one.repeated for one in verdicts),
        blind=max(one.latest for one in verdicts),
        notes=(
            *(f"late: {one.latest_of}" for one in verdicts if one.latest > BLIND_SECONDS),
            *(f"{kind}: {what}" for one in verdicts for kind, what in one.wrongs),
            *(f"pause {number}: {flood}" for number, flood in enumerate(world.telegram.floods)),
        ),
    )
