"""Sends messages with buttons, and edits those that were sent."""

from collections.abc import Iterable, Iterator
from itertools import chain

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bot.chat.buttons.data import Attachment, Keyboard, Screen
from bot.chat.telegram.outgoing import Outgoing, OutgoingFile
from bot.chat.telegram.send_queue import Rank
from bot.chat.text.html import EMPTY, Html
from bot.domain.deliver.outcomes import Outcome
from bot.domain.places import Place

CAPTION_UNITS_MOST = 1_000
"""Telegram accepts 1,024 characters; there are never fewer UTF-16 units than characters."""


class Screens:
    """Sends and edits messages; what Telegram refuses is logged, and undoes nothing that was done."""

    def __init__(self, outgoing: Outgoing) -> None:
        self._outgoing = outgoing

    async def say(
        self,
        place: Place,
        messages: Iterable[Html | Screen | Attachment],
        *,
        rank: Rank = Rank.ANSWER,
        while_open: bool = False,
    ) -> None:
        """Send the messages of an answer, in order; none to a channel, where nothing but alerts is posted.

        `while_open`: what has not left yet when the chat is closed is dropped.
        """
        for text, keyboard, file in () if place.is_channel else chain.from_iterable(map(_parts, messages)):
            await self._outgoing.reply(
                place, text, markup(keyboard), file=file, rank=rank, while_open=while_open
            )

    async def write(
        self, place: Place, screen: Screen, *, rank: Rank = Rank.ANSWER, while_open: bool = False
    ) -> Outcome | None:
        """Send once a message that answers no command; None: it has to wait, or is dropped."""
        return await self._outgoing.notify(
            place, screen.text, markup(screen.keyboard), rank=rank, while_open=while_open
        )

    async def show_uploading(self, place: Place) -> None:
        """Show for five seconds that a file is on its way to a chat."""
        await self._outgoing.show_uploading(place)

    async def toast(self, place: Place | None, query_id: str, text: str) -> None:
        """Answer a press, so that the button stops turning; Telegram takes no answer to an old one."""
        await self._outgoing.toast(place, query_id, text)

    async def redraw(
        self,
        place: Place,
        message_id: int,
        screen: Screen,
        *,
        is_caption: bool = False,
        while_open: bool = False,
    ) -> None:
        """Replace the text and the buttons of a message; `is_caption`: what stands under its file."""
        buttons = markup(screen.keyboard)
        await self._outgoing.edit(
            place, message_id, screen.text, buttons, is_caption=is_caption, while_open=while_open
        )

    async def change_buttons(self, place: Place, message_id: int, keyboard: Keyboard) -> None:
        """Replace the buttons of a message."""
        await self._outgoing.edit_buttons(place, message_id, markup(keyboard))


def _parts(message: Html | Screen | Attachment) -> Iterator[tuple[Html, Keyboard, OutgoingFile | None]]:
    """Yield what is sent for a message: a caption that is too long goes before its file."""
    match message:
        case Html():
            yield message, (), None
        case Screen():
            yield message.text, message.keyboard, None
        case Attachment(caption=caption):
            file = OutgoingFile(message.name, message.content, message.is_picture)
            if caption.visible_units > CAPTION_UNITS_MOST:
                yield caption, (), None
                caption = EMPTY
            yield caption, message.keyboard, file


def markup(keyboard: Keyboard) -> InlineKeyboardMarkup | None:
    """Return a keyboard in the library's type; None: no buttons."""
    if not keyboard:
        return None
    return InlineKeyboardMarkup(
        [[InlineKeyboardButton(one.text, callback_data=one.data) for one in row] for row in keyboard]
    )
