"""The door to PostgreSQL: psycopg stands behind it.

A file has one writer and one reader by itself; a server has many. So each transaction that writes takes one
lock first, which is what `BEGIN IMMEDIATE` is to a file, and what a unit of work reads outside of one is read
from a single snapshot.
"""

import os
import re
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import psycopg
from psycopg import adapters
from psycopg.abc import Buffer, PQGen
from psycopg.adapt import Dumper, Loader
from psycopg.pq import TransactionStatus
from psycopg.sql import SQL, Literal
from psycopg.types.numeric import Int8BinaryDumper, Int8Dumper

from bot.store.database.door import AnyOf, Fence, Value
from bot.store.database.errors import CommitUnknown, DatabaseFault, DatabaseUnavailable, RoleLost
from bot.store.database.server.refusals import reason_of

RV = TypeVar("RV")

ONE_WRITER = 1_650_811_246
"""The number of the lock that each transaction takes first."""

CHANNEL = "balance_bot"
"""Where replicas tell each other that there is something new."""

_FAULTS: Mapping[str, tuple[DatabaseFault, str]] = {
    "53100": (DatabaseFault.FULL, "the disk of the database server is full: make room; nothing is lost"),
    "25006": (DatabaseFault.READ_ONLY, "the database server takes no writes: is it a standby?"),
    "42501": (DatabaseFault.READ_ONLY, "this user may not write: grant it all rights on the bot's tables"),
    "55P03": (DatabaseFault.BUSY, "others held the database for too long"),
    "40P01": (DatabaseFault.BUSY, "others held the database"),
    "57014": (DatabaseFault.SLOW, "the database server took too long"),
}
"""By SQLSTATE (PostgreSQL's manual, Appendix A); others are told by their class."""

RETRY_SECONDS = 1.0
"""For how long nobody tries to connect after an attempt that failed: as long as one may take, units of work
would come one behind the other and each wait for it."""

ANSWER_SECONDS = 12.0
"""How long an answer may take: longer than the server lets a statement run, so that nobody waits for ever for
one that stands still while its system goes on."""

STILL_SECONDS = 4.0
"""For how long a replica that holds the lock of all writers may be silent in the middle of a statement."""

STATEMENTS = 500
"""More than the program has: the server plans each once and keeps it."""

_AWAY = ("08", "53", "57", "25P03")
"""Connection trouble, lack of resources, an operator's doing, a time limit for idle transactions."""

_BROKEN = ("58", "XX")
"""Trouble of the server's system, damage."""


class ServerConnection(psycopg.Connection[Any]):
    """A connection that gives up when the server says nothing."""

    changes_tables = False
    """Whether an answer may take as long as it takes."""

    def wait(self, gen: PQGen[RV], interval: float = 0.1, timeout: float | None = None) -> RV:
        """Wait for an answer as psycopg does, but not for ever."""
        usual = None if self.changes_tables else ANSWER_SECONDS
        try:
            return super().wait(gen, interval, usual if timeout is None else timeout)
        except psycopg.OperationalError as error:
            # What the server only refused is an answer. Without one nobody could tell what belongs to what,
            # if it came after all.
            if timeout is None and error.diag.severity_nonlocalized != "ERROR":
                self.pgconn.finish()
            raise


class PostgresDatabase:
    """A database on a server; its methods are described at `door.OpenDatabase`.

    `connect` returns a new connection, for the first unit of work and whenever one was lost. `replica` is who
    this is among those that hear each other. `monotonic` is a clock in seconds that is never set.
    """

    Error = psycopg.Error

    def __init__(
        self,
        connect: Callable[[], ServerConnection],
        on_notify: Callable[[str], None] = lambda _: None,
        replica: str = "",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.written = 0
        self.connections = 0
        self._connect = connect
        self._on_notify = on_notify
        self._replica = replica
        self._notified: set[str] = set()
        """Signals of the open transaction."""
        self._types: dict[str, dict[str, str]] = {}
        """Of the columns of tables that were written to."""
        self._patience_ms = 0
        self._fence: Fence | None = None
        self._executed = 0
        """Statements that were executed in this unit of work."""
        self._is_snapshot = False
        """Whether the open transaction is one that only reads."""
        self._is_unknown = False
        """Whether it is unknown what became of the last commit."""
        self._warnings: list[str] = []
        self._listens = False
        self._monotonic = monotonic
        self._refusal: psycopg.Error | None = None
        """Why the last attempt to connect failed."""
        self._refused_at = 0.0
        self._is_cut = False
        self.conn = self._connected()

    # statements

    def execute(self, sql: str, values: Sequence[Value] = (), /) -> "_Rows":
        """Execute a statement."""
        statement = _statement(sql)
        if self._is_outside and not statement.reads:
            with self.transaction():
                return self._execute(statement.sql, values)
        if self._is_outside and not self._is_snapshot:
            self.conn.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            self._is_snapshot = True
        return self._execute(statement.sql, values)

    def executemany(self, sql: str, rows: Iterable[Sequence[Value]], /) -> int:
        """Execute a statement once for each row of values; returns how many rows were written."""
        listed = list(rows)
        if len(listed) <= 1:
            return sum(max(self.execute(sql, row).rowcount, 0) for row in listed)
        if self._is_outside:
            with self.transaction():
                return self.executemany(sql, listed)
        with self.conn.cursor() as cursor:
            cursor.executemany(_statement(sql).sql, listed)
            self._count(cursor)
            return max(cursor.rowcount, 0)

    def insert_many(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Value]]) -> None:
        """Insert rows of values in the order of `columns`."""
        self._insert(table, columns, list(rows))

    def upsert_many(
        self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Value]], *, key: Sequence[str]
    ) -> None:
        """Insert rows of values in the order of `columns`, or update the rows with the same `key`."""
        others = ", ".join(f"{column} = excluded.{column}" for column in columns if column not in key)
        action = f"DO UPDATE SET {others}" if others else "DO NOTHING"
        # Of rows with the same key the last one counts, as if they had come one by one.
        places = [columns.index(column) for column in key]
        last = {tuple(row[place] for place in places): row for row in rows}
        self._insert(table, columns, list(last.values()), f"ON CONFLICT ({', '.join(key)}) {action}")

    def _insert(
        self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Value]], on_conflict: str = ""
    ) -> None:
        """Insert rows by one statement with an array for each column: in half the time of row by row."""
        if not rows:
            return
        types = self._types_of(table, columns)
        arrays = ", ".join(f"CAST(? AS {types[column]}[])" for column in columns)
        values: list[Any] = [list(column) for column in zip(*rows, strict=True)]
        self.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT * FROM unnest({arrays}) t {on_conflict}",
            values,
        )

    def _types_of(self, table: str, columns: Sequence[str]) -> Mapping[str, str]:
        """Return the types of a table's columns; those of all tables are read at once."""
        if not self._types.get(table, {}).keys() >= set(columns):
            self._types.clear()
            for of_table, column, kind in self.execute(
                "SELECT relname, attname, format_type(atttypid, NULL) FROM pg_attribute"
                " JOIN pg_class c ON c.oid = attrelid AND relkind = 'r' AND attnum > 0 AND NOT attisdropped"
                " WHERE relnamespace = to_regnamespace(quote_ident(current_schema()))"
            ).fetchall():
                self._types.setdefault(of_table, {})[column] = kind
        return self._types[table]

    def any_of(self, values: Iterable[Value]) -> AnyOf:
        """Return the condition that a column has any of these values; of none, it is true of no row."""
        return AnyOf("= ANY (?)", (list(values),))

    # transactions

    @contextmanager
    def unit(self, fence: Fence | None) -> Iterator[None]:
        """Get ready for a unit of work, connecting anew where need be, and clean up behind it."""
        self._fence, self._executed, self._is_unknown = fence, 0, False
        try:
            if self.conn.closed:
                self._reconnect()
            yield
        finally:
            self._fence = None
            self._end_snapshot()

    @contextmanager
    def transaction(self, *, alone: bool = True) -> Iterator[None]:
        """Commit what is done inside, or nothing of it if that raises."""
        self._end_snapshot()
        try:
            self._begin(alone=alone)
            yield
            self._commit()
        except BaseException as error:
            self._notified.clear()
            self._roll_back()
            if isinstance(error, psycopg.errors.LockNotAvailable):
                self._end_who_stands_still()
            raise
        self._tell()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Within a transaction: undo what is done inside, and only that, if it raises."""
        with self.conn.transaction():
            yield

    def _begin(self, *, alone: bool) -> None:
        """Begin a transaction, `alone` as the only one who writes; see if the fence still lets it through."""
        fence = self._fence
        begin = "BEGIN; SET LOCAL lock_timeout = {patience}"
        lock = "; SELECT pg_advisory_xact_lock({lock})" if alone else ""
        # A key share: whoever renews the lease goes on, whoever takes it over, and with that changes the
        # epoch, waits until this transaction has ended. In one message, as each costs a way to the server.
        check = "; SELECT 1 FROM lease WHERE role = {role} AND epoch = {epoch} FOR KEY SHARE"
        query = SQL(begin + lock + (check if fence else "")).format(
            patience=Literal(self._patience_ms),
            lock=Literal(ONE_WRITER),
            role=Literal(fence.role if fence else ""),
            epoch=Literal(fence.epoch if fence else 0),
        )
        cursor = self.conn.execute(query)
        while cursor.nextset():
            pass
        if fence is not None and cursor.fetchone() is None:
            raise RoleLost(fence.role)

    def _commit(self) -> None:
        """Commit, and tell the others, in one message."""
        self._warnings.clear()
        notes = SQL("").join(
            SQL("SELECT pg_notify({}, {}); ").format(Literal(CHANNEL), Literal(f"{self._replica} {signal}"))
            for signal in sorted(self._notified)
        )
        try:
            cursor = self.conn.execute(notes + SQL("COMMIT"))
            while cursor.nextset():
                pass
            done = cursor.statusmessage
        except psycopg.OperationalError:
            self._is_unknown = True
            raise
        if done != "COMMIT":  # how it says, after an error that nobody passed on, that nothing was done
            raise psycopg.errors.InFailedSqlTransaction("a statement of the transaction had failed")
        if self._warnings:
            # It is committed here, but no standby has it: a failover would take it back.
            self._is_unknown = True
            raise psycopg.OperationalError(self._warnings[0])

    def _roll_back(self) -> None:
        try:
            if not self.conn.closed:
                self.conn.rollback()
        except psycopg.Error:
            self.conn.close()

    def _end_who_stands_still(self) -> None:
        """End the session of a replica that writes and has stopped in the middle of a statement.

        The server ends by itself who is silent between two statements, but waits without a limit for the rest
        of one, or until its result is taken.
        """
        with suppress(psycopg.Error):
            self.conn.execute(
                SQL(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
                    " WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 0 AND l.objid = {lock}"
                    " AND a.datname = current_database() AND a.usename = current_user AND a.state = 'active'"
                    " AND a.wait_event_type = 'Client'"
                    " AND a.state_change < clock_timestamp() - make_interval(secs => {seconds})"
                ).format(lock=Literal(ONE_WRITER), seconds=Literal(STILL_SECONDS))
            )

    def _end_snapshot(self) -> None:
        if self._is_snapshot:
            self._is_snapshot = False
            self._roll_back()

    @property
    def _is_outside(self) -> bool:
        """Whether no transaction is open that writes."""
        return self._is_snapshot or self.conn.info.transaction_status is TransactionStatus.IDLE

    # the server

    def now_ms(self) -> int:
        """Return the time of the server's clock, in milliseconds since 1970."""
        (now,) = self.execute(
            "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"
        ).fetchone()
        return int(now)

    def size(self) -> int:
        """Return how many bytes the database takes."""
        (size,) = self.execute("SELECT pg_database_size(current_database())").fetchone()
        return int(size)

    def skip_ids(self, count: int) -> None:
        """Leave out so many of the next numbers of each table that never gives a number twice."""
        with self.transaction() if self._is_outside else nullcontext():
            for (sequence,) in self.execute(
                "SELECT format('%I.%I', schemaname, sequencename) FROM pg_sequences"
                " WHERE schemaname = current_schema()"
            ).fetchall():
                self.execute(
                    "SELECT setval(CAST(? AS regclass), nextval(CAST(? AS regclass)) + ? - 1)",
                    [sequence, sequence, count],
                )

    def load(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Value]]) -> None:
        """Within a transaction: insert many rows of a table that has no such rows yet."""
        with (
            self.conn.cursor() as cursor,
            cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN".encode()) as copy,
        ):
            for row in rows:
                copy.write_row(row)

    def last_numbers(self) -> Mapping[str, int]:
        """Return the last number that each table gave which never gives one twice."""
        given = {
            table: self.execute(f"SELECT last_value, is_called FROM {sequence}").fetchone()
            for table, _, sequence in self._sequences()
        }
        return {table: last for table, (last, is_given) in given.items() if is_given}

    def set_last_numbers(self, numbers: Mapping[str, int]) -> None:
        """Within a transaction: go on behind these numbers, and behind those that rows have."""
        for table, column, sequence in self._sequences():
            (highest,) = self.execute(f"SELECT coalesce(max({column}), 0) FROM {table}").fetchone()
            last = max(highest, numbers.get(table, 0))
            if last > 0:
                self.execute("SELECT setval(CAST(? AS regclass), ?)", [sequence, last])

    def migrated(self) -> Mapping[str, str]:
        """Return the names of the migrations that made the tables, each with when it did."""
        rows = self.execute("SELECT name, applied_at FROM migration").fetchall()
        return {name: str(at) for name, at in rows}

    def notify(self, signal: str) -> None:
        """Tell whoever waits for `signal`, here and elsewhere, once the transaction is committed."""
        with self.transaction() if self._is_outside else nullcontext():
            self._notified.add(signal)

    def hear(self, seconds: float) -> None:
        """Wait for signals of other replicas for so long, and pass each on as it comes."""
        if not self._listens:
            self.conn.execute(f"LISTEN {CHANNEL}")
            self._listens = True
        for heard in self.conn.notifies(timeout=seconds):
            replica, _, signal = heard.payload.rpartition(" ")
            if replica != self._replica:
                self._on_notify(signal)

    def set_patience(self, seconds: float) -> None:
        """Set how long transactions wait for another program that holds the database."""
        # Zero would mean for ever there.
        self._patience_ms = max(1, int(seconds * 1000))

    def may_repeat(self, error: Exception) -> bool:
        """Whether a unit of work failed before any of it was done, as the connection was gone already."""
        is_fault = self.fault_of(error) is not None
        return is_fault and self.conn.closed and not self._executed and not self._is_unknown

    def fault_of(self, error: Exception) -> DatabaseUnavailable | None:
        """Return why the database can't be used; None: the error is a mistake of the program."""
        if not isinstance(error, psycopg.Error):
            return None
        if error.diag.message_primary:  # what else it says are values, and the statement
            error.args = (error.diag.message_primary,)
        state = error.sqlstate or ""
        if state == "25006":  # a former primary: `connect` finds the new one
            self.conn.close()
        if self._is_unknown:
            return CommitUnknown(
                DatabaseFault.AWAY, f"the database server went away during a commit ({error})"
            )
        if state in _FAULTS:
            kind, text = _FAULTS[state]
            return DatabaseUnavailable(kind, f"{text} ({error})")
        # Without a state the error is the connection's: it was lost, or never made.
        is_connection = not state and isinstance(error, psycopg.OperationalError)
        if is_connection or state.startswith(_AWAY):
            reason = reason_of(str(error))
            return DatabaseUnavailable(DatabaseFault.AWAY, f"the database server does not answer ({reason})")
        if state.startswith(_BROKEN):
            return DatabaseUnavailable(DatabaseFault.BROKEN, f"the database server is in trouble ({error})")
        return None

    def close(self) -> None:
        """Close the connection."""
        self.conn.close()

    def cut(self) -> None:
        """Let whatever waits for an answer fail, now and from now on; may be called from any thread."""
        self._is_cut = True
        # What waits has the connection for itself: only its socket may be touched beside that.
        with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(self.conn.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)

    def _reconnect(self) -> None:
        if self._is_cut:
            raise psycopg.OperationalError("it is not needed any more")
        if self._refusal is not None and self._monotonic() < self._refused_at + RETRY_SECONDS:
            raise self._refusal.with_traceback(None)
        try:
            self.conn, self._refusal = self._connected(), None
        except psycopg.Error as error:
            self._refusal, self._refused_at = error, self._monotonic()
            raise

    def _sequences(self) -> list[tuple[str, str, str]]:
        """Return each table that numbers its rows, with the column and the sequence."""
        return self.execute(
            "SELECT table_name, column_name, pg_get_serial_sequence(table_name, column_name)"
            " FROM information_schema.columns WHERE table_schema = current_schema() AND is_identity = 'YES'"
        ).fetchall()

    def _connected(self) -> ServerConnection:
        connection = self._connect()
        self.connections += 1
        connection.adapters.register_loader("numeric", _WholeNumberLoader)
        connection.adapters.register_dumper(bool, _TruthDumper)
        # Of one size, whatever the value: each combination of types would be a statement to be planned anew.
        for dumper in (Int8Dumper, Int8BinaryDumper):
            connection.adapters.register_dumper(int, dumper)
        connection.prepared_max = STATEMENTS
        connection.add_notice_handler(self._note_warning)
        self._is_snapshot = self._listens = False
        return connection

    def _note_warning(self, notice: "psycopg.errors.Diagnostic") -> None:
        if notice.severity_nonlocalized == "WARNING":
            self._warnings.append(notice.message_primary or "")

    def _execute(self, sql: str, values: Sequence[Value]) -> "_Rows":
        cursor = self.conn.execute(sql, values)
        self._count(cursor)
        return _Rows(cursor)

    def _count(self, cursor: "psycopg.Cursor[Any]") -> None:
        self._executed += 1
        if not self._is_snapshot and (cursor.statusmessage or "").startswith(("INSERT", "UPDATE", "DELETE")):
            self.written += max(cursor.rowcount, 0)

    def _tell(self) -> None:
        while self._notified:
            self._on_notify(self._notified.pop())


class _Rows:
    """What came of a statement; one that returns nothing has no rows, which is no error."""

    def __init__(self, cursor: "psycopg.Cursor[Any]") -> None:
        self._cursor = cursor

    @property
    def rowcount(self) -> int:
        return self._cursor.rowcount

    @property
    def description(self) -> Any:  # noqa: ANN401 - as in `door.Rows`
        return self._cursor.description

    def fetchone(self) -> Any:  # noqa: ANN401 - the same
        return None if self.description is None else self._cursor.fetchone()

    def fetchall(self) -> list[Any]:
        return [] if self.description is None else self._cursor.fetchall()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.fetchall())


class _TruthDumper(Dumper):
    """Conditions are kept as 0 and 1."""

    oid = adapters.types["int8"].oid

    def dump(self, obj: object) -> bytes:
        return b"1" if obj else b"0"


class _WholeNumberLoader(Loader):
    """A sum of integers is a `numeric` there; all that is stored is whole."""

    def load(self, data: Buffer) -> int:
        return int(bytes(data).decode())


class _Statement(NamedTuple):
    """A statement as psycopg takes it."""

    sql: str
    reads: bool
    """Whether it only reads."""


@lru_cache(maxsize=1024)
def _statement(sql: str) -> _Statement:
    """Return a statement with psycopg's marks for values; quotes and comments are left as they are."""
    parts = re.split(r"('(?:[^']|'')*'|--[^\n]*)", sql.replace("%", "%%"))
    marked = "".join(part if place % 2 else part.replace("?", "%s") for place, part in enumerate(parts))
    bare = "".join(parts[::2])
    first = bare.split(None, 1)[0].upper() if bare.strip() else ""
    reads = first in ("SELECT", "EXPLAIN", "VALUES", "WITH", "SHOW") and not re.search(
        r"\b(INSERT INTO|UPDATE|DELETE FROM)\b", bare
    )
    return _Statement(marked, reads)
