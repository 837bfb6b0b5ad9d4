"""What every test may ask for."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog

from tests.house import House, open_house

structlog.configure(logger_factory=structlog.ReturnLoggerFactory())

LONGEST = ("test_tour", "test_kill", "test_twins", "test_outbox_laws", "test_backup", "test_flooding")
"""Modules whose tests take longest: begun first, so that none keeps a worker busy when others are done."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest tests first; all else stays in its order."""
    items.sort(key=lambda item: not item.path.stem.startswith(LONGEST))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Run a whole bot between its neighbours."""
    async with open_house(tmp_path) as one:
        one.start()
        yield one
