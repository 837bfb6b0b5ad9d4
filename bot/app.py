"""The roof: builds each part once, lets the workers run, and closes in reverse order.

indexer -> poller -> store -> dispatcher -> chat -> Telegram
Telegram -> chat -> store
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

from bot.chat.connection import TelegramBot, introduce, publish_menu
from bot.chat.receiver import Receiver
from bot.chat.sender import Answers
from bot.dispatcher import Dispatcher
from bot.domain.chains import Chains
from bot.domain.model import ChainId
from bot.indexer.client import IndexerClient
from bot.indexer.errors import AccessRefused, IndexerError
from bot.poller.worker import Poller
from bot.settings import Settings, shipped_chains
from bot.store.database import DirectoryLock
from bot.store.sqlite import Store
from bot.web.pages import serve_pages
from bot.wiring import (
    build_conversation,
    build_dispatcher,
    build_indexer,
    build_live_questions,
    build_poller,
    build_telegram,
    build_turns,
    clock,
    open_store,
    silence_seconds,
    sweeps_now,
)

log = structlog.get_logger(__name__)

FINISH_SECONDS = 6.0
"""For what is in flight when the program is asked to stop; all of it has to end within ten."""

START_SECONDS = 5.0
"""For the neighbours to say who they are; without an answer the bot starts all the same."""

INTRODUCE_AGAIN_SECONDS = 5.0
CHAINS_AGAIN_SECONDS = 60.0
CHAINS_ANEW_SECONDS = 24 * 3600.0
DATABASE_ANSWERS_SECONDS = 5.0


NEW_OBJECTS_BEFORE_A_LOOK = 10_000
"""So many more objects than before, and Python looks for garbage among them: fourteen times its usual."""


class KeyRefused(Exception):
    """The indexer refuses the access key: check indexer.access_key."""


class WorkerDied(Exception):
    """A worker ended by itself, which it never should; a restart is the cure."""


async def run(settings: Settings, stop: asyncio.Event) -> None:
    """Run the bot until `stop` is set.

    Raises DirectoryHeld, DatabaseUnusable, TokenRefused or KeyRefused where it
    can't start, and WorkerDied where it can't go on.
    """
    async with AsyncExitStack() as house:
        lock = DirectoryLock(settings.store.path.parent)
        house.callback(lock.release)
        bot = await _build(settings, house)
        await house.enter_async_context(bot.pages())
        await bot.work_until(stop)


def look_for_garbage_rarely() -> None:
    """Let Python look for garbage less often, and never among what is there now: all else waits meanwhile."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(NEW_OBJECTS_BEFORE_A_LOOK, *gc.get_threshold()[1:])


async def _build(settings: Settings, house: AsyncExitStack) -> "RunningBot":
    """Build every part; what has to be closed is left to the house."""
    registry = shipped_chains()
    store = await open_store(settings)
    house.push_async_callback(store.close)
    await store.apply_configuration(settings.access.chats, settings.access.owners)
    source = await house.enter_async_context(build_indexer(settings))
    telegram = build_telegram(settings)
    house.push_async_callback(telegram.shutdown)
    is_introduced, chains = await asyncio.gather(
        _introduced(telegram), _chains_to_start_with(settings, source, registry, store)
    )
    poller = build_poller(settings, source, store, chains)
    turns = build_turns(settings)
    dispatcher = build_dispatcher(settings, registry, store=store, telegram=telegram, turns=turns)
    answers = Answers(telegram, turns)
    live = build_live_questions(settings, registry, source=source, poller=poller, answers=answers)
    house.push_async_callback(live.close)
    conversation = build_conversation(
        settings,
        registry,
        telegram=telegram,
        store=store,
        sweeps=partial(sweeps_now, settings, poller, source),
        on_new_wish=poller.look_at_news,
        live=live,
        answers=answers,
    )
    receiver = Receiver(telegram, conversation.on_update, monotonic=time.monotonic)
    return RunningBot(
        settings, registry, store, source, telegram, poller, dispatcher, receiver, is_introduced
    )


@dataclass(slots=True)
class RunningBot:
    """All parts of one bot, and what they do together."""

    settings: Settings
    registry: Chains
    store: Store
    source: IndexerClient
    telegram: TelegramBot
    poller: Poller
    dispatcher: Dispatcher
    receiver: Receiver
    is_introduced: bool
    """Whether Telegram has told who the bot is."""
    workers: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def work_until(self, stop: asyncio.Event) -> None:
        """Let the workers run until asked to stop, or until one of them dies."""
        scheduler = self._scheduler()
        self._start("poller", self.poller.run())
        self._start("dispatcher", self.dispatcher.run())
        self._start("receiver", self._receive())
        self._start("chains", self._keep_chains())
        self.poller.tick()
        scheduler.start()
        log.info("running", action="started")
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({stopping, *self.workers.values()}, return_when=asyncio.FIRST_COMPLETED)
        scheduler.shutdown(wait=False)
        died = [name for name, worker in self.workers.items() if worker.done()]
        stopping.cancel()
        await self._stop_workers()
        if died:
            raise WorkerDied(f"the {died[0]} ended by itself")
        log.info("stopped", action="stopped")

    # workers

    def _start(self, name: str, work: Coroutine[None, None, None]) -> None:
        self.workers[name] = asyncio.create_task(work, name=name)

    async def _stop_workers(self) -> None:
        """Take nothing new in, let what is in flight end, and confirm what was dealt with."""
        for worker in self.workers.values():
            worker.cancel()
        for result in await asyncio.gather(*self.workers.values(), return_exceptions=True):
            if isinstance(result, Exception):
                log.error("a worker ended with an error", action="worker_failed", exc_info=result)
        await asyncio.gather(self.dispatcher.finish(FINISH_SECONDS), self.receiver.confirm())

    async def _receive(self) -> None:
        """Receive, once Telegram has told who the bot is."""
        while not self.is_introduced:
            await asyncio.sleep(INTRODUCE_AGAIN_SECONDS)
            with suppress(Exception):
                self.is_introduced = await introduce(self.telegram)
        await publish_menu(self.telegram)
        await self.receiver.run()

    def _scheduler(self) -> AsyncIOScheduler:
        scheduler = AsyncIOScheduler(timezone="UTC")
        scheduler.add_job(
            _in_the_loop(self.poller.tick),
            IntervalTrigger(seconds=self.settings.indexer.poll_interval_seconds, timezone=UTC),
            id="sweep",
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
        return scheduler

    # chains

    async def _keep_chains(self) -> None:
        """Learn once a day which chains there are; if the configuration names some, only those are asked."""
        pause = CHAINS_AGAIN_SECONDS
        while True:
            await asyncio.sleep(pause)
            try:
                listed = await _mainnets(self.source, self.registry)
            except IndexerError:
                pause = CHAINS_AGAIN_SECONDS
                continue
            await self.store.note_chains(listed, clock())
            if not self.settings.indexer.chains:
                self.poller.chains |= listed
            pause = CHAINS_ANEW_SECONDS

    @asynccontextmanager
    async def pages(self) -> AsyncIterator[None]:
        """Serve the health pages, unless they are switched off."""
        host, _, port = self.settings.web.listen.rpartition(":")
        if not port:
            yield
            return
        async with serve_pages(host, int(port), unhealthy=self._unhealthy, not_ready=self._not_ready):
            yield

    # health

    async def _unhealthy(self) -> list[str]:
        """Return what a restart would cure."""
        reasons = [f"the {name} has ended" for name, worker in self.workers.items() if worker.done()]
        try:
            async with asyncio.timeout(DATABASE_ANSWERS_SECONDS):
                await self.store.respond()
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs on the page
            reasons.append(f"the database gives no answer ({type(error).__name__})")
        return reasons

    async def _not_ready(self) -> list[str]:
        """Return why the bot does not see or does not tell."""
        reasons = await self._unhealthy()
        progress = self.poller.progress
        if time.monotonic() - progress.seen_at > silence_seconds(self.settings, progress):
            reasons.append(
                f"nothing seen for {time.monotonic() - progress.seen_at:.0f} s: {progress.trouble}"
            )
        if not self.is_introduced:
            reasons.append("Telegram has not answered yet")
        if self.receiver.progress.trouble is not None:
            reasons.append(self.receiver.progress.trouble)
        return reasons


async def _introduced(telegram: TelegramBot) -> bool:
    """Ask Telegram who the bot is, without waiting long: the indexer can be asked meanwhile."""
    try:
        async with asyncio.timeout(START_SECONDS):
            return await introduce(telegram)
    except TimeoutError:
        return False


async def _chains_to_start_with(
    settings: Settings, source: IndexerClient, registry: Chains, store: Store
) -> frozenset[ChainId]:
    """Return the chains to ask where a subscription names none; raises KeyRefused.

    The gateway is asked even where the configuration names them: it says whether the key is good.
    """
    try:
        async with asyncio.timeout(START_SECONDS):
            listed = await _mainnets(source, registry)
        await store.note_chains(listed, clock())
    except AccessRefused as error:
        raise KeyRefused(f"{KeyRefused.__doc__} ({error})") from None
    except (IndexerError, TimeoutError) as error:
        log.warning("the indexer lists no chains yet", action="chains_unknown", trouble=str(error))
    remembered = await store.remembered_chains()
    return frozenset(settings.indexer.chains) or remembered or frozenset(registry.mainnets())


async def _mainnets(source: IndexerClient, registry: Chains) -> frozenset[ChainId]:
    return frozenset(chain_id for chain_id, _ in await source.chains() if not registry.is_testnet(chain_id))


def _in_the_loop(tick: Callable[[], None]) -> Callable[[], Coroutine[None, None, None]]:
    """Make a coroutine of a tick: APScheduler runs plain functions in threads of its own."""

    async def run_tick() -> None:
        tick()

    return run_tick
