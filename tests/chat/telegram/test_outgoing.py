"""What each answer of Telegram means for a message, over real HTTP.

See docs/telegram.md, "Answers to a request".
"""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup

from bot.chat.telegram.connection import build_bot, introduce
from bot.chat.telegram.errors import PROXY_PAUSE_SECONDS
from bot.chat.telegram.outgoing import LEAVING_SECONDS, Buttons, Outgoing, OutgoingFile, no_buttons
from bot.chat.telegram.reply_queue import ReplyQueue
from bot.chat.telegram.send_queue import Rank, SendQueue
from bot.chat.text.html import EMPTY, code
from bot.domain.deliver.outcomes import (
    ChatMoved,
    Form,
    Misread,
    Offline,
    Outcome,
    Park,
    RetryLater,
    SendRefused,
    SendThrottled,
    SendUnknown,
    Sent,
    TopicLost,
    Unreachable,
    Vanished,
)
from bot.domain.deliver.pacing import Pacer
from bot.domain.places import Place
from bot.domain.replicas.roles import Role, Tenure
from bot.sandbox.telegram.api.faults import (
    Close,
    Endless,
    Error,
    Garbage,
    ProxyPage,
    Reset,
    TelegramFault,
    after,
    before,
)
from bot.sandbox.telegram.server import SANDBOX_TOKEN, Telegram
from bot.sandbox.telegram.world.world import Chat
from tests.builders import delivery

BUTTON = InlineKeyboardMarkup([[InlineKeyboardButton("Balances", callback_data="b:1")]])


@pytest.fixture
async def telegram() -> AsyncIterator[Telegram]:
    async with Telegram().serve() as one:
        yield one


@pytest.fixture
async def bot(telegram: Telegram) -> AsyncIterator[Bot]:
    one = build_bot(SANDBOX_TOKEN, telegram.url)
    await one.initialize()
    yield one
    await one.shutdown()


@pytest.fixture
def chat(telegram: Telegram) -> Chat:
    return telegram.add_private_chat(telegram.add_user("Olga", user_id=7001))


def error(code: int, description: str, **parameters: object) -> TelegramFault:
    return before(Error(code, description, parameters or None))


class Way:
    """The way out to Telegram on a clock that moves when somebody sleeps, and what it was told of pauses."""

    def __init__(self, bot: Bot, *, buttons: Buttons = no_buttons, patience_seconds: float = 20) -> None:
        self.pauses: list[tuple[int, float]] = []
        self.departures: list[int] = []
        self.seconds = 0.0
        self.tenure = Tenure(Role.SENDER)
        pacer = Pacer(
            messages_per_second=1e6, private_messages_per_second=1e6, group_messages_per_minute=10**6
        )
        self.send_queue = SendQueue(pacer, lambda: self.seconds, self.sleep)
        self.closed: set[int] = set()
        self.outgoing = Outgoing(
            bot,
            self.send_queue,
            ReplyQueue(
                self.send_queue,
                was_closed=lambda chat_id: chat_id in self.closed,
                before_leaving=self.note_departure,
                patience_seconds=patience_seconds,
            ),
            on_pause=self.pause,
            tenure=self.tenure,
            monotonic=lambda: self.seconds,
            buttons=buttons,
            sleep=self.sleep,
        )

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    async def note_departure(self, chat_id: int) -> None:
        self.departures.append(chat_id)

    async def pause(self, chat_id: int, seconds: float) -> None:
        self.pauses.append((chat_id, seconds))


async def test_nothing_leaves_once_another_replica_may_do_this(
    telegram: Telegram, bot: Bot, chat: Chat
) -> None:
    way, place = Way(bot), Place(chat.id, "private", "")
    calls = len(telegram.calls)
    way.tenure.good_until = LEAVING_SECONDS

    assert await way.outgoing.send(delivery(chat=chat.id)) == NOT_OURS
    assert await way.outgoing.ask(delivery(chat=chat.id)) == NOT_OURS
    assert await way.outgoing.notify(place, EMPTY + "a", None, rank=Rank.ANSWER) == NOT_OURS
    await way.outgoing.edit(place, 1, EMPTY + "a", None)
    await way.outgoing.edit_buttons(place, 1, None)
    await way.outgoing.toast(place, "1", "a")
    await way.outgoing.show_uploading(place)
    await way.outgoing.reply(place, EMPTY + "a")
    assert len(telegram.calls) == calls

    way.tenure.good_until = way.seconds + LEAVING_SECONDS + 1
    assert isinstance(await way.outgoing.send(delivery(chat=chat.id)), Sent)


async def test_an_answer_leaves_once_the_lease_is_renewed(telegram: Telegram, bot: Bot, chat: Chat) -> None:
    way = Way(bot)
    way.tenure.good_until = LEAVING_SECONDS
    sleep = way.outgoing._sleep

    async def renew(seconds: float) -> None:
        await sleep(seconds)
        way.tenure.good_until = way.seconds + 2 * LEAVING_SECONDS

    way.outgoing._sleep = renew
    await way.outgoing.reply(Place(chat.id, "private", ""), EMPTY + "a")

    assert [message.text for message in telegram.messages(chat)] == ["a"]


NOT_OURS = RetryLater("another replica may do this by now")
NOT_READ = RetryLater("it was refused, and why can't be read")


def sent_as(number: str) -> str:
    """Return an answer that a message was taken, with this for its number."""
    chat = '{"id":7001,"type":"private"}'
    return f'{{"ok":true,"result":{{"message_id":{number},"date":1700000000,"chat":{chat},"text":"a"}}}}'


ANSWERS: dict[str, tuple[TelegramFault, Outcome]] = {
    "flood": (error(429, "Too Many Requests: retry after 7", retry_after=7), SendThrottled(7)),
    "flood, said by a proxy": (before(ProxyPage(429)), SendThrottled(PROXY_PAUSE_SECONDS)),
    "flood of no time": (error(429, "Too Many Requests", retry_after=0), SendThrottled(1)),
    "flood of the past": (error(429, "Too Many Requests", retry_after=-5), SendThrottled(1)),
    "flood of ages": (error(429, "Too Many Requests", retry_after=10**18), SendThrottled(3600)),
    "flood of a second and a half": (error(429, "Too Many Requests", retry_after=1.5), SendThrottled(2)),
    "endless flood": (
        before(ProxyPage(429, '{"ok":false,"parameters":{"retry_after":1e400}}')),
        SendThrottled(3600),
    ),
    "flood of no number": (
        before(ProxyPage(429, '{"ok":false,"parameters":{"retry_after":NaN}}')),
        SendThrottled(30),
    ),
    "flood in words": (error(429, "Too Many Requests", retry_after="soon"), SendThrottled(30)),
    "flood that is true": (error(429, "Too Many Requests", retry_after=True), SendThrottled(30)),
    "flood without a sense": (before(ProxyPage(429, '{"ok":false,"parameters":7}')), SendThrottled(30)),
    "moved to a word": (error(400, "Bad Request: upgraded", migrate_to_chat_id="abc"), NOT_READ),
    "moved to nowhere": (error(400, "Bad Request: upgraded", migrate_to_chat_id=0), NOT_READ),
    "moved to a person": (error(400, "Bad Request: upgraded", migrate_to_chat_id=7), NOT_READ),
    "moved too far": (error(400, "Bad Request: upgraded", migrate_to_chat_id=-(2**60)), NOT_READ),
    "moved to a fraction": (error(400, "Bad Request: upgraded", migrate_to_chat_id=-7.5), NOT_READ),
    "refused by a proxy": (before(ProxyPage(400)), NOT_READ),
    "forbidden by a proxy": (before(ProxyPage(403)), NOT_READ),
    "refused by a list": (before(ProxyPage(400, "[]")), NOT_READ),
    "refused without end": (
        before(ProxyPage(400, '{"ok":false,"description":"' + 100_000 * "a" + '"}')),
        NOT_READ,
    ),
    "refused in half a sign": (error(400, "Bad Request: \ud800"), SendRefused("?", is_final=False)),
    "refused at length": (error(400, 1000 * "a"), SendRefused(200 * "a", is_final=False)),
    "a number that is none": (after(Garbage(sent_as('"seven"'))), SendUnknown("no number")),
    "a number too large": (after(Garbage(sent_as(str(10**30)))), SendUnknown("no number")),
    "an answer without end": (after(Endless(200)), SendUnknown("Unreadable")),
    "an answer without end, packed": (after(Endless(200, is_packed=True)), SendUnknown("Unreadable")),
    "an answer that comes to the point too late": (
        after(Endless(200, megabytes=21, point=sent_as("7"))),
        SendUnknown("Unreadable"),
    ),
    "an answer that comes to the point": (after(Endless(200, megabytes=2, point=sent_as("7"))), Sent(7)),
    "a packed answer that comes to the point": (
        after(Endless(200, megabytes=2, is_packed=True, point=sent_as("7"))),
        Sent(7),
    ),
    "an outage without end": (before(Endless(502)), SendUnknown("NetworkError")),
    "moved": (
        error(400, "Bad Request: group chat was upgraded", migrate_to_chat_id=-1007),
        ChatMoved(-1007),
    ),
    "token revoked": (error(401, "Unauthorized"), Offline("Telegram refuses the token", has_answered=True)),
    "wrong address": (error(404, "Not Found"), Offline("Telegram refuses the token", has_answered=True)),
    "another consumer": (error(409, "Conflict: terminated"), RetryLater("Conflict: terminated")),
    "too large": (before(ProxyPage(413)), SendRefused("it is too large", is_final=True)),
    "taken by a guard": (
        error(500, "Internal Server Error: sent message was immediately deleted and can't be returned"),
        Vanished("it was deleted as soon as it was sent"),
    ),
    "server error": (error(500, "Internal Server Error"), SendUnknown("NetworkError")),
    "bad gateway": (before(ProxyPage(502)), SendUnknown("NetworkError")),
    "closed without an answer": (before(Close()), SendUnknown("NetworkError")),
    "reset": (before(Reset()), SendUnknown("NetworkError")),
    "cut answer": (after(Garbage()), SendUnknown("Unreadable")),
    "foreign answer": (after(Garbage('{"ok":true,"result":{"a":1}}')), SendUnknown("KeyError")),
    "no sense": (after(Garbage('{"ok":false}')), SendUnknown("KeyError")),
}


@pytest.mark.parametrize(("fault", "outcome"), ANSWERS.values(), ids=ANSWERS.keys())
async def test_each_answer_has_its_meaning(
    telegram: Telegram, bot: Bot, chat: Chat, fault: TelegramFault, outcome: Outcome
) -> None:
    telegram.fault(fault)

    assert await Way(bot).outgoing.send(delivery(chat=chat.id)) == outcome


REFUSALS: dict[str, Outcome] = {
    "Forbidden: bot was blocked by the user": Unreachable(
        "Forbidden: bot was blocked by the user", Park.GONE
    ),
    "Forbidden: user is deactivated": Unreachable("Forbidden: user is deactivated", Park.FOR_GOOD),
    "Forbidden: bot was kicked from the supergroup chat": Unreachable(
        "Forbidden: bot was kicked from the supergroup chat", Park.GONE
    ),
    "Forbidden: the group chat was deleted": Unreachable("Forbidden: the group chat was deleted", Park.GONE),
    "Forbidden: something new": RetryLater("Forbidden: something new"),
    "Bad Request: chat not found": Unreachable("Chat not found", Park.GONE),
    "Bad Request: PEER_ID_INVALID": Unreachable("Peer_id_invalid", Park.GONE),
    "Bad Request: message thread not found": TopicLost("not found", is_certain=False),
    "Bad Request: TOPIC_CLOSED": TopicLost("closed", is_certain=True),
    "Bad Request: TOPIC_DELETED": TopicLost("deleted", is_certain=True),
    "Bad Request: not enough rights to send text messages to the chat": Unreachable(
        "Not enough rights to send text messages to the chat", Park.NO_RIGHTS
    ),
    "Bad Request: CHAT_WRITE_FORBIDDEN": Unreachable("Chat_write_forbidden", Park.NO_RIGHTS),
    "Bad Request: can't parse entities: unsupported start tag": Misread(
        "Can't parse entities: unsupported start tag", Form.PLAIN
    ),
    "Bad Request: reply markup is too long": Misread("Reply markup is too long", Form.BARE),
    "Bad Request: BUTTON_DATA_INVALID": Misread("Button_data_invalid", Form.BARE),
    "Bad Request: message is too long": SendRefused("Message is too long", is_final=True),
    "Bad Request: message text is empty": SendRefused("Message text is empty", is_final=True),
    "Bad Request: something new": SendRefused("Something new", is_final=False),
}


@pytest.mark.parametrize(("words", "outcome"), REFUSALS.items(), ids=REFUSALS.keys())
async def test_each_refusal_is_known_by_its_words(
    telegram: Telegram, bot: Bot, chat: Chat, words: str, outcome: Outcome
) -> None:
    telegram.fault(error(403 if words.startswith("Forbidden") else 400, words))

    assert await Way(bot).outgoing.send(delivery(chat=chat.id)) == outcome


async def test_a_group_that_became_itself_has_not_moved(telegram: Telegram, bot: Bot) -> None:
    group = telegram.add_group("Ops", {telegram.add_user("Olga"): "creator"})
    telegram.fault(error(400, "Bad Request: group chat was upgraded", migrate_to_chat_id=group.id))

    outcome = await Way(bot).outgoing.send(delivery(chat=group.id))

    assert outcome == RetryLater("the group became itself")


async def test_a_message_that_arrives_is_sent_with_its_id(telegram: Telegram, bot: Bot, chat: Chat) -> None:
    outcome = await Way(bot).outgoing.send(delivery(chat=chat.id, text="<b>Till</b> 5 &lt; 6"))

    (message,) = telegram.messages(chat)
    assert outcome == Sent(message.message_id)
    assert (message.text, message.html) == ("Till 5 < 6", "<b>Till</b> 5 &lt; 6")


@pytest.mark.parametrize("is_silent", [True, False])
async def test_a_message_arrives_with_sound_unless_it_is_silent(
    telegram: Telegram, bot: Bot, chat: Chat, *, is_silent: bool
) -> None:
    await Way(bot).outgoing.send(delivery(is_silent=is_silent))

    assert [message.silent for message in telegram.messages(chat)] == [is_silent]


async def test_without_a_connection_nothing_can_have_arrived(bot: Bot, chat: Chat) -> None:
    nobody = build_bot(SANDBOX_TOKEN, "http://127.0.0.1:9")
    assert not await introduce(nobody)

    outcome = await Way(nobody).outgoing.send(delivery(chat=chat.id))

    assert outcome == Offline("no connection (ClientConnectorError)")
    await nobody.shutdown()
    assert bot.username


# ---------------------------------------------------------------- asked


async def test_a_question_leaves_no_message(telegram: Telegram, bot: Bot, chat: Chat) -> None:
    assert await Way(bot).outgoing.ask(delivery(chat=chat.id)) is None

    assert telegram.messages(chat) == []


async def test_a_question_meets_what_a_message_meets(telegram: Telegram, bot: Bot, chat: Chat) -> None:
    for fault, outcome in ANSWERS.values():
        if fault.place == "before":
            telegram.fault(fault, method="sendChatAction", times=1)
            assert await Way(bot).outgoing.ask(delivery(chat=chat.id)) == outcome


@pytest.mark.parametrize(
    "fault", [before(Close()), before(ProxyPage(502)), error(500, "Internal Server Error")]
)
async def test_a_question_goes_as_far_as_a_message_does(
    telegram: Telegram, bot: Bot, chat: Chat, fault: TelegramFault
) -> None:
    telegram.fault(fault, method="sendChatAction")

    assert await Way(bot).outgoing.ask(delivery(chat=chat.id)) == SendUnknown("NetworkError")


async def test_a_question_finds_out_what_is_wrong_with_the_chat(
    telegram: Telegram, bot: Bot, chat: Chat
) -> None:
    telegram.blocks(telegram.user(chat.id))

    outcome = await Way(bot).outgoing.ask(delivery(chat=chat.id))

    assert outcome == Unreachable("Forbidden: bot was blocked by the user", Park.GONE)


@pytest.mark.parametrize("fault", [error(404, "Not Found: method not found"), before(ProxyPage(404))])
async def test_a_server_without_actions_has_answered(
    telegram: Telegram, bot: Bot, chat: Chat, fault: TelegramFault
) -> None:
    telegram.fault(fault, method="sendChatAction")

    outcome = await Way(bot).outgoing.ask(delivery(chat=chat.id))

    assert outcome == Offline("Telegram refuses the token", has_answered=True)


# ---------------------------------------------------------------- in another form


async def test_a_whole_message_has_its_buttons(telegram: Telegram, bot: Bot, chat: Chat) -> None:
    await Way(bot, buttons=lambda _: BUTTON).outgoing.send(delivery(chat=chat.id))

    (message,) = telegram.messages(chat)
    assert message.buttons


async def test_a_bare_message_has_none_and_keeps_its_formats(
    telegram: Telegram, bot: Bot, chat: Chat
) -> None:
    await Way(bot, buttons=lambda _: BUTTON).outgoing.send(
        delivery(chat=chat.id, text="<b>Till</b>", form=Form.BARE)
    )

    (message,) = telegram.messages(chat)
    assert (message.buttons, message.html) == ((), "<b>Till</b>")


async def test_a_plain_message_is_what_was_to_be_seen(telegram: Telegram, bot: Bot, chat: Chat) -> None:
    link = '<a href="https://a.example/?x=1&amp;y">Polygon</a>'
    text = f"<b>Till</b> · {link} 5 &lt; 6 &amp; <code>&lt;b&gt;</code>"

    await Way(bot).outgoing.send(delivery(chat=chat.id, text=text, form=Form.PLAIN))

    (message,) = telegram.messages(chat)
    assert message.text == "Till · Polygon 5 < 6 & <b>"


async def test_a_message_astray_says_so_and_still_ends_with_its_id(
    telegram: Telegram, bot: Bot, chat: Chat
) -> None:
    await Way(bot).outgoing.send(
        delivery(chat=chat.id, text="5 → 6\n12:00:00 UTC · 7KQ2F", fallback_reason="closed")
    )

    (message,) = telegram.messages(chat)
    assert message.text.startswith("⚠️ Its topic is closed, so it comes here.")
    assert telegram.seen(chat).by_id == {"7KQ2F": 1}


# ---------------------------------------------------------------- answers to commands


OLGA = Place(7001, "private", "Olga")
TEXT = EMPTY + "Watching " + code("0x…")


async def test_an_answer_that_is_throttled_shortly_waits_and_arrives(
    telegram: Telegram, bot: Bot, chat: Chat
) -> None:
    one = Way(bot)
    telegram.fault(error(429, "Too Many Requests", retry_after=3), times=1)

    await one.outgoing.reply(OLGA, TEXT)

    assert [message.text for message in telegram.messages(chat)] == ["Watching 0x…"]
    assert one.pauses == [(7001, 3)]
    assert one.seconds >= 3


async def test_an_answer_that_is_throttled_for_long_is_given_up_and_the_hold_remembered(
    telegram: Telegram, bot: Bot, chat: Chat
) -> None:
    one = Way(bot)
    telegram.fault(error(429, "Too Many Requests", retry_after=300), times=1)

    await one.outgoing.reply(OLGA, TEXT)

    assert telegram.messages(chat) == []
    assert one.pauses == [(7001, 300)]


async def test_an_answer_whose_buttons_are_refused_comes_without_them(
    telegram: Telegram, bot: Bot, chat: Chat
) -> None:
    telegram.fault(error(400, "Bad Request: BUTTON_DATA_INVALID"), times=1)

    await Way(bot).outgoing.reply(OLGA, TEXT, BUTTON)

    (message,) = telegram.messages(chat)
    assert (message.text, message.buttons) == ("Watching 0x…", ())


async def test_an_answer_that_may_have_arrived_is_not_repeated(
    telegram: Telegram, bot: Bot, chat: Chat
) -> None:
    telegram.fault(after(Close()), times=1)

    await Way(bot).outgoing.reply(OLGA, TEXT)

    assert len(telegram.messages(chat)) == 1


async def test_an_answer_that_may_not_leave_yet_keeps_nobody_waiting_and_arrives(
    telegram: Telegram, bot: Bot, chat: Chat
) -> None:
    hold = telegram.hold_before()
    one = Way(bot, patience_seconds=0.01)

    await one.outgoing.reply(OLGA, TEXT)
    assert telegram.messages(chat) == []
    hold.release()

    await telegram.wait_for_message(chat, "Watching")
    await one.outgoing.close()


# ---------------------------------------------------------------- files


CSV = OutgoingFile("balances.csv", b"chain,amount\n", is_picture=False)
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (800).to_bytes(4) + (400).to_bytes(4)
PICTURE = OutgoingFile("chart.png", PNG, is_picture=True)


async def test_a_file_arrives_in_its_topic_with_its_caption_and_buttons(telegram: Telegram, bot: Bot) -> None:
    forum = telegram.add_forum("Ops")
    topic = telegram.add_topic(forum, "Treasury")

    for file in (CSV, PICTURE):
        await Way(bot).outgoing.reply(Place(forum.id, "supergroup", "Ops", topic), TEXT, BUTTON, file=file)

    document, picture = telegram.messages(forum, topic)
    for message, file in ((document, CSV), (picture, PICTURE)):
        assert message.document is not None
        assert (message.document.file_name, message.document.content) == (file.name, file.content)
        assert (message.html, bool(message.buttons)) == (TEXT.source, True)
        assert bool(message.document.pixels) == file.is_picture


@pytest.mark.parametrize("file", [CSV, PICTURE])
async def test_a_file_that_is_throttled_shortly_waits_and_arrives_once(
    telegram: Telegram, bot: Bot, chat: Chat, file: OutgoingFile
) -> None:
    one = Way(bot)
    telegram.fault(error(429, "Too Many Requests", retry_after=3), times=1, method=None)

    await one.outgoing.reply(OLGA, TEXT, file=file)

    (message,) = telegram.messages(chat)
    assert message.document is not None
    assert message.document.content == file.content
    assert one.pauses == [(7001, 3)]
    assert one.seconds >= 3


async def test_a_picture_that_is_refused_comes_as_a_document(
    telegram: Telegram, bot: Bot, chat: Chat
) -> None:
    telegram.fault(error(400, "Bad Request: PHOTO_INVALID_DIMENSIONS"), method="sendPhoto")
    await Way(bot).outgoing.reply(OLGA, TEXT, file=PICTURE)
    telegram.heal()
    telegram.forbid(chat, "photos")
    await Way(bot).outgoing.reply(OLGA, TEXT, file=PICTURE)

    messages = telegram.messages(chat)
    assert [(one.text, one.document and one.document.pixels) for one in messages] == 2 * [
        ("Watching 0x…", None)
    ]


async def test_where_no_files_may_be_posted_one_sentence_says_so(
    telegram: Telegram, bot: Bot, chat: Chat
) -> None:
    telegram.forbid(chat, "documents", "photos")

    await Way(bot).outgoing.reply(OLGA, TEXT, BUTTON, file=PICTURE)

    (message,) = telegram.messages(chat)
    assert message.document is None
    assert message.text.startswith("I may not post files here: Not enough rights to send documents")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (before(ProxyPage(413)), "Telegram does not take the file balances.csv: it is too large."),
        (
            error(400, "Bad Request: something new"),
            "Telegram does not take the file balances.csv: Something new.",
        ),
        (before(Close()), "I don't know whether the file balances.csv arrived"),
    ],
)
async def test_what_becomes_of_a_file_is_said_instead_of_silence(
    telegram: Telegram, bot: Bot, chat: Chat, fault: TelegramFault, said: str
) -> None:
    telegram.fault(fault, method="sendDocument")

    await Way(bot).outgoing.reply(OLGA, TEXT, file=CSV)

    (message,) = telegram.messages(chat)
    assert message.text.startswith(said)


async def test_a_file_that_may_have_arrived_is_not_sent_again(
    telegram: Telegram, bot: Bot, chat: Chat
) -> None:
    telegram.fault(after(Close()), times=1, method="sendDocument")

    await Way(bot).outgoing.reply(OLGA, TEXT, file=CSV)

    assert [bool(message.document) for message in telegram.messages(chat)] == [True, False]


async def test_where_nothing_may_be_written_nothing_is_tried(
    telegram: Telegram, bot: Bot, chat: Chat
) -> None:
    telegram.blocks(telegram.user(chat.id))

    await Way(bot).outgoing.reply(OLGA, TEXT, file=CSV)

    assert [call.method for call in telegram.calls] == ["getMe", "sendDocument"]


@pytest.mark.parametrize("file", [CSV, PICTURE])
async def test_a_file_is_not_sent_to_a_chat_that_was_closed_meanwhile(
    telegram: Telegram, bot: Bot, chat: Chat, file: OutgoingFile
) -> None:
    way = Way(bot)
    way.closed.add(chat.id)

    await way.outgoing.reply(OLGA, TEXT, file=file, while_open=True)

    assert [call.method for call in telegram.calls] == ["getMe"]


async def test_the_loop_goes_on_while_ten_megabytes_leave(telegram: Telegram, bot: Bot, chat: Chat) -> None:
    """An answer elsewhere leaves while the file is still on its way."""
    hold = telegram.hold_before(method="sendDocument")
    bob = telegram.add_private_chat(telegram.add_user("Bob"))
    way = Way(bot, patience_seconds=0.01)
    large = OutgoingFile("all.csv", 10 * 2**20 * b"x", is_picture=False)

    await way.outgoing.reply(OLGA, TEXT, file=large)
    await way.outgoing.reply(Place(bob.id, "private", "Bob"), TEXT)

    await telegram.wait_for_message(bob, "Watching")
    assert telegram.messages(chat) == []
    hold.release()
    arrived = await telegram.wait_for_message(chat, "Watching")
    assert arrived.document is not None
    assert arrived.document.content == large.content


async def test_that_a_file_is_on_its_way_is_shown_unless_the_chat_has_to_pause(
    telegram: Telegram, bot: Bot, chat: Chat
) -> None:
    way = Way(bot)

    await way.outgoing.show_uploading(OLGA)
    way.send_queue.throttled(chat.id, 30)
    await way.outgoing.show_uploading(OLGA)

    assert [call.method for call in telegram.calls] == ["getMe", "sendChatAction"]
    assert telegram.calls[-1].parameters["action"] == "upload_document"


async def test_what_stands_under_a_file_is_edited(telegram: Telegram, bot: Bot, chat: Chat) -> None:
    way = Way(bot)
    await way.outgoing.reply(OLGA, TEXT, BUTTON, file=CSV)
    (before_,) = telegram.messages(chat)

    await way.outgoing.edit(OLGA, before_.message_id, EMPTY + "Done", None, is_caption=True)

    (after_,) = telegram.messages(chat)
    assert (after_.text, after_.buttons, after_.document) == ("Done", (), before_.document)


# ---------------------------------------------------------------- one pace for all that leaves

DOES: dict[str, tuple[str, Callable[[Outgoing], Awaitable[object]]]] = {
    "delivery": ("sendMessage", lambda out: out.send(delivery(chat=7001))),
    "question": ("sendChatAction", lambda out: out.ask(delivery(chat=7001))),
    "reply": ("sendMessage", lambda out: out.reply(OLGA, TEXT)),
    "notification": ("sendMessage", lambda out: out.notify(OLGA, TEXT, None, rank=Rank.ANSWER)),
    "document": ("sendDocument", lambda out: out.reply(OLGA, TEXT, file=CSV)),
    "picture": ("sendPhoto", lambda out: out.reply(OLGA, TEXT, file=PICTURE)),
    "edit": ("editMessageText", lambda out: out.edit(OLGA, 1, TEXT, None)),
    "edit of a caption": ("editMessageCaption", lambda out: out.edit(OLGA, 1, TEXT, None, is_caption=True)),
    "edit of buttons": ("editMessageReplyMarkup", lambda out: out.edit_buttons(OLGA, 1, BUTTON)),
    "uploading": ("sendChatAction", lambda out: out.show_uploading(OLGA)),
    "toast": ("answerCallbackQuery", lambda out: out.toast(OLGA, "1", "Done.")),
}


@pytest.mark.parametrize(("method", "do"), DOES.values(), ids=DOES.keys())
async def test_whatever_telegram_throttles_the_next_send_to_that_chat_waits(
    telegram: Telegram, bot: Bot, chat: Chat, method: str, do: Callable[[Outgoing], Awaitable[object]]
) -> None:
    way = Way(bot)
    telegram.fault(error(429, "Too Many Requests", retry_after=300), method=method)

    await do(way.outgoing)

    assert way.send_queue.wait(chat.id, is_group=False) == 300 - way.seconds
    assert way.send_queue.wait(7002, is_group=False) == 0


GROUP = Place(-1001, "supergroup", "Ops")
COUNTED: dict[str, Callable[[Outgoing], Awaitable[object]]] = {
    "reply": lambda out: out.reply(GROUP, TEXT),
    "notification": lambda out: out.notify(GROUP, TEXT, None, rank=Rank.ANSWER),
    "document": lambda out: out.reply(GROUP, TEXT, file=CSV),
    "uploading": lambda out: out.show_uploading(GROUP),
    "edit": lambda out: out.edit(GROUP, 1, TEXT, None),
    "edit of buttons": lambda out: out.edit_buttons(GROUP, 1, BUTTON),
}


@pytest.mark.parametrize("do", COUNTED.values(), ids=COUNTED.keys())
async def test_whatever_telegram_counts_for_a_group_is_noted_once(
    bot: Bot, do: Callable[[Outgoing], Awaitable[object]]
) -> None:
    way = Way(bot)

    await do(way.outgoing)

    assert way.departures == [GROUP.chat_id]


async def test_a_toast_counts_for_no_group(bot: Bot) -> None:
    way = Way(bot)

    await way.outgoing.toast(GROUP, "1", "Done.")

    assert way.departures == []


@pytest.mark.parametrize(("method", "do"), DOES.values(), ids=DOES.keys())
async def test_what_telegram_refuses_slows_nothing_down(
    telegram: Telegram, bot: Bot, chat: Chat, method: str, do: Callable[[Outgoing], Awaitable[object]]
) -> None:
    way = Way(bot)
    telegram.fault(error(400, "Bad Request: something new"), method=method)

    await do(way.outgoing)

    assert way.send_queue.wait(chat.id, is_group=False) < 1
