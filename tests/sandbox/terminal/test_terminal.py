"""What a person does on the terminal of the sandbox, and what they see."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, InputFile

from bot.sandbox.telegram.world.world import Chat
from bot.sandbox.terminal.terminal import FIRST_WORDS, FORGET_EVERY_SECONDS, MOVE_EVERY_SECONDS, REQUESTS_KEPT
from tests.sandbox.terminal.session import Session, open_session
from tests.waits import HANG_SECONDS


@pytest.fixture
async def session() -> AsyncIterator[Session]:
    async with open_session() as session:
        yield session


def said_in(session: Session, chat: Chat, thread_id: int | None = None) -> list[tuple[str, str]]:
    """Return who said what in a chat, the bot left out."""
    return [
        (message.sender.first_name, message.text)
        for message in session.telegram.messages(chat, thread_id)
        if message.sender and not message.from_bot
    ]


def keyboard(*rows: list[InlineKeyboardButton]) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(rows)


def calling(text: str, data: str = "data") -> InlineKeyboardButton:
    return InlineKeyboardButton(text, callback_data=data)


# ---------------------------------------------------------------- speaking


async def test_the_first_words_are_typed_for_whoever_looks_on(session: Session) -> None:
    await session.screen.shows(f"alice > {FIRST_WORDS}")

    assert said_in(session, session.private(session.alice)) == [("Alice", FIRST_WORDS)]


async def test_what_is_typed_is_said_by_whom_the_prompt_names(session: Session) -> None:
    await session.screen.types("as bob in ops-group")
    assert session.screen.prompt == "bob in ops-group > "
    await session.screen.types("/list")
    await session.screen.types("as alice")
    assert session.screen.prompt == "alice in ops-group > "
    await session.screen.types("/status")

    assert said_in(session, session.ops) == [("Bob", "/list"), ("Alice", "/status")]


async def test_a_topic_is_a_place_of_its_own(session: Session) -> None:
    await session.screen.types("in treasury-topic")
    assert session.screen.prompt == "alice in treasury-topic > "
    await session.screen.types("/list")
    await session.screen.types("in team")
    await session.screen.types("/id")

    (topic, _) = session.team.topics
    assert said_in(session, session.team, topic) == [("Alice", "/list")]
    assert said_in(session, session.team) == [("Alice", "/list"), ("Alice", "/id")]


async def test_private_is_everybodys_own_chat(session: Session) -> None:
    await session.screen.types("as bob in private")
    await session.screen.types("/start")
    await session.screen.types("as alice")

    assert session.screen.prompt == "alice > "
    assert said_in(session, session.private(session.bob)) == [("Bob", "/start")]


async def test_who_is_not_in_the_chat_goes_to_their_own(session: Session) -> None:
    await session.screen.types("in ops-group")
    await session.screen.types("as mallory")

    assert session.screen.prompt == "mallory > "


async def test_who_is_not_in_a_group_cannot_speak_there(session: Session) -> None:
    await session.screen.types("as mallory in ops-group")

    assert "Mallory cannot do that in ops-group" in await session.screen.types("/list")
    assert said_in(session, session.ops) == []


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("as carol", "There is no person “carol”. There are: Alice, Bob, Mallory."),
        ("as bob in kitchen", "There is no chat “kitchen”. There are: private, ops-group, team, "),
        ("in kitchen", "There is no chat “kitchen”"),
        ("in t", "“t” may be team or treasury-topic."),
    ],
)
async def test_a_name_that_is_none_is_explained_and_nobody_moves(
    session: Session, typed: str, reason: str
) -> None:
    assert reason in await session.screen.types(typed)
    assert session.screen.prompt == "alice > "


async def test_a_mistyped_word_is_explained_and_not_said(session: Session) -> None:
    assert "Did you mean `break chain CHAIN`?" in await session.screen.types("brake chain polygon")
    assert said_in(session, session.private(session.alice)) == [("Alice", FIRST_WORDS)]


async def test_an_empty_line_says_nothing(session: Session) -> None:
    assert await session.screen.types("   ") == ""
    assert said_in(session, session.private(session.alice)) == [("Alice", FIRST_WORDS)]


# ---------------------------------------------------------------- what the bot does


async def test_what_the_bot_says_appears_with_its_place(session: Session) -> None:
    (topic, _) = session.team.topics
    await session.bot.send_message(session.bob.id, "one")
    await session.bot.send_message(session.ops.id, "two\nthree")
    await session.bot.send_message(session.team.id, "four", message_thread_id=topic)
    await session.bot.send_message(session.team.id, "five")

    assert await session.screen.shows("one") == "bot to bob             │ one"
    assert await session.screen.shows("two") == (
        "bot in ops-group       │ two\n                       │ three"
    )
    assert await session.screen.shows("four") == "bot in treasury-topic  │ four"
    assert await session.screen.shows("five") == "bot in team            │ five"


async def test_a_message_that_changes_is_shown_again_and_one_that_goes_is_said_to_be_gone(
    session: Session,
) -> None:
    sent = await session.bot.send_message(session.ops.id, "before")
    await session.screen.shows("before")
    await session.bot.edit_message_text("after", session.ops.id, sent.message_id)
    await session.screen.shows("│ ✎ after")
    await session.bot.delete_message(session.ops.id, sent.message_id)

    assert await session.screen.shows("deleted") == "bot in ops-group       │ ✗ deleted: after"


async def test_a_message_is_shown_once(session: Session) -> None:
    await session.bot.send_message(session.ops.id, "only once")
    await session.bot.send_message(session.bob.id, "another")
    await session.screen.shows("another")

    assert sum("only once" in shown for shown in session.screen.shown) == 1


async def test_a_file_is_shown_by_its_name_and_its_first_lines(session: Session) -> None:
    lines = "".join(f"{number},row\n" for number in range(20)).encode()
    await session.bot.send_document(session.ops.id, InputFile(lines, "report.csv"), caption="All of it")

    shown = await session.screen.shows("report.csv")
    assert "📎 report.csv (text/csv, 130 bytes)" in shown
    assert "│    5,row\n" in shown
    assert "6,row" not in shown
    assert "… and 14 lines more" in shown
    assert shown.endswith("│ All of it")


async def test_a_file_that_is_no_text_is_shown_by_its_name(session: Session) -> None:
    await session.bot.send_document(session.ops.id, InputFile(b"\x89PNG\r\n", "chart.png"))

    assert (
        await session.screen.shows("chart.png")
        == "bot in ops-group       │ 📎 chart.png (image/png, 6 bytes)"
    )


async def test_a_file_of_this_machine_is_sent_with_what_stands_under_it(
    session: Session, tmp_path: Path
) -> None:
    (tmp_path / "list.csv").write_bytes(b"1,2")
    await session.screen.types(f"file {tmp_path}/list.csv /import now")
    assert "list.txt can't be read: No such file or directory." in await session.screen.types(
        f"file {tmp_path}/list.txt"
    )

    sent = session.telegram.messages(session.private(session.alice))[-1]
    assert sent.document is not None
    assert (sent.document.file_name, sent.document.content, sent.text) == ("list.csv", b"1,2", "/import now")


async def test_the_newest_file_of_a_chat_is_saved_and_no_other_is_overwritten(
    session: Session, tmp_path: Path
) -> None:
    await session.screen.types("in ops-group")
    assert "The bot sent no file to ops-group." in await session.screen.types(f"save {tmp_path}/a.csv")
    await session.bot.send_document(session.ops.id, InputFile(b"old", "old.csv"))
    await session.bot.send_document(session.ops.id, InputFile(b"new", "new.csv"))

    assert f"new.csv is saved as {tmp_path}/a.csv" in await session.screen.types(f"save {tmp_path}/a.csv")
    assert "can't be written: File exists." in await session.screen.types(f"save {tmp_path}/a.csv")
    assert (tmp_path / "a.csv").read_bytes() == b"new"


# ---------------------------------------------------------------- buttons


async def shown_buttons(session: Session) -> None:
    """Let the bot say something with buttons in Alice's chat, after something with others."""
    older, newer = (
        keyboard([calling("Older")]),
        keyboard(
            [calling("↩ Undo", "undo"), calling("Mute 1 h", "mute-1")],
            [
                calling("Mute 8 h", "mute-8"),
                InlineKeyboardButton("Explorer", url="https://explorer.example/1"),
            ],
        ),
    )
    await session.bot.send_message(session.alice.id, "first", reply_markup=older)
    await session.bot.send_message(session.alice.id, "second", reply_markup=newer)
    await session.bot.send_message(session.alice.id, "third")
    await session.screen.shows("third")


async def pressed(session: Session) -> list[tuple[str, str]]:
    """Return whose presses the bot hears of, with their data."""
    updates = await session.bot.get_updates(allowed_updates=["callback_query"])
    return [
        (update.callback_query.from_user.first_name, str(update.callback_query.data))
        for update in updates
        if update.callback_query
    ]


async def test_buttons_are_shown_with_numbers(session: Session) -> None:
    await shown_buttons(session)

    assert "│ [1 ↩ Undo] [2 Mute 1 h]\n" in await session.screen.shows("second")
    assert "│ [3 Mute 8 h] [4 Explorer → https://explorer.example/1]" in await session.screen.shows("second")


@pytest.mark.parametrize(
    ("typed", "data"),
    [
        ("press 1", "undo"),
        ("press ↩ Undo", "undo"),
        ("press undo", "undo"),
        ("press 3", "mute-8"),
        ("press 8 h", "mute-8"),
    ],
)
async def test_a_button_is_pressed_by_its_number_or_its_text(session: Session, typed: str, data: str) -> None:
    await shown_buttons(session)
    await session.screen.types(typed)

    assert await pressed(session) == [("Alice", data)]


async def test_what_comes_up_after_a_press_is_shown(session: Session) -> None:
    await shown_buttons(session)
    await session.screen.types("press undo")
    (query,) = [update.callback_query for update in await session.bot.get_updates() if update.callback_query]
    await session.bot.answer_callback_query(query.id, "Undone.")

    assert await session.screen.shows("Undone") == "bot to alice           │ (Undone.)"


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("press 9", "has no “9”. It has: 1 ↩ Undo, 2 Mute 1 h, 3 Mute 8 h, 4 Explorer."),
        ("press older", "has no “older”"),
        ("press mute", "Several buttons are called like “mute”: press one by its number."),
        ("press explorer", "It opens https://explorer.example/1"),
    ],
)
async def test_what_cannot_be_pressed_is_said_in_words(session: Session, typed: str, reason: str) -> None:
    await shown_buttons(session)

    assert reason in await session.screen.types(typed)
    assert await pressed(session) == []


async def test_buttons_of_another_chat_or_topic_are_not_pressed(session: Session) -> None:
    (topic, _) = session.team.topics
    await shown_buttons(session)
    await session.bot.send_message(
        session.team.id,
        "in a topic",
        message_thread_id=topic,
        reply_markup=keyboard([calling("Here", "here")]),
    )
    await session.screen.shows("in a topic")

    await session.screen.types("in games-topic")
    assert "No message in games-topic has buttons." in await session.screen.types("press 1")
    await session.screen.types("in team")
    assert "No message in team has buttons." in await session.screen.types("press 1")
    await session.screen.types("as bob in treasury-topic")
    await session.screen.types("press 1")

    assert await pressed(session) == [("Bob", "here")]


# ---------------------------------------------------------------- what people do


async def memberships(session: Session) -> list[tuple[int, str, str]]:
    """Return what the bot hears of its own being there: where, by whom, as what."""
    updates = await session.bot.get_updates(allowed_updates=["my_chat_member"])
    return [
        (change.chat.id, change.from_user.first_name, change.new_chat_member.status)
        for update in updates
        if (change := update.my_chat_member)
    ]


async def test_a_person_blocks_the_bot_and_takes_it_back(session: Session) -> None:
    await session.screen.types("as bob")
    assert "Bob does not block the bot." in await session.screen.types("unblock")
    assert "Bob blocks the bot." in await session.screen.types("block")
    assert "blocks the bot already" in await session.screen.types("block")
    assert "does not block the bot any more" in await session.screen.types("unblock")

    assert await memberships(session) == [
        (session.bob.id, "Bob", "kicked"),
        (session.bob.id, "Bob", "member"),
    ]


async def test_who_is_in_charge_removes_the_bot_and_brings_it_back(session: Session) -> None:
    await session.screen.types("in ops-group")
    assert "The bot is in ops-group already." in await session.screen.types("invite")
    assert "Alice removes the bot from ops-group." in await session.screen.types("kick")
    assert "The bot is not in ops-group" in await session.screen.types("kick")
    assert "Alice brings the bot back into ops-group." in await session.screen.types("invite")

    assert await memberships(session) == [
        (session.ops.id, "Alice", "kicked"),
        (session.ops.id, "Alice", "member"),
    ]


async def test_who_is_in_charge_of_a_channel_makes_the_bot_an_administrator(session: Session) -> None:
    assert "alerts-channel" in await session.screen.types("chats")
    await session.screen.types("in alerts-channel")
    assert "Alice makes the bot an administrator of alerts-channel." in await session.screen.types("invite")
    assert "The bot is in alerts-channel already." in await session.screen.types("invite")

    ((_, who, status),) = await memberships(session)
    assert (who, status) == ("Alice", "administrator")


async def test_who_is_not_in_charge_of_a_channel_brings_the_bot_nowhere(session: Session) -> None:
    await session.screen.types("as mallory in alerts-channel")

    assert "Mallory can make nobody an administrator" in await session.screen.types("invite")

    assert await memberships(session) == []


async def test_a_mere_member_removes_nobody_and_nobody_is_removed_in_private(session: Session) -> None:
    assert "That is for groups." in await session.screen.types("kick")
    assert "That is for groups." in await session.screen.types("invite")
    await session.screen.types("as bob in ops-group")
    assert "Bob can remove nobody from ops-group: only a member there." in await session.screen.types("kick")

    assert await memberships(session) == []


# ---------------------------------------------------------------- lists


async def test_the_lists_name_everybody_every_chat_and_every_account(session: Session) -> None:
    people = await session.screen.types("people")
    chats = await session.screen.types("chats")
    world = await session.screen.types("world")

    assert "Bob                    in private, member of ops-group, member of team" in people
    assert "ops-group              group -5001, where the bot is a member" in chats
    assert "treasury-topic         topic of team" in chats
    assert "Treasury 0x8e3E38fe7367dd3b52D1e281E4e8400447C8d8B9" in world
    assert "3,400 USDC" in world
    assert "400 SKYWVR (#65537, #65538, #65539, #65540)" in world


async def test_the_lists_show_what_has_become(session: Session) -> None:
    await session.screen.types("in ops-group")
    await session.screen.types("kick")
    await session.screen.types("move -3400 usdc on polygon")

    assert "ops-group              group -5001, where the bot is kicked" in await session.screen.types(
        "chats"
    )
    assert "3,400 USDC" not in await session.screen.types("world")


async def test_help_explains_every_word(session: Session) -> None:
    shown = await session.screen.types("help")

    assert "  as PERSON [in CHAT]    become somebody else: `as bob in ops-group`" in shown
    assert max(map(len, shown.splitlines())) <= 100


# ---------------------------------------------------------------- the story


async def first_reading(session: Session) -> None:
    for text in ("It is on its way.", "17 balances"):
        await session.bot.send_message(session.alice.id, text)


async def test_the_story_begins_when_the_bot_has_read_what_there_is(session: Session) -> None:
    await first_reading(session)

    shown = await session.screen.shows("world")
    assert shown == "world                  │ 1,250 USDC leave Treasury on Polygon, to Landlord"


async def test_the_story_rests_while_it_is_quiet_and_goes_on_after(session: Session) -> None:
    await first_reading(session)
    await session.pauses.has_begun(MOVE_EVERY_SECONDS)
    await session.screen.types("quiet")
    session.pauses.end(MOVE_EVERY_SECONDS)
    await session.screen.types("people")
    assert not [shown for shown in session.screen.shown if "POL" in shown]

    await session.screen.types("story")
    await session.screen.shows("0.42 POL come into Treasury on Polygon")


async def test_the_story_passes_over_what_cannot_happen_any_more(session: Session) -> None:
    await session.screen.types("move -3400 usdc on polygon")
    await first_reading(session)
    await session.pauses.has_begun(MOVE_EVERY_SECONDS)
    session.pauses.end(MOVE_EVERY_SECONDS)

    await session.screen.shows("0.42 POL come into Treasury on Polygon")


async def test_of_what_the_neighbours_were_asked_only_the_newest_is_kept(session: Session) -> None:
    calls = session.telegram.calls
    await session.bot.get_me()
    newest = calls[-1]
    calls[:0] = [replace(newest, method="old")] * (REQUESTS_KEPT + 5)

    await session.pauses.has_begun(FORGET_EVERY_SECONDS)
    session.pauses.end(FORGET_EVERY_SECONDS)
    await session.pauses.has_begun(FORGET_EVERY_SECONDS, 2)

    assert len(session.telegram.calls) == REQUESTS_KEPT
    assert session.telegram.calls[-1] is newest


# ---------------------------------------------------------------- the end


@pytest.mark.parametrize("line", ["quit", "exit", None])
async def test_it_ends_when_somebody_quits(session: Session, line: str | None) -> None:
    session.screen.put("break telegram")
    session.screen.put(line)

    await asyncio.wait_for(session.running, HANG_SECONDS)


async def test_it_ends_when_nobody_looks_on_any_more(session: Session) -> None:
    def broken(text: str) -> None:
        raise BrokenPipeError(text)

    await session.screen.types("people")
    session.screen.show = broken  # type: ignore[method-assign]
    session.screen.put("people")

    await asyncio.wait_for(session.running, HANG_SECONDS)
