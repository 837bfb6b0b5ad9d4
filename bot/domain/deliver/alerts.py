"""Alerts: changes for a destination that subscribed to them, and notices, which are about anything else.

Both are stored, take the same way, and are sent until Telegram has confirmed them.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, NewType

from bot.domain.assets import Address, ChainId, Description
from bot.domain.observations import Change

AlertId = NewType("AlertId", int)


@dataclass(frozen=True, slots=True)
class Baseline:
    """An account was read for the first time."""

    account: Address
    label: str
    balances: int
    chains: tuple[ChainId, ...]
    """Chains of the first reading."""
    unanswered: tuple[ChainId, ...]
    """Chains that were asked and gave no usable answer yet."""
    contracts: tuple[Address, ...] = ()
    """Only these tokens were read for the first time, of an account watched before; none: all of it."""


class HoldEnd(StrEnum):
    """How it ended that a chain was held back."""

    BACK = "back"
    """What had vanished is there again."""
    BELIEVED = "believed"
    """An owner says that it is gone."""
    SETTLED = "settled"
    """What stayed missing was little and the same for long: it is taken for gone."""


class HeldBack(NamedTuple):
    """So much of a chain vanished at once that it is not believed yet."""

    lost: int
    """Token balances; 0: nobody counted them."""
    held: int
    """Of so many."""
    end: HoldEnd | None = None
    """None: it is held back still."""


class Gap(NamedTuple):
    """Something watched that gives no answer, or gave none for a while."""

    chain_id: ChainId
    account: Address | None
    """None: nothing of the chain answers."""
    label: str
    """What the destination calls the account, "" if nothing."""
    since: datetime
    """When it was last seen."""
    held_back: HeldBack | None = None
    """Why nothing of the chain counts, if it is not for want of an answer."""


@dataclass(frozen=True, slots=True)
class Blind:
    """What a destination watches has given no answer for long."""

    gaps: tuple[Gap, ...]
    is_everything: bool
    """Whether nothing that the destination watches answers."""


@dataclass(frozen=True, slots=True)
class SeenAgain:
    """What had been told to be blind is seen again; changes of the meantime are told as changes."""

    gaps: tuple[Gap, ...]
    changes: int
    """How much changed meanwhile, as far as this destination hears of it."""


@dataclass(frozen=True, slots=True)
class ChainGone:
    """The source no longer lists a chain that somebody watches; it is asked all the same."""

    chain_id: ChainId


@dataclass(frozen=True, slots=True)
class ChainBack:
    """The source lists a chain again that it had dropped."""

    chain_id: ChainId


@dataclass(frozen=True, slots=True)
class MassLoss:
    """To owners: so much of a chain vanished at once that its index is taken to be rebuilt."""

    chain_id: ChainId
    lost: int
    held: int
    """Token balances that were stored there."""


@dataclass(frozen=True, slots=True)
class SourceRefuses:
    """To owners: the source refuses to answer until somebody does something about it."""

    reason: str
    """As the operator reads it in the log; what the source said is part of it."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """So many changes waited too long to be told, and are not."""

    changes: int
    first_at: datetime
    """When the first of them was seen."""
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Undelivered:
    """Telegram does not take a message, whatever is tried; what it tells stays in the database."""

    message_id: str
    changes: int
    """How many it tells."""
    reason: str
    """In Telegram's words."""
    chat_id: int | None = None
    """Whom it was for, as owners are told; None: for the very destination that is told now."""
    title: str = ""
    """Of that chat."""


@dataclass(frozen=True, slots=True)
class BackupFails:
    """To owners: the daily copy of the database could not be made; it is tried again."""

    reason: str


@dataclass(frozen=True, slots=True)
class BackupWorks:
    """To owners: the daily copy is made again."""


@dataclass(frozen=True, slots=True)
class Restored:
    """The bot goes on from a copy: what happened between the copy and now is not known to it."""

    copied_at: datetime


@dataclass(frozen=True, slots=True)
class MuteOver:
    """A mute has ended, and what it held follows."""

    account: Address | None
    """None: everything was muted."""
    label: str
    since: datetime
    until: datetime
    changes: int
    """How many were held."""
    chains: tuple[ChainId, ...] = ()
    """Where the account was muted; none: everywhere."""


Notice = (
    Baseline
    | Blind
    | SeenAgain
    | ChainGone
    | ChainBack
    | MassLoss
    | SourceRefuses
    | Dropped
    | Undelivered
    | BackupFails
    | BackupWorks
    | Restored
    | MuteOver
)


@dataclass(frozen=True, slots=True)
class UnreadableNotice:
    """A notice that this version can't read: a later one wrote it, or its row is damaged."""

    kind: str
    """What it calls itself, "" if not even that can be read."""


StoredNotice = Notice | UnreadableNotice
"""What comes out of the database; only a `Notice` goes into it."""


@dataclass(frozen=True, slots=True)
class ChangeAlert:
    """A change on its way to one destination."""

    id: AlertId
    change: Change
    label: str
    """What this destination calls the account, "" if nothing."""
    description: Description
    is_look_alike: bool = False
    """Whether the symbol looks like another one that the chain is known to have, or the account."""


@dataclass(frozen=True, slots=True)
class NoticeAlert:
    """Something told that is no change."""

    id: AlertId
    notice: StoredNotice
    observed_at: datetime


Alert = ChangeAlert | NoticeAlert
