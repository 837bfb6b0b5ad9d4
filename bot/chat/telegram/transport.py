"""HTTP requests to Telegram whose answers are bounded in size and plausible in content.

Whatever stands between the bot and Telegram, or in its place, may answer anything: a body without end, a
pause of minus five seconds, a group whose new id is a word. The library would believe all of it.
"""

import json
import math
import zlib
from collections.abc import AsyncIterator
from typing import Any

import httpx
from telegram.error import NetworkError, TelegramError, TimedOut
from telegram.request import HTTPXRequest, RequestData

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
_PACKED = ("gzip", "x-gzip")
_GZIP = 16 + zlib.MAX_WBITS


class Unreadable(TelegramError):
    """An answer that can't be read, or makes no sense."""


class TelegramRequest(HTTPXRequest):
    """The library's HTTP client, with answers that are bounded and plausible."""

    async def do_request(  # noqa: PLR0917 - the signature and the errors are the library's
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = HTTPXRequest.DEFAULT_NONE,  # noqa: ANN401
        write_timeout: Any = HTTPXRequest.DEFAULT_NONE,  # noqa: ANN401
        connect_timeout: Any = HTTPXRequest.DEFAULT_NONE,  # noqa: ANN401
        pool_timeout: Any = HTTPXRequest.DEFAULT_NONE,  # noqa: ANN401
    ) -> tuple[int, bytes]:
        """Make one request and return the status and the body of the answer, which is read up to a bound."""
        usual = self._client.timeout
        wanted = {
            "read": (read_timeout, usual.read),
            "write": (write_timeout, usual.write),
            "connect": (connect_timeout, usual.connect),
            "pool": (pool_timeout, usual.pool),
        }
        timeout = httpx.Timeout(
            **{
                name: default if given is HTTPXRequest.DEFAULT_NONE else given
                for name, (given, default) in wanted.items()
            }
        )
        try:
            # Streamed: the library's own method reads an answer whole, however large it is.
            async with self._client.stream(
                method,
                url,
                # Only what `_unpacked` unpacks piece by piece: a small body must not become a huge one.
                headers={"User-Agent": self.USER_AGENT, "Accept-Encoding": "gzip"},
                timeout=timeout,
                files=request_data.multipart_data if request_data else None,
                data=request_data.json_parameters if request_data else None,
            ) as response:
                return response.status_code, await _body(response)
        except httpx.TimeoutException as error:
            raise TimedOut from error
        except httpx.HTTPError as error:
            raise NetworkError(f"httpx.{type(error).__name__}: {error}") from error

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


async def _body(response: httpx.Response) -> bytes:
    """Return the body of an answer; raises Unreadable if it is too large, except of an error."""
    is_answer = response.status_code in _OK
    body = bytearray()
    async for piece in _unpacked(response):
        body += piece
        if len(body) > LARGEST_BODY_BYTES or (not is_answer and len(body) > LARGEST_REFUSAL_BYTES):
            if is_answer:
                raise Unreadable("its answer is too large")
            # Of an error the status says enough.
            return b""
    return bytes(body)


async def _unpacked(response: httpx.Response) -> AsyncIterator[bytes]:
    """Yield a body in pieces, each of bounded size also when it was compressed."""
    packing = response.headers.get("content-encoding", "identity").lower()
    if packing not in (*_PACKED, "identity"):
        raise Unreadable("its answer is packed in a way nobody asked for")
    unpacker = zlib.decompressobj(_GZIP) if packing in _PACKED else None
    async for piece in response.aiter_raw():
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
