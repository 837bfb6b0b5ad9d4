"""Filters, end to end: what is little adds up until it is enough, and nothing is lost in between."""

from pathlib import Path

import pytest

from bot.sandbox.telegram.world.world import Chat
from tests.stack import ACCOUNT, CHECKSUMMED, POLYGON, USDC_POLYGON, Stack, open_stack


def move(stack: Stack, units: int) -> None:
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, units * 1_000_000)


def alerts(stack: Stack, chat: Chat | None = None) -> list[str]:
    return [text for text in stack.said(chat) if text.startswith(("🔴", "🟢"))]


async def held_back(stack: Stack, words: str) -> None:
    """Wait until /status says that filters hold this much back."""
    while True:
        stack.say("/status")
        if words in (await stack.hears("Last sweep")).text:
            return
        await stack.asked()


async def test_a_drain_in_small_steps_is_reported_once_it_is_enough(stack: Stack) -> None:
    await stack.watches()
    stack.say("/only Treasury min 10 USDC")
    await stack.hears("Treasury · 0x8e3E…d8B9: only changes of 10 USDC and more")

    move(stack, -4)
    await held_back(stack, "Treasury: 4 USDC less")
    move(stack, -4)
    await held_back(stack, "Treasury: 8 USDC less")
    assert alerts(stack) == []
    move(stack, -4)

    alert = await stack.hears("🔴 Treasury −12 USDC (−$12.00)")
    assert "50 → 38 in 3 steps since " in alert.text
    move(stack, 3)
    await held_back(stack, "Treasury: 3 USDC more")
    stack.say("/only Treasury off")
    answer = await stack.hears("no filter of its own any more")
    assert "What was held back of 1 balance comes now." in answer.text
    assert "38 → 41" in (await stack.hears("🟢 Treasury +3 USDC")).text
    move(stack, -1)
    await stack.hears("🔴 Treasury −1 USDC")
    assert len(alerts(stack)) == 3


async def test_two_chats_hear_of_the_same_moves_what_each_of_them_wants(stack: Stack) -> None:
    group = stack.telegram.add_group("Ops", {stack.olga: "creator"})
    await stack.watches()
    stack.say("/only min 10 USDC")
    await stack.hears("All that is watched here: only changes of 10 USDC and more")
    stack.say(f"/allow {group.id}")
    await stack.hears("Ops")
    stack.say(f"/watch {CHECKSUMMED} as Vault", chat=group)
    await stack.hears("Watching", chat=group)
    stack.say("/only in", chat=group)
    await stack.hears("only incoming changes", chat=group)

    move(stack, -8)
    await held_back(stack, "Treasury: 8 USDC less")
    move(stack, 9)
    assert "50 → 51 in 2 steps since " in (await stack.hears("🟢 Vault +1 USDC", chat=group)).text
    move(stack, -11)
    assert "50 → 40 in 3 steps since " in (await stack.hears("🔴 Treasury −10 USDC")).text

    assert [len(alerts(stack)), len(alerts(stack, group))] == [1, 1]


@pytest.mark.parametrize("end", ["enough", "off"])
async def test_killed_while_something_is_held_back_it_still_adds_up_and_is_told_once(
    tmp_path: Path, end: str
) -> None:
    async with open_stack(tmp_path) as stack:
        process = await stack.start_process()
        await stack.watches()
        stack.say("/only Treasury min 10 USDC")
        await stack.hears("only changes of 10 USDC and more")
        move(stack, -4)
        await held_back(stack, "Treasury: 4 USDC less")

        await stack.kill(process)
        move(stack, -5)
        await stack.start_process()

        await held_back(stack, "Treasury: 9 USDC less")
        assert alerts(stack) == []
        if end == "enough":
            move(stack, -1)
        else:
            stack.say("/only Treasury off")
        steps, amounts = ("3", "−10 USDC") if end == "enough" else ("2", "−9 USDC")
        assert f" in {steps} steps since " in (await stack.hears(f"🔴 Treasury {amounts}")).text
        await stack.asked(3)
        assert len(alerts(stack)) == 1
