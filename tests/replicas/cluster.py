"""A PostgreSQL server that takes writes, and a standby that has each before it is acknowledged."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import Popen
from typing import Any, Self

import psycopg

from tests.postgres_server import Programs, free_port, installed, stop
from tests.waits import HANG_SECONDS

OPTIONS = "-c max_connections=40 -c shared_buffers=32MB -c wal_retrieve_retry_interval=500ms -k ''"

BOTH_HAVE_IT = "ALTER SYSTEM SET synchronous_standby_names = 'standby'"
ONE_IS_ENOUGH = "ALTER SYSTEM RESET synchronous_standby_names"


@dataclass(frozen=True)
class Node:
    """One of the servers."""

    data: Path
    port: int


class Cluster:
    """Both servers; whoever operates them acts as a cluster manager would, and never has two that write."""

    def __init__(self, programs: Programs) -> None:
        self._programs = programs
        self.nodes = tuple(Node(programs.data_folder(name), free_port()) for name in ("first", "second"))
        self.primary, self.standby = self.nodes
        self._running: dict[Node, Popen[bytes]] = {}

    @asynccontextmanager
    async def run(self) -> AsyncIterator[Self]:
        """Make and run both servers until the end of the block."""
        await asyncio.to_thread(self._programs.initialize, self.primary.data)
        try:
            await self.start_primary()
            await self.execute("CREATE DATABASE bot", "postgres")
            await self.attach_standby()
            yield self
        finally:
            for node in list(self._running):
                await self._stop(node)

    async def stop_primary(self) -> None:
        """Stop the server that takes writes at once, as if its machine had lost its power and came back."""
        await self._stop(self.primary)

    def kill_primary(self) -> None:
        """End the server that takes writes as `kill -9` does; its processes end with it."""
        server = self._running.pop(self.primary)
        server.kill()
        stop(server)

    async def start_primary(self) -> None:
        """Start the server that takes writes."""
        await self._start(self.primary)

    async def promote_standby(self) -> None:
        """Let the standby take writes in place of the server that was killed."""
        await self._run("pg_ctl", "promote", "-w", "-D", self.standby.data)
        self.primary, self.standby = self.standby, self.primary

    async def attach_standby(self) -> None:
        """Make the standby anew from what the other server has; from then on no commit is done without it."""
        await asyncio.to_thread(_empty, self.standby.data)
        await self.execute(ONE_IS_ENOUGH)
        await self._run(
            *(
                "pg_basebackup",
                "--no-sync",
                "--checkpoint=fast",
                "--write-recovery-conf",
                "-D",
                self.standby.data,
                "-d",
            ),
            f"host=127.0.0.1 port={self.primary.port} user=postgres application_name=standby",
        )
        await self._start(self.standby)
        await self.execute(BOTH_HAVE_IT)
        await self.execute("SELECT pg_reload_conf()")
        async with asyncio.timeout(HANG_SECONDS):
            while await self.query(_SYNCHRONOUS) != [(1,)]:  # noqa: ASYNC110 - servers set no event
                await asyncio.sleep(0.05)

    async def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query, as the server's superuser."""
        return await asyncio.to_thread(self._query, sql, "bot")

    async def execute(self, sql: str, database: str = "bot") -> None:
        """Execute a statement that returns nothing of interest."""
        await asyncio.to_thread(self._query, sql, database)

    def _query(self, sql: str, database: str) -> list[tuple[Any, ...]]:
        url = f"postgresql://postgres@127.0.0.1:{self.primary.port}/{database}?connect_timeout=10"
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(sql.encode())
            return [] if cursor.description is None else cursor.fetchall()

    async def _start(self, node: Node) -> None:
        start = self._programs.start
        self._running[node] = await asyncio.to_thread(start, node.data, node.port, OPTIONS)

    async def _stop(self, node: Node) -> None:
        await asyncio.to_thread(stop, self._running.pop(node))

    async def _run(self, program: str, *arguments: str | Path) -> None:
        await asyncio.to_thread(self._programs.run, program, *arguments)


_SYNCHRONOUS = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"


@asynccontextmanager
async def running_cluster() -> AsyncIterator[Cluster]:
    """Run a new cluster until the end of the block."""
    copied = installed()
    # In a thread, as files take seconds on a busy machine: another world would stand still meanwhile.
    programs = await asyncio.to_thread(copied.__enter__)
    try:
        async with Cluster(programs).run() as cluster:
            yield cluster
    finally:
        await asyncio.to_thread(copied.__exit__, None, None, None)


def _empty(directory: Path) -> None:
    for file in sorted(directory.rglob("*"), reverse=True):
        file.unlink() if not file.is_dir() or file.is_symlink() else file.rmdir()
