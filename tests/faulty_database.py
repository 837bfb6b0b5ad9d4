"""A database that loses its connection on purpose, where a test says so."""

import sqlite3
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import Enum

import psycopg

from bot.store.database.connection import DatabaseThread
from bot.store.database.door import Fence, OpenDatabase, Value
from bot.store.database.errors import CommitUnknown, DatabaseFault, DatabaseUnavailable, RoleLost
from bot.store.database.lite import LiteDatabase
from bot.store.database.server.postgres import PostgresDatabase


class Fate(Enum):
    """What becomes of a transaction that writes."""

    DONE = "done"
    LOST = "lost"
    """The connection is lost before the commit: nothing of it is done."""
    UNKNOWN_DONE = "done, and nobody knows"
    UNKNOWN_LOST = "not done, and nobody knows"
    ROLE_LOST = "refused"


_WRITES = ("INSERT", "UPDATE", "DELETE")


class _Failure(sqlite3.OperationalError):
    def __init__(self, fault: DatabaseUnavailable) -> None:
        super().__init__(str(fault))
        self.fault = fault


class FaultyDatabase(LiteDatabase):
    """A file that behaves like a server which may go away at any commit."""

    is_away = False
    """Whether nothing is answered at all."""

    def __init__(self, healthy: LiteDatabase) -> None:
        super().__init__(healthy.raw, healthy._path, healthy._on_notify)
        self.fates: deque[Fate] = deque()
        """Of the next transactions; afterwards all are done."""
        self.unknown_with = ""
        """A table: the next transaction that inserts many rows into it is done, and nobody knows."""
        self._is_unknown = False

    @contextmanager
    def unit(self, fence: Fence | None) -> Iterator[None]:
        if self.is_away:
            raise failure_of(Fate.LOST)
        with super().unit(fence):
            yield

    @contextmanager
    def transaction(self, *, alone: bool = True) -> Iterator[None]:
        fate = self.fates.popleft() if self.fates else Fate.DONE
        if fate is Fate.ROLE_LOST:
            raise failure_of(fate)
        self._is_unknown = False
        with super().transaction(alone=alone):
            yield
            if fate in (Fate.LOST, Fate.UNKNOWN_LOST):
                raise failure_of(fate)
        if fate is Fate.UNKNOWN_DONE or self._is_unknown:
            raise failure_of(Fate.UNKNOWN_DONE)

    def execute(self, sql: str, values: Sequence[Value] = (), /) -> sqlite3.Cursor:
        # What returns rows can't be committed before they are read.
        if self.conn.in_transaction or not sql.lstrip().startswith(_WRITES) or "RETURNING" in sql:
            return super().execute(sql, values)
        with self.transaction():
            return super().execute(sql, values)

    def insert_many(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Value]]) -> None:
        super().insert_many(table, columns, rows)
        if table == self.unknown_with:
            self.unknown_with, self._is_unknown = "", True

    def fault_of(self, error: Exception) -> DatabaseUnavailable | None:
        return error.fault if isinstance(error, _Failure) else super().fault_of(error)


class ForgetfulServer(PostgresDatabase):
    """A server from which a commit is heard of no more, once a test says so."""

    unknown_with = ""
    """As with a file."""
    _is_forgotten = False

    def insert_many(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Value]]) -> None:
        super().insert_many(table, columns, rows)
        if table == self.unknown_with:
            self.unknown_with, self._is_forgotten = "", True

    def _commit(self) -> None:
        super()._commit()
        if self._is_forgotten:
            self._is_forgotten, self._is_unknown = False, True
            self.conn.close()
            raise psycopg.OperationalError("the connection was lost during a commit")


async def make_forgetful(db: DatabaseThread) -> FaultyDatabase | ForgetfulServer:
    """Let a file or a server do what it is asked without anybody knowing, where it is told to."""

    def wrapped(healthy: OpenDatabase) -> ForgetfulServer | None:
        if not isinstance(healthy, PostgresDatabase):
            return None
        server = ForgetfulServer(healthy._connect, healthy._on_notify, healthy._replica)
        server._patience_ms = healthy._patience_ms
        healthy.close()
        return server

    server = await db.run(wrapped)
    if server is None:
        return await make_faulty(db)
    db._db = server
    return server


async def make_faulty(db: DatabaseThread) -> FaultyDatabase:
    """Let what is behind a thread fail from now on, as it is told to."""

    def wrapped(healthy: OpenDatabase) -> FaultyDatabase:
        assert isinstance(healthy, LiteDatabase)
        return FaultyDatabase(healthy)

    db._db = faulty = await db.run(wrapped)
    return faulty


def failure_of(fate: Fate) -> sqlite3.Error:
    """Return what the engine raises where a transaction is not known to be done."""
    if fate is Fate.ROLE_LOST:
        return _Failure(RoleLost("sender"))
    if fate is Fate.LOST:
        return _Failure(DatabaseUnavailable(DatabaseFault.AWAY, "the connection was lost"))
    return _Failure(CommitUnknown(DatabaseFault.AWAY, "the connection was lost during a commit"))
