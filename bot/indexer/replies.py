"""Sorts refusals of the service by what helps: its code decides, then its name, then the HTTP status.

Several passing failures come with HTTP 400 and an exhausted quota with 423, so the
status is asked last (indexer-gateway.md 4.2).
"""

import math
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from bot.indexer.bodies import loosely, mended
from bot.indexer.errors import (
    AccessRefused,
    IndexerError,
    QuestionRefused,
    QuotaExceeded,
    ReplyMalformed,
    Throttled,
    Unavailable,
    WrongEndpoint,
    plain,
)

_WEBRPC = "Webrpc"

_ERRORS: Final[tuple[tuple[int, str, type[IndexerError]], ...]] = (
    (0, "Endpoint", Unavailable),
    (-1, "RequestFailed", Unavailable),
    (-2, "BadRoute", WrongEndpoint),
    (-3, "BadMethod", WrongEndpoint),
    (-4, "BadRequest", QuestionRefused),
    (-5, "BadResponse", Unavailable),
    (-6, "ServerPanic", Unavailable),
    (-7, "InternalError", Unavailable),
    (-8, "ClientAborted", Unavailable),
    (-9, "StreamLost", Unavailable),
    (-10, "StreamFinished", Unavailable),
    (1000, "Unauthorized", AccessRefused),
    (1001, "PermissionDenied", AccessRefused),
    (1002, "SessionExpired", AccessRefused),
    (1003, "MethodNotFound", WrongEndpoint),
    (1004, "RequestConflict", Unavailable),
    (1005, "Aborted", Unavailable),
    (1006, "Geoblocked", AccessRefused),
    (1007, "RateLimited", Throttled),
    (1008, "ProjectNotFound", AccessRefused),
    (1009, "SecretKeyCorsDisallowed", AccessRefused),
    (1010, "InvalidScope", AccessRefused),
    (1100, "ProjectNotFound", AccessRefused),
    (1101, "AccessKeyNotFound", AccessRefused),
    (1102, "AccessKeyMismatch", AccessRefused),
    (1103, "InvalidOrigin", AccessRefused),
    (1104, "InvalidService", AccessRefused),
    (1105, "UnauthorizedUser", AccessRefused),
    (1106, "InvalidChain", AccessRefused),
    (1200, "QuotaExceeded", QuotaExceeded),
    (1201, "RateLimit", Throttled),
    (1201, "QuotaRateLimit", Throttled),
    (1300, "NoDefaultKey", AccessRefused),
    (1301, "MaxAccessKeys", AccessRefused),
    (1302, "AtLeastOneKey", AccessRefused),
    (1900, "Timeout", Unavailable),
    (2000, "Timeout", Unavailable),
    (2001, "InvalidArgument", QuestionRefused),
    (2002, "Unavailable", Unavailable),
    (2003, "QueryFailed", Unavailable),
    (2004, "ResourceExhausted", Unavailable),
    (3000, "NotFound", QuestionRefused),
    (3002, "ProjectNotFound", AccessRefused),
    (3003, "MetadataCallFailed", Unavailable),
)
_BY_CODE: Final = {code: kind for code, _, kind in _ERRORS}
_BY_NAME: Final = {name: kind for _, name, kind in _ERRORS}
_BY_STATUS: Final[Mapping[int, type[IndexerError]]] = {
    HTTPStatus.UNAUTHORIZED: AccessRefused,
    HTTPStatus.FORBIDDEN: AccessRefused,
    HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS: AccessRefused,
    HTTPStatus.NOT_FOUND: WrongEndpoint,
    HTTPStatus.METHOD_NOT_ALLOWED: WrongEndpoint,
    HTTPStatus.REQUEST_TIMEOUT: Unavailable,
    HTTPStatus.TOO_EARLY: Unavailable,
    HTTPStatus.TOO_MANY_REQUESTS: Throttled,
    HTTPStatus.LOCKED: QuotaExceeded,
}
_BY_HUNDREDS: Final[Mapping[int, type[IndexerError]]] = {3: WrongEndpoint, 4: QuestionRefused, 5: Unavailable}

_WAIT_MIN_SECONDS = 1.0
_WAIT_SANE_SECONDS = 86_400.0


def decode_error(
    status: int,
    body: bytes,
    headers: Mapping[str, str],
    *,
    now: float,
    conceal: str = "",
) -> IndexerError:
    """Return what a reply other than 200 means.

    `now` is in seconds since 1970; `conceal` is blotted out of whatever the reply says. Bodies that are
    no JSON object are not quoted.
    """
    said = loosely(mended(body))
    code, name = said.get("code"), said.get("error")
    code = code if type(code) is int else None
    name = plain(name, conceal) if isinstance(name, str) else ""
    message = said.get("msg") or said.get("message")
    detail = plain(message, conceal) if isinstance(message, str) else ""
    headers = {key.lower(): value for key, value in headers.items()}
    kind = _kind_of(code, name, status)
    if kind is Throttled:
        wait = _wait_seconds(headers, now)
        return Throttled(detail, retry_after_seconds=wait, status=status, code=code, name=name)
    if kind is WrongEndpoint and not detail and "location" in headers:
        detail = plain(f"it points to {_host_of(headers['location'])}", conceal)
    return kind(detail, status=status, code=code, name=name)


def _kind_of(code: int | None, name: str, status: int) -> type[IndexerError]:
    return (
        (_BY_CODE.get(code) if code is not None else None)
        or _BY_NAME.get(name.removeprefix(_WEBRPC))
        or _BY_STATUS.get(status)
        or _BY_HUNDREDS.get(status // 100, ReplyMalformed)
    )


def _wait_seconds(headers: Mapping[str, str], now: float) -> float | None:
    """Return the shorter of the waits that make sense, at least a second (indexer-gateway.md 4.4)."""
    waits = (
        _retry_after_seconds(headers.get("retry-after", ""), now),
        _number(headers.get("credits-rate-reset", "")) - now + 1,
    )
    sane = [wait for wait in waits if 0 <= wait <= _WAIT_SANE_SECONDS]
    return max(_WAIT_MIN_SECONDS, min(sane)) if sane else None


def _retry_after_seconds(text: str, now: float) -> float:
    seconds = _number(text)
    if not math.isnan(seconds):
        return seconds
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() - now
    except (ValueError, TypeError, IndexError, OverflowError):
        return math.nan


def _number(text: str) -> float:
    """Return a number, NaN for none: it compares as no sane wait."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _host_of(location: str) -> str:
    try:
        host = urlsplit(location).hostname
    except ValueError:
        host = None
    return host or "another path"
