"""The whole bot over a database server: it does what it does over a file, and shares it with others."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests import postgres_server
from tests.chat.reading import moves
from tests.stack import ACCOUNT, POLYGON, USDC_POLYGON, Stack, open_stack


@pytest.fixture(scope="module")
def server() -> Iterator[postgres_server.PostgresServer]:
    with postgres_server.running() as one:
        yield one


@pytest.fixture
async def stack(tmp_path: Path, server: postgres_server.PostgresServer) -> AsyncIterator[Stack]:
    """Build the neighbours; each test starts the bots."""
    async with open_stack(tmp_path, None, server.empty_database()) as one:
        yield one


def usdc_moves(stack: Stack, units: int) -> None:
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, units * 1_000_000)


def alerts(stack: Stack) -> list[str]:
    return [text for text in stack.said() if "USDC" in moves(text)]


async def test_it_watches_tells_and_goes_on_after_a_restart(stack: Stack) -> None:
    stack.start()
    await stack.watches()
    usdc_moves(stack, -1)
    await stack.hears("−1 USDC")
    await stack.stop()
    usdc_moves(stack, 5)

    stack.start()

    await stack.hears("+5 USDC")
    await stack.asked(3)
    assert len(alerts(stack)) == 2
