"""Everything another process can do to the local Telegram, over its own door only."""

import json

import pytest
from aiohttp import ClientConnectionError, ClientSession

from bot.sandbox.telegram.server import Telegram
from bot.sandbox.telegram.world.world import Chat, User
from tests.sandbox.telegram_client import Api, Json, heard, keyboard, statuses

OPS: Json = {"type": "supergroup", "title": "Ops", "id": -1007, "members": {"1000": "creator"}}


async def do(api: Api, path: str, **body: object) -> Json:
    """Ask for something that works, and return what came of it."""
    reply = await api.control(path, body)
    assert reply.status == 200, reply.text
    answer = json.loads(reply.text)
    assert isinstance(answer, dict)
    return answer


async def look(telegram: Telegram, path: str, **query: str) -> Json:
    url = f"{telegram.url}/sandbox/{path}"
    async with ClientSession() as session, session.get(url, params=query) as response:
        answer = await response.json()
        assert response.status == 200, answer
        assert isinstance(answer, dict)
        return answer


async def refusal(api: Api, chat_id: int, **parameters: object) -> str:
    reply = await api.call("sendMessage", chat_id=chat_id, text="hello", **parameters)
    return reply.description if reply.status != 200 else ""


# ---------------------------------------------------------------- the stage


async def test_a_group_is_migrated_and_told_of_as_wanted(api: Api) -> None:
    await do(api, "chats", **{**OPS, "type": "group"})
    moved = await do(api, "migrate", chat=-1007, id=-1008, tells=["from"])
    assert moved == {"id": -1008, "type": "supergroup", "title": "Ops"}
    assert await refusal(api, -1007) == "Bad Request: group chat was upgraded to a supergroup chat"

    told = await do(api, "tell-migration", chat=-1007, side="to")
    assert told["service"] == {"migrate_to_chat_id": -1008}
    assert len((await api.call("getUpdates")).updates) == 2
    assert await refusal(api, -1008) == ""


async def test_people_block_and_vanish_and_groups_are_deleted(api: Api, chat: Chat) -> None:
    await do(api, "block", user=chat.id)
    assert await refusal(api, chat.id) == "Forbidden: bot was blocked by the user"
    await do(api, "unblock", user=chat.id)
    assert await refusal(api, chat.id) == ""
    await do(api, "deactivate", user=chat.id)
    assert await refusal(api, chat.id) == "Forbidden: user is deactivated"

    await do(api, "chats", **{**OPS, "type": "group"})
    await do(api, "delete-group", chat=-1007)
    assert await refusal(api, -1007) == "Forbidden: the group chat was deleted"


async def test_the_bot_is_added_removed_restricted_and_promoted(api: Api) -> None:
    await do(api, "chats", **OPS)
    await do(api, "remove-bot", chat=-1007)
    assert await refusal(api, -1007) == "Forbidden: bot was kicked from the supergroup chat"
    await do(api, "add-bot", chat=-1007, by=1000)
    await do(api, "restrict-bot", chat=-1007)
    assert await refusal(api, -1007) == "Bad Request: not enough rights to send text messages to the chat"
    await do(api, "bot", chat=-1007, status="administrator")
    assert await refusal(api, -1007) == ""

    assert [after for _, after in await statuses(api)] == ["kicked", "member", "restricted", "administrator"]


async def test_topics_are_turned_on_closed_reopened_and_deleted(api: Api) -> None:
    await do(api, "chats", **OPS)
    await do(api, "turn-on-topics", chat=-1007)
    thread = (await do(api, "topics", chat=-1007, title="Treasury"))["thread"]
    await do(api, "close-topic", chat=-1007, thread=thread)
    assert await refusal(api, -1007, message_thread_id=thread) == "Bad Request: TOPIC_CLOSED"
    await do(api, "reopen-topic", chat=-1007, thread=thread)
    assert await refusal(api, -1007, message_thread_id=thread) == ""
    assert (await api.call("getUpdates")).updates == []

    await do(api, "close-topic", chat=-1007, thread=thread, user=1000)
    await do(api, "reopen-topic", chat=-1007, thread=thread, user=1000)
    assert len((await api.call("getUpdates")).updates) == 2
    await do(api, "delete-topic", chat=-1007, thread=thread)
    assert await refusal(api, -1007, message_thread_id=thread) == "Bad Request: message thread not found"


async def test_members_change_in_silence(api: Api) -> None:
    await do(api, "chats", **OPS)
    await do(api, "member", chat=-1007, user=1000, status="kicked")

    member = await api.call("getChatMember", chat_id=-1007, user_id=1000)
    assert member.result["status"] == "kicked"
    assert (await api.call("getUpdates")).updates == []


# ---------------------------------------------------------------- the play


async def test_people_speak_in_every_way_there_is(telegram: Telegram, api: Api, chat: Chat) -> None:
    await do(api, "users", id=7, first_name="Helper", username="helper_bot", is_bot=True)
    await do(api, "chats", **{**OPS, "members": {"1000": "creator", "7": "member"}})
    await do(api, "chats", type="channel", title="News", id=-1009)
    said = await do(api, "say", user=1000, chat=-1007, text="/plain")
    await do(api, "edit", chat=-1007, message=said["message_id"], text="/edited")
    await do(api, "say", user=1000, chat=-1007, text="/anonymous", anonymous=True)
    await do(api, "say", channel=-1009, chat=-1007, text="/channel")
    await do(api, "say", user=7, chat=-1007, text="/bot@balance_sandbox_bot")
    for origin in ({"from_user": 7}, {"from_chat": -1009}, {"from_name": "Somebody"}):
        await do(api, "forward", user=1000, chat=chat.id, text="/forwarded", **origin)
    own = (await api.send(telegram.chat(-1007))).result["message_id"]
    await do(api, "say", user=1000, chat=-1007, text="a reply", reply_to=own)

    assert await heard(api) == ["/plain", "/anonymous", "/channel", *["/forwarded"] * 3, "a reply"]
    updates = json.dumps((await api.call("getUpdates")).updates)
    assert '"edited_message"' in updates
    assert all(f'"type": "{kind}"' in updates for kind in ("user", "channel", "hidden_user"))


async def test_people_start_come_go_pin_and_rename(api: Api) -> None:
    await do(api, "users", id=7, first_name="Bob")
    await do(api, "start", user=7, payload="code")
    await do(api, "chats", **{**OPS, "bot": "left"})
    await do(api, "start", user=1000, chat=-1007, payload="code")
    await do(api, "join", user=7, chat=-1007, by=1000)
    await do(api, "rename", user=1000, chat=-1007, title="Operations")
    await do(api, "pin", user=1000, chat=-1007, message=1)
    await do(api, "leave", user=7, chat=-1007)

    updates = json.dumps((await api.call("getUpdates")).updates)
    for heard_of in (
        '"/start code"',
        '"/start@balance_sandbox_bot code"',
        '"new_chat_members"',
        '"new_chat_title": "Operations"',
        '"pinned_message"',
        '"left_chat_member"',
    ):
        assert heard_of in updates


async def test_a_press_is_shown_or_forged_and_its_answer_can_be_looked_at(
    telegram: Telegram, api: Api, chat: Chat
) -> None:
    sent = await api.send(chat, reply_markup=keyboard({"text": "Go", "callback_data": "go"}))
    press: Json = {"user": chat.id, "chat": chat.id, "message": sent.result["message_id"]}
    shown = (await do(api, "press", **press, button="Go"))["query"]
    await do(api, "press", **press, data="forged")
    assert '"forged"' in json.dumps((await api.call("getUpdates")).updates)

    await api.call("answerCallbackQuery", callback_query_id=shown, text="done")
    toast = await look(telegram, "toast", query=str(shown), wait="5")
    assert toast == {"query_id": shown, "text": "done", "is_window": False}
    async with ClientSession() as session, session.get(f"{telegram.url}/sandbox/toast?query=9") as response:
        assert await response.json() == {"error": "The press 9 was not answered."}


# ---------------------------------------------------------------- troubles


async def test_faults_are_set_by_name_for_any_method_and_healed_one_by_one(api: Api, chat: Chat) -> None:
    await do(api, "fault", fault="accept-then-garbage", times=1)
    assert (await api.send(chat)).text == '{"ok":true,"resu'
    await do(api, "fault", answer="page", code=503, html="<p>later</p>", method="*")
    assert (await api.call("getMe")).text == "<p>later</p>"
    await do(api, "heal", method="*")
    assert (await api.call("getMe")).status == 200

    await do(api, "fault", place="after", answer="garbage", body='{"ok":false}', chat=chat.id)
    assert (await api.send(chat)).text == '{"ok":false}'
    await do(api, "heal", chat=chat.id)
    assert (await api.send(chat)).status == 200
    await do(api, "fault", fault="accept-then-delete", times=1)
    assert (await api.send(chat)).status == 500
    await do(api, "fault", fault="reset-before-accepting", times=1)
    with pytest.raises(ClientConnectionError):
        await api.send(chat)


async def test_the_clock_is_moved_and_limits_are_enforced_and_lifted(
    telegram: Telegram, api: Api, chat: Chat
) -> None:
    await do(api, "clock", runs=False, set="2026-03-01T12:00:00+00:00")
    limits = await do(api, "limits", enforced=True, chat_burst=1, chat_messages_per_second=0.5)
    assert (limits["chat_burst"], limits["group_messages_per_minute"]) == (1, 20)
    assert [(await api.send(chat)).status for _ in range(2)] == [200, 429]
    assert (await do(api, "clock", advance=2))["now"] == "2026-03-01T12:00:02+00:00"
    assert (await api.send(chat)).status == 200

    shown = await look(telegram, "limits")
    assert shown["floods"] == [
        {"rule": "chat", "chat_id": chat.id, "method": "sendMessage", "retry_after_seconds": 2}
    ]
    assert (await do(api, "limits", enforced=False))["enforced"] is False
    assert [(await api.send(chat)).status for _ in range(2)] == [200, 200]
    assert await look(telegram, "clock") == {"now": "2026-03-01T12:00:02+00:00"}
    await do(api, "clock", runs=True)


async def test_a_refusal_cuts_connections_off_and_ends_by_itself(telegram: Telegram, api: Api) -> None:
    """The answer to the asking still comes; that connections are refused meanwhile is proved elsewhere."""
    url = telegram.url
    assert await do(api, "refuse", seconds=0) == {}
    while not await answers(api):
        pass

    assert telegram.url == url


async def answers(api: Api) -> bool:
    try:
        return (await api.call("getMe")).status == 200
    except ClientConnectionError:
        return False


# ---------------------------------------------------------------- looking


async def test_what_is_seen_is_counted_by_text_and_by_id(telegram: Telegram, api: Api, chat: Chat) -> None:
    for text in ("one · AAAA", "one · AAAA", "two · BBBB"):
        await api.send(chat, text)

    assert await look(telegram, "seen", chat=str(chat.id)) == {
        "count": 3,
        "texts": ["one · AAAA", "one · AAAA", "two · BBBB"],
        "by_text": {"one · AAAA": 2, "two · BBBB": 1},
        "by_id": {"AAAA": 2, "BBBB": 1},
        "duplicates": 1,
    }
    assert await look(telegram, "counts") == {
        "calls": {"sendMessage": 3},
        "messages": 3,
        "duplicates": 1,
        "updates": 0,
        "floods": 0,
    }


async def test_files_menus_and_chats_can_be_looked_at(telegram: Telegram, api: Api, alice: User) -> None:
    document = telegram.add_document("a.csv", "text/csv", b"1,2")
    await api.call("sendDocument", chat_id=alice.id, document=document.file_id, caption="All")
    await api.call("setMyCommands", commands=[{"command": "status", "description": "x"}])
    url = f"{telegram.url}/sandbox/document"
    async with ClientSession() as session:
        async with session.get(url, params={"chat": alice.id, "message": 1}) as response:
            assert (await response.read(), response.content_type) == (b"1,2", "text/csv")
        telegram.says(alice, telegram.chat(alice.id), "no file")
        async with session.get(url, params={"chat": alice.id, "message": 2}) as response:
            assert await response.json() == {"error": "The message 2 has no file."}

    (file, _) = await api.look("messages", chat=str(alice.id))
    assert (file["file"], file["text"]) == ("a.csv", "All")
    assert await api.look("menu", chat=str(alice.id), user=str(alice.id)) == [
        {"command": "status", "description": "x"}
    ]
    assert await api.look("chats") == [{"id": alice.id, "type": "private", "title": "Alice"}]


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("fault", {"fault": "smile"}, '"fault" must be one of reset-before-accepting, accept-then-reset'),
        ("limits", {}, '"enforced" is missing: true or false is expected.'),
        ("limits", {"enforced": True, "chat_burst": 0}, '"chat_burst" must be a number above 0.'),
        ("clock", {"set": "yesterday"}, '"set" must be a moment with its zone'),
        ("clock", {"set": "2026-03-01T12:00:00"}, '"set" must be a moment with its zone'),
        ("clock", {"advance": "much"}, '"advance" must be a number of seconds.'),
        ("refuse", {}, '"seconds" must be a number of seconds.'),
        ("migrate", {"chat": 1000}, "Alice is no basic group that lives"),
        ("migrate", {"chat": 1000, "tells": ["up"]}, 'A migration is told of on two sides: "to" and "from".'),
        ("close-topic", {"chat": 1000, "thread": 9}, "Alice has no topic 9."),
        ("start", {"user": 1000, "payload": "a b"}, "A start link carries 1 to 64"),
        ("edit", {"chat": 1000, "message": 9, "text": "x"}, "Alice shows no message 9."),
    ],
)
async def test_what_cannot_be_done_is_explained(api: Api, path: str, body: Json, sentence: str) -> None:
    reply = await api.control(path, body)

    assert reply.status == 400
    assert json.loads(reply.text)["error"].startswith(sentence)
