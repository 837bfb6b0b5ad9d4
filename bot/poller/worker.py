"""When sweeps happen: at every tick, at once for a new subscription, and even if the clock stalls."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

import structlog

from bot.domain.ask.plan import Wanted, chunks, wanted_by, watches_by_account
from bot.domain.ask.progress import LastSweep
from bot.domain.ask.questions import Allowance
from bot.domain.assets import Address, Asset, ChainId
from bot.domain.observations import SweepNumber
from bot.domain.subscriptions import SubscriptionId
from bot.indexer.errors import AccessRefused, IndexerError, QuotaExceeded, WrongEndpoint
from bot.poller.fetcher import BalanceSource, Fetcher
from bot.poller.follow_up import ItemSource
from bot.poller.memory import Memory
from bot.poller.prices import PriceQuestions, PriceSource
from bot.poller.sweep import Sweep, SweepSettings
from bot.store.balances import prices
from bot.store.database.connection import DatabaseThread
from bot.store.database.signals import SignalName
from bot.store.polling import firings, sweeps
from bot.store.polling.alarm_values import ValueTerms
from bot.store.polling.sweeps import SweepInput, SweepResult

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


class Source(BalanceSource, ItemSource, PriceSource, Protocol):
    """Where everything comes from."""

    @property
    def allowance(self) -> Allowance:
        """What the last answer that spoke of limits said of them."""


@dataclass(slots=True)
class SweepCounts:
    """The sweeps since the start of the program, which may outlive several pollers."""

    results: Counter[str] = field(default_factory=Counter)
    """`seen`, `idle` (nothing to ask), `blind` (no answer), `failed` (an error of ours)."""
    seconds_total: float = 0.0
    """Of all sweeps that came to their end."""


@dataclass(slots=True)
class PollerProgress:
    """How far this poller has come; how its last sweep went is in the database, too, for everybody."""

    moved_at: float
    """On the monotonic clock: something was answered or recorded."""
    finished_at: float
    """On the monotonic clock: the last sweep ended, answered or not."""
    last: LastSweep | None = None
    """How the last sweep went; before the first, how that of whoever polled before did."""
    has_swept: bool = False
    """Whether a sweep has ended, well or not."""


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
        counts: SweepCounts | None = None,
    ) -> None:
        self.progress = PollerProgress(monotonic(), monotonic())
        self.counts = counts or SweepCounts()
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
        self._prices = PriceQuestions(source, db, now=now)
        self._price_answer: asyncio.Task[None] | None = None
        """The prices that are being asked for; never two at once."""
        self._sweep_number = SweepNumber(0)
        """Of the last sweep that was begun."""
        self.on_missed_ticks: Callable[[], None] = lambda: None
        """Called if no tick came for too long, so that the timer can be set up anew."""
        self.before_sweep: Callable[[], object] = lambda: None
        """Called before each sweep over everything, when the least is under way."""
        self.after_sweep: Callable[[], object] = lambda: None
        """Called after each sweep over everything that came to its end."""
        self.explain_until: Callable[[], datetime | None] = lambda: None
        """Returns until when alerts that are recorded now wait for an explanation; None: not at all."""
        self.at_rest = asyncio.Event()
        """Set while no sweep reads anything."""
        self.at_rest.set()
        self._news = db.signal(SignalName.SUBSCRIPTIONS)
        self._is_due = False
        self._planned: frozenset[SubscriptionId] = frozenset()
        """The subscriptions that the last plan knew."""
        self._swept_at = monotonic()
        self._seen_at = monotonic()
        """When the last sweep with an answer ended, or one with nothing to ask; before that, the start."""
        self._silent_before: float | None = None
        """How long the source was silent before that; None: not looked up yet."""

    def tick(self) -> None:
        """Say that a sweep is due; while one is running, the next follows it at once."""
        self._is_due = True
        self._news.set()

    async def run(self) -> None:
        """Sweep whenever it is due, for ever; what goes wrong in one is logged, and the next tries again."""
        try:
            while True:
                sweep = asyncio.create_task(await self._next_due())
                try:
                    await self._until_finished(sweep)
                except Exception:
                    self.counts.results["failed"] += 1
                    self.progress.has_swept = True
                    log.exception("sweep failed", action="sweep_failed")
                finally:
                    # Of a sweep that hangs: if it comes back later, its number is too old to record.
                    sweep.cancel()
        finally:
            if self._price_answer is not None:
                self._price_answer.cancel()

    async def sweep(self) -> None:
        """Ask for everything watched, once."""
        self.before_sweep()
        started = self._monotonic()
        watched = await self._db.run(sweeps.sweep_input, self._now())
        self.progress.last = watched.last
        if self._silent_before is None:
            self._silent_before = watched.last.silent_seconds if watched.last else 0.0
        wanted = await asyncio.to_thread(wanted_by, watched.subscriptions, watched.chains)
        sweep = await self._begin(watched, wanted)
        reach = await self._read(sweep)
        self._log_partly_unknown(sweep.partly_unknown, reach.answered)
        # Before the end: from then on balances are said to be as new as this sweep.
        moved = await self._save_prices()
        summary = self._summary(watched.last, reach, started, is_idle=not wanted)
        # Only a full sweep ends so: one for new subscriptions reads few accounts, and would end doubts early.
        await self._db.run(
            sweeps.finish_sweep,
            replace(reach, summary=summary, refused=self._refusal(summary)),
            self._settings.stale_after,
            self._settings.contract_status,
        )
        await self._judge_alarms(moved, sweep.prices)
        self._note(summary, is_idle=not wanted)
        self.after_sweep()
        await self._ask_for_prices(sweep)

    async def sweep_new_subscriptions(self) -> None:
        """Ask, once, for the accounts of subscriptions that the last plan did not know.

        Those are new ones, and those of a chat that was opened again.
        """
        # Prices that were asked for are news, too; those that come during a sweep are stored at its end.
        moved = await self._save_prices()
        if moved:
            await self._judge_alarms(moved, {})
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
            await self._read(await self._begin(watched, new))

    @property
    def prices_are_answered(self) -> bool:
        """Whether no price is being asked for."""
        return self._price_answer is None or self._price_answer.done()

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
        before = self._planned
        self._planned = frozenset(subscription.id for subscription in watched.subscriptions)
        if self._planned - before:
            # With the next sweep over everything: no other shows which prices sweeps bring.
            self._prices.look_again()
        self._sweep_number = await self._db.run(sweeps.begin_sweep)
        return Sweep(
            self._sweep_number,
            watched,
            wanted,
            fetcher=self._fetcher,
            item_source=self._source,
            db=self._db,
            settings=self._settings,
            memory=self._memory,
            now=self._now,
            progress=self._moved,
            explain_until=self.explain_until,
        )

    async def _read(self, sweep: Sweep) -> SweepResult:
        self.at_rest.clear()
        try:
            return await sweep.run()
        finally:
            self.at_rest.set()

    async def _ask_for_prices(self, sweep: Sweep) -> None:
        """Begin to ask for prices that sweeps leave out, if any are missing or old; no sweep waits for it."""
        if not self.prices_are_answered:
            return
        wanted = await self._prices.wanted(sweep.priced)
        if wanted:
            self._price_answer = asyncio.create_task(self._note_asked_prices(wanted))

    async def _note_asked_prices(self, wanted: Collection[Asset]) -> None:
        try:
            quotes = await self._prices.ask(wanted)
        except Exception:
            log.exception("asking for prices failed", action="prices_failed")
            return
        if quotes:
            self._memory.note_prices(quotes, self._now())
            self._news.set()

    async def _save_prices(self) -> frozenset[Asset]:
        """Store the prices that are new or moved, and return of what.

        Those that could not be stored wait for the next sweep.
        """
        unsaved = self._memory.unsaved_prices
        moved = frozenset(unsaved)
        for some in chunks(tuple(unsaved.items()), PRICES_SAVED_IN_ONE_GO):
            await self._db.run(prices.save_prices, some)
            for asset, price in some:
                # A newer one may have come meanwhile.
                if unsaved[asset] is price:
                    del unsaved[asset]
        return moved

    async def _judge_alarms(self, moved: frozenset[Asset], said: Mapping[Asset, str]) -> None:
        """Judge what the end of a sweep, the prices `said` in it or the `moved` ones may ring.

        An error is logged.
        """
        terms = ValueTerms(self._settings.contract_status, self._settings.chains)
        after: int | None = 0
        try:
            while after is not None:
                after = await self._db.run(
                    firings.judge_pending,
                    self._sweep_number,
                    after,
                    terms,
                    self._now(),
                    moved=moved,
                    prices=said,
                )
        except Exception:
            log.exception("alarms could not be judged", action="alarms_failed")

    def _moved(self) -> None:
        self.progress.moved_at = self._monotonic()

    def _summary(
        self, before: LastSweep | None, reach: SweepResult, started: float, *, is_idle: bool
    ) -> LastSweep:
        """Return what others read of a sweep that ends now."""
        fetcher, now = self._fetcher, self._monotonic()
        if before is None:
            before = LastSweep(ended_at=reach.ended_at, took_seconds=0.0)
        is_seen = is_idle or fetcher.answers > 0
        # A source that is left alone for a while says nothing new about itself.
        says_something = is_seen or fetcher.troubles
        trouble = str(fetcher.troubles[0]) if fetcher.troubles else None
        refusals = before.refusals + (self._first_refusal() is not None)
        return LastSweep(
            ended_at=reach.ended_at,
            took_seconds=now - started,
            seen_seconds=now - started if is_seen else before.seen_seconds,
            silent_seconds=0.0 if is_seen else now - self._seen_at + (self._silent_before or 0.0),
            trouble=trouble if says_something else before.trouble,
            refusals=0 if is_seen else refusals,
            asked=reach.asked,
            allowance=self._source.allowance,
        )

    def _note(self, summary: LastSweep, *, is_idle: bool) -> None:
        """Note that a sweep has ended and is recorded."""
        progress, answers = self.progress, self._fetcher.answers
        progress.finished_at = progress.moved_at = self._monotonic()
        progress.has_swept, progress.last = True, summary
        self.counts.seconds_total += summary.took_seconds
        self.counts.results["idle" if is_idle else "seen" if answers else "blind"] += 1
        if not summary.silent_seconds:
            self._seen_at, self._silent_before = progress.finished_at, 0.0
        self._log_trouble(summary.trouble)
        log.debug(
            "sweep finished",
            action="sweep_finished",
            seconds=round(summary.took_seconds, 3),
            answers=answers,
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

    def _log_trouble(self, trouble: str | None) -> None:
        """Log the first trouble and the recovery, not each trouble between."""
        had_trouble, self._memory.has_trouble = self._memory.has_trouble, trouble is not None
        if trouble is not None and not had_trouble:
            log.warning("the indexer gives trouble", action="source_trouble", trouble=trouble)
        if trouble is None and had_trouble:
            log.info("the indexer answers again", action="source_recovered")

    def _first_refusal(self) -> IndexerError | None:
        return next((error for error in self._fetcher.troubles if isinstance(error, REFUSED)), None)

    def _refusal(self, summary: LastSweep) -> str | None:
        """Return what owners are told of a source that refuses to answer, once for all sweeps in a row."""
        refusal = self._first_refusal()
        return str(refusal) if refusal is not None and summary.refusals == SWEEPS_REFUSED else None
