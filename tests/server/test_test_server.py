"""Servers of tests end with the tests, also with tests that are killed."""

import asyncio
import shutil
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import psycopg
import pytest

from tests.postgres_server import running
from tests.waits import until

RUNS_ONE = """
import sys
from tests.postgres_server import running
with running() as server:
    print(server.url("postgres"), flush=True)
    sys.stdin.read()
"""


async def test_a_server_ends_with_whoever_started_it_and_was_killed() -> None:
    tests = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", RUNS_ONE), cwd=Path(__file__).parents[2], stdin=PIPE, stdout=PIPE
    )
    assert tests.stdout is not None
    url = (await tests.stdout.readline()).decode().strip()
    with psycopg.connect(url) as connection:
        (place,) = connection.execute("SELECT current_setting('data_directory')").fetchone() or ("",)
    tests.kill()
    await tests.wait()
    data = Path(place)
    await until(lambda: not (data / "postmaster.pid").exists())
    shutil.rmtree(data.parent)

    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


def test_a_server_runs_until_then() -> None:
    with running() as server:
        server.execute("SELECT 1", "postgres")
        url = server.url("postgres")
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)
