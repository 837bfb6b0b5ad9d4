"""Bounded queues of answers to people: one for each chat, in order; nobody waits for them for long.

Whoever hands a piece of work over waits until it has left, but only briefly: an update is confirmed to
Telegram once its answer has left, so a bot that is killed before gets the command again. Where a chat has to
pause, the piece stays in its queue and the caller goes on.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field

import structlog

from bot.chat.telegram.send_queue import Rank, SendQueue
from bot.domain.places import Place

log = structlog.get_logger(__name__)

PATIENCE_SECONDS = 5.0
"""How long a caller waits for its piece to leave, and with it the next command of the chat."""

LONGEST_WAIT_SECONDS = 120.0
"""A piece that would have to wait for longer is dropped: the command can be repeated by then."""

WAITING_MOST = 20
"""Pieces in the queue of one chat."""

STRANGERS_MOST = 100
"""Closed chats with a queue."""

UNPACED_MOST = 100
"""Pieces under way that belong to no queue."""

Work = Callable[[], Awaitable[None]]


@dataclass(slots=True, eq=False)
class _Piece:
    work: Work
    subject: Hashable | None
    done: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class ReplyQueue:
    """Runs the pieces of work handed over for each chat, one after the other.

    `was_closed` says whether a chat was closed since the start. `before_leaving` gets the group that a piece
    leaves for, to store it: for deliveries the dispatcher does that.
    """

    def __init__(
        self,
        send_queue: SendQueue,
        *,
        was_closed: Callable[[int], bool],
        before_leaving: Callable[[int], Awaitable[None]],
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._send_queue = send_queue
        self._was_closed = was_closed
        self._before_leaving = before_leaving
        self._patience_seconds = patience_seconds
        self._lines: dict[tuple[int, Rank], deque[_Piece]] = {}
        self._slow: set[tuple[int, Rank]] = set()
        """Queues whose first piece was waited for in vain: nobody waits for those behind it."""
        self._under_way: set[asyncio.Task[None]] = set()
        self._unpaced = 0
        self._is_full = False

    async def hand_over(
        self, place: Place, work: Work, *, rank: Rank = Rank.ANSWER, subject: Hashable | None = None
    ) -> None:
        """Queue a piece for a chat; returns when it has left, or when that takes too long to wait for.

        A piece replaces a waiting one with the same `subject`: of several edits of one message only the last
        counts. Where there is no room it is dropped.
        """
        wait = self._send_queue.wait(place.chat_id, is_group=not place.is_private)
        piece = self._queued(place.chat_id, rank, work, subject) if wait <= LONGEST_WAIT_SECONDS else None
        if piece is None:
            self._note_dropped()
        # Behind a slow piece nobody waits: if each further command did, they would pile up in the receiver.
        elif wait <= self._patience_seconds and (place.chat_id, rank) not in self._slow:
            await asyncio.wait({piece.done}, timeout=self._patience_seconds)
            if not piece.done.done():
                self._slow.add((place.chat_id, rank))

    async def hand_over_unpaced(self, work: Work) -> None:
        """Run a piece at once that Telegram counts for no chat; returns as `hand_over` does."""
        if self._unpaced >= UNPACED_MOST:
            self._note_dropped()
            return
        self._unpaced += 1
        piece = _Piece(work, None)
        self._start(self._leave_unpaced(piece))
        await asyncio.wait({piece.done}, timeout=self._patience_seconds)

    async def may_leave(self, place: Place, rank: Rank, *, while_open: bool) -> bool:
        """Wait for the turn of a chat; returns False if the chat was closed meanwhile and it matters."""
        await self._send_queue.turn(place.chat_id, is_group=not place.is_private, rank=rank)
        # Of strangers nothing is stored: a group that a restart forgets pauses itself alone.
        if not place.is_private and rank is not Rank.STRANGER:
            await self._before_leaving(place.chat_id)
        return not (while_open and self._was_closed(place.chat_id))

    async def close(self) -> None:
        """Cancel everything that has not left."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def _queued(self, chat_id: int, rank: Rank, work: Work, subject: Hashable | None) -> _Piece | None:
        key = chat_id, rank
        line = self._lines.get(key)
        if line is None:
            if rank is Rank.STRANGER and sum(other is rank for _, other in self._lines) >= STRANGERS_MOST:
                return None
            line = self._lines[key] = deque()
            self._start(self._work_off(key))
        waiting = list(line)[1:]  # the first one is leaving
        for piece in waiting:
            if subject is not None and piece.subject == subject:
                piece.work = work
                return piece
        if len(line) >= WAITING_MOST:
            return None
        line.append(_Piece(work, subject))
        return line[-1]

    async def _work_off(self, key: tuple[int, Rank]) -> None:
        """Run the pieces of one queue until it is empty."""
        line = self._lines[key]
        try:
            while line:
                await _leave(line[0])
                line.popleft()
                self._slow.discard(key)
        finally:
            del self._lines[key]
        if not self._lines:
            self._is_full = False

    async def _leave_unpaced(self, piece: _Piece) -> None:
        try:
            await _leave(piece)
        finally:
            self._unpaced -= 1

    def _start(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    def _note_dropped(self) -> None:
        """Log the first drop until all queues are empty again."""
        if not self._is_full:
            log.warning("too much waits to leave: some of it is dropped", action="outgoing_full")
        self._is_full = True


async def _leave(piece: _Piece) -> None:
    try:
        await piece.work()
    except Exception:
        log.exception("something could not be sent", action="outgoing_failed")
    finally:
        if not piece.done.done():
            piece.done.set_result(None)
