"""[Transfers], /why, /history and /export say who paid, also where the alert had to leave without it."""

import csv
from collections.abc import AsyncIterator
from io import StringIO
from pathlib import Path
from typing import Final

import pytest

from bot.chat.buttons import toasts
from bot.sandbox.gateway.faults.kinds import AnswerError
from bot.sandbox.gateway.poison import look_alike
from bot.sandbox.gateway.transfers import SOMEBODY
from bot.sandbox.telegram.world.world import Chat, Message
from tests.stack import ACCOUNT, CHECKSUMMED, POLYGON, USDC_POLYGON, Stack, buttons_of, open_stack

HISTORY: Final = "GetTransactionHistory"
DOLLAR = 1_000_000
PAYROLL: Final = "0x91c4a2d0f2b1b5d8e0c3a67f4e9d5b8c2a07be32"
TO_SOMEBODY = "−1 to 0x91c4a2…07be31"


def refused_once() -> AnswerError:
    return AnswerError(method=HISTORY, name="WebrpcInternalError", code=-8, status=500, times=1)


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    async with open_stack(tmp_path) as one:
        one.lists_transfers(wait=60)
        one.start()
        await one.watches()
        yield one


def usdc_leaves(stack: Stack) -> None:
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -DOLLAR)


async def unexplained(stack: Stack, chat: Chat | None = None) -> Message:
    """Let an alert leave without its transfers."""
    stack.gateway.faults.add(refused_once())
    usdc_leaves(stack)
    return await stack.hears("−1 USDC", chat=chat)


def pays_many(stack: Stack, accounts: int) -> None:
    """Let so many accounts be paid in one sweep."""
    for number in range(1, accounts + 1):
        stack.world.transfer(POLYGON, USDC_POLYGON, ACCOUNT, f"0x{number:040x}", number * DOLLAR)


def rows_of(file: Message) -> list[dict[str, str]]:
    assert file.document is not None
    return list(csv.DictReader(StringIO(file.document.content.decode("utf-8-sig"), newline=""), strict=True))


async def test_an_alert_without_its_transfers_has_a_button_that_asks_for_them(stack: Stack) -> None:
    alert = await unexplained(stack)
    assert buttons_of(alert) == ["Balances", "Transfers", "Mute 1 h", "Only above $100", "Ignore USDC"]

    assert await stack.presses(alert, "Transfers") == ""

    answer = await stack.hears("Transfers, as listed at ")
    assert answer.text.startswith("🔴 Treasury −1 USDC (−$1.00) · Polygon\n    50 → 49\nTransfers, as listed")
    assert TO_SOMEBODY in answer.text


async def test_an_alert_that_says_all_of_its_transfers_has_none(stack: Stack) -> None:
    usdc_leaves(stack)

    assert "Transfers" not in buttons_of(await stack.hears("−1 USDC"))


async def test_what_cannot_be_asked_for_is_said_and_can_be_asked_again(stack: Stack) -> None:
    alert = await unexplained(stack)
    stack.gateway.faults.add(refused_once())
    await stack.presses(alert, "Transfers")
    await stack.hears("Transfers: unknown, the source gave no usable answer")

    await stack.presses(alert, "Transfers")
    await stack.hears(TO_SOMEBODY)


async def test_an_answer_that_takes_long_follows_and_nothing_waits_for_it(stack: Stack) -> None:
    alert = await unexplained(stack)
    stack.gateway.gate.hold(HISTORY)

    await stack.presses(alert, "Transfers")
    await stack.hears("I'm asking the source for the transfers")
    await stack.presses(alert, "Transfers")
    await stack.hears("still working on what was asked for here")
    stack.say("/list")
    await stack.hears("Treasury")

    stack.gateway.gate.release()
    await stack.hears(TO_SOMEBODY)


async def test_what_is_asked_for_later_has_names_and_warnings_as_an_alert_has(stack: Stack) -> None:
    stack.say(f"/name {PAYROLL} Payroll")
    await stack.hears("Payroll")
    stack.gateway.faults.add(refused_once())
    stack.gateway.gate.hold("GetTokenBalancesSummary")
    await stack.gateway.gate.until_waiting(1)
    for receiver in (PAYROLL, look_alike(PAYROLL)):
        stack.world.transfer(POLYGON, USDC_POLYGON, ACCOUNT, receiver, DOLLAR)
    stack.gateway.gate.release()
    alert = await stack.hears("−2 USDC")

    await stack.presses(alert, "Transfers")
    asked = (await stack.hears("Transfers, as listed")).text
    stack.say("/why", reply_to=alert)
    why = (await stack.hears("Transfers, as listed")).text

    for text in (asked, why):
        assert "−1 to Payroll" in text
        assert "⚠ looks like Payroll, is not" in text


async def test_of_many_counterparties_all_are_in_a_file(stack: Stack) -> None:
    stack.gateway.gate.hold("GetTokenBalancesSummary")
    await stack.gateway.gate.until_waiting(1)
    pays_many(stack, 7)
    stack.gateway.gate.release()
    alert = await stack.hears("−28 USDC")

    await stack.presses(alert, "Transfers")

    assert "−7 to 0x000000…000007 · tx\n−6" in (await stack.hears("and 4 more")).text
    file = await stack.hears(lambda message: message.document is not None)
    assert file.document is not None
    assert file.document.file_name.startswith("transfers-")
    assert [row["amount"] for row in rows_of(file)] == [f"-{number}" for number in range(1, 8)]


async def test_no_other_chat_gets_to_know_of_them(stack: Stack) -> None:
    alert = await unexplained(stack)
    bob = stack.telegram.add_user("Bob")
    chat = stack.telegram.add_private_chat(bob)
    stack.say(f"/allow {bob.id}")
    await stack.hears("can use the bot")
    stack.say(f"/watch {CHECKSUMMED}", chat=chat, user=bob)
    own = await stack.hears("balances", chat=chat)

    data = next(button.callback_data for row in alert.buttons for button in row if button.text == "Transfers")
    assert await stack.forges(own, data, user=bob) == toasts.NOT_HERE


async def test_everybody_of_a_group_may_ask(stack: Stack) -> None:
    bob = stack.telegram.add_user("Bob")
    group = stack.telegram.add_group("Ops", {stack.olga: "creator", bob: "member"})
    stack.say("/allow", chat=group)
    stack.say(f"/watch {CHECKSUMMED} as Till", chat=group)
    await stack.hears("balances", chat=group)
    alert = await unexplained(stack, group)

    await stack.presses(alert, "Transfers", user=bob)

    await stack.hears(TO_SOMEBODY, chat=group)


async def test_the_past_says_who_was_paid(stack: Stack) -> None:
    usdc_leaves(stack)
    await stack.hears("−1 USDC")

    stack.say("/history")
    assert "50 → 49 · to 0x91c4a2…07be31 · tx" in (await stack.hears("All that is watched")).text

    stack.say("/why Treasury USDC")
    assert f"\n    {TO_SOMEBODY} · tx" in (await stack.hears("Last change at")).text

    stack.say("/export")
    file = await stack.hears(lambda message: message.document is not None)
    (row,) = rows_of(file)
    assert row["explained"] == "explained"
    assert row["transfers"].lower().startswith("0x91c4a2")


async def test_whoever_has_a_name_is_called_by_it_in_the_past_too(stack: Stack) -> None:
    alert = await unexplained(stack)
    await stack.presses(alert, "Transfers")
    await stack.hears(TO_SOMEBODY)
    stack.say(f"/name {SOMEBODY} Payroll")
    await stack.hears("Payroll")

    await stack.presses(alert, "Transfers")
    await stack.hears("−1 to Payroll · tx")
    for command, words in (
        ("/why", "−1 to Payroll · tx"),
        ("/why Treasury USDC", "−1 to Payroll · tx"),
        ("/history", "50 → 49 · to Payroll · tx"),
    ):
        stack.say(command)
        await stack.hears(words)


async def test_why_offers_to_ask_for_what_is_lacking(stack: Stack) -> None:
    alert = await unexplained(stack)

    stack.say("/why", reply_to=alert)
    why = await stack.hears("Transfers: unknown, the source gave no usable answer")
    assert buttons_of(why) == ["Transfers"]

    await stack.presses(why, "Transfers")
    await stack.hears(TO_SOMEBODY)
    stack.say("/why", reply_to=alert)
    assert buttons_of(await stack.hears("Transfers, as listed")) == []
