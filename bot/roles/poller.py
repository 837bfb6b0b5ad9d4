"""The role of reading balances, and of finding out what explains their changes."""

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from bot.domain.replicas.roles import Tenure
from bot.roles.chains import ChainKeeper
from bot.roles.process import ProcessParts
from bot.roles.workers import run_together
from bot.web.heartbeat import Heartbeat
from bot.wiring import build_explainer, build_poller


async def poll(process: ProcessParts, tenure: Tenure) -> None:
    """Read balances, explain what changed and keep the list of chains, until cancelled."""
    settings, source, registry = process.settings, process.source, process.registry
    now, health = process.now, process.health
    db = process.database(tenure)
    chains = ChainKeeper(settings, source, registry, db, now, process.monotonic)
    await chains.begin(process.chain_lists)
    poller = build_poller(
        settings, source, db, registry, code=process.code, counts=health.counts.sweeps, now=now
    )
    poller.before_sweep = process.before_sweep
    explainer = build_explainer(
        settings, source, db, registry, at_rest=poller.at_rest, outcomes=health.counts.explained, now=now
    )
    poller.explain_until = explainer.explain_until
    health.swept = poller.progress
    workers = {"poller": poller.run(), "explainer": explainer.run(), "chains": chains.run()}
    url = settings.web.heartbeat_url.get_secret_value()
    if url:
        heartbeat = Heartbeat(url, health.not_ready, counts=health.counts.heartbeats)
        poller.after_sweep = heartbeat.tick
        workers["heartbeat"] = heartbeat.run()
    with _ticks(poller.tick, settings.indexer.poll_interval_seconds) as begin_anew:
        poller.on_missed_ticks = begin_anew
        # A job of an interval runs for the first time after its interval: the first sweep is due now.
        poller.tick()
        try:
            await run_together(process.workers, workers)
        finally:
            health.swept = None


@contextmanager
def _ticks(tick: Callable[[], None], seconds: float) -> Iterator[Callable[[], None]]:
    """Call `tick` at each interval; yields what begins anew to count the time until the next.

    APScheduler counts by the wall clock: once that was set back, its jobs would wait for the old time.
    """
    scheduler = AsyncIOScheduler(timezone="UTC")

    def begin_anew() -> None:
        scheduler.add_job(
            _in_the_loop(tick),
            IntervalTrigger(seconds=seconds, timezone=UTC),
            id="tick",
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
            replace_existing=True,
        )

    begin_anew()
    scheduler.start()
    try:
        yield begin_anew
    finally:
        scheduler.shutdown(wait=False)


def _in_the_loop(tick: Callable[[], None]) -> Callable[[], Coroutine[None, None, None]]:
    """Wrap a tick in a coroutine: APScheduler runs plain functions in threads of its own."""

    async def run_tick() -> None:
        tick()

    return run_tick
