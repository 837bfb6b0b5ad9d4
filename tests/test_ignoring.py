"""Ignoring tokens, end to end: what makes only noise is silent here, and comes back when it is wanted."""

from bot.chat.buttons import toasts
from tests.stack import ACCOUNT, CHECKSUMMED, POLYGON, USDC_POLYGON, Stack, buttons_of
from tests.waits import until


def move(stack: Stack, units: int) -> None:
    """Let USDC move, and the coin with it."""
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, units * 1_000_000)
    stack.world.move(POLYGON, None, ACCOUNT, units * 10**18)


def told(stack: Stack, words: str) -> bool:
    return any(words in text for text in stack.said())


async def test_an_ignored_token_is_not_told_and_not_shown_and_the_others_are(stack: Stack) -> None:
    await stack.watches()

    stack.say(f"/ignore {USDC_POLYGON}")
    answer = await stack.hears("Ignoring USDC")
    assert buttons_of(answer) == ["Undo"]

    move(stack, 1)
    await stack.hears("+1 POL")
    await stack.asked(2)
    assert not told(stack, "+1 USDC")
    stack.say("/balance treasury")
    assert "1 ignored token, not shown" in (await stack.hears("13.5 POL")).text


async def test_what_is_ignored_is_not_shown_of_an_address_that_nobody_watches_either(stack: Stack) -> None:
    stack.say(f"/ignore {USDC_POLYGON}")
    await stack.hears("Ignoring")

    stack.say(f"/balance {CHECKSUMMED}")

    shown = (await stack.hears("asked just now")).text
    assert "1 ignored token, not shown" in shown
    assert "50 USDC" not in shown


async def test_taking_it_back_tells_what_changes_from_then_on(stack: Stack) -> None:
    await stack.watches()
    stack.say(f"/ignore {USDC_POLYGON} on polygon")
    answer = await stack.hears("Ignoring USDC")
    move(stack, 1)
    await stack.hears("+1 POL")

    assert await stack.presses(answer, "Undo") == toasts.UNDONE
    await stack.shows(answer, "is reported again")

    move(stack, 2)
    await stack.hears("+2 POL")
    await until(lambda: told(stack, "+2 USDC"))
    assert not told(stack, "+1 USDC")


async def test_what_is_watched_by_name_is_told_though_it_is_ignored_until_that_is_stopped(
    stack: Stack,
) -> None:
    await stack.watches()
    stack.say(f"/watch token {USDC_POLYGON}")
    await stack.hears("Watching token")
    await stack.hears("1 balance on")

    stack.say(f"/ignore {USDC_POLYGON}")
    answer = await stack.hears("but #2 still reports it")
    assert buttons_of(answer) == ["Undo", "Stop #2"]
    move(stack, 1)
    await until(lambda: told(stack, "+1 USDC") and told(stack, "+1 POL"))

    await stack.presses(answer, "Stop #2")
    await stack.hears("Stopped watching token")
    move(stack, 2)
    await stack.hears("+2 POL")
    await stack.asked(2)
    assert not told(stack, "+2 USDC")


async def test_a_button_that_stops_a_number_stops_no_other_that_has_it_later(stack: Stack) -> None:
    stack.say(f"/watch token {USDC_POLYGON}")
    await stack.hears("Watching token")
    stack.say(f"/ignore {USDC_POLYGON}")
    answer = await stack.hears("but #1 still reports")
    stack.say("/unwatch #1")
    await stack.hears("Stopped watching token")
    await stack.watches()

    assert await stack.presses(answer, "Stop #1") == toasts.NOT_HERE

    stack.say("/list")
    await stack.hears("#1 Treasury")


async def test_the_list_takes_back_one_by_one(stack: Stack) -> None:
    await stack.watches()
    stack.say(f"/ignore {USDC_POLYGON} {CHECKSUMMED}")
    await stack.hears("It is still watched as an account")
    stack.say("/ignore")
    listed = await stack.hears("Ignored here: 2")
    first, second = buttons_of(listed)
    assert first == "1. Unignore USDC"

    assert await stack.presses(listed, second) == toasts.UNDONE
    shown = await stack.shows(listed, "Ignored here: 1")
    assert buttons_of(shown) == ["1. Unignore USDC"]
    assert await stack.presses(shown, "1. Unignore USDC") == toasts.UNDONE
    await stack.shows(listed, "Nothing is ignored here")


async def test_a_member_of_a_group_may_look_at_what_is_ignored_and_change_nothing(stack: Stack) -> None:
    member = stack.telegram.add_user("Bob")
    group = stack.telegram.add_group("Ops", {stack.olga: "creator", member: "member"})
    stack.say("/allow", chat=group)
    stack.say(f"/ignore {USDC_POLYGON}", chat=group)
    answer = await stack.hears("Ignoring", chat=group)

    stack.say("/ignore", chat=group, user=member)
    listed = await stack.hears("Ignored here: 1", chat=group)
    stack.say(f"/unignore {USDC_POLYGON}", chat=group, user=member)
    await stack.hears("its administrators", chat=group)
    assert await stack.presses(answer, "Undo", user=member) == toasts.ADMINISTRATORS_ONLY
    assert await stack.presses(listed, buttons_of(listed)[0], user=member) == toasts.ADMINISTRATORS_ONLY

    stack.say(f"/unignore {USDC_POLYGON}", chat=group)
    await stack.hears("is reported again", chat=group)
    stack.say(f"/unignore {USDC_POLYGON}", chat=group)
    await stack.hears("is not ignored here", chat=group)
