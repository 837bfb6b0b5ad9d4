"""What counts as seen, end to end: when people come and go, and when the operator asks for something else."""

from dataclasses import replace

from bot.sandbox.gateway.world import Contract
from bot.sandbox.telegram.world.world import Chat
from tests.chat.reading import moves
from tests.stack import (
    ACCOUNT,
    BASE,
    CHECKSUMMED,
    DAI,
    ETHEREUM,
    POLL,
    POLYGON,
    USDC,
    USDC_POLYGON,
    Stack,
)

SPAM = "0x5ba3000000000000000000000000000000005ba3"
"""Held in the example, and not verified."""

DEGEN = Contract(
    chain_id=POLYGON, address="0x" + "de" * 20, kind="ERC20", symbol="DEGEN", name="Degen", decimals=0
)


async def group_that_watches(stack: Stack, command: str) -> Chat:
    group = stack.telegram.add_group("Ops", {stack.olga: "creator"})
    stack.say("/allow", chat=group)
    stack.say(command, chat=group)
    await stack.hears("Watching", chat=group)
    return group


async def held_in_the_middle_of_a_sweep(stack: Stack) -> None:
    """Let the next question wait at the gate, so that what happens now happens during its sweep."""
    stack.gateway.gate.hold(POLL)
    await stack.gateway.gate.until_waiting(1)


def changes(stack: Stack, chat: Chat | None = None) -> int:
    return "".join(stack.said(chat)).count("→")


# ---------------------------------------------------------------- in the middle of a sweep


async def test_who_leaves_in_the_middle_of_a_sweep_is_not_told_what_it_brings(stack: Stack) -> None:
    await stack.watches()
    await held_in_the_middle_of_a_sweep(stack)
    stack.say("/unwatch treasury")
    await stack.hears("Stopped watching")
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    stack.gateway.gate.release()

    baseline = await stack.watches()

    assert "9 balances" in baseline.text
    assert changes(stack) == 0


async def test_who_comes_in_the_middle_of_a_sweep_to_what_is_watched_is_told_what_it_brings(
    stack: Stack,
) -> None:
    await stack.watches()
    await held_in_the_middle_of_a_sweep(stack)
    group = await group_that_watches(stack, f"/watch {CHECKSUMMED} as Treasury")
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    stack.gateway.gate.release()

    assert "50 → 49" in (await stack.hears("USDC", chat=group)).text
    assert "50 → 49" in (await stack.hears("USDC")).text


async def test_a_chat_that_is_closed_in_the_middle_of_a_sweep_is_not_told_what_it_brings(
    stack: Stack,
) -> None:
    await stack.watches()
    group = await group_that_watches(stack, f"/watch {CHECKSUMMED} as Treasury")
    await held_in_the_middle_of_a_sweep(stack)
    stack.say(f"/deny {group.id}")
    await stack.hears(lambda message: "clos" in message.text.lower())
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    stack.gateway.gate.release()

    await stack.hears("50 → 49")
    await stack.asked(3)
    assert changes(stack, group) == 0


async def test_a_sweep_that_ends_with_the_program_costs_no_alert(stack: Stack) -> None:
    await stack.watches()
    await held_in_the_middle_of_a_sweep(stack)
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    await stack.stop()
    stack.gateway.gate.release()

    stack.start()

    assert "50 → 49" in (await stack.hears("USDC")).text


# ---------------------------------------------------------------- several who ask for the same account


async def test_two_chats_that_name_different_contracts_of_an_account_hear_of_their_own(stack: Stack) -> None:
    await stack.watches(f"/watch {CHECKSUMMED} contract {USDC} on mainnet as Dollars")
    group = await group_that_watches(stack, f"/watch {CHECKSUMMED} contract {DAI} on mainnet as Daily")
    await stack.hears("1 balance", chat=group)

    stack.world.move(ETHEREUM, USDC, ACCOUNT, 1_000_000)
    stack.world.move(ETHEREUM, DAI, ACCOUNT, 10**18)

    assert "USDC" in (await stack.hears("→")).text
    assert "DAI" in (await stack.hears("→", chat=group)).text
    await stack.asked(3)
    assert not any("DAI" in text for text in stack.said())
    assert not any("USDC" in moves(text) for text in stack.said(group))


async def test_what_a_chat_names_is_no_news_to_who_watches_all_until_it_is_listed(stack: Stack) -> None:
    stack.world.add_contract(replace(DEGEN, verified=False))
    await stack.watches()
    group = await group_that_watches(stack, f"/watch {CHECKSUMMED} contract {DEGEN.address} on polygon")
    await stack.hears("nothing held yet", chat=group)
    stack.world.set_token(POLYGON, DEGEN.address, ACCOUNT, 500)
    await stack.hears("+500 DEGEN", chat=group)
    assert not any("DEGEN" in text for text in stack.said())

    stack.world.add_contract(DEGEN)

    assert "◦ 500 DEGEN now listed" in moves((await stack.hears("DEGEN")).text)
    await stack.asked(3)
    assert sum("DEGEN" in text for text in stack.said(group)) == 1


# ---------------------------------------------------------------- another configuration


async def test_another_contract_status_starts_from_a_baseline_and_then_tells(stack: Stack) -> None:
    await stack.watches()
    await stack.stop()
    stack.lines["indexer"] = ['contract_status = "ALL"']
    stack.start()
    baseline = (await stack.hears("Watching")).text
    assert "6 balances on 5 chains" in baseline  # tokens alone: the coins were known
    assert changes(stack) == 0

    stack.world.move(POLYGON, SPAM, ACCOUNT, 10**18)

    assert "🟢 +1 CLAIM" in moves((await stack.hears("CLAIM")).text)


async def test_the_same_contract_status_starts_nothing_anew(stack: Stack) -> None:
    await stack.watches()
    before = stack.said()
    await stack.stop()
    stack.start()
    await stack.asked(3)

    assert stack.said() == before


async def test_a_chain_that_the_operator_adds_is_a_baseline_of_its_own(stack: Stack) -> None:
    await stack.stop()
    stack.lines["indexer"] = ['chains = ["mainnet", "base"]']
    stack.start()
    await stack.watches()
    await stack.stop()
    stack.lines["indexer"] = ['chains = ["mainnet", "base", "polygon"]']
    stack.world.move(BASE, None, ACCOUNT, 10**18)
    stack.start()

    added = (await stack.hears("(Polygon)")).text
    assert "Watching Treasury" in added
    await stack.asked(2)
    told = "".join(stack.said())
    assert "1.25 → 2.25" in told
    assert told.count("→") == 1


async def test_a_contract_that_the_operator_leaves_out_is_told_no_more_and_not_as_lost(stack: Stack) -> None:
    await stack.watches()
    await stack.stop()
    stack.lines["indexer"] = [f'contract_blacklist = ["{USDC_POLYGON}"]']
    stack.start()
    await stack.asked(2)

    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    await stack.asked(3)
    stack.world.move(POLYGON, None, ACCOUNT, 10**18)

    await stack.hears("POL")
    assert not any("USDC" in moves(text) for text in stack.said())


async def test_a_contract_that_is_left_out_is_told_to_who_names_it(stack: Stack) -> None:
    await stack.watches(f"/watch {CHECKSUMMED} contract {USDC_POLYGON} on polygon as Till")
    await stack.stop()
    stack.lines["indexer"] = [f'contract_blacklist = ["{USDC_POLYGON}"]']
    stack.start()

    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)

    assert "50 → 49" in (await stack.hears("USDC")).text


# ---------------------------------------------------------------- what assets are


async def test_what_an_asset_is_called_is_asked_when_it_comes_up_and_not_with_every_sweep(
    stack: Stack,
) -> None:
    await stack.watches()
    await stack.asked(2)
    asked_before = len(stack.gateway.requests)
    stack.world.add_contract(DEGEN)
    stack.world.set_token(POLYGON, DEGEN.address, ACCOUNT, 500)

    assert "✨ +500 DEGEN" in moves((await stack.hears("DEGEN")).text)
    await stack.asked(4)
    bodies = [request.body for request in stack.gateway.requests[asked_before:]]
    assert sum(body.get("omitMetadata") is False for body in bodies if isinstance(body, dict)) == 1


async def test_what_an_asset_is_called_is_asked_anew_after_a_week(stack: Stack) -> None:
    await stack.watches()
    stack.world.add_contract(replace(stack.world.contract(POLYGON, USDC_POLYGON), symbol="USDC.e"))
    await stack.asked(3)
    await stack.stop()
    stack.rows("UPDATE asset SET described_at = 0, describe_at = 0")
    stack.start()
    await stack.asked(3)

    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)

    assert "USDC.e | 50 → 49" in moves((await stack.hears("→")).text)
