"""Each choice of histories that the vendor leaves open: what it changes, and that its default does not."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.sandbox.gateway.faults.kinds import (
    AnswerError,
    CutBody,
    Delay,
    FailHistory,
    ReplaceTransfers,
)
from bot.sandbox.gateway.knobs import Knobs
from bot.sandbox.gateway.server import Gateway
from bot.sandbox.gateway.transfers import NOBODY, Sending
from bot.sandbox.gateway.world import EXAMPLE_ACCOUNT, GatewayChain
from tests.sandbox.gateway.client import SKYWEAVER, STRANGER, USDC_POLYGON, Answer, Client
from tests.sandbox.gateway.history.test_transactions import amounts, pay, transactions, transfers, walked

NATIVE_LOGS = "0x0000000000000000000000000000000000001010"


async def strangers(client: Client, chain_id: int = 10, **wanted: object) -> Answer:
    return await client.history(chain_id, accountAddresses=[STRANGER], **wanted)


def flat(pages: list[list[str]]) -> list[str]:
    return [amount for page in pages for amount in page]


# Order and pages


async def test_the_oldest_can_come_first(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(history_order="oldest_first")
    pay(gateway, 5)

    assert await walked(client, 2) == [["1", "2"], ["3", "4"], ["5"]]


async def test_rows_can_come_in_no_order_but_always_the_same(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(history_order="shuffled")
    pay(gateway, 20)
    expected = [str(amount) for amount in range(1, 21)]

    small, large = flat(await walked(client, 3)), flat(await walked(client, 40))

    assert small == large
    assert sorted(small, key=int) == expected
    assert small not in (expected, expected[::-1])


async def test_pages_can_count_transactions_and_cut_none(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(history_page_counts="transactions")
    gateway.world.transact(10, *(Sending(None, NOBODY, STRANGER, {0: amount}) for amount in (1, 2, 3)))
    gateway.world.move(10, None, STRANGER, 4)
    gateway.world.move(10, None, STRANGER, 5)

    assert await walked(client, 1) == [["5"], ["4"], ["3", "2", "1"]]
    assert await walked(client, 2) == [["5", "4"], ["3", "2", "1"]]


async def test_a_page_without_a_size_can_have_forty_rows(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(history_page_size=40)
    pay(gateway, 41)

    answer = await strangers(client)

    assert (len(transactions(answer, 10)), answer.body["page"]["pageSize"]) == (40, 40)


async def test_pages_can_have_a_largest_size(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(max_page_size=4)
    pay(gateway, 5)

    too_large = await client.history(10, page={"pageSize": 5})

    assert (too_large.status, too_large.body["cause"]) == (400, "pageSize 5 is above 4")
    assert len(transactions(await strangers(client), 10)) == 4


async def test_a_cursor_can_be_an_object(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(history_cursor_type="object")
    pay(gateway, 3)

    answer = await client.history(10, accountAddresses=[STRANGER], page={"pageSize": 2})

    assert answer.body["page"]["after"] == {"row": [10, 3, 0, STRANGER]}
    assert await walked(client, 2) == [["3", "2"], ["1"]]


async def test_a_cursor_can_stand_still(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(history_end="repeated")
    pay(gateway, 3)

    first = await client.history(10, accountAddresses=[STRANGER], page={"pageSize": 2})
    second = await client.history(10, accountAddresses=[STRANGER], page=first.body["page"])

    assert first.body == second.body
    assert (amounts(first, 10), first.body["page"]["more"]) == (["3", "2"], True)


async def test_more_can_be_promised_where_nothing_is(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(history_end="never")
    pay(gateway, 3)

    first = await client.history(10, accountAddresses=[STRANGER], page={"pageSize": 3})
    second = await client.history(10, accountAddresses=[STRANGER], page=first.body["page"])
    third = await client.history(10, accountAddresses=[STRANGER], page=second.body["page"])

    assert amounts(first, 10) == ["3", "2", "1"]
    assert (
        second.body
        == third.body
        == {"page": first.body["page"], "transactions": [{"chainId": 10, "results": []}]}
    )
    assert first.body["page"]["more"] is True


# What is asked


@pytest.mark.parametrize(
    ("knobs", "found"),
    [
        (Knobs(), ["4", "3", "2"]),
        (Knobs(history_block_range="exclusive"), ["3"]),
        (Knobs(history_block_range="ignored"), ["5", "4", "3", "2", "1"]),
    ],
)
async def test_blocks_are_obeyed_or_not(
    client: Client, gateway: Gateway, knobs: Knobs, found: list[str]
) -> None:
    gateway.knobs = knobs
    pay(gateway, 5)

    assert amounts(await strangers(client, fromBlock=3, toBlock=5), 10) == found


async def test_a_first_block_alone_can_be_left_out_too(client: Client, gateway: Gateway) -> None:
    pay(gateway, 5)
    inclusive = await strangers(client, fromBlock=4)
    gateway.knobs = Knobs(history_block_range="exclusive")

    assert amounts(inclusive, 10) == ["5", "4", "3"]
    assert amounts(await strangers(client, fromBlock=4), 10) == ["5", "4"]


@pytest.mark.parametrize(
    ("knobs", "kinds"),
    [
        (Knobs(), ["SEND"]),
        (Knobs(history_of_pairs="two_rows"), ["SEND", "RECEIVE"]),
        (Knobs(history_of_pairs="two_rows", transfer_types="of_the_other"), ["RECEIVE", "SEND"]),
    ],
)
async def test_a_transfer_between_two_accounts_of_the_list_comes_once_or_twice(
    client: Client, gateway: Gateway, knobs: Knobs, kinds: list[str]
) -> None:
    gateway.knobs = knobs
    gateway.world.transfer(137, USDC_POLYGON, EXAMPLE_ACCOUNT, STRANGER, 7)

    both = [EXAMPLE_ACCOUNT, STRANGER]
    answer = await client.history(137, accountAddresses=both, fromBlock=71000125)

    found = transfers(answer)
    assert sorted(each["transferType"] for each in found) == sorted(kinds)
    assert {(each["logIndex"], each["from"], each["to"], *each["amounts"]) for each in found} == {
        (0, EXAMPLE_ACCOUNT, STRANGER, "7")
    }
    assert len(transactions(answer)) == 1


async def test_two_rows_of_a_transfer_are_two_rows_of_a_page(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(history_of_pairs="two_rows")
    gateway.world.transfer(137, USDC_POLYGON, EXAMPLE_ACCOUNT, STRANGER, 7)

    answer = await client.history(
        137, accountAddresses=[EXAMPLE_ACCOUNT, STRANGER], fromBlock=71000125, page={"pageSize": 1}
    )

    assert (len(transfers(answer)), answer.body["page"]["more"]) == (1, True)


# Rows


@pytest.mark.parametrize(
    ("knobs", "kinds"),
    [
        (Knobs(), ["SEND", "RECEIVE"]),
        (Knobs(transfer_types="unknown"), ["UNKNOWN", "UNKNOWN"]),
        (Knobs(transfer_types="of_the_other"), ["RECEIVE", "SEND"]),
    ],
)
async def test_directions_are_right_unknown_or_the_others(
    client: Client, gateway: Gateway, knobs: Knobs, kinds: list[str]
) -> None:
    gateway.knobs = knobs
    gateway.world.move(10, None, STRANGER, 7)
    gateway.world.move(10, None, STRANGER, -7)

    assert [each["transferType"] for each in transfers(await strangers(client), 10)] == kinds


@pytest.mark.parametrize(
    ("knobs", "ids"),
    [
        (Knobs(), {"tokenIds": ["65537", "65538"]}),
        (Knobs(transfer_ids="tokenIDs"), {"tokenIDs": ["65537", "65538"]}),
        (Knobs(transfer_ids="absent"), {}),
    ],
)
async def test_ids_have_two_spellings_or_are_absent(
    client: Client, gateway: Gateway, knobs: Knobs, ids: dict[str, object]
) -> None:
    gateway.knobs = knobs
    gateway.world.transact(137, Sending(SKYWEAVER, EXAMPLE_ACCOUNT, STRANGER, {65537: 1, 65538: 2}))

    (transfer,) = transfers(await strangers(client, 137))

    assert {name: transfer[name] for name in transfer if name.lower() == "tokenids"} == ids
    assert transfer["amounts"] == ["1", "2"]


async def test_a_transaction_can_have_null_for_its_transfers(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(transfers_listed=False)
    pay(gateway, 1)

    (transaction,) = transactions(await strangers(client), 10)

    assert transaction["transfers"] is None
    assert transaction["blockNumber"] == 2


@pytest.mark.parametrize(
    ("knobs", "written"),
    [
        (Knobs(), "%Y-%m-%dT%H:%M:%SZ"),
        (Knobs(transaction_timestamps="date"), "%Y-%m-%d"),
        (Knobs(transaction_timestamps="null"), None),
    ],
)
async def test_a_moment_is_in_seconds_a_day_or_null(
    client: Client, gateway: Gateway, knobs: Knobs, written: str | None
) -> None:
    gateway.knobs = knobs
    pay(gateway, 1)
    at = gateway.world.transfers(10)[-1].at

    (transaction,) = transactions(await strangers(client), 10)

    assert transaction["timestamp"] == (written and f"{at:{written}}")


@pytest.mark.parametrize(
    ("knobs", "entries"),
    [
        (Knobs(), [{"chainId": 10, "results": []}]),
        (Knobs(chains_without_rows="null"), [{"chainId": 10, "results": None}]),
        (Knobs(chains_without_rows="missing"), []),
    ],
)
async def test_a_chain_without_transfers_has_an_entry_like_one_without_balances(
    client: Client, gateway: Gateway, knobs: Knobs, entries: list[dict[str, Any]]
) -> None:
    gateway.knobs = knobs

    assert (await strangers(client)).body["transactions"] == entries


# Natives


async def test_native_transfers_can_be_missing(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(native_transfers="missing")
    gateway.world.move(137, None, STRANGER, 5)
    gateway.world.move(137, USDC_POLYGON, STRANGER, 6)

    assert amounts(await strangers(client, 137)) == ["6"]


async def test_native_transfers_of_polygon_can_be_listed_under_its_contract_too(
    client: Client, gateway: Gateway
) -> None:
    gateway.knobs = Knobs(native_transfers="twice")
    gateway.world.move(137, None, STRANGER, 5)
    gateway.world.move(10, None, STRANGER, 5)

    both = transfers(await strangers(client, 137))
    one = transfers(await strangers(client, 137, contractAddresses=[NATIVE_LOGS]))

    kinds = {each["contractAddress"]: each["contractType"] for each in both}
    assert kinds == {NOBODY: "NATIVE", NATIVE_LOGS: "ERC20"}
    assert [each["amounts"] for each in both] == [["5"], ["5"]]
    assert len({each["logIndex"] for each in both}) == 2
    assert [(each["contractAddress"], each["tokenIds"]) for each in one] == [(NATIVE_LOGS, ["0"])]
    assert len(transfers(await strangers(client, 10), 10)) == 1


# Time


async def test_a_history_can_be_behind_the_balances(client: Client, gateway: Gateway) -> None:
    now = gateway.world.clock()
    gateway.world.clock = lambda: now - timedelta(minutes=2)
    gateway.world.move(10, None, STRANGER, 1)
    gateway.world.clock = lambda: now
    gateway.world.move(10, None, STRANGER, 2)
    at_once = await strangers(client)
    gateway.knobs = Knobs(history_lag_seconds=60)

    assert amounts(at_once, 10) == ["2", "1"]
    assert amounts(await strangers(client), 10) == ["1"]
    gateway.knobs = Knobs(history_lag_seconds=3600)
    assert amounts(await strangers(client), 10) == []


async def test_a_history_can_go_back_further_or_less_far(client: Client, gateway: Gateway) -> None:
    now = gateway.world.clock()
    gateway.world.clock = lambda: now - timedelta(days=40)
    gateway.world.move(10, None, STRANGER, 1)
    gateway.world.clock = lambda: now - timedelta(days=2)
    gateway.world.move(10, None, STRANGER, 2)

    found = {}
    for days in (30.0, None, 1.0):
        gateway.knobs = Knobs(history_retention_days=days)
        found[days] = amounts(await strangers(client), 10)

    assert found == {30.0: ["2"], None: ["2", "1"], 1.0: []}


async def test_a_transaction_can_vanish_and_come_back_under_another_hash(
    client: Client, gateway: Gateway
) -> None:
    pay(gateway, 1)
    old = gateway.world.transfers(10)[-1].transaction
    before = await strangers(client)
    new = gateway.world.rename_transaction(10, old)
    after = await strangers(client)

    assert [each["txnHash"] for each in transactions(before, 10) + transactions(after, 10)] == [old, new]
    assert transfers(before, 10) == transfers(after, 10)


# Faults


async def test_a_chain_that_failed_says_why_and_the_others_answer(client: Client, gateway: Gateway) -> None:
    gateway.world.add_chain(GatewayChain(chain_id=5, name="five", native_name="V", native_symbol="V"))
    gateway.faults.add(FailHistory(chain_id=10, reason="node unavailable"))
    pay(gateway, 1)
    gateway.world.move(5, None, STRANGER, 5)

    answer = await client.history(5, 10, accountAddresses=[STRANGER])

    failed = {"chainId": 10, "errorReason": "node unavailable", "results": None}
    assert failed in answer.body["transactions"]
    assert amounts(answer, 5) == ["5"]


async def test_transfers_can_be_of_others_alone_or_beside_the_true_ones(
    client: Client, gateway: Gateway
) -> None:
    pay(gateway, 1)
    true = transfers(await strangers(client), 10)
    fault = ReplaceTransfers(fields={"to": USDC_POLYGON}, transaction={"blockNumber": 9})
    gateway.faults.add(fault)

    altered = await strangers(client)
    gateway.faults.heal(fault)
    gateway.faults.add(replace(fault, is_repeated=True))
    both = await strangers(client)

    assert [(one["to"], one["amounts"]) for one in transfers(altered, 10)] == [
        (USDC_POLYGON, true[0]["amounts"])
    ]
    assert {one["blockNumber"] for one in transactions(altered, 10)} == {9}
    assert [one["to"] for one in transfers(both, 10)] == [true[0]["to"], USDC_POLYGON]


async def test_a_history_can_fail_while_balances_are_answered(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(
        AnswerError(name="QuotaRateLimit", code=1201, status=429, method="GetTransactionHistory"),
        CutBody(method="Ping"),
        Delay(seconds=0, method="GetTransactionHistory"),
    )

    answer = await strangers(client)

    assert (answer.status, answer.body["code"]) == (429, 1201)
    assert (await client.summary()).status == 200


async def test_a_fault_can_be_aimed_at_the_account_of_a_history(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(AnswerError(name="Aborted", code=1005, status=400, for_account=STRANGER))

    assert (await strangers(client)).status == 400
    assert (await client.history(10)).status == 200


async def test_more_accounts_than_the_maximum_are_refused(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(max_accounts=1)

    answer = await client.history(10, accountAddresses=[STRANGER, EXAMPLE_ACCOUNT])

    assert (answer.status, answer.body["cause"]) == (400, "2 accounts are more than 1")


async def test_transfers_of_nobody_can_be_those_of_everybody(client: Client, gateway: Gateway) -> None:
    gateway.knobs = Knobs(no_accounts="empty")
    pay(gateway, 1)

    assert amounts(await client.history(10, accountAddresses=[]), 10) == ["1", "40000000000000000"]
