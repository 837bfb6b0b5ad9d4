"""The health pages: whether the process is sound, and whether the bot sees and tells.

Knows plain values only: whoever builds it says how to find out what is wrong.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

Reasons = Callable[[], Awaitable[list[str]]]
"""Finds what is wrong now; nothing is good."""

CLOSING_SECONDS = 1.0
"""For answers on their way when the pages close."""


class CannotListen(Exception):
    """The address of the pages is taken, or none of this machine."""


@asynccontextmanager
async def serve_pages(host: str, port: int, *, unhealthy: Reasons, not_ready: Reasons) -> AsyncIterator[int]:
    """Serve the pages while the block runs, and give the port (a free one for 0); raises CannotListen."""
    app = web.Application()
    app.router.add_get("/healthz", _page(unhealthy))
    app.router.add_get("/readyz", _page(not_ready))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=CLOSING_SECONDS)
    await runner.setup()
    try:
        await _listen(web.TCPSite(runner, host, port), f"{host}:{port}")
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def _listen(site: web.TCPSite, address: str) -> None:
    try:
        await site.start()
    except OSError as error:
        raise CannotListen(
            f"the health pages can't be served on {address} ({error.strerror}): choose another web.listen"
        ) from None


def _page(find: Reasons) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def page(_: web.Request) -> web.Response:
        reasons = await find()
        return web.json_response({"ok": not reasons, "reasons": reasons}, status=503 if reasons else 200)

    return page
