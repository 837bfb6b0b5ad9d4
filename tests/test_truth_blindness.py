"""It says when it is blind, end to end: once, and again when it sees, with what changed meanwhile."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.sandbox.gateway_faults import (
    AnswerError,
    FailNatives,
    FailTokens,
    LeaveOutChain,
    LeaveOutNatives,
    LeaveOutTokens,
    ReplaceFields,
)
from tests.house import ACCOUNT, CHECKSUMMED, ETHEREUM, POLYGON, USDC_POLYGON, House, open_house

PAYROLL = "0x" + "0d" * 20


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Run a whole bot that takes a silence of a moment for blindness."""
    async with open_house(tmp_path, indexer=["stale_after_seconds = 0.3"]) as one:
        one.start()
        yield one


def count(house: House, words: str) -> int:
    return sum(words in text for text in house.said())


async def test_a_silent_chain_is_told_once_and_its_return_with_what_changed_meanwhile(house: House) -> None:
    await house.watches()
    house.gateway.faults.add(LeaveOutTokens(chain_id=POLYGON), LeaveOutNatives(chain_id=POLYGON))

    assert "⚠️ No answer for Polygon since" in (await house.hears("No answer")).text
    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    await house.asked(6)
    house.gateway.faults.heal()

    message = (await house.hears("Seen again")).text
    assert "Polygon, after" in message
    assert "1 change meanwhile" in message
    assert any("50 → 48" in text for text in house.said())
    assert count(house, "No answer for") == 1


async def test_a_chain_that_was_silent_while_nothing_changed_says_so(house: House) -> None:
    await house.watches()
    house.gateway.faults.add(LeaveOutTokens(chain_id=POLYGON), LeaveOutNatives(chain_id=POLYGON))
    await house.hears("No answer")

    house.gateway.faults.heal()

    assert "Nothing changed meanwhile" in (await house.hears("Seen again")).text


@pytest.mark.parametrize("fault", [FailTokens(chain_id=POLYGON), FailNatives(chain_id=POLYGON)])
async def test_a_part_that_gives_no_answer_is_told_while_the_rest_is_seen(
    house: House, fault: FailTokens | FailNatives
) -> None:
    await house.watches()
    house.gateway.faults.add(fault)

    await house.hears("No answer for")
    house.world.move(ETHEREUM, None, ACCOUNT, 10**18)

    assert "▲ +1 ETH" in (await house.hears("ETH")).text


async def test_an_account_that_cannot_be_read_is_told_by_its_label_and_the_others_are_not(
    house: House,
) -> None:
    await house.watches(f"/watch {CHECKSUMMED} on polygon as Treasury\n{PAYROLL} on polygon as Payroll")
    house.gateway.faults.add(ReplaceFields(fields={"balance": "x"}, where={"accountAddress": ACCOUNT}))

    told = (await house.hears("No answer for")).text

    assert "Treasury" in told
    assert "Payroll" not in told


async def test_everything_silent_at_once_is_one_message(house: House) -> None:
    await house.watches()
    for chain in house.world.chains():
        house.gateway.faults.add(
            LeaveOutTokens(chain_id=chain.chain_id), LeaveOutNatives(chain_id=chain.chain_id)
        )

    await house.hears("The source of balances has given no answer about anything watched here")
    await house.asked(6)
    house.gateway.faults.heal()
    await house.hears("Seen again")

    assert count(house, "no answer") + count(house, "No answer") == 1


async def test_a_source_that_refuses_the_key_is_told_as_such_to_owners(house: House) -> None:
    await house.watches()
    house.gateway.faults.add(AnswerError(name="AccessKeyNotFound", code=1101, status=401))

    assert "refused the access key" in (await house.hears("refuses to answer")).text


async def test_what_never_answered_is_not_blind(house: House) -> None:
    house.gateway.faults.add(LeaveOutTokens(chain_id=POLYGON), LeaveOutNatives(chain_id=POLYGON))
    baseline = await house.watches()

    await house.asked(8)

    assert "No answer yet from Polygon; it joins when it answers." in baseline.text
    assert count(house, "No answer for") == 0


async def test_who_watches_nothing_on_a_silent_chain_is_told_nothing(house: House) -> None:
    await house.watches(f"/watch {CHECKSUMMED} on polygon as Treasury")
    group = house.telegram.add_group("Ops", {house.olga: "creator"})
    house.say("/allow", chat=group)
    house.say(f"/watch {CHECKSUMMED} on mainnet", chat=group)
    await house.hears("balances", chat=group)
    house.gateway.faults.add(LeaveOutTokens(chain_id=POLYGON), LeaveOutNatives(chain_id=POLYGON))

    await house.hears("No answer for Polygon")
    await house.asked(3)

    assert not any("No answer" in text for text in house.said(group))


async def test_a_chain_that_the_source_drops_and_lists_again_is_told_to_who_watches_it(
    house: House,
) -> None:
    await house.watches(f"/watch {CHECKSUMMED} on polygon as Treasury")
    await house.stop()
    house.gateway.faults.add(LeaveOutChain(chain_id=POLYGON), LeaveOutChain(chain_id=ETHEREUM))
    house.start()
    gone = (await house.hears("no longer lists")).text
    assert "Polygon" in gone
    assert "Ethereum" not in gone
    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    await house.hears("50 → 49")

    await house.stop()
    house.gateway.faults.heal()
    house.start()

    assert "lists Polygon again" in (await house.hears("lists")).text
