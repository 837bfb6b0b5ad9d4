"""How a statement is carried out, in the same words whichever engine does it."""

from collections.abc import Iterator, Sequence
from typing import Any

from bot.store.database.door import Database, Value
from bot.store.database.lite import LiteDatabase


def plan_of(db: Database, sql: str, values: Sequence[Value] = ()) -> list[str]:
    """Return the steps of a statement: `SEARCH table USING INDEX name` or `SCAN table`, and what is sorted.

    A server reads small tables whole whatever indexes they have: it is asked what it would do if it couldn't.
    """
    if isinstance(db, LiteDatabase):
        return [step for *_, step in db.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()]
    with db.transaction():
        db.execute("SET LOCAL enable_seqscan = off")
        (((found,),),) = db.execute(f"EXPLAIN (FORMAT JSON) {sql}", values).fetchall()
    return list(_steps(found["Plan"]))


def _steps(node: dict[str, Any], table: str = "") -> Iterator[str]:
    kind = node["Node Type"]
    table = node.get("Alias", table)
    condition = node.get("Index Cond")
    if kind in ("Index Scan", "Index Only Scan", "Bitmap Index Scan"):
        covering = "COVERING " if kind == "Index Only Scan" else ""
        how = "SEARCH" if condition else "SCAN"
        yield f"{how} {table} USING {covering}INDEX {node['Index Name']} {condition or ''}".rstrip()
    elif kind == "Seq Scan":
        yield f"SCAN {table}"
    elif kind in ("Sort", "Incremental Sort"):
        yield "USE TEMP B-TREE FOR ORDER BY"
    for below in node.get("Plans", ()):
        yield from _steps(below, table)
