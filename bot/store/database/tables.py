"""What the tables are, as all migrations leave them: their columns, keys and references."""

import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import sqlite_utils

from bot.store.database.errors import DatabaseUnusable
from bot.store.database.schema import migrations


@dataclass(frozen=True, slots=True)
class TableShape:
    """A table and its columns."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    """The primary key in its order; empty: it has none, and rows may be equal."""
    refers_to: frozenset[str]
    """The tables that its rows refer to; it may be among them."""


def all_tables() -> tuple[TableShape, ...]:
    """Return all tables but those that note migrations, each behind those that it refers to."""
    with closing(sqlite3.connect(":memory:")) as empty:
        migrations.apply(sqlite_utils.Database(empty, execute_plugins=False))
        names = empty.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%sqlite_%' ORDER BY rowid"
        ).fetchall()
        return tuple(_in_order([_shape(empty, name) for (name,) in names]))


def all_migrations() -> Mapping[str, Callable[[Any], None]]:
    """Return all migrations that the program knows by their names, in order."""
    with closing(sqlite3.connect(":memory:")) as empty:
        known = migrations.pending(sqlite_utils.Database(empty, execute_plugins=False))
        return {migration.name: migration.fn for migration in known}


def refuse_newer(
    applied: Collection[str], database: str, advice: str = "install that version here, too"
) -> None:
    """Raise DatabaseUnusable if a database has tables of a later version; `advice` says what to do then."""
    unknown = set(applied) - all_migrations().keys()
    if unknown:
        raise DatabaseUnusable(
            f"{database} was written by a newer version of the program, which added "
            f"{', '.join(sorted(unknown))}: {advice}"
        )


def _shape(db: sqlite3.Connection, table: str) -> TableShape:
    columns = db.execute(f"PRAGMA table_info({table})").fetchall()
    key = sorted((place, name) for _, name, _, _, _, place in columns if place)
    return TableShape(
        name=table,
        columns=tuple(name for _, name, *_ in columns),
        key=tuple(name for _, name in key),
        refers_to=frozenset(row[2] for row in db.execute(f"PRAGMA foreign_key_list({table})")),
    )


def _in_order(tables: Collection[TableShape]) -> Iterable[TableShape]:
    left = list(tables)
    while left:
        names = {table.name for table in left}
        ready = [table for table in left if not (table.refers_to - {table.name}) & names]
        assert ready, "tables refer to each other in a circle"
        yield from ready
        left = [table for table in left if table not in ready]
