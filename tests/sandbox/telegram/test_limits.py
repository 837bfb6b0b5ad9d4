"""How much the local Telegram takes, once limits are enforced, and what time does about it."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram import Bot
from telegram.error import RetryAfter

from bot.sandbox.telegram.api.faults import Error, before, too_many_requests
from bot.sandbox.telegram.api.limits import FloodRefusal, MessageRates, TelegramLimits
from bot.sandbox.telegram.server import Telegram
from bot.sandbox.telegram.world.clock import MovableClock
from bot.sandbox.telegram.world.world import Chat, User
from tests.sandbox.telegram.client import Api, Reply

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def stopped(telegram: Telegram) -> None:
    """Let time stand still, so that only a test moves it."""
    telegram.clock.set(NOON)
    telegram.clock.stop()


async def sent(api: Api, chat: Chat, times: int) -> list[int]:
    return [(await api.send(chat)).status for _ in range(times)]


async def asked_to_wait(reply: Reply) -> int:
    assert reply.status == 429
    seconds = int(reply.description.removeprefix("Too Many Requests: retry after "))
    assert f'"parameters": {{"retry_after": {seconds}}}' in reply.text
    return seconds


# ---------------------------------------------------------------- limits


async def test_everything_is_taken_until_limits_are_enforced_and_after_they_are_lifted(
    telegram: Telegram, api: Api, chat: Chat
) -> None:
    assert await sent(api, chat, 40) == [200] * 40
    telegram.enforce_limits()
    assert await sent(api, chat, 6) == [200] * 5 + [429]
    telegram.lift_limits()
    assert await sent(api, chat, 40) == [200] * 40


async def test_a_chat_takes_a_burst_and_then_one_a_second(telegram: Telegram, api: Api, chat: Chat) -> None:
    other = telegram.add_private_chat(telegram.add_user("Bob"))
    telegram.enforce_limits()

    assert await sent(api, chat, 5) == [200] * 5
    assert await asked_to_wait(await api.send(chat)) == 1
    assert (await api.send(other)).status == 200
    telegram.clock.advance(1)
    assert await sent(api, chat, 2) == [200, 429]
    telegram.clock.advance(600)
    assert await sent(api, chat, 6) == [200] * 5 + [429]
    assert len(telegram.messages(chat)) == 11


async def test_a_group_takes_twenty_in_any_minute(telegram: Telegram, api: Api) -> None:
    group = telegram.add_group("Ops")
    telegram.enforce_limits()
    for _ in range(20):
        assert (await api.send(group)).status == 200
        telegram.clock.advance(1)

    assert await asked_to_wait(await api.send(group)) == 40
    telegram.clock.advance(39)
    assert await asked_to_wait(await api.send(group)) == 1
    telegram.clock.advance(1)
    assert await sent(api, group, 2) == [200, 429]


async def test_a_person_takes_more_than_twenty_in_a_minute(telegram: Telegram, api: Api, chat: Chat) -> None:
    telegram.enforce_limits()
    for _ in range(30):
        assert (await api.send(chat)).status == 200
        telegram.clock.advance(1)


async def test_the_whole_bot_sends_thirty_in_any_second(telegram: Telegram, api: Api) -> None:
    chats = [telegram.add_private_chat(telegram.add_user(f"Person {number}")) for number in range(31)]
    telegram.enforce_limits()

    assert [(await api.send(chat)).status for chat in chats] == [200] * 30 + [429]
    assert [flood.rule for flood in telegram.floods] == ["bot"]
    telegram.clock.advance(1)
    assert (await api.send(chats[-1])).status == 200


async def test_edits_count_and_what_is_refused_does_not(telegram: Telegram, api: Api, chat: Chat) -> None:
    sent_id = (await api.send(chat)).result["message_id"]
    telegram.enforce_limits(TelegramLimits(chat_burst=2))

    assert (await api.send(chat, "<b>", parse_mode="HTML")).status == 400
    assert (await api.call("sendChatAction", chat_id=chat.id, action="typing")).status == 200
    for text in ("one", "two"):
        edited = await api.call("editMessageText", chat_id=chat.id, message_id=sent_id, text=text)
        assert edited.status == 200
    assert (await api.send(chat)).status == 429
    telegram.clock.advance(1)
    assert await sent(api, chat, 2) == [200, 429]


async def test_only_what_the_bot_caused_is_counted_as_a_flood(
    telegram: Telegram, api: Api, chat: Chat
) -> None:
    telegram.enforce_limits(TelegramLimits(chat_burst=1))
    telegram.fault(too_many_requests(7), times=1)
    telegram.fault(before(Error(429, "Too Many Requests")), times=1)
    assert await sent(api, chat, 2) == [429, 429]
    assert telegram.floods == []

    assert await sent(api, chat, 2) == [200, 429]
    assert telegram.floods == [FloodRefusal("chat", chat.id, "sendMessage", 1)]


async def test_a_library_bot_is_told_how_long_to_wait(
    bot: Bot, telegram: Telegram, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")  # else the library warns of its own future
    telegram.enforce_limits(TelegramLimits(chat_burst=1, chat_messages_per_second=0.1))
    await bot.send_message(chat.id, "one")

    with pytest.raises(RetryAfter) as limited:
        await bot.send_message(chat.id, "two")
    assert limited.value.retry_after == timedelta(seconds=10)


async def test_limits_may_be_counted_on_a_clock_of_their_own(
    telegram: Telegram, api: Api, chat: Chat
) -> None:
    seconds = 0.0
    telegram.enforce_limits(TelegramLimits(chat_burst=1), seconds=lambda: seconds)
    assert await sent(api, chat, 2) == [200, 429]

    telegram.clock.advance(3600)
    assert (await api.send(chat)).status == 429
    seconds = 1.0
    assert (await api.send(chat)).status == 200


@given(st.lists(st.floats(0, 5), max_size=120))
def test_who_waits_as_told_is_let_through_and_no_window_holds_too_many(pauses: list[float]) -> None:
    now, let_through = 0.0, list[float]()
    pace = MessageRates(TelegramLimits(), lambda: now)
    group = Chat(-1, "group", "Ops")
    for pause in pauses:
        now += pause
        flood = pace.flood("sendMessage", group)
        if flood is not None:
            now += flood.retry_after_seconds
            assert pace.flood("sendMessage", group) is None
        pace.count(group)
        let_through.append(now)

    assert all(later - earlier >= 60 for earlier, later in zip(let_through, let_through[20:], strict=False))


# ---------------------------------------------------------------- the clock


def test_the_clock_runs_with_the_one_underneath_from_wherever_it_was_set() -> None:
    underneath = NOON
    clock = MovableClock(lambda: underneath)
    assert clock() == NOON

    clock.advance(60)
    underneath += timedelta(seconds=1)
    assert clock() == NOON + timedelta(seconds=61)
    clock.set(NOON - timedelta(days=1))
    underneath += timedelta(seconds=1)
    assert clock() == NOON - timedelta(days=1) + timedelta(seconds=1)


def test_a_stopped_clock_moves_only_by_hand_and_goes_on_from_there() -> None:
    underneath = NOON
    clock = MovableClock(lambda: underneath)
    clock.stop()
    underneath += timedelta(hours=1)
    assert clock() == NOON

    clock.advance(5)
    assert clock() == NOON + timedelta(seconds=5)
    clock.go_on()
    underneath += timedelta(seconds=1)
    assert clock() == NOON + timedelta(seconds=6)


async def test_updates_are_kept_for_a_day_and_presses_for_less(
    telegram: Telegram, api: Api, chat: Chat, alice: User
) -> None:
    await api.send(chat, reply_markup={"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]})
    telegram.says(alice, chat, "old")
    telegram.presses(alice, telegram.messages(chat)[0], "Go")
    assert len((await api.call("getUpdates")).updates) == 2

    telegram.clock.advance(150)
    assert ["message" in update for update in (await api.call("getUpdates")).updates] == [True]
    telegram.clock.advance(24 * 3600 - 151)
    telegram.says(alice, chat, "new")
    assert len((await api.call("getUpdates")).updates) == 2
    telegram.clock.advance(1)
    (left,) = (await api.call("getUpdates")).updates
    assert '"new"' in str(left).replace("'", '"')
    assert (await api.call("getWebhookInfo")).result["pending_update_count"] == 1


async def test_a_poll_that_waits_hears_what_comes_after_the_clock_was_moved(
    telegram: Telegram, api: Api, chat: Chat, alice: User
) -> None:
    polling = telegram.hold_before(method="getUpdates")
    poll = asyncio.create_task(api.call("getUpdates", timeout=50))
    await polling.arrived()
    polling.release()
    telegram.clock.advance(48 * 3600)
    telegram.says(alice, chat, "now")

    assert len((await poll).updates) == 1
