"""What a destination does not wish to hear yet: it is held, and told when the mute is over.

A mute of a destination holds everything that the bot tells there by itself. A mute of an account,
or of what it has on some chains, holds what is about that: its changes, its first reading, and that it
alone gives no answer.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from bot.domain.assets import Address, ChainId
from bot.domain.deliver.alerts import Baseline, Blind, MuteOver, SeenAgain, StoredNotice
from bot.domain.places import Place

DEFAULT = timedelta(hours=1)
SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(days=30)

CLOCK_SLACK = timedelta(minutes=1)


class MuteScope(NamedTuple):
    """An account, or what it has on some chains."""

    account: Address
    chains: frozenset[ChainId] = frozenset()
    """Empty: every chain."""

    def meets(self, other: "MuteScope") -> bool:
        """Whether anything is in both."""
        is_on_one_chain = not self.chains or not other.chains or bool(self.chains & other.chains)
        return self.account == other.account and is_on_one_chain

    def contains(self, other: "MuteScope") -> bool:
        """Whether all of the other is in this one."""
        is_on_these = not self.chains or (bool(other.chains) and other.chains <= self.chains)
        return self.account == other.account and is_on_these


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
    chains: frozenset[ChainId] = frozenset()
    """Of the account; empty: every chain."""

    @property
    def scope(self) -> MuteScope | None:
        """What it is about; None: everything."""
        return None if self.account is None else MuteScope(self.account, self.chains)


@dataclass(frozen=True, slots=True)
class MuteResult:
    """What came of muting."""

    mutes: tuple[Mute, ...]
    still_to_come: int
    """Changes seen before, which are still told."""


@dataclass(frozen=True, slots=True)
class ActiveMutes:
    """The mutes of a destination."""

    mutes: tuple[Mute, ...] = ()
    held: int = 0
    """Changes kept until they are over."""


@dataclass(frozen=True, slots=True)
class UnmuteResult:
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


def are_muted(muted: Collection[MuteScope | None], about: Collection[MuteScope]) -> bool:
    """Whether these mutes hold what is about all of this, chain by chain; none: it is about more."""
    if None in muted:
        return True
    return bool(about) and all(
        any(one is not None and one.contains(subject) for one in muted) for subject in about
    )


def subjects_of(notice: StoredNotice) -> frozenset[MuteScope]:
    """Return what a notice is about, chain by chain; none where it is about more than accounts."""
    match notice:
        case Baseline(account, chains=chains):
            return _on_each(account, chains)
        case Blind(gaps) | SeenAgain(gaps):
            accounts = [(gap.account, gap.chain_id) for gap in gaps if gap.account is not None]
            is_about_accounts = len(accounts) == len(gaps)
            return frozenset(
                MuteScope(account, frozenset({chain_id}))
                for account, chain_id in (accounts if is_about_accounts else ())
            )
        case _:
            return frozenset()


def _on_each(account: Address, chains: Iterable[ChainId]) -> frozenset[MuteScope]:
    return frozenset(MuteScope(account, frozenset({chain_id})) for chain_id in chains)


def label_of(scope: MuteScope, named: Iterable[tuple[frozenset[ChainId], str]]) -> str:
    """Return what a destination calls it, where it calls an account so on these chains; "" if nothing.

    That is the label for just these chains, or else the only one that any of them has.
    """
    labels = [(chains, label) for chains, label in named if label]
    exact = [label for chains, label in labels if chains == scope.chains]
    others = {label for chains, label in labels if MuteScope(scope.account, chains).meets(scope)}
    if exact:
        return exact[0]
    return others.pop() if len(others) == 1 else ""


def is_over(mute: Mute, now: datetime) -> bool:
    """Whether a mute has ended; one that begins later than now has met a clock that was set back."""
    return mute.until <= now or mute.since > now + CLOCK_SLACK


def receipt(mute: Mute, now: datetime, changes: int) -> MuteOver:
    """Return what is told before all that a mute held."""
    ended = max(mute.since, min(mute.until, now))
    return MuteOver(mute.account, mute.label, mute.since, ended, changes, tuple(sorted(mute.chains)))
