"""The numbers that the metrics page shows, as plain values; `bot/health.py` gathers them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Counts = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class StoredStats:
    """Numbers read from the database."""

    changes: int
    digests: int
    messages: int
    waiting: int
    oldest_seconds: float
    parked: int
    unreported: int
    ringing: int
    kept_back: Counts
    """By what keeps them back: a mute, quiet hours or a budget."""
    chain_age_seconds: Mapping[str, float]
    """By the registry's name of each chain that is asked."""
    unknown_views: Counts
    accounts: int
    subscriptions: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class ReplicaStats:
    """Numbers of roles and replicas; those that are read from the database are left out if it is away."""

    roles: Counts
    """1 for each role that this process has, 0 for the others."""
    connections: int
    """Made to the database."""
    epochs: Counts = field(default_factory=dict)
    """By role: how often it has changed hands."""
    lease_ages: Mapping[str, float] = field(default_factory=dict)
    """By role: seconds since whoever has it was heard of."""
    here: int | None = None
    away: int | None = None
    clock_ahead_seconds: float | None = None
    """How far the clock of this process is ahead of the database's."""


@dataclass(frozen=True, slots=True)
class BotStats:
    """Every number on the page; counts begin with the process unless said otherwise."""

    version: str
    unhealthy: int
    """How many reasons /healthz gives now."""
    not_ready: int
    """How many reasons /readyz gives now."""
    sweeps: Counts = field(default_factory=dict)
    sweep_seconds_total: float = 0.0
    last_sweep_seconds: float = 0.0
    seen_seconds_ago: float = 0.0
    indexer_requests: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """By method and outcome."""
    extra_requests: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Those beside the polls, by method and outcome."""
    explained: Counts = field(default_factory=dict)
    """Changes whose transfers were asked for, by outcome."""
    rows_read: int = 0
    rows_refused: int = 0
    quota_remaining: int | None = None
    """None where the indexer does not say."""
    telegram_requests: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """By method and outcome."""
    sends: Counts = field(default_factory=dict)
    """By outcome."""
    sounds: Counts = field(default_factory=dict)
    """Messages that arrived, with sound and without."""
    possible_duplicates: int = 0
    updates: int = 0
    updates_failed: int = 0
    updates_dropped: int = 0
    """Updates of chats without permission that found the queue full."""
    commands: Counts = field(default_factory=dict)
    exports: Counts = field(default_factory=dict)
    """Files made, by format."""
    heartbeats: Counts = field(default_factory=dict)
    """By result; none where there is no heartbeat."""
    stored: StoredStats | None = None
    """None where the database does not answer."""
    replicas: ReplicaStats | None = None
    """None where there can be none, as over a file."""
