"""What the metrics are made of: plain values, gathered by whoever builds the pages."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class StoredFigures:
    """What the database knows."""

    changes: int
    messages: int
    waiting: int
    oldest_seconds: float
    parked: int
    chain_age_seconds: Mapping[str, float]
    """By the registry's name of each chain that is asked."""
    unknown_views: Counts
    accounts: int
    subscriptions: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Everything that is counted; since the start where nothing else is said."""

    version: str
    unhealthy: int
    """Reasons of /healthz now."""
    not_ready: int
    """Reasons of /readyz now."""
    sweeps: Counts = field(default_factory=dict)
    sweep_seconds_total: float = 0.0
    last_sweep_seconds: float = 0.0
    seen_seconds_ago: float = 0.0
    indexer_requests: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """By method and outcome."""
    rows_read: int = 0
    rows_refused: int = 0
    quota_remaining: int | None = None
    """None: the source does not say."""
    telegram_requests: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """By method and outcome."""
    sends: Counts = field(default_factory=dict)
    """By outcome."""
    possible_duplicates: int = 0
    updates: int = 0
    updates_failed: int = 0
    updates_dropped: int = 0
    """Of strangers, for which there was no room."""
    commands: Counts = field(default_factory=dict)
    stored: StoredFigures | None = None
    """None: the database does not answer."""
