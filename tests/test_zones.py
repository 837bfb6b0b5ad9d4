"""The time zone of a chat, end to end: every moment that it reads is one on its own clock."""

from tests.stack import ACCOUNT, POLYGON, USDC_POLYGON, Stack, buttons_of

OTHERS = (
    "/list",
    "/status",
    "/balance",
    "/balance Treasury",
    "/mute 2h",
    "/mute 9",
    "/mute Nobody until 9:00",
)


async def test_all_that_a_chat_reads_is_in_its_zone(stack: Stack) -> None:
    stack.say("/zone Asia/Tokyo")
    assert buttons_of(await stack.hears("Times here are in Asia/Tokyo from now on: it is ")) == ["Undo"]
    await stack.watches()
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 1_000_000)
    await stack.hears("+1 USDC")
    for typed in (
        *OTHERS,
        "/test",
        "/unmute",
        "/quiet 22-7",
        "/quiet",
        "/budget 9",
        "/alarm",
        "/chats",
        "/audit",
        "/zone",
    ):
        stack.say(typed)
        await stack.hears(lambda _: True)

    assert any("JST · " in text for text in stack.said())
    assert [text for text in stack.said() if "UTC" in text] == []


async def test_without_a_zone_all_of_it_is_in_utc(stack: Stack) -> None:
    await stack.watches()
    stack.say("/zone Asia/Tokyo")
    await stack.hears("Times here are in Asia/Tokyo")
    stack.say("/zone off")
    await stack.hears("Times here are in UTC from now on")
    stack.say("/mute 2h")

    assert "UTC." in (await stack.hears("is muted for 2 h, until")).text


async def test_an_end_of_a_mute_is_read_on_the_clock_of_the_chat(stack: Stack) -> None:
    await stack.watches()
    stack.say("/zone Kathmandu")
    await stack.hears("Times here are in Asia/Kathmandu")
    stack.say("/mute until tomorrow 9:00")
    await stack.hears(" 09:00 +05:45.")
    stack.say("/mute until tomorrow 9:00 UTC")

    await stack.hears(" 14:45 +05:45.")
