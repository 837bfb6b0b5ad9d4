"""The requests to Telegram, which take no more of an answer than can be meant.

Whatever stands between the bot and Telegram, or in place of it, may answer anything: a body without end,
a pause of minus five seconds, a group that became a word. The library believes all of it.
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
"""Of an answer, unpacked: a hundred updates are one or two million bytes."""

LARGEST_REFUSAL_BYTES = 64 * 1024
"""Of an answer that is none: it is a few words, or a proxy's page that nobody reads."""

LONGEST_WORDS = 200
"""Characters of what Telegram gives as a reason; they go into the log and the database."""

SHORTEST_PAUSE_SECONDS = 1
LONGEST_PAUSE_SECONDS = 3600
"""A ban may last longer; one message an hour finds out whether it is over."""

USUAL_PAUSE_SECONDS = 30
"""Where a pause is wanted, and its length is no number."""

LARGEST_CHAT_ID = 2**52
"""Telegram's numbers have so many bits (telegram.md 1)."""

_OK = range(200, 300)
_PACKED = ("gzip", "x-gzip")
_GZIP = 16 + zlib.MAX_WBITS


class Unreadable(TelegramError):
    """An answer that can't be read, or can't be meant."""


class TelegramRequest(HTTPXRequest):
    """The library's requests, with answers that are bounded and plausible."""

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
        """Carry one request and return the status and the body of the answer, which is read up to a bound."""
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
            async with self._client.stream(
                method,
                url,
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
        """Return what an answer says, with nothing in it that can't be meant; raises Unreadable."""
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
    """Return the body of an answer; raises Unreadable if it is too large, unless the status says enough."""
    is_answer = response.status_code in _OK
    body = bytearray()
    async for piece in _unpacked(response):
        body += piece
        if len(body) > LARGEST_BODY_BYTES or (not is_answer and len(body) > LARGEST_REFUSAL_BYTES):
            if is_answer:
                raise Unreadable("its answer is too large")
            return b""
    return bytes(body)


async def _unpacked(response: httpx.Response) -> AsyncIterator[bytes]:
    """Yield a body in pieces, each of which is bounded when unpacked, too."""
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
    """Return the words of a refusal, short enough to keep and fit to be written anywhere."""
    return text[:LONGEST_WORDS].encode(errors="replace").decode()


def _parameters(said: dict[str, Any]) -> dict[str, int]:
    """Return what a refusal says beside its words: a pause, or what the group has become."""
    if said.get("migrate_to_chat_id") is not None:
        return {"migrate_to_chat_id": _supergroup(said["migrate_to_chat_id"])}
    return {"retry_after": _pause_seconds(said["retry_after"])} if "retry_after" in said else {}


def _supergroup(number: object) -> int:
    if type(number) is not int or not -LARGEST_CHAT_ID < number < 0:
        raise Unreadable("a group became what is no chat")
    return number


def _pause_seconds(number: object) -> int:
    if isinstance(number, bool) or not isinstance(number, int | float) or math.isnan(number):
        return USUAL_PAUSE_SECONDS
    return math.ceil(min(max(number, SHORTEST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS))
