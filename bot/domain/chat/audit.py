"""Who changed what, and when: kept with each change, and shown to owners."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes something, and when."""

    user_id: int | None
    """None: an administrator of a group who stays unnamed."""
    name: str
    at: datetime


class AuditAction(StrEnum):
    """What was done; the words are stored."""

    CLAIM = "claim"
    ALLOW = "allow"
    DENY = "deny"
    IGNORE = "ignore"
    WATCH = "watch"
    RELABEL = "relabel"
    UNWATCH = "unwatch"
    UNDO = "undo"
    BELIEVE = "believe"
    HERE = "here"
    MUTE = "mute"
    UNMUTE = "unmute"
    LEAVE_OUT = "leave out"
    HEAR = "hear"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One change that somebody made."""

    author: Actor
    deed: AuditAction
    chat_id: int | None
    """Telegram's number of the chat it concerns; None: it concerns all of the bot."""
    chat_title: str
    subject: str
    """What it was about, as it was then: accounts and labels, a chain's number, or how many entries."""
