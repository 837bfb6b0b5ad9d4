"""Builds what all roles share, does the work of the roles this process has, and closes everything in reverse.

An alert:   indexer -> poller -> store -> dispatcher -> chat -> Telegram
A command:  Telegram -> chat -> store -> chat -> Telegram
"""

import asyncio
import gc
import secrets
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

import structlog

from bot import __version__
from bot.chat.telegram.connection import TelegramBot, introduce
from bot.chat.telegram.shared_departures import SharedDepartures
from bot.domain.chains import Chains
from bot.domain.replicas.clock import DatabaseClock
from bot.domain.replicas.replica import Replica
from bot.domain.replicas.roles import Role
from bot.health.health import Health
from bot.health.replicas import Shared
from bot.indexer.client import IndexerClient
from bot.indexer.errors import AccessRefused, IndexerError
from bot.poller.memory import deciding_code
from bot.roles.chains import ChainLists, list_chains
from bot.roles.chores import do_chores
from bot.roles.keeper import RoleKeeper, SoleKeeper, Work
from bot.roles.membership import join_again, join_others
from bot.roles.poller import poll
from bot.roles.process import ProcessParts
from bot.roles.receiver import receive
from bot.roles.sender import send
from bot.roles.workers import begin
from bot.settings.sections import Settings, shipped_chains
from bot.store.balances import coverage
from bot.store.chats.owners import apply_access
from bot.store.database.connection import DatabaseThread
from bot.store.database.errors import DatabaseUnavailable
from bot.store.database.file import DirectoryLock
from bot.store.maintenance import backup
from bot.web.pages import Findings, serve_pages
from bot.wiring import Now, build_indexer, build_send_queue, build_telegram, clock, contract_status

log = structlog.get_logger(__name__)

R = TypeVar("R")

START_SECONDS = 5.0
"""How long to wait for Telegram and the indexer at start; without an answer the bot starts anyway."""

DATABASE_AGAIN_SECONDS = 3.0
"""Before a server that holds the database is asked again."""

LEASES_PATIENCE_SECONDS = 0.5
"""How long renewing leases waits for a lock; it is tried again before they are over."""

ID_BYTES = 8
"""Of what tells this run of the program from all others over the same database."""

NEW_OBJECTS_MOST = 500_000
"""New objects after which garbage is collected even in a sweep: more than one over 10,000 accounts makes."""


class KeyRefused(Exception):
    """The indexer refuses the access key: check indexer.access_key."""


async def run(
    settings: Settings,
    stop: asyncio.Event,
    announce: Callable[[str], None],
    *,
    before_sweep: Callable[[], object] = lambda: None,
    now: Now | None = None,
) -> None:
    """Run the bot until `stop` is set.

    `announce` gets what the operator must read at once: the claim link. `before_sweep` is called before each
    sweep, when the least is under way. `now` is the time of day, which may jump; None: that of this
    machine with a file, and that of the database with a server, where others compare what this one writes.

    Raises DirectoryHeld, DatabaseUnusable, DatabaseUnavailable, StoreMisconfigured, ConfigurationDiffers,
    ProxyUnusable, TokenRefused or KeyRefused where it can't start, and WorkerDied where it can't go on. Those
    of the database are raised later, too, by a replica that was cut off for long and may not go on.
    """
    async with AsyncExitStack() as stack:
        start = asyncio.create_task(
            _start(settings, stack, stop, announce, before_sweep=before_sweep, now=now)
        )
        if not await _ends_before(start, stop):
            start.cancel()
            await asyncio.wait({start})
            log.info("stopped before the start was over", action="stopped")
            return
        keeper_task = asyncio.create_task((await start).run(stop))
        log.info("running", action="started")
        await _ends_before(keeper_task, stop)
        log.info("stopping: what is in flight may end", action="stopping")
        await keeper_task
        log.info("stopped", action="stopped")


async def _start(
    settings: Settings,
    stack: AsyncExitStack,
    stop: asyncio.Event,
    announce: Callable[[str], None],
    *,
    before_sweep: Callable[[], object],
    now: Now | None,
) -> SoleKeeper | RoleKeeper:
    """Build what all roles share, and return who keeps them; what has to be closed is pushed on the stack."""
    # First of all: an upgrade may replace the files while this waits for its neighbours.
    code = deciding_code()
    registry = shipped_chains()
    where = settings.store.where
    database_clock = DatabaseClock(now or clock, time.monotonic)
    now = now or (clock if isinstance(where, Path) else database_clock)
    if isinstance(where, Path):
        stack.callback(DirectoryLock(where.parent).release)
    source = await stack.enter_async_context(build_indexer(settings))
    telegram = build_telegram(settings)
    stack.push_async_callback(telegram.shutdown)
    health = Health(
        settings=settings,
        registry=registry,
        source=source,
        telegram=telegram,
        now=now,
        monotonic=time.monotonic,
    )
    await stack.enter_async_context(_pages(health))
    me = Replica(secrets.token_hex(ID_BYTES), settings.replica_name(socket.gethostname()), __version__)
    db = await _once_it_answers(partial(DatabaseThread.open, where, replica=me.id), health)
    stack.push_async_callback(db.close)
    health.db = db
    if not isinstance(where, Path):
        me = await _once_it_answers(partial(join_others, settings, db, me, database_clock), health)
    await _once_it_answers(partial(_apply_configuration, settings, db, now), health)
    health.is_introduced, chain_lists = await asyncio.gather(
        _introduced(telegram), _chain_lists(source, registry)
    )
    process = ProcessParts(
        settings=settings,
        registry=registry,
        code=code,
        db=db,
        source=source,
        telegram=telegram,
        send_queue=build_send_queue(
            settings, None if isinstance(where, Path) else SharedDepartures(db, me.id)
        ),
        health=health,
        chain_lists=chain_lists,
        announce=announce,
        before_sweep=before_sweep,
        stop=stop,
        now=now,
        monotonic=time.monotonic,
    )
    if isinstance(where, Path):
        return SoleKeeper(_works(process))
    # A connection of its own: leases are renewed while the other one is busy.
    second = await _once_it_answers(
        partial(
            DatabaseThread.open,
            where,
            replica=me.id,
            signals=db.signals,
            patience_seconds=LEASES_PATIENCE_SECONDS,
        ),
        health,
    )
    stack.push_async_callback(second.close)
    keeper = RoleKeeper(
        second,
        me,
        _works(process),
        clock=database_clock,
        join=partial(join_again, settings, me),
        monotonic=time.monotonic,
        troubles=health.own_troubles,
    )
    health.shared = Shared(me.id, second, lambda: keeper.held)
    return keeper


def _works(process: ProcessParts) -> dict[Role, Work]:
    """Return what is to be done in each role."""
    works = {Role.POLLER: poll, Role.SENDER: send, Role.RECEIVER: receive, Role.CHORES: do_chores}
    return {role: partial(begin, work, process) for role, work in works.items()}


async def _ends_before(task: asyncio.Task[R], stop: asyncio.Event) -> bool:
    """Wait for a task or until `stop` is set; returns whether the task has ended."""
    stop_task = asyncio.create_task(stop.wait())
    await asyncio.wait({task, stop_task}, return_when=asyncio.FIRST_COMPLETED)
    stop_task.cancel()
    return task.done()


async def _once_it_answers(work: Callable[[], Awaitable[R]], health: Health) -> R:
    """Return what some work returns, as soon as the server with the database lets it.

    A file is not waited for: DatabaseUnavailable.
    """
    while True:
        try:
            result = await work()
        except DatabaseUnavailable as error:
            if isinstance(health.settings.store.where, Path):
                raise
            health.waits_for = str(error)
            log.warning("waiting for the database", action="database_waits", trouble=str(error))
            await asyncio.sleep(DATABASE_AGAIN_SECONDS)
        else:
            health.waits_for = None
            return result


def leave_garbage_to_sweeps() -> None:
    """Let Python collect garbage by itself only in need, and leave today's objects out of every collection.

    The event loop waits for each of them. Have `gc.collect` called between sweeps, when few objects are new.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS_MOST, *gc.get_threshold()[1:])


@asynccontextmanager
async def _pages(health: Health) -> AsyncIterator[None]:
    """Serve the health pages unless they are switched off."""
    host, _, port = health.settings.web.listen.rpartition(":")
    if not port:
        yield
        return
    async with serve_pages(host, int(port), Findings(health.unhealthy, health.not_ready, health.stats)):
        yield


async def _apply_configuration(settings: Settings, db: DatabaseThread, now: Now) -> None:
    """Write what the configuration changes; it is no matter how many programs do so, or in which order."""
    access = settings.access
    # Owners first: the configuration may open chats for them, and after a restore they get a notice.
    await db.run(apply_access, access.owners, access.chats, contract_status(settings))
    await _note_restoration(db, now)
    await db.run(coverage.exclude_contracts, settings.indexer.contract_blacklist)


async def _note_restoration(db: DatabaseThread, now: Now) -> None:
    copied_at = await db.run(backup.record_restore, now())
    if copied_at is not None:
        log.warning(
            "going on from a copy of the database", action="restored", copied_at=copied_at.isoformat()
        )


async def _introduced(telegram: TelegramBot) -> bool:
    """Ask Telegram who the bot is; False if it does not answer soon enough."""
    try:
        async with asyncio.timeout(START_SECONDS):
            return await introduce(telegram)
    except TimeoutError:
        return False


async def _chain_lists(source: IndexerClient, registry: Chains) -> ChainLists | None:
    """Ask the indexer for its chains, which shows whether the key is good; raises KeyRefused.

    None: it does not answer soon enough.
    """
    try:
        async with asyncio.timeout(START_SECONDS):
            return await list_chains(source, registry, time.monotonic)
    except AccessRefused as error:
        raise KeyRefused(f"{KeyRefused.__doc__} ({error})") from None
    except (IndexerError, TimeoutError) as error:
        log.warning("the indexer lists no chains yet", action="chains_unknown", trouble=str(error))
        return None
