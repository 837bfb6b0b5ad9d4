"""Puts alerts into the queue: one row of `alert` for each destination that a change or a notice is for."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from bot.domain.assets import Amount
from bot.domain.chat.mutes import Cover, Muteable, MuteScope, kept_back_by, subjects_of
from bot.domain.deliver.alerts import MuteKind, Notice, is_alarm
from bot.domain.deliver.delivery import AlertState
from bot.domain.deliver.traces import UNKNOWN_TRACE, AlertCause, Trace
from bot.domain.rules.conditions import Condition, Difference, Judgement, judge
from bot.domain.rules.loud import AS_EVER, Loudness
from bot.domain.subscriptions import DestinationId
from bot.store.database.door import Database
from bot.store.database.signals import SignalName
from bot.store.outbox.muted import KeptBackHere, kept_back_in
from bot.store.outbox.notice_codec import notice_to_json
from bot.store.rows import Row, loudness_to_row, to_milliseconds, trace_to_row


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
    difference: Difference | None = None
    """Of a change, since its amount was last reported; None: it can't be measured."""
    is_in_two_units: bool = False
    """Whether that is so because the decimals changed: nobody can say that it is little."""
    trace: Trace = UNKNOWN_TRACE
    """Who wanted its change."""
    cause: AlertCause = AlertCause.UNFILTERED

    @classmethod
    def of_notice(cls, destination_id: DestinationId, notice: Notice, label: str = "") -> "NewAlert":
        """Return an alert that carries a notice."""
        return cls(destination_id=destination_id, about=subjects_of(notice), label=label, notice=notice)


def enqueue_alerts(
    db: Database,
    alerts: Sequence[NewAlert],
    at: int,
    explain_until: Mapping[int | None, int] = MappingProxyType({}),
) -> None:
    """Enqueue alerts in this order; `at` is now, in milliseconds. Part of the caller's transaction.

    Where a mute covers one, it is kept back until the mute ends. `explain_until` says until when alerts about
    a change wait for its explanation, in milliseconds.
    """
    if not alerts:
        return
    # Mutes are looked up now, and not when messages are made: what a mute covers never enters the queue,
    # and no poll of the queue has to skip it.
    kept_back = kept_back_in(db, {alert.destination_id for alert in alerts})
    here = [kept_back.get(alert.destination_id, KeptBackHere()) for alert in alerts]
    seen = [_seen_by_mutes(alert, there.exception) for alert, there in zip(alerts, here, strict=True)]
    states = [_state_of(there.covers, one) for there, one in zip(here, seen, strict=True)]
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
                one.passes_quiet,
                *trace_to_row(alert.trace),
                alert.cause,
                explain_until.get(alert.change_id, 0),
            )
            for alert, one, state in zip(alerts, seen, states, strict=True)
        ],
    )
    for alert, there, one, (state, _) in zip(alerts, here, seen, states, strict=True):
        if there.exception is not None and state is AlertState.MUTED and not one.passes_quiet:
            _let_sum_pass(db, alert, there.covers, there.exception, at)
    # A change has one trace: what was said of the last one that was held back is said by the alert now.
    late = [(alert.destination_id, alert.change_id) for alert in alerts if alert.cause.is_late]
    if late:
        db.executemany("DELETE FROM unalerted WHERE destination_id = ? AND change_id = ?", late)
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
    "passes_quiet",
    "wanted_by",
    "filters",
    "cause",
    "explain_until",
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


def _seen_by_mutes(alert: NewAlert, exception: Condition | None) -> Muteable:
    if alert.notice is not None:
        return Muteable(alert.about, is_alarm=is_alarm(alert.notice))
    # What can't be judged for want of a price is never taken for little.
    if exception is None or alert.difference is None:
        passes = exception is not None and alert.is_in_two_units
    else:
        passes = judge(exception, alert.difference) is not Judgement.NOT_MET
    return Muteable(alert.about, is_change=True, passes_quiet=passes)


def _let_sum_pass(
    db: Database, alert: NewAlert, covers: Collection[Cover], exception: Condition, at: int
) -> None:
    """Let an alert pass with those that were kept before it of the same balance, if their sum does.

    Else an exception would hide what leaves in small steps, while nobody looks.
    """
    if alert.difference is None:
        return
    kept: list[Row] = []
    for row in reversed(db.execute(_KEPT_OF_BALANCE, [alert.destination_id, alert.change_id]).fetchall()):
        goes_on = not kept or row[2] == kept[-1][1]
        if not goes_on or row[3] != alert.difference.decimals:
            break
        kept.append(row)
    if len(kept) <= 1:
        return
    difference = alert.difference._replace(told=Amount(int(kept[-1][1])))
    if judge(exception, difference) is not Judgement.MET:
        return
    state, reason = _state_of(covers, Muteable(alert.about, is_change=True, passes_quiet=True))
    released_at = at if state is AlertState.WAITING else None
    db.executemany(
        "UPDATE alert SET passes_quiet = 1, state = ?, reason = ?, released_at = ? WHERE id = ?",
        [(state, reason, released_at, row[0]) for row in kept],
    )
    db.notify(SignalName.OUTBOX)


_KEPT_OF_BALANCE = """
SELECT l.id, f.before, c.after, c.decimals
FROM alert l JOIN change c ON c.id = l.change_id
JOIN change f ON f.id = coalesce(l.first_change_id, l.change_id)
JOIN change n ON n.account_id = c.account_id AND n.asset_id = c.asset_id
WHERE l.destination_id = ? AND l.state = 'held' AND n.id = ? ORDER BY l.id
"""


def _state_of(covers: Collection[Cover], alert: Muteable) -> tuple[AlertState, MuteKind | None]:
    kind = kept_back_by(covers, alert)
    return (AlertState.WAITING, None) if kind is None else (AlertState.MUTED, kind)
