"""The health pages: whether the process is sound, and whether the bot sees and tells.

Knows plain values only: whoever builds it says how to find out what is wrong.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

Reasons = Callable[[], Awaitable[list[str]]]
"""Finds what is wrong now; nothing is good."""


@asynccontextmanager
async def serve_pages(host: str, port: int, *, unhealthy: Reasons, not_ready: Reasons) -> AsyncIterator[int]:
    """Serve the pages while the block runs, and give the port (a free one for 0)."""
    app = web.Application()
    app.router.add_get("/healthz", _page(unhealthy))
    app.router.add_get("/readyz", _page(not_ready))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, shutdown_timeout=1.0).start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def _page(find: Reasons) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def page(_: web.Request) -> web.Response:
        reasons = await find()
        return web.json_response({"ok": not reasons, "reasons": reasons}, status=503 if reasons else 200)

    return page
