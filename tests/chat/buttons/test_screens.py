"""Messages of an answer as they leave: texts, screens and files, in order."""

from collections.abc import AsyncIterator

import pytest
from telegram import Bot

from bot.chat.buttons.data import Attachment, ButtonAction, Screen, button, rows
from bot.chat.buttons.screens import CAPTION_UNITS_MOST, Screens
from bot.chat.commands.command import Answer
from bot.chat.telegram.connection import build_bot
from bot.chat.text.html import EMPTY
from bot.domain.places import Place
from bot.sandbox.telegram.server import SANDBOX_TOKEN, Telegram
from tests.chat.telegram.test_outgoing import Way

OLGA = Place(7001, "private", "Olga")
KEYBOARD = rows([button("Again", ButtonAction("again"), 1)])


@pytest.fixture
async def telegram() -> AsyncIterator[Telegram]:
    async with Telegram().serve() as one:
        one.add_private_chat(one.add_user("Olga", user_id=OLGA.chat_id))
        yield one


@pytest.fixture
async def bot(telegram: Telegram) -> AsyncIterator[Bot]:
    one = build_bot(SANDBOX_TOKEN, telegram.url)
    await one.initialize()
    yield one
    await one.shutdown()


def a_file(caption: str) -> Attachment:
    return Attachment(name="a.csv", content=b"1,2", caption=EMPTY + caption, keyboard=KEYBOARD)


async def test_texts_screens_and_files_of_an_answer_keep_their_order(telegram: Telegram, bot: Bot) -> None:
    answer: Answer = [EMPTY + "First", a_file("Second"), Screen(EMPTY + "Third", KEYBOARD)]

    await Screens(Way(bot).outgoing).say(OLGA, answer)

    messages = telegram.messages(telegram.chat(OLGA.chat_id))
    shown = [(one.text, bool(one.document), bool(one.buttons)) for one in messages]
    assert shown == [("First", False, False), ("Second", True, True), ("Third", False, True)]


async def test_a_caption_that_is_too_long_goes_before_its_file(telegram: Telegram, bot: Bot) -> None:
    fits, too_long = "😀" * (CAPTION_UNITS_MOST // 2), "a" * (CAPTION_UNITS_MOST + 1)

    await Screens(Way(bot).outgoing).say(OLGA, [a_file(fits), a_file(too_long)])

    messages = telegram.messages(telegram.chat(OLGA.chat_id))
    shown = [(one.text, bool(one.document), bool(one.buttons)) for one in messages]
    assert shown == [(fits, True, True), (too_long, False, False), ("", True, True)]


async def test_no_file_is_posted_to_a_channel(telegram: Telegram, bot: Bot) -> None:
    channel = telegram.add_channel("Alerts")

    await Screens(Way(bot).outgoing).say(Place(channel.id, "channel", "Alerts"), [a_file("All")])

    assert telegram.messages(channel) == []
