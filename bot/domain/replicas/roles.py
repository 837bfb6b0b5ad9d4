"""The roles that replicas share out among each other."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What one replica does at a time, for all."""

    RECEIVER = "receiver"
    """Receives what people write, and answers."""
    POLLER = "poller"
    """Reads balances and records what changed, and which transfers explain it."""
    SENDER = "sender"
    """Sends the messages that tell it."""
    CHORES = "chores"
    """Does what is due once a day, and looks after the other replicas."""


@dataclass(slots=True)
class Tenure:
    """The time in which one replica has a role."""

    role: Role
    epoch: int | None = None
    """How often the role had changed hands when it began; None: nobody else can have it, as with a file."""
    good_until: float = float("inf")
    """On the monotonic clock: until then nobody else takes the role. It moves on as the lease is renewed."""

    def lasts(self, now: float, seconds: float) -> bool:
        """Say whether nobody else has the role in so many seconds, counted from `now`.

        To be asked before what no fence can hold back: a request to Telegram.
        """
        return self.left(now) > seconds

    def left(self, now: float) -> float:
        """Return for how many seconds nobody else takes the role, 0.0 if somebody may have."""
        return max(self.good_until - now, 0.0)
