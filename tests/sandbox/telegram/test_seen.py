"""What a person sees of the bot, and how often."""

import re
from collections import Counter

from aiohttp import ClientConnectionError
from hypothesis import given
from hypothesis import strategies as st
from telegram import Bot

from bot.sandbox.telegram.api.faults import Close, accept_then_reset, before
from bot.sandbox.telegram.control.shown import Seen
from bot.sandbox.telegram.server import Telegram
from bot.sandbox.telegram.world.world import Chat, User
from tests.sandbox.telegram.client import Api

ALERT = "🔴 Treasury −12.5 USDC · Polygon\n    50 → 37.5\n14:03:22 UTC · 7KQ2F"


async def send_anyhow(api: Api, chat: Chat, text: str) -> None:
    """Send as a naive bot does: again, after no answer."""
    try:
        await api.send(chat, text)
    except ClientConnectionError:
        await api.send(chat, text)


async def test_a_message_sent_twice_is_one_duplicate_and_a_lost_one_is_none(
    telegram: Telegram, api: Api, chat: Chat
) -> None:
    telegram.fault(accept_then_reset(), times=1)
    await send_anyhow(api, chat, ALERT)
    telegram.fault(before(Close()), times=1)
    await send_anyhow(api, chat, "Base · 8AAAA")

    seen = telegram.seen(chat)
    assert seen.by_text == Counter({ALERT: 2, "Base · 8AAAA": 1})
    assert seen.by_id == Counter({"7KQ2F": 2, "8AAAA": 1})
    assert (seen.duplicates, seen.times("USDC"), seen.times("DAI")) == (1, 2, 0)


async def test_edits_and_deletions_show_and_what_people_say_does_not(
    bot: Bot, telegram: Telegram, chat: Chat, alice: User
) -> None:
    telegram.says(alice, chat, "hello? · ABCDE")
    first, second, _ = [await bot.send_message(chat.id, f"{number} · ABCDE") for number in range(3)]
    await bot.edit_message_text("changed", chat.id, first.message_id)
    await bot.delete_message(chat.id, second.message_id)
    await bot.send_document(chat.id, b"x", caption="All · FGHIJ")

    seen = telegram.seen(chat)
    assert seen.texts == ["changed", "2 · ABCDE", "All · FGHIJ"]
    assert seen.by_id == Counter({"ABCDE": 1, "FGHIJ": 1})
    assert seen.messages[-1].document is not None
    assert seen.duplicates == 0


async def test_a_topic_is_seen_alone_and_a_mark_of_ones_own_counts(telegram: Telegram, api: Api) -> None:
    forum = telegram.add_forum("Ops")
    topic = telegram.add_topic(forum, "Treasury")
    await api.send(forum, "n=1 n=2", message_thread_id=topic)
    await api.send(forum, "n=2")

    assert telegram.seen(forum, topic).texts == ["n=1 n=2"]
    assert telegram.seen(forum).by(re.compile(r"n=\d")) == Counter({"n=2": 2})


async def test_an_id_is_four_to_ten_capitals_and_digits_at_the_very_end(
    telegram: Telegram, api: Api, chat: Chat
) -> None:
    for text in ("ABC", "ABCD", "x ABCDEFGHIJ", "ABCDEFGHIJK", "abcde", "ABCDE.", "ABCDE x"):
        await api.send(chat, text)

    assert set(telegram.seen(chat).by_id) == {"ABCD", "ABCDEFGHIJ"}


@given(st.lists(st.sampled_from(["AAAA", "BBBB", "CCCC"])))
def test_duplicates_are_what_is_there_beyond_one_of_each(ids: list[str]) -> None:
    telegram = Telegram()
    chat = telegram.add_private_chat(telegram.add_user("Alice"))
    messages = [telegram.says(telegram.user(chat.id), chat, text) for text in ids]

    assert Seen(tuple(messages)).duplicates == len(ids) - len(set(ids))
