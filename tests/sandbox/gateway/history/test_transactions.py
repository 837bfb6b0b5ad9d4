import base64
import json
from datetime import timedelta
from typing import Any

import pytest

from bot.sandbox.gateway.server import Gateway
from bot.sandbox.gateway.transfers import NOBODY, SOMEBODY, Sending
from bot.sandbox.gateway.world import EXAMPLE_ACCOUNT, MAX_AMOUNT, GatewayChain
from tests.sandbox.gateway.client import (
    CHECKSUMMED,
    DAI,
    HISTORY,
    SKYWEAVER,
    STRANGER,
    USDC,
    USDC_POLYGON,
    Answer,
    Client,
)


def transactions(answer: Answer, chain_id: int = 137) -> list[dict[str, Any]]:
    (entry,) = [each for each in answer.body["transactions"] if each["chainId"] == chain_id]
    found = entry["results"]
    assert isinstance(found, list)
    return found


def transfers(answer: Answer, chain_id: int = 137) -> list[dict[str, Any]]:
    return [transfer for each in transactions(answer, chain_id) for transfer in each["transfers"]]


def amounts(answer: Answer, chain_id: int = 137) -> list[str]:
    return [transfer["amounts"][0] for transfer in transfers(answer, chain_id)]


# What is listed


async def test_a_payment_is_listed_in_the_vendors_shape(client: Client, gateway: Gateway) -> None:
    gateway.world.move(137, USDC_POLYGON, EXAMPLE_ACCOUNT, -1_250_000, counterparty=CHECKSUMMED[:-1] + "0")
    transfer = gateway.world.transfers(137)[-1]

    answer = await client.call(
        HISTORY,
        {
            "chainIds": [137],
            "filter": {
                "accountAddresses": [CHECKSUMMED],
                "contractAddresses": [USDC_POLYGON.upper().replace("X", "x")],
                "fromBlock": transfer.block,
                "toBlock": transfer.block,
                "omitPrices": True,
            },
            "includeMetadata": False,
            "page": {"pageSize": 40},
        },
    )

    assert answer.status == 200
    assert answer.body == {
        "page": {"pageSize": 40, "more": False},
        "transactions": [
            {
                "chainId": 137,
                "results": [
                    {
                        "txnHash": transfer.transaction,
                        "blockNumber": 71000125,
                        "blockHash": gateway.world.block_hash(137, 71000125),
                        "chainId": 137,
                        "metaTxnID": None,
                        "transfers": [
                            {
                                "transferType": "SEND",
                                "contractAddress": USDC_POLYGON,
                                "contractType": "ERC20",
                                "from": EXAMPLE_ACCOUNT,
                                "to": EXAMPLE_ACCOUNT[:-1] + "0",
                                "tokenIds": ["0"],
                                "amounts": ["1250000"],
                                "logIndex": 0,
                            }
                        ],
                        "timestamp": f"{transfer.at:%Y-%m-%dT%H:%M:%SZ}",
                    }
                ],
            }
        ],
    }


async def test_a_native_transfer_is_of_the_zero_address_and_has_no_ids(
    client: Client, gateway: Gateway
) -> None:
    gateway.world.move(137, None, EXAMPLE_ACCOUNT, 5, counterparty=STRANGER)

    (transfer,) = transfers(await client.history(137, contractAddresses=[NOBODY], fromBlock=71000125))

    assert (transfer["contractAddress"], transfer["contractType"]) == (NOBODY, "NATIVE")
    assert (transfer["transferType"], transfer["from"], transfer["amounts"]) == ("RECEIVE", STRANGER, ["5"])
    assert "tokenIds" not in transfer


async def test_a_batch_has_ids_and_amounts_side_by_side(client: Client, gateway: Gateway) -> None:
    batch = {65537: 1, 65538: 2, 65539: 3}
    gateway.world.transact(137, Sending(SKYWEAVER, EXAMPLE_ACCOUNT, STRANGER, batch))

    (transfer,) = transfers(await client.history(137, fromBlock=71000125))

    assert transfer["tokenIds"] == ["65537", "65538", "65539"]
    assert (transfer["amounts"], transfer["contractType"]) == (["1", "2", "3"], "ERC1155")


async def test_an_exchange_is_one_transaction_of_two_transfers(client: Client, gateway: Gateway) -> None:
    gateway.world.transact(
        137,
        Sending(SKYWEAVER, EXAMPLE_ACCOUNT, STRANGER, {65537: 1}),
        Sending(USDC_POLYGON, NOBODY, EXAMPLE_ACCOUNT, {0: 9}),
    )

    (transaction,) = transactions(await client.history(137, fromBlock=71000125))

    found = [(each["logIndex"], each["transferType"], each["from"]) for each in transaction["transfers"]]
    assert found == [(1, "RECEIVE", NOBODY), (0, "SEND", EXAMPLE_ACCOUNT)]


async def test_the_largest_amount_is_exact(client: Client, gateway: Gateway) -> None:
    gateway.world.set_token(1, DAI, EXAMPLE_ACCOUNT, 0)
    gateway.world.move(1, DAI, EXAMPLE_ACCOUNT, MAX_AMOUNT)

    assert amounts(await client.history(1, contractAddress=DAI), 1)[0] == str(MAX_AMOUNT)


async def test_prices_are_of_now_and_can_be_left_out(client: Client, gateway: Gateway) -> None:
    gateway.world.move(1, USDC, EXAMPLE_ACCOUNT, -1_500_000)
    gateway.world.move(1, DAI, EXAMPLE_ACCOUNT, -5)

    dai, usdc = transfers(await client.history(1, fromBlock=22500002), 1)

    assert (usdc["amountsUSD"], usdc["pricesUSD"]) == (["1.50"], ["1.00"])
    assert dai.keys().isdisjoint({"amountsUSD", "pricesUSD"})
    assert not any("pricesUSD" in each for each in transfers(await client.history(1, omitPrices=True), 1))


async def test_descriptions_come_where_they_are_asked_for(client: Client, gateway: Gateway) -> None:
    gateway.world.move(137, SKYWEAVER, EXAMPLE_ACCOUNT, -1, 65537)
    asked = {"accountAddresses": [EXAMPLE_ACCOUNT], "fromBlock": 71000125}

    plain = await client.call(HISTORY, {"chainIds": [137], "filter": asked})
    full = await client.call(HISTORY, {"chainIds": [137], "filter": asked, "includeMetadata": True})

    assert transfers(plain)[0].keys().isdisjoint({"contractInfo", "tokenMetadata"})
    assert transfers(full)[0]["contractInfo"]["symbol"] == "SKYWVR"
    assert transfers(full)[0]["tokenMetadata"].keys() == {"65537"}
    assert transfers(full)[0]["tokenMetadata"]["65537"]["name"] == "Skyweaver #65537"


# What is asked


async def test_a_transfer_is_listed_for_its_sender_and_for_its_receiver(
    client: Client, gateway: Gateway
) -> None:
    gateway.world.transfer(137, USDC_POLYGON, EXAMPLE_ACCOUNT, STRANGER, 9)

    for account, kind in ((EXAMPLE_ACCOUNT, "SEND"), (STRANGER, "RECEIVE")):
        answer = await client.history(137, accountAddresses=[account], fromBlock=71000125)
        assert [each["transferType"] for each in transfers(answer)] == [kind]
    assert transfers(await client.history(137, accountAddresses=[USDC])) == []


async def test_accounts_are_any_of_the_list_and_contracts_too_and_both_must_hold(
    client: Client, gateway: Gateway
) -> None:
    for who in (EXAMPLE_ACCOUNT, STRANGER, USDC):
        gateway.world.move(1, USDC, who, 1)
        gateway.world.move(1, DAI, who, 2)
        gateway.world.move(1, None, who, 3)

    answer = await client.history(
        1, accountAddresses=[EXAMPLE_ACCOUNT, STRANGER], contractAddresses=[DAI, NOBODY], fromBlock=22500002
    )

    assert amounts(answer, 1) == ["3", "2", "3", "2"]


async def test_the_older_spellings_name_one_account_and_one_contract(
    client: Client, gateway: Gateway
) -> None:
    gateway.world.move(1, USDC, STRANGER, 1)
    gateway.world.move(1, DAI, STRANGER, 2)

    answer = await client.call(
        HISTORY, {"chainIds": [1], "filter": {"accountAddress": STRANGER, "contractAddress": DAI}}
    )

    assert amounts(answer, 1) == ["2"]


async def test_a_transaction_is_found_by_its_hash_alone(client: Client, gateway: Gateway) -> None:
    gateway.world.move(1, USDC, STRANGER, 7)
    wanted = gateway.world.transfers(1)[-1].transaction

    answer = await client.history(
        1, accountAddresses=[], transactionHashes=[wanted.upper().replace("X", "x")]
    )

    assert [each["txnHash"] for each in transactions(answer, 1)] == [wanted]
    assert [each["transferType"] for each in transfers(answer, 1)] == ["UNKNOWN"]


async def test_a_contract_alone_lists_everybodys_transfers(client: Client, gateway: Gateway) -> None:
    gateway.world.move(1, USDC, STRANGER, 7)

    answer = await client.history(1, accountAddresses=[], contractAddresses=[USDC])

    assert amounts(answer, 1) == ["7", "221887067"]


async def test_one_item_can_be_asked_for(client: Client) -> None:
    assert amounts(await client.history(137, tokenID="65537")) == ["600"]
    assert amounts(await client.history(137, tokenID=65538)) == ["100"]


async def test_what_no_transaction_has_is_an_answer_without_rows(client: Client) -> None:
    answer = await client.history(1, metaTransactionIDs=["0x1"])

    assert answer.body == {
        "page": {"pageSize": 10, "more": False},
        "transactions": [{"chainId": 1, "results": []}],
    }


async def test_transfers_of_nobody_and_nothing_are_refused(client: Client) -> None:
    answer = await client.history(1, accountAddresses=[])

    assert (answer.status, answer.body["code"], answer.body["cause"]) == (400, 2001, "filter is empty")


async def test_several_chains_have_an_entry_each_and_one_page(client: Client, gateway: Gateway) -> None:
    gateway.world.add_chain(GatewayChain(chain_id=5, name="five", native_name="V", native_symbol="V"))

    answer = await client.history(5, 1, 137, page={"pageSize": 4})

    counted = [(each["chainId"], len(each["results"])) for each in answer.body["transactions"]]
    assert counted == [(1, 4), (5, 0), (137, 0)]


# The ledger and time


async def test_what_a_chain_lists_is_what_moved_there_and_no_more_than_thirty_days_ago(
    client: Client, gateway: Gateway
) -> None:
    now = gateway.world.clock()
    gateway.world.clock = lambda: now - timedelta(days=30, seconds=1)
    gateway.world.move(1, USDC, EXAMPLE_ACCOUNT, 1)
    gateway.world.clock = lambda: now - timedelta(days=29, hours=23)
    gateway.world.move(1, USDC, EXAMPLE_ACCOUNT, 2)

    assert amounts(await client.history(1, fromBlock=22500002), 1) == ["2"]


async def test_a_drift_is_not_listed(client: Client, gateway: Gateway) -> None:
    before = await client.history(1, contractAddresses=[USDC])
    gateway.world.drift(1, USDC, EXAMPLE_ACCOUNT, 221887068)

    assert (await client.history(1, contractAddresses=[USDC])).body == before.body


# Pages


def pay(gateway: Gateway, count: int) -> None:
    for amount in range(1, count + 1):
        gateway.world.move(10, None, STRANGER, amount)


async def walked(client: Client, size: int, **wanted: object) -> list[list[str]]:
    """Return the amounts of each page, of which each is asked for with the page object of the last."""
    page: object = {"pageSize": size}
    pages = []
    while True:
        answer = await client.history(10, page=page, **{"accountAddresses": [STRANGER], **wanted})
        pages.append(amounts(answer, 10))
        page = answer.body["page"]
        assert len(pages) < 30
        if not answer.body["page"]["more"]:
            return pages


async def test_the_newest_come_first_page_by_page(client: Client, gateway: Gateway) -> None:
    pay(gateway, 5)

    assert await walked(client, 2) == [["5", "4"], ["3", "2"], ["1"]]
    assert await walked(client, 5) == [["5", "4", "3", "2", "1"]]


async def test_a_page_has_ten_rows_where_no_size_is_asked_for(client: Client, gateway: Gateway) -> None:
    pay(gateway, 11)

    answer = await client.history(10, accountAddresses=[STRANGER])

    assert len(transactions(answer, 10)) == 10
    assert answer.body["page"].keys() == {"after", "pageSize", "more"}
    assert (answer.body["page"]["pageSize"], answer.body["page"]["more"]) == (10, True)
    assert json.loads(base64.b64decode(answer.body["page"]["after"])) == [10, 3, 0, STRANGER]


async def test_the_next_page_can_be_asked_for_by_size_and_cursor_alone(
    client: Client, gateway: Gateway
) -> None:
    pay(gateway, 5)
    first = await client.history(10, accountAddresses=[STRANGER], page={"pageSize": 2})

    page = {"pageSize": 3, "after": first.body["page"]["after"]}
    second = await client.history(10, accountAddresses=[STRANGER], page=page)

    assert amounts(second, 10) == ["3", "2", "1"]


async def test_newer_rows_do_not_shift_the_pages_that_follow(client: Client, gateway: Gateway) -> None:
    pay(gateway, 4)
    first = await client.history(10, accountAddresses=[STRANGER], page={"pageSize": 2})
    pay(gateway, 1)

    second = await client.history(10, accountAddresses=[STRANGER], page=first.body["page"])

    assert amounts(second, 10) == ["2", "1"]


async def test_a_transaction_is_cut_in_two_by_a_page(client: Client, gateway: Gateway) -> None:
    gateway.world.set_native(10, SOMEBODY, 100)
    gateway.world.transact(10, *(Sending(None, SOMEBODY, STRANGER, {0: amount}) for amount in (1, 2, 3)))

    first = await client.history(10, accountAddresses=[STRANGER], page={"pageSize": 2})
    second = await client.history(10, accountAddresses=[STRANGER], page=first.body["page"])

    assert (amounts(first, 10), amounts(second, 10)) == (["3", "2"], ["1"])
    assert transactions(first, 10)[0]["txnHash"] == transactions(second, 10)[0]["txnHash"]


@pytest.mark.parametrize(
    "after",
    ["", "bm90IGpzb24=", "W10=!", "WzFd", {"row": [1]}, {}, 5, base64.b64encode(b'["x",1,1,""]').decode()],
)
async def test_a_cursor_that_was_never_given_is_refused(client: Client, after: object) -> None:
    answer = await client.history(10, page={"pageSize": 2, "after": after})

    assert (answer.status, answer.body["code"]) == (400, 2001)
    assert answer.body["cause"] == "the cursor was not given like this"
