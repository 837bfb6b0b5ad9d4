"""The programs that share one database, as they know each other."""

from dataclasses import dataclass

from bot.domain.replicas.roles import Role

TTL_SECONDS = 10.0
"""How long a replica keeps its roles without being heard of; counted by the database's clock."""


CLOCK_WRONG_SECONDS = 5.0
"""A clock that differs from the database's by more is worth a look; by less, it may be the way there."""


@dataclass(frozen=True, slots=True)
class Replica:
    """One of the programs that share a database."""

    id: str
    """Drawn at the start."""
    name: str
    """What people call it: the same after a restart."""
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaSeen:
    """What a replica last said of itself; all times are by the database's clock."""

    id: str
    name: str
    version: str
    seen_ago_seconds: float
    up_seconds: float
    """From its start until it was last seen."""
    clock_ahead_ms: int
    """How far its own clock was ahead of the database's."""
    troubles: str
    """Why its roles are not done well, a sentence a line; empty: all is well."""
    roles: frozenset[Role]
    """What it does, as far as its leases are not over."""

    @property
    def is_live(self) -> bool:
        """Whether it was heard of lately enough to count on it."""
        return self.seen_ago_seconds < TTL_SECONDS

    @property
    def is_clock_wrong(self) -> bool:
        """Whether its clock is worth a look."""
        return abs(self.clock_ahead_ms) > CLOCK_WRONG_SECONDS * 1000
