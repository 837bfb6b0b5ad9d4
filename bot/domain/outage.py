"""Whether Telegram as a whole can be reached: while it can't, one message at a time finds out.

Without this, a thousand chats would each wait for an answer that none of them gets.
Seconds of any steady clock come in as `now`; nothing here waits.
"""

from dataclasses import dataclass, replace

from bot.domain.delivery import Offline, Outcome, RetryLater, Unknown

PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0, 20.0)
"""Seconds before each probe, by how many went before; the last one repeats. With a time limit of 30 s for
an answer, a Telegram that is back is noticed within a minute."""

PAUSE_JITTER = 0.1

CHATS_IN_DOUBT = 3
"""So many chats in a row without an answer are no longer bad luck of each."""


@dataclass(frozen=True, slots=True)
class Outage:
    """What the last outcomes say of Telegram as a whole."""

    probe_at: float | None = None
    """When one message may find out; None: Telegram can be reached."""
    probes: int = 0
    """In a row and in vain."""
    doubtful: frozenset[int] = frozenset()
    """Chats that got no answer since the last answer of any."""

    @property
    def is_over(self) -> bool:
        """Whether everything may be sent."""
        return self.probe_at is None

    def after(self, chat_id: int, outcome: Outcome, now: float, dice: float) -> "Outage":
        """Return what an outcome makes of it; `dice` in [0, 1) spreads the probes."""
        match outcome:
            case Offline():
                return self._lasting(now, dice)
            case Unknown() | RetryLater():
                doubtful = self.doubtful | {chat_id}
                if self.is_over and len(doubtful) < CHATS_IN_DOUBT:
                    return replace(self, doubtful=doubtful)
                return self._lasting(now, dice)
            case _:
                return Outage()

    def _lasting(self, now: float, dice: float) -> "Outage":
        if self.probe_at is not None and now < self.probe_at:
            return self  # a late answer to what left before
        pause = PAUSES[min(self.probes, len(PAUSES) - 1)] * (1 + PAUSE_JITTER * dice)
        return Outage(now + pause, self.probes + 1)
