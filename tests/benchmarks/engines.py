"""What a database server costs beside a file: the same work over both in turns, on one machine and disk."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.domain.deliver.alerts import Alert
from bot.domain.deliver.delivery import DeliveryState, DeliveryUpdate, Epoch
from bot.store import delivery_results
from bot.store.database.connection import DatabaseThread
from bot.store.database.door import Database
from bot.store.outbox import queue
from tests import postgres_server
from tests.benchmarks.load_process import LoadProcess, served_load_gateway
from tests.benchmarks.poller import STATUS, chat_id, open_poller, subscribe_to_all
from tests.benchmarks.profiles import ACCOUNTS_PER_CHAT, GENEROUS, Profile
from tests.benchmarks.results import Result, middle

FIRST = 2.5
QUIET, QUIET_SECONDS = 1.5, 0.2
MESSAGE_SECONDS = 0.03
MESSAGES = 100

SAFE = "-c max_connections=40 -c shared_buffers=128MB"
"""Options of a server: each commit waits for its disk, as it does in a file."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds that one engine took."""

    first: list[float] = field(default_factory=list)
    quiet: list[float] = field(default_factory=list)
    messages: list[float] = field(default_factory=list)


async def measure(profile: Profile, directory: Path) -> AsyncIterator[Result]:
    """Measure first readings, quiet sweeps and messages of a tenth of the profile."""
    few = profile.tenth
    file, server = Measured(), Measured()
    with postgres_server.running(SAFE) as postgres:
        async with served_load_gateway(few) as gateway:
            for number in range(profile.rounds):
                await _measure(few, gateway, directory / f"engines-{number}.sqlite3", file)
                await _measure(few, gateway, await asyncio.to_thread(postgres.empty_database), server)
    first = middle(server.first) / middle(file.first)
    yield Result(
        f"first sweep over PostgreSQL, {few}",
        f"x {first:.2f} of that over a file, {middle(server.first):.1f} s",
        f"≤ x {FIRST}",
        first <= FIRST,
        {"ratio": first, "seconds": middle(server.first), "seconds_of_a_file": middle(file.first)},
    )
    quiet, most = middle(server.quiet), QUIET * middle(file.quiet) + QUIET_SECONDS
    yield Result(
        f"quiet sweep over PostgreSQL, {few}",
        f"x {quiet / middle(file.quiet):.2f} of that over a file, {quiet:.2f} s",
        f"≤ x {QUIET} + {QUIET_SECONDS} s",
        quiet <= most,
        {"seconds": quiet, "seconds_of_a_file": middle(file.quiet)},
    )
    message = middle(server.messages)
    yield Result(
        "a message claimed and settled over PostgreSQL",
        f"{message * 1e3:.1f} ms, over a file {middle(file.messages) * 1e3:.1f} ms",
        f"≤ {MESSAGE_SECONDS * 1e3:.0f} ms",
        message <= MESSAGE_SECONDS,
        {"seconds": message, "seconds_of_a_file": middle(file.messages)},
    )


async def _measure(profile: Profile, gateway: LoadProcess, where: Path | str, measured: Measured) -> None:
    await subscribe_to_all(profile, where)
    async with open_poller(profile, GENEROUS, url=gateway.url, path=where) as one:
        measured.first.append((await one.sweep()).seconds)
        await one.sweep()  # what the first one left to be written once more
        for _ in range(profile.rounds):
            measured.quiet.append((await one.sweep()).seconds)
        await _send(one.db, profile, measured)


async def _send(db: DatabaseThread, profile: Profile, measured: Measured) -> None:
    """Claim what first readings told, an alert a message, and settle it."""
    epoch = await db.run(delivery_results.begin_epoch)
    for number in range(min(MESSAGES, profile.accounts)):
        now = datetime.now(UTC) + timedelta(hours=1)
        start = time.perf_counter()
        chat = chat_id(number % max(1, profile.accounts // ACCOUNTS_PER_CHAT))
        await _send_one(db, chat, now, epoch)
        measured.messages.append(time.perf_counter() - start)


async def _send_one(db: DatabaseThread, chat: int, now: datetime, epoch: Epoch) -> None:
    claimed = (await db.run(queue.claim_next, chat, now, 0.0, _of_one, epoch=epoch)).delivery
    assert claimed is not None
    update = DeliveryUpdate(DeliveryState.SENT, now, message_id=claimed.id)
    await db.run(delivery_results.apply_outcome, claimed.id, update, STATUS, epoch=epoch)


def _of_one(_: Database, __: Sequence[Alert], message_id: str, ___: datetime) -> tuple[str, int]:
    return message_id, 1
