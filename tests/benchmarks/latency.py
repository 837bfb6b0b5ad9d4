"""How long an idle bot takes from an answer of the gateway that shows a change to the message about it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

from bot.sandbox.telegram.world.world import Chat
from tests.benchmarks.profiles import Profile
from tests.benchmarks.program import INTERVAL_SECONDS, LONGEST_SECONDS, UNLIMITED, Bench, open_bench
from tests.benchmarks.results import Result

SECONDS_TO_REACH = 0.05
PATIENCE_STEPS = 7
"""Moves come at so many different moments between two sweeps."""


async def measure(profile: Profile, directory: Path) -> AsyncIterator[Result]:
    """Let one balance move again and again, each time when the last message has arrived."""
    async with open_bench(directory, "latency") as bench:
        telegram = bench.telegram
        chat = telegram.add_private_chat(telegram.add_user("Olga"))
        await bench.watch([chat])
        async with bench.running(*UNLIMITED):
            await telegram.wait_for_message(chat, "Watching", timeout_seconds=LONGEST_SECONDS)
            seconds = [await _sample(bench, chat, number) for number in range(profile.changes)]
    p50, p99 = (_percentile(seconds, part) for part in (0.5, 0.99))
    yield Result(
        f"observed → handed to Telegram, idle, {len(seconds)} changes",
        f"p99 {p99 * 1e3:.0f} ms, p50 {p50 * 1e3:.0f} ms, at most {max(seconds) * 1e3:.0f} ms",
        f"p99 ≤ {SECONDS_TO_REACH * 1e3:.0f} ms",
        p99 <= SECONDS_TO_REACH,
        {"p50_seconds": p50, "p99_seconds": p99, "most_seconds": max(seconds)},
    )


async def _sample(bench: Bench, chat: Chat, number: int) -> float:
    """Return the seconds from the first question after a move, which shows it, to the message's arrival."""
    await asyncio.sleep(INTERVAL_SECONDS * (number % PATIENCE_STEPS) / PATIENCE_STEPS)
    moved_at, asked_before = datetime.now(UTC), len(bench.gateway.requests)
    amount = bench.move()
    await bench.telegram.wait_for_message(chat, f"→ {amount:,}", timeout_seconds=LONGEST_SECONDS)
    asked_at = next(
        request.received_at
        for request in bench.gateway.requests[asked_before:]
        if request.method == "GetTokenBalancesSummary" and request.received_at >= moved_at
    )
    handed_over_at = max(call.received_at for call in bench.telegram.calls if call.method == "sendMessage")
    return (handed_over_at - asked_at).total_seconds()


def _percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]
