"""Chats as owners see them: open, asking for access, unreachable."""

from dataclasses import dataclass
from datetime import datetime

from bot.domain.places import Place


@dataclass(frozen=True, slots=True)
class KnownChat:
    """One chat in the list that owners see."""

    row: int
    """Its row id, which buttons carry."""
    place: Place
    is_open: bool
    is_owner: bool
    """Whether it is the private chat of an owner."""
    subscriptions: int
    unavailable: str | None
    """Why nothing can be sent there; None: no reason is known."""
    requested_at: datetime | None
    """When somebody there asked for access; None: nobody did, or it was answered."""


@dataclass(frozen=True, slots=True)
class NamedChats:
    """What a name means: chats of that very name, and those whose name has a word that begins like it."""

    exact: tuple[KnownChat, ...]
    similar: tuple[KnownChat, ...] = ()


@dataclass(frozen=True, slots=True)
class ChatListPage:
    """One page of the list of chats."""

    chats: tuple[KnownChat, ...]
    total: int
    page: int
    pages: int


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """A closed chat that asks for access, which owners are to see now."""

    row: int
    """The row id of the chat, which buttons carry."""
    is_last_today: bool
    """Whether it is the last one reported today; later ones only appear in /chats, so as not to flood."""
