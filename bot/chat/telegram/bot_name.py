"""The bot's own @name, which its owner may change at any time: only getMe tells."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from telegram import Bot
from telegram.error import TelegramError

ASKED_ANEW_SECONDS = 60.0
"""Commands for other bots come often in groups, and the name changes hardly ever."""

PATIENCE_SECONDS = 1.0
"""Others wait meanwhile: a name that is not told by then is learned by a later command."""


class BotName:
    """Finds out whether the bot has been renamed, rarely and without waiting long."""

    def __init__(
        self, bot: Bot, *, monotonic: Callable[[], float], patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        self._bot = bot
        self._monotonic = monotonic
        self._patience_seconds = patience_seconds
        self._asked_at = float("-inf")

    async def has_changed(self) -> bool:
        """Ask Telegram, once a minute at most, and return whether the bot is called something else now."""
        now, before = self._monotonic(), self._bot.username
        if now - self._asked_at < ASKED_ANEW_SECONDS:
            return False
        self._asked_at = now
        with suppress(TimeoutError):
            async with asyncio.timeout(self._patience_seconds):
                await learn_name(self._bot)
        return self._bot.username != before


async def learn_name(bot: Bot) -> None:
    """Ask Telegram what the bot is called; without an answer it stays as it was."""
    with suppress(TelegramError):
        await bot.get_me()
