"""Adds a watchlist to what a destination watches, once somebody who saw what is new of it says so."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from bot.domain.assets import Address, Part
from bot.domain.chat.audit import Actor, AuditAction
from bot.domain.chat.labels import Labels
from bot.domain.chat.subscribe import SubscribeOutcome
from bot.domain.chat.watchlist import Fit, ImportPlan, WatchedAlarm, Watchlist, WatchlistName
from bot.domain.places import Place
from bot.domain.rules.conditions import Condition
from bot.domain.rules.loud import LoudRule
from bot.domain.subscriptions import SubscriptionId, WatchSpec
from bot.store.chats.audit import record_audits
from bot.store.chats.chats import destination_here, destination_of, upsert_chat
from bot.store.chats.ignore_list import ignore_within
from bot.store.chats.labels import given_names, thing_named
from bot.store.chats.names import give_name_within
from bot.store.chats.subscriptions import subscribe_within, subscriptions_here, what_would_be_new
from bot.store.database.door import Database
from bot.store.polling.alarm_values import ValueTerms
from bot.store.polling.firings import NothingComparedError, set_alarm_within
from bot.store.rows import condition_to_json, loud_rule_to_json, to_milliseconds, to_moment, to_place
from bot.store.watchlists.content import watchlist_here

IMPORT_FOR = timedelta(hours=24)
"""How long what was shown can be added."""

_KEPT_FOR = timedelta(days=7)
"""How long a button under it is still answered by saying that it is too late."""


@dataclass(frozen=True, slots=True)
class PendingImport:
    """A watchlist that was shown."""

    row: int
    place: Place
    content: str
    """What was new of it, as lines; "" once it was added."""
    made_at: datetime
    is_done: bool
    added: frozenset[SubscriptionId]
    """The subscriptions that it added."""

    def is_over(self, now: datetime) -> bool:
        """Whether it was shown too long ago."""
        return now - self.made_at > IMPORT_FOR


class ImportResult(NamedTuple):
    """What came of adding a watchlist."""

    plan: ImportPlan
    uncompared: int = 0
    """The alarms that are about nothing that is watched, so that they were left out."""
    is_repeated: bool = False
    """Whether it was added before, so that nothing was done."""


def save_import(db: Database, place: Place, content: str, at: datetime) -> int:
    """Keep what is new of a watchlist; returns its row. What was shown long ago is deleted."""
    with db.transaction():
        db.execute("DELETE FROM watchlist_import WHERE made_at < ?", [to_milliseconds(at - _KEPT_FOR)])
        destination_id = destination_of(db, upsert_chat(db, place), place.thread_id)
        (row,) = db.execute(
            "INSERT INTO watchlist_import (destination_id, content, made_at) VALUES (?, ?, ?) RETURNING id",
            [destination_id, content, to_milliseconds(at)],
        ).fetchone()
    return int(row)


def find_import(db: Database, row: int, chat_id: int) -> PendingImport | None:
    """Return the watchlist that a button of this chat names; None: it is gone, or another chat's."""
    found = db.execute(
        "SELECT i.content, i.made_at, i.done_at, i.added, c.kind, c.title, d.thread_id"
        " FROM watchlist_import i JOIN destination d ON d.id = i.destination_id"
        " JOIN chat c ON c.id = d.chat_id WHERE i.id = ? AND c.telegram_id = ?",
        [row, chat_id],
    ).fetchone()
    if found is None:
        return None
    content, made_at, done_at, added, *place = found
    return PendingImport(
        row=row,
        place=to_place(chat_id, *place),
        content=content,
        made_at=to_moment(made_at),
        is_done=done_at is not None,
        added=frozenset(SubscriptionId(int(word)) for word in added.split()),
    )


def drop_import(db: Database, row: int) -> bool:
    """Forget a watchlist that was not added; False: it was, or is gone already."""
    with db.transaction():
        dropped = db.execute("DELETE FROM watchlist_import WHERE id = ? AND done_at IS NULL", [row])
        return bool(dropped.rowcount)


def plan_import(db: Database, place: Place, wanted: Watchlist, *, limit: int) -> ImportPlan:
    """Return what becomes of a watchlist if it is added now.

    What stands is not changed: a setting of the whole place is new only where nothing is watched yet, and so
    is the first loud rule, since all changes that it does not mean would arrive without sound.
    """
    here = watchlist_here(db, place)
    is_empty = not here.specs
    results = what_would_be_new(db, place, wanted.specs, limit=limit)
    watched = here.specs + tuple(
        spec
        for spec, result in zip(wanted.specs, results, strict=True)
        if result.outcome is SubscribeOutcome.CREATED
    )
    accounts = {spec.account for spec in watched}
    ignored = set(here.ignored)
    has_loud = here.loud is not None or any(spec.loud is not None for spec in here.specs)
    own_loud = any(spec.loud is not None for spec in wanted.specs)
    return ImportPlan(
        results=tuple(results),
        alarms=tuple(_fit_of_alarm(one, here, accounts) for one in wanted.alarms),
        filter=_fit(_plain(wanted.filter), _plain(here.filter), is_empty=is_empty),
        loud=_fit(_plain_rule(wanted.loud), _plain_rule(here.loud), is_empty=is_empty),
        ignored=tuple(
            Fit.KNOWN if one in ignored else (Fit.NEW if is_empty else Fit.IN_USE) for one in wanted.ignored
        ),
        names=tuple(_fits_of_names(wanted.names, watched, given_names(db, destination_here(db, place)))),
        own_loud_rules=(Fit.NEW if is_empty or has_loud else Fit.IN_USE) if own_loud else None,
        standing=len(here.specs),
    )


def _fit(wanted: object, standing: object, *, is_empty: bool) -> Fit | None:
    if wanted is None:
        return None
    if wanted == standing:
        return Fit.KNOWN
    return Fit.NEW if is_empty and standing is None else Fit.IN_USE


def _plain(condition: Condition | None) -> Condition | None:
    """Return a condition without what its tokens are called, which is another thing from day to day."""
    if condition is None:
        return None
    return replace(condition, levels=tuple(replace(level, symbol="") for level in condition.levels))


def _plain_rule(rule: LoudRule | None) -> object:
    return rule and (_plain(rule.condition), [one.name for one in rule.mentions])


def _fit_of_alarm(one: WatchedAlarm, here: Watchlist, accounts: Collection[object]) -> Fit:
    if any(other.account == one.account and other.terms.rings_like(one.terms) for other in here.alarms):
        return Fit.KNOWN
    return Fit.NEW if one.account in accounts else Fit.UNWATCHED


def _fits_of_names(
    wanted: Sequence[WatchlistName], watched: Sequence[WatchSpec], given: Mapping[Address, str]
) -> Iterator[Fit]:
    """Yield how each name fits: what has another one keeps it, and a name that is taken stays."""
    called = dict(given)
    labels = Labels((spec.label, thing_named(spec)) for spec in watched)
    for address, name in given.items():
        labels.give(name, address)
    accounts = {spec.account for spec in watched}
    for address, name in wanted:
        if called.get(address) == name:
            yield Fit.KNOWN
        elif address in called or address in accounts or labels.holder(name, address) is not None:
            yield Fit.IN_USE
        else:
            called[address] = name
            labels.give(name, address)
            yield Fit.NEW


def new_of(wanted: Watchlist, plan: ImportPlan) -> Watchlist:
    """Return what of a watchlist is new by a plan."""
    keeps_loud = plan.own_loud_rules is Fit.NEW
    return Watchlist(
        specs=tuple(
            spec if keeps_loud or spec.loud is None else replace(spec, loud=None)
            for spec, result in zip(wanted.specs, plan.results, strict=True)
            if result.outcome is SubscribeOutcome.CREATED
        ),
        alarms=tuple(one for one, fit in zip(wanted.alarms, plan.alarms, strict=True) if fit is Fit.NEW),
        filter=wanted.filter if plan.filter is Fit.NEW else None,
        loud=wanted.loud if plan.loud is Fit.NEW else None,
        ignored=tuple(one for one, fit in zip(wanted.ignored, plan.ignored, strict=True) if fit is Fit.NEW),
        names=tuple(one for one, fit in zip(wanted.names, plan.names, strict=True) if fit is Fit.NEW),
    )


def carry_out_import(
    db: Database,
    pending: PendingImport,
    wanted: Watchlist,
    actor: Actor,
    *,
    limit: int,
    status: Part,
    by: ValueTerms,
) -> ImportResult:
    """Add what is new of a watchlist, judged anew, all of it in one transaction, and once."""
    place = pending.place
    with db.transaction():
        is_open = db.execute(
            "SELECT 1 FROM watchlist_import WHERE id = ? AND done_at IS NULL", [pending.row]
        ).fetchone()
        plan = plan_import(db, place, wanted, limit=limit)
        if is_open is None:
            return ImportResult(plan, is_repeated=True)
        new = new_of(wanted, plan)
        before = {one.subscription.id for one in subscriptions_here(db, place)}
        _set_up_place(db, place, new, actor)
        results = subscribe_within(db, place, new.specs, actor, limit=limit, status=status)
        for one in new.names:
            give_name_within(db, place, one.address, one.name, actor)
        uncompared = sum(not _is_set(db, place, one, actor, by) for one in new.alarms)
        added = sorted(
            one.subscription.id for one in subscriptions_here(db, place) if one.subscription.id not in before
        )
        db.execute(
            "UPDATE watchlist_import SET done_at = ?, content = '', added = ? WHERE id = ?",
            [to_milliseconds(actor.at), " ".join(map(str, added)), pending.row],
        )
    known = iter(results)
    judged = tuple(next(known) if one.outcome is SubscribeOutcome.CREATED else one for one in plan.results)
    return ImportResult(replace(plan, results=judged), uncompared)


def _set_up_place(db: Database, place: Place, new: Watchlist, actor: Actor) -> None:
    """Set what is for a whole place, which watches nothing yet: nothing waits that it could be about."""
    destination_id = destination_of(db, upsert_chat(db, place), place.thread_id)
    done: list[tuple[AuditAction, str]] = []
    if new.filter is not None:
        stored = condition_to_json(new.filter)
        db.execute("UPDATE destination SET filter = ? WHERE id = ?", [stored, destination_id])
        done.append((AuditAction.FILTER, ""))
    if new.loud is not None:
        stored = loud_rule_to_json(new.loud)
        db.execute("UPDATE destination SET loud = ? WHERE id = ?", [stored, destination_id])
        done.append((AuditAction.LOUD, ""))
    record_audits(db, actor, done, place.chat_id)
    for one in new.ignored:
        ignore_within(db, place, [one.contract], one.chains, actor)


def _is_set(db: Database, place: Place, alarm: WatchedAlarm, actor: Actor, by: ValueTerms) -> bool:
    try:
        with db.savepoint():
            set_alarm_within(db, place, alarm.account, alarm.terms, actor, by=by)
    except NothingComparedError:
        return False
    return True
