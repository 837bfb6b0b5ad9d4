"""Carries messages to Telegram and sorts what it answers.

`telegram.md` 3 is the table this follows. The order of the checks matters:
python-telegram-bot's permanent refusals are subclasses of its network errors.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from weakref import WeakValueDictionary

import httpx
import structlog
from telegram import Bot, InlineKeyboardMarkup, LinkPreviewOptions
from telegram.constants import ParseMode
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
)

from bot.chat.html import Html
from bot.domain.delivery import Delivery, Outcome, RetryLater, Sent, Throttled, Unknown, Unreachable
from bot.domain.model import Place
from bot.domain.pacing import Pacer

log = structlog.get_logger(__name__)

NO_PREVIEW = LinkPreviewOptions(is_disabled=True)

REPLY_TRIES = 3
REPLY_HOLD_SECONDS = 5.0
"""An answer that has to be held for longer is not worth waiting for: the command can be repeated."""

NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Causes with which the request cannot have reached Telegram."""

LOST_CHATS = (
    "bot was blocked by the user",
    "user is deactivated",
    "bot was kicked from",
    "bot is not a member of",
    "the group chat was deleted",
    "bot can't initiate conversation with a user",
    "bot can't send messages to bots",
    "chat not found",
    "peer_id_invalid",
    "not enough rights to send",
    "have no rights to send a message",
    "chat_write_forbidden",
    "chat_restricted",
    "have no write access to the chat",
    "chat_admin_required",
)
"""What Telegram says of a chat that cannot be written to until something changes there, in lower case."""


class Turns:
    """The one pace of all sends: who comes first in a chat leaves first."""

    def __init__(
        self, pacer: Pacer, monotonic: Callable[[], float], sleep: Callable[[float], Awaitable[None]]
    ) -> None:
        self._pacer = pacer
        self._monotonic = monotonic
        self._sleep = sleep
        self._queues: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def turn(self, chat_id: int, *, is_group: bool) -> None:
        """Return when a message to this chat may leave."""
        queue = self._queues.setdefault(chat_id, asyncio.Lock())
        async with queue:
            while wait := self._pacer.take(chat_id, self._monotonic(), is_group=is_group):
                await self._sleep(wait)


class TelegramSender:
    """Sends what the dispatcher hands out."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot

    async def send(self, delivery: Delivery) -> Outcome:
        """Send one message once and return what became of it; only cancellation is raised."""
        try:
            message = await self._bot.send_message(
                delivery.chat_id,
                delivery.text,
                parse_mode=ParseMode.HTML,
                message_thread_id=delivery.thread_id,
                link_preview_options=NO_PREVIEW,
            )
        except Exception as error:  # noqa: BLE001 - garbage with 200 raises anything (telegram.md 3.1)
            return sort_failure(error)
        return Sent(message.message_id)


class Answers:
    """Sends the answers to commands: at once or not at all, since the command can be repeated."""

    def __init__(
        self, bot: Bot, turns: Turns, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._bot = bot
        self._turns = turns
        self._sleep = sleep

    async def answer(self, place: Place, text: Html, buttons: InlineKeyboardMarkup | None = None) -> None:
        """Send an answer to where the command came from; what fails is logged."""
        outcome: Outcome | None = None
        for pause in range(1, REPLY_TRIES + 1):
            await self._turns.turn(place.chat_id, is_group=not place.is_private)
            outcome = await self._send(place, text, buttons)
            match outcome:
                case Sent():
                    return
                case RetryLater():
                    await self._sleep(pause)
                case Throttled(seconds) if seconds <= REPLY_HOLD_SECONDS:
                    await self._sleep(seconds)
                case _:
                    break
        log.warning("an answer was not sent", action="answer_failed", outcome=repr(outcome))

    async def _send(self, place: Place, text: Html, buttons: InlineKeyboardMarkup | None) -> Outcome:
        try:
            message = await self._bot.send_message(
                place.chat_id,
                text.source,
                parse_mode=ParseMode.HTML,
                message_thread_id=place.thread_id,
                link_preview_options=NO_PREVIEW,
                reply_markup=buttons,
            )
        except Exception as error:  # noqa: BLE001 - as above
            return sort_failure(error)
        return Sent(message.message_id)


def sort_failure(error: Exception) -> Outcome:
    """Return what a failed send means for its message (telegram.md 3)."""
    match error:
        case RetryAfter():
            return Throttled(_seconds(error.retry_after))
        case ChatMigrated() | Conflict():
            return RetryLater(error.message)
        case InvalidToken():
            return RetryLater("Telegram refuses the token")
        case Forbidden() | BadRequest():
            return _refused(error.message)
        case NetworkError() if isinstance(error.__cause__, NEVER_LEFT):
            return RetryLater(f"no connection ({type(error.__cause__).__name__})")
        case _:
            return Unknown(type(error).__name__)


def _refused(reason: str) -> Outcome:
    """Sort by words: Telegram gives a refusal no number, and the library changes its capitals."""
    lowered = reason.lower()
    if any(words in lowered for words in LOST_CHATS):
        return Unreachable(reason)
    return RetryLater(reason)


def _seconds(retry_after: int | timedelta) -> float:
    return retry_after.total_seconds() if isinstance(retry_after, timedelta) else float(retry_after)
