"""Finds what only SQLite understands in the statements of the store.

Statements are read from the source: every text with a word of SQL in it, with constants put in their places.
A rule is a row of docs/decisions/0024-one-sql.md.
"""

import ast
import importlib
import re
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

_WORDS = re.compile(
    r"\b(SELECT|INSERT INTO|INSERT OR|REPLACE INTO|UPDATE|DELETE|WHERE|FROM|JOIN|ORDER BY|VALUES|EXISTS"
    r"|AND|OR|IN|IS|CASE|WITH|CAST|PRAGMA|LIMIT)\b"
)
_UNKNOWN = "{}"
"""Stands where a statement has something that is known only when it runs."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement, or a part of one, and where it stands."""

    line: int
    sql: str


@dataclass(frozen=True, slots=True)
class Rule:
    """Something that the two engines don't have in common."""

    not_this: str
    but_this: str
    is_broken: Callable[[str], bool]


def statements_of(source: str, module: ModuleType | None = None) -> Iterator[Statement]:
    """Yield the statements of a module's source; `module` has the constants that it puts together."""
    known = {name: value for name, value in vars(module or object).items() if isinstance(value, str)}
    for node, names in _texts(ast.parse(source), known):
        sql = _text(node, names)
        if sql is not None and _WORDS.search(sql):
            yield Statement(node.lineno, sql)


def module_of(path: Path, root: Path) -> ModuleType:
    """Import the module of a source file below the project's root."""
    return importlib.import_module(".".join(path.relative_to(root).with_suffix("").parts))


def _texts(
    node: ast.AST, known: Mapping[str, str]
) -> Iterator[tuple[ast.Constant | ast.JoinedStr, Mapping[str, str]]]:
    """Yield every text but docstrings, the parts of an f-string only as a whole, with what is known there."""
    if isinstance(node, ast.FunctionDef):
        known = {**known, **_named_in(node, known)}
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue
        if isinstance(child, ast.JoinedStr):
            yield child, known
            for part in child.values:
                if isinstance(part, ast.FormattedValue):
                    yield from _texts(part, known)
        elif isinstance(child, ast.Constant) and isinstance(child.value, str):
            yield child, known
        else:
            yield from _texts(child, known)


def _named_in(function: ast.FunctionDef, known: Mapping[str, str]) -> dict[str, str]:
    """Return the texts that a function gives a name, to put them into others."""
    found: dict[str, str] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            text = _text(node.value, {**known, **found})
            if text is not None:
                found[node.targets[0].id] = text
    return found


def _text(node: ast.AST, known: Mapping[str, str]) -> str | None:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_text(part, known) or "" for part in parts)
        case ast.FormattedValue(value=ast.Name(id=name)) if name in known:
            return known[name]
        case ast.FormattedValue(value=ast.Attribute(attr="sql")):
            return "= ANY (?)"  # a condition made by the door, as the other engine has it
        case ast.FormattedValue():
            return _UNKNOWN
        case _:
            return None


def _without_texts(sql: str) -> str:
    return re.sub(r"'[^']*'", "''", sql)


def _levels(sql: str) -> list[str]:
    """Return a statement and whatever stands in parentheses, each with its own parentheses emptied.

    Those with a subselect are left as `(SELECT)`.
    """
    open_levels, done = [""], []
    for letter in _without_texts(sql):
        if letter == "(":
            open_levels.append("")
        elif letter == ")" and len(open_levels) > 1:
            inside = open_levels.pop()
            done.append(inside)
            open_levels[-1] += "(SELECT)" if re.match(r"\s*(SELECT|WITH)\b", inside) else "()"
        else:
            open_levels[-1] += letter
    return [*done, *open_levels]


def _pattern(pattern: str) -> Callable[[str], bool]:
    found = re.compile(pattern)
    return lambda sql: found.search(_without_texts(sql)) is not None


def _on_a_level(pattern: str) -> Callable[[str], bool]:
    found = re.compile(pattern)
    return lambda sql: any(found.search(level) for level in _levels(sql))


def _arguments(sql: str, name: str) -> Iterator[str]:
    """Yield what stands in the parentheses of each call of a function, with its own parentheses emptied."""
    plain = _without_texts(sql)
    for call in re.finditer(rf"\b{name}\s*\(", plain):
        depth, inside = 1, ""
        for letter in plain[call.end() :]:
            depth += (letter == "(") - (letter == ")")
            if depth == 0:
                break
            if letter == "(" and depth == 2:
                inside += "()"
            elif depth == 1 and letter != ")":
                inside += letter
        yield inside


def _compares_by_function(sql: str) -> bool:
    return any("," in inside for name in ("min", "max") for inside in _arguments(sql, name))


def _adds_up_conditions(sql: str) -> bool:
    return any(
        re.search(r"[=<>]|\bIS\b", inside) and "CASE" not in inside
        for name in ("min", "max", "sum", "avg")
        for inside in _arguments(sql, name)
    )


_FLAG = r"(?:\w+\.)?(?:is_\w+|open|decided|rebasing)"
_TAKES_FLAGS = (
    _pattern(rf"\b(WHERE|AND|OR|NOT|ON|WHEN)\s+{_FLAG}\b(?!\s*([=<>.(]|IS\b|IN\b|NOT\b))"),
    _pattern(r"(=|<>)\s*NOT\b"),
    _pattern(r"(=|<>)\s*\((?!\s*SELECT\b|\s*WITH\b)[^()]*\b(IN|LIKE|IS)\b"),
    _pattern(r"(=|<>)\s*(TRUE|FALSE)\b"),
    _adds_up_conditions,
)


def _takes_integers_for_conditions(sql: str) -> bool:
    return any(does(sql) for does in _TAKES_FLAGS)


def _leaves_own_columns_bare(sql: str) -> bool:
    """Return whether what is set on a conflict names a column without its table."""
    for level in _levels(sql):
        for action in re.findall(r"\bDO UPDATE\s+SET\b(.*?)(?:\bRETURNING\b|$)", level, re.DOTALL):
            # Only what stands right of a target, or in a condition, may mean two tables.
            values = re.sub(r"(^|,)\s*\w+\s*=", r"\1", action)
            if re.search(r"(?<![\w.])[a-z_]\w*(?![\w.(])(?!\s*\()", values):
                return True
    return any(
        re.search(r"(?<![\w.])[a-z_]\w*(?![\w.(])(?!\s*\()", inside)
        for action in re.findall(r"\bDO UPDATE\s+SET\b(.*)", _without_texts(sql), re.DOTALL)
        for name in ("coalesce", "nullif", "abs")
        for inside in _arguments(action.split("RETURNING")[0], name)
    )


def _leaves_order_of_nulls_open(nullable: AbstractSet[str]) -> Callable[[str], bool]:
    """Return whether NULL could stand in an order: no condition is on a column that may be NULL."""

    def is_broken(sql: str) -> bool:
        compared = {
            column
            for column in nullable
            if re.search(rf"\b{column} ([=<>]|BETWEEN\b|IS NOT NULL\b|IN\b)", _without_texts(sql))
        }
        for order in re.findall(r"\bORDER BY\b((?:(?!\bLIMIT\b|\bRETURNING\b)[^()]|\([^()]*\))*)", sql):
            for one in re.split(r",(?![^()]*\))", order):
                names = {name for name in re.findall(r"\w+", one) if name in nullable - compared}
                if names and "NULLS" not in one and "IS NULL" not in one and "coalesce" not in one:
                    return True
        return False

    return is_broken


def rules(nullable: AbstractSet[str]) -> tuple[Rule, ...]:
    """Return all rules; `nullable` are the columns that may be NULL."""
    return (
        Rule("a mark with a number or a name", "?", _pattern(r"\?\d|(?<![:\w]):[a-z_]\w*|[@$]\w+")),
        Rule("ifnull", "coalesce", _pattern(r"\bifnull\s*\(")),
        Rule("a list of marks by hand, or an empty one", "any_of", _pattern(r"\bIN\s*\(\s*(\{\}\s*)?\)")),
        Rule("REPLACE, OR IGNORE", "ON CONFLICT", _pattern(r"\bREPLACE INTO\b|\b(INSERT|UPDATE) OR\b")),
        Rule("min or max of two", "CASE", _compares_by_function),
        Rule("iif", "CASE", _pattern(r"\biif\s*\(")),
        Rule("IS with a value", "coalesce", _pattern(r"\bIS\s+(NOT\s+)?(?!NOT\b|NULL\b)")),
        Rule("CROSS JOIN as an order", "IN or EXISTS", _pattern(r"\bCROSS JOIN\b")),
        Rule(
            "a subselect without a name",
            "a name",
            _on_a_level(r"\b(FROM|JOIN)\s+\(SELECT\)(?!\s+(AS )?[a-z])"),
        ),
        Rule("x''", "a value of bytes", _pattern(r"\b[xX]''")),
        Rule("an integer as a condition", "= 1", _takes_integers_for_conditions),
        Rule("an own column alone in DO UPDATE", "table.column", _leaves_own_columns_bare),
        Rule("last_insert_rowid", "RETURNING id", _pattern(r"\blast_insert_rowid\b|\browid\b")),
        Rule("LIMIT without ORDER BY", "ORDER BY", _on_a_level(r"(?s)^(?!.*\bORDER BY\b).*\bLIMIT\b")),
        Rule("NULL anywhere in an order", "NULLS FIRST", _leaves_order_of_nulls_open(nullable)),
        Rule("CAST behind AND", "CASE", _pattern(r"\b(AND|OR)\b(?:(?!\bTHEN\b)[^;])*\bCAST\s*\(")),
        Rule("CAST to 32 bits", "BIGINT", _pattern(r"\bAS INT(EGER)?\b")),
        Rule(
            "what the file alone has",
            "a method of the door",
            _pattern(r"\bsqlite_\w+|\bPRAGMA\b|\bGLOB\b|\bjson_\w+\(|\bstrftime\(|\bgroup_concat\("),
        ),
    )
