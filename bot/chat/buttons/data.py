"""Buttons under a message: what they carry, and how that is read when it comes back.

A button carries the name of an action and the number of a row, never more: that data can be forged, so a
press is checked like a command (docs/telegram.md, "Buttons").
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.chat.text.html import Html

TEXT_CHARACTERS_MOST = 24
"""Longer ones are cut by Telegram's apps where several stand side by side."""

BACK, FORTH = "‹", "›"


@dataclass(frozen=True, slots=True)
class ButtonAction:
    """What a button does; its command's own file declares it and handles it.

    The name stays in the buttons on people's phones for as long as the messages do: it is never changed,
    and never given to another action. Up to 16 small letters.
    """

    name: str


@dataclass(frozen=True, slots=True)
class Button:
    """One button: what it says, and what comes back when it is pressed."""

    text: str
    data: str


Keyboard = tuple[tuple[Button, ...], ...]
"""Rows of buttons."""


@dataclass(frozen=True, slots=True)
class Screen:
    """A message with its buttons."""

    text: Html
    keyboard: Keyboard = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file as a message of its own, with what stands under it."""

    name: str
    """As it is saved, without quotation marks; its ending says what it is: `balances.csv`."""
    content: bytes = field(repr=False)
    caption: Html
    keyboard: Keyboard = ()
    is_picture: bool = False
    """Whether it is shown in the chat: a PNG or JPEG of 10 MB at most."""


@dataclass(frozen=True, slots=True)
class Press:
    """What a pressed button carried; there may be no such action: anybody can forge one."""

    action: ButtonAction
    row: int
    page: int | None = None


def button(text: str, action: ButtonAction, row: int, page: int | None = None) -> Button:
    """Return a button; a long text is cut."""
    shown = text if len(text) <= TEXT_CHARACTERS_MOST else text[: TEXT_CHARACTERS_MOST - 1] + "…"
    return Button(shown, f"{action.name}:{row}" if page is None else f"{action.name}:{row}:{page}")


def read_press(data: str) -> Press | None:
    """Return what a button carried; None: the data is not of our form."""
    read = _FORM.fullmatch(data)
    if read is None:
        return None
    return Press(ButtonAction(read["action"]), int(read["row"]), int(read["page"]) if read["page"] else None)


def pager(action: ButtonAction, page: int, pages: int) -> Keyboard:
    """Return the buttons ‹ and › to the pages before and after; the row they carry is the page."""
    before = [button(BACK, action, page - 1)] if page > 1 else []
    after = [button(FORTH, action, page + 1)] if page < pages else []
    return rows(before + after)


def rows(*lines: list[Button]) -> Keyboard:
    """Return a keyboard of these rows, without the empty ones."""
    return tuple(tuple(line) for line in lines if line)


def in_pairs(buttons: Sequence[Button]) -> Keyboard:
    """Return a keyboard with two buttons in each row."""
    return rows(*(list(buttons[start : start + 2]) for start in range(0, len(buttons), 2)))


def with_keyboard(pages: Sequence[Html], keyboard: Keyboard) -> list[Html | Screen]:
    """Return the pages, the last one with the buttons; at least one."""
    return [*pages[:-1], Screen(pages[-1], keyboard)]


_FORM = re.compile(r"(?P<action>[a-z]{1,16}):(?P<row>[0-9]{1,18})(?::(?P<page>[0-9]{1,18}))?", re.ASCII)
