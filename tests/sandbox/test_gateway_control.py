import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from bot.sandbox.gateway.faults.kinds import (
    AnswerError,
    AnswerHtml,
    ContradictRows,
    CutBody,
    Delay,
    DripBody,
    DropConnection,
    EndlessPages,
    FailNativeRow,
    FailNatives,
    FailTokens,
    FlickerNative,
    GzipBomb,
    Lag,
    LeaveOutChain,
    LeaveOutNatives,
    LeaveOutTokens,
    ManyChains,
    Redirect,
    Reindex,
    RepeatKeys,
    RepeatPage,
    ReplaceFields,
    Stall,
    StrayRows,
)
from bot.sandbox.gateway.knobs import Knobs
from bot.sandbox.gateway.server import Gateway
from bot.sandbox.gateway.world import EXAMPLE_ACCOUNT, MAX_AMOUNT, Contract, HeldAmount
from tests.sandbox.gateway_client import CHECKSUMMED, SKYWEAVER, STRANGER, USDC, Client

# The back door


AIM = "method, forAccount, forChain, aboveAccounts, every, times"


async def test_balances_can_be_set_over_http(client: Client, gateway: Gateway) -> None:
    place = {"account": CHECKSUMMED, "chainId": 1}
    await client.control("POST", "set", {**place, "balance": "5"})
    await client.control("POST", "set", {**place, "contract": USDC, "balance": str(MAX_AMOUNT)})
    card = {"account": CHECKSUMMED, "chainId": 137, "contract": SKYWEAVER, "tokenId": "7", "balance": "3"}
    answer = await client.control("POST", "set", card)

    assert answer.body == {"block": gateway.world.block(137)}
    assert gateway.world.native(1, EXAMPLE_ACCOUNT) == 5
    assert gateway.world.token(1, USDC, EXAMPLE_ACCOUNT) == MAX_AMOUNT
    assert gateway.world.token(137, SKYWEAVER, EXAMPLE_ACCOUNT, token_id=7) == 3


async def test_balances_can_be_moved_over_http(client: Client, gateway: Gateway) -> None:
    place = {"account": CHECKSUMMED, "chainId": 1}
    await client.control("POST", "move", {**place, "delta": "-4"})
    await client.control("POST", "move", {**place, "contract": USDC, "delta": "33"})

    assert gateway.world.native(1, EXAMPLE_ACCOUNT) == 158495082541645500
    assert gateway.world.token(1, USDC, EXAMPLE_ACCOUNT) == 221887100


async def test_balances_can_drift_over_http(client: Client, gateway: Gateway) -> None:
    asset = {"account": CHECKSUMMED, "chainId": 137, "contract": SKYWEAVER, "tokenId": "65537"}

    answer = await client.control("POST", "drift", {**asset, "balance": "601"})

    assert answer.body == {"block": gateway.world.block(137)}
    assert gateway.world.tokens(137, EXAMPLE_ACCOUNT)[SKYWEAVER][65537] == HeldAmount(601, 70880000)


async def test_balances_can_be_reorganised_over_http(client: Client, gateway: Gateway) -> None:
    asset = {"account": CHECKSUMMED, "chainId": 1, "contract": USDC}

    await client.control("POST", "reorganise", {**asset, "balance": "5", "block": "22500000"})

    assert gateway.world.tokens(1, EXAMPLE_ACCOUNT)[USDC][0] == HeldAmount(5, 22500000)


async def test_blocks_can_pass_over_http(client: Client, gateway: Gateway) -> None:
    answer = await client.control("POST", "advance", {"chainId": 1, "toBlock": 22600000})

    assert answer.body == {"block": 22600000}
    assert gateway.world.block(1) == 22600000


async def test_chains_can_be_added_hidden_and_shown_over_http(client: Client, gateway: Gateway) -> None:
    amoy = {"name": "amoy", "nativeName": "POL", "nativeSymbol": "POL", "nativePrice": "0.2", "testnet": True}

    await client.control("POST", "chain", {"chainId": 80002, **amoy})
    hidden = await client.control("POST", "hide-chain", {"chainId": 1})
    shown = await client.control("POST", "show-chain", {"chainId": 1})

    assert hidden.body == {"chains": [10, 137, 8453, 42161, 80002]}
    assert shown.body == {"chains": [1, 10, 137, 8453, 42161, 80002]}
    assert gateway.world.chains()[-1].native_price == Decimal("0.2")
    assert gateway.world.chains()[-1].testnet is True


async def test_a_contract_can_be_made_known_over_http(client: Client, gateway: Gateway) -> None:
    address = "0xC014000000000000000000000000000000000000"
    coin = {"kind": "ERC20", "symbol": "COIN", "name": "Coin", "decimals": 6, "rebasing": True}

    await client.control("POST", "contract", {"chainId": 10, "address": address, **coin})

    assert gateway.world.contract(10, address) == Contract(
        chain_id=10,
        address=address.lower(),
        kind="ERC20",
        symbol="COIN",
        name="Coin",
        decimals=6,
        rebasing=True,
    )


async def test_what_is_known_of_a_contract_can_be_changed_over_http(client: Client, gateway: Gateway) -> None:
    known = gateway.world.contract(1, USDC)

    await client.control("POST", "contract", {"chainId": 1, "address": USDC, "verified": False})

    assert gateway.world.contract(1, USDC) == replace(known, verified=False)


async def test_knobs_can_be_turned_one_after_another_over_http(client: Client, gateway: Gateway) -> None:
    await client.control("POST", "knobs", {"chainsWithoutRows": "null", "maxAccounts": 5})
    answer = await client.control("POST", "knobs", {"pageNumbers": False, "maxAccounts": None})

    assert gateway.knobs == Knobs(chains_without_rows="null", page_numbers=False)
    assert (await client.control("GET", "knobs")).body == answer.body
    assert answer.body["chainsWithoutRows"] == "null"
    assert answer.body["latencySecondsPerPair"] == 0.0


async def test_keys_can_be_named_over_http(client: Client) -> None:
    await client.control("POST", "keys", {"keys": ["right"]})
    named = [(await client.call("Ping", {}, key=key)).status for key in ("right", "wrong")]

    await client.control("POST", "keys", {"keys": None})
    any_key = (await client.call("Ping", {}, key="wrong")).status

    assert (named, any_key) == ([200, 401], 200)


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("set", {}, "chainId must be an integer, as a decimal string, not null"),
        ("set", {"chainId": 1, "balance": "1"}, "account must be a string, not null"),
        ("set", {"chainId": 1, "account": 5, "balance": "1"}, "account must be a string, not 5"),
        ("set", {"chainId": 5, "account": STRANGER, "balance": "1"}, "chain 5 is not in this world"),
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
        (
            "move",
            {"chainId": 1, "account": STRANGER, "delta": "-1"},
            "a balance cannot be below zero, and this one would be -1",
        ),
        ("move", [], "the body is no JSON object"),
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
        (
            "reorganise",
            {"chainId": 1, "contract": USDC, "account": EXAMPLE_ACCOUNT, "balance": 1, "block": 22500001},
            "block 22500001 is not older than 22500001",
        ),
        ("advance", {"chainId": 1, "toBlock": 5}, "chain 1 is at block 22500001 already"),
        ("hide-chain", {"chainId": 5}, "chain 5 is not in this world"),
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


async def test_calls_can_be_held_and_released_over_http(client: Client, gateway: Gateway) -> None:
    await client.control("POST", "hold")
    call = asyncio.create_task(client.call("Ping", {}))
    await gateway.gate.until_waiting(1)

    await client.control("POST", "release")

    assert (await call).status == 200


async def test_healing_releases_what_is_held(client: Client, gateway: Gateway) -> None:
    gateway.gate.hold()

    await client.control("POST", "heal")

    assert (await client.call("Ping", {})).status == 200


async def test_requests_are_counted_by_method_over_http(client: Client) -> None:
    await client.call("Ping", {})
    await client.call("Ping", {})
    await client.call("GetChains", {"networkType": "ALL"})

    answer = await client.control("GET", "requests")

    assert answer.body["count"] == {"Ping": 2, "GetChains": 1}
    assert answer.body["requests"][2]["body"] == {"networkType": "ALL"}
    assert answer.body["requests"][2].keys() == {"method", "body", "headers", "receivedAt"}


async def test_the_world_is_shown_over_http(client: Client) -> None:
    answer = await client.control("GET", "world")

    mainnet, polygon = answer.body["chains"][0], answer.body["chains"][2]
    assert (mainnet["chainId"], mainnet["name"], mainnet["block"]) == (1, "mainnet", 22500001)
    assert mainnet["accounts"][EXAMPLE_ACCOUNT]["ETH"] == "158495082541645504"
    assert {"contract": USDC, "kind": "ERC20", "symbol": "USDC", "balance": "221887067"} in (
        mainnet["accounts"][EXAMPLE_ACCOUNT]["tokens"]
    )
    cards = next(t for t in polygon["accounts"][EXAMPLE_ACCOUNT]["tokens"] if t["contract"] == SKYWEAVER)
    assert cards["balances"]["65537"] == "600"


async def test_what_the_back_door_does_not_know_is_a_bad_route(client: Client) -> None:
    assert (await client.control("POST", "nothing")).status == 404
