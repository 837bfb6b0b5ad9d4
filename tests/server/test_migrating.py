"""Tables of earlier versions on a server come up to date as those of a file do."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bot.store.database.connection import DatabaseThread
from bot.store.database.errors import DatabaseUnavailable
from bot.store.database.server.connect import applied_migrations, open_server
from bot.store.database.server.schema import tables
from bot.store.database.tables import all_migrations
from tests.builders import NOON
from tests.server.conftest import Operator
from tests.store.archive import OLD, tables_of
from tests.store.test_migrations import put_databases

FIRST_AFTER = "m022_usernames"
"""The migration before which the archived databases were written."""

_NUMBERED = (
    "SELECT table_name, column_name FROM information_schema.columns"
    " WHERE is_identity = 'YES' AND table_schema = 'public'"
)
COLUMNS = (
    "SELECT table_name, column_name, data_type, is_nullable, column_default, is_identity, collation_name"
    " FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, 2"
)
INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"
CONSTRAINTS = (
    "SELECT conrelid::regclass::text, contype, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2, 3"
)


@pytest.fixture(params=range(3))
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Put a file in place that an earlier version wrote."""
    paths = put_databases(OLD / "m020.tar.xz", tmp_path)
    return paths[int(request.param) % len(paths)]


def write_as_before(url: str, path: Path) -> None:
    """Write a server's tables as that version had them, with the rows of the file."""
    with closing(sqlite3.connect(path)) as file, psycopg.connect(url) as server:
        for statement in tables(before=FIRST_AFTER):
            server.execute(statement.encode())
        server.execute("SET session_replication_role = replica")
        for table in tables_of(file):
            rows = file.execute(f"SELECT * FROM {table}").fetchall()
            marks = ", ".join("%s" for _ in file.execute(f"SELECT * FROM {table} LIMIT 0").description)
            with server.cursor() as cursor:
                cursor.executemany(f"INSERT INTO {table} VALUES ({marks})".encode(), rows)
        for table, column in server.execute(_NUMBERED).fetchall():
            server.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), coalesce(max({column}), 1))"
                f" FROM {table}".encode()
            )
        server.execute("CREATE TABLE migration (name TEXT PRIMARY KEY, applied_at BIGINT NOT NULL)")
        for name in all_migrations():
            if name < FIRST_AFTER:
                server.execute("INSERT INTO migration VALUES (%s, 0)", [name])


def rows_of_server(url: str) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
    with psycopg.connect(url) as server:
        for (table,) in server.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'migration'"
        ).fetchall():
            columns = [
                name
                for (name,) in server.execute(
                    "SELECT column_name FROM information_schema.columns"
                    " WHERE table_name = %s ORDER BY column_name",
                    [table],
                )
            ]
            yield (
                table,
                sorted(server.execute(f"SELECT {', '.join(columns)} FROM {table}".encode()), key=repr),
            )


def rows_of_file(path: Path) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
    with closing(sqlite3.connect(path)) as file:
        for table in tables_of(file):
            columns = sorted(name for _, name, *_ in file.execute(f"PRAGMA table_info({table})"))
            yield table, sorted(file.execute(f"SELECT {', '.join(columns)} FROM {table}"), key=repr)


def schema_of(url: str) -> list[Any]:
    with psycopg.connect(url) as server:
        return [server.execute(sql.encode()).fetchall() for sql in (COLUMNS, INDEXES, CONSTRAINTS)]


async def test_rows_of_an_earlier_version_become_what_a_file_makes_of_them(
    operator: Operator, old: Path
) -> None:
    name = operator.has("before").rpartition("/")[2]
    url = operator.server.url(name)
    write_as_before(url, old)

    await (await DatabaseThread.open(url)).close()
    await (await DatabaseThread.open(old)).close()

    assert dict(rows_of_server(url)) == dict(rows_of_file(old))


async def test_tables_of_an_earlier_version_become_what_new_ones_are(operator: Operator, old: Path) -> None:
    url = operator.server.url(operator.has("before").rpartition("/")[2])
    new = operator.server.url(operator.has("new").rpartition("/")[2])
    write_as_before(url, old)

    for one in (url, new):
        await (await DatabaseThread.open(one)).close()

    for found, expected in zip(schema_of(url), schema_of(new), strict=True):
        assert found == expected


@pytest.mark.parametrize("is_new", [True, False])
def test_of_replicas_that_start_at_once_one_makes_the_tables(
    operator: Operator, old: Path, *, is_new: bool
) -> None:
    url = operator.server.url(operator.has("shared").rpartition("/")[2])
    if not is_new:
        write_as_before(url, old)

    def opened(_: int) -> frozenset[str]:
        while True:
            # As a start does: it waits for a server, and for who makes its tables.
            with suppress(DatabaseUnavailable), closing(open_server(url, NOON, lambda _: None)) as db:
                return applied_migrations(db)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(opened, range(4)))

    assert set(found) == {frozenset(all_migrations())}
