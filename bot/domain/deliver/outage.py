"""Whether Telegram as a whole can be reached: while it can't, one message now and then finds out.

Without this, a thousand chats would each wait for an answer that none of them gets.
Seconds of any steady clock come in as `now`; nothing here waits.
"""

from dataclasses import dataclass, replace

from bot.domain.backoff import Backoff
from bot.domain.deliver.outcomes import Offline, Outcome, RetryLater, SendUnknown

PROBE_BACKOFF = Backoff((1.0, 2.0, 4.0, 8.0, 15.0, 20.0), spread=0.1)
"""Before each probe. One that hangs keeps no other waiting, so a Telegram that is back is noticed within half
a minute."""

CHATS_IN_DOUBT = 3
"""So many chats in a row without an answer are no longer bad luck of each."""


@dataclass(frozen=True, slots=True)
class Outage:
    """What the last outcomes say of Telegram as a whole."""

    probe_at: float | None = None
    """From when on one message may find out; None: Telegram can be reached."""
    probes: int = 0
    """In a row, none of which was answered yet."""
    doubtful: frozenset[int] = frozenset()
    """Chats that got no answer since the last answer of any: they are the worst to find out by."""

    @property
    def is_over(self) -> bool:
        """Whether everything may be sent."""
        return self.probe_at is None

    def lets_leave(self, now: float) -> bool:
        """Whether a message may leave now, if only to find out."""
        return self.probe_at is None or now >= self.probe_at

    def probed(self, now: float, jitter: float) -> "Outage":
        """Return what it is once a message has left; `jitter` in [0, 1) spreads the probes."""
        return self if self.is_over else _with_next_probe(self, now, jitter)

    def after(self, chat_id: int, outcome: Outcome | None, now: float, jitter: float) -> "Outage":
        """Return what an outcome makes of it; None: an answer that says nothing of a message."""
        if not isinstance(outcome, Offline | SendUnknown | RetryLater):
            return Outage()
        doubted = replace(self, doubtful=self.doubtful | {chat_id})
        begins = isinstance(outcome, Offline) or len(doubted.doubtful) >= CHATS_IN_DOUBT
        return _with_next_probe(doubted, now, jitter) if self.is_over and begins else doubted


def _with_next_probe(outage: Outage, now: float, jitter: float) -> Outage:
    pause = PROBE_BACKOFF.seconds(outage.probes, jitter)
    return replace(outage, probe_at=now + pause, probes=outage.probes + 1)
