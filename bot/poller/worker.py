"""When sweeps happen: at every tick, at once for a new subscription, and even if the clock stalls."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import structlog

from bot.domain.assets import Address, ChainId
from bot.domain.deliver.alerts import SourceRefuses
from bot.domain.observe.plan import Wanted, chunks, wanted_by, watches_by_account
from bot.domain.subscriptions import SubscriptionId
from bot.indexer.errors import AccessRefused, IndexerError, QuotaExceeded, WrongEndpoint
from bot.poller.fetcher import BalanceSource, Fetcher
from bot.poller.follow_up import ItemSource
from bot.poller.memory import Memory
from bot.poller.sweep import Sweep, SweepSettings
from bot.store.balances import prices
from bot.store.database.connection import DatabaseThread
from bot.store.database.signals import SignalName
from bot.store.outbox import alerts
from bot.store.polling import sweeps
from bot.store.polling.sweeps import SweepInput

log = structlog.get_logger(__name__)

TICKS_MISSED = 2
"""Intervals without a tick after which a sweep starts by itself: the wall clock may have been set back."""

STALLED_SECONDS = 300.0
"""Seconds without any progress after which a sweep is given up; a request may take far less."""

PRICES_SAVED_IN_ONE_GO = 2_000
"""Some 20 ms in the database's thread, for which all other queries wait."""

REFUSED = (AccessRefused, QuotaExceeded, WrongEndpoint)
"""Errors that only the operator can cure."""

SWEEPS_REFUSED = 2
"""Sweeps refused in a row before owners get a notice."""


class Source(BalanceSource, ItemSource, Protocol):
    """Where everything comes from."""


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
    """Of the last sweep, answered or not."""
    seen_seconds: float = 0.0
    """Of the last one with an answer: in an outage, time limits make sweeps longer or shorter."""
    sweeps: Counter[str] = field(default_factory=Counter)
    """Since the start: `seen`, `idle` (nothing to ask), `blind` (no answer), `failed` (an error of ours)."""
    seconds_total: float = 0.0
    """Of all sweeps that came to their end."""
    asked: frozenset[ChainId] = frozenset()
    """Chains of the last sweep."""
    trouble: str | None = None
    """What the source said instead of answers in the last sweep."""
    refusals: int = 0
    """Sweeps in a row that brought nothing but a refusal."""


class Poller:
    """Runs sweeps, one after the other, never two at once."""

    def __init__(
        self,
        source: Source,
        db: DatabaseThread,
        settings: SweepSettings,
        *,
        interval_seconds: float,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self.progress = PollerProgress(monotonic(), monotonic(), monotonic())
        self._source = source
        self._db = db
        self._settings = settings
        self._interval_seconds = interval_seconds
        self._now = now
        self._monotonic = monotonic
        self._memory = Memory()
        self._fetcher = Fetcher(
            source,
            accounts_per_request=settings.accounts_per_request,
            progress=self._moved,
            monotonic=monotonic,
        )
        self.on_missed_ticks: Callable[[], None] = lambda: None
        """Called if no tick came for too long, so that the timer can be set up anew."""
        self.before_sweep: Callable[[], object] = lambda: None
        """Called before each sweep over everything, when the least is under way."""
        self._news = db.signal(SignalName.SUBSCRIPTIONS)
        self._is_due = False
        self._planned: frozenset[SubscriptionId] = frozenset()
        """The subscriptions that the last plan knew."""
        self._swept_at = monotonic()

    def tick(self) -> None:
        """Say that a sweep is due; while one is running, the next follows it at once."""
        self._is_due = True
        self._news.set()

    async def run(self) -> None:
        """Sweep whenever it is due, for ever; what goes wrong in one is logged, and the next tries again."""
        while True:
            sweep = asyncio.create_task(await self._next_due())
            try:
                await self._until_finished(sweep)
            except Exception:
                self.progress.sweeps["failed"] += 1
                log.exception("sweep failed", action="sweep_failed")
            finally:
                # Of a sweep that hangs: if it comes back later, its number is too old to record.
                sweep.cancel()

    async def sweep(self) -> None:
        """Ask for everything watched, once."""
        self.before_sweep()
        started = self._monotonic()
        watched = await self._db.run(sweeps.sweep_input, self._now())
        wanted = await asyncio.to_thread(wanted_by, watched.subscriptions, watched.chains)
        sweep = await self._begin(watched, wanted)
        reach = await sweep.run()
        self._log_partly_unknown(sweep.partly_unknown, reach.answered)
        # Only a full sweep counts: one for new subscriptions reads few accounts, and would end doubts early.
        # Before the end: from then on balances are said to be as new as this sweep.
        await self._save_prices()
        await self._db.run(
            sweeps.finish_sweep, reach, self._settings.stale_after, self._settings.contract_status
        )
        self.progress.asked = reach.asked
        await self._note(self._monotonic() - started, is_idle=not wanted)

    async def sweep_new_subscriptions(self) -> None:
        """Ask, once, for the accounts of subscriptions that the last plan did not know.

        Those are new ones, and those of a chat that was opened again.
        """
        # Before the look: `_begin` sets it to what this plan knows.
        planned = self._planned
        watched = await self._db.run(sweeps.sweep_input, self._now())
        wanted = await asyncio.to_thread(wanted_by, watched.subscriptions, watched.chains)
        new = {
            account: wanted[account]
            for account, pairs in watches_by_account(watched.subscriptions).items()
            if any(not planned.issuperset((watch.id, scope.id)) for watch, scope in pairs)
        }
        if new:
            await (await self._begin(watched, new)).run()

    async def _next_due(self) -> Coroutine[None, None, None]:
        wait_seconds = self._swept_at + TICKS_MISSED * self._interval_seconds - self._monotonic()
        probe = self._fetcher.probe_in_seconds
        pause = max(0.0, wait_seconds if probe is None else min(wait_seconds, probe))
        if not await self._news.wait(pause):
            # A probe of a source that is down is waited for; without one, the timer must have failed.
            if probe is None:
                log.warning("no tick for too long: sweeping anyway", action="tick_missed")
                self.on_missed_ticks()
            self._is_due = True
        is_due, self._is_due = self._is_due, False
        if not is_due:
            return self.sweep_new_subscriptions()
        self._swept_at = self._monotonic()
        return self.sweep()

    async def _until_finished(self, sweep: asyncio.Task[None]) -> None:
        while not sweep.done():
            await asyncio.wait({sweep}, timeout=STALLED_SECONDS)
            if not sweep.done() and self._monotonic() - self.progress.moved_at >= STALLED_SECONDS:
                log.error("a sweep hangs and is given up", action="sweep_stalled")
                return
        sweep.result()

    async def _begin(self, watched: SweepInput, wanted: Mapping[Address, Wanted]) -> Sweep:
        # A subscription that came after this look is new to the plan, even while the sweep is running.
        self._planned = frozenset(subscription.id for subscription in watched.subscriptions)
        return Sweep(
            await self._db.run(sweeps.begin_sweep),
            watched,
            wanted,
            fetcher=self._fetcher,
            item_source=self._source,
            db=self._db,
            settings=self._settings,
            memory=self._memory,
            now=self._now,
            progress=self._moved,
        )

    async def _save_prices(self) -> None:
        """Store the prices that are new or moved; those that could not be stored wait for the next sweep."""
        unsaved = self._memory.unsaved_prices
        for some in chunks(tuple(unsaved.items()), PRICES_SAVED_IN_ONE_GO):
            await self._db.run(prices.save_prices, some)
            for asset, _ in some:
                del unsaved[asset]

    def _moved(self) -> None:
        self.progress.moved_at = self._monotonic()

    async def _note(self, seconds: float, *, is_idle: bool) -> None:
        progress, fetcher = self.progress, self._fetcher
        progress.finished_at = progress.moved_at = self._monotonic()
        progress.sweep_seconds = seconds
        progress.seconds_total += seconds
        progress.sweeps["idle" if is_idle else "seen" if fetcher.answers else "blind"] += 1
        if fetcher.answers or is_idle:
            progress.seen_at = progress.finished_at
            progress.seen_seconds = seconds
        if fetcher.answers or fetcher.troubles or is_idle:
            self._note_trouble(fetcher.troubles[0] if fetcher.troubles else None)
        await self._warn_of_refusal()
        log.debug(
            "sweep finished", action="sweep_finished", seconds=round(seconds, 3), answers=fetcher.answers
        )

    def _log_partly_unknown(self, unknown: Mapping[ChainId, str], answered: Collection[ChainId]) -> None:
        """Log where something became unknown, and where all is known again, not each sweep between."""
        before = self._memory.partly_unknown
        for chain_id, why in sorted(unknown.items()):
            if chain_id not in before:
                log.warning(
                    "part of an answer is unknown", action="answer_partial", chain_id=chain_id, why=why
                )
        for chain_id in sorted(before & frozenset(answered) - unknown.keys()):
            log.info("answers are whole again", action="answer_whole", chain_id=chain_id)
        self._memory.partly_unknown = before - frozenset(answered) | unknown.keys()

    def _note_trouble(self, error: IndexerError | None) -> None:
        """Log the first trouble and the recovery, not each trouble between."""
        before, trouble = self.progress.trouble, None if error is None else str(error)
        if trouble is not None and before is None:
            log.warning("the indexer gives trouble", action="source_trouble", trouble=trouble)
        if trouble is None and before is not None:
            log.info("the indexer answers again", action="source_recovered")
        self.progress.trouble = trouble

    async def _warn_of_refusal(self) -> None:
        """Tell owners, once, that the source refuses to answer."""
        refusal = next((error for error in self._fetcher.troubles if isinstance(error, REFUSED)), None)
        if self._fetcher.answers:
            self.progress.refusals = 0
        elif refusal is not None:
            self.progress.refusals += 1
            if self.progress.refusals == SWEEPS_REFUSED:
                await self._db.run(alerts.notify_owners, SourceRefuses(str(refusal)), self._now())
