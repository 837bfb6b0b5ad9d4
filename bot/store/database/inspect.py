"""Looks at the data directory and the database for `check`: changes nothing, and the bot may be running."""

import fcntl
import os
import sqlite3
import stat
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Generic, TypeVar

import sqlite_utils

from bot.store.database.copy import open_to_read
from bot.store.database.door import Database
from bot.store.database.errors import DatabaseUnusable, StoreError, describe_error
from bot.store.database.file import (
    LOCK_NAME,
    check_content,
    check_directory,
    check_engine,
    check_file,
)
from bot.store.database.lite import LiteDatabase
from bot.store.database.moved import refuse_moved
from bot.store.database.schema import migrations
from bot.store.rows import to_moment_or_none

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class DirectorySeen:
    """What was seen of a data directory that can be used."""

    exists: bool
    is_held: bool
    """Whether an instance is running with it."""
    is_private: bool
    """Whether no other user can look into it."""


@dataclass(frozen=True, slots=True)
class DatabaseSeen:
    """What was seen of a database that can be used."""

    subscriptions: int
    open_chats: int
    waiting: int
    """Alerts that are still to be sent."""
    pending: tuple[str, ...]
    """Migrations that the next start applies."""
    newest_at: datetime | None
    """When any chain was last read; None: never."""
    owners: int = 0
    """How many own the bot by the printed code."""

    @property
    def is_used(self) -> bool:
        """Whether there is anything in it that somebody would miss."""
        return bool(self.subscriptions or self.open_chats or self.owners)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSeen(Generic[R]):
    """What was seen of a server that can be used."""

    place: str
    """Host, port, database and user."""
    version: str
    is_encrypted: bool
    is_pooled: bool
    """Whether something between hands out connections."""
    clock_ms: int
    free_connections: int
    """How many more this user may make."""
    loses_commits: bool
    """Whether it says that a commit is done before its own disk has it."""
    standbys: int
    """How many follow it."""
    lag_seconds: float | None
    """How far the last of them is behind; None: unknown, or there is none."""
    may_see_lag: bool
    """Whether this user is told how far they are behind."""
    waits_for_standby: bool
    """Whether it says that a commit is done only once a standby has it."""
    database: DatabaseSeen | None
    """None: the tables are not made yet."""
    also: R | None
    """What was asked beside that, where there are tables."""


def look_at_directory(directory: Path) -> DirectorySeen:
    """Look at a data directory, which need not be there yet; raises DatabaseUnusable."""
    try:
        if not directory.exists():
            _refuse_unwritable(_nearest(directory))
            return DirectorySeen(exists=False, is_held=False, is_private=True)
        if not directory.is_dir():
            raise DatabaseUnusable(f"{directory} is no directory: move it away, or choose another store.path")
        check_directory(directory)
        _refuse_unwritable(directory)
        mode = directory.stat().st_mode
        return DirectorySeen(
            exists=True,
            is_held=_is_held(directory / LOCK_NAME),
            is_private=not mode & (stat.S_IRWXG | stat.S_IRWXO),
        )
    except OSError as error:
        raise DatabaseUnusable(f"{directory} can't be used: {describe_error(error, directory)}") from None


def look_at_database(path: Path) -> DatabaseSeen | None:
    """Look at a database, None where there is none yet; raises DatabaseUnusable."""
    check_engine()
    try:
        check_file(path)
        if not path.exists():
            return None
        with closing(open_to_read(path)) as connection:
            # Not by `DatabaseThread`, which would bring the database up to date and set how it is written.
            db = LiteDatabase(sqlite_utils.Database(connection, execute_plugins=False), path)
            check_content(db, path)
            return database_seen(db, tuple(migration.name for migration in migrations.pending(db.raw)))
    except (sqlite3.Error, OSError) as error:
        raise DatabaseUnusable(f"the database {path} can't be read: {describe_error(error, path)}") from None


def refuse_moved_file(path: Path) -> None:
    """Raise DatabaseUnusable for a file whose data is elsewhere by now, or not all here yet.

    One that can't be read is let through: whoever uses it says what is wrong.
    """
    with suppress(sqlite3.Error), closing(open_to_read(path)) as connection:
        refuse_moved(LiteDatabase(sqlite_utils.Database(connection, execute_plugins=False), path))


def refuse_forgotten_file(db: Database, path: Path) -> None:
    """Raise DatabaseUnusable if nobody uses the bot on a server yet, and somebody that in a file."""
    if not database_seen(db, ()).is_used and is_used_file(path):
        raise DatabaseUnusable(f"the database on the server is empty, and {forgotten(path)}")


def forgotten(path: Path) -> str:
    """Return what to say of a file whose data was to be moved."""
    return (
        f"the file {path} has the data of a bot: `balance-bot move` takes it along; "
        "to begin anew, move the file away"
    )


def is_used_file(path: Path) -> bool:
    """Say whether somebody uses the bot whose data a file has; not if it moved, or can't be read."""
    try:
        seen = look_at_database(path)
    except StoreError:
        return False
    return seen is not None and seen.is_used


def database_seen(db: Database, pending: tuple[str, ...]) -> DatabaseSeen:
    """Return what is in a database; `pending` are the migrations that it lacks.

    Raises DatabaseUnusable or DatabaseInUse if its data moves, or moved, elsewhere.
    """
    refuse_moved(db)
    subscriptions, open_chats, waiting, newest = db.execute(
        "SELECT (SELECT count(*) FROM subscription), (SELECT count(*) FROM chat WHERE open = 1),"
        " (SELECT count(*) FROM alert WHERE state IN ('waiting', 'held', 'bound')),"
        " (SELECT max(complete_at) FROM chain)"
    ).fetchone()
    return DatabaseSeen(
        subscriptions=subscriptions,
        open_chats=open_chats,
        waiting=waiting,
        pending=pending,
        newest_at=to_moment_or_none(newest),
        owners=_owners(db),
    )


def _owners(db: Database) -> int:
    """Count the owners by the printed code."""
    # The database may be older than this table, as `check` brings nothing up to date.
    if isinstance(db, LiteDatabase) and not db.raw["owner"].exists():
        return 0
    return int(db.execute("SELECT count(*) FROM owner").fetchone()[0])


def _nearest(path: Path) -> Path:
    """Return the nearest directory above a path that exists: it is where the rest would be made."""
    return next(one for one in (path.absolute(), *path.absolute().parents) if one.exists())


def _refuse_unwritable(directory: Path) -> None:
    if not directory.is_dir():
        raise DatabaseUnusable(f"{directory} is no directory: choose another store.path")
    if not os.access(directory, os.W_OK | os.X_OK):
        raise DatabaseUnusable(f"{directory} can't be written by this user: check its owner and mode")


def _is_held(lock: Path) -> bool:
    """Return whether a process holds the lock file."""
    # A shared lock for a moment: two checks at once don't take each other for the bot.
    try:
        number = os.open(lock, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(number, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(number)
    return False
