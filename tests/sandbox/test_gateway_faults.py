import pytest

from bot.sandbox.gateway import Gateway
from bot.sandbox.gateway_faults import (
    FailNativeRow,
    FailNatives,
    FailTokens,
    LeaveOutNatives,
    LeaveOutTokens,
    RepeatPage,
    ReplaceFields,
)
from bot.sandbox.world import EXAMPLE_ACCOUNT
from tests.sandbox.gateway_client import (
    CHECKSUMMED,
    DAI,
    SKYWEAVER,
    STRANGER,
    USDC,
    USDC_POLYGON,
    Client,
    entries,
    native_rows,
    token_rows,
)

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
