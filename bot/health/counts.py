"""What is counted from the start of the program: parts come and go with their roles, a count never falls."""

from collections import Counter
from dataclasses import dataclass, field

from bot.chat.telegram.receiver import UpdateCounts
from bot.dispatcher import DispatcherCounts
from bot.domain.explain.explanations import ExplanationOutcome
from bot.poller.worker import SweepCounts


@dataclass(frozen=True, slots=True)
class Counts:
    """Each part counts in its own of these, for which it is built."""

    sweeps: SweepCounts = field(default_factory=SweepCounts)
    explained: Counter[ExplanationOutcome] = field(default_factory=Counter)
    sends: DispatcherCounts = field(default_factory=DispatcherCounts)
    updates: UpdateCounts = field(default_factory=UpdateCounts)
    commands: Counter[str] = field(default_factory=Counter)
    exports: Counter[str] = field(default_factory=Counter)
    """Files made, by format."""
    heartbeats: Counter[str] = field(default_factory=Counter)
    """Calls, by result."""
