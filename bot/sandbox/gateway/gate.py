"""The gate of a simulated Indexer Gateway, at which a test can keep its calls."""

import asyncio


class Gate:
    """Lets calls pass, or keeps them waiting for as long as a test likes."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()
        self._arrived = asyncio.Event()
        self._waiting = 0

    def hold(self) -> None:
        """Keep every call that arrives from now on waiting."""
        self._open.clear()

    def release(self) -> None:
        """Let the waiting calls go on, and those that follow pass."""
        self._open.set()

    async def passed(self) -> None:
        """Wait until the gate is open."""
        self._waiting += 1
        self._arrived.set()
        try:
            await self._open.wait()
        finally:
            self._waiting -= 1

    async def until_waiting(self, calls: int) -> None:
        """Wait until at least this many calls are kept at the gate."""
        while self._waiting < calls:
            self._arrived.clear()
            await self._arrived.wait()
