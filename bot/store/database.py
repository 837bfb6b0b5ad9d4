"""One database file, one connection, one thread.

SQLite is only ever touched in the thread that lives here, and a transaction is
one plain function that runs there from its first statement to its commit: no
coroutine can slip into it (telegram.md A.2).
"""

import asyncio
import fcntl
import glob
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Concatenate, ParamSpec, Self, TextIO, TypeVar

import structlog
from sqlite_utils import Database

from bot.store.copy import copy_database
from bot.store.errors import START_ANEW, DatabaseFault, DatabaseUnavailable, describe_error, fault_of
from bot.store.schema import migrations

P = ParamSpec("P")
R = TypeVar("R")

LOCK_NAME = "balance-bot.lock"

_HEADER_BYTES = 20
_WRITE_VERSION = 18
_WITHOUT_LOG = b"\x01\x01"
"""The end of the header of a copy: a database that the bot has opened once says 2, it has a log beside it."""

log = structlog.get_logger(__name__)

OPEN_PATIENCE_SECONDS = 5.0
PATIENCE_SECONDS = 2.0
"""For another program that holds the database; meanwhile everybody here waits, there is one thread."""


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

    def __init__(
        self, db: Database, path: Path, executor: ThreadPoolExecutor, patience_seconds: float
    ) -> None:
        self.write_failure: DatabaseUnavailable | None = None
        """Why the last attempt to write failed, where disk or lock are to blame; gone with the next write."""
        self._db = db
        self._path = path
        self._executor = executor
        self._patience_seconds = patience_seconds

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> Self:
        """Open and check the database, bringing its schema up to date; raises DatabaseUnusable.

        Where another program holds it later on, it is waited for so long.
        """
        executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="database")
        try:
            db = await asyncio.get_running_loop().run_in_executor(executor, _open, path, now())
        except BaseException:
            executor.shutdown()
            raise
        thread = cls(db, path, executor, patience_seconds)
        await thread.run(_wait, patience_seconds)
        return thread

    async def run(self, work: Callable[Concatenate[Database, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run one unit of work in the thread; once begun it ends there, whoever still waits for it.

        Raises DatabaseUnavailable where the disk or another program is in the way.
        """
        return await self._in_thread(lambda: self._watched(work, *args, **kwargs))

    async def run_if_possible(
        self, work: Callable[Concatenate[Database, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R | None:
        """Run a unit of work that can be left out: whoever is in the way of it is not waited for.

        Returns None where it was left out.
        """
        return await self._in_thread(lambda: self._tried(work, *args, **kwargs))

    def _tried(
        self, work: Callable[Concatenate[Database, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R | None:
        before = self.write_failure
        _wait(self._db, 0)
        try:
            return self._watched(work, *args, **kwargs)
        except DatabaseUnavailable as error:
            if error.kind is DatabaseFault.LOCKED:  # for a moment, as far as is known
                self.write_failure = before
            return None
        finally:
            self._be_patient()

    def _watched(self, work: Callable[Concatenate[Database, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Run one unit of work, and remember whether the disk takes what is written."""
        changes = self._db.conn.total_changes
        try:
            result = work(self._db, *args, **kwargs)
        except sqlite3.Error as error:
            kind = fault_of(error)
            if kind is None:
                raise
            self.write_failure = DatabaseUnavailable(kind, describe_error(error, self._path))
            self._be_patient()
            raise self.write_failure from error
        if self._db.conn.total_changes > changes and self.write_failure is not None:
            self.write_failure = None
            self._be_patient()
        return result

    def _be_patient(self) -> None:
        """Wait for another program that holds the database, but not again and again: looks wait behind."""
        is_locked = self.write_failure is not None and self.write_failure.kind is DatabaseFault.LOCKED
        _wait(self._db, 0 if is_locked else self._patience_seconds)

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


def check_directory(directory: Path) -> None:
    """Raise DatabaseUnusable for a data directory in which others could put files of theirs."""
    mode = directory.stat().st_mode
    if mode & (stat.S_IWOTH | stat.S_IWGRP):
        who = "everybody" if mode & stat.S_IWOTH else "its group"
        raise DatabaseUnusable(
            f"{who} may write into the data directory {directory}: chmod 700 it, "
            "or give the bot a directory of its own inside it (store.path)"
        )


def check_file(path: Path) -> None:
    """Raise DatabaseUnusable for a file, there or not, that SQLite would take for what it is not.

    To be asked before the file is opened: reading it later would let go of SQLite's locks.
    """
    log = path.with_name(f"{path.name}-wal")
    has_log = log.exists() and log.stat().st_size > 0
    if not path.exists():
        if has_log:  # it would be played into a new one, whatever it belongs to
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


def check_content(db: Database, path: Path) -> None:
    """Raise DatabaseUnusable for a database that is damaged, not ours, or of a later program; only reads."""
    problems = [row[0] for row in db.execute("PRAGMA quick_check(1)").fetchall()]
    if problems != ["ok"]:
        raise DatabaseUnusable(f"the database {path} is damaged ({problems[0]}): restore a backup")
    applied = [migration.name for migration in migrations.applied(db)]
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


def _open(path: Path, now: datetime) -> Database:
    os.umask(0o077)
    try:
        check_file(path)
        if not path.exists():
            _create(path)
        db = Database(path, execute_plugins=False, strict=True)
        try:
            _prepare(db, path, now)
        except BaseException:
            db.close()
            raise
    except (sqlite3.Error, OSError) as error:
        raise DatabaseUnusable(f"the database {path} can't be used: {describe_error(error, path)}") from None
    return db


def _create(path: Path) -> None:
    """Make the new database under another name, so that a half-made one never stands in its place."""
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    db = Database(unfinished, execute_plugins=False, strict=True)
    try:
        migrations.apply(db)
    finally:
        db.close()
    unfinished.rename(path)


def _prepare(db: Database, path: Path, now: datetime) -> None:
    """Check a database and make it ours to work with."""
    _wait(db, OPEN_PATIENCE_SECONDS)
    check_content(db, path)
    _bring_up_to_date(db, path, now)
    db.enable_wal()
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("PRAGMA user_version = 1")  # it says nothing, but where nothing can be written it fails now


def _wait(db: Database, seconds: float) -> None:
    """Let the database wait so long for another program that holds it."""
    db.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")


def _bring_up_to_date(db: Database, path: Path, now: datetime) -> None:
    """Make the tables those of this program, all or nothing, with a copy of the former ones beside."""
    pending = [migration.name for migration in migrations.pending(db)]
    if not pending:
        return
    copy = path.with_name(f"{path.stem}.before-{pending[0]}{path.suffix}")
    try:
        copy.unlink(missing_ok=True)  # of an attempt that failed: the database is still the same
        copy_database(path, copy, now, lambda: False)
        with transaction(db):
            migrations.apply(db)
            _refuse_lost_references(db)
    except Exception as error:
        raise DatabaseUnusable(
            f"the database {path} could not be brought up to date by {', '.join(pending)} ({error}): "
            "it is as it was, so install the former version again and report this"
        ) from error
    log.info("the database was brought up to date", action="migrated", steps=pending, copy=str(copy))


def _refuse_lost_references(db: Database) -> None:
    lost = db.execute("PRAGMA foreign_key_check").fetchone()
    if lost:
        raise DatabaseUnusable(f"a row of {lost[0]} refers to nothing")


def _known_migrations() -> set[str]:
    with closing(sqlite3.connect(":memory:")) as empty:
        return {one.name for one in migrations.pending(Database(empty, execute_plugins=False))}


def _copies_beside(path: Path) -> str:
    copies = sorted(one.name for one in path.parent.glob(f"{glob.escape(path.stem)}.before-*{path.suffix}"))
    return f"the copy made before ({', '.join(copies)} beside it)" if copies else "a backup made before"
