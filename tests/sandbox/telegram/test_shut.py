"""Chats that are shut to the bot, in the words in which Telegram says so."""

import pytest
from telegram import Bot, ChatMemberRestricted
from telegram.error import BadRequest, Forbidden

from bot.sandbox.telegram.server import Telegram
from bot.sandbox.telegram.world.world import Chat, SandboxError, User
from tests.sandbox.telegram.client import Api, statuses


async def test_a_library_bot_may_not_write_while_it_is_restricted(
    bot: Bot, telegram: Telegram, alice: User
) -> None:
    group = telegram.add_supergroup("Ops", {alice: "creator"})
    telegram.restricts_bot(group)

    with pytest.raises(BadRequest, match="Not enough rights to send text messages to the chat"):
        await bot.send_message(group.id, "hello")
    (update,) = await bot.get_updates()
    assert update.my_chat_member is not None
    restricted = update.my_chat_member.new_chat_member
    assert isinstance(restricted, ChatMemberRestricted)
    assert (restricted.is_member, restricted.can_send_messages) == (True, False)
    telegram.changes_bot(group, "member")
    assert (await bot.send_message(group.id, "hello")).text == "hello"


async def test_who_is_restricted_hears_and_presses_but_does_not_speak(
    telegram: Telegram, api: Api, alice: User
) -> None:
    bob = telegram.add_user("Bob")
    group = telegram.add_supergroup("Ops", {alice: "creator", bob: "restricted"}, bot="restricted")
    telegram.says(alice, group, "/status")

    assert len((await api.call("getUpdates")).updates) == 1
    assert (await api.call("getChatMember", chat_id=group.id, user_id=bob.id)).result[
        "status"
    ] == "restricted"
    with pytest.raises(SandboxError, match="their status is restricted"):
        telegram.says(bob, group, "/status")


async def test_a_person_without_an_account_can_be_written_to_no_more(
    bot: Bot, telegram: Telegram, api: Api, alice: User, chat: Chat
) -> None:
    sent = await bot.send_message(chat.id, "hello")
    telegram.deactivate(alice)

    with pytest.raises(Forbidden, match="Forbidden: user is deactivated"):
        await bot.send_message(chat.id, "hello")
    with pytest.raises(Forbidden, match="Forbidden: user is deactivated"):
        await bot.edit_message_text("changed", chat.id, sent.message_id)
    with pytest.raises(SandboxError, match="Alice has no account any more"):
        telegram.says(alice, chat, "hello")
    assert (await api.call("getUpdates")).updates == []
    assert (await bot.get_chat(chat.id)).id == chat.id


async def test_a_deleted_group_says_so_and_a_deleted_supergroup_says_kicked(
    telegram: Telegram, api: Api, alice: User, chat: Chat
) -> None:
    group, supergroup = telegram.add_group("Ops", {alice: "creator"}), telegram.add_supergroup("More")
    telegram.delete_group(group)
    telegram.delete_group(supergroup)

    refused = await api.send(group)
    assert (refused.status, refused.description) == (403, "Forbidden: the group chat was deleted")
    assert (await api.send(supergroup)).description == "Forbidden: bot was kicked from the supergroup chat"
    assert (await api.send(chat)).status == 200
    with pytest.raises(SandboxError, match="Ops is no more"):
        telegram.says(alice, group, "hello?")
    with pytest.raises(SandboxError, match="Alice is no group"):
        telegram.delete_group(chat)


async def test_whoever_never_pressed_start_cannot_be_written_to(bot: Bot, telegram: Telegram) -> None:
    met, never_met = telegram.add_user("Bob"), telegram.add_user("Carol")
    telegram.add_group("Ops", {met: "member"})
    telegram.add_group("Others", {never_met: "member"}, bot="left")

    with pytest.raises(Forbidden, match="Forbidden: bot can't initiate conversation with a user"):
        await bot.send_message(met.id, "hello")
    with pytest.raises(BadRequest, match="Chat not found"):
        await bot.send_message(never_met.id, "hello")
    telegram.add_private_chat(met)
    assert (await bot.send_message(met.id, "hello")).text == "hello"


async def test_a_bot_cannot_be_written_to(bot: Bot, telegram: Telegram) -> None:
    with pytest.raises(Forbidden, match="Forbidden: bot can't send messages to bots"):
        await bot.send_message(telegram.bot.id, "hello")


async def test_a_public_chat_answers_to_its_name_and_a_person_does_not(
    telegram: Telegram, api: Api, alice: User
) -> None:
    channel = telegram.add_channel("News", {alice: "creator"})
    channel.username = "daily_news"

    assert (await api.call("sendMessage", chat_id="@Daily_News", text="hello")).status == 200
    refused = await api.call("sendMessage", chat_id=f"@{alice.username}", text="hello")
    assert refused.description == "Bad Request: chat not found"


async def test_taking_the_bot_in_again_opens_what_was_shut(telegram: Telegram, api: Api, alice: User) -> None:
    group = telegram.add_group("Ops", {alice: "creator"})
    telegram.removes_bot(group)
    assert (await api.send(group)).status == 403
    telegram.adds_bot(group)
    assert (await api.send(group)).status == 200
    telegram.restricts_bot(group)
    assert (await api.send(group)).status == 400
    telegram.changes_bot(group, "administrator")

    assert (await api.send(group)).status == 200
    assert await statuses(api) == [
        ("member", "kicked"),
        ("kicked", "member"),
        ("member", "restricted"),
        ("restricted", "administrator"),
    ]
