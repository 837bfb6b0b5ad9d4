"""What became of requests to the indexer, and how much of it could be read."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class IndexerCounts:
    """Since the start."""

    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Each HTTP request, by method and what came of it: `answered`, or the kind of an IndexerError."""
    rows_read: int = 0
    rows_refused: int = 0
    """Rows that could not be believed; what they are of is unknown."""

    @property
    def answered(self) -> int:
        """How many requests were answered so that it could be read."""
        return sum(count for (_, outcome), count in self.requests.items() if outcome == ANSWERED)


ANSWERED = "answered"
