"""Getting in, end to end: the link that makes an owner, who knocks, and who did what."""

import asyncio
import re
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot import app
from bot.chat import toasts
from bot.sandbox.telegram import Error, before
from bot.sandbox.telegram_wire import member_json, my_member_json
from bot.sandbox.telegram_world import Chat, User
from tests.house import CHECKSUMMED, LONGEST_SECONDS, OWNER, SHORT, House, buttons_of, open_house, until

RIGHTS = (
    *("is_member", "can_change_info", "can_invite_users", "can_pin_messages", "can_send_polls"),
    *("can_send_other_messages", "can_add_web_page_previews", "can_manage_topics", "can_send_audios"),
    *("can_send_documents", "can_send_photos", "can_send_videos", "can_send_video_notes"),
    *("can_send_voice_notes", "can_edit_tag", "can_react_to_messages"),
)
"""What a restricted member may or may not do, but for writing."""


@pytest.fixture
async def unowned(tmp_path: Path) -> AsyncIterator[House]:
    """Run a bot that nobody owns."""
    async with open_house(tmp_path, access=["owners = []"]) as house:
        house.start()
        yield house


async def code_of(house: House) -> str:
    """Return the code of the link that was printed last."""
    await until(lambda: bool(house.announced))
    (code,) = re.findall(r"t\.me/balance_sandbox_bot\?start=([\w-]+)$", house.announced[-1])
    return str(code)


async def tells(house: House, text: str, user: User, chat: Chat) -> str:
    house.say(text, user=user, chat=chat)
    return (await house.hears(lambda _: True, chat=chat)).text


def stranger(house: House, name: str = "Mallory") -> tuple[User, Chat]:
    user = house.telegram.add_user(name)
    return user, house.telegram.add_private_chat(user)


# ---------------------------------------------------------------- the link


async def test_the_first_to_use_the_link_owns_the_bot(unowned: House) -> None:
    code = await code_of(unowned)

    unowned.say(f"/start {code}")

    await unowned.hears("This bot is yours now")
    unowned.say("/chats")
    await unowned.hears("Olga · owner")


async def test_using_the_link_again_only_greets_the_owner(unowned: House) -> None:
    code = await code_of(unowned)
    unowned.say(f"/start {code}")
    await unowned.hears("yours now")

    unowned.say(f"/start {code}")

    await unowned.hears("yours now")


async def test_a_used_link_opens_nothing_to_anybody_else(unowned: House) -> None:
    code = await code_of(unowned)
    unowned.say(f"/start {code}")
    await unowned.hears("yours now")
    mallory, chat = stranger(unowned)

    assert "has been used" in await tells(unowned, f"/start {code}", mallory, chat)
    assert "private" in await tells(unowned, "/chats", mallory, chat)


async def test_a_guessed_code_is_met_like_any_stranger(unowned: House) -> None:
    await code_of(unowned)
    mallory, chat = stranger(unowned)

    assert "private" in await tells(unowned, f"/start {'A' * 43}", mallory, chat)


async def test_who_guesses_often_is_not_heard_even_with_the_right_code(unowned: House) -> None:
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


async def test_a_link_is_no_link_in_a_group(unowned: House) -> None:
    code = await code_of(unowned)
    group = unowned.telegram.add_group("Ops", {unowned.olga: "creator"})

    assert "private" in await tells(unowned, f"/start {code}", unowned.olga, group)

    unowned.say(f"/start {code}")
    await unowned.hears("yours now")


async def test_each_start_prints_a_new_link_until_somebody_owns_the_bot(unowned: House) -> None:
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


async def test_configured_owners_end_what_was_claimed(unowned: House) -> None:
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


async def test_a_bot_with_owners_prints_no_link(house: House) -> None:
    house.say("/start")
    await house.hears("Hello")

    assert house.announced == []


async def test_the_link_comes_when_telegram_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "INTRODUCE_AGAIN_SECONDS", 0.01)
    async with open_house(tmp_path, access=["owners = []"]) as house:
        house.telegram.fault(before(Error(502, "Bad Gateway")), method="getMe")
        house.start()
        await until(lambda: sum(call.method == "getMe" for call in house.telegram.calls) > 2)
        assert house.announced == []

        house.telegram.heal()

        house.say(f"/start {await code_of(house)}")
        await house.hears("yours now")


async def test_the_program_prints_the_link_at_once(tmp_path: Path) -> None:
    async with open_house(tmp_path, access=["owners = []"]) as house:
        program = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "run", "--config", str(house.config), stdout=PIPE, stderr=DEVNULL
        )
        assert program.stdout is not None
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                while b"start=" not in (line := await program.stdout.readline()):
                    assert line
            house.say(f"/start {line.decode().strip().rpartition('=')[2]}")
            await house.hears("yours now")
        finally:
            program.kill()
            await program.wait()


# ---------------------------------------------------------------- knocking


async def test_owners_hear_of_who_knocks_and_let_them_in(house: House) -> None:
    mallory, chat = stranger(house)
    told = await tells(house, "/start", mallory, chat)
    assert "I have told them" in told
    knock = await house.hears("Mallory")
    assert knock.text == f"🚪 Mallory ({chat.id}) asks to use me."
    assert buttons_of(knock) == ["Allow", "Ignore"]

    assert await house.presses(knock, "Allow") == toasts.OPENED

    assert (await house.shows(knock, "open now")).buttons == ()
    await house.hears("An owner has opened this chat", chat=chat)
    assert "Watching" in await tells(house, f"/watch {CHECKSUMMED}", mallory, chat)


async def test_letting_in_twice_is_once(house: House) -> None:
    mallory, chat = stranger(house)
    house.say("/start", user=mallory, chat=chat)
    knock = await house.hears("Mallory")
    data = knock.buttons[0][0].callback_data

    assert await house.forges(knock, data) == toasts.OPENED
    assert await house.forges(knock, data) == toasts.ALREADY
    await house.shows(knock, "already open")

    assert sum("opened this chat" in text for text in house.said(chat)) == 1


async def test_who_is_ignored_knocks_in_vain(house: House) -> None:
    mallory, chat = stranger(house)
    await tells(house, "/start", mallory, chat)
    knock = await house.hears("Mallory")

    assert await house.presses(knock, "Ignore") == toasts.IGNORED

    assert "stays closed" in (await house.shows(knock, "stays closed")).text
    await house.stop()
    house.start()
    assert "I have told them" not in await tells(house, "/start", mallory, chat)
    house.say("/chats")
    assert "Mallory · closed" in (await house.hears("Chats:")).text


async def test_a_chat_knocks_once_a_day_over_restarts_too(house: House) -> None:
    mallory, chat = stranger(house)
    await tells(house, "/start", mallory, chat)
    await house.hears("Mallory")
    await house.stop()
    house.start()

    assert "I have told them" not in await tells(house, "/start", mallory, chat)

    house.say("/chats")
    assert "Mallory · asks to come in" in (await house.hears("Chats:")).text
    assert sum("🚪" in text for text in house.said()) == 1


async def test_who_was_denied_does_not_knock(house: House) -> None:
    mallory, chat = stranger(house)
    house.say(f"/deny {chat.id}")
    await house.hears("closed already")

    assert "I have told them" not in await tells(house, "/start", mallory, chat)


async def test_many_strangers_do_not_flood_the_owner(house: House) -> None:
    for number in range(25):
        user, chat = stranger(house, f"Mallory{number}")
        house.say("/start", user=user, chat=chat)
        await house.hears("private", chat=chat)

    knocks = [text for text in house.said() if "🚪" in text]
    assert len(knocks) == 20
    assert "only listed by /chats" in knocks[-1]
    house.say("/chats")
    assert "Chats: 26 · page 1/6" in (await house.hears("Chats:")).text


async def test_the_name_of_a_stranger_is_dead_text(house: House) -> None:
    mallory, chat = stranger(house, '<a href="https://evil.example">@olga</a>')
    house.say("/start", user=mallory, chat=chat)

    knock = await house.hears("🚪")

    assert all("evil" not in (entity.url or "") for entity in knock.entities)


async def test_an_owner_who_never_pressed_start_finds_the_knock_later(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        nina = house.telegram.add_user("Nina")
        house.lines["access"] = [f"owners = [{nina.id}]"]
        house.start()
        mallory, chat = stranger(house)

        assert "I have told them" not in await tells(house, "/start", mallory, chat)

        hers = house.telegram.add_private_chat(nina)
        assert "1 chat asks to come in: see /chats." in await tells(house, "/start", nina, hers)
        house.say("/chats", user=nina, chat=hers)
        page = await house.hears("asks to come in", chat=hers)
        assert buttons_of(page) == ["1. Open Mallory", "1. Ignore"]


async def test_an_owner_who_can_not_be_reached_is_told_of_in_the_list(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        nina = house.telegram.add_user("Nina")
        house.lines["access"] = [f"owners = [{OWNER}, {nina.id}]"]
        house.start()
        mallory, chat = stranger(house)
        house.say("/start", user=mallory, chat=chat)
        await house.hears("🚪")

        house.say("/chats")

        assert "can't be reached: Chat not found" in (await house.hears("Chats:")).text


# ---------------------------------------------------------------- groups


async def test_a_group_is_greeted_once_and_watches_nothing_by_itself(house: House) -> None:
    bob = house.telegram.add_user("Bob")
    group = house.telegram.add_group("Ops", {bob: "creator"}, bot="left")

    house.telegram.adds_bot(group)

    greeting = await house.hears("Hello", chat=group)
    assert "until an owner of mine opens this group with /allow" in greeting.text
    knock = await house.hears("🚪")
    assert knock.text == f"🚪 Bob ({bob.id}) asks to use me in Ops ({group.id})."
    house.telegram.changes_bot(group, "administrator")
    house.say("/id", user=bob, chat=group)
    await house.hears("Chat id", chat=group)
    assert sum("Hello" in text for text in house.said(group)) == 1


async def test_an_open_group_is_greeted_with_the_next_step(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        group = house.telegram.add_group("Ops", {house.olga: "creator"}, bot="left")
        house.lines["access"] = [f"owners = [{OWNER}]", f"chats = [{group.id}]"]
        house.start()

        house.telegram.adds_bot(group)

        assert "/watch" in (await house.hears("Hello", chat=group)).text


async def test_a_group_that_removed_the_bot_is_shown_as_out_of_reach(house: House) -> None:
    group = house.telegram.add_group("Ops", {house.olga: "creator"})
    house.say("/allow", chat=group)
    await house.hears("open now", chat=group)

    house.telegram.removes_bot(group)
    house.say("/chats")

    assert "can't be reached: the bot is kicked there" in (await house.hears("Ops")).text


async def test_a_group_where_the_bot_may_not_write_is_shown_as_out_of_reach(house: House) -> None:
    telegram = house.telegram
    group = telegram.add_supergroup("Ops", {house.olga: "creator"})
    house.say("/allow", chat=group)
    await house.hears("open now", chat=group)

    for may_write in (False, True):
        rights = dict.fromkeys(RIGHTS, False) | {"can_send_messages": may_write}
        now = member_json(telegram.bot, "member") | rights | {"status": "restricted", "until_date": 0}
        before = member_json(telegram.bot, "member")
        telegram.updates.put("my_chat_member", my_member_json(group, house.olga, before, now, telegram.now()))
        house.say("/chats")
        told = (await house.hears("Ops")).text
        assert ("can't be reached: the bot may not write there" in told) is not may_write


async def test_addresses_pasted_in_a_closed_group_are_not_answered(house: House) -> None:
    bob = house.telegram.add_user("Bob")
    group = house.telegram.add_group("Ops", {bob: "creator"}, bot="administrator")

    house.say(CHECKSUMMED, user=bob, chat=group)
    house.say("/id", user=bob, chat=group)

    await house.hears("Chat id", chat=group)
    assert len(house.said(group)) == 1


# ---------------------------------------------------------------- /chats


async def test_chats_are_opened_and_closed_by_buttons(house: House) -> None:
    group = house.telegram.add_group("Ops", {house.olga: "member"})
    house.say("/allow", chat=group)
    await house.hears("open now", chat=group)
    house.say("/chats")
    page = await house.hears("Chats: 2")
    assert buttons_of(page) == ["2. Close Ops"]

    assert await house.presses(page, "2. Close Ops") == toasts.SHUT
    closed = await house.shows(page, "Ops · closed")
    assert await house.presses(closed, "2. Open Ops") == toasts.OPENED

    await house.shows(page, "Ops · open")
    await house.hears("An owner has opened this chat", chat=group)


async def test_a_chat_that_the_configuration_opens_can_be_closed(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        group = house.telegram.add_group("Ops", {house.olga: "creator"})
        house.lines["access"] = [f"owners = [{OWNER}]", f"chats = [{group.id}]"]
        house.start()
        house.say("/mute", chat=group)
        await house.hears("This chat is muted", chat=group)

        house.say("/chats")

        shown = await house.hears("Chats: 2")
        assert "Ops · open" in shown.text
        assert any("Close Ops" in words for words in buttons_of(shown))


async def test_chats_are_shown_in_private_only(house: House) -> None:
    group = house.telegram.add_group("Ops", {house.olga: "member"})
    house.say("/allow", chat=group)
    await house.hears("open now", chat=group)

    for command in ("/chats", "/audit"):
        house.say(command, chat=group)
        await house.hears("in a private chat only", chat=group)


async def test_opening_a_chat_that_can_not_be_written_to_says_so(house: House) -> None:
    house.say("/allow -100123")

    told = (await house.hears("-100123")).text
    assert "open now, but I can't write there yet: Chat not found" in told


# ---------------------------------------------------------------- /audit


async def test_who_changed_what_is_kept(house: House) -> None:
    alice = house.telegram.add_user("Alice")
    group = house.telegram.add_group("Ops", {house.olga: "member", alice: "administrator"})
    house.say("/allow", chat=group)
    await house.hears("open now", chat=group)
    house.say(f"/watch {CHECKSUMMED} as Till", chat=group, user=alice)
    await house.hears("Watching Till", chat=group)
    house.say("/unwatch Till", chat=group, user=alice)
    ended = await house.hears("Stopped", chat=group)
    await house.presses(ended, "Undo")

    house.say("/audit")
    shown = (await house.hears("Who changed what")).text

    lines = [re.sub(r"^[\d:]+ UTC · ", "", line) for line in shown.split("\n")[2:]]
    wish = f"{SHORT} as Till"
    assert lines == [
        f"Olga ({OWNER}) took back the end of {wish} · Ops ({group.id})",
        f"Alice ({alice.id}) stopped watching {wish} · Ops ({group.id})",
        f"Alice ({alice.id}) watched {wish} · Ops ({group.id})",
        f"Olga ({OWNER}) opened · Ops ({group.id})",
    ]


async def test_what_changed_nothing_is_not_kept(house: House) -> None:
    house.say("/unwatch nothing")
    await house.hears("not watched")
    house.say("/audit")

    await house.hears("Nobody has changed anything yet.")


async def test_a_long_account_is_turned_page_by_page(house: House) -> None:
    accounts = "\n".join(f"0x{number:040x} as A{number}" for number in range(1, 13))
    house.say(f"/watch {accounts}")
    await house.hears("Watching 12")
    house.say("/audit")
    first = await house.hears("page 1/2")
    assert "A12" in first.text

    await house.presses(first, "›")

    second = await house.shows(first, "page 2/2")
    assert re.search(r"as A1 ", second.text)
    assert buttons_of(second) == ["‹"]


async def test_an_anonymous_administrator_stays_unnamed(house: House) -> None:
    alice = house.telegram.add_user("Alice")
    group = house.telegram.add_group("Ops", {house.olga: "member", alice: "administrator"})
    house.say("/allow", chat=group)
    await house.hears("open now", chat=group)
    house.telegram.says_anonymously(alice, group, f"/watch {CHECKSUMMED} as Till")
    await house.hears("Watching Till", chat=group)

    house.say("/audit")

    assert "UTC · Ops watched" in (await house.hears("Who changed what")).text
