"""What people send, end to end: what is carried out, what is not, and what keeps nobody waiting."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.domain.chat.command_limits import GROUP_PER_MINUTE, MEMBER_PER_MINUTE, PRIVATE_PER_MINUTE
from bot.roles import receiver as receiver_role
from bot.sandbox.telegram.api.faults import Error, Hang, ProxyPage, TelegramFault, before
from bot.sandbox.telegram.world.wire import Json
from bot.sandbox.telegram.world.world import Chat, Message
from bot.store.polling import freshness
from tests.stack import ACCOUNT, CHECKSUMMED, POLYGON, USDC_POLYGON, Stack, buttons_of, open_stack
from tests.waits import until

ENOUGH = "Too many commands at once. I'll answer again in "


async def answered(stack: Stack, text: str, chat: Chat | None = None) -> str:
    stack.say(text, chat=chat)
    return (await stack.hears(lambda _: True, chat=chat)).text


def arrives(stack: Stack, *parts: Json, chat: Chat | None = None) -> None:
    """Let a message of Olga's come in that nobody can type: what these parts make of it."""
    message = written(stack, chat)
    for part in parts:
        message |= part
    stack.telegram.updates.put("message", message)


def written(stack: Stack, chat: Chat | None = None) -> Json:
    """Return a message of Olga's on the wire, without any content."""
    chat = chat or stack.chat
    message = Message(
        next(chat.message_ids), chat.id, stack.telegram.now(), "", "", sender=stack.olga, thread_id=None
    )
    wire = stack.telegram.as_wire(message)
    return {key: value for key, value in wire.items() if key not in ("text", "entities")}


def command(text: str) -> Json:
    length = len(text.split(maxsplit=1)[0])
    return {"text": text, "entities": [{"type": "bot_command", "offset": 0, "length": length}]}


def forwarded_from(name: str) -> Json:
    return {"forward_origin": {"type": "hidden_user", "sender_user_name": name, "date": 1_700_000_000}}


def sent_at(moment: datetime) -> Json:
    return {"date": int(moment.timestamp())}


# ---------------------------------------------------------------- late


async def test_a_command_of_a_day_ago_is_carried_out_and_the_answer_says_how_late_it_is(stack: Stack) -> None:
    day_old = datetime.now(UTC) - timedelta(hours=23, minutes=59)
    arrives(stack, command(f"/watch {CHECKSUMMED} as Treasury"), sent_at(day_old))

    told = (await stack.hears("Watching")).text

    assert told.startswith("You sent this 23 h ago; I could only answer now.\n\n👁 Watching Treasury")
    # The first reading may be told meanwhile, before or behind the list.
    stack.say("/list")
    await stack.hears("Watched here: 1")


async def test_a_command_of_a_minute_ago_is_answered_like_any(stack: Stack) -> None:
    minute_old = datetime.now(UTC) - timedelta(minutes=1)
    arrives(stack, command("/list"), sent_at(minute_old))

    assert (await stack.hears(lambda _: True)).text.startswith("Nothing is watched")


async def test_what_was_sent_while_the_bot_was_away_is_answered_when_it_is_back(tmp_path: Path) -> None:
    async with open_stack(tmp_path) as stack:
        stack.say(f"/watch {CHECKSUMMED} as Treasury")
        stack.start()

        assert "Watching Treasury" in (await stack.hears("Watching")).text


async def test_an_update_that_comes_twice_does_no_harm(stack: Stack) -> None:
    twice = written(stack) | command(f"/watch {CHECKSUMMED} as Treasury")
    stack.telegram.updates.put("message", twice)
    stack.telegram.updates.put("message", twice)

    await stack.hears("Watching Treasury")
    await stack.hears("Already watching")
    stack.say("/list")
    await stack.hears("Watched here: 1")


# ---------------------------------------------------------------- not carried out


async def test_an_edited_command_does_not_run_again(stack: Stack) -> None:
    await stack.watches()
    stack.telegram.updates.allow([])  # as if it had been queued before the bot asked for its three kinds

    message = stack.telegram.says(stack.olga, stack.chat, "/list")
    stack.telegram.edits(message, "/unwatch Treasury")

    assert "Watched here: 1" in (await stack.hears("Watched here")).text
    assert "Watched here: 1" in await answered(stack, "/list")


async def test_a_forwarded_command_is_not_carried_out_and_that_is_said(stack: Stack) -> None:
    await stack.watches()

    arrives(stack, command("/unwatch Treasury"), forwarded_from("Mallory"))

    assert "forwarded command is not carried out" in (await stack.hears(lambda _: True)).text
    assert "Watched here: 1" in await answered(stack, "/list")


async def test_a_forwarded_address_is_offered_like_a_bare_one(stack: Stack) -> None:
    arrives(stack, {"text": CHECKSUMMED}, forwarded_from("Alice"))

    assert f"/watch {CHECKSUMMED}" in (await stack.hears("What shall I do")).text


async def test_a_forwarded_command_in_a_group_is_passed_over_in_silence(stack: Stack) -> None:
    group = stack.telegram.add_group("Ops", {stack.olga: "creator"}, bot="administrator")
    await answered(stack, "/allow", group)

    arrives(stack, command("/deny"), forwarded_from("Mallory"), chat=group)

    assert "Nothing is watched" in await answered(stack, "/list", group)
    assert len(stack.said(group)) == 2


SAID: list[Json] = [
    {
        "sticker": {"file_id": "a", "file_unique_id": "b", "type": "regular", "width": 1, "height": 1}
        | {"is_animated": False, "is_video": False}
    },
    {"photo": [{"file_id": "a", "file_unique_id": "b", "width": 1, "height": 1}], "caption": "/deny"},
    {"location": {"latitude": 1.5, "longitude": 2.5}},
    {"text": "just talking"},
    {"text": "see /deny for that"},
]
"""What people say that is no command."""

PASSED_OVER: list[Json] = [
    {"new_chat_title": "/deny"},
    {"pinned_message": {"message_id": 1, "date": 0, "chat": {"id": 1, "type": "private"}}},
    {"left_chat_member": {"id": 5, "is_bot": False, "first_name": "Bob"}},
    command("/deny@another_bot"),
    command("/deny") | {"from": {"id": 99, "is_bot": True, "first_name": "Bot"}},
]


@pytest.mark.parametrize("fields", PASSED_OVER, ids=lambda fields: next(iter(fields)))
async def test_what_nobody_says_to_the_bot_is_passed_over(stack: Stack, fields: Json) -> None:
    arrives(stack, fields)

    assert "Nothing is watched" in await answered(stack, "/list")
    assert len(stack.said()) == 1


@pytest.mark.parametrize("fields", SAID, ids=lambda fields: next(iter(fields)))
async def test_what_is_no_command_is_answered_in_private_by_what_can_be_sent(
    stack: Stack, fields: Json
) -> None:
    arrives(stack, fields)

    answer = await stack.hears("Send me an address")
    assert buttons_of(answer) == ["Watch an address", "My list", "Help"]
    assert answer.text.count("\n") == 2
    await stack.presses(answer, "My list")
    await stack.hears("Nothing is watched")


@pytest.mark.parametrize("fields", [*SAID, *PASSED_OVER], ids=lambda fields: next(iter(fields)))
async def test_what_is_no_command_is_passed_over_in_a_group(stack: Stack, fields: Json) -> None:
    group = stack.telegram.add_group("Ops", {stack.olga: "creator"}, bot="administrator")
    await answered(stack, "/allow", group)

    arrives(stack, fields, chat=group)

    assert "Nothing is watched" in await answered(stack, "/list", group)
    assert len(stack.said(group)) == 2


async def test_words_to_the_bot_are_answered_in_a_group_too(stack: Stack) -> None:
    group = stack.telegram.add_group("Ops", {stack.olga: "creator"}, bot="administrator")
    await answered(stack, "/allow", group)
    stack.say(f"hey @{stack.telegram.bot.username}", chat=group)
    answer = await stack.hears("Send me an address", chat=group)

    stack.telegram.says(stack.olga, group, "what else?", reply_to=answer)
    await stack.hears("Send me an address", chat=group)
    stack.say(f"@{stack.telegram.bot.username} that one is {CHECKSUMMED}", chat=group)
    await stack.hears("What shall I do", chat=group)


async def test_words_to_the_bot_in_a_closed_group_get_no_answer(stack: Stack) -> None:
    group = stack.telegram.add_group("Ops", {stack.olga: "creator"}, bot="administrator")
    stack.say(f"hey @{stack.telegram.bot.username}, what about {CHECKSUMMED}?", chat=group)

    assert "open" in await answered(stack, "/allow", group)
    assert len(stack.said(group)) == 1


async def test_an_address_in_the_link_behind_a_word_is_offered_and_in_a_command_it_is_not_read(
    stack: Stack,
) -> None:
    link = {
        "type": "text_link",
        "offset": 0,
        "length": 8,
        "url": f"https://basescan.org/address/{CHECKSUMMED}",
    }
    arrives(stack, {"text": "Treasury", "entities": [link]})
    assert "Watch as Treasury" in buttons_of(await stack.hears("What shall I do"))

    arrives(
        stack,
        {"text": "/mute Treasury", "entities": [{"type": "bot_command", "offset": 0, "length": 5}, link]},
    )
    await stack.hears("Treasury is not watched here")


async def test_an_address_in_a_group_is_offered_where_it_stands_alone(stack: Stack) -> None:
    group = stack.telegram.add_group("Ops", {stack.olga: "creator"}, bot="administrator")
    await answered(stack, "/allow", group)

    stack.say(f"that one is {CHECKSUMMED}", chat=group)
    stack.say(CHECKSUMMED, chat=group)

    await stack.hears("What shall I do", chat=group)
    assert len(stack.said(group)) == 2


async def test_what_a_channel_posts_is_passed_over(stack: Stack) -> None:
    stack.telegram.updates.allow([])
    channel = stack.telegram.add_channel("News", {stack.olga: "creator"})

    stack.telegram.says(stack.olga, channel, "/id")

    assert "Chat id" in await answered(stack, "/id")
    assert stack.said(channel) == []


# ---------------------------------------------------------------- what keeps nobody waiting


async def test_an_answer_that_hangs_keeps_no_other_chat_waiting(stack: Stack) -> None:
    group = stack.telegram.add_group("Ops", {stack.olga: "creator"})
    hold = stack.telegram.hold_before(chat=group)
    stack.say("/id", chat=group)
    await hold.arrived()

    assert "Chat id" in await answered(stack, "/id")
    hold.release()
    await stack.hears("Chat id", chat=group)


async def test_a_command_that_fails_is_told_with_a_reference_and_the_next_is_carried_out(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stack.watches()

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(freshness, "watched_here", fail)

    assert "Something went wrong on my side" in await answered(stack, "/status")
    assert "Watched here: 1" in await answered(stack, "/list")


@pytest.mark.parametrize(
    "fault",
    [before(Error(401, "Unauthorized")), before(Error(409, "Conflict: other")), before(ProxyPage(502))],
)
async def test_after_whatever_telegram_answered_commands_are_taken_again(
    stack: Stack, fault: TelegramFault
) -> None:
    await answered(stack, "/id")
    stack.telegram.fault(fault, times=2, method="getUpdates")
    stack.say("/list")

    await stack.hears("Nothing is watched")


# ---------------------------------------------------------------- a bot that is renamed


async def test_a_command_by_the_new_name_of_a_renamed_bot_is_answered(stack: Stack) -> None:
    group = stack.telegram.add_supergroup("Ops", {stack.olga: "creator"}, bot="administrator")
    await answered(stack, "/allow", group)
    stack.telegram.rename_bot("new_name_bot")

    assert "Nothing is watched" in await answered(stack, "/list@new_name_bot", group)
    assert "Chat id" in await answered(stack, "/id@New_Name_Bot", group)
    assert len([call for call in stack.telegram.calls if call.method == "getMe"]) == 2


async def test_commands_for_another_bot_ask_for_the_own_name_once_a_minute_at_most(stack: Stack) -> None:
    group = stack.telegram.add_supergroup("Ops", {stack.olga: "creator"}, bot="administrator")
    stack.say("/list@other_bot", chat=group)  # in a chat that is not open
    await answered(stack, "/allow", group)
    before = len([call for call in stack.telegram.calls if call.method == "getMe"])
    for _ in range(5):
        stack.say("/list@other_bot", chat=group)

    assert "Chat id" in await answered(stack, "/id", group)
    assert before == 1
    assert len([call for call in stack.telegram.calls if call.method == "getMe"]) == 2


async def test_a_telegram_that_does_not_tell_the_name_delays_nobody_for_long(stack: Stack) -> None:
    group = stack.telegram.add_supergroup("Ops", {stack.olga: "creator"}, bot="administrator")
    await answered(stack, "/allow", group)
    stack.telegram.fault(before(Hang()), method="getMe")
    stack.say("/list@other_bot", chat=group)

    assert "Chat id" in await answered(stack, "/id", group)


async def test_the_name_is_learned_anew_without_a_command_too(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stack.stop()
    monkeypatch.setattr(receiver_role, "NAME_ANEW_SECONDS", 0.05)
    stack.start()
    stack.telegram.rename_bot("new_name_bot")

    await until(lambda: sum(call.method == "getMe" for call in stack.telegram.calls) >= 4)


# ---------------------------------------------------------------- floods


async def test_a_flood_of_commands_is_told_once_and_alerts_come_on_time(stack: Stack) -> None:
    await stack.watches()
    for _ in range(3 * PRIVATE_PER_MINUTE):
        stack.say("/id")
    await stack.hears(ENOUGH)
    await until(lambda: stack.telegram.updates.waiting_count == 0)

    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 1_000_000)

    assert "+1 USDC" in (await stack.hears("USDC")).text
    said = stack.said()
    assert sum("Chat id" in text for text in said) == PRIVATE_PER_MINUTE
    assert sum(ENOUGH in text for text in said) == 1


async def test_a_flood_in_one_chat_leaves_others_answered(stack: Stack) -> None:
    alice = stack.telegram.add_user("Alice")
    chat = stack.telegram.add_private_chat(alice)
    await answered(stack, f"/allow {chat.id}")
    for _ in range(2 * PRIVATE_PER_MINUTE):
        stack.say("/id", chat=chat, user=alice)
    await stack.hears(ENOUGH, chat=chat)

    assert "Chat id" in await answered(stack, "/id")


async def test_in_a_group_one_member_alone_does_not_silence_the_others(stack: Stack) -> None:
    bob = stack.telegram.add_user("Bob")
    group = stack.telegram.add_group("Ops", {stack.olga: "creator", bob: "member"})
    await answered(stack, "/allow", group)
    for _ in range(2 * GROUP_PER_MINUTE):
        stack.say("/id", chat=group, user=bob)
    await stack.hears(ENOUGH, chat=group)

    assert "Chat id" in await answered(stack, "/id", group)
    assert sum(f"user id: {bob.id}" in text for text in stack.said(group)) == MEMBER_PER_MINUTE


async def test_unmute_is_carried_out_in_a_flood_and_looks_go_on_in_the_seconds_that_were_said(
    stack: Stack,
) -> None:
    await stack.watches()
    await answered(stack, "/mute 2h")
    for _ in range(PRIVATE_PER_MINUTE + 5):
        stack.say("/id")
    enough = (await stack.hears(ENOUGH)).text

    assert 1 <= int(enough.removeprefix(ENOUGH).partition(" s. Alerts are not affected.")[0]) <= 60
    for _ in range(3):
        stack.say("/unmute")
    await stack.hears("muted")
    stack.say("/unwatch Treasury")
    await stack.hears("Stopped watching")


async def test_a_change_that_somebody_may_not_make_is_refused_no_more_often_than_looks(stack: Stack) -> None:
    bob = stack.telegram.add_user("Bob")
    group = stack.telegram.add_group("Ops", {stack.olga: "creator", bob: "member"})
    await answered(stack, "/allow", group)
    for _ in range(3 * MEMBER_PER_MINUTE):
        stack.say("/unmute", chat=group, user=bob)
    await stack.hears(ENOUGH, chat=group)
    await until(lambda: stack.telegram.updates.waiting_count == 0)

    assert sum("its administrators" in text for text in stack.said(group)) == MEMBER_PER_MINUTE
    assert "Nothing is muted" in await answered(stack, "/unmute", group)


async def test_a_flood_in_a_closed_chat_is_not_even_told(stack: Stack) -> None:
    mallory = stack.telegram.add_user("Mallory")
    group = stack.telegram.add_group("Mine", {stack.olga: "member", mallory: "creator"})
    for _ in range(2 * GROUP_PER_MINUTE):
        stack.say("/start", chat=group, user=mallory)

    stack.say("/id", chat=group)
    await stack.hears("user id", chat=group)

    assert sum("private" in text for text in stack.said(group)) == 1
    assert len(stack.said(group)) == 2
