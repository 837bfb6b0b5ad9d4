"""What the whole program holds in memory after two sweeps, each size in a fresh process."""

import asyncio
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from bot.sandbox.telegram.server import SANDBOX_TOKEN, Telegram
from tests.benchmarks.load_process import served_load_gateway
from tests.benchmarks.poller import chat_id, stored, subscribe_to_all
from tests.benchmarks.processes import ended, resident_bytes
from tests.benchmarks.profiles import ACCOUNTS_PER_CHAT, Profile
from tests.benchmarks.results import Result

MEGABYTE = 1e6
MEGABYTES_TO_REACH = {1_000: 150, 100_000: 600}
SWEEPS = 2
LOOK_SECONDS = 0.1


async def measure(profile: Profile, directory: Path) -> AsyncIterator[Result]:
    """Measure a tenth of the profile and all of it."""
    for size in (profile.tenth, profile):
        yield await _after_sweeps(size, directory)


async def measure_largest(profile: Profile, directory: Path) -> AsyncIterator[Result]:
    """Measure ten times the profile: this takes long."""
    yield await _after_sweeps(replace(profile, accounts=10 * profile.accounts), directory)


async def _after_sweeps(profile: Profile, directory: Path) -> Result:
    database = directory / f"memory-{profile.accounts}.sqlite3"
    await subscribe_to_all(profile, database)
    async with served_load_gateway(profile) as gateway, _telegram_for(profile).serve() as telegram:
        config = directory / f"memory-{profile.accounts}.toml"
        config.write_text(_configuration(telegram.url, gateway.url, database))
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "run", "--config", str(config)), stderr=asyncio.subprocess.DEVNULL
        )
        async with ended(process):
            await _swept(process, database, profile.balances)
            now, most = resident_bytes(process.pid)
    to_reach = MEGABYTES_TO_REACH.get(profile.accounts)
    return Result(
        f"memory of the whole program, {profile}, after two sweeps",
        f"{now / MEGABYTE:.0f} MB, {most / MEGABYTE:.0f} MB at most",
        f"≤ {to_reach} MB" if to_reach else "",
        now <= to_reach * MEGABYTE if to_reach else None,
        {"resident_bytes": now, "most_resident_bytes": most},
    )


def _telegram_for(profile: Profile) -> Telegram:
    """Return a Telegram that knows the subscribers' chats."""
    telegram = Telegram()
    for number in range(-(-profile.accounts // ACCOUNTS_PER_CHAT)):
        telegram.add_supergroup(f"Chat {number}", chat_id=chat_id(number))
    return telegram


def _configuration(telegram_url: str, gateway_url: str, database: Path) -> str:
    return f"""
[telegram]
token = "{SANDBOX_TOKEN}"
api_url = "{telegram_url}"
[indexer]
url = "{gateway_url}"
poll_interval_seconds = 0.1
[store]
path = "{database}"
[access]
max_subscriptions_per_chat = {ACCOUNTS_PER_CHAT}
[web]
listen = ""
"""


async def _swept(process: Process, database: Path, balances: int) -> None:
    """Wait until the next sweep after those that count has begun, and see that they brought everything."""
    while stored(database, "SELECT ifnull(max(value), 0) FROM setting WHERE name = 'sweep'") <= SWEEPS:
        if process.returncode is not None:
            raise RuntimeError(f"the bot ended with status {process.returncode}")
        await asyncio.sleep(LOOK_SECONDS)
    assert stored(database, "SELECT count(*) FROM balance") == balances
