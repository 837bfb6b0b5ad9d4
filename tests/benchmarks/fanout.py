"""What an alert costs where many chats watch one account, and how many a second the bot could send.

Telegram's limits are out of the way on both sides, so that what is left is the bot's own work; then the same
at the pace that Telegram allows.
"""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from bot.sandbox.telegram.world.world import Chat
from tests.benchmarks.processes import cpu_seconds
from tests.benchmarks.profiles import Profile
from tests.benchmarks.program import UNLIMITED, Bench, open_bench, until
from tests.benchmarks.results import Result, middle

SECONDS_TO_REACH = 0.005
"""Of processor time, for an alert from its change to Telegram's answer written down."""

SWEEP_SECONDS = 2.0
"""Between two sweeps: rare, as each reads a thousand subscriptions, which is not what is measured."""

PACED = ("group_wait_seconds = 0", "messages_per_second = 30")


async def measure(profile: Profile, directory: Path) -> AsyncIterator[Result]:
    """Let one balance move again and again, each time when all chats have got the last message."""
    async with open_bench(directory, "fanout") as bench:
        telegram = bench.telegram
        chats = [
            telegram.add_private_chat(telegram.add_user(f"User {number}"))
            for number in range(profile.fanout_chats)
        ]
        await bench.watch(chats)
        # The slow one first: what left faster just before would count against its limit.
        yield await _measured(bench, chats, "30 a second", PACED, 1)
        yield await _measured(bench, chats, "as fast as it can", UNLIMITED, profile.rounds)


async def _measured(
    bench: Bench, chats: Sequence[Chat], how: str, delivery: Sequence[str], rounds: int
) -> Result:
    async with bench.running(*delivery, interval_seconds=SWEEP_SECONDS) as process_id:
        await until(lambda: all(map(bench.telegram.messages, chats)))
        await _cost(bench, chats, process_id)  # what a start takes is not counted
        seconds = middle([await _cost(bench, chats, process_id) for _ in range(rounds)])
    return Result(
        f"an alert about one change to {len(chats):,} chats, {how}",
        f"{seconds * 1e3:.1f} ms of processor time: {1 / seconds:.0f} alerts/s",
        f"≤ {SECONDS_TO_REACH * 1e3:.0f} ms",
        seconds <= SECONDS_TO_REACH,
        {"cpu_seconds": seconds, "alerts_per_second": 1 / seconds},
    )


async def _cost(bench: Bench, chats: Sequence[Chat], process_id: int) -> float:
    """Return the bot's processor time for each alert about one change."""
    used_before = cpu_seconds(process_id)
    amount = bench.move()
    await until(lambda: all(f"→ {amount:,}" in bench.said(chat) for chat in chats))
    return (cpu_seconds(process_id) - used_before) / len(chats)
