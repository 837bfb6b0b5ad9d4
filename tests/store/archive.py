"""Archives databases that the code of this checkout wrote, for the migrations of later ones to meet.

    python -m tests.store.archive DIRECTORY

takes from a directory, which pytest was given as `--basetemp`, few databases that together have rows in every
table, and packs them as `tests/store/old/mNNN.tar.xz`, named after the newest migration.
"""

import io
import sqlite3
import sys
import tarfile
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlite_utils import Database

from bot.store.database.schema import migrations

OLD = Path(__file__).parent / "old"
NAME = "bot.sqlite3"

Rows = Mapping[str, int]
"""How many rows each table has."""


def tables_of(db: sqlite3.Connection) -> list[str]:
    """Return the names of all tables but SQLite's and those of the migrations."""
    names = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    return [name for name in names if not name.startswith(("sqlite_", "_sqlite_"))]


def find_databases(directory: Path, names: set[str]) -> dict[Path, Rows]:
    """Return the sound databases that exactly these migrations made, and what they hold."""
    found: dict[Path, Rows] = {}
    for path in sorted(directory.rglob(NAME)):
        with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as db:  # a test may have broken it
            if is_sound(db) and migrations_of(db) == names:
                found[path] = {table: count_rows(db, table) for table in tables_of(db)}
    return found


def is_sound(db: sqlite3.Connection) -> bool:
    dangling = db.execute("PRAGMA foreign_key_check").fetchall()
    return not dangling and db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def migrations_of(db: sqlite3.Connection) -> set[str]:
    return {name for (name,) in db.execute("SELECT name FROM _sqlite_migrations")}


def count_rows(db: sqlite3.Connection, table: str) -> int:
    return len(db.execute(f"SELECT 1 FROM {table}").fetchall())


def choose(databases: Mapping[Path, Rows]) -> list[Path]:
    """Return few databases, and small ones, that together fill every table; exits if there are none."""
    empty = {table for rows in databases.values() for table in rows}
    filled = {path: {table for table in rows if rows[table]} for path, rows in databases.items()}
    chosen = []
    while empty and any(empty & tables for tables in filled.values()):
        best = max(filled, key=lambda path: (len(filled[path] & empty), -sum(databases[path].values())))
        chosen.append(best)
        empty -= filled[best]
    if empty or not chosen:
        sys.exit(f"{len(databases)} databases, and none has a row in: {', '.join(sorted(empty))}")
    return chosen


def pack(databases: Iterable[Path], archive: Path) -> None:
    """Pack databases, each in a directory of its own, without what SQLite keeps beside them."""
    with TemporaryDirectory() as directory, tarfile.open(archive, "w:xz", preset=9) as tar:
        for number, path in enumerate(databases, 1):
            compact = Path(directory) / str(number)
            with closing(sqlite3.connect(path)) as db:
                db.execute("VACUUM INTO ?", [str(compact)])
            member = tarfile.TarInfo(f"{number}/{NAME}")
            member.size, member.mode = compact.stat().st_size, 0o600
            tar.addfile(member, io.BytesIO(compact.read_bytes()))


def main(directory: Path) -> None:
    with closing(Database(memory=True)) as nothing_yet:
        names = [migration.name for migration in migrations.pending(nothing_yet)]
    databases = choose(find_databases(directory, set(names)))
    pack(databases, OLD / f"{names[-1].partition('_')[0]}.tar.xz")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
