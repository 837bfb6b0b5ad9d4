"""Tells other replicas what leaves for Telegram from here, and learns what leaves from there."""

import asyncio
from collections.abc import Sequence

from bot.store.database.connection import DatabaseThread
from bot.store.database.errors import DatabaseUnavailable
from bot.store.outbox.departures import Leaving, RecentSend, exchange

UNTOLD_MOST = 100
"""Of what left while the database was away, so many are told once it is back."""


class SharedDepartures:
    """Exchanges departures over the database; while one exchange is under way, the next one gathers.

    `me` is who this is among all who do. While the database is away nothing is told or learned: only answers
    leave then, as alerts could not be claimed.
    """

    def __init__(self, db: DatabaseThread, me: str) -> None:
        self._db = db
        self._me = me
        self._seen = 0
        self._untold: list[Leaving] = []
        self._under_way = asyncio.Lock()

    async def exchange(self, *mine: Leaving) -> Sequence[RecentSend]:
        """Tell what leaves from here now; returns what others told since the last time."""
        self._untold += mine
        async with self._under_way:
            if mine and not self._untold:  # the exchange before this one told it
                return ()
            told, self._untold = self._untold, []
            try:
                self._seen, others = await self._db.run(exchange, self._me, told, self._seen)
            except DatabaseUnavailable:
                self._untold = [*told, *self._untold][-UNTOLD_MOST:]
                return ()
            return others
