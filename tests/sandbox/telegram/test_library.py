"""The local Telegram as a real client library meets it."""

from datetime import UTC, datetime, timedelta

import pytest
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup
from telegram.constants import ParseMode
from telegram.error import Forbidden, RetryAfter

from bot.sandbox.telegram.api.faults import too_many_requests
from bot.sandbox.telegram.server import SANDBOX_BOT, SANDBOX_USER_ID, Telegram
from bot.sandbox.telegram.world.html import Entity
from bot.sandbox.telegram.world.world import Chat, InlineButton, User

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def test_a_library_bot_knows_itself(bot: Bot) -> None:
    me = await bot.get_me()

    assert (me.id, me.username, me.is_bot) == (SANDBOX_BOT.id, "balance_sandbox_bot", True)
    assert me.can_read_all_group_messages is False


async def test_a_library_bot_calls_people_who_are_there_and_names_all_others(
    bot: Bot, alice: User, chat: Chat
) -> None:
    html = f'<a href="tg://user?id={alice.id}">😀 Alice</a> <a href="tg://user?id=99">Gone</a>'

    sent = await bot.send_message(chat.id, html, parse_mode=ParseMode.HTML)

    assert sent.text == "😀 Alice Gone"
    ((entity, text),) = sent.parse_entities(["text_mention"]).items()
    assert entity.user is not None
    assert (entity.user.id, text) == (alice.id, "😀 Alice")


async def test_a_library_bot_reads_whom_a_member_calls_without_a_username(
    bot: Bot, telegram: Telegram, alice: User, chat: Chat
) -> None:
    telegram.says(alice, chat, "/loud out Alice", calling=alice)

    (update,) = await bot.get_updates(timeout=5)

    assert update.message is not None
    assert list(update.message.parse_entities(["text_mention"]).values()) == [alice.first_name]


async def test_a_library_bot_reads_a_command_and_answers_with_html_and_buttons(
    bot: Bot, telegram: Telegram, alice: User, chat: Chat
) -> None:
    telegram.says(alice, chat, "/watch 0xabc")

    (update,) = await bot.get_updates(timeout=5)
    assert update.message is not None
    assert update.message.from_user is not None
    assert update.message.from_user.id == alice.id
    assert list(update.message.parse_entities(["bot_command"]).values()) == ["/watch"]
    sent = await bot.send_message(
        chat.id,
        "Watching <b>Tom &amp; Co</b>",
        parse_mode=ParseMode.HTML,
        disable_notification=True,
        reply_markup=InlineKeyboardMarkup([[InlineKeyboardButton("Undo", callback_data="undo:1")]]),
    )

    assert sent.text_html == "Watching <b>Tom &amp; Co</b>"
    seen = telegram.messages(chat)[-1]
    assert (seen.text, seen.html) == ("Watching Tom & Co", "Watching <b>Tom &amp; Co</b>")
    assert seen.entities == (Entity("bold", 9, 8),)
    assert seen.buttons == ((InlineButton("Undo", "undo:1"),),)
    assert (seen.from_bot, seen.silent, seen.edited) == (True, True, False)


async def test_a_library_bot_hears_a_press_and_answers_it_once(
    bot: Bot, telegram: Telegram, alice: User, chat: Chat
) -> None:
    await bot.send_message(
        chat.id,
        "Sure?",
        reply_markup=InlineKeyboardMarkup([[InlineKeyboardButton("Yes", callback_data="y")]]),
    )
    question = await telegram.wait_for_message(chat, "Sure?")

    query_id = telegram.presses(alice, question, "Yes")
    (update,) = await bot.get_updates()
    assert update.callback_query is not None
    assert (update.callback_query.data, update.callback_query.from_user.id) == ("y", alice.id)
    assert update.callback_query.message is not None
    assert update.callback_query.message.message_id == question.message_id
    assert await bot.answer_callback_query(query_id, "done", show_alert=True)

    toast = await telegram.wait_for_toast(query_id)
    assert (toast.text, toast.is_window) == ("done", True)
    with pytest.raises(Exception, match="Query is too old"):
        await bot.answer_callback_query(query_id)


async def test_a_library_bot_lists_who_is_in_charge_and_nobody_else(bot: Bot, telegram: Telegram) -> None:
    carol, bob = telegram.add_user("Carol"), telegram.add_user("Bob")
    dave = telegram.add_user("Dave")
    group = telegram.add_group("Ops", {carol: "creator", bob: "administrator", dave: "member"})

    in_charge = await bot.get_chat_administrators(group.id)

    assert {(member.user.id, member.status) for member in in_charge} == {
        (carol.id, "creator"),
        (bob.id, "administrator"),
    }
    assert (await bot.get_chat_member(group.id, dave.id)).status == "member"
    telegram.set_member(group, dave, "kicked")
    assert (await bot.get_chat_member(group.id, dave.id)).status == "kicked"
    assert (await bot.get_chat_member(group.id, SANDBOX_USER_ID)).status == "left"
    assert (await bot.get_chat(group.id)).title == "Ops"


async def test_a_library_bot_edits_and_deletes_what_it_said(bot: Bot, telegram: Telegram, chat: Chat) -> None:
    sent = await bot.send_message(chat.id, "one")

    await bot.edit_message_text("two", chat.id, sent.message_id)
    (edited,) = telegram.messages(chat)
    assert (edited.text, edited.edited) == ("two", True)
    with pytest.raises(Exception, match="Message is not modified"):
        await bot.edit_message_text("<b></b>two", chat.id, sent.message_id, parse_mode=ParseMode.HTML)
    await bot.edit_message_reply_markup(
        chat.id,
        sent.message_id,
        reply_markup=InlineKeyboardMarkup.from_button(InlineKeyboardButton("x", "https://e.org")),
    )
    assert telegram.messages(chat)[0].buttons == ((InlineButton("x", url="https://e.org"),),)
    await bot.delete_message(chat.id, sent.message_id)
    assert telegram.messages(chat) == []
    with pytest.raises(Exception, match="Message to edit not found"):
        await bot.edit_message_text("three", chat.id, sent.message_id)


async def test_a_library_bot_gets_the_errors_it_knows(
    bot: Bot, telegram: Telegram, alice: User, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")  # else the library warns of its own future
    telegram.fault(too_many_requests(7), times=1)
    with pytest.raises(RetryAfter) as limited:
        await bot.send_message(chat.id, "hello")
    assert limited.value.retry_after == timedelta(seconds=7)
    telegram.blocks(alice)
    with pytest.raises(Forbidden, match="Forbidden: bot was blocked by the user"):
        await bot.send_message(chat.id, "hello")
