"""Why nothing is heard of an asset in a destination: of all that may be the reason, the first that holds."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from bot.domain.assets import Address, Amount, Asset, ChainId, Description
from bot.domain.deliver.alerts import MuteKind
from bot.domain.observe.filters import HeldBack
from bot.domain.rules.conditions import Condition


class NotWatched(NamedTuple):
    """No line of the destination is about it."""

    is_account_watched: bool
    """Whether one is about anything else of the account."""


class NotListed(NamedTuple):
    """The lists that are read don't show the token, and no line names it."""


class Ignored(NamedTuple):
    """Its token is on the destination's ignore list."""

    since: datetime
    by: str
    """Who said so, "" if nobody noted it."""


class Muted(NamedTuple):
    """Something keeps all alerts about it back."""

    by: MuteKind
    until: datetime


class Unsettled(NamedTuple):
    """Changes of it are held back, or kept for a digest."""

    held_back: HeldBack
    steps: int
    since: datetime
    filters: tuple[Condition, ...]
    """That hold the last of them back; empty: not kept, or it is for a digest."""
    is_for_digest: bool


class OnItsWay(NamedTuple):
    """An alert about it was made, and not sent yet."""

    message: str | None
    """The message that it is in; None: it waits for one to be made."""
    made_at: datetime


class NotRead(NamedTuple):
    """It is watched, and was not read since."""


class Unseen(NamedTuple):
    """It could not be read for a while."""

    since: datetime
    is_chain_doubted: bool
    """Whether its chain answers, and is held back as too much vanished there at once."""


class Doubted(NamedTuple):
    """It reads as another amount that contradicts what is known, and waits for more readings to agree."""

    amount: Amount
    times: int


class Unchanged(NamedTuple):
    """It is read, and did not change."""

    read_at: datetime
    amount: Amount


class NeverSeen(NamedTuple):
    """It is read, and nothing of it was ever held, as far as is known."""

    read_at: datetime


Reason = (
    NotWatched
    | NotListed
    | Ignored
    | Muted
    | Unsettled
    | OnItsWay
    | NotRead
    | Unseen
    | Doubted
    | Unchanged
    | NeverSeen
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is stored of one asset of one account, as a destination watches it."""

    account: Address
    asset: Asset
    description: Description
    is_account_watched: bool
    is_watched: bool
    """Whether any line is about it, be it by a list or by name."""
    is_named: bool
    """Whether a line names its contract, or it is a coin."""
    is_listed: bool
    """Whether the lists that are read show it."""
    ignored: Ignored | None
    muted: Muted | None
    unsettled: Unsettled | None
    on_its_way: OnItsWay | None
    is_read: bool
    """Whether all that would show it was read since it is watched."""
    unseen: Unseen | None
    doubted: Doubted | None
    read_at: datetime | None
    """When its chain was last read."""
    amount: Amount | None
    """What is held; None: nothing, or it is not known."""
    was_held: bool
    """Whether it ever changed, as far as changes are kept."""


class HeldBackAmount(NamedTuple):
    """What is held back of one asset."""

    asset: Asset
    description: Description
    unsettled: Unsettled


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSituation:
    """How things stand with an account, as a destination watches it."""

    is_watched: bool
    muted: Muted | None = None
    on_its_way: OnItsWay | None = None
    """The newest of its alerts that are not sent yet."""
    held_back: tuple[HeldBackAmount, ...] = ()
    doubted: Mapping[ChainId, datetime] = field(default_factory=dict)
    """Chains that are held back, as too much vanished there at once, and since when."""
    unseen: Mapping[ChainId, datetime] = field(default_factory=dict)
    """Chains of which something can't be read, and since when."""
    unread: tuple[ChainId, ...] = ()
    """Chains of which something was not read yet."""
    seen: frozenset[ChainId] = frozenset()
    read_at: datetime | None = None
    """When the chain of these was last read that was not read for the longest time; None: none was."""

    @property
    def chains(self) -> frozenset[ChainId]:
        """On which it is watched."""
        return self.seen.union(self.doubted, self.unseen, self.unread)

    def narrowed(self, on: frozenset[ChainId]) -> "AccountSituation":
        """Return how things stand on these chains alone; a mute, and what is on its way, count on all."""
        return replace(
            self,
            held_back=tuple(one for one in self.held_back if one.asset.chain_id in on),
            doubted={one: at for one, at in self.doubted.items() if one in on},
            unseen={one: at for one, at in self.unseen.items() if one in on},
            unread=tuple(one for one in self.unread if one in on),
            seen=self.seen & on,
        )


def reason_of(of: Situation) -> Reason:
    """Return why nothing is heard of an asset: the first reason that holds."""
    if not of.is_watched:
        return NotWatched(of.is_account_watched)
    if not of.is_named and not of.is_listed and of.was_held:
        return NotListed()
    if of.ignored is not None and not of.is_named:
        return of.ignored
    for one in (of.muted, of.unsettled, of.on_its_way):
        if one is not None:
            return one
    return _of_readings(of)


def _of_readings(of: Situation) -> Reason:
    if not of.is_read or of.read_at is None:
        return NotRead()
    for one in (of.unseen, of.doubted):
        if one is not None:
            return one
    if of.amount is None and not of.was_held:
        return NeverSeen(of.read_at)
    return Unchanged(of.read_at, of.amount or Amount(0))
