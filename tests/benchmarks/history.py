"""What a year of history takes: on disk, and until it is shown."""

import asyncio
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.errors import LineRefused
from bot.chat.commands.history.export_writer import ExportWriter
from bot.chat.commands.history.history import CHANGES_A_PAGE
from bot.chat.commands.history.lookup import first_changes
from bot.chat.commands.history.subject import find_subject
from bot.domain.history.changes import Selection
from bot.domain.history.export_files import ExportFormat
from bot.sandbox.telegram.server import SANDBOX_TOKEN, Telegram
from bot.sandbox.telegram.world.world import Message
from bot.settings.sections import shipped_chains
from bot.store.chats.chats import destination_here
from bot.store.history.changes import span_of
from tests.benchmarks.poller import open_database
from tests.benchmarks.processes import ended, resident_bytes
from tests.benchmarks.profiles import Profile
from tests.benchmarks.results import Result, middle
from tests.benchmarks.start import ready
from tests.benchmarks.year import PLACES, PRIVATE, first_migration_with_traces, make_year

ADDED_AT_MOST = 0.2
SECONDS_TO_START = 2.0
EXPORTED = timedelta(days=90)
SECONDS_TO_EXPORT = 5.0
LARGEST = PLACES[-1]
"""Watches the most."""
LOOKED_UP = {
    "newest page": "",
    "one account and token, a week": "#1 USDC 7d",
    "what nobody ever saw": "0x00000000000000000000000000000000000000aa",
}
SECONDS_TO_LOOK_UP = 0.2
ANSWERED: Mapping[str, str | Callable[[Message], bool]] = {
    "/history": "UTC",
    "/why": "Message ",
    "/export": lambda message: message.document is not None,
    "/export json": lambda message: message.document is not None,
}


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
    for name, text in LOOKED_UP.items():
        yield _looked_up(name, [await _look_up(path, text) for _ in range(profile.rounds)])
    for written_as in ExportFormat:
        yield _exported([await _export(path, written_as) for _ in range(profile.rounds)], written_as)
    async for result in _in_the_chat(path, directory, profile.rounds):
        yield result


async def _in_the_chat(path: Path, directory: Path, rounds: int) -> AsyncIterator[Result]:
    """Measure from a command to its answer in the chat: the whole program, where no source answers."""
    telegram = Telegram()
    olga = telegram.add_user(PRIVATE.title, user_id=PRIVATE.chat_id)
    chat = telegram.add_private_chat(olga)
    async with telegram.serve():
        config = directory / "history.toml"
        config.write_text(_configuration(telegram.url, path))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "run", "--config", str(config)), stderr=asyncio.subprocess.DEVNULL
        )
        async with ended(process):
            telegram.says(olga, chat, "/id")
            await telegram.wait_for_message(chat, "user id")
            before, _ = resident_bytes(process.pid)
            for command, wanted in ANSWERED.items():
                seconds = []
                for _ in range(rounds):
                    start = time.perf_counter()
                    asked = telegram.says(olga, chat, command)
                    await telegram.wait_for_message(chat, wanted, after=asked.message_id)
                    seconds.append(time.perf_counter() - start)
                yield Result(
                    f"{command}, from the command to its answer in the chat",
                    f"{middle(seconds):.2f} s",
                    f"≤ {SECONDS_TO_EXPORT:.0f} s",
                    middle(seconds) <= SECONDS_TO_EXPORT,
                    {"seconds": middle(seconds)},
                )
            _, most = resident_bytes(process.pid)
    yield Result(
        "memory of the whole program, before these and at most",
        f"{before / 1e6:.0f} MB, {most / 1e6:.0f} MB",
        figures={"resident_bytes": before, "most_resident_bytes": most},
    )


def _configuration(telegram_url: str, database: Path) -> str:
    return f"""
[telegram]
token = "{SANDBOX_TOKEN}"
api_url = "{telegram_url}"
[indexer]
url = "http://127.0.0.1:9/rpc/IndexerGateway"
access_key = "bench"
[store]
path = "{database}"
[access]
owners = [{PRIVATE.chat_id}]
[delivery]
private_messages_per_second = 1000
messages_per_second = 1000
[web]
listen = ""
"""


async def _look_up(path: Path, text: str) -> float:
    """Return how much processor time a page takes, from what was typed to the changes on it."""
    async with open_database(path) as db:
        start = time.process_time()
        with suppress(LineRefused):  # what is unknown was looked for everywhere
            subject = await find_subject(db, ChainReader(shipped_chains()), LARGEST, text, datetime.now(UTC))
            assert subject is not None
            span = await db.run(span_of, subject.destination_id, subject.since)
            await first_changes(db, subject.destination_id, subject.selection, span, CHANGES_A_PAGE + 1)
        return time.process_time() - start


def _looked_up(name: str, rounds: list[float]) -> Result:
    seconds = middle(rounds)
    return Result(
        f"/history, {name}",
        f"{seconds * 1000:.0f} ms of processor time",
        f"≤ {SECONDS_TO_LOOK_UP * 1000:.0f} ms",
        seconds <= SECONDS_TO_LOOK_UP,
        {"cpu_seconds": seconds},
    )


class _Export(NamedTuple):
    """How long one file took."""

    rows: int
    size: int
    seconds: float
    cpu_seconds: float


async def _export(path: Path, written_as: ExportFormat) -> _Export:
    async with open_database(path) as db:
        destination_id = await db.run(destination_here, PRIVATE)
        assert destination_id is not None
        writer = ExportWriter(db, shipped_chains(), written_as)
        start, cpu = time.perf_counter(), time.process_time()
        async for _ in writer.write(destination_id, Selection(), datetime.now(UTC) - EXPORTED):
            pass
        content = writer.file.content()
        seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu
        return _Export(writer.file.rows, len(content), seconds, cpu_seconds)


def _exported(files: list[_Export], written_as: ExportFormat) -> Result:
    seconds, cpu_seconds = middle(one.seconds for one in files), middle(one.cpu_seconds for one in files)
    return Result(
        f"/export of {EXPORTED.days} days as {written_as}, {files[0].rows:,} changes",
        f"{seconds:.1f} s, {cpu_seconds:.1f} s of processor time, {files[0].size / 1e6:.1f} MB",
        f"≤ {SECONDS_TO_EXPORT:.0f} s",
        seconds <= SECONDS_TO_EXPORT,
        {"seconds": seconds, "cpu_seconds": cpu_seconds, "bytes": files[0].size},
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
