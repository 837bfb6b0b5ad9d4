"""Statements of the store are in the SQL that SQLite and PostgreSQL have in common."""

import ast
from pathlib import Path

import pytest
import sqlite_utils

from bot.store.database.schema import migrations
from tests.store.common_sql import Rule, module_of, rules, statements_of

ROOT = Path(__file__).parents[2]
STORE = ROOT / "bot/store"
OF_THE_FILE = {"copy.py", "file.py", "inspect.py", "lite.py", "schema.py", "tables.py"}
"""Of the folder `database`; what is about the server has a folder of its own."""

MODULES = [
    path
    for path in sorted(STORE.rglob("*.py"))
    if path.parent.name != "server" and not (path.parent.name == "database" and path.name in OF_THE_FILE)
]

EXAMPLES = [
    ("a mark with a number or a name", "SELECT 1 WHERE a = ?1", "SELECT 1 WHERE a = ?"),
    ("a mark with a number or a name", "SELECT 1 WHERE a = :now", "SELECT 1 WHERE a = 'at :now'"),
    ("ifnull", "SELECT ifnull(a, 0) FROM t", "SELECT coalesce(a, 0) FROM t"),
    ("a list of marks by hand, or an empty one", "SELECT 1 WHERE a IN ({})", "SELECT 1 WHERE a IN (?, ?)"),
    ("a list of marks by hand, or an empty one", "SELECT 1 WHERE a IN ()", "SELECT 1 WHERE a IN (SELECT 1)"),
    ("REPLACE, OR IGNORE", "REPLACE INTO t (a) VALUES (?)", "INSERT INTO t (a) VALUES (?)"),
    (
        "REPLACE, OR IGNORE",
        "INSERT OR IGNORE INTO t (a) VALUES (?)",
        "INSERT INTO t (a) VALUES (?) ON CONFLICT (a) DO NOTHING",
    ),
    (
        "REPLACE, OR IGNORE",
        "UPDATE OR IGNORE t SET a = ?",
        "UPDATE t SET a = ? WHERE NOT EXISTS (SELECT 1 FROM t o WHERE o.a = ?)",
    ),
    ("min or max of two", "SELECT max(a, (b + 1)) FROM t", "SELECT max(coalesce(a, b)) FROM t"),
    ("iif", "SELECT iif(a = 1, 2, 3)", "SELECT CASE WHEN a = 1 THEN 2 ELSE 3 END"),
    ("IS with a value", "SELECT 1 WHERE a IS ?", "SELECT 1 WHERE coalesce(a, 0) = ?"),
    ("IS with a value", "SELECT 1 WHERE a IS NOT 0", "SELECT 1 WHERE a IS NOT NULL"),
    ("IS with a value", "SELECT 1 WHERE a IS NOT DISTINCT FROM ?", "SELECT 1 WHERE a IS NULL"),
    ("CROSS JOIN as an order", "SELECT 1 FROM a CROSS JOIN b", "SELECT 1 FROM a JOIN b ON b.id = a.id"),
    ("a subselect without a name", "SELECT a FROM (SELECT 1) WHERE 1 = 1", "SELECT a FROM (SELECT 1) t"),
    ("x''", "SELECT 1 WHERE a <> x''", "SELECT 1 WHERE a <> ''"),
    ("an integer as a condition", "SELECT 1 WHERE is_owner", "SELECT 1 WHERE is_owner = 1"),
    ("an integer as a condition", "SELECT 1 WHERE c.open AND a = 1", "SELECT 1 WHERE c.open = 1 AND a = 1"),
    ("an integer as a condition", "UPDATE t SET a = NOT a", "UPDATE t SET a = 1 - a"),
    (
        "an integer as a condition",
        "SELECT 1 WHERE a = (b IN (1))",
        "SELECT 1 WHERE a = (SELECT 1 WHERE b IN (1))",
    ),
    (
        "an integer as a condition",
        "SELECT max(a = ?) FROM t",
        "SELECT count(CASE WHEN a = ? THEN 1 END) FROM t",
    ),
    (
        "an own column alone in DO UPDATE",
        "INSERT INTO t (a) VALUES (?) ON CONFLICT (a) DO UPDATE SET b = b + 1, c = excluded.c",
        "INSERT INTO t (a) VALUES (?) ON CONFLICT (a) DO UPDATE SET b = t.b + 1, c = excluded.c RETURNING id",
    ),
    (
        "an own column alone in DO UPDATE",
        "INSERT INTO t (a) VALUES (?) ON CONFLICT (a) DO UPDATE SET b = coalesce(excluded.b, b)",
        "INSERT INTO t (a) VALUES (?) ON CONFLICT (a) DO UPDATE SET b = coalesce(excluded.b, t.b)",
    ),
    ("last_insert_rowid", "SELECT last_insert_rowid()", "INSERT INTO t (a) VALUES (?) RETURNING id"),
    ("LIMIT without ORDER BY", "SELECT 1 FROM t LIMIT 1", "SELECT 1 FROM t ORDER BY a LIMIT 1"),
    (
        "LIMIT without ORDER BY",
        "SELECT (SELECT 1 FROM t LIMIT 1) FROM t ORDER BY a",
        "SELECT (SELECT 1 FROM t ORDER BY a LIMIT 1) FROM t",
    ),
    ("NULL anywhere in an order", "SELECT 1 FROM t ORDER BY id, title", "SELECT 1 FROM t ORDER BY id"),
    (
        "NULL anywhere in an order",
        "SELECT 1 FROM t ORDER BY lower(t.title) DESC LIMIT 1",
        "SELECT 1 FROM t ORDER BY lower(t.title) DESC NULLS LAST LIMIT 1",
    ),
    (
        "NULL anywhere in an order",
        "SELECT 1 FROM t WHERE id = ? ORDER BY title",
        "SELECT 1 FROM t WHERE t.title BETWEEN ? AND ? ORDER BY t.title DESC",
    ),
    (
        "CAST behind AND",
        "SELECT 1 WHERE name = 'a' AND CAST(value AS BIGINT) > 1",
        "SELECT 1 WHERE CASE WHEN name = 'a' AND b = 1 THEN CAST(value AS BIGINT) END > 1",
    ),
    ("CAST to 32 bits", "SELECT CAST(a AS INTEGER)", "SELECT CAST(a AS BIGINT)"),
    ("what the file alone has", "PRAGMA page_count", "SELECT 1"),
    ("what the file alone has", "UPDATE sqlite_sequence SET seq = 1", "UPDATE sequence SET seq = 1"),
]


@pytest.fixture(scope="module")
def all_rules() -> tuple[Rule, ...]:
    """Return the rules, with the columns of today's tables that may be NULL."""
    db = sqlite_utils.Database(memory=True, execute_plugins=False)
    migrations.apply(db)
    nullable = {
        column.name
        for table in db.tables
        for column in table.columns
        if not column.notnull and not column.is_pk
    }
    return rules(nullable)


@pytest.mark.parametrize(("name", "bad", "good"), EXAMPLES)
def test_each_rule_refuses_what_one_engine_alone_understands_and_passes_its_opposite(
    name: str, bad: str, good: str
) -> None:
    (rule,) = [rule for rule in rules({"title"}) if rule.not_this == name]
    assert rule.is_broken(bad)
    assert not rule.is_broken(good)


def test_every_rule_has_an_example() -> None:
    assert {rule.not_this for rule in rules(set())} == {name for name, *_ in EXAMPLES}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(STORE)))
def test_a_module_speaks_the_sql_of_both_engines(path: Path, all_rules: tuple[Rule, ...]) -> None:
    source = path.read_text()
    broken = [
        f"line {one.line}: {rule.not_this}, write {rule.but_this}: {one.sql}"
        for one in statements_of(source, module_of(path, ROOT))
        for rule in all_rules
        if rule.is_broken(one.sql)
    ] + [f"line {line}: lastrowid, write RETURNING id" for line in _lines_with("lastrowid", source)]
    assert not broken, "\n".join(broken)


def test_statements_are_found_with_their_constants_in_place_and_docstrings_are_none() -> None:
    source = '''
"""SELECT nothing."""
_WHO = "SELECT id FROM chat"
def read(db, ids, which):
    """Read FROM the database."""
    here = "WHERE open = 1"
    db.execute(f"{_WHO} {here} AND id {db.any_of(ids).sql} AND {which}")
    return {"no": "statement"}
'''
    module = type(ast)("made up")
    module.__dict__["_WHO"] = "SELECT id FROM chat"
    assert [one.sql for one in statements_of(source, module)] == [
        "SELECT id FROM chat",
        "WHERE open = 1",
        "SELECT id FROM chat WHERE open = 1 AND id = ANY (?) AND {}",
    ]


def _lines_with(attribute: str, source: str) -> list[int]:
    nodes = ast.walk(ast.parse(source))
    return [node.lineno for node in nodes if isinstance(node, ast.Attribute) and node.attr == attribute]
