"""A chain that is held back is not called silent, in no answer and in no notice."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.sandbox.gateway.faults.kinds import LeaveOutNatives, LeaveOutTokens, Reindex
from bot.sandbox.gateway.world import Contract
from bot.sandbox.telegram.world.world import Chat
from tests.stack import ACCOUNT, BASE, CHECKSUMMED, Stack, open_stack

TOKENS = tuple(f"0x{number:040x}" for number in range(0x70, 0x7C))


@pytest.fixture
async def rich(tmp_path: Path) -> AsyncIterator[Stack]:
    """Olga watches twelve tokens on Base; a gap of a moment is told."""
    async with open_stack(tmp_path, indexer=["stale_after_seconds = 0.3"]) as stack:
        for number, address in enumerate(TOKENS):
            stack.world.add_contract(
                Contract(
                    chain_id=BASE, address=address, kind="ERC20", symbol=f"T{number}", name="T", decimals=0
                )
            )
            stack.world.set_token(BASE, address, ACCOUNT, 3)
        stack.start()
        yield stack


@pytest.fixture
async def watched(rich: Stack) -> Stack:
    """Let Olga watch it in her own chat."""
    await rich.watches()
    return rich


async def watching_group(stack: Stack) -> Chat:
    """Return a group that watches the same."""
    group = stack.telegram.add_group("Ops", {stack.olga: "creator"})
    stack.say("/allow", chat=group)
    await stack.hears("open now", chat=group)
    stack.say(f"/watch {CHECKSUMMED} as Treasury", chat=group)
    await stack.hears("balances on", chat=group)
    return group


async def test_a_chain_that_is_held_back_is_told_to_be_and_why_and_when_it_is_back(watched: Stack) -> None:
    rich = watched
    group = await watching_group(rich)
    rich.gateway.faults.add(Reindex(chain_id=BASE))
    told = (await rich.hears("is held back", chat=group)).text
    rich.say("/status")
    status = (await rich.hears("Last sweep")).text
    rich.say("/balance")
    base = (await rich.hears("Held back since then")).text.partition("Base")[2]
    rich.gateway.faults.heal()
    back = (await rich.hears("Base are back")).text

    lost = "12 of 12 token balances vanished at once"
    assert "⚠️ Base is held back since" in told
    assert lost in told
    assert "an owner can confirm it with /believe base" in told
    wait = "waiting for the index, or for an owner's /believe base"
    assert f"{lost}; {wait}" in status.partition("Held back: Base, since ")[2]
    assert "Partly blind" not in status
    assert base.partition(" ago\n")[2].startswith(f"Held back since then: {lost}; {wait}. Last known:\n")
    assert "3 T0" in base
    assert "Nothing changed meanwhile" in back
    assert not any("can't read" in text or "is back after" in text for text in rich.said())


async def test_a_loss_that_an_owner_confirms_is_said_to_be_confirmed(watched: Stack) -> None:
    rich = watched
    group = await watching_group(rich)
    for address in TOKENS:
        rich.world.set_token(BASE, address, ACCOUNT, 0)
    await rich.hears("is held back", chat=group)

    rich.say("/believe base")

    ended = (await rich.hears("no longer held back")).text
    assert "✅ Base is no longer held back after" in ended
    assert "an owner confirmed that the balances are gone.\n12 changes meanwhile" in ended


async def test_an_owner_who_watches_a_chain_hears_once_that_it_is_held_back(watched: Stack) -> None:
    group = await watching_group(watched)
    watched.gateway.faults.add(Reindex(chain_id=BASE))
    await watched.hears("confirm it with /believe base", chat=group)
    watched.gateway.faults.heal()
    await watched.hears("Base are back")

    assert sum("vanished at once" in text for text in watched.said()) == 1


async def test_an_owner_who_does_not_watch_a_chain_hears_that_it_is_held_back_as_well(rich: Stack) -> None:
    group = await watching_group(rich)
    rich.gateway.faults.add(Reindex(chain_id=BASE))
    await rich.hears("is held back", chat=group)

    await rich.hears("12 of 12 token balances vanished at once")


async def test_a_silent_chain_is_not_said_to_be_held_back(watched: Stack) -> None:
    rich = watched
    rich.gateway.faults.add(LeaveOutTokens(chain_id=BASE), LeaveOutNatives(chain_id=BASE))

    await rich.hears("I can't read Base")
    rich.gateway.faults.heal()
    await rich.hears("✅")

    assert not any("held back" in text for text in rich.said())
