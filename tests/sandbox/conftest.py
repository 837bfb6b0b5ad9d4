from collections.abc import AsyncIterator

import aiohttp
import pytest

from bot.sandbox.gateway import Gateway
from bot.sandbox.world import example_world
from tests.sandbox.gateway_client import Client


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway(example_world()).serve() as running:
        yield running


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Client(session, gateway)
