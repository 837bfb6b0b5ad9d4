"""The client against a real server that answers as it is told to."""

import asyncio
import gzip
import json
import traceback
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypedDict, Unpack

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port
from structlog.testing import capture_logs

from bot.domain.model import Address, ChainId, Holding, Question
from bot.indexer.client import REPLY_MAX_BYTES, IndexerClient
from bot.indexer.errors import (
    AccessRefused,
    IndexerError,
    QuestionRefused,
    QuotaExceeded,
    ReplyIncomplete,
    ReplyMalformed,
    ReplyTooLarge,
    Throttled,
    Unavailable,
    WrongEndpoint,
)

KEY = "AQAAAAAAAKeyThatOpensNothing"
ANN = Address("0x8e3e38fe7367dd3b52d1e281e4e8400447c8d8b9")
USDC = Address("0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48")
MAINNET = ChainId(1)
BOMB_BYTES = 200 * 1024 * 1024
QUESTION = Question(accounts=(ANN,), chain_ids=(MAINNET,))

Reply = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Gateway:
    """A server that gives its replies in turn, the last one for ever, and remembers what it was asked."""

    replies: list[Reply]
    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    requests: list[web.Request] = field(default_factory=list)
    at_once: int = 0
    at_once_most: int = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.at_once += 1
        self.at_once_most = max(self.at_once_most, self.at_once)
        try:
            self.bodies.append(await request.read())
            self.requests.append(request)
            reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
            return await reply(request)
        finally:
            self.at_once -= 1

    @property
    def page_sizes(self) -> list[int]:
        return [json.loads(body)["page"]["pageSize"] for body in self.bodies]


@asynccontextmanager
async def gateway(*replies: Reply) -> AsyncIterator[Gateway]:
    told = Gateway(list(replies))
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", told.answer)
    server = TestServer(app)
    await server.start_server()
    told.url = str(server.make_url("/rpc/IndexerGateway"))
    try:
        yield told
    finally:
        await server.close()


class Pauses(list[float]):
    """A sleep that only takes notes."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)


class Options(TypedDict, total=False):
    timeout_seconds: float
    page_size: int
    max_concurrent_requests: int
    pages_max: int
    sleep: Pauses
    random: Callable[[], float]
    now: Callable[[], float]


def client_of(told: Gateway, **options: Unpack[Options]) -> IndexerClient:
    wishes: Options = {"sleep": Pauses(), "random": lambda: 1.0, **options}
    return IndexerClient(told.url, KEY, **wishes)


def says(body: bytes, status: int = 200, headers: Mapping[str, str] = MappingProxyType({})) -> Reply:
    async def reply(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body, status=status, headers=headers)

    return reply


def refuses(
    status: int, code: int, message: str = "words", headers: Mapping[str, str] = MappingProxyType({})
) -> Reply:
    return says(json.dumps({"code": code, "msg": message, "status": status}).encode(), status, headers)


def packs(body: bytes, encoding: str = "gzip") -> Reply:
    return says(body, headers={"Content-Encoding": encoding})


def page(balance: int = 5, contract: str = USDC, mark: bytes = b'{"more":false}') -> bytes:
    row = {
        "contractType": "ERC20",
        "contractAddress": contract,
        "accountAddress": ANN,
        "balance": str(balance),
        "chainId": 1,
    }
    reply = {"balances": [{"chainId": 1, "results": [row]}], "nativeBalances": None}
    return json.dumps(reply).encode()[:-1] + b',"page":' + mark + b"}"


def contract(number: int) -> str:
    return f"0x{number:040x}"


@contextmanager
def failing(kind: type[IndexerError]) -> Iterator[pytest.ExceptionInfo[IndexerError]]:
    """Expect exactly this error, and the key nowhere in it nor in the log."""
    with capture_logs() as logs, pytest.raises(IndexerError) as caught:
        yield caught
    assert type(caught.value) is kind
    told = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(logs)
    assert KEY not in told


async def fails(told: Gateway, kind: type[IndexerError], **options: Unpack[Options]) -> IndexerError:
    async with client_of(told, **options) as client:
        with failing(kind) as caught:
            await client.balances(QUESTION)
    return caught.value


# ---------------------------------------------------------------- requests


async def test_a_question_is_posted_with_the_key_under_its_name() -> None:
    async with gateway(says(page())) as told, IndexerClient(told.url + "/", KEY, "Api-Key") as client:
        answer = await client.balances(QUESTION)

    (request,) = told.requests
    assert answer.tokens == {MAINNET: {ANN: {USDC: Holding(5)}}}
    assert (request.method, request.path) == ("POST", "/rpc/IndexerGateway/GetTokenBalancesSummary")
    assert request.headers["Api-Key"] == KEY
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Accept"] == "application/json"
    assert not {"X-Access-Key", "Origin", "Authorization"} & set(request.headers)
    assert told.page_sizes == [1000]


async def test_without_a_key_no_key_is_sent() -> None:
    async with gateway(says(page())) as told, IndexerClient(told.url) as client:
        await client.balances(QUESTION)

    assert "X-Access-Key" not in told.requests[0].headers


async def test_chains_and_ping_ask_their_own_methods() -> None:
    chains = says(b'{"chains":[{"chainId":1,"chainName":"mainnet"}]}')
    async with gateway(chains, chains, says(b'{"status":true}')) as told, client_of(told) as client:
        assert await client.chains() == ((MAINNET, "mainnet"),)
        await client.chains("ALL")
        await client.ping()

    assert [request.path.rsplit("/")[-1] for request in told.requests] == ["GetChains", "GetChains", "Ping"]
    assert told.bodies == [b'{"networkType":"MAINNETS"}', b'{"networkType":"ALL"}', b"{}"]


async def test_a_question_of_undocumented_meaning_is_not_sent() -> None:
    async with gateway(says(page())) as told, client_of(told) as client:
        with pytest.raises(ValueError, match="at least one account"):
            await client.balances(Question(accounts=(), chain_ids=(MAINNET,)))

    assert client.requests_sent == 0


async def test_cookies_are_not_kept() -> None:
    async with gateway(says(page(), headers={"Set-Cookie": "a=b"})) as told:
        told.url = told.url.replace("127.0.0.1", "localhost")
        async with client_of(told) as client:
            await client.balances(QUESTION)
            await client.balances(QUESTION)

    assert "Cookie" not in told.requests[1].headers


async def test_what_the_source_says_of_a_chain_comes_without_the_key() -> None:
    failing_chain = json.dumps({"balances": [{"chainId": 1, "errorReason": f"no {KEY} here"}]}).encode()
    async with gateway(says(failing_chain)) as told, client_of(told) as client:
        answer = await client.balances(QUESTION)

    assert answer.troubles == ("chain 1: tokens: no *** here", "chain 1: no natives")


async def test_no_more_requests_run_at_once_than_allowed() -> None:
    async def slowly(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.01)
        return web.Response(body=page())

    async with gateway(slowly) as told, client_of(told, max_concurrent_requests=3) as client:
        await asyncio.gather(*(client.balances(QUESTION) for _ in range(12)))

    assert told.at_once_most == 3
    assert client.requests_sent == 12


# ---------------------------------------------------------------- pages


async def test_pages_are_asked_for_with_the_page_object_exactly_as_it_came() -> None:
    mark = b'{"page":1,"pageSize":2, "more":true,"column":"id","after":{"137":"c2lt","1":"MQ=="}}'
    async with (
        gateway(says(page(5, USDC, mark)), says(page(6, contract(7)))) as told,
        client_of(told, page_size=2) as client,
    ):
        answer = await client.balances(QUESTION)

    assert told.bodies[0].endswith(b'"page":{"pageSize":2}}')
    assert told.bodies[1].endswith(b'"page":' + mark + b"}")
    assert told.bodies[1].split(b'"page":')[0] == told.bodies[0].split(b'"page":')[0]
    assert answer.tokens == {MAINNET: {ANN: {USDC: Holding(5), Address(contract(7)): Holding(6)}}}


async def test_a_cursor_that_stands_still_is_no_answer() -> None:
    mark = b'{"more":true,"after":"MQ=="}'
    async with gateway(*(says(page(5, contract(number), mark)) for number in range(9))) as told:
        await fails(told, ReplyIncomplete)

    assert len(told.bodies) == 2


async def test_a_page_with_nothing_new_that_promises_more_is_no_answer() -> None:
    marks = (b'{"more":true,"page":%d}' % number for number in range(9))
    async with gateway(*(says(page(5, USDC, mark)) for mark in marks)) as told:
        await fails(told, ReplyIncomplete)

    assert len(told.bodies) == 2


async def test_pages_without_end_are_no_answer() -> None:
    pages = (page(5, contract(number), b'{"more":true,"page":%d}' % number) for number in range(9))
    async with gateway(*(says(each) for each in pages)) as told:
        await fails(told, ReplyIncomplete, pages_max=5)

    assert len(told.bodies) == 5


async def test_as_many_pages_as_allowed_are_an_answer() -> None:
    pages = [page(5, contract(number), b'{"more":true,"page":%d}' % number) for number in range(4)]
    async with (
        gateway(*(says(each) for each in pages), says(page())) as told,
        client_of(told, pages_max=5) as client,
    ):
        answer = await client.balances(QUESTION)

    assert len(answer.tokens[MAINNET][ANN]) == 5


async def test_a_failing_page_leaves_no_answer_at_all() -> None:
    async with gateway(says(page(mark=b'{"more":true}')), refuses(401, 1101)) as told:
        await fails(told, AccessRefused)


async def test_a_page_that_fails_once_is_asked_again_by_itself() -> None:
    pauses = Pauses()
    replies = says(page(mark=b'{"more":true}')), says(b'{"balances":['), says(page(6, contract(7)))
    async with gateway(*replies) as told, client_of(told, sleep=pauses) as client:
        answer = await client.balances(QUESTION)

    assert told.bodies[1] == told.bodies[2]
    assert pauses == [0.5]
    assert len(answer.tokens[MAINNET][ANN]) == 2


async def test_a_page_size_that_is_refused_falls_back_to_forty_for_good() -> None:
    refused = refuses(400, 2001, "pageSize too large")
    with capture_logs() as logs:
        async with gateway(refused, says(page())) as told, client_of(told) as client:
            await client.balances(QUESTION)
            await client.balances(QUESTION)

    assert told.page_sizes == [1000, 40, 40]
    assert [entry["action"] for entry in logs] == ["page_size"]


async def test_a_question_that_is_refused_in_any_size_changes_no_size() -> None:
    refused = refuses(400, 2001)
    async with gateway(refused, refused, says(page())) as told, client_of(told) as client:
        with failing(QuestionRefused):
            await client.balances(QUESTION)
        await client.balances(QUESTION)

    assert told.page_sizes == [1000, 40, 1000]


async def test_a_small_page_that_is_refused_is_not_asked_again() -> None:
    async with gateway(refuses(400, 2001)) as told:
        await fails(told, QuestionRefused, page_size=40)

    assert told.page_sizes == [40]


async def test_a_later_page_that_is_refused_does_not_start_over() -> None:
    async with gateway(says(page(mark=b'{"more":true,"pageSize":1000}')), refuses(400, 2001)) as told:
        await fails(told, QuestionRefused)

    assert len(told.bodies) == 2


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
        client_of(told, sleep=pauses, random=lambda: 0.5) as client,
    ):
        answer = await client.balances(QUESTION)

    assert answer.tokens[MAINNET][ANN] == {USDC: Holding(5)}
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


@pytest.mark.parametrize(("seconds", "pause"), [("7", 7.0), ("600", 60.0), ("soon", 1.0)])
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
        assert (await client.balances(QUESTION)).tokens[MAINNET][ANN] == {USDC: Holding(5)}


async def test_a_server_that_drips_is_given_up_when_the_whole_time_is_over() -> None:
    async def drips(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(500):
            await response.write(b" ")
            await asyncio.sleep(0.01)
        return response

    async with gateway(drips) as told:
        error = await fails(told, Unavailable, timeout_seconds=0.1)

    assert error.name == "TimeoutError"
    assert len(told.bodies) == 3


async def test_a_server_that_says_nothing_is_given_up() -> None:
    async def silent(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(5)
        return web.Response()

    async with gateway(silent) as told:
        await fails(told, Unavailable, timeout_seconds=0.05)


async def test_a_cancelled_question_is_cancelled() -> None:
    arrived = asyncio.Event()

    async def silent(_: web.Request) -> web.StreamResponse:
        arrived.set()
        await asyncio.sleep(5)
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
