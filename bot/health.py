"""The answers behind the health pages, put together from all parts of one running bot.

Reasons are sentences for an operator; `docs/monitoring.md` says what to do about each.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from bot import __version__
from bot.chat.telegram.connection import TelegramBot
from bot.chat.telegram.receiver import ReceiverProgress
from bot.dispatcher import DispatcherCounts
from bot.domain.ask.progress import LastSweep, silence_seconds
from bot.domain.assets import ChainId
from bot.domain.chains import Chains
from bot.domain.explain.explanations import ExplanationOutcome
from bot.indexer.client import IndexerClient
from bot.poller.worker import PollerProgress
from bot.settings.sections import Settings
from bot.store.database.connection import DatabaseThread
from bot.store.database.door import Database
from bot.store.maintenance import stats
from bot.store.maintenance.stats import DatabaseStats
from bot.store.polling.sweeps import last_sweep
from bot.web import stats as web

T = TypeVar("T", int, float)
R = TypeVar("R")

DATABASE_ANSWERS_SECONDS = 4.0

OTHER_CHAINS = "other"
"""The label of chains without a name in the registry; names from the indexer are never used as labels."""


@dataclass(slots=True, kw_only=True)
class Health:
    """Asks the parts of one bot how they are doing.

    What the parts of a role count is put here when the role begins, and stays when it ends.
    """

    settings: Settings
    registry: Chains
    source: IndexerClient
    telegram: TelegramBot
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    swept: PollerProgress
    received: ReceiverProgress
    db: DatabaseThread | None = None
    """None: it is not open yet."""
    waits_for: str | None = None
    """Why the database is not open yet; None: it is, or nothing is known against it."""
    is_introduced: bool = False
    """Whether Telegram has answered `getMe` since the start."""
    workers: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    sends: DispatcherCounts = field(default_factory=DispatcherCounts)
    explained: Counter[ExplanationOutcome] = field(default_factory=Counter)
    commands: Mapping[str, int] = field(default_factory=dict)
    exports: Mapping[str, int] = field(default_factory=dict)
    heartbeats: Mapping[str, int] = field(default_factory=dict)
    """Calls of the heartbeat since the start, by result."""

    async def unhealthy(self) -> list[str]:
        """Return the reasons of /healthz: what a restart would cure, and nothing else."""
        reasons = [f"the {name} has ended" for name, worker in self.workers.items() if worker.done()]
        if self.db is None:
            return reasons
        try:
            async with asyncio.timeout(DATABASE_ANSWERS_SECONDS):
                await self.db.ping()
        except TimeoutError:
            # A locked database waits for another program, and no restart would cure that.
            if not self.db.is_locked:
                reasons.append("the database thread gives no answer")
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs on the page
            reasons.append(f"the database gives no answer ({error})")
        return reasons

    async def not_ready(self) -> list[str]:
        """Return the reasons of /readyz: why balances are not read or messages not sent or received."""
        # At once: each may take as long as the database lets it.
        return self._all_reasons(*await asyncio.gather(self.unhealthy(), self._last_sweep()))

    def _all_reasons(self, unhealthy: list[str], last: LastSweep | None) -> list[str]:
        return [*unhealthy, *self._source_reasons(last), *self._telegram_reasons()]

    async def _last_sweep(self) -> LastSweep | None:
        """Return how the last sweep went; None where the database does not answer, or before the first."""
        return await self._from_database(last_sweep)

    def _silent_seconds(self, last: LastSweep | None) -> float:
        """Return how long the source has been silent: what a sweep stored, and the time since it ended.

        That time is this process's own, as neither a clock that jumps nor a database that can't be written
        may make silence look short.
        """
        since = self.monotonic() - self.swept.finished_at
        return since + (last.silent_seconds if last else 0.0)

    def _source_reasons(self, last: LastSweep | None) -> Iterator[str]:
        """Yield why balances are not read or not stored."""
        if self.waits_for is not None:
            yield self.waits_for
        progress, now = self.swept, self.monotonic()
        patience = silence_seconds(self.settings.indexer.poll_interval_seconds, last)
        trouble = (last.trouble if last else None) or "no word why"
        if not progress.sweeps.total():
            yield "no sweep has finished yet"
        elif last is not None and last.refusals:
            yield f"the indexer refuses to answer: {trouble}"
        elif not self.source.counts.answered:
            yield f"the indexer has not answered yet: {trouble}"
        # A sweep that does not finish says more than one without an answer, so it is the reason given.
        if now - progress.finished_at > patience:
            yield f"no sweep has finished for {now - progress.finished_at:.0f} s"
        elif self._silent_seconds(last) > patience:
            yield f"the indexer has been silent for {self._silent_seconds(last):.0f} s: {trouble}"
        if self.db is not None and self.db.write_failure is not None:
            yield f"the database can't be written: {self.db.write_failure}"

    def _telegram_reasons(self) -> Iterator[str]:
        """Yield why messages are not received or not sent."""
        now = self.monotonic()
        if not self.is_introduced:
            yield "Telegram has not answered yet"
        received = self.received.reason(now)
        if received is not None:
            yield f"nothing is received: {received}"
        sent = self.telegram.stats.sending_trouble(now)
        if sent is not None:
            yield f"nothing can be sent: {sent}"

    async def stats(self) -> web.BotStats:
        """Return the numbers of the metrics page."""
        # At once: each may take as long as the database lets it.
        unhealthy, last, stored = await asyncio.gather(
            self.unhealthy(), self._last_sweep(), self._from_database(stats.collect_stats)
        )
        progress, counts, sends = self.swept, self.source.counts, self.sends
        return web.BotStats(
            version=__version__,
            unhealthy=len(unhealthy),
            not_ready=len(self._all_reasons(unhealthy, last)),
            sweeps=dict(progress.sweeps),
            sweep_seconds_total=progress.seconds_total,
            last_sweep_seconds=last.took_seconds if last else 0.0,
            seen_seconds_ago=self._silent_seconds(last),
            indexer_requests=dict(counts.requests),
            extra_requests=dict(self.source.extra_counts.requests),
            explained={str(outcome): count for outcome, count in self.explained.items()},
            rows_read=counts.rows_read,
            rows_refused=counts.rows_refused,
            quota_remaining=self.source.allowance.quota_remaining,
            telegram_requests={
                (method, str(answered)): count
                for (method, answered), count in self.telegram.stats.requests.items()
            },
            sends=dict(sends.outcomes),
            sounds=dict(sends.sounds),
            possible_duplicates=sends.possible_duplicates,
            updates=self.received.updates,
            updates_failed=self.received.failed,
            updates_dropped=self.received.dropped,
            commands=dict(self.commands),
            exports=dict(self.exports),
            heartbeats=dict(self.heartbeats),
            stored=self._shown(stored, last) if stored else None,
        )

    async def _from_database(self, read: Callable[[Database], R]) -> R | None:
        """Return what the database says, None where it does not answer."""
        if self.db is None:
            return None
        try:
            async with asyncio.timeout(DATABASE_ANSWERS_SECONDS):
                return await self.db.run(read)
        except Exception:  # noqa: BLE001 - what is wrong stands on the other pages
            return None

    def _shown(self, stored: DatabaseStats, last: LastSweep | None) -> web.StoredStats:
        now, asked = self.now(), last.asked if last else frozenset()
        since = stored.waiting_since
        return web.StoredStats(
            changes=stored.changes,
            digests=stored.digests,
            messages=stored.deliveries,
            waiting=stored.waiting,
            oldest_seconds=max(0.0, (now - since).total_seconds()) if since else 0.0,
            parked=stored.parked,
            unreported=stored.unreported,
            ringing=stored.ringing,
            kept_back={str(kind): count for kind, count in stored.kept_back.items()},
            chain_age_seconds=self._by_name(
                (
                    (chain_id, max(0.0, (now - at).total_seconds()))
                    for chain_id, at in stored.complete_at.items()
                    if chain_id in asked
                ),
                max,
            ),
            unknown_views=self._by_name(stored.unknown_views.items(), lambda one, other: one + other),
            accounts=stored.accounts,
            subscriptions=stored.subscriptions,
            size_bytes=stored.size_bytes,
        )

    def _by_name(self, values: Iterable[tuple[ChainId, T]], merge: Callable[[T, T], T]) -> dict[str, T]:
        """Return values by chain name; chains that the registry does not know are merged into one."""
        named: dict[str, T] = {}
        for chain_id, value in values:
            chain = self.registry.get(chain_id)
            name = OTHER_CHAINS if chain.name == str(chain_id) else chain.name
            named[name] = merge(named[name], value) if name in named else value
        return named
