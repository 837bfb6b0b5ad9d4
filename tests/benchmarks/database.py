"""What a stored balance takes on disk, and how fast first readings are written."""

import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from bot.domain.ask.plan import chunks
from bot.domain.assets import NATIVE, Address
from bot.domain.observations import Move, Poll, Verdict
from bot.settings.sections import shipped_chains
from bot.store.balances import snapshots
from bot.store.polling import record, sweeps
from tests.benchmarks.poller import STATUS, open_database, stored, subscribe_to_all
from tests.benchmarks.profiles import DEFAULTS, Profile
from tests.benchmarks.results import Result, middle
from tests.benchmarks.sweeps import swept_database

BYTES_PER_BALANCE = 80
WRITTEN_TABLES = ("balance", "asset", "coverage")
"""What a first reading fills."""

KEYED_TABLES = ("account", *WRITTEN_TABLES)
"""Balances and all they are found by; the indexes of a table count as part of it."""

_OTHER_TABLES = (
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    f" AND name NOT IN {KEYED_TABLES}"
)

Row = tuple[object, ...]


async def measure(profile: Profile, directory: Path) -> AsyncIterator[Result]:
    """Measure size on all of the profile, speed on a tenth of it."""
    yield _size(profile, await swept_database(profile, directory))
    written = [await _written_once(profile.tenth, directory) for _ in range(profile.rounds)]
    yield _speed(written)
    yield _speed_of_changes(written)


class Written(NamedTuple):
    """How long the same balances took both ways."""

    balances: int
    recorded_seconds: float
    plain_seconds: float
    changes: int
    """One of each account, each with an alert."""
    changes_cpu_seconds: float


def _size(profile: Profile, path: Path) -> Result:
    copy = Path(shutil.copy(path, path.with_suffix(".size")))
    with closing(sqlite3.connect(copy)) as db:
        (balances,) = db.execute("SELECT count(*) FROM balance").fetchone()
        whole = _bytes_of(db)
        for (table,) in db.execute(_OTHER_TABLES).fetchall():
            db.execute(f"DROP TABLE {table}")
        keyed = _bytes_of(db)
    return Result(
        f"database, {profile}",
        f"{whole / balances:.0f} bytes a balance ({keyed / balances:.0f} without subscriptions and outbox),"
        f" {whole / 1e6:.0f} MB",
        f"≤ {BYTES_PER_BALANCE} bytes a balance",
        whole / balances <= BYTES_PER_BALANCE,
        {"bytes_per_balance": whole / balances, "keyed_bytes_per_balance": keyed / balances, "bytes": whole},
    )


def _bytes_of(db: sqlite3.Connection) -> int:
    """Return what all tables take without the gaps between them."""
    db.execute("VACUUM")
    (pages,), (size,) = (db.execute(f"PRAGMA {name}").fetchone() for name in ("page_count", "page_size"))
    return int(pages) * int(size)


def _speed(written: list[Written]) -> Result:
    recorded = middle(one.balances / one.recorded_seconds for one in written)
    plain = middle(one.balances / one.plain_seconds for one in written)
    return Result(
        "recording first readings, beside writing the same rows plainly",
        f"{recorded:,.0f} balances/s, {recorded / plain:.0%} of {plain:,.0f}",
        figures={"recorded_per_second": recorded, "plain_per_second": plain},
    )


def _speed_of_changes(written: list[Written]) -> Result:
    cpu_seconds = middle(one.changes_cpu_seconds / one.changes for one in written)
    return Result(
        "recording changes with an alert each, one of each account",
        f"{cpu_seconds * 1e6:,.0f} µs of processor time a change",
        figures={"cpu_seconds_per_change": cpu_seconds},
    )


async def _written_once(profile: Profile, directory: Path) -> Written:
    source = await swept_database(profile, directory)
    recorded, plain = directory / "recorded.sqlite3", directory / "plain.sqlite3"
    await subscribe_to_all(profile, recorded)
    shutil.copy(recorded, plain)
    readings = await _readings(profile, source)
    recorded_seconds, _ = await _record(readings, recorded)
    _, changes_cpu_seconds = await _record([_moved(verdicts) for verdicts in readings], recorded)
    written = Written(
        balances=profile.balances,
        recorded_seconds=recorded_seconds,
        plain_seconds=_write_plainly(
            source, plain, batches=-(-profile.accounts // DEFAULTS.accounts_per_request)
        ),
        changes=stored(recorded, "SELECT count(*) FROM alert WHERE change_id IS NOT NULL"),
        changes_cpu_seconds=changes_cpu_seconds,
    )
    assert written.changes == profile.accounts
    recorded.unlink()
    plain.unlink()
    return written


async def _readings(profile: Profile, source: Path) -> list[tuple[Verdict, ...]]:
    """Return what a database holds as the first readings that would fill it, batch by batch."""
    async with open_database(source) as db:
        return [
            tuple(
                Verdict(account, chain_id, first_seen=frozenset(view.coverage), balances=view.balances)
                for (account, chain_id), view in (await db.run(snapshots.views, accounts)).items()
            )
            for accounts in chunks(profile.addresses(), DEFAULTS.accounts_per_request)
        ]


def _moved(verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    """Return the verdicts of a later sweep in which one token of each account moved."""
    moved: dict[Address, Verdict] = {}
    for verdict in verdicts:
        for asset, before in verdict.balances.items():
            if verdict.account not in moved and before is not None and asset.contract != NATIVE:
                amount = before.amount._replace(amount_raw=before.amount.amount_raw + 1)
                moved[verdict.account] = Verdict(
                    account=verdict.account,
                    chain_id=verdict.chain_id,
                    moves=(Move(asset, before.amount, amount, frozenset({STATUS})),),
                    balances={asset: before._replace(amount=amount)},
                )
    return tuple(moved.values())


async def _record(batches: list[tuple[Verdict, ...]], path: Path) -> tuple[float, float]:
    """Record what batches of one sweep saw; returns the seconds by the clock and of the processor."""
    async with open_database(path) as db:
        newest = (await db.run(sweeps.sweep_input, datetime.now(UTC))).newest
        sweep = await db.run(sweeps.begin_sweep)
        chains = shipped_chains()
        cpu, start = time.process_time(), time.perf_counter()
        for verdicts in batches:
            poll = Poll(sweep, newest, datetime.now(UTC), verdicts, {})
            await db.run(record.record_poll, poll, STATUS, chains)
        return time.perf_counter() - start, time.process_time() - cpu


def _write_plainly(source: Path, target: Path, *, batches: int) -> float:
    """Write the same rows in as many transactions, and return the seconds."""
    with closing(sqlite3.connect(source)) as db:
        of_table = {name: db.execute(f"SELECT * FROM {name}").fetchall() for name in WRITTEN_TABLES}
    with closing(sqlite3.connect(target, isolation_level=None)) as db:
        db.execute("PRAGMA synchronous = FULL")
        start = time.perf_counter()
        for number in range(batches):
            db.execute("BEGIN IMMEDIATE")
            for name, rows in of_table.items():
                places = ",".join("?" * len(rows[0]))
                db.executemany(f"INSERT INTO {name} VALUES ({places})", _share(rows, number, batches))
            db.execute("COMMIT")
        return time.perf_counter() - start


def _share(rows: list[Row], number: int, batches: int) -> list[Row]:
    """Return one batch's part of all rows, in their order."""
    return rows[number * len(rows) // batches : (number + 1) * len(rows) // batches]
