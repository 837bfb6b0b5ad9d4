"""Receives what people write, and confirms it only when it has been dealt with.

Telegram forgets an update as soon as a later offset is asked for. So the offset
moves on after a handler has finished: a bot that is killed repeats a command,
it does not forget one (telegram.md 4.2).
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import structlog
from telegram import Bot, Update
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError

log = structlog.get_logger(__name__)

POLL_SECONDS = 25
WISHED = ["message", "callback_query", "my_chat_member"]
"""Edited messages are left out on purpose: an edited /unwatch must not run again (telegram.md 2)."""

LONGEST_PAUSE_SECONDS = 30.0
CONFIRM_SECONDS = 2.0


@dataclass(slots=True)
class ReceiverProgress:
    """How far the receiver has come, on the monotonic clock."""

    heard_at: float
    """Telegram answered a poll."""
    trouble: str | None = None
    """Why the last poll failed."""


class Receiver:
    """Polls for updates and hands them on one by one, in order."""

    def __init__(
        self,
        bot: Bot,
        on_update: Callable[[Update], Awaitable[None]],
        *,
        monotonic: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.progress = ReceiverProgress(monotonic())
        self._bot = bot
        self._on_update = on_update
        self._monotonic = monotonic
        self._sleep = sleep
        self._offset: int | None = None

    async def run(self) -> None:
        """Receive for ever; no answer of Telegram ends the loop."""
        failures = 0
        while True:
            try:
                updates = await self._bot.get_updates(
                    offset=self._offset, timeout=POLL_SECONDS, allowed_updates=WISHED
                )
            except Exception as error:  # noqa: BLE001 - an answer that is garbage raises anything
                failures += 1
                await self._pause(error, failures)
                continue
            failures = 0
            self._note(None)
            for update in updates:
                await self._on_update(update)
                self._offset = update.update_id + 1

    async def confirm(self) -> None:
        """Tell Telegram what was dealt with, so that the next start does not repeat it."""
        if self._offset is not None:
            with suppress(TelegramError, TimeoutError):
                async with asyncio.timeout(CONFIRM_SECONDS):
                    await self._bot.get_updates(
                        offset=self._offset, timeout=0, limit=1, allowed_updates=WISHED
                    )

    async def _pause(self, error: Exception, failures: int) -> None:
        self._note(_trouble(error))
        if isinstance(error, RetryAfter):
            wanted = error.retry_after
            seconds = float(wanted) if isinstance(wanted, int) else wanted.total_seconds()
        else:
            seconds = min(2.0 ** (failures - 1), LONGEST_PAUSE_SECONDS)
        await self._sleep(seconds)

    def _note(self, trouble: str | None) -> None:
        progress = self.progress
        if trouble is not None and progress.trouble is None:
            log.warning("Telegram can't be heard", action="telegram_trouble", trouble=trouble)
        if trouble is None:
            progress.heard_at = self._monotonic()
            if progress.trouble is not None:
                log.info("Telegram is heard again", action="telegram_recovered")
        progress.trouble = trouble


def _trouble(error: Exception) -> str:
    match error:
        case InvalidToken():
            return "Telegram refuses the token"
        case Conflict():
            return "another program receives with this token"
        case _:
            return f"Telegram gives no answer ({type(error).__name__})"
