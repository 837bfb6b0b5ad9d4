"""Buttons that stand for a command: pressing one is typing it, with the presser's own rights."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.chat.buttons.data import Button, Does, Screen, button
from bot.chat.permissions import Incoming
from bot.chat.text.html import Html
from bot.domain.chat.access import Action
from bot.domain.places import Place
from bot.store.store import Store

Answer = Sequence[Html | Screen]
"""The messages of one answer, in order."""


@dataclass(frozen=True, slots=True)
class CallbackResult:
    """What comes of a press: first a few words, then what changes on the screen."""

    toast: str = ""
    redraw: Screen | None = None
    """What the message shows from now on; None: it stays."""
    is_only_to_see: bool = False
    """Whether nothing else came of it than what the message shows."""
    is_used_up: bool = False
    """Whether the button goes away."""
    then: Callable[[], Awaitable[Answer]] | None = None
    """What is to be done once the presser has an answer, and may take its time."""


@dataclass(frozen=True, slots=True)
class CallbackAction:
    """A press whose row was found in this chat; what remains to be asked is whether the presser may."""

    needs: Action
    act: Callable[[Incoming], Awaitable[CallbackResult]]
    place: Place
    """Where it happens: the row knows the topic even where the message is out of reach."""


class ButtonCommands:
    """Keeps the commands that buttons stand for."""

    def __init__(self, store: Store, *, now: Callable[[], datetime]) -> None:
        self._store = store
        self._now = now

    async def buttons(self, place: Place, *offers: tuple[str, str]) -> list[Button]:
        """Return a button for each pair of a text and a command; none where nothing can be kept just now."""
        if not offers:
            return []
        rows = await self._store.save_button_commands(place, [command for _, command in offers], self._now())
        return [button(text, Does.OFFER, row) for (text, _), row in zip(offers, rows, strict=bool(rows))]
