"""Chats as owners see them: who is in, who knocks, who can't be reached."""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.places import Place


@dataclass(frozen=True, slots=True)
class KnownChat:
    """One chat that the bot knows."""

    row: int
    """What buttons call it."""
    place: Place
    is_open: bool
    is_owner: bool
    """Whether it is an owner's private chat."""
    subscriptions: int
    unavailable: str | None
    """Why nothing can be sent there; None: it can, as far as anybody knows."""
    knocked_at: datetime | None
    """When somebody there asked to come in, and nobody has answered yet."""


@dataclass(frozen=True, slots=True)
class ChatListPage:
    """One page of the chats that the bot knows."""

    chats: tuple[KnownChat, ...]
    total: int
    page: int
    pages: int


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """A closed chat that asks to come in, and of which owners are to hear now."""

    row: int
    """Of the chat; what buttons call it."""
    is_last_today: bool
    """Whether later ones are only listed: nobody is flooded by strangers."""
