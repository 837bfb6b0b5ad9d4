"""/test: a sample alert takes the way of every alert, and is not mistaken for one."""

import re

from bot.chat.commands import mute
from tests.stack import Stack, buttons_of

SAMPLE = re.compile(
    r"🧪 This is a test: .*\nIt took \d+\.\d s .*\n\d\d:\d\d:\d\d UTC · [0-9A-Z]{4,10}", re.DOTALL
)


async def test_a_sample_alert_comes_through_the_outbox_with_an_id_of_its_own(stack: Stack) -> None:
    stack.say("/test")

    await stack.hears("A sample alert is on its way.")
    assert SAMPLE.fullmatch((await stack.hears("🧪")).text)


async def test_a_sample_alert_waits_for_the_end_of_a_mute(stack: Stack) -> None:
    stack.say("/mute 2h")
    answer = await stack.hears("is muted")
    stack.say("/test")
    await stack.hears("the sample alert comes then. /unmute ends that.")
    assert not any("🧪" in text for text in stack.said())

    assert await stack.presses(answer, "Unmute") == mute.UNMUTED

    assert "🧪" in (await stack.hears("🧪")).text
    assert buttons_of(answer) == ["Unmute"]


async def test_who_may_change_nothing_in_a_group_sends_no_sample(stack: Stack) -> None:
    bob = stack.telegram.add_user("Bob")
    group = stack.telegram.add_supergroup("Ops", {stack.olga: "creator", bob: "member"})
    stack.say("/allow", chat=group)
    await stack.hears("open now", chat=group)

    stack.say("/test", chat=group, user=bob)
    await stack.hears("administrators", chat=group)
    stack.say("/test", chat=group)

    await stack.hears("🧪", chat=group)
    assert sum("🧪" in text for text in stack.said(group)) == 1


async def test_a_first_reading_offers_the_balances_and_a_test(stack: Stack) -> None:
    first = await stack.watches()
    assert buttons_of(first) == ["Balances", "Send a test", "Only above $100"]

    assert await stack.presses(first, "Send a test") == "A sample alert is on its way."
    await stack.hears("🧪")
    await stack.presses(first, "Balances")
    assert "50 USDC · $50.00" in (await stack.hears("Polygon")).text


async def test_a_first_reading_says_what_the_account_is_worth_and_its_largest_balances(stack: Stack) -> None:
    first = await stack.watches()

    worth, *largest = first.text.split("\n")[1:-1]
    assert re.fullmatch(r"Worth \$[\d,.]+, not counting \d balances? without a price", worth)
    assert len(largest) == 3
    assert all(re.fullmatch(r" {4}[\d,.…]+ \w+ · \$[\d,.]+ · [\w ]+", line) for line in largest)
