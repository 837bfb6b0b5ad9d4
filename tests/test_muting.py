"""Muting, end to end: silence while it lasts, everything at its end, and nothing lost in between."""

from pathlib import Path

from bot.chat.buttons import toasts
from bot.chat.commands import mute
from tests.stack import ACCOUNT, CHECKSUMMED, POLYGON, USDC_POLYGON, Stack, buttons_of, open_stack

OTHER = "0x" + "0d" * 20


def move(stack: Stack, units: int, account: str = ACCOUNT) -> None:
    stack.world.move(POLYGON, USDC_POLYGON, account, units * 1_000_000)


def told(stack: Stack, words: str) -> bool:
    return any(words in text for text in stack.said())


async def held(stack: Stack, changes: int) -> None:
    """Wait until so many changes are kept, as /status counts them."""
    words = f"Kept meanwhile: {changes} change"
    while True:
        stack.say("/status")
        if words in (await stack.hears("Last sweep")).text:
            return
        await stack.asked()


async def test_what_happens_while_muted_is_told_in_one_go_when_that_is_ended(stack: Stack) -> None:
    await stack.watches()
    stack.say("/mute 2h")
    answer = await stack.hears("This chat is muted for 2 h, until")
    assert buttons_of(answer) == ["Unmute"]

    move(stack, 1)
    await held(stack, 1)
    move(stack, 2)
    await held(stack, 2)
    assert not told(stack, "+1 USDC")

    assert await stack.presses(answer, "Unmute") == mute.UNMUTED
    await stack.shows(answer, "2 changes from meanwhile follow.")
    message = await stack.hears("🔔 Muted for")
    assert ": 2 changes meanwhile.\n\n🟢 Treasury +3 USDC" in message.text
    assert "50 → 53 in 2 steps" in message.text
    move(stack, 3)
    await stack.hears("+3 USDC")


async def test_the_end_of_a_mute_is_kept_by_the_database_and_not_by_the_program(tmp_path: Path) -> None:
    async with open_stack(tmp_path) as stack:
        stack.start()
        await stack.watches()
        stack.say("/mute 2h")
        await stack.hears("This chat is muted")
        move(stack, 1)
        await held(stack, 1)
        await stack.stop()
        stack.rows("UPDATE mute SET since = since - 7200000, until = until - 7200000")

        stack.start()

        message = await stack.hears("🔔 Muted for 2 h: 1 change meanwhile.")
        assert "+1 USDC" in message.text


async def test_one_account_is_muted_and_another_is_not(stack: Stack) -> None:
    stack.say(f"/watch {CHECKSUMMED} as Treasury\n{OTHER} as Payroll")
    await stack.hears("Watching 2 accounts")
    await stack.hears("9 balances")
    stack.say("/mute Treasury 1d")
    await stack.hears("🔕 Treasury · 0x8e3E…d8B9 is muted here for 1 day, until")
    stack.say("/list")
    assert "🔕 Treasury" in (await stack.hears("Watched here: 2")).text

    move(stack, 1)
    move(stack, 5, OTHER)

    await stack.hears("+5 USDC")
    await held(stack, 1)
    assert not told(stack, "+1 USDC")
    stack.say("/unmute treasury")
    await stack.hears("1 change from meanwhile follows.")
    assert "+1 USDC" in (await stack.hears("was muted for")).text


async def test_unwatching_while_muted_loses_nothing_of_what_was_seen(stack: Stack) -> None:
    await stack.watches()
    stack.say("/mute")
    await stack.hears("is muted for 1 h, until")
    move(stack, 1)
    await held(stack, 1)

    stack.say("/unwatch Treasury")
    await stack.hears("1 alert from before will still come.")
    stack.say("/unmute")

    assert "+1 USDC" in (await stack.hears("Muted for")).text


async def test_what_is_watched_in_a_muted_chat_is_promised_for_the_end_of_the_mute(stack: Stack) -> None:
    stack.say("/mute 2h")
    await stack.hears("This chat is muted")

    stack.say(f"/watch {CHECKSUMMED} as Treasury")

    answer = await stack.hears("👁 Watching Treasury · 0x8e3E…d8B9.\n🔕 This chat is muted until ")
    assert answer.text.endswith(" UTC, 2 h more\nAlerts are kept, and come then.")
    assert buttons_of(answer) == ["Unmute"]
    assert await stack.presses(answer, "Unmute") == mute.UNMUTED
    await stack.hears("balances on")


async def test_accounts_that_are_muted_themselves_are_named_in_the_answer_to_a_list(stack: Stack) -> None:
    await stack.watches()
    stack.say("/mute Treasury 8h")
    await stack.hears("Treasury · 0x8e3E…d8B9 is muted here")
    stack.say("/unwatch Treasury")
    await stack.hears("Stopped watching")

    stack.say(f"/watch {CHECKSUMMED} as Treasury\n{OTHER} as Payroll")

    answer = await stack.hears("Watching 2 accounts")
    assert "🔕 Treasury · 0x8e3E…d8B9 is muted until" in answer.text
    assert answer.text.endswith("I'll post what they hold in a moment, then every change.")
    assert buttons_of(answer) == ["Unmute"]


async def test_a_mute_of_another_account_or_of_some_chains_keeps_no_first_reading_back(stack: Stack) -> None:
    stack.say(f"/watch {OTHER} as Payroll\n{CHECKSUMMED} on base as Base")
    await stack.hears("Watching 2 accounts")
    for muted in ("Payroll", "Base"):
        stack.say(f"/mute {muted}")
        await stack.hears("muted here for 1 h")

    stack.say(f"/watch {CHECKSUMMED} as Treasury")

    answer = await stack.hears("👁 Watching Treasury")
    assert "🔕" not in answer.text
    assert "every change" in answer.text
    assert "Unmute" not in buttons_of(answer)


async def test_a_member_of_a_group_may_neither_mute_nor_unmute(stack: Stack) -> None:
    member = stack.telegram.add_user("Bob")
    group = stack.telegram.add_group("Ops", {stack.olga: "creator", member: "member"})
    stack.say("/allow", chat=group)
    await stack.hears("open now", chat=group)
    stack.say("/mute", chat=group, user=member)
    await stack.hears("its administrators", chat=group)
    stack.say("/mute", chat=group)
    answer = await stack.hears("This chat is muted", chat=group)
    (button,) = answer.buttons[0]

    assert await stack.presses(answer, "Unmute", user=member) == toasts.ADMINISTRATORS_ONLY

    assert await stack.presses(answer, "Unmute") == mute.UNMUTED
    assert await stack.forges(answer, button.callback_data) == toasts.NOT_HERE


async def test_an_owner_whose_chat_is_muted_hears_no_knock_and_finds_it_listed(stack: Stack) -> None:
    stranger = stack.telegram.add_user("Mallory")
    chat = stack.telegram.add_private_chat(stranger)
    stack.say("/mute")
    await stack.hears("is muted for 1 h, until")

    stack.say("/start", user=stranger, chat=chat)
    answer = await stack.hears("This bot is private", chat=chat)

    assert "I've let them know" not in answer.text
    assert not told(stack, "would like to use this bot")
    stack.say("/chats")
    await stack.hears("asked for access")


async def test_what_can_not_be_muted_is_explained(stack: Stack) -> None:
    await stack.watches()
    stack.say(f"/watch token {USDC_POLYGON} as Dollars")
    await stack.hears("token 0x3c49…3359 in")
    for typed, words in (
        ("/mute Dollars 2h", "is a token"),
        ("/mute Tresury 2h", "Did you mean Treasury?"),
        ("/mute 30", "I don't know the time “30”."),
        ("/mute Tresury 2", "Did you mean Treasury?"),
        ("/mute 99d", "A mute lasts from 1m to 30d."),
        ("/unmute Treasury", "Treasury is not muted here"),
        ("/unmute Vault", "Vault is not muted here"),
        ("/unmute", "Nothing is muted here"),
    ):
        stack.say(typed)
        await stack.hears(words)
    assert not told(stack, "🔕")


async def test_a_corrected_name_is_muted_for_as_long_as_was_typed(stack: Stack) -> None:
    await stack.watches()
    stack.say("/mute Tresury, for 1 day")
    offer = await stack.hears("Did you mean Treasury?")

    await stack.presses(offer, "Mute Treasury")

    await stack.hears("is muted here for 1 day, until")


async def test_a_length_that_is_not_understood_is_not_taken_for_a_name(stack: Stack) -> None:
    await stack.watches()
    lengths = ("1h30m", "-5m", "\u22125m", "10000m", "2 months", "1.5h", "1h 30m", "until Friday 9:00")
    days = ("monday", "today", "tomorrow morning", "25:00", "until 2026-02-30")
    behind = ("1y", "1h 30m", "-5m", "until 25:00", "Friday 9:00", "monday")
    for who, typed in [*(("", one) for one in (*lengths, *days)), *(("Treasury ", one) for one in behind)]:
        stack.say(f"/mute {who}{typed}")
        answer = await stack.hears(lambda _: True)
        assert answer.text.startswith(
            f"I don't know the time “{typed}”. Send it as 9:00, tomorrow 9:00 or 8h; it is "
        ), typed
    assert not told(stack, "🔕")


async def test_a_length_may_stand_before_the_name_and_a_moment_behind_it(stack: Stack) -> None:
    await stack.watches()
    for typed, words in (
        ("/mute 8h Treasury", "Treasury · 0x8e3E…d8B9 is muted here for 8 h, until"),
        ("/mute Treasury 8 hrs", "Treasury · 0x8e3E…d8B9 is muted here for 8 h, until"),
        ("/mute 1w", "This chat is muted for 7 days, until"),
        ("/mute all 2h", "This chat is muted for 2 h, until"),
        ("/mute Treasury until tomorrow 9:00", "muted here until"),
        ("/mute 8h for Treasury", "Treasury · 0x8e3E…d8B9 is muted here for 8 h, until"),
        ("/mute tomorrow", "This chat is muted until"),
    ):
        stack.say(typed)
        answer = await stack.hears(words)
        assert answer.text.split("\n")[0].endswith(" UTC.")
    assert told(stack, " 09:00 UTC.")


async def test_all_that_is_muted_is_ended_by_a_word(stack: Stack) -> None:
    await stack.watches()
    for typed, words in (
        ("/unmute all", "Nothing is muted here."),
        ("/mute Treasury 8h", "is muted here for 8 h"),
        ("/mute 1h", "This chat is muted"),
        ("/unmute all", "🔔 This chat is no longer muted."),
        ("/unmute", "Nothing is muted here."),
    ):
        stack.say(typed)
        await stack.hears(words)


async def test_what_is_called_all_is_muted_alone(stack: Stack) -> None:
    await stack.watches(f"/watch {CHECKSUMMED} as All")
    stack.say("/mute all 2h")
    await stack.hears("🔕 All · 0x8e3E…d8B9 is muted here for 2 h")
    stack.say("/unmute all")
    await stack.hears("🔔 All · 0x8e3E…d8B9 is no longer muted.")


async def test_a_label_like_a_length_is_a_name_all_the_same(stack: Stack) -> None:
    stack.say(f"/watch {CHECKSUMMED} as 1w")
    await stack.hears("Watching 1w")

    stack.say("/mute 1w 2h")

    await stack.hears("🔕 1w · 0x8e3E…d8B9 is muted here for 2 h")


async def test_where_everything_is_muted_no_account_is_said_not_to_be(stack: Stack) -> None:
    await stack.watches()
    stack.say("/mute 1h")
    await stack.hears("is muted for 1 h")

    for typed in ("/unmute Treasury", "/unmute Tresury"):
        stack.say(typed)
        answer = (await stack.hears("All of this chat is muted until")).text
        assert answer.endswith("UTC; /unmute ends it.")
    stack.say("/unmute")
    await stack.hears("no longer muted")


async def test_the_link_of_an_explorer_names_an_account(stack: Stack) -> None:
    await stack.watches()
    link = f"https://polygonscan.com/address/{CHECKSUMMED}"
    for typed, words in (
        (f"/mute {link} 2h", "🔕 Treasury · 0x8e3E…d8B9 is muted here for 2 h"),
        (f"/unmute {link}", "is no longer muted"),
        (f"/unwatch {link}", "Stopped"),
    ):
        stack.say(typed)
        await stack.hears(words)


async def test_a_mute_says_that_it_keeps_alarms_and_offers_to_keep_them_on(stack: Stack) -> None:
    await stack.watches()
    stack.say("/alarm Treasury below 49.5 USDC")
    await stack.hears("A1")
    stack.say("/mute 2h")
    answer = await stack.hears("Alarms are kept too.")
    assert buttons_of(answer) == ["Unmute", "Keep alarms on"]

    assert await stack.presses(answer, "Keep alarms on") == mute.ALARMS_ON

    await stack.shows(answer, "alarms come all the same.")
    move(stack, -1)
    await stack.hears("⏰ Treasury")
    assert not told(stack, "−1 USDC")


async def test_where_there_is_no_alarm_a_mute_says_nothing_of_them(stack: Stack) -> None:
    await stack.watches()
    stack.say("/mute 2h")

    answer = await stack.hears("This chat is muted")
    assert "larm" not in answer.text
    assert buttons_of(answer) == ["Unmute"]
