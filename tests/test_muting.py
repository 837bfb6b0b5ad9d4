"""Muting, end to end: silence while it lasts, everything at its end, and nothing lost in between."""

import sqlite3
from contextlib import closing
from pathlib import Path

from bot.chat import toasts
from tests.house import ACCOUNT, CHECKSUMMED, POLYGON, USDC_POLYGON, House, buttons_of, open_house

OTHER = "0x" + "0d" * 20


def move(house: House, units: int, account: str = ACCOUNT) -> None:
    house.world.move(POLYGON, USDC_POLYGON, account, units * 1_000_000)


def told(house: House, words: str) -> bool:
    return any(words in text for text in house.said())


async def held(house: House, changes: int) -> None:
    """Wait until so many changes are kept, as /status counts them."""
    words = f"Kept meanwhile: {changes} change"
    while True:
        house.say("/status")
        if words in (await house.hears("Last sweep")).text:
            return
        await house.asked()


async def test_what_happens_while_muted_is_told_in_one_go_when_that_is_ended(house: House) -> None:
    await house.watches()
    house.say("/mute 2h")
    answer = await house.hears("This chat is muted for 2 h, until")
    assert buttons_of(answer) == ["Unmute"]

    move(house, 1)
    await held(house, 1)
    move(house, 2)
    await held(house, 2)
    assert not told(house, "+1 USDC")

    assert await house.presses(answer, "Unmute") == toasts.UNMUTED
    await house.shows(answer, "2 changes from meanwhile follow.")
    message = await house.hears("🔔 Muted for")
    assert ": 2 changes meanwhile.\n\nTreasury" in message.text
    assert "+1 USDC" in message.text
    assert "+2 USDC" in message.text
    move(house, 3)
    await house.hears("+3 USDC")


async def test_the_end_of_a_mute_is_kept_by_the_database_and_not_by_the_program(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        house.start()
        await house.watches()
        house.say("/mute 2h")
        await house.hears("This chat is muted")
        move(house, 1)
        await held(house, 1)
        await house.stop()
        with closing(sqlite3.connect(tmp_path / "data" / "bot.sqlite3")) as db:
            db.execute("UPDATE mute SET since = since - 7200000, until = until - 7200000")
            db.commit()

        house.start()

        message = await house.hears("🔔 Muted for 2 h: 1 change meanwhile.")
        assert "+1 USDC" in message.text


async def test_one_account_is_muted_and_another_is_not(house: House) -> None:
    house.say(f"/watch {CHECKSUMMED} as Treasury\n{OTHER} as Payroll")
    await house.hears("Watching 2 accounts")
    await house.hears("9 balances")
    house.say("/mute Treasury 1d")
    await house.hears("🔕 Treasury · 0x8e3E…d8B9 is muted here for 1 day, until")
    house.say("/list")
    assert "🔕 Treasury" in (await house.hears("Watched here: 2")).text

    move(house, 1)
    move(house, 5, OTHER)

    await house.hears("+5 USDC")
    await held(house, 1)
    assert not told(house, "+1 USDC")
    house.say("/unmute treasury")
    await house.hears("1 change from meanwhile follows.")
    assert "+1 USDC" in (await house.hears("was muted for")).text


async def test_unwatching_while_muted_loses_nothing_of_what_was_seen(house: House) -> None:
    await house.watches()
    house.say("/mute")
    await house.hears("is muted for 1 h, until")
    move(house, 1)
    await held(house, 1)

    house.say("/unwatch Treasury")
    await house.hears("1 alert from before will still come.")
    house.say("/unmute")

    assert "+1 USDC" in (await house.hears("Muted for")).text


async def test_a_member_of_a_group_may_neither_mute_nor_unmute(house: House) -> None:
    member = house.telegram.add_user("Bob")
    group = house.telegram.add_group("Ops", {house.olga: "creator", member: "member"})
    house.say("/allow", chat=group)
    await house.hears("open now", chat=group)
    house.say("/mute", chat=group, user=member)
    await house.hears("its administrators", chat=group)
    house.say("/mute", chat=group)
    answer = await house.hears("This chat is muted", chat=group)
    (button,) = answer.buttons[0]

    assert await house.presses(answer, "Unmute", user=member) == toasts.ADMINISTRATORS_ONLY

    assert await house.presses(answer, "Unmute") == toasts.UNMUTED
    assert await house.forges(answer, button.callback_data) == toasts.NOT_HERE


async def test_an_owner_whose_chat_is_muted_hears_no_knock_and_finds_it_listed(house: House) -> None:
    stranger = house.telegram.add_user("Mallory")
    chat = house.telegram.add_private_chat(stranger)
    house.say("/mute")
    await house.hears("is muted for 1 h, until")

    house.say("/start", user=stranger, chat=chat)
    answer = await house.hears("This bot is private", chat=chat)

    assert "I have told them" not in answer.text
    assert not told(house, "asks to use me")
    house.say("/chats")
    await house.hears("asks to come in")


async def test_what_can_not_be_muted_is_explained(house: House) -> None:
    await house.watches()
    house.say(f"/watch token {USDC_POLYGON} as Dollars")
    await house.hears("token 0x3c49…3359 in")
    for typed, words in (
        ("/mute Dollars 2h", "is a token"),
        ("/mute Tresury 2h", "Did you mean Treasury?"),
        ("/mute 30", "For how long?"),
        ("/mute 99d", "A mute lasts from 1m to 30d."),
        ("/unmute Treasury", "Treasury is not muted here"),
        ("/unmute Vault", "Vault is not muted here"),
        ("/unmute", "Nothing is muted here"),
    ):
        house.say(typed)
        await house.hears(words)
    assert not told(house, "🔕")


async def test_a_corrected_name_is_muted_for_as_long_as_was_typed(house: House) -> None:
    await house.watches()
    house.say("/mute Tresury, for 1 day")
    offer = await house.hears("Did you mean Treasury?")

    await house.presses(offer, "Mute Treasury")

    await house.hears("is muted here for 1 day, until")


async def test_a_length_that_is_not_understood_is_not_taken_for_a_name(house: House) -> None:
    await house.watches()
    lengths = ("1h30m", "-5m", "\u22125m", "10000m", "1w", "1.5h", "1h 30m", "2 weeks")
    for typed in (*lengths, *(f"Treasury {length}" for length in ("1w", "1h 30m", "-5m"))):
        house.say(f"/mute {typed}")
        answer = await house.hears(lambda _: True)
        assert answer.text.startswith(
            "For how long? 30m, 2h and 1d are understood, and a mute lasts from 1m to 30d."
        ), typed
    assert not told(house, "🔕")


async def test_a_label_like_a_length_is_a_name_all_the_same(house: House) -> None:
    house.say(f"/watch {CHECKSUMMED} as 1w")
    await house.hears("Watching 1w")

    house.say("/mute 1w 2h")

    await house.hears("🔕 1w · 0x8e3E…d8B9 is muted here for 2 h")


async def test_where_everything_is_muted_no_account_is_said_not_to_be(house: House) -> None:
    await house.watches()
    house.say("/mute 1h")
    await house.hears("is muted for 1 h")

    for typed in ("/unmute Treasury", "/unmute Tresury"):
        house.say(typed)
        answer = (await house.hears("All of this chat is muted until")).text
        assert answer.endswith("UTC; /unmute ends it.")
    house.say("/unmute")
    await house.hears("no longer muted")


async def test_the_link_of_an_explorer_names_an_account(house: House) -> None:
    await house.watches()
    link = f"https://polygonscan.com/address/{CHECKSUMMED}"
    for typed, words in (
        (f"/mute {link} 2h", "🔕 Treasury · 0x8e3E…d8B9 is muted here for 2 h"),
        (f"/unmute {link}", "is no longer muted"),
        (f"/unwatch {link}", "Stopped"),
    ):
        house.say(typed)
        await house.hears(words)
