"""How a group becomes a supergroup, as the bot meets it."""

import json

import pytest
from telegram import Bot
from telegram.error import ChatMigrated

from bot.sandbox.telegram.server import Telegram
from bot.sandbox.telegram.world.world import Chat, SandboxError, User
from tests.sandbox.telegram.client import Api, Json, texts


@pytest.fixture
def group(telegram: Telegram, alice: User) -> Chat:
    return telegram.add_group("Ops", {alice: "creator"})


async def told(api: Api) -> list[tuple[object, str, object]]:
    """Return what was heard of migrations: in which chat, which side, and the other chat."""
    messages = [update["message"] for update in (await api.call("getUpdates")).updates]
    return [
        (message["chat"]["id"], side, message[f"migrate_{side}_chat_id"])
        for message in messages
        if isinstance(message, dict)
        for side in ("to", "from")
        if f"migrate_{side}_chat_id" in message
    ]


async def test_a_library_bot_is_sent_to_the_new_chat(bot: Bot, telegram: Telegram, group: Chat) -> None:
    supergroup = telegram.migrates(group)

    with pytest.raises(ChatMigrated) as moved:
        await bot.send_message(group.id, "hello")
    assert moved.value.new_chat_id == supergroup.id
    await bot.send_message(moved.value.new_chat_id, "hello")
    assert texts(telegram, supergroup) == ["", "hello"]
    assert (supergroup.type, supergroup.title, supergroup.members) == ("supergroup", "Ops", group.members)


@pytest.mark.parametrize(
    ("method", "parameters"),
    [
        ("sendMessage", {"text": "hello"}),
        ("sendChatAction", {"action": "typing"}),
        ("getChatAdministrators", {}),
    ],
)
async def test_the_old_id_names_the_new_one(
    telegram: Telegram, api: Api, group: Chat, method: str, parameters: Json
) -> None:
    supergroup = telegram.migrates(group)
    reply = await api.call(method, chat_id=group.id, **parameters)

    assert json.loads(reply.text) == {
        "ok": False,
        "error_code": 400,
        "description": "Bad Request: group chat was upgraded to a supergroup chat",
        "parameters": {"migrate_to_chat_id": supergroup.id},
    }
    assert (await api.call("getChat", chat_id=group.id)).status == 200


async def test_both_sides_are_told_in_any_order_and_as_often_as_wanted(
    telegram: Telegram, api: Api, group: Chat
) -> None:
    new = telegram.migrates(group, tells=("from", "to", "from"), chat_id=-1009).id

    assert new == -1009
    assert await told(api) == [(new, "from", group.id), (group.id, "to", new), (new, "from", group.id)]


async def test_the_bot_may_hear_of_it_later_or_only_by_sending(
    telegram: Telegram, api: Api, group: Chat
) -> None:
    new = telegram.migrates(group, tells=()).id
    assert await told(api) == []

    telegram.tells_of_migration(group, "to")
    assert await told(api) == [(group.id, "to", new)]


async def test_only_a_group_that_lives_is_upgraded_and_nobody_speaks_in_the_old_one(
    telegram: Telegram, group: Chat, alice: User, chat: Chat
) -> None:
    with pytest.raises(SandboxError, match="was not upgraded"):
        telegram.tells_of_migration(group, "to")
    telegram.migrates(group)

    with pytest.raises(SandboxError, match="is no basic group that lives"):
        telegram.migrates(group)
    with pytest.raises(SandboxError, match="is no basic group that lives"):
        telegram.migrates(chat)
    with pytest.raises(SandboxError, match="Ops is no more"):
        telegram.says(alice, group, "hello?")
