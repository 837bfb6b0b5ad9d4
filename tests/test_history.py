"""/history end to end: pages of past changes, apart for each place, and stable while more is recorded."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.chat.buttons import toasts
from bot.sandbox.gateway.world import Contract
from bot.sandbox.telegram.world.world import Message
from bot.wiring import clock
from tests.stack import ACCOUNT, BASE, CHECKSUMMED, POLYGON, USDC_POLYGON, Stack, buttons_of, open_stack
from tests.waits import until

TOKENS = tuple(f"0x{number:040x}" for number in range(0x70, 0x89))
OTHER = "0x" + "77" * 20


@pytest.fixture
async def rich(tmp_path: Path) -> AsyncIterator[Stack]:
    """Olga watches an account, in which 25 tokens arrive at once."""
    async with open_stack(tmp_path) as stack:
        for number, address in enumerate(TOKENS):
            stack.world.add_contract(
                Contract(
                    chain_id=BASE, address=address, kind="ERC20", symbol=f"T{number}N", name="T", decimals=0
                )
            )
        stack.start()
        await stack.watches()
        for address in TOKENS:
            stack.world.set_token(BASE, address, ACCOUNT, 3)
        await stack.hears("T0N")
        yield stack


def tokens_of(message: Message) -> list[str]:
    """Return the tokens of the changes on a page, in their order."""
    return [line.split("+3 ")[1].split()[0] for line in message.text.splitlines() if "+3 " in line]


async def turned(stack: Stack, page: Message) -> Message:
    """Turn to the older page, and return the message as it is then."""
    shown, before = stack.telegram.chat(page.chat_id).messages, page.text
    await stack.presses(page, "Older ›")
    await until(lambda: shown[page.message_id].text != before)
    return shown[page.message_id]


async def test_pages_go_back_to_the_oldest_change_and_forth_again(rich: Stack) -> None:
    rich.say("/history")
    page = await rich.hears("All that is watched here")
    first = tokens_of(page)
    assert buttons_of(page) == ["Older ›", "Chart", "CSV"]
    page = await turned(rich, page)
    second = tokens_of(page)
    assert buttons_of(page) == ["‹ Newer", "Older ›", "Chart", "CSV"]
    page = await turned(rich, page)
    third = tokens_of(page)
    assert page.text.endswith("Nothing older. Changes are kept for 365 days.")

    assert [len(first), len(second), len(third)] == [10, 10, 5]
    assert sorted([*first, *second, *third]) == sorted(f"T{number}N" for number in range(25))
    assert buttons_of(page) == ["‹ Newer", "Chart", "CSV"]
    await rich.presses(page, "‹ Newer")
    page = await rich.shows(page, second[0])
    assert tokens_of(page) == second
    await rich.presses(page, "‹ Newer")
    page = await rich.shows(page, first[0])
    assert tokens_of(page) == first
    assert buttons_of(page) == ["Older ›", "Chart", "CSV"]


async def test_a_page_goes_on_where_it_ended_after_a_restart_and_with_newer_changes(rich: Stack) -> None:
    rich.say("/history")
    page = await rich.hears("All that is watched here")
    first = tokens_of(page)
    await rich.stop()
    rich.start()
    rich.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 1_000_000)
    await rich.hears("+1 USDC")

    page = await turned(rich, page)

    assert not set(tokens_of(page)) & set(first)
    assert len(tokens_of(page)) == 10
    await rich.presses(page, "‹ Newer")
    page = await rich.shows(page, first[0])
    assert tokens_of(page) == first
    assert buttons_of(page) == ["‹ Newer", "Older ›", "Chart", "CSV"]
    await rich.presses(page, "‹ Newer")
    newest = await rich.shows(page, "+1 USDC")
    assert tokens_of(newest) == first[:9]


async def test_what_was_asked_about_holds_for_each_page_whatever_is_called_otherwise_then(
    rich: Stack,
) -> None:
    rich.say("/history treasury on base")
    page = await rich.hears("Treasury · 0x8e3E…d8B9 on Base")
    rich.say("/rename Treasury as Main")
    await rich.hears("Main")
    rich.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 1_000_000)
    await rich.hears("+1 USDC")

    first = tokens_of(page)
    await rich.presses(page, "Older ›")
    page = await rich.shows(page, "Main · 0x8e3E…d8B9 on Base")
    assert not set(tokens_of(page)) & set(first)
    await rich.presses(page, "‹ Newer")
    page = await rich.shows(page, first[0])
    assert tokens_of(page) == first


async def test_no_button_leads_to_the_past_of_another_chat(rich: Stack) -> None:
    group = rich.telegram.add_group("Ops", {rich.olga: "creator"})
    rich.say("/allow", chat=group)
    await rich.hears("open now", chat=group)
    rich.say(f"/watch {OTHER} as Other", chat=group)
    await rich.hears("Watching", chat=group)
    rich.say("/history")
    page = await rich.hears("All that is watched here")
    data = page.buttons[0][0].callback_data
    rich.say("/history", chat=group)
    theirs = await rich.hears("Nothing has changed", chat=group)
    assert "T0N" not in theirs.text

    assert await rich.forges(theirs, data) == toasts.NOT_HERE


async def test_the_row_of_another_button_shows_no_page(rich: Stack) -> None:
    rich.say("/digest")
    asked = await rich.hears("No digest comes here")
    row = asked.buttons[0][0].callback_data.split(":")[1]

    assert await rich.forges(asked, f"older:{row}:5") == toasts.NOT_HERE
    assert await rich.forges(asked, "older:99999:5") == toasts.NOT_HERE


async def test_a_topic_has_a_past_of_its_own(rich: Stack) -> None:
    forum = rich.telegram.add_forum("Forum", {rich.olga: "creator"})
    topic = rich.telegram.add_topic(forum, "Alerts")
    rich.say("/allow", chat=forum)
    await rich.hears("open now", chat=forum)
    rich.say(f"/watch {CHECKSUMMED} as Treasury", chat=forum, topic=topic)
    await rich.hears("balances on", chat=forum)
    rich.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 1_000_000)
    await rich.hears("+1 USDC", chat=forum)

    rich.say("/history", chat=forum, topic=topic)
    page = await rich.hears("All that is watched here", chat=forum)
    assert "+1 USDC" in page.text
    assert tokens_of(page) == []
    rich.say("/history", chat=forum)
    await rich.hears("Nothing is watched here yet", chat=forum)


async def test_a_reply_to_an_alert_asks_about_its_account(rich: Stack) -> None:
    rich.world.set_native(POLYGON, OTHER, 10**18)
    rich.say(f"/watch {OTHER} as Other")
    await rich.hears("1 balance on")
    rich.world.set_native(POLYGON, OTHER, 2 * 10**18)
    alert = await rich.hears("+1 POL")

    rich.say("/history 7d", reply_to=alert)

    page = await rich.hears("Other · 0x7777…7777, last 7 days")
    assert "+1 POL" in page.text
    assert tokens_of(page) == []


async def test_a_chart_and_a_file_of_the_same_are_one_press_away(rich: Stack) -> None:
    rich.say("/history Treasury T3N 7d")
    page = await rich.hears("T3N, last 7 days")
    assert buttons_of(page) == ["All times", "Chart", "CSV"]

    await rich.presses(page, "CSV")
    await rich.hears("1 change of Treasury")
    await rich.presses(page, "Chart")
    await rich.hears("T3N on Base")
    await rich.presses(page, "All times")

    await rich.hears("Nothing older. Changes are kept for 365 days.")


async def test_what_is_too_long_for_one_message_takes_more_pages_and_none_is_left_out(rich: Stack) -> None:
    rich.say("/rename Treasury as Treasury of all of our companies")
    await rich.hears("all of our companies")
    for number, address in enumerate(TOKENS[:12]):
        rich.world.set_token(BASE, address, ACCOUNT, 10**77 + number)
    await rich.hears("T11N")
    for number, address in enumerate(TOKENS[:12]):
        rich.world.set_token(BASE, address, ACCOUNT, 7 * 10**76 - number)
    await rich.hears(lambda shown: "🔴" in shown.text and "T11N" in shown.text)

    rich.say("/history")
    page = await rich.hears("All that is watched here")
    losses = [line for line in page.text.splitlines() if line.startswith("🔴")]
    assert 0 < len(losses) < 10
    while "Older ›" in buttons_of(page):
        page = await turned(rich, page)
        losses += [line for line in page.text.splitlines() if line.startswith("🔴")]

    assert len(losses) == len(set(losses)) == 12


async def test_an_owner_looks_up_the_past_of_a_channel_in_private(rich: Stack) -> None:
    channel = rich.telegram.add_channel("News", {rich.olga: "creator"})
    rich.say(f"/allow {channel.id}")
    await rich.hears("News is open now")
    rich.say(f"/watch {CHECKSUMMED} as Treasury to News")
    await rich.hears("Watching Treasury")
    for address in TOKENS:
        rich.world.set_token(BASE, address, ACCOUNT, 6)
    await rich.hears("+3 T0N", chat=channel)
    rich.say("/history")
    mine = await rich.hears("All that is watched here")

    rich.say("/history to News")

    page = await rich.hears("📣 News")
    first = tokens_of(page)
    assert len(first) == 10
    page = await turned(rich, page)
    assert len(set(first) | set(tokens_of(page))) == 20
    assert mine.text != page.text
    assert not any("All that is watched" in text for text in rich.said(channel))


async def test_a_time_that_was_asked_about_does_not_move_on_under_the_reader(rich: Stack) -> None:
    rich.say("/history 7d")
    page = await rich.hears("All that is watched here, last 7 days")
    first = tokens_of(page)
    await rich.stop()
    rich.start(now=lambda: clock() + timedelta(days=10))

    page = await turned(rich, page)

    assert len({*first, *tokens_of(page)}) == 20
    rich.say("/history 7d")
    await rich.hears("Nothing changed in that time.")


async def test_a_forged_page_of_any_number_is_shown_without_looking_where_nothing_is(rich: Stack) -> None:
    rich.say("/history")
    page = await rich.hears("All that is watched here")
    shown, first = rich.telegram.chat(page.chat_id).messages, tokens_of(page)
    await turned(rich, page)

    for number in (0, 10**18 - 1):
        await rich.forges(page, f"older:1:{number}")

    await until(lambda: tokens_of(shown[page.message_id]) == first)
