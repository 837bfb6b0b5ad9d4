"""What an asset is: when the source is asked again, and by which decimals the amounts of a change are read.

Decimals change: a contract behind a proxy may count in other units from one block on, and a source may
correct what it said wrongly before. Mostly the amounts in smallest units tell which of the two happened.
"""

from datetime import timedelta
from typing import NamedTuple

from bot.domain.assets import WHOLE_KINDS, Asset, Description
from bot.domain.chains import Chains
from bot.domain.observations import Change

REFRESHED_AFTER = timedelta(days=7)
"""Names and decimals change, though seldom."""

TRUSTED_IN_ALERTS_FOR = timedelta(days=1)
"""An older description is asked for again before an alert states an amount by it."""

FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(hours=4)


def is_complete(description: Description) -> bool:
    """Whether symbol and decimals are known; a collection needs no decimals."""
    has_decimals = description.decimals is not None or description.is_collection
    return description.symbol is not None and has_decimals


def asked_again_in(asked_in_vain: int) -> timedelta:
    """Return when to ask for a description again: in a week, or soon after answers that left it incomplete.

    `asked_in_vain` counts such answers in a row.
    """
    if not asked_in_vain:
        return REFRESHED_AFTER
    # Capped: a larger shift would overflow a timedelta.
    doublings = min(asked_in_vain - 1, 16)
    return min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)


def decimals_of(asset: Asset, description: Description, chains: Chains) -> int | None:
    """Return how many digits of an amount stand behind the point; None if that is unknown."""
    if description.kind in WHOLE_KINDS:
        return 0
    if description.is_collection:
        return description.decimals or 0
    if description.decimals is None and not asset.contract:
        return chains.get(asset.chain_id).native_decimals
    return description.decimals


SUSPICIOUS_FACTOR = 1000
"""An amount that becomes so many times larger or smaller may be the same one in other units."""


class Decimals(NamedTuple):
    """The decimals of an asset before a change and after it."""

    before: int | None
    """None: unknown, so the amount is in smallest units."""
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
    """Return the decimals by which to read the amounts of a change, where `former` ones were known before it.

    If the amount moved about as far as the units did, it was redenominated: each side has its own decimals.
    If it stayed about the same, it had the new ones all along, and the source corrected itself. In between,
    and where nothing is left, both could be: then only smallest units are certain.
    """
    if former is None or now is None or former == now or not before_raw:
        return Decimals(now, now)
    if _are_near(before_raw, after_raw, 0, now - former):
        return Decimals(now, now)
    if _are_near(before_raw, after_raw, now - former, now - former):
        return Decimals(former, now)
    return Decimals(None, None)


def is_of_units_alone(before_raw: int, after_raw: int, former: int | None, now: int | None) -> bool:
    """Whether an amount changed only because its decimals did, so that it is no news."""
    decimals = decimals_of_change(before_raw, after_raw, former, now)
    return before_raw != after_raw and not decimals.difference(before_raw, after_raw)


def decimals_in(change: Change, description: Description, chains: Chains) -> Decimals:
    """Return the decimals of both amounts, as far as they were known when the change was observed."""

    def known(decimals: int | None) -> int | None:
        otherwise = description.decimals if decimals is None else decimals
        return decimals_of(change.asset, description._replace(decimals=otherwise), chains)

    former = None if change.former_decimals is None else known(change.former_decimals)
    before, after = change.before.amount_raw, change.after.amount_raw
    return decimals_of_change(before, after, former, known(change.decimals))


def may_be_redenominated(before_raw: int, after_raw: int) -> bool:
    """Whether an amount moved so far that its decimals should be asked for before it is reported."""
    less, more = sorted((before_raw, after_raw))
    return less > 0 and more >= less * SUSPICIOUS_FACTOR


def _are_near(before_raw: int, after_raw: int, power: int, step: int) -> bool:
    """Whether the amount grew by ten to this power, give or take a third of the step in powers of ten."""
    # Cubed instead of taking cube roots: amounts of 256 bits have to be compared exactly.
    expected = before_raw**3 * _ten_to(3 * max(power, 0))
    seen = after_raw**3 * _ten_to(3 * max(-power, 0))
    spread = _ten_to(abs(step))
    return seen < expected * spread and expected < seen * spread


def _ten_to(power: int) -> int:
    result: int = 10**power
    return result
