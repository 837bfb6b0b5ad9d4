"""Quiet hours and budgets, end to end: nothing is lost, a `kill -9` or not, and nothing is told twice."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.chat.commands import mute
from tests.chat.reading import moves
from tests.stack import ACCOUNT, POLYGON, USDC_POLYGON, Stack, buttons_of, open_stack
from tests.waits import until

HOUR = timedelta(hours=1)
HELD = "SELECT count(*) FROM alert WHERE state = 'held'"
QUIET = "SELECT kind FROM mute"


@pytest.fixture
async def still(tmp_path: Path) -> AsyncIterator[Stack]:
    """Build the neighbours; each test starts the bot as a process."""
    async with open_stack(tmp_path) as one:
        yield one


def typed(begins: timedelta, ends: timedelta) -> str:
    """Return hours that begin and end so long from now, on the clock of a chat in UTC."""
    now = datetime.now(UTC)
    return f"{now + begins:%H:%M}-{now + ends:%H:%M}"


def rows(stack: Stack, query: str) -> list[tuple[object, ...]]:
    return stack.rows(query)


def let_pass(stack: Stack, span: timedelta) -> None:
    """Let it be so much later for all that is quiet, while the bot is off."""
    ms, minutes = span // timedelta(milliseconds=1), span // timedelta(minutes=1)
    stack.rows(
        "UPDATE quiet SET begins = (begins - ? + 2880) % 1440, ends = (ends - ? + 2880) % 1440,"
        " judged_at = judged_at - ?, due_at = due_at - ?",
        minutes,
        minutes,
        ms,
        ms,
    )
    stack.rows("UPDATE mute SET since = since - ?, until = until - ?", ms, ms)


def usdc_leaves(stack: Stack) -> None:
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)


async def test_killed_at_both_edges_what_was_kept_is_told_once_and_summed(still: Stack) -> None:
    process = await still.start_process()
    await still.watches()
    still.say(f"/quiet {typed(HOUR, 3 * HOUR)}")
    await still.hears("Next: ")
    # A command is repeated after a kill until Telegram knows that it was carried out.
    await still.asked(3)
    await still.kill(process)

    let_pass(still, 2 * HOUR)
    process = await still.start_process(stand_still_at="bot.store.chats.rules.quiet:quiet_span")
    await until(still.reached.exists)
    await still.kill(process)
    assert rows(still, QUIET) == []
    process = await still.start_process()
    await until(lambda: rows(still, QUIET) == [("quiet",)])
    usdc_leaves(still)
    await until(lambda: rows(still, HELD) == [(1,)])
    usdc_leaves(still)
    await until(lambda: rows(still, HELD) == [(2,)])
    await still.kill(process)

    let_pass(still, 2 * HOUR)
    process = await still.start_process(stand_still_at="bot.store.chats.rules.quiet:end_all")
    await until(still.reached.exists)
    await still.kill(process)
    assert rows(still, HELD) == [(2,)]
    await still.start_process()

    message = await still.hears("🔔 Quiet hours are over: 2 changes meanwhile.")
    assert "50 → 48 in 2 steps" in message.text
    await still.asked(3)
    assert len([text for text in still.said() if "USDC" in moves(text)]) == 1
    assert rows(still, QUIET) == []


async def test_unmute_sends_what_quiet_hours_kept(stack: Stack) -> None:
    await stack.watches()
    stack.say(f"/quiet {typed(-HOUR, HOUR)}")
    assert buttons_of(await stack.hears("It is quiet now, until ")) == ["Undo"]
    usdc_leaves(stack)
    await until(lambda: rows(stack, HELD) == [(1,)])
    stack.say("/unmute")

    await stack.hears(
        "This chat is no longer quiet, until its next quiet hours. 1 change from meanwhile follows."
    )
    await stack.hears("−1 USDC")


async def test_quiet_hours_that_are_over_keep_nothing(stack: Stack) -> None:
    await stack.watches()
    stack.say(f"/quiet {typed(HOUR, 2 * HOUR)}")
    await stack.hears("Next: ")

    usdc_leaves(stack)

    await stack.hears("−1 USDC")


async def test_undo_brings_the_former_hours_back_and_sends_what_was_kept(stack: Stack) -> None:
    await stack.watches()
    stack.say(f"/quiet {typed(HOUR, 2 * HOUR)} on mon,tue,wed,thu,fri,sat,sun")
    await stack.hears("Next: ")
    stack.say(f"/quiet {typed(-HOUR, HOUR)} except min $10k all")
    set_anew = await stack.hears("It is quiet now, until ")
    assert "changes of $10,000.00 and more, as well as those without a price" in set_anew.text
    usdc_leaves(stack)
    await until(lambda: rows(stack, HELD) == [(1,)])

    await stack.presses(set_anew, "Undo")

    # What was kept may arrive before the answer that the hours are as before.
    arrived = [(await stack.hears(lambda message: message.from_bot)).text for _ in range(2)]
    assert sorted("−1 USDC" in text for text in arrived) == [False, True]
    assert sorted("Next: " in text for text in arrived) == [False, True]


async def test_a_press_of_mute_in_quiet_hours_mutes_beyond_them(stack: Stack) -> None:
    await stack.watches()
    usdc_leaves(stack)
    alert = await stack.hears("−1 USDC")
    stack.say(f"/quiet {typed(-HOUR, timedelta(minutes=30))}")
    await stack.hears("It is quiet now, until ")

    assert await stack.presses(alert, "Mute 1 h") == mute.MUTED
    assert await stack.presses(alert, "Mute 1 h") != mute.MUTED

    assert sorted(rows(stack, QUIET)) == [("mute",), ("quiet",)]


async def test_a_budget_sums_up_what_is_more_and_off_sends_it_at_once(stack: Stack) -> None:
    await stack.watches()
    stack.say("/budget 1 per hour")
    await stack.hears("At most 1 message of changes an hour here.")
    usdc_leaves(stack)
    await stack.hears("−1 USDC")
    usdc_leaves(stack)
    await until(lambda: rows(stack, HELD) == [(1,)])
    usdc_leaves(stack)
    await until(lambda: rows(stack, HELD) == [(2,)])
    stack.say("/status")
    shown = await stack.hears("Changes wait until ")
    assert "Budget: 1 message of changes an hour, 1 in the last one" in shown.text
    stack.say("/budget off")

    await stack.hears("2 changes kept until now follow.")
    message = await stack.hears("At most 1 message an hour here: 2 changes since ")
    assert "49 → 47 in 2 steps" in message.text


SPENT = "SELECT count(*) FROM spent"
UNTOLD = "SELECT state FROM alert WHERE change_id IS NOT NULL AND state <> 'told' ORDER BY id"


async def test_killed_at_the_edge_of_a_budget_a_message_counts_once_and_nothing_is_lost(still: Stack) -> None:
    process = await still.start_process()
    await still.watches()
    still.say("/budget 1 per hour")
    await still.hears("At most 1 message of changes an hour here.")
    await still.asked(3)
    await still.kill(process)

    # Before the transaction ends that takes the message: it neither counts nor is it gone.
    process = await still.start_process(stand_still_at="bot.store.outbox.queue:spend")
    usdc_leaves(still)
    await until(still.reached.exists)
    await still.kill(process)
    assert (rows(still, SPENT), rows(still, UNTOLD)) == ([(0,)], [("waiting",)])

    # Behind it, with no answer from Telegram: it counts, and the next run repeats it.
    hold = still.telegram.hold_before()
    process = await still.start_process()
    await hold.arrived()
    usdc_leaves(still)
    await until(lambda: rows(still, UNTOLD) == [("bound",), ("held",)])
    await still.kill(process)
    hold.drop()
    still.telegram.heal()
    process = await still.start_process()
    await still.hears("−1 USDC")
    await still.asked(3)
    assert (rows(still, SPENT), rows(still, UNTOLD)) == ([(1,)], [("held",)])
    await still.kill(process)

    # At its end: what was kept stays kept, until it is sent once.
    let_pass(still, HOUR)
    still.rows("UPDATE spent SET at = at - 3600000")
    process = await still.start_process(stand_still_at="bot.store.chats.mutes:_release")
    await until(still.reached.exists)
    await still.kill(process)
    assert rows(still, UNTOLD) == [("held",)]
    await still.start_process()

    await still.hears("At most 1 message an hour here: 1 change since ")
    await still.asked(3)
    lines = [line for text in still.said() for line in moves(text).splitlines() if "USDC" in line]
    assert [line.split(" | ")[1] for line in lines] == ["50 → 49", "49 → 48"]
    assert rows(still, UNTOLD) == []
    assert rows(still, SPENT) == [(1,)]
