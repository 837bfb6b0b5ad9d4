"""HTTP to the Indexer Gateway: one request, its repetitions, and its reply or an IndexerError.

Failures that may pass at once are retried here; all others are the caller's. Where the
service asks for a pause, all requests wait.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Final, Self, TypeVar

import aiohttp
import structlog
from isal import isal_zlib

from bot.domain.ask.questions import Allowance
from bot.domain.class_names import kind_of
from bot.indexer.error_replies import decode_error
from bot.indexer.errors import (
    IndexerError,
    MetadataFailed,
    ReplyMalformed,
    ReplyTooLarge,
    Throttled,
    TimedOut,
    Unavailable,
    WrongEndpoint,
    plain,
)
from bot.indexer.rate_limits import RateLimiter, clock_ahead_seconds, decode_allowance, used_up_seconds

REPLY_MAX_BYTES: Final = 16 * 1024 * 1024
"""Unpacked; a compressed reply is measured by what comes out of it."""

ERROR_MAX_BYTES: Final = 64 * 1024
"""Of any other reply than a 200; of a longer one, the status says enough."""

ATTEMPTS: Final = 3
BACKOFF_BASE_SECONDS: Final = 0.5
PAUSE_MAX_SECONDS: Final = 60.0

_CONNECT_SECONDS = 10.0
_THROTTLE_MIN_SECONDS = 1.0
_HTTP_OK = 200

Read = TypeVar("Read")

ANSWERED: Final = "answered"

log = structlog.get_logger(__name__)

# For all of the process: it unpacks a page in half the time that Python's own takes (docs/performance.md).
aiohttp.set_zlib_backend(isal_zlib)


@dataclass(slots=True)
class IndexerCounts:
    """What became of requests and rows since the start."""

    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Each HTTP request, by method and what came of it: `answered`, or the kind of an IndexerError."""
    rows_read: int = 0
    rows_refused: int = 0
    """Rows that were malformed or contradictory; the balances they are of are unknown."""

    @property
    def answered(self) -> int:
        """How many requests were answered so that it could be read."""
        return sum(count for (_, outcome), count in self.requests.items() if outcome == ANSWERED)


class Transport:
    """The connection to one gateway, to be entered once.

    All times are in seconds. `timeout_seconds` limits one request from connecting to its last byte, and
    half of it (10 s at most) limits connecting: so a dead host is told from a slow one. The key is sent
    under `access_key_header` and nowhere else, and not at all if it is empty.
    """

    def __init__(
        self,
        url: str,
        access_key: str,
        access_key_header: str,
        *,
        timeout_seconds: float,
        max_concurrent_requests: int,
        attempts: int = ATTEMPTS,
        counts: IndexerCounts | None = None,
        sleep: Callable[[float], Awaitable[None]],
        rng: Callable[[], float],
        now: Callable[[], float],
    ) -> None:
        self.requests_sent = 0
        """HTTP requests since the start, repeated ones included."""
        self.allowance = Allowance()
        """What the last answer that spoke of limits said of them."""
        self.counts = counts or IndexerCounts()
        self.clock_ahead_seconds: float | None = None
        """How far our clock is ahead of the service's, by its last answer; None: it had no date."""
        self._url = url.rstrip("/")
        self._key = access_key
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if access_key:
            self._headers[access_key_header] = access_key
        self._timeout = aiohttp.ClientTimeout(
            total=timeout_seconds, sock_connect=min(timeout_seconds / 2, _CONNECT_SECONDS)
        )
        self._slots = asyncio.Semaphore(max_concurrent_requests)
        self._attempts = attempts
        self._reading = asyncio.Lock()
        self._limiter = RateLimiter(sleep=sleep, now=now)
        self._sleep = sleep
        self._rng = rng
        self._now = now
        self._session: aiohttp.ClientSession | None = None

    @property
    def is_paused(self) -> bool:
        """Whether requests wait since the service wants none now."""
        return self._limiter.is_paused

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

    async def ask(
        self,
        method: str,
        body: bytes,
        read: Callable[[bytes], Read],
        *,
        on_bytes: Callable[[int], None] = lambda _: None,
    ) -> Read:
        """Ask until there is a reply that `read` takes.

        `on_bytes` is called with the number of bytes that come in, and may raise.

        Up to `attempts` for what passes by itself; before attempt n + 1 comes a pause of
        `rng() * 0.5 s * 2 ** (n - 1)`. A throttled request is repeated once, after the wait that the
        service names, 60 s at most, or else after a second and such a pause; with one attempt it is not.
        """
        read = self._counting(method, read)
        attempt = 1
        throttled = False
        while True:
            try:
                return await self.in_turn(partial(read, await self._post(method, body, on_bytes)))
            except Throttled as error:
                pause = self._throttle_seconds(error)
                self._limiter.pause(pause)
                # A second refusal is the caller's to judge; the pause stands for all requests either way.
                if throttled or self._attempts == 1:
                    raise
                throttled = True
                self._log_pause(method, error, pause)
            except (Unavailable, ReplyMalformed) as error:
                if attempt >= self._attempts or not _may_pass(error):
                    raise
                pause = self._backoff_seconds(attempt)
                attempt += 1
                self._log_pause(method, error, pause)
                await self._sleep(pause)

    def _counting(self, method: str, read: Callable[[bytes], Read]) -> Callable[[bytes], Read]:
        """Wrap `read` so that each reply is counted by what came of reading it."""

        def read_and_count(content: bytes) -> Read:
            outcome = ANSWERED
            try:
                return read(content)
            except IndexerError as error:
                outcome = kind_of(error)
                raise
            finally:
                self.counts.requests[method, outcome] += 1

        return read_and_count

    async def in_turn(self, work: Callable[[], Read]) -> Read:
        """Work on one reply at a time, and let other tasks run after each: replies tend to come together."""
        async with self._reading:
            done = work()
            # Inside the lock: whoever is next to read waits, whoever has other work gets its turn.
            await asyncio.sleep(0)
            return done

    def _backoff_seconds(self, attempt: int) -> float:
        return self._rng() * BACKOFF_BASE_SECONDS * 2.0 ** (attempt - 1)

    def _throttle_seconds(self, error: Throttled) -> float:
        if error.retry_after_seconds is None:
            return _THROTTLE_MIN_SECONDS + self._backoff_seconds(1)
        return min(error.retry_after_seconds, PAUSE_MAX_SECONDS)

    def _log_pause(self, method: str, error: IndexerError, pause: float) -> None:
        log.debug(
            "the indexer is asked again", action="retry", method=method, error=str(error), pause_seconds=pause
        )

    async def _post(self, method: str, body: bytes, on_bytes: Callable[[int], None]) -> bytes:
        """Send one request and return the body of its 200; count and raise all else as an IndexerError."""
        try:
            return await self._send(method, body, on_bytes)
        except IndexerError as error:
            self.counts.requests[method, kind_of(error)] += 1
            raise

    async def _send(self, method: str, body: bytes, on_bytes: Callable[[int], None]) -> bytes:
        async with self._slots:
            # A request that waits keeps its slot: after a pause no more of them start at once than usual.
            await self._limiter.ready()
            self.requests_sent += 1
            status, headers, content = await self._exchange(method, body, on_bytes)
        self._note_limits(headers)
        self.clock_ahead_seconds = clock_ahead_seconds(headers, self._now())
        if status != _HTTP_OK:
            raise decode_error(status, content or b"", headers, now=self._now(), conceal=self._key)
        if content is None:
            raise ReplyTooLarge(f"more than {REPLY_MAX_BYTES} bytes", status=status)
        return content

    async def _exchange(
        self, method: str, body: bytes, on_bytes: Callable[[int], None]
    ) -> tuple[int, Mapping[str, str], bytes | None]:
        """Return status, headers and body of the response; None for a body that is too large.

        Causes are not chained: what a server or the network said could repeat the key.
        """
        assert self._session is not None, "a transport is entered before it is used"
        try:
            async with self._session.post(
                f"{self._url}/{method}", data=body, allow_redirects=False
            ) as response:
                most_bytes = REPLY_MAX_BYTES if response.status == _HTTP_OK else ERROR_MAX_BYTES
                return response.status, response.headers, await _read_capped(response, most_bytes, on_bytes)
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
            raise WrongEndpoint("no URL of HTTP", name=type(error).__name__) from None
        # A name that can't be resolved and a refused connection are kinds of ClientError and of OSError.
        except aiohttp.ClientError as error:  # kinds of TimeoutError among them: nobody to connect to
            raise Unavailable(plain(str(error), self._key), name=type(error).__name__) from None
        except TimeoutError as error:
            raise TimedOut(f"after {self._timeout.total:g} s", name=type(error).__name__) from None
        except (OSError, ValueError) as error:
            raise Unavailable(plain(str(error), self._key), name=type(error).__name__) from None

    def _note_limits(self, headers: Mapping[str, str]) -> None:
        """Keep what a reply says of limits; pause all requests where it allows no more."""
        allowance = decode_allowance(headers)
        if allowance is None:
            return
        self.allowance = allowance
        wait = used_up_seconds(headers, self._now())
        if wait is not None:
            pause = min(wait, PAUSE_MAX_SECONDS)
            self._limiter.pause(pause)
            log.debug("the rate of the indexer is used up", action="rate", pause_seconds=pause)


def _may_pass(error: IndexerError) -> bool:
    """Whether the same request may be answered at once: not after our own time limit, nor with metadata."""
    timed_out_here = isinstance(error, TimedOut) and error.status is None
    return not timed_out_here and not isinstance(error, MetadataFailed)


async def _read_capped(
    response: aiohttp.ClientResponse, most_bytes: int, on_bytes: Callable[[int], None]
) -> bytes | None:
    """Return the unpacked body, None where it is larger than it may be."""
    chunks: list[bytes] = []
    left = most_bytes
    async for chunk in response.content.iter_any():
        chunks.append(chunk)
        left -= len(chunk)
        on_bytes(len(chunk))
        if left < 0:
            return None
    return b"".join(chunks)
