"""Asking for transfers: its pages, its limits, and that no poll ever notices it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from bot.domain.ask.questions import Allowance
from bot.domain.assets import NATIVE, Address, Amount, ChainId
from bot.domain.explain.budget import POLLS_FOR_ONE, REQUESTS_MOST
from bot.domain.explain.questions import ACCOUNTS_MOST
from bot.domain.explain.transfers import NOBODY
from bot.indexer.client import IndexerClient
from bot.indexer.errors import (
    AccessRefused,
    IndexerError,
    LeftAlone,
    OverBudget,
    QuestionRefused,
    QuotaExceeded,
    ReplyIncomplete,
    ReplyMalformed,
    ReplyTooLarge,
    Throttled,
    TimedOut,
    Unavailable,
    WrongEndpoint,
)
from bot.indexer.extras.history import PAGES_MOST, encode_history_question
from bot.indexer.extras.transfer_pages import FALLS_TO_TRUST
from bot.indexer.wire import first_page
from tests.indexer import gateway as polled
from tests.indexer.extras.transfers import (
    ANN,
    BOB,
    QUESTION,
    USDC,
    body,
    entry,
    page,
    row,
    transfer,
)
from tests.indexer.gateway import Clock, Gateway, Pauses, Reply, client_of, failing, gateway, refuses, says

MORE = {"after": {"block": 500, "of": [None]}, "pageSize": 40, "more": True}


def batch(amounts: int) -> dict[str, object]:
    return row(1, transfer(contractType="ERC1155", tokenIds=["1"] * amounts, amounts=["1"] * amounts))


def pages(count: int) -> list[Reply]:
    """Return replies with a row each that promise more."""
    return [says(page(row(number), mark={**MORE, "after": number})) for number in range(count)]


async def hangs(_: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


async def drops(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.close()
    return web.Response()


@asynccontextmanager
async def asked(*history: Reply, poll: Reply | None = None) -> AsyncIterator[Gateway]:
    """Serve a gateway whose balances are fine, whatever it does to a question for transfers."""
    of_history = list(history)

    async def reply(request: web.Request) -> web.StreamResponse:
        if not request.path.endswith("GetTransactionHistory"):
            return await (poll or says(polled.page()))(request)
        return await (of_history.pop(0) if len(of_history) > 1 else of_history[0])(request)

    async with gateway(reply) as told:
        yield told


# ---------------------------------------------------------------- the question


def test_a_question_names_one_chain_the_accounts_and_the_contracts() -> None:
    question = replace(
        QUESTION, chain_id=ChainId(1), accounts=(ANN, BOB), contracts=(USDC, NATIVE), from_block=71
    )

    assert json.loads(encode_history_question(question, first_page(40))) == {
        "chainIds": [1],
        "filter": {
            "accountAddresses": [ANN, BOB],
            "contractAddresses": [USDC, NOBODY],
            "fromBlock": 70,
            "omitPrices": True,
        },
        "includeMetadata": False,
        "page": {"pageSize": 40},
    }


@pytest.mark.parametrize("from_block", [None, 0, 1])
def test_without_a_first_block_all_is_asked_for(from_block: int | None) -> None:
    filters = json.loads(encode_history_question(replace(QUESTION, from_block=from_block), b"null"))["filter"]

    assert filters == {"accountAddresses": [ANN], "omitPrices": True}


def test_a_coin_that_logs_its_transfers_is_asked_for_in_both_ways() -> None:
    filters = json.loads(encode_history_question(replace(QUESTION, contracts=(NATIVE,)), b"null"))["filter"]

    assert filters["contractAddresses"] == [NOBODY, "0x" + "0" * 36 + "1010"]


@pytest.mark.parametrize("count", [0, ACCOUNTS_MOST + 1])
async def test_nobody_and_too_many_are_not_asked_about(count: int) -> None:
    accounts = tuple(Address(f"0x{number:040x}") for number in range(count))
    async with asked(says(page())) as told, client_of(told) as client:
        with pytest.raises(ValueError, match="accounts"):
            await client.history(replace(QUESTION, accounts=accounts))
    assert not told.bodies


# ---------------------------------------------------------------- pages


async def test_a_transaction_that_two_pages_cut_is_read_as_one_answer() -> None:
    listed = [row(number, block=900 - number) for number in range(40)]
    first = page(*listed, row(41, transfer(logIndex=1)), mark=MORE)
    second = page(row(41, transfer(logIndex=1), transfer(logIndex=2)), mark={"more": False})
    async with asked(says(first), says(second)) as told, client_of(told) as client:
        answer = await client.history(QUESTION)

    assert len(answer.transfers) == 42
    assert answer.is_complete
    assert [json.loads(each)["page"] for each in told.bodies] == [{"pageSize": 40}, MORE]


async def test_the_last_page_that_is_read_may_be_the_last_one() -> None:
    async with asked(*pages(PAGES_MOST - 1), says(page(row(99)))) as told, client_of(told) as client:
        answer = await client.history(QUESTION)

    assert (len(answer.transfers), answer.is_complete) == (PAGES_MOST, True)


async def test_where_more_pages_follow_the_answer_is_not_complete() -> None:
    async with asked(*pages(PAGES_MOST + 1)) as told, client_of(told) as client:
        answer = await client.history(QUESTION)

    assert (len(answer.transfers), answer.is_complete) == (PAGES_MOST, False)
    assert len(told.bodies) == PAGES_MOST


@pytest.mark.parametrize(
    ("replies", "requests"),
    [
        ([page(row(1), mark=MORE), page(row(2), mark=MORE)], 2),
        ([page(row(1), mark=MORE), page(row(1), mark={**MORE, "after": 2})], 2),
        ([page(mark=MORE)], 1),
        ([page(row(1), mark=MORE), page(mark={**MORE, "after": 2})], 2),
    ],
    ids=["a cursor that stands still", "known rows", "more of nothing", "nothing new"],
)
async def test_pages_that_repeat_themselves_end(replies: list[bytes], requests: int) -> None:
    async with asked(*map(says, replies)) as told, client_of(told) as client:
        answer = await client.history(QUESTION)

    assert not answer.is_complete
    assert len(told.bodies) == requests


async def test_sorted_pages_are_read_as_far_as_the_range_goes() -> None:
    """Even where the source ignores the range."""
    rows = [row(number, block=600 - number) for number in range(FALLS_TO_TRUST + 5)]
    async with asked(says(page(*rows, mark=MORE))) as told, client_of(told) as client:
        answer = await client.history(replace(QUESTION, from_block=597))

    assert [one.block for one in answer.transfers] == [597, 598, 599, 600]
    assert answer.is_complete
    assert len(told.bodies) == 1


async def test_pages_that_come_slowly_end() -> None:
    clock = Clock()

    async def slow(request: web.Request) -> web.StreamResponse:
        clock.now += 8
        return await says(page(row(int(clock.now)), mark={**MORE, "after": clock.now}))(request)

    async with asked(slow) as told, client_of(told, monotonic=clock) as client:
        assert not (await client.history(QUESTION)).is_complete
    assert len(told.bodies) == 2


async def test_a_page_that_fails_fails_all_of_the_answer() -> None:
    async with asked(*pages(1), refuses(500, -7)) as told, client_of(told) as client:
        with failing(Unavailable):
            await client.history(QUESTION)
    assert len(told.bodies) == 2


async def test_a_body_without_an_end_is_given_up() -> None:
    huge = says(page(row(1, transfer(contractInfo="x" * 3 * 2**20))))
    many = says(page(batch(2500)))
    async with asked(huge, huge, many, many, says(page(row()))) as told, client_of(told) as client:
        for _ in range(4):
            with failing(ReplyTooLarge):
                await client.history(QUESTION)
        assert (await client.history(QUESTION)).is_complete, "it is up, and answers what is smaller"


async def test_the_memory_of_an_answer_is_free_once_it_is_read() -> None:
    async with asked(says(page(batch(1900)))) as told, client_of(told) as client:
        for _ in range(5):
            assert (await client.history(QUESTION)).is_complete


# ---------------------------------------------------------------- the budget


async def test_history_gets_a_full_budget_and_a_tenth_of_the_polls() -> None:
    clock = Clock()
    async with asked(says(page())) as told, client_of(told, monotonic=clock) as client:
        for _ in range(REQUESTS_MOST):
            assert client.history_is_ready
            await client.history(QUESTION)
        assert not client.history_is_ready
        with failing(OverBudget):
            await client.history(QUESTION)
        assert len(told.bodies) == REQUESTS_MOST

        for _ in range(POLLS_FOR_ONE):
            await client.balances(polled.QUESTION)
        assert client.history_is_ready
        await client.history(QUESTION)
        assert not client.history_is_ready

        clock.now += 121
        assert client.history_is_ready


async def test_what_people_ask_for_takes_no_budget() -> None:
    async with asked(says(page())) as told, client_of(told, monotonic=Clock()) as client:
        for _ in range(REQUESTS_MOST + 1):
            await client.history(QUESTION, on_demand=True)
        assert client.history_is_ready


async def test_a_budget_that_ends_between_pages_leaves_the_answer_incomplete() -> None:
    replies = [says(page())] * (REQUESTS_MOST - 2) + pages(3)
    async with asked(*replies) as told, client_of(told, monotonic=Clock()) as client:
        for _ in range(REQUESTS_MOST - 2):
            await client.history(QUESTION)
        answer = await client.history(QUESTION)

    assert (len(answer.transfers), answer.is_complete) == (2, False)


# ---------------------------------------------------------------- the breaker


async def fails_thrice(client: IndexerClient) -> None:
    for _ in range(3):
        with failing(Unavailable):
            await client.history(QUESTION)


async def test_a_history_that_fails_is_left_alone_and_tried_again_in_time() -> None:
    clock = Clock()
    down = [refuses(500, -7)] * 3
    async with asked(*down, says(page())) as told, client_of(told, monotonic=clock) as client:
        await fails_thrice(client)
        assert not client.history_is_ready
        with failing(LeftAlone):
            await client.history(QUESTION)
        assert len(told.bodies) == 3, "each was sent once"

        clock.now += 2
        assert not client.history_is_ready, "no alert waits for a probe"
        assert (await client.history(QUESTION)).is_complete
        assert client.history_is_ready


async def test_two_failures_are_bad_luck() -> None:
    async with asked(refuses(500, -7), drops, says(page())) as told, client_of(told) as client:
        for _ in range(2):
            with failing(Unavailable):
                await client.history(QUESTION)
        assert client.history_is_ready
        assert (await client.history(QUESTION)).is_complete


@pytest.mark.parametrize(
    ("refusal", "kind"),
    [
        (says(b"404 page not found", 404), WrongEndpoint),
        (refuses(404, -2), WrongEndpoint),
        (refuses(401, 1101), AccessRefused),
    ],
)
async def test_a_gateway_without_history_is_asked_rarely_and_named_once(
    refusal: Reply, kind: type[IndexerError]
) -> None:
    clock = Clock()
    with capture_logs() as logs:
        async with asked(refusal) as told, client_of(told, monotonic=clock) as client:
            for minute in range(180):
                clock.now = 1000 + 60 * minute
                with pytest.raises((kind, LeftAlone)):
                    await client.history(QUESTION)

    assert 3 <= len(told.bodies) <= 6, "in three hours"
    assert [log["method"] for log in logs if log["action"] == "extra_left_alone"] == ["GetTransactionHistory"]


async def test_a_quota_that_is_used_up_is_left_alone_at_once() -> None:
    async with asked(refuses(423, 1200)) as told, client_of(told) as client:
        with failing(QuotaExceeded):
            await client.history(QUESTION)
        assert not client.history_is_ready


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (refuses(400, -4), QuestionRefused),
        (says(body(entry(errorReason="no backend", results=None))), ReplyIncomplete),
    ],
)
async def test_what_one_question_or_chain_gets_says_nothing_of_the_others(
    reply: Reply, kind: type[IndexerError]
) -> None:
    async with asked(reply) as told, client_of(told) as client:
        for _ in range(4):
            with failing(kind):
                await client.history(QUESTION)
        assert client.history_is_ready


# ---------------------------------------------------------------- the polls


USED_UP = {"Credits-Rate-Remaining": "0", "Credits-Rate-Reset": "1050"}
TROUBLES: dict[str, tuple[Reply, type[IndexerError]]] = {
    "hangs": (hangs, TimedOut),
    "drops the line": (drops, Unavailable),
    "fails": (refuses(500, -7), Unavailable),
    "is throttled": (refuses(429, 1201, headers={"Retry-After": "60"}), Throttled),
    "is used up": (refuses(429, 1200), QuotaExceeded),
    "refuses the key": (refuses(401, 1101), AccessRefused),
    "is not there": (says(b"", 404), WrongEndpoint),
    "answers in HTML": (says(b"<html>"), ReplyMalformed),
    "answers too much": (says(b" " * 20 * 2**20), ReplyTooLarge),
    "allows no more": (refuses(400, -4, headers=USED_UP), QuestionRefused),
}


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_no_poll_notices_what_happens_to_history(trouble: str) -> None:
    reply, kind = TROUBLES[trouble]
    pauses = Pauses()
    seconds = 0.5 if kind is TimedOut else 30.0
    async with asked(reply) as told, client_of(told, sleep=pauses, extra_timeout_seconds=seconds) as client:
        with failing(kind):
            await client.history(QUESTION)
        for _ in range(4):
            with pytest.raises((kind, LeftAlone)):
                await client.history(QUESTION)
        of_history = len(told.bodies)
        answer = await client.balances(polled.QUESTION)

    assert answer.tokens[polled.MAINNET][polled.ANN] == {polled.USDC: Amount(5)}
    assert pauses == [], "neither waits, and nothing is repeated"
    polls = {("GetTokenBalancesSummary", "answered"): 1}
    assert (client.requests_sent, dict(client.counts.requests)) == (1, polls)
    assert client.allowance == Allowance()
    assert sum(client.extra_counts.requests.values()) == of_history


async def test_a_poll_does_not_wait_for_a_history_that_hangs() -> None:
    """With one connection for polls: the one that hangs is none of them."""
    arrived = asyncio.Event()

    async def hang(request: web.Request) -> web.StreamResponse:
        arrived.set()
        return await hangs(request)

    async with asked(hang) as told, client_of(told, max_concurrent_requests=1) as client:
        asking = asyncio.create_task(client.history(QUESTION))
        await arrived.wait()
        await client.balances(polled.QUESTION)
        assert not asking.done()
        asking.cancel()


async def test_history_does_not_wait_for_polls_that_hang() -> None:
    arrived = asyncio.Event()

    async def hang(request: web.Request) -> web.StreamResponse:
        arrived.set()
        return await hangs(request)

    async with asked(says(page()), poll=hang) as told, client_of(told, max_concurrent_requests=1) as client:
        polling = asyncio.create_task(client.balances(polled.QUESTION))
        await arrived.wait()
        await client.history(QUESTION)
        polling.cancel()


async def test_questions_for_transfers_go_out_one_at_a_time() -> None:
    async with asked(says(page())) as told, client_of(told) as client:
        await asyncio.gather(*(client.history(QUESTION) for _ in range(8)))

    assert told.at_once_most == 1


async def test_while_the_polls_are_throttled_nothing_else_is_asked() -> None:
    clock = Clock()
    spent = says(polled.page(), headers={"Credits-Rate-Remaining": "0", "Credits-Rate-Reset": "1029"})
    async with asked(says(page()), poll=spent) as told, client_of(told, now=clock) as client:
        await client.balances(polled.QUESTION)
        assert not client.history_is_ready
        with failing(LeftAlone):
            await client.history(QUESTION, on_demand=True)
        assert len(told.bodies) == 1

        clock.now += 31
        assert client.history_is_ready
        await client.history(QUESTION)


async def test_a_history_that_is_throttled_waits_as_long_as_it_is_told() -> None:
    clock = Clock()
    throttled = refuses(429, 1201, headers={"Retry-After": "40"})
    async with asked(throttled, says(page())) as told, client_of(told, now=clock, monotonic=clock) as client:
        with failing(Throttled):
            await client.history(QUESTION)
        clock.now += 39
        with failing(LeftAlone):
            await client.history(QUESTION)

        clock.now += 2
        assert (await client.history(QUESTION)).is_complete
        assert len(told.bodies) == 2
