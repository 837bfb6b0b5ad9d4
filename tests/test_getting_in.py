"""Getting in, end to end: the link that makes an owner, who knocks, and who did what."""

import asyncio
import re
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.chat.buttons import toasts
from bot.chat.commands.owners import words as owner_words
from bot.roles import receiver
from bot.sandbox.telegram.api.faults import Error, before
from bot.sandbox.telegram.world.wire import member_json, my_member_json
from bot.sandbox.telegram.world.world import Chat, User
from tests.stack import CHECKSUMMED, OWNER, SHORT, Stack, buttons_of, open_stack
from tests.waits import HANG_SECONDS, until

RIGHTS = (
    *("is_member", "can_change_info", "can_invite_users", "can_pin_messages", "can_send_polls"),
    *("can_send_other_messages", "can_add_web_page_previews", "can_manage_topics", "can_send_audios"),
    *("can_send_documents", "can_send_photos", "can_send_videos", "can_send_video_notes"),
    *("can_send_voice_notes", "can_edit_tag", "can_react_to_messages"),
)
"""What a restricted member may or may not do, but for writing."""


@pytest.fixture
async def unowned(tmp_path: Path) -> AsyncIterator[Stack]:
    """Run a bot that nobody owns."""
    async with open_stack(tmp_path, access=["owners = []"]) as stack:
        stack.start()
        yield stack


async def code_of(stack: Stack) -> str:
    """Return the code of the link that was printed last."""
    await until(lambda: any("start=" in printed for printed in stack.announced))
    (code,) = re.findall(r"t\.me/balance_sandbox_bot\?start=([\w-]+)$", stack.announced[-1])
    return str(code)


async def tells(stack: Stack, text: str, user: User, chat: Chat) -> str:
    stack.say(text, user=user, chat=chat)
    return (await stack.hears(lambda _: True, chat=chat)).text


def stranger(stack: Stack, name: str = "Mallory") -> tuple[User, Chat]:
    user = stack.telegram.add_user(name)
    return user, stack.telegram.add_private_chat(user)


# ---------------------------------------------------------------- the link


async def test_the_first_to_use_the_link_owns_the_bot(unowned: Stack) -> None:
    code = await code_of(unowned)

    unowned.say(f"/start {code}")

    await unowned.hears("This bot is yours now")
    unowned.say("/chats")
    await unowned.hears("Olga · owner")


async def test_using_the_link_again_only_greets_the_owner(unowned: Stack) -> None:
    code = await code_of(unowned)
    unowned.say(f"/start {code}")
    await unowned.hears("yours now")

    unowned.say(f"/start {code}")

    await unowned.hears("yours now")


async def test_a_used_link_opens_nothing_to_anybody_else(unowned: Stack) -> None:
    code = await code_of(unowned)
    unowned.say(f"/start {code}")
    await unowned.hears("yours now")
    mallory, chat = stranger(unowned)

    assert "has been used" in await tells(unowned, f"/start {code}", mallory, chat)
    assert "private" in await tells(unowned, "/chats", mallory, chat)


async def test_a_guessed_code_is_met_like_any_stranger(unowned: Stack) -> None:
    await code_of(unowned)
    mallory, chat = stranger(unowned)

    assert "private" in await tells(unowned, f"/start {'A' * 43}", mallory, chat)


async def test_who_guesses_often_is_not_heard_even_with_the_right_code(unowned: Stack) -> None:
    code = await code_of(unowned)
    mallory, chat = stranger(unowned)
    for number in range(5):
        unowned.say(f"/start {number:043}", user=mallory, chat=chat)
    unowned.say(f"/start {code}", user=mallory, chat=chat)
    unowned.say("/id", user=mallory, chat=chat)

    await unowned.hears("Your user id", chat=chat)
    assert not any("yours" in text for text in unowned.said(chat))

    unowned.say(f"/start {code}")
    await unowned.hears("yours now")


async def test_a_link_is_no_link_in_a_group(unowned: Stack) -> None:
    code = await code_of(unowned)
    group = unowned.telegram.add_group("Ops", {unowned.olga: "creator"})

    assert "private" in await tells(unowned, f"/start {code}", unowned.olga, group)

    unowned.say(f"/start {code}")
    await unowned.hears("yours now")


async def test_each_start_prints_a_new_link_until_somebody_owns_the_bot(unowned: Stack) -> None:
    first = await code_of(unowned)
    await unowned.stop()
    unowned.start()
    await until(lambda: len(unowned.announced) == 2)
    second = await code_of(unowned)

    unowned.say(f"/start {first}")
    assert "expired" in (await unowned.hears("link")).text
    unowned.say(f"/start {second}")
    await unowned.hears("yours now")

    await unowned.stop()
    unowned.start()
    unowned.say("/chats")
    await unowned.hears("Olga · owner")
    assert len(unowned.announced) == 2


async def test_configured_owners_end_what_was_claimed(unowned: Stack) -> None:
    unowned.say(f"/start {await code_of(unowned)}")
    await unowned.hears("yours now")
    await unowned.stop()
    alice, chat = stranger(unowned, "Alice")
    unowned.lines["access"] = [f"owners = [{alice.id}]"]
    unowned.start()

    assert "Alice · owner" in await tells(unowned, "/chats", alice, chat)
    unowned.say("/chats")
    await unowned.hears("This bot is private")
    assert len(unowned.announced) == 1

    await unowned.stop()
    unowned.lines["access"] = ["owners = []"]
    unowned.start()
    await until(lambda: len(unowned.announced) == 2)


async def test_a_bot_with_owners_prints_no_link(stack: Stack) -> None:
    stack.say("/start")
    await stack.hears("Hello")

    assert stack.announced == []


async def test_the_link_is_promised_while_telegram_is_away_and_comes_when_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver, "INTRODUCE_AGAIN_SECONDS", 0.01)
    async with open_stack(tmp_path, access=["owners = []"]) as stack:
        stack.telegram.fault(before(Error(502, "Bad Gateway")), method="getMe")
        stack.start()
        await until(lambda: sum(call.method == "getMe" for call in stack.telegram.calls) > 2)
        assert stack.announced == [owner_words.CLAIM_LATER]

        stack.telegram.heal()

        stack.say(f"/start {await code_of(stack)}")
        await stack.hears("yours now")


async def test_no_link_is_promised_where_the_bot_has_an_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver, "INTRODUCE_AGAIN_SECONDS", 0.01)
    async with open_stack(tmp_path) as stack:
        stack.telegram.fault(before(Error(502, "Bad Gateway")), method="getMe")
        stack.start()
        await until(lambda: sum(call.method == "getMe" for call in stack.telegram.calls) > 2)

        assert stack.announced == []


async def test_the_program_prints_the_link_at_once(tmp_path: Path) -> None:
    async with open_stack(tmp_path, access=["owners = []"]) as stack:
        program = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "run", "--config", str(stack.config), stdout=PIPE, stderr=DEVNULL
        )
        assert program.stdout is not None
        try:
            async with asyncio.timeout(HANG_SECONDS):
                while b"start=" not in (line := await program.stdout.readline()):
                    assert line
            stack.say(f"/start {line.decode().strip().rpartition('=')[2]}")
            await stack.hears("yours now")
        finally:
            program.kill()
            await program.wait()


# ---------------------------------------------------------------- knocking


async def test_owners_hear_of_who_knocks_and_let_them_in(stack: Stack) -> None:
    mallory, chat = stranger(stack)
    told = await tells(stack, "/start", mallory, chat)
    assert "I've let them know" in told
    knock = await stack.hears("Mallory")
    assert knock.text == f"🚪 Mallory ({chat.id}) would like to use this bot."
    assert buttons_of(knock) == ["Allow", "Ignore"]

    assert await stack.presses(knock, "Allow") == owner_words.CHAT_OPENED

    assert (await stack.shows(knock, "can use the bot now")).buttons == ()
    await stack.hears("An owner has opened this chat", chat=chat)
    assert "Watching" in await tells(stack, f"/watch {CHECKSUMMED}", mallory, chat)


async def test_letting_in_twice_is_once(stack: Stack) -> None:
    mallory, chat = stranger(stack)
    stack.say("/start", user=mallory, chat=chat)
    knock = await stack.hears("Mallory")
    data = knock.buttons[0][0].callback_data

    assert await stack.forges(knock, data) == owner_words.CHAT_OPENED
    assert await stack.forges(knock, data) == toasts.ALREADY
    await stack.shows(knock, "can already use")

    assert sum("opened this chat" in text for text in stack.said(chat)) == 1


async def test_who_is_ignored_knocks_in_vain(stack: Stack) -> None:
    mallory, chat = stranger(stack)
    await tells(stack, "/start", mallory, chat)
    knock = await stack.hears("Mallory")

    assert await stack.presses(knock, "Ignore") == owner_words.CHAT_IGNORED

    assert "stays closed" in (await stack.shows(knock, "stays closed")).text
    await stack.stop()
    stack.start()
    assert "I've let them know" not in await tells(stack, "/start", mallory, chat)
    stack.say("/chats")
    assert "Mallory · closed" in (await stack.hears("Chats:")).text


async def test_a_chat_knocks_once_a_day_over_restarts_too(stack: Stack) -> None:
    mallory, chat = stranger(stack)
    await tells(stack, "/start", mallory, chat)
    await stack.hears("Mallory")
    await stack.stop()
    stack.start()

    assert "I've let them know" not in await tells(stack, "/start", mallory, chat)

    stack.say("/chats")
    assert "Mallory · asked for access" in (await stack.hears("Chats:")).text
    assert sum("🚪" in text for text in stack.said()) == 1


async def test_who_was_denied_does_not_knock(stack: Stack) -> None:
    mallory, chat = stranger(stack)
    stack.say(f"/deny {chat.id}")
    await stack.hears("can't use the bot anyway")

    assert "I've let them know" not in await tells(stack, "/start", mallory, chat)


async def test_many_strangers_do_not_flood_the_owner(stack: Stack) -> None:
    for number in range(25):
        user, chat = stranger(stack, f"Mallory{number}")
        stack.say("/start", user=user, chat=chat)
        await stack.hears("private", chat=chat)

    knocks = [text for text in stack.said() if "🚪" in text]
    assert len(knocks) == 20
    assert "only appear in /chats" in knocks[-1]
    stack.say("/chats")
    assert "Chats: 26 · page 1/6" in (await stack.hears("Chats:")).text


async def test_the_name_of_a_stranger_is_dead_text(stack: Stack) -> None:
    mallory, chat = stranger(stack, '<a href="https://evil.example">@olga</a>')
    stack.say("/start", user=mallory, chat=chat)

    knock = await stack.hears("🚪")

    assert all("evil" not in (entity.url or "") for entity in knock.entities)


async def test_an_owner_who_never_pressed_start_finds_the_knock_later(tmp_path: Path) -> None:
    async with open_stack(tmp_path) as stack:
        nina = stack.telegram.add_user("Nina")
        stack.lines["access"] = [f"owners = [{nina.id}]"]
        stack.start()
        mallory, chat = stranger(stack)

        assert "I've let them know" not in await tells(stack, "/start", mallory, chat)

        hers = stack.telegram.add_private_chat(nina)
        assert "1 chat asks to come in: see /chats." in await tells(stack, "/start", nina, hers)
        stack.say("/chats", user=nina, chat=hers)
        page = await stack.hears("asked for access", chat=hers)
        assert buttons_of(page) == ["1. Open Mallory", "1. Ignore"]


async def test_an_owner_who_can_not_be_reached_is_told_of_in_the_list(tmp_path: Path) -> None:
    async with open_stack(tmp_path) as stack:
        nina = stack.telegram.add_user("Nina")
        stack.lines["access"] = [f"owners = [{OWNER}, {nina.id}]"]
        stack.start()
        mallory, chat = stranger(stack)
        stack.say("/start", user=mallory, chat=chat)
        await stack.hears("🚪")

        stack.say("/chats")

        assert "can't be reached: Chat not found" in (await stack.hears("Chats:")).text


# ---------------------------------------------------------------- groups


async def test_a_group_is_greeted_once_and_watches_nothing_by_itself(stack: Stack) -> None:
    bob = stack.telegram.add_user("Bob")
    group = stack.telegram.add_group("Ops", {bob: "creator"}, bot="left")

    stack.telegram.adds_bot(group)

    greeting = await stack.hears("Hello", chat=group)
    assert "until an owner opens this group with /allow" in greeting.text
    knock = await stack.hears("🚪")
    assert knock.text == f"🚪 Bob ({bob.id}) would like to use this bot in Ops ({group.id})."
    stack.telegram.changes_bot(group, "administrator")
    stack.say("/id", user=bob, chat=group)
    await stack.hears("Chat id", chat=group)
    assert sum("Hello" in text for text in stack.said(group)) == 1


async def test_an_open_group_is_greeted_with_the_next_step(tmp_path: Path) -> None:
    async with open_stack(tmp_path) as stack:
        group = stack.telegram.add_group("Ops", {stack.olga: "creator"}, bot="left")
        stack.lines["access"] = [f"owners = [{OWNER}]", f"chats = [{group.id}]"]
        stack.start()

        stack.telegram.adds_bot(group)

        assert "/watch" in (await stack.hears("Hello", chat=group)).text


async def test_a_group_that_removed_the_bot_is_shown_as_out_of_reach(stack: Stack) -> None:
    group = stack.telegram.add_group("Ops", {stack.olga: "creator"})
    stack.say("/allow", chat=group)
    await stack.hears("open now", chat=group)

    stack.telegram.removes_bot(group)
    stack.say("/chats")

    assert "can't be reached: the bot is kicked there" in (await stack.hears("Ops")).text


async def test_a_group_where_the_bot_may_not_write_is_shown_as_out_of_reach(stack: Stack) -> None:
    telegram = stack.telegram
    group = telegram.add_supergroup("Ops", {stack.olga: "creator"})
    stack.say("/allow", chat=group)
    await stack.hears("open now", chat=group)

    for may_write in (False, True):
        rights = dict.fromkeys(RIGHTS, False) | {"can_send_messages": may_write}
        now = member_json(telegram.bot, "member") | rights | {"status": "restricted", "until_date": 0}
        before = member_json(telegram.bot, "member")
        telegram.updates.put("my_chat_member", my_member_json(group, stack.olga, before, now, telegram.now()))
        stack.say("/chats")
        told = (await stack.hears("Ops")).text
        assert ("can't be reached: the bot may not write there" in told) is not may_write


async def test_addresses_pasted_in_a_closed_group_are_not_answered(stack: Stack) -> None:
    bob = stack.telegram.add_user("Bob")
    group = stack.telegram.add_group("Ops", {bob: "creator"}, bot="administrator")

    stack.say(CHECKSUMMED, user=bob, chat=group)
    stack.say("/id", user=bob, chat=group)

    await stack.hears("Chat id", chat=group)
    assert len(stack.said(group)) == 1


# ---------------------------------------------------------------- /chats


async def test_chats_are_opened_and_closed_by_buttons(stack: Stack) -> None:
    group = stack.telegram.add_group("Ops", {stack.olga: "member"})
    stack.say("/allow", chat=group)
    await stack.hears("open now", chat=group)
    stack.say("/chats")
    page = await stack.hears("Chats: 2")
    assert buttons_of(page) == ["2. Close Ops"]

    assert await stack.presses(page, "2. Close Ops") == owner_words.CHAT_CLOSED
    closed = await stack.shows(page, "Ops · closed")
    assert await stack.presses(closed, "2. Open Ops") == owner_words.CHAT_OPENED

    await stack.shows(page, "Ops · open")
    await stack.hears("An owner has opened this chat", chat=group)


async def test_a_chat_that_the_configuration_opens_can_be_closed(tmp_path: Path) -> None:
    async with open_stack(tmp_path) as stack:
        group = stack.telegram.add_group("Ops", {stack.olga: "creator"})
        stack.lines["access"] = [f"owners = [{OWNER}]", f"chats = [{group.id}]"]
        stack.start()
        stack.say("/mute", chat=group)
        await stack.hears("This chat is muted", chat=group)

        stack.say("/chats")

        shown = await stack.hears("Chats: 2")
        assert "Ops · open" in shown.text
        assert any("Close Ops" in words for words in buttons_of(shown))


async def test_chats_are_shown_in_private_only(stack: Stack) -> None:
    group = stack.telegram.add_group("Ops", {stack.olga: "member"})
    stack.say("/allow", chat=group)
    await stack.hears("open now", chat=group)

    for command in ("/chats", "/audit"):
        stack.say(command, chat=group)
        await stack.hears("in a private chat only", chat=group)


async def test_opening_a_chat_that_can_not_be_written_to_says_so(stack: Stack) -> None:
    stack.say("/allow -100123")

    told = (await stack.hears("-100123")).text
    assert "can use the bot now" in told
    assert "can't write there yet: Chat not found\nSomebody has to add me to it." in told


# ---------------------------------------------------------------- /audit


async def test_who_changed_what_is_kept(stack: Stack) -> None:
    alice = stack.telegram.add_user("Alice")
    group = stack.telegram.add_group("Ops", {stack.olga: "member", alice: "administrator"})
    stack.say("/allow", chat=group)
    await stack.hears("open now", chat=group)
    stack.say(f"/watch {CHECKSUMMED} as Till", chat=group, user=alice)
    await stack.hears("Watching Till", chat=group)
    stack.say("/unwatch Till", chat=group, user=alice)
    ended = await stack.hears("Stopped", chat=group)
    await stack.presses(ended, "Undo")

    stack.say("/audit")
    shown = (await stack.hears("Who changed what")).text

    lines = [re.sub(r"^[\d:]+ UTC · ", "", line) for line in shown.split("\n")[2:]]
    wish = f"{SHORT} as Till"
    assert lines == [
        f"Olga ({OWNER}) took back the end of {wish} · Ops ({group.id})",
        f"Alice ({alice.id}) stopped watching {wish} · Ops ({group.id})",
        f"Alice ({alice.id}) watched {wish} · Ops ({group.id})",
        f"Olga ({OWNER}) opened · Ops ({group.id})",
    ]


async def test_what_changed_nothing_is_not_kept(stack: Stack) -> None:
    stack.say("/unwatch nothing")
    await stack.hears("not watched")
    stack.say("/audit")

    await stack.hears("Nobody has changed anything yet.")


async def test_a_long_account_is_turned_page_by_page(stack: Stack) -> None:
    accounts = "\n".join(f"0x{number:040x} as A{number}" for number in range(1, 13))
    stack.say(f"/watch {accounts}")
    await stack.hears("Watching 12")
    stack.say("/audit")
    first = await stack.hears("page 1/2")
    assert "A12" in first.text

    await stack.presses(first, "›")

    second = await stack.shows(first, "page 2/2")
    assert re.search(r"as A1 ", second.text)
    assert buttons_of(second) == ["‹"]


async def test_an_anonymous_administrator_stays_unnamed(stack: Stack) -> None:
    alice = stack.telegram.add_user("Alice")
    group = stack.telegram.add_group("Ops", {stack.olga: "member", alice: "administrator"})
    stack.say("/allow", chat=group)
    await stack.hears("open now", chat=group)
    stack.telegram.says_anonymously(alice, group, f"/watch {CHECKSUMMED} as Till")
    await stack.hears("Watching Till", chat=group)

    stack.say("/audit")

    assert "UTC · Ops watched" in (await stack.hears("Who changed what")).text
