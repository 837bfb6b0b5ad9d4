"""Puts alerts into the queue: one row of `alert` for each destination that a change or a notice is for."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.chat.mutes import MuteScope, are_muted, subjects_of
from bot.domain.deliver.alerts import Notice
from bot.domain.deliver.delivery import AlertState
from bot.domain.rules.loud import AS_EVER, Loudness
from bot.domain.subscriptions import DestinationId
from bot.store.database.door import Database
from bot.store.database.signals import SignalName
from bot.store.outbox.muted import muted_scopes
from bot.store.outbox.notice_codec import notice_to_json
from bot.store.rows import loudness_to_row, to_milliseconds

MUTED = "muted"
"""What `alert.reason` says of an alert that is muted (its state is 'held')."""


@dataclass(frozen=True, slots=True)
class NewAlert:
    """An alert to be enqueued for a destination: about a change or about a notice, exactly one of both."""

    destination_id: DestinationId
    about: frozenset[MuteScope]
    """The accounts and chains it is about, chain by chain; empty: it is about more than accounts."""
    label: str = ""
    """What the destination calls the account."""
    change_id: int | None = None
    notice: Notice | None = None
    first_change_id: int | None = None
    """It sums up all changes of the amount from this one to its own; None: there is only its own."""
    steps: int = 1
    """How many changes these are."""
    loudness: Loudness = AS_EVER

    @classmethod
    def of_notice(cls, destination_id: DestinationId, notice: Notice, label: str = "") -> "NewAlert":
        """Return an alert that carries a notice."""
        return cls(destination_id=destination_id, about=subjects_of(notice), label=label, notice=notice)


def enqueue_alerts(db: Database, alerts: Sequence[NewAlert], at: int) -> None:
    """Enqueue alerts in this order; `at` is now, in milliseconds. Part of the caller's transaction.

    Where a mute covers one, it is kept back until the mute ends.
    """
    if not alerts:
        return
    # Mutes are looked up now, and not when messages are made: what a mute covers never enters the queue,
    # and no poll of the queue has to skip it.
    muted = muted_scopes(db, {alert.destination_id for alert in alerts})
    states = [_state_of(alert, muted) for alert in alerts]
    db.insert_many(
        "alert",
        _COLUMNS,
        [
            (
                alert.destination_id,
                alert.change_id,
                None if alert.notice is None else notice_to_json(alert.notice),
                alert.label,
                *state,
                at,
                alert.first_change_id,
                alert.steps,
                *loudness_to_row(alert.loudness),
            )
            for alert, state in zip(alerts, states, strict=True)
        ],
    )
    if any(state is AlertState.WAITING for state, _ in states):
        db.notify(SignalName.OUTBOX)


_COLUMNS = (
    "destination_id",
    "change_id",
    "notice",
    "label",
    "state",
    "reason",
    "created_at",
    "first_change_id",
    "steps",
    "sound",
    "mentions",
)


def enqueue_alert(db: Database, destination_id: DestinationId, at: int, *, notice: Notice) -> None:
    """Enqueue a notice for one destination, as `enqueue_alerts` does. Part of the caller's transaction."""
    enqueue_alerts(db, [NewAlert.of_notice(destination_id, notice)], at)


def notify_owners(db: Database, notice: Notice, now: datetime) -> None:
    """Enqueue a notice for every owner."""
    with db.transaction():
        enqueue_owner_alerts(db, notice, to_milliseconds(now))


def enqueue_owner_alerts(db: Database, notice: Notice, at: int) -> None:
    """Enqueue a notice for every owner's private chat; `at` is now, in milliseconds.

    Part of the caller's transaction.
    """
    alerts = [NewAlert.of_notice(destination_id, notice) for destination_id in owner_destinations(db)]
    enqueue_alerts(db, alerts, at)


def owner_destinations(db: Database) -> list[DestinationId]:
    """Return the destination of each owner's private chat, made where it isn't there yet.

    Part of the caller's transaction.
    """
    # An owner may never have written to the bot: then there is a chat by configuration, and no destination.
    db.execute(
        "INSERT INTO destination (chat_id, thread_id) SELECT id, 0 FROM chat WHERE is_owner = 1"
        " ON CONFLICT (chat_id, thread_id) DO NOTHING"
    )
    rows = db.execute(
        "SELECT d.id FROM destination d JOIN chat c ON c.id = d.chat_id"
        " WHERE c.is_owner = 1 AND d.thread_id = 0 ORDER BY d.id"
    )
    return [DestinationId(destination_id) for (destination_id,) in rows]


def _state_of(
    alert: NewAlert, muted: Mapping[DestinationId, Collection[MuteScope | None]]
) -> tuple[AlertState, str | None]:
    is_muted = are_muted(muted.get(alert.destination_id, ()), alert.about)
    return (AlertState.MUTED, MUTED) if is_muted else (AlertState.WAITING, None)
