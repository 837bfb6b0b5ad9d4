"""Mutes: alerts that a destination wants later, kept and sent when the mute ends.

A mute of a whole destination keeps back every alert. A mute of an account, or of an account on some
chains, keeps back what is about that alone: its changes, its first reading, its outages. Quiet hours and a
used up budget are mutes as well, which begin and end by themselves and let some alerts pass.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from bot.domain.assets import Address, ChainId
from bot.domain.deliver.alerts import (
    AlarmEnded,
    AlarmRang,
    AlarmRepeated,
    BackupFails,
    BackupWorks,
    Baseline,
    Blind,
    ChainBack,
    ChainGone,
    Digest,
    Dropped,
    MassLoss,
    MuteKind,
    MuteOver,
    ReplicaAway,
    ReplicaBack,
    Restored,
    Sample,
    SeenAgain,
    SourceRefuses,
    StoredNotice,
    Undelivered,
    UnreadableNotice,
)
from bot.domain.due import is_impossible
from bot.domain.places import Place

DEFAULT = timedelta(hours=1)
SHORTEST = timedelta(minutes=1)
LONGEST = timedelta(days=30)


class MuteScope(NamedTuple):
    """What a mute is about: an account, on all chains or on some."""

    account: Address
    chains: frozenset[ChainId] = frozenset()
    """Empty: every chain."""

    def meets(self, other: "MuteScope") -> bool:
        """Whether both have anything in common."""
        is_on_one_chain = not self.chains or not other.chains or bool(self.chains & other.chains)
        return self.account == other.account and is_on_one_chain

    def contains(self, other: "MuteScope") -> bool:
        """Whether this scope includes all of the other."""
        is_on_these = not self.chains or (bool(other.chains) and other.chains <= self.chains)
        return self.account == other.account and is_on_these


@dataclass(frozen=True, slots=True)
class Mute:
    """One mute of a destination."""

    row: int
    """Its row id, which buttons carry."""
    account: Address | None
    """None: everything."""
    label: str
    """The label of the account in that destination, "" if none."""
    since: datetime
    until: datetime
    chains: frozenset[ChainId] = frozenset()
    """Only on these chains; empty: on all."""
    is_watched: bool = True
    """Whether the destination still watches any of it; a mute outlives the subscription."""
    kind: MuteKind = MuteKind.MUTE
    alarms_pass: bool = False

    @property
    def scope(self) -> MuteScope | None:
        """What the mute is about; None: the whole destination."""
        return None if self.account is None else MuteScope(self.account, self.chains)

    @property
    def cover(self) -> "Cover":
        """What it keeps back."""
        return Cover(self.scope, self.kind, self.alarms_pass)

    def keeps_first_reading(self, of: MuteScope) -> bool:
        """Whether it keeps back what an account is found to hold, on all of these chains."""
        return self.cover.keeps(Muteable(frozenset({of}))) and (self.scope is None or self.scope.contains(of))


class Muteable(NamedTuple):
    """An alert, as mutes look at it."""

    about: frozenset[MuteScope]
    """The accounts that it is about, chain by chain; empty: it is about more than accounts."""
    is_change: bool = False
    is_alarm: bool = False
    passes_quiet: bool = False
    """Whether it is a change that the quiet hours of its destination let pass."""


class Cover(NamedTuple):
    """What a mute keeps back."""

    scope: MuteScope | None = None
    """None: the whole destination."""
    kind: MuteKind = MuteKind.MUTE
    alarms_pass: bool = False

    def keeps(self, alert: Muteable) -> bool:
        """Whether it keeps back an alert like this, if it is about the same accounts."""
        if self.kind is MuteKind.BUDGET:
            return alert.is_change
        passes_quiet = self.kind is MuteKind.QUIET and alert.passes_quiet
        return not (passes_quiet or (self.alarms_pass and alert.is_alarm))

    def concerns(self, alert: Muteable) -> bool:
        """Whether it keeps back an alert, or a part of what that is about."""
        return self.keeps(alert) and (self.scope is None or any(map(self.scope.meets, alert.about)))


@dataclass(frozen=True, slots=True)
class MuteResult:
    """What became of a /mute command."""

    mutes: tuple[Mute, ...]
    still_to_come: int
    """Changes observed before the mute, whose alerts are still sent."""
    quiet_until: datetime | None = None
    """It is within quiet hours that end then; None: it is not."""


@dataclass(frozen=True, slots=True)
class ActiveMutes:
    """The mutes of a destination, and how much they keep back."""

    mutes: tuple[Mute, ...] = ()
    kept_back: int = 0
    """Number of changes kept back."""


@dataclass(frozen=True, slots=True)
class UnmuteResult:
    """What became of an /unmute command."""

    mutes: tuple[Mute, ...]
    changes: int
    """Number of changes that were kept back and are sent now."""
    until: datetime | None = None
    """A mute of the whole destination goes on until then; None: there is none."""


@dataclass(frozen=True, slots=True)
class FoundMute:
    """The mute that a button is about, and the place it belongs to."""

    mute: Mute
    place: Place


def are_muted(muted: Collection[MuteScope | None], about: Collection[MuteScope]) -> bool:
    """Whether these mutes together cover everything an alert is about.

    `about` lists it chain by chain; empty: the alert is about more than accounts, so only a mute of the
    whole destination (None among `muted`) covers it.
    """
    if None in muted:
        return True
    return bool(about) and all(
        any(scope is not None and scope.contains(subject) for scope in muted) for subject in about
    )


def kept_back_by(covers: Iterable[Cover], alert: Muteable) -> MuteKind | None:
    """Return what keeps an alert back, the strongest kind; None: nothing does."""
    keeping = [cover for cover in covers if cover.keeps(alert)]
    if not are_muted([cover.scope for cover in keeping], alert.about):
        return None
    kinds = {cover.kind for cover in keeping if cover.concerns(alert)}
    return next(kind for kind in MuteKind if kind in kinds)


def subjects_of(notice: StoredNotice) -> frozenset[MuteScope]:
    """Return what a notice is about, chain by chain; empty if it is about more than single accounts."""
    match notice:
        case Baseline(account, chains=chains):
            return _on_each(account, chains)
        case AlarmRang(subject) | AlarmRepeated(subject) | AlarmEnded(subject):
            return _on_each(subject.account, subject.chains)
        case Blind(gaps) | SeenAgain(gaps):
            accounts = [(gap.account, gap.chain_id) for gap in gaps if gap.account is not None]
            # One gap of a whole chain is enough: the notice is about more than accounts then.
            is_about_accounts = len(accounts) == len(gaps)
            return frozenset(
                MuteScope(account, frozenset({chain_id}))
                for account, chain_id in (accounts if is_about_accounts else ())
            )
        # Each kind is named, so that mypy asks of a new one whether a mute of an account keeps it back.
        case (
            ChainGone()
            | ChainBack()
            | MassLoss()
            | SourceRefuses()
            | Dropped()
            | Undelivered()
            | BackupFails()
            | BackupWorks()
            | Restored()
            | ReplicaAway()
            | ReplicaBack()
            | MuteOver()
            | Digest()
            | Sample()
            | UnreadableNotice()
        ):
            return frozenset()


def _on_each(account: Address, chains: Iterable[ChainId]) -> frozenset[MuteScope]:
    return frozenset(MuteScope(account, frozenset({chain_id})) for chain_id in chains)


def label_of(scope: MuteScope, named: Iterable[tuple[frozenset[ChainId], str]]) -> str:
    """Return the label of what a mute is about, from the account's labels by chains; "" if there is none.

    The label for exactly these chains wins, else the only one that any of them has.
    """
    labels = [(chains, label) for chains, label in named if label]
    exact = [label for chains, label in labels if chains == scope.chains]
    others = {label for chains, label in labels if MuteScope(scope.account, chains).meets(scope)}
    if exact:
        return exact[0]
    return others.pop() if len(others) == 1 else ""


def is_over(mute: Mute, now: datetime) -> bool:
    """Whether a mute has ended; one that starts in the future has, as the clock was set back since."""
    return mute.until <= now or is_impossible(mute.since, now)


def all_muted_until(mutes: Iterable[Mute]) -> datetime | None:
    """Return until when notices too are kept back, whatever they are about; None: they are not."""
    everything = [one.until for one in mutes if one.account is None and one.kind is not MuteKind.BUDGET]
    return max(everything, default=None)


def mute_over_notice(mute: Mute, now: datetime, changes: int, budget: int = 0) -> MuteOver:
    """Return the notice that is sent before the alerts that a mute kept back."""
    return MuteOver(
        account=mute.account,
        label=mute.label,
        since=mute.since,
        # A clock that was set back must not make a mute end before it began.
        until=max(mute.since, min(mute.until, now)),
        changes=changes,
        chains=tuple(sorted(mute.chains)),
        ended=mute.kind,
        budget=budget if mute.kind is MuteKind.BUDGET else 0,
    )
