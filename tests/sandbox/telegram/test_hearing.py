"""What the bot hears of what people do."""

import json

import pytest

from bot.sandbox.telegram.server import Telegram
from bot.sandbox.telegram.world.world import Chat, SandboxError, User
from tests.sandbox.telegram.client import Api, heard, keyboard, last_message, statuses


async def test_in_a_group_it_hears_commands_for_itself_and_replies_to_itself(
    telegram: Telegram, api: Api, alice: User
) -> None:
    group = telegram.add_group("Ops", {alice: "member"})
    await api.send(group, "anyone?")
    own = telegram.messages(group)[-1]

    telegram.says(alice, group, "just talking")
    telegram.says(alice, group, "/status@another_bot")
    telegram.says(alice, group, "/status")
    telegram.says(alice, group, "/status@balance_sandbox_bot")
    telegram.says(alice, group, "me", reply_to=own)
    assert await heard(api) == ["/status", "/status@balance_sandbox_bot", "me"]

    telegram.changes_bot(group, "administrator")
    telegram.says(alice, group, "just talking")
    assert (await heard(api))[-1] == "just talking"


async def test_an_anonymous_administrator_writes_in_the_groups_name(
    telegram: Telegram, api: Api, alice: User
) -> None:
    group = telegram.add_supergroup("Ops", {alice: "administrator"})
    telegram.says_anonymously(alice, group, "/status")

    message = await last_message(api)
    assert message["from"] == {
        "id": 1087968824,
        "is_bot": True,
        "first_name": "Group",
        "username": "GroupAnonymousBot",
    }
    assert message["sender_chat"] == {"id": group.id, "type": "supergroup", "title": "Ops"}
    telegram.set_member(group, alice, "member")
    with pytest.raises(SandboxError, match="their status is member"):
        telegram.says_anonymously(alice, group, "/status")


async def test_a_channel_writes_in_a_group_as_itself(telegram: Telegram, api: Api) -> None:
    group, channel = telegram.add_supergroup("Ops"), telegram.add_channel("News")
    telegram.says_as_channel(channel, group, "/status")

    message = await last_message(api)
    assert message["sender_chat"] == {"id": channel.id, "type": "channel", "title": "News"}
    assert '"id": 136817688' in json.dumps(message["from"])


async def test_a_channel_post_has_no_person_behind_it(telegram: Telegram, api: Api, alice: User) -> None:
    channel = telegram.add_channel("News", {alice: "creator"})
    written = telegram.says(alice, channel, "extra")
    telegram.edits(written, "extra extra")
    telegram.renames(alice, channel, "Daily News")

    posted, edited, renamed = (await api.call("getUpdates")).updates
    for post in (posted["channel_post"], edited["edited_channel_post"], renamed["channel_post"]):
        assert '"from"' not in json.dumps(post)
        assert isinstance(post, dict)
        assert post["sender_chat"]["id"] == channel.id


async def test_a_topic_message_is_marked_and_a_reply_thread_is_not(
    telegram: Telegram, api: Api, alice: User
) -> None:
    forum = telegram.add_forum("Ops", {alice: "member"})
    topic = telegram.add_topic(forum, "Treasury")
    telegram.says(alice, forum, "/status", thread_id=topic)
    message = await last_message(api)
    assert (message["message_thread_id"], message["is_topic_message"]) == (topic, True)

    plain = telegram.add_supergroup("Plain", {alice: "member"})
    first = telegram.says(alice, plain, "/status")
    telegram.says(alice, plain, "/help", reply_to=telegram.says(alice, plain, "/status", reply_to=first))
    message = await last_message(api)
    assert message["message_thread_id"] == first.message_id
    assert "is_topic_message" not in message


async def test_a_press_may_carry_data_that_no_button_shows_on_a_message_that_is_gone(
    telegram: Telegram, api: Api, alice: User, chat: Chat
) -> None:
    await api.send(chat, reply_markup=keyboard({"text": "Go", "callback_data": "go"}))
    message = telegram.messages(chat)[0]
    with pytest.raises(SandboxError, match=r'No button "Stop" calls back there; shown are \[\'Go\'\]'):
        telegram.presses(alice, message, "Stop")
    await api.call("deleteMessage", chat_id=chat.id, message_id=message.message_id)

    telegram.presses_unshown(alice, message, "forged")
    query = (await api.call("getUpdates")).updates[0]["callback_query"]
    assert isinstance(query, dict)
    assert (query["data"], query["message"]["date"]) == ("forged", 0)


async def test_a_person_who_blocks_the_bot_is_out_of_reach_until_unblocking(
    telegram: Telegram, api: Api, alice: User, chat: Chat
) -> None:
    telegram.blocks(alice)
    refused = await api.send(chat)
    assert (refused.status, refused.description) == (403, "Forbidden: bot was blocked by the user")
    assert await statuses(api) == [("member", "kicked")]

    telegram.unblocks(alice)
    assert (await api.send(chat)).status == 200
    assert await statuses(api) == [("member", "kicked"), ("kicked", "member")]


async def test_a_group_is_out_of_reach_while_the_bot_is_not_in_it(
    telegram: Telegram, api: Api, alice: User
) -> None:
    group = telegram.add_group("Ops", {alice: "creator"}, bot="left")
    assert (await api.send(group)).description == "Forbidden: bot is not a member of the group chat"
    telegram.adds_bot(group)
    assert (await api.send(group)).status == 200
    telegram.removes_bot(group, by=alice)
    assert (await api.send(group)).description == "Forbidden: bot was kicked from the group chat"
    telegram.adds_bot(group)
    await api.call("leaveChat", chat_id=group.id)
    assert (await api.call("getChatAdministrators", chat_id=group.id)).status == 403
    assert (await statuses(api))[-1] == ("member", "left")


async def test_a_group_that_was_left_can_be_looked_at_and_a_supergroup_cannot(
    telegram: Telegram, api: Api, alice: User
) -> None:
    group = telegram.add_group("Ops", {alice: "creator"}, bot="left")
    supergroup = telegram.add_supergroup("More", {alice: "creator"}, bot="left")

    assert (await api.call("getChat", chat_id=group.id)).result["title"] == "Ops"
    refused = await api.call("getChat", chat_id=supergroup.id)
    assert refused.description == "Forbidden: bot is not a member of the supergroup chat"
