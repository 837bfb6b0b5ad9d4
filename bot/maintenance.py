"""The worker for daily chores: deleting old history, copying the database, keeping what accounts are worth.

When each is due stands in the database: what was missed while the bot was off is done soon after its start.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import structlog

from bot.domain.assets import Part
from bot.domain.chains import Chains
from bot.domain.deliver.alerts import Notice
from bot.domain.due import Schedule, is_due, next_at, next_midnight
from bot.domain.observe.holdings import Sweeps
from bot.domain.observe.prices import price_kept
from bot.store.database.connection import DatabaseThread
from bot.store.database.copy import CopyFailed
from bot.store.database.errors import DatabaseUnavailable
from bot.store.maintenance import jobs, retention
from bot.store.maintenance.backup import copy_of_today
from bot.store.polling import worth
from bot.store.polling.chains import asked_chains
from bot.store.polling.worth import WorthTerms
from bot.store.replicas import absence

log = structlog.get_logger(__name__)

LOOK_SECONDS = 60.0
"""Between two looks at what is due."""

EVERY = timedelta(days=1)
AFTER_A_FAILURE = timedelta(hours=1)

REPLICAS_LOOK_SECONDS = 30.0
"""Between two looks for replicas that are away."""

BETWEEN_SLICES_SECONDS = 0.05
"""A pause between two slices of work, so that others get at the database meanwhile."""

Work = Callable[[datetime], Awaitable[None]]
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Chore:
    """Work that is done once a day, with the notices about its failure and recovery."""

    name: str
    work: Work
    trouble: Callable[[str], Notice] | None = None
    """Makes a notice to owners from the reason of a failure; None where only the log says so."""
    recovery: Notice | None = None
    is_ready: Callable[[], Awaitable[bool]] | None = None
    """Whether it can be done at all; until then it stays due. None: always."""
    is_of_a_day: bool = False
    """Whether it is due as soon as another day begins, in UTC; else at its usual time."""


class Chores:
    """Does the chores that are due, one after the other."""

    def __init__(
        self,
        db: DatabaseThread,
        chores: Sequence[Chore],
        *,
        now: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._db = db
        self._chores = chores
        self._now = now
        self._sleep = sleep

    async def run(self) -> None:
        """Do what is due, for ever; an error is logged, and the next look tries again."""
        while True:
            try:
                await self.do_what_is_due()
            except Exception:
                log.exception("what is due could not be found out", action="chores_failed")
            # By the monotonic clock: one that is set back would keep a timer waiting.
            await self._sleep(LOOK_SECONDS)

    async def do_what_is_due(self) -> None:
        """Do each chore whose time has come."""
        known = await self._db.run(jobs.due_work)
        for chore in self._chores:
            due = known.get(chore.name)
            if is_due(due, self._now(), EVERY) and (chore.is_ready is None or await chore.is_ready()):
                await self._do(chore, due)

    async def _do(self, chore: Chore, due: Schedule | None) -> None:
        """Do a chore and store when it is due again; owners get a notice of a failure and of its end."""
        was_failing = due is not None and due.failing_since is not None
        begun = self._now()
        reason = await self._attempt(chore, begun)
        now = self._now()
        if reason is None:
            if was_failing:
                log.info("a chore works again", action="chore_recovered", chore=chore.name)
            # A chore of a day that ends after midnight was that of the day before: the next is due already.
            at = next_midnight(begun) if chore.is_of_a_day else next_at(due, now, EVERY)
            await self._db.run(jobs.record_success, chore.name, at, now, chore.recovery)
            return
        # Only the first failure: a copy that fails every hour would otherwise fill the owners' chat.
        if not was_failing:
            log.error("a chore failed", action="chore_failed", chore=chore.name, reason=reason)
        trouble = None if chore.trouble is None else chore.trouble(reason)
        await self._db.run(jobs.record_failure, chore.name, now + AFTER_A_FAILURE, now, trouble)

    async def _attempt(self, chore: Chore, now: datetime) -> str | None:
        """Return why a chore failed, None where it was done."""
        try:
            await chore.work(now)
        except CopyFailed as error:
            return str(error)
        except Exception as error:
            log.exception("a chore ended unexpectedly", action="chore_broken", chore=chore.name)
            return f"{type(error).__name__}: {error}"
        return None


async def watch_replicas(
    db: DatabaseThread, *, now: Callable[[], datetime], sleep: Callable[[float], Awaitable[None]]
) -> None:
    """Tell owners which replicas are away and which are back, for ever; an error is logged."""
    suspects = frozenset[str]()
    while True:
        await sleep(REPLICAS_LOOK_SECONDS)
        try:
            suspects = await db.run(absence.report_absences, suspects, now())
        except DatabaseUnavailable:
            suspects = frozenset()  # it has seen nobody
        except Exception:
            log.exception("who is away could not be found out", action="replicas_failed")


def history_deletion(db: DatabaseThread, age: timedelta, sleep: Callable[[float], Awaitable[None]]) -> Work:
    """Return the work of deleting all history above an age, a slice at a time."""

    async def forget(now: datetime) -> None:
        rows = 0
        while some := await db.run(retention.delete_old_rows, now - age):
            rows += some
            await sleep(BETWEEN_SLICES_SECONDS)
        if rows:
            log.info("old history was forgotten", action="history_forgotten", rows=rows)

    return forget


def daily_worth(
    db: DatabaseThread,
    sweeps: Callable[[], Awaitable[Sweeps]],
    chains: Chains,
    status: Part,
    *,
    now: Callable[[], datetime],
    sleep: Callable[[float], Awaitable[None]],
) -> Work:
    """Return the work of keeping what all accounts are worth on a day, a slice at a time.

    What was kept before it was cut off stays as it is.
    """

    async def add_up(begun: datetime) -> None:
        late_after_seconds = (await sweeps()).late_after_seconds
        terms = WorthTerms(
            day=begun.astimezone(UTC).date(),
            asked=await db.run(asked_chains),
            price_kept=price_kept(late_after_seconds),
            late_after=timedelta(seconds=late_after_seconds),
            chains=chains,
            status=status,
        )
        for destination_id in await db.run(worth.destinations):
            last = await db.run(worth.keep_worth, destination_id, 0, terms, now())
            while last is not None:
                await sleep(BETWEEN_SLICES_SECONDS)
                last = await db.run(worth.keep_worth, destination_id, last, terms, now())

    return add_up


def daily_copy(database: Path, folder: Path, kept: int) -> Work:
    """Return the work of adding a copy of the database to a folder; it raises CopyFailed."""

    async def copy(now: datetime) -> None:
        made = await run_in_thread(partial(copy_of_today, database, folder, kept, now))
        log.info("a copy of the database was made", action="backup_made", copy=str(made))

    return copy


async def run_in_thread(work: Callable[[Callable[[], bool]], R]) -> R:
    """Run work in a thread and wait for it, also when cancelled.

    The work is given a function that says whether to give up: true once this call was cancelled.
    """
    is_given_up = threading.Event()
    work_task = asyncio.create_task(asyncio.to_thread(work, is_given_up.is_set))
    try:
        return await asyncio.shield(work_task)
    except asyncio.CancelledError:
        # A thread can't be stopped: it is asked to, and left only when it has cleaned up behind itself.
        is_given_up.set()
        with suppress(Exception):
            await work_task
        raise
