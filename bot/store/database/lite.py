"""The door to SQLite: sqlite_utils and sqlite3 stand behind it."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import sqlite_utils

from bot.store.database.door import AnyOf, Fence, Value
from bot.store.database.errors import DatabaseUnavailable, describe_error, fault_of


class LiteDatabase:
    """A database in a SQLite file; its methods are described at `door.Database`."""

    Error = sqlite3.Error
    connections = 1

    def __init__(
        self, raw: sqlite_utils.Database, path: Path, on_notify: Callable[[str], None] = lambda _: None
    ) -> None:
        self.raw = raw
        """For what only a file has: migrations, checks of the content, pragmas."""
        self.conn = raw.conn
        # Python would begin a transaction before the first write by itself, and leave it open.
        self.conn.isolation_level = None
        self._path = path
        self._on_notify = on_notify
        self._notified: set[str] = set()
        """Signals of the open transaction."""

    def execute(self, sql: str, values: Sequence[Value] = (), /) -> sqlite3.Cursor:
        """Execute a statement."""
        return self.conn.execute(sql, values)

    def executemany(self, sql: str, rows: Iterable[Sequence[Value]], /) -> int:
        """Execute a statement once for each row of values; returns how many rows were written."""
        return self.conn.executemany(sql, rows).rowcount

    def insert_many(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Value]]) -> None:
        """Insert rows of values in the order of `columns`."""
        self.conn.executemany(_insert(table, columns), rows)

    def upsert_many(
        self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Value]], *, key: Sequence[str]
    ) -> None:
        """Insert rows of values in the order of `columns`, or update the rows with the same `key`."""
        others = ", ".join(f"{column} = excluded.{column}" for column in columns if column not in key)
        action = f"DO UPDATE SET {others}" if others else "DO NOTHING"
        self.conn.executemany(f"{_insert(table, columns)} ON CONFLICT ({', '.join(key)}) {action}", rows)

    def any_of(self, values: Iterable[Value]) -> AnyOf:
        """Return the condition that a column has any of these values; of none, it is true of no row."""
        listed = tuple(values)
        return AnyOf(f"IN ({','.join('?' * len(listed))})", listed)

    @contextmanager
    def transaction(self, *, alone: bool = True) -> Iterator[None]:  # noqa: ARG002 - a file has one writer
        """Commit what is done inside, or nothing of it if that raises."""
        # IMMEDIATE takes the write lock before the first read, so that nothing that is read changes until the
        # commit; a lock that is taken with the first write could fail in the middle.
        self.conn.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.conn.commit()
        except BaseException:
            self._notified.clear()
            self.conn.rollback()
            raise
        self._tell()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Within a transaction: undo what is done inside, and only that, if it raises."""
        self.conn.execute("SAVEPOINT one")
        try:
            yield
        except BaseException:
            # An error may have ended the whole transaction, and its savepoints with it.
            if self.conn.in_transaction:
                self.conn.execute("ROLLBACK TO one")
                self.conn.execute("RELEASE one")
            raise
        self.conn.execute("RELEASE one")

    def now_ms(self) -> int:
        """Return the time of the system's clock, in milliseconds since 1970."""
        (days,) = self.conn.execute("SELECT julianday('now') - julianday('1970-01-01')").fetchone()
        return round(float(days) * 86_400_000)

    def size(self) -> int:
        """Return how many bytes the database takes."""
        (pages,), (size) = (
            self.conn.execute("PRAGMA page_count").fetchone(),
            self.conn.execute("PRAGMA page_size").fetchone(),
        )
        return int(pages) * int(size[0])

    def skip_ids(self, count: int) -> None:
        """Leave out so many of the next numbers of each table that never gives a number twice."""
        # A table has no row here before its first number is given, and it may have given some elsewhere.
        self.conn.execute(
            "INSERT INTO sqlite_sequence (name, seq) SELECT name, 0 FROM sqlite_master"
            " WHERE type = 'table' AND sql LIKE '%AUTOINCREMENT%'"
            " AND name NOT IN (SELECT name FROM sqlite_sequence)"
        )
        self.conn.execute("UPDATE sqlite_sequence SET seq = seq + ?", [count])

    def load(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Value]]) -> None:
        """Within a transaction: insert many rows of a table that has no such rows yet."""
        # References are looked at when it is committed, as rows may refer to later ones.
        self.conn.execute("PRAGMA defer_foreign_keys = ON")
        self.insert_many(table, columns, rows)

    def last_numbers(self) -> Mapping[str, int]:
        """Return the last number that each table gave which never gives one twice."""
        return dict(self.conn.execute("SELECT name, seq FROM sqlite_sequence"))

    def set_last_numbers(self, numbers: Mapping[str, int]) -> None:
        """Within a transaction: go on behind these numbers, and behind those that rows have."""
        self.skip_ids(0)  # each table has its row then
        self.conn.executemany(
            "UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?",
            [(number, table) for table, number in numbers.items()],
        )

    def migrated(self) -> Mapping[str, str]:
        """Return the names of the migrations that made the tables, each with when it did."""
        return dict(self.conn.execute("SELECT name, applied_at FROM _sqlite_migrations").fetchall())

    def notify(self, signal: str) -> None:
        """Tell whoever waits for `signal` once the transaction is committed, and not if it isn't."""
        self._notified.add(signal)
        if not self.conn.in_transaction:
            self._tell()

    @property
    def written(self) -> int:
        """How many rows this connection has written so far."""
        return self.conn.total_changes

    @contextmanager
    def unit(self, fence: Fence | None) -> Iterator[None]:  # noqa: ARG002 - as the door has it
        """Do nothing: a file is always there, and one program has it to itself."""
        yield

    def may_repeat(self, error: Exception) -> bool:  # noqa: ARG002 - as the door has it
        """Say no: a file is not gone and back again."""
        return False

    def hear(self, seconds: float) -> None:
        """Return at once: no other program writes into the file."""

    def set_patience(self, seconds: float) -> None:
        """Set how long statements wait for another program that holds the database."""
        self.conn.execute(f"PRAGMA busy_timeout = {int(seconds * 1000)}")

    def fault_of(self, error: Exception) -> DatabaseUnavailable | None:
        """Return why the database can't be used; None: the error is a mistake of the program."""
        if not isinstance(error, sqlite3.Error):
            return None
        kind = fault_of(error)
        return None if kind is None else DatabaseUnavailable(kind, describe_error(error, self._path))

    def close(self) -> None:
        """Close the file."""
        self.raw.close()

    def cut(self) -> None:
        """Do nothing: a file answers."""

    def _tell(self) -> None:
        while self._notified:
            self._on_notify(self._notified.pop())


def _insert(table: str, columns: Sequence[str]) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
