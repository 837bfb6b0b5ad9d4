from dataclasses import replace
from typing import get_args

import pytest

from bot.sandbox.gateway.faults.kinds import (
    AnswerError,
    AnswerHtml,
    CutBody,
    FailNatives,
    FailTokens,
    LeaveOutTokens,
    Method,
)
from bot.sandbox.gateway.server import Gateway
from bot.sandbox.gateway.world import EXAMPLE_ACCOUNT
from tests.sandbox.gateway.client import ALL_METHODS, CHECKSUMMED, STRANGER, SUMMARY, Client, entries

LATE = AnswerError(name="QueryFailed", code=2003, status=400)


async def statuses(client: Client, *requests: dict[str, object]) -> list[int]:
    return [(await client.summary(**request)).status for request in requests]


def of(*accounts: str) -> dict[str, object]:
    return {"filter": {"accountAddresses": list(accounts)}}


async def test_a_fault_can_be_aimed_at_a_method(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(replace(LATE, method="GetChains"))

    assert (await client.call("GetChains", {})).status == 400
    assert (await client.summary()).status == 200


async def test_every_method_can_be_aimed_at() -> None:
    assert set(get_args(Method)) == set(ALL_METHODS)


async def test_a_fault_can_be_aimed_at_calls_for_an_account(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(replace(LATE, for_account=CHECKSUMMED))

    assert await statuses(client, of(EXAMPLE_ACCOUNT, STRANGER), of(STRANGER)) == [400, 200]


async def test_a_fault_can_be_aimed_at_calls_for_a_chain(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(replace(LATE, for_chain=137))

    assert await statuses(client, {}, {"chainIds": [1, 137]}, {"networks": ["mainnet"]}) == [400, 400, 200]


async def test_a_fault_can_be_aimed_at_calls_for_many_accounts(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(replace(LATE, above_accounts=1))

    both, same = of(EXAMPLE_ACCOUNT, STRANGER), of(EXAMPLE_ACCOUNT, CHECKSUMMED)
    assert await statuses(client, both, same, of(STRANGER), both) == [400, 200, 200, 400]


async def test_a_fault_can_strike_the_next_calls_only(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(FailTokens(chain_id=1, times=2))

    answers = [await client.summary(chainIds=[1]) for _ in range(3)]

    assert [entries(answer.body["balances"])[1] is None for answer in answers] == [True, True, False]
    assert gateway.faults.active() == ()


async def test_calls_that_a_fault_is_not_aimed_at_do_not_use_it_up(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(replace(LATE, for_account=STRANGER, times=1), FailTokens(chain_id=1, times=1))

    await client.call("Ping", {})
    await client.call("GetChains", {})
    await client.summary(chainIds=[137])

    assert len(gateway.faults.active()) == 2
    assert await statuses(client, of(STRANGER)) == [400]
    assert gateway.faults.active() == ()


async def test_a_fault_can_strike_every_other_call(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(replace(LATE, every=2))

    assert await statuses(client, {}, {}, {}, {}) == [200, 400, 200, 400]


async def test_every_other_call_can_be_struck_for_a_number_of_times(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(replace(LATE, every=2, times=1))

    assert await statuses(client, {}, {}, {}, {}) == [200, 400, 200, 200]


async def test_an_interruption_that_is_aimed_elsewhere_lets_the_next_in_line_strike(
    client: Client, gateway: Gateway
) -> None:
    gateway.faults.add(replace(LATE, method="Ping"), AnswerHtml(times=1))

    assert await statuses(client, {}, {}) == [502, 200]


async def test_faults_add_up(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(FailTokens(chain_id=1), FailNatives(chain_id=137), LeaveOutTokens(chain_id=10))

    answer = await client.summary(chainIds=[1, 10, 137])

    assert entries(answer.body["balances"])[1] is None
    assert entries(answer.body["nativeBalances"])[137] is None
    assert entries(answer.body["balances"]).keys() == {1, 137}


async def test_one_fault_can_be_healed_and_the_others_stay(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(LATE, FailTokens(chain_id=1), FailTokens(chain_id=137))

    gateway.faults.heal(LATE, FailTokens(chain_id=1))

    answer = await client.summary(chainIds=[1, 137])
    assert gateway.faults.active() == (FailTokens(chain_id=137),)
    assert len(entries(answer.body["balances"])[1]) == 3


async def test_a_request_that_cannot_be_read_is_for_no_account(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(replace(LATE, for_account=EXAMPLE_ACCOUNT))

    assert (await client.call(SUMMARY, b"{")).body["code"] == -4


async def test_a_fault_that_strikes_no_call_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="every is at least 1, not 0"):
        CutBody(every=0)
