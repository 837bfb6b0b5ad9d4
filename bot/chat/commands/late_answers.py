"""Answers that may take long: one at a time for each chat, and nobody else's command waits for them.

What is ready almost at once is the answer itself, else it follows when it comes. A crash between forgets it,
and the command can be repeated.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Generic, TypeVar

Made = TypeVar("Made")


class LateAnswers(Generic[Made]):
    """What is being made for people, by chat."""

    def __init__(self, at_once_seconds: float) -> None:
        self._at_once_seconds = at_once_seconds
        self._under_way: dict[int, asyncio.Task[Made]] = {}
        self._following: set[asyncio.Task[None]] = set()

    def __contains__(self, chat_id: int) -> bool:
        return chat_id in self._under_way

    def __len__(self) -> int:
        return len(self._under_way)

    async def take(
        self,
        chat_id: int,
        work: Coroutine[None, None, Made],
        follow: Callable[[asyncio.Task[Made]], Coroutine[None, None, None]],
    ) -> Made | None:
        """Return what comes of the work if that is soon; else None, and `follow` says it when it comes."""
        task = asyncio.create_task(work)
        self._under_way[chat_id] = task
        task.add_done_callback(lambda _: self._under_way.pop(chat_id, None))
        try:
            # wait() and not wait_for(): what is late goes on, and follows in a message of its own.
            await asyncio.wait({task}, timeout=self._at_once_seconds)
        except asyncio.CancelledError:
            # The command is not confirmed, so that the next start gets it again.
            task.cancel()
            raise
        if task.done():
            return task.result()
        following = asyncio.create_task(follow(task))
        self._following.add(following)
        following.add_done_callback(self._following.discard)
        return None

    async def close(self) -> None:
        """Cancel what is still being made."""
        left = [*self._under_way.values(), *self._following]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
