import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from bot.sandbox.gateway import Gateway
from bot.sandbox.gateway_faults import (
    AnswerError,
    AnswerHtml,
    CutBody,
    Delay,
    DropConnection,
    FailNativeRow,
    FailNatives,
    FailTokens,
    LeaveOutNatives,
    LeaveOutTokens,
    RepeatPage,
    ReplaceFields,
)
from bot.sandbox.gateway_knobs import Knobs
from bot.sandbox.world import EXAMPLE_ACCOUNT, MAX_AMOUNT, Chain, Contract, example_world

CHECKSUMMED = "0x8e3E38fe7367dd3b52D1e281E4e8400447C8d8B9"
STRANGER = "0x00000000000000000000000000000000000a11ce"

FOX = "0xc770eefad204b5180df6a14ee197d99d808ee52d"
DAI = "0x6b175474e89094c44da98b954eedeac495271d0f"
USDC = "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"
USDC_POLYGON = "0x3c499c542cef5e3811e1192ce70d8cc03d5c3359"
USDC_ARBITRUM = "0xaf88d065e77c8cc2239327c5edb3a432268e5831"
SKYWEAVER = "0x631998e91476da5b870d741192fc5cbc55f5a52e"
SPAM = "0x5ba3000000000000000000000000000000005ba3"

SUMMARY = "GetTokenBalancesSummary"
ALL_METHODS = (SUMMARY, "GetChains", "Ping", "Version", "RuntimeStatus")


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Client:
    session: aiohttp.ClientSession
    gateway: Gateway

    async def call(
        self, method: str, body: object, *, verb: str = "POST", key: str | None = "any", **headers: str
    ) -> Answer:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {
            "Content-Type": "application/json",
            **headers,
            **({"X-Access-Key": key} if key is not None else {}),
        }
        url = f"{self.gateway.url}/{method}"
        async with self.session.request(verb, url, data=raw, headers=sent) as response:
            return Answer(response.status, response.headers, await response.json(content_type=None))

    async def summary(self, **request: object) -> Answer:
        wanted = {"accountAddresses": [EXAMPLE_ACCOUNT], **_dict(request.pop("filter", {}))}
        return await self.call(SUMMARY, {"filter": wanted, **request})

    async def control(self, verb: str, path: str, body: object = None) -> Answer:
        url = f"{self.gateway.control_url}/{path}"
        async with self.session.request(verb, url, json=body) as response:
            return Answer(response.status, response.headers, await response.json())


def _dict(value: object) -> dict[str, object]:
    assert isinstance(value, dict)
    return value


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with Gateway(example_world()).serve() as running:
        yield running


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Client(session, gateway)


def entries(part: list[dict[str, Any]]) -> dict[int, Any]:
    """Return a part's results by chain, with each chain once."""
    by_chain = {entry["chainId"]: entry["results"] for entry in part}
    assert len(by_chain) == len(part)
    return by_chain


def token_rows(answer: Answer) -> dict[str, dict[str, Any]]:
    """Return the token rows by contract, with each contract once."""
    rows = [row for entry in answer.body["balances"] for row in entry["results"] or []]
    by_contract = {row["contractAddress"]: row for row in rows}
    assert len(by_contract) == len(rows)
    return by_contract


def native_rows(answer: Answer, chain_id: int) -> dict[str, dict[str, Any]]:
    return {row["accountAddress"]: row for row in entries(answer.body["nativeBalances"])[chain_id]}


# The whole answer


async def test_the_example_request_is_answered_as_the_example_says(client: Client, gateway: Gateway) -> None:
    answer = await client.call(
        SUMMARY, {"networks": ["polygon", "mainnet"], "filter": {"accountAddresses": [CHECKSUMMED]}}
    )

    def usdc_info(chain_id: int, address: str) -> dict[str, object]:
        return {
            "chainId": chain_id,
            "address": address,
            "source": "",
            "name": "USDC",
            "type": "ERC20",
            "symbol": "USDC",
            "decimals": 6,
            "logoURI": "https://assets.coingecko.com/coins/images/6319/large/USD_Coin_icon.png?1547042389",
            **described,
        }

    described = {
        "deployed": True,
        "extensions": {"verified": True, "verifiedBy": "token-directory"},
        "updatedAt": "2026-05-01T08:09:10.123456789Z",
        "queuedAt": None,
        "status": "AVAILABLE",
    }
    priced = {"priceUSD": "1.00", "priceUpdatedAt": "2026-05-20T10:00:00Z"}
    expected_tokens = {
        137: {
            USDC_POLYGON: {
                "contractType": "ERC20",
                "contractAddress": USDC_POLYGON,
                "accountAddress": EXAMPLE_ACCOUNT,
                "tokenID": "0",
                "balance": "50000000",
                "balanceUSD": "50.00",
                **priced,
                "blockNumber": 71000123,
                "chainId": 137,
                "contractInfo": usdc_info(137, USDC_POLYGON),
            },
            SKYWEAVER: {
                "contractType": "ERC1155",
                "contractAddress": SKYWEAVER,
                "accountAddress": EXAMPLE_ACCOUNT,
                "balance": "1700",
                "blockNumber": 70880011,
                "chainId": 137,
                "uniqueCollectibles": "12",
                "isSummary": True,
                "contractInfo": {
                    "chainId": 137,
                    "address": SKYWEAVER,
                    "source": "",
                    "name": "Skyweaver",
                    "type": "ERC1155",
                    "symbol": "SKYWVR",
                    "logoURI": "https://assets.skyweaver.net/_tX5dRVi/webapp/icons/skyweaver-token.png",
                    **described,
                },
            },
        },
        1: {
            USDC: {
                "contractType": "ERC20",
                "contractAddress": USDC,
                "accountAddress": EXAMPLE_ACCOUNT,
                "tokenID": "0",
                "balance": "221887067",
                "balanceUSD": "221.89",
                **priced,
                "blockNumber": 22500001,
                "chainId": 1,
                "contractInfo": usdc_info(1, USDC),
            },
            DAI: {
                "contractType": "ERC20",
                "contractAddress": DAI,
                "accountAddress": EXAMPLE_ACCOUNT,
                "tokenID": "0",
                "balance": "5021334051688125324",
                "blockNumber": 19400002,
                "chainId": 1,
                "contractInfo": {
                    "chainId": 1,
                    "address": DAI,
                    "source": "",
                    "name": "Dai",
                    "type": "ERC20",
                    "symbol": "DAI",
                    "decimals": 18,
                    **described,
                },
            },
            FOX: {
                "contractType": "ERC20",
                "contractAddress": FOX,
                "accountAddress": EXAMPLE_ACCOUNT,
                "tokenID": "0",
                "balance": "58899592885266406938",
                "blockNumber": 18800003,
                "chainId": 1,
                "contractInfo": {
                    "chainId": 1,
                    "address": FOX,
                    "source": "",
                    "name": "ShapeShift FOX Token",
                    "type": "ERC20",
                    "symbol": "FOX",
                    "decimals": 18,
                    **described,
                },
            },
        },
    }
    assert answer.status == 200
    assert answer.body.keys() == {"page", "nativeBalances", "balances"}
    assert answer.body["page"] == {"page": 0, "pageSize": 40, "more": False}
    assert entries(answer.body["nativeBalances"]) == {
        137: [
            {
                "accountAddress": EXAMPLE_ACCOUNT,
                "chainId": 137,
                "name": "POL",
                "symbol": "POL",
                "balance": "12500000000000000000",
                "balanceUSD": "2.75",
                "priceUSD": "0.22",
                "priceUpdatedAt": "2026-05-20T10:00:00Z",
            }
        ],
        1: [
            {
                "accountAddress": EXAMPLE_ACCOUNT,
                "chainId": 1,
                "name": "Ether",
                "symbol": "ETH",
                "balance": "158495082541645504",
                "balanceUSD": "396.24",
                "priceUSD": "2500.00",
                "priceUpdatedAt": "2026-05-20T10:00:00Z",
            }
        ],
    }
    for rows in entries(answer.body["balances"]).values():
        for row in rows:
            block_hash, bytecode_hash = row.pop("blockHash"), row["contractInfo"].pop("bytecodeHash")
            assert block_hash == gateway.world.block_hash(row["chainId"], row["blockNumber"])
            assert len(block_hash) == len(bytecode_hash) == 66
    assert {
        chain_id: {row["contractAddress"]: row for row in rows}
        for chain_id, rows in entries(answer.body["balances"]).items()
    } == expected_tokens


async def test_entries_and_rows_have_no_member_for_what_went_well(client: Client) -> None:
    answer = await client.summary()

    assert all(entry.keys() == {"chainId", "results"} for entry in answer.body["balances"])
    assert all(entry.keys() == {"chainId", "results"} for entry in answer.body["nativeBalances"])


async def test_a_chain_without_holdings_has_an_entry_with_no_rows_and_a_native_zero(client: Client) -> None:
    answer = await client.summary(chainIds=[42161])

    assert entries(answer.body["balances"]) == {42161: []}
    assert native_rows(answer, 42161)[EXAMPLE_ACCOUNT]["balance"] == "0"


async def test_every_asked_account_has_a_native_row_even_a_stranger(client: Client) -> None:
    answer = await client.summary(chainIds=[1], filter={"accountAddresses": [STRANGER, CHECKSUMMED]})

    assert {account: row["balance"] for account, row in native_rows(answer, 1).items()} == {
        EXAMPLE_ACCOUNT: "158495082541645504",
        STRANGER: "0",
    }


async def test_an_account_asked_twice_is_answered_once(client: Client) -> None:
    answer = await client.summary(chainIds=[1], filter={"accountAddresses": [EXAMPLE_ACCOUNT, CHECKSUMMED]})

    assert len(entries(answer.body["nativeBalances"])[1]) == 1
    assert len(entries(answer.body["balances"])[1]) == 3


async def test_a_change_in_the_world_shows_in_the_next_answer(client: Client, gateway: Gateway) -> None:
    gateway.world.move(1, USDC, EXAMPLE_ACCOUNT, 1)
    gateway.world.set_native(1, EXAMPLE_ACCOUNT, MAX_AMOUNT)

    answer = await client.summary(chainIds=[1])

    assert token_rows(answer)[USDC]["balance"] == "221887068"
    assert token_rows(answer)[USDC]["blockNumber"] == 22500002
    assert native_rows(answer, 1)[EXAMPLE_ACCOUNT]["balance"] == str(2**256 - 1)


async def test_worth_is_exact_for_the_largest_balance(client: Client, gateway: Gateway) -> None:
    gateway.world.set_token(1, USDC, EXAMPLE_ACCOUNT, MAX_AMOUNT)

    row = token_rows(await client.summary())[USDC]

    assert Decimal(row["balanceUSD"]) == Decimal(f"{MAX_AMOUNT // 10**6}.64")


async def test_a_token_that_went_to_zero_has_no_row(client: Client, gateway: Gateway) -> None:
    gateway.world.set_token(1, USDC, EXAMPLE_ACCOUNT, 0)

    assert USDC not in token_rows(await client.summary())


async def test_a_token_that_went_to_zero_has_a_row_where_the_knob_says_so(
    client: Client, gateway: Gateway
) -> None:
    gateway.knobs = Knobs(emit_zero_rows=True)
    gateway.world.set_token(1, USDC, EXAMPLE_ACCOUNT, 0)

    assert token_rows(await client.summary())[USDC]["balance"] == "0"


async def test_a_token_id_that_went_to_zero_no_longer_counts(client: Client, gateway: Gateway) -> None:
    gateway.world.set_token(137, SKYWEAVER, EXAMPLE_ACCOUNT, 0, token_id=65537)

    row = token_rows(await client.summary())[SKYWEAVER]

    assert (row["uniqueCollectibles"], row["balance"]) == ("11", "1100")
    assert row["blockNumber"] == gateway.world.block(137)


async def test_unknown_decimals_are_absent_and_leave_a_token_unpriced(
    client: Client, gateway: Gateway
) -> None:
    usdc = gateway.world.contract(1, USDC)
    gateway.world.add_contract(replace(usdc, decimals=None))

    row = token_rows(await client.summary())[USDC]

    assert "decimals" not in row["contractInfo"]
    assert row.keys().isdisjoint({"balanceUSD", "priceUSD", "priceUpdatedAt"})


async def test_a_rebasing_token_says_so_in_its_extensions(client: Client, gateway: Gateway) -> None:
    gateway.world.add_contract(replace(gateway.world.contract(1, USDC), rebasing=True))

    rows = token_rows(await client.summary())

    assert rows[USDC]["contractInfo"]["extensions"]["indexingInfo"] == {"useOnChainBalance": True}
    assert "indexingInfo" not in rows[DAI]["contractInfo"]["extensions"]


async def test_a_contract_that_no_directory_knows_has_null_extensions(client: Client) -> None:
    rows = token_rows(await client.summary(filter={"contractStatus": "ALL"}))

    assert rows[SPAM]["contractInfo"]["extensions"] is None


# Which chains


@pytest.mark.parametrize(
    ("selectors", "chain_ids"),
    [
        ({"chainIds": [137]}, {137}),
        ({"networks": ["mainnet", "base"]}, {1, 8453}),
        ({"chainIds": [1, 10], "networks": ["mainnet", "base"]}, {1}),
        ({"chainIds": [1, 999]}, {1}),
        ({"networks": ["mainnet", "nowhere"]}, {1}),
        ({"chainIds": [999]}, set()),
        ({"chainIds": [80002]}, {80002}),
        ({}, {1, 10, 137, 8453, 42161}),
        ({"chainIds": None, "networks": None, "networkType": None}, {1, 10, 137, 8453, 42161}),
        ({"chainIds": [], "networks": []}, {1, 10, 137, 8453, 42161}),
        ({"networkType": "MAINNETS"}, {1, 10, 137, 8453, 42161}),
        ({"networkType": "TESTNETS"}, {80002}),
        ({"networkType": "ALL"}, {1, 10, 137, 8453, 42161, 80002}),
        ({"networkType": "testnets"}, {1, 10, 137, 8453, 42161}),
    ],
)
async def test_selectors_choose_the_chains_of_balances_and_of_get_chains(
    client: Client, gateway: Gateway, selectors: dict[str, object], chain_ids: set[int]
) -> None:
    gateway.world.add_chain(
        Chain(chain_id=80002, name="amoy", native_name="POL", native_symbol="POL", testnet=True)
    )

    balances = await client.summary(**selectors)
    chains = await client.call("GetChains", selectors)

    assert entries(balances.body["balances"]).keys() == chain_ids
    assert entries(balances.body["nativeBalances"]).keys() == chain_ids
    assert {chain["chainId"] for chain in chains.body["chains"]} == chain_ids


# Which rows


VERIFIED = {FOX, DAI, USDC, USDC_POLYGON, SKYWEAVER}


@pytest.mark.parametrize(
    ("wanted", "contracts"),
    [
        ({}, VERIFIED),
        ({"contractStatus": None}, VERIFIED),
        ({"contractStatus": ""}, VERIFIED),
        ({"contractStatus": "VERIFIED"}, VERIFIED),
        ({"contractStatus": "UNVERIFIED"}, {SPAM}),
        ({"contractStatus": "ALL"}, VERIFIED | {SPAM}),
        ({"contractTypes": ["ERC1155"]}, {SKYWEAVER}),
        ({"contractTypes": ["ERC20", "ERC1155"]}, VERIFIED),
        ({"contractTypes": ["erc20"]}, set()),
        ({"contractTypes": []}, VERIFIED),
        ({"contractWhitelist": [USDC.upper().replace("0X", "0x"), USDC_ARBITRUM]}, {USDC}),
        ({"contractWhitelist": []}, VERIFIED),
        ({"contractWhitelist": [SPAM]}, set()),
        ({"contractWhitelist": [SPAM], "contractStatus": "ALL"}, {SPAM}),
        ({"contractBlacklist": [DAI, FOX.upper().replace("0X", "0x")]}, {USDC, USDC_POLYGON, SKYWEAVER}),
        ({"tokenIDs": ["65537"]}, {SKYWEAVER}),
        ({"tokenIDs": ["0"]}, VERIFIED - {SKYWEAVER}),
        ({"accountAddresses": [STRANGER]}, set()),
    ],
)
async def test_filters_choose_the_token_rows_and_leave_the_natives(
    client: Client, wanted: dict[str, object], contracts: set[str]
) -> None:
    answer = await client.summary(filter=wanted)

    assert token_rows(answer).keys() == contracts
    assert all(entry["results"] for entry in answer.body["nativeBalances"])


async def test_a_token_id_filter_counts_only_those_ids(client: Client) -> None:
    answer = await client.summary(filter={"tokenIDs": ["65537", 65538]})

    row = token_rows(answer)[SKYWEAVER]
    assert (row["uniqueCollectibles"], row["balance"]) == ("2", "700")


async def test_omitted_natives_are_null(client: Client) -> None:
    assert (await client.summary(filter={"omitNativeBalances": True})).body["nativeBalances"] is None


async def test_natives_that_are_not_omitted_are_there(client: Client) -> None:
    assert (await client.summary(filter={"omitNativeBalances": False})).body["nativeBalances"]


async def test_omitted_prices_are_absent_from_every_row(client: Client) -> None:
    answer = await client.summary(filter={"omitPrices": True})

    prices = {"balanceUSD", "priceUSD", "priceUpdatedAt"}
    assert prices.isdisjoint(token_rows(answer)[USDC])
    assert prices.isdisjoint(native_rows(answer, 1)[EXAMPLE_ACCOUNT])


async def test_omitted_metadata_is_absent_from_every_row(client: Client) -> None:
    answer = await client.summary(omitMetadata=True)

    assert all("contractInfo" not in row for row in token_rows(answer).values())


async def test_members_are_found_in_any_case_and_unknown_ones_are_ignored(client: Client) -> None:
    answer = await client.call(
        SUMMARY,
        {
            "CHAINIDS": [1],
            "Filter": {"accountaddresses": [CHECKSUMMED], "OMITnativebalances": True, "surprise": 1},
            "page": {"PAGESIZE": 2},
            "unheardOf": {},
        },
    )

    assert entries(answer.body["balances"]).keys() == {1}
    assert answer.body["nativeBalances"] is None
    assert answer.body["page"]["pageSize"] == 2


async def test_what_a_go_client_sends_for_nothing_is_accepted(client: Client) -> None:
    wanted = {"contractStatus": "", "contractTypes": None, "contractWhitelist": None, "omitPrices": None}

    answer = await client.summary(
        chainIds=[1], networks=None, networkType=None, omitMetadata=None, page=None, filter=wanted
    )

    assert answer.status == 200
    assert token_rows(answer).keys() == {FOX, DAI, USDC}


# Pages


async def all_pages(client: Client, page: dict[str, object], **request: object) -> list[Answer]:
    """Follow the pages to the end, as clients do: each page object is sent back as it came."""
    answers = [await client.summary(**request, page=page)]
    while answers[-1].body["page"]["more"]:
        assert len(answers) < 10
        answers.append(await client.summary(**request, page=answers[-1].body["page"]))
    return answers


async def test_pages_lead_to_each_row_once(client: Client) -> None:
    pages = await all_pages(client, {"pageSize": 2})

    rows = [set(token_rows(page)) for page in pages]
    assert [len(row) for row in rows] == [2, 2, 1]
    assert set.union(*rows) == VERIFIED


async def test_page_objects_look_as_the_example_says(client: Client) -> None:
    first, second, third = (answer.body["page"] for answer in await all_pages(client, {"pageSize": 2}))

    assert first.keys() == second.keys() == {"page", "pageSize", "more", "column", "after"}
    assert (first["page"], first["pageSize"], first["more"], first["column"]) == (1, 2, True, "id")
    assert isinstance(first["after"], dict)
    assert second["page"] == 2
    assert third == {"page": 3, "pageSize": 2, "more": False}


async def test_every_page_has_every_chain_and_repeats_the_natives(client: Client) -> None:
    pages = await all_pages(client, {"pageSize": 2}, chainIds=[1, 137, 42161])

    assert all(entries(page.body["balances"]).keys() == {1, 137, 42161} for page in pages)
    assert all(page.body["nativeBalances"] == pages[0].body["nativeBalances"] for page in pages)


async def test_a_page_that_holds_all_rows_promises_no_more(client: Client) -> None:
    pages = await all_pages(client, {"pageSize": 5})

    assert [page.body["page"] for page in pages] == [{"page": 0, "pageSize": 5, "more": False}]


async def test_pages_go_through_the_accounts_of_a_chain_one_after_another(
    client: Client, gateway: Gateway
) -> None:
    gateway.world.set_token(1, USDC, STRANGER, 1)
    gateway.world.set_token(1, DAI, STRANGER, 1)

    pages = await all_pages(
        client, {"pageSize": 1}, chainIds=[1], filter={"accountAddresses": [EXAMPLE_ACCOUNT, STRANGER]}
    )

    rows = [row for page in pages for row in entries(page.body["balances"])[1]]
    assert [(row["accountAddress"], row["contractAddress"]) for row in rows] == [
        (STRANGER, DAI),
        (STRANGER, USDC),
        (EXAMPLE_ACCOUNT, DAI),
        (EXAMPLE_ACCOUNT, USDC),
        (EXAMPLE_ACCOUNT, FOX),
    ]


async def test_without_a_page_size_forty_rows_make_a_page(client: Client, gateway: Gateway) -> None:
    for number in range(41):
        address = f"0x{number:040x}"
        gateway.world.add_contract(
            Contract(chain_id=10, address=address, kind="ERC20", symbol=f"T{number}", name="", decimals=0)
        )
        gateway.world.set_token(10, address, EXAMPLE_ACCOUNT, 1)

    pages = await all_pages(client, {}, chainIds=[10])

    assert [len(token_rows(page)) for page in pages] == [40, 1]


@pytest.mark.parametrize(
    "change",
    [
        {"page": 2},
        {"pageSize": 3},
        {"more": None},
        {"column": "block"},
        {"after": None},
        {"after": {"1": "MQ=="}},
        {"after": "MQ=="},
        {"after": {"1": 5}},
    ],
)
async def test_a_page_object_that_was_changed_is_refused(client: Client, change: dict[str, object]) -> None:
    page = (await client.summary(page={"pageSize": 2})).body["page"]

    answer = await client.summary(page={**page, **change})

    assert (answer.status, answer.body["code"]) == (400, 2001)


async def test_a_page_size_above_the_maximum_is_refused(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(max_page_size=40)

    answer = await client.summary(page={"pageSize": 41})

    assert (answer.status, answer.body["code"]) == (400, 2001)


async def test_a_page_size_at_the_maximum_is_served(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(max_page_size=40)

    assert (await client.summary(page={"pageSize": 40})).status == 200


async def test_a_maximum_below_forty_is_the_page_size_of_who_names_none(
    client: Client, gateway: Gateway
) -> None:
    gateway.knobs = Knobs(max_page_size=3)

    assert (await client.summary()).body["page"]["pageSize"] == 3


# The companion methods


async def test_get_chains_names_each_chain(client: Client) -> None:
    answer = await client.call("GetChains", {})

    assert {"chainId": 1, "chainName": "mainnet"} in answer.body["chains"]


async def test_ping_is_answered(client: Client) -> None:
    assert (await client.call("Ping", {})).body == {"status": True}


async def test_version_has_the_schema_of_the_clients(client: Client) -> None:
    version = (await client.call("Version", {})).body["version"]

    assert version.keys() == {"webrpcVersion", "schemaVersion", "schemaHash", "appVersion"}
    assert version["schemaVersion"] == "v0.4.0"


async def test_the_runtime_status_lists_a_backend_for_each_chain(client: Client) -> None:
    status = (await client.call("RuntimeStatus", {})).body["status"]

    assert status["healthOK"] is True
    assert {backend["chainId"] for backend in status["backends"]} == {1, 10, 137, 8453, 42161}
    assert status.keys() == {"healthOK", "startTime", "uptime", "ver", "branch", "commitHash", "backends"}


@pytest.mark.parametrize("method", ALL_METHODS)
async def test_every_answer_is_plain_json_and_says_who_serves_it(client: Client, method: str) -> None:
    answer = await client.call(method, {"filter": {"accountAddresses": [EXAMPLE_ACCOUNT]}})

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Webrpc"].startswith("webrpc@")


# Refusals


@pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE"])
async def test_any_verb_but_post_is_refused(client: Client, verb: str) -> None:
    answer = await client.call("Ping", {}, verb=verb)

    assert answer.status == 405
    assert answer.headers["Allow"] == "POST"
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.body == {
        "error": "WebrpcBadMethod",
        "code": -3,
        "msg": "bad method",
        "cause": f"unsupported method {verb} (only POST is allowed)",
        "status": 405,
    }


@pytest.mark.parametrize("verb", ["GET", "POST"])
@pytest.mark.parametrize("method", ["Nothing", "ping", "Ping/", "../IndexerGatewayPing"])
async def test_an_unknown_path_is_refused_whatever_the_verb(client: Client, verb: str, method: str) -> None:
    answer = await client.call(method, {}, verb=verb)

    assert (answer.status, answer.body["error"], answer.body["code"]) == (404, "WebrpcBadRoute", -2)
    assert answer.body["cause"].startswith("no webrpc method defined for path /rpc/")


async def test_a_missing_key_is_unauthorized(client: Client) -> None:
    answer = await client.call("Ping", {}, key=None)

    assert (answer.status, answer.body["error"], answer.body["code"]) == (401, "Unauthorized", 1000)


async def test_any_key_will_do_where_none_is_named(client: Client) -> None:
    assert (await client.call("Ping", {}, key="whatever")).status == 200


async def test_only_named_keys_will_do_where_keys_are_named() -> None:
    async with (
        Gateway(example_world(), access_keys={"right"}).serve() as gateway,
        aiohttp.ClientSession() as session,
    ):
        client = Client(session, gateway)
        accepted = await client.call("Ping", {}, key="right")
        refused = await client.call("Ping", {}, key="wrong")

    assert accepted.status == 200
    assert refused.status == 401
    assert refused.body == {
        "error": "AccessKeyNotFound",
        "code": 1101,
        "msg": "Access key not found",
        "status": 401,
    }


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "application/json5"]
)
async def test_another_content_type_is_a_bad_request(client: Client, content_type: str) -> None:
    answer = await client.call("Ping", {}, **{"Content-Type": content_type})

    assert (answer.status, answer.body["error"], answer.body["code"]) == (400, "WebrpcBadRequest", -4)


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON", "application/json; charset=utf-8"]
)
async def test_json_may_be_announced_with_parameters(client: Client, content_type: str) -> None:
    assert (await client.call("Ping", {}, **{"Content-Type": content_type})).status == 200


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'"text"', b"{'a': 1}", b'{"a": NaN}', b"\xff", b"[" * 100_000]
)
async def test_what_is_no_json_object_is_a_bad_request(client: Client, body: bytes) -> None:
    answer = await client.call(SUMMARY, body)

    assert (answer.status, answer.body["code"]) == (400, -4)
    assert answer.body["cause"].startswith("failed to unmarshal request data: ")


async def test_a_bare_null_is_a_request_without_members(client: Client) -> None:
    assert (await client.call("Ping", b"null")).status == 200


@pytest.mark.parametrize(
    "request_body",
    [
        {"chainIds": ["1"]},
        {"chainIds": 1},
        {"chainIds": [1.5]},
        {"chainIds": [-1]},
        {"chainIds": [True]},
        {"networks": [1]},
        {"networkType": 1},
        {"omitMetadata": "true"},
        {"page": []},
        {"page": {"pageSize": "40"}},
        {"filter": []},
        {"filter": {"accountAddresses": EXAMPLE_ACCOUNT}},
        {"filter": {"accountAddresses": [1]}},
        {"filter": {"contractStatus": 1}},
        {"filter": {"omitPrices": 1}},
        {"filter": {"tokenIDs": ["one"]}},
    ],
)
async def test_a_member_of_the_wrong_type_is_a_bad_request(
    client: Client, request_body: dict[str, object]
) -> None:
    answer = await client.call(SUMMARY, request_body)

    assert (answer.status, answer.body["error"], answer.body["code"]) == (400, "WebrpcBadRequest", -4)


@pytest.mark.parametrize("wanted", [None, {}, {"accountAddresses": None}, {"accountAddresses": []}])
async def test_balances_of_nobody_are_an_invalid_argument(client: Client, wanted: object) -> None:
    answer = await client.call(SUMMARY, {"filter": wanted})

    assert (answer.status, answer.body["error"], answer.body["code"]) == (400, "InvalidArgument", 2001)


# Faults of single chains and rows


async def test_failing_tokens_are_a_reason_without_results(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(FailTokens(chain_id=137, reason="backend timeout"))

    answer = await client.summary(chainIds=[1, 137])

    assert {"chainId": 137, "errorReason": "backend timeout", "results": None} in answer.body["balances"]
    assert len(entries(answer.body["balances"])[1]) == 3
    assert native_rows(answer, 137)


async def test_failing_natives_are_a_reason_without_results(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(FailNatives(chain_id=137, reason="node down"))

    answer = await client.summary(chainIds=[1, 137])

    assert {"chainId": 137, "errorReason": "node down", "results": None} in answer.body["nativeBalances"]
    assert native_rows(answer, 1)
    assert len(entries(answer.body["balances"])[137]) == 2


async def test_a_failing_chain_takes_no_room_on_a_page(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(FailTokens(chain_id=1))

    assert token_rows(await client.summary(page={"pageSize": 2})).keys() == {USDC_POLYGON, SKYWEAVER}


async def test_a_failing_native_row_is_a_reason_and_a_zero_that_means_nothing(
    client: Client, gateway: Gateway
) -> None:
    gateway.faults.add(FailNativeRow(chain_id=1, account=CHECKSUMMED))

    answer = await client.summary(chainIds=[1, 137], filter={"accountAddresses": [EXAMPLE_ACCOUNT, STRANGER]})

    assert native_rows(answer, 1)[EXAMPLE_ACCOUNT] == {
        "accountAddress": EXAMPLE_ACCOUNT,
        "chainId": 1,
        "name": "Ether",
        "symbol": "ETH",
        "balance": "0",
        "errorReason": "node unavailable",
    }
    assert "errorReason" not in native_rows(answer, 1)[STRANGER]
    assert "errorReason" not in native_rows(answer, 137)[EXAMPLE_ACCOUNT]


async def test_without_an_account_all_native_rows_of_the_chain_fail(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(FailNativeRow(chain_id=1))

    answer = await client.summary(chainIds=[1], filter={"accountAddresses": [EXAMPLE_ACCOUNT, STRANGER]})

    assert all("errorReason" in row for row in native_rows(answer, 1).values())


async def test_a_chain_can_be_left_out_of_either_part(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(LeaveOutTokens(chain_id=1), LeaveOutNatives(chain_id=137))

    answer = await client.summary(chainIds=[1, 137])

    assert entries(answer.body["balances"]).keys() == {137}
    assert entries(answer.body["nativeBalances"]).keys() == {1}


@pytest.mark.parametrize("raw", [-1, None, True, 1.5, "01", "", "1e3", [], {}, 10**80])
async def test_a_row_can_show_any_raw_balance(client: Client, gateway: Gateway, raw: object) -> None:
    gateway.faults.add(ReplaceFields(fields={"balance": raw}, where={"contractAddress": USDC}))

    rows = token_rows(await client.summary())

    assert rows[USDC]["balance"] == raw
    assert type(rows[USDC]["balance"]) is type(raw)
    assert rows[DAI]["balance"] == "5021334051688125324"


async def test_native_rows_can_be_replaced_too(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(
        ReplaceFields(fields={"balance": "x"}, where={"symbol": "ETH", "accountAddress": CHECKSUMMED})
    )

    answer = await client.summary(chainIds=[1, 137])

    assert native_rows(answer, 1)[EXAMPLE_ACCOUNT]["balance"] == "x"
    assert native_rows(answer, 137)[EXAMPLE_ACCOUNT]["balance"] == "12500000000000000000"


async def test_members_can_be_taken_out_of_a_row(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(ReplaceFields(remove=("tokenID", "contractInfo"), where={"contractAddress": USDC}))

    rows = token_rows(await client.summary())

    assert rows[USDC].keys().isdisjoint({"tokenID", "contractInfo"})
    assert {"tokenID", "contractInfo"} <= rows[DAI].keys()


async def test_a_repeated_page_leads_to_itself_for_ever(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(RepeatPage())

    first = await client.summary(page={"pageSize": 2})
    second = await client.summary(page=first.body["page"])

    assert first.body["page"]["more"] is True
    assert second.body == first.body


async def test_pages_can_start_to_repeat_on_the_way(client: Client, gateway: Gateway) -> None:
    first = await client.summary(page={"pageSize": 2})
    gateway.faults.add(RepeatPage())

    second = await client.summary(page=first.body["page"])

    assert second.body["page"] == first.body["page"]
    assert token_rows(second).keys().isdisjoint(token_rows(first))


# Faults of whole answers


QUOTA = AnswerError(name="QuotaExceeded", code=1200, status=429, message="Project quota exceeded.")


async def test_an_error_answers_as_many_calls_as_it_says(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(replace(QUOTA, status=423, times=2))

    answers = [await client.summary() for _ in range(3)]

    assert [answer.status for answer in answers] == [423, 423, 200]
    assert answers[0].body == {
        "error": "QuotaExceeded",
        "code": 1200,
        "msg": "Project quota exceeded.",
        "status": 423,
    }


async def test_an_error_without_a_count_answers_until_healed(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(QUOTA)

    before = [await client.summary() for _ in range(3)]
    gateway.faults.heal()
    after = await client.summary()

    assert [answer.status for answer in before] == [429, 429, 429]
    assert after.status == 200


async def test_an_error_brings_its_headers_and_its_cause(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(replace(QUOTA, cause="too busy", headers={"Retry-After": 60}, times=1))

    answer = await client.summary()

    assert answer.headers["Retry-After"] == "60"
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.body["cause"] == "too busy"


async def test_faults_of_whole_answers_take_their_turns(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(replace(QUOTA, times=1), replace(QUOTA, code=2003, status=400, times=1))

    assert [(await client.summary()).status for _ in range(3)] == [429, 400, 200]


@pytest.mark.parametrize("status", [200, 502])
async def test_html_can_come_instead_of_an_answer(client: Client, gateway: Gateway, status: int) -> None:
    gateway.faults.add(AnswerHtml(status=status, times=1))

    async with client.session.post(f"{gateway.url}/Ping") as response:
        assert response.status == status
        assert response.content_type == "text/html"
        assert (await response.text()).startswith("<html>")
    assert (await client.call("Ping", {})).status == 200


async def test_a_body_can_be_cut_off(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(CutBody(times=1))

    with pytest.raises(aiohttp.ClientPayloadError):
        await client.summary()

    assert (await client.summary()).status == 200


async def test_a_connection_can_be_dropped(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(DropConnection())

    with pytest.raises(aiohttp.ClientConnectionError):
        await client.summary()

    gateway.faults.heal()
    assert (await client.summary()).status == 200


async def test_a_delay_outlasts_an_impatient_client(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(Delay(seconds=3600))

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await client.summary()

    gateway.faults.heal()
    assert (await client.summary()).status == 200


async def test_latency_is_part_of_every_call(client: Client, gateway: Gateway) -> None:
    loop = asyncio.get_running_loop()
    gateway.knobs = Knobs(latency_seconds=0.05)
    started_at = loop.time()

    await client.call("Ping", {})

    assert loop.time() - started_at >= 0.05


async def test_a_call_waits_at_the_gate_until_it_is_released(client: Client, gateway: Gateway) -> None:
    gateway.gate.hold()
    call = asyncio.create_task(client.summary(chainIds=[1]))
    await gateway.gate.until_waiting(1)
    gateway.world.set_token(1, USDC, EXAMPLE_ACCOUNT, 7)
    assert not call.done()

    gateway.gate.release()

    assert token_rows(await call)[USDC]["balance"] == "7"


async def test_a_held_call_does_not_keep_the_gateway_from_stopping() -> None:
    gateway = Gateway(example_world())
    async with aiohttp.ClientSession() as session:
        async with gateway.serve():
            gateway.gate.hold()
            call = asyncio.create_task(Client(session, gateway).summary())
            await gateway.gate.until_waiting(1)

        with pytest.raises(aiohttp.ClientConnectionError):
            await call


# What was asked


async def test_each_call_is_recorded_as_it_arrived() -> None:
    noon = datetime(2026, 5, 20, 12, tzinfo=UTC)
    async with (
        Gateway(example_world(), clock=lambda: noon).serve() as gateway,
        aiohttp.ClientSession() as session,
    ):
        client = Client(session, gateway)
        await client.call("GetChains", {"networkType": "ALL"}, key="mine", Accept="application/json")
        await client.call("Ping", b"{", key=None)

    chains, ping = gateway.requests
    assert (chains.method, chains.body, chains.received_at) == ("GetChains", {"networkType": "ALL"}, noon)
    assert chains.headers["X-Access-Key"] == "mine"
    assert chains.headers["Accept"] == "application/json"
    assert "Origin" not in chains.headers
    assert (ping.method, ping.body) == ("Ping", None)
    assert "X-Access-Key" not in ping.headers


async def test_a_call_that_meets_a_fault_is_recorded_too(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(replace(QUOTA, times=1))

    await client.summary()

    assert [request.method for request in gateway.requests] == [SUMMARY]


# The back door


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
            "the fields of FailTokens are: "
            "method, forAccount, forChain, aboveAccounts, every, times, chainId, reason",
        ),
        ("fault", {"fault": "RepeatPage", "every": 0}, "every is at least 1, not 0"),
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
    assert answer.body["error"].startswith("fault must be one of AnswerError, AnswerHtml, CutBody, ")


async def test_a_body_that_is_no_json_is_answered_with_a_sentence(client: Client, gateway: Gateway) -> None:
    async with client.session.post(f"{gateway.control_url}/set", data=b"balance=1") as response:
        assert response.status == 400
        assert (await response.json())["error"].startswith("the body is no JSON: ")


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"fault": "FailTokens", "chainId": 137}, FailTokens(chain_id=137)),
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


# Coming and going


async def test_a_gateway_that_was_down_comes_back_with_its_world() -> None:
    gateway = Gateway(example_world())
    async with gateway.serve():
        port = int(gateway.url.split(":")[2].split("/")[0])
        gateway.world.set_native(1, EXAMPLE_ACCOUNT, 3)

    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectionError):
            await Client(session, gateway).summary()
        async with gateway.serve(port=port):
            answer = await Client(session, gateway).summary(chainIds=[1])

    assert gateway.url == f"http://127.0.0.1:{port}/rpc/IndexerGateway"
    assert native_rows(answer, 1)[EXAMPLE_ACCOUNT]["balance"] == "3"


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])  # noqa: S104 - that is what is refused
async def test_other_machines_are_not_served(host: str) -> None:
    with pytest.raises(ValueError, match="no loopback address"):
        async with Gateway(example_world()).serve(host):
            pass
