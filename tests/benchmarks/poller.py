"""The bot's own poller over its own store and client, with what a sweep of it costs."""

import asyncio
import gc
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from bot.domain.ask.plan import batches, chunks, wanted_by
from bot.domain.ask.questions import Question
from bot.domain.assets import Part
from bot.domain.chat.audit import Actor
from bot.domain.places import Place
from bot.domain.subscriptions import WatchSpec
from bot.indexer.client import IndexerClient
from bot.poller.sweep import SweepSettings
from bot.poller.worker import Poller
from bot.settings.sections import shipped_chains
from bot.store.chats import chats, subscriptions
from bot.store.database.connection import DatabaseThread
from bot.store.polling import sweeps
from bot.store.polling.chains import choose_chains
from tests.benchmarks.profiles import ACCOUNTS_PER_CHAT, Asking, Profile

STATUS = Part("VERIFIED")


class Cost(NamedTuple):
    """What one piece of work took."""

    seconds: float
    cpu_seconds: float
    """Of this process, all threads."""
    requests: int


@dataclass(frozen=True, slots=True)
class MeasuredPoller:
    """A poller with its source and its store."""

    profile: Profile
    asking: Asking
    source: IndexerClient
    db: DatabaseThread
    poller: Poller

    async def sweep(self) -> Cost:
        """Let the poller ask for everything, once."""
        return await self._cost_of(self.poller.sweep)

    async def only_fetch(self) -> Cost:
        """Ask what a quiet sweep asks, as much of it at once, decode and sort the replies and drop them."""
        return await self._cost_of(self._fetch)

    async def _fetch(self) -> None:
        watched = await self.db.run(sweeps.sweep_input, datetime.now(UTC))
        plan = batches(
            wanted_by(watched.subscriptions, self.profile.chain_ids()),
            accounts_per_request=self.asking.accounts_per_request,
            contract_status=STATUS,
        )
        room = asyncio.Semaphore(self.asking.at_once)
        async with asyncio.TaskGroup() as tasks:
            for batch in plan:
                for question in batch.questions:
                    tasks.create_task(self._ask(question, room))

    async def _ask(self, question: Question, room: asyncio.Semaphore) -> None:
        async with room:
            await self.source.reply(question)

    async def _cost_of(self, work: Callable[[], Coroutine[None, None, None]]) -> Cost:
        requests, cpu, start = self.source.requests_sent, time.process_time(), time.perf_counter()
        await work()
        return Cost(
            time.perf_counter() - start, time.process_time() - cpu, self.source.requests_sent - requests
        )


@asynccontextmanager
async def open_poller(
    profile: Profile, asking: Asking, *, url: str, path: Path | str
) -> AsyncIterator[MeasuredPoller]:
    """Open the store of a database and a poller that asks there; both are closed with the block."""
    source = IndexerClient(url, page_size=asking.page_size, max_concurrent_requests=asking.at_once)
    async with open_database(path) as db, source:
        await db.run(choose_chains, profile.chain_ids(), ())
        settings = SweepSettings(
            contract_status=STATUS,
            contracts_left_out=(),
            accounts_per_request=asking.accounts_per_request,
            batches_at_once=asking.at_once,
            stale_after=timedelta(minutes=10),
            code=b"",
            chains=shipped_chains(),
        )
        poller = Poller(
            source,
            db,
            settings,
            interval_seconds=60.0,
            now=lambda: datetime.now(UTC),
            monotonic=time.monotonic,
        )
        poller.before_sweep = gc.collect
        yield MeasuredPoller(profile, asking, source, db, poller)


@asynccontextmanager
async def open_database(path: Path | str) -> AsyncIterator[DatabaseThread]:
    """Open a database and close it again."""
    db = await DatabaseThread.open(path)
    try:
        yield db
    finally:
        await db.close()


async def subscribe_to_all(profile: Profile, path: Path | str) -> None:
    """Let chats ask for every account, some hundred each; /allow keeps them open at a start."""
    operator = Actor(None, "the benchmark", datetime.now(UTC))
    async with open_database(path) as db:
        for number, addresses in enumerate(chunks(profile.addresses(), ACCOUNTS_PER_CHAT)):
            place = Place(chat_id(number), "supergroup", f"Chat {number}")
            await db.run(chats.allow, place, operator)
            await db.run(
                subscriptions.subscribe,
                place,
                [WatchSpec(one) for one in addresses],
                operator,
                limit=ACCOUNTS_PER_CHAT,
                status=STATUS,
            )


def stored(path: Path, query: str) -> int:
    """Return one number from a database, whoever else has it open."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        (number,) = db.execute(query).fetchone()
    return int(number)


def chat_id(number: int) -> int:
    """Return Telegram's number of a chat."""
    return -1_002_000_000_000 - number
