"""By which decimals the two amounts of one change are to be read.

Decimals change: a contract behind a proxy may count in other units from one block on, and a source may
correct what it said wrongly before. The amounts in smallest units tell which of the two happened, mostly.
"""

from typing import NamedTuple

SUSPICIOUS_FACTOR = 1000
"""An amount that becomes so many times larger or smaller may only be counted in other units."""


class Decimals(NamedTuple):
    """How many digits of an amount stand behind the point, before a change and after it."""

    before: int | None
    """None: nobody knows; smallest units."""
    after: int | None

    @property
    def places(self) -> int:
        """The digits that both amounts and their difference need to be exact."""
        return max(self.before or 0, self.after or 0)

    def difference(self, before_raw: int, after_raw: int) -> int:
        """Return how much more there is after than before, exact to `places` digits."""
        scaled = after_raw * _ten_to(self.places - (self.after or 0))
        return scaled - before_raw * _ten_to(self.places - (self.before or 0))


def decimals_of_change(before_raw: int, after_raw: int, former: int | None, now: int | None) -> Decimals:
    """Return by which decimals the amounts of a change are true, where an asset had `former` ones until then.

    An amount that moved about as the units did was counted anew: each side has its own decimals. One that
    stayed about where it was had the new ones all along: the source corrected itself. In between, and where
    nothing is left, both could be; then only the smallest units are certain.
    """
    if former is None or now is None or former == now or not before_raw:
        return Decimals(now, now)
    if _are_near(before_raw, after_raw, 0, now - former):
        return Decimals(now, now)
    if _are_near(before_raw, after_raw, now - former, now - former):
        return Decimals(former, now)
    return Decimals(None, None)


def may_be_redenominated(before_raw: int, after_raw: int) -> bool:
    """Whether an amount moved so far that its decimals had better be asked for first."""
    less, more = sorted((before_raw, after_raw))
    return less > 0 and more >= less * SUSPICIOUS_FACTOR


def _are_near(before_raw: int, after_raw: int, power: int, step: int) -> bool:
    """Whether the amount grew by ten to this power, give or take a third of the step in powers of ten."""
    expected = before_raw**3 * _ten_to(3 * max(power, 0))
    seen = after_raw**3 * _ten_to(3 * max(-power, 0))
    spread = _ten_to(abs(step))
    return seen < expected * spread and expected < seen * spread


def _ten_to(power: int) -> int:
    result: int = 10**power
    return result
