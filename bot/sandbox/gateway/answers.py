"""The gateway's HTTP responses: whole, or spoiled by an interruption.

An interruption needs the connection itself: it cuts bodies off, drips them byte by byte, or hangs up.
"""

import asyncio
import json
import zlib
from collections.abc import Callable, Mapping

from aiohttp import hdrs, web

from bot.sandbox.gateway.errors import BAD_METHOD, WireError
from bot.sandbox.gateway.faults.kinds import (
    AnswerError,
    AnswerHtml,
    CutBody,
    DripBody,
    DropConnection,
    GzipBomb,
    Interruption,
    Redirect,
)
from bot.sandbox.gateway.rows import Row

_SERVED_BY = {"Webrpc": "webrpc@v0.31.2;gen-golang@v0.23.1;sequence-indexer@v0.4.0"}
_GZIP_WINDOW = zlib.MAX_WBITS + 16  # the 16 asks for gzip's frame around the packed bytes
_BLANKS = b" " * 2**20


def json_response(answer: Row, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return a JSON answer with the gateway's own headers."""
    return web.Response(
        status=status,
        body=json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode(),
        content_type="application/json",
        headers={**_SERVED_BY, **(headers or {})},
    )


def error_response(error: WireError, headers: Mapping[str, object] | None = None) -> web.Response:
    """Return an error in its envelope."""
    allow = {hdrs.ALLOW: hdrs.METH_POST} if error.code == BAD_METHOD.code else {}
    given = {name: str(value) for name, value in (headers or {}).items()}
    return json_response(error.envelope(), error.status, allow | given)


def html_response(status: int, body: str) -> web.Response:
    """Return an answer as a proxy in front of the gateway would give it."""
    return web.Response(status=status, text=body, content_type="text/html")


async def send(
    request: web.Request, fault: Interruption | None, answer: Callable[[], web.Response]
) -> web.StreamResponse:
    """Send the answer, or what the interruption makes of it or puts in its place."""
    match fault:
        case CutBody():
            return await _cut_off(request, answer())
        case DripBody():
            return await _dripped(request, answer(), fault.seconds_per_byte)
        case DropConnection():
            return _dropped(request)
        case _:
            return _whole(fault, answer)


def _whole(
    fault: AnswerError | AnswerHtml | Redirect | GzipBomb | None, answer: Callable[[], web.Response]
) -> web.Response:
    match fault:
        case None:
            return answer()
        case AnswerError():
            return error_response(fault.error, fault.headers)
        case AnswerHtml():
            return html_response(fault.status, fault.body)
        case Redirect():
            return web.Response(status=fault.status, headers={hdrs.LOCATION: fault.location})
        case GzipBomb():
            return _bomb(answer(), fault.unpacked_bytes)


async def _cut_off(request: web.Request, whole: web.Response) -> web.StreamResponse:
    """Announce the whole body, send half of it and hang up."""
    body = _body(whole)
    cut = await _announced(request, whole)
    await cut.write(body[: len(body) // 2])
    if request.transport is not None:
        # After the flush of half a body: the client sees a length that never comes.
        request.transport.close()
    return cut


async def _dripped(request: web.Request, whole: web.Response, seconds_per_byte: float) -> web.StreamResponse:
    """Announce the whole body and send each byte by itself."""
    body = _body(whole)
    drip = await _announced(request, whole)
    for position in range(len(body)):
        await asyncio.sleep(seconds_per_byte)
        await drip.write(body[position : position + 1])
    return drip


def _bomb(whole: web.Response, unpacked_bytes: int) -> web.Response:
    """Put blanks before the body until it has this size, and pack both."""
    body = _body(whole)
    rounds, rest = divmod(max(0, unpacked_bytes - len(body)), len(_BLANKS))
    packer = zlib.compressobj(level=9, wbits=_GZIP_WINDOW)
    # Blanks before a JSON value are legal, and compress by a factor of a thousand.
    packed = [packer.compress(_BLANKS) for _ in range(rounds)]
    packed += [packer.compress(_BLANKS[:rest]), packer.compress(body), packer.flush()]
    headers = {**whole.headers, hdrs.CONTENT_ENCODING: "gzip"}
    return web.Response(status=whole.status, body=b"".join(packed), headers=headers)


async def _announced(request: web.Request, whole: web.Response) -> web.StreamResponse:
    response = web.StreamResponse(status=whole.status, headers=whole.headers)
    response.content_length = len(_body(whole))
    await response.prepare(request)
    return response


def _body(response: web.Response) -> bytes:
    assert isinstance(response.body, bytes)
    return response.body


def _dropped(request: web.Request) -> web.Response:
    if request.transport is not None:
        # Nothing is sent, not even what is buffered.
        request.transport.abort()
    return web.Response()
