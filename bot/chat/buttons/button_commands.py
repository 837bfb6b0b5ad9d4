"""Buttons that stand for a command: pressing one is typing it, with the presser's own rights."""

from collections.abc import Callable
from datetime import datetime

from bot.chat.buttons.data import Button, ButtonAction, button
from bot.domain.places import Place
from bot.store.chats import button_commands
from bot.store.database.connection import DatabaseThread

OFFERED_MOST = 8
"""Buttons where one of several is to be chosen."""

RUN_COMMAND = ButtonAction("do")
"""Runs the command that is kept in the row."""


class ButtonCommands:
    """Makes buttons that type a command, and keeps the command until it is pressed."""

    def __init__(self, db: DatabaseThread, *, now: Callable[[], datetime]) -> None:
        self._db = db
        self._now = now

    async def buttons(self, place: Place, *offers: tuple[str, str]) -> list[Button]:
        """Return a button for each pair of a text and a command; none where the database can't be written."""
        if not offers:
            return []
        kept = await self._db.run_if_possible(
            button_commands.save_button_commands, place, [command for _, command in offers], self._now()
        )
        rows = kept or []
        # Without rows there are no buttons, and the answer goes out all the same: it says what to type.
        return [button(text, RUN_COMMAND, row) for (text, _), row in zip(offers, rows, strict=bool(rows))]
