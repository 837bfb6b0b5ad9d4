"""How large answers may get: all pages together, and all answers under way together."""

from collections.abc import Awaitable, Callable
from itertools import count

import pytest
from aiohttp import web

from bot.domain.assets import Asset
from bot.indexer.budget import ROW_BYTES, Bounds, Budget, Share
from bot.indexer.errors import IndexerError, QuestionRefused, ReplyTooLarge
from bot.poller.fetcher import Fetcher
from tests.indexer.gateway import (
    ANN,
    MAINNET,
    QUESTION,
    USDC,
    client_of,
    contract,
    fails,
    gateway,
    page,
    says,
)

FOUR_PAGES = [page(5, contract(number), b'{"more":true,"page":%d}' % number) for number in range(3)] + [
    page()
]
BYTES = sum(map(len, FOUR_PAGES))


def endless() -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return a reply that brings another page each time, and promises more."""
    numbers = count()

    async def reply(_: web.Request) -> web.StreamResponse:
        number = next(numbers)
        return web.Response(body=page(5, contract(number), b'{"more":true,"page":%d}' % number))

    return reply


# ---------------------------------------------------------------- one answer


@pytest.mark.parametrize(
    "bounds", [Bounds(rows=4), Bounds(body_bytes=BYTES), Bounds(bytes_of_all=BYTES + 4 * ROW_BYTES)]
)
async def test_an_answer_as_large_as_it_may_be_is_one(bounds: Bounds) -> None:
    async with gateway(*map(says, FOUR_PAGES)) as told, client_of(told, bounds=bounds) as client:
        assert len((await client.balances(QUESTION)).tokens[MAINNET][ANN]) == 4


@pytest.mark.parametrize(
    "bounds", [Bounds(rows=3), Bounds(body_bytes=BYTES - 1), Bounds(bytes_of_all=BYTES + 4 * ROW_BYTES - 1)]
)
async def test_a_larger_one_is_none_and_a_smaller_question_may_help(bounds: Bounds) -> None:
    async with gateway(*map(says, FOUR_PAGES)) as told:
        await fails(told, ReplyTooLarge, bounds=bounds)


@pytest.mark.parametrize("bounds", [Bounds(rows=50), Bounds(body_bytes=10_000), Bounds(bytes_of_all=30_000)])
async def test_pages_that_bring_new_rows_for_ever_end_at_the_bounds(bounds: Bounds) -> None:
    async with gateway(endless()) as told:
        await fails(told, ReplyTooLarge, bounds=bounds)

    assert 20 < len(told.bodies) <= 51


async def test_pages_that_take_for_ever_end_when_their_time_is_over() -> None:
    seconds = count(step=10)
    async with gateway(endless()) as told:
        await fails(told, ReplyTooLarge, bounds=Bounds(seconds=45), monotonic=lambda: float(next(seconds)))

    assert len(told.bodies) == 5


async def test_items_without_an_end_end_at_the_bounds_as_well() -> None:
    async with gateway(endless()) as told, client_of(told, bounds=Bounds(rows=1)) as client:
        with pytest.raises(IndexerError):
            await client.items(ANN, Asset(MAINNET, USDC))


async def test_a_page_that_is_just_coming_in_counts() -> None:
    async with gateway(says(b" " * 70_000 + page())) as told:
        await fails(told, ReplyTooLarge, bounds=Bounds(bytes_of_all=200_000))


async def test_of_a_long_refusal_its_status_is_enough() -> None:
    async with gateway(says(b'{"msg":"%s"}' % (b"x" * 200_000), 400)) as told:
        error = await fails(told, QuestionRefused)

    assert (error.status, error.detail) == (400, "")


# ---------------------------------------------------------------- all of them


async def test_answers_under_way_share_what_there_is_and_give_it_back() -> None:
    async def turn(request: web.Request) -> web.StreamResponse:
        asked = (await request.json())["page"]
        return web.Response(body=FOUR_PAGES[asked.get("page", -1) + 1])

    bounds = Bounds(bytes_of_all=BYTES + 4 * ROW_BYTES)
    async with gateway(turn) as told, client_of(told, bounds=bounds) as client:
        replies = [await client.reply(QUESTION)]
        with pytest.raises(ReplyTooLarge):
            await client.reply(QUESTION)
        assert len(replies[0].about([ANN]).tokens[MAINNET][ANN]) == 4

        replies.clear()

        assert (await client.reply(QUESTION)).digests


async def test_an_answer_that_failed_keeps_none_of_its_pages() -> None:
    async with gateway(endless()) as told, client_of(told, bounds=Bounds(rows=50)) as client:
        fetcher = Fetcher(client, accounts_per_request=50)
        assert await fetcher.ask(QUESTION) == ()

        (trouble,) = set(fetcher.troubles)
        assert isinstance(trouble, ReplyTooLarge)
        assert trouble.__traceback__ is None
        assert client._budget._taken == 0


def test_a_share_gives_back_all_that_it_took() -> None:
    budget = Budget(Bounds(bytes_of_all=10_000))
    one, other = Share(budget), Share(budget)
    one.receive(1_500)
    one.keep(2, 3_000)
    with pytest.raises(ReplyTooLarge):
        other.receive(500)
    one.page_done()
    other.receive(1_500)
    one.end()
    other.end()

    assert budget._taken == 0
