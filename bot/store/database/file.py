"""The file that holds the database: the lock on its directory, its checks, and how it is opened.

Before anything is written, the file and its directory are checked.
"""

import fcntl
import glob
import os
import sqlite3
import stat
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TextIO

import sqlite_utils
import structlog

from bot.store.database.copy import copy_database
from bot.store.database.errors import (
    START_ANEW,
    DatabaseUnusable,
    DirectoryHeld,
    describe_error,
)
from bot.store.database.lite import LiteDatabase
from bot.store.database.moved import refuse_moved
from bot.store.database.schema import migrations
from bot.store.database.tables import refuse_newer

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
    advice = f"install that version again, or restore {_copies_beside(path)}"
    refuse_newer(applied, f"the database {path}", advice)


def _lock_file(directory: Path) -> TextIO:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        check_directory(directory)
        return os.fdopen(os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600), "w")
    except OSError as error:
        raise DatabaseUnusable(
            f"the data directory {directory} can't be used: {describe_error(error, directory)}"
        ) from None


def open_file(
    path: Path, now: datetime, on_notify: Callable[[str], None], *, to_move: bool = False
) -> LiteDatabase:
    """Open and check the database, and bring its schema up to date; raises DatabaseUnusable.

    One whose data moves, or moved, is opened only `to_move` it.
    """
    os.umask(0o077)  # whatever file is made from here on, nobody else may read it
    check_engine()
    try:
        check_file(path)
        if not path.exists():
            _create(path)
        db = LiteDatabase(sqlite_utils.Database(path, execute_plugins=False, strict=True), path, on_notify)
        try:
            _prepare(db, path, now, to_move=to_move)
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


def _prepare(db: LiteDatabase, path: Path, now: datetime, *, to_move: bool) -> None:
    """Check a database, bring it up to date and set how it is written."""
    db.set_patience(OPEN_PATIENCE_SECONDS)
    check_content(db, path)
    if not to_move:
        refuse_moved(db)
    _bring_up_to_date(db, path, now)
    db.raw.enable_wal()
    # FULL waits for the disk at each commit. Without it, a power cut could take back that a message is
    # being sent, and it would be sent twice.
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA foreign_keys = ON")
    db.execute(f"PRAGMA cache_size = -{CACHE_KILOBYTES}")
    # The number says nothing; but where nothing can be written, this fails now and not with the first alert.
    db.execute("PRAGMA user_version = 1")


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


def _copies_beside(path: Path) -> str:
    copies = sorted(one.name for one in path.parent.glob(f"{glob.escape(path.stem)}.before-*{path.suffix}"))
    return f"the copy made before ({', '.join(copies)} beside it)" if copies else "a backup made before"
