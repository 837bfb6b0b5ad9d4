"""Sends messages with buttons, and edits those that were sent."""

from collections.abc import Iterable

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.chat.buttons.data import Keyboard, Screen
from bot.chat.telegram.outgoing import Outgoing
from bot.chat.telegram.send_queue import Rank
from bot.chat.text.html import Html
from bot.domain.deliver.outcomes import Outcome
from bot.domain.places import Place


class Screens:
    """Sends and edits messages; what Telegram refuses is logged, and undoes nothing that was done."""

    def __init__(self, outgoing: Outgoing) -> None:
        self._outgoing = outgoing

    async def say(
        self,
        place: Place,
        messages: Iterable[Html | Screen],
        *,
        rank: Rank = Rank.ANSWER,
        while_open: bool = False,
    ) -> None:
        """Send the messages of an answer, in order; none to a channel, where nothing but alerts is posted.

        `while_open`: what has not left yet when the chat is closed is dropped.
        """
        for message in () if place.is_channel else messages:
            screen = message if isinstance(message, Screen) else Screen(message)
            await self._outgoing.reply(
                place, screen.text, markup(screen.keyboard), rank=rank, while_open=while_open
            )

    async def write(self, place: Place, screen: Screen, *, rank: Rank = Rank.ANSWER) -> Outcome | None:
        """Send once a message that answers no command; None: it has to wait, or is dropped."""
        return await self._outgoing.notify(place, screen.text, markup(screen.keyboard), rank=rank)

    async def toast(self, place: Place | None, query_id: str, text: str) -> None:
        """Answer a press, so that the button stops turning; Telegram takes no answer to an old one."""
        await self._outgoing.toast(place, query_id, text)

    async def redraw(
        self, place: Place, message_id: int, screen: Screen, *, while_open: bool = False
    ) -> None:
        """Replace the text and the buttons of a message."""
        await self._outgoing.edit(
            place, message_id, screen.text, markup(screen.keyboard), while_open=while_open
        )

    async def change_buttons(self, place: Place, message_id: int, keyboard: Keyboard) -> None:
        """Replace the buttons of a message."""
        await self._outgoing.edit_buttons(place, message_id, markup(keyboard))


def markup(keyboard: Keyboard) -> InlineKeyboardMarkup | None:
    """Return a keyboard in the library's type; None: no buttons."""
    if not keyboard:
        return None
    return InlineKeyboardMarkup(
        [[InlineKeyboardButton(one.text, callback_data=one.data) for one in row] for row in keyboard]
    )
