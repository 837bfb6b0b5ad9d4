"""Asks a database thread one thing at a time, so that whoever looks at pages adds nothing to its work."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

R = TypeVar("R")


class Question(Generic[R]):
    """A question that is asked again once it was answered, however many wait for that answer."""

    def __init__(self, ask: Callable[[], Awaitable[R]], monotonic: Callable[[], float]) -> None:
        self._ask = ask
        self._monotonic = monotonic
        self._task: asyncio.Task[R] | None = None
        self._asked_at = 0.0

    @property
    def open_seconds(self) -> float:
        """For how long it has had no answer; 0: it has one."""
        is_open = self._task is not None and not self._task.done()
        return self._monotonic() - self._asked_at if is_open else 0.0

    async def answer(self, seconds: float) -> R:
        """Return the next answer, or raise what comes instead; raises TimeoutError after so long."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._answered())
            self._task.add_done_callback(_take_note)
            self._asked_at = self._monotonic()
        done, _ = await asyncio.wait({self._task}, timeout=seconds)
        if not done:
            raise TimeoutError
        return self._task.result()

    async def _answered(self) -> R:
        return await self._ask()


def _take_note(task: asyncio.Task[R]) -> None:
    """Take note of an error that nobody waited for any more: asyncio would log it."""
    if not task.cancelled():
        task.exception()
