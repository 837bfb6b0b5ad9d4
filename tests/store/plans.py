"""How a statement is carried out, in the same words whichever engine does it."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, cast

from bot.store.database.door import Database, Rows, Value
from bot.store.database.lite import LiteDatabase

_AS_IF_TABLES_WERE_LARGE = (
    *(f"SET LOCAL enable_{way} = off" for way in ("seqscan", "bitmapscan", "hashjoin", "mergejoin")),
    """
    SELECT pg_restore_attribute_stats('schemaname', 'public', 'relname', CAST(relname AS text),
      'attname', CAST(attname AS text), 'inherited', false,
      'n_distinct', CAST(-0.1 AS real), 'null_frac', CAST(0 AS real), 'avg_width', 8)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND attnum > 0 AND NOT attisdropped
    WHERE relnamespace = CAST('public' AS regnamespace) AND relkind = 'r'
    """,
)
"""What a server believes of every table: there are ten rows of each value, and ten pages, which it assumes of
a small table whose rows nobody has counted.
"""


class _RolledBack(Exception):
    """Nothing of it stays."""


def plan_of(db: Database, sql: str, values: Sequence[Value] = ()) -> list[str]:
    """Return the steps of a statement: `SEARCH table USING INDEX name (a=? AND b>?)`, `SCAN table`, sorting.

    A server reads small tables whole, so it is asked what it would do with large ones.
    """
    return _plans(db, {sql: values})[sql]


def plans_of(db: Database, work: Callable[[Database], object]) -> dict[str, list[str]]:
    """Return for each statement by which a function reads, by which steps it is carried out."""
    executed: dict[str, Sequence[Value]] = {}

    class Overheard:
        def __getattr__(self, name: str) -> object:
            return getattr(db, name)

        def execute(self, sql: str, values: Sequence[Value] = (), /) -> Rows:
            executed[sql] = values
            return db.execute(sql, values)

    work(cast("Database", Overheard()))
    return _plans(db, {sql: values for sql, values in executed.items() if sql.lstrip().startswith("SELECT")})


def _plans(db: Database, statements: dict[str, Sequence[Value]]) -> dict[str, list[str]]:
    plans: dict[str, list[str]] = {}
    if isinstance(db, LiteDatabase):
        for sql, values in statements.items():
            plans[sql] = [step for *_, step in db.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()]
        return plans
    with suppress(_RolledBack), db.transaction():
        for preparation in _AS_IF_TABLES_WERE_LARGE:
            db.execute(preparation)
        for sql, values in statements.items():
            (((found,),),) = db.execute(f"EXPLAIN (FORMAT JSON) {sql}", values).fetchall()
            plans[sql] = list(_steps(found["Plan"]))
        raise _RolledBack
    return plans


def _steps(node: dict[str, Any], table: str = "") -> Iterator[str]:
    kind = node["Node Type"]
    table = node.get("Alias", table)
    if kind in ("Index Scan", "Index Only Scan", "Bitmap Index Scan"):
        covering = "COVERING " if kind == "Index Only Scan" else ""
        condition = _condition(node["Index Cond"]) if "Index Cond" in node else ""
        how = "SEARCH" if condition else "SCAN"
        yield f"{how} {table} USING {covering}INDEX {node['Index Name']} {condition}".rstrip()
    elif kind == "Seq Scan":
        yield f"SCAN {table}"
    elif kind == "Sort":
        yield "USE TEMP B-TREE FOR ORDER BY"
    for below in node.get("Plans", ()):
        yield from _steps(below, table)


def _condition(condition: str) -> str:
    """Return which columns of an index are compared and how, as SQLite says it."""
    compared = re.findall(r"\((\w+) (=|<|>|IS NULL)", condition)
    return f"({' AND '.join(column + (how if how in '<>' else '=') + '?' for column, how in compared)})"
