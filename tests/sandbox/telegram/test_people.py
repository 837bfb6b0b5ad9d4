"""What people and other bots do, and how a real client library reads it."""

import pytest
from telegram import (
    Bot,
    Message,
    MessageOriginChannel,
    MessageOriginChat,
    MessageOriginHiddenUser,
    MessageOriginUser,
    Update,
)

from bot.sandbox.telegram.server import Telegram
from bot.sandbox.telegram.world.world import Chat, SandboxError, User
from tests.sandbox.telegram.client import Api, Json, heard, keyboard, statuses


@pytest.fixture
def group(telegram: Telegram, alice: User) -> Chat:
    return telegram.add_group("Ops", {alice: "creator"})


def message_of(update: Update) -> Message:
    assert update.message is not None
    return update.message


# ---------------------------------------------------------------- starting


async def test_a_person_starts_by_a_deep_link_and_can_then_be_written_to(
    bot: Bot, telegram: Telegram
) -> None:
    bob = telegram.add_user("Bob")
    telegram.starts(bob, "w_" + "0" * 40)

    (update,) = await bot.get_updates()
    assert message_of(update).text == "/start w_" + "0" * 40
    assert (await bot.send_message(bob.id, "Welcome")).text == "Welcome"


async def test_starting_again_takes_a_block_back(
    telegram: Telegram, api: Api, alice: User, chat: Chat
) -> None:
    telegram.blocks(alice)
    telegram.starts(alice)

    assert await heard(api) == ["/start"]
    assert await statuses(api) == [("member", "kicked"), ("kicked", "member")]
    assert (await api.send(chat)).status == 200


async def test_a_deep_link_adds_the_bot_to_a_group_and_names_it_there(
    telegram: Telegram, api: Api, alice: User
) -> None:
    group = telegram.add_group("Ops", {alice: "creator"}, bot="left")
    telegram.starts_in(alice, group, "code")
    telegram.starts_in(alice, group)

    assert await heard(api) == ["/start@balance_sandbox_bot code", "/start@balance_sandbox_bot"]
    assert await statuses(api) == [("left", "member")]


@pytest.mark.parametrize("payload", ["x" * 65, "a b", "ä", "a=b"])
def test_a_deep_link_carries_no_more_than_telegram_allows(payload: str) -> None:
    telegram = Telegram()
    user = telegram.add_user("Bob")
    telegram.starts(user, "x" * 64)

    with pytest.raises(SandboxError, match="A start link carries 1 to 64"):
        telegram.starts(user, payload)


# ---------------------------------------------------------------- forwarding


async def test_a_forwarded_command_arrives_with_its_origin(
    bot: Bot, telegram: Telegram, alice: User, group: Chat
) -> None:
    channel, other = telegram.add_channel("News"), telegram.add_supergroup("Other")
    for came_from in (telegram.add_user("Bob"), "A hidden name", channel, other):
        telegram.forwards(alice, group, "/remove", came_from)

    messages = [message_of(update) for update in await bot.get_updates()]
    assert [type(message.forward_origin) for message in messages] == [
        MessageOriginUser,
        MessageOriginHiddenUser,
        MessageOriginChannel,
        MessageOriginChat,
    ]
    assert {message.text for message in messages} == {"/remove"}
    telegram.says(alice, group, "/remove")
    assert message_of((await bot.get_updates(offset=-1))[0]).forward_origin is None


async def test_an_edited_message_arrives_as_one(
    bot: Bot, telegram: Telegram, alice: User, group: Chat
) -> None:
    telegram.edits(telegram.says(alice, group, "/status"), "/remove")

    said, edited = await bot.get_updates()
    assert said.edited_message is None
    assert edited.message is None
    assert edited.edited_message is not None
    assert edited.edited_message.text == "/remove"


# ---------------------------------------------------------------- what Telegram itself writes


async def test_a_plain_bot_hears_who_comes_goes_pins_and_renames(
    bot: Bot, telegram: Telegram, alice: User, group: Chat
) -> None:
    bob = telegram.add_user("Bob")
    telegram.joins(bob, group)
    said = telegram.says(bob, group, "not for the bot")
    telegram.pins(alice, said)
    telegram.renames(alice, group, "Operations")
    telegram.leaves(bob, group, by=alice)

    joined, pinned, renamed, left = (message_of(update) for update in await bot.get_updates())
    assert [user.id for user in joined.new_chat_members] == [bob.id]
    assert pinned.pinned_message is not None
    assert pinned.pinned_message.message_id == said.message_id
    assert (renamed.new_chat_title, renamed.chat.title) == ("Operations", "Operations")
    assert left.left_chat_member is not None
    assert left.left_chat_member.id == bob.id
    assert left.from_user is not None
    assert left.from_user.id == alice.id
    assert (group.members[bob.id], joined.text) == ("kicked", None)


async def test_who_leaves_by_themselves_may_come_back_and_nobody_leaves_twice(
    telegram: Telegram, group: Chat
) -> None:
    bob = telegram.add_user("Bob")
    telegram.joins(bob, group)
    telegram.leaves(bob, group)

    assert group.members[bob.id] == "left"
    with pytest.raises(SandboxError, match="their status is left"):
        telegram.leaves(bob, group)
    with pytest.raises(SandboxError, match="their status is left"):
        telegram.pins(bob, telegram.messages(group)[0])


async def test_the_bot_hears_of_its_own_coming_twice_and_of_its_going(
    telegram: Telegram, api: Api, alice: User
) -> None:
    group = telegram.add_group("Ops", {alice: "creator"}, bot="left")
    telegram.joins(telegram.bot, group, by=alice)
    telegram.leaves(telegram.bot, group, by=alice)

    updates = (await api.call("getUpdates")).updates
    kinds = [next(kind for kind in update if kind != "update_id") for update in updates]
    assert kinds == ["my_chat_member", "message", "message", "my_chat_member"]
    assert await statuses(api) == [("left", "member"), ("member", "kicked")]
    telegram.joins(telegram.add_user("Bob"), group)
    assert len((await api.call("getUpdates")).updates) == 4


# ---------------------------------------------------------------- other bots


async def test_what_other_bots_say_is_never_heard(telegram: Telegram, api: Api) -> None:
    helper = telegram.add_bot("Helper", "helper_bot")
    group = telegram.add_group("Ops", {helper: "member"}, bot="administrator")
    telegram.says(helper, group, "/status@balance_sandbox_bot")

    assert await heard(api) == []


async def test_a_plain_command_is_heard_unless_another_bot_spoke_last(
    telegram: Telegram, api: Api, alice: User
) -> None:
    helper = telegram.add_bot("Helper", "helper_bot")
    group = telegram.add_group("Ops", {alice: "creator", helper: "member"})
    telegram.says(alice, group, "/one")
    telegram.says(helper, group, "I am here")
    telegram.says(alice, group, "/two")
    telegram.says(alice, group, "/three@balance_sandbox_bot")
    await api.send(group, "me too")
    telegram.says(alice, group, "/four")

    assert await heard(api) == ["/one", "/three@balance_sandbox_bot", "/four"]


# ---------------------------------------------------------------- buttons


async def test_a_button_may_copy_a_text_of_up_to_256_characters(
    telegram: Telegram, api: Api, chat: Chat, alice: User
) -> None:
    copying: Json = {"text": "Copy", "copy_text": {"text": "x" * 256}}
    sent = await api.send(chat, reply_markup=keyboard(copying))
    assert sent.result["reply_markup"] == {"inline_keyboard": [[copying]]}
    with pytest.raises(SandboxError, match='No button "Copy" calls back'):
        telegram.presses(alice, telegram.messages(chat)[0], "Copy")

    for text in ("", "x" * 257):
        refused = await api.send(chat, reply_markup=keyboard({**copying, "copy_text": {"text": text}}))
        assert refused.description == "Bad Request: BUTTON_COPY_TEXT_INVALID"


@pytest.mark.parametrize(
    "url", ["", "http://", "https:///path", "https://a b", "javascript:alert(1)", "e.org"]
)
async def test_a_button_leads_only_where_a_link_can(api: Api, chat: Chat, url: str) -> None:
    refused = await api.send(chat, reply_markup=keyboard({"text": "Open", "url": url}))
    assert refused.description == "Bad Request: BUTTON_URL_INVALID"

    for fine in ("https://example.org/a?b=c", "tg://user?id=1"):
        assert (await api.send(chat, reply_markup=keyboard({"text": "Open", "url": fine}))).status == 200
