"""What the local Telegram shows, and what it refuses, in Telegram's words."""

from datetime import UTC, datetime

import pytest
from aiohttp import (
    ClientSession,
)

from bot.sandbox.telegram.server import Telegram
from bot.sandbox.telegram.world.world import Chat, User
from tests.sandbox.telegram.client import CALLING, Api, Json, keyboard

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"chat_id": 42}, "chat not found"),
        ({"chat_id": ""}, "chat_id is empty"),
        ({"text": ""}, "message text is empty"),
        ({"text": " \n"}, "message text is empty"),
        ({"text": "x" * 4097}, "message is too long"),
        ({"text": "é" * 16_385}, "text is too long"),
        ({"text": "<b>x", "parse_mode": "HTML"}, "can't parse entities: Can't find end tag"),
        ({"parse_mode": "Latex"}, "unsupported parse_mode"),
        ({"reply_markup": "{"}, "can't parse reply markup JSON object"),
        ({"reply_markup": keyboard({"text": "b", "callback_data": ""})}, "BUTTON_DATA_INVALID"),
        ({"reply_markup": keyboard({"text": "b", "callback_data": "é" * 33})}, "BUTTON_DATA_INVALID"),
        ({"reply_markup": keyboard({"text": "b", "url": "gopher://e"})}, "BUTTON_URL_INVALID"),
        ({"reply_markup": keyboard({"text": "b"})}, "can't parse inline keyboard button"),
        ({"reply_markup": keyboard(*[CALLING] * 9)}, "reply markup is too long"),
        (
            {"reply_markup": {"inline_keyboard": [[CALLING]] * 101}},
            "reply markup is too long",
        ),
        ({"reply_parameters": {"message_id": 99}}, "message to be replied not found"),
    ],
)
async def test_what_telegram_refuses_is_refused_in_its_words_and_not_shown(
    telegram: Telegram, api: Api, chat: Chat, parameters: Json, reason: str
) -> None:
    reply = await api.call("sendMessage", **{"chat_id": chat.id, "text": "hello", **parameters})

    assert reply.status == 400
    assert reply.description.startswith(f"Bad Request: {reason}")
    assert telegram.messages(chat) == []


@pytest.mark.parametrize(
    "parameters",
    [
        {"text": "x" * 4096},
        {"text": "<b>" + "x" * 4096 + "</b>", "parse_mode": "HTML"},
        {"text": "&amp;" * 4096, "parse_mode": "html"},
        {"reply_markup": keyboard({"text": "b", "callback_data": "é" * 32})},
        {"reply_markup": keyboard(*[CALLING] * 8)},
        {"reply_markup": {"inline_keyboard": [[CALLING]] * 100}},
        {"reply_markup": {"force_reply": True}},
        {"reply_parameters": {"message_id": 99, "allow_sending_without_reply": True}},
        {"message_thread_id": 99},
    ],
)
async def test_what_is_just_within_the_limits_is_shown(
    telegram: Telegram, api: Api, chat: Chat, parameters: Json
) -> None:
    reply = await api.call("sendMessage", **{"chat_id": chat.id, "text": "hello", **parameters})

    assert reply.status == 200
    assert len(telegram.messages(chat)) == 1


@pytest.mark.parametrize(
    ("method", "parameters", "reason"),
    [
        ("editMessageText", {"message_id": 1, "text": "mine"}, "message can't be edited"),
        ("deleteMessage", {"message_id": 9}, "message to delete not found"),
        ("answerCallbackQuery", {"text": "x" * 201}, "MESSAGE_TOO_LONG"),
        ("getChatMember", {"user_id": 9}, "user not found"),
        ("getChatAdministrators", {}, "there are no administrators in the private chat"),
        ("leaveChat", {}, "chat member status can't be changed in private chats"),
        ("sendChatAction", {}, "wrong parameter action in request"),
    ],
)
async def test_other_methods_refuse_in_telegrams_words_too(
    telegram: Telegram, api: Api, chat: Chat, *, method: str, parameters: Json, reason: str
) -> None:
    telegram.says(telegram.user(chat.id), chat, "theirs")
    reply = await api.call(method, chat_id=chat.id, **parameters)

    assert (reply.status, reply.description) == (400, f"Bad Request: {reason}")


async def test_what_others_said_may_be_deleted_by_whoever_is_in_charge_only(
    telegram: Telegram, api: Api, alice: User
) -> None:
    group = telegram.add_group("Ops", {alice: "member"})
    theirs = telegram.says(alice, group, "theirs")
    refused = await api.call("deleteMessage", chat_id=group.id, message_id=theirs.message_id)
    assert refused.description == "Bad Request: message can't be deleted"

    telegram.set_member(group, telegram.bot, "administrator")
    await api.call("deleteMessage", chat_id=group.id, message_id=theirs.message_id)
    assert telegram.messages(group) == []


async def test_two_days_later_only_whoever_is_in_charge_may_delete(
    telegram: Telegram, api: Api, alice: User
) -> None:
    group = telegram.add_supergroup("Ops", {alice: "creator"})
    early, late = (await api.send(group)).result, (await api.send(group)).result
    telegram.clock.advance(48 * 3600 - 60)
    assert (await api.call("deleteMessage", chat_id=group.id, **only_id(early))).status == 200
    telegram.clock.advance(120)
    refused = await api.call("deleteMessage", chat_id=group.id, **only_id(late))
    assert refused.description == "Bad Request: message can't be deleted for everyone"

    telegram.changes_bot(group, "administrator")
    assert (await api.call("deleteMessage", chat_id=group.id, **only_id(late))).status == 200


def only_id(message: Json) -> Json:
    return {"message_id": message["message_id"]}


async def test_a_channel_takes_posts_from_those_in_charge_only(telegram: Telegram, api: Api) -> None:
    channel = telegram.add_channel("News")
    posted = await api.send(channel)
    assert "from" not in posted.result

    telegram.set_member(channel, telegram.bot, "member")
    refused = await api.send(channel)
    assert refused.description == "Bad Request: need administrator rights in the channel chat"


async def test_a_channel_takes_no_posts_without_the_right_to(
    telegram: Telegram, api: Api, alice: User
) -> None:
    channel = telegram.add_channel("News", {alice: "creator"})
    for may_post in (False, True):
        telegram.changes_bot(channel, "administrator", by=alice, may_post=may_post)
        update = (await api.call("getUpdates", offset=-1)).updates[0]["my_chat_member"]
        assert isinstance(update, dict)
        assert update["new_chat_member"]["can_post_messages"] is may_post
        assert ((await api.send(channel)).status == 200) is may_post
        own = await api.call("getChatMember", chat_id=channel.id, user_id=telegram.bot.id)
        assert own.result["can_post_messages"] is may_post


async def test_only_administrators_of_channels_have_a_right_to_post(
    telegram: Telegram, api: Api, alice: User
) -> None:
    group = telegram.add_supergroup("Ops", {alice: "administrator"})
    seen = await api.call("getChatMember", chat_id=group.id, user_id=alice.id)
    assert "can_post_messages" not in seen.result


async def test_a_reply_carries_what_it_answers(telegram: Telegram, api: Api, alice: User, chat: Chat) -> None:
    said = telegram.says(alice, chat, "/status")
    answered = await api.send(chat, reply_parameters={"message_id": said.message_id})

    replied = answered.result["reply_to_message"]
    assert isinstance(replied, dict)
    assert replied["text"] == "/status"
    assert (await api.call("sendChatAction", chat_id=chat.id, action="typing")).status == 200


@pytest.mark.parametrize("body", ["{", "[]"])
async def test_a_json_body_that_is_no_object_is_refused(telegram: Telegram, body: str) -> None:
    url = f"{telegram.url}/bot{telegram.token}/getMe"
    headers = {"Content-Type": "application/json"}
    async with ClientSession() as session, session.post(url, data=body, headers=headers) as response:
        assert response.status == 400


def test_dates_come_from_the_clock_given() -> None:
    telegram = Telegram(clock=lambda: NOON)
    chat = telegram.add_private_chat(telegram.add_user("Alice"))
    message = telegram.says(telegram.user(chat.id), chat, "/start")

    assert message.date == NOON
    assert telegram.as_wire(message)["date"] == int(NOON.timestamp())
