from dataclasses import replace
from typing import Any

import pytest

from bot.sandbox.gateway.knobs import Knobs
from bot.sandbox.gateway.server import Gateway
from bot.sandbox.gateway.world import EXAMPLE_ACCOUNT
from tests.sandbox.gateway.client import (
    BY_CONTRACT,
    DAI,
    DETAILS,
    SKYWEAVER,
    SPAM,
    STRANGER,
    USDC,
    Answer,
    Client,
    all_pages,
    entries,
)

# Details: a row for each token id


def rows_of(answer: Answer, contract: str) -> list[dict[str, Any]]:
    rows = (row for entry in answer.body["balances"] for row in entry["results"])
    return [row for row in rows if row["contractAddress"] == contract]


async def test_details_tell_the_tokens_and_natives_of_a_summary_alike(client: Client) -> None:
    summary = await client.summary(chainIds=[1])
    details = await client.details(chainIds=[1])

    assert details.body == summary.body


async def test_each_item_of_a_collection_is_a_row_in_details(client: Client, gateway: Gateway) -> None:
    rows = rows_of(await client.details(), SKYWEAVER)

    assert [(row["tokenID"], row["balance"]) for row in rows] == [
        ("65537", "600"),
        *((str(token_id), "100") for token_id in range(65538, 65549)),
    ]
    assert [row["blockNumber"] for row in rows] == list(range(70880000, 70880012))
    assert all(row["blockHash"] == gateway.world.block_hash(137, row["blockNumber"]) for row in rows)
    assert all(row.keys().isdisjoint({"isSummary", "uniqueCollectibles"}) for row in rows)


async def test_each_collection_is_one_row_in_a_summary(client: Client) -> None:
    (row,) = rows_of(await client.summary(), SKYWEAVER)

    assert (row["balance"], row["uniqueCollectibles"], row["isSummary"]) == ("1700", "12", True)
    assert row.keys().isdisjoint({"tokenID", "tokenMetadata"})


async def test_an_item_is_described_in_details(client: Client) -> None:
    first, *_ = rows_of(await client.details(), SKYWEAVER)

    assert first["contractInfo"]["name"] == "Skyweaver"
    assert first["tokenMetadata"] == {
        "chainId": 137,
        "contractAddress": SKYWEAVER,
        "tokenId": "65537",
        "source": "",
        "name": "Skyweaver #65537",
        "description": "",
        "image": f"https://items.example/137/{SKYWEAVER}/65537.png",
        "properties": None,
        "attributes": None,
        "updatedAt": "2026-05-01T08:09:10.123456789Z",
        "queuedAt": None,
        "status": "AVAILABLE",
    }


async def test_an_erc20_is_no_item_and_is_described_as_in_a_summary(client: Client) -> None:
    (row,) = rows_of(await client.details(), USDC)

    assert row["tokenID"] == "0"
    assert "tokenMetadata" not in row


async def test_omitted_metadata_is_absent_from_items_too(client: Client) -> None:
    rows = rows_of(await client.details(omitMetadata=True), SKYWEAVER)

    assert all(row.keys().isdisjoint({"contractInfo", "tokenMetadata"}) for row in rows)


async def test_items_with_fractions_tell_their_decimals(client: Client, gateway: Gateway) -> None:
    gateway.world.add_contract(replace(gateway.world.contract(137, SKYWEAVER), decimals=2))

    first, *_ = rows_of(await client.details(), SKYWEAVER)

    assert first["tokenMetadata"]["decimals"] == 2


async def test_an_item_that_is_gone_has_no_row(client: Client, gateway: Gateway) -> None:
    gateway.world.set_token(137, SKYWEAVER, EXAMPLE_ACCOUNT, 0, token_id=65537)

    assert "65537" not in {row["tokenID"] for row in rows_of(await client.details(), SKYWEAVER)}


async def test_an_item_that_is_gone_has_a_row_where_the_knob_says_so(
    client: Client, gateway: Gateway
) -> None:
    gateway.knobs = Knobs(emit_zero_rows=True)
    gateway.world.set_token(137, SKYWEAVER, EXAMPLE_ACCOUNT, 0, token_id=65537)

    first, *_ = rows_of(await client.details(), SKYWEAVER)

    assert (first["tokenID"], first["balance"]) == ("65537", "0")


async def test_a_token_id_filter_chooses_items(client: Client) -> None:
    answer = await client.details(filter={"tokenIDs": ["65538", 65540]})

    assert [row["tokenID"] for row in rows_of(answer, SKYWEAVER)] == ["65538", "65540"]


async def test_pages_of_details_lead_through_the_items_of_a_collection(client: Client) -> None:
    pages = await all_pages(client, {"pageSize": 5}, DETAILS, chainIds=[137])

    ids = [row["tokenID"] for page in pages for row in rows_of(page, SKYWEAVER)]
    assert [len(entries(page.body["balances"])[137]) for page in pages] == [5, 5, 3]
    assert ids == [str(token_id) for token_id in range(65537, 65549)]


async def test_an_item_exchanged_for_another_shows_only_in_details_and_in_the_block(
    client: Client, gateway: Gateway
) -> None:
    (before,) = rows_of(await client.summary(), SKYWEAVER)
    gateway.world.move(137, SKYWEAVER, EXAMPLE_ACCOUNT, -100, token_id=65548)
    gateway.world.move(137, SKYWEAVER, EXAMPLE_ACCOUNT, 100, token_id=7)

    (after,) = rows_of(await client.summary(), SKYWEAVER)
    items = {row["tokenID"] for row in rows_of(await client.details(), SKYWEAVER)}

    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"blockNumber", "blockHash"}
    assert after["blockNumber"] > before["blockNumber"]
    assert "7" in items
    assert "65548" not in items


# ByContract: the rows of some contracts


async def test_balances_can_be_asked_by_contract(client: Client) -> None:
    wanted = {"contractAddresses": [USDC.upper().replace("0X", "0x"), SKYWEAVER], "tokenIDs": ["0", "65537"]}

    answer = await client.balances(BY_CONTRACT, filter=wanted)

    assert answer.body.keys() == {"page", "balances"}
    assert [row["balance"] for row in rows_of(answer, USDC)] == ["221887067"]
    assert [row["tokenID"] for row in rows_of(answer, SKYWEAVER)] == ["65537"]
    assert rows_of(answer, DAI) == []


async def test_a_contract_without_accounts_is_asked_for_all_its_holders(
    client: Client, gateway: Gateway
) -> None:
    gateway.world.set_token(1, USDC, STRANGER, 5)

    answer = await client.call(BY_CONTRACT, {"filter": {"contractAddresses": [USDC]}})

    assert [row["accountAddress"] for row in rows_of(answer, USDC)] == [STRANGER, EXAMPLE_ACCOUNT]


async def test_by_contract_too_only_verified_ones_are_told(client: Client) -> None:
    answer = await client.balances(BY_CONTRACT, filter={"contractAddresses": [SPAM]})

    assert rows_of(answer, SPAM) == []


async def test_by_contract_an_unverified_one_is_told_when_all_are_asked(client: Client) -> None:
    wanted = {"contractAddresses": [SPAM], "contractStatus": "ALL"}

    assert len(rows_of(await client.balances(BY_CONTRACT, filter=wanted), SPAM)) == 1


async def test_by_contract_answers_have_pages(client: Client) -> None:
    wanted = {"contractAddresses": [SKYWEAVER]}

    pages = await all_pages(client, {"pageSize": 5}, BY_CONTRACT, filter=wanted)

    assert [len(rows_of(page, SKYWEAVER)) for page in pages] == [5, 5, 2]


@pytest.mark.parametrize("wanted", [None, {}, {"contractAddresses": []}])
async def test_by_contract_a_contract_must_be_named(client: Client, wanted: object) -> None:
    answer = await client.call(BY_CONTRACT, {"filter": wanted})

    assert (answer.status, answer.body["code"]) == (400, 2001)
