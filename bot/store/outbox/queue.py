"""The queue of outgoing messages: which chat is next, and the message it gets.

A message (a row of `delivery`) is made at the last moment: when a chat's turn has come, whatever waits
for one of its destinations goes into one text. Making it and marking it `sending` is one transaction that
ends before the request leaves, so a crash in between is seen at the next start, and the message is sent
again with the same text. What came of a request is written by `delivery_results`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from bot.domain.deliver.alerts import Alert, AlertId, ChangeAlert, NoticeAlert
from bot.domain.deliver.delivery import (
    LONGEST_PAUSE,
    LONGEST_UNKNOWN_PAUSE,
    UNKNOWNS_SET_ASIDE,
    About,
    Delivery,
    DeliveryId,
    DeliveryState,
    Epoch,
    bind_at,
)
from bot.domain.deliver.message_ids import message_id
from bot.domain.deliver.outcomes import Form
from bot.domain.deliver.steps import in_groups, was_held_back
from bot.domain.deliver.unconfirmed import asks_first
from bot.domain.due import CLOCK_SLACK
from bot.domain.observations import Change, MoveKind
from bot.domain.rules.loud import Sound
from bot.domain.zones import local
from bot.store.balances.look_alikes import LOOKS_LIKE_ANOTHER
from bot.store.database.door import Database
from bot.store.explain.explanations import explanations_of_spans
from bot.store.outbox.budgets import spend
from bot.store.outbox.delivered import about
from bot.store.outbox.notice_codec import to_notice
from bot.store.outbox.unreported import items_between
from bot.store.rows import (
    Row,
    to_address,
    to_asset,
    to_description,
    to_holding,
    to_item_moves,
    to_loudness,
    to_milliseconds,
    to_moment,
    to_moment_or_none,
)

CLOSED_TOPIC_PAUSE = timedelta(hours=1)
"""How long a closed topic is left alone, unless Telegram says earlier that it was opened again."""

ALERTS_READ_AT_ONCE = 200
"""More than ever fit into one message."""

HELD_BACK_READ_AT_ONCE = 2_000
"""Of what was held back, as its steps are summed and many share a line."""

Compose = Callable[[Database, Sequence[Alert], str, datetime], tuple[str, int]]
"""Makes a text of alerts, the message id and the moment; returns it and how many of the alerts are in it.

The moment comes in the zone of the destination.
Those are the first ones, and at least one. What it has to look up it finds in the database as it is now.
"""


@dataclass(frozen=True, slots=True)
class Pending:
    """A chat that something can be sent to now."""

    chat_id: int
    """Telegram's number."""
    is_group: bool


@dataclass(frozen=True, slots=True)
class Outbox:
    """Where something can be sent now, and when to look again."""

    due: tuple[Pending, ...]
    """Those that have waited longest first."""
    next_at: datetime | None
    """When more becomes due by itself; None: only when something new happens."""


@dataclass(frozen=True, slots=True)
class NextDelivery:
    """What `claim_next` found for a chat; at most one of `delivery` and `question` is there."""

    delivery: Delivery | None
    """To be sent now, marked as `sending`; None: nothing can be sent to the chat now."""
    question: Delivery | None = None
    """To be sent only if Telegram answers a question first; it is not marked."""
    troubles: tuple[str, ...] = ()
    """Which destinations' texts could not be made, and why; their alerts wait on."""


def outbox(
    db: Database,
    now: datetime,
    group_wait_seconds: float,
    taken: Iterable[int] = (),
    explain_wait_seconds: float = 0.0,
) -> Outbox:
    """Return the chats that something can be sent to now, and when the next one follows.

    A chat is among them if a message is to be repeated there, or if alerts have waited long enough to be
    grouped and for the explanation of their change. It is not while a message to it is on its way, or while
    Telegram wants it left alone. Those that are `taken`, by Telegram's numbers, are left out: somebody is
    about to claim what waits there.
    """
    _forget_future_moments(db, now)
    chats: dict[int, tuple[datetime, Pending]] = {}
    busy = set(taken)
    at_now = [to_milliseconds(now)]
    # A message to be repeated comes before all that waits behind it, so its chat is looked at once only.
    for telegram_id, kind, free_at, state, not_before in db.execute(_HEADS, at_now):
        if telegram_id in busy:
            continue
        busy.add(telegram_id)
        if state == "ready":
            chats[telegram_id] = to_moment(max(not_before, free_at)), Pending(telegram_id, kind != "private")
    unexplained = dict(db.execute(_UNEXPLAINED_IN_ALL, _unexplained_at(now, explain_wait_seconds)).fetchall())
    for destination_id, telegram_id, kind, free_at, first_at, last_at in db.execute(_WAITING):
        if telegram_id in busy:
            continue
        at = _bind_at(first_at, last_at, now, group_wait_seconds)
        if destination_id in unexplained:
            at = _first_at(db, destination_id, unexplained[destination_id], now, group_wait_seconds)
        at = max(at, to_moment(free_at))
        if telegram_id not in chats or at < chats[telegram_id][0]:
            chats[telegram_id] = at, Pending(telegram_id, kind != "private")
    ordered = sorted(chats.values(), key=lambda one: one[0])
    (aside,) = db.execute(_FIRST_ASIDE, at_now).fetchone()
    later = [at for at, _ in ordered if at > now] + ([to_moment(aside)] if aside is not None else [])
    return Outbox(tuple(due for at, due in ordered if at <= now), min(later, default=None))


def claim_next(
    db: Database,
    chat_id: int,
    now: datetime,
    group_wait_seconds: float,
    compose: Compose,
    *,
    epoch: Epoch,
    answered: DeliveryId | None = None,
    explain_wait_seconds: float = 0.0,
) -> NextDelivery:
    """Return the chat's next message, marked as `sending`: one to be repeated, or a new one of what waits.

    `epoch` is that of the caller, who sends nothing else to the chat, and stands with the message until its
    outcome is written: once it has ended, the send is in doubt.
    `compose` makes the text of a new one. A message whose last send had no answer is returned as a
    `question` instead, unless it is the one that Telegram has `answered` about.
    """
    with db.transaction():
        head = db.execute(_HEAD_OF_CHAT, [chat_id, to_milliseconds(now)]).fetchone()
        if head is None:
            ready = _destinations_ready(db, chat_id, now, group_wait_seconds, explain_wait_seconds)
            return _claim_new(db, ready, now, compose, epoch=epoch)
        delivery_id, state, not_before, free_at = head
        if state == "sending" or to_moment(max(not_before, free_at)) > now:
            return NextDelivery(None)
        delivery = _delivery(db, delivery_id)
        is_question = asks_first(delivery) and delivery_id != answered
        db.execute(
            "UPDATE delivery SET state = ?, epoch = ? WHERE id = ?",
            [state if is_question else DeliveryState.SENDING, epoch, delivery_id],
        )
        if is_question:
            return NextDelivery(None, delivery)
        return NextDelivery(_with_topic_retried(db, delivery, now))


def _claim_new(
    db: Database, destinations: Iterable["_Ready"], now: datetime, compose: Compose, *, epoch: Epoch
) -> NextDelivery:
    """Make a message of what waits in the first of some destinations whose text can be made."""
    troubles: list[str] = []
    for ready in destinations:
        try:
            # A savepoint: what was written of a message whose text can't be made is undone alone.
            with db.savepoint():
                delivery = _delivery(db, _bind(db, ready, now, compose, epoch))
                return NextDelivery(_with_topic_retried(db, delivery, now), troubles=tuple(troubles))
        except db.Error:
            raise
        except Exception as error:  # noqa: BLE001 - one destination's text must not silence the others
            troubles.append(f"destination {ready.destination_id}: {error!r}")
    return NextDelivery(None, troubles=tuple(troubles))


def waiting_alerts(db: Database, destination_id: int) -> int:
    """Count the changes that a destination is still to be told, muted ones included."""
    (count,) = db.execute(
        "SELECT (SELECT count(change_id) FROM alert WHERE destination_id = ? AND state = 'waiting')"
        " + (SELECT count(l.change_id) FROM delivery d JOIN alert l ON l.delivery_id = d.id"
        f" WHERE d.destination_id = ? AND d.{UNFINISHED} AND l.state = 'bound')"
        " + (SELECT count(change_id) FROM alert WHERE destination_id = ? AND state = 'held')",
        [destination_id, destination_id, destination_id],
    ).fetchone()
    return int(count)


def alerts_between(db: Database, destination_id: int, after: int, last: int, most: int) -> list[Alert]:
    """Return the newest alerts of a destination behind one row and up to another, in order.

    Told or not; what was withdrawn is not among them.
    """
    rows = db.execute(_ALERTS_BETWEEN, [destination_id, after, last, most]).fetchall()
    return _explained(db, rows[::-1])


def held_back_from(db: Database, destination_id: int, most: int) -> list[ChangeAlert]:
    """Return the newest of what filters hold back, each as the alert that it would be now."""
    rows = db.execute(_HELD_BACK_FROM, [destination_id, most]).fetchall()
    alerts = (_to_alert(db, row) for _, *row in rows)
    return [alert for alert in alerts if isinstance(alert, ChangeAlert)]


def alerts_of(db: Database, delivery_id: DeliveryId, most: int) -> list[Alert]:
    """Return the first alerts of a message, in its order."""
    rows = db.execute(f"{_ALERTS} WHERE l.delivery_id = ? ORDER BY l.id LIMIT ?", [delivery_id, most])
    return _explained(db, rows.fetchall())


# SQLite uses a partial index only where a statement repeats the index's condition word for word. This is
# that of `delivery_unfinished`; `state = 'waiting'` and `state = 'held'` stand alone for the same reason.
# The conditions of the partial indexes `alert_finished` and `delivery_finished`, word for word: else SQLite
# doesn't use them.
FINISHED_ALERTS = "state IN ('told', 'withdrawn', 'expired', 'dead')"
FINISHED_DELIVERIES = "state IN ('sent', 'withdrawn', 'expired', 'dissolved', 'dead')"

UNFINISHED = "state IN ('ready', 'sending')"

NOT_AWAITED = 0
"""The epoch of a message whose outcome nobody is about to write."""

ON_THEIR_WAY = f"""
on_their_way(change_id) AS (
  SELECT change_id FROM alert WHERE destination_id = ? AND state = 'waiting'
  UNION ALL
  SELECT l.change_id FROM delivery d JOIN alert l ON l.delivery_id = d.id
  WHERE d.destination_id = ? AND d.{UNFINISHED} AND l.state = 'bound'
)
"""
"""For a WITH: the changes on their way to a destination, without muted ones; a NULL for each notice.

It has two marks, both for the destination.
"""

ASIDE = f"unknowns >= {UNKNOWNS_SET_ASIDE} AND questions = 0 AND not_before > ?"
"""Deliveries that rest for long although Telegram answers: those behind them in their chat don't wait.

The mark is for now, in milliseconds.
"""

_IN_LINE = f"{UNFINISHED} AND NOT ({ASIDE})"

_FIRST_ASIDE = f"SELECT min(not_before) FROM delivery WHERE {UNFINISHED} AND {ASIDE}"

# When a chat may be sent to: after Telegram's pause, and a chat that can't be reached at its next probe.
_FREE_AT = """
CASE WHEN c.unavailable IS NOT NULL AND c.probe_at > coalesce(c.hold_until, 0) THEN c.probe_at
  ELSE coalesce(c.hold_until, 0) END
"""

_REACHABLE = "c.open = 1 AND (c.unavailable IS NULL OR c.probe_at IS NOT NULL)"

# The first and the last one by two look-ups in the index `alert_waiting`: min and max would read them all.
_WAITING = f"""
SELECT id, telegram_id, kind, free_at, first_at, last_at FROM (
  SELECT n.id, c.telegram_id, c.kind, {_FREE_AT} AS free_at,
         (SELECT l.created_at FROM alert l WHERE l.destination_id = n.id AND l.state = 'waiting'
          ORDER BY l.id LIMIT 1) AS first_at,
         (SELECT l.created_at FROM alert l WHERE l.destination_id = n.id AND l.state = 'waiting'
          ORDER BY l.id DESC LIMIT 1) AS last_at
  FROM destination n JOIN chat c ON c.id = n.chat_id
  WHERE {_REACHABLE}) waiting
WHERE first_at IS NOT NULL
"""

# In the words of the index `alert_explained_later`. What would wait for longer than anything may was recorded
# before the clock was set back: that does not hold it.
_UNEXPLAINED = """
FROM alert WHERE state = 'waiting' AND explain_until > 0 AND explain_until > ? AND explain_until <= ?
"""
_UNEXPLAINED_IN_ALL = f"SELECT destination_id, min(id) {_UNEXPLAINED} GROUP BY destination_id"
_UNEXPLAINED_HERE = f"SELECT min(id) {_UNEXPLAINED} AND destination_id = ?"

_READY_BEFORE = "state = 'waiting' AND (notice IS NOT NULL OR id < ?)"
"""What may leave though the alert of a number waits for its explanation: changes go one after another."""

_ENDS_BEFORE = f"""
SELECT (SELECT created_at FROM alert WHERE destination_id = ? AND {_READY_BEFORE} ORDER BY id LIMIT 1),
       (SELECT created_at FROM alert WHERE destination_id = ? AND {_READY_BEFORE} ORDER BY id DESC LIMIT 1),
       created_at, explain_until
FROM alert WHERE id = ?
"""

# The oldest message in line of each chat, whatever its topic, as one chat's messages go one after another.
# EXISTS and not a join fixes the order: from a chat's destinations to their unfinished messages.
_HEADS = f"""
SELECT c.telegram_id, c.kind, {_FREE_AT}, CASE WHEN EXISTS (
  SELECT 1 FROM destination m WHERE m.chat_id = c.id AND EXISTS (
    SELECT 1 FROM delivery o WHERE o.destination_id = m.id AND o.{UNFINISHED} AND o.state = 'sending'))
  THEN 'sending' ELSE d.state END, d.not_before
FROM (
  SELECT min(first_of_destination) AS id FROM (
    SELECT m.chat_id, (SELECT min(o.id) FROM delivery o
                       WHERE o.destination_id = m.id AND o.{_IN_LINE}) AS first_of_destination
    FROM destination m) heads
  WHERE first_of_destination IS NOT NULL GROUP BY chat_id) head
JOIN delivery d ON d.id = head.id
JOIN destination n ON n.id = d.destination_id
JOIN chat c ON c.id = n.chat_id
WHERE {_REACHABLE}
"""

# One on its way comes first, though an older one may stand before it: nothing leaves beside it.
_HEAD_OF_CHAT = f"""
SELECT d.id, d.state, d.not_before, {_FREE_AT}
FROM chat c JOIN destination n ON n.chat_id = c.id JOIN delivery d ON d.destination_id = n.id
WHERE c.telegram_id = ? AND {_REACHABLE} AND d.{_IN_LINE}
ORDER BY d.state = 'sending' DESC, d.id LIMIT 1
"""

_WAITING_OF_CHAT = f"""
SELECT id, zone, budget, free_at, first_at, last_at FROM (
  SELECT n.id, n.zone, n.budget, {_FREE_AT} AS free_at,
         (SELECT l.id FROM alert l WHERE l.destination_id = n.id AND l.state = 'waiting'
          ORDER BY l.id LIMIT 1) AS first_id,
         (SELECT l.created_at FROM alert l WHERE l.destination_id = n.id AND l.state = 'waiting'
          ORDER BY l.id LIMIT 1) AS first_at,
         (SELECT l.created_at FROM alert l WHERE l.destination_id = n.id AND l.state = 'waiting'
          ORDER BY l.id DESC LIMIT 1) AS last_at
  FROM destination n JOIN chat c ON c.id = n.chat_id
  WHERE c.telegram_id = ? AND {_REACHABLE}) waiting
WHERE first_at IS NOT NULL ORDER BY first_id
"""

_DELIVERY = """
SELECT d.id, c.telegram_id, n.thread_id, n.lost, c.kind, d.text, d.is_silent, d.attempts, d.unknowns,
       d.refusals, d.form,
       (SELECT count(*) FROM alert l WHERE l.delivery_id = d.id AND l.state = 'bound'), c.probes,
       d.questions
FROM delivery d JOIN destination n ON n.id = d.destination_id JOIN chat c ON c.id = n.chat_id
WHERE d.id = ?
"""

_ALERT_COLUMNS = f"""
SELECT l.is_single, l.id, l.label, l.notice, l.created_at, l.released_at IS NOT NULL, l.sound, l.mentions,
       a.address, x.chain_id, x.contract, x.kind, x.symbol, x.decimals, x.rebasing,
       c.kind, c.before, c.uniques_before, c.after, c.uniques_after, c.block, c.items, c.price_usd,
       c.priced_at, c.observed_at, c.decimals, c.former_decimals, {LOOKS_LIKE_ANOTHER},
       l.steps, l.first_change_id, c.id, f.before, f.uniques_before, f.observed_at
"""

_JOINED = """
LEFT JOIN change c ON c.id = l.change_id
LEFT JOIN change f ON f.id = l.first_change_id
LEFT JOIN account a ON a.id = c.account_id
LEFT JOIN asset x ON x.id = c.asset_id
"""

_ALERTS = f"{_ALERT_COLUMNS} FROM alert l {_JOINED}"

_ALERTS_WAITING = f"""
{_ALERTS} WHERE l.destination_id = ? AND l.state = 'waiting' AND (l.notice IS NOT NULL OR l.id < ?)
ORDER BY l.id LIMIT ?
"""

# In the words of the index `alert_of_destination`.
_ALERTS_BETWEEN = f"""
{_ALERTS} WHERE l.destination_id = ? AND l.state <> 'withdrawn' AND l.id > ? AND l.id <= ?
ORDER BY l.id DESC LIMIT ?
"""

# In the words of an alert, whose number it lacks: that of its last change stands there.
_HELD_BACK_FROM = f"""
{_ALERT_COLUMNS} FROM (
  SELECT 0 AS is_single, last_change_id AS id, label, NULL AS notice, since AS created_at,
         NULL AS released_at, sound, mentions, steps, last_change_id AS change_id,
         CASE WHEN steps > 1 THEN first_change_id END AS first_change_id
  FROM unreported WHERE destination_id = ?) l
{_JOINED} ORDER BY l.id DESC LIMIT ?
"""


class _Ready(NamedTuple):
    """A destination that may get a message now."""

    destination_id: int
    zone: str
    has_budget: bool
    unexplained: int
    """The first alert that waits for its explanation: changes from there on stay."""


def _destinations_ready(
    db: Database, chat_id: int, now: datetime, group_wait_seconds: float, explain_wait_seconds: float
) -> Iterator[_Ready]:
    """Yield the destinations of a chat whose alerts have waited long enough, the oldest alert first."""
    for row in db.execute(_WAITING_OF_CHAT, [chat_id]).fetchall():
        destination_id, zone, budget, free_at, first_at, last_at = row
        (unexplained,) = db.execute(
            _UNEXPLAINED_HERE, [*_unexplained_at(now, explain_wait_seconds), destination_id]
        ).fetchone()
        if unexplained is None:
            at = _bind_at(first_at, last_at, now, group_wait_seconds)
        else:
            at = _first_at(db, destination_id, unexplained, now, group_wait_seconds)
        if max(at, to_moment(free_at)) <= now:
            yield _Ready(destination_id, zone, bool(budget), _NONE if unexplained is None else unexplained)


_NONE = 2**63 - 1
"""No alert has this number."""


def _unexplained_at(now: datetime, explain_wait_seconds: float) -> tuple[int, int]:
    """Return the values of `_UNEXPLAINED`."""
    return to_milliseconds(now), to_milliseconds(now + timedelta(seconds=explain_wait_seconds))


def _first_at(
    db: Database, destination_id: int, unexplained: int, now: datetime, group_wait_seconds: float
) -> datetime:
    """Return when a destination gets its next message, one of whose alerts waits for its explanation."""
    values = [destination_id, unexplained]
    first_at, last_at, created_at, until = db.execute(
        _ENDS_BEFORE, [*values, *values, unexplained]
    ).fetchone()
    if first_at is not None:
        return _bind_at(first_at, last_at, now, group_wait_seconds)
    return max(_bind_at(created_at, created_at, now, group_wait_seconds), to_moment(until))


def _bind_at(first_at: int, last_at: int, now: datetime, group_wait_seconds: float) -> datetime:
    """Return when alerts that wait become a message: now, where a clock set back puts that far ahead."""
    at = bind_at(to_moment(first_at), to_moment(last_at), group_wait_seconds)
    return now if at > now + timedelta(seconds=group_wait_seconds) else at


def _forget_future_moments(db: Database, now: datetime) -> None:
    """Shorten every pause that ends later than it can: the clock was set back since it began."""
    at, slack = to_milliseconds(now), CLOCK_SLACK // timedelta(milliseconds=1)
    db.execute("UPDATE chat SET hold_until = ? + hold_ms WHERE hold_until > ? + hold_ms", [at, at + slack])
    db.execute("UPDATE chat SET probe_at = ? + probe_ms WHERE probe_at > ? + probe_ms", [at, at + slack])
    db.execute(
        f"UPDATE delivery SET not_before = ? WHERE {UNFINISHED}"
        f" AND (unknowns < {UNKNOWNS_SET_ASIDE} AND not_before > ?"
        f" OR unknowns >= {UNKNOWNS_SET_ASIDE} AND not_before > ?)",
        [at, to_milliseconds(now + LONGEST_PAUSE), to_milliseconds(now + LONGEST_UNKNOWN_PAUSE)],
    )


def _bind(db: Database, ready: _Ready, now: datetime, compose: Compose, epoch: Epoch) -> DeliveryId:
    """Write a message of what waits for a destination, oldest first, already marked as `sending`."""
    waiting = in_groups(_read_waiting(db, ready, now), now)
    # The row comes before its text, which contains the message id that is made of the row's number.
    (row_id,) = db.execute(
        "INSERT INTO delivery (destination_id, text, state, not_before, epoch, tried_at)"
        " VALUES (?, '', 'sending', ?, ?, ?) RETURNING id",
        [ready.destination_id, to_milliseconds(now), epoch, to_milliseconds(now)],
    ).fetchone()
    delivery_id = DeliveryId(row_id)
    text, count = compose(db, waiting, message_id(delivery_id), local(now, ready.zone))
    if not 0 < count <= len(waiting):
        raise ValueError(f"a message of {len(waiting)} alerts tells {count} of them")
    # One of them that rings is enough, whatever else shares the message.
    is_silent = all(alert.loudness.sound is Sound.SILENT for alert in waiting[:count])
    db.execute("UPDATE delivery SET text = ?, is_silent = ? WHERE id = ?", [text, is_silent, delivery_id])
    taken = db.any_of(alert.id for alert in waiting[:count])
    db.execute(
        f"UPDATE alert SET state = 'bound', delivery_id = ? WHERE id {taken.sql}",
        [delivery_id, *taken.values],
    )
    if ready.has_budget and any(isinstance(alert, ChangeAlert) for alert in waiting[:count]):
        spend(db, ready.destination_id, now)
    return delivery_id


def _read_waiting(db: Database, ready: _Ready, now: datetime) -> list[Alert]:
    """Return what waits for a destination and may share its next message, oldest first."""

    def read(most: int) -> list[Alert]:
        rows = db.execute(_ALERTS_WAITING, [ready.destination_id, ready.unexplained, most]).fetchall()
        return _explained(db, _of_one_message(rows))

    waiting = read(ALERTS_READ_AT_ONCE)
    last = waiting[-1]
    is_summed = isinstance(last, ChangeAlert) and was_held_back(last, now)
    return read(HELD_BACK_READ_AT_ONCE) if is_summed and len(waiting) == ALERTS_READ_AT_ONCE else waiting


def _with_topic_retried(db: Database, delivery: Delivery, now: datetime) -> Delivery:
    """Try a closed topic again after a pause; a message that finds it closed goes to the chat instead.

    Returns the delivery as it is to be sent.
    """
    # A message whose fate is unknown (`unknowns`) goes where it went, or it might stand in two places.
    if delivery.fallback_reason != "closed" or delivery.unknowns:
        return delivery
    # Not BETWEEN: also where the clock was set back.
    tried = db.execute(
        "UPDATE destination SET lost = NULL WHERE coalesce(lost_at, 0) NOT BETWEEN ? AND ?"
        " AND id = (SELECT destination_id FROM delivery WHERE id = ?)",
        [to_milliseconds(now - CLOSED_TOPIC_PAUSE), to_milliseconds(now), delivery.id],
    )
    return _delivery(db, delivery.id) if tried.rowcount else delivery


def _of_one_message(rows: Sequence[Row]) -> Sequence[Row]:
    """Return the alerts that may share a message: the first alone if it must, else all before one that must.

    An alert must go alone once Telegram refused a message that told it beside others.
    """
    singles = [index for index, (is_single, *_) in enumerate(rows) if is_single]
    return rows[: max(1, singles[0])] if singles else rows


def _explained(db: Database, rows: Sequence[Row]) -> list[Alert]:
    """Return the alerts of rows, with what is known by now of the transfers behind their changes."""
    alerts = [_to_alert(db, row) for _, *row in rows]
    spans = [(first_id, last_id) for *_, first_id, last_id, _, _, _ in rows if last_id is not None]
    found = iter(explanations_of_spans(db, spans))
    return [
        replace(alert, explanation=next(found)) if isinstance(alert, ChangeAlert) else alert
        for alert in alerts
    ]


def _to_alert(db: Database, row: Sequence[Any]) -> Alert:
    alert_id, label, notice, created_at, was_muted, sound, mentions, *rest = row
    loudness = to_loudness(sound, mentions)
    if notice is not None:
        at = to_moment(created_at)
        return NoticeAlert(AlertId(alert_id), to_notice(notice), at, loudness=loudness)
    account, chain_id, contract, *rest = rest
    asset_kind, symbol, decimals, rebasing, kind, before, uniques_before, after, uniques_after, *rest = rest
    block, items, price_usd, priced_at, observed_at, decimals_then, former_decimals, *rest = rest
    is_look_alike, steps, first_id, last_id, told, uniques_told, first_at = rest
    description = to_description(asset_kind, symbol, decimals, rebasing)
    moved = to_item_moves(items)
    if first_id is not None and description.is_collection:
        moved = items_between(db, first_id, last_id) or ()
    change = Change(
        account=to_address(account),
        asset=to_asset(chain_id, contract),
        kind=MoveKind(kind),
        before=to_holding(*((before, uniques_before) if told is None else (told, uniques_told)), None),
        after=to_holding(after, uniques_after, block),
        observed_at=to_moment(observed_at),
        price_usd=price_usd,
        items=moved,
        priced_at=to_moment_or_none(priced_at),
        decimals=decimals_then,
        former_decimals=former_decimals,
    )
    return ChangeAlert(
        id=AlertId(alert_id),
        change=change,
        label=label,
        description=description,
        is_look_alike=bool(is_look_alike),
        was_muted=bool(was_muted),
        steps=steps,
        since=to_moment_or_none(first_at),
        loudness=loudness,
    )


def _delivery(db: Database, delivery_id: DeliveryId) -> Delivery:
    row = db.execute(_DELIVERY, [delivery_id]).fetchone()
    _, telegram_id, thread_id, lost, kind, text, is_silent, attempts, unknowns, *rest = row
    refusals, form, alerts, probes, unanswered_questions = rest
    is_fallback = lost is not None and bool(thread_id)
    return Delivery(
        id=delivery_id,
        chat_id=telegram_id,
        thread_id=None if is_fallback else thread_id or None,
        is_group=kind != "private",
        text=text,
        attempts=attempts,
        unknowns=unknowns,
        refusals=refusals,
        form=Form(form),
        alerts=alerts,
        probes=probes,
        unanswered_questions=unanswered_questions,
        fallback_reason=lost if is_fallback else None,
        # Nothing in a channel: whoever reads it could press the buttons.
        about=About() if kind == "channel" else about(db, delivery_id),
        is_silent=bool(is_silent),
    )
