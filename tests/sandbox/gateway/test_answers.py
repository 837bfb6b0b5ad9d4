from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from bot.sandbox.gateway.knobs import Knobs
from bot.sandbox.gateway.server import Gateway
from bot.sandbox.gateway.world import EXAMPLE_ACCOUNT, MAX_AMOUNT, GatewayChain
from tests.sandbox.gateway.client import (
    ALL_METHODS,
    CHECKSUMMED,
    DAI,
    FOX,
    SKYWEAVER,
    SPAM,
    STRANGER,
    SUMMARY,
    USDC,
    USDC_ARBITRUM,
    USDC_POLYGON,
    VERIFIED,
    Client,
    entries,
    native_rows,
    token_rows,
)

# The whole answer


async def test_the_example_request_is_answered_as_the_example_says(client: Client, gateway: Gateway) -> None:
    gateway.world.clock = lambda: datetime(2026, 5, 20, 10, tzinfo=UTC)
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
        GatewayChain(chain_id=80002, name="amoy", native_name="POL", native_symbol="POL", testnet=True)
    )

    balances = await client.summary(**selectors)
    chains = await client.call("GetChains", selectors)

    assert entries(balances.body["balances"]).keys() == chain_ids
    assert entries(balances.body["nativeBalances"]).keys() == chain_ids
    assert {chain["chainId"] for chain in chains.body["chains"]} == chain_ids


# Which rows


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
    wanted = {"accountAddresses": [EXAMPLE_ACCOUNT], "contractAddresses": [USDC]}
    answer = await client.call(method, {"filter": wanted, "accountAddress": EXAMPLE_ACCOUNT})

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Webrpc"].startswith("webrpc@")
