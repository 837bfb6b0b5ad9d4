"""The health pages: /healthz, /readyz and /metrics, served from a thread of their own.

A thread with its own event loop can still answer when the bot's loop is blocked, and say so. The pages know
plain values only: `Findings` holds the questions that run in the bot's loop.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from bot.web.connection_limit import ConnectionLimit
from bot.web.metrics import metrics
from bot.web.stats import BotStats

T = TypeVar("T")

ANSWER_SECONDS = 6.0
"""How long the bot's loop has for an answer; it answers at once, or is blocked."""

HEAD_SECONDS = 10.0
"""How long a client has to send a request head after it connected."""

BACKLOG = 32
"""How many connections the system accepts before `ConnectionLimit` sees them."""

CLOSING_SECONDS = 1.0
"""How long answers under way may take when the pages close."""

BLOCKED = "the event loop is blocked"

Page = Callable[[web.Request], Awaitable[web.StreamResponse]]


class CannotListen(Exception):
    """The address is taken by another program, or does not belong to this machine."""


@dataclass(frozen=True, slots=True)
class Findings:
    """The questions behind the pages, run in the bot's loop; an empty list of reasons means all is well."""

    unhealthy: Callable[[], Coroutine[Any, Any, list[str]]]
    not_ready: Callable[[], Coroutine[Any, Any, list[str]]]
    stats: Callable[[], Coroutine[Any, Any, BotStats]]


@asynccontextmanager
async def serve_pages(
    host: str, port: int, findings: Findings, *, head_seconds: float = HEAD_SECONDS
) -> AsyncIterator[int]:
    """Serve the pages while the block runs and yield the port, a free one for 0; raises CannotListen."""
    pages = asyncio.new_event_loop()
    thread = threading.Thread(target=pages.run_forever, name="pages", daemon=True)
    thread.start()

    async def in_thread(work: Coroutine[Any, Any, T]) -> T:
        # From the bot's loop into the thread of the pages.
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, pages))

    runner = web.AppRunner(
        _application(findings, asyncio.get_running_loop()),
        access_log=None,
        shutdown_timeout=CLOSING_SECONDS,
        keepalive_timeout=head_seconds,
        lingering_time=0,  # no page reads a body: one that does not come would hold the connection
    )
    try:
        await in_thread(runner.setup())
        try:
            server = await in_thread(_listen(runner, host, port))
            try:
                yield int(server.sockets[0].getsockname()[1])
            finally:
                # From its own loop, as a server may only be closed there.
                pages.call_soon_threadsafe(server.close)
        finally:
            await in_thread(runner.cleanup())
    finally:
        pages.call_soon_threadsafe(pages.stop)
        thread.join()
        pages.close()


async def _listen(runner: web.AppRunner, host: str, port: int) -> asyncio.Server:
    assert runner.server is not None, "the runner was set up"
    loop = asyncio.get_running_loop()
    try:
        return await loop.create_server(ConnectionLimit(runner.server), host, port, backlog=BACKLOG)
    except OSError as error:
        raise CannotListen(
            f"the health pages can't be served on {host}:{port} ({error.strerror}): choose another web.listen"
        ) from None


def _application(findings: Findings, bot: asyncio.AbstractEventLoop) -> web.Application:
    async def found(find: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Run a question in the bot's loop; raises TimeoutError where that is blocked."""
        async with asyncio.timeout(ANSWER_SECONDS):
            # From the thread of the pages into the bot's loop, which alone may touch its parts.
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(find(), bot))

    def page(find: Callable[[], Coroutine[Any, Any, list[str]]]) -> Page:
        async def answer(_: web.Request) -> web.Response:
            try:
                reasons = await found(find)
            except TimeoutError:
                reasons = [BLOCKED]
            return _answer(reasons)

        return answer

    async def count(_: web.Request) -> web.Response:
        try:
            stats = await found(findings.stats)
        except TimeoutError:
            return _answer([BLOCKED])
        return web.Response(body=metrics(stats), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    application = web.Application(middlewares=[_closed_after])
    application.router.add_get("/healthz", page(findings.unhealthy))
    application.router.add_get("/readyz", page(findings.not_ready))
    application.router.add_get("/metrics", count)
    return application


@web.middleware
async def _closed_after(request: web.Request, handler: Page) -> web.StreamResponse:
    """Close each connection after its answer: kept open, it would take another's place in the limit."""
    try:
        response = await handler(request)
    except web.HTTPException as refusal:
        refusal.force_close()
        raise
    response.force_close()
    return response


def _answer(reasons: list[str]) -> web.Response:
    return web.json_response({"ok": not reasons, "reasons": reasons}, status=503 if reasons else 200)
