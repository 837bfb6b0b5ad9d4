"""The local Telegram as a bot, a person and a test meet it: over real HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape

import pytest
from aiohttp import (
    ClientConnectionError,
    ClientConnectorError,
    ClientOSError,
    ClientSession,
    FormData,
    ServerDisconnectedError,
    TCPConnector,
)
from hypothesis import given
from hypothesis import strategies as st
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup
from telegram.constants import ParseMode
from telegram.error import Conflict, Forbidden, RetryAfter

from bot.sandbox.telegram import (
    SANDBOX_BOT,
    SANDBOX_TOKEN,
    SANDBOX_USER_ID,
    Button,
    Chat,
    Close,
    Entity,
    Error,
    Fault,
    Garbage,
    Page,
    Reset,
    SandboxError,
    Telegram,
    User,
    after,
    before,
    furnished,
    too_many_requests,
)
from bot.sandbox.telegram_html import CannotParse, read_html, read_plain

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
Json = dict[str, object]
CALLING: Json = {"text": "b", "callback_data": "c"}


@dataclass
class Reply:
    status: int
    text: str

    @property
    def description(self) -> str:
        return str(json.loads(self.text)["description"])

    @property
    def result(self) -> Json:
        result = json.loads(self.text)["result"]
        assert isinstance(result, dict)
        return result

    @property
    def updates(self) -> list[Json]:
        result = json.loads(self.text)["result"]
        assert isinstance(result, list)
        return result


class Client:
    """A bot that says what it is told to."""

    def __init__(self, session: ClientSession, telegram: Telegram) -> None:
        self._session = session
        self._telegram = telegram

    async def call(self, method: str, **parameters: object) -> Reply:
        return await self.call_as(SANDBOX_TOKEN, method, **parameters)

    async def call_as(self, token: str, method: str, **parameters: object) -> Reply:
        url = f"{self._telegram.url}/bot{token}/{method}"
        async with self._session.post(url, json=parameters) as response:
            return Reply(response.status, await response.text())

    async def send(self, chat: Chat, text: str = "hello", **parameters: object) -> Reply:
        return await self.call("sendMessage", chat_id=chat.id, text=text, **parameters)

    async def control(self, path: str, body: object) -> Reply:
        async with self._session.post(f"{self._telegram.url}/sandbox/{path}", json=body) as response:
            return Reply(response.status, await response.text())

    async def look(self, path: str, **query: str) -> list[Json]:
        async with self._session.get(f"{self._telegram.url}/sandbox/{path}", params=query) as response:
            found = await response.json()
            assert isinstance(found, list)
            return found


@pytest.fixture
async def telegram() -> AsyncIterator[Telegram]:
    async with furnished().serve() as running:
        yield running


@pytest.fixture
async def client(telegram: Telegram) -> AsyncIterator[Client]:
    async with ClientSession() as session:
        yield Client(session, telegram)


@pytest.fixture
async def bot(telegram: Telegram) -> AsyncIterator[Bot]:
    async with Bot(telegram.token, base_url=f"{telegram.url}/bot") as bot:
        yield bot


@pytest.fixture
def alice(telegram: Telegram) -> User:
    return telegram.user(SANDBOX_USER_ID)


@pytest.fixture
def chat(telegram: Telegram) -> Chat:
    return telegram.chat(SANDBOX_USER_ID)


def texts(telegram: Telegram, chat: Chat, thread_id: int | None = None) -> list[str]:
    return [message.text for message in telegram.messages(chat, thread_id)]


def keyboard(*buttons: Json) -> Json:
    return {"inline_keyboard": [list(buttons)]}


# ---------------------------------------------------------------- a real client library


async def test_a_library_bot_knows_itself(bot: Bot) -> None:
    me = await bot.get_me()

    assert (me.id, me.username, me.is_bot) == (SANDBOX_BOT.id, "balance_sandbox_bot", True)
    assert me.can_read_all_group_messages is False


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
    assert seen.buttons == ((Button("Undo", "undo:1"),),)
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
    assert telegram.messages(chat)[0].buttons == ((Button("x", url="https://e.org"),),)
    await bot.delete_message(chat.id, sent.message_id)
    assert telegram.messages(chat) == []
    with pytest.raises(Exception, match="Message to edit not found"):
        await bot.edit_message_text("three", chat.id, sent.message_id)


async def test_a_library_bot_keeps_a_menu_per_scope_and_language(bot: Bot) -> None:
    await bot.set_my_commands([("status", "How fresh everything is")], language_code="en")

    (command,) = await bot.get_my_commands(language_code="en")
    assert command.command == "status"
    assert await bot.get_my_commands() == ()
    await bot.delete_my_commands(language_code="en")
    assert await bot.get_my_commands(language_code="en") == ()


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


# ---------------------------------------------------------------- the door


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
    client: Client, token: str, method: str, status: int, description: str
) -> None:
    reply = await client.call_as(token, method)

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
    assert telegram.messages(chat)[1].buttons == ((Button("b", "c"),),)


async def test_every_call_is_kept_with_its_parameters(telegram: Telegram, client: Client, chat: Chat) -> None:
    await client.send(chat, "counted", link_preview_options={"is_disabled": True})

    (call,) = telegram.calls
    assert (call.method, call.parameters["text"]) == ("sendMessage", "counted")
    assert telegram.messages(chat)[0].link_preview_options == {"is_disabled": True}


async def test_it_answers_on_this_machine_only() -> None:
    with pytest.raises(ValueError, match="no loopback address"):
        async with furnished().serve("0.0.0.0"):  # noqa: S104 - the refused one
            pass


async def test_outside_its_block_connections_are_refused_and_afterwards_it_is_as_it_was(chat: Chat) -> None:
    telegram = furnished()
    async with ClientSession(connector=TCPConnector(force_close=True)) as session:
        client = Client(session, telegram)
        async with telegram.serve():
            await client.send(chat, "before")
        with pytest.raises(ClientConnectorError):
            await client.send(chat, "meanwhile")
        async with telegram.serve(port=int(telegram.url.rpartition(":")[2])):
            await client.send(chat, "afterwards")

    assert texts(telegram, telegram.chat(chat.id)) == ["before", "afterwards"]


async def test_closing_ends_polls_and_held_requests(chat: Chat) -> None:
    telegram = furnished()
    async with ClientSession() as session:
        client = Client(session, telegram)
        async with asyncio.timeout(5), telegram.serve():
            hold = telegram.hold_before()
            polling = telegram.hold_before(method="getUpdates")
            poll = asyncio.create_task(client.call("getUpdates", timeout=50))
            sending = asyncio.create_task(client.send(chat))
            await hold.arrived()
            await polling.arrived()
            polling.release()
        ended = await asyncio.gather(poll, sending, return_exceptions=True)

    assert all(isinstance(end, ClientConnectionError) for end in ended)
    assert telegram.messages(telegram.chat(chat.id)) == []


# ---------------------------------------------------------------- receiving


async def test_an_update_comes_again_until_a_larger_offset_confirms_it(
    telegram: Telegram, client: Client, alice: User, chat: Chat
) -> None:
    telegram.says(alice, chat, "one")
    telegram.says(alice, chat, "two")

    first, second = (await client.call("getUpdates")).updates
    assert (await client.call("getUpdates")).updates == [first, second]
    assert second["update_id"] == int(str(first["update_id"])) + 1
    assert (await client.call("getUpdates", offset=second["update_id"])).updates == [second]
    assert (await client.call("getUpdates")).updates == [second]


async def test_a_negative_offset_forgets_all_but_the_last(
    telegram: Telegram, client: Client, alice: User, chat: Chat
) -> None:
    for text in ("one", "two", "three"):
        telegram.says(alice, chat, text)

    (last,) = (await client.call("getUpdates", offset=-1)).updates
    assert (await client.call("getUpdates")).updates == [last]
    assert (await client.call("getWebhookInfo")).result["pending_update_count"] == 1
    await client.call("deleteWebhook", drop_pending_updates=True)
    assert (await client.call("getUpdates")).updates == []


async def test_the_limit_is_brought_between_1_and_100(
    telegram: Telegram, client: Client, alice: User, chat: Chat
) -> None:
    for number in range(101):
        telegram.says(alice, chat, str(number))

    sizes = [len((await client.call("getUpdates", limit=limit)).updates) for limit in (0, 2, 1000)]
    assert sizes == [1, 2, 100]


async def test_a_long_poll_ends_when_something_happens(
    telegram: Telegram, client: Client, alice: User, chat: Chat
) -> None:
    gate = telegram.hold_before(method="getUpdates")
    poll = asyncio.create_task(client.call("getUpdates", timeout=50))
    await gate.arrived()
    gate.release()
    await client.call("getMe")
    telegram.says(alice, chat, "now")

    (update,) = (await poll).updates
    assert "now" in json.dumps(update)


async def test_a_second_poll_ends_the_first(client: Client, telegram: Telegram, bot: Bot) -> None:
    gate = telegram.hold_before(method="getUpdates")
    first = asyncio.create_task(bot.get_updates(timeout=50))
    await gate.arrived()
    gate.release()
    await client.call("getMe")
    second = await client.call("getUpdates", timeout=0)

    assert second.updates == []
    with pytest.raises(
        Conflict,
        match="terminated by other getUpdates request; make sure that only one bot instance is running",
    ):
        await first


async def test_the_kinds_asked_for_are_remembered(
    telegram: Telegram, client: Client, alice: User, chat: Chat
) -> None:
    await client.call("getUpdates", allowed_updates=["message"])
    await client.call("getUpdates")
    telegram.edits(telegram.says(alice, chat, "draft"), "final")
    assert [set(update) for update in (await client.call("getUpdates")).updates] == [{"update_id", "message"}]

    await client.call("getUpdates", allowed_updates=[])
    telegram.edits(telegram.says(alice, chat, "draft"), "final")
    assert "edited_message" in (await client.call("getUpdates")).updates[-1]


# ---------------------------------------------------------------- what the bot hears


async def test_in_a_group_it_hears_commands_for_itself_and_replies_to_itself(
    telegram: Telegram, client: Client, alice: User
) -> None:
    group = telegram.add_group("Ops", {alice: "member"})
    await client.send(group, "anyone?")
    own = telegram.messages(group)[-1]

    telegram.says(alice, group, "just talking")
    telegram.says(alice, group, "/status@another_bot")
    telegram.says(alice, group, "/status")
    telegram.says(alice, group, "/status@balance_sandbox_bot")
    telegram.says(alice, group, "me", reply_to=own)
    assert await heard(client) == ["/status", "/status@balance_sandbox_bot", "me"]

    telegram.changes_bot(group, "administrator")
    telegram.says(alice, group, "just talking")
    assert (await heard(client))[-1] == "just talking"


async def heard(client: Client) -> list[object]:
    messages = [update.get("message") for update in (await client.call("getUpdates")).updates]
    return [message["text"] for message in messages if isinstance(message, dict)]


async def last_message(client: Client) -> Json:
    update = (await client.call("getUpdates", offset=-1)).updates[0]
    message = update["message"]
    assert isinstance(message, dict)
    return message


async def test_an_anonymous_administrator_writes_in_the_groups_name(
    telegram: Telegram, client: Client, alice: User
) -> None:
    group = telegram.add_supergroup("Ops", {alice: "administrator"})
    telegram.says_anonymously(alice, group, "/status")

    message = await last_message(client)
    assert message["from"] == {
        "id": 1087968824,
        "is_bot": True,
        "first_name": "Group",
        "username": "GroupAnonymousBot",
    }
    assert message["sender_chat"] == {"id": group.id, "type": "supergroup", "title": "Ops"}
    telegram.set_member(group, alice, "member")
    with pytest.raises(SandboxError, match="their status is member"):
        telegram.says_anonymously(alice, group, "/status")


async def test_a_channel_writes_in_a_group_as_itself(telegram: Telegram, client: Client) -> None:
    group, channel = telegram.add_supergroup("Ops"), telegram.add_channel("News")
    telegram.says_as_channel(channel, group, "/status")

    message = await last_message(client)
    assert message["sender_chat"] == {"id": channel.id, "type": "channel", "title": "News"}
    assert '"id": 136817688' in json.dumps(message["from"])


async def test_a_channel_post_has_no_person_behind_it(
    telegram: Telegram, client: Client, alice: User
) -> None:
    channel = telegram.add_channel("News", {alice: "creator"})
    telegram.says(alice, channel, "extra")

    (update,) = (await client.call("getUpdates")).updates
    assert '"from"' not in json.dumps(update["channel_post"])


async def test_a_topic_message_is_marked_and_a_reply_thread_is_not(
    telegram: Telegram, client: Client, alice: User
) -> None:
    forum = telegram.add_forum("Ops", {alice: "member"})
    topic = telegram.add_topic(forum, "Treasury")
    telegram.says(alice, forum, "/status", thread_id=topic)
    message = await last_message(client)
    assert (message["message_thread_id"], message["is_topic_message"]) == (topic, True)

    plain = telegram.add_supergroup("Plain", {alice: "member"})
    first = telegram.says(alice, plain, "/status")
    telegram.says(alice, plain, "/help", reply_to=telegram.says(alice, plain, "/status", reply_to=first))
    message = await last_message(client)
    assert message["message_thread_id"] == first.message_id
    assert "is_topic_message" not in message


async def test_a_press_may_carry_data_that_no_button_shows_on_a_message_that_is_gone(
    telegram: Telegram, client: Client, alice: User, chat: Chat
) -> None:
    await client.send(chat, reply_markup=keyboard({"text": "Go", "callback_data": "go"}))
    message = telegram.messages(chat)[0]
    with pytest.raises(SandboxError, match=r'No button "Stop" calls back there; shown are \[\'Go\'\]'):
        telegram.presses(alice, message, "Stop")
    await client.call("deleteMessage", chat_id=chat.id, message_id=message.message_id)

    telegram.presses_unshown(alice, message, "forged")
    query = (await client.call("getUpdates")).updates[0]["callback_query"]
    assert isinstance(query, dict)
    assert (query["data"], query["message"]["date"]) == ("forged", 0)


async def test_a_person_who_blocks_the_bot_is_out_of_reach_until_unblocking(
    telegram: Telegram, client: Client, alice: User, chat: Chat
) -> None:
    telegram.blocks(alice)
    refused = await client.send(chat)
    assert (refused.status, refused.description) == (403, "Forbidden: bot was blocked by the user")
    assert await statuses(client) == [("member", "kicked")]

    telegram.unblocks(alice)
    assert (await client.send(chat)).status == 200
    assert await statuses(client) == [("member", "kicked"), ("kicked", "member")]


async def statuses(client: Client) -> list[tuple[str, str]]:
    changes = [update.get("my_chat_member") for update in (await client.call("getUpdates")).updates]
    return [
        (change["old_chat_member"]["status"], change["new_chat_member"]["status"])
        for change in changes
        if isinstance(change, dict)
    ]


async def test_a_group_is_out_of_reach_while_the_bot_is_not_in_it(
    telegram: Telegram, client: Client, alice: User
) -> None:
    group = telegram.add_group("Ops", {alice: "creator"}, bot="left")
    assert (await client.send(group)).description == "Forbidden: bot is not a member of the group chat"
    telegram.adds_bot(group)
    assert (await client.send(group)).status == 200
    telegram.removes_bot(group, by=alice)
    assert (await client.send(group)).description == "Forbidden: bot was kicked from the group chat"
    telegram.adds_bot(group)
    await client.call("leaveChat", chat_id=group.id)
    assert (await client.call("getChat", chat_id=group.id)).status == 403
    assert (await statuses(client))[-1] == ("member", "left")


# ---------------------------------------------------------------- sending


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"chat_id": 42}, "chat not found"),
        ({"chat_id": ""}, "chat_id is empty"),
        ({"text": ""}, "message text is empty"),
        ({"text": " \n"}, "message text is empty"),
        ({"text": "x" * 4097}, "message is too long"),
        ({"text": "é" * 16_385}, "text is too long"),
        ({"text": "<b>x", "parse_mode": "HTML"}, "can't parse entities: Can't find end tag"),
        ({"parse_mode": "Latex"}, "unsupported parse_mode"),
        ({"reply_markup": "{"}, "can't parse reply markup JSON object"),
        ({"reply_markup": keyboard({"text": "b", "callback_data": ""})}, "BUTTON_DATA_INVALID"),
        ({"reply_markup": keyboard({"text": "b", "callback_data": "é" * 33})}, "BUTTON_DATA_INVALID"),
        ({"reply_markup": keyboard({"text": "b", "url": "gopher://e"})}, "BUTTON_URL_INVALID"),
        ({"reply_markup": keyboard({"text": "b"})}, "can't parse inline keyboard button"),
        ({"reply_markup": keyboard(*[CALLING] * 9)}, "reply markup is too long"),
        (
            {"reply_markup": {"inline_keyboard": [[CALLING]] * 101}},
            "reply markup is too long",
        ),
        ({"reply_parameters": {"message_id": 99}}, "message to be replied not found"),
    ],
)
async def test_what_telegram_refuses_is_refused_in_its_words_and_not_shown(
    telegram: Telegram, client: Client, chat: Chat, parameters: Json, reason: str
) -> None:
    reply = await client.call("sendMessage", **{"chat_id": chat.id, "text": "hello", **parameters})

    assert reply.status == 400
    assert reply.description.startswith(f"Bad Request: {reason}")
    assert telegram.messages(chat) == []


@pytest.mark.parametrize(
    "parameters",
    [
        {"text": "x" * 4096},
        {"text": "<b>" + "x" * 4096 + "</b>", "parse_mode": "HTML"},
        {"text": "&amp;" * 4096, "parse_mode": "html"},
        {"reply_markup": keyboard({"text": "b", "callback_data": "é" * 32})},
        {"reply_markup": keyboard(*[CALLING] * 8)},
        {"reply_markup": {"inline_keyboard": [[CALLING]] * 100}},
        {"reply_markup": {"force_reply": True}},
        {"reply_parameters": {"message_id": 99, "allow_sending_without_reply": True}},
        {"message_thread_id": 99},
    ],
)
async def test_what_is_just_within_the_limits_is_shown(
    telegram: Telegram, client: Client, chat: Chat, parameters: Json
) -> None:
    reply = await client.call("sendMessage", **{"chat_id": chat.id, "text": "hello", **parameters})

    assert reply.status == 200
    assert len(telegram.messages(chat)) == 1


@pytest.mark.parametrize(
    ("method", "parameters", "reason"),
    [
        ("editMessageText", {"message_id": 1, "text": "mine"}, "message can't be edited"),
        ("deleteMessage", {"message_id": 9}, "message to delete not found"),
        ("answerCallbackQuery", {"text": "x" * 201}, "MESSAGE_TOO_LONG"),
        ("getChatMember", {"user_id": 9}, "user not found"),
        ("getChatAdministrators", {}, "there are no administrators in the private chat"),
        ("leaveChat", {}, "chat member status can't be changed in private chats"),
        ("sendChatAction", {}, "wrong parameter action in request"),
        ("setMyCommands", {}, "can't parse commands: expected an Array of BotCommand"),
    ],
)
async def test_other_methods_refuse_in_telegrams_words_too(
    telegram: Telegram, client: Client, chat: Chat, *, method: str, parameters: Json, reason: str
) -> None:
    telegram.says(telegram.user(chat.id), chat, "theirs")
    reply = await client.call(method, chat_id=chat.id, **parameters)

    assert (reply.status, reply.description) == (400, f"Bad Request: {reason}")


async def test_what_others_said_may_be_deleted_by_whoever_is_in_charge_only(
    telegram: Telegram, client: Client, alice: User
) -> None:
    group = telegram.add_group("Ops", {alice: "member"})
    theirs = telegram.says(alice, group, "theirs")
    refused = await client.call("deleteMessage", chat_id=group.id, message_id=theirs.message_id)
    assert refused.description == "Bad Request: message can't be deleted"

    telegram.set_member(group, telegram.bot, "administrator")
    await client.call("deleteMessage", chat_id=group.id, message_id=theirs.message_id)
    assert telegram.messages(group) == []


async def test_a_channel_takes_posts_from_those_in_charge_only(telegram: Telegram, client: Client) -> None:
    channel = telegram.add_channel("News")
    posted = await client.send(channel)
    assert "from" not in posted.result

    telegram.set_member(channel, telegram.bot, "member")
    refused = await client.send(channel)
    assert refused.description == "Bad Request: need administrator rights in the channel chat"


async def test_a_reply_carries_what_it_answers(
    telegram: Telegram, client: Client, alice: User, chat: Chat
) -> None:
    said = telegram.says(alice, chat, "/status")
    answered = await client.send(chat, reply_parameters={"message_id": said.message_id})

    replied = answered.result["reply_to_message"]
    assert isinstance(replied, dict)
    assert replied["text"] == "/status"
    assert (await client.call("sendChatAction", chat_id=chat.id, action="typing")).status == 200


@pytest.mark.parametrize("body", ["{", "[]"])
async def test_a_json_body_that_is_no_object_is_refused(telegram: Telegram, body: str) -> None:
    url = f"{telegram.url}/bot{telegram.token}/getMe"
    headers = {"Content-Type": "application/json"}
    async with ClientSession() as session, session.post(url, data=body, headers=headers) as response:
        assert response.status == 400


async def test_in_a_forum_a_message_lands_in_its_topic_or_in_general(
    telegram: Telegram, client: Client
) -> None:
    forum = telegram.add_forum("Ops")
    topic = telegram.add_topic(forum, "Treasury")
    other = telegram.add_topic(forum, "Other")
    inside = await client.send(forum, "inside", message_thread_id=topic)
    await client.send(forum, "general")

    assert inside.result["message_thread_id"] == topic
    assert texts(telegram, forum, topic) == ["inside"]
    assert texts(telegram, forum, other) == []
    assert telegram.messages(forum)[-1].thread_id is None


async def test_a_topic_that_is_general_unknown_deleted_or_closed_is_refused(
    telegram: Telegram, client: Client
) -> None:
    forum = telegram.add_forum("Ops")
    deleted, closed = telegram.add_topic(forum, "Deleted"), telegram.add_topic(forum, "Closed")
    telegram.delete_topic(forum, deleted)
    telegram.close_topic(forum, closed)

    for thread_id in (1, 99, deleted):
        reply = await client.send(forum, message_thread_id=thread_id)
        assert reply.description == "Bad Request: message thread not found"
    assert (await client.send(forum, message_thread_id=closed)).description == "Bad Request: TOPIC_CLOSED"


def test_dates_come_from_the_clock_given() -> None:
    telegram = Telegram(clock=lambda: NOON)
    chat = telegram.add_private_chat(telegram.add_user("Alice"))
    message = telegram.says(telegram.user(chat.id), chat, "/start")

    assert message.date == NOON
    assert telegram.as_wire(message)["date"] == int(NOON.timestamp())


# ---------------------------------------------------------------- HTML


@pytest.mark.parametrize(
    ("html", "text", "entities"),
    [
        ("plain", "plain", ()),
        ("1 &lt; 2 &gt; 0 &amp; &quot;x&quot; &#39; &#x27;", "1 < 2 > 0 & \"x\" ' '", ()),
        ("&nbsp; &copy; AT&T", "&nbsp; &copy; AT&T", ()),
        ("😀<b>x</b>", "😀x", (Entity("bold", 2, 1),)),
        ("&#x1F600;<i>x</i>", "😀x", (Entity("italic", 2, 1),)),
        ("<b>a<i>b</i></b>", "ab", (Entity("bold", 0, 2), Entity("italic", 1, 1))),
        ("<STRONG>x</strong >", "x", (Entity("bold", 0, 1),)),
        ("<u>x</u><ins>y</ins>", "xy", (Entity("underline", 0, 1), Entity("underline", 1, 1))),
        ("<tg-spoiler>x</tg-spoiler>", "x", (Entity("spoiler", 0, 1),)),
        ('<span class="tg-spoiler">x</span>', "x", (Entity("spoiler", 0, 1),)),
        (
            '<a href="https://e.org/?a=1&amp;b">x</a>',
            "x",
            (Entity("text_link", 0, 1, "https://e.org/?a=1&b"),),
        ),
        ("<a href='e.org'>x</a>", "x", (Entity("text_link", 0, 1, "http://e.org"),)),
        ("<a>https://e.org</a>", "https://e.org", (Entity("text_link", 0, 13, "https://e.org"),)),
        ('<a href="javascript:1">x</a>', "x", ()),
        ("<code>a &lt; b</code>", "a < b", (Entity("code", 0, 5),)),
        ("<code>a<b>c</b></code>", "ac", (Entity("code", 0, 2),)),
        (
            '<pre><code class="language-py">x</code></pre>',
            "x",
            (Entity("pre", 0, 1, language="py"),),
        ),
        ("<blockquote>a<b>c</b></blockquote>", "ac", (Entity("blockquote", 0, 2), Entity("bold", 1, 1))),
        ("<blockquote expandable>x</blockquote>", "x", (Entity("expandable_blockquote", 0, 1),)),
        (
            "<blockquote>a<blockquote>b</blockquote></blockquote>",
            "ab",
            (Entity("blockquote", 0, 2),),
        ),
        ('<tg-emoji emoji-id="1">👍</tg-emoji>', "👍", ()),
        ("<b></b>x", "x", ()),
        ("  <b>x</b> \n", "x", (Entity("bold", 0, 1),)),
        ("<b> x \n</b>", " x", (Entity("bold", 0, 2),)),
        ("a\tb\r\n\u202ec", "a b\nc", ()),
    ],
)
def test_html_is_shown_as_telegram_shows_it(html: str, text: str, entities: tuple[Entity, ...]) -> None:
    formatted = read_html(html)

    assert formatted.text == text
    assert formatted.entities == entities


@pytest.mark.parametrize(
    ("html", "reason"),
    [
        ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
        ("<b><i>x</b></i>", 'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"'),
        ("x</b>", "Unexpected end tag at byte offset 1"),
        ("<b>x</b", "Unclosed end tag at byte offset 4"),
        ("1 < 2", 'Unsupported start tag "" at byte offset 2'),
        ("a <b", "Unclosed start tag at byte offset 2"),
        ("é<p>x</p>", 'Unsupported start tag "p" at byte offset 2'),
        ("x<br/>", 'Unsupported start tag "br/" at byte offset 1'),
        ("<$100>", 'Unsupported start tag "$100" at byte offset 0'),
        ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
        ('<a ="x">', 'Empty attribute name in the tag "a" at byte offset 0'),
        ('<a href="x', "Unclosed start tag at byte offset 0"),
        ("<a href", 'Unclosed start tag "a" at byte offset 0'),
        ("<a href=ä>", "Unexpected end of name token at byte offset 8"),
        (
            "&#xD800;",
            (
                "Text contains invalid Unicode characters after decoding HTML entities, "
                "check for unmatched surrogate code units"
            ),
        ),
    ],
)
def test_html_is_refused_as_telegram_refuses_it(html: str, reason: str) -> None:
    with pytest.raises(CannotParse) as refused:
        read_html(html)

    assert str(refused.value) == reason


def test_beyond_a_hundred_links_and_code_spans_formatting_is_lost_silently() -> None:
    formatted = read_html("<b>x</b>" + "<code>x</code>" * 101)

    assert len(formatted.text) == 102
    assert [entity.type for entity in formatted.entities] == ["bold", *["code"] * 100]


@given(st.text())
def test_escaped_text_reads_as_the_plain_text_it_was(text: str) -> None:
    assert read_html(escape(text)) == read_plain(text)


def test_plain_text_keeps_its_marks() -> None:
    assert read_plain(" <b>1 & 2</b> ").text == "<b>1 & 2</b>"


# ---------------------------------------------------------------- faults


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
    telegram: Telegram, client: Client, chat: Chat, *, fault: Fault, lost: type[Exception], delivered: int
) -> None:
    telegram.fault(fault, times=1)

    with pytest.raises(lost):
        await client.send(chat)
    assert len(telegram.messages(chat)) == delivered
    assert (await client.send(chat)).status == 200


@pytest.mark.parametrize(
    ("fault", "status", "body", "delivered"),
    [
        (after(Garbage()), 200, '{"ok":true,"resu', 1),
        (before(Page()), 502, "<html><body><h1>Bad Gateway</h1></body></html>", 0),
        (after(Page(504, "<html>late</html>")), 504, "<html>late</html>", 1),
    ],
)
async def test_a_strange_answer_leaves_what_was_accepted(
    telegram: Telegram, client: Client, chat: Chat, *, fault: Fault, status: int, body: str, delivered: int
) -> None:
    telegram.fault(fault, times=1)
    reply = await client.send(chat)

    assert (reply.status, reply.text) == (status, body)
    assert len(telegram.messages(chat)) == delivered


async def test_an_error_comes_as_set_with_its_parameters(
    telegram: Telegram, client: Client, chat: Chat
) -> None:
    telegram.fault(too_many_requests(7), times=1)
    telegram.fault(before(Error(403, "Forbidden: user is deactivated")), times=1)

    assert json.loads((await client.send(chat)).text) == {
        "ok": False,
        "error_code": 429,
        "description": "Too Many Requests: retry after 7",
        "parameters": {"retry_after": 7},
    }
    assert (await client.send(chat)).description == "Forbidden: user is deactivated"
    assert (await client.send(chat)).status == 200


async def test_a_fault_lasts_until_healed_for_one_chat_and_one_method_only(
    telegram: Telegram, client: Client, chat: Chat
) -> None:
    other = telegram.add_private_chat(telegram.add_user("Bob"))
    telegram.fault(before(Page()), chat=chat)

    assert [(await client.send(chat)).status for _ in range(2)] == [502, 502]
    assert (await client.send(other)).status == 200
    assert (await client.call("getChat", chat_id=chat.id)).status == 200
    telegram.heal()
    assert (await client.send(chat)).status == 200

    telegram.fault(before(Error(401, "Unauthorized")), method=None)
    assert (await client.call("getMe")).status == 401


async def test_a_held_request_happens_when_released_if_held_before(
    telegram: Telegram, client: Client, chat: Chat
) -> None:
    hold = telegram.hold_before()
    sending = asyncio.create_task(client.send(chat))
    await hold.arrived()
    assert telegram.messages(chat) == []
    hold.release()

    assert (await sending).status == 200
    assert texts(telegram, chat) == ["hello"]


async def test_a_held_request_has_happened_if_held_after(
    telegram: Telegram, client: Client, chat: Chat
) -> None:
    telegram.hold_after()
    sending = asyncio.create_task(client.send(chat))
    await telegram.wait_for_message(chat, "hello")
    assert not sending.done()
    telegram.heal()

    assert (await sending).status == 200


async def test_a_dropped_request_never_happens(telegram: Telegram, client: Client, chat: Chat) -> None:
    hold = telegram.hold_before()
    sending = asyncio.create_task(client.send(chat))
    await hold.arrived()
    hold.drop()

    with pytest.raises(ServerDisconnectedError):
        await sending
    assert telegram.messages(chat) == []


async def test_a_request_outlives_the_client_that_was_killed_after_sending_it(
    telegram: Telegram, client: Client, chat: Chat
) -> None:
    hold = telegram.hold_before()
    sending = asyncio.create_task(client.send(chat))
    await hold.arrived()
    sending.cancel()
    hold.release()

    assert (await telegram.wait_for_message(chat, "hello")).from_bot


async def test_waiting_finds_what_is_newer_or_satisfies_a_condition(
    telegram: Telegram, client: Client, chat: Chat
) -> None:
    await client.send(chat, "one fish")
    await client.send(chat, "two fish")

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


# ---------------------------------------------------------------- the control


async def test_another_process_can_set_the_stage_and_play(telegram: Telegram, client: Client) -> None:
    await client.control("users", {"id": 7, "first_name": "Bob"})
    await client.control("chats", {"type": "forum", "title": "Ops", "id": -1007, "members": {"7": "creator"}})
    await client.control("topics", {"chat": -1007, "title": "Treasury"})
    await client.control("say", {"user": 7, "chat": -1007, "text": "/status", "thread": 2})
    assert (await last_message(client))["text"] == "/status"

    waiting = asyncio.create_task(client.look("messages", chat="-1007", after="3", wait="5"))
    markup = keyboard({"text": "More", "callback_data": "more"})
    await client.call(
        "sendMessage", chat_id=-1007, text="<b>Fresh</b>", parse_mode="HTML", reply_markup=markup
    )
    (message,) = await waiting
    assert (message["text"], message["html"], message["from_bot"]) == ("Fresh", "<b>Fresh</b>", True)
    press = {"user": 7, "chat": -1007, "message": message["message_id"], "button": "More"}
    assert (await client.control("press", press)).status == 200
    assert "callback_query" in (await client.call("getUpdates", offset=-1)).updates[0]
    assert [call["method"] for call in await client.look("calls", method="sendMessage")] == ["sendMessage"]
    assert len(telegram.messages(telegram.chat(-1007))) == 2


async def test_another_process_can_break_and_heal(client: Client, chat: Chat) -> None:
    limit = {
        "answer": "error",
        "code": 429,
        "description": "Too Many Requests: retry after 7",
        "parameters": {"retry_after": 7},
        "chat": chat.id,
        "times": 1,
    }
    assert (await client.control("fault", limit)).status == 200
    assert (await client.send(chat)).status == 429
    assert (await client.control("fault", {"place": "after", "answer": "garbage"})).status == 200
    assert (await client.send(chat)).text == Garbage.body
    assert (await client.control("heal", {})).status == 200
    assert (await client.send(chat)).status == 200


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
            "A status must be one of creator, administrator, member, left, kicked.",
        ),
        ("topics", {"chat": 1000, "title": "x"}, "Alice is no forum, so it has no topics."),
        ("press", {"user": 1000, "chat": 1000, "message": 9, "button": "x"}, "Alice shows no message 9."),
        (
            "fault",
            {"answer": "smile"},
            '"answer" must be one of close, reset, hold, garbage, page, error.',
        ),
        (
            "fault",
            {"place": "under", "answer": "close"},
            '"place" must be before or after (the request is accepted).',
        ),
    ],
)
async def test_what_cannot_be_done_is_explained(
    client: Client, path: str, body: object, sentence: str
) -> None:
    reply = await client.control(path, body)

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
