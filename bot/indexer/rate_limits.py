"""How often the service may be asked: what its headers say, and what makes requests wait.

Every header may be missing or absurd (docs/indexer-gateway.md, "Rates and quotas"): reading
them never raises, and what is not believable counts as not said.
"""

import math
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

from bot.domain.ask.questions import Allowance

_WAIT_LEAST_SECONDS = 1.0
_WAIT_MOST_SECONDS = 86_400.0
_COUNT_DIGITS = 18
"""Any number of so many digits fits the integers of other programs."""


class RateLimiter:
    """Makes all requests of a client wait while the service wants none.

    Times are in seconds. `now` may be a clock that is set back: a pause that began in the future is over.
    """

    def __init__(self, *, sleep: Callable[[float], Awaitable[None]], now: Callable[[], float]) -> None:
        self._sleep = sleep
        self._now = now
        self._paused_at = 0.0
        self._paused_until = 0.0

    def pause(self, seconds: float) -> None:
        """Let no request through for this long; a longer pause that is under way stays as long."""
        now = self._now()
        self._paused_until = now + max(seconds, self._seconds_left())
        self._paused_at = now

    @property
    def is_paused(self) -> bool:
        """Whether a pause is under way."""
        return self._seconds_left() > 0

    async def ready(self) -> None:
        """Wait until no pause is under way, those that begin meanwhile included."""
        waited_until = None
        # A sleep may end a little early by this clock: the same pause is slept through once only.
        while (seconds := self._seconds_left()) and self._paused_until != waited_until:
            waited_until = self._paused_until
            await self._sleep(seconds)

    def _seconds_left(self) -> float:
        now = self._now()
        return self._paused_until - now if self._paused_at <= now < self._paused_until else 0.0


def lower_names(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return headers under their names in lower case."""
    return {name.lower(): text for name, text in headers.items()}


def decode_allowance(headers: Mapping[str, str]) -> Allowance | None:
    """Return what the headers say of limits, None where they say nothing plausible."""
    said = lower_names(headers)
    allowance = Allowance(
        rate_limit=_count(said.get("credits-rate-limit", "")),
        rate_remaining=_count(said.get("credits-rate-remaining", "")),
        quota_limit=_count(said.get("quota-limit", "")),
        quota_remaining=_count(said.get("quota-remaining", "")),
        quota_overage=_count(said.get("quota-overage", "")),
        quota_cost=_count(said.get("quota-cost", said.get("x-ratelimit-increment", ""))),
    )
    return None if allowance == Allowance() else allowance


def used_up_seconds(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds until another request fits the rate; None if one fits now, or if that is unknown.

    The next request is assumed to cost what this one did. A rate that never allows one is ignored.
    """
    said = lower_names(headers)
    remaining = _count(said.get("credits-rate-remaining", ""))
    cost = _count(said.get("credits-rate-cost", "")) or 1
    limit = _count(said.get("credits-rate-limit", ""))
    if remaining is None or remaining >= cost or (limit is not None and limit < cost):
        return None
    wait = _reset_seconds(said, now)
    return wait if _is_plausible(wait) else None


def named_wait_seconds(headers: Mapping[str, str], now: float) -> float | None:
    """Return the shortest plausible wait that the headers name, at least a second; None for none."""
    said = lower_names(headers)
    waits = (_retry_after_seconds(said.get("retry-after", ""), now), _reset_seconds(said, now))
    sane = [wait for wait in waits if _is_plausible(wait)]
    return max(_WAIT_LEAST_SECONDS, min(sane)) if sane else None


def clock_ahead_seconds(headers: Mapping[str, str], now: float) -> float | None:
    """Return how far our clock is ahead of the one that dated a reply, to a second or so; None: no date."""
    try:
        return now - parsedate_to_datetime(lower_names(headers)["date"]).timestamp()
    except (KeyError, ValueError, TypeError, IndexError, OverflowError):
        return None


def _is_plausible(wait: float) -> bool:
    return 0 <= wait <= _WAIT_MOST_SECONDS


def _reset_seconds(said: Mapping[str, str], now: float) -> float:
    """Return the seconds to the end of the window and one more, as it is named in whole seconds."""
    return _number(said.get("credits-rate-reset", "")) - now + 1


def _retry_after_seconds(text: str, now: float) -> float:
    seconds = _number(text)
    if not math.isnan(seconds):
        return seconds
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now
    except (ValueError, TypeError, IndexError, OverflowError):
        return math.nan


def _count(text: str) -> int | None:
    return int(text) if text.isdecimal() and text.isascii() and len(text) <= _COUNT_DIGITS else None


def _number(text: str) -> float:
    """Return a number, NaN for any other text: no comparison with it is true."""
    try:
        return float(text)
    except ValueError:
        return math.nan
