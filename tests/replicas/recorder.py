"""A stop on the way from one replica to a neighbour: it notes each request, and may hold it."""

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal, Self

from aiohttp import ClientError, ClientSession, web

Place = Literal["before", "after"]
"""Where a request is held: before the neighbour has it, or when it has answered."""


@dataclass
class Exchange:
    """A request, and what became of it; moments are of the monotonic clock, None: not yet, or never."""

    method: str
    arrived_at: float
    answered_at: float | None = None
    passed_at: float | None = None
    """When the answer was handed to the system of whoever asked, which may not read it."""
    gone_at: float | None = None
    """When the connection ended before that."""
    status: int = 0
    answer: bytes = field(default=b"", repr=False)

    @property
    def is_open(self) -> bool:
        """Whether somebody still waits for the answer."""
        return self.passed_at is None and self.gone_at is None

    @property
    def said(self) -> str:
        """The text of the message that Telegram accepted; empty: it accepted none."""
        result = json.loads(self.answer)["result"] if self.answer else None
        return str(result.get("text", "")) if isinstance(result, dict) else ""


class HeldRequest:
    """The next request of a method that has some bytes in it, held where it was asked for."""

    def __init__(self, method: str, place: Place, mark: bytes) -> None:
        self.method = method
        self.place = place
        self.mark = mark
        self.arrived = asyncio.Event()
        self.recorder: Recorder | None = None
        """Where it was held."""
        self._released = asyncio.Event()
        self._is_dropped = False

    def release(self) -> None:
        """Let it go on."""
        self._released.set()

    def drop(self) -> None:
        """Let it never arrive."""
        self._is_dropped = True
        self._released.set()

    async def pass_by(self, recorder: "Recorder") -> None:
        """Hold the caller until released; raises ConnectionResetError if it is dropped."""
        self.recorder = recorder
        self.arrived.set()
        await self._released.wait()
        if self._is_dropped:
            raise ConnectionResetError


class Recorder:
    """Passes on the requests of one replica to the server at `url`, whoever is gone meanwhile.

    Each request that fits one of `holds`, a list that may be shared with others, is held, and that removed.
    """

    def __init__(self, url: str, holds: list[HeldRequest]) -> None:
        self.url = ""
        self.exchanges: list[Exchange] = []
        self.on_request: Callable[[Exchange], None] = lambda _: None
        self._there = url
        self._session: ClientSession
        self._holds = holds
        self._under_way: set[asyncio.Task[web.Response]] = set()

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[Self]:
        """Answer on loopback until the end of the block."""
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._receive)
        runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        try:
            async with ClientSession(auto_decompress=False) as self._session:
                site = web.TCPSite(runner, "127.0.0.1", 0)
                await site.start()
                self.url = site.name
                yield self
                for task in self._under_way:
                    task.cancel()
                await asyncio.gather(*self._under_way, return_exceptions=True)
        finally:
            await runner.cleanup()

    @property
    def polls(self) -> Iterator[Exchange]:
        """The requests for updates, newest first, as far as they can be open."""
        return itertools.islice((one for one in reversed(self.exchanges) if one.method == "getUpdates"), 3)

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        method = request.path.rpartition("/")[2]
        exchange = Exchange(method, time.monotonic())
        self.on_request(exchange)
        self.exchanges.append(exchange)
        try:
            body = await request.read()
            task = asyncio.create_task(self._ask(request, body, exchange))
            self._under_way.add(task)
            task.add_done_callback(self._end)
            # What has left can't be called back: it arrives even if whoever sent it is gone by then.
            answer = await (task if method == "getUpdates" else asyncio.shield(task))
            await answer.prepare(request)
            await answer.write_eof()
            exchange.passed_at = time.monotonic()
        except asyncio.CancelledError:
            exchange.gone_at = time.monotonic()
            raise
        except (ClientError, ConnectionError):
            exchange.gone_at = time.monotonic()
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        return answer

    def _end(self, task: asyncio.Task[web.Response]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # nobody may be left who asks for it

    async def _ask(self, request: web.Request, body: bytes, exchange: Exchange) -> web.Response:
        await self._stop_at(exchange.method, "before", body)
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in {"host", "content-length"}
        }
        async with self._session.request(
            request.method, self._there + request.path_qs, data=body, headers=headers
        ) as said:
            content = await said.read()
        exchange.answered_at, exchange.status = time.monotonic(), said.status
        if exchange.method == "sendMessage" and said.ok:
            exchange.answer = content
        await self._stop_at(exchange.method, "after", body)
        kept = {
            name: said.headers[name] for name in ("Content-Type", "Content-Encoding") if name in said.headers
        }
        return web.Response(status=said.status, body=content, headers=kept)

    async def _stop_at(self, method: str, place: Place, body: bytes) -> None:
        for hold in self._holds:
            if (hold.method, hold.place) == (method, place) and hold.mark in body:
                self._holds.remove(hold)
                await hold.pass_by(self)
                return
