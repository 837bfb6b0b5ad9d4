"""Buttons under a message: what they carry, and how that is read when it comes back.

A button carries what it does and the number of a row, never more: that data can be forged, so a
press is checked like a command (telegram.md 10).
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from bot.chat.text.html import Html

TEXT_CHARACTERS_MOST = 24
"""Longer ones are cut by Telegram's apps where several stand side by side."""

BACK, FORTH = "‹", "›"


class Does(StrEnum):
    """What a button does; the row says with what."""

    OFFER = "do"
    """Runs a command that was offered."""
    UNDO = "undo"
    """Takes an /unwatch back."""
    STOP = "stop"
    """Ends a subscription; the row is it, since its number may be another's later."""
    LIST = "list"
    """Shows a page of /list; the row is the page."""
    BALANCE = "balance"
    """Shows what a subscription's account holds, as it is now."""
    CHATS = "chats"
    """Shows a page of /chats; the row is the page."""
    AUDIT = "audit"
    """Shows a page of /audit; the row is the page."""
    ALLOW = "allow"
    """Opens a chat; the page is the one of /chats it stands on, none in a message about a knock."""
    DENY = "deny"
    IGNORE = "ignore"
    """Lets a chat knock in vain."""
    HEAR = "hear"
    """Takes back that a contract is ignored; the page is the one of /ignore it stands on."""
    LOOK = "look"
    """Shows what the accounts hold that a message tells of; the row is the message."""
    QUIET = "quiet"
    """Mutes where a message was told for an hour; the row is the message."""
    LEAVE_OUT = "leave"
    """Ignores the token that a message tells of; the row is the message."""
    UNMUTE = "unmute"
    """Ends a mute."""
    IGNORED = "ignored"
    """Shows a page of /ignore; the row is the page."""


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


@dataclass(frozen=True, slots=True)
class Press:
    """What a pressed button carried."""

    does: Does
    row: int
    page: int | None = None


def button(text: str, does: Does, row: int, page: int | None = None) -> Button:
    """Return a button; a long text is cut."""
    shown = text if len(text) <= TEXT_CHARACTERS_MOST else text[: TEXT_CHARACTERS_MOST - 1] + "…"
    return Button(shown, f"{does}:{row}" if page is None else f"{does}:{row}:{page}")


def read_press(data: str) -> Press | None:
    """Return what a button carried; None: it is none of ours."""
    read = _FORM.fullmatch(data)
    if read is None or read["does"] not in _ALL:
        return None
    return Press(Does(read["does"]), int(read["row"]), int(read["page"]) if read["page"] else None)


def pager(does: Does, page: int, pages: int) -> Keyboard:
    """Return the buttons that lead to the pages before and after; none where there is one page."""
    before = [button(BACK, does, page - 1)] if page > 1 else []
    after = [button(FORTH, does, page + 1)] if page < pages else []
    return rows(before + after)


def rows(*lines: list[Button]) -> Keyboard:
    """Return a keyboard of these rows, the empty ones left out."""
    return tuple(tuple(line) for line in lines if line)


_FORM = re.compile(r"(?P<does>[a-z]{1,16}):(?P<row>[0-9]{1,18})(?::(?P<page>[0-9]{1,6}))?", re.ASCII)
_ALL = frozenset(map(str, Does))
