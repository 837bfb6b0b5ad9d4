import asyncio
from dataclasses import replace
from typing import Any

import pytest

from bot.sandbox.gateway.faults.kinds import FailTokens
from bot.sandbox.gateway.knobs import Knobs, Metadata
from bot.sandbox.gateway.rows import HOSTILE_NAME
from bot.sandbox.gateway.server import Gateway
from bot.sandbox.gateway.world import EXAMPLE_ACCOUNT, GatewayChain
from tests.sandbox.gateway.client import (
    BY_CONTRACT,
    CHECKSUMMED,
    DETAILS,
    SKYWEAVER,
    STRANGER,
    SUMMARY,
    USDC,
    Client,
    entries,
    token_rows,
)

AMOY = GatewayChain(chain_id=80002, name="amoy", native_name="POL", native_symbol="POL", testnet=True)


# Chains


async def test_a_chain_without_rows_has_an_empty_entry(client: Client) -> None:
    answer = await client.summary(chainIds=[1, 10])

    assert entries(answer.body["balances"])[10] == []


async def test_a_chain_without_rows_can_have_an_entry_with_null(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(chains_without_rows="null")

    answer = await client.summary(chainIds=[1, 10])

    assert entries(answer.body["balances"])[10] is None
    assert len(entries(answer.body["balances"])[1]) == 3
    assert entries(answer.body["nativeBalances"])[10]


async def test_a_chain_without_rows_can_have_no_entry(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(chains_without_rows="missing")

    answer = await client.summary(chainIds=[1, 10])

    assert entries(answer.body["balances"]).keys() == {1}
    assert entries(answer.body["nativeBalances"]).keys() == {1, 10}


async def test_a_chain_that_failed_has_an_entry_whatever_chains_without_rows_have(
    client: Client, gateway: Gateway
) -> None:
    gateway.knobs = Knobs(chains_without_rows="missing")
    gateway.faults.add(FailTokens(chain_id=10))

    answer = await client.summary(chainIds=[1, 10])

    assert {"chainId": 10, "errorReason": "backend timeout", "results": None} in answer.body["balances"]


UNKNOWN: list[dict[str, object]] = [{"chainIds": [1, 999]}, {"networks": ["mainnet", "nowhere"]}]


@pytest.mark.parametrize("selectors", UNKNOWN)
async def test_unknown_chains_are_ignored(client: Client, selectors: dict[str, object]) -> None:
    answer = await client.summary(**selectors)

    assert entries(answer.body["balances"]).keys() == {1}


@pytest.mark.parametrize("method", [SUMMARY, DETAILS, "GetChains"])
@pytest.mark.parametrize("selectors", UNKNOWN)
async def test_unknown_chains_can_be_refused(
    client: Client, gateway: Gateway, method: str, selectors: dict[str, object]
) -> None:
    gateway.knobs = Knobs(unknown_chains="refused")

    answer = await client.balances(method, **selectors)

    assert (answer.status, answer.body["error"], answer.body["code"]) == (400, "InvalidArgument", 2001)


async def test_known_chains_are_served_where_unknown_ones_are_refused(
    client: Client, gateway: Gateway
) -> None:
    gateway.knobs = Knobs(unknown_chains="refused")

    assert (await client.summary(chainIds=[1], networks=["mainnet"])).status == 200


@pytest.mark.parametrize(
    ("selectors", "failed"),
    [
        ({"chainIds": [1, 999]}, {"chainId": 999, "errorReason": "unknown chain 999", "results": None}),
        (
            {"networks": ["mainnet", "nowhere"]},
            {"chainId": 0, "errorReason": "unknown network nowhere", "results": None},
        ),
    ],
)
async def test_unknown_chains_can_be_failed_entries(
    client: Client, gateway: Gateway, selectors: dict[str, object], failed: dict[str, object]
) -> None:
    gateway.knobs = Knobs(unknown_chains="failed")

    answer = await client.summary(**selectors)

    assert failed in answer.body["balances"]
    assert failed in answer.body["nativeBalances"]
    assert len(answer.body["balances"]) == 2


async def test_both_selectors_mean_what_both_allow(client: Client) -> None:
    answer = await client.summary(chainIds=[1, 10], networks=["mainnet", "base"])

    assert entries(answer.body["balances"]).keys() == {1}


async def test_both_selectors_can_mean_what_either_allows(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(both_selectors="union")

    answer = await client.summary(chainIds=[1, 10], networks=["mainnet", "base"])

    assert entries(answer.body["balances"]).keys() == {1, 10, 8453}


async def test_no_selector_means_the_mainnets(client: Client, gateway: Gateway) -> None:
    gateway.world.add_chain(AMOY)

    assert AMOY.chain_id not in entries((await client.summary()).body["balances"])


async def test_no_selector_can_mean_all_chains(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(no_selector="all")
    gateway.world.add_chain(AMOY)

    assert AMOY.chain_id in entries((await client.summary()).body["balances"])
    assert AMOY.chain_id not in entries((await client.summary(networkType="MAINNETS")).body["balances"])


async def test_an_unknown_network_type_means_the_mainnets(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(no_selector="all")
    gateway.world.add_chain(AMOY)

    assert AMOY.chain_id not in entries((await client.summary(networkType="all")).body["balances"])


# Keys


async def test_a_call_without_a_key_can_be_served_as_the_public(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(missing_key="public")

    answer = await client.call("Ping", {}, key=None)

    assert answer.status == 200
    assert answer.headers["Session-Type"] == "Public"


async def test_a_wrong_key_is_refused_even_where_the_public_is_served(
    client: Client, gateway: Gateway
) -> None:
    gateway.knobs = Knobs(missing_key="public")
    gateway.access_keys = {"right"}

    answer = await client.call("Ping", {}, key="wrong")

    assert (answer.status, answer.body["code"]) == (401, 1101)


async def test_a_key_that_is_taken_away_is_disabled(client: Client, gateway: Gateway) -> None:
    gateway.access_keys = {"mine", "other"}
    before = await client.call("Ping", {}, key="mine")

    gateway.access_keys = {"other"}
    after = await client.call("Ping", {}, key="mine")

    assert (before.status, after.status, after.body["code"]) == (200, 401, 1101)


# Accounts


@pytest.mark.parametrize("method", [SUMMARY, DETAILS])
async def test_balances_of_nobody_can_be_an_answer_without_rows(
    client: Client, gateway: Gateway, method: str
) -> None:
    gateway.knobs = Knobs(no_accounts="empty")

    answer = await client.balances(method, chainIds=[1], filter={"accountAddresses": []})

    assert answer.body == {
        "page": {"page": 0, "pageSize": 40, "more": False},
        "nativeBalances": [{"chainId": 1, "results": []}],
        "balances": [{"chainId": 1, "results": []}],
    }


async def test_as_many_accounts_as_the_maximum_are_served(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(max_accounts=2)

    answer = await client.summary(filter={"accountAddresses": [EXAMPLE_ACCOUNT, CHECKSUMMED, STRANGER]})

    assert answer.status == 200


@pytest.mark.parametrize(
    ("knobs", "code"),
    [
        (Knobs(max_accounts=1), 2001),
        (Knobs(max_accounts=1, above_max_accounts="resource_exhausted"), 2004),
    ],
)
@pytest.mark.parametrize("method", [SUMMARY, DETAILS, BY_CONTRACT])
async def test_more_accounts_than_the_maximum_are_refused(
    client: Client, gateway: Gateway, method: str, knobs: Knobs, code: int
) -> None:
    gateway.knobs = knobs
    wanted = {"accountAddresses": [EXAMPLE_ACCOUNT, STRANGER], "contractAddresses": [USDC]}

    answer = await client.balances(method, filter=wanted)

    assert (answer.status, answer.body["code"]) == (400, code)
    assert answer.body["cause"] == "2 accounts are more than 1"


async def test_more_accounts_than_the_maximum_can_be_too_large_for_what_stands_in_front(
    client: Client, gateway: Gateway
) -> None:
    gateway.knobs = Knobs(max_accounts=1, above_max_accounts="too_large")

    answer = await client.summary(filter={"accountAddresses": [EXAMPLE_ACCOUNT, STRANGER]})

    assert answer.status == 413
    assert answer.headers["Content-Type"].startswith("text/html")


def test_each_pair_of_an_account_and_a_chain_can_add_to_the_latency() -> None:
    knobs = Knobs(latency_seconds=1.0, latency_seconds_per_pair=0.5)

    assert knobs.latency(accounts=0, chains=5) == 1.0
    assert knobs.latency(accounts=3, chains=2) == 4.0


async def test_large_requests_can_outlast_a_client_that_small_ones_do_not(
    client: Client, gateway: Gateway
) -> None:
    gateway.knobs = Knobs(latency_seconds_per_pair=3600)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await client.summary()

    assert (await client.call("Ping", {})).status == 200


# Metadata


async def described(client: Client, gateway: Gateway, metadata: Metadata) -> tuple[Any, Any]:
    """Return the rows of an ERC-20 and of an item."""
    gateway.knobs = Knobs(metadata=metadata)
    gateway.world.add_contract(replace(gateway.world.contract(137, SKYWEAVER), decimals=2))
    answer = await client.details(filter={"tokenIDs": ["0", "65537"]})
    rows = token_rows(answer)
    return rows[USDC], rows[SKYWEAVER]


async def test_metadata_are_full(client: Client, gateway: Gateway) -> None:
    usdc, card = await described(client, gateway, "full")

    assert (usdc["contractInfo"]["name"], usdc["contractInfo"]["decimals"]) == ("USDC", 6)
    assert usdc["contractInfo"]["extensions"]["verified"] is True
    assert (card["tokenMetadata"]["name"], card["tokenMetadata"]["decimals"]) == ("Skyweaver #65537", 2)


async def test_metadata_can_have_no_decimals(client: Client, gateway: Gateway) -> None:
    usdc, card = await described(client, gateway, "no_decimals")

    assert usdc["contractInfo"]["symbol"] == "USDC"
    assert "decimals" not in usdc["contractInfo"]
    assert "decimals" not in card["tokenMetadata"]


async def test_extensions_can_be_null(client: Client, gateway: Gateway) -> None:
    usdc, _ = await described(client, gateway, "null_extensions")

    assert usdc["contractInfo"]["extensions"] is None


async def test_rows_can_have_no_contract_info(client: Client, gateway: Gateway) -> None:
    usdc, card = await described(client, gateway, "no_contract_info")

    assert "contractInfo" not in usdc
    assert "contractInfo" not in card
    assert "tokenMetadata" in card


async def test_names_can_be_hostile(client: Client, gateway: Gateway) -> None:
    usdc, card = await described(client, gateway, "hostile_names")

    assert usdc["contractInfo"]["name"] == usdc["contractInfo"]["symbol"] == HOSTILE_NAME
    assert card["tokenMetadata"]["name"] == card["tokenMetadata"]["description"] == HOSTILE_NAME
    assert usdc["contractInfo"]["decimals"] == 6
