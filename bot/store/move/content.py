"""What tables hold, read piece by piece in the order of their keys, and compared by digests.

Both engines order keys alike: numbers by their value, texts and blobs by their bytes.
"""

from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import NamedTuple

import msgspec

from bot.store.database.door import OpenDatabase, Value
from bot.store.database.moved import MARK
from bot.store.database.tables import TableShape
from bot.store.replicas.membership import CONFIGURATION

ROWS_AT_ONCE = 5_000
"""Read, and written in one transaction: some megabytes, and well below a second."""

Row = tuple[Value, ...]

_encode = msgspec.msgpack.Encoder().encode


class Digest(NamedTuple):
    """Tells tables apart that differ in any value."""

    rows: int
    hash: str


def slices(db: OpenDatabase, table: TableShape, after: Row | None, rows_at_once: int) -> Iterator[list[Row]]:
    """Yield the rows of a table behind a key, or all, in its order; a table that has to be whole at once."""
    if is_whole(table):
        yield _read(db, f"SELECT {', '.join(table.columns)} FROM {table.name} ORDER BY {_all_columns(table)}")
        return
    key, marks = ", ".join(table.key), ", ".join("?" * len(table.key))
    select = f"SELECT {', '.join(table.columns)} FROM {table.name} WHERE "
    while True:
        behind = "1 = 1" if after is None else f"({key}) > ({marks})"
        rows = _read(
            db,
            f"{select}{behind} AND {that_move(table)} ORDER BY {key} LIMIT ?",
            [*(after or ()), rows_at_once],
        )
        if rows:
            yield rows
            after = key_of(table, rows[-1])
        if len(rows) < rows_at_once:
            return


def last_key(db: OpenDatabase, table: TableShape) -> Row | None:
    """Return the highest key of a table; None: it has no rows."""
    order = ", ".join(f"{column} DESC" for column in table.key)
    rows = _read(
        db,
        f"SELECT {', '.join(table.key)} FROM {table.name} WHERE {that_move(table)} ORDER BY {order} LIMIT 1",
    )
    return rows[0] if rows else None


def key_of(table: TableShape, row: Row) -> Row:
    """Return the key of a row."""
    return tuple(row[table.columns.index(column)] for column in table.key)


def digest_of(
    db: OpenDatabase,
    table: TableShape,
    rows_at_once: int,
    up_to: int | None = None,
    between: Callable[[], None] = lambda: None,
) -> Digest:
    """Return the digest of a table; of its first rows alone, if it is said how many.

    `between` is called behind each slice.
    """
    digest, count = sha256(), 0
    for rows in slices(db, table, None, rows_at_once):
        counted = rows if up_to is None else rows[: up_to - count]
        digest.update(b"".join(map(_encode, counted)))
        count += len(counted)
        between()
        if count == up_to:
            break
    return Digest(count, digest.hexdigest())


def count_rows(db: OpenDatabase, table: TableShape) -> int:
    """Return how many rows of a table move."""
    ((count,),) = _read(db, f"SELECT count(*) FROM {table.name} WHERE {that_move(table)}")
    return int(count)  # type: ignore[arg-type]


def is_whole(table: TableShape) -> bool:
    """Say whether a table is copied in one transaction: rows without a key, or that refer to each other."""
    return not table.key or table.name in table.refers_to


def that_move(table: TableShape) -> str:
    """Return the condition for those rows of a table that move; the others are each database's own."""
    return f"name NOT IN ('{MARK}', '{CONFIGURATION}')" if table.name == "setting" else "1 = 1"


def _all_columns(table: TableShape) -> str:
    return ", ".join(f"{column} NULLS FIRST" for column in table.columns)


def _read(db: OpenDatabase, sql: str, values: Sequence[Value] = ()) -> list[Row]:
    with db.unit(None):
        return db.execute(sql, values).fetchall()
