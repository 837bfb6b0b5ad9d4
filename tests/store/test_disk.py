"""A disk that takes nothing more: remembered until something is written again."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from bot.store.database.connection import DatabaseThread
from bot.store.database.door import Database
from bot.store.database.errors import DatabaseFault, DatabaseUnavailable
from tests.new_database import sqlite_of


@pytest.fixture
async def thread(tmp_path: Path) -> AsyncIterator[DatabaseThread]:
    one = await DatabaseThread.open(tmp_path / "bot.sqlite3")
    yield one
    await one.close()


async def fill_up(thread: DatabaseThread) -> None:
    """Let the file be as large as it may ever be."""
    await thread.run(lambda db: db.execute(f"PRAGMA max_page_count = {_pages(db)}").fetchone())


async def make_room(thread: DatabaseThread) -> None:
    await thread.run(lambda db: db.execute(f"PRAGMA max_page_count = {_pages(db) + 1000}").fetchone())


def _pages(db: Database) -> int:
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    return int(pages)


def write_much(db: Database) -> None:
    with db.transaction():
        db.execute("REPLACE INTO setting (name, value) VALUES ('much', hex(zeroblob(100000)))")


def write_nothing(db: Database) -> None:
    with db.transaction():
        db.execute("DELETE FROM setting WHERE name = 'nothing of that name'")


def read(db: Database) -> None:
    db.execute("SELECT count(*) FROM setting").fetchone()


async def test_a_new_database_is_in_no_trouble(thread: DatabaseThread) -> None:
    await thread.run(write_much)

    assert thread.write_failure is None


async def test_a_full_disk_is_remembered_while_reading_goes_on(thread: DatabaseThread) -> None:
    await fill_up(thread)
    with pytest.raises(DatabaseUnavailable):
        await thread.run(write_much)

    await thread.run(read)
    await thread.run(write_nothing)

    assert thread.write_failure is not None
    assert thread.write_failure.kind is DatabaseFault.FULL
    assert (
        str(thread.write_failure) == "the disk is full: make room; nothing is lost (database or disk is full)"
    )


async def test_it_is_forgotten_when_something_is_written_again(thread: DatabaseThread) -> None:
    await fill_up(thread)
    with pytest.raises(DatabaseUnavailable):
        await thread.run(write_much)

    await make_room(thread)
    await thread.run(write_much)

    assert thread.write_failure is None


async def test_what_may_be_left_out_is_so_while_another_program_writes_and_that_is_no_trouble(
    thread: DatabaseThread, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "bot.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        await thread.run_if_possible(write_much)

    assert thread.write_failure is None
    assert await thread.run(lambda db: db.execute("SELECT count(*) FROM setting").fetchone()) == (0,)


async def test_what_may_be_left_out_tells_of_a_full_disk_like_any(thread: DatabaseThread) -> None:
    await fill_up(thread)

    await thread.run_if_possible(write_much)

    assert thread.write_failure is not None
    assert thread.write_failure.kind is DatabaseFault.FULL


async def test_what_a_full_disk_refused_left_nothing_and_no_transaction_open(thread: DatabaseThread) -> None:
    await fill_up(thread)
    with pytest.raises(DatabaseUnavailable):
        await thread.run(write_much)

    assert not await thread.run(lambda db: sqlite_of(db).in_transaction)
    rows = await thread.run(lambda db: db.execute("SELECT count(*) FROM setting").fetchone())
    assert rows == (0,)


async def test_a_mistake_of_ours_is_no_trouble_of_the_disk(thread: DatabaseThread) -> None:
    with pytest.raises(sqlite3.OperationalError):
        await thread.run(lambda db: db.execute("SELECT nothing FROM nowhere"))

    assert thread.write_failure is None
