"""The door to SQLite: what it promises to every unit of work."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import sqlite_utils

from bot.store.database.lite import LiteDatabase


class Broken(Exception):
    """What goes wrong in the middle of something."""


@pytest.fixture
def heard() -> list[str]:
    return []


@pytest.fixture
def db(tmp_path: Path, heard: list[str]) -> Iterator[LiteDatabase]:
    path = tmp_path / "a.sqlite3"
    one = LiteDatabase(sqlite_utils.Database(path, execute_plugins=False), path, heard.append)
    one.execute("CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT, size INTEGER)")
    yield one
    one.close()


def things(db: LiteDatabase) -> list[tuple[object, ...]]:
    return db.execute("SELECT id, name, size FROM thing ORDER BY id").fetchall()


def test_rows_are_inserted_in_the_order_of_the_columns_named(db: LiteDatabase) -> None:
    db.insert_many("thing", ["size", "id"], [(10, 1), (20, 2)])
    assert things(db) == [(1, None, 10), (2, None, 20)]


def test_an_upsert_updates_what_it_names_and_leaves_other_columns_as_they_are(db: LiteDatabase) -> None:
    db.insert_many("thing", ["id", "name", "size"], [(1, "a", 10)])
    db.upsert_many("thing", ["id", "size"], [(1, 11), (2, 20)], key=["id"])
    assert things(db) == [(1, "a", 11), (2, None, 20)]


def test_an_upsert_of_the_key_alone_adds_what_is_missing(db: LiteDatabase) -> None:
    db.insert_many("thing", ["id", "name", "size"], [(1, "a", 10)])
    db.upsert_many("thing", ["id"], [(1,), (2,)], key=["id"])
    assert things(db) == [(1, "a", 10), (2, None, None)]


@pytest.mark.parametrize(("wanted", "found"), [((1, 3), [1, 3]), ((2,), [2]), ((), [])])
def test_any_of_finds_the_values_and_of_none_no_row(
    db: LiteDatabase, wanted: tuple[int, ...], found: list[int]
) -> None:
    db.insert_many("thing", ["id"], [(1,), (2,), (3,)])
    among = db.any_of(wanted)
    rows = db.execute(f"SELECT id FROM thing WHERE id {among.sql} ORDER BY id", among.values)
    assert [number for (number,) in rows] == found


def test_not_any_of_nothing_is_every_row(db: LiteDatabase) -> None:
    db.insert_many("thing", ["id"], [(1,), (2,)])
    among = db.any_of(())
    assert db.execute(f"SELECT count(*) FROM thing WHERE NOT id {among.sql}", among.values).fetchone() == (2,)


def test_a_statement_outside_a_transaction_is_committed_by_itself(db: LiteDatabase) -> None:
    db.execute("INSERT INTO thing (id) VALUES (?)", [1])
    assert not db.conn.in_transaction


def test_a_savepoint_that_fails_takes_back_only_what_was_done_inside(db: LiteDatabase) -> None:
    with db.transaction():
        db.insert_many("thing", ["id"], [(1,)])
        with db.savepoint(), db.savepoint():
            db.insert_many("thing", ["id"], [(2,)])
        with suppress(Broken), db.savepoint():
            db.insert_many("thing", ["id"], [(3,)])
            raise Broken
        db.insert_many("thing", ["id"], [(4,)])
    assert [number for number, *_ in things(db)] == [1, 2, 4]


def test_an_outer_savepoint_takes_back_what_an_inner_one_kept(db: LiteDatabase) -> None:
    with db.transaction(), suppress(Broken), db.savepoint():
        with db.savepoint():
            db.insert_many("thing", ["id"], [(1,)])
        raise Broken
    assert things(db) == []


def test_a_signal_is_told_once_and_only_after_the_commit(db: LiteDatabase, heard: list[str]) -> None:
    with db.transaction():
        db.notify("news")
        db.notify("news")
        assert heard == []
    assert heard == ["news"]


def test_a_signal_of_a_transaction_that_failed_is_never_told(db: LiteDatabase, heard: list[str]) -> None:
    with suppress(Broken), db.transaction():
        db.notify("news")
        raise Broken
    with db.transaction():
        pass
    assert heard == []


def test_a_signal_outside_a_transaction_is_told_at_once(db: LiteDatabase, heard: list[str]) -> None:
    db.notify("news")
    assert heard == ["news"]
