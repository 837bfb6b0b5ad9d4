"""A price counts for the very token that was asked, and for nothing else that an answer says."""

import json
from datetime import UTC, datetime

import pytest

from bot.domain.assets import NATIVE, Address, Asset, ChainId, Quote
from bot.domain.explain.budget import REQUESTS_MOST
from bot.indexer.errors import IndexerError, OverBudget, ReplyMalformed, Unavailable, WrongEndpoint
from bot.indexer.extras.prices import decode_prices, encode_prices_question
from tests.indexer.gateway import (
    MAINNET,
    QUESTION,
    USDC,
    Clock,
    Reply,
    client_of,
    failing,
    gateway,
    page,
    refuses,
    says,
)

POLYGON = ChainId(137)
DAI = Address("0x6b175474e89094c44da98b954eedeac495271d0f")
ON_MAINNET, ON_POLYGON, DAI_ON_MAINNET = Asset(MAINNET, USDC), Asset(POLYGON, USDC), Asset(MAINNET, DAI)
ASKED = (ON_MAINNET, ON_POLYGON, DAI_ON_MAINNET)
AT = datetime(2026, 5, 20, 10, tzinfo=UTC)

Row = dict[str, object]


def row(contract: str = USDC, usd: object = "2", **more: object) -> Row:
    return {"contractAddress": contract, "priceUSD": usd, **more}


def entry(*rows: object, chain_id: object = MAINNET, **more: object) -> Row:
    return {"chainID": chain_id, "results": list(rows), **more}


def said(*entries: object) -> dict[Asset, Quote | None]:
    return decode_prices(json.dumps({"prices": list(entries)}).encode(), ASKED)


# ---------------------------------------------------------------- the question


def test_a_question_names_the_contracts_of_each_chain() -> None:
    assert json.loads(encode_prices_question(ASKED)) == {
        "q": [
            {"chainID": 1, "queries": [{"contractAddress": USDC}, {"contractAddress": DAI}]},
            {"chainID": 137, "queries": [{"contractAddress": USDC}]},
        ]
    }


@pytest.mark.parametrize("assets", [(), (ON_MAINNET, Asset(MAINNET, NATIVE))])
def test_nothing_and_coins_are_not_asked(assets: tuple[Asset, ...]) -> None:
    with pytest.raises(ValueError, match="prices are asked of tokens"):
        encode_prices_question(assets)


# ---------------------------------------------------------------- the answer


def test_each_token_has_the_price_and_the_moment_that_its_row_names() -> None:
    assert said(
        entry(row(updatedAt="2026-05-20T10:00:00.5Z"), row(DAI, "0.99", tokenID="0")),
        entry(row(USDC.upper().replace("X", "x"), "1"), chain_id=137),
    ) == {
        ON_MAINNET: Quote("2", AT.replace(microsecond=500_000)),
        DAI_ON_MAINNET: Quote("0.99"),
        ON_POLYGON: Quote("1"),
    }


@pytest.mark.parametrize(
    "usd", [None, "", "-1", "0", "0.00", "NaN", "1e400", "Infinity", "1,5", 1.5, {}, "9" * 200]
)
def test_a_price_that_is_no_plain_number_above_zero_is_none(usd: object) -> None:
    assert said(entry(row(usd=usd))) == {ON_MAINNET: None, DAI_ON_MAINNET: None}


@pytest.mark.parametrize("results", [[], None, [{"contractAddress": USDC}]])
def test_what_a_whole_entry_leaves_out_has_no_price(results: object) -> None:
    assert said({"chainID": 1, "results": results}) == {ON_MAINNET: None, DAI_ON_MAINNET: None}


@pytest.mark.parametrize(
    "prices",
    [
        (),
        (entry(row(), chain_id=10),),
        (entry(errorReason="down", chain_id=1),),
        (entry(), entry(errorReason="down")),
        (entry("no row"),),
        (entry({"priceUSD": "2"}),),
    ],
)
def test_of_a_chain_that_is_missing_or_faulty_nothing_is_known(prices: tuple[Row, ...]) -> None:
    assert said(*prices) == {}


@pytest.mark.parametrize(
    "other",
    [
        row("0x" + "ee" * 20, "666"),
        row("usdc", "666"),
        row(usd="666", tokenID="7"),
        row("0x" + "00" * 20, "666"),
    ],
)
def test_a_price_of_anything_else_counts_for_nothing(other: Row) -> None:
    assert said(entry(other)) == {ON_MAINNET: None, DAI_ON_MAINNET: None}
    assert said(entry(other, row(DAI))) == {ON_MAINNET: None, DAI_ON_MAINNET: Quote("2")}


def test_the_price_of_one_chain_counts_on_no_other() -> None:
    assert said(entry(row(usd="1"), chain_id=137), entry(row(usd="2"))) == {
        ON_POLYGON: Quote("1"),
        ON_MAINNET: Quote("2"),
        DAI_ON_MAINNET: None,
    }


@pytest.mark.parametrize("again", [row(usd="3"), row(usd=None), row(updatedAt="2026-05-20T10:00:00Z")])
def test_of_two_different_prices_of_one_token_none_counts(again: Row) -> None:
    assert said(entry(row(), again)) == {DAI_ON_MAINNET: None}
    assert said(entry(row()), entry(again)) == {DAI_ON_MAINNET: None}
    assert said(entry(row(), row())) == {ON_MAINNET: Quote("2"), DAI_ON_MAINNET: None}


@pytest.mark.parametrize(
    ("entries", "known"),
    [
        (f'{{"chainID":1,"results":[{{"contractAddress":"{USDC}","priceUSD":"1","priceUSD":"2"}}]}}', {}),
        (
            f'{{"chainID":1,"results":[{{"contractAddress":"{DAI}","priceUSD":"1"}},"x"]}}',
            {DAI_ON_MAINNET: Quote("1")},
        ),
    ],
)
def test_a_row_that_cannot_be_read_leaves_open_what_it_was_of(
    entries: str, known: dict[Asset, Quote | None]
) -> None:
    assert decode_prices(f'{{"prices":[{entries}]}}'.encode(), ASKED) == known


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"prices":{}}', b'{"prices":[{"chainId":1}]}', b"<html>"]
)
def test_what_is_no_list_of_prices_is_malformed(body: bytes) -> None:
    with pytest.raises(ReplyMalformed):
        decode_prices(body, ASKED)


# ---------------------------------------------------------------- on its way

PRICED = json.dumps({"prices": [entry(row())]}).encode()


async def test_prices_are_asked_in_one_request_beside_the_polls() -> None:
    async with gateway(says(PRICED)) as told, client_of(told) as client:
        assert await client.token_prices((ON_MAINNET,)) == {ON_MAINNET: Quote("2")}

        assert [request.path for request in told.requests] == ["/rpc/IndexerGateway/GetTokenPrices"]
        assert client.requests_sent == 0
        assert client.extra_counts.requests == {("GetTokenPrices", "answered"): 1}


@pytest.mark.parametrize(
    ("reply", "kind"),
    [(refuses(500, -7), Unavailable), (refuses(404, -2), WrongEndpoint), (says(b"{}"), ReplyMalformed)],
)
async def test_what_fails_is_not_repeated_and_the_polls_go_on(reply: Reply, kind: type[IndexerError]) -> None:
    async with gateway(reply, says(page())) as told, client_of(told) as client:
        with failing(kind):
            await client.token_prices((ON_MAINNET,))

        assert len(told.requests) == 1
        assert (await client.balances(QUESTION)).tokens[MAINNET]
        assert client.history_is_ready


async def test_prices_have_a_share_of_the_requests_and_take_none_of_history_s() -> None:
    clock = Clock()
    async with gateway(says(PRICED)) as told, client_of(told, monotonic=clock) as client:
        for _ in range(REQUESTS_MOST):
            await client.token_prices((ON_MAINNET,))
        with failing(OverBudget):
            await client.token_prices((ON_MAINNET,))

        assert len(told.requests) == REQUESTS_MOST
        assert client.history_is_ready
