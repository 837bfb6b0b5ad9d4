"""The places where a send can break, by their names, and as a real client library meets them."""

import asyncio
import json
from http import HTTPStatus
from urllib.parse import urlsplit

import httpx
import pytest
from aiohttp import ClientConnectionError
from telegram import Bot
from telegram.error import InvalidToken, NetworkError, TelegramError, TimedOut

from bot.sandbox.telegram.api.faults import (
    Error,
    Garbage,
    ProxyPage,
    TelegramFault,
    Vanish,
    accept_then_delete,
    accept_then_garbage,
    accept_then_hang,
    accept_then_reset,
    after,
    before,
    reset_before_accepting,
)
from bot.sandbox.telegram.server import Telegram
from bot.sandbox.telegram.world.world import Chat
from tests.sandbox.telegram.client import Api, texts
from tests.waits import HANG_SECONDS

HTML_ERROR = "<html><body>no</body></html>"


@pytest.mark.parametrize(
    ("fault", "raised", "delivered"),
    [
        (reset_before_accepting(), NetworkError, 0),
        (accept_then_reset(), NetworkError, 1),
        (accept_then_garbage(), TelegramError, 1),
        (accept_then_delete(), NetworkError, 0),
    ],
)
async def test_a_library_bot_meets_the_place_where_its_message_broke(
    bot: Bot, telegram: Telegram, chat: Chat, *, fault: TelegramFault, raised: type[Exception], delivered: int
) -> None:
    telegram.fault(fault, times=1)

    with pytest.raises(raised):
        await bot.send_message(chat.id, "hello")
    assert len(telegram.messages(chat)) == delivered
    assert (await bot.send_message(chat.id, "hello")).text == "hello"


async def test_a_library_bot_gives_up_on_an_answer_that_never_comes(
    bot: Bot, telegram: Telegram, chat: Chat
) -> None:
    telegram.fault(accept_then_hang(), times=1)

    with pytest.raises(TimedOut):
        await bot.send_message(chat.id, "hello", read_timeout=0.01)
    assert (await telegram.wait_for_message(chat, "hello")).from_bot


async def test_a_library_bot_is_refused_and_let_in_again(bot: Bot, telegram: Telegram, chat: Chat) -> None:
    await bot.send_message(chat.id, "before")
    async with telegram.refusing():
        with pytest.raises(NetworkError) as refused:
            await bot.send_message(chat.id, "meanwhile")
    await bot.send_message(chat.id, "afterwards")

    assert isinstance(refused.value.__cause__, httpx.ConnectError)
    assert texts(telegram, chat) == ["before", "afterwards"]


async def test_a_refusal_asked_for_over_a_connection_ends_by_itself(telegram: Telegram, api: Api) -> None:
    address = urlsplit(telegram.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    telegram.refuse_for(0.05)

    async with asyncio.timeout(HANG_SECONDS):
        assert await reader.read() == b""
        while not await answers(api):
            pass
    writer.close()


async def answers(api: Api) -> bool:
    try:
        return (await api.call("getMe")).status == HTTPStatus.OK
    except ClientConnectionError:
        return False


@pytest.mark.parametrize(
    ("fault", "raised", "words"),
    [
        (before(Error(401, "Unauthorized")), InvalidToken, ""),
        (before(Error(404, "Not Found")), InvalidToken, ""),
        (before(Error(413, "Request Entity Too Large")), NetworkError, "Request Entity Too Large"),
        (before(Error(429, "Too Many Requests")), NetworkError, "Too Many Requests"),
        (before(ProxyPage(429, HTML_ERROR)), NetworkError, ""),
        (before(ProxyPage(503, HTML_ERROR)), NetworkError, ""),
        (after(Vanish()), NetworkError, "immediately deleted and can't be returned"),
    ],
)
async def test_a_library_bot_meets_other_answers(
    bot: Bot, telegram: Telegram, chat: Chat, *, fault: TelegramFault, raised: type[Exception], words: str
) -> None:
    telegram.fault(fault, times=1)

    with pytest.raises(raised) as error:
        await bot.send_message(chat.id, "hello")
    assert words.lower() in str(error.value).lower()
    assert telegram.messages(chat) == []


@pytest.mark.parametrize("body", ['{"ok":false}', '{"ok":true,"result":{"message_id":1}}'])
async def test_a_strange_answer_to_a_message_that_arrived_is_no_telegram_error(
    bot: Bot, telegram: Telegram, chat: Chat, body: str
) -> None:
    telegram.fault(after(Garbage(body)), times=1)

    with pytest.raises(Exception) as strange:  # noqa: PT011 - whatever the library makes of it
        await bot.send_message(chat.id, "hello")
    assert not isinstance(strange.value, TelegramError)
    assert texts(telegram, chat) == ["hello"]


async def test_a_message_that_vanishes_was_refused_first_if_it_had_to_be(
    telegram: Telegram, api: Api, chat: Chat
) -> None:
    telegram.fault(accept_then_delete(), method=None)

    assert json.loads((await api.send(chat)).text) == {
        "ok": False,
        "error_code": 500,
        "description": "Internal Server Error: sent message was immediately deleted and can't be returned",
    }
    assert (await api.send(chat, "")).description == "Bad Request: message text is empty"
    assert (await api.call("getMe")).status == 500
    assert telegram.messages(chat) == []


async def test_faults_are_healed_by_chat_and_by_method(telegram: Telegram, api: Api, chat: Chat) -> None:
    other = telegram.add_private_chat(telegram.add_user("Bob"))
    for broken in (chat, other):
        telegram.fault(before(ProxyPage()), chat=broken)
    telegram.fault(before(ProxyPage()), method="getMe")

    telegram.heal(chat=chat)
    assert [(await api.send(each)).status for each in (chat, other)] == [200, 502]
    telegram.heal(method="getMe")
    assert (await api.call("getMe")).status == 200
    assert (await api.send(other)).status == 502
    telegram.heal()
    assert (await api.send(other)).status == 200


async def test_what_is_held_is_healed_with_its_chat_and_not_with_another(
    telegram: Telegram, api: Api, chat: Chat
) -> None:
    other = telegram.add_private_chat(telegram.add_user("Bob"))
    holds = [telegram.hold_after(chat=each) for each in (chat, other)]
    sending = [asyncio.create_task(api.send(each)) for each in (chat, other)]
    for hold in holds:
        await hold.arrived()

    telegram.heal(chat=chat)
    assert (await sending[0]).status == 200
    assert not sending[1].done()
    telegram.heal()
    assert (await sending[1]).status == 200
