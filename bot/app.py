"""Builds every part of the bot once, runs its workers, and closes everything in reverse order.

An alert:   indexer -> poller -> store -> dispatcher -> chat -> Telegram
A command:  Telegram -> chat -> store -> chat -> Telegram
"""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC
from functools import partial

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from bot.chat.build import build_chat
from bot.chat.buttons.screens import Screens
from bot.chat.commands.command_menu import Menus
from bot.chat.commands.owners.claim import Claims
from bot.chat.commands.owners.words import CLAIM_LATER, printed_claim
from bot.chat.telegram.bot_name import learn_name
from bot.chat.telegram.connection import TelegramBot, introduce
from bot.chat.telegram.receiver import Receiver
from bot.dispatcher import Dispatcher
from bot.domain.assets import ChainId
from bot.domain.chains import Chains
from bot.health import Health
from bot.indexer.client import IndexerClient
from bot.indexer.errors import AccessRefused, IndexerError
from bot.maintenance import Chores
from bot.poller.explainer import Explainer
from bot.poller.memory import deciding_code
from bot.poller.worker import Poller
from bot.roles.keeper import WorkerDied
from bot.settings.sections import Settings, shipped_chains
from bot.store.balances import coverage
from bot.store.chats import chats
from bot.store.chats.owners import apply_owners
from bot.store.database.connection import DatabaseThread
from bot.store.database.errors import DatabaseUnavailable
from bot.store.database.file import DirectoryLock
from bot.store.maintenance import backup
from bot.store.polling.chains import choose_chains, update_chains
from bot.web.heartbeat import Heartbeat
from bot.web.pages import Findings, serve_pages
from bot.wiring import (
    Now,
    build_chores,
    build_dispatcher,
    build_explainer,
    build_indexer,
    build_live_questions,
    build_outgoing,
    build_permissions,
    build_poller,
    build_send_queue,
    build_telegram,
    clock,
    contract_status,
    sweeps_now,
)

log = structlog.get_logger(__name__)

FINISH_SECONDS = 6.0
"""Time for messages in flight when the program is asked to stop; everything has to end within ten."""

START_SECONDS = 5.0
"""How long to wait for Telegram and the indexer at start; without an answer the bot starts anyway."""

INTRODUCE_AGAIN_SECONDS = 5.0
CHAINS_AGAIN_SECONDS = 15.0
CHAINS_ANEW_SECONDS = 24 * 3600.0
NAME_ANEW_SECONDS = 24 * 3600.0
CHORES_LOOK_SECONDS = 60.0


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
    now: Now = clock,
) -> None:
    """Run the bot until `stop` is set.

    `announce` gets what the operator must read at once: the claim link. `before_sweep` is called before each
    sweep, when the least is under way. `now` is the time of day, which may jump.

    Raises DirectoryHeld, DatabaseUnusable, DatabaseUnavailable, ProxyUnusable, TokenRefused or
    KeyRefused where it can't start, and WorkerDied where it can't go on.
    """
    async with AsyncExitStack() as stack:
        lock = DirectoryLock(settings.store.path.parent)
        stack.callback(lock.release)
        bot = await _build(settings, stack, announce, now)
        bot.poller.before_sweep = before_sweep
        await stack.enter_async_context(bot.pages())
        await bot.work_until(stop)


def leave_garbage_to_sweeps() -> None:
    """Let Python collect garbage by itself only in need, and leave today's objects out of every collection.

    The event loop waits for each of them. Have `gc.collect` called between sweeps, when few objects are new.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS_MOST, *gc.get_threshold()[1:])


async def _build(
    settings: Settings, stack: AsyncExitStack, announce: Callable[[str], None], now: Now
) -> "RunningBot":
    """Build every part; what has to be closed is pushed on the stack."""
    # First of all: an upgrade may replace the files while this waits for its neighbours.
    code = deciding_code()
    registry = shipped_chains()
    db = await DatabaseThread.open(settings.store.path)
    stack.push_async_callback(db.close)
    # Owners first: the configuration may open chats for them, and after a restore they get a notice.
    owners = await db.run(apply_owners, settings.access.owners)
    await db.run(chats.apply_configuration, settings.access.chats, owners, contract_status(settings))
    await _note_restoration(db, now)
    await db.run(coverage.exclude_contracts, settings.indexer.contract_blacklist)
    source = await stack.enter_async_context(build_indexer(settings))
    telegram = build_telegram(settings)
    stack.push_async_callback(telegram.shutdown)
    is_introduced, _ = await asyncio.gather(
        _introduced(telegram), _choose_chains_to_start_with(settings, source, registry, db, now)
    )
    poller = build_poller(settings, source, db, registry, code=code, now=now)
    explainer = build_explainer(settings, source, db, registry, poller, now=now)
    send_queue = await build_send_queue(settings, db, now=now)
    permissions = build_permissions(settings, telegram=telegram, db=db, owners=owners)
    outgoing = build_outgoing(telegram, send_queue, db, permissions, now=now)
    stack.push_async_callback(outgoing.close)
    dispatcher = build_dispatcher(
        settings, registry, db=db, outgoing=outgoing, send_queue=send_queue, now=now
    )
    live = build_live_questions(settings, registry, source=source, db=db, outgoing=outgoing, now=now)
    stack.push_async_callback(live.close)
    sweeps = partial(sweeps_now, settings, db, now)
    menus = Menus(telegram, db, owners=lambda: permissions.owners)
    chat = build_chat(
        telegram,
        db,
        permissions,
        Screens(outgoing),
        registry,
        live=live,
        sweeps=sweeps,
        explain=explainer.explain,
        max_subscriptions_per_chat=settings.access.max_subscriptions_per_chat,
        history_days=settings.store.history_days,
        contract_status=contract_status(settings),
        owners_are_configured=bool(settings.access.owners),
        on_owner=menus.change,
        now=now,
        monotonic=time.monotonic,
    )
    stack.push_async_callback(chat.exports.close)
    receiver = Receiver(telegram, chat.updates.on_update, permissions.go_first, monotonic=time.monotonic)
    health = Health(
        settings=settings,
        registry=registry,
        db=db,
        source=source,
        telegram=telegram,
        poller=poller,
        explainer=explainer,
        receiver=receiver,
        updates=chat.updates,
        exports=chat.exports,
        dispatcher=dispatcher,
        now=now,
        monotonic=time.monotonic,
        is_introduced=is_introduced,
    )
    heartbeat = None
    url = settings.web.heartbeat_url.get_secret_value()
    if url:
        heartbeat = Heartbeat(url, health.not_ready)
        poller.after_sweep, health.heartbeats = heartbeat.tick, heartbeat.counts
    return RunningBot(
        settings=settings,
        registry=registry,
        db=db,
        source=source,
        telegram=telegram,
        poller=poller,
        explainer=explainer,
        dispatcher=dispatcher,
        receiver=receiver,
        chores=build_chores(settings, db, registry, sweeps, now=now),
        menus=menus,
        heartbeat=heartbeat,
        claims=chat.claims,
        announce=announce,
        health=health,
        now=now,
    )


@dataclass(slots=True, kw_only=True)
class RunningBot:
    """All parts of one bot; runs the workers, and ends them together."""

    settings: Settings
    registry: Chains
    db: DatabaseThread
    source: IndexerClient
    telegram: TelegramBot
    poller: Poller
    explainer: Explainer
    dispatcher: Dispatcher
    receiver: Receiver
    chores: Chores
    menus: Menus
    heartbeat: Heartbeat | None
    claims: Claims
    announce: Callable[[str], None]
    health: Health
    now: Now
    workers: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.health.workers = self.workers

    async def work_until(self, stop: asyncio.Event) -> None:
        """Run all workers until asked to stop, or until one of them ends by itself (WorkerDied)."""
        scheduler = AsyncIOScheduler(timezone="UTC")
        self._arm(scheduler)
        self.poller.on_missed_ticks = partial(self._arm, scheduler)
        self._start("poller", self.poller.run())
        self._start("explainer", self.explainer.run())
        self._start("dispatcher", self.dispatcher.run())
        self._start("receiver", self._receive())
        self._start("chains", self._keep_chains())
        self._start("name", self._keep_name())
        self._start("chores", self.chores.run())
        self._start("menus", self.menus.run())
        if self.heartbeat is not None:
            self._start("heartbeat", self.heartbeat.run())
        # A job of an interval runs for the first time after its interval: the first sweep is due now.
        self.poller.tick()
        self.chores.tick()
        scheduler.start()
        log.info("running", action="started")
        stop_task = asyncio.create_task(stop.wait())
        await asyncio.wait({stop_task, *self.workers.values()}, return_when=asyncio.FIRST_COMPLETED)
        scheduler.shutdown(wait=False)
        log.info("stopping: what is in flight may end", action="stopping")
        died = [name for name, worker in self.workers.items() if worker.done()]
        stop_task.cancel()
        await self._stop_workers()
        if died:
            raise WorkerDied(f"the {died[0]} ended by itself")
        log.info("stopped", action="stopped")

    # workers

    def _start(self, name: str, work: Coroutine[None, None, None]) -> None:
        self.workers[name] = asyncio.create_task(work, name=name)

    async def _stop_workers(self) -> None:
        """Cancel the workers, let messages in flight end, and confirm the updates that were handled."""
        # The workers end first, so that nothing new is sent while the dispatcher waits for its last answers.
        for worker in self.workers.values():
            worker.cancel()
        for result in await asyncio.gather(*self.workers.values(), return_exceptions=True):
            if isinstance(result, Exception):
                log.error("a worker ended with an error", action="worker_failed", exc_info=result)
        await asyncio.gather(self.dispatcher.finish(FINISH_SECONDS), self.receiver.confirm())

    async def _receive(self) -> None:
        """Receive updates, once Telegram has said who the bot is."""
        if not (self.health.is_introduced or self.claims.has_owner):
            self.announce(CLAIM_LATER)
        while not self.health.is_introduced:
            await asyncio.sleep(INTRODUCE_AGAIN_SECONDS)
            with suppress(Exception):
                self.health.is_introduced = await introduce(self.telegram)
        link = await self._claim_link()
        if link is not None:
            self.announce(printed_claim(link))
        await self.receiver.run()

    async def _claim_link(self) -> str | None:
        """Return the claim link as soon as its code is stored; None if the bot has an owner."""
        while True:
            try:
                return await self.claims.link(self.telegram.username)
            except DatabaseUnavailable:
                log.exception("no link can be printed yet", action="claim_failed")
                await asyncio.sleep(INTRODUCE_AGAIN_SECONDS)

    def _arm(self, scheduler: AsyncIOScheduler) -> None:
        """Schedule the ticks of the workers, replacing earlier jobs.

        APScheduler counts by the wall clock: once that was set back, its jobs would wait for the old time.
        """
        for name, tick, seconds in (
            ("sweep", self.poller.tick, self.settings.indexer.poll_interval_seconds),
            ("chores", self.chores.tick, CHORES_LOOK_SECONDS),
        ):
            scheduler.add_job(
                _in_the_loop(tick),
                IntervalTrigger(seconds=seconds, timezone=UTC),
                id=name,
                coalesce=True,
                max_instances=1,
                misfire_grace_time=None,
                replace_existing=True,
            )

    async def _keep_name(self) -> None:
        """Ask Telegram for the bot's @name once a day: a rename is not announced."""
        while True:
            await asyncio.sleep(NAME_ANEW_SECONDS)
            await learn_name(self.telegram)

    # chains

    async def _keep_chains(self) -> None:
        """Ask the indexer for its list of chains once a day; after a failure, soon again."""
        pause = CHAINS_AGAIN_SECONDS
        while True:
            await asyncio.sleep(pause)
            try:
                await self._learn_chains()
            except IndexerError:
                pause = CHAINS_AGAIN_SECONDS
            except Exception:
                log.exception("the list of chains could not be kept", action="chains_failed")
                pause = CHAINS_AGAIN_SECONDS
            else:
                pause = CHAINS_ANEW_SECONDS

    async def _learn_chains(self) -> None:
        mainnets, testnets = await _listed(self.source, self.registry)
        await self.db.run(
            update_chains, mainnets, self.now(), contract_status(self.settings), testnets=testnets
        )
        await self.db.run(choose_chains, self.settings.indexer.chains, self.registry.mainnets())

    @asynccontextmanager
    async def pages(self) -> AsyncIterator[None]:
        """Serve the health pages unless they are switched off."""
        host, _, port = self.settings.web.listen.rpartition(":")
        if not port:
            yield
            return
        health = self.health
        findings = Findings(health.unhealthy, health.not_ready, health.stats)
        async with serve_pages(host, int(port), findings):
            yield


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


async def _choose_chains_to_start_with(
    settings: Settings, source: IndexerClient, registry: Chains, db: DatabaseThread, now: Now
) -> None:
    """Choose the chains to poll where a subscription names none; raises KeyRefused.

    The gateway is asked even if the configuration names the chains: its answer shows whether the key is good.
    """
    try:
        async with asyncio.timeout(START_SECONDS):
            mainnets, testnets = await _listed(source, registry)
        await db.run(update_chains, mainnets, now(), contract_status(settings), testnets=testnets)
    except DatabaseUnavailable:
        log.exception("the list of chains could not be kept", action="chains_failed")
    except AccessRefused as error:
        raise KeyRefused(f"{KeyRefused.__doc__} ({error})") from None
    except (IndexerError, TimeoutError) as error:
        log.warning("the indexer lists no chains yet", action="chains_unknown", trouble=str(error))
    await db.run(choose_chains, settings.indexer.chains, registry.mainnets())


async def _listed(source: IndexerClient, registry: Chains) -> tuple[frozenset[ChainId], frozenset[ChainId]]:
    """Return the mainnets and the test networks that the indexer lists."""
    listed = frozenset(chain_id for chain_id, _ in await source.chains("ALL"))
    mainnets = frozenset(
        chain_id for chain_id, _ in await source.chains() if not registry.is_testnet(chain_id)
    )
    return mainnets, listed - mainnets


def _in_the_loop(tick: Callable[[], None]) -> Callable[[], Coroutine[None, None, None]]:
    """Wrap a tick in a coroutine: APScheduler runs plain functions in threads of its own."""

    async def run_tick() -> None:
        tick()

    return run_tick
