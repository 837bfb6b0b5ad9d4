"""The gateway's errors: their codes, statuses and words on the wire (docs/indexer-gateway.md, "Errors")."""

from collections.abc import Mapping
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class WireError:
    """One error answer: the envelope's members, its HTTP status included."""

    name: str
    code: int
    status: int
    message: str
    cause: str = ""

    def because(self, cause: str) -> "WireError":
        """Return the same error with a cause of its own."""
        return replace(self, cause=cause)

    def envelope(self) -> dict[str, object]:
        """Return the body of the answer; an empty cause is left out."""
        members: dict[str, object] = {"error": self.name, "code": self.code, "msg": self.message}
        if self.cause:
            members["cause"] = self.cause
        return {**members, "status": self.status}


class CallRefused(Exception):
    """A call is answered with an error, and these headers, instead of what it asked for."""

    def __init__(self, error: WireError, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(error.message)
        self.error = error
        self.headers = headers or {}


class TooLarge(Exception):
    """The request is too large for a proxy in front of the gateway, which answers in HTML."""


BAD_ROUTE = WireError("WebrpcBadRoute", -2, 404, "bad route")
BAD_METHOD = WireError("WebrpcBadMethod", -3, 405, "bad method")
BAD_REQUEST = WireError("WebrpcBadRequest", -4, 400, "bad request")
UNAUTHORIZED = WireError("Unauthorized", 1000, 401, "Unauthorized access")
RATE_LIMITED = WireError("RateLimited", 1007, 429, "Rate-limited. Please slow down.")
ACCESS_KEY_NOT_FOUND = WireError("AccessKeyNotFound", 1101, 401, "Access key not found")
QUOTA_EXCEEDED = WireError("QuotaExceeded", 1200, 423, "Project quota exceeded.")
QUOTA_RATE_LIMIT = WireError("QuotaRateLimit", 1201, 429, "Project rate limit exceeded.")
INVALID_ARGUMENT = WireError("InvalidArgument", 2001, 400, "Invalid argument")
RESOURCE_EXHAUSTED = WireError("ResourceExhausted", 2004, 400, "Resource exhausted")
