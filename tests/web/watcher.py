"""An outside watcher, such as healthchecks.io, on loopback."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class Watcher:
    """Answers every call with `status`, once `answers` is set."""

    url: str = ""
    status: int = 200
    paths: list[str] = field(default_factory=list)
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    is_endless: bool = False

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.paths.append(request.path_qs)
        await self.answers.wait()
        if self.is_endless:
            return await self._go_on(request)
        return web.Response(status=self.status, headers={"Location": f"{self.url}/elsewhere"})

    async def _go_on(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(2**20 * b"x")


@asynccontextmanager
async def open_watcher() -> AsyncIterator[Watcher]:
    """Serve a watcher that takes every call."""
    one = Watcher()
    one.answers.set()
    application = web.Application()
    application.router.add_get("/{path:.*}", one.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.05)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    one.url = site.name
    yield one
    await runner.cleanup()
