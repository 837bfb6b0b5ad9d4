"""Alerts: changes for a destination that subscribed to them, and notices, which are about anything else.

Both are stored, take the same way, and are sent until Telegram has confirmed them.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, NewType

from bot.domain.assets import Address, Amount, Asset, ChainId, Description
from bot.domain.explain.explanations import Explanation
from bot.domain.explain.names import NO_NAMES, CounterpartyNames
from bot.domain.observations import Change
from bot.domain.rules.alarms import Side
from bot.domain.rules.loud import AS_EVER, Loudness

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
    """The only tokens that were read, of an account that was watched for others before; empty: all of it."""


class DoubtEnd(StrEnum):
    """How the holding back of a chain ended."""

    BACK = "back"
    """What had vanished is there again."""
    BELIEVED = "believed"
    """An owner confirmed with /believe that it is gone."""
    SETTLED = "settled"
    """Little was still missing, unchanged for long: it counts as gone."""


class HeldBack(NamedTuple):
    """A chain whose readings don't count for now, since too many token balances vanished there at once."""

    lost: int
    """Token balances that vanished; 0: not counted."""
    held: int
    """Token balances that were known there."""
    end: DoubtEnd | None = None
    """None: it is still held back."""


class Gap(NamedTuple):
    """A chain, or an account on one, that gives no answer, or gave none for a while."""

    chain_id: ChainId
    account: Address | None
    """None: the whole chain."""
    label: str
    """The destination's name for the account, "" if it has none."""
    since: datetime
    """When it was last read."""
    held_back: HeldBack | None = None
    """Set if the chain answers but is held back."""


@dataclass(frozen=True, slots=True)
class Blind:
    """Something that a destination watches has given no answer for long."""

    gaps: tuple[Gap, ...]
    is_everything: bool
    """Whether nothing at all that the destination watches is answered."""


@dataclass(frozen=True, slots=True)
class SeenAgain:
    """The end of what `Blind` reported; changes in the meantime are alerts of their own."""

    gaps: tuple[Gap, ...]
    changes: int
    """The number of those changes for this destination."""


@dataclass(frozen=True, slots=True)
class ChainGone:
    """The indexer no longer lists a chain that is watched; the bot goes on asking for it."""

    chain_id: ChainId


@dataclass(frozen=True, slots=True)
class ChainBack:
    """The indexer lists a chain again that it had dropped."""

    chain_id: ChainId


@dataclass(frozen=True, slots=True)
class MassLoss:
    """To owners: so much vanished on a chain at once that its index seems to be under reconstruction."""

    chain_id: ChainId
    lost: int
    held: int
    """Token balances that were stored there, of all accounts that could be read."""


@dataclass(frozen=True, slots=True)
class SourceRefuses:
    """To owners: the indexer refuses to answer, and only somebody's help ends that."""

    reason: str
    """As in the log, with the words of the indexer."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """Changes that were never sent, because they waited too long."""

    changes: int
    first_at: datetime
    """When the first of them was observed."""
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Undelivered:
    """Telegram refused a message in every form; its alerts stay in the database."""

    message_id: str
    changes: int
    """Those in the message."""
    reason: str
    """In Telegram's words."""
    chat_id: int | None = None
    """The chat it was for, in the notice to owners; None: the destination of this notice."""
    title: str = ""
    """The title of that chat."""


@dataclass(frozen=True, slots=True)
class BackupFails:
    """To owners: the daily copy of the database could not be made; it is tried again."""

    reason: str


@dataclass(frozen=True, slots=True)
class BackupWorks:
    """To owners: the daily copy could be made again."""


@dataclass(frozen=True, slots=True)
class Restored:
    """The bot was started with a backup of its database, and knows nothing of what it did since then."""

    copied_at: datetime


@dataclass(frozen=True, slots=True)
class ReplicaAway:
    """To owners: a replica has not been seen for long, and was not asked to stop."""

    name: str
    seen_at: datetime
    left: int
    """How many replicas were there when that was noticed."""


@dataclass(frozen=True, slots=True)
class ReplicaBack:
    """To owners: a replica that was away is there again."""

    name: str


class MuteKind(StrEnum):
    """What keeps alerts back, the strongest first. The values are stored: never change one."""

    MUTE = "mute"
    """Somebody muted a place, or accounts."""
    QUIET = "quiet"
    """It is within the quiet hours of a place."""
    BUDGET = "budget"
    """A place had as many messages of changes in an hour as it wants."""


@dataclass(frozen=True, slots=True)
class MuteOver:
    """A mute ended; the alerts that it kept back follow."""

    account: Address | None
    """None: everything was muted."""
    label: str
    since: datetime
    until: datetime
    changes: int
    """The number of changes kept back."""
    chains: tuple[ChainId, ...] = ()
    """The chains on which the account was muted; empty: all."""
    ended: MuteKind = MuteKind.MUTE
    budget: int = 0
    """How many messages of changes the place wants in an hour, where that is why."""


class AlarmSubject(NamedTuple):
    """Which alarm a notice is about, in the words of its message."""

    number: int
    """What people type for it: `A2`."""
    account: Address
    label: str
    """The destination's name for the account, "" if it has none."""
    chains: tuple[ChainId, ...]
    """Where it compares: one chain, or those that it adds up."""
    side: Side
    level: Decimal
    contract: Address | None
    """Of the token that it is about; None: of several, or it is in dollars."""
    symbol: str = ""
    """Of that token, or of those that are added up; "": none is known, or it is in dollars."""
    is_sum: bool = False
    """Whether it adds up what is on several chains."""
    is_in_dollars: bool = False


@dataclass(frozen=True, slots=True)
class AlarmRang:
    """An amount has crossed the level of an alarm."""

    subject: AlarmSubject
    firing: int
    """The row of what rings, which [I have it] is about."""
    value: Decimal
    is_by_price: bool = False
    """Whether prices moved it and no amount did."""
    unpriced: int = 0
    """The number of balances that never had a price, which count as nothing."""


@dataclass(frozen=True, slots=True)
class AlarmRepeated:
    """What rings still does, or may: it can't be read."""

    subject: AlarmSubject
    firing: int
    rang_at: datetime
    value: Decimal | None
    """None: it is unknown."""
    unknown_since: datetime | None = None
    acknowledged_by: str = ""
    """Who had it, "" for nobody."""


@dataclass(frozen=True, slots=True)
class AlarmEnded:
    """An amount is back where its alarm ends."""

    subject: AlarmSubject
    firing: int
    rang_at: datetime
    value: Decimal


class DigestWorth(NamedTuple):
    """What all that a destination watches was worth at one end of a digest."""

    usd: Decimal
    priced: int
    """The number of balances in the sum."""
    unpriced: int
    ignored: int
    """Balances of ignored tokens, which are not in it."""
    unknown: tuple[ChainId, ...]
    """Chains of which something was not read yet."""
    last_known: tuple[ChainId, ...]
    """Chains of which something could not be read then."""


@dataclass(frozen=True, slots=True)
class Digest:
    """What happened in a destination since its last digest; sent even if that is nothing."""

    due_at: datetime
    begins_at: datetime
    ends_at: datetime
    """When it was made."""
    after_alert: int
    last_alert: int
    """It tells about the alerts behind the first number, up to the last."""
    is_weekly: bool
    follow: int
    """The number of balances whose changes had no alert of their own: they follow it as alerts."""
    chains: int
    """The chains that are read for the destination."""
    unread: int
    """Those among the watched ones that never gave an answer."""
    oldest_at: datetime | None
    """When the chain was last read that was not read for the longest time; None: there is none."""
    worth: DigestWorth | None
    """None: there is too much to be added up."""
    former_worth: DigestWorth | None
    """When it begins."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Somebody asked for a sample alert, to see that alerts arrive."""


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
    | ReplicaAway
    | ReplicaBack
    | MuteOver
    | AlarmRang
    | AlarmRepeated
    | AlarmEnded
    | Digest
    | Sample
)


def is_alarm(notice: "StoredNotice") -> bool:
    """Whether a notice is about an alarm, which quiet hours let pass."""
    return isinstance(notice, AlarmRang | AlarmRepeated | AlarmEnded)


@dataclass(frozen=True, slots=True)
class UnreadableNotice:
    """A notice in the database that can't be read: a later version wrote it, or it is damaged."""

    kind: str
    """The kind that it names, "" if not even that can be read."""


StoredNotice = Notice | UnreadableNotice
"""What is read from the database; only a `Notice` is written to it."""


class Within(NamedTuple):
    """What of a change moved between accounts of its destination."""

    amount_raw: int
    """Signed as the change is."""
    is_all: bool
    """Whether nothing of it came from elsewhere or went there."""


class MovedWithin(NamedTuple):
    """How much of an asset moved between accounts of one destination."""

    asset: Asset
    description: Description
    amount_raw: int


@dataclass(frozen=True, slots=True)
class ChangeAlert:
    """A change to be sent to one destination."""

    id: AlertId
    change: Change
    label: str
    """The destination's name for the account, "" if it has none."""
    description: Description
    is_look_alike: bool = False
    """Whether the symbol looks like another one that the chain is known to have, or the account."""
    was_muted: bool = False
    """Whether a mute kept it back, and has ended."""
    steps: int = 1
    """How many successive changes it sums up."""
    since: datetime | None = None
    """When the first of them was observed, where a filter held them back."""
    loudness: Loudness = AS_EVER
    sparkline: str = ""
    """In a digest, the balance of the last days."""
    explanation: Explanation | None = None
    """Of all that it sums up, as known when it was read; None: nobody asked yet, or it was not looked up."""
    counterparties: CounterpartyNames = NO_NAMES
    """What the destination knows of those whom these transfers were with."""
    within: Within | None = None
    """In a digest, what is no news there; None: nothing of it, as far as is known."""


class PricedBalance(NamedTuple):
    """One balance with its value."""

    asset: Asset
    description: Description
    amount: Amount
    usd: Decimal
    is_look_alike: bool = False
    """As in `ChangeAlert`."""


@dataclass(frozen=True, slots=True)
class FirstWorth:
    """What an account is worth that was read for the first time."""

    usd: Decimal
    unpriced: int
    """The number of balances without a price, which are not in the sum."""
    largest: tuple[PricedBalance, ...]


class BlindSpan(NamedTuple):
    """When a chain, or an account on one, could not be read."""

    chain_id: ChainId
    account: Address | None
    """None: the whole chain."""
    label: str
    """The destination's name for the account, "" if it has none."""
    since: datetime
    until: datetime | None
    """None: it still can't."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestContent:
    """What a digest tells, as it is read for its message."""

    nets: tuple["ChangeAlert", ...]
    """The changes of each balance in one, those of most worth first."""
    more: int
    """The number of further balances that changed."""
    is_cut: bool
    """Whether there were more changes than are read: the oldest are left out."""
    held_back: tuple["ChangeAlert", ...]
    """What filters hold back, one change of each balance, those of most worth first."""
    more_held_back: int
    """The number of further balances of which they do."""
    alarms: tuple["NoticeAlert", ...]
    spans: tuple[BlindSpan, ...]
    new_tokens: tuple["ChangeAlert", ...]
    """Those of the tokens that were not held before and have no price."""
    within: tuple[MovedWithin, ...] = ()
    """What moved between the destination's own accounts, and is left out of `nets`."""


@dataclass(frozen=True, slots=True)
class NoticeAlert:
    """A notice to be sent to one destination."""

    id: AlertId
    notice: StoredNotice
    observed_at: datetime
    worth: FirstWorth | None = None
    """Of a `Baseline`, where it was read for its message."""
    loudness: Loudness = AS_EVER
    """Silent is only the end of a mute, where all that it kept back is."""
    digest: DigestContent | None = None
    """Of a `Digest`, as it was read for its message."""


Alert = ChangeAlert | NoticeAlert
