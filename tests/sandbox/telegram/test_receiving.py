"""How updates come: again until confirmed, by long polls, to one consumer, of the kinds asked for."""

import asyncio
import json

import pytest
from telegram import Bot
from telegram.error import Conflict

from bot.sandbox.telegram.server import Telegram
from bot.sandbox.telegram.world.world import Chat, User
from tests.sandbox.telegram.client import Api


async def test_an_update_comes_again_until_a_larger_offset_confirms_it(
    telegram: Telegram, api: Api, alice: User, chat: Chat
) -> None:
    telegram.says(alice, chat, "one")
    telegram.says(alice, chat, "two")

    first, second = (await api.call("getUpdates")).updates
    assert (await api.call("getUpdates")).updates == [first, second]
    assert second["update_id"] == int(str(first["update_id"])) + 1
    assert (await api.call("getUpdates", offset=second["update_id"])).updates == [second]
    assert (await api.call("getUpdates")).updates == [second]


async def test_a_negative_offset_forgets_all_but_the_last(
    telegram: Telegram, api: Api, alice: User, chat: Chat
) -> None:
    for text in ("one", "two", "three"):
        telegram.says(alice, chat, text)

    (last,) = (await api.call("getUpdates", offset=-1)).updates
    assert (await api.call("getUpdates")).updates == [last]
    assert (await api.call("getWebhookInfo")).result["pending_update_count"] == 1
    await api.call("deleteWebhook", drop_pending_updates=True)
    assert (await api.call("getUpdates")).updates == []


async def test_the_limit_is_brought_between_1_and_100(
    telegram: Telegram, api: Api, alice: User, chat: Chat
) -> None:
    for number in range(101):
        telegram.says(alice, chat, str(number))

    sizes = [len((await api.call("getUpdates", limit=limit)).updates) for limit in (0, 2, 1000)]
    assert sizes == [1, 2, 100]


async def test_a_long_poll_ends_when_something_happens(
    telegram: Telegram, api: Api, alice: User, chat: Chat
) -> None:
    gate = telegram.hold_before(method="getUpdates")
    poll = asyncio.create_task(api.call("getUpdates", timeout=50))
    await gate.arrived()
    gate.release()
    await api.call("getMe")
    telegram.says(alice, chat, "now")

    (update,) = (await poll).updates
    assert "now" in json.dumps(update)


async def test_a_second_poll_ends_the_first(api: Api, telegram: Telegram, bot: Bot) -> None:
    gate = telegram.hold_before(method="getUpdates")
    first = asyncio.create_task(bot.get_updates(timeout=50))
    await gate.arrived()
    gate.release()
    await api.call("getMe")
    second = await api.call("getUpdates", timeout=0)

    assert second.updates == []
    with pytest.raises(
        Conflict,
        match="terminated by other getUpdates request; make sure that only one bot instance is running",
    ):
        await first


async def test_the_kinds_asked_for_are_remembered(
    telegram: Telegram, api: Api, alice: User, chat: Chat
) -> None:
    await api.call("getUpdates", allowed_updates=["message"])
    await api.call("getUpdates")
    telegram.edits(telegram.says(alice, chat, "draft"), "final")
    assert [set(update) for update in (await api.call("getUpdates")).updates] == [{"update_id", "message"}]

    await api.call("getUpdates", allowed_updates=[])
    telegram.edits(telegram.says(alice, chat, "draft"), "final")
    assert "edited_message" in (await api.call("getUpdates")).updates[-1]


async def test_a_webhook_keeps_polls_away_until_it_is_deleted(
    telegram: Telegram, api: Api, bot: Bot, alice: User, chat: Chat
) -> None:
    assert await bot.set_webhook("https://example.org/bot")
    telegram.says(alice, chat, "hello")
    assert (await bot.get_webhook_info()).url == "https://example.org/bot"
    with pytest.raises(
        Conflict,
        match="can't use getUpdates method while webhook is active; "
        "use deleteWebhook to delete the webhook first",
    ):
        await bot.get_updates()

    assert await bot.delete_webhook()
    assert (await bot.get_webhook_info()).url == ""
    assert len(await bot.get_updates()) == 1
    await api.call("setWebhook", url="https://example.org/bot")
    await api.call("setWebhook", url="")
    assert len(await bot.get_updates()) == 1


async def test_a_webhook_needs_a_safe_address(api: Api) -> None:
    refused = await api.call("setWebhook", url="http://example.org/bot")

    assert refused.description == "Bad Request: bad webhook: An HTTPS URL must be provided for webhook"
    assert (await api.call("getUpdates")).status == 200


async def test_setting_a_webhook_ends_a_poll(telegram: Telegram, api: Api, bot: Bot) -> None:
    gate = telegram.hold_before(method="getUpdates")
    poll = asyncio.create_task(bot.get_updates(timeout=50))
    await gate.arrived()
    gate.release()
    await api.call("getMe")
    await bot.set_webhook("https://example.org/bot", allowed_updates=["message"])

    with pytest.raises(Conflict, match="terminated by setWebhook request"):
        await poll
    assert (await api.call("getWebhookInfo")).result["allowed_updates"] == ["message"]
