"""What callers of the simulated gateway may use, and a gate at which a test holds their calls.

The limits are a rate per minute and a quota per month. All keys belong to one project, and all calls without
a key count as one IP address (docs/indexer-gateway.md, "Rates and quotas").
"""

import asyncio
from collections import Counter
from datetime import datetime
from typing import Literal

from bot.sandbox.gateway.errors import QUOTA_EXCEEDED, QUOTA_RATE_LIMIT, RATE_LIMITED, CallRefused, WireError
from bot.sandbox.gateway.knobs import Knobs

Session = Literal["AccessKey", "Public"]

_WINDOW_SECONDS = 60
_COST = 1


class UsageMeter:
    """Counts the calls of each minute and month against the knobs' limits; a refused call counts nothing."""

    def __init__(self) -> None:
        self._rates: dict[Session, _Rate] = {"AccessKey": _Rate(), "Public": _Rate()}
        self._units: Counter[tuple[int, int]] = Counter()

    def charge(self, session: Session, knobs: Knobs, now: datetime) -> dict[str, str]:
        """Let a call pass and return its headers, or raise CallRefused with those of the refusal."""
        headers: dict[str, str] = {"Session-Type": session}
        error = self._charge_rate(session, knobs, now, headers) or self._charge_quota(
            session, knobs, now, headers
        )
        shown = headers if knobs.limit_headers else {}
        if error:
            raise CallRefused(error, shown)
        return shown

    def _charge_rate(
        self, session: Session, knobs: Knobs, now: datetime, headers: dict[str, str]
    ) -> WireError | None:
        limit = knobs.rate_limit if session == "AccessKey" else knobs.public_rate_limit
        if limit is None:
            return None
        rate, moment = self._rates[session], now.timestamp()
        passes = rate.take(limit, moment)
        headers["Credits-Rate-Limit"] = str(limit)
        headers["Credits-Rate-Remaining"] = str(rate.remaining(limit, moment))
        headers["Credits-Rate-Reset"] = str(_window_of(moment) + _WINDOW_SECONDS)
        if passes:
            return None
        # The window's length and not the exact wait, as the vendor's library has it.
        headers["Retry-After"] = str(_WINDOW_SECONDS)
        return QUOTA_RATE_LIMIT if session == "AccessKey" else RATE_LIMITED

    def _charge_quota(
        self, session: Session, knobs: Knobs, now: datetime, headers: dict[str, str]
    ) -> WireError | None:
        limit = knobs.quota_limit
        if session == "Public" or limit is None:
            return None
        month = (now.year, now.month)
        passes = self._units[month] + _COST <= limit + knobs.overage_limit
        if passes:
            self._units[month] += _COST
            headers["Quota-Cost"] = str(_COST)
        headers["Quota-Limit"] = str(limit)
        headers["Quota-Remaining"] = str(max(0, limit - self._units[month]))
        if self._units[month] > limit:
            headers["Quota-Overage"] = str(self._units[month] - limit)
        return None if passes else QUOTA_EXCEEDED


class _Rate:
    """A sliding minute, as the vendor estimates it: this clock minute plus a share of the last."""

    def __init__(self) -> None:
        self._calls: Counter[int] = Counter()

    def take(self, limit: int, now: float) -> bool:
        if self._used(now) + _COST > limit:
            return False
        self._calls[_window_of(now)] += _COST
        return True

    def remaining(self, limit: int, now: float) -> int:
        return max(0, int(limit - self._used(now)))

    def _used(self, now: float) -> float:
        window = _window_of(now)
        # The last minute's calls are taken as evenly spread, as the vendor's limiter does.
        still_within = 1 - (now - window) / _WINDOW_SECONDS
        return self._calls[window - _WINDOW_SECONDS] * still_within + self._calls[window]


def _window_of(now: float) -> int:
    """Return the second at which the clock minute began."""
    return int(now // _WINDOW_SECONDS) * _WINDOW_SECONDS


class CallGate:
    """Lets calls through, or holds them until a test releases them."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()
        self._held_method: str | None = None
        self._arrived = asyncio.Event()
        self._waiting = 0

    def hold(self, method: str | None = None) -> None:
        """Hold every call that arrives from now on, or those of one method alone."""
        self._held_method = method
        self._open.clear()

    def release(self) -> None:
        """Let the held calls go on and later ones pass."""
        self._open.set()

    async def wait_open(self, method: str) -> None:
        """Wait until the gate is open for a method."""
        if self._held_method not in {None, method}:
            return
        self._waiting += 1
        # Set before waiting, so that a test that waits for calls sees this one.
        self._arrived.set()
        try:
            await self._open.wait()
        finally:
            self._waiting -= 1

    async def until_waiting(self, calls: int) -> None:
        """Wait until at least this many calls are held."""
        while self._waiting < calls:
            self._arrived.clear()
            await self._arrived.wait()
