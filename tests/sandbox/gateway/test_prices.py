from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bot.sandbox.gateway.faults.kinds import FailNatives, FailPrices, Fault, RefusePrices, ReplacePrices
from bot.sandbox.gateway.knobs import Knobs
from bot.sandbox.gateway.server import Gateway
from bot.sandbox.gateway.transfers import NOBODY
from bot.sandbox.gateway.world import EXAMPLE_ACCOUNT
from tests.sandbox.gateway.client import (
    CHECKSUMMED,
    DAI,
    NATIVE,
    PRICE,
    PRICES,
    SKYWEAVER,
    STRANGER,
    USDC,
    USDC_POLYGON,
    Client,
)

PRICED_AT = "2026-11-20T10:11:12Z"


@pytest.fixture(autouse=True)
def _at_noon(gateway: Gateway) -> None:
    gateway.world.clock = lambda: datetime(2026, 11, 20, 10, 11, 12, 345678, tzinfo=UTC)


def asked(chain_id: int, *contracts: str) -> dict[str, object]:
    return {"chainID": chain_id, "queries": [{"contractAddress": contract} for contract in contracts]}


def usdc(contract: str = USDC, price: object = "1.00") -> dict[str, object]:
    return {"contractAddress": contract, "priceUSD": price, "updatedAt": PRICED_AT}


# Prices


async def test_prices_are_asked_for_and_answered_by_chain(client: Client) -> None:
    answer = await client.call(
        PRICES, {"q": [asked(137, USDC_POLYGON), asked(1, DAI, USDC.upper().replace("X", "x"))]}
    )

    assert answer.status == 200
    assert answer.body == {
        "prices": [
            {"chainID": 137, "results": [usdc(USDC_POLYGON)]},
            {"chainID": 1, "results": [{"contractAddress": DAI}, usdc()]},
        ]
    }


async def test_one_price_stands_alone(client: Client) -> None:
    answer = await client.call(PRICE, {"q": asked(1, USDC)})

    assert answer.body == {"price": {"chainID": 1, "results": [usdc()]}}


async def test_the_price_of_an_item_names_it(client: Client, gateway: Gateway) -> None:
    gateway.world.set_price(137, SKYWEAVER, Decimal("0.05"))
    query = {"contractAddress": SKYWEAVER, "tokenID": "65537"}

    answer = await client.call(PRICES, {"q": [{"chainID": 137, "queries": [query]}]})

    assert answer.body["prices"][0]["results"] == [
        {"contractAddress": SKYWEAVER, "tokenID": "65537", "priceUSD": "0.05", "updatedAt": PRICED_AT}
    ]


async def test_prices_move_and_can_be_old(client: Client, gateway: Gateway) -> None:
    gateway.world.set_price(1, USDC, Decimal("0.97"))
    gateway.world.price_age = timedelta(hours=2)

    answer = await client.call(PRICES, {"q": [asked(1, USDC)]})

    assert answer.body["prices"][0]["results"] == [
        {"contractAddress": USDC, "priceUSD": "0.97", "updatedAt": "2026-11-20T08:11:12Z"}
    ]


async def test_what_has_no_price_can_have_no_row(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(without_price="missing")

    answer = await client.call(PRICES, {"q": [asked(1, DAI, USDC, STRANGER)]})

    assert answer.body["prices"] == [{"chainID": 1, "results": [usdc()]}]


async def test_the_native_coin_has_no_price_here_unless_told_so(client: Client, gateway: Gateway) -> None:
    before = await client.call(PRICES, {"q": [asked(1, NOBODY)]})
    gateway.knobs = Knobs(natives_priced=True)
    after = await client.call(PRICES, {"q": [asked(1, NOBODY)]})

    assert before.body["prices"][0]["results"] == [{"contractAddress": NOBODY}]
    assert after.body["prices"][0]["results"] == [usdc(NOBODY, "2500.00")]


async def test_balance_rows_can_leave_prices_to_those_who_ask_for_them(
    client: Client, gateway: Gateway
) -> None:
    gateway.knobs = Knobs(row_prices=False)

    balances = await client.summary(chainIds=[1])
    prices = await client.call(PRICES, {"q": [asked(1, USDC)]})

    assert "priceUSD" not in str(balances.body)
    assert prices.body["prices"][0]["results"] == [usdc()]


@pytest.mark.parametrize(
    ("knobs", "status", "prices"),
    [
        (Knobs(), 200, [{"chainID": 1, "results": [usdc()]}]),
        (Knobs(unknown_chains="refused"), 400, None),
        (
            Knobs(unknown_chains="failed"),
            200,
            [
                {"chainID": 999, "errorReason": "unknown chain 999", "results": None},
                {"chainID": 1, "results": [usdc()]},
            ],
        ),
    ],
)
async def test_prices_of_unknown_chains_are_like_their_balances(
    client: Client, gateway: Gateway, knobs: Knobs, status: int, prices: object
) -> None:
    gateway.knobs = knobs

    answer = await client.call(PRICES, {"q": [asked(999, USDC), asked(1, USDC)]})

    assert (answer.status, answer.body.get("prices")) == (status, prices)


@pytest.mark.parametrize(
    ("method", "body"),
    [
        (PRICES, {"q": asked(1, USDC)}),
        (PRICES, {"q": [5]}),
        (PRICES, {"q": [{"chainID": "1"}]}),
        (PRICE, {"q": [asked(1, USDC)]}),
    ],
)
async def test_a_question_of_the_wrong_shape_is_a_bad_request(
    client: Client, method: str, body: object
) -> None:
    answer = await client.call(method, body)

    assert (answer.status, answer.body["code"]) == (400, -4)


async def test_nothing_asked_for_is_an_empty_answer(client: Client) -> None:
    assert (await client.call(PRICES, {})).body == {"prices": []}
    assert (await client.call(PRICE, {"q": asked(999, USDC)})).body == {"price": None}


@pytest.mark.parametrize(
    ("fault", "entry"),
    [
        (FailPrices(chain_id=1), {"chainID": 1, "errorReason": "backend timeout", "results": None}),
        (FailPrices(chain_id=137), {"chainID": 1, "results": [usdc()]}),
        (ReplacePrices(fields={"priceUSD": "NaN"}), {"chainID": 1, "results": [usdc(price="NaN")]}),
        (ReplacePrices(fields={"priceUSD": "-1"}, contract=DAI), {"chainID": 1, "results": [usdc()]}),
        (ReplacePrices(fields={"contractAddress": DAI}), {"chainID": 1, "results": [usdc(DAI)]}),
        (ReplacePrices(entry_chain_id=137), {"chainID": 137, "results": [usdc()]}),
        (
            ReplacePrices(
                fields={"priceUSD": "2"},
                contract=USDC.upper().replace("X", "x"),
                is_repeated=True,
            ),
            {"chainID": 1, "results": [usdc(), usdc(price="2")]},
        ),
    ],
)
async def test_prices_can_be_wrong(client: Client, gateway: Gateway, fault: Fault, entry: object) -> None:
    gateway.faults.add(fault)

    assert (await client.call(PRICES, {"q": [asked(1, USDC)]})).body == {"prices": [entry]}


async def test_one_contract_can_make_all_be_refused(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(RefusePrices(contract=DAI))

    refused = await client.call(PRICES, {"q": [asked(1, USDC, DAI)]})

    assert (refused.status, refused.body["code"], refused.body["cause"]) == (400, 2001, f"no price of {DAI}")
    assert (await client.call(PRICES, {"q": [asked(1, USDC)]})).status == 200


# Native balances


async def test_one_accounts_native_coins_are_one_result_by_chain(client: Client) -> None:
    answer = await client.call(NATIVE, {"chainIds": [1, 137], "accountAddress": CHECKSUMMED})

    pol = {
        "name": "POL",
        "symbol": "POL",
        "balance": "12500000000000000000",
        "balanceUSD": "2.75",
        "priceUSD": "0.22",
    }
    assert answer.body["balances"][1] == {
        "chainId": 137,
        "result": {
            "accountAddress": EXAMPLE_ACCOUNT,
            "chainId": 137,
            **pol,
            "priceUpdatedAt": PRICED_AT,
        },
    }
    assert [each["chainId"] for each in answer.body["balances"]] == [1, 137]
    assert answer.body.keys() == {"balances"}


async def test_native_prices_can_be_left_out_and_a_stranger_holds_nothing(client: Client) -> None:
    answer = await client.call(NATIVE, {"networks": ["base"], "accountAddress": STRANGER, "omitPrices": True})

    row = {"accountAddress": STRANGER, "chainId": 8453, "name": "Ether", "symbol": "ETH", "balance": "0"}
    assert answer.body == {"balances": [{"chainId": 8453, "result": row}]}


async def test_a_chain_whose_natives_fail_has_no_result(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(FailNatives(chain_id=1, for_account=EXAMPLE_ACCOUNT))

    answer = await client.call(NATIVE, {"chainIds": [1], "accountAddress": CHECKSUMMED})

    assert answer.body["balances"] == [{"chainId": 1, "errorReason": "backend timeout", "result": None}]


async def test_the_native_balance_of_nobody_is_refused(client: Client, gateway: Gateway) -> None:
    refused = await client.call(NATIVE, {"chainIds": [1]})
    gateway.knobs = Knobs(no_accounts="empty")
    empty = await client.call(NATIVE, {"chainIds": [1]})

    assert (refused.status, refused.body["code"]) == (400, 2001)
    assert empty.body == {"balances": [{"chainId": 1, "result": None}]}
