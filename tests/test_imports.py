"""Imports end to end: what is shown, who may press, and what a press does, whatever changed meanwhile."""

from pathlib import Path

import pytest

from bot.sandbox.telegram.world.world import Chat, Message
from tests.stack import CHECKSUMMED, Stack, buttons_of, open_stack

OTHER = "0x4444444444444444444444444444444444444444"
THIRD = "0x5555555555555555555555555555555555555555"
USD_COIN = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"
LIST = f"{CHECKSUMMED} on polygon as Treasury\n{OTHER} on polygon out min $100 as Payroll"
KEY = "0x" + "4c" * 32


async def shown(
    stack: Stack, text: str = LIST, *, chat: Chat | None = None, topic: int | None = None
) -> Message:
    stack.say(f"/import {text}", chat=chat, topic=topic)
    return await stack.hears("📥", chat=chat)


async def listed(stack: Stack, *, chat: Chat | None = None, topic: int | None = None) -> str:
    stack.say("/list", chat=chat, topic=topic)
    answer = await stack.hears(
        lambda one: "Tap one" in one.text or "Nothing is watched here yet" in one.text, chat=chat
    )
    return answer.text


def data_of(message: Message, text: str) -> str:
    return next(one.callback_data for row in message.buttons for one in row if one.text == text)


async def test_nothing_is_changed_before_the_press_and_then_once(stack: Stack) -> None:
    preview = await shown(stack)
    assert preview.text.startswith("📥 2 new\n")
    assert buttons_of(preview) == ["Import 2", "Cancel"]
    data = data_of(preview, "Import 2")
    assert "Nothing is watched here yet" in await listed(stack)

    await stack.presses(preview, "Import 2")

    await stack.hears("Imported 2: Treasury")
    here = await listed(stack)
    assert "Watched here: 2" in here
    assert "only outgoing changes of $100.00 and more" in here
    assert await stack.forges(preview, data) == "It was imported already. /unwatch stops what it added."
    assert "Watched here: 2" in await listed(stack)


async def test_a_cancelled_import_is_never_carried_out(stack: Stack) -> None:
    preview = await shown(stack)
    data = data_of(preview, "Import 2")

    assert await stack.presses(preview, "Cancel") == "Nothing was imported."

    await stack.shows(preview, "Nothing was imported.")
    await stack.forges(preview, data)
    assert "Nothing is watched here yet" in await listed(stack)


async def test_what_is_watched_keeps_its_name_and_rules(stack: Stack) -> None:
    await stack.watches(f"/watch {CHECKSUMMED} on polygon min $5 as Safe")

    preview = await shown(stack)

    assert preview.text.startswith("📥 1 new, 1 other label\n")
    assert "Line 1: Treasury · 0x8e3E…d8B9 is Safe here" in preview.text
    await stack.presses(preview, "Import 1")
    await stack.hears("Imported Payroll")
    assert "#1 Safe · 0x8e3E…d8B9 on Polygon · only changes of $5.00 and more" in await listed(stack)


async def test_a_second_name_in_one_list_is_not_taken(stack: Stack) -> None:
    preview = await shown(stack, f"{CHECKSUMMED}\n{CHECKSUMMED} as Treasury")

    assert preview.text.startswith("📥 1 new, 1 not taken\n")
    assert "Line 2: Treasury is a second name of what stands before it in this list" in preview.text


async def test_a_list_of_what_is_watched_has_nothing_to_import(stack: Stack) -> None:
    await stack.watches(f"/watch {CHECKSUMMED} on polygon as Treasury")

    preview = await shown(stack, f"{CHECKSUMMED} on polygon as Treasury")

    assert preview.text == "📥 0 new, 1 known"
    assert preview.buttons == ()


async def test_what_changed_meanwhile_is_said(stack: Stack) -> None:
    preview = await shown(stack, f"{LIST}\n{THIRD} as Third")
    await stack.watches(f"/watch {CHECKSUMMED} on polygon as Payroll")

    await stack.presses(preview, "Import 3")

    answer = await stack.hears("Imported")
    assert answer.text.startswith("👁 Imported Third · 0x5555…5555.\n")
    assert "Not as it was shown: 1 watched here by now; the name of 1 is in use here by now." in answer.text
    assert "#1 Payroll · 0x8e3E…d8B9" in await listed(stack)


async def test_what_was_shown_is_added_after_a_restart(stack: Stack) -> None:
    preview = await shown(stack)
    await stack.stop()
    stack.start()

    await stack.presses(preview, "Import 2")

    await stack.hears("Imported 2: Treasury")


async def test_undo_stops_what_was_added_and_nothing_else(stack: Stack) -> None:
    await stack.watches(f"/watch {CHECKSUMMED} on polygon as Treasury")
    preview = await shown(stack)
    await stack.presses(preview, "Import 1")
    done = await stack.hears("Imported Payroll")

    assert await stack.presses(done, "Undo") == "Undone."

    await stack.hears("Stopped watching Payroll")
    assert "Watched here: 1" in await listed(stack)


async def test_settings_of_the_whole_chat_are_taken_where_nothing_is_watched(stack: Stack) -> None:
    preview = await shown(stack, f"/only all min $100\n/loud all out @olga\n/ignore {USD_COIN}\n{LIST}")
    assert "For all that is watched here: only changes of $100.00 and more." in preview.text
    assert "For all that is watched here: outgoing changes ring and mention @olga." in preview.text
    assert "Ignored from then on: 1 token." in preview.text

    await stack.presses(preview, "Import 2")

    await stack.hears("Imported 2")
    here = await listed(stack)
    assert "Reported here: only changes of $100.00 and more" in here
    assert "outgoing changes ring and mention @olga here" in here
    stack.say("/ignore")
    await stack.hears("Ignored here: 1")


async def test_settings_of_the_whole_chat_are_left_out_where_something_is_watched(stack: Stack) -> None:
    await stack.watches(f"/watch {THIRD} on polygon as Third")

    preview = await shown(
        stack,
        f"/only all min $100\n/loud all out\n/ignore {USD_COIN}\n{CHECKSUMMED} on polygon loud all as T",
    )

    assert (
        "Left out, since it would change what is watched here already:"
        " /only all, /loud all, the loud rules and 1 ignored token." in preview.text
    )
    await stack.presses(preview, "Import 1")
    await stack.hears("Imported T")
    here = await listed(stack)
    assert "Reported here" not in here
    assert "🔔" not in here


async def test_an_alarm_comes_with_its_account_or_is_refused(stack: Stack) -> None:
    lines = (
        f"{CHECKSUMMED} on polygon as Relayer\n/alarm Relayer below 40 $ again 6h\n/alarm {THIRD} below $5"
    )

    preview = await shown(stack, lines)

    assert "Line 3: The account of the alarm is not watched, here or in the list." in preview.text
    assert "With 1 alarm." in preview.text
    await stack.presses(preview, "Import 1")
    await stack.hears("⏰ 1 alarm set.")
    stack.say("/alarm")
    await stack.hears("A1 · Relayer worth below $40.00")


async def test_a_row_that_is_damaged_is_refused_with_its_number(stack: Stack) -> None:
    preview = await shown(
        stack, f'Name,Address,Network\nTreasury,{CHECKSUMMED},polygon\n"Pay"roll,{OTHER},polygon\nX,0x12,base'
    )

    assert preview.text.startswith("📥 1 new, 2 not taken\n")
    assert "Line 3: A quotation mark in it doesn't end" in preview.text
    assert "Line 4: 0x12 isn't an address" in preview.text


async def test_of_many_bad_lines_ten_are_shown_with_the_number_of_the_rest(stack: Stack) -> None:
    preview = await shown(stack, "\n".join(f"nobody {number}" for number in range(19)))

    assert "… and 9 more" in preview.text
    assert preview.text.startswith("📥 0 new, 19 not taken\n")


async def test_the_limit_of_a_chat_is_said_before(tmp_path: Path) -> None:
    async with open_stack(tmp_path, access=["max_subscriptions_per_chat = 1"]) as stack:
        stack.start()

        preview = await shown(stack)

        assert preview.text.startswith("📥 1 new, 1 without room\n")
        assert "No room for 1: this chat can watch 1 at most." in preview.text
        await stack.presses(preview, "Import 1")
        await stack.hears("Imported Treasury")


async def test_a_member_without_rights_neither_imports_nor_presses(stack: Stack) -> None:
    bob = stack.telegram.add_user("Bob")
    group = stack.telegram.add_group("Ops", {stack.olga: "creator", bob: "member"})
    stack.say("/allow", chat=group)
    await stack.hears("open now", chat=group)
    stack.say(f"/import {LIST}", chat=group, user=bob)
    await stack.hears("/import", chat=group)
    preview = await shown(stack, chat=group)

    assert "administrator" in await stack.presses(preview, "Import 2", user=bob)

    assert "administrator" in await stack.presses(preview, "Cancel", user=bob)
    assert "Nothing is watched here yet" in await listed(stack, chat=group)


async def test_a_chat_that_is_closed_meanwhile_gets_nothing(stack: Stack) -> None:
    group = stack.telegram.add_group("Ops", {stack.olga: "creator"})
    stack.say("/allow", chat=group)
    await stack.hears("open now", chat=group)
    preview = await shown(stack, chat=group)
    stack.say(f"/deny {group.id}")
    await stack.hears("Ops")

    await stack.presses(preview, "Import 2")

    stack.say(f"/allow {group.id}")
    await stack.hears("Ops")
    assert "Nothing is watched here yet" in await listed(stack, chat=group)


async def test_an_import_is_of_its_topic_and_its_button_of_its_chat(stack: Stack) -> None:
    forum = stack.telegram.add_forum("Ops", {stack.olga: "creator"})
    topic = stack.telegram.add_topic(forum, "Alerts")
    stack.say("/allow", chat=forum, topic=topic)
    await stack.hears("open now", chat=forum)
    preview = await shown(stack, chat=forum, topic=topic)
    elsewhere = await shown(stack, f"{THIRD} as Third")

    await stack.forges(elsewhere, data_of(preview, "Import 2"))
    await stack.presses(preview, "Import 2")

    await stack.hears("Imported 2", chat=forum)
    assert "Watched here: 2" in await listed(stack, chat=forum, topic=topic)
    assert "Nothing is watched here yet" in await listed(stack, chat=forum)
    assert "Nothing is watched here yet" in await listed(stack)


async def test_a_list_with_a_key_is_warned_about_and_nothing_is_kept(stack: Stack) -> None:
    stack.say(f"/import {LIST}\n{KEY} as Key")

    answer = await stack.hears("may be a private key")

    assert "4c4c" not in answer.text
    assert answer.buttons == ()
    assert "Nothing is watched here yet" in await listed(stack)


async def test_without_lines_it_says_how_it_is_used(stack: Stack) -> None:
    stack.say("/import")

    assert (await stack.hears("/import · Watch what a list names")).buttons == ()


# ---------------------------------------------------------------- files


def sends(stack: Stack, content: bytes | str, caption: str = "/import", chat: Chat | None = None) -> Message:
    data = content.encode() if isinstance(content, str) else content
    return stack.telegram.sends_file(stack.olga, chat or stack.chat, "list.csv", data, caption)


async def test_a_list_comes_as_a_file_with_the_caption(stack: Stack) -> None:
    sends(stack, f"address\tname\tnetwork\r\n{CHECKSUMMED}\tTreasury, cold\tpolygon".encode("utf-16"))

    preview = await stack.hears("📥 1 new")

    assert "Treasury, cold · 0x8e3E…d8B9 on Polygon" in preview.text
    await stack.presses(preview, "Import 1")
    await stack.hears("Imported Treasury, cold")


async def test_a_list_is_a_file_that_is_replied_to(stack: Stack) -> None:
    file = sends(stack, LIST, "look at this")
    stack.say("/import", reply_to=file)

    assert (await stack.hears("📥")).text.startswith("📥 2 new\n")


async def test_a_file_without_a_word_is_answered_by_how_it_is_read(stack: Stack) -> None:
    sends(stack, LIST, "")

    assert "Reply to it with /import" in (await stack.hears("Is that a list of addresses?")).text


async def test_what_is_exported_can_be_imported_elsewhere(stack: Stack) -> None:
    await stack.watches(f"/watch {CHECKSUMMED} on polygon out min $5 as Treasury")
    stack.say("/alarm Treasury below $5")
    await stack.hears("A1 · Treasury")
    stack.say("/export watchlist")
    exported = await stack.hears("📋 1 account, 1 filter and 1 alarm")
    assert exported.document is not None
    group = stack.telegram.add_group("Ops", {stack.olga: "creator"})
    stack.say("/allow", chat=group)
    await stack.hears("open now", chat=group)

    sends(stack, exported.document.content, chat=group)

    preview = await stack.hears("📥 1 new", chat=group)
    await stack.presses(preview, "Import 1")
    await stack.hears("⏰ 1 alarm set.", chat=group)
    stack.say("/export watchlist", chat=group)
    again = await stack.hears("📋 1 account, 1 filter and 1 alarm", chat=group)
    assert again.document is not None
    assert again.document.content == exported.document.content


async def test_an_export_of_nothing_is_no_file(stack: Stack) -> None:
    stack.say("/export watchlist")

    assert (await stack.hears("Nothing is watched here yet")).document is None


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        (b"PK\x03\x04xl/workbook.xml", "save it as CSV"),
        (b"%PDF-1.7", "That is a PDF"),
        (b"address;name\n0x12;Caf\xe9", "it isn't in UTF-8"),
        (b"\x00\x01\x02", "That file is no text."),
        (b" \r\n", "That file is empty."),
        (b"hello there", "📥 0 new, 1 not taken"),
        (b"x" * (256 * 1024 + 1), "it is larger than 256 KB"),
        (f"address\n{KEY}".encode(), "Line 2: ⚠️ 64 digits like these may be a private key"),
        (b"abandon " * 12, "looks like a wallet's recovery phrase"),
        (b"# nothing\n", "There is nothing in it that I could watch."),
    ],
)
async def test_a_file_that_is_no_list_gets_a_sentence(stack: Stack, content: bytes, answer: str) -> None:
    sends(stack, content)

    said = await stack.hears(answer)

    assert said.buttons == ()
    assert "4c4c" not in said.text
    assert "abandon" not in said.text
