"""A look at the data directory and the database that changes nothing, while the bot may be at work."""

import fcntl
import os
import sqlite3
import stat
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlite_utils import Database

from bot.store.copy import open_to_read
from bot.store.database import LOCK_NAME, DatabaseUnusable, check_content, check_directory, check_file
from bot.store.errors import describe_error
from bot.store.rows import to_moment_or_none
from bot.store.schema import migrations


@dataclass(frozen=True, slots=True)
class DirectorySeen:
    """A data directory that can be used."""

    exists: bool
    is_held: bool
    """By an instance at work."""
    is_private: bool
    """Nobody else can look into it."""


@dataclass(frozen=True, slots=True)
class DatabaseSeen:
    """A database that can be used."""

    subscriptions: int
    open_chats: int
    waiting: int
    """Alerts that are still to be told."""
    pending: tuple[str, ...]
    """What the next start brings it up to date with."""
    newest_at: datetime | None
    """The latest moment that it knows of."""
    owners: int = 0
    """Who own the bot by a claim."""


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
    try:
        check_file(path)
        if not path.exists():
            return None
        with closing(open_to_read(path)) as connection:
            db = Database(connection, execute_plugins=False)
            check_content(db, path)
            return _seen(db)
    except (sqlite3.Error, OSError) as error:
        raise DatabaseUnusable(f"the database {path} can't be read: {describe_error(error, path)}") from None


def _seen(db: Database) -> DatabaseSeen:
    subscriptions, open_chats, waiting, newest = db.execute(
        "SELECT (SELECT count(*) FROM subscription), (SELECT count(*) FROM chat WHERE open = 1),"
        " (SELECT count(*) FROM alert WHERE state IN ('waiting', 'held', 'bound')),"
        " (SELECT max(complete_at) FROM chain)"
    ).fetchone()
    pending = tuple(migration.name for migration in migrations.pending(db))
    return DatabaseSeen(subscriptions, open_chats, waiting, pending, to_moment_or_none(newest), _owners(db))


def _owners(db: Database) -> int:
    """Return how many own the bot by a claim; in a database of an earlier version nobody could."""
    if not db["owner"].exists():
        return 0
    return int(db.execute("SELECT count(*) FROM owner").fetchone()[0])


def _nearest(path: Path) -> Path:
    """Return the directory, there already, in which a path would be made."""
    return next(one for one in (path.absolute(), *path.absolute().parents) if one.exists())


def _refuse_unwritable(directory: Path) -> None:
    if not directory.is_dir():
        raise DatabaseUnusable(f"{directory} is no directory: choose another store.path")
    if not os.access(directory, os.W_OK | os.X_OK):
        raise DatabaseUnusable(f"{directory} can't be written by this user: check its owner and mode")


def _is_held(lock: Path) -> bool:
    """Whether a process holds the lock; for this it is shared for a moment."""
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
