"""How much of what Telegram allows is used: of the whole bot, of a group, and of a private chat.

A run fails where anything is lost: each chat has to show the last amount in the end.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from bot.sandbox.telegram.api.limits import TelegramLimits
from bot.sandbox.telegram.world.world import Chat
from tests.benchmarks.profiles import Profile
from tests.benchmarks.program import INTERVAL_SECONDS, Bench, open_bench, until
from tests.benchmarks.results import Result

SHARE_TO_REACH = 0.8
LIMITS = TelegramLimits()
MINUTE = timedelta(minutes=1)
NO_GROUPING = "group_wait_seconds = 0"
"""Or the window, which changes without end keep open for five seconds each time, makes it twelve a minute."""


async def measure(profile: Profile, directory: Path) -> AsyncIterator[Result]:
    """Let many chats be told of one change, then two of changes without end, with the limits enforced."""
    yield await _many_chats(profile, directory)
    async for result in _busy_chats(profile, directory):
        yield result


async def _many_chats(profile: Profile, directory: Path) -> Result:
    async with open_bench(directory, "many") as bench:
        telegram = bench.telegram
        chats = [
            telegram.add_private_chat(telegram.add_user(f"User {number}")) for number in range(profile.chats)
        ]
        await bench.watch(chats)
        telegram.enforce_limits(LIMITS)
        async with bench.running():
            await until(lambda: all(telegram.messages(chat) for chat in chats))
            told_before = len(_sent_at(bench, chats))
            amount = bench.move()
            await until(lambda: all(f"→ {amount:,}" in bench.said(chat) for chat in chats))
        at = _sent_at(bench, chats)[told_before:]
    seconds = (at[-1] - at[0]).total_seconds() or INTERVAL_SECONDS
    return _result(
        f"one change told to {len(chats):,} chats",
        (len(at) - 1) / seconds,
        LIMITS.bot_messages_per_second,
        "messages/s",
        floods=len(telegram.floods),
    )


async def _busy_chats(profile: Profile, directory: Path) -> AsyncIterator[Result]:
    """Count what a group and a private chat get in the last minute in which something always moves."""
    async with open_bench(directory, "busy") as bench:
        telegram = bench.telegram
        group = telegram.add_supergroup("Group")
        private = telegram.add_private_chat(telegram.add_user("Olga"))
        await bench.watch([group, private])
        telegram.enforce_limits(LIMITS)
        async with bench.running(NO_GROUPING):
            await until(lambda: bool(telegram.messages(group) and telegram.messages(private)))
            started_at, amount = telegram.now(), 0
            while telegram.now() - started_at < timedelta(seconds=profile.busy_seconds):
                amount = bench.move()
                await asyncio.sleep(INTERVAL_SECONDS)
            ended_at = telegram.now()
            await until(lambda: all(f"→ {amount:,}" in bench.said(chat) for chat in (group, private)))
    minute = min(MINUTE, ended_at - started_at)
    for name, chat, per_minute in (
        ("a group", group, float(LIMITS.group_messages_per_minute)),
        ("a private chat", private, LIMITS.chat_messages_per_second * 60),
    ):
        sent = sum(ended_at - minute <= at <= ended_at for at in _sent_at(bench, [chat]))
        yield _result(
            f"changes without end told to {name}",
            sent * (MINUTE / minute),
            per_minute,
            "messages/min",
            floods=sum(flood.chat_id == chat.id for flood in telegram.floods),
        )


def _result(what: str, pace: float, allowed: float, unit: str, *, floods: int) -> Result:
    share = pace / allowed
    return Result(
        what,
        f"{share:.0%} of what Telegram allows: {pace:.1f} {unit}, {floods} pauses asked for",
        f"≥ {SHARE_TO_REACH:.0%}, no pause",
        share >= SHARE_TO_REACH and not floods,
        {"share": share, "pace": pace, "floods": floods},
    )


def _sent_at(bench: Bench, chats: Sequence[Chat]) -> list[datetime]:
    return sorted(message.date for chat in chats for message in bench.telegram.messages(chat))
