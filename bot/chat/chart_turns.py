"""Lets charts be made one after the other: each takes memory while it is drawn."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

WAITING_MOST = 8
"""Charts that may wait, the one in the making included."""


class ChartTurns:
    """The turns of all chats together."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._waiting = 0

    async def take(self, make: Callable[[], Awaitable[T]]) -> T | None:
        """Make a chart when it is its turn; None: too many wait already."""
        if self._waiting >= WAITING_MOST:
            return None
        self._waiting += 1
        try:
            async with self._lock:
                return await make()
        finally:
            self._waiting -= 1
