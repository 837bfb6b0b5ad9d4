"""What a year of history takes: on disk, and until it is shown."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.profiles import Profile
from tests.benchmarks.results import Result, middle
from tests.benchmarks.start import ready
from tests.benchmarks.year import first_migration_with_traces, make_year

ADDED_AT_MOST = 0.2
SECONDS_TO_START = 2.0


async def measure(profile: Profile, directory: Path) -> AsyncIterator[Result]:
    """Measure on a hundred accounts, with all changes of the profile's days."""
    path = _made(profile, directory / "year.sqlite3")
    without = _made(profile, directory / "without.sqlite3", stop_before=first_migration_with_traces())
    yield _size(profile, path, without)
    seconds = middle([await ready(path) for _ in range(profile.rounds)])
    yield Result(
        f"start: store open and read, {_history(profile)}",
        f"{seconds:.2f} s",
        f"≤ {SECONDS_TO_START} s",
        seconds <= SECONDS_TO_START,
        {"seconds": seconds},
    )


def _made(profile: Profile, path: Path, *, stop_before: str = "") -> Path:
    return make_year(
        path,
        datetime.now(UTC),
        days=profile.days,
        changes_per_day=profile.changes_per_day,
        stop_before=stop_before,
    )


def _history(profile: Profile) -> str:
    return f"{profile.days * profile.changes_per_day:,} changes of {profile.days} days"


def _size(profile: Profile, path: Path, without: Path) -> Result:
    size, size_without = _bytes_of(path), _bytes_of(without)
    added = size / size_without - 1
    return Result(
        f"database with {_history(profile)}, to one that keeps nothing of what was not reported",
        f"{size / 1e6:.0f} MB, {added:+.1%}",
        f"≤ +{ADDED_AT_MOST:.0%}",
        added <= ADDED_AT_MOST,
        {"bytes": size, "ratio": 1 + added},
    )


def _bytes_of(path: Path) -> int:
    """Return what all tables take without the gaps between them."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("VACUUM")
    return path.stat().st_size
