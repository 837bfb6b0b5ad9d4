"""Puts messages with buttons on people's screens, and changes what stands there."""

from collections.abc import Iterable
from typing import Protocol

import structlog
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions
from telegram.constants import ParseMode
from telegram.error import BadRequest

from bot.chat.buttons import Keyboard, Screen
from bot.chat.html import Html
from bot.chat.sender import Answers, sort_failure
from bot.domain.delivery import Outcome, Sent
from bot.domain.model import Place

log = structlog.get_logger(__name__)

NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
TOAST_CHARACTERS_MOST = 200


class Pace(Protocol):
    """The one pace of all that leaves."""

    async def turn(self, chat_id: int, *, is_group: bool) -> None:
        """Return when something may leave for this chat."""


class Screens:
    """What people see; what Telegram refuses is noted, and nothing that was done is undone by it."""

    def __init__(self, bot: Bot, answers: Answers, pace: Pace) -> None:
        self._bot = bot
        self._answers = answers
        self._pace = pace

    async def say(self, place: Place, messages: Iterable[Html | Screen]) -> None:
        """Send these messages, in order, to who waits for them."""
        for message in messages:
            screen = message if isinstance(message, Screen) else Screen(message)
            await self._answers.answer(place, screen.text, markup(screen.keyboard))

    async def write(self, place: Place, screen: Screen) -> Outcome:
        """Send something, once, to who does not wait for it."""
        await self._pace.turn(place.chat_id, is_group=not place.is_private)
        try:
            message = await self._bot.send_message(
                place.chat_id,
                screen.text.source,
                parse_mode=ParseMode.HTML,
                link_preview_options=NO_PREVIEW,
                reply_markup=markup(screen.keyboard),
            )
        except Exception as error:  # noqa: BLE001 - garbage with 200 raises anything (telegram.md 3.1)
            return sort_failure(error)
        return Sent(message.message_id)

    async def toast(self, query_id: str, text: str) -> None:
        """Answer a press, so that the button stops turning; one that is too old is past answering."""
        try:
            await self._bot.answer_callback_query(query_id, text[:TOAST_CHARACTERS_MOST])
        except Exception as error:  # noqa: BLE001 - as above
            self._note("a press was not answered", error)

    async def redraw(self, place: Place, message_id: int, screen: Screen) -> None:
        """Let a message show something else."""
        await self._pace.turn(place.chat_id, is_group=not place.is_private)
        try:
            await self._bot.edit_message_text(
                screen.text.source,
                place.chat_id,
                message_id,
                parse_mode=ParseMode.HTML,
                link_preview_options=NO_PREVIEW,
                reply_markup=markup(screen.keyboard),
            )
        except Exception as error:  # noqa: BLE001 - as above
            self._note_unless_same(error)

    async def change_buttons(self, place: Place, message_id: int, keyboard: Keyboard) -> None:
        """Let a message have other buttons."""
        await self._pace.turn(place.chat_id, is_group=not place.is_private)
        try:
            await self._bot.edit_message_reply_markup(
                place.chat_id, message_id, reply_markup=markup(keyboard)
            )
        except Exception as error:  # noqa: BLE001 - as above
            self._note_unless_same(error)

    def _note_unless_same(self, error: Exception) -> None:
        if not (isinstance(error, BadRequest) and "not modified" in error.message.lower()):
            self._note("a message was not changed", error)

    def _note(self, what: str, error: Exception) -> None:
        log.info(what, action="screen_failed", error=type(error).__name__)


def markup(keyboard: Keyboard) -> InlineKeyboardMarkup | None:
    """Return a keyboard as the library has it; None: none."""
    if not keyboard:
        return None
    return InlineKeyboardMarkup(
        [[InlineKeyboardButton(one.text, callback_data=one.data) for one in row] for row in keyboard]
    )
