"""What a person does on the terminal of the sandbox, and what they see."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, InputFile

from bot.sandbox.telegram.world.world import Chat
from bot.sandbox.terminal.terminal import FIRST_WORDS, FORGET_EVERY_SECONDS, MOVE_EVERY_SECONDS, REQUESTS_KEPT
from tests.sandbox.terminal.stage import Stage, open_stage
from tests.waits import HANG_SECONDS


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with open_stage() as stage:
        yield stage


def said_in(stage: Stage, chat: Chat, thread_id: int | None = None) -> list[tuple[str, str]]:
    """Return who said what in a chat, the bot left out."""
    return [
        (message.sender.first_name, message.text)
        for message in stage.telegram.messages(chat, thread_id)
        if message.sender and not message.from_bot
    ]


def keyboard(*rows: list[InlineKeyboardButton]) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup(rows)


def calling(text: str, data: str = "data") -> InlineKeyboardButton:
    return InlineKeyboardButton(text, callback_data=data)


# ---------------------------------------------------------------- speaking


async def test_the_first_words_are_typed_for_whoever_looks_on(stage: Stage) -> None:
    await stage.screen.shows(f"alice > {FIRST_WORDS}")

    assert said_in(stage, stage.private(stage.alice)) == [("Alice", FIRST_WORDS)]


async def test_what_is_typed_is_said_by_whom_the_prompt_names(stage: Stage) -> None:
    await stage.screen.types("as bob in ops-group")
    assert stage.screen.prompt == "bob in ops-group > "
    await stage.screen.types("/list")
    await stage.screen.types("as alice")
    assert stage.screen.prompt == "alice in ops-group > "
    await stage.screen.types("/status")

    assert said_in(stage, stage.ops) == [("Bob", "/list"), ("Alice", "/status")]


async def test_a_topic_is_a_place_of_its_own(stage: Stage) -> None:
    await stage.screen.types("in treasury-topic")
    assert stage.screen.prompt == "alice in treasury-topic > "
    await stage.screen.types("/list")
    await stage.screen.types("in team")
    await stage.screen.types("/id")

    (topic, _) = stage.team.topics
    assert said_in(stage, stage.team, topic) == [("Alice", "/list")]
    assert said_in(stage, stage.team) == [("Alice", "/list"), ("Alice", "/id")]


async def test_private_is_everybodys_own_chat(stage: Stage) -> None:
    await stage.screen.types("as bob in private")
    await stage.screen.types("/start")
    await stage.screen.types("as alice")

    assert stage.screen.prompt == "alice > "
    assert said_in(stage, stage.private(stage.bob)) == [("Bob", "/start")]


async def test_who_is_not_in_the_chat_goes_to_their_own(stage: Stage) -> None:
    await stage.screen.types("in ops-group")
    await stage.screen.types("as mallory")

    assert stage.screen.prompt == "mallory > "


async def test_who_is_not_in_a_group_cannot_speak_there(stage: Stage) -> None:
    await stage.screen.types("as mallory in ops-group")

    assert "Mallory cannot do that in ops-group" in await stage.screen.types("/list")
    assert said_in(stage, stage.ops) == []


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
    stage: Stage, typed: str, reason: str
) -> None:
    assert reason in await stage.screen.types(typed)
    assert stage.screen.prompt == "alice > "


async def test_a_mistyped_word_is_explained_and_not_said(stage: Stage) -> None:
    assert "Did you mean `break chain CHAIN`?" in await stage.screen.types("brake chain polygon")
    assert said_in(stage, stage.private(stage.alice)) == [("Alice", FIRST_WORDS)]


async def test_an_empty_line_says_nothing(stage: Stage) -> None:
    assert await stage.screen.types("   ") == ""
    assert said_in(stage, stage.private(stage.alice)) == [("Alice", FIRST_WORDS)]


# ---------------------------------------------------------------- what the bot does


async def test_what_the_bot_says_appears_with_its_place(stage: Stage) -> None:
    (topic, _) = stage.team.topics
    await stage.bot.send_message(stage.bob.id, "one")
    await stage.bot.send_message(stage.ops.id, "two\nthree")
    await stage.bot.send_message(stage.team.id, "four", message_thread_id=topic)
    await stage.bot.send_message(stage.team.id, "five")

    assert await stage.screen.shows("one") == "bot to bob             │ one"
    assert await stage.screen.shows("two") == ("bot in ops-group       │ two\n                       │ three")
    assert await stage.screen.shows("four") == "bot in treasury-topic  │ four"
    assert await stage.screen.shows("five") == "bot in team            │ five"


async def test_a_message_that_changes_is_shown_again_and_one_that_goes_is_said_to_be_gone(
    stage: Stage,
) -> None:
    sent = await stage.bot.send_message(stage.ops.id, "before")
    await stage.screen.shows("before")
    await stage.bot.edit_message_text("after", stage.ops.id, sent.message_id)
    await stage.screen.shows("│ ✎ after")
    await stage.bot.delete_message(stage.ops.id, sent.message_id)

    assert await stage.screen.shows("deleted") == "bot in ops-group       │ ✗ deleted: after"


async def test_a_message_is_shown_once(stage: Stage) -> None:
    await stage.bot.send_message(stage.ops.id, "only once")
    await stage.bot.send_message(stage.bob.id, "another")
    await stage.screen.shows("another")

    assert sum("only once" in shown for shown in stage.screen.shown) == 1


async def test_a_file_is_shown_by_its_name_and_its_first_lines(stage: Stage) -> None:
    lines = "".join(f"{number},row\n" for number in range(20)).encode()
    await stage.bot.send_document(stage.ops.id, InputFile(lines, "report.csv"), caption="All of it")

    shown = await stage.screen.shows("report.csv")
    assert "📎 report.csv (text/csv, 130 bytes)" in shown
    assert "│    5,row\n" in shown
    assert "6,row" not in shown
    assert "… and 14 lines more" in shown
    assert shown.endswith("│ All of it")


async def test_a_file_that_is_no_text_is_shown_by_its_name(stage: Stage) -> None:
    await stage.bot.send_document(stage.ops.id, InputFile(b"\x89PNG\r\n", "chart.png"))

    assert (
        await stage.screen.shows("chart.png") == "bot in ops-group       │ 📎 chart.png (image/png, 6 bytes)"
    )


# ---------------------------------------------------------------- buttons


async def shown_buttons(stage: Stage) -> None:
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
    await stage.bot.send_message(stage.alice.id, "first", reply_markup=older)
    await stage.bot.send_message(stage.alice.id, "second", reply_markup=newer)
    await stage.bot.send_message(stage.alice.id, "third")
    await stage.screen.shows("third")


async def pressed(stage: Stage) -> list[tuple[str, str]]:
    """Return whose presses the bot hears of, with their data."""
    updates = await stage.bot.get_updates(allowed_updates=["callback_query"])
    return [
        (update.callback_query.from_user.first_name, str(update.callback_query.data))
        for update in updates
        if update.callback_query
    ]


async def test_buttons_are_shown_with_numbers(stage: Stage) -> None:
    await shown_buttons(stage)

    assert "│ [1 ↩ Undo] [2 Mute 1 h]\n" in await stage.screen.shows("second")
    assert "│ [3 Mute 8 h] [4 Explorer → https://explorer.example/1]" in await stage.screen.shows("second")


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
async def test_a_button_is_pressed_by_its_number_or_its_text(stage: Stage, typed: str, data: str) -> None:
    await shown_buttons(stage)
    await stage.screen.types(typed)

    assert await pressed(stage) == [("Alice", data)]


async def test_what_comes_up_after_a_press_is_shown(stage: Stage) -> None:
    await shown_buttons(stage)
    await stage.screen.types("press undo")
    (query,) = [update.callback_query for update in await stage.bot.get_updates() if update.callback_query]
    await stage.bot.answer_callback_query(query.id, "Undone.")

    assert await stage.screen.shows("Undone") == "bot to alice           │ (Undone.)"


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("press 9", "has no “9”. It has: 1 ↩ Undo, 2 Mute 1 h, 3 Mute 8 h, 4 Explorer."),
        ("press older", "has no “older”"),
        ("press mute", "Several buttons are called like “mute”: press one by its number."),
        ("press explorer", "It opens https://explorer.example/1"),
    ],
)
async def test_what_cannot_be_pressed_is_said_in_words(stage: Stage, typed: str, reason: str) -> None:
    await shown_buttons(stage)

    assert reason in await stage.screen.types(typed)
    assert await pressed(stage) == []


async def test_buttons_of_another_chat_or_topic_are_not_pressed(stage: Stage) -> None:
    (topic, _) = stage.team.topics
    await shown_buttons(stage)
    await stage.bot.send_message(
        stage.team.id, "in a topic", message_thread_id=topic, reply_markup=keyboard([calling("Here", "here")])
    )
    await stage.screen.shows("in a topic")

    await stage.screen.types("in games-topic")
    assert "No message in games-topic has buttons." in await stage.screen.types("press 1")
    await stage.screen.types("in team")
    assert "No message in team has buttons." in await stage.screen.types("press 1")
    await stage.screen.types("as bob in treasury-topic")
    await stage.screen.types("press 1")

    assert await pressed(stage) == [("Bob", "here")]


# ---------------------------------------------------------------- what people do


async def memberships(stage: Stage) -> list[tuple[int, str, str]]:
    """Return what the bot hears of its own being there: where, by whom, as what."""
    updates = await stage.bot.get_updates(allowed_updates=["my_chat_member"])
    return [
        (change.chat.id, change.from_user.first_name, change.new_chat_member.status)
        for update in updates
        if (change := update.my_chat_member)
    ]


async def test_a_person_blocks_the_bot_and_takes_it_back(stage: Stage) -> None:
    await stage.screen.types("as bob")
    assert "Bob does not block the bot." in await stage.screen.types("unblock")
    assert "Bob blocks the bot." in await stage.screen.types("block")
    assert "blocks the bot already" in await stage.screen.types("block")
    assert "does not block the bot any more" in await stage.screen.types("unblock")

    assert await memberships(stage) == [(stage.bob.id, "Bob", "kicked"), (stage.bob.id, "Bob", "member")]


async def test_who_is_in_charge_removes_the_bot_and_brings_it_back(stage: Stage) -> None:
    await stage.screen.types("in ops-group")
    assert "The bot is in ops-group already." in await stage.screen.types("invite")
    assert "Alice removes the bot from ops-group." in await stage.screen.types("kick")
    assert "The bot is not in ops-group" in await stage.screen.types("kick")
    assert "Alice brings the bot back into ops-group." in await stage.screen.types("invite")

    assert await memberships(stage) == [(stage.ops.id, "Alice", "kicked"), (stage.ops.id, "Alice", "member")]


async def test_a_mere_member_removes_nobody_and_nobody_is_removed_in_private(stage: Stage) -> None:
    assert "That is for groups." in await stage.screen.types("kick")
    assert "That is for groups." in await stage.screen.types("invite")
    await stage.screen.types("as bob in ops-group")
    assert "Bob can remove nobody from ops-group: only a member there." in await stage.screen.types("kick")

    assert await memberships(stage) == []


# ---------------------------------------------------------------- lists


async def test_the_lists_name_everybody_every_chat_and_every_account(stage: Stage) -> None:
    people = await stage.screen.types("people")
    chats = await stage.screen.types("chats")
    world = await stage.screen.types("world")

    assert "Bob                    in private, member of ops-group, member of team" in people
    assert "ops-group              group -5001, where the bot is a member" in chats
    assert "treasury-topic         topic of team" in chats
    assert "Treasury 0x8e3E38fe7367dd3b52D1e281E4e8400447C8d8B9" in world
    assert "3,400 USDC" in world
    assert "400 SKYWVR (#65537, #65538, #65539, #65540)" in world


async def test_the_lists_show_what_has_become(stage: Stage) -> None:
    await stage.screen.types("in ops-group")
    await stage.screen.types("kick")
    await stage.screen.types("move -3400 usdc on polygon")

    assert "ops-group              group -5001, where the bot is kicked" in await stage.screen.types("chats")
    assert "3,400 USDC" not in await stage.screen.types("world")


async def test_help_explains_every_word(stage: Stage) -> None:
    shown = await stage.screen.types("help")

    assert "  as PERSON [in CHAT]    be somebody else: `as bob in ops-group`" in shown
    assert max(map(len, shown.splitlines())) <= 100


# ---------------------------------------------------------------- the story


async def first_reading(stage: Stage) -> None:
    for text in ("It is on its way.", "17 balances"):
        await stage.bot.send_message(stage.alice.id, text)


async def test_the_story_begins_when_the_bot_has_read_what_there_is(stage: Stage) -> None:
    await first_reading(stage)

    shown = await stage.screen.shows("world")
    assert shown == "world                  │ 1,250 USDC leave Treasury on Polygon"


async def test_the_story_rests_while_it_is_quiet_and_goes_on_after(stage: Stage) -> None:
    await first_reading(stage)
    await stage.pauses.has_begun(MOVE_EVERY_SECONDS)
    await stage.screen.types("quiet")
    stage.pauses.end(MOVE_EVERY_SECONDS)
    await stage.screen.types("people")
    assert not [shown for shown in stage.screen.shown if "POL" in shown]

    await stage.screen.types("story")
    await stage.screen.shows("0.42 POL come into Treasury on Polygon")


async def test_the_story_passes_over_what_cannot_happen_any_more(stage: Stage) -> None:
    await stage.screen.types("move -3400 usdc on polygon")
    await first_reading(stage)
    await stage.pauses.has_begun(MOVE_EVERY_SECONDS)
    stage.pauses.end(MOVE_EVERY_SECONDS)

    await stage.screen.shows("0.42 POL come into Treasury on Polygon")


async def test_of_what_the_neighbours_were_asked_only_the_newest_is_kept(stage: Stage) -> None:
    calls = stage.telegram.calls
    await stage.bot.get_me()
    newest = calls[-1]
    calls[:0] = [replace(newest, method="old")] * (REQUESTS_KEPT + 5)

    await stage.pauses.has_begun(FORGET_EVERY_SECONDS)
    stage.pauses.end(FORGET_EVERY_SECONDS)
    await stage.pauses.has_begun(FORGET_EVERY_SECONDS, 2)

    assert len(stage.telegram.calls) == REQUESTS_KEPT
    assert stage.telegram.calls[-1] is newest


# ---------------------------------------------------------------- the end


@pytest.mark.parametrize("line", ["quit", "exit", None])
async def test_it_ends_when_somebody_quits(stage: Stage, line: str | None) -> None:
    stage.screen.put("break telegram")
    stage.screen.put(line)

    await asyncio.wait_for(stage.running, HANG_SECONDS)


async def test_it_ends_when_nobody_looks_on_any_more(stage: Stage) -> None:
    def broken(text: str) -> None:
        raise BrokenPipeError(text)

    await stage.screen.types("people")
    stage.screen.show = broken  # type: ignore[method-assign]
    stage.screen.put("people")

    await asyncio.wait_for(stage.running, HANG_SECONDS)
