"""Asks the Indexer Gateway over HTTP, and gives whole answers or one of our own errors.

Pages of one answer count together or not at all. What passes by itself is asked
again a few times here; what does not is for the caller to judge.
"""

import asyncio
import random as dice
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Final, Self, TypeVar

import aiohttp
import structlog

from bot.domain.model import Answer, ChainId, Question
from bot.indexer.collected import Collected
from bot.indexer.errors import (
    IndexerError,
    QuestionRefused,
    ReplyIncomplete,
    ReplyMalformed,
    ReplyTooLarge,
    Throttled,
    Unavailable,
    WrongEndpoint,
    plain,
)
from bot.indexer.pages import PageMark
from bot.indexer.replies import decode_error
from bot.indexer.wire import (
    decode_chains,
    decode_ping,
    encode_chains_question,
    encode_question,
    first_page,
)

REPLY_MAX_BYTES: Final = 16 * 1024 * 1024
"""Unpacked; a compressed reply is measured by what comes out of it."""

SAFE_PAGE_SIZE: Final = 40
"""The size that every published client uses (indexer-gateway.md 3)."""

ATTEMPTS: Final = 3
BACKOFF_BASE_SECONDS: Final = 0.5
THROTTLE_MAX_SECONDS: Final = 60.0

_CHUNK_BYTES = 64 * 1024
_CONNECT_SECONDS = 10.0
_THROTTLE_MIN_SECONDS = 1.0
_HTTP_OK = 200

Read = TypeVar("Read")

log = structlog.get_logger(__name__)


class IndexerClient:
    """One Indexer Gateway, to be entered once: `async with IndexerClient(url, key) as client`.

    All times are in seconds. `timeout_seconds` limits one request from connecting to its last byte; the
    key is sent under `access_key_header` and nowhere else, and not at all if it is empty.
    """

    def __init__(
        self,
        url: str,
        access_key: str = "",
        access_key_header: str = "X-Access-Key",
        *,
        timeout_seconds: float = 30.0,
        page_size: int = 1000,
        max_concurrent_requests: int = 4,
        pages_max: int = 10_000,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random: Callable[[], float] = dice.random,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.requests_sent = 0
        """HTTP requests since the start, repeated ones included."""
        self._url = url.rstrip("/")
        self._key = access_key
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if access_key:
            self._headers[access_key_header] = access_key
        self._timeout = aiohttp.ClientTimeout(
            total=timeout_seconds, sock_connect=min(timeout_seconds, _CONNECT_SECONDS)
        )
        self._page_size = page_size
        self._pages_max = pages_max
        self._slots = asyncio.Semaphore(max_concurrent_requests)
        self._sleep = sleep
        self._random = random
        self._now = now
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers=self._headers, timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar()
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def balances(self, question: Question) -> Answer:
        """Return what the source says to a question, all pages together.

        Raises an IndexerError, or ValueError for a question that must not be sent. An answer whose pages
        do not come to an end is a ReplyIncomplete (indexer-gateway.md 3).
        """
        collected = Collected(question, conceal=self._key)
        page = b""
        for _ in range(self._pages_max):
            mark = await (
                self._page(question, collected, page) if page else self._first_page(question, collected)
            )
            if not mark.more:
                return collected.answer()
            if mark.page == page or not mark.new_rows:
                raise ReplyIncomplete("its pages repeat themselves")
            page = mark.page
        raise ReplyIncomplete(f"more than {self._pages_max} pages")

    async def chains(self, network_type: str = "MAINNETS") -> tuple[tuple[ChainId, str], ...]:
        """Return the chains that the service knows, with its names for them; `network_type` may be `ALL`."""
        return await self._ask("GetChains", encode_chains_question(network_type), decode_chains)

    async def ping(self) -> None:
        """Return if the service is there and well."""
        await self._ask("Ping", b"{}", decode_ping)

    async def _first_page(self, question: Question, collected: Collected) -> PageMark:
        """Ask for the first page, in the size that every gateway takes if ours is refused."""
        page_size = self._page_size
        try:
            return await self._page(question, collected, first_page(page_size))
        except QuestionRefused:
            if page_size <= SAFE_PAGE_SIZE:
                raise
        mark = await self._page(question, collected, first_page(SAFE_PAGE_SIZE))
        if self._page_size > SAFE_PAGE_SIZE:
            self._page_size = SAFE_PAGE_SIZE
            log.warning(
                "the indexer refuses large pages", action="page_size", refused=page_size, used=SAFE_PAGE_SIZE
            )
        return mark

    async def _page(self, question: Question, collected: Collected, page: bytes) -> PageMark:
        return await self._ask("GetTokenBalancesSummary", encode_question(question, page), collected.add)

    async def _ask(self, method: str, body: bytes, read: Callable[[bytes], Read]) -> Read:
        """Ask until there is a readable reply.

        Up to three attempts for what passes by itself; before attempt n + 1 comes a pause of
        `random() * 0.5 s * 2 ** (n - 1)`. A throttled request is repeated once, after the wait that the
        service names, 60 s at most, or else after such a pause, 1 s at least.
        """
        attempt = 1
        throttled = False
        while True:
            try:
                return read(await self._post(method, body))
            except Throttled as error:
                if throttled:
                    raise
                throttled = True
                pause = self._throttle_seconds(error, attempt)
                self._log_pause(method, error, pause)
            except (Unavailable, ReplyMalformed) as error:
                if attempt == ATTEMPTS:
                    raise
                pause = self._backoff_seconds(attempt)
                attempt += 1
                self._log_pause(method, error, pause)
            await self._sleep(pause)

    def _backoff_seconds(self, attempt: int) -> float:
        return self._random() * BACKOFF_BASE_SECONDS * 2.0 ** (attempt - 1)

    def _throttle_seconds(self, error: Throttled, attempt: int) -> float:
        if error.retry_after_seconds is None:
            return max(_THROTTLE_MIN_SECONDS, self._backoff_seconds(attempt))
        return min(error.retry_after_seconds, THROTTLE_MAX_SECONDS)

    def _log_pause(self, method: str, error: IndexerError, pause: float) -> None:
        log.debug(
            "the indexer is asked again", action="retry", method=method, error=str(error), pause_seconds=pause
        )

    async def _post(self, method: str, body: bytes) -> bytes:
        """Send one request and return the body of its 200; everything else is an IndexerError.

        Causes are not chained: what a server or the network said could repeat the key.
        """
        assert self._session is not None, "an IndexerClient is entered before it asks"
        async with self._slots:
            self.requests_sent += 1
            try:
                async with self._session.post(
                    f"{self._url}/{method}", data=body, allow_redirects=False
                ) as response:
                    status, headers = response.status, response.headers
                    content = await _read_capped(response)
            except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
                raise WrongEndpoint("no URL of HTTP", name=type(error).__name__) from None
            except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
                raise Unavailable(plain(str(error), self._key), name=type(error).__name__) from None
        if status != _HTTP_OK:
            raise decode_error(status, content or b"", headers, now=self._now(), conceal=self._key)
        if content is None:
            raise ReplyTooLarge(f"more than {REPLY_MAX_BYTES} bytes", status=status)
        return content


async def _read_capped(response: aiohttp.ClientResponse) -> bytes | None:
    """Return the unpacked body, None where it is larger than any reply may be."""
    content = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
        content += chunk
        if len(content) > REPLY_MAX_BYTES:
            return None
    return bytes(content)
