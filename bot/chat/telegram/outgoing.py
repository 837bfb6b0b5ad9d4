"""Carries messages to Telegram and sorts what it answers.

`telegram.md` 3 is the table this follows. The order of the checks matters:
python-telegram-bot's permanent refusals are subclasses of its network errors.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

import httpx
import structlog
from telegram import Bot, InlineKeyboardMarkup, LinkPreviewOptions, Message
from telegram.constants import ChatAction, ParseMode
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
)

from bot.chat.telegram.reply_queue import ReplyQueue
from bot.chat.telegram.send_queue import Rank
from bot.chat.telegram.transport import LONGEST_WORDS, Unreadable
from bot.chat.text.html import Html, plain
from bot.domain.deliver.delivery import (
    ChatMoved,
    Delivery,
    Form,
    Misread,
    Offline,
    Outcome,
    Park,
    Refused,
    RetryLater,
    Sent,
    Throttled,
    TopicLost,
    Unknown,
    Unreachable,
    Vanished,
)
from bot.domain.places import Place

log = structlog.get_logger(__name__)

NO_PREVIEW = LinkPreviewOptions(is_disabled=True)

QUESTION = " "
"""Telegram never takes a message without a visible sign (telegram.md 3): its refusal is the answer."""

QUESTION_SECONDS = 10.0
"""So long an answer to it may take; no answer costs nothing, unlike that of a message."""

REPLY_TRIES = 3

LARGEST_MESSAGE_ID = 2**53
"""Telegram counts from one in each chat; what is not such a number can't be kept."""

PROXY_HOLD_SECONDS = 30.0
"""Where something before Telegram wants a pause and does not say how long."""

NEVER_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout)
"""Causes with which no request can have reached Telegram, this one or another."""

REFUSALS: tuple[tuple[Callable[[str], Outcome], tuple[str, ...]], ...] = (
    (
        lambda reason: Unreachable(reason, Park.FOR_GOOD),
        ("user is deactivated", "bot can't send messages to bots"),
    ),
    (
        lambda reason: Unreachable(reason, Park.GONE),
        (
            "bot was blocked by the user",
            "bot was kicked from",
            "bot is not a member of",
            "the group chat was deleted",
            "bot can't initiate conversation with a user",
            "chat not found",
            "peer_id_invalid",
        ),
    ),
    (
        lambda reason: Unreachable(reason, Park.MUTED),
        (
            "not enough rights to send",
            "have no rights to send a message",
            "need administrator rights",
            "chat_write_forbidden",
            "chat_restricted",
            "have no write access to the chat",
            "chat_admin_required",
        ),
    ),
    (lambda _: TopicLost("not found", is_certain=False), ("message thread not found",)),
    (lambda _: TopicLost("closed", is_certain=True), ("topic_closed",)),
    (lambda _: TopicLost("deleted", is_certain=True), ("topic_deleted",)),
    (lambda reason: Misread(reason, Form.PLAIN), ("can't parse entities",)),
    (
        lambda reason: Misread(reason, Form.BARE),
        ("reply markup is too long", "button_data_invalid", "button_url_invalid", "reply_markup_invalid"),
    ),
    (
        lambda reason: Refused(reason, is_final=True),
        ("message is too long", "text is too long", "message text is empty", "message_too_long"),
    ),
)
"""What the words of a refusal mean, in lower case: the library changes capitals (telegram.md 3.1)."""

Buttons = Callable[[Delivery], InlineKeyboardMarkup | None]


def no_buttons(_: Delivery) -> None:
    """Return no buttons, whatever is delivered."""


class TelegramSender:
    """Sends what the dispatcher hands out."""

    def __init__(self, bot: Bot, buttons: Buttons = no_buttons) -> None:
        self._bot = bot
        self._buttons = buttons

    async def send(self, delivery: Delivery) -> Outcome:
        """Send one message once and return what became of it; only cancellation is raised."""
        text = _fallback_note(delivery) + delivery.text
        is_plain = delivery.form is Form.PLAIN
        try:
            message = await self._bot.send_message(
                delivery.chat_id,
                plain(text) if is_plain else text,
                parse_mode=None if is_plain else ParseMode.HTML,
                message_thread_id=delivery.thread_id,
                link_preview_options=NO_PREVIEW,
                reply_markup=self._buttons(delivery) if delivery.form is Form.WHOLE else None,
            )
        except Exception as error:  # noqa: BLE001 - garbage with 200 raises anything (telegram.md 3.1)
            return sort_failure(error, delivery.chat_id)
        return sort_message(message)

    async def ask(self, delivery: Delivery) -> Outcome:
        """Try what nobody reads where a message would go, and return what became of it.

        "Typing…" goes as far as a message does. What is no message at all is refused at the door, and is sent
        like one: that refusal shows that Telegram answers.
        """
        chat_id, thread_id = delivery.chat_id, delivery.thread_id
        try:
            await self._bot.send_chat_action(
                chat_id, ChatAction.TYPING, message_thread_id=thread_id, read_timeout=QUESTION_SECONDS
            )
        except InvalidToken:
            pass  # or a server without this method: what follows tells which
        except Exception as error:  # noqa: BLE001 - garbage with 200 raises anything (telegram.md 3.1)
            outcome = sort_failure(error, chat_id)
            if not isinstance(outcome, Refused):
                return outcome
        try:
            await self._bot.send_message(
                chat_id, QUESTION, message_thread_id=thread_id, read_timeout=QUESTION_SECONDS
            )
        except Exception as error:  # noqa: BLE001 - garbage with 200 raises anything (telegram.md 3.1)
            return sort_failure(error, chat_id)
        return Refused("it was not even refused", is_final=False)


class Answers:
    """Sends the answers to commands: soon or not at all, since the command can be repeated."""

    def __init__(
        self, bot: Bot, outgoing: ReplyQueue, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._bot = bot
        self._outgoing = outgoing
        self._sleep = sleep

    async def answer(
        self,
        place: Place,
        text: Html,
        buttons: InlineKeyboardMarkup | None = None,
        *,
        rank: Rank = Rank.ANSWER,
        while_open: bool = False,
    ) -> None:
        """Send an answer to where the command came from; what fails is logged.

        Returns when it has arrived, or when that takes too long to wait for. `while_open`: it is not said
        in a chat that was closed meanwhile.
        """
        work = partial(self._answer, place, text, buttons, rank, while_open=while_open)
        await self._outgoing.hand_over(place, work, rank=rank)

    async def _answer(
        self, place: Place, text: Html, buttons: InlineKeyboardMarkup | None, rank: Rank, *, while_open: bool
    ) -> None:
        outcome: Outcome | None = None
        for pause in range(1, REPLY_TRIES + 1):
            if not await self._outgoing.may_leave(place, rank, while_open=while_open):
                return
            outcome = await self._send(place, text, buttons)
            match outcome:
                case Sent():
                    return
                case RetryLater() | Offline():
                    await self._sleep(pause)
                case Misread(_, form):
                    buttons = None
                    text = text if form is Form.BARE else text.without_tags
                case ChatMoved(chat_id):
                    place = place.moved_to(chat_id)
                case Throttled(seconds):
                    if not await self._outgoing.throttled(place, seconds, rank):
                        break
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
        except Exception as error:  # noqa: BLE001 - garbage with 200 raises anything (telegram.md 3.1)
            return sort_failure(error, place.chat_id)
        return sort_message(message)


def sort_message(message: Message) -> Outcome:
    """Return what an answer to a send means: a message with a number that can be kept, or nobody knows."""
    number = message.message_id
    return Sent(number) if type(number) is int and 0 < number <= LARGEST_MESSAGE_ID else Unknown("no number")


def sort_failure(error: Exception, chat_id: int) -> Outcome:  # noqa: C901, PLR0911 - one for each kind
    """Return what a failed send to a chat means for its message (telegram.md 3).

    Numbers were brought into their ranges where they came in (`transport.py`).
    """
    match error:
        case RetryAfter():
            return Throttled(seconds_of(error))
        case ChatMigrated() if error.new_chat_id == chat_id:
            return RetryLater("the group became itself")
        case ChatMigrated():
            return ChatMoved(error.new_chat_id)
        case Conflict():
            return RetryLater(error.message[:LONGEST_WORDS])
        case InvalidToken():
            return Offline("Telegram refuses the token")
        case Forbidden() | BadRequest() if isinstance(error.__cause__, Unreadable):
            return RetryLater("it was refused, and why can't be read")
        case Forbidden() | BadRequest():
            return _refused(error.message)
        case NetworkError() if isinstance(error.__cause__, NEVER_CONNECTED):
            return Offline(f"no connection ({type(error.__cause__).__name__})")
        case NetworkError() if isinstance(error.__cause__, httpx.PoolTimeout):
            return RetryLater("too many requests of ours at once")
        case NetworkError():
            return _failed(error.message, type(error).__name__)
        case _:
            return Unknown(type(error).__name__)


def seconds_of(error: RetryAfter) -> float:
    """Return how long a pause Telegram wants."""
    wanted = error.retry_after
    return wanted.total_seconds() if isinstance(wanted, timedelta) else float(wanted)


def _refused(reason: str) -> Outcome:
    """Sort by words: Telegram gives a refusal no number."""
    lowered = reason.lower()
    for outcome, words in REFUSALS:
        if any(word in lowered for word in words):
            return outcome(reason)
    return RetryLater(reason) if lowered.startswith("forbidden") else Refused(reason, is_final=False)


def _failed(reason: str, name: str) -> Outcome:
    """Sort what is no refusal by words, too: the library keeps no status."""
    lowered = reason.lower()
    if "sent message was immediately deleted" in lowered:
        return Vanished("it was deleted as soon as it was sent")
    if lowered.startswith("too many requests"):
        return Throttled(PROXY_HOLD_SECONDS)
    if lowered.startswith("request entity too large"):
        return Refused("it is too large", is_final=True)
    return Unknown(name)


def _fallback_note(delivery: Delivery) -> str:
    reason = delivery.fallback_reason
    if reason is None:
        return ""
    return f"⚠️ Its topic is {reason}, so it comes here. /here in another topic moves it there.\n"
