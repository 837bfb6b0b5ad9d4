"""What a long watchlist takes: reading it, and adding what is new of it in one transaction."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.watchlist.meaning import watchlist_meant
from bot.chat.commands.watchlist.reader import read_watchlist
from bot.domain.chat.audit import Actor
from bot.domain.places import Place
from bot.settings.sections import shipped_chains
from bot.store.polling.alarm_values import ValueTerms
from bot.store.watchlists import imports
from tests.benchmarks.poller import STATUS, chat_id, open_database
from tests.benchmarks.profiles import Profile
from tests.benchmarks.results import Result

LINES = (500, 5_000)
"""As many as a chat may watch where nobody changed the limit, and as many as a file of 256 KB has."""

READ_SECONDS, ADDED_SECONDS = 2.0, 0.5
"""The most that the longer one may take; the database waits for the second."""


async def measure(_: Profile, directory: Path) -> AsyncIterator[Result]:
    """Measure an import into an empty place."""
    chains, place = shipped_chains(), Place(chat_id(1), "supergroup", "Chat")
    reader, now = ChainReader(chains), datetime.now(UTC)
    for count in LINES:
        text = "".join(
            f"0x{number:040x} on polygon out min $100 loud all @olga as Wallet {number}\n"
            for number in range(1, count + 1)
        )
        async with open_database(directory / f"{count}.sqlite3") as db:
            start = time.process_time()
            meant = await watchlist_meant(db, reader, place, read_watchlist(text, reader))
            read = time.process_time() - start
            row = await db.run(imports.save_import, place, text, now)
            pending = await db.run(imports.find_import, row, place.chat_id)
            assert pending is not None
            start = time.process_time()
            await db.run(
                imports.carry_out_import,
                pending,
                meant.watchlist,
                Actor(None, "the benchmark", now),
                limit=count,
                status=STATUS,
                by=ValueTerms(STATUS, chains),
            )
            added = time.process_time() - start
        yield Result(
            f"a watchlist of {count:,} lines",
            f"read in {read:.2f} s of processor time, added in {added:.3f} s",
            f"≤ {READ_SECONDS} s and {ADDED_SECONDS} s",
            read <= READ_SECONDS and added <= ADDED_SECONDS,
            {"read_seconds": read, "added_seconds": added},
        )
