"""Which error a reply other than 200 is: its code decides, then its name, then the HTTP status.

Several passing failures come with HTTP 400 and an exhausted quota with 423, so the
status is asked last (docs/indexer-gateway.md, "Errors").
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from bot.indexer.errors import (
    AccessRefused,
    ChainRefused,
    IndexerError,
    MetadataFailed,
    QuestionRefused,
    QuotaExceeded,
    ReplyMalformed,
    Throttled,
    TimedOut,
    TooMuchAsked,
    Unavailable,
    WrongEndpoint,
    plain,
)
from bot.indexer.loose_json import decode_object, mend_surrogates
from bot.indexer.rate_limits import lower_names, named_wait_seconds

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
    (1106, "InvalidChain", ChainRefused),
    (1200, "QuotaExceeded", QuotaExceeded),
    (1201, "RateLimit", Throttled),
    (1201, "QuotaRateLimit", Throttled),
    (1300, "NoDefaultKey", AccessRefused),
    (1301, "MaxAccessKeys", AccessRefused),
    (1302, "AtLeastOneKey", AccessRefused),
    (1900, "Timeout", TimedOut),
    (2000, "Timeout", TimedOut),
    (2001, "InvalidArgument", QuestionRefused),
    (2002, "Unavailable", Unavailable),
    (2003, "QueryFailed", Unavailable),
    (2004, "ResourceExhausted", TooMuchAsked),
    (3000, "NotFound", QuestionRefused),
    (3002, "ProjectNotFound", AccessRefused),
    (3003, "MetadataCallFailed", MetadataFailed),
)
_BY_CODE: Final = {code: kind for code, _, kind in _ERRORS}
_BY_NAME: Final = {name: kind for _, name, kind in _ERRORS}
_BY_STATUS: Final[Mapping[int, type[IndexerError]]] = {
    HTTPStatus.UNAUTHORIZED: AccessRefused,
    HTTPStatus.FORBIDDEN: AccessRefused,
    HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS: AccessRefused,
    HTTPStatus.NOT_FOUND: WrongEndpoint,
    HTTPStatus.METHOD_NOT_ALLOWED: WrongEndpoint,
    HTTPStatus.REQUEST_TIMEOUT: TimedOut,
    HTTPStatus.GATEWAY_TIMEOUT: TimedOut,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: TooMuchAsked,
    HTTPStatus.TOO_EARLY: Unavailable,
    HTTPStatus.TOO_MANY_REQUESTS: Throttled,
    HTTPStatus.LOCKED: QuotaExceeded,
}
_BY_HUNDREDS: Final[Mapping[int, type[IndexerError]]] = {3: WrongEndpoint, 4: QuestionRefused, 5: Unavailable}


def decode_error(
    status: int,
    body: bytes,
    headers: Mapping[str, str],
    *,
    now: float,
    conceal: str = "",
) -> IndexerError:
    """Return the error that a reply other than 200 stands for.

    `now` is in seconds since 1970; `conceal` is blotted out of the texts of the reply. A body that is
    no JSON object is not quoted.
    """
    said = decode_object(mend_surrogates(body))
    code, name = said.get("code"), said.get("error")
    code = code if type(code) is int else None
    name = plain(name, conceal) if isinstance(name, str) else ""
    message = said.get("msg") or said.get("message")
    detail = plain(message, conceal) if isinstance(message, str) else ""
    kind = _kind_of(code, name, status)
    if kind is Throttled:
        wait = named_wait_seconds(headers, now)
        return Throttled(detail, retry_after_seconds=wait, status=status, code=code, name=name)
    location = lower_names(headers).get("location")
    if kind is WrongEndpoint and not detail and location is not None:
        detail = plain(f"it points to {_host_of(location)}", conceal)
    return kind(detail, status=status, code=code, name=name)


def _kind_of(code: int | None, name: str, status: int) -> type[IndexerError]:
    return (
        (_BY_CODE.get(code) if code is not None else None)
        or _BY_NAME.get(name.removeprefix(_WEBRPC))
        or _BY_STATUS.get(status)
        or _BY_HUNDREDS.get(status // 100, ReplyMalformed)
    )


def _host_of(location: str) -> str:
    try:
        host = urlsplit(location).hostname
    except ValueError:
        host = None
    return host or "another path"
