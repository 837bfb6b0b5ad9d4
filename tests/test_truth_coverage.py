"""What counts as seen, end to end: when people come and go, and when the operator asks for something else."""

import sqlite3
from dataclasses import replace

from bot.sandbox.telegram_world import Chat
from bot.sandbox.world import Contract
from tests.house import (
    ACCOUNT,
    BASE,
    CHECKSUMMED,
    DAI,
    ETHEREUM,
    POLYGON,
    USDC,
    USDC_POLYGON,
    House,
)

SPAM = "0x5ba3000000000000000000000000000000005ba3"
"""Held in the example, and not verified."""

DEGEN = Contract(
    chain_id=POLYGON, address="0x" + "de" * 20, kind="ERC20", symbol="DEGEN", name="Degen", decimals=0
)


async def group_that_watches(house: House, command: str) -> Chat:
    group = house.telegram.add_group("Ops", {house.olga: "creator"})
    house.say("/allow", chat=group)
    house.say(command, chat=group)
    await house.hears("Watching", chat=group)
    return group


async def held_in_the_middle_of_a_sweep(house: House) -> None:
    """Let the next question wait at the gate, so that what happens now happens during its sweep."""
    house.gateway.gate.hold()
    await house.gateway.gate.until_waiting(1)


def changes(house: House, chat: Chat | None = None) -> int:
    return "".join(house.said(chat)).count("→")


# ---------------------------------------------------------------- in the middle of a sweep


async def test_who_leaves_in_the_middle_of_a_sweep_is_not_told_what_it_brings(house: House) -> None:
    await house.watches()
    await held_in_the_middle_of_a_sweep(house)
    house.say("/unwatch treasury")
    await house.hears("Stopped watching")
    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    house.gateway.gate.release()

    baseline = await house.watches()

    assert "9 balances" in baseline.text
    assert changes(house) == 0


async def test_who_comes_in_the_middle_of_a_sweep_to_what_is_watched_is_told_what_it_brings(
    house: House,
) -> None:
    await house.watches()
    await held_in_the_middle_of_a_sweep(house)
    group = await group_that_watches(house, f"/watch {CHECKSUMMED} as Treasury")
    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    house.gateway.gate.release()

    assert "50 → 49" in (await house.hears("USDC", chat=group)).text
    assert "50 → 49" in (await house.hears("USDC")).text


async def test_a_chat_that_is_closed_in_the_middle_of_a_sweep_is_not_told_what_it_brings(
    house: House,
) -> None:
    await house.watches()
    group = await group_that_watches(house, f"/watch {CHECKSUMMED} as Treasury")
    await held_in_the_middle_of_a_sweep(house)
    house.say(f"/deny {group.id}")
    await house.hears(lambda message: "clos" in message.text.lower())
    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    house.gateway.gate.release()

    await house.hears("50 → 49")
    await house.asked(3)
    assert changes(house, group) == 0


async def test_a_sweep_that_ends_with_the_program_costs_no_alert(house: House) -> None:
    await house.watches()
    await held_in_the_middle_of_a_sweep(house)
    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    await house.stop()
    house.gateway.gate.release()

    house.start()

    assert "50 → 49" in (await house.hears("USDC")).text


# ---------------------------------------------------------------- several who ask for the same account


async def test_two_chats_that_name_different_contracts_of_an_account_hear_of_their_own(house: House) -> None:
    await house.watches(f"/watch {CHECKSUMMED} contract {USDC} on mainnet as Dollars")
    group = await group_that_watches(house, f"/watch {CHECKSUMMED} contract {DAI} on mainnet as Daily")
    await house.hears("1 balance", chat=group)

    house.world.move(ETHEREUM, USDC, ACCOUNT, 1_000_000)
    house.world.move(ETHEREUM, DAI, ACCOUNT, 10**18)

    assert "USDC" in (await house.hears("→")).text
    assert "DAI" in (await house.hears("→", chat=group)).text
    await house.asked(3)
    assert not any("DAI" in text for text in house.said())
    assert not any("USDC" in text for text in house.said(group))


async def test_what_a_chat_names_is_no_news_to_who_watches_all_until_it_is_listed(house: House) -> None:
    house.world.add_contract(replace(DEGEN, verified=False))
    await house.watches()
    group = await group_that_watches(house, f"/watch {CHECKSUMMED} contract {DEGEN.address} on polygon")
    await house.hears("nothing held yet", chat=group)
    house.world.set_token(POLYGON, DEGEN.address, ACCOUNT, 500)
    await house.hears("✦ +500 DEGEN", chat=group)
    assert not any("DEGEN" in text for text in house.said())

    house.world.add_contract(DEGEN)

    assert "◦ DEGEN now listed: 500" in (await house.hears("DEGEN")).text
    await house.asked(3)
    assert sum("DEGEN" in text for text in house.said(group)) == 1


# ---------------------------------------------------------------- another configuration


async def test_another_contract_status_starts_from_a_baseline_and_then_tells(house: House) -> None:
    await house.watches()
    await house.stop()
    house.lines["indexer"] = ['contract_status = "ALL"']
    house.start()
    baseline = (await house.hears("Watching")).text
    assert "6 balances on 5 chains" in baseline  # tokens alone: the coins were known
    assert changes(house) == 0

    house.world.move(POLYGON, SPAM, ACCOUNT, 10**18)

    assert "▲ +1 CLAIM" in (await house.hears("CLAIM")).text


async def test_the_same_contract_status_starts_nothing_anew(house: House) -> None:
    await house.watches()
    before = house.said()
    await house.stop()
    house.start()
    await house.asked(3)

    assert house.said() == before


async def test_a_chain_that_the_operator_adds_is_a_baseline_of_its_own(house: House) -> None:
    await house.stop()
    house.lines["indexer"] = ['chains = ["mainnet", "base"]']
    house.start()
    await house.watches()
    await house.stop()
    house.lines["indexer"] = ['chains = ["mainnet", "base", "polygon"]']
    house.world.move(BASE, None, ACCOUNT, 10**18)
    house.start()

    added = (await house.hears("(Polygon)")).text
    assert "Watching Treasury" in added
    await house.asked(2)
    told = "".join(house.said())
    assert "1.25 → 2.25" in told
    assert told.count("→") == 1


async def test_a_contract_that_the_operator_leaves_out_is_told_no_more_and_not_as_lost(house: House) -> None:
    await house.watches()
    await house.stop()
    house.lines["indexer"] = [f'contract_blacklist = ["{USDC_POLYGON}"]']
    house.start()
    await house.asked(2)

    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    await house.asked(3)
    house.world.move(POLYGON, None, ACCOUNT, 10**18)

    await house.hears("POL")
    assert not any("USDC" in text for text in house.said())


async def test_a_contract_that_is_left_out_is_told_to_who_names_it(house: House) -> None:
    await house.watches(f"/watch {CHECKSUMMED} contract {USDC_POLYGON} on polygon as Till")
    await house.stop()
    house.lines["indexer"] = [f'contract_blacklist = ["{USDC_POLYGON}"]']
    house.start()

    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)

    assert "50 → 49" in (await house.hears("USDC")).text


# ---------------------------------------------------------------- what assets are


async def test_what_an_asset_is_called_is_asked_when_it_comes_up_and_not_with_every_sweep(
    house: House,
) -> None:
    await house.watches()
    await house.asked(2)
    asked_before = len(house.gateway.requests)
    house.world.add_contract(DEGEN)
    house.world.set_token(POLYGON, DEGEN.address, ACCOUNT, 500)

    assert "✦ +500 DEGEN" in (await house.hears("DEGEN")).text
    await house.asked(4)
    bodies = [request.body for request in house.gateway.requests[asked_before:]]
    assert sum(not body["omitMetadata"] for body in bodies if isinstance(body, dict)) == 1


async def test_what_an_asset_is_called_is_asked_anew_after_a_week(house: House) -> None:
    await house.watches()
    house.world.add_contract(replace(house.world.contract(POLYGON, USDC_POLYGON), symbol="USDC.e"))
    await house.asked(3)
    await house.stop()
    with sqlite3.connect(house.directory / "data" / "bot.sqlite3") as database:
        database.execute("UPDATE asset SET described_at = 0, describe_at = 0")
    database.close()
    house.start()
    await house.asked(3)

    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)

    assert "USDC.e     50 → 49" in (await house.hears("→")).text
