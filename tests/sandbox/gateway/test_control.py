from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.sandbox.gateway.control.bodies import Body
from bot.sandbox.gateway.faults.kinds import (
    AnswerError,
    AnswerHtml,
    ContradictRows,
    CutBody,
    Delay,
    DripBody,
    DropConnection,
    EndlessPages,
    FailHistory,
    FailNativeRow,
    FailNatives,
    FailPrices,
    FailTokens,
    FlickerNative,
    GzipBomb,
    Lag,
    LeaveOutChain,
    LeaveOutNatives,
    LeaveOutTokens,
    ManyChains,
    Redirect,
    RefusePrices,
    Reindex,
    RepeatKeys,
    RepeatPage,
    ReplaceFields,
    ReplacePrices,
    ReplaceTransfers,
    Stall,
    StrayRows,
)
from bot.sandbox.gateway.knobs import Knobs
from bot.sandbox.gateway.poison import look_alike
from bot.sandbox.gateway.server import Gateway
from bot.sandbox.gateway.world import (
    EXAMPLE_ACCOUNT,
    MAX_AMOUNT,
    Contract,
    GatewayChain,
    HeldAmount,
    example_world,
)
from tests.sandbox.gateway.client import CHECKSUMMED, SKYWEAVER, STRANGER, USDC, Client
from tests.sandbox.test_manual import routed

Look = Callable[[Gateway], object]

# The control over HTTP: each route reaches the function that the other tests call directly.

AIM = "method, forAccount, forChain, aboveAccounts, every, times"

MINE: Body = {"account": CHECKSUMMED, "chainId": 1}
MY_CARD: Body = {"account": CHECKSUMMED, "chainId": 137, "contract": SKYWEAVER, "tokenId": "65537"}
POL: Body = {"nativeName": "POL", "nativeSymbol": "POL", "nativePrice": "0.2"}
COIN: Body = {"kind": "ERC20", "symbol": "COIN", "name": "Coin", "decimals": 6, "rebasing": True}
COIN_ADDRESS = "0xC014000000000000000000000000000000000000"


def native(gateway: Gateway) -> object:
    return gateway.world.native(1, EXAMPLE_ACCOUNT)


def usdc(gateway: Gateway) -> object:
    return gateway.world.tokens(1, EXAMPLE_ACCOUNT)[USDC][0]


def usdc_price(gateway: Gateway) -> object:
    return gateway.world.contract(1, USDC).price, gateway.world.price_age


def card(gateway: Gateway) -> object:
    return gateway.world.tokens(137, EXAMPLE_ACCOUNT)[SKYWEAVER][65537]


def chain_ids(gateway: Gateway) -> object:
    return [chain.chain_id for chain in gateway.world.chains()]


def is_held(gateway: Gateway) -> object:
    return not gateway.gate._open.is_set()


ACTS: list[tuple[str, Body, Look, object]] = [
    ("set", {**MINE, "balance": "5"}, native, 5),
    ("set", {**MINE, "contract": USDC, "balance": str(MAX_AMOUNT)}, usdc, HeldAmount(MAX_AMOUNT, 22500002)),
    ("set", {**MY_CARD, "balance": "3"}, card, HeldAmount(3, 71000125)),
    ("move", {**MINE, "delta": "-4"}, native, 158495082541645500),
    ("move", {**MINE, "contract": USDC, "delta": "33"}, usdc, HeldAmount(221887100, 22500002)),
    (
        "move",
        {**MINE, "delta": "-4", "counterparty": STRANGER},
        lambda gateway: gateway.world.transfers(1, STRANGER)[0].change(STRANGER),
        4,
    ),
    (
        "set",
        {**MINE, "balance": "5", "counterparty": None},
        lambda gateway: len(gateway.world.transfers(1)),
        4,
    ),
    (
        "transact",
        {
            "chainId": 137,
            "transfers": [
                {"from": CHECKSUMMED, "to": STRANGER, "amount": "7"},
                {
                    "from": CHECKSUMMED,
                    "to": STRANGER,
                    "contract": SKYWEAVER,
                    "amounts": {"65537": 1, "65538": 2},
                },
                {"from": CHECKSUMMED, "to": STRANGER, "contract": SKYWEAVER, "tokenId": "65539", "amount": 3},
            ],
        },
        lambda gateway: [transfer.amounts for transfer in gateway.world.transfers(137, STRANGER)],
        [((0, 7),), ((65537, 1), (65538, 2)), ((65539, 3),)],
    ),
    (
        "emit",
        {"chainId": 1, "transfers": [{"from": CHECKSUMMED, "to": STRANGER, "contract": USDC, "amount": "7"}]},
        lambda gateway: (usdc(gateway), gateway.world.transfers(1, STRANGER)[0].change(STRANGER)),
        (HeldAmount(221887067, 22500001), 7),
    ),
    (
        "poison",
        {**MINE, "contract": USDC, "counterparty": STRANGER},
        lambda gateway: [each.amounts for each in gateway.world.transfers(1, look_alike(STRANGER))],
        [((0, 0),), ((0, 1),)],
    ),
    ("drift", {**MY_CARD, "balance": "601"}, card, HeldAmount(601, 70880000)),
    (
        "reorganise",
        {**MINE, "contract": USDC, "balance": "5", "block": "22500000"},
        usdc,
        HeldAmount(5, 22500000),
    ),
    ("advance", {"chainId": 1, "toBlock": 22600000}, lambda gateway: gateway.world.block(1), 22600000),
    (
        "chain",
        {"chainId": 80002, "name": "amoy", "testnet": True, **POL},
        lambda gateway: gateway.world.chains()[-1],
        GatewayChain(
            chain_id=80002,
            name="amoy",
            native_name="POL",
            native_symbol="POL",
            native_price=Decimal("0.2"),
            testnet=True,
        ),
    ),
    ("hide-chain", {"chainId": 1}, chain_ids, [10, 137, 8453, 42161]),
    (
        "contract",
        {"chainId": 10, "address": COIN_ADDRESS, **COIN},
        lambda gateway: gateway.world.contract(10, COIN_ADDRESS),
        Contract(
            chain_id=10,
            address=COIN_ADDRESS.lower(),
            kind="ERC20",
            symbol="COIN",
            name="Coin",
            decimals=6,
            rebasing=True,
        ),
    ),
    (
        "contract",
        {"chainId": 1, "address": USDC, "verified": False},
        lambda gateway: gateway.world.contract(1, USDC),
        replace(example_world().contract(1, USDC), verified=False),
    ),
    ("knobs", {"maxAccounts": 5}, lambda gateway: gateway.knobs, Knobs(max_accounts=5)),
    ("price", {"chainId": 1, "contract": USDC, "price": "0.97"}, usdc_price, (Decimal("0.97"), timedelta(0))),
    (
        "price",
        {"chainId": 1, "contract": USDC, "price": None, "ageSeconds": 90},
        usdc_price,
        (None, timedelta(seconds=90)),
    ),
    (
        "price",
        {"chainId": 1, "price": "3"},
        lambda gateway: gateway.world.chains()[0].native_price,
        Decimal(3),
    ),
    ("keys", {"keys": ["right"]}, lambda gateway: gateway.access_keys, ["right"]),
    ("hold", {}, is_held, True),
]


@pytest.mark.parametrize(("path", "body", "look", "found"), ACTS)
async def test_a_route_does_what_its_function_does(
    client: Client, gateway: Gateway, *, path: str, body: Body, look: Look, found: object
) -> None:
    answer = await client.control("POST", path, body)

    assert (answer.status, look(gateway)) == (200, found)


@pytest.mark.parametrize(
    ("done", "undone", "look"),
    [
        (("hide-chain", {"chainId": 1}), ("show-chain", {"chainId": 1}), chain_ids),
        (("hold", {}), ("release", {}), is_held),
        (("hold", {}), ("heal", {}), is_held),
        (("knobs", {"maxAccounts": 5}), ("knobs", {"maxAccounts": None}), lambda gateway: gateway.knobs),
        (("keys", {"keys": ["a"]}), ("keys", {"keys": None}), lambda gateway: gateway.access_keys),
    ],
)
async def test_a_route_undoes_what_another_did(
    client: Client, gateway: Gateway, *, done: tuple[str, Body], undone: tuple[str, Body], look: Look
) -> None:
    before = look(gateway)
    await client.control("POST", *done)
    meanwhile = look(gateway)
    await client.control("POST", *undone)

    assert look(gateway) == before != meanwhile


@pytest.mark.parametrize(
    ("path", "body", "answer"),
    [
        ("move", {**MINE, "delta": "1"}, {"block": 22500002}),
        (
            "poison",
            {**MINE, "contract": USDC, "counterparty": STRANGER},
            {"block": 22500003, "to": look_alike(STRANGER)},
        ),
        ("hide-chain", {"chainId": 1}, {"chains": [10, 137, 8453, 42161]}),
        ("keys", {"keys": ["a"]}, {"keys": ["a"]}),
        ("hold", {}, {"held": True}),
        ("release", {}, {"held": False}),
        ("fault", {"fault": "RepeatPage"}, {"faults": [repr(RepeatPage())]}),
        ("heal", {}, {"faults": []}),
    ],
)
async def test_a_route_answers_what_came_of_it(client: Client, path: str, body: Body, answer: Body) -> None:
    assert (await client.control("POST", path, body)).body == answer


async def test_knobs_are_shown_as_they_are_turned(client: Client) -> None:
    turned = await client.control("POST", "knobs", {"chainsWithoutRows": "null"})
    shown = await client.control("GET", "knobs")

    assert turned.body == shown.body
    assert (shown.body["chainsWithoutRows"], shown.body["latencySecondsPerPair"]) == ("null", 0.0)


def test_every_route_is_tried_here() -> None:
    tried = {("POST", path) for path, *_ in ACTS}
    by_themselves = {
        *(("POST", path) for path in ("show-chain", "release", "heal", "fault", "rename-transaction")),
        *(("GET", path) for path in ("knobs", "requests", "world", "transfers")),
    }
    routes = routed(Gateway(example_world())._application())

    assert tried | by_themselves == {(verb, path.removeprefix("/sandbox/")) for verb, path in routes}


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("set", {}, "chainId must be an integer, as a decimal string, not null"),
        ("set", {"chainId": 1, "balance": "1"}, "account must be a string, not null"),
        ("set", {"chainId": 1, "account": 5, "balance": "1"}, "account must be a string, not 5"),
        (
            "set",
            {"chainId": 1, "account": STRANGER, "balance": "1.5"},
            'balance must be an integer, as a decimal string, not "1.5"',
        ),
        (
            "set",
            {"chainId": 1, "account": STRANGER, "balance": 1.5},
            "balance must be an integer, as a decimal string, not 1.5",
        ),
        (
            "set",
            {"chainId": 1, "account": STRANGER, "balance": "-1"},
            "a balance cannot be below zero, and this one would be -1",
        ),
        (
            "set",
            {"chainId": 1, "account": STRANGER, "tokenId": "1", "balance": "1"},
            "a native coin has no token ids: say which contract",
        ),
        ("move", [], "the body is no JSON object"),
        ("move", {**MINE, "delta": "1", "counterparty": 5}, "counterparty must be a string, not 5"),
        ("price", {"chainId": 1, "price": "x"}, 'price must be a decimal string or null, not "x"'),
        ("price", {"chainId": 1, "price": 5}, "price must be a decimal string or null, not 5"),
        ("transact", {"chainId": 1, "transfers": 5}, "transfers must be a list of objects, not 5"),
        (
            "transact",
            {"chainId": 1, "transfers": [{"from": USDC}]},
            "amount must be an integer, as a decimal string, not null",
        ),
        ("rename-transaction", {"chainId": 1, "transaction": "0x1"}, "chain 1 has no transaction 0x1"),
        ("fault", {"fault": "FailTokens"}, "FailTokens needs chainId"),
        ("fault", {"fault": "FailTokens", "chainId": "1"}, 'chainId of FailTokens cannot be "1"'),
        ("fault", {"fault": "FailTokens", "chainId": True}, "chainId of FailTokens cannot be true"),
        (
            "fault",
            {"fault": "FailTokens", "chainId": 1, "colour": "red"},
            f"the fields of FailTokens are: {AIM}, chainId, reason",
        ),
        ("fault", {"fault": "RepeatPage", "every": 0}, "every is at least 1, not 0"),
        ("fault", {"fault": "RepeatPage", "method": "Pong"}, 'method of RepeatPage cannot be "Pong"'),
        ("drift", {"chainId": 1, "account": STRANGER, "balance": "1"}, "contract must be a string, not null"),
        ("chain", {"chainId": 5}, "Chain needs name, nativeName, nativeSymbol"),
        ("contract", {"chainId": 1, "address": STRANGER}, "Contract needs kind, symbol, name"),
        ("contract", {"chainId": 1, "address": USDC, "price": "x"}, 'price of Contract cannot be "x"'),
        ("contract", {"chainId": 1, "address": USDC, "verified": 1}, "verified of Contract cannot be 1"),
        ("knobs", {"pageScope": "all"}, 'pageScope of Knobs cannot be "all"'),
        ("knobs", {"emitZeroRows": None}, "emitZeroRows of Knobs cannot be null"),
        ("keys", {"keys": "mine"}, 'keys must be a list of strings, not "mine"'),
    ],
)
async def test_what_cannot_be_is_answered_with_a_sentence(
    client: Client, path: str, body: object, sentence: str
) -> None:
    answer = await client.control("POST", path, body)

    assert answer.status == 400
    assert answer.body == {"error": sentence}


async def test_an_unknown_fault_is_answered_with_those_there_are(client: Client) -> None:
    answer = await client.control("POST", "fault", {"fault": "Earthquake"})

    assert answer.status == 400
    assert answer.body["error"].startswith("fault must be one of AnswerError, AnswerHtml, ContradictRows, ")


async def test_a_body_that_is_no_json_is_answered_with_a_sentence(client: Client, gateway: Gateway) -> None:
    async with client.session.post(f"{gateway.control_url}/set", data=b"balance=1") as response:
        assert response.status == 400
        assert (await response.json())["error"].startswith("the body is no JSON: ")


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"fault": "FailTokens", "chainId": 137}, FailTokens(chain_id=137)),
        (
            {
                "fault": "FailTokens",
                "chainId": 137,
                "method": "GetTokenBalancesSummary",
                "forAccount": STRANGER,
                "forChain": 1,
                "aboveAccounts": 5,
                "every": 2,
                "times": 3,
            },
            FailTokens(
                chain_id=137,
                method="GetTokenBalancesSummary",
                for_account=STRANGER,
                for_chain=1,
                above_accounts=5,
                every=2,
                times=3,
            ),
        ),
        ({"fault": "FailNatives", "chainId": 1, "reason": "x"}, FailNatives(chain_id=1, reason="x")),
        ({"fault": "FailNativeRow", "chainId": 1, "account": None}, FailNativeRow(chain_id=1)),
        ({"fault": "LeaveOutTokens", "chainId": 1}, LeaveOutTokens(chain_id=1)),
        ({"fault": "LeaveOutNatives", "chainId": 1}, LeaveOutNatives(chain_id=1)),
        (
            {"fault": "ReplaceFields", "fields": {"balance": None}, "remove": ["tokenID"]},
            ReplaceFields(fields={"balance": None}, remove=("tokenID",)),
        ),
        ({"fault": "RepeatPage"}, RepeatPage()),
        ({"fault": "Delay", "seconds": 0.5}, Delay(seconds=0.5)),
        (
            {"fault": "AnswerError", "name": "QueryFailed", "code": 2003, "status": 400, "times": 1},
            AnswerError(name="QueryFailed", code=2003, status=400, times=1),
        ),
        ({"fault": "AnswerHtml", "status": 200}, AnswerHtml(status=200)),
        ({"fault": "CutBody", "times": 2}, CutBody(times=2)),
        ({"fault": "DropConnection"}, DropConnection()),
        ({"fault": "DripBody", "secondsPerByte": 1}, DripBody(seconds_per_byte=1)),
        ({"fault": "GzipBomb", "unpackedBytes": 9}, GzipBomb(unpacked_bytes=9)),
        ({"fault": "Redirect", "location": "/", "status": 302}, Redirect(location="/", status=302)),
        ({"fault": "FlickerNative", "chainId": 1}, FlickerNative(chain_id=1)),
        ({"fault": "LeaveOutChain", "chainId": 1}, LeaveOutChain(chain_id=1)),
        ({"fault": "Lag", "chainId": 1, "behind": 2}, Lag(chain_id=1, behind=2)),
        ({"fault": "Stall", "chainId": 1, "atBlock": 2}, Stall(chain_id=1, at_block=2)),
        ({"fault": "Reindex", "chainId": 1, "share": 0.5}, Reindex(chain_id=1, share=0.5)),
        ({"fault": "EndlessPages", "rows": "invented"}, EndlessPages(rows="invented")),
        ({"fault": "StrayRows", "account": "0x57", "share": 0.5}, StrayRows(account="0x57", share=0.5)),
        (
            {"fault": "ContradictRows", "chainId": 1, "place": "later_page"},
            ContradictRows(chain_id=1, place="later_page"),
        ),
        ({"fault": "RepeatKeys", "value": "7", "isLast": False}, RepeatKeys(value="7", is_last=False)),
        ({"fault": "ManyChains", "count": 9}, ManyChains(count=9)),
        ({"fault": "FailHistory", "chainId": 1, "reason": "r"}, FailHistory(chain_id=1, reason="r")),
        (
            {"fault": "ReplaceTransfers", "fields": {"to": "0x57"}, "transaction": {"chainId": 10}},
            ReplaceTransfers(fields={"to": "0x57"}, transaction={"chainId": 10}),
        ),
        ({"fault": "FailPrices", "chainId": 1}, FailPrices(chain_id=1)),
        ({"fault": "RefusePrices", "contract": USDC}, RefusePrices(contract=USDC)),
        (
            {"fault": "ReplacePrices", "fields": {"priceUSD": "NaN"}, "isRepeated": True},
            ReplacePrices(fields={"priceUSD": "NaN"}, is_repeated=True),
        ),
    ],
)
async def test_every_fault_can_be_added_over_http_and_healed(
    client: Client, gateway: Gateway, body: dict[str, object], fault: object
) -> None:
    await client.control("POST", "fault", body)
    added = gateway.faults.active()
    await client.control("POST", "heal")

    assert added == (fault,)
    assert gateway.faults.active() == ()


async def test_requests_are_shown_and_counted_by_method(client: Client) -> None:
    await client.call("Ping", {})
    await client.call("Ping", {})
    await client.call("GetChains", {"networkType": "ALL"})

    answer = await client.control("GET", "requests")

    assert answer.body["count"] == {"Ping": 2, "GetChains": 1}
    assert answer.body["requests"][2]["body"] == {"networkType": "ALL"}
    assert answer.body["requests"][2].keys() == {"method", "body", "headers", "receivedAt"}


async def test_the_world_is_shown(client: Client) -> None:
    answer = await client.control("GET", "world")

    mainnet, polygon = answer.body["chains"][0], answer.body["chains"][2]
    assert (mainnet["chainId"], mainnet["name"], mainnet["block"]) == (1, "mainnet", 22500001)
    assert mainnet["accounts"][EXAMPLE_ACCOUNT]["ETH"] == "158495082541645504"
    assert {"contract": USDC, "kind": "ERC20", "symbol": "USDC", "balance": "221887067"} in (
        mainnet["accounts"][EXAMPLE_ACCOUNT]["tokens"]
    )
    cards = next(t for t in polygon["accounts"][EXAMPLE_ACCOUNT]["tokens"] if t["contract"] == SKYWEAVER)
    assert cards["balances"]["65537"] == "600"


async def test_the_ledger_is_shown_and_a_transaction_gets_another_hash(
    client: Client, gateway: Gateway
) -> None:
    gateway.world.move(1, USDC, EXAMPLE_ACCOUNT, -5, counterparty=STRANGER)
    shown = (await client.control("GET", "transfers")).body["transfers"]
    newest = next(each for each in shown if each["to"] == STRANGER)
    renamed = await client.control(
        "POST", "rename-transaction", {"chainId": 1, "transaction": newest["transaction"]}
    )

    assert newest == {
        "chainId": 1,
        "block": 22500002,
        "logIndex": 0,
        "transaction": newest["transaction"],
        "at": gateway.world.transfers(1)[-1].at.isoformat(),
        "contract": USDC,
        "from": EXAMPLE_ACCOUNT,
        "to": STRANGER,
        "amounts": {"0": "5"},
    }
    assert gateway.world.transfers(1)[-1].transaction == renamed.body["transaction"] != newest["transaction"]


async def test_what_the_control_does_not_know_is_a_bad_route(client: Client) -> None:
    assert (await client.control("POST", "nothing")).status == 404
