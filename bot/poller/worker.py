"""When sweeps happen: at every tick, at once for a new wish, and even if the clock stalls."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime

import structlog

from bot.domain.model import Address, ChainId, SubscriptionId
from bot.domain.plan import Wanted, wanted_by, wishes
from bot.poller.sweep import BalanceSource, KnownBlocks, Sweep, SweepSettings
from bot.store.polls import Watched
from bot.store.sqlite import Store

log = structlog.get_logger(__name__)

TICKS_MISSED = 2
"""Intervals without a tick after which a sweep starts by itself: the wall clock may have been set back."""

STALLED_SECONDS = 300.0
"""Seconds without any progress after which a sweep is given up; every request has a limit far below."""


@dataclass(slots=True)
class PollerProgress:
    """How far the poller has come, on the monotonic clock."""

    moved_at: float
    """Something was answered or recorded."""
    seen_at: float
    """The last sweep with an answer ended, or one with nothing to ask."""
    finished_at: float
    """The last sweep ended, answered or not."""
    sweep_seconds: float = 0.0
    trouble: str | None = None
    """What the source said instead of answers in the last sweep."""


class Poller:
    """Runs sweeps, one after the other, never two at once."""

    def __init__(
        self,
        source: BalanceSource,
        store: Store,
        settings: SweepSettings,
        *,
        interval_seconds: float,
        chains: frozenset[ChainId],
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self.chains = chains
        """Asked where a subscription names none."""
        self.progress = PollerProgress(monotonic(), monotonic(), monotonic())
        self._source = source
        self._store = store
        self._settings = settings
        self._interval_seconds = interval_seconds
        self._now = now
        self._monotonic = monotonic
        self._blocks = KnownBlocks()
        self._wake = asyncio.Event()
        self._is_due = False
        self._planned_up_to = SubscriptionId(0)
        self._swept_at = monotonic()

    def tick(self) -> None:
        """Say that a sweep is due; while one is running, the next follows it at once."""
        self._is_due = True
        self._wake.set()

    def look_at_news(self) -> None:
        """Say that somebody asked for something new: it is read now, not with the next sweep."""
        self._wake.set()

    async def run(self) -> None:
        """Sweep whenever it is due, for ever; what goes wrong in one is logged, and the next tries again."""
        while True:
            sweep = asyncio.create_task(await self._next_due())
            try:
                await self._until_finished(sweep)
            except Exception:
                log.exception("sweep failed", action="sweep_failed")
            finally:
                sweep.cancel()

    async def sweep(self) -> None:
        """Ask for everything watched, once."""
        started_at, started = self._now(), self._monotonic()
        watched = await self._store.watched()
        sweep = await self._read(watched, wanted_by(watched.subscriptions, self.chains))
        await self._store.finish_sweep(sweep.number, started_at, sweep.answered, sweep.unknown)
        self._note(sweep, self._monotonic() - started)

    async def read_news(self) -> None:
        """Ask for the accounts of which somebody asked something since the last plan, once."""
        planned_up_to = self._planned_up_to
        watched = await self._store.watched()
        wanted = wanted_by(watched.subscriptions, self.chains)
        new = {
            account: wanted[account]
            for account, pairs in wishes(watched.subscriptions).items()
            if any(max(watch.id, wish.id) > planned_up_to for watch, wish in pairs)
        }
        if new:
            await self._read(watched, new)

    async def _next_due(self) -> Coroutine[None, None, None]:
        patience = self._swept_at + TICKS_MISSED * self._interval_seconds - self._monotonic()
        try:
            async with asyncio.timeout(max(0.0, patience)):
                await self._wake.wait()
        except TimeoutError:
            log.warning("no tick for too long: sweeping anyway", action="tick_missed")
            self._is_due = True
        self._wake.clear()
        is_due, self._is_due = self._is_due, False
        if not is_due:
            return self.read_news()
        self._swept_at = self._monotonic()
        return self.sweep()

    async def _until_finished(self, sweep: asyncio.Task[None]) -> None:
        while not sweep.done():
            await asyncio.wait({sweep}, timeout=STALLED_SECONDS)
            if not sweep.done() and self._monotonic() - self.progress.moved_at >= STALLED_SECONDS:
                log.error("a sweep hangs and is given up", action="sweep_stalled")
                return
        sweep.result()

    async def _read(self, watched: Watched, wanted: Mapping[Address, Wanted]) -> Sweep:
        self._planned_up_to = watched.newest
        sweep = Sweep(
            await self._store.begin_sweep(),
            watched,
            wanted,
            source=self._source,
            store=self._store,
            settings=self._settings,
            blocks=self._blocks,
            now=self._now,
            progress=self._moved,
        )
        await sweep.run()
        return sweep

    def _moved(self) -> None:
        self.progress.moved_at = self._monotonic()

    def _note(self, sweep: Sweep, seconds: float) -> None:
        progress = self.progress
        progress.finished_at = progress.moved_at = self._monotonic()
        progress.sweep_seconds = seconds
        trouble = str(sweep.troubles[0]) if sweep.troubles else None
        if trouble is not None and progress.trouble is None:
            log.warning("the indexer gives trouble", action="source_trouble", trouble=trouble)
        if trouble is None and progress.trouble is not None:
            log.info("the indexer answers again", action="source_recovered")
        progress.trouble = trouble
        if sweep.answers or not sweep.troubles:
            progress.seen_at = progress.finished_at
        log.debug(
            "sweep finished",
            action="sweep_finished",
            sweep=sweep.number,
            seconds=round(seconds, 3),
            answers=sweep.answers,
        )
