"""Files that a bot sends, as a library sends them and as people see them."""

import io
import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession, FormData
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, InputFile
from telegram.constants import ParseMode
from telegram.error import BadRequest, NetworkError

from bot.sandbox.telegram.server import SANDBOX_USER_ID, Telegram, example_telegram
from bot.sandbox.telegram.world.html import Entity
from bot.sandbox.telegram.world.world import Chat, Document, InlineButton, SandboxError
from tests.sandbox.telegram.client import Api, Json, Reply

REPORT = b"chain,amount\n137,12.5\n"


async def test_a_library_bot_sends_a_file_with_a_caption_and_buttons_into_a_topic(
    bot: Bot, telegram: Telegram
) -> None:
    forum = telegram.add_forum("Ops")
    topic = telegram.add_topic(forum, "Treasury")
    sent = await bot.send_document(
        forum.id,
        InputFile(REPORT, "report.csv"),
        caption="All of <b>March</b>",
        parse_mode=ParseMode.HTML,
        message_thread_id=topic,
        disable_notification=True,
        reply_markup=InlineKeyboardMarkup([[InlineKeyboardButton("Again", callback_data="again")]]),
    )

    assert sent.document is not None
    assert (sent.document.file_name, sent.document.mime_type, sent.document.file_size) == (
        "report.csv",
        "text/csv",
        len(REPORT),
    )
    assert (sent.text, sent.caption_html, sent.message_thread_id) == (None, "All of <b>March</b>", topic)
    (seen,) = telegram.messages(forum)
    assert (seen.text, seen.entities) == ("All of March", (Entity("bold", 7, 5),))
    assert (seen.silent, seen.buttons) == (True, ((InlineButton("Again", "again"),),))
    assert seen.document == Document(sent.document.file_id, "report.csv", "text/csv", REPORT)


async def test_a_file_may_be_sent_again_by_its_id_and_needs_no_caption(
    bot: Bot, telegram: Telegram, chat: Chat
) -> None:
    first = await bot.send_document(chat.id, REPORT, filename="report.csv")
    assert first.document is not None
    await bot.send_document(chat.id, first.document.file_id)

    once, again = telegram.messages(chat)
    assert once.document == again.document
    assert (again.text, again.html) == ("", "")


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({}, "there is no document in the request"),
        ({"document": "attach://other"}, "there is no document in the request"),
        ({"document": "unknown"}, "wrong file identifier/HTTP URL specified"),
        ({"document": "https://example.org/a.pdf"}, "failed to get HTTP URL content"),
        ({"caption": "x" * 1025}, "message caption is too long"),
        ({"caption": "<b>x", "parse_mode": "HTML"}, "can't parse entities: Can't find end tag"),
        ({"chat_id": 42}, "chat not found"),
    ],
)
async def test_a_file_that_telegram_refuses_is_refused_in_its_words(
    telegram: Telegram, api: Api, chat: Chat, parameters: Json, reason: str
) -> None:
    reply = await api.call("sendDocument", **{"chat_id": chat.id, **parameters})

    assert reply.status == 400
    assert reply.description.startswith(f"Bad Request: {reason}")
    assert telegram.messages(chat) == []


async def upload(telegram: Telegram, content: bytes, field: str = "document", **more: str) -> Reply:
    form = FormData({"chat_id": str(SANDBOX_USER_ID), **more})
    form.add_field(field, io.BytesIO(content), filename="report.csv")
    url = f"{telegram.url}/bot{telegram.token}/sendDocument"
    async with ClientSession() as session, session.post(url, data=form) as response:
        return Reply(response.status, await response.text())


async def test_a_file_may_be_attached_under_another_name(telegram: Telegram, chat: Chat) -> None:
    assert (await upload(telegram, REPORT, "report", document="attach://report")).status == 200

    (seen,) = telegram.messages(chat)
    assert seen.document is not None
    assert seen.document.content == REPORT


async def test_a_caption_just_within_the_limit_is_shown_and_an_empty_file_is_not(
    telegram: Telegram, chat: Chat
) -> None:
    caption = "<b>" + "&amp;" * 1024 + "</b>"
    assert (await upload(telegram, REPORT, caption=caption, parse_mode="HTML")).status == 200
    assert (await upload(telegram, b"")).description == "Bad Request: file must be non-empty"

    assert [message.text for message in telegram.messages(chat)] == ["&" * 1024]


@pytest.fixture
async def narrow() -> AsyncIterator[Telegram]:
    """Serve a Telegram that takes less than fifty megabytes, so that no test has to send as many."""
    telegram = Telegram(max_request_bytes=100_000)
    telegram.add_private_chat(telegram.add_user("Alice", user_id=SANDBOX_USER_ID))
    async with telegram.serve() as running:
        yield running


async def test_a_file_that_is_too_large_is_refused_and_a_smaller_one_is_not(narrow: Telegram) -> None:
    refused = await upload(narrow, b"x" * 100_001)
    assert (refused.status, refused.description) == (413, "Request Entity Too Large")
    async with Bot(narrow.token, base_url=f"{narrow.url}/bot") as bot:
        with pytest.raises(NetworkError, match="Request Entity Too Large"):
            await bot.send_document(SANDBOX_USER_ID, b"x" * 100_001)

    assert (await upload(narrow, b"x" * 90_000)).status == 200
    assert len(narrow.messages(narrow.chat(SANDBOX_USER_ID))) == 1


async def test_a_telegram_takes_files_of_many_megabytes() -> None:
    async with example_telegram().serve() as telegram:
        assert (await upload(telegram, bytes(5 * 2**20))).status == 200


async def test_who_may_not_send_messages_may_not_send_files(telegram: Telegram, api: Api, chat: Chat) -> None:
    await upload(telegram, REPORT)
    group = telegram.add_supergroup("Ops", bot="restricted")
    known = next(iter(telegram.documents))

    refused = await api.call("sendDocument", chat_id=group.id, document=known)
    assert refused.description == "Bad Request: not enough rights to send documents to the chat"
    telegram.set_member(group, telegram.bot, "member")
    assert (await api.call("sendDocument", chat_id=group.id, document=known)).status == 200
    assert len(telegram.messages(chat)) == 1


async def test_a_file_has_no_text_to_edit_but_buttons(bot: Bot, telegram: Telegram, chat: Chat) -> None:
    sent = await bot.send_document(chat.id, REPORT, caption="March")

    with pytest.raises(BadRequest, match="There is no text in the message to edit"):
        await bot.edit_message_text("April", chat.id, sent.message_id)
    button = InlineKeyboardButton("Open", "https://example.org")
    await bot.edit_message_reply_markup(
        chat.id, sent.message_id, reply_markup=InlineKeyboardMarkup([[button]])
    )
    (seen,) = telegram.messages(chat)
    assert (seen.text, seen.buttons) == ("March", ((InlineButton("Open", url="https://example.org"),),))


# ---------------------------------------------------------------- pictures


def png(width: int, height: int) -> bytes:
    """Return the head of a PNG, which is all that the sandbox looks at."""
    return b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + width.to_bytes(4) + height.to_bytes(4)


async def test_a_picture_is_shown_with_its_size_and_no_document(
    bot: Bot, telegram: Telegram, chat: Chat
) -> None:
    sent = await bot.send_photo(chat.id, png(800, 400), caption="March", filename="chart.png")

    (size,) = sent.photo
    assert (size.width, size.height, sent.caption, sent.document) == (800, 400, "March", None)
    (seen,) = telegram.messages(chat)
    assert seen.document is not None
    assert (seen.document.pixels, seen.document.file_name) == ((800, 400), "chart.png")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (REPORT, "Image_process_failed"),
        (png(5001, 5000), "Photo_invalid_dimensions"),
        (png(2001, 100), "Photo_invalid_dimensions"),
        (png(5000, 5000), None),
        (png(2000, 100), None),
        (png(800, 400) + bytes(10 * 2**20), "is too big for a photo; the maximum size is 10485760 bytes"),
    ],
)
async def test_a_picture_that_telegram_refuses_passes_as_a_document(
    bot: Bot, chat: Chat, content: bytes, reason: str | None
) -> None:
    if reason is None:
        assert (await bot.send_photo(chat.id, content)).photo
    else:
        with pytest.raises(BadRequest, match=reason):
            await bot.send_photo(chat.id, content)
    assert (await bot.send_document(chat.id, content)).document


async def test_what_stands_under_a_file_can_be_edited_and_a_text_has_no_caption(
    bot: Bot, telegram: Telegram, chat: Chat
) -> None:
    sent = await bot.send_document(chat.id, REPORT, caption="March")
    text = await bot.send_message(chat.id, "March")

    await bot.edit_message_caption(chat.id, sent.message_id, caption="April")
    with pytest.raises(BadRequest, match="There is no caption in the message to edit"):
        await bot.edit_message_caption(chat.id, text.message_id, caption="April")

    assert [message.text for message in telegram.messages(chat)] == ["April", "March"]


async def test_a_group_may_forbid_files_of_one_kind(bot: Bot, telegram: Telegram) -> None:
    group = telegram.add_supergroup("Ops")
    telegram.forbid(group, "photos")

    with pytest.raises(BadRequest, match="Not enough rights to send photos to the chat"):
        await bot.send_photo(group.id, png(800, 400))
    await bot.send_document(group.id, png(800, 400))
    telegram.forbid(group, "documents")
    with pytest.raises(BadRequest, match="Not enough rights to send documents to the chat"):
        await bot.send_document(group.id, REPORT)
    await bot.send_photo(group.id, png(800, 400))
    await bot.send_message(group.id, "March")


# ---------------------------------------------------------------- files of people


async def test_a_file_of_a_person_is_heard_with_its_caption_and_fetched(
    bot: Bot, telegram: Telegram, chat: Chat
) -> None:
    telegram.sends_file(telegram.user(chat.id), chat, "list.csv", REPORT, "/import")

    (update,) = await bot.get_updates()
    assert update.message is not None
    assert (update.message.text, update.message.caption) == (None, "/import")
    assert update.message.parse_caption_entities()
    document = update.message.document
    assert document is not None
    assert (document.file_name, document.mime_type, document.file_size) == ("list.csv", "text/csv", 22)
    async with Bot(
        telegram.token, base_url=f"{telegram.url}/bot", base_file_url=f"{telegram.url}/file/bot"
    ) as fetching:
        file = await fetching.get_file(document.file_id)
        assert bytes(await file.download_as_bytearray()) == REPORT
    assert [call.method for call in telegram.calls][-2:] == ["getFile", "file"]


async def test_a_file_is_handed_out_to_its_bot_only_and_what_is_none_to_nobody(
    telegram: Telegram, api: Api, chat: Chat
) -> None:
    telegram.sends_file(telegram.user(chat.id), chat, "list.csv", REPORT)
    (known,) = telegram.documents
    found = json.loads((await api.call("getFile", file_id=known)).text)["result"]["file_path"]

    async def fetched(token: str, path: str) -> int:
        async with (
            ClientSession() as session,
            session.get(f"{telegram.url}/file/bot{token}/{path}") as answer,
        ):
            return answer.status

    assert await fetched(telegram.token, found) == 200
    assert await fetched("987654321:" + "x" * 35, found) == 401
    assert await fetched(telegram.token, known) == 404
    assert await fetched(telegram.token, "documents/other") == 404
    refused = await api.call("getFile", file_id="other")
    assert refused.description == "Bad Request: wrong file_id or the file is temporarily unavailable"


async def test_a_file_of_more_than_twenty_megabytes_is_not_handed_out(
    telegram: Telegram, api: Api, chat: Chat
) -> None:
    for size in (20 * 2**20, 20 * 2**20 + 1):
        telegram.sends_file(telegram.user(chat.id), chat, "all.csv", bytes(size))
    fits, too_big = telegram.documents

    assert (await api.call("getFile", file_id=fits)).status == 200
    assert (await api.call("getFile", file_id=too_big)).description == "Bad Request: file is too big"


async def test_in_a_channel_a_file_is_a_post_and_an_empty_one_is_none(bot: Bot, telegram: Telegram) -> None:
    olga = telegram.add_user("Olga")
    channel = telegram.add_channel("News", {olga: "creator"})

    telegram.sends_file(olga, channel, "list.csv", REPORT, "/import")
    with pytest.raises(SandboxError, match="at least one byte"):
        telegram.sends_file(olga, channel, "list.csv", b"")

    (update,) = await bot.get_updates(allowed_updates=["channel_post"])
    assert update.channel_post is not None
    assert update.channel_post.from_user is None
