"""A new database for a test, copied from one: to make its tables anew takes longer than most tests.

Tests of how a database comes to be, and of migrations, let the store make it.
"""

import sqlite3
import tempfile
from functools import cache
from pathlib import Path

import pytest
from sqlite_utils import Database

from bot.store.database.door import OpenDatabase
from bot.store.database.lite import LiteDatabase
from bot.store.database.schema import migrations


def put_new_database(path: Path) -> None:
    """Put a database without a row where there is none."""
    path.touch(mode=0o600, exist_ok=False)
    path.write_bytes(_template())


def sqlite_of(db: OpenDatabase) -> sqlite3.Connection:
    """Return SQLite's own connection; a test that needs it is skipped where there is a server."""
    if not isinstance(db, LiteDatabase):
        pytest.skip("about a file")
    return db.conn


@cache
def _template() -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "template.sqlite3"
        db = Database(path, execute_plugins=False, strict=True)
        migrations.apply(db)
        db.close()
        return path.read_bytes()
