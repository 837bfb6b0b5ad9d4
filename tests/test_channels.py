"""Channels, end to end: an owner opens one and adds in private what it hears; only alerts are posted."""

from pathlib import Path

import pytest

from bot.chat.buttons import toasts
from bot.chat.commands.owners import words as owner_words
from bot.sandbox.telegram.world.world import Chat
from tests.stack import ACCOUNT, CHECKSUMMED, POLYGON, USDC_POLYGON, Stack, buttons_of, open_stack
from tests.waits import until

HEADING = "📣 Alerts\n"
NAME = "All of it is the name"


async def opened(stack: Stack, title: str = "Alerts") -> Chat:
    """Let Olga make the bot an administrator of a channel of hers, and open it."""
    channel = stack.telegram.add_channel(title, {stack.olga: "creator"}, bot="left")
    stack.telegram.changes_bot(channel, "administrator", by=stack.olga)
    offer = await stack.hears("You made me an administrator")
    assert await stack.presses(offer, f"Open {title}") == owner_words.CHAT_OPENED
    await stack.shows(offer, f"{title} is open now")
    return channel


async def watches(stack: Stack, channel: Chat, name: str = "Alerts") -> None:
    stack.say(f"/watch {CHECKSUMMED} as Treasury to {name}")
    assert (await stack.hears("Watching Treasury")).text.startswith(HEADING)
    await stack.hears("Watching Treasury", chat=channel)


def sent(stack: Stack, channel: Chat) -> int:
    """Return how many messages the bot has tried to post in a channel."""
    posts = [call for call in stack.telegram.calls if call.method == "sendMessage"]
    return sum(str(call.parameters["chat_id"]) == str(channel.id) for call in posts)


# ---------------------------------------------------------------- opening


async def test_an_owner_who_makes_the_bot_an_administrator_is_offered_to_open_the_channel(
    stack: Stack,
) -> None:
    channel = stack.telegram.add_channel("Alerts", {stack.olga: "creator"}, bot="left")

    stack.telegram.changes_bot(channel, "administrator", by=stack.olga)

    offer = await stack.hears("administrator of Alerts")
    assert buttons_of(offer) == ["Open Alerts"]
    await stack.presses(offer, "Open Alerts")
    shown = await stack.shows(offer, "Alerts is open now")
    assert "/watch 0x… as Treasury to Alerts" in shown.text
    assert stack.said(channel) == []


async def test_somebody_else_who_makes_the_bot_an_administrator_asks_for_access(stack: Stack) -> None:
    mallory = stack.telegram.add_user("Mallory")
    channel = stack.telegram.add_channel("Scams", {mallory: "creator"}, bot="left")

    stack.telegram.changes_bot(channel, "administrator", by=mallory)

    knock = await stack.hears("🚪")
    assert knock.text == f"🚪 Mallory ({mallory.id}) would like to use this bot in Scams ({channel.id})."
    assert stack.said(channel) == []


@pytest.mark.parametrize("name", ["{}", "@team_alerts", "https://t.me/team_alerts"])
async def test_a_channel_that_the_bot_never_heard_of_is_opened_by_id_or_username(
    stack: Stack, name: str
) -> None:
    channel = stack.telegram.add_channel("Alerts", {stack.olga: "creator"})
    channel.username = "team_alerts"

    stack.say(f"/allow {name.format(channel.id)}")

    await stack.hears("Alerts is open now.\nOnly its alerts are posted there.")
    await watches(stack, channel, name.format(channel.id))
    assert not any("opened" in text for text in stack.said(channel))


async def test_a_channel_where_the_bot_may_not_post_is_opened_with_a_warning(stack: Stack) -> None:
    channel = stack.telegram.add_channel("Alerts", {stack.olga: "creator"})
    channel.bot_may_post = False

    stack.say(f"/allow {channel.id}")

    warned = await stack.hears("Alerts is open now")
    assert "can't write there yet: the bot may not post there" in warned.text


# ---------------------------------------------------------------- what it hears


async def test_what_is_watched_for_a_channel_is_posted_there_without_buttons(stack: Stack) -> None:
    channel = await opened(stack)
    await watches(stack, channel)

    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -(10**6))

    alert = await stack.hears("−1 USDC", chat=channel)
    assert alert.buttons == ()
    assert not any("USDC" in text for text in stack.said())


async def test_nothing_but_alerts_is_posted_in_a_channel(stack: Stack) -> None:
    channel = await opened(stack)
    await watches(stack, channel)
    posted = len(stack.said(channel))
    for typed in ("/list", "/watch@balance_sandbox_bot", f"/watch {CHECKSUMMED}", CHECKSUMMED, "hello"):
        stack.say(typed, chat=channel)
    for typed in ("/list in Alerts", "/status in Alerts", "/mute 1h in Alerts", "/unmute in Alerts"):
        stack.say(typed)
        assert (await stack.hears("📣")).text.startswith(HEADING)
    stack.say("/balance 0x000000000000000000000000000000000000dEaD in Alerts")
    await stack.hears("000000000000000000000000000000000000dEaD"[-4:])

    assert len(stack.said(channel)) == posted


async def test_a_late_answer_about_a_channel_comes_to_who_asked(stack: Stack) -> None:
    channel = await opened(stack)
    stack.gateway.gate.hold()

    stack.say(f"/balance {CHECKSUMMED} in Alerts")

    await stack.hears("Asking about")
    stack.gateway.gate.release()
    await stack.hears("USDC")
    assert stack.said(channel) == []


async def test_a_channel_has_a_list_of_its_own(stack: Stack) -> None:
    channel = await opened(stack)
    await watches(stack, channel)

    stack.say("/list in alerts")
    assert "Treasury" in (await stack.hears("Watched here: 1")).text
    stack.say("/list")
    await stack.hears("Nothing is watched here yet")
    stack.say("/unwatch Treasury in Alerts")
    assert (await stack.hears("Stopped")).text.startswith(HEADING)
    stack.say("/list in Alerts")
    await stack.hears("Nothing is watched here yet")


async def test_the_buttons_of_an_answer_act_on_the_channel(stack: Stack) -> None:
    channel = await opened(stack)
    await watches(stack, channel)
    stack.say("/unwatch Treasury in Alerts")
    stopped = await stack.hears("Stopped")

    assert await stack.presses(stopped, "Undo") == toasts.UNDONE

    assert (await stack.shows(stopped, "again")).text.startswith(HEADING)
    stack.say("/list in Alerts")
    await stack.hears("Watched here: 1")


async def test_a_channels_list_is_turned_and_opened_in_private(stack: Stack) -> None:
    channel = await opened(stack)
    many = "\n".join(f"0x{number:040x} as Account {number}" for number in range(1, 13))
    stack.say(f"/watch {many} to Alerts")
    await stack.hears("Watching 12 accounts")
    stack.say("/list in Alerts")
    page = await stack.hears("Watched here: 12")

    await stack.presses(page, "›")
    assert (await stack.shows(page, "2/2")).text.startswith(HEADING)
    await stack.presses(page, "#12 Account 12")
    await until(lambda: "Stop" in buttons_of(stack.chat.messages[page.message_id]))
    await stack.presses(page, "Stop")

    assert (await stack.hears("Stopped watching Account 12")).text.startswith(HEADING)
    stack.say("/list in Alerts")
    await stack.hears("Watched here: 11")
    assert not any("Stopped" in text for text in stack.said(channel))


async def test_lines_of_a_message_are_all_for_the_channel_named_in_the_first(stack: Stack) -> None:
    await opened(stack)

    stack.say(f"/watch {CHECKSUMMED} as Till to Alerts\n0x{1:040x} as Vault")

    assert (await stack.hears("Watching 2 accounts")).text.startswith(HEADING)


async def test_two_channels_of_one_name_are_asked_about(stack: Stack) -> None:
    first, second = await opened(stack), await opened(stack)

    stack.say(f"/watch {CHECKSUMMED} as Treasury to Alerts")

    question = await stack.hears("Several are called Alerts")
    assert sorted(buttons_of(question)) == sorted(f"{one.id} Alerts" for one in (first, second))
    await stack.presses(question, f"{second.id} Alerts")
    assert (await stack.hears("Watching Treasury")).text.startswith(HEADING)
    await stack.hears("Watching Treasury", chat=second)
    assert stack.said(first) == []


@pytest.mark.parametrize(
    "typed", ["/watch {} to Alrets", "/watch {} as Treasury to Alrets", "/list in Alrets", "/list in Ops"]
)
async def test_a_channel_that_nobody_knows_is_refused_and_those_known_are_offered(
    stack: Stack, typed: str
) -> None:
    await opened(stack)

    stack.say(typed.format(CHECKSUMMED))

    refused = await stack.hears("I don't know a channel called")
    assert [one for one in buttons_of(refused) if one != NAME] == ["Alerts"]
    await stack.presses(refused, "Alerts")
    assert (await stack.hears("📣")).text.startswith(HEADING)


@pytest.mark.parametrize("is_any_known", [True, False])
async def test_a_label_that_ends_like_no_channel_that_is_known_is_asked_about(
    stack: Stack,
    is_any_known: bool,  # noqa: FBT001 - a parameter of pytest
) -> None:
    if is_any_known:
        await opened(stack)

    stack.say(f"/watch {CHECKSUMMED} as Back to Life")
    asked = await stack.hears("I don't know a channel called Life.")
    assert buttons_of(asked) == (["Alerts", NAME] if is_any_known else [NAME])
    stack.say("/list")
    await stack.hears("Nothing is watched here yet")
    await stack.presses(asked, NAME)
    await stack.hears("Watching Back to Life")

    stack.say("/unwatch Back to Life")
    await stack.hears("Stopped")


async def test_who_is_no_owner_reaches_no_channel(tmp_path: Path) -> None:
    async with open_stack(tmp_path) as stack:
        stack.start()
        channel = await opened(stack)
        alice = stack.telegram.add_user("Alice")
        chat = stack.telegram.add_private_chat(alice)
        stack.say(f"/allow {chat.id}")
        await stack.hears("can use the bot")
        await stack.hears("opened this chat", chat=chat)

        stack.say(f"/watch {CHECKSUMMED} as Treasury to Alerts", user=alice, chat=chat)
        await stack.hears("Watching Treasury to Alerts", chat=chat)
        stack.say("/list in Alerts", user=alice, chat=chat)
        await stack.hears("Treasury to Alerts", chat=chat)

        stack.say("/list in Alerts")
        await stack.hears("Nothing is watched here yet")
        assert stack.said(channel) == []


async def test_a_press_in_a_channel_does_nothing(stack: Stack) -> None:
    channel = await opened(stack)
    await watches(stack, channel)
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -(10**6))
    alert = await stack.hears("−1 USDC", chat=channel)

    for data in ("look:1", "quiet:1", "list:1", "do:1", "allow:1", "channel:1"):
        assert await stack.forges(alert, data) == toasts.UNKNOWN_BUTTON


async def test_a_closed_channel_is_offered_to_be_opened(stack: Stack) -> None:
    channel = await opened(stack)
    await watches(stack, channel)
    stack.say("/deny Alerts")
    await stack.hears("Alerts is closed now")

    stack.say("/list in Alerts")

    offer = await stack.hears("Alerts is closed.")
    await stack.presses(offer, "Open Alerts")
    await stack.hears("Alerts is open now")
    stack.say("/list in Alerts")
    await stack.hears("Watched here: 1")


# ---------------------------------------------------------------- rights that are lost


async def test_a_channel_where_the_right_to_post_is_lost_is_out_of_reach_until_it_is_back(
    stack: Stack,
) -> None:
    channel = await opened(stack)
    await watches(stack, channel)

    stack.telegram.changes_bot(channel, "administrator", by=stack.olga, may_post=False)
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -(10**6))
    stack.say("/chats")
    assert "can't be reached: the bot may not post there" in (await stack.hears("Chats:")).text
    stack.telegram.changes_bot(channel, "administrator", by=stack.olga)

    await stack.hears("−1 USDC", chat=channel)
    stack.say("/chats")
    assert "can't be reached" not in (await stack.hears("Chats:")).text
    assert not any("You made me" in text for text in stack.said())


async def test_a_channel_that_removed_the_bot_is_out_of_reach(stack: Stack) -> None:
    channel = await opened(stack)

    stack.telegram.removes_bot(channel, by=stack.olga)
    stack.say("/chats")

    assert "can't be reached: the bot is kicked there" in (await stack.hears("Chats:")).text


async def test_a_channel_whose_right_to_post_goes_unnoticed_keeps_its_alerts(stack: Stack) -> None:
    channel = await opened(stack)
    await watches(stack, channel)

    channel.bot_may_post = False
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -(10**6))
    await until(lambda: sent(stack, channel) > len(stack.said(channel)))
    stack.telegram.changes_bot(channel, "administrator", by=stack.olga)

    await stack.hears("−1 USDC", chat=channel)


async def test_a_list_is_imported_for_a_channel_and_exported_from_it(stack: Stack) -> None:
    channel = await opened(stack)
    content = f"{CHECKSUMMED} on polygon out min $5 as Treasury\n".encode()
    stack.telegram.sends_file(stack.olga, stack.chat, "list.txt", content, "/import to Alerts")
    preview = await stack.hears("📥 1 new")
    assert preview.text.startswith(HEADING)

    await stack.presses(preview, "Import 1")

    assert (await stack.hears("Imported Treasury")).text.startswith(HEADING)
    await stack.hears("Watching Treasury", chat=channel)
    stack.say("/export watchlist to Alerts")
    exported = await stack.hears("📋 1 account and 1 filter")
    assert exported.document is not None
    assert content in exported.document.content
