"""The line to the gateway: what is asked again, what is waited for, what the network can do."""

import asyncio
import gzip
import socket
import tracemalloc
from collections.abc import Callable
from contextlib import ExitStack

import pytest
from aiohttp import web
from aiohttp.compression_utils import ZLibBackend
from aiohttp.test_utils import unused_port
from structlog.testing import capture_logs

from bot.domain.ask.questions import Allowance
from bot.domain.assets import Amount
from bot.indexer.client import IndexerClient
from bot.indexer.errors import (
    AccessRefused,
    ChainRefused,
    IndexerError,
    QuotaExceeded,
    ReplyMalformed,
    ReplyTooLarge,
    Throttled,
    TimedOut,
    TooMuchAsked,
    Unavailable,
    WrongEndpoint,
)
from bot.indexer.transport import REPLY_MAX_BYTES, Transport
from tests.indexer.gateway import (
    ANN,
    KEY,
    MAINNET,
    QUESTION,
    USDC,
    Clock,
    Gateway,
    Pauses,
    Reply,
    client_of,
    failing,
    fails,
    gateway,
    packs,
    page,
    refuses,
    says,
)

BOMB_BYTES = 200 * 1024 * 1024


# ---------------------------------------------------------------- taking turns


async def test_others_get_their_turn_between_any_two_replies() -> None:
    turns, read_at = 0, list[int]()

    async def take_turns() -> None:
        nonlocal turns
        while len(read_at) < 9:
            turns += 1
            await asyncio.sleep(0)

    async with Transport(
        "http://nobody.invalid",
        "",
        "",
        timeout_seconds=1,
        max_concurrent_requests=9,
        sleep=Pauses(),
        rng=lambda: 0.0,
        now=lambda: 0.0,
    ) as line:
        replies = [line.in_turn(lambda: read_at.append(turns)) for _ in range(9)]
        await asyncio.gather(take_turns(), *replies)

    assert len(set(read_at)) == 9


# ---------------------------------------------------------------- asking again


@pytest.mark.parametrize(
    "passing",
    [
        refuses(400, 2003),
        refuses(500, -7),
        says(b"<html>gone</html>", 502),
        says(b"<html>hello</html>"),
        says(b'{"balances":[{"chainId":1,"resu'),
        packs(gzip.compress(page())[:60]),
    ],
)
async def test_what_passes_by_itself_is_asked_three_times(passing: Reply) -> None:
    pauses = Pauses()
    async with (
        gateway(passing, passing, says(page())) as told,
        client_of(told, sleep=pauses, rng=lambda: 0.5) as client,
    ):
        answer = await client.balances(QUESTION)

    assert answer.tokens[MAINNET][ANN] == {USDC: Amount(5)}
    assert pauses == [0.25, 0.5]
    assert client.requests_sent == 3


@pytest.mark.parametrize(
    ("passing", "kind"), [(refuses(400, 2002), Unavailable), (says(b"<html>hello</html>"), ReplyMalformed)]
)
async def test_after_three_attempts_the_caller_hears_of_it(passing: Reply, kind: type[IndexerError]) -> None:
    async with gateway(passing) as told:
        error = await fails(told, kind)

    assert len(told.bodies) == 3
    assert "html" not in str(error)


@pytest.mark.parametrize(
    ("final", "kind"),
    [
        (refuses(401, 1101), AccessRefused),
        (refuses(423, 1200), QuotaExceeded),
        (refuses(404, -2), WrongEndpoint),
        (says(b"not here", 404), WrongEndpoint),
        (says(b"", 204), ReplyMalformed),
    ],
)
async def test_what_does_not_pass_is_asked_once(final: Reply, kind: type[IndexerError]) -> None:
    async with gateway(final) as told:
        await fails(told, kind)

    assert len(told.bodies) == (3 if kind is ReplyMalformed else 1)


@pytest.mark.parametrize(("seconds", "pause"), [("7", 7.0), ("600", 60.0), ("soon", 1.5)])
async def test_a_throttled_request_waits_once(seconds: str, pause: float) -> None:
    pauses = Pauses()
    async with (
        gateway(refuses(429, 1201, headers={"Retry-After": seconds}), says(page())) as told,
        client_of(told, sleep=pauses) as client,
    ):
        await client.balances(QUESTION)

    assert pauses == [pause]
    assert len(told.bodies) == 2


async def test_a_request_throttled_twice_is_left_to_the_caller() -> None:
    async with gateway(refuses(429, 1201, headers={"Retry-After": "600"})) as told:
        error = await fails(told, Throttled)

    assert isinstance(error, Throttled)
    assert error.retry_after_seconds == 600.0
    assert len(told.bodies) == 2


async def test_the_clock_that_is_handed_in_decides_how_long_a_throttled_request_waits() -> None:
    pauses = Pauses()
    throttles = refuses(429, 1201, headers={"Retry-After": "60", "Credits-Rate-Reset": "1010"})
    async with (
        gateway(throttles, says(page())) as told,
        client_of(told, sleep=pauses, now=lambda: 1000.0) as client,
    ):
        await client.balances(QUESTION)

    assert pauses == [11.0]


async def test_retries_are_logged_with_what_happened() -> None:
    with capture_logs() as logs:
        async with gateway(refuses(500, -7, f"key {KEY}"), says(page())) as told, client_of(told) as client:
            await client.balances(QUESTION)

    (entry,) = logs
    assert (entry["action"], entry["pause_seconds"]) == ("retry", 0.5)
    assert "HTTP 500" in entry["error"]
    assert KEY not in repr(logs)


@pytest.mark.parametrize(
    ("refused", "kind"),
    [(refuses(400, 2004), TooMuchAsked), (says(b"", 413), TooMuchAsked), (refuses(403, 1106), ChainRefused)],
)
async def test_what_is_too_much_is_not_asked_again(refused: Reply, kind: type[IndexerError]) -> None:
    async with gateway(refused) as told:
        await fails(told, kind)

    assert len(told.bodies) == 1


@pytest.mark.parametrize("gave_up", [refuses(408, 1900), says(b"", 408), says(b"<html>", 504)])
async def test_a_time_limit_of_the_service_is_tried_again_before_less_is_asked(gave_up: Reply) -> None:
    async with gateway(gave_up, says(page())) as told, client_of(told) as client:
        await client.balances(QUESTION)
    async with gateway(gave_up) as told:
        await fails(told, TimedOut)

    assert len(told.bodies) == 3


# ---------------------------------------------------------------- limits


def limited(remaining: int, **more: str) -> dict[str, str]:
    told = {"Credits-Rate-Remaining": str(remaining), "Credits-Rate-Reset": "1010", "Credits-Rate-Limit": "9"}
    return told | {name.replace("_", "-"): text for name, text in more.items()}


async def test_a_throttled_request_holds_all_others_back() -> None:
    clock = Clock()
    throttles = refuses(429, 1201, headers={"Retry-After": "7"})
    async with (
        gateway(throttles, says(page())) as told,
        client_of(told, sleep=clock.sleep, now=clock, max_concurrent_requests=1) as client,
    ):
        await asyncio.gather(*(client.balances(QUESTION) for _ in range(5)))

    assert clock.pauses == [7.0]
    assert len(told.bodies) == 6


async def test_when_the_wait_is_over_no_more_start_than_ever_do() -> None:
    clock = Clock()

    async def slowly(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.01)
        return web.Response(body=page())

    async with (
        gateway(refuses(429, 1201, headers={"Retry-After": "7"}), slowly) as told,
        client_of(told, sleep=clock.sleep, now=clock, max_concurrent_requests=2) as client,
    ):
        await asyncio.gather(*(client.balances(QUESTION) for _ in range(10)))

    assert told.at_once_most == 2
    assert len(told.bodies) == 11


@pytest.mark.parametrize(
    ("headers", "pauses"),
    [
        (limited(0), [11.0]),
        (limited(1), []),
        (limited(4, Credits_Rate_Cost="5"), [11.0]),
        (limited(5, Credits_Rate_Cost="5"), []),
        (limited(0, Credits_Rate_Reset="1600"), [60.0]),
        (limited(0, Credits_Rate_Reset="soon"), []),
        (limited(0, Credits_Rate_Limit="0"), []),
    ],
)
async def test_a_used_up_rate_holds_the_next_request_back(
    headers: dict[str, str], pauses: list[float]
) -> None:
    clock = Clock()
    async with (
        gateway(says(page(), headers=headers), says(page())) as told,
        client_of(told, sleep=clock.sleep, now=clock) as client,
    ):
        await client.balances(QUESTION)
        assert clock.pauses == []
        await client.balances(QUESTION)

    assert clock.pauses == pauses


async def test_the_allowance_is_what_the_last_answer_that_had_one_said() -> None:
    first = says(page(), headers={"Quota-Limit": "100", "Quota-Remaining": "7", "Quota-Cost": "2"})
    refused = refuses(423, 1200, headers={"Quota-Remaining": "0"})
    async with gateway(first, says(page()), refused) as told, client_of(told) as client:
        assert client.allowance == Allowance()
        await client.balances(QUESTION)
        assert client.allowance == Allowance(quota_limit=100, quota_remaining=7, quota_cost=2)
        await client.balances(QUESTION)
        assert client.allowance == Allowance(quota_limit=100, quota_remaining=7, quota_cost=2)
        with failing(QuotaExceeded):
            await client.balances(QUESTION)

    assert client.allowance == Allowance(quota_remaining=0)


async def test_absurd_limits_fail_no_question() -> None:
    absurd = dict.fromkeys(limited(0, Retry_After="", Quota_Limit="", Quota_Cost=""), "-9e999")
    async with gateway(says(page(), headers=absurd)) as told, client_of(told) as client:
        await client.balances(QUESTION)
        await client.balances(QUESTION)

    assert client.allowance == Allowance()


# ---------------------------------------------------------------- the network


async def test_a_redirect_is_not_followed() -> None:
    async with gateway(says(page())) as elsewhere:
        moved = says(b"", 307, {"Location": elsewhere.url.replace("127.0.0.1", "localhost") + f"?{KEY}"})
        async with gateway(moved) as told:
            error = await fails(told, WrongEndpoint)

    assert elsewhere.requests == []
    assert "it points to localhost (HTTP 307)" in str(error)


async def test_nobody_there_is_unavailable() -> None:
    nobody = Gateway([], url=f"http://127.0.0.1:{unused_port()}")

    error = await fails(nobody, Unavailable)

    assert error.status is None
    assert error.name == "ClientConnectorError"


@pytest.mark.parametrize("url", ["", "no url", "ftp://127.0.0.1/x", "http://", "http://127.0.0.1:99999"])
async def test_an_address_that_is_none_is_a_wrong_endpoint(url: str) -> None:
    await fails(Gateway([], url=url), WrongEndpoint)


async def dropped(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def cut(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(page()[:100])
    assert request.transport is not None
    request.transport.close()
    return response


async def echoed(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.write(b"HTTP/1.1 200 OK\r\n" + f"X {KEY}\x00\r\n\r\n".encode())
    request.transport.close()
    return web.Response()


@pytest.mark.parametrize(
    "broken",
    [
        dropped,
        cut,
        echoed,
        packs(b"no gzip at all"),
        packs(b"no deflate", "deflate"),
        packs(b"no brotli", "br"),
        packs(b"no zstandard", "zstd"),
    ],
)
async def test_a_reply_broken_on_its_way_is_unavailable(broken: Reply) -> None:
    async with gateway(broken) as told:
        await fails(told, Unavailable)

        assert len(told.bodies) == 3


@pytest.mark.parametrize("broken", [dropped, cut])
async def test_after_a_broken_reply_the_next_one_counts(broken: Reply) -> None:
    async with gateway(broken, says(page())) as told, client_of(told) as client:
        assert (await client.balances(QUESTION)).tokens[MAINNET][ANN] == {USDC: Amount(5)}


async def test_a_server_that_drips_is_given_up_when_the_whole_time_is_over() -> None:
    async def drips(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(0.01)

    async with gateway(drips) as told:
        error = await fails(told, TimedOut, timeout_seconds=0.5)

    assert error.name == "TimeoutError"
    assert len(told.bodies) == 1


async def test_a_server_that_says_nothing_is_given_up() -> None:
    async def silent(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        return web.Response()

    async with gateway(silent) as told:
        await fails(told, TimedOut, timeout_seconds=0.5)

    assert len(told.bodies) == 1


async def test_a_server_that_takes_no_connection_is_unavailable_and_not_slow() -> None:
    with ExitStack() as open_sockets:
        full = open_sockets.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):  # more than such a server keeps waiting
            waiting = open_sockets.enter_context(socket.socket())
            waiting.settimeout(0)
            waiting.connect_ex(full.getsockname())
        nobody = Gateway([], url=f"http://127.0.0.1:{full.getsockname()[1]}")
        error = await fails(nobody, Unavailable, timeout_seconds=0.2)

    assert error.name == "ConnectionTimeoutError"


async def test_a_key_that_cannot_be_sent_is_not_told() -> None:
    async with gateway(says(page())) as told, IndexerClient(told.url, f"{KEY}\n", rng=lambda: 0) as client:
        with failing(Unavailable):
            await client.balances(QUESTION)


async def test_a_cancelled_question_is_cancelled() -> None:
    arrived = asyncio.Event()

    async def silent(_: web.Request) -> web.StreamResponse:
        arrived.set()
        await asyncio.Event().wait()
        return web.Response()

    async with gateway(silent) as told, client_of(told) as client:
        asking = asyncio.create_task(client.balances(QUESTION))
        await arrived.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    assert len(told.bodies) == 1


# ---------------------------------------------------------------- size


async def test_a_compressed_reply_is_read() -> None:
    async with gateway(packs(gzip.compress(page()))) as told, client_of(told) as client:
        assert (await client.balances(QUESTION)).tokens[MAINNET]

    assert "gzip" in told.requests[0].headers["Accept-Encoding"]


def test_what_is_zipped_is_unpacked_by_isal() -> None:
    assert ZLibBackend.name == "isal.isal_zlib"


@pytest.mark.parametrize("send", [says, lambda body: packs(gzip.compress(body, 1))])
async def test_the_largest_reply_allowed_is_read(send: Callable[[bytes], Reply]) -> None:
    async with gateway(send(page().ljust(REPLY_MAX_BYTES))) as told, client_of(told) as client:
        assert (await client.balances(QUESTION)).tokens[MAINNET]


@pytest.mark.parametrize("send", [says, lambda body: packs(gzip.compress(body, 1))])
async def test_a_larger_reply_is_too_large_and_not_asked_again(send: Callable[[bytes], Reply]) -> None:
    async with gateway(send(page().ljust(REPLY_MAX_BYTES + 1))) as told:
        await fails(told, ReplyTooLarge)

    assert len(told.bodies) == 1


async def test_a_bomb_is_not_unpacked_whole() -> None:
    bomb = gzip.compress(bytes(BOMB_BYTES), 9)
    async with gateway(packs(bomb)) as told:
        tracemalloc.start()
        try:
            await fails(told, ReplyTooLarge)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert len(bomb) < BOMB_BYTES / 100
    assert peak < BOMB_BYTES / 2


async def test_a_refusal_of_any_size_is_sorted_by_its_status() -> None:
    async with gateway(says(bytes(REPLY_MAX_BYTES + 1), 403)) as told:
        await fails(told, AccessRefused)
