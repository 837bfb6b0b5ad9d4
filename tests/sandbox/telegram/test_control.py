"""The control over HTTP: each route reaches the function of `Telegram` that the other tests call directly."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from aiohttp import ClientConnectionError, ClientSession

from bot.sandbox.telegram.api.faults import (
    Close,
    Endless,
    Error,
    Garbage,
    Hang,
    ProxyPage,
    Reset,
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
from bot.sandbox.telegram.api.limits import TelegramLimits
from bot.sandbox.telegram.api.methods import Toast
from bot.sandbox.telegram.control.faults import PLACES
from bot.sandbox.telegram.server import Telegram
from bot.sandbox.telegram.world.world import Chat, InlineButton, Message, User
from tests.sandbox.telegram.client import Api, Json
from tests.sandbox.test_manual import routed

ALICE, BOB = 1000, 7
OPS, TEAM, NEWS, TREASURY = -5, -1007, -1009, 2
NOON = "2026-03-01T12:00:00+00:00"
LIMITS = {
    "enforced": True,
    "chat_messages_per_second": 1.0,
    "chat_burst": 5,
    "group_messages_per_minute": 20,
    "bot_messages_per_second": 30,
}
NO_MOMENT = '"set" must be a moment with its zone, such as 2026-03-01T12:00:00+00:00.'

Look = Callable[[Telegram], object]


@pytest.fixture
def world(telegram: Telegram, alice: User, chat: Chat) -> Telegram:
    """Add to Alice's private chat a group, a forum with a topic, a channel, and the bot's first message."""
    bob = telegram.add_user("Bob", user_id=BOB)
    telegram.add_group("Ops", {alice: "creator", bob: "member"}, chat_id=OPS)
    forum = telegram.add_forum("Team", {alice: "creator"}, chat_id=TEAM)
    assert telegram.add_topic(forum, "Treasury") == TREASURY
    telegram.add_channel("News", {alice: "creator"}, chat_id=NEWS)
    telegram.write(chat, shown_by_the_bot(chat, next(chat.message_ids), "Fresh · AAAA"))
    return telegram


def shown_by_the_bot(chat: Chat, message_id: int, text: str) -> Message:
    return Message(
        message_id=message_id,
        chat_id=chat.id,
        date=datetime(2026, 3, 1, tzinfo=UTC),
        text=text,
        html=text,
        buttons=((InlineButton("Go", "go"),),),
        from_bot=True,
    )


def last(chat_id: int) -> Callable[[Telegram], Message]:
    return lambda telegram: telegram.messages(telegram.chat(chat_id))[-1]


def text_in(chat_id: int) -> Look:
    return lambda telegram: last(chat_id)(telegram).text


def with_updates(look: Look) -> Look:
    """Look, and count what the bot can hear of."""
    return lambda telegram: (look(telegram), telegram.updates.waiting_count)


def service_in(chat_id: int) -> Look:
    return lambda telegram: (last(chat_id)(telegram).service or {}).keys()


def status_in(chat_id: int, user_id: int | None = None) -> Look:
    return lambda telegram: telegram.chat(chat_id).members[user_id or telegram.bot.id]


def heard(telegram: Telegram) -> Json:
    """Return the newest update that waits for the bot."""
    return telegram.updates._waiting[-1].update


def pressed(telegram: Telegram) -> object:
    query = heard(telegram)["callback_query"]
    assert isinstance(query, dict)
    return query["data"]


def origin(telegram: Telegram) -> object:
    return (last(OPS)(telegram).origin or {})["type"]


def file_in(chat_id: int) -> Look:
    def look(telegram: Telegram) -> object:
        message = last(chat_id)(telegram)
        assert message.document is not None
        came_from = (message.origin or {}).get("type")
        return message.document.file_name, message.document.content, message.text, came_from

    return look


def changed_by(telegram: Telegram) -> object:
    change = heard(telegram)["my_chat_member"]
    assert isinstance(change, dict)
    return change["from"]["id"]


def is_forum(chat_id: int) -> Look:
    return lambda telegram: telegram.chat(chat_id).is_forum


def is_deleted(telegram: Telegram) -> object:
    return telegram.chat(OPS).is_deleted


def is_closed(telegram: Telegram) -> object:
    return telegram.topic(telegram.chat(TEAM), TREASURY).closed


SAY: Json = {"user": ALICE, "chat": OPS, "text": "/status"}
FILE: Json = {"user": ALICE, "chat": OPS, "name": "a.csv", "caption": "/import"}
IN_TREASURY: Json = {"chat": TEAM, "thread": TREASURY}


ACTS: list[tuple[str, Json, Look, object]] = [
    # who and what there is
    ("users", {"id": 9, "first_name": "E", "username": "e"}, lambda t: t.user(9), User(9, "E", "e")),
    ("users", {"id": 9, "first_name": "E", "is_bot": True}, lambda t: t.user(9), User(9, "E", is_bot=True)),
    ("chats", {"type": "private", "user": BOB}, lambda t: t.chat(BOB).type, "private"),
    ("chats", {"type": "group", "title": "New", "id": -6}, lambda t: t.chat(-6).type, "group"),
    ("chats", {"type": "supergroup", "title": "New", "id": -6}, lambda t: t.chat(-6).type, "supergroup"),
    ("chats", {"type": "forum", "title": "New", "id": -6}, is_forum(-6), True),
    ("chats", {"type": "channel", "title": "New", "id": -6}, status_in(-6), "administrator"),
    ("chats", {"type": "group", "title": "New", "id": -6, "bot": "left"}, status_in(-6), "left"),
    (
        "chats",
        {"type": "group", "title": "New", "id": -6, "members": {"7": "creator"}},
        status_in(-6, BOB),
        "creator",
    ),
    ("topics", {"chat": TEAM, "title": "Games"}, lambda t: t.topic(t.chat(TEAM), 3).title, "Games"),
    ("close-topic", IN_TREASURY, with_updates(is_closed), (True, 0)),
    ("close-topic", {**IN_TREASURY, "user": ALICE}, service_in(TEAM), {"forum_topic_closed"}),
    ("reopen-topic", {**IN_TREASURY, "user": ALICE}, service_in(TEAM), {"forum_topic_reopened"}),
    ("delete-topic", IN_TREASURY, lambda t: list(t.chat(TEAM).topics), []),
    (
        "member",
        {"chat": OPS, "user": BOB, "status": "kicked"},
        with_updates(status_in(OPS, BOB)),
        ("kicked", 0),
    ),
    ("bot", {"chat": OPS, "status": "administrator"}, status_in(OPS), "administrator"),
    ("forbid", {"chat": OPS, "kinds": ["photos"]}, lambda t: t.chat(OPS).forbidden, {"photos"}),
    ("rename-bot", {"username": "other_bot"}, lambda t: t.bot.username, "other_bot"),
    ("block", {"user": ALICE}, status_in(ALICE), "kicked"),
    ("add-bot", {"chat": OPS, "by": BOB}, changed_by, BOB),
    ("remove-bot", {"chat": OPS}, status_in(OPS), "kicked"),
    ("restrict-bot", {"chat": OPS}, status_in(OPS), "restricted"),
    ("deactivate", {"user": ALICE}, lambda t: t.deactivated, {ALICE}),
    ("delete-group", {"chat": OPS}, is_deleted, True),
    ("migrate", {"chat": OPS, "id": -1008}, lambda t: t.chat(OPS).migrated_to, -1008),
    ("migrate", {"chat": OPS, "id": -1008}, service_in(-1008), {"migrate_from_chat_id"}),
    ("migrate", {"chat": OPS, "id": -1008, "tells": ["from"]}, with_updates(is_forum(-1008)), (False, 1)),
    ("migrate", {"chat": OPS, "id": -1008, "tells": []}, lambda t: t.chat(-1008).messages, {}),
    # what people do
    ("say", SAY, text_in(OPS), "/status"),
    ("say", {**SAY, "anonymous": True}, lambda t: last(OPS)(t).sender_chat_id, OPS),
    ("say", {"channel": NEWS, "chat": OPS, "text": "x"}, lambda t: last(OPS)(t).sender_chat_id, NEWS),
    ("say", {**SAY, **IN_TREASURY}, lambda t: last(TEAM)(t).thread_id, TREASURY),
    ("say", {**SAY, "chat": ALICE, "reply_to": 1}, lambda t: last(ALICE)(t).reply_to, 1),
    ("start", {"user": BOB, "payload": "code"}, text_in(BOB), "/start code"),
    (
        "start",
        {"user": BOB, "chat": OPS, "payload": "code"},
        text_in(OPS),
        "/start@balance_sandbox_bot code",
    ),
    ("forward", {**SAY, "from_user": BOB}, origin, "user"),
    ("forward", {**SAY, "from_chat": NEWS}, origin, "channel"),
    ("forward", {**SAY, "from_name": "Somebody"}, origin, "hidden_user"),
    ("send-file", {**FILE, "content": "1,2"}, file_in(OPS), ("a.csv", b"1,2", "/import", None)),
    ("send-file", {**FILE, "base64": "AAE="}, file_in(OPS), ("a.csv", b"\0\1", "/import", None)),
    (
        "send-file",
        {**FILE, "content": "1,2", "from_user": BOB},
        file_in(OPS),
        ("a.csv", b"1,2", "/import", "user"),
    ),
    ("edit", {"chat": ALICE, "message": 1, "text": "changed"}, text_in(ALICE), "changed"),
    ("press", {"user": ALICE, "chat": ALICE, "message": 1, "button": "Go"}, pressed, "go"),
    ("press", {"user": ALICE, "chat": ALICE, "message": 1, "data": "forged"}, pressed, "forged"),
    ("join", {"user": ALICE, "chat": OPS, "by": BOB}, service_in(OPS), {"new_chat_members"}),
    ("leave", {"user": BOB, "chat": OPS, "by": ALICE}, status_in(OPS, BOB), "kicked"),
    ("pin", {"user": ALICE, "chat": ALICE, "message": 1}, service_in(ALICE), {"pinned_message"}),
    ("rename", {"user": ALICE, "chat": OPS, "title": "Ops 2"}, lambda t: t.chat(OPS).title, "Ops 2"),
    # the clock and the limits
    ("clock", {"runs": False, "set": NOON, "advance": 2}, lambda t: t.now().isoformat()[17:19], "02"),
    (
        "limits",
        {"enforced": True, "chat_burst": 2, "bot_messages_per_second": 9},
        lambda t: t._limiter.limits,
        TelegramLimits(chat_burst=2, bot_messages_per_second=9),
    ),
]


@pytest.mark.parametrize(("path", "body", "look", "found"), ACTS)
async def test_a_route_does_what_its_function_does(
    world: Telegram, api: Api, *, path: str, body: Json, look: Look, found: object
) -> None:
    reply = await api.control(path, body)

    assert (reply.status, look(world)) == (200, found), reply.text


@pytest.mark.parametrize(
    ("done", "undone", "look"),
    [
        (("close-topic", IN_TREASURY), ("reopen-topic", IN_TREASURY), is_closed),
        (("block", {"user": ALICE}), ("unblock", {"user": ALICE}), status_in(ALICE)),
        (("remove-bot", {"chat": OPS}), ("add-bot", {"chat": OPS}), status_in(OPS)),
        (("clock", {"runs": False}), ("clock", {"runs": True}), lambda t: t.clock._stopped_at),
        (("limits", {"enforced": True}), ("limits", {"enforced": False}), lambda t: t._limiter.limits),
    ],
)
async def test_a_route_undoes_what_another_did(
    world: Telegram, api: Api, *, done: tuple[str, Json], undone: tuple[str, Json], look: Look
) -> None:
    before = look(world)
    await api.control(*done)
    meanwhile = look(world)
    await api.control(*undone)

    assert look(world) == before != meanwhile


async def test_topics_can_be_turned_on_and_a_migration_told_of_again(world: Telegram, api: Api) -> None:
    await api.control("migrate", {"chat": OPS, "id": -1008, "tells": []})
    told = await api.control("tell-migration", {"chat": OPS, "side": "to"})
    await api.control("turn-on-topics", {"chat": -1008})

    assert json.loads(told.text)["service"] == {"migrate_to_chat_id": -1008}
    assert world.chat(-1008).is_forum


@pytest.mark.parametrize(
    ("path", "body", "answer"),
    [
        ("users", {"id": 9, "first_name": "Eve"}, {"id": 9, "is_bot": False, "first_name": "Eve"}),
        ("chats", {"type": "group", "title": "A", "id": -6}, {"id": -6, "type": "group", "title": "A"}),
        ("topics", {"chat": TEAM, "title": "Games"}, {"thread": 3}),
        ("migrate", {"chat": OPS, "id": -1008}, {"id": -1008, "type": "supergroup", "title": "Ops"}),
        (
            "press",
            {"user": ALICE, "chat": ALICE, "message": 1, "data": "x"},
            {"query": "4000000001"},
        ),
        ("clock", {"runs": False, "set": NOON}, {"now": NOON}),
        ("limits", {"enforced": True}, {**LIMITS, "floods": []}),
        ("block", {"user": ALICE}, {}),
    ],
)
@pytest.mark.usefixtures("world")
async def test_a_route_answers_what_came_of_it(api: Api, path: str, body: Json, answer: Json) -> None:
    assert json.loads((await api.control(path, body)).text) == answer


# ---------------------------------------------------------------- faults


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"fault": "reset-before-accepting"}, reset_before_accepting()),
        ({"fault": "accept-then-reset"}, accept_then_reset()),
        ({"fault": "accept-then-garbage"}, accept_then_garbage()),
        ({"fault": "accept-then-delete"}, accept_then_delete()),
        ({"answer": "close"}, before(Close())),
        ({"answer": "reset", "place": "after"}, after(Reset())),
        ({"answer": "garbage"}, before(Garbage())),
        ({"answer": "garbage", "body": '{"ok":false}'}, before(Garbage('{"ok":false}'))),
        ({"answer": "page"}, before(ProxyPage())),
        ({"answer": "page", "code": 503, "html": "<p>later</p>"}, before(ProxyPage(503, "<p>later</p>"))),
        ({"answer": "endless"}, before(Endless())),
        (
            {"answer": "endless", "code": 502, "megabytes": 2, "packed": True},
            before(Endless(502, 2, is_packed=True)),
        ),
        (
            {"answer": "error", "code": 429, "description": "Slow", "parameters": {"retry_after": 7}},
            before(Error(429, "Slow", {"retry_after": 7})),
        ),
        ({"answer": "vanish", "place": "after"}, after(Vanish())),
    ],
)
async def test_every_fault_is_read(world: Telegram, api: Api, body: Json, fault: TelegramFault) -> None:
    assert (await api.control("fault", body)).status == 200

    assert [rule.fault for rule in world._faults._rules] == [fault]


@pytest.mark.parametrize(
    ("body", "place"),
    [({"fault": "accept-then-hang"}, accept_then_hang().place), ({"answer": "hold"}, "before")],
)
async def test_a_request_can_be_held(world: Telegram, api: Api, body: Json, place: str) -> None:
    await api.control("fault", body)

    (rule,) = world._faults._rules
    assert (rule.fault.place, type(rule.fault.answer)) == (place, Hang)


@pytest.mark.parametrize(
    ("body", "left", "chat_id", "method"),
    [
        ({}, None, None, "sendMessage"),
        ({"times": 2, "chat": ALICE, "method": "getMe"}, 2, ALICE, "getMe"),
        ({"method": "*"}, None, None, None),
    ],
)
async def test_a_fault_is_aimed(
    world: Telegram, api: Api, *, body: Json, left: int | None, chat_id: int | None, method: str | None
) -> None:
    await api.control("fault", {"answer": "close", **body})

    (rule,) = world._faults._rules
    assert (rule.left, rule.chat_id, rule.method) == (left, chat_id, method)


@pytest.mark.parametrize(
    ("body", "left"),
    [({"chat": ALICE}, ["getMe"]), ({"method": "getMe"}, ["sendMessage"]), ({"method": "*"}, []), ({}, [])],
)
async def test_faults_are_healed_by_chat_and_by_method(
    world: Telegram, api: Api, chat: Chat, body: Json, left: list[str]
) -> None:
    world.fault(before(Close()), chat=chat)
    world.fault(before(Close()), method="getMe")

    await api.control("heal", body)

    assert [rule.method for rule in world._faults._rules] == left


@pytest.mark.parametrize("is_packed", [False, True])
async def test_an_answer_can_go_on_and_on(
    telegram: Telegram, api: Api, chat: Chat, *, is_packed: bool
) -> None:
    telegram.fault(before(Endless(502, 2, is_packed=is_packed)), times=1)

    reply = await api.send(chat)

    assert reply.status == 502
    assert len(reply.text) > 2 * 2**20
    assert (await api.send(chat)).status == 200


async def test_a_refusal_cuts_connections_off_and_ends_by_itself(telegram: Telegram, api: Api) -> None:
    """The answer to this request still comes; that connections are refused meanwhile is proved elsewhere."""
    url = telegram.url
    assert (await api.control("refuse", {"seconds": 0})).text == "{}"
    while not await answers(api):
        pass

    assert telegram.url == url


async def answers(api: Api) -> bool:
    try:
        return (await api.call("getMe")).status == 200
    except ClientConnectionError:
        return False


# ---------------------------------------------------------------- looking


@pytest.fixture
async def busy(world: Telegram, api: Api, chat: Chat) -> Telegram:
    """Add a repeated alert, a file, a menu, an answered press and a 429."""
    for number in (2, 3):
        world.write(chat, replace(shown_by_the_bot(chat, number, "Again · BBBB"), buttons=()))
    document = world.add_document("a.csv", "text/csv", b"1,2")
    world.write(chat, replace(shown_by_the_bot(chat, 4, "All"), buttons=(), document=document))
    await api.call("setMyCommands", commands=[{"command": "status", "description": "x"}])
    query_id = world.presses(world.user(ALICE), world.messages(chat)[0], "Go")
    await api.call("answerCallbackQuery", callback_query_id=query_id, text="done")
    world.clock.stop()
    world.clock.set(datetime.fromisoformat(NOON))
    world.enforce_limits(TelegramLimits(chat_burst=1))
    world._limiter.count("sendMessage", chat)
    await api.send(chat)
    return world


MENU = [{"command": "status", "description": "x"}]
CHATS = [
    {"id": ALICE, "type": "private", "title": "Alice"},
    {"id": OPS, "type": "group", "title": "Ops"},
    {"id": TEAM, "type": "supergroup", "title": "Team"},
    {"id": NEWS, "type": "channel", "title": "News"},
]
FLOOD = {"rule": "chat", "chat_id": ALICE, "method": "sendMessage", "retry_after_seconds": 1}


LOOKS: list[tuple[str, object]] = [
    ("chats", CHATS),
    (
        f"seen?chat={ALICE}",
        {
            "count": 4,
            "texts": ["Fresh · AAAA", "Again · BBBB", "Again · BBBB", "All"],
            "by_text": {"Fresh · AAAA": 1, "Again · BBBB": 2, "All": 1},
            "by_id": {"AAAA": 1, "BBBB": 2},
            "duplicates": 1,
        },
    ),
    (f"menu?chat={ALICE}&user={ALICE}", MENU),
    ("toast?query=4000000001", {"query_id": "4000000001", "text": "done", "is_window": False}),
    (
        "counts",
        {
            "calls": {"setMyCommands": 1, "answerCallbackQuery": 1, "sendMessage": 1},
            "messages": 4,
            "duplicates": 1,
            "updates": 1,
            "floods": 1,
        },
    ),
    ("limits", {**LIMITS, "chat_burst": 1, "floods": [FLOOD]}),
    ("clock", {"now": NOON}),
    (
        f"messages?chat={ALICE}&after=3",
        [
            {
                "message_id": 4,
                "chat": ALICE,
                "thread": None,
                "text": "All",
                "html": "All",
                "buttons": [],
                "file": "a.csv",
                "file_bytes": 3,
                "is_picture": False,
                "service": None,
                "date": "2026-03-01T00:00:00+00:00",
                "edited": False,
                "from_bot": True,
                "silent": False,
                "mentions": [],
            }
        ],
    ),
    (f"messages?chat={TEAM}&thread={TREASURY}", []),
    (
        "calls?method=sendMessage",
        [
            {
                "method": "sendMessage",
                "parameters": {"chat_id": ALICE, "text": "hello"},
                "received_at": NOON,
            }
        ],
    ),
]


@pytest.mark.parametrize(("path", "shown"), LOOKS)
async def test_a_look_shows_what_there_is(busy: Telegram, path: str, shown: object) -> None:
    assert await get(busy, path) == (200, shown)


async def test_a_file_can_be_fetched(busy: Telegram) -> None:
    async with (
        ClientSession() as session,
        session.get(f"{busy.url}/sandbox/document?chat={ALICE}&message=4") as response,
    ):
        assert (await response.read(), response.content_type) == (b"1,2", "text/csv")


async def test_messages_can_be_waited_for(world: Telegram, api: Api, chat: Chat) -> None:
    waiting = asyncio.create_task(api.look("messages", chat=str(ALICE), after="1", wait="60"))
    await api.send(chat, "<b>New</b>", parse_mode="HTML")

    (message,) = await waiting
    assert (message["text"], message["html"], message["from_bot"]) == ("New", "<b>New</b>", True)
    assert len(world.messages(chat)) == 2


async def test_a_toast_can_be_waited_for(world: Telegram, api: Api, alice: User, chat: Chat) -> None:
    query = world.presses(alice, world.messages(chat)[0], "Go")
    waiting = asyncio.create_task(get(world, f"toast?query={query}&wait=60"))
    await api.call("answerCallbackQuery", callback_query_id=query, text="done", show_alert=True)

    assert await waiting == (200, {"query_id": query, "text": "done", "is_window": True})
    assert world._methods.toasts == {query: Toast(query, "done", is_window=True)}


async def get(telegram: Telegram, path: str) -> tuple[int, object]:
    async with ClientSession() as session, session.get(f"{telegram.url}/sandbox/{path}") as response:
        return response.status, await response.json()


# ---------------------------------------------------------------- mistakes


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
        (
            "chats",
            {"type": "club", "title": "x"},
            '"type" must be private or one of group, supergroup, forum, channel.',
        ),
        (
            "chats",
            {"type": "group", "title": "x", "members": {"1000": "boss"}},
            "A status must be one of creator, administrator, member, restricted, left, kicked.",
        ),
        ("topics", {"chat": 1000, "title": "x"}, "Alice is no forum, so it has no topics."),
        ("press", {"user": 1000, "chat": 1000, "message": 9, "button": "x"}, "Alice shows no message 9."),
        ("migrate", {"chat": 1000, "tells": ["up"]}, 'A migration is told of on two sides: "to" and "from".'),
        ("fault", {"answer": "close", "times": 0}, "A fault happens at least once."),
        (
            "fault",
            {"fault": "smile"},
            f'"fault" must be one of {", ".join(PLACES)}.',
        ),
        (
            "fault",
            {"answer": "smile"},
            '"answer" must be one of close, reset, hold, cut, garbage, page, endless, error, vanish.',
        ),
        (
            "fault",
            {"place": "under", "answer": "close"},
            '"place" must be before or after (the request is accepted).',
        ),
        ("limits", {}, '"enforced" is missing: true or false is expected.'),
        ("limits", {"enforced": True, "chat_burst": 0}, '"chat_burst" must be a number above 0.'),
        ("clock", {"set": "yesterday"}, NO_MOMENT),
        ("clock", {"set": "2026-03-01T12:00:00"}, NO_MOMENT),
        ("clock", {"advance": "much"}, '"advance" must be a number of seconds.'),
        (
            "send-file",
            {"user": 1000, "chat": 1000, "name": "a", "base64": "?"},
            '"base64" must be valid base64.',
        ),
        ("refuse", {}, '"seconds" must be a number of seconds.'),
    ],
)
async def test_what_cannot_be_done_is_explained(api: Api, path: str, body: object, sentence: str) -> None:
    reply = await api.control(path, body)

    assert (reply.status, json.loads(reply.text)) == (400, {"error": sentence})


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("messages", '"chat" must be a whole number.'),
        ("messages?chat=1000&after=x", '"after" must be a whole number.'),
        ("messages?chat=1000&wait=x", '"wait" must be a number of seconds.'),
        ("messages?chat=5", "There is no chat 5."),
        ("document?chat=1000&message=1", "The message 1 has no file."),
        ("toast?query=9", "The press 9 was not answered."),
    ],
)
async def test_what_cannot_be_looked_at_is_explained(world: Telegram, path: str, sentence: str) -> None:
    assert await get(world, path) == (400, {"error": sentence})


def test_every_route_is_tried_here() -> None:
    tried = {("POST", path) for path, *_ in ACTS} | {("GET", path.partition("?")[0]) for path, _ in LOOKS}
    by_themselves = {
        ("POST", "tell-migration"),
        ("POST", "unblock"),
        ("POST", "heal"),
        ("POST", "turn-on-topics"),
        ("POST", "fault"),
        ("POST", "refuse"),
        ("GET", "document"),
    }
    routes = {(verb, path.removeprefix("/sandbox/")) for verb, path in routed(Telegram()._application())}

    assert tried | by_themselves == routes
