"""The errors of the simulated Indexer Gateway, as it puts them on the wire (indexer-gateway.md 4)."""

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
        """Return the body of the answer; an empty cause is left out (indexer-gateway.md 4.1)."""
        members: dict[str, object] = {"error": self.name, "code": self.code, "msg": self.message}
        if self.cause:
            members["cause"] = self.cause
        return {**members, "status": self.status}


class Refused(Exception):
    """The gateway answers with an error instead of what was asked."""

    def __init__(self, error: WireError) -> None:
        super().__init__(error.message)
        self.error = error


BAD_ROUTE = WireError("WebrpcBadRoute", -2, 404, "bad route")
BAD_METHOD = WireError("WebrpcBadMethod", -3, 405, "bad method")
BAD_REQUEST = WireError("WebrpcBadRequest", -4, 400, "bad request")
UNAUTHORIZED = WireError("Unauthorized", 1000, 401, "Unauthorized access")
ACCESS_KEY_NOT_FOUND = WireError("AccessKeyNotFound", 1101, 401, "Access key not found")
INVALID_ARGUMENT = WireError("InvalidArgument", 2001, 400, "Invalid argument")
