"""How a request comes to the local Telegram: token, method, parameters, and where it answers."""

import asyncio
import json

import pytest
from aiohttp import (
    ClientConnectionError,
    ClientConnectorError,
    ClientSession,
    FormData,
    TCPConnector,
)

from bot.sandbox.telegram.server import SANDBOX_TOKEN, Telegram, example_telegram
from bot.sandbox.telegram.world.world import Chat, InlineButton
from tests.sandbox.telegram.client import Api, keyboard, texts
from tests.waits import HANG_SECONDS


@pytest.mark.parametrize(
    ("token", "method", "status", "description"),
    [
        (SANDBOX_TOKEN, "GETME", 200, ""),
        ("987654321:" + "x" * 35, "getMe", 401, "Unauthorized"),
        ("987654321", "getMe", 404, "Not Found"),
        (SANDBOX_TOKEN, "getMoney", 404, "Not Found"),
    ],
)
async def test_only_the_token_and_known_methods_open(
    api: Api, token: str, method: str, status: int, description: str
) -> None:
    reply = await api.call_as(token, method)

    assert reply.status == status
    assert description in reply.text


async def test_parameters_come_in_the_query_in_a_form_in_multipart_and_in_json(
    telegram: Telegram, chat: Chat
) -> None:
    url = f"{telegram.url}/bot{telegram.token}/sendMessage"
    multipart = FormData({"chat_id": str(chat.id), "text": "multipart"}, default_to_multipart=True)
    markup = json.dumps(keyboard({"text": "b", "callback_data": "c"}))
    async with ClientSession() as session:
        await session.get(url, params={"chat_id": chat.id, "text": "query"})
        await session.post(url, data={"chat_id": chat.id, "text": "form", "reply_markup": markup})
        await session.post(url, data=multipart)
        await session.post(url, json={"chat_id": chat.id, "text": "json"})

    assert texts(telegram, chat) == ["query", "form", "multipart", "json"]
    assert telegram.messages(chat)[1].buttons == ((InlineButton("b", "c"),),)


async def test_every_call_is_kept_with_its_parameters(telegram: Telegram, api: Api, chat: Chat) -> None:
    await api.send(chat, "counted", link_preview_options={"is_disabled": True})

    (call,) = telegram.calls
    assert (call.method, call.parameters["text"]) == ("sendMessage", "counted")
    assert telegram.messages(chat)[0].link_preview_options == {"is_disabled": True}


async def test_it_answers_on_this_machine_only() -> None:
    with pytest.raises(ValueError, match="no loopback address"):
        async with example_telegram().serve("0.0.0.0"):  # noqa: S104 - the refused one
            pass


async def test_outside_its_block_connections_are_refused_and_afterwards_it_is_as_it_was(chat: Chat) -> None:
    telegram = example_telegram()
    async with ClientSession(connector=TCPConnector(force_close=True)) as session:
        api = Api(session, telegram)
        async with telegram.serve():
            await api.send(chat, "before")
        with pytest.raises(ClientConnectorError):
            await api.send(chat, "meanwhile")
        async with telegram.serve(port=int(telegram.url.rpartition(":")[2])):
            await api.send(chat, "afterwards")

    assert texts(telegram, telegram.chat(chat.id)) == ["before", "afterwards"]


async def test_closing_ends_polls_and_held_requests(chat: Chat) -> None:
    telegram = example_telegram()
    async with ClientSession() as session:
        api = Api(session, telegram)
        async with asyncio.timeout(HANG_SECONDS), telegram.serve():
            hold = telegram.hold_before()
            polling = telegram.hold_before(method="getUpdates")
            poll = asyncio.create_task(api.call("getUpdates", timeout=50))
            sending = asyncio.create_task(api.send(chat))
            await hold.arrived()
            await polling.arrived()
            polling.release()
        ended = await asyncio.gather(poll, sending, return_exceptions=True)

    assert all(isinstance(end, ClientConnectionError) for end in ended)
    assert telegram.messages(telegram.chat(chat.id)) == []
