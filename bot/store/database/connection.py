"""The database: one file, one connection, one thread that uses it.

A transaction is one plain function that runs in that thread from its first statement to its commit, so no
coroutine can come in between. Before anything is written, the file and its directory are checked.
"""

import asyncio
import fcntl
import glob
import os
import sqlite3
import stat
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Concatenate, ParamSpec, Self, TextIO, TypeVar

import sqlite_utils
import structlog

from bot.store.database.copy import copy_database
from bot.store.database.errors import START_ANEW, DatabaseFault, DatabaseUnavailable, describe_error, fault_of
from bot.store.database.lite import LiteDatabase
from bot.store.database.schema import migrations
from bot.store.database.signals import Signal, SignalName

P = ParamSpec("P")
R = TypeVar("R")

LOCK_NAME = "balance-bot.lock"

_HEADER_BYTES = 20
_WRITE_VERSION = 18
_WITHOUT_LOG = b"\x01\x01"
"""How the header of a copy ends; of a database that the bot has opened it says 2, as that has a log."""

log = structlog.get_logger(__name__)

OPEN_PATIENCE_SECONDS = 5.0
"""How long the start waits for another program that holds the database."""

OLDEST_SQLITE = (3, 37, 0)
"""The first with tables that are strict about types."""

CACHE_KILOBYTES = 1000
"""Of pages in memory, half of the default: the process grows until they are used; the system caches too."""

PATIENCE_SECONDS = 2.0
"""How long a unit of work waits for it; as there is one thread, all others wait behind."""


class StoreError(Exception):
    """The base of what makes a start fail; the text says what is wrong and what to do about it."""


class DatabaseUnusable(StoreError):
    """The database file can't be opened, is damaged, or is not ours."""


class DirectoryHeld(StoreError):
    """Another instance works in the data directory."""


class DirectoryLock:
    """Holds the data directory for this process; the system lets go of it however the process ends."""

    def __init__(self, directory: Path) -> None:
        self._file: TextIO = _lock_file(directory)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise DirectoryHeld(
                f"another instance is running with the data directory {directory}: "
                "stop it first, or give this one a directory of its own (store.path)"
            ) from None

    def release(self) -> None:
        """Let go of the directory before the process ends."""
        self._file.close()


class DatabaseThread:
    """The connection and the thread it belongs to."""

    def __init__(
        self,
        db: LiteDatabase,
        path: Path,
        executor: ThreadPoolExecutor,
        signals: Mapping[SignalName, Signal],
        *,
        patience_seconds: float,
    ) -> None:
        self.write_failure: DatabaseUnavailable | None = None
        """Why the last write failed, if the disk or a lock is to blame; None again once one succeeds."""
        self._db = db
        self._path = path
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
            db = await loop.run_in_executor(executor, _open, path, now(), on_notify)
        except BaseException:
            executor.shutdown()
            raise
        thread = cls(db, path, executor, signals, patience_seconds=patience_seconds)
        await thread.run(_set_timeout, patience_seconds)
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
        self, work: Callable[Concatenate[LiteDatabase, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Run a unit of work in the database's thread and return its result.

        Once begun it runs to its end, even if the caller is cancelled. Raises DatabaseUnavailable if the disk
        or another program prevents it; then nothing of it was written.
        """
        return await self._in_thread(lambda: self._run_here(work, *args, **kwargs))

    async def run_if_possible(
        self, work: Callable[Concatenate[LiteDatabase, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R | None:
        """Run a unit of work that may be left out, without waiting for a lock; None if it was left out."""
        return await self._in_thread(lambda: self._run_now(work, *args, **kwargs))

    def _run_now(
        self, work: Callable[Concatenate[LiteDatabase, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R | None:
        before = self.write_failure
        _set_timeout(self._db, 0)
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
        self, work: Callable[Concatenate[LiteDatabase, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Run a unit of work, and keep in `write_failure` whether writing is possible."""
        changes = self._db.conn.total_changes
        try:
            result = work(self._db, *args, **kwargs)
        except sqlite3.Error as error:
            kind = fault_of(error)
            if kind is None:
                raise
            self.write_failure = DatabaseUnavailable(kind, describe_error(error, self._path))
            self._reset_timeout()
            raise self.write_failure from error
        # Reads succeed on a full disk, too: only a row that was written shows that writing works again.
        if self._db.conn.total_changes > changes and self.write_failure is not None:
            self.write_failure = None
            self._reset_timeout()
        return result

    def _reset_timeout(self) -> None:
        """Wait for a lock the first time only: while it lasts, reads would queue behind writes that wait."""
        _set_timeout(self._db, 0 if self.is_locked else self._patience_seconds)

    async def close(self) -> None:
        """Wait for the work that was begun, then close the file."""
        await self._in_thread(self._db.close)
        self._executor.shutdown()

    async def _in_thread(self, work: Callable[[], R]) -> R:
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._executor, work))


def check_directory(directory: Path) -> None:
    """Raise DatabaseUnusable for a data directory that other users may write into."""
    mode = directory.stat().st_mode
    if mode & (stat.S_IWOTH | stat.S_IWGRP):
        who = "everybody" if mode & stat.S_IWOTH else "its group"
        raise DatabaseUnusable(
            f"{who} may write into the data directory {directory}: chmod 700 it, "
            "or give the bot a directory of its own inside it (store.path)"
        )


def check_engine() -> None:
    """Raise DatabaseUnusable if the SQLite that Python came with is too old."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        needed = ".".join(map(str, OLDEST_SQLITE))
        raise DatabaseUnusable(
            f"this Python has SQLite {sqlite3.sqlite_version}, and {needed} or later is needed: "
            "use a Python that brings its own, or a newer system"
        )


def check_file(path: Path) -> None:
    """Raise DatabaseUnusable if the file, or a log beside it, is not what SQLite would take it for.

    Call it before the file is opened: a process that closes a file lets go of all its locks on it, those of
    SQLite included.
    """
    log = path.with_name(f"{path.name}-wal")
    has_log = log.exists() and log.stat().st_size > 0
    if not path.exists():
        if has_log:  # SQLite would write its content into the new database, whatever it belongs to
            raise DatabaseUnusable(
                f"the database {path} is gone, but {log} is there: put that database back; "
                f"or move {log.name} away, and restore a backup"
            )
        return
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    if not header:
        raise DatabaseUnusable(
            f"the database {path} is empty, which it never is by our doing: restore a backup, or {START_ANEW}"
        )
    if has_log and header[_WRITE_VERSION:] == _WITHOUT_LOG:
        raise DatabaseUnusable(
            f"{log} belongs to another database than {path}, a restored copy it seems: "
            f"move {log.name} and {path.name}-shm away"
        )


def check_content(db: LiteDatabase, path: Path) -> None:
    """Raise DatabaseUnusable if a database is damaged, not the bot's, or of a later version; reads only."""
    problems = [row[0] for row in db.execute("PRAGMA quick_check(1)").fetchall()]
    if problems != ["ok"]:
        raise DatabaseUnusable(f"the database {path} is damaged ({problems[0]}): restore a backup")
    applied = [migration.name for migration in migrations.applied(db.raw)]
    if not applied:
        raise DatabaseUnusable(f"{path} is a database of something else: give the bot a file of its own")
    unknown = set(applied) - _known_migrations()
    if unknown:
        raise DatabaseUnusable(
            f"the database {path} was written by a newer version of the program, which added "
            f"{', '.join(sorted(unknown))}: install that version again, or restore {_copies_beside(path)}"
        )


def _lock_file(directory: Path) -> TextIO:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_directory(directory)
        return os.fdopen(os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "w")
    except OSError as error:
        raise DatabaseUnusable(
            f"the data directory {directory} can't be used: {describe_error(error, directory)}"
        ) from None


def _open(path: Path, now: datetime, on_notify: Callable[[str], None]) -> LiteDatabase:
    os.umask(0o077)  # whatever file is made from here on, nobody else may read it
    check_engine()
    try:
        check_file(path)
        if not path.exists():
            _create(path)
        db = LiteDatabase(sqlite_utils.Database(path, execute_plugins=False, strict=True), on_notify)
        try:
            _prepare(db, path, now)
        except BaseException:
            db.close()
            raise
    except (sqlite3.Error, OSError) as error:
        raise DatabaseUnusable(f"the database {path} can't be used: {describe_error(error, path)}") from None
    return db


def _create(path: Path) -> None:
    """Make a new database under another name first, so that a half-made one is never taken for it."""
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    db = sqlite_utils.Database(unfinished, execute_plugins=False, strict=True)
    try:
        migrations.apply(db)
    finally:
        db.close()
    unfinished.rename(path)


def _prepare(db: LiteDatabase, path: Path, now: datetime) -> None:
    """Check a database, bring it up to date and set how it is written."""
    _set_timeout(db, OPEN_PATIENCE_SECONDS)
    check_content(db, path)
    _bring_up_to_date(db, path, now)
    db.raw.enable_wal()
    # FULL waits for the disk at each commit. Without it, a power cut could take back that a message is
    # being sent, and it would be sent twice.
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA foreign_keys = ON")
    db.execute(f"PRAGMA cache_size = -{CACHE_KILOBYTES}")
    # The number says nothing; but where nothing can be written, this fails now and not with the first alert.
    db.execute("PRAGMA user_version = 1")


def _set_timeout(db: LiteDatabase, seconds: float) -> None:
    """Set how long statements wait for another program that holds the database."""
    db.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")


def _bring_up_to_date(db: LiteDatabase, path: Path, now: datetime) -> None:
    """Apply the migrations that are missing, all or none, and leave a copy of the former database beside."""
    pending = [migration.name for migration in migrations.pending(db.raw)]
    if not pending:
        return
    copy = path.with_name(f"{path.stem}.before-{pending[0]}{path.suffix}")
    try:
        copy.unlink(missing_ok=True)  # of an attempt that failed: the database is still the same
        copy_database(path, copy, now, lambda: False)
        with db.transaction():
            migrations.apply(db.raw)
            _check_references(db)
    except Exception as error:
        raise DatabaseUnusable(
            f"the database {path} could not be brought up to date by {', '.join(pending)} ({error}): "
            "it is as it was, so install the former version again and report this"
        ) from error
    log.info("the database was brought up to date", action="migrated", steps=pending, copy=str(copy))


def _check_references(db: LiteDatabase) -> None:
    lost = db.execute("PRAGMA foreign_key_check").fetchone()
    if lost:
        raise DatabaseUnusable(f"a row of {lost[0]} refers to nothing")


def _known_migrations() -> set[str]:
    with closing(sqlite3.connect(":memory:")) as empty:
        return {one.name for one in migrations.pending(sqlite_utils.Database(empty, execute_plugins=False))}


def _copies_beside(path: Path) -> str:
    copies = sorted(one.name for one in path.parent.glob(f"{glob.escape(path.stem)}.before-*{path.suffix}"))
    return f"the copy made before ({', '.join(copies)} beside it)" if copies else "a backup made before"
