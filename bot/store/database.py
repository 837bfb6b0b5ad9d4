"""One database file, one connection, one thread.

SQLite is only ever touched in the thread that lives here, and a transaction is
one plain function that runs there from its first statement to its commit: no
coroutine can slip into it (telegram.md A.2).
"""

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Concatenate, ParamSpec, Self, TextIO, TypeVar

from sqlite_utils import Database

from bot.store.schema import migrations

P = ParamSpec("P")
R = TypeVar("R")


_PRIMARY = 0xFF
"""Of an error's number: the rest tells kinds apart that make no difference here."""

_OF_THE_DISK = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    }
)


class StoreError(Exception):
    """What the store cannot do; the text says what and what to do about it."""


class DatabaseUnusable(StoreError):
    """The database file can't be opened, is damaged, or is not ours."""


class DirectoryHeld(StoreError):
    """Another instance works in the data directory."""


class DirectoryLock:
    """The data directory, held for as long as this process lives: the lock goes with it, however it ends."""

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
        """Let the next instance in."""
        self._file.close()


class DatabaseThread:
    """The connection and the thread it belongs to."""

    def __init__(self, db: Database, executor: ThreadPoolExecutor) -> None:
        self.trouble: str | None = None
        """Why the last attempt to write failed, where the disk is to blame; gone with the next write."""
        self._db = db
        self._executor = executor

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open and check the database, bringing its schema up to date; raises DatabaseUnusable."""
        executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="database")
        try:
            db = await asyncio.get_running_loop().run_in_executor(executor, _open, path)
        except BaseException:
            executor.shutdown()
            raise
        return cls(db, executor)

    async def run(self, work: Callable[Concatenate[Database, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run one unit of work in the thread; once begun it ends there, whoever still waits for it."""
        return await self._in_thread(lambda: self._watched(work, *args, **kwargs))

    def _watched(self, work: Callable[Concatenate[Database, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run one unit of work, and remember whether the disk takes what is written."""
        changes = self._db.conn.total_changes
        try:
            result = work(self._db, *args, **kwargs)
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", 0) & _PRIMARY in _OF_THE_DISK:
                self.trouble = str(error)
            raise
        if self._db.conn.total_changes > changes:
            self.trouble = None
        return result

    async def close(self) -> None:
        """Finish what was begun, then close the file."""
        await self._in_thread(self._db.close)
        self._executor.shutdown()

    async def _in_thread(self, work: Callable[[], R]) -> R:
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._executor, work))


@contextmanager
def transaction(db: Database) -> Iterator[None]:
    """All or nothing, holding the write lock from the start, so that what was read stays true."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.commit()
    except BaseException:
        db.rollback()
        raise


def _lock_file(directory: Path) -> TextIO:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.fdopen(os.open(directory / "balance-bot.lock", os.O_RDWR | os.O_CREAT, 0o600), "w")
    except OSError as error:
        raise DatabaseUnusable(f"the data directory {directory} can't be used: {error.strerror}") from None


def _open(path: Path) -> Database:
    os.umask(0o077)
    try:
        if not path.exists():
            _create(path)
        elif path.stat().st_size == 0:
            raise DatabaseUnusable(
                f"the database {path} is empty, which it never is by our doing: restore a backup, "
                f"or {_START_ANEW}"
            )
        db = Database(path, execute_plugins=False, strict=True)
        try:
            _prepare(db, path)
        except BaseException:
            db.close()
            raise
    except (sqlite3.Error, OSError) as error:
        raise DatabaseUnusable(
            f"the database {path} can't be used ({error}): restore a backup, or {_START_ANEW}"
        ) from None
    return db


def _create(path: Path) -> None:
    """Make the new database under another name, so that a half-made one never stands in its place."""
    log_of_old = path.with_name(path.name + "-wal")
    if log_of_old.exists():  # it would be played into the new one, whatever it belongs to
        raise DatabaseUnusable(f"the database {path} is gone, but {log_of_old} is there: restore the former")
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    db = Database(unfinished, execute_plugins=False, strict=True)
    try:
        migrations.apply(db)
    finally:
        db.close()
    unfinished.rename(path)


def _prepare(db: Database, path: Path) -> None:
    """Check a database and make it ours to work with."""
    db.execute("PRAGMA busy_timeout = 5000")
    problems = [row[0] for row in db.execute("PRAGMA quick_check").fetchall()]
    if problems != ["ok"]:
        raise DatabaseUnusable(f"the database {path} is damaged ({problems[0]}): restore a backup")
    if not migrations.applied(db):
        raise DatabaseUnusable(f"{path} is a database of something else: give the bot a file of its own")
    db.enable_wal()
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA foreign_keys = ON")
    migrations.apply(db)


_START_ANEW = "move it away, with its -wal and -shm files, to start anew"
