from typing import Literal

import pytest

from bot.sandbox.gateway.knobs import Knobs
from bot.sandbox.gateway.server import Gateway
from bot.sandbox.gateway.world import EXAMPLE_ACCOUNT, Contract
from tests.sandbox.gateway.client import (
    DAI,
    FOX,
    STRANGER,
    USDC,
    VERIFIED,
    Client,
    all_pages,
    entries,
    token_rows,
)

# Pages


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


# Pages as the knobs have them


async def test_a_page_can_have_its_size_of_each_chain(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(page_scope="chain")

    pages = await all_pages(client, {"pageSize": 1}, chainIds=[1, 10, 137])

    counts = [{chain_id: len(rows) for chain_id, rows in entries(p.body["balances"]).items()} for p in pages]
    assert counts == [{1: 1, 10: 0, 137: 1}, {1: 1, 10: 0, 137: 1}, {1: 1, 10: 0, 137: 0}]
    assert set.union(*(set(token_rows(page)) for page in pages)) == VERIFIED
    assert pages[0].body["page"]["after"].keys() == {"1", "137"}


async def test_a_page_has_its_size_of_all_chains_together(client: Client) -> None:
    first, *_ = await all_pages(client, {"pageSize": 1}, chainIds=[1, 10, 137])

    assert len(token_rows(first)) == 1


async def test_natives_can_be_on_the_first_page_only(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(natives_on_later_pages="omitted")

    first, *later = await all_pages(client, {"pageSize": 2}, chainIds=[1, 137])

    assert entries(first.body["nativeBalances"]).keys() == {1, 137}
    assert [page.body["nativeBalances"] for page in later] == [None, None]


@pytest.mark.parametrize("scope", ["request", "chain"])
async def test_a_cursor_can_be_a_string(
    client: Client, gateway: Gateway, scope: Literal["request", "chain"]
) -> None:
    gateway.knobs = Knobs(cursor_type="string", page_scope=scope)

    pages = await all_pages(client, {"pageSize": 2})

    assert isinstance(pages[0].body["page"]["after"], str)
    assert set.union(*(set(token_rows(page)) for page in pages)) == VERIFIED


@pytest.mark.parametrize("after", [{"1": "MQ=="}, "MQ==", "e30=", "!", 5])
async def test_a_string_that_is_no_cursor_is_refused(client: Client, gateway: Gateway, after: object) -> None:
    gateway.knobs = Knobs(cursor_type="string")
    page = (await client.summary(page={"pageSize": 2})).body["page"]

    answer = await client.summary(page={**page, "after": after})

    assert (answer.status, answer.body["code"]) == (400, 2001)


async def test_pages_can_be_without_numbers(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(page_numbers=False)

    pages = await all_pages(client, {"pageSize": 2})

    assert all("page" not in page.body["page"] for page in pages)
    assert pages[-1].body["page"] == {"pageSize": 2, "more": False}
    assert set.union(*(set(token_rows(page)) for page in pages)) == VERIFIED
