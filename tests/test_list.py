"""An entry of /list opened by its button, end to end: it is looked at, renamed, muted and stopped there."""

import pytest

from bot.chat.buttons import toasts
from bot.chat.commands import mute
from bot.sandbox.telegram.world.world import Message
from tests.stack import CHECKSUMMED, POLYGON, USDC_POLYGON, Stack, buttons_of
from tests.waits import until

ENTRY = f"#1 Treasury · 0x8e3E…d8B9 on Polygon\n{CHECKSUMMED}"


@pytest.fixture
async def opened(stack: Stack) -> Message:
    """Let Olga watch an account on one chain, and open its entry."""
    await stack.watches(f"/watch {CHECKSUMMED} on polygon as Treasury")
    stack.say("/list")
    listed = await stack.hears("Watched here: 1")
    assert buttons_of(listed) == ["#1 Treasury"]
    await stack.presses(listed, "#1 Treasury")
    return await stack.shows(listed, CHECKSUMMED)


async def has_button(stack: Stack, message: Message, text: str) -> Message:
    """Wait until a message has a button, and return it as it is then."""
    shown = stack.telegram.chat(message.chat_id).messages
    await until(lambda: text in buttons_of(shown[message.message_id]))
    return shown[message.message_id]


async def test_an_entry_shows_itself_and_what_can_be_done(opened: Message) -> None:
    assert opened.text == ENTRY
    assert buttons_of(opened) == ["Balances", "Rename", "Mute 1 h", "Stop", "‹ List"]


async def test_its_balances_come_in_a_message_of_their_own(stack: Stack, opened: Message) -> None:
    await stack.presses(opened, "Balances")

    assert "50 USDC" in (await stack.hears("Treasury · 0x8e3E…d8B9")).text
    assert stack.chat.messages[opened.message_id].text == ENTRY


async def test_a_second_press_prolongs_no_mute_and_the_end_is_one_press_away(
    stack: Stack, opened: Message
) -> None:
    assert await stack.presses(opened, "Mute 1 h") == mute.MUTED
    muted = await stack.shows(opened, "🔕 Treasury · 0x8e3E…d8B9 on Polygon is muted until")
    assert buttons_of(muted) == ["Balances", "Rename", "Unmute", "Stop", "‹ List"]

    mute_button = opened.buttons[1][0]
    assert (await stack.forges(opened, mute_button.callback_data)).startswith("Muted already, until ")

    assert await stack.presses(muted, "Unmute") == mute.UNMUTED
    assert (await has_button(stack, opened, "Mute 1 h")).text == ENTRY
    stack.world.move(POLYGON, USDC_POLYGON, CHECKSUMMED.lower(), 1_000_000)
    await stack.hears("+1 USDC")


async def test_where_all_of_the_chat_is_muted_an_entry_says_so_and_has_a_mute_of_its_own(
    stack: Stack, opened: Message
) -> None:
    stack.say("/mute 2h")
    await stack.hears("This chat is muted")

    await stack.presses(opened, "Mute 1 h")

    shown = await stack.shows(opened, "🔕 Treasury")
    assert "🔕 This chat is muted until" in shown.text
    await stack.presses(shown, "Unmute")
    left = await has_button(stack, opened, "Mute 1 h")
    assert "🔕 This chat" in left.text
    assert "🔕 Treasury" not in left.text


async def test_it_says_how_it_is_renamed(stack: Stack, opened: Message) -> None:
    await stack.presses(opened, "Rename")

    said = await stack.hears("To rename Treasury")
    assert said.text.endswith("\n/rename #1 as New name")


async def test_it_is_stopped_once_and_can_be_taken_back(stack: Stack, opened: Message) -> None:
    stop = opened.buttons[1][1]
    await stack.presses(opened, "Stop")
    ended = await stack.hears("Stopped watching Treasury")
    assert buttons_of(ended) == ["Undo"]

    for button in (stop, opened.buttons[0][0], opened.buttons[0][1], opened.buttons[1][0]):
        assert await stack.forges(opened, button.callback_data) == toasts.NOT_HERE
    left = await stack.shows(opened, "Nothing is watched here yet")
    assert buttons_of(left) == []


async def test_a_mute_that_outlives_what_is_watched_says_so(stack: Stack, opened: Message) -> None:
    await stack.presses(opened, "Mute 1 h")
    muted = await has_button(stack, opened, "Unmute")

    await stack.presses(muted, "Stop")

    ended = await stack.hears("Stopped watching Treasury")
    assert "1 h more (no longer watched)" in (await stack.shows(opened, "Nothing is watched")).text
    await stack.presses(ended, "Undo")
    await stack.shows(ended, "again")
    stack.say("/list")
    assert "(no longer watched)" not in (await stack.hears("Watched here: 1")).text


async def test_a_name_alone_offers_its_balances_and_words_that_are_no_command_offer_none(
    stack: Stack, opened: Message
) -> None:
    always = ["Watch an address", "My list", "Help"]
    for typed, offered in (
        ("treasury", ["Balances of Treasury"]),
        ("stop", ["Pause alerts"]),
        ("mute Treasury", ["/mute Treasury"]),
        ("help watch", ["/help watch"]),
        ("help me", []),
        ("watch my wallet please", []),
        ("Treasury it is", []),
    ):
        stack.say(typed)
        assert buttons_of(await stack.hears("I watch wallets")) == [*offered, *always], typed
    assert opened.text == ENTRY


async def test_all_is_everything_to_look_at_and_nothing_to_stop(stack: Stack, opened: Message) -> None:
    stack.say("/balance all")
    assert "50 USDC" in (await stack.hears("Treasury · 0x8e3E…d8B9")).text
    stack.say("/unwatch all")
    assert buttons_of(await stack.hears("I stop only what you name")) == ["My list"]

    stack.say("/rename #1 as All")
    await stack.hears("is now called All")
    stack.say("/unwatch all")
    await stack.hears("Stopped watching All")
    stack.say("/list")
    await stack.hears("Nothing is watched here yet")
    assert sum("I stop only" in said for said in stack.said()) == 1
    assert opened.text == ENTRY


async def test_a_token_has_no_balances_of_its_own_and_is_not_muted(stack: Stack) -> None:
    stack.say(f"/watch token {USDC_POLYGON} as Dollars")
    await stack.hears("token 0x3c49…3359 in")
    stack.say("/list")
    listed = await stack.hears("Watched here: 1")

    await stack.presses(listed, "#1 Dollars")

    shown = await has_button(stack, listed, "Rename")
    assert buttons_of(shown) == ["Rename", "Stop", "‹ List"]
    row = shown.buttons[0][0].callback_data.split(":")[1]
    assert await stack.forges(shown, f"mute:{row}:1") == toasts.NOT_HERE
    assert await stack.forges(shown, f"holds:{row}") == toasts.NOT_HERE


async def test_a_member_opens_an_entry_and_changes_nothing_there(stack: Stack) -> None:
    member = stack.telegram.add_user("Bob")
    group = stack.telegram.add_group("Ops", {stack.olga: "creator", member: "member"})
    stack.say("/allow", chat=group)
    await stack.hears("open now", chat=group)
    stack.say(f"/watch {CHECKSUMMED} as Till", chat=group)
    await stack.hears("balances", chat=group)
    stack.say("/list", chat=group, user=member)
    listed = await stack.hears("Watched here: 1", chat=group)

    assert await stack.presses(listed, "#1 Till", user=member) == ""

    opened = await stack.shows(listed, CHECKSUMMED)
    for change in ("Rename", "Mute 1 h", "Stop"):
        assert await stack.presses(opened, change, user=member) == toasts.ADMINISTRATORS_ONLY
    stack.say("/start")
    private = await stack.hears("Hello")
    for button in [one for row in opened.buttons[:2] for one in row]:
        assert await stack.forges(private, button.callback_data) == toasts.NOT_HERE
