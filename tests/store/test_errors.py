"""Complaints of SQLite and of the system, in words that say what to do."""

import errno
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bot.store.database.errors import describe_error


def fill(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA max_page_count = 3")
        db.execute("CREATE TABLE a (x)")
        for _ in range(100):
            db.execute("INSERT INTO a VALUES (randomblob(1000))")


def read_garbage(path: Path) -> None:
    path.write_bytes(b"no database " * 1000)
    with closing(sqlite3.connect(path)) as db:
        db.execute("SELECT * FROM sqlite_schema")


def read_a_cut_file(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE a (x)")
        db.execute("INSERT INTO a VALUES (randomblob(100000))")
        db.commit()
    os.truncate(path, 50_000)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA quick_check").fetchall()
        db.execute("SELECT max(x) FROM a").fetchall()


def write_what_is_only_to_be_read(path: Path) -> None:
    sqlite3.connect(path).close()
    path.touch()
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        db.execute("CREATE TABLE a (x)")


def wait_for_who_holds_it(path: Path) -> None:
    with closing(sqlite3.connect(path)) as holder, closing(sqlite3.connect(path, timeout=0)) as db:
        holder.execute("BEGIN EXCLUSIVE")
        db.execute("CREATE TABLE a (x)")


def open_what_is_not_there(path: Path) -> None:
    sqlite3.connect(path / "nowhere" / "bot.sqlite3")


@pytest.mark.parametrize(
    ("provoke", "words"),
    [
        (fill, "the disk is full: make room; nothing is lost"),
        (read_garbage, "it is no database: restore a backup"),
        (read_a_cut_file, "it is damaged: restore a backup"),
        (write_what_is_only_to_be_read, "it can't be written: check the owner and mode of"),
        (wait_for_who_holds_it, "another program holds it: end that one"),
        (open_what_is_not_there, "it can't be opened: check the owner and mode of"),
    ],
)
def test_each_complaint_of_sqlite_says_what_to_do(
    tmp_path: Path, provoke: Callable[[Path], None], words: str
) -> None:
    path = tmp_path / "bot.sqlite3"

    with pytest.raises(sqlite3.Error) as error:
        provoke(path)

    assert describe_error(error.value, path).startswith(words)


def test_a_complaint_that_nobody_foresaw_is_told_in_sqlites_own_words() -> None:
    assert describe_error(sqlite3.OperationalError("no such table: a"), Path("bot")) == "no such table: a"


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EACCES, "Permission denied: check the owner and mode of bot"),
        (errno.ENOSPC, "No space left on device: make room; nothing is lost"),
        (errno.ENOTDIR, "Not a directory: move away what stands there, or choose another place"),
        (errno.ENAMETOOLONG, "File name too long: choose a shorter name"),
        (errno.EMFILE, "Too many open files"),  # nobody foresaw it: the system's own words
    ],
)
def test_each_complaint_of_the_system_says_what_to_do(number: int, words: str) -> None:
    assert describe_error(OSError(number, os.strerror(number)), Path("bot")) == words
