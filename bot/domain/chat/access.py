"""Who may do what: closed by default, decided by facts that come in as arguments."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

ANONYMOUS_ADMINISTRATOR = 1087968824
"""The user that every anonymous administrator of every group writes as (telegram.md 6.3)."""

CHANNEL_IN_GROUP = 136817688
"""The user that a channel writes as in a group; no administrator of it (telegram.md 6.3)."""


class Permission(Enum):
    """What comes of somebody's wish to do something in a chat."""

    ALLOWED = "allowed"
    STRANGER = "stranger"
    """The chat is not open."""
    NEEDS_ADMINISTRATOR = "needs administrator"
    """The chat is open to look, and changes are for its administrators and for owners."""
    NEEDS_OWNER = "needs owner"


class Action(Enum):
    """How much somebody wishes to do."""

    LOOK = "look"
    CHANGE = "change"
    OWN = "own"
    """Open and close chats, and look at who did what."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote, and where."""

    user_id: int | None
    chat_id: int
    is_private: bool
    sender_chat_id: int | None = None
    """The chat that somebody writes in the name of, a group for its anonymous administrators."""
    name: str = ""
    """What they call themselves."""

    @property
    def is_anonymous_administrator(self) -> bool:
        """Whether it is an administrator of this very group, unnamed."""
        return self.user_id == ANONYMOUS_ADMINISTRATOR and self.sender_chat_id == self.chat_id

    @property
    def named_user_id(self) -> int | None:
        """The person, or None where the number stands for many."""
        return None if self.sender_chat_id is not None else self.user_id


def is_open(*, decided: bool | None, configured: bool, is_owners_private_chat: bool) -> bool:
    """Whether a chat may use the bot; what was decided by command beats the configuration."""
    if decided is not None:
        return decided
    return configured or is_owners_private_chat


def merged_decision(decisions: Iterable[bool | None]) -> bool | None:
    """Return what holds for a chat that several decisions speak of; None: none says anything."""
    made = [bool(decision) for decision in decisions if decision is not None]
    return all(made) if made else None


def judge(action: Action, *, chat_is_open: bool, is_private: bool, is_owner: bool) -> Permission | None:
    """Return whether the action is allowed; None: that depends on whether they administer the group."""
    if action is Action.OWN:
        return Permission.ALLOWED if is_owner else Permission.NEEDS_OWNER
    if not chat_is_open:
        return Permission.STRANGER
    if action is Action.LOOK or is_private or is_owner:
        return Permission.ALLOWED
    return None
