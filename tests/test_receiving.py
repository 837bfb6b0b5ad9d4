"""What people send, end to end: what is carried out, what is not, and what keeps nobody waiting."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot import app
from bot.domain.flood import GROUP_PER_MINUTE, MEMBER_PER_MINUTE, PRIVATE_PER_MINUTE
from bot.sandbox.telegram import Error, Fault, Hold, Page, before
from bot.sandbox.telegram_wire import Json
from bot.sandbox.telegram_world import Chat, Message
from tests.house import ACCOUNT, CHECKSUMMED, POLYGON, USDC_POLYGON, House, open_house, until

ENOUGH = "Too many commands at once. I'll answer again in "


async def answered(house: House, text: str, chat: Chat | None = None) -> str:
    house.say(text, chat=chat)
    return (await house.hears(lambda _: True, chat=chat)).text


def arrives(house: House, *parts: Json, chat: Chat | None = None) -> None:
    """Let a message of Olga's come in that nobody can type: what these parts make of it."""
    message = written(house, chat)
    for part in parts:
        message |= part
    house.telegram.updates.put("message", message)


def written(house: House, chat: Chat | None = None) -> Json:
    """Return a message of Olga's on the wire, without any content."""
    chat = chat or house.chat
    message = Message(
        next(chat.message_ids), chat.id, house.telegram.now(), "", "", sender=house.olga, thread_id=None
    )
    wire = house.telegram.as_wire(message)
    return {key: value for key, value in wire.items() if key not in ("text", "entities")}


def command(text: str) -> Json:
    length = len(text.split(maxsplit=1)[0])
    return {"text": text, "entities": [{"type": "bot_command", "offset": 0, "length": length}]}


def forwarded_from(name: str) -> Json:
    return {"forward_origin": {"type": "hidden_user", "sender_user_name": name, "date": 1_700_000_000}}


def sent_at(moment: datetime) -> Json:
    return {"date": int(moment.timestamp())}


# ---------------------------------------------------------------- late


async def test_a_command_of_a_day_ago_is_carried_out_and_the_answer_says_how_late_it_is(house: House) -> None:
    day_old = datetime.now(UTC) - timedelta(hours=23, minutes=59)
    arrives(house, command(f"/watch {CHECKSUMMED} as Treasury"), sent_at(day_old))

    told = (await house.hears("Watching")).text

    assert told.startswith("You sent this 23 h ago; only now could I take it.\n\n👁 Watching Treasury")
    assert "Watched here: 1" in await answered(house, "/list")


async def test_a_command_of_a_minute_ago_is_answered_like_any(house: House) -> None:
    minute_old = datetime.now(UTC) - timedelta(minutes=1)
    arrives(house, command("/list"), sent_at(minute_old))

    assert (await house.hears(lambda _: True)).text.startswith("Nothing is watched")


async def test_what_was_sent_while_the_bot_was_away_is_answered_when_it_is_back(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        house.say(f"/watch {CHECKSUMMED} as Treasury")
        house.start()

        assert "Watching Treasury" in (await house.hears("Watching")).text


async def test_an_update_that_comes_twice_does_no_harm(house: House) -> None:
    twice = written(house) | command(f"/watch {CHECKSUMMED} as Treasury")
    house.telegram.updates.put("message", twice)
    house.telegram.updates.put("message", twice)

    await house.hears("Watching Treasury")
    await house.hears("Already watching")
    house.say("/list")
    await house.hears("Watched here: 1")


# ---------------------------------------------------------------- not carried out


async def test_an_edited_command_does_not_run_again(house: House) -> None:
    await house.watches()
    house.telegram.updates.allow([])  # as if it had been queued before the bot asked for its three kinds

    message = house.telegram.says(house.olga, house.chat, "/list")
    house.telegram.edits(message, "/unwatch Treasury")

    assert "Watched here: 1" in (await house.hears("Watched here")).text
    assert "Watched here: 1" in await answered(house, "/list")


async def test_a_forwarded_command_is_not_carried_out_and_that_is_said(house: House) -> None:
    await house.watches()

    arrives(house, command("/unwatch Treasury"), forwarded_from("Mallory"))

    assert "forwarded command is not carried out" in (await house.hears(lambda _: True)).text
    assert "Watched here: 1" in await answered(house, "/list")


async def test_a_forwarded_address_is_offered_like_a_bare_one(house: House) -> None:
    arrives(house, {"text": CHECKSUMMED}, forwarded_from("Alice"))

    assert f"/watch {CHECKSUMMED}" in (await house.hears("What shall I do")).text


async def test_a_forwarded_command_in_a_group_is_passed_over_in_silence(house: House) -> None:
    group = house.telegram.add_group("Ops", {house.olga: "creator"}, bot="administrator")
    await answered(house, "/allow", group)

    arrives(house, command("/deny"), forwarded_from("Mallory"), chat=group)

    assert "Nothing is watched" in await answered(house, "/list", group)
    assert len(house.said(group)) == 2


PASSED_OVER: list[Json] = [
    {
        "sticker": {"file_id": "a", "file_unique_id": "b", "type": "regular", "width": 1, "height": 1}
        | {"is_animated": False, "is_video": False}
    },
    {"photo": [{"file_id": "a", "file_unique_id": "b", "width": 1, "height": 1}], "caption": "/deny"},
    {"location": {"latitude": 1.5, "longitude": 2.5}},
    {"new_chat_title": "/deny"},
    {"pinned_message": {"message_id": 1, "date": 0, "chat": {"id": 1, "type": "private"}}},
    {"left_chat_member": {"id": 5, "is_bot": False, "first_name": "Bob"}},
    {"text": "just talking"},
    {"text": "see /deny for that"},
    command("/deny@another_bot"),
    command("/deny") | {"from": {"id": 99, "is_bot": True, "first_name": "Bot"}},
]


@pytest.mark.parametrize("fields", PASSED_OVER, ids=lambda fields: next(iter(fields)))
async def test_what_is_no_command_is_passed_over(house: House, fields: Json) -> None:
    arrives(house, fields)

    assert "Nothing is watched" in await answered(house, "/list")
    assert len(house.said()) == 1


async def test_what_a_channel_posts_is_passed_over(house: House) -> None:
    house.telegram.updates.allow([])
    channel = house.telegram.add_channel("News", {house.olga: "creator"})

    house.telegram.says(house.olga, channel, "/id")

    assert "Chat id" in await answered(house, "/id")
    assert house.said(channel) == []


# ---------------------------------------------------------------- what keeps nobody waiting


async def test_an_answer_that_hangs_keeps_no_other_chat_waiting(house: House) -> None:
    group = house.telegram.add_group("Ops", {house.olga: "creator"})
    hold = house.telegram.hold_before(chat=group)
    house.say("/id", chat=group)
    await hold.arrived()

    assert "Chat id" in await answered(house, "/id")
    hold.release()
    await house.hears("Chat id", chat=group)


async def test_a_command_that_fails_is_told_with_a_reference_and_the_next_is_carried_out(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.watches()

    async def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("bot.store.sqlite.Store.watched_here", fail)

    assert "Something went wrong on my side" in await answered(house, "/status")
    assert "Watched here: 1" in await answered(house, "/list")


@pytest.mark.parametrize(
    "fault",
    [before(Error(401, "Unauthorized")), before(Error(409, "Conflict: other")), before(Page(502))],
)
async def test_after_whatever_telegram_answered_commands_are_taken_again(house: House, fault: Fault) -> None:
    await answered(house, "/id")
    house.telegram.fault(fault, times=2, method="getUpdates")
    house.say("/list")

    await house.hears("Nothing is watched")


# ---------------------------------------------------------------- a bot that is renamed


async def test_a_command_by_the_new_name_of_a_renamed_bot_is_answered(house: House) -> None:
    group = house.telegram.add_supergroup("Ops", {house.olga: "creator"}, bot="administrator")
    await answered(house, "/allow", group)
    house.telegram.rename_bot("new_name_bot")

    assert "Nothing is watched" in await answered(house, "/list@new_name_bot", group)
    assert "Chat id" in await answered(house, "/id@New_Name_Bot", group)
    assert len([call for call in house.telegram.calls if call.method == "getMe"]) == 2


async def test_commands_for_another_bot_ask_for_the_own_name_once_a_minute_at_most(house: House) -> None:
    group = house.telegram.add_supergroup("Ops", {house.olga: "creator"}, bot="administrator")
    house.say("/list@other_bot", chat=group)  # in a chat that is not open
    await answered(house, "/allow", group)
    before = len([call for call in house.telegram.calls if call.method == "getMe"])
    for _ in range(5):
        house.say("/list@other_bot", chat=group)

    assert "Chat id" in await answered(house, "/id", group)
    assert before == 1
    assert len([call for call in house.telegram.calls if call.method == "getMe"]) == 2


async def test_a_telegram_that_does_not_tell_the_name_delays_nobody_for_long(house: House) -> None:
    group = house.telegram.add_supergroup("Ops", {house.olga: "creator"}, bot="administrator")
    await answered(house, "/allow", group)
    house.telegram.fault(before(Hold()), method="getMe")
    house.say("/list@other_bot", chat=group)

    assert "Chat id" in await answered(house, "/id", group)


async def test_the_name_is_learned_anew_without_a_command_too(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.stop()
    monkeypatch.setattr(app, "NAME_ANEW_SECONDS", 0.05)
    house.start()
    house.telegram.rename_bot("new_name_bot")

    await until(lambda: sum(call.method == "getMe" for call in house.telegram.calls) >= 4)


# ---------------------------------------------------------------- floods


async def test_a_flood_of_commands_is_told_once_and_alerts_come_on_time(house: House) -> None:
    await house.watches()
    for _ in range(3 * PRIVATE_PER_MINUTE):
        house.say("/id")
    await house.hears(ENOUGH)
    await until(lambda: house.telegram.updates.waiting_count == 0)

    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 1_000_000)

    assert "+1 USDC" in (await house.hears("USDC")).text
    said = house.said()
    assert sum("Chat id" in text for text in said) == PRIVATE_PER_MINUTE
    assert sum(ENOUGH in text for text in said) == 1


async def test_a_flood_in_one_chat_leaves_others_answered(house: House) -> None:
    alice = house.telegram.add_user("Alice")
    chat = house.telegram.add_private_chat(alice)
    await answered(house, f"/allow {chat.id}")
    for _ in range(2 * PRIVATE_PER_MINUTE):
        house.say("/id", chat=chat, user=alice)
    await house.hears(ENOUGH, chat=chat)

    assert "Chat id" in await answered(house, "/id")


async def test_in_a_group_one_member_alone_does_not_silence_the_others(house: House) -> None:
    bob = house.telegram.add_user("Bob")
    group = house.telegram.add_group("Ops", {house.olga: "creator", bob: "member"})
    await answered(house, "/allow", group)
    for _ in range(2 * GROUP_PER_MINUTE):
        house.say("/id", chat=group, user=bob)
    await house.hears(ENOUGH, chat=group)

    assert "Chat id" in await answered(house, "/id", group)
    assert sum(f"user id: {bob.id}" in text for text in house.said(group)) == MEMBER_PER_MINUTE


async def test_unmute_is_carried_out_in_a_flood_and_looks_go_on_in_the_seconds_that_were_said(
    house: House,
) -> None:
    await house.watches()
    await answered(house, "/mute 2h")
    for _ in range(PRIVATE_PER_MINUTE + 5):
        house.say("/id")
    enough = (await house.hears(ENOUGH)).text

    assert 1 <= int(enough.removeprefix(ENOUGH).partition(" s. Alerts are not affected.")[0]) <= 60
    for _ in range(3):
        house.say("/unmute")
    await house.hears("muted")
    house.say("/unwatch Treasury")
    await house.hears("Stopped watching")


async def test_a_change_that_somebody_may_not_make_is_refused_no_more_often_than_looks(house: House) -> None:
    bob = house.telegram.add_user("Bob")
    group = house.telegram.add_group("Ops", {house.olga: "creator", bob: "member"})
    await answered(house, "/allow", group)
    for _ in range(3 * MEMBER_PER_MINUTE):
        house.say("/unmute", chat=group, user=bob)
    await house.hears(ENOUGH, chat=group)
    await until(lambda: house.telegram.updates.waiting_count == 0)

    assert sum("its administrators" in text for text in house.said(group)) == MEMBER_PER_MINUTE
    assert "Nothing is muted" in await answered(house, "/unmute", group)


async def test_a_flood_in_a_closed_chat_is_not_even_told(house: House) -> None:
    mallory = house.telegram.add_user("Mallory")
    group = house.telegram.add_group("Mine", {house.olga: "member", mallory: "creator"})
    for _ in range(2 * GROUP_PER_MINUTE):
        house.say("/start", chat=group, user=mallory)

    house.say("/id", chat=group)
    await house.hears("user id", chat=group)

    assert sum("private" in text for text in house.said(group)) == 1
    assert len(house.said(group)) == 2
