"""The bot's own @name: its owner may change it at any time, and only `getMe` shows that."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from telegram import Bot
from telegram.error import TelegramError

ASKED_ANEW_SECONDS = 60.0
"""Seconds between two requests: commands for other bots are frequent in groups, a new name is rare."""

PATIENCE_SECONDS = 1.0
"""Seconds to wait for the answer, since a command waits meanwhile; a later one asks again."""


class BotName:
    """Finds out whether the bot was renamed, at most once a minute."""

    def __init__(
        self, bot: Bot, *, monotonic: Callable[[], float], patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        self._bot = bot
        self._monotonic = monotonic
        self._patience_seconds = patience_seconds
        self._asked_at = float("-inf")

    async def has_changed(self) -> bool:
        """Ask Telegram unless that was done a moment ago; returns whether the name is another one now."""
        now, before = self._monotonic(), self._bot.username
        if now - self._asked_at < ASKED_ANEW_SECONDS:
            return False
        self._asked_at = now
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience_seconds):
                await learn_name(self._bot)
        return self._bot.username != before


async def learn_name(bot: Bot) -> None:
    """Ask Telegram for the bot's name; without an answer the known one stays."""
    with suppress(TelegramError):
        await bot.get_me()
