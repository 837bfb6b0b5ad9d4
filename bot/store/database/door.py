"""What the store asks of a database: the one door to it, whichever engine stands behind.

Statements are written in the SQL that SQLite and PostgreSQL have in common; `tests/store/test_common_sql.py`
lists what that leaves out. `lite` is the door to SQLite, `postgres` that to PostgreSQL.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from bot.store.database.errors import DatabaseUnavailable

Value = int | str | bytes | None
"""What a column holds. Conditions are kept as 0 and 1, which `True` and `False` equal."""


class Rows(Protocol):
    """What came of a statement: its rows, or how many it wrote."""

    @property
    def rowcount(self) -> int:
        """How many rows were written."""

    @property
    def description(self) -> Any:  # noqa: ANN401 - each engine has a class of its own for a column
        """The columns of the rows, each with its name first."""

    def fetchone(self) -> Any:  # noqa: ANN401 - a row is what was selected, which only the statement says
        """Return the next row as a tuple; None: there is no other."""

    def fetchall(self) -> list[Any]:
        """Return all rows that are left, as tuples."""

    def __iter__(self) -> Iterator[Any]:
        """Yield the rows that are left, as tuples."""


class AnyOf(NamedTuple):
    """A condition that a column has any of some values, as part of a statement."""

    sql: str
    """Follows the column; for no values it is true of no row."""
    values: tuple[Any, ...]
    """The values of its marks, in order."""


class Database(Protocol):
    """A database as units of work use it, in its own thread.

    `?` marks a value in a statement. What is executed outside a transaction is committed by itself.
    """

    @property
    def Error(self) -> type[Exception]:  # noqa: N802 - named as in PEP 249, as connections have it
        """The base of all errors of the engine."""

    def execute(self, sql: str, values: Sequence[Value] = (), /) -> Rows:
        """Execute a statement."""

    def executemany(self, sql: str, rows: Iterable[Sequence[Value]], /) -> int:
        """Execute a statement once for each row of values; returns how many rows were written."""

    def insert_many(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Value]]) -> None:
        """Insert rows of values in the order of `columns`."""

    def upsert_many(
        self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Value]], *, key: Sequence[str]
    ) -> None:
        """Insert rows of values in the order of `columns`, or update the rows with the same `key`.

        `key` names columns that are unique together. Columns that are not named keep their values.
        """

    def any_of(self, values: Iterable[Value]) -> AnyOf:
        """Return the condition that a column has any of these values; of none, it is true of no row."""

    def transaction(self, *, alone: bool = True) -> AbstractContextManager[None]:
        """Commit what is done inside, or nothing of it if that raises; nobody else writes meanwhile.

        Unless `alone`, other replicas may write meanwhile, and need not be waited for: for statements that
        each change a row only if it still is what they expect.
        """

    def savepoint(self) -> AbstractContextManager[None]:
        """Within a transaction: undo what is done inside, and only that, if it raises."""

    def now_ms(self) -> int:
        """Return the time of the database's own clock, in milliseconds since 1970."""

    def size(self) -> int:
        """Return how many bytes the database takes."""

    def skip_ids(self, count: int) -> None:
        """Leave out so many of the next numbers of each table that never gives a number twice."""

    def notify(self, signal: str) -> None:
        """Tell whoever waits for `signal` once the transaction is committed, and not if it isn't."""


class Fence(NamedTuple):
    """Lets through what a replica writes while it holds a role, and nothing once another one does."""

    role: str
    epoch: int
    """How often the role had changed hands when the replica took it."""


class OpenDatabase(Database, Protocol):
    """A database as the thread that opened it sees it."""

    @property
    def written(self) -> int:
        """How many rows this connection has written so far."""

    @property
    def connections(self) -> int:
        """How many connections were made so far; each after the first took the place of a lost one."""

    def unit(self, fence: Fence | None) -> AbstractContextManager[None]:
        """Stand around a unit of work, all of whose writes have to pass a fence.

        What is written once the fence is closed raises RoleLost, and nothing of its transaction is done.
        """

    def may_repeat(self, error: Exception) -> bool:
        """Whether a unit of work failed before any of it was done, by what was gone before it began."""

    def hear(self, seconds: float) -> None:
        """Wait for signals of other programs for so long, and pass each on as it comes."""

    def load(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Value]]) -> None:
        """Within a transaction: insert many rows of a table that has no such rows yet, as fast as it goes.

        Rows may refer to others of the same call.
        """

    def last_numbers(self) -> Mapping[str, int]:
        """Return the last number that each table gave which never gives one twice."""

    def set_last_numbers(self, numbers: Mapping[str, int]) -> None:
        """Within a transaction: go on behind these numbers, and behind those that rows have."""

    def migrated(self) -> Mapping[str, str]:
        """Return the names of the migrations that made the tables, each with when it did.

        The first of these moments tells a database from any other but its copies.
        """

    def set_patience(self, seconds: float) -> None:
        """Set how long statements wait for another program that holds the database."""

    def fault_of(self, error: Exception) -> DatabaseUnavailable | None:
        """Return why the database can't be used; None: the error is a mistake of the program."""

    def close(self) -> None:
        """Close the connection."""

    def cut(self) -> None:
        """Let whatever waits for an answer fail, now and from now on; may be called from any thread."""
