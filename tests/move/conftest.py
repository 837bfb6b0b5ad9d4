"""A file with a bot's data, and a server that it may move to."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bot.store.database.copy import open_to_read
from bot.store.database.moved import MARK
from bot.store.move.move import STAYING
from bot.store.replicas.membership import CONFIGURATION
from tests import postgres_server
from tests.postgres_server import PostgresServer
from tests.store.archive import OLD, tables_of
from tests.store.test_migrations import put_databases

Content = dict[str, list[dict[str, Any]]]
"""The rows of each table, by column."""

_numbers = count()


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    """Run a server; the one of this run, if it is about one."""
    if postgres_server.SERVER is not None:
        yield postgres_server.SERVER
        return
    with postgres_server.running() as one:
        yield one


@pytest.fixture
def make_url(server: PostgresServer) -> Callable[[], str]:
    """Return what makes a database without any table, and returns its address."""

    def make() -> str:
        name = f"move_{next(_numbers)}"
        server.execute(f"DROP DATABASE IF EXISTS {name}", "postgres")
        server.execute(f"CREATE DATABASE {name} STRATEGY file_copy", "postgres")
        return server.url(name)

    return make


@pytest.fixture
def url(make_url: Callable[[], str]) -> str:
    """Return the address of a database without any table."""
    return make_url()


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Put databases in place that together have rows in every table, as an earlier version left them."""
    return put_databases(OLD / "m031.tar.xz", tmp_path)


@pytest.fixture
def file(files: list[Path]) -> Path:
    """Return the one with changes that has rows in most tables."""

    def richness(path: Path) -> tuple[bool, int]:
        rows = rows_of_file(path)
        return bool(rows["change"] and rows["offer"]), sum(map(bool, rows.values()))

    return max(files, key=richness)


def rows_of_file(path: Path) -> Content:
    """Return all that a file holds, but for what does not move."""
    with closing(open_to_read(path)) as db:
        db.row_factory = sqlite3.Row
        tables = [table for table in tables_of(db) if table not in STAYING]
        return {table: _sorted(map(dict, db.execute(f"SELECT * FROM {table}"))) for table in tables}


def rows_of_server(url: str) -> Content:
    """Return all that a server holds, but for what does not move."""
    with psycopg.connect(url, row_factory=psycopg.rows.dict_row) as db:
        names = db.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        tables = [one["tablename"] for one in names if one["tablename"] not in STAYING | {"migration"}]
        return {table: _sorted(db.execute(f"SELECT * FROM {table}".encode()).fetchall()) for table in tables}


def numbers_of_file(path: Path) -> dict[str, int]:
    """Return the last number that each table gave."""
    with closing(open_to_read(path)) as db:
        return dict(db.execute("SELECT name, seq FROM sqlite_sequence"))


def _sorted(rows: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - of either engine
    kept = [dict(sorted(row.items())) for row in rows if row.get("name") not in {MARK, CONFIGURATION}]
    return sorted(kept, key=repr)
