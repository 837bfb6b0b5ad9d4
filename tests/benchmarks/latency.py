"""How long an idle bot takes from an answer of the gateway that shows a change to the message about it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bot.sandbox.gateway.faults.kinds import AnswerError, Delay, Fault
from bot.sandbox.telegram.world.world import Chat
from tests.benchmarks.profiles import Profile
from tests.benchmarks.program import INTERVAL_SECONDS, LONGEST_SECONDS, UNLIMITED, Bench, open_bench
from tests.benchmarks.results import Result

SECONDS_TO_REACH = 0.05
EXPLAIN_WAIT_SECONDS = 2.0
"""The default of `delivery.explain_wait_seconds`."""
GATHER_SECONDS = 0.5
"""A change waits so long at most for its sweep to end before its transfers are asked for."""
PATIENCE_STEPS = 7
"""Moves come at so many different moments between two sweeps."""

HISTORY: Final = "GetTransactionHistory"
HISTORIES: dict[str, tuple[float, tuple[Fault, ...], float]] = {
    "no alert waits": (0.0, (), 0.0),
    "history answers": (EXPLAIN_WAIT_SECONDS, (), GATHER_SECONDS),
    "history hangs": (EXPLAIN_WAIT_SECONDS, (Delay(seconds=3600, method=HISTORY),), EXPLAIN_WAIT_SECONDS),
    "history is absent": (
        EXPLAIN_WAIT_SECONDS,
        (AnswerError(name="WebrpcBadRoute", code=-2, status=404, method=HISTORY),),
        GATHER_SECONDS,
    ),
}
"""By what the history does: how long alerts wait for it, its faults, and how many seconds it may add."""


async def measure(profile: Profile, directory: Path) -> AsyncIterator[Result]:
    """Let one balance move again and again, each time when the last message has arrived."""
    to_reach = SECONDS_TO_REACH
    for name, (wait_seconds, faults, added_seconds) in HISTORIES.items():
        async with open_bench(directory, f"latency_{name.replace(' ', '_')}") as bench:
            bench.gateway.faults.add(*faults)
            seconds = await _samples(bench, profile.changes, wait_seconds)
        p50, p99 = (_percentile(seconds, part) for part in (0.5, 0.99))
        asked = sum(call.method == HISTORY for call in bench.gateway.requests)
        yield Result(
            f"observed → handed to Telegram, idle, {len(seconds)} changes, {name}",
            f"p99 {p99 * 1e3:.0f} ms, p50 {p50 * 1e3:.0f} ms, at most {max(seconds) * 1e3:.0f} ms"
            f", {asked} questions for transfers",
            f"p99 ≤ {(to_reach + added_seconds) * 1e3:.0f} ms",
            p99 <= to_reach + added_seconds,
            {"p50_seconds": p50, "p99_seconds": p99, "most_seconds": max(seconds), "extra_requests": asked},
        )
        if not wait_seconds:
            # What history adds is added to what this machine takes without it.
            to_reach = max(to_reach, p99)


async def _samples(bench: Bench, changes: int, wait_seconds: float) -> list[float]:
    telegram = bench.telegram
    chat = telegram.add_private_chat(telegram.add_user("Olga"))
    await bench.watch([chat])
    async with bench.running(*UNLIMITED, f"explain_wait_seconds = {wait_seconds}"):
        await telegram.wait_for_message(chat, "Watching", timeout_seconds=LONGEST_SECONDS)
        return [await _sample(bench, chat, number) for number in range(changes)]


async def _sample(bench: Bench, chat: Chat, number: int) -> float:
    """Return the seconds from the first question after a move, which shows it, to the message's arrival."""
    await asyncio.sleep(INTERVAL_SECONDS * (number % PATIENCE_STEPS) / PATIENCE_STEPS)
    moved_at, asked_before = datetime.now(UTC), len(bench.gateway.requests)
    amount = bench.move()
    await bench.telegram.wait_for_message(chat, f"→ {amount:,}", timeout_seconds=LONGEST_SECONDS)
    after = (
        request.received_at
        for request in bench.gateway.requests[asked_before:]
        if request.method == "GetTokenBalancesSummary" and request.received_at >= moved_at
    )
    # The answer that was under way as it moved may show it already.
    asked_at = next(after, moved_at)
    handed_over_at = max(call.received_at for call in bench.telegram.calls if call.method == "sendMessage")
    return (handed_over_at - asked_at).total_seconds()


def _percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]
