"""Charts end to end: a picture with what happened under it, asked for where it may be."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.chart.picture import HEIGHT, WIDTH
from bot.chat.buttons.data import Screen
from bot.chat.commands.history import chart
from bot.chat.commands.history.subject import Subject, read_subject
from bot.sandbox.telegram.world.world import Message
from bot.store.rows import to_milliseconds
from bot.wiring import clock
from tests.stack import ACCOUNT, CHECKSUMMED, POLYGON, USDC_POLYGON, Stack, buttons_of, open_stack

MOVED = "Treasury · 0x8e3E…d8B9 · USDC on Polygon · 30 days: 50 → 49 (−1)"


async def spend(stack: Stack) -> None:
    """Let a USDC leave the account that is watched, and wait for the alert."""
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    await stack.hears("−1 USDC")


async def asked(stack: Stack, text: str) -> Message:
    stack.say(text)
    return await stack.hears(lambda _: True)


def is_picture(message: Message) -> bool:
    return message.document is not None and message.document.pixels == (WIDTH, HEIGHT)


async def test_a_chart_is_a_picture_with_what_happened_under_it(stack: Stack) -> None:
    await stack.watches()
    await spend(stack)

    chart = await asked(stack, "/chart Treasury USDC on polygon")

    assert is_picture(chart)
    assert chart.text.split("\n")[0] == MOVED
    assert buttons_of(chart) == ["7 days", "1 year", "CSV"]


async def test_a_button_asks_for_another_period_and_says_so(stack: Stack) -> None:
    await stack.watches()
    await spend(stack)
    chart = await asked(stack, "/chart Treasury USDC on polygon")

    await stack.presses(chart, "7 days")

    week = await stack.hears("· 7 days: 50 → 49")
    assert is_picture(week)
    assert buttons_of(week) == ["30 days", "1 year", "CSV"]
    await stack.presses(week, "CSV")
    assert (await stack.hears("1 change of Treasury")).document is not None


async def test_a_reply_to_an_alert_is_about_its_account_and_asks_for_the_token(stack: Stack) -> None:
    await stack.watches(f"/watch {CHECKSUMMED} on polygon as Treasury")
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    alert = await stack.hears("−1 USDC")

    stack.say("/chart 24h", reply_to=alert)
    which = await stack.hears("Which balance?")
    assert "All of it in dollars" in buttons_of(which)
    await stack.presses(which, "USDC Polygon")

    assert is_picture(await stack.hears("· 1 day: 50 → 49"))


async def test_a_day_is_called_a_day_however_long_it_takes_to_find_what_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = timedelta()

    async def read_slowly(*args: Any) -> Subject | Screen:  # noqa: ANN401 - as it takes them
        nonlocal ahead
        subject = await read_subject(*args)
        ahead += timedelta(seconds=2)
        return subject

    monkeypatch.setattr(chart, "read_subject", read_slowly)
    async with open_stack(tmp_path) as stack:
        stack.start(now=lambda: clock() + ahead)
        await stack.watches()
        await spend(stack)

        one = await asked(stack, "/chart Treasury USDC on polygon 24h")

    assert "· 1 day: 50 → 49" in one.text


async def test_a_token_on_several_chains_is_asked_about_and_never_added_up(stack: Stack) -> None:
    await stack.watches()
    await spend(stack)

    which = await asked(stack, "/chart Treasury USDC")

    assert which.text == "On which chain?"
    assert {"USDC Ethereum", "USDC Polygon"} <= set(buttons_of(which))


async def test_what_never_moved_is_a_sentence(stack: Stack) -> None:
    await stack.watches()

    answer = await asked(stack, "/chart Treasury USDC on polygon")

    assert answer.document is None
    assert answer.text.startswith("Treasury · 0x8e3E…d8B9 · USDC on Polygon: 50, no change since ")


@pytest.mark.parametrize(
    ("label", "shown"),
    [("財庫", "財庫"), ("🚀", "🚀"), ("\u202eyrusaerT", "yrusaerT"), ("W" * 60, "W" * 31 + "…")],
)
async def test_a_name_without_letters_to_draw_stands_under_the_picture(
    stack: Stack, label: str, shown: str
) -> None:
    await stack.watches(f"/watch {CHECKSUMMED} as {label}")
    await spend(stack)

    chart = await asked(stack, "/chart #1 USDC on polygon")

    assert is_picture(chart)
    assert chart.text.startswith(f"{shown} · 0x8e3E…d8B9 · USDC on Polygon · 30 days: 50 → 49")


async def test_another_chat_learns_nothing(stack: Stack) -> None:
    await stack.watches()
    await spend(stack)
    group = stack.telegram.add_supergroup("Others", {stack.olga: "creator"})
    stack.say("/allow", chat=group)
    await stack.hears("This chat is open now", chat=group)
    stack.say("/watch 0x4444444444444444444444444444444444444444 as Vault", chat=group)
    await stack.hears("Watching Vault", chat=group)

    for text in (f"/chart {CHECKSUMMED} USDC", "/chart Treasury USDC"):
        stack.say(text, chat=group)
        assert (await stack.hears("Nothing here is called", chat=group)).document is None


async def test_an_account_is_drawn_in_dollars_once_there_are_two_days(tmp_path: Path) -> None:
    async with open_stack(tmp_path) as stack:
        stack.start()
        await stack.watches(f"/watch {CHECKSUMMED} on polygon as Treasury")
        first = await asked(stack, "/chart Treasury usd")
        await stack.stop()
        keep_worth(stack, "40.5", "60")
        stack.start()
        await stack.asked(2)
        chart = await asked(stack, "/chart Treasury usd")

    assert first.text == (
        "Treasury · 0x8e3E…d8B9 · worth: $52.75. It is noted once a day, so a chart needs two days."
    )
    assert is_picture(chart)
    assert chart.text.startswith(
        "Treasury · 0x8e3E…d8B9 · worth · 30 days: $40.50 → $52.75 (+$12.25)\nHighest $60.00, "
    )
    assert chart.text.endswith("\nNot counted: 1 balance without a price.")


async def test_what_is_no_longer_watched_is_drawn_as_far_as_it_was(tmp_path: Path) -> None:
    async with open_stack(tmp_path) as stack:
        stack.start()
        await stack.watches(f"/watch {CHECKSUMMED} on polygon as Treasury")
        await spend(stack)
        await spend(stack)
        stack.say("/unwatch Treasury")
        await stack.hears("Stopped watching")
        await stack.stop()
        keep_worth(stack, "40.5", "60")
        stack.start()
        dollars = await asked(stack, f"/chart {CHECKSUMMED} usd")
        chart = await asked(stack, f"/chart {CHECKSUMMED} USDC")

    assert dollars.text.startswith("0x8e3E…d8B9 · worth · 30 days: $40.50 → $60.00 (+$19.50)\n")
    assert chart.text.startswith("0x8e3E…d8B9 · USDC on Polygon · 30 days: 50 → 48 (−2)\n")


def keep_worth(stack: Stack, *dollars: str) -> None:
    """Let the account have been worth so much at these hours of the last days, the earliest first."""
    stack.rows("DELETE FROM worth")
    for ago, usd in enumerate(dollars):
        stack.rows(
            "INSERT INTO worth (destination_id, account_id, day, at, usd, priced, unpriced, ignored,"
            " unknown, last_known) VALUES (1, 1, ?, ?, ?, 2, 1, 0, '', '')",
            ago,
            to_milliseconds(clock() - timedelta(days=len(dollars) - ago)),
            usd,
        )
