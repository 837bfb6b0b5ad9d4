"""A gateway to ask in tests: a real server that answers as it is told to."""

import asyncio
import json
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypedDict, Unpack

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from bot.domain.ask.questions import Question
from bot.domain.assets import Address, ChainId
from bot.indexer.budget import Bounds
from bot.indexer.client import IndexerClient
from bot.indexer.errors import IndexerError

KEY = "AQAAAAAAAKeyThatOpensNothing"
ANN = Address("0x8e3e38fe7367dd3b52d1e281e4e8400447c8d8b9")
USDC = Address("0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48")
MAINNET = ChainId(1)
QUESTION = Question(accounts=(ANN,), chain_ids=(MAINNET,))

Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Gateway:
    """A server that gives its replies in turn, the last one for ever, and remembers what it was asked."""

    replies: list[Reply]
    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    requests: list[web.Request] = field(default_factory=list)
    at_once: int = 0
    at_once_most: int = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.at_once += 1
        self.at_once_most = max(self.at_once_most, self.at_once)
        try:
            self.bodies.append(await request.read())
            self.requests.append(request)
            reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
            return await reply(request)
        finally:
            self.at_once -= 1

    @property
    def page_sizes(self) -> list[int]:
        return [json.loads(body)["page"]["pageSize"] for body in self.bodies]


@asynccontextmanager
async def gateway(*replies: Reply) -> AsyncIterator[Gateway]:
    told = Gateway(list(replies))
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", told.answer)
    server = TestServer(app)
    await server.start_server()
    told.url = str(server.make_url("/rpc/IndexerGateway"))
    try:
        yield told
    finally:
        await server.close()


class Pauses(list[float]):
    """A sleep that only takes notes."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


class Clock:
    """A clock that moves only where somebody sleeps by it."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        until = self.now + seconds
        await asyncio.sleep(0.01)  # whoever can get by meanwhile does
        self.now = max(self.now, until)


class Options(TypedDict, total=False):
    timeout_seconds: float
    extra_timeout_seconds: float
    page_size: int
    max_concurrent_requests: int
    pages_max: int
    sleep: Callable[[float], Awaitable[None]]
    rng: Callable[[], float]
    now: Callable[[], float]
    monotonic: Callable[[], float]
    bounds: Bounds


def client_of(told: Gateway, **options: Unpack[Options]) -> IndexerClient:
    wishes: Options = {"sleep": Pauses(), "rng": lambda: 1.0, "now": lambda: 1000.0, **options}
    return IndexerClient(told.url, KEY, **wishes)


def says(body: bytes, status: int = 200, headers: Mapping[str, str] = MappingProxyType({})) -> Reply:
    async def reply(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body, status=status, headers=headers)

    return reply


def refuses(
    status: int, code: int, message: str = "words", headers: Mapping[str, str] = MappingProxyType({})
) -> Reply:
    return says(json.dumps({"code": code, "msg": message, "status": status}).encode(), status, headers)


def packs(body: bytes, encoding: str = "gzip") -> Reply:
    return says(body, headers={"Content-Encoding": encoding})


def page(balance: int = 5, contract: str = USDC, mark: bytes = b'{"more":false}') -> bytes:
    row = {
        "contractType": "ERC20",
        "contractAddress": contract,
        "accountAddress": ANN,
        "balance": str(balance),
        "chainId": 1,
    }
    reply = {"balances": [{"chainId": 1, "results": [row]}], "nativeBalances": None}
    return json.dumps(reply).encode()[:-1] + b',"page":' + mark + b"}"


def contract(number: int) -> str:
    return f"0x{number:040x}"


@contextmanager
def failing(kind: type[IndexerError]) -> Iterator[pytest.ExceptionInfo[IndexerError]]:
    """Expect exactly this error, and the key nowhere in it nor in the log."""
    with capture_logs() as logs, pytest.raises(IndexerError) as caught:
        yield caught
    assert type(caught.value) is kind
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(logs)
    assert KEY not in told


async def fails(told: Gateway, kind: type[IndexerError], **options: Unpack[Options]) -> IndexerError:
    async with client_of(told, **options) as client:
        with failing(kind) as caught:
            await client.balances(QUESTION)
    return caught.value
