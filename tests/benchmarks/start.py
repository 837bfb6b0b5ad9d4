"""How long a start takes that finds a year of history."""

import asyncio
import shutil
import sqlite3
import sys
import time
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from bot.store.polling import sweeps
from tests.benchmarks.poller import open_database
from tests.benchmarks.profiles import Profile
from tests.benchmarks.results import Result, middle
from tests.benchmarks.sweeps import swept_database

SECONDS_TO_REACH = 2.0
ALERTS_PER_MESSAGE = 4
_TEXT = "🔴 −1,250 USDC (−$1,250.00) · Polygon\n    3,400 → 2,150\n" * ALERTS_PER_MESSAGE

_HISTORY = """
CREATE TEMP VIEW there AS SELECT
  (SELECT count(*) FROM account) AS accounts,
  (SELECT count(*) FROM asset) AS assets,
  (SELECT count(*) FROM destination) AS destinations;
CREATE TEMP TABLE turn AS
  WITH RECURSIVE turn(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM turn WHERE n < {changes})
  SELECT n FROM turn;
INSERT INTO delivery (destination_id, text, state, attempts, not_before, message_id)
  SELECT 1 + n % destinations, '{text}', 'sent', 1, 1700000000000 + n, n
  FROM turn, there WHERE n <= {deliveries};
INSERT INTO change
  (account_id, asset_id, kind, before, after, block, price_usd, previous_at, observed_at, sweep)
  SELECT 1 + n % accounts, 1 + n % assets, 'moved', '1000000000000' || n, '2000000000000' || n,
  20000000, '1.25', 1700000000000 + n, 1700000060000 + n, n
  FROM turn, there;
INSERT INTO alert (destination_id, change_id, label, state, delivery_id, created_at)
  SELECT 1 + n % destinations, n, 'Treasury', 'told', 1 + n % {deliveries}, 1700000000000 + n
  FROM turn, there;
"""


async def measure(profile: Profile, directory: Path) -> AsyncIterator[Result]:
    """Measure what the store needs to be ready, and what Python needs to load the program."""
    changes = profile.days * profile.changes_per_day
    path = _aged(await swept_database(profile, directory), changes)
    seconds = middle([await ready(path) for _ in range(profile.rounds)])
    megabytes = _megabytes(path)
    yield Result(
        f"start: store open and read, {profile}, {changes:,} changes of {profile.days} days",
        f"{seconds:.2f} s ({megabytes:.0f} MB)",
        f"≤ {SECONDS_TO_REACH} s",
        seconds <= SECONDS_TO_REACH,
        {"seconds": seconds, "megabytes": megabytes},
    )
    loading = middle([await _loaded() for _ in range(profile.rounds)])
    yield Result("start: the program loaded by Python", f"{loading:.2f} s", figures={"seconds": loading})


def _aged(path: Path, changes: int) -> Path:
    """Return a copy of a database, with so many changes of the past that were told long ago."""
    copy = Path(shutil.copy(path, path.with_suffix(".aged")))
    deliveries = max(1, changes // ALERTS_PER_MESSAGE)
    with closing(sqlite3.connect(copy)) as db:
        db.executescript(_HISTORY.format(changes=changes, deliveries=deliveries, text=_TEXT))
    return copy


def _megabytes(path: Path) -> float:
    return path.stat().st_size / 1e6


async def ready(path: Path) -> float:
    """Return the seconds until the store has said all that the first sweep plans from."""
    start = time.perf_counter()
    async with open_database(path) as db:
        await db.run(sweeps.sweep_input, datetime.now(UTC))
        return time.perf_counter() - start


async def _loaded() -> float:
    start = time.perf_counter()
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", "import bot.__main__")
    await process.wait()
    return time.perf_counter() - start
