"""The way of a message: what is in it, how each of that came about, and how far the message is."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from bot.domain.deliver.alerts import Alert, MuteKind
from bot.domain.deliver.delivery import DeliveryState
from bot.domain.deliver.traces import AlertCause, Trace


class Sighting(NamedTuple):
    """How a change was seen."""

    at: datetime
    sweep: int
    block: int | None
    """None: the source named none."""
    previous_at: datetime | None
    """When the amount before was last seen; None: nobody knows."""


class AlertWay(NamedTuple):
    """How an alert came about."""

    alert: Alert
    made_at: datetime
    seen: Sighting | None
    """How its change was seen; None: it is a notice."""
    trace: Trace
    cause: AlertCause
    kept_back_by: MuteKind | None
    """What kept it back last, before it was sent; None: nothing did."""
    released_at: datetime | None
    """When that ended; None: nothing kept it back, or it still does."""


class Obstacle(NamedTuple):
    """What keeps all messages of a chat from being sent for now."""

    reason: str
    """In Telegram's words; "": it asked for a pause."""
    until: datetime | None
    """When it is tried again; None: only once somebody writes in that chat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageWay:
    """A message of a destination, as somebody asks about it."""

    message: str
    """The id at its end."""
    alerts: tuple[AlertWay, ...]
    """The first ones, in its order; empty: they are in other messages now, or forgotten."""
    more: int
    """The number of alerts that are left out."""
    state: DeliveryState
    at: datetime
    """When it was sent, if it was; else when it is tried next, or was given up."""
    tried_at: datetime | None
    """When it was first to be sent; None: nobody noted that."""
    failures: int
    """Attempts before the last one that certainly did not arrive, or were refused."""
    unknowns: int
    """Attempts without an answer: each may have arrived."""
    reason: str
    """Why the last attempt did not succeed, "" if none failed."""
    is_silent: bool
    is_in_chat: bool
    """Whether its topic can't be written to, so that it goes to the chat itself."""
    obstacle: Obstacle | None
    """What keeps it from being sent for now, beside itself."""

    @property
    def attempts(self) -> int:
        """How often it was sent, the attempt that succeeded included."""
        return 1 + self.failures + self.unknowns

    @property
    def waiting_since(self) -> datetime | None:
        """When the last of its alerts could be sent; None: nobody knows."""
        return max((one.released_at or one.made_at for one in self.alerts), default=None)
