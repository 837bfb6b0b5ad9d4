"""Alerts say who paid where that is known in time, and never depend on it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest

from bot.sandbox.gateway.faults.kinds import AnswerError
from tests.stack import ACCOUNT, POLYGON, USDC_POLYGON, Stack, open_stack
from tests.waits import until

HISTORY: Final = "GetTransactionHistory"
EXPLAIN = "bot.store.explain.pending:save_answer"
"""Where an answer is matched and stored, in the database's thread."""

Rows = list[tuple[object, ...]]


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    async with open_stack(tmp_path) as one:
        yield one


def rows(stack: Stack, query: str) -> Rows:
    return stack.rows(query)


def explained(stack: Stack) -> Rows:
    return rows(stack, "SELECT outcome, reason FROM explanation")


def usdc_leaves(stack: Stack) -> None:
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)


def asked(stack: Stack) -> int:
    """Return how often transfers were asked for."""
    return sum(call.method == HISTORY for call in stack.gateway.requests)


async def has(stack: Stack, outcome: str) -> None:
    await until(lambda: [one for one, _ in explained(stack)] == [outcome])


async def test_a_change_is_explained_before_its_alert_leaves(stack: Stack) -> None:
    stack.lists_transfers(60)
    stack.start()
    await stack.watches()

    usdc_leaves(stack)
    await stack.hears("−1 USDC")

    assert explained(stack) == [("explained", None)]


async def test_an_alert_leaves_in_time_though_history_hangs(stack: Stack) -> None:
    stack.lists_transfers(0.2)
    stack.start()
    await stack.watches()
    stack.gateway.gate.hold(HISTORY)

    usdc_leaves(stack)
    await stack.hears("−1 USDC")
    assert explained(stack) == []

    stack.gateway.gate.release()
    await has(stack, "explained")
    await stack.asked(3)
    assert sum("USDC" in text for text in stack.said()) == 2, "the alert that has left stays as it is"


async def test_an_alert_waits_for_nothing_where_that_is_wished(stack: Stack) -> None:
    stack.lists_transfers(0)
    stack.start()
    await stack.watches()
    stack.gateway.gate.hold(HISTORY)

    usdc_leaves(stack)
    await stack.hears("−1 USDC")

    stack.gateway.gate.release()
    await has(stack, "explained")


async def test_a_history_that_refuses_lets_alerts_leave_at_once(stack: Stack) -> None:
    stack.lists_transfers(60)
    stack.gateway.faults.add(AnswerError(method=HISTORY, name="WebrpcInternalError", code=-8, status=500))
    stack.start()
    await stack.watches()

    usdc_leaves(stack)
    await stack.hears("−1 USDC")

    assert explained(stack) == [("unknown", "unanswered")]


async def test_quiet_sweeps_ask_for_no_transfers(stack: Stack) -> None:
    stack.start()
    await stack.watches()

    await stack.asked(5)

    assert asked(stack) == 0


async def test_changes_of_one_sweep_and_chain_share_one_question(stack: Stack) -> None:
    stack.lists_transfers()
    stack.start()
    await stack.watches()
    stack.gateway.gate.hold("GetTokenBalancesSummary")
    usdc_leaves(stack)
    stack.world.set_native(POLYGON, ACCOUNT, 7)
    stack.gateway.gate.release()

    await until(lambda: len(explained(stack)) == 2)

    assert asked(stack) == 1


@pytest.mark.parametrize("seconds", [0.5, 30.0])
async def test_killed_before_it_was_explained_a_change_is_told_and_explained_later(
    stack: Stack, seconds: float
) -> None:
    stack.lists_transfers(seconds)
    process = await stack.start_process()
    await stack.watches()
    stack.gateway.gate.hold(HISTORY)
    usdc_leaves(stack)
    await stack.gateway.gate.until_waiting(1)

    await stack.kill(process)
    stack.gateway.gate.release()
    assert explained(stack) == []
    await stack.start_process()

    await stack.hears("−1 USDC")
    await has(stack, "explained")
    await stack.asked(3)
    assert len(told(stack)) == 1


async def test_killed_while_it_is_explained_a_change_is_told_and_explained_once(stack: Stack) -> None:
    stack.lists_transfers(30)
    process = await stack.start_process(stand_still_at=EXPLAIN)
    await stack.watches()
    usdc_leaves(stack)
    await until(stack.reached.exists)

    await stack.kill(process)
    await stack.start_process()

    await stack.hears("−1 USDC")
    await has(stack, "explained")
    await stack.asked(3)
    assert len(told(stack)) == 1


async def test_killed_between_explanation_and_send_the_next_run_tells_both(stack: Stack) -> None:
    stack.lines["delivery"] = ["group_wait_seconds = 30"]
    stack.lists_transfers(1)
    process = await stack.start_process()
    await stack.watches()
    usdc_leaves(stack)
    await has(stack, "explained")

    await stack.kill(process)
    assert told(stack) == []
    stack.lines["delivery"] = []
    stack.gateway.gate.hold(HISTORY)
    await stack.start_process()

    await stack.hears("−1 USDC")
    await stack.asked(3)
    assert len(told(stack)) == 1
    assert rows(stack, "SELECT count(*) FROM leg") == [(1,)]


async def test_asked_to_stop_while_history_hangs_the_bot_ends(stack: Stack) -> None:
    stack.lists_transfers(30)
    stack.start()
    await stack.watches()
    stack.gateway.gate.hold(HISTORY)
    usdc_leaves(stack)
    await stack.gateway.gate.until_waiting(1)

    await stack.stop()


def told(stack: Stack) -> list[str]:
    return [text for text in stack.said() if "−1 USDC" in text]
