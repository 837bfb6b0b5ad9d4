"""What every test may ask for."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import structlog

from tests.house import House, open_house

structlog.configure(logger_factory=structlog.ReturnLoggerFactory())


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Run a whole bot between its neighbours."""
    async with open_house(tmp_path) as one:
        one.start()
        yield one
