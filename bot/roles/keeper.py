"""Takes roles and gives them up, and runs the work of those that this replica has.

Who has a role is decided by the database alone. What this process knows of it is older by the way there and
back, so it counts from before it asked, by a clock that nobody sets: if it hears nothing in time, it ends its
work before anybody else can have begun.
"""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass, field

import structlog

from bot.domain.replicas.clock import DatabaseClock
from bot.domain.replicas.leases import RENEW_SECONDS, plan_roles
from bot.domain.replicas.replica import TTL_SECONDS, Replica
from bot.domain.replicas.roles import Role, Tenure
from bot.store.database.connection import DatabaseThread
from bot.store.database.door import OpenDatabase
from bot.store.database.errors import DatabaseUnavailable, RoleLost, StoreError
from bot.store.database.signals import SignalName
from bot.store.replicas.leases import take
from bot.store.replicas.renewal import leave, renew_all

log = structlog.get_logger(__name__)

HEAR_SECONDS = 0.25
"""How long the connection listens at a time, and whoever else needs it waits."""

AGAIN_SECONDS = 0.5
"""When to try again what the database did not do."""

SOON_SECONDS = 0.05
"""The least time between two looks at leases that are about to be over."""

WAKE_SECONDS = 5.0
"""How often all workers look by themselves: a notice that something is new may be lost."""

LEAVE_SECONDS = 2.0
"""How long a replica that ends waits for the database to hear of it."""

Work = Callable[[Tenure], Coroutine[None, None, None]]
"""What a replica does while it has a role, until it is cancelled; it closes all that it opened."""


class WorkerDied(Exception):
    """A worker ended by itself, which is always a defect; a restart helps."""


FORESEEN = (RoleLost, WorkerDied, StoreError)
"""How work may end by itself without an entry in the log that asks for a report."""


class SoleKeeper:
    """Runs the work of all roles: nobody else can have one, as with a file."""

    def __init__(self, works: Mapping[Role, Work]) -> None:
        self.held: Mapping[Role, Tenure] = {role: Tenure(role) for role in works}
        self._works = works

    async def run(self, stop: asyncio.Event) -> None:
        """Run all work until `stop` is set, and end it; raises WorkerDied if some of it ended by itself."""
        stopped = asyncio.create_task(stop.wait())
        works = [_begun(work, self.held[role]) for role, work in self._works.items()]
        died: list[asyncio.Task[None]] = []
        try:
            await asyncio.wait({stopped, *works}, return_when=asyncio.FIRST_COMPLETED)
            died = [work for work in works if work.done()]
        finally:
            stopped.cancel()
            await end_all(works, FORESEEN)
        if died:
            raise _death_of(died[0])


@dataclass(slots=True, eq=False)
class _Shift:
    """A role that this replica has, from taking it until its work has ended."""

    tenure: Tenure
    epoch: int
    ends: asyncio.Event = field(default_factory=asyncio.Event)
    """Its work is to end."""
    is_lost: bool = False
    """Somebody else has it by now, or may have."""
    task: asyncio.Task[None] | None = None


class RoleKeeper:
    """Shares roles with the other replicas over one database, and runs the work of its own.

    `db` is a connection of its own: what it waits for must not keep the work waiting, nor the other way
    round. `join` is what it does again once the others no longer count on this replica. `clock` is set by the
    database's with each renewal. `troubles` is what to tell the other replicas about the work that is done
    here.
    """

    def __init__(
        self,
        db: DatabaseThread,
        me: Replica,
        works: Mapping[Role, Work],
        *,
        clock: DatabaseClock,
        join: Callable[[OpenDatabase], object],
        monotonic: Callable[[], float],
        troubles: Callable[[], str] = lambda: "",
    ) -> None:
        self._db = db
        self._me = me
        self._works = works
        self._clock = clock
        self._join = join
        self._monotonic = monotonic
        self._troubles = troubles
        self._shifts: dict[Role, _Shift] = {}
        self._ended: dict[Role, int] = {}
        """Epochs of roles that are to be given up, as their work has ended."""
        self._deaths: list[WorkerDied | StoreError] = []
        self._died = asyncio.Event()
        self._news = db.signal(SignalName.ROLES)
        self._leaves = False
        self._is_cut_off = False
        self._asked_at: float | None = None
        """Since when the database owes an answer about leases; None: it owes none."""

    @property
    def held(self) -> Mapping[Role, Tenure]:
        """The roles whose work runs here."""
        return {role: shift.tenure for role, shift in self._shifts.items()}

    async def run(self, stop: asyncio.Event) -> None:
        """Take roles and do their work until `stop` is set; then end the work, and let others take them.

        Raises WorkerDied, after that end, if some work ended by itself, and StoreError if this replica may
        not go on beside the others.
        """
        asked = [asyncio.create_task(event.wait()) for event in (stop, self._died)]
        keeping = [asyncio.create_task(self._keep(), name="roles"), asyncio.create_task(self._wake())]
        broken: list[asyncio.Task[None]] = []
        try:
            await asyncio.wait({*asked, *keeping}, return_when=asyncio.FIRST_COMPLETED)
            broken = [task for task in keeping if task.done()]
        finally:
            # Leases are renewed until all work has ended.
            await self._end_shifts()
            for task in asked:
                task.cancel()
            await end_all(keeping, FORESEEN)
            await self._leave()
        for death in self._deaths:
            raise death
        if broken:
            raise _death_of(broken[0])

    # the work

    def _begin(self, tenure: Tenure, epoch: int) -> None:
        shift = self._shifts[tenure.role] = _Shift(tenure, epoch)
        log.info("this replica does this now", action="role_taken", role=tenure.role, epoch=epoch)
        shift.task = asyncio.create_task(self._work(shift))

    async def _work(self, shift: _Shift) -> None:
        """Do the work of a role until it is lost or given up."""
        role = shift.tenure.role
        work = _begun(self._works[role], shift.tenure)
        ends = asyncio.create_task(shift.ends.wait())
        while not (work.done() or shift.ends.is_set()):
            left = shift.tenure.good_until - self._monotonic()
            if left > 0:
                await asyncio.wait({work, ends}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            else:
                self._lose(shift, "its lease could not be renewed")
        ends.cancel()
        if work.done() and not shift.ends.is_set():
            self._note_end(shift, work)
        await end_all([work], FORESEEN)
        del self._shifts[role]
        if not shift.is_lost:
            self._ended[role] = shift.epoch
            log.info("others may do this now", action="role_given_up", role=role, epoch=shift.epoch)
        self._news.set()

    def _note_end(self, shift: _Shift, work: asyncio.Task[None]) -> None:
        """Note that some work ended by itself, which only the loss of its role excuses."""
        if not work.cancelled() and isinstance(work.exception(), RoleLost):
            self._lose(shift, "a write was refused")
            return
        self._deaths.append(_death_of(work))
        self._died.set()

    def _lose(self, shift: _Shift, why: str) -> None:
        if shift.is_lost:
            return
        shift.is_lost = True
        shift.tenure.good_until = float("-inf")
        shift.ends.set()
        log.warning(
            "this replica no longer does this",
            action="role_lost",
            role=shift.tenure.role,
            epoch=shift.epoch,
            trouble=why,
        )

    async def _end_shifts(self) -> None:
        self._leaves = True
        shifts = list(self._shifts.values())
        for shift in shifts:
            shift.ends.set()
        await asyncio.gather(*(shift.task for shift in shifts if shift.task is not None))

    # the leases

    async def _keep(self) -> None:
        """Renew leases and look around, in time; in between, listen."""
        while True:
            self._news.clear()
            self._asked_at = self._monotonic()
            try:
                next_at = await self._look()
                self._is_cut_off = False
            except DatabaseUnavailable as error:
                next_at = self._monotonic() + AGAIN_SECONDS
                if not self._is_cut_off:
                    log.warning("leases can't be renewed", action="leases_failed", trouble=str(error))
                self._is_cut_off = True
            except StoreError:
                self._asked_at = None
                raise
            self._asked_at = None
            await self._listen(next_at)

    async def _look(self) -> float:
        """Renew leases, take what is free, and give up what is too much; returns when to look again."""
        before = self._monotonic()
        shifts = {role: shift for role, shift in self._shifts.items() if not shift.is_lost}
        epochs = {role: shift.epoch for role, shift in shifts.items()}
        ended = dict(self._ended)
        seen = await self._db.run(
            renew_all, self._me, epochs, ended, clock=self._clock, troubles=self._troubles()
        )
        if seen is None:
            # Others may run with another configuration by now, with newer tables, or by this one's name.
            await self._db.run(self._join)
            return before
        for role in ended:
            del self._ended[role]
        for role, shift in shifts.items():
            if role not in seen.kept:
                self._lose(shift, "another replica took it")
            elif not shift.is_lost:
                shift.tenure.good_until = before + TTL_SECONDS
        if self._leaves:
            return before + RENEW_SECONDS
        plan = plan_roles(seen.leases, seen.replicas, self._me.id, self._shifts)
        taken = [await self._take(role) for role in plan.take]
        if plan.give_up in self._shifts:
            self._shifts[plan.give_up].ends.set()
        over_in = [one.left_seconds for one in seen.leases if one.left_seconds > 0 and one.role not in epochs]
        again_in = min([RENEW_SECONDS if all(taken) else AGAIN_SECONDS, *over_in])
        return before + max(again_in, SOON_SECONDS)

    async def _take(self, role: Role) -> bool:
        """Take a role; False: somebody else has it, or still writes with it."""
        before = self._monotonic()
        epoch = await self._db.run_if_possible(_take_at_once, role, self._me.id)
        # A replica that leaves gives up what it took in the meantime.
        if epoch is None or self._leaves:
            return False
        self._begin(Tenure(role, epoch, before + TTL_SECONDS), epoch)
        return True

    async def _listen(self, until: float) -> None:
        """Pass on what other replicas tell until so late, or until one of them gives up a role."""
        while not self._news.is_set and (left := until - self._monotonic()) > 0:
            piece = min(left, HEAR_SECONDS)
            try:
                await self._db.run(lambda db, seconds: db.hear(seconds), piece)
            except DatabaseUnavailable:
                await asyncio.sleep(piece)

    async def _wake(self) -> None:
        while True:
            await asyncio.sleep(WAKE_SECONDS)
            for signal in self._db.signals.values():
                signal.set()

    async def _leave(self) -> None:
        # While messages in flight ended, a server that is silent has been waited for already.
        silent = 0.0 if self._asked_at is None else self._monotonic() - self._asked_at
        trouble = "the database server does not answer"
        if silent <= LEAVE_SECONDS:
            try:
                async with asyncio.timeout(LEAVE_SECONDS):
                    return await self._db.run(leave, self._me)
            except TimeoutError:
                pass
            except DatabaseUnavailable as error:
                trouble = str(error)
        log.warning("others take over once the leases are over", action="leases_failed", trouble=trouble)
        return None


def _take_at_once(db: OpenDatabase, role: Role, replica_id: str) -> int | None:
    # Whoever waits for a lock here keeps renewals waiting, too.
    db.set_patience(0)
    return take(db, role, replica_id)


def _begun(work: Work, tenure: Tenure) -> asyncio.Task[None]:
    return asyncio.create_task(work(tenure), name=tenure.role)


async def end_all(tasks: Collection[asyncio.Task[None]], expected: tuple[type[Exception], ...] = ()) -> None:
    """Cancel tasks and wait until they have closed what they opened; what is not expected is logged."""
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception) and not isinstance(result, expected):
            log.error("a worker ended with an error", action="worker_failed", exc_info=result)


def _death_of(task: asyncio.Task[None]) -> WorkerDied | StoreError:
    """Return why the program can't go on: a task has ended by itself."""
    error = None if task.cancelled() else task.exception()
    # Of a database whose data moved elsewhere, the error says where.
    return (
        error
        if isinstance(error, (WorkerDied, StoreError))
        else WorkerDied(f"the {task.get_name()} ended by itself")
    )
