"""The connection to the database, and the one thread that uses it.

A transaction is one plain function that runs in that thread from its first statement to its commit, so no
coroutine can come in between.
"""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Concatenate, ParamSpec, Self, TypeVar

from bot.store.database.door import OpenDatabase
from bot.store.database.errors import DatabaseFault, DatabaseUnavailable
from bot.store.database.file import open_file
from bot.store.database.signals import Signal, SignalName

P = ParamSpec("P")
R = TypeVar("R")

PATIENCE_SECONDS = 2.0
"""How long a unit of work waits for it; as there is one thread, all others wait behind."""


class DatabaseThread:
    """The connection and the thread it belongs to."""

    def __init__(
        self,
        db: OpenDatabase,
        executor: ThreadPoolExecutor,
        signals: Mapping[SignalName, Signal],
        *,
        patience_seconds: float,
    ) -> None:
        self.write_failure: DatabaseUnavailable | None = None
        """Why the last write failed, if the disk or a lock is to blame; None again once one succeeds."""
        self._db = db
        self._executor = executor
        self._signals = signals
        self._patience_seconds = patience_seconds

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> Self:
        """Open and check the database, and bring its schema up to date; raises DatabaseUnusable.

        `patience_seconds` is how long a unit of work waits for another program that holds the database.
        """
        loop = asyncio.get_running_loop()
        signals = {name: Signal() for name in SignalName}

        def on_notify(name: str) -> None:
            loop.call_soon_threadsafe(signals[SignalName(name)].set)

        executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="database")
        try:
            db = await loop.run_in_executor(executor, open_file, path, now(), on_notify)
        except BaseException:
            executor.shutdown()
            raise
        thread = cls(db, executor, signals, patience_seconds=patience_seconds)
        await thread.run(lambda db: db.set_patience(patience_seconds))
        return thread

    @property
    def is_locked(self) -> bool:
        """Whether another program held the database at the last attempt to write."""
        return self.write_failure is not None and self.write_failure.kind is DatabaseFault.LOCKED

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
        or another program prevents it; then nothing of it was written.
        """
        return await self._in_thread(lambda: self._run_here(work, *args, **kwargs))

    async def run_if_possible(
        self, work: Callable[Concatenate[OpenDatabase, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R | None:
        """Run a unit of work that may be left out, without waiting for a lock; None if it was left out."""
        return await self._in_thread(lambda: self._run_now(work, *args, **kwargs))

    def _run_now(
        self, work: Callable[Concatenate[OpenDatabase, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R | None:
        before = self.write_failure
        self._db.set_patience(0)
        try:
            return self._run_here(work, *args, **kwargs)
        except DatabaseUnavailable as error:
            # Nobody waited for the lock, so it may be gone in a moment: that is no failure to report.
            if error.kind is DatabaseFault.LOCKED:
                self.write_failure = before
            return None
        finally:
            self._reset_timeout()

    def _run_here(
        self, work: Callable[Concatenate[OpenDatabase, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Run a unit of work, and keep in `write_failure` whether writing is possible."""
        written = self._db.written
        try:
            result = work(self._db, *args, **kwargs)
        except self._db.Error as error:
            fault = self._db.fault_of(error)
            if fault is None:
                raise
            self.write_failure = fault
            self._reset_timeout()
            raise fault from error
        # Reads succeed on a full disk, too: only a row that was written shows that writing works again.
        if self._db.written > written and self.write_failure is not None:
            self.write_failure = None
            self._reset_timeout()
        return result

    def _reset_timeout(self) -> None:
        """Wait for a lock the first time only: while it lasts, reads would queue behind writes that wait."""
        self._db.set_patience(0 if self.is_locked else self._patience_seconds)

    async def close(self) -> None:
        """Wait for the work that was begun, then close the file."""
        await self._in_thread(self._db.close)
        self._executor.shutdown()

    async def _in_thread(self, work: Callable[[], R]) -> R:
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._executor, work))
