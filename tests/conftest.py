"""What every test may ask for."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog

import tests.examples  # noqa: F401 - it registers the profiles of hypothesis
from tests import postgres_server
from tests.stack import Stack, open_stack

structlog.configure(logger_factory=structlog.ReturnLoggerFactory())

MEMORY = Path("/dev/shm")  # noqa: S108 - each test has a directory of its own in it
ROOM_BYTES = 2 * 2**30

# A commit waits for its disk, and tests make thousands of them: where memory has room, their files lie there.
# It has to be said before the first temporary directory is made, and in the environment, for the bots in
# processes of their own.
if "TMPDIR" not in os.environ and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM_BYTES:
    os.environ["TMPDIR"] = str(MEMORY)
    tempfile.tempdir = None

LONGEST = (
    "test_tour",
    "test_kill",
    "test_mutants",
    "test_outbox_laws",
    "test_full_and_locked",
    "test_backup",
    "test_flooding",
)
"""Modules whose tests take longest: begun first, so that none keeps a worker busy when others are done."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--postgres", action="store_true", help="the store's tests, on a PostgreSQL server")
    parser.addoption("--postgres-stacks", action="store_true", help="whole bots over a PostgreSQL server")


@pytest.fixture(scope="session", autouse=True)
def database_server(request: pytest.FixtureRequest) -> Iterator[None]:
    """Run a PostgreSQL server where this run is about one."""
    of_the_store, of_stacks = map(request.config.getoption, ("--postgres", "--postgres-stacks"))
    if not of_the_store and not of_stacks:
        yield
        return
    with postgres_server.running() as server:
        postgres_server.SERVER = server if of_the_store else None
        postgres_server.FOR_STACKS = server if of_stacks else None
        yield
        postgres_server.SERVER = postgres_server.FOR_STACKS = None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the longest tests first; all else stays in its order."""
    if config.getoption("--postgres"):
        items[:] = [item for item in items if _is_about_both_engines(item)]
    if config.getoption("--postgres-stacks"):
        for item in items:
            if item.get_closest_marker("about_the_file"):
                item.add_marker(pytest.mark.skip("about the file"))
    items.sort(key=lambda item: not item.path.stem.startswith(LONGEST))


def _is_about_both_engines(item: pytest.Item) -> bool:
    return (
        "keeper" in getattr(item, "fixturenames", ()) or item.get_closest_marker("both_engines") is not None
    )


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """Run a whole bot between its neighbours."""
    async with open_stack(tmp_path) as one:
        one.start()
        yield one
