"""Copies the database while the bot works, and checks the copy before it gets its name.

The copy is read over a connection of its own that can't write, so the bot's connection never waits for it.
"""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path

from bot.store.database.errors import describe_error
from bot.store.rows import to_milliseconds

STEPS_BETWEEN_LOOKS = 10_000
"""Steps of SQLite's virtual machine between two looks whether to give up: some milliseconds."""

PATIENCE_SECONDS = 5.0
"""How long a copy waits for a program that holds the database."""

NAME_BYTES = 200
"""How much of the target's name the unfinished copy's has, of the 255 bytes a name may have."""


class CopyFailed(Exception):
    """No copy was made; the text says why and what to do about it."""


def copy_database(source: Path, target: Path, at: datetime, is_given_up: Callable[[], bool]) -> int:
    """Copy a database to a new file that only its owner can read; returns its size in bytes.

    `at` is stored in the copy, so that a start with it knows that it is one. `is_given_up` is asked every few
    milliseconds. Raises CopyFailed, and leaves nothing behind then.
    """
    try:
        _refuse(source, target)
        number, name = tempfile.mkstemp(prefix=f".{_beginning(target.name)}.", dir=target.parent)
    except OSError as error:
        raise CopyFailed(f"no copy can be made at {target}: {describe_error(error, target)}") from None
    unfinished = Path(name)
    try:
        os.close(number)
        _copy(source, unfinished, at, is_given_up)
        size = _write_through(unfinished)
        if target.exists():  # a rename would replace it without a word
            raise CopyFailed(f"{target} exists by now: choose another name")
        unfinished.rename(target)
        # The name is in the directory, not in the file: without this it could be lost in a power cut.
        _write_through(target.parent)
    except (sqlite3.Error, OSError) as error:
        raise CopyFailed(
            f"the database {source} could not be copied to {target}: {describe_error(error, source)}"
        ) from None
    finally:
        for left in (unfinished, unfinished.with_name(f"{unfinished.name}-journal")):
            left.unlink(missing_ok=True)
    return size


def _beginning(name: str) -> str:
    """Return as much of a name as leaves room for what is added to it while the copy is not whole."""
    return name.encode()[:NAME_BYTES].decode(errors="ignore")


def open_to_read(path: Path) -> sqlite3.Connection:
    """Open a database for reading only; it may be in use."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=PATIENCE_SECONDS)


def _refuse(source: Path, target: Path) -> None:
    if not source.exists():
        raise CopyFailed(f"there is no database {source} yet: check store.path, or start the bot first")
    if target.is_dir():
        raise CopyFailed(f"{target} is a folder: name a new file in it")
    if target.exists() or target.is_symlink():
        raise CopyFailed(f"{target} exists: choose another name, or move it away")
    if not target.parent.is_dir():
        raise CopyFailed(f"the folder {target.parent} does not exist: make it, or choose another one")
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise CopyFailed(f"the folder {target.parent} can't be written: check its owner and mode")
    needed, free = source.stat().st_size, shutil.disk_usage(target.parent).free
    if free < needed:
        raise CopyFailed(
            f"{target.parent} has room for {free // 2**20:,} MB, and the copy needs up to "
            f"{needed // 2**20 + 1:,} MB: make room, or choose another folder"
        )


def _copy(source: Path, unfinished: Path, at: datetime, is_given_up: Callable[[], bool]) -> None:
    with closing(open_to_read(source)) as db:
        db.set_progress_handler(is_given_up, STEPS_BETWEEN_LOOKS)
        # One statement is one moment: the copy has all of a transaction or nothing, whatever the bot writes.
        db.execute("VACUUM INTO ?", [str(unfinished)])
    with closing(sqlite3.connect(unfinished)) as copy:
        copy.set_progress_handler(is_given_up, STEPS_BETWEEN_LOOKS)
        problems = [row[0] for row in copy.execute("PRAGMA integrity_check(1)")]
        if problems != ["ok"]:
            raise CopyFailed(f"the database {source} is damaged ({problems[0]}): restore an earlier copy")
        if not copy.execute("SELECT 1 FROM sqlite_schema WHERE name = '_sqlite_migrations'").fetchone():
            raise CopyFailed(f"{source} is a database of something else: check store.path")
        copy.execute("REPLACE INTO setting (name, value) VALUES ('copied_at', ?)", [str(to_milliseconds(at))])
        copy.commit()


def _write_through(path: Path) -> int:
    """Wait until a file, or a directory's list of files, is on the disk; returns its size in bytes."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
        return os.fstat(number).st_size
    finally:
        os.close(number)
