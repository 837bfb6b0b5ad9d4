"""The buttons under an alert, end to end: checked like commands, done once, and never in the alert's way."""

import pytest

from bot.chat.buttons import toasts
from bot.chat.commands import mute
from bot.chat.commands.balance import words as balance_words
from bot.chat.commands.ignore import IGNORED
from bot.sandbox.telegram.api.faults import Error, before
from bot.sandbox.telegram.world.world import Chat, Message, User
from tests.stack import ACCOUNT, CHECKSUMMED, POLYGON, USDC_POLYGON, Stack, buttons_of
from tests.waits import until

OTHER = "0x" + "0d" * 20


def move(stack: Stack, units: int, account: str = ACCOUNT) -> None:
    stack.world.move(POLYGON, USDC_POLYGON, account, units * 1_000_000)


async def kept(stack: Stack, changes: int) -> None:
    """Wait until so many changes are kept for the end of a mute."""
    words = f"Kept meanwhile: {changes} change"
    while True:
        stack.say("/status")
        if words in (await stack.hears("Last sweep")).text:
            return
        await stack.asked()


@pytest.fixture
async def alert(stack: Stack) -> Message:
    """Let Olga have an alert of one token."""
    await stack.watches()
    move(stack, 1)
    return await stack.hears("+1 USDC")


@pytest.fixture
def bob(stack: Stack) -> User:
    return stack.telegram.add_user("Bob")


@pytest.fixture
async def group(stack: Stack, bob: User) -> Chat:
    """Let a group have an alert of one token, which is its newest message."""
    chat = stack.telegram.add_group("Ops", {stack.olga: "creator", bob: "member"})
    stack.say("/allow", chat=chat)
    stack.say(f"/watch {CHECKSUMMED} as Till", chat=chat)
    await stack.hears("balances", chat=chat)
    move(stack, 1)
    await stack.hears("+1 USDC", chat=chat)
    return chat


KEPT = ["Balances", "Transfers", "Mute 1 h", "Only above $100"]


async def test_an_alert_of_one_token_has_a_button_for_each_next_step(alert: Message) -> None:
    assert buttons_of(alert) == [*KEPT, "Ignore USDC"]


async def test_balances_are_one_message_of_what_is_held_now(stack: Stack, alert: Message) -> None:
    assert await stack.presses(alert, "Balances") == ""

    shown = await stack.hears("51 USDC")
    assert shown.text.startswith("Treasury")
    assert buttons_of(shown) == ["Refresh"]


async def test_balances_of_several_accounts_are_one_message_too(stack: Stack) -> None:
    stack.say(f"/watch {CHECKSUMMED} as Treasury\n{OTHER} as Payroll")
    await stack.hears("Watching 2 accounts")
    await stack.hears("9 balances")
    stack.say("/mute")
    await stack.hears("This chat is muted")
    move(stack, 1)
    move(stack, 7, OTHER)
    await kept(stack, 2)
    stack.say("/unmute")
    alert = await stack.hears("Muted for")

    await stack.presses(alert, "Balances")

    shown = await stack.hears("As of")
    first, other = ("Payroll", "Treasury") if shown.text.startswith("Payroll") else ("Treasury", "Payroll")
    assert buttons_of(shown) == ["Refresh", other]
    assert await stack.presses(shown, other) == balance_words.REFRESHED
    assert not (await stack.shows(shown, f"{other} · ")).text.startswith(first)


async def test_balances_of_what_is_watched_no_more_are_not_shown(stack: Stack, alert: Message) -> None:
    stack.say("/unwatch Treasury")
    await stack.hears("Stopped watching")

    assert await stack.presses(alert, "Balances") == balance_words.NO_LONGER_WATCHED


async def test_a_mute_by_button_lasts_an_hour_and_a_second_press_says_until_when(
    stack: Stack, alert: Message
) -> None:
    assert await stack.presses(alert, "Mute 1 h") == mute.MUTED
    answer = await stack.hears("This chat is muted for 1 h")
    assert buttons_of(answer) == ["Unmute"]

    assert (await stack.presses(alert, "Mute 1 h")).startswith("Muted already, until")
    assert sum("This chat is muted" in text for text in stack.said()) == 1


async def test_a_token_ignored_by_button_is_ignored_where_it_was_told_and_the_button_goes(
    stack: Stack, alert: Message
) -> None:
    (ignore,) = (button for row in alert.buttons for button in row if button.text == "Ignore USDC")

    assert await stack.presses(alert, "Ignore USDC") == IGNORED
    answer = await stack.hears("Ignoring USDC · 0x3c49…3359 on Polygon: ")
    assert buttons_of(answer) == ["Undo"]
    await until(lambda: buttons_of(stack.chat.messages[alert.message_id]) == KEPT)
    assert await stack.forges(alert, ignore.callback_data) == toasts.ALREADY

    move(stack, 2)
    await stack.asked(2)
    assert await stack.presses(answer, "Undo") == toasts.UNDONE
    move(stack, 3)
    await stack.hears("+3 USDC")
    assert not any("+2 USDC" in text for text in stack.said())


async def test_a_member_of_a_group_may_look_and_change_nothing(stack: Stack, bob: User, group: Chat) -> None:
    alert = stack.telegram.messages(group)[-1]

    for button in ("Mute 1 h", "Ignore USDC"):
        assert await stack.presses(alert, button, user=bob) == toasts.ADMINISTRATORS_ONLY
    await stack.presses(alert, "Balances", user=bob)
    await stack.hears("51 USDC", chat=group)

    move(stack, 2)
    await stack.hears("+2 USDC", chat=group)


async def test_a_button_of_another_chat_does_nothing(stack: Stack, group: Chat) -> None:
    alert = stack.telegram.messages(group)[-1]
    stack.say("/list")
    mine = await stack.hears("Nothing is watched")

    for row in alert.buttons:
        for button in row:
            assert await stack.forges(mine, button.callback_data) == toasts.NOT_HERE


async def test_an_alert_whose_buttons_are_refused_comes_without_them(stack: Stack) -> None:
    await stack.watches()
    stack.telegram.fault(before(Error(400, "Bad Request: BUTTON_DATA_INVALID")), times=1)

    move(stack, 1)

    message = await stack.hears("+1 USDC")
    assert message.buttons == ()
    assert sum("+1 USDC" in text for text in stack.said()) == 1
