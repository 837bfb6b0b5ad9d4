"""A `kill -9` anywhere loses nothing, and repeats at most what was in flight."""

import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import ModuleType

import pytest

from bot import wiring
from bot.chat.text.alerts import compose
from bot.sandbox.telegram.api.faults import too_many_requests
from bot.store import delivery_results
from bot.store.chats import migrate
from bot.store.delivery_results import apply_outcome
from bot.store.outbox import withdraw
from tests.chat.reading import moves
from tests.stack import ACCOUNT, CHECKSUMMED, POLL, POLYGON, USDC_POLYGON, Stack, open_stack
from tests.waits import until


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """Build the neighbours; each test starts the bot as a process."""
    async with open_stack(tmp_path) as one:
        yield one


def rows(stack: Stack, query: str) -> list[tuple[object, ...]]:
    return stack.rows(query)


def alerts(stack: Stack) -> list[str]:
    return [text for text in stack.said() if "USDC" in moves(text)]


def usdc_leaves(stack: Stack) -> None:
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)


def age_everything(stack: Stack) -> None:
    """Let all that waits have waited for a week."""
    stack.rows("UPDATE alert SET created_at = created_at - 7 * 24 * 3600 * 1000")


async def test_killed_before_the_commit_the_next_run_sees_the_change_itself(stack: Stack) -> None:
    process = await stack.start_process()
    await stack.watches()
    stack.gateway.gate.hold(POLL)
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    await stack.gateway.gate.until_waiting(1)

    await stack.kill(process)
    stack.gateway.gate.release()
    assert rows(stack, "SELECT count(*) FROM change") == [(0,)]
    await stack.start_process()

    await stack.hears("−1 USDC")
    await stack.asked(3)
    assert len(alerts(stack)) == 1


async def test_killed_between_commit_and_send_the_next_run_tells_it(stack: Stack) -> None:
    stack.lines["delivery"] = ["group_wait_seconds = 4", "group_messages_per_minute = 1000"]
    process = await stack.start_process()
    await stack.watches()
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    await until(lambda: rows(stack, "SELECT state FROM alert WHERE change_id IS NOT NULL") == [("waiting",)])

    await stack.kill(process)
    assert alerts(stack) == []
    del stack.lines["delivery"]
    await stack.start_process()

    await stack.hears("−1 USDC")
    await stack.asked(3)
    assert len(alerts(stack)) == 1


async def test_killed_while_the_request_is_under_way_the_next_run_tells_it(stack: Stack) -> None:
    process = await stack.start_process()
    await stack.watches()
    hold = stack.telegram.hold_before()
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    await hold.arrived()

    assert rows(stack, "SELECT state FROM delivery WHERE state <> 'sent'") == [("sending",)]
    await stack.kill(process)
    hold.drop()
    stack.telegram.heal()
    await stack.start_process()

    await stack.hears("−1 USDC")
    await stack.asked(3)
    assert len(alerts(stack)) == 1


async def test_killed_between_send_and_mark_the_same_message_comes_once_more(stack: Stack) -> None:
    process = await stack.start_process()
    await stack.watches()
    hold = stack.telegram.hold_after()
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    await hold.arrived()
    await stack.hears("−1 USDC")

    await stack.kill(process)
    stack.telegram.heal()
    await stack.start_process()

    await stack.hears("−1 USDC")
    await stack.asked(3)
    first, second = alerts(stack)
    assert first == second, "the repeated message is the same to the letter, its id included"


async def test_killed_between_commit_and_send_the_next_run_tells_it_as_loud(stack: Stack) -> None:
    stack.lines["delivery"] = ["group_wait_seconds = 4", "group_messages_per_minute = 1000"]
    process = await stack.start_process()
    await stack.watches()
    stack.say("/loud out @petr_t")
    await stack.hears("outgoing changes ring and mention @petr_t")
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    of_changes = "SELECT sound, mentions FROM alert WHERE change_id IS NOT NULL AND state = 'waiting'"
    await until(lambda: rows(stack, of_changes) == [("ring", '[["@petr_t",null]]')])
    await stack.kill(process)
    # Whatever becomes of the rule: it was judged when the change was recorded.
    stack.rows("UPDATE destination SET loud = ''")
    del stack.lines["delivery"]

    await stack.start_process()

    ringing = await stack.hears("−1 USDC")
    assert (ringing.silent, "🔔 @petr_t" in ringing.text) == (False, True)


async def test_killed_while_a_silent_request_is_under_way_it_is_repeated_as_silently(stack: Stack) -> None:
    process = await stack.start_process()
    await stack.watches()
    stack.say("/loud in")
    await stack.hears("incoming changes ring")
    hold = stack.telegram.hold_before()
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    await hold.arrived()
    await stack.kill(process)
    hold.drop()
    stack.telegram.heal()

    await stack.start_process()

    assert (await stack.hears("−1 USDC")).silent


# ---------------------------------------------------------------- where only standing still shows the moment


async def killed_at(
    stack: Stack, module: ModuleType, function: Callable[..., object], happen: Callable[[], None]
) -> None:
    """Let a bot that watches already be killed where this module calls the function for what then happens."""
    point = f"{module.__name__}:{function.__name__}"
    process = await stack.start_process(stand_still_at=point)
    happen()
    await until(lambda: stack.reached.exists() or process.returncode is not None)
    assert process.returncode is None, f"it ended without having reached {point}"
    await stack.kill(process)


async def killed_while_it_worked(stack: Stack) -> None:
    process = await stack.start_process()
    await stack.watches()
    await until(lambda: rows(stack, "SELECT count(*) FROM delivery WHERE state <> 'sent'") == [(0,)])
    await stack.kill(process)


async def test_killed_while_a_message_is_composed_it_is_told_once(stack: Stack) -> None:
    await killed_while_it_worked(stack)

    await killed_at(stack, wiring, compose, lambda: usdc_leaves(stack))

    assert alerts(stack) == []
    assert rows(stack, "SELECT state FROM alert WHERE change_id IS NOT NULL") == [("waiting",)]
    assert rows(stack, "SELECT count(*) FROM delivery WHERE state <> 'sent'") == [(0,)]
    await stack.start_process()
    await stack.hears("−1 USDC")
    await stack.asked(3)
    assert len(alerts(stack)) == 1


async def test_killed_between_a_pause_that_telegram_wants_and_its_mark_it_is_told_once(stack: Stack) -> None:
    await killed_while_it_worked(stack)
    stack.telegram.fault(too_many_requests(1), times=1)

    await killed_at(stack, delivery_results, apply_outcome, lambda: usdc_leaves(stack))

    assert rows(stack, "SELECT state FROM delivery WHERE state <> 'sent'") == [("sending",)]
    await stack.start_process()
    await stack.hears("−1 USDC")
    await stack.asked(3)
    assert len(alerts(stack)) == 1
    assert rows(stack, "SELECT sum(unknowns) FROM delivery") == [(1,)], "in doubt, though it was refused"


async def test_killed_while_a_group_becomes_a_supergroup_everything_is_there_once(stack: Stack) -> None:
    process = await stack.start_process()
    group = stack.telegram.add_group("Ops", {stack.olga: "creator"})
    stack.say("/allow", chat=group)
    await stack.hears("open now", chat=group)
    stack.say(f"/watch {CHECKSUMMED} as Till", chat=group)
    await stack.hears("balances", chat=group)
    await stack.kill(process)
    supergroups = []

    await killed_at(
        stack, migrate, migrate._merge_standing, lambda: supergroups.append(stack.telegram.migrates(group))
    )

    assert rows(stack, "SELECT count(*) FROM chat WHERE migrated_to IS NOT NULL") == [(0,)]
    (supergroup,) = supergroups
    usdc_leaves(stack)
    await stack.start_process()
    await stack.hears("−1 USDC", chat=supergroup)
    await stack.asked(3)
    assert sum("USDC" in moves(text) for text in stack.said(supergroup)) == 1
    assert rows(stack, "SELECT label FROM subscription") == [("Till",)]


async def test_killed_while_old_alerts_expire_they_are_dropped_and_counted_once(stack: Stack) -> None:
    process = await stack.start_process()
    await stack.watches()
    stack.telegram.blocks(stack.olga)
    usdc_leaves(stack)
    await until(lambda: rows(stack, "SELECT count(*) FROM alert WHERE change_id IS NOT NULL") == [(1,)])
    await stack.kill(process)
    age_everything(stack)

    await killed_at(stack, withdraw, withdraw._enqueue_dropped, lambda: None)

    assert rows(stack, "SELECT count(*) FROM alert WHERE state = 'expired'") == [(0,)]
    await stack.start_process()
    await until(lambda: rows(stack, "SELECT count(*) FROM alert WHERE state = 'expired'") == [(1,)])
    stack.telegram.unblocks(stack.olga)
    await stack.hears("1 change waited too long to be sent and was dropped")
    await stack.asked(3)
    assert sum("dropped" in text for text in stack.said()) == 1
    assert alerts(stack) == []


# ---------------------------------------------------------------- commands, and an end that was asked for


async def test_killed_while_a_command_is_dealt_with_the_command_is_not_forgotten(stack: Stack) -> None:
    process = await stack.start_process()
    await until(lambda: any(call.method == "getUpdates" for call in stack.telegram.calls))
    hold = stack.telegram.hold_before()
    stack.say("/watch 0x" + "0d" * 20 + " as First")
    stack.say("/watch 0x" + "0e" * 20 + " as Second")
    await hold.arrived()

    await stack.kill(process)
    hold.drop()
    stack.telegram.heal()
    await stack.start_process()

    await stack.hears("First")
    await stack.hears("Second")
    await until(
        lambda: rows(stack, "SELECT label FROM subscription ORDER BY id") == [("First",), ("Second",)]
    )


async def test_asked_to_stop_the_bot_ends_well_and_repeats_nothing(stack: Stack) -> None:
    process = await stack.start_process()
    await stack.watches()
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    await stack.hears("−1 USDC")

    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0
    await stack.start_process()
    await stack.asked(3)

    assert len(alerts(stack)) == 1
    assert sum("Watching" in text for text in stack.said()) == 2, "the command was confirmed, not repeated"
