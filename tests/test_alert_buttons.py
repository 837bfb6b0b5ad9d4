"""The buttons under an alert, end to end: checked like commands, done once, and never in the alert's way."""

import pytest

from bot.chat import toasts
from bot.sandbox.telegram import Error, before
from bot.sandbox.telegram_world import Chat, Message, User
from tests.house import ACCOUNT, CHECKSUMMED, POLYGON, USDC_POLYGON, House, buttons_of, until

OTHER = "0x" + "0d" * 20


def move(house: House, units: int, account: str = ACCOUNT) -> None:
    house.world.move(POLYGON, USDC_POLYGON, account, units * 1_000_000)


async def kept(house: House, changes: int) -> None:
    """Wait until so many changes are kept for the end of a mute."""
    words = f"Kept meanwhile: {changes} change"
    while True:
        house.say("/status")
        if words in (await house.hears("Last sweep")).text:
            return
        await house.asked()


@pytest.fixture
async def alert(house: House) -> Message:
    """Let Olga have an alert of one token."""
    await house.watches()
    move(house, 1)
    return await house.hears("+1 USDC")


@pytest.fixture
def bob(house: House) -> User:
    return house.telegram.add_user("Bob")


@pytest.fixture
async def group(house: House, bob: User) -> Chat:
    """Let a group have an alert of one token, which is its newest message."""
    chat = house.telegram.add_group("Ops", {house.olga: "creator", bob: "member"})
    house.say("/allow", chat=chat)
    house.say(f"/watch {CHECKSUMMED} as Till", chat=chat)
    await house.hears("balances", chat=chat)
    move(house, 1)
    await house.hears("+1 USDC", chat=chat)
    return chat


async def test_an_alert_of_one_token_has_three_buttons_and_a_first_reading_none(
    house: House, alert: Message
) -> None:
    assert buttons_of(alert) == ["Balances", "Mute 1 h", "Ignore USDC"]
    assert not any(message.buttons for message in house.telegram.messages(house.chat) if message != alert)


async def test_balances_are_one_message_of_what_is_held_now(house: House, alert: Message) -> None:
    assert await house.presses(alert, "Balances") == ""

    shown = await house.hears("51 USDC")
    assert shown.text.startswith("Treasury")
    assert buttons_of(shown) == ["Refresh"]


async def test_balances_of_several_accounts_are_one_message_too(house: House) -> None:
    house.say(f"/watch {CHECKSUMMED} as Treasury\n{OTHER} as Payroll")
    await house.hears("Watching 2 accounts")
    await house.hears("9 balances")
    house.say("/mute")
    await house.hears("This chat is muted")
    move(house, 1)
    move(house, 7, OTHER)
    await kept(house, 2)
    house.say("/unmute")
    alert = await house.hears("Muted for")

    await house.presses(alert, "Balances")

    shown = await house.hears("as of")
    first, other = ("Payroll", "Treasury") if shown.text.startswith("Payroll") else ("Treasury", "Payroll")
    assert buttons_of(shown) == ["Refresh", other]
    assert await house.presses(shown, other) == toasts.REFRESHED
    assert not (await house.shows(shown, f"{other} · ")).text.startswith(first)


async def test_balances_of_what_is_watched_no_more_are_not_shown(house: House, alert: Message) -> None:
    house.say("/unwatch Treasury")
    await house.hears("Stopped watching")

    assert await house.presses(alert, "Balances") == toasts.NO_LONGER_WATCHED


async def test_a_mute_by_button_lasts_an_hour_and_a_second_press_says_until_when(
    house: House, alert: Message
) -> None:
    assert await house.presses(alert, "Mute 1 h") == toasts.MUTED
    answer = await house.hears("This chat is muted for 1 h")
    assert buttons_of(answer) == ["Unmute"]

    assert (await house.presses(alert, "Mute 1 h")).startswith("Muted already, until")
    assert sum("This chat is muted" in text for text in house.said()) == 1


async def test_a_token_ignored_by_button_is_ignored_where_it_was_told_and_the_button_goes(
    house: House, alert: Message
) -> None:
    (ignore,) = (button for row in alert.buttons for button in row if button.text == "Ignore USDC")

    assert await house.presses(alert, "Ignore USDC") == toasts.LEFT_OUT
    answer = await house.hears("Ignoring USDC · 0x3c49…3359 on Polygon: ")
    assert buttons_of(answer) == ["Undo"]
    await until(lambda: buttons_of(house.chat.messages[alert.message_id]) == ["Balances", "Mute 1 h"])
    assert await house.forges(alert, ignore.callback_data) == toasts.ALREADY

    move(house, 2)
    await house.asked(2)
    assert await house.presses(answer, "Undo") == toasts.UNDONE
    move(house, 3)
    await house.hears("+3 USDC")
    assert not any("+2 USDC" in text for text in house.said())


async def test_a_member_of_a_group_may_look_and_change_nothing(house: House, bob: User, group: Chat) -> None:
    alert = house.telegram.messages(group)[-1]

    for button in ("Mute 1 h", "Ignore USDC"):
        assert await house.presses(alert, button, user=bob) == toasts.ADMINISTRATORS_ONLY
    await house.presses(alert, "Balances", user=bob)
    await house.hears("51 USDC", chat=group)

    move(house, 2)
    await house.hears("+2 USDC", chat=group)


async def test_a_button_of_another_chat_does_nothing(house: House, group: Chat) -> None:
    alert = house.telegram.messages(group)[-1]
    house.say("/list")
    mine = await house.hears("Nothing is watched")

    for row in alert.buttons:
        for button in row:
            assert await house.forges(mine, button.callback_data) == toasts.NOT_HERE


async def test_an_alert_whose_buttons_are_refused_comes_without_them(house: House) -> None:
    await house.watches()
    house.telegram.fault(before(Error(400, "Bad Request: BUTTON_DATA_INVALID")), times=1)

    move(house, 1)

    message = await house.hears("+1 USDC")
    assert message.buttons == ()
    assert sum("+1 USDC" in text for text in house.said()) == 1
