"""Digests, end to end: on time, once, and with all that happened, whatever happens to the bot."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.store.outbox import queue
from bot.store.polling import digests
from bot.wiring import clock
from tests.stack import ACCOUNT, POLYGON, USDC_POLYGON, Stack, buttons_of, open_stack
from tests.waits import until

DAY_MS = 24 * 3_600 * 1_000
WATCH = "/watch 0x8e3E38fe7367dd3b52D1e281E4e8400447C8d8B9 on polygon as Treasury"


def move(stack: Stack, units: int) -> None:
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, units * 1_000_000)


def rows(stack: Stack, query: str) -> list[tuple[object, ...]]:
    return stack.rows(query)


def make_due(stack: Stack) -> None:
    """Let a day have passed since digests were last looked at: the one of today is due, or was."""
    rows(stack, f"UPDATE digest_schedule SET due_at = 0, done_until = done_until - {2 * DAY_MS}")


async def changed(stack: Stack, changes: int) -> None:
    """Wait until so many changes are recorded."""
    await until(lambda: rows(stack, "SELECT count(*) FROM change") == [(changes,)])


def digests_said(stack: Stack) -> list[str]:
    return [text for text in stack.said() if "Daily digest" in text]


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """Build the neighbours; each test starts the bot."""
    async with open_stack(tmp_path) as one:
        yield one


async def test_alerts_come_as_ever_and_a_digest_sums_them_up(tmp_path: Path) -> None:
    async with open_stack(tmp_path) as stack:
        stack.start()
        await stack.watches(WATCH)
        stack.say("/digest daily 8:00")
        answer = await stack.hears("A digest comes here daily at 08:00.")
        assert buttons_of(answer) == ["Undo"]
        for units in (1, 2):
            move(stack, units)
            await stack.hears(f"+{units} USDC")
        await stack.stop()
        make_due(stack)

        stack.start()

        digest = await stack.hears("Daily digest")
        assert "🟢 Treasury +3 USDC (+$3.00) · Polygon\n    50 → 53 in 2 steps" in digest.text
        assert "Worth $55.75 by prices of" in digest.text
        await stack.asked(3)
        assert len(digests_said(stack)) == 1


async def test_a_digest_comes_while_the_bot_runs_and_says_that_nothing_happened(tmp_path: Path) -> None:
    shift = timedelta()
    async with open_stack(tmp_path) as stack:
        stack.start(now=lambda: clock() + shift)
        await stack.watches(WATCH)
        stack.say("/digest daily 8:00")
        await stack.hears("A digest comes here daily at 08:00.")
        assert digests_said(stack) == []

        shift = timedelta(days=1)
        stack.say("/test")  # lets the outbox be looked at

        assert "Nothing changed. 1 chain read, the oldest view is" in (await stack.hears("Daily digest")).text


async def test_a_digest_that_is_late_after_a_downtime_knows_what_the_first_sweep_read(tmp_path: Path) -> None:
    async with open_stack(tmp_path) as stack:
        stack.start()
        await stack.watches(WATCH)
        stack.say("/digest only")
        await stack.hears("Changes have no alerts of their own")
        await stack.stop()
        move(stack, 1)

        stack.start(now=lambda: clock() + timedelta(days=1, hours=3))

        digest = await stack.hears("Daily digest")
        worth = next(line for line in digest.text.split("\n") if line.startswith("Worth"))
        assert worth.startswith("Worth $53.75")
        assert "as last known" not in worth
        assert "⚠️ I couldn't read Polygon from" in digest.text
        assert "I can't read" not in digest.text
        assert "+1 USDC" in digest.text


async def test_where_no_time_is_named_the_answer_says_which_it_is_and_offers_others(stack: Stack) -> None:
    stack.start()
    stack.say("/digest only")

    answer = await stack.hears("Changes have no alerts of their own")

    assert "daily at 08:00, as you named no time." in answer.text
    assert "and so does what can't be added up" in answer.text
    assert buttons_of(answer) == ["At 07:00", "At 18:00", "Undo"]
    await stack.presses(answer, "At 18:00")
    assert "daily at 18:00. Next" in (await stack.hears("each digest brings them")).text
    stack.say("/digest weekly")
    assert "every Monday at 18:00. Next" in (await stack.hears("A digest comes here")).text


async def test_where_digests_alone_tell_of_changes_they_bring_them_all(tmp_path: Path) -> None:
    async with open_stack(tmp_path) as stack:
        stack.start()
        await stack.watches(WATCH)
        stack.say("/digest only")
        await stack.hears("Changes have no alerts of their own")
        move(stack, 1)
        await changed(stack, 1)
        move(stack, 2)
        await changed(stack, 2)
        await stack.stop()
        make_due(stack)

        stack.start()

        digest = await stack.hears("Daily digest")
        assert "1 balance changed:\n\n🟢 Treasury +3 USDC (+$3.00) · Polygon" in digest.text
        assert "50 → 53 in 2 steps" in digest.text
        move(stack, 4)
        await changed(stack, 3)
        stack.say("/digest off")
        await stack.hears("What was kept of 1 balance comes now.")
        assert "53 → 57" in (await stack.hears("+4 USDC")).text


@pytest.mark.parametrize(
    "point",
    [
        f"{digests.__name__}:enqueue_alert",
        f"{digests.__name__}:next_due",
        f"{queue.__name__}:claim_next",
    ],
)
async def test_killed_while_a_digest_is_made_or_before_it_is_sent_it_comes_once(
    stack: Stack, point: str
) -> None:
    process = await stack.start_process()
    await stack.watches(WATCH)
    stack.say("/digest only")
    await stack.hears("Changes have no alerts of their own")
    move(stack, 1)
    await changed(stack, 1)
    await stack.kill(process)
    make_due(stack)
    process = await stack.start_process(stand_still_at=point)
    await until(stack.reached.exists)
    await stack.kill(process)
    assert digests_said(stack) == []

    await stack.start_process()

    digest = await stack.hears("Daily digest")
    assert "🟢 Treasury +1 USDC" in digest.text
    await stack.asked(3)
    assert len(digests_said(stack)) == 1
    assert [text for text in stack.said() if "+1 USDC" in text] == [digest.text]
    assert rows(stack, "SELECT count(*) FROM digest") == [(1,)]


async def test_killed_while_the_request_with_a_digest_is_under_way_the_same_one_is_sent_again(
    stack: Stack,
) -> None:
    process = await stack.start_process()
    await stack.watches(WATCH)
    stack.say("/digest only")
    await stack.hears("Changes have no alerts of their own")
    move(stack, 1)
    await changed(stack, 1)
    await stack.kill(process)
    make_due(stack)
    hold = stack.telegram.hold_before()
    process = await stack.start_process()
    await hold.arrived()
    await stack.kill(process)
    hold.drop()
    stack.telegram.heal()
    # What comes meanwhile is for the next one.
    move(stack, 2)

    await stack.start_process()

    digest = await stack.hears("Daily digest")
    assert "50 → 51" in digest.text
    await changed(stack, 2)
    await stack.asked(2)
    assert len(digests_said(stack)) == 1
    assert rows(stack, "SELECT count(*) FROM digest") == [(1,)]
    assert [text for text in stack.said() if "+2 USDC" in text] == []
