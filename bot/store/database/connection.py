"""The connection to the database, and the one thread that uses it.

A transaction is one plain function that runs in that thread from its first statement to its commit, so no
coroutine can come in between.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Concatenate, ParamSpec, Self, TypeVar

from bot.store.database.door import Fence, OpenDatabase
from bot.store.database.errors import DatabaseFault, DatabaseUnavailable, StoreMisconfigured
from bot.store.database.file import open_file
from bot.store.database.signals import Signal, SignalName

P = ParamSpec("P")
R = TypeVar("R")

PATIENCE_SECONDS = 2.0
"""How long a unit of work waits for a file; as there is one thread, all others wait behind."""

SERVER_PATIENCE_SECONDS = 5.0
"""The same for a server: less is what a replica that stands still in a transaction keeps its locks for."""

BRIEF_PATIENCE_SECONDS = 0.5
"""The same for a server that was waited for in vain, and for what may be left out: other replicas hold it for
a moment each. A file may be held for long, so nobody waits for it then."""

CLOSE_SECONDS = 0.5
"""How long the end of the program waits for the answer of a server."""


@dataclass(slots=True)
class _WriteFailure:
    """Why the last write failed: one for all who write over the same connection."""

    last: DatabaseUnavailable | None = None


class DatabaseThread:
    """The connection and the thread it belongs to."""

    def __init__(
        self,
        db: OpenDatabase,
        executor: ThreadPoolExecutor,
        signals: Mapping[SignalName, Signal],
        *,
        patience_seconds: float,
        brief_seconds: float,
        failure: _WriteFailure | None = None,
        fence: Fence | None = None,
    ) -> None:
        self._db = db
        self._executor = executor
        self._signals = signals
        self._patience_seconds = patience_seconds
        self._brief_seconds = min(brief_seconds, patience_seconds)
        self._failure = failure or _WriteFailure()
        self._fence = fence

    @classmethod
    async def open(
        cls,
        where: Path | str,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        patience_seconds: float | None = None,
        replica: str = "",
        signals: Mapping[SignalName, Signal] | None = None,
    ) -> Self:
        """Open and check the database, and bring its schema up to date.

        `where` is a file, or the address of a server (`postgresql://…`).
        `patience_seconds` is how long a unit of work waits for another program that holds the database; None:
        as long as suits a file or a server.
        `replica` is who this is among programs that use one server, by a name that no other one has.
        `signals` are those of another connection to the same database, to be set by this one, too.

        Raises DatabaseUnusable, and DatabaseUnavailable for a server that does not answer.
        """
        if patience_seconds is None:
            patience_seconds = PATIENCE_SECONDS if isinstance(where, Path) else SERVER_PATIENCE_SECONDS
        loop = asyncio.get_running_loop()
        known = signals or {name: Signal() for name in SignalName}
        by_name = {str(name): signal for name, signal in known.items()}

        def on_notify(name: str) -> None:
            if name in by_name:  # a later version may tell of what this one does not know
                loop.call_soon_threadsafe(by_name[name].set)

        executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="database")
        opening = executor.submit(_open, where, now(), on_notify, replica, patience_seconds)
        try:
            db = await asyncio.wrap_future(opening)
        except BaseException:
            # A thread can't be stopped: whoever gives up does not wait for what it finds.
            opening.add_done_callback(_close_unused)
            executor.shutdown(wait=False)
            raise
        brief_seconds = 0.0 if isinstance(where, Path) else BRIEF_PATIENCE_SECONDS
        return cls(db, executor, known, patience_seconds=patience_seconds, brief_seconds=brief_seconds)

    def fenced(self, fence: Fence) -> Self:
        """Return this thread for whoever holds a role: once the role is lost, writes raise RoleLost."""
        return type(self)(
            self._db,
            self._executor,
            self._signals,
            patience_seconds=self._patience_seconds,
            brief_seconds=self._brief_seconds,
            failure=self._failure,
            fence=fence,
        )

    @property
    def signals(self) -> Mapping[SignalName, Signal]:
        """All signals, for another connection to the same database to set."""
        return self._signals

    @property
    def write_failure(self) -> DatabaseUnavailable | None:
        """Why the last write failed, if disk, lock or server is to blame; None again once one succeeds."""
        return self._failure.last

    @property
    def is_locked(self) -> bool:
        """Whether another program held the database at the last attempt to write."""
        return self.write_failure is not None and self.write_failure.kind is DatabaseFault.LOCKED

    @property
    def connections(self) -> int:
        """How many connections were made so far, for others to count what was lost."""
        return self._db.connections

    def signal(self, name: SignalName) -> Signal:
        """Return the signal that is set after each commit that calls for it; one worker may wait for it."""
        return self._signals[name]

    async def ping(self) -> None:
        """Return once the thread answers: health asks whether it is stuck."""
        await self.run(lambda db: db.execute("SELECT 1").fetchone())

    async def run(
        self, work: Callable[Concatenate[OpenDatabase, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Run a unit of work in the database's thread and return its result.

        Once begun it runs to its end, even if the caller is cancelled. Raises DatabaseUnavailable if the disk
        or another program prevents it, or a server that is away: then nothing of it was written. Only
        CommitUnknown, which is one of them, says that all of it may have been.
        """
        return await self._in_thread(lambda: self._run_here(work, *args, **kwargs))

    async def run_if_possible(
        self, work: Callable[Concatenate[OpenDatabase, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R | None:
        """Run a unit of work that may be left out, and wait for a lock briefly; None: it was left out."""
        return await self._in_thread(lambda: self._run_now(work, *args, **kwargs))

    def _run_now(
        self, work: Callable[Concatenate[OpenDatabase, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R | None:
        before = self._failure.last
        self._db.set_patience(self._brief_seconds)
        try:
            return self._run_here(work, *args, **kwargs)
        except DatabaseUnavailable as error:
            # Nobody waited for long, so the lock may be gone in a moment: that is no failure to report.
            if error.kind in (DatabaseFault.LOCKED, DatabaseFault.BUSY):
                self._failure.last = before
            return None
        finally:
            self._reset_timeout()

    def _run_here(
        self, work: Callable[Concatenate[OpenDatabase, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Run a unit of work, and keep in `write_failure` whether writing is possible."""
        written = self._db.written
        try:
            result = self._tried(work, *args, **kwargs)
        except self._db.Error as error:
            fault = self._db.fault_of(error)
            if fault is None:
                raise
            self._failure.last = fault
            self._reset_timeout()
            raise fault from error
        # Reads succeed on a full disk, too: only a row that was written shows that writing works again.
        if self._db.written > written and self._failure.last is not None:
            self._failure.last = None
            self._reset_timeout()
        return result

    def _tried(self, work: Callable[Concatenate[OpenDatabase, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run a unit of work; once more if the connection turns out to be gone before any of it was done."""
        try:
            with self._db.unit(self._fence):
                return work(self._db, *args, **kwargs)
        except self._db.Error as error:
            if not self._db.may_repeat(error):
                raise
        with self._db.unit(self._fence):
            return work(self._db, *args, **kwargs)

    def _reset_timeout(self) -> None:
        """Wait long for others the first time only, or reads would queue behind writes that wait."""
        failure = self._failure.last
        is_held = failure is not None and failure.kind in (DatabaseFault.LOCKED, DatabaseFault.BUSY)
        self._db.set_patience(self._brief_seconds if is_held else self._patience_seconds)

    async def close(self) -> None:
        """Wait for the work that was begun, but not long for a server, then close the database."""
        closing = asyncio.create_task(self._in_thread(self._db.close))
        await asyncio.wait({closing}, timeout=CLOSE_SECONDS)
        if not closing.done():
            self._db.cut()
        await closing
        self._executor.shutdown()

    async def _in_thread(self, work: Callable[[], R]) -> R:
        future = asyncio.get_running_loop().run_in_executor(self._executor, work)
        future.add_done_callback(_look_at)
        return await asyncio.shield(future)


def _open(
    where: Path | str,
    now: datetime,
    on_notify: Callable[[str], None],
    replica: str,
    patience_seconds: float,
) -> OpenDatabase:
    if isinstance(where, Path):
        db: OpenDatabase = open_file(where, now, on_notify)
    else:
        require_driver()
        from bot.store.database.server.connect import open_server  # noqa: PLC0415 - as `require_driver` says

        db = open_server(where, now, on_notify, replica)
    db.set_patience(patience_seconds)
    return db


def _look_at(future: asyncio.Future[R]) -> None:
    """Take note of an error, or asyncio would log that nobody did where the caller was cancelled."""
    if not future.cancelled():
        future.exception()


def _close_unused(opening: Future[OpenDatabase]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


def require_driver() -> None:
    """Raise StoreMisconfigured where the library for servers is not installed; only who has one needs it."""
    try:
        import psycopg  # noqa: F401, PLC0415
    except ImportError as error:
        raise StoreMisconfigured(
            f"store.url names a database server, and the library for it can't be used ({error}):"
            ' pip install "balance-bot[postgres]"'
        ) from None
