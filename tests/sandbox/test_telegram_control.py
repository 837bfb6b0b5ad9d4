"""The sandbox's own door, for other processes."""

import asyncio
import json

import pytest
from aiohttp import (
    ClientSession,
)

from bot.sandbox.telegram.api.faults import Garbage
from bot.sandbox.telegram.server import Telegram
from bot.sandbox.telegram.world.world import Chat
from tests.sandbox.telegram_client import Api, keyboard, last_message


async def test_another_process_can_set_the_stage_and_play(telegram: Telegram, api: Api) -> None:
    await api.control("users", {"id": 7, "first_name": "Bob"})
    await api.control("chats", {"type": "forum", "title": "Ops", "id": -1007, "members": {"7": "creator"}})
    await api.control("topics", {"chat": -1007, "title": "Treasury"})
    await api.control("say", {"user": 7, "chat": -1007, "text": "/status", "thread": 2})
    assert (await last_message(api))["text"] == "/status"

    waiting = asyncio.create_task(api.look("messages", chat="-1007", after="3", wait="5"))
    markup = keyboard({"text": "More", "callback_data": "more"})
    await api.call("sendMessage", chat_id=-1007, text="<b>Fresh</b>", parse_mode="HTML", reply_markup=markup)
    (message,) = await waiting
    assert (message["text"], message["html"], message["from_bot"]) == ("Fresh", "<b>Fresh</b>", True)
    press = {"user": 7, "chat": -1007, "message": message["message_id"], "button": "More"}
    assert (await api.control("press", press)).status == 200
    assert "callback_query" in (await api.call("getUpdates", offset=-1)).updates[0]
    assert [call["method"] for call in await api.look("calls", method="sendMessage")] == ["sendMessage"]
    assert len(telegram.messages(telegram.chat(-1007))) == 2


async def test_another_process_can_break_and_heal(api: Api, chat: Chat) -> None:
    limit = {
        "answer": "error",
        "code": 429,
        "description": "Too Many Requests: retry after 7",
        "parameters": {"retry_after": 7},
        "chat": chat.id,
        "times": 1,
    }
    assert (await api.control("fault", limit)).status == 200
    assert (await api.send(chat)).status == 429
    assert (await api.control("fault", {"place": "after", "answer": "garbage"})).status == 200
    assert (await api.send(chat)).text == Garbage.body
    assert (await api.control("heal", {})).status == 200
    assert (await api.send(chat)).status == 200


@pytest.mark.parametrize("is_packed", [False, True])
async def test_another_process_can_let_an_answer_go_on_and_on(
    api: Api, chat: Chat, *, is_packed: bool
) -> None:
    endless = {"answer": "endless", "code": 502, "megabytes": 2, "packed": is_packed, "times": 1}
    assert (await api.control("fault", endless)).status == 200

    reply = await api.send(chat)

    assert reply.status == 502
    assert len(reply.text) > 2 * 2**20
    assert (await api.send(chat)).status == 200


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("say", [], "The body must be a JSON object."),
        ("say", {"chat": 1000, "text": "x"}, '"user" is missing: a whole number is expected.'),
        ("say", {"user": "1000", "chat": 1000, "text": "x"}, '"user" must be a whole number.'),
        ("say", {"user": 5, "chat": 1000, "text": "x"}, "There is no user 5."),
        ("say", {"user": 1000, "chat": 5, "text": "x"}, "There is no chat 5."),
        ("users", {"id": 1000, "first_name": "Eve"}, "The id 1000 is taken."),
        ("chats", {"type": "private", "user": 1000}, "The id 1000 is taken."),
        ("fault", {"answer": "close", "times": 0}, "A fault happens at least once."),
        (
            "chats",
            {"type": "club", "title": "x"},
            '"type" must be private or one of group, supergroup, forum, channel.',
        ),
        (
            "chats",
            {"type": "group", "title": "x", "members": {"1000": "boss"}},
            "A status must be one of creator, administrator, member, restricted, left, kicked.",
        ),
        ("topics", {"chat": 1000, "title": "x"}, "Alice is no forum, so it has no topics."),
        ("press", {"user": 1000, "chat": 1000, "message": 9, "button": "x"}, "Alice shows no message 9."),
        (
            "fault",
            {"answer": "smile"},
            '"answer" must be one of close, reset, hold, garbage, page, endless, error, vanish.',
        ),
        (
            "fault",
            {"place": "under", "answer": "close"},
            '"place" must be before or after (the request is accepted).',
        ),
    ],
)
async def test_what_cannot_be_done_is_explained(api: Api, path: str, body: object, sentence: str) -> None:
    reply = await api.control(path, body)

    assert reply.status == 400
    assert json.loads(reply.text) == {"error": sentence}


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("", '"chat" must be a whole number.'),
        ("chat=1000&after=x", '"after" must be a whole number.'),
        ("chat=1000&wait=x", '"wait" must be a number of seconds.'),
        ("chat=5", "There is no chat 5."),
    ],
)
async def test_what_cannot_be_looked_at_is_explained(telegram: Telegram, query: str, sentence: str) -> None:
    url = f"{telegram.url}/sandbox/messages?{query}"
    async with ClientSession() as session, session.get(url) as response:
        assert response.status == 400
        assert await response.json() == {"error": sentence}
