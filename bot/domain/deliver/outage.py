"""Whether Telegram as a whole can be reached; while it can't, one message now and then finds out.

Without this, each of a thousand chats would send, and wait for an answer that none gets. `now` is in seconds
of any monotonic clock; nothing here waits.
"""

from dataclasses import dataclass, replace

from bot.domain.backoff import Backoff
from bot.domain.deliver.outcomes import Offline, Outcome, RetryLater, SendUnknown

PROBE_BACKOFF = Backoff((1.0, 2.0, 4.0, 8.0, 15.0, 20.0), spread=0.1)
"""Before each probe. One that hangs keeps no other waiting, so a Telegram that is back is noticed within half
a minute."""

CHATS_IN_DOUBT = 3
"""Different chats in a row without an answer that make an outage; fewer may be bad luck of each."""


@dataclass(frozen=True, slots=True)
class Outage:
    """What the last outcomes say of Telegram as a whole; a new value after each."""

    probe_at: float | None = None
    """From when on one message may leave as a probe; None: there is no outage."""
    probes: int = 0
    """Probes in a row without an answer yet."""
    doubtful: frozenset[int] = frozenset()
    """Chats whose sends went unanswered since Telegram last answered; probe with another chat."""

    @property
    def is_over(self) -> bool:
        """Whether there is no outage."""
        return self.probe_at is None

    def lets_leave(self, now: float) -> bool:
        """Whether a message may leave now, as a probe if there is an outage."""
        return self.probe_at is None or now >= self.probe_at

    def probed(self, now: float, jitter: float) -> "Outage":
        """Return it after a message has left: in an outage, with the moment of the next probe."""
        return self if self.is_over else _with_next_probe(self, now, jitter)

    def after(self, chat_id: int, outcome: Outcome | None, now: float, jitter: float) -> "Outage":
        """Return it after an outcome; None: a question was answered."""
        if not isinstance(outcome, Offline | SendUnknown | RetryLater):
            return Outage()  # whatever it was, Telegram answered
        doubted = replace(self, doubtful=self.doubtful | {chat_id})
        # Offline says that no message can get through, so one is enough; a timeout may be bad luck.
        begins = isinstance(outcome, Offline) or len(doubted.doubtful) >= CHATS_IN_DOUBT
        return _with_next_probe(doubted, now, jitter) if self.is_over and begins else doubted


def _with_next_probe(outage: Outage, now: float, jitter: float) -> Outage:
    pause = PROBE_BACKOFF.seconds(outage.probes, jitter)
    return replace(outage, probe_at=now + pause, probes=outage.probes + 1)
