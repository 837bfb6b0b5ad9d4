"""How much the memory of the whole program grows over thousands of sweeps in which balances move."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from bot.sandbox.gateway.world import EXAMPLE_ACCOUNT
from tests.benchmarks.memory import MEGABYTE
from tests.benchmarks.poller import stored
from tests.benchmarks.processes import resident_bytes
from tests.benchmarks.profiles import Profile
from tests.benchmarks.program import POLYGON, Bench, open_bench
from tests.benchmarks.results import Result

MEGABYTES_TO_REACH = 1.0
WARM_AFTER = 0.2
"""The part of the sweeps after which caches are full; growth counts from there."""

SWEEP = "SELECT ifnull(max(CAST(value AS INTEGER)), 0) FROM setting WHERE name = 'sweep'"
INTERVAL_SECONDS = 0.02
LOOK_SECONDS = 0.005


async def measure(profile: Profile, directory: Path) -> AsyncIterator[Result]:
    """Compare what the program holds once its caches are full with what it holds in the end."""
    async with open_bench(directory, "soak") as bench:
        telegram = bench.telegram
        await bench.watch([telegram.add_private_chat(telegram.add_user("Olga"))])
        async with bench.running(interval_seconds=INTERVAL_SECONDS) as process_id:
            await _swept(bench, int(profile.soak_sweeps * WARM_AFTER))
            warm, _ = resident_bytes(process_id)
            sweeps = await _swept(bench, profile.soak_sweeps)
            end, _ = resident_bytes(process_id)
        changes = stored(bench.database, "SELECT count(*) FROM change")
    growth = end - warm
    yield Result(
        f"growth of the whole program over {sweeps:,} sweeps with {changes:,} changes",
        f"{growth / MEGABYTE:+.1f} MB, from {warm / MEGABYTE:.1f} to {end / MEGABYTE:.1f} MB",
        f"≤ {MEGABYTES_TO_REACH:.0f} MB",
        growth <= MEGABYTES_TO_REACH * MEGABYTE,
        {"warm_resident_bytes": warm, "resident_bytes": end, "sweeps": sweeps, "changes": changes},
    )


async def _swept(bench: Bench, count: int) -> int:
    """Let two balances move in each sweep until so many have begun, and return how many there were."""
    world = bench.gateway.world
    seen = 0
    while seen < count:
        sweep = stored(bench.database, SWEEP)
        if sweep > seen:
            seen = sweep
            bench.move()
            world.set_native(POLYGON, EXAMPLE_ACCOUNT, world.native(POLYGON, EXAMPLE_ACCOUNT) + 1)
        await asyncio.sleep(LOOK_SECONDS)
    return seen
