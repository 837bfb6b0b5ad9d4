"""Makes digests as they come due: each in one transaction, with what the next one begins with.

A digest is a notice in the queue from then on. That its period is in `digest` keeps it from being made twice,
and what it tells about are the alerts behind the last one's: so none is in two digests, and none is left out,
however the clock is set.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from bot.domain.ask.plan import Wanted, wanted_by
from bot.domain.ask.progress import silence_seconds
from bot.domain.assets import Address, ChainId, Part
from bot.domain.chains import Chains
from bot.domain.deliver.alerts import Digest, DigestWorth
from bot.domain.deliver.traces import AlertCause
from bot.domain.due import CLOCK_SLACK
from bot.domain.observe.prices import price_kept
from bot.domain.observe.worth import Worth, worth_of
from bot.domain.rules.digests import DigestSchedule, last_due, next_due
from bot.domain.subscriptions import DestinationId, Subscription
from bot.domain.zones import zone_named
from bot.store.chats.ignore_list import rules_of
from bot.store.chats.rules.digests import to_schedule
from bot.store.database.door import Database
from bot.store.each import do_each
from bot.store.outbox.alerts import enqueue_alert
from bot.store.outbox.unreported import release
from bot.store.polling.chains import asked_chains
from bot.store.polling.holdings import complete_at, holdings_by_account
from bot.store.polling.sweeps import last_sweep
from bot.store.rows import SUBSCRIPTIONS, to_milliseconds, to_moment, to_moment_or_none, to_subscription

MADE_AT_ONCE = 5
"""Digests, before others get at the database; a bot may have one to make for each of its chats at eight."""

TRIED_AGAIN_AFTER = timedelta(minutes=10)

WAITS_AT_MOST = timedelta(minutes=3)
"""For a sweep to come to its end, where none has for long, as after a start."""

LOOKS_AGAIN_AFTER = timedelta(seconds=2)
"""While a digest waits for that."""

ADDED_UP_MOST = 200
"""Accounts whose worth is added up in a digest: some eighty milliseconds in which nothing else happens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestTerms:
    """What digests are made by, beside the database."""

    chains: Chains
    status: Part
    """Stands for the lists of the configured contract status."""
    interval_seconds: float
    """Between two sweeps."""


def make_due(db: Database, now: datetime, terms: DigestTerms) -> datetime | None:
    """Make the digests that are due; returns when the next one is, None: nobody gets any.

    One that can't be made raises its error once the others are made, and is tried again after a while.
    """
    at, slack = to_milliseconds(now), to_milliseconds(now + CLOCK_SLACK)
    # What was looked at in the future was so before the clock was set back.
    due = db.execute(
        "SELECT destination_id FROM digest_schedule WHERE due_at <= ? OR looked_at > ?"
        " ORDER BY due_at LIMIT ?",
        [at, slack, MADE_AT_ONCE],
    ).fetchall()
    do_each(due, lambda row: _look_or_put_off(db, DestinationId(row[0]), now, terms))
    (due_at,) = db.execute("SELECT min(due_at) FROM digest_schedule").fetchone()
    return to_moment_or_none(due_at)


def _look_or_put_off(db: Database, destination_id: DestinationId, now: datetime, terms: DigestTerms) -> None:
    try:
        with db.transaction():
            _look(db, destination_id, now, terms)
    except db.Error:
        raise
    except Exception:
        # Or those that fail over and over would be the only ones that are looked at.
        db.execute(
            "UPDATE digest_schedule SET looked_at = ?, due_at = ? WHERE destination_id = ?",
            [to_milliseconds(now), to_milliseconds(now + TRIED_AGAIN_AFTER), destination_id],
        )
        raise


class _Scheduled(NamedTuple):
    """A destination that gets digests."""

    destination_id: DestinationId
    schedule: DigestSchedule
    looked_at: datetime
    """When it was last seen whether one is due; while one waits, when that began."""
    begins_at: datetime
    after_alert: int
    worth: DigestWorth | None
    """What everything was worth when the next digest begins."""


def _look(db: Database, destination_id: DestinationId, now: datetime, terms: DigestTerms) -> None:
    """Make the digest of a destination if one is due, and note when to look again."""
    row = db.execute(_SCHEDULED, [destination_id]).fetchone()
    if row is None:
        return  # another replica ended it since it was due
    at, weekday, is_only, looked_at, done_until, begins_at, after_alert, worth, zone_name, is_open = row
    schedule, zone = to_schedule(at, weekday, is_only), zone_named(zone_name)
    scheduled = _Scheduled(
        destination_id=destination_id,
        schedule=schedule,
        looked_at=to_moment(looked_at),
        begins_at=to_moment(begins_at),
        after_alert=after_alert,
        worth=_to_worth(worth),
    )
    done = to_moment(done_until)
    if done > now + schedule.longest:
        # The clock was set back by days: what it showed before is no reason to be silent until then. Rows
        # stay, since the highest number says how many digests there were.
        db.execute(
            "UPDATE digest SET period = -id WHERE destination_id = ? AND period > ?",
            [destination_id, to_milliseconds(now)],
        )
        done = now
    due = last_due(schedule, now, zone)
    if is_open and due > done and _waits(db, scheduled, due, now, terms):
        return
    if due > done:
        done = due
        # Two that were missed are one. Nobody is told of what happened while a chat was closed.
        if is_open and _is_first(db, destination_id, due, now):
            _make(db, scheduled, due, now, terms)
    if not worth:
        _note_worth(db, destination_id, _worth_now(db, _watched(db, destination_id), now, terms))
    db.execute(
        "UPDATE digest_schedule SET looked_at = ?, done_until = ?, due_at = ? WHERE destination_id = ?",
        [
            to_milliseconds(now),
            to_milliseconds(done),
            to_milliseconds(next_due(schedule, max(now, done), zone)),
            destination_id,
        ],
    )


def _waits(db: Database, one: _Scheduled, due: datetime, now: datetime, terms: DigestTerms) -> bool:
    """Put a digest off that would know nothing new, as no sweep ended for long; False: it waited enough."""
    last = last_sweep(db)
    late_after = timedelta(seconds=silence_seconds(terms.interval_seconds, last))
    if last is not None and now - last.ended_at <= late_after:
        return False
    since = one.looked_at if due <= one.looked_at <= now else now
    if now - since >= WAITS_AT_MOST:
        return False
    # A look since it was due has found the same: so when it began to wait needs no column of its own.
    db.execute(
        "UPDATE digest_schedule SET looked_at = ?, due_at = ? WHERE destination_id = ?",
        [to_milliseconds(since), to_milliseconds(now + LOOKS_AGAIN_AFTER), one.destination_id],
    )
    return True


def _is_first(db: Database, destination_id: DestinationId, due: datetime, now: datetime) -> bool:
    """Note that the digest of a period is made; returns False if it was already."""
    inserted = db.execute(
        "INSERT INTO digest (destination_id, period, made_at) VALUES (?, ?, ?)"
        " ON CONFLICT (destination_id, period) DO NOTHING",
        [destination_id, to_milliseconds(due), to_milliseconds(now)],
    )
    return inserted.rowcount > 0


def _make(db: Database, one: _Scheduled, due: datetime, now: datetime, terms: DigestTerms) -> None:
    """Enqueue a digest, and behind it what changes had no alert of their own."""
    watched = _watched(db, one.destination_id)
    seen_at = complete_at(db)
    seen = [seen_at[chain_id] for chain_id in watched.chains if chain_id in seen_at]
    worth = _worth_now(db, watched, now, terms)
    (last_alert,) = db.execute(_NEWEST_ALERT).fetchone()
    (follow,) = db.execute(
        "SELECT count(*) FROM unreported WHERE destination_id = ?", [one.destination_id]
    ).fetchone()
    digest = Digest(
        due_at=due,
        begins_at=one.begins_at,
        ends_at=now,
        after_alert=one.after_alert,
        last_alert=last_alert,
        is_weekly=one.schedule.weekday is not None,
        follow=follow if one.schedule.is_only else 0,
        chains=len(seen),
        unread=len(watched.chains) - len(seen),
        oldest_at=min(seen, default=None),
        worth=worth,
        former_worth=one.worth,
    )
    at = to_milliseconds(now)
    enqueue_alert(db, one.destination_id, at, notice=digest)
    if one.schedule.is_only:
        release(db, one.destination_id, at, cause=AlertCause.WITH_DIGEST)
    db.execute(
        "UPDATE digest_schedule SET begins_at = ?, after_alert_id = (SELECT coalesce(max(id), 0) FROM alert)"
        " WHERE destination_id = ?",
        [at, one.destination_id],
    )
    _note_worth(db, one.destination_id, worth)


class _Watched(NamedTuple):
    """What a destination watches."""

    destination_id: DestinationId
    subscriptions: list[Subscription]
    wanted: dict[Address, Wanted]
    chains: frozenset[ChainId]


def _watched(db: Database, destination_id: DestinationId) -> _Watched:
    rows = db.execute(f"{SUBSCRIPTIONS} WHERE s.destination_id = ?", [destination_id])
    subscriptions = [to_subscription(row) for row in rows]
    wanted = wanted_by(subscriptions, asked_chains(db))
    chains = frozenset(chain_id for one in wanted.values() for chain_id in one.chains())
    return _Watched(destination_id, subscriptions, dict(wanted), chains)


def _worth_now(db: Database, watched: _Watched, now: datetime, terms: DigestTerms) -> DigestWorth | None:
    """Return what all that is watched is worth, as /balance adds it up; None: it is too much."""
    if len(watched.wanted) > ADDED_UP_MOST:
        return None
    late_after = silence_seconds(terms.interval_seconds, last_sweep(db))
    total = Worth()
    for _, known in holdings_by_account(
        db,
        watched.subscriptions,
        watched.wanted,
        rules=rules_of(db, watched.destination_id),
        chains=asked_chains(db),
        status=terms.status,
        prices_since=now - price_kept(late_after),
        seen_since=now - timedelta(seconds=late_after),
    ):
        total = total.merged(worth_of(known, terms.chains))
    return DigestWorth(
        usd=total.usd,
        priced=total.priced,
        unpriced=total.unpriced,
        ignored=total.ignored,
        unknown=tuple(sorted(total.unknown)),
        last_known=tuple(sorted(total.last_known)),
    )


def _note_worth(db: Database, destination_id: DestinationId, worth: DigestWorth | None) -> None:
    stored = "null" if worth is None else json.dumps([f"{worth.usd:f}", *worth[1:]])
    db.execute("UPDATE digest_schedule SET worth = ? WHERE destination_id = ?", [stored, destination_id])


def _to_worth(text: str) -> DigestWorth | None:
    stored = json.loads(text or "null")
    if stored is None:
        return None
    usd, priced, unpriced, ignored, unknown, last_known = stored
    return DigestWorth(
        usd=Decimal(usd),
        priced=priced,
        unpriced=unpriced,
        ignored=ignored,
        unknown=tuple(map(ChainId, unknown)),
        last_known=tuple(map(ChainId, last_known)),
    )


_NEWEST_ALERT = "SELECT coalesce(max(id), 0) FROM alert"

_SCHEDULED = """
SELECT s.at, s.weekday, s.is_only, s.looked_at, s.done_until, s.begins_at, s.after_alert_id, s.worth,
       d.zone, c.open
FROM digest_schedule s JOIN destination d ON d.id = s.destination_id JOIN chat c ON c.id = d.chat_id
WHERE s.destination_id = ?
"""
