"""When a destination gets a notice that balances can't be read, or can be read again.

A gap is reported once it has lasted; its end is reported if the gap was. One that keeps
coming back is reported at growing intervals.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from bot.domain.assets import Address, ChainId
from bot.domain.deliver.alerts import Gap, HeldBack

FORGOTTEN_AFTER = timedelta(days=1)
"""A gap that ended so long ago no longer counts as one that keeps coming back."""

INTERVAL_MOST = timedelta(hours=6)

_DOUBLINGS_MOST = 20


class BlindSpot(NamedTuple):
    """What gives no answer: an account on a chain or, without an account, all of the chain."""

    chain_id: ChainId
    account: Address | None


class LastReport(NamedTuple):
    """What a destination was last told of a blind spot."""

    since: datetime
    reported_at: datetime
    times: int
    """How often it was reported to be blind without being forgotten in between."""
    ended_at: datetime | None
    """When its end was reported; None: the destination still takes it for blind."""
    is_held_back: bool = False
    """Whether it was reported as held back (too much vanished) and not as giving no answer."""


@dataclass(frozen=True, slots=True)
class OutageReport:
    """What one destination is to be told now, and what to remember of that."""

    blind: tuple[BlindSpot, ...] = ()
    seen: tuple[BlindSpot, ...] = ()
    remembered: Mapping[BlindSpot, LastReport] | None = None

    @property
    def is_silent(self) -> bool:
        """Whether there is nothing to tell."""
        return not (self.blind or self.seen)


def outage_report(
    gaps: Mapping[BlindSpot, datetime],
    reported: Mapping[BlindSpot, LastReport],
    now: datetime,
    stale_after: timedelta,
    held_back: Collection[ChainId] = (),
) -> OutageReport:
    """Return what to tell a destination now.

    `gaps` are all spots that give no answer, with the moment since when, however short; `reported` is what
    the destination was told before. A gap of a whole chain stands for those of its accounts. Chains that are
    `held_back` are reported as such, even after they were reported as silent. The interval between two
    reports of one spot doubles each time, up to `INTERVAL_MOST`.
    """
    open_spots = {spot for spot, last in reported.items() if last.ended_at is None}
    blind = _newly_blind(gaps, reported, open_spots, now, stale_after)
    blind += [
        spot
        for spot in sorted(open_spots & gaps.keys(), key=_order)
        if _is_held_back(spot, held_back) and not reported[spot].is_held_back
    ]
    seen = [spot for spot in sorted(open_spots, key=_order) if not _is_in_gap(spot, gaps)]
    remembered = {spot: reported[spot]._replace(ended_at=now) for spot in seen}
    for spot in blind:
        remembered[spot] = LastReport(
            since=gaps[spot],
            reported_at=now,
            times=_times(reported.get(spot), now) + 1,
            ended_at=None,
            is_held_back=_is_held_back(spot, held_back),
        )
    return OutageReport(tuple(blind), tuple(seen), remembered)


def _newly_blind(
    gaps: Mapping[BlindSpot, datetime],
    reported: Mapping[BlindSpot, LastReport],
    open_spots: set[BlindSpot],
    now: datetime,
    stale_after: timedelta,
) -> list[BlindSpot]:
    """Return the gaps that have lasted and are due to be reported; that of a chain hides its accounts'."""
    lasting = {spot for spot, since in gaps.items() if now - since >= stale_after}
    chains = {spot.chain_id for spot in lasting | (open_spots & gaps.keys()) if spot.account is None}
    return [
        spot
        for spot in sorted(lasting - open_spots, key=_order)
        if (spot.account is None or spot.chain_id not in chains)
        and _is_due(reported.get(spot), now, stale_after)
    ]


def _is_held_back(spot: BlindSpot, held_back: Collection[ChainId]) -> bool:
    return spot.account is None and spot.chain_id in held_back


def _is_in_gap(spot: BlindSpot, gaps: Mapping[BlindSpot, datetime]) -> bool:
    return spot in gaps or BlindSpot(spot.chain_id, None) in gaps


def _is_due(last: LastReport | None, now: datetime, stale_after: timedelta) -> bool:
    times = _times(last, now)
    if last is None or not times:
        return True
    # The shift is capped: times may be any number, and the result would overflow a timedelta.
    return now - last.reported_at >= min(stale_after * (1 << min(times, _DOUBLINGS_MOST)), INTERVAL_MOST)


def _times(last: LastReport | None, now: datetime) -> int:
    if last is None or (last.ended_at is not None and now - last.ended_at >= FORGOTTEN_AFTER):
        return 0
    return last.times


def _order(spot: BlindSpot) -> tuple[int, str]:
    return spot.chain_id, spot.account or ""


def as_gaps(
    spots: Iterable[BlindSpot],
    since: Mapping[BlindSpot, datetime],
    label_of: Callable[[BlindSpot], str],
    held_back: Mapping[BlindSpot, HeldBack],
) -> tuple[Gap, ...]:
    """Return the gaps to name in a report; `label_of` returns what the destination calls the account."""
    return tuple(
        Gap(spot.chain_id, spot.account, label_of(spot), since[spot], held_back.get(spot)) for spot in spots
    )
