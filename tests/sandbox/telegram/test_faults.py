"""What can go wrong between a request and its answer."""

import asyncio
import json

import pytest
from aiohttp import (
    ClientOSError,
    ServerDisconnectedError,
)

from bot.sandbox.telegram.api.faults import (
    Close,
    Error,
    Garbage,
    ProxyPage,
    Reset,
    TelegramFault,
    after,
    before,
    too_many_requests,
)
from bot.sandbox.telegram.server import Telegram
from bot.sandbox.telegram.world.world import Chat, User
from tests.sandbox.telegram.client import Api, texts


@pytest.mark.parametrize(
    ("fault", "lost", "delivered"),
    [
        (before(Close()), ServerDisconnectedError, 0),
        (before(Reset()), ClientOSError, 0),
        (after(Close()), ServerDisconnectedError, 1),
        (after(Reset()), ClientOSError, 1),
    ],
)
async def test_a_broken_connection_leaves_what_was_accepted(
    telegram: Telegram, api: Api, chat: Chat, *, fault: TelegramFault, lost: type[Exception], delivered: int
) -> None:
    telegram.fault(fault, times=1)

    with pytest.raises(lost):
        await api.send(chat)
    assert len(telegram.messages(chat)) == delivered
    assert (await api.send(chat)).status == 200


@pytest.mark.parametrize(
    ("fault", "status", "body", "delivered"),
    [
        (after(Garbage()), 200, '{"ok":true,"resu', 1),
        (before(ProxyPage()), 502, "<html><body><h1>Bad Gateway</h1></body></html>", 0),
        (after(ProxyPage(504, "<html>late</html>")), 504, "<html>late</html>", 1),
    ],
)
async def test_a_strange_answer_leaves_what_was_accepted(
    telegram: Telegram, api: Api, chat: Chat, *, fault: TelegramFault, status: int, body: str, delivered: int
) -> None:
    telegram.fault(fault, times=1)
    reply = await api.send(chat)

    assert (reply.status, reply.text) == (status, body)
    assert len(telegram.messages(chat)) == delivered


async def test_an_error_comes_as_set_with_its_parameters(telegram: Telegram, api: Api, chat: Chat) -> None:
    telegram.fault(too_many_requests(7), times=1)
    telegram.fault(before(Error(403, "Forbidden: user is deactivated")), times=1)

    assert json.loads((await api.send(chat)).text) == {
        "ok": False,
        "error_code": 429,
        "description": "Too Many Requests: retry after 7",
        "parameters": {"retry_after": 7},
    }
    assert (await api.send(chat)).description == "Forbidden: user is deactivated"
    assert (await api.send(chat)).status == 200


async def test_a_fault_lasts_until_healed_for_one_chat_and_one_method_only(
    telegram: Telegram, api: Api, chat: Chat
) -> None:
    other = telegram.add_private_chat(telegram.add_user("Bob"))
    telegram.fault(before(ProxyPage()), chat=chat)

    assert [(await api.send(chat)).status for _ in range(2)] == [502, 502]
    assert (await api.send(other)).status == 200
    assert (await api.call("getChat", chat_id=chat.id)).status == 200
    telegram.heal()
    assert (await api.send(chat)).status == 200

    telegram.fault(before(Error(401, "Unauthorized")), method=None)
    assert (await api.call("getMe")).status == 401


async def test_a_held_request_happens_when_released_if_held_before(
    telegram: Telegram, api: Api, chat: Chat
) -> None:
    hold = telegram.hold_before()
    sending = asyncio.create_task(api.send(chat))
    await hold.arrived()
    assert telegram.messages(chat) == []
    hold.release()

    assert (await sending).status == 200
    assert texts(telegram, chat) == ["hello"]


async def test_a_held_request_has_happened_if_held_after(telegram: Telegram, api: Api, chat: Chat) -> None:
    telegram.hold_after()
    sending = asyncio.create_task(api.send(chat))
    await telegram.wait_for_message(chat, "hello")
    assert not sending.done()
    telegram.heal()

    assert (await sending).status == 200


async def test_a_dropped_request_never_happens(telegram: Telegram, api: Api, chat: Chat) -> None:
    hold = telegram.hold_before()
    sending = asyncio.create_task(api.send(chat))
    await hold.arrived()
    hold.drop()

    with pytest.raises(ServerDisconnectedError):
        await sending
    assert telegram.messages(chat) == []


async def test_a_request_outlives_the_client_that_was_killed_after_sending_it(
    telegram: Telegram, api: Api, chat: Chat
) -> None:
    hold = telegram.hold_before()
    sending = asyncio.create_task(api.send(chat))
    await hold.arrived()
    sending.cancel()
    hold.release()

    assert (await telegram.wait_for_message(chat, "hello")).from_bot


async def test_waiting_finds_what_is_newer_or_satisfies_a_condition(
    telegram: Telegram, api: Api, chat: Chat
) -> None:
    await api.send(chat, "one fish")
    await api.send(chat, "two fish")

    first = await telegram.wait_for_message(chat, "fish")
    second = await telegram.wait_for_message(chat, "fish", after=first.message_id)
    assert (first.text, second.text) == ("one fish", "two fish")
    assert await telegram.wait_for_message(chat, lambda message: "two" in message.html) == second


async def test_waiting_in_vain_says_what_is_there_instead(
    telegram: Telegram, chat: Chat, alice: User
) -> None:
    telegram.says(alice, chat, "hello?")

    with pytest.raises(TimeoutError, match=r"Waited for 'hello' in Alice, which shows \['hello\?'\]"):
        await telegram.wait_for_message(chat, "hello", timeout_seconds=0)
