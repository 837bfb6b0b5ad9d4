"""The bot's lists of commands: by scope and language, and as people see them."""

import pytest
from telegram import (
    Bot,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
    BotCommandScopeChatAdministrators,
    BotCommandScopeChatMember,
)
from telegram.error import BadRequest, Forbidden

from bot.sandbox.telegram.server import Telegram
from bot.sandbox.telegram.world.world import Chat, User
from tests.sandbox.telegram.client import Api, Json

STATUS: Json = {"command": "status", "description": "How fresh everything is"}


async def test_a_library_bot_keeps_a_list_per_scope_and_language(bot: Bot, chat: Chat) -> None:
    await bot.set_my_commands([("status", "Freshness")], language_code="en")
    await bot.set_my_commands([("list", "Everything")], scope=BotCommandScopeChat(chat.id))

    (english,) = await bot.get_my_commands(language_code="en")
    (here,) = await bot.get_my_commands(scope=BotCommandScopeChat(chat.id))
    assert (english.command, here.command) == ("status", "list")
    assert await bot.get_my_commands() == ()
    await bot.delete_my_commands(language_code="en")
    assert await bot.get_my_commands(language_code="en") == ()
    assert len(await bot.get_my_commands(scope=BotCommandScopeChat(chat.id))) == 1


async def test_setting_an_empty_list_deletes_it(bot: Bot) -> None:
    await bot.set_my_commands([("status", "Freshness")])
    await bot.set_my_commands([])

    assert await bot.get_my_commands() == ()


async def test_people_see_the_narrowest_list_and_of_it_that_of_their_language(
    bot: Bot, telegram: Telegram, alice: User, chat: Chat
) -> None:
    bob = telegram.add_user("Bob")
    group = telegram.add_group("Ops", {alice: "administrator", bob: "member"})

    def seen(user: User, where: Chat, language: str = "") -> list[object]:
        return [command["command"] for command in telegram.menu(user, where, language)]

    assert seen(alice, chat) == []
    await bot.set_my_commands([("default", "x")])
    await bot.set_my_commands([("private", "x")], scope=BotCommandScopeAllPrivateChats())
    await bot.set_my_commands([("privat", "x")], scope=BotCommandScopeAllPrivateChats(), language_code="de")
    assert (seen(alice, chat), seen(alice, chat, "de"), seen(bob, group)) == (
        ["private"],
        ["privat"],
        ["default"],
    )
    await bot.set_my_commands([("groups", "x")], scope=BotCommandScopeAllGroupChats())
    await bot.set_my_commands([("charge", "x")], scope=BotCommandScopeAllChatAdministrators())
    assert (seen(alice, group), seen(bob, group)) == (["charge"], ["groups"])
    await bot.set_my_commands([("here", "x")], scope=BotCommandScopeChat(group.id))
    assert (seen(alice, group), seen(bob, group)) == (["here"], ["here"])
    await bot.set_my_commands([("chief", "x")], scope=BotCommandScopeChatAdministrators(group.id))
    await bot.set_my_commands([("bob", "x")], scope=BotCommandScopeChatMember(group.id, bob.id))
    assert (seen(alice, group), seen(bob, group)) == (["chief"], ["bob"])


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"commands": {}}, "expected an Array of BotCommand"),
        ({"commands": "["}, "can't parse commands JSON object"),
        ({"commands": ["status"]}, "can't parse BotCommand: expected an Object"),
        ({"commands": [{"command": "status"}]}, "can't parse BotCommand: Can't find field \"description\""),
        ({"commands": [{**STATUS, "command": 1}]}, "can't parse BotCommand: Field"),
        ({"commands": [{**STATUS, "command": " "}]}, "command must be non-empty"),
        ({"commands": [{**STATUS, "command": "x" * 33}]}, "command length must not exceed 32"),
        ({"commands": [{**STATUS, "command": "Status"}]}, "BOT_COMMAND_INVALID"),
        ({"commands": [{**STATUS, "command": "how-fresh"}]}, "BOT_COMMAND_INVALID"),
        ({"commands": [{**STATUS, "description": ""}]}, "command description must be non-empty"),
        (
            {"commands": [{**STATUS, "description": "x" * 257}]},
            "command description length must not exceed 256",
        ),
        ({"commands": [STATUS] * 101}, "BOT_COMMANDS_TOO_MUCH"),
        ({"language_code": "english"}, "invalid language code specified"),
        ({"scope": {"type": "world"}}, "can't parse BotCommandScope: Unsupported type specified"),
        ({"scope": {"type": "chat"}}, "can't parse BotCommandScope: Empty chat_id specified"),
        (
            {"scope": {"type": "chat_member", "chat_id": 1000}},
            "can't parse BotCommandScope: Invalid user_id specified",
        ),
        ({"scope": {"type": "chat", "chat_id": 42}}, "chat not found"),
    ],
)
async def test_a_list_that_telegram_refuses_is_refused_and_not_kept(
    api: Api, parameters: Json, reason: str
) -> None:
    await api.call("setMyCommands", commands=[STATUS])
    reply = await api.call("setMyCommands", **{"commands": [STATUS, STATUS], **parameters})

    assert reply.status == 400
    assert reply.description.startswith(f"Bad Request: {reason}")
    assert (await api.call("getMyCommands")).updates == [STATUS]


@pytest.mark.parametrize(
    "commands",
    [
        [STATUS] * 100,
        [{"command": "x" * 32, "description": "y" * 256}],
        [{"command": "a_1", "description": " y "}],
    ],
)
async def test_a_list_just_within_the_limits_is_kept(api: Api, commands: list[Json]) -> None:
    assert (await api.call("setMyCommands", commands=commands)).status == 200
    assert len((await api.call("getMyCommands")).updates) == len(commands)


async def test_a_list_for_a_chat_that_was_left_is_refused(bot: Bot, telegram: Telegram, alice: User) -> None:
    group = telegram.add_supergroup("Ops", {alice: "creator"}, bot="left")
    scope = BotCommandScopeChat(group.id)

    with pytest.raises(Forbidden, match="bot is not a member of the supergroup chat"):
        await bot.set_my_commands([("status", "x")], scope=scope)
    telegram.adds_bot(group)
    assert await bot.set_my_commands([("status", "x")], scope=scope)
    with pytest.raises(BadRequest, match="Command must be non-empty"):
        await bot.set_my_commands([("/", "x")], scope=scope)
