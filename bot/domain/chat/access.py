"""Who may do what in which chat: closed by default, decided from facts that come in as arguments."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

ANONYMOUS_ADMINISTRATOR = 1087968824
"""The user that all anonymous administrators of all groups write as (docs/telegram.md, "Administrators")."""

CHANNEL_IN_GROUP = 136817688
"""The user that a channel writes as in a group; no administrator of it."""


class Permission(Enum):
    """Whether somebody may do something in a chat, and if not, what is missing."""

    ALLOWED = "allowed"
    STRANGER = "stranger"
    """The chat is not open."""
    NEEDS_ADMINISTRATOR = "needs administrator"
    """In an open group everybody may look; changes are for its administrators and for owners."""
    NEEDS_OWNER = "needs owner"


class Action(Enum):
    """What kind of command it is: one that looks, one that changes, or one for owners."""

    LOOK = "look"
    CHANGE = "change"
    OWN = "own"
    """Open and close chats, and look at who did what."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote a message or pressed a button, and where."""

    user_id: int | None
    chat_id: int
    is_private: bool
    sender_chat_id: int | None = None
    """The chat in whose name they write: a channel, or the group itself for its anonymous administrators."""
    name: str = ""
    """Their name as Telegram gives it."""

    @property
    def is_anonymous_administrator(self) -> bool:
        """Whether this is an administrator of this group who stays anonymous."""
        return self.user_id == ANONYMOUS_ADMINISTRATOR and self.sender_chat_id == self.chat_id

    @property
    def named_user_id(self) -> int | None:
        """The person's id; None where Telegram's number stands for many people."""
        return None if self.sender_chat_id is not None else self.user_id


def is_open(*, decided: bool | None, configured: bool, is_owners_private_chat: bool) -> bool:
    """Whether a chat may use the bot; a decision by /allow or /deny beats the configuration."""
    if decided is not None:
        return decided
    return configured or is_owners_private_chat


def merged_decision(decisions: Iterable[bool | None]) -> bool | None:
    """Return the decision for a chat that has several, under former ids too; None: there is none.

    One denial is enough to keep it closed.
    """
    made = [bool(decision) for decision in decisions if decision is not None]
    return all(made) if made else None


def judge(action: Action, *, chat_is_open: bool, is_private: bool, is_owner: bool) -> Permission | None:
    """Return whether an action is allowed; None: only if the person administers the group, to be asked."""
    if action is Action.OWN:
        return Permission.ALLOWED if is_owner else Permission.NEEDS_OWNER
    if not chat_is_open:
        return Permission.STRANGER
    if action is Action.LOOK or is_private or is_owner:
        return Permission.ALLOWED
    return None
