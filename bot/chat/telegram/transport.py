"""HTTP requests to Telegram whose answers are bounded in size and plausible in content.

Whatever stands between the bot and Telegram, or in its place, may answer anything: a body without end, a
pause of minus five seconds, a group whose new id is a word. The library would believe all of it.
"""

import asyncio
import json
import math
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from telegram.error import BadRequest, NetworkError, TelegramError, TimedOut
from telegram.request import BaseRequest, RequestData

CONNECT_SECONDS = 10.0
WRITE_SECONDS = 15.0
UPLOAD_SECONDS = 150.0
"""How long a file may take to leave: 10 MB at half a megabit a second, and a little."""
READ_SECONDS = 30.0
"""Long: a throttled Bot API server answers late, and giving up a read makes a send of unknown outcome."""

DOWNLOAD_SECONDS = 30.0
"""How long fetching a file may take, in all; somebody waits for what comes of it."""

POOL_SECONDS = 5.0
"""How long a request waits for another one to end, where as many as may are under way."""

LARGEST_BODY_BYTES = 20 * 1024 * 1024
"""The largest answer that is read, uncompressed: a hundred updates are one or two million bytes."""

LARGEST_REFUSAL_BYTES = 64 * 1024
"""The largest error answer that is read: it is a few words, or a proxy's page that nobody needs."""

LONGEST_WORDS = 200
"""Characters that are kept of a reason Telegram gives; it goes into the log and the database."""

SHORTEST_PAUSE_SECONDS = 1
LONGEST_PAUSE_SECONDS = 3600
"""The bounds of a pause. A ban may last longer; one message an hour finds out whether it is over."""

USUAL_PAUSE_SECONDS = 30
"""The pause where one is wanted and its length is no number."""

LARGEST_CHAT_ID = 2**52
"""Telegram's ids have at most 52 significant bits."""

_OK = range(200, 300)
_PORTS = {"http": 80, "https": 443}
_PACKED = ("gzip", "x-gzip")
_GZIP = 16 + zlib.MAX_WBITS

_HEADERS = {
    "User-Agent": BaseRequest.USER_AGENT,
    # Only what `_unpacked` unpacks piece by piece: a small body must not become a huge one.
    "Accept-Encoding": "gzip",
}
_NEVER_CONNECTED = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
    aiohttp.InvalidURL,
)
"""Errors with which no request has left: the last two are those of a proxy that refuses, or is no address."""

_Result = TypeVar("_Result")

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Unreadable(TelegramError):
    """An answer that can't be read, or makes no sense."""


class FileTooLarge(TelegramError):
    """A file that is longer than it may be; no more of it was read."""

    def __init__(self) -> None:
        super().__init__("the file is too large")


class NotConnected(NetworkError):
    """There was no connection, so the request can't have reached Telegram."""


class TooManyRequests(TimedOut):
    """The request did not leave, since too many others of ours were under way."""


class ProxyUnusable(Exception):
    """HTTPS_PROXY or ALL_PROXY names a proxy that can't be used: it must be an http:// or https:// one."""


class TelegramRequest(BaseRequest):
    """The library's way to ask, by aiohttp, with answers that are bounded and plausible.

    At most `at_once` requests are under way together. A proxy is taken from the environment, as is custom
    (`HTTPS_PROXY`, `NO_PROXY`). No error leads to one of aiohttp: what that says contains the token.
    """

    def __init__(self, at_once: int) -> None:
        self._at_once = asyncio.Semaphore(at_once)
        self._session: aiohttp.ClientSession | None = None

    @property
    def read_timeout(self) -> float:
        """The seconds that an answer may take where nothing else is asked for."""
        return READ_SECONDS

    async def initialize(self) -> None:
        """Do nothing: the first request opens what it needs."""

    async def shutdown(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def do_request(  # noqa: PLR0917 - the signature and the errors are the library's
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,  # noqa: ANN401 - as the library has it
        write_timeout: Any = BaseRequest.DEFAULT_NONE,  # noqa: ANN401 - as the library has it
        connect_timeout: Any = BaseRequest.DEFAULT_NONE,  # noqa: ANN401 - as the library has it
        pool_timeout: Any = BaseRequest.DEFAULT_NONE,  # noqa: ANN401 - as the library has it
    ) -> tuple[int, bytes]:
        """Make one request and return the status and the body of the answer, which is read up to a bound."""
        read_seconds = _given(read_timeout, READ_SECONDS)
        connect_seconds = _given(connect_timeout, CONNECT_SECONDS)
        is_upload = request_data is not None and request_data.contains_files
        limits = aiohttp.ClientTimeout(
            total=connect_seconds
            + _given(write_timeout, UPLOAD_SECONDS if is_upload else WRITE_SECONDS)
            + read_seconds,
            connect=connect_seconds,
            # A file that has left may wait for long in the buffers of this machine, where a line is slow.
            sock_read=None if is_upload else read_seconds,
        )
        exchange = partial(self._exchange, url, method, request_data, limits)
        return await self._in_turn(exchange, _given(pool_timeout, POOL_SECONDS))

    async def fetch(self, url: str, most_bytes: int) -> bytes:
        """Return what is handed out at a URL; raises FileTooLarge, Unreadable or NetworkError."""
        limits = aiohttp.ClientTimeout(total=DOWNLOAD_SECONDS, connect=CONNECT_SECONDS)
        return await self._in_turn(partial(self._fetch, url, most_bytes, limits), POOL_SECONDS)

    async def _in_turn(self, exchange: Callable[[], Awaitable[_Result]], patience_seconds: float) -> _Result:
        """Do it once no more than `at_once` others are under way, and hide aiohttp's errors."""
        try:
            async with asyncio.timeout(patience_seconds):
                await self._at_once.acquire()
        except TimeoutError:
            raise TooManyRequests from None
        try:
            return await exchange()
        except (aiohttp.ClientError, OSError) as error:
            failure = _failure(error)
        finally:
            self._at_once.release()
        # Out here, as `from None` only hides aiohttp's error: it would be kept all the same.
        raise failure

    async def _fetch(self, url: str, most_bytes: int, limits: aiohttp.ClientTimeout) -> bytes:
        async with self._opened(url).get(url, timeout=limits, allow_redirects=False) as response:
            if response.status not in _OK:
                failed = NetworkError if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR else BadRequest
                raise failed(f"it is not handed out ({response.status})")
            content = bytearray()
            async for piece in _unpacked(response):
                content += piece
                if len(content) > most_bytes:
                    raise FileTooLarge
            return bytes(content)

    def _opened(self, url: str) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = _new_session(url)
        return self._session

    async def _exchange(
        self, url: str, method: str, request_data: RequestData | None, limits: aiohttp.ClientTimeout
    ) -> tuple[int, bytes]:
        body = None if request_data is None else _encoded(request_data)
        async with self._opened(url).request(
            method,
            url,
            data=body,
            headers=_FORM if isinstance(body, bytes) else None,
            timeout=limits,
            allow_redirects=False,
        ) as response:
            return response.status, await _body(response)

    @staticmethod
    def parse_json_payload(payload: bytes) -> dict[str, Any]:
        """Return an answer without what makes no sense in it; raises Unreadable where nothing is left."""
        try:
            answer = json.loads(payload)
        except (ValueError, RecursionError):
            raise Unreadable("Invalid server response") from None
        if not isinstance(answer, dict):
            raise Unreadable("Invalid server response")
        if answer.get("ok") is True and "result" in answer:
            return {"ok": True, "result": answer["result"]}
        words = answer.get("description")
        parameters = answer.get("parameters")
        return {
            "ok": False,
            "description": _words(words) if isinstance(words, str) else None,
            "parameters": _parameters(parameters) if isinstance(parameters, dict) else {},
        }


def proxy_for(url: str) -> str | None:
    """Return the proxy that the environment names for a server; raises ProxyUnusable, which hides it."""
    address = urlsplit(url)
    host = address.hostname or ""
    # Both, as NO_PROXY may name a port, and an IPv6 address is cut at what looks like one.
    by_itself = (host, f"{host}:{address.port or _PORTS.get(address.scheme, 0)}")
    proxies = {} if any(map(proxy_bypass, by_itself)) else getproxies()
    proxy = proxies.get(address.scheme) or proxies.get("all")
    if proxy and "://" not in proxy:  # which is how many name one, and no URL
        proxy = f"http://{proxy}"
    if proxy and not proxy.lower().startswith(("http://", "https://")):
        raise ProxyUnusable(ProxyUnusable.__doc__)
    return proxy


def _new_session(url: str) -> aiohttp.ClientSession:
    """Return a session that asks the server of this URL, through the proxy that the environment names."""
    return aiohttp.ClientSession(
        # Unlimited: `TelegramRequest` lets no more through, and knows of those that it holds back.
        connector=aiohttp.TCPConnector(limit=0),
        proxy=proxy_for(url),
        headers=_HEADERS,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    )


def _encoded(data: RequestData) -> bytes | aiohttp.FormData:
    """Return the body of a request; with files it is multipart, and they leave in pieces."""
    if not data.contains_files:
        return urlencode(data.json_parameters).encode()
    # Unquoted, or people would see the percent signs in the names of files.
    form = aiohttp.FormData(data.json_parameters, quote_fields=False)
    for name, (file_name, content, mime_type) in data.multipart_data.items():
        form.add_field(name, content, filename=file_name, content_type=mime_type)
    return form


def _failure(error: aiohttp.ClientError | OSError) -> NetworkError:
    """Return the library's error for one of aiohttp, without its text: that may hold the token."""
    if isinstance(error, _NEVER_CONNECTED):
        return NotConnected(type(error).__name__)
    # Before the others, as some of its kinds are errors of aiohttp, too.
    return TimedOut() if isinstance(error, TimeoutError) else NetworkError(type(error).__name__)


def _given(seconds: Any, usual: float) -> float:  # noqa: ANN401 - the library has a value that stands for none
    return usual if seconds is BaseRequest.DEFAULT_NONE else float(seconds)


async def _body(response: aiohttp.ClientResponse) -> bytes:
    """Return the body of an answer; raises Unreadable if it is too large, except of an error."""
    is_answer = response.status in _OK
    body = bytearray()
    async for piece in _unpacked(response):
        body += piece
        if len(body) > LARGEST_BODY_BYTES or (not is_answer and len(body) > LARGEST_REFUSAL_BYTES):
            if is_answer:
                raise Unreadable("its answer is too large")
            # Of an error the status says enough.
            return b""
    return bytes(body)


async def _unpacked(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Yield a body in pieces, each of bounded size also when it was compressed."""
    packing = response.headers.get("content-encoding", "identity").lower()
    if packing not in (*_PACKED, "identity"):
        raise Unreadable("its answer is packed in a way nobody asked for")
    unpacker = zlib.decompressobj(_GZIP) if packing in _PACKED else None
    async for piece in response.content.iter_any():
        if unpacker is None:
            yield piece
            continue
        try:
            yield unpacker.decompress(piece, LARGEST_BODY_BYTES + 1)
        except zlib.error:
            raise Unreadable("its answer can't be unpacked") from None


def _words(text: str) -> str:
    """Return the words of a refusal, short enough to keep, and valid UTF-8."""
    return text[:LONGEST_WORDS].encode(errors="replace").decode()


def _parameters(said: dict[str, Any]) -> dict[str, int]:
    """Return the parameters of a refusal that are used: the pause, or the new id of a group."""
    if said.get("migrate_to_chat_id") is not None:
        return {"migrate_to_chat_id": _supergroup(said["migrate_to_chat_id"])}
    return {"retry_after": _pause_seconds(said["retry_after"])} if "retry_after" in said else {}


def _supergroup(number: object) -> int:
    if type(number) is not int or not -LARGEST_CHAT_ID < number < 0:
        raise Unreadable("a group became what is no chat")
    return number


def _pause_seconds(number: object) -> int:
    # True is a number to Python, and NaN passes every comparison below.
    if isinstance(number, bool) or not isinstance(number, int | float) or math.isnan(number):
        return USUAL_PAUSE_SECONDS
    return math.ceil(min(max(number, SHORTEST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS))
