"""Puts messages with buttons on people's screens, and changes what stands there."""

from collections.abc import Awaitable, Callable, Hashable, Iterable

import structlog
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions
from telegram.constants import ParseMode
from telegram.error import BadRequest

from bot.chat.buttons.data import Keyboard, Screen
from bot.chat.telegram.outgoing import Answers, sort_failure, sort_message
from bot.chat.telegram.reply_queue import ReplyQueue
from bot.chat.telegram.send_queue import Rank
from bot.chat.text.html import Html
from bot.domain.deliver.delivery import Outcome, Throttled
from bot.domain.places import Place

log = structlog.get_logger(__name__)

NO_PREVIEW = LinkPreviewOptions(is_disabled=True)
TOAST_CHARACTERS_MOST = 200
EDIT_TRIES = 2


class Screens:
    """What people see; what Telegram refuses is noted, and nothing that was done is undone by it."""

    def __init__(self, bot: Bot, answers: Answers, outgoing: ReplyQueue) -> None:
        self._bot = bot
        self._answers = answers
        self._outgoing = outgoing

    async def say(
        self,
        place: Place,
        messages: Iterable[Html | Screen],
        *,
        rank: Rank = Rank.ANSWER,
        while_open: bool = False,
    ) -> None:
        """Send these messages, in order, to who waits for them.

        `while_open`: what was not said yet when the chat is closed is not said at all.
        """
        for message in messages:
            screen = message if isinstance(message, Screen) else Screen(message)
            await self._answers.answer(
                place, screen.text, markup(screen.keyboard), rank=rank, while_open=while_open
            )

    async def write(self, place: Place, screen: Screen, *, rank: Rank = Rank.ANSWER) -> Outcome | None:
        """Send something, once, to who does not wait for it; None: it has to wait, or is dropped."""
        outcome: Outcome | None = None

        async def work() -> None:
            nonlocal outcome
            await self._outgoing.may_leave(place, rank, while_open=False)
            try:
                message = await self._bot.send_message(
                    place.chat_id,
                    screen.text.source,
                    parse_mode=ParseMode.HTML,
                    link_preview_options=NO_PREVIEW,
                    reply_markup=markup(screen.keyboard),
                )
            except Exception as error:  # noqa: BLE001 - garbage with 200 raises anything (telegram.md 3.1)
                outcome = sort_failure(error, place.chat_id)
                if isinstance(outcome, Throttled):
                    await self._outgoing.throttled(place, outcome.seconds, rank)
            else:
                outcome = sort_message(message)

        await self._outgoing.hand_over(place, work, rank=rank)
        return outcome

    async def toast(self, place: Place | None, query_id: str, text: str) -> None:
        """Answer a press, so that the button stops turning; one that is too old is past answering."""

        async def work() -> None:
            try:
                await self._bot.answer_callback_query(query_id, text[:TOAST_CHARACTERS_MOST])
            except Exception as error:  # noqa: BLE001 - as above
                await self._fails("a press was not answered", place, error)

        await self._outgoing.hand_over_unpaced(work)

    async def redraw(
        self, place: Place, message_id: int, screen: Screen, *, while_open: bool = False
    ) -> None:
        """Let a message show something else."""

        async def edit() -> None:
            await self._bot.edit_message_text(
                screen.text.source,
                place.chat_id,
                message_id,
                parse_mode=ParseMode.HTML,
                link_preview_options=NO_PREVIEW,
                reply_markup=markup(screen.keyboard),
            )

        await self._change(place, ("text", message_id), edit, while_open=while_open)

    async def change_buttons(self, place: Place, message_id: int, keyboard: Keyboard) -> None:
        """Let a message have other buttons."""

        async def edit() -> None:
            await self._bot.edit_message_reply_markup(
                place.chat_id, message_id, reply_markup=markup(keyboard)
            )

        await self._change(place, ("buttons", message_id), edit, while_open=False)

    async def _change(
        self, place: Place, subject: Hashable, edit: Callable[[], Awaitable[None]], *, while_open: bool
    ) -> None:
        """Change a message, once more where Telegram wants a pause first."""

        async def work() -> None:
            for _ in range(EDIT_TRIES):
                if not await self._outgoing.may_leave(place, Rank.ANSWER, while_open=while_open):
                    return
                try:
                    await edit()
                except Exception as error:  # noqa: BLE001 - as above
                    if await self._fails("a message was not changed", place, error):
                        continue
                return

        await self._outgoing.hand_over(place, work, subject=subject)

    async def _fails(self, what: str, place: Place | None, error: Exception) -> bool:
        """Note what failed; returns whether it only has to wait."""
        if isinstance(error, BadRequest) and "not modified" in error.message.lower():
            return False
        outcome = sort_failure(error, place.chat_id if place else 0)
        log.info(what, action="screen_failed", error=type(error).__name__)
        if isinstance(outcome, Throttled) and place is not None:
            return await self._outgoing.throttled(place, outcome.seconds, Rank.ANSWER)
        return False


def markup(keyboard: Keyboard) -> InlineKeyboardMarkup | None:
    """Return a keyboard as the library has it; None: none."""
    if not keyboard:
        return None
    return InlineKeyboardMarkup(
        [[InlineKeyboardButton(one.text, callback_data=one.data) for one in row] for row in keyboard]
    )
