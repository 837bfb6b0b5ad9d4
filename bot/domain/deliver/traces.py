"""Traces: of each change, what became of it in a destination that watches it, and why.

There is exactly one: an alert, or a row that says why there is none. Both are written with the change, since
later nobody could find out who watched it then, and what they wanted.
"""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from bot.domain.rules.conditions import Condition, Difference, Judgement, judge


class Silence(StrEnum):
    """Why a change has no alert of its own. The values are those in the database."""

    FILTER = "filter"
    """A filter held it back; an alert may have summed it up since."""
    DIGEST = "digest"
    """It waited for a digest, where nothing else is wanted."""
    SETTLED = "settled"
    """With it the amount was again what was last reported."""
    IGNORED = "ignored"
    UNITS = "units"
    """Only the decimals of its token changed."""


class AlertCause(StrEnum):
    """Why an alert about a change was made. The values are those in the database."""

    UNFILTERED = ""
    """Every change is reported there; or it was made by a version that didn't say."""
    MET = "met"
    """A filter meant it."""
    NO_PRICE = "no_price"
    """A filter couldn't judge it for want of this, as is what follows."""
    NO_DECIMALS = "no_decimals"
    NO_IDS = "no_ids"
    NO_TRANSFERS = "no_transfers"
    UNMEASURED = "unmeasured"
    """It was no difference that could be measured: listed for the first time, or in other decimals."""
    BROKEN = "broken"
    """Of what was held back: the next change didn't begin where this one ended."""
    ENDED = "ended"
    """Of what was held back: its filter or its subscription changed or ended."""
    OLD = "old"
    """Of what was held back: it was so for as long as anything is."""
    WITH_DIGEST = "digest"

    @property
    def is_late(self) -> bool:
        """Whether the alert is about changes that had been held back, and none that came with it."""
        return self in {AlertCause.BROKEN, AlertCause.ENDED, AlertCause.OLD, AlertCause.WITH_DIGEST}


class Trace(NamedTuple):
    """Who wanted a change, and by which filters it was judged."""

    wanted_by: tuple[int, ...] = ()
    """The numbers that the subscriptions had in their destination; empty: not kept."""
    filters: tuple[Condition, ...] = ()
    """Of an alert those that let it pass, else all that held it back; empty: there were none."""


UNKNOWN_TRACE = Trace()


def conditions(filters: Sequence[Condition | None]) -> tuple[Condition, ...]:
    """Return the filters of several subscriptions, each once; None stands for a subscription without one."""
    # Mostly there is one, and hashing it takes as long as judging by it.
    each_once = filters if len(filters) == 1 else dict.fromkeys(filters)
    return tuple(one for one in each_once if one is not None)


def why_reported(
    filters: Sequence[Condition | None], difference: Difference | None, judged: Judgement
) -> tuple[AlertCause, tuple[Condition, ...]]:
    """Return why a difference was reported that met these filters, and those of them that let it pass.

    `difference` is None if it can't be measured; `judged` is the best that any of them came to.
    """
    if difference is None:
        return AlertCause.UNMEASURED, conditions(filters)
    if None in filters:
        return AlertCause.MET, ()
    those = conditions(filters)
    # Mostly there is one, and it must have let it pass. All judge again once transfers are known.
    is_all = len(those) == 1 or judged is Judgement.NO_TRANSFERS
    passed = those if is_all else tuple(one for one in those if judge(one, difference) is judged)
    return AlertCause(judged.value), passed
