"""What a chart takes at worst: a balance that changed in every minute of a year."""

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.chart.picture import ChartSpec, chart
from bot.chat.commands.history.lookup import read_series
from bot.domain.assets import Asset
from bot.domain.subscriptions import DestinationId
from bot.store.balances.daily_amounts import daily_amounts
from bot.store.database.connection import DatabaseThread
from bot.store.history.series import BalanceKey, find_balance
from bot.store.rows import to_asset, to_milliseconds
from tests.benchmarks.loop_watch import watched_loop
from tests.benchmarks.processes import resident_bytes
from tests.benchmarks.profiles import Profile
from tests.benchmarks.results import Result, middle
from tests.benchmarks.year import account, make_year

MINUTES_A_DAY = 24 * 60
PICTURES = 60
SECONDS_TO_REACH = 1.0
MEGABYTES_TO_REACH = 40
MILLISECONDS_TO_REACH = 10.0
HERE = DestinationId(1)
"""Watches the first account, of which everything is told."""


async def measure(profile: Profile, directory: Path) -> AsyncIterator[Result]:
    """Measure the chart of the profile's days, then many of them, then the sparklines of all accounts."""
    until = datetime.now(UTC)
    path = make_year(directory / "charts.sqlite3", until, days=profile.days, changes_per_day=0)
    changes = profile.days * MINUTES_A_DAY
    asset = _write(path, until, changes)
    db = await DatabaseThread.open(path)
    try:
        async for result in _charts(db, asset, until, profile, changes):
            yield result
        seconds = middle([await _sparklines(db, until) for _ in range(profile.rounds)])
        yield Result(
            "sparklines of 100 accounts, one of which changed every minute",
            f"{seconds * 1e3:.0f} ms",
            figures={"seconds": seconds},
        )
    finally:
        await db.close()


async def _charts(
    db: DatabaseThread, asset: Asset, until: datetime, profile: Profile, changes: int
) -> AsyncIterator[Result]:
    since = until - timedelta(days=profile.days)
    key = await db.run(find_balance, HERE, account(0), asset)
    assert key is not None
    await _drawn(db, key, until - timedelta(hours=1), until)  # the libraries are loaded
    before, _ = resident_bytes(os.getpid())
    _forget_most_memory()
    seconds = middle([await _drawn(db, key, since, until) for _ in range(profile.rounds)])
    async with watched_loop() as watch:
        await _drawn(db, key, since, until)
    _, most = resident_bytes(os.getpid())
    yield Result(
        f"chart of {changes:,} changes, read and drawn: processor time",
        f"{seconds:.2f} s",
        f"≤ {SECONDS_TO_REACH} s",
        seconds <= SECONDS_TO_REACH,
        {"seconds": seconds},
    )
    blocked = watch.longest_cpu_without_gc_seconds * 1e3
    yield Result(
        "event loop blocked meanwhile, its own processor time",
        f"{blocked:.1f} ms",
        f"≤ {MILLISECONDS_TO_REACH} ms",
        blocked <= MILLISECONDS_TO_REACH,
        {"milliseconds": blocked},
    )
    for _ in range(PICTURES if profile.rounds > 1 else 1):
        await _drawn(db, key, until - timedelta(days=1), until)
    after, _ = resident_bytes(os.getpid())
    megabytes, left = (most - before) / 1e6, max(0.0, (after - before) / 1e6)
    yield Result(
        f"memory for it, and what is left of it after {PICTURES} more",
        f"{megabytes:.0f} MB at most, {left:.0f} MB",
        f"≤ {MEGABYTES_TO_REACH} MB",
        megabytes <= MEGABYTES_TO_REACH,
        {"most_megabytes": max(0.0, megabytes), "left_megabytes": left},
    )


async def _drawn(db: DatabaseThread, key: BalanceKey, since: datetime, until: datetime) -> float:
    """Read a series and draw it; returns how many seconds of processor time that took."""
    began = time.process_time()
    series = await read_series(db, key, since=since, until=until, amount_raw=_amount(0), decimals=6)
    assert series is not None
    spec = ChartSpec(title="Treasury", subtitle="USDC", unit="", series=series, zone=UTC)
    assert await asyncio.to_thread(chart, spec)
    return time.process_time() - began


async def _sparklines(db: DatabaseThread, until: datetime) -> float:
    began = time.process_time()
    assert await db.run(daily_amounts, HERE, [account(number) for number in range(100)], until)
    return time.process_time() - began


def _forget_most_memory() -> None:
    """Let Linux count anew what the most memory is that this process held."""
    Path("/proc/self/clear_refs").write_text("5")


def _amount(minutes_ago: int) -> int:
    """Return what was held then, in a row without a pattern."""
    return minutes_ago * 7_919 % 1_000_003 * 10**6


def _write(path: Path, until: datetime, changes: int) -> Asset:
    """Let a token of the first account change in each minute, and every change be told here."""
    ended_at = to_milliseconds(until)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA synchronous = OFF")
        asset_id, chain_id, contract = db.execute(
            "SELECT id, chain_id, contract FROM asset WHERE contract <> x'' ORDER BY id LIMIT 1"
        ).fetchone()
        db.executemany(
            "INSERT INTO change (id, account_id, asset_id, kind, before, after, previous_at, observed_at,"
            " sweep) VALUES (?, 1, ?, 'moved', ?, ?, ?, ?, ?)",
            (
                (
                    changes - ago,
                    asset_id,
                    str(_amount(ago + 1)),
                    str(_amount(ago)),
                    ended_at - (ago + 1) * 60_000,
                    ended_at - ago * 60_000,
                    changes - ago,
                )
                for ago in range(changes - 1, -1, -1)
            ),
        )
        db.execute(
            "INSERT INTO alert (id, destination_id, change_id, label, state, created_at)"
            " SELECT c.id, ?, c.id, '', 'told', c.observed_at FROM change c",
            [HERE],
        )
        db.commit()
    return to_asset(chain_id, contract)
