"""The client against a real server: questions, pages, items."""

import asyncio
import json
from dataclasses import replace

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from bot.domain.ask.questions import Question
from bot.domain.assets import Address, Amount, Asset
from bot.indexer.client import IndexerClient
from bot.indexer.errors import (
    AccessRefused,
    ChainRefused,
    MetadataFailed,
    QuestionRefused,
    ReplyIncomplete,
    TooManyItems,
)
from tests.indexer.gateway import (
    ANN,
    KEY,
    MAINNET,
    QUESTION,
    USDC,
    Pauses,
    client_of,
    contract,
    failing,
    fails,
    gateway,
    page,
    refuses,
    says,
)

# ---------------------------------------------------------------- requests


async def test_a_question_is_posted_with_the_key_under_its_name() -> None:
    async with gateway(says(page())) as told, IndexerClient(told.url + "/", KEY, "Api-Key") as client:
        answer = await client.balances(QUESTION)

    (request,) = told.requests
    assert answer.tokens == {MAINNET: {ANN: {USDC: Amount(5)}}}
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


async def test_a_row_that_only_reading_refuses_is_counted_once_however_often_is_read() -> None:
    twice = page().replace(b'"contractType": "ERC20"', b'"contractType": "ERC721", "contractType": "ERC20"')
    assert twice != page()
    async with gateway(says(twice)) as told, client_of(told) as client:
        reply = await client.reply(QUESTION)
        for accounts in ((), (ANN,), ()):
            reply.about(accounts)

    assert client.counts.rows_refused == 1


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
    assert answer.tokens == {MAINNET: {ANN: {USDC: Amount(5), Address(contract(7)): Amount(6)}}}


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


@pytest.mark.parametrize(
    "mark",
    [
        b'{"more":true,"after":{"137":"c2lt","1":123456789012345678901234567890}}',
        b'{"more":true,"after":"9007199254740993"}',
        b'{"more":true,"after":9007199254740993}',
        b'{"more":true,"before":[1.10,1e2,-0]}',
        b'{"more":true,"column":"id","sort":[{"column":"\\u0069d","order":"ASC"}],"new":null}',
    ],
)
async def test_a_cursor_of_any_kind_survives_byte_for_byte(mark: bytes) -> None:
    async with (
        gateway(says(page(5, USDC, mark)), says(page(6, contract(7)))) as told,
        client_of(told) as client,
    ):
        await client.balances(QUESTION)

    assert told.bodies[1].endswith(b'"page":' + mark + b"}")


async def test_a_chain_that_is_refused_is_not_taken_for_a_page_size_that_is() -> None:
    async with gateway(refuses(403, 1106)) as told:
        await fails(told, ChainRefused)

    assert told.page_sizes == [1000]


# ---------------------------------------------------------------- metadata


async def test_where_metadata_fails_the_question_is_asked_again_without() -> None:
    question = replace(QUESTION, metadata=True)
    async with gateway(refuses(400, 3003), says(page())) as told, client_of(told) as client:
        answer = await client.balances(question)

    assert [json.loads(body)["omitMetadata"] for body in told.bodies] == [False, True]
    assert answer.tokens == {MAINNET: {ANN: {USDC: Amount(5)}}}


async def test_where_metadata_fails_even_if_nobody_asks_for_it_the_caller_hears_of_it() -> None:
    async with gateway(refuses(400, 3003)) as told:
        await fails(told, MetadataFailed)

    assert len(told.bodies) == 2


# ---------------------------------------------------------------- items


def items_page(*token_ids: int, mark: bytes = b'{"more":false}') -> bytes:
    rows = [
        {
            "contractType": "ERC721",
            "contractAddress": USDC,
            "accountAddress": ANN,
            "tokenID": str(token_id),
            "balance": "1",
            "chainId": 1,
        }
        for token_id in token_ids
    ]
    return (
        json.dumps({"balances": [{"chainId": 1, "results": rows}]}).encode()[:-1] + b',"page":' + mark + b"}"
    )


CARDS = Asset(MAINNET, USDC)


async def test_items_of_all_pages_are_read_in_detail() -> None:
    mark = b'{"more":true,"after":{"1":1e2}}'
    async with (
        gateway(says(items_page(1, 2, mark=mark)), says(items_page(2**256 - 1))) as told,
        client_of(told) as client,
    ):
        items = await client.items(ANN, CARDS)

    assert items == {1: 1, 2: 1, 2**256 - 1: 1}
    assert {request.path.rsplit("/")[-1] for request in told.requests} == {"GetTokenBalancesDetails"}
    assert told.bodies[1].endswith(b'"page":' + mark + b"}")


async def test_more_items_than_allowed_are_not_read_on() -> None:
    pages = (items_page(number, mark=b'{"more":true,"page":%d}' % number) for number in range(9))
    async with gateway(*(says(each) for each in pages)) as told, client_of(told) as client:
        with failing(TooManyItems):
            await client.items(ANN, CARDS, items_max=3)

    assert len(told.bodies) == 4


@pytest.mark.parametrize(
    "marks", [[b'{"more":true}'] * 9, [b'{"more":true,"page":%d}' % n for n in range(9)]]
)
async def test_items_that_repeat_themselves_are_none(marks: list[bytes]) -> None:
    async with (
        gateway(*(says(items_page(1, mark=mark)) for mark in marks)) as told,
        client_of(told) as client,
    ):
        with failing(ReplyIncomplete):
            await client.items(ANN, CARDS)

    assert len(told.bodies) == 2


async def test_a_malformed_page_of_items_is_asked_again() -> None:
    async with gateway(says(b'{"balances":[{'), says(items_page(1))) as told, client_of(told) as client:
        assert await client.items(ANN, CARDS) == {1: 1}


async def test_items_of_a_failing_chain_are_an_error_and_not_none() -> None:
    down = says(b'{"balances":[{"chainId":1,"errorReason":"down","results":null}]}')
    async with gateway(down) as told, client_of(told) as client:
        with failing(ReplyIncomplete) as caught:
            await client.items(ANN, CARDS)

    assert "down" in str(caught.value)
    assert len(told.bodies) == 1
