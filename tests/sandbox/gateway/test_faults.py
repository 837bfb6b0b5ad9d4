from dataclasses import replace
from itertools import pairwise

import pytest

from bot.sandbox.gateway.faults.kinds import (
    ContradictRows,
    EndlessPages,
    FailNativeRow,
    FailNatives,
    FailTokens,
    FlickerNative,
    Lag,
    LeaveOutChain,
    LeaveOutNatives,
    LeaveOutTokens,
    ManyChains,
    Reindex,
    RepeatKeys,
    RepeatPage,
    ReplaceFields,
    Stall,
    StrayRows,
)
from bot.sandbox.gateway.knobs import Knobs
from bot.sandbox.gateway.server import Gateway
from bot.sandbox.gateway.world import EXAMPLE_ACCOUNT
from tests.sandbox.gateway.client import (
    CHECKSUMMED,
    DAI,
    SKYWEAVER,
    SPAM,
    STRANGER,
    USDC,
    USDC_POLYGON,
    VERIFIED,
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


# Nodes that are behind


async def seen(client: Client, **request: object) -> tuple[str, str]:
    """Return what the mainnet's USDC and native coin are said to be."""
    answer = await client.summary(chainIds=[1], **request)
    native = native_rows(answer, 1)[EXAMPLE_ACCOUNT]["balance"]
    return token_rows(answer)[USDC]["balance"], native


def move_both(gateway: Gateway) -> None:
    """Let the USDC be 7 and the native coin 8."""
    gateway.world.set_token(1, USDC, EXAMPLE_ACCOUNT, 7)
    gateway.world.set_native(1, EXAMPLE_ACCOUNT, 8)


BEFORE = ("221887067", "158495082541645504")


async def test_a_node_that_stalls_tells_what_was(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(Stall(chain_id=1, at_block=gateway.world.block(1)))
    move_both(gateway)

    stalled = await seen(client)
    gateway.faults.heal()

    assert stalled == BEFORE
    assert await seen(client) == ("7", "8")


async def test_a_node_that_lags_follows_at_its_distance(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(Lag(chain_id=1, behind=1))
    move_both(gateway)

    assert await seen(client) == ("7", BEFORE[1])

    gateway.world.advance(1, to_block=gateway.world.block(1) + 1)
    assert await seen(client) == ("7", "8")


async def test_a_past_row_has_its_own_block(client: Client, gateway: Gateway) -> None:
    move_both(gateway)
    gateway.faults.add(Lag(chain_id=1, behind=2))

    assert token_rows(await client.summary())[USDC]["blockNumber"] == 22500001


async def test_every_other_answer_can_come_from_a_node_that_is_behind(
    client: Client, gateway: Gateway
) -> None:
    move_both(gateway)
    gateway.faults.add(Lag(chain_id=1, behind=2, every=2))

    assert [await seen(client) for _ in range(4)] == [("7", "8"), BEFORE, ("7", "8"), BEFORE]


async def test_a_node_that_is_behind_on_one_chain_is_not_on_others(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(Stall(chain_id=137, at_block=1))
    move_both(gateway)

    assert await seen(client) == ("7", "8")
    assert token_rows(await client.summary(chainIds=[137])) == {}


async def test_the_furthest_behind_is_told(client: Client, gateway: Gateway) -> None:
    move_both(gateway)
    gateway.faults.add(Lag(chain_id=1, behind=1), Lag(chain_id=1, behind=2))

    assert await seen(client) == BEFORE


async def test_a_native_amount_can_flicker(client: Client, gateway: Gateway) -> None:
    move_both(gateway)
    gateway.faults.add(FlickerNative(chain_id=1, account=CHECKSUMMED, times=1))

    assert [await seen(client) for _ in range(2)] == [("7", BEFORE[1]), ("7", "8")]


async def test_the_native_amount_of_others_does_not_flicker(client: Client, gateway: Gateway) -> None:
    move_both(gateway)
    gateway.faults.add(FlickerNative(chain_id=1, account=STRANGER))

    assert await seen(client) == ("7", "8")


async def test_without_an_account_all_native_amounts_of_the_chain_flicker(
    client: Client, gateway: Gateway
) -> None:
    move_both(gateway)
    gateway.faults.add(FlickerNative(chain_id=1))

    assert await seen(client) == ("7", BEFORE[1])


# Indexes and chains that vanish


async def test_while_an_index_is_built_anew_its_tokens_vanish_without_a_word(
    client: Client, gateway: Gateway
) -> None:
    gateway.faults.add(Reindex(chain_id=1))

    answer = await client.summary(chainIds=[1, 137])

    assert {"chainId": 1, "results": []} in answer.body["balances"]
    assert len(entries(answer.body["balances"])[137]) == 2
    assert native_rows(answer, 1)[EXAMPLE_ACCOUNT]["balance"] == BEFORE[1]


async def test_when_an_index_is_built_its_tokens_are_back(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(Reindex(chain_id=1))
    gateway.faults.heal()

    assert len(token_rows(await client.summary(chainIds=[1]))) == 3


async def test_a_smaller_share_of_an_index_misses_fewer_of_the_same_rows(
    client: Client, gateway: Gateway
) -> None:
    missing: list[set[str]] = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        gateway.faults.heal()
        gateway.faults.add(Reindex(chain_id=137, share=share))
        told = {row["tokenID"] for row in entries((await client.details()).body["balances"])[137]}
        missing.append({str(token_id) for token_id in (0, *range(65537, 65549))} - told)

    assert all(fewer <= more for fewer, more in pairwise(missing))
    assert [len(missing[0]), len(missing[-1])] == [0, 13]
    assert 0 < len(missing[2]) < 13


async def test_a_chain_can_be_left_out_of_the_list_of_chains(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(LeaveOutChain(chain_id=1))

    listed = {chain["chainId"] for chain in (await client.call("GetChains", {})).body["chains"]}

    assert listed == {10, 137, 8453, 42161}
    assert len(token_rows(await client.summary(chainIds=[1]))) == 3


async def test_a_hidden_chain_is_served_nowhere(client: Client, gateway: Gateway) -> None:
    gateway.world.hide_chain(1)

    listed = {chain["chainId"] for chain in (await client.call("GetChains", {})).body["chains"]}
    answer = await client.summary(chainIds=[1, 10])

    assert 1 not in listed
    assert entries(answer.body["balances"]).keys() == {10}


# Worlds that move strangely


async def test_a_reorganised_balance_is_told_with_its_older_block(client: Client, gateway: Gateway) -> None:
    gateway.world.move(1, USDC, EXAMPLE_ACCOUNT, 5)
    gateway.world.reorganise(1, USDC, EXAMPLE_ACCOUNT, 221887067, 22500000)

    row = token_rows(await client.summary())[USDC]

    assert (row["balance"], row["blockNumber"]) == ("221887067", 22500000)


async def test_a_drifting_balance_is_told_with_its_old_block(client: Client, gateway: Gateway) -> None:
    gateway.world.drift(1, USDC, EXAMPLE_ACCOUNT, 221887068)

    row = token_rows(await client.summary())[USDC]

    assert (row["balance"], row["blockNumber"]) == ("221887068", 22500001)


async def test_a_token_that_loses_its_mark_vanishes_from_the_verified_ones(
    client: Client, gateway: Gateway
) -> None:
    gateway.world.add_contract(replace(gateway.world.contract(1, USDC), verified=False))

    verified = await client.summary()
    every = await client.summary(filter={"contractStatus": "ALL"})

    assert USDC not in token_rows(verified)
    assert token_rows(every)[USDC]["balance"] == "221887067"


async def test_a_token_that_gains_the_mark_appears_among_the_verified_ones(
    client: Client, gateway: Gateway
) -> None:
    gateway.world.add_contract(replace(gateway.world.contract(137, SPAM), verified=True))

    assert SPAM in token_rows(await client.summary())


# Answers that are mixed up, or contradict themselves


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
async def test_a_share_of_the_rows_is_about_somebody_else(
    client: Client, gateway: Gateway, share: float
) -> None:
    gateway.faults.add(StrayRows(account=STRANGER, chain_id=7, share=share))

    answer = await client.summary()
    sides = answer.body["balances"], answer.body["nativeBalances"]
    rows = [row for side in sides for of_chain in entries(side).values() for row in of_chain]
    strays = [row for row in rows if (row["accountAddress"], row["chainId"]) == (STRANGER, 7)]

    assert (len(strays) > 0, len(strays) < len(rows)) == (share > 0, share < 1)
    assert token_rows(await client.summary()) == token_rows(answer)


async def test_rows_can_be_contradicted_on_their_page(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(ContradictRows(chain_id=137, by=5, newer=True))

    answer = await client.summary()
    of_chain = {
        chain_id: [(row["contractAddress"], row["balance"], row["blockNumber"]) for row in rows]
        for chain_id, rows in entries(answer.body["balances"]).items()
    }

    first, second, *_ = of_chain[137]
    assert first[0] == second[0]
    assert (int(second[1]) - int(first[1]), second[2] - first[2]) == (5, 1)
    assert len(of_chain[1]) == len({contract for contract, *_ in of_chain[1]})
    assert len(entries(answer.body["nativeBalances"])[137]) == 2


async def test_rows_can_move_on_between_two_pages(client: Client, gateway: Gateway) -> None:
    now = token_rows(await client.summary())[USDC_POLYGON]
    gateway.faults.add(ContradictRows(chain_id=137, place="later_page", by=5))

    first = await client.summary(page={"pageSize": 40})
    second = await client.summary(page=first.body["page"])
    before = token_rows(first)[USDC_POLYGON]

    assert (int(now["balance"]) - int(before["balance"]), now["blockNumber"] - before["blockNumber"]) == (
        5,
        1,
    )
    assert token_rows(second)[USDC_POLYGON] == now
    assert not second.body["page"]["more"]


@pytest.mark.parametrize("is_last", [True, False])
async def test_a_key_can_stand_twice_in_a_row(client: Client, gateway: Gateway, *, is_last: bool) -> None:
    gateway.faults.add(RepeatKeys(value="7", is_last=is_last, where={"contractAddress": USDC}))

    url, question = (
        f"{gateway.url}/GetTokenBalancesSummary",
        {"filter": {"accountAddresses": [EXAMPLE_ACCOUNT]}},
    )
    async with client.session.post(url, json=question, headers={"X-Access-Key": "any"}) as response:
        text = await response.text()
    answer = await client.summary()

    assert text.count('"balance":"7"') == text.count('"balance":"221887067"') == 1
    assert token_rows(answer)[USDC]["balance"] == ("7" if is_last else "221887067")


async def test_more_chains_than_there_are_can_be_listed(client: Client, gateway: Gateway) -> None:
    listed = (await client.call("GetChains", {})).body["chains"]
    gateway.faults.add(ManyChains(count=3, first_id=900))

    chains = (await client.call("GetChains", {})).body["chains"]

    assert chains[: len(listed)] == listed
    assert [chain["chainId"] for chain in chains[len(listed) :]] == [900, 901, 902]
    assert not (await client.summary(chainIds=[900])).body["balances"]


# Pages without an end


async def test_endless_pages_repeat_their_rows_behind_new_cursors(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(EndlessPages())

    pages = [await client.summary(page={"pageSize": 2})]
    while len(pages) < 4:
        pages.append(await client.summary(page=pages[-1].body["page"]))

    assert all(page.body["page"]["more"] for page in pages)
    assert len({str(page.body["page"]["after"]) for page in pages}) == 4
    # Not whole rows: they say of when their prices are.
    assert all(token_rows(page).keys() == token_rows(pages[0]).keys() for page in pages)


async def test_endless_pages_can_invent_their_rows(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(EndlessPages(rows="invented"))

    pages = [await client.summary(page={"pageSize": 2})]
    while len(pages) < 4:
        pages.append(await client.summary(page=pages[-1].body["page"]))

    contracts = [contract for page in pages for contract in token_rows(page)]
    assert token_rows(pages[0]).keys() <= VERIFIED
    assert len(set(contracts)) == len(contracts) == 8


async def test_endless_pages_can_be_as_long_as_one_likes(client: Client, gateway: Gateway) -> None:
    gateway.faults.add(EndlessPages(rows="invented", count=100))
    first = await client.summary(page={"pageSize": 2})

    second = await client.summary(page=first.body["page"])

    assert len(token_rows(first)) == 2
    assert len(token_rows(second)) == 100


@pytest.mark.parametrize(
    "knobs", [Knobs(cursor_type="string", page_numbers=False), Knobs(page_scope="chain")]
)
async def test_pages_are_endless_however_they_are_turned(
    client: Client, gateway: Gateway, knobs: Knobs
) -> None:
    gateway.knobs = knobs
    gateway.faults.add(EndlessPages(times=3))

    pages = [await client.summary(page={"pageSize": 40})]
    while pages[-1].body["page"]["more"]:
        pages.append(await client.summary(page=pages[-1].body["page"]))

    assert len(pages) == 4
    assert all(token_rows(page).keys() == VERIFIED for page in pages)
