"""Faults between a request and its answer, set beforehand by a test.

A fault is a place and an answer: `before` the request is accepted nothing has happened, `after` it the
message is in its chat and only the answer is lost or spoiled. `before(Close())` loses a message,
`after(Reset())` and `after(Hold())` deliver it and leave the sender in doubt. Of the five places where a send
can break four have names here; the first, a refused connection, is no answer to a request:
`Telegram.refusing`.
"""

import socket
import struct
import zlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal

from aiohttp import web

from bot.sandbox.signal import ChangeSignal
from bot.sandbox.telegram.world.wire import ApiError, failure_json
from bot.sandbox.telegram.world.world import SandboxError

Accept = Callable[[], Awaitable[web.Response]]
_MEGABYTE = b" " * 2**20

TakeBack = Callable[[web.Response], None]


@dataclass(frozen=True)
class Close:
    """The connection is closed without an answer."""


@dataclass(frozen=True)
class Reset:
    """The connection is reset without an answer."""


@dataclass(frozen=True)
class Garbage:
    """The status is 200 and the body is no valid answer."""

    body: str = '{"ok":true,"resu'


@dataclass(frozen=True)
class Error:
    """The Bot API refuses with this code, these words and these parameters."""

    code: int
    description: str
    parameters: dict[str, object] | None = None


@dataclass(frozen=True)
class ProxyPage:
    """A proxy answers with a page of its own."""

    status: int = 502
    html: str = "<html><body><h1>Bad Gateway</h1></body></html>"


@dataclass(frozen=True)
class Endless:
    """A proxy answers with megabytes of blanks before its JSON; compressed, they are small on the wire."""

    status: int = 200
    megabytes: int = 700
    is_packed: bool = False
    point: str = '{"ok":true,"result":true}'


@dataclass(frozen=True)
class Cut:
    """The connection is closed in the middle of the answer."""


@dataclass(frozen=True)
class Vanish:
    """The message is in its chat for a moment, then another bot deletes it, and Telegram says so."""

    code: int = 500
    description: str = "Internal Server Error: sent message was immediately deleted and can't be returned"


class Hang:
    """The request waits until it is released, dropped or healed; the client may be gone by then."""

    def __init__(self) -> None:
        self._signal = ChangeSignal()
        self._held = 0
        self._end: Literal["released", "dropped"] | None = None

    async def arrived(self, *, timeout_seconds: float = 60) -> None:
        """Wait until a request is held."""
        await self._signal.wait_for(lambda: self._held or None, timeout_seconds)

    def release(self) -> None:
        """Let held requests, and any later ones, go on as if nothing had happened."""
        self._finish("released")

    def drop(self) -> None:
        """Close the connections of held requests, and of any later ones, without an answer."""
        self._finish("dropped")

    async def passes(self) -> bool:
        """Wait; return whether the request may go on."""
        self._held += 1
        self._signal.send()
        try:
            return await self._signal.wait_for(lambda: self._end) == "released"
        finally:
            self._held -= 1

    def _finish(self, end: Literal["released", "dropped"]) -> None:
        """End it once: healing does not release what was dropped."""
        self._end = self._end or end
        self._signal.send()


PlainAnswer = Close | Reset | Garbage | Error | ProxyPage
Answer = PlainAnswer | Vanish | Hang | Endless | Cut


@dataclass(frozen=True)
class TelegramFault:
    """What goes wrong with one request."""

    place: Literal["before", "after"]
    answer: Answer


def before(answer: Answer) -> TelegramFault:
    """Answer like this instead of accepting the request."""
    return TelegramFault("before", answer)


def after(answer: Answer) -> TelegramFault:
    """Accept the request, then answer like this."""
    return TelegramFault("after", answer)


def reset_before_accepting() -> TelegramFault:
    """Reset the connection, with nothing accepted."""
    return before(Reset())


def accept_then_reset() -> TelegramFault:
    """Deliver the message, then reset the connection."""
    return after(Reset())


def accept_then_hang() -> TelegramFault:
    """Deliver the message, then answer nothing until healed."""
    return after(Hang())


def accept_then_garbage() -> TelegramFault:
    """Deliver the message, then answer 200 with an invalid body."""
    return after(Garbage())


def accept_then_delete() -> TelegramFault:
    """Deliver the message, then let an anti-spam bot delete it at once."""
    return after(Vanish())


def too_many_requests(retry_after_seconds: int) -> TelegramFault:
    """Refuse with 429 and a pause, as Telegram does."""
    return before(
        Error(
            429,
            f"Too Many Requests: retry after {retry_after_seconds}",
            {"retry_after": retry_after_seconds},
        )
    )


@dataclass(eq=False)
class _Rule:
    fault: TelegramFault
    left: int | None
    chat_id: int | None
    method: str | None

    def fits(self, method: str, chat_id: int | None) -> bool:
        return self.method in (None, method) and self.chat_id in (None, chat_id)

    def was_set_for(self, chat_id: int | None, method: str | None) -> bool:
        return chat_id in (None, self.chat_id) and method in (None, self.method)


class FaultRules:
    """The faults that are set; of several that match a request, the one set first happens."""

    def __init__(self) -> None:
        self._rules: list[_Rule] = []
        self._holding: list[_Rule] = []

    def add(
        self, fault: TelegramFault, *, times: int | None, chat_id: int | None, method: str | None
    ) -> None:
        """Set a fault for so many requests, or until healed; for one chat and one method, or for all."""
        if times is not None and times < 1:
            raise SandboxError("A fault happens at least once.")
        rule = _Rule(fault, times, chat_id, method)
        self._rules.append(rule)
        if isinstance(fault.answer, Hang):
            self._holding.append(rule)

    def heal(self, *, chat_id: int | None = None, method: str | None = None) -> None:
        """Remove the faults set for this chat and method, or all; held requests go on."""
        for rule in self._holding:
            if rule.was_set_for(chat_id, method) and isinstance(rule.fault.answer, Hang):
                rule.fault.answer.release()
        self._holding = [rule for rule in self._holding if not rule.was_set_for(chat_id, method)]
        self._rules = [rule for rule in self._rules if not rule.was_set_for(chat_id, method)]

    def take(self, method: str, chat_id: int | None) -> TelegramFault | None:
        """Return the fault that happens to a request, if any, and count it."""
        rule = next((rule for rule in self._rules if rule.fits(method, chat_id)), None)
        if rule is None:
            return None
        if rule.left is not None:
            rule.left -= 1
        if rule.left == 0:
            self._rules.remove(rule)
        return rule.fault


async def apply_fault(
    fault: TelegramFault, request: web.Request, accept: Accept, take_back: TakeBack
) -> web.StreamResponse:
    """Answer the request as the fault says.

    `accept` carries the request out and returns its answer; `take_back` undoes an accepted message.
    """
    accepted = await accept() if fault.place == "after" else None
    match fault.answer:
        case Hang() as hold:
            return (accepted or await accept()) if await hold.passes() else _closed(request)
        case Vanish(code, description):
            if accepted is not None and accepted.status != HTTPStatus.OK:
                return accepted
            if accepted is not None:
                take_back(accepted)
            return _answer(Error(code, description), request)
        case Cut():
            return await _send_half(accepted or await accept(), request)
        case Endless() as endless:
            return await _send_endless(endless, request)
        case answer:
            return _answer(answer, request)


def _answer(answer: PlainAnswer, request: web.Request) -> web.Response:
    match answer:
        case Close():
            return _closed(request)
        case Reset():
            return _reset(request)
        case Garbage(body):
            return web.Response(text=body, content_type="application/json")
        case Error(code, description, parameters):
            error = ApiError(code, description, parameters)
            return web.json_response(failure_json(error), status=code)
        case ProxyPage(status, html):
            return web.Response(text=html, status=status, content_type="text/html")


async def _send_endless(endless: Endless, request: web.Request) -> web.StreamResponse:
    """Send the blanks and then the JSON, or stop when the client hangs up."""
    response = web.StreamResponse(status=endless.status)
    packer = zlib.compressobj(wbits=16 + zlib.MAX_WBITS) if endless.is_packed else None
    if packer is not None:
        response.headers["Content-Encoding"] = "gzip"
    with suppress(ConnectionError):
        await response.prepare(request)
        for _ in range(endless.megabytes):
            await response.write(_MEGABYTE if packer is None else packer.compress(_MEGABYTE))
        point = endless.point.encode()
        await response.write(point if packer is None else packer.compress(point) + packer.flush())
    return response


async def _send_half(whole: web.Response, request: web.Request) -> web.StreamResponse:
    """Say how long the answer is, send half of it, and close the connection."""
    assert isinstance(whole.body, bytes)
    response = web.StreamResponse(status=whole.status)
    response.content_length = len(whole.body)
    with suppress(ConnectionError):
        await response.prepare(request)
        await response.write(whole.body[: len(whole.body) // 2])
    _closed(request)
    return response


def _closed(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.close()
    return web.Response()


def _reset(request: web.Request) -> web.Response:
    """Close so that the client's system reports a reset, not an ordinary end."""
    if request.transport is not None:
        connection = request.transport.get_extra_info("socket")
        # Lingering for 0 seconds makes the kernel send RST instead of FIN.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    return web.Response()
