"""Reads the way of a message of a destination, by the id at its end."""

from collections.abc import Sequence
from datetime import datetime

from bot.domain.deliver.alerts import ChangeAlert, MuteKind
from bot.domain.deliver.delivery import DeliveryId, DeliveryState
from bot.domain.deliver.message_ids import message_id
from bot.domain.deliver.traces import AlertCause
from bot.domain.history.ways import AlertWay, MessageWay, Obstacle, Sighting
from bot.domain.places import Place
from bot.domain.subscriptions import DestinationId
from bot.store.chats.chats import destination_here
from bot.store.chats.counterparties import with_names
from bot.store.database.door import Database
from bot.store.history.counterparty_names import with_counterparties
from bot.store.outbox.queue import alerts_of
from bot.store.rows import Row, to_moment, to_moment_or_none, to_trace

ALERTS_SHOWN = 12
"""Of one message; more of them say the same."""


def find_message(db: Database, place: Place, delivery_id: DeliveryId, now: datetime) -> MessageWay | None:
    """Return the way of a message; None: this place has none of that number, or no longer."""
    row = db.execute(_MESSAGE, [delivery_id, place.chat_id]).fetchone()
    if row is None:
        return None
    thread_id, lost, lost_at, hold_until, unavailable, probe_at, *rest = row
    state, not_before, tried_at, attempts, refusals, unknowns, reason, is_silent, alerts = rest
    # What can't be written to its topic stands in the chat itself, where people read its id.
    is_in_chat = lost is not None and bool(thread_id)
    if thread_id != (place.thread_id or 0) and not (is_in_chat and place.thread_id is None):
        return None
    was_before = DeliveryState(state) is DeliveryState.SENT and not_before < (lost_at or 0)
    ways = _ways(db, destination_here(db, place), delivery_id)
    return MessageWay(
        message=message_id(delivery_id),
        alerts=tuple(ways),
        more=alerts - len(ways),
        state=DeliveryState(state),
        at=to_moment(not_before),
        tried_at=to_moment_or_none(tried_at),
        failures=attempts + refusals,
        unknowns=unknowns,
        reason=reason or "",
        is_silent=bool(is_silent),
        is_in_chat=is_in_chat and not was_before,
        obstacle=_obstacle(hold_until, unavailable, probe_at, now),
    )


def changes_told(db: Database, delivery_id: DeliveryId) -> list[ChangeAlert]:
    """Return the changes in a message as they are known by now, with whom their transfers were."""
    alerts = with_counterparties(db, alerts_of(db, delivery_id, CHANGES_MOST))
    return [alert for alert in alerts if isinstance(alert, ChangeAlert)]


def changes_in(db: Database, delivery_id: DeliveryId) -> list[int]:
    """Return the numbers of the changes in a message, those included that are summed up in it."""
    rows = db.execute(_CHANGES_IN, [delivery_id, CHANGES_MOST]).fetchall()
    return [change_id for (change_id,) in rows]


def newest_message(db: Database, place: Place) -> DeliveryId | None:
    """Return the message that was sent last in a place; None: there is none."""
    destination_id = destination_here(db, place)
    # In the words of the index `alert_of_destination`: by it the newest comes first.
    row = db.execute(
        "SELECT l.delivery_id FROM alert l WHERE l.destination_id = ? AND l.state <> 'withdrawn'"
        " AND l.state = 'told' ORDER BY l.id DESC LIMIT 1",
        [destination_id],
    ).fetchone()
    return None if row is None else DeliveryId(row[0])


CHANGES_MOST = 200
"""Of one message; more are not looked up for it."""

_CHANGES_IN = """
SELECT s.id FROM alert l JOIN change c ON c.id = l.change_id
JOIN change s ON s.account_id = c.account_id AND s.asset_id = c.asset_id
AND s.id BETWEEN coalesce(l.first_change_id, c.id) AND c.id
WHERE l.delivery_id = ? ORDER BY s.id LIMIT ?
"""

_MESSAGE = """
SELECT d.thread_id, d.lost, d.lost_at, c.hold_until, c.unavailable, c.probe_at,
       v.state, v.not_before, v.tried_at, v.attempts, v.refusals, v.unknowns, v.reason, v.is_silent,
       (SELECT count(*) FROM alert l WHERE l.delivery_id = v.id)
FROM delivery v JOIN destination d ON d.id = v.destination_id JOIN chat c ON c.id = d.chat_id
WHERE v.id = ? AND c.telegram_id = ?
"""

_WAYS = """
SELECT l.created_at, l.released_at, l.reason, l.cause, l.wanted_by, l.filters,
       c.observed_at, c.sweep, c.block, c.previous_at
FROM alert l LEFT JOIN change c ON c.id = l.change_id WHERE l.delivery_id = ? ORDER BY l.id LIMIT ?
"""


def _ways(db: Database, destination_id: DestinationId | None, delivery_id: DeliveryId) -> Sequence[AlertWay]:
    alerts = with_counterparties(db, alerts_of(db, delivery_id, ALERTS_SHOWN))
    rows: list[Row] = db.execute(_WAYS, [delivery_id, ALERTS_SHOWN]).fetchall()
    ways = []
    for alert, row in zip(alerts, rows, strict=True):
        made_at, released_at, reason, cause, wanted_by, filters, observed_at, sweep, block, previous_at = row
        trace = to_trace(wanted_by, filters)
        ways.append(
            AlertWay(
                alert=alert,
                made_at=to_moment(made_at),
                seen=(
                    None
                    if sweep is None
                    else Sighting(to_moment(observed_at), sweep, block, to_moment_or_none(previous_at))
                ),
                trace=trace._replace(filters=with_names(db, destination_id, trace.filters)),
                cause=AlertCause(cause),
                kept_back_by=_kept_back_by(reason, released_at),
                released_at=to_moment_or_none(released_at),
            )
        )
    return ways


def _kept_back_by(reason: str | None, released_at: int | None) -> MuteKind | None:
    if reason is not None and reason in {*MuteKind}:
        return MuteKind(reason)
    # Former versions forgot what it was once that had ended, and before that there were mutes alone.
    return None if reason is None and released_at is None else MuteKind.MUTE


def _obstacle(
    hold_until: int | None, unavailable: str | None, probe_at: int | None, now: datetime
) -> Obstacle | None:
    if unavailable is not None:
        return Obstacle(unavailable, to_moment_or_none(probe_at))
    until = to_moment_or_none(hold_until)
    return Obstacle("", until) if until is not None and until > now else None
