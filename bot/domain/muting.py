"""What a destination does not wish to hear yet: it is held, and told when the mute is over.

A mute of a destination holds everything that the bot tells there by itself. A mute of an account
holds what is about this account: its changes, its first reading, and that it alone gives no answer.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.alerts import Baseline, Blind, KeptNotice, MuteOver, SeenAgain
from bot.domain.model import Address, Place

DEFAULT = timedelta(hours=1)
SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(days=30)

CLOCK_SLACK = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Mute:
    """One mute of a destination."""

    row: int
    """What buttons call it."""
    account: Address | None
    """None: everything."""
    label: str
    """What the destination calls the account, "" if nothing."""
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Muted:
    """What came of muting."""

    mutes: tuple[Mute, ...]
    still_to_come: int
    """Changes seen before, which are still told."""


@dataclass(frozen=True, slots=True)
class MutedHere:
    """The mutes of a destination."""

    mutes: tuple[Mute, ...] = ()
    held: int = 0
    """Changes kept until they are over."""


@dataclass(frozen=True, slots=True)
class Unmuted:
    """What came of ending mutes."""

    mutes: tuple[Mute, ...]
    changes: int
    """So many were held, and are told now."""
    until: datetime | None = None
    """Everything there is held until then all the same; None: it is not."""


@dataclass(frozen=True, slots=True)
class FoundMute:
    """A mute that a button names, and where it holds."""

    mute: Mute
    place: Place


def holds(muted: Collection[Address | None], about: frozenset[Address]) -> bool:
    """Whether these mutes hold what is about these accounts; none: it is about more than accounts."""
    return None in muted or (bool(about) and about.issubset(muted))


def accounts_of(notice: KeptNotice) -> frozenset[Address]:
    """Return the accounts that a notice is about; none where it is about more."""
    match notice:
        case Baseline(account):
            return frozenset({account})
        case Blind(gaps) | SeenAgain(gaps):
            accounts = frozenset(gap.account for gap in gaps if gap.account is not None)
            return accounts if all(gap.account for gap in gaps) else frozenset()
        case _:
            return frozenset()


def is_over(mute: Mute, now: datetime) -> bool:
    """Whether a mute has ended; one that begins later than now has met a clock that was set back."""
    return mute.until <= now or mute.since > now + CLOCK_SLACK


def receipt(mute: Mute, now: datetime, changes: int) -> MuteOver:
    """Return what is told before all that a mute held."""
    return MuteOver(mute.account, mute.label, mute.since, max(mute.since, min(mute.until, now)), changes)
