from collections.abc import AsyncIterator

import aiohttp
import pytest
from telegram import Bot

from bot.sandbox.gateway.server import Gateway
from bot.sandbox.gateway.world import example_world
from bot.sandbox.telegram.server import SANDBOX_USER_ID, Telegram, example_telegram
from bot.sandbox.telegram.world.world import Chat, User
from tests.sandbox.gateway.client import Client
from tests.sandbox.telegram.client import Api


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway(example_world()).serve() as running:
        yield running


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Client(session, gateway)


@pytest.fixture
async def telegram() -> AsyncIterator[Telegram]:
    async with example_telegram().serve() as running:
        yield running


@pytest.fixture
async def api(telegram: Telegram) -> AsyncIterator[Api]:
    async with aiohttp.ClientSession() as session:
        yield Api(session, telegram)


@pytest.fixture
async def bot(telegram: Telegram) -> AsyncIterator[Bot]:
    async with Bot(telegram.token, base_url=f"{telegram.url}/bot") as bot:
        yield bot


@pytest.fixture
def alice(telegram: Telegram) -> User:
    return telegram.user(SANDBOX_USER_ID)


@pytest.fixture
def chat(telegram: Telegram) -> Chat:
    return telegram.chat(SANDBOX_USER_ID)
