"""The audit log: who changed what and when, stored with each change and shown to owners."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Actor:
    """Who made a change, and when."""

    user_id: int | None
    """None: an anonymous administrator of a group."""
    name: str
    at: datetime


class AuditAction(StrEnum):
    """What was done. The values are stored: add some, but never change one."""

    CLAIM = "claim"
    ADD_OWNER = "add owner"
    REMOVE_OWNER = "remove owner"
    ALLOW = "allow"
    DENY = "deny"
    IGNORE_CHAT = "ignore"
    WATCH = "watch"
    RELABEL = "relabel"
    UNWATCH = "unwatch"
    UNDO = "undo"
    BELIEVE = "believe"
    HERE = "here"
    FILTER = "filter"
    UNFILTER = "unfilter"
    LOUD = "loud"
    UNLOUD = "unloud"
    ALARM = "alarm"
    END_ALARM = "end alarm"
    ACKNOWLEDGE = "acknowledge"
    MUTE = "mute"
    UNMUTE = "unmute"
    IGNORE_CONTRACT = "leave out"
    UNIGNORE_CONTRACT = "hear"
    ZONE = "zone"
    QUIET = "quiet"
    BUDGET = "budget"
    DIGEST = "digest"
    EXPORT = "export"
    NAME = "name"
    UNNAME = "unname"


PAST_TENSE: Mapping[AuditAction, str] = MappingProxyType(
    {
        AuditAction.CLAIM: "became the owner",
        AuditAction.ADD_OWNER: "added an owner",
        AuditAction.REMOVE_OWNER: "removed an owner",
        AuditAction.ALLOW: "opened",
        AuditAction.DENY: "closed",
        AuditAction.IGNORE_CHAT: "ignored",
        AuditAction.WATCH: "watched",
        AuditAction.RELABEL: "named",
        AuditAction.UNWATCH: "stopped watching",
        AuditAction.UNDO: "took back the end of",
        AuditAction.BELIEVE: "confirmed what disappeared on",
        AuditAction.HERE: "moved to another topic, entries:",
        AuditAction.FILTER: "chose what is reported of",
        AuditAction.UNFILTER: "let everything be reported of",
        AuditAction.LOUD: "chose what rings of",
        AuditAction.UNLOUD: "ended what rings of",
        AuditAction.ALARM: "set an alarm on",
        AuditAction.END_ALARM: "ended the alarm on",
        AuditAction.ACKNOWLEDGE: "took care of the alarm on",
        AuditAction.MUTE: "muted",
        AuditAction.UNMUTE: "unmuted",
        AuditAction.IGNORE_CONTRACT: "ignored the token",
        AuditAction.UNIGNORE_CONTRACT: "no longer ignored the token",
        AuditAction.ZONE: "set the time zone to",
        AuditAction.QUIET: "set quiet hours:",
        AuditAction.BUDGET: "set the messages an hour:",
        AuditAction.DIGEST: "set the digest:",
        AuditAction.EXPORT: "exported",
        AuditAction.NAME: "named the address",
        AuditAction.UNNAME: "took the name away from",
    }
)
"""What follows a person's name in /audit, before what was changed; each action has one."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the audit log."""

    actor: Actor
    action: AuditAction
    chat_id: int | None
    """Telegram's id of the chat that was changed; None: it concerns the whole bot."""
    chat_title: str
    subject: str
    """What was changed, as it was then: accounts and labels, a chain's id, or a number of entries."""
