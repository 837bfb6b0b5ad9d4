"""Ignoring tokens, end to end: what makes only noise is silent here, and comes back when it is wanted."""

from bot.chat import toasts
from tests.house import ACCOUNT, CHECKSUMMED, POLYGON, USDC_POLYGON, House, buttons_of, until


def move(house: House, units: int) -> None:
    """Let USDC move, and the coin with it."""
    house.world.move(POLYGON, USDC_POLYGON, ACCOUNT, units * 1_000_000)
    house.world.move(POLYGON, None, ACCOUNT, units * 10**18)


def told(house: House, words: str) -> bool:
    return any(words in text for text in house.said())


async def test_an_ignored_token_is_not_told_and_not_shown_and_the_others_are(house: House) -> None:
    await house.watches()

    house.say(f"/ignore {USDC_POLYGON}")
    answer = await house.hears("Ignoring USDC")
    assert buttons_of(answer) == ["Undo"]

    move(house, 1)
    await house.hears("+1 POL")
    await house.asked(2)
    assert not told(house, "+1 USDC")
    house.say("/balance treasury")
    assert "1 ignored token, not shown" in (await house.hears("13.5 POL")).text


async def test_what_is_ignored_is_not_shown_of_an_address_that_nobody_watches_either(house: House) -> None:
    house.say(f"/ignore {USDC_POLYGON}")
    await house.hears("Ignoring")

    house.say(f"/balance {CHECKSUMMED}")

    shown = (await house.hears("asked just now")).text
    assert "1 ignored token, not shown" in shown
    assert "50 USDC" not in shown


async def test_taking_it_back_tells_what_changes_from_then_on(house: House) -> None:
    await house.watches()
    house.say(f"/ignore {USDC_POLYGON} on polygon")
    answer = await house.hears("Ignoring USDC")
    move(house, 1)
    await house.hears("+1 POL")

    assert await house.presses(answer, "Undo") == toasts.UNDONE
    await house.shows(answer, "is told again")

    move(house, 2)
    await house.hears("+2 POL")
    await until(lambda: told(house, "+2 USDC"))
    assert not told(house, "+1 USDC")


async def test_what_is_watched_by_name_is_told_though_it_is_ignored_until_that_is_stopped(
    house: House,
) -> None:
    await house.watches()
    house.say(f"/watch token {USDC_POLYGON}")
    await house.hears("Watching token")
    await house.hears("1 balance on")

    house.say(f"/ignore {USDC_POLYGON}")
    answer = await house.hears("except for #2, which watches it by name")
    assert buttons_of(answer) == ["Undo", "Stop #2"]
    move(house, 1)
    await until(lambda: told(house, "+1 USDC") and told(house, "+1 POL"))

    await house.presses(answer, "Stop #2")
    await house.hears("Stopped watching token")
    move(house, 2)
    await house.hears("+2 POL")
    await house.asked(2)
    assert not told(house, "+2 USDC")


async def test_a_button_that_stops_a_number_stops_no_other_that_has_it_later(house: House) -> None:
    house.say(f"/watch token {USDC_POLYGON}")
    await house.hears("Watching token")
    house.say(f"/ignore {USDC_POLYGON}")
    answer = await house.hears("except for #1")
    house.say("/unwatch #1")
    await house.hears("Stopped watching token")
    await house.watches()

    assert await house.presses(answer, "Stop #1") == toasts.NOT_HERE

    house.say("/list")
    await house.hears("#1 Treasury")


async def test_the_list_takes_back_one_by_one(house: House) -> None:
    await house.watches()
    house.say(f"/ignore {USDC_POLYGON} {CHECKSUMMED}")
    await house.hears("As an account it is watched on")
    house.say("/ignore")
    listed = await house.hears("Ignored here: 2")
    first, second = buttons_of(listed)
    assert first == "1. Hear USDC"

    assert await house.presses(listed, second) == toasts.UNDONE
    shown = await house.shows(listed, "Ignored here: 1")
    assert buttons_of(shown) == ["1. Hear USDC"]
    assert await house.presses(shown, "1. Hear USDC") == toasts.UNDONE
    await house.shows(listed, "Nothing is ignored here")


async def test_a_member_of_a_group_may_look_at_what_is_ignored_and_change_nothing(house: House) -> None:
    member = house.telegram.add_user("Bob")
    group = house.telegram.add_group("Ops", {house.olga: "creator", member: "member"})
    house.say("/allow", chat=group)
    house.say(f"/ignore {USDC_POLYGON}", chat=group)
    answer = await house.hears("Ignoring", chat=group)

    house.say("/ignore", chat=group, user=member)
    listed = await house.hears("Ignored here: 1", chat=group)
    house.say(f"/unignore {USDC_POLYGON}", chat=group, user=member)
    await house.hears("its administrators", chat=group)
    assert await house.presses(answer, "Undo", user=member) == toasts.ADMINISTRATORS_ONLY
    assert await house.presses(listed, buttons_of(listed)[0], user=member) == toasts.ADMINISTRATORS_ONLY

    house.say(f"/unignore {USDC_POLYGON}", chat=group)
    await house.hears("is told again", chat=group)
    house.say(f"/unignore {USDC_POLYGON}", chat=group)
    await house.hears("is not ignored here", chat=group)
