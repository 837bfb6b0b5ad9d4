"""The alarms of destinations, as rows: set, found, moved and ended; `polling/firings` judges them."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from bot.domain.addresses import checksummed
from bot.domain.assets import Address
from bot.domain.chat.audit import Actor, AuditAction
from bot.domain.places import Place
from bot.domain.rules.alarms import AlarmTerms, Firing
from bot.domain.subscriptions import DestinationId
from bot.store.balances.snapshots import account_id_of
from bot.store.chats.audit import record_audit
from bot.store.chats.chats import destination_of, upsert_chat
from bot.store.database.door import Database, Value
from bot.store.rows import (
    Row,
    terms_to_json,
    to_address,
    to_asset,
    to_blob,
    to_milliseconds,
    to_moment,
    to_moment_or_none,
    to_place,
    to_terms,
)


class StoredAlarm(NamedTuple):
    """An alarm as it is stored."""

    row: int
    destination_id: DestinationId
    number: int
    account_id: int
    account: Address
    terms: AlarmTerms
    pending: int


def set_alarm(
    db: Database,
    place: Place,
    account: Address,
    terms: AlarmTerms,
    actor: Actor,
    *,
    number: int | None = None,
) -> tuple[StoredAlarm, StoredAlarm | None]:
    """Set an alarm; returns it, and the former one of that level that it replaces, if there was one.

    A new one gets the `number` of one that was ended, if there is none of it now, or else a number that was
    never given here. Part of the caller's transaction.
    """
    destination_id = DestinationId(destination_of(db, upsert_chat(db, place), place.thread_id))
    of_account = _found(db, "a.destination_id = ? AND o.address = ?", [destination_id, to_blob(account)])
    former = next((one for one in of_account if _compares_the_same(one.terms, terms)), None)
    if former is None:
        row = _insert(db, destination_id, account_id_of(db, account), terms, actor, number=number)
    else:
        row = former.row
        db.execute("UPDATE alarm SET terms = ? WHERE id = ?", [terms_to_json(terms), row])
        _plan_next(db, former, terms, actor.at)
    if former is None or former.terms != terms:
        record_audit(db, actor, AuditAction.ALARM, place.chat_id, _subject(account, terms))
    (alarm,) = _found(db, "a.id = ?", [row])
    return alarm, former


def _insert(
    db: Database,
    destination_id: DestinationId,
    account_id: int,
    terms: AlarmTerms,
    actor: Actor,
    *,
    number: int | None,
) -> int:
    (row,) = db.execute(
        "INSERT INTO alarm (destination_id, number, account_id, terms, is_in_dollars, created_by, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
        [
            destination_id,
            _number(db, destination_id, number),
            account_id,
            terms_to_json(terms),
            terms.is_in_dollars,
            actor.user_id,
            to_milliseconds(actor.at),
        ],
    ).fetchone()
    return int(row)


def _number(db: Database, destination_id: DestinationId, wanted: int | None) -> int:
    """Return a number for an alarm: one that was given before and is free, if it is wanted, or the next."""
    (given,) = db.execute("SELECT alarms_numbered FROM destination WHERE id = ?", [destination_id]).fetchone()
    if wanted is not None and 0 < wanted <= given:
        taken = {one.number for one in alarms_of(db, destination_id)}
        if wanted not in taken:
            return wanted
    # Never from what is there: buttons and messages name alarms that were ended.
    db.execute("UPDATE destination SET alarms_numbered = ? WHERE id = ?", [given + 1, destination_id])
    return int(given) + 1


def _compares_the_same(one: AlarmTerms, other: AlarmTerms) -> bool:
    """Whether two alarms ring at the same values; they may end and be repeated differently."""
    return (one.side, one.level, one.chains, one.is_total) == (
        other.side,
        other.level,
        other.chains,
        other.is_total,
    )


def _plan_next(db: Database, former: StoredAlarm, terms: AlarmTerms, now: datetime) -> None:
    """Let what rings be repeated as is now asked for."""
    if former.terms.again != terms.again:
        at = None if terms.again is None else to_milliseconds(now + terms.again)
        db.execute("UPDATE firing SET next_at = ? WHERE alarm_id = ? AND ended_at IS NULL", [at, former.row])


def end_alarms(db: Database, place: Place, rows: Collection[int], actor: Actor) -> list[StoredAlarm]:
    """End alarms of a place by their rows; returns those that there were."""
    with db.transaction():
        ended = [one for one in alarms_here(db, place) if one.row in rows]
        for one in ended:
            db.execute("DELETE FROM alarm WHERE id = ?", [one.row])
            subject = _subject(one.account, one.terms)
            record_audit(db, actor, AuditAction.END_ALARM, place.chat_id, subject)
    return ended


def alarms_here(db: Database, place: Place) -> list[StoredAlarm]:
    """Return the alarms of a place, by number."""
    return _found(db, "c.telegram_id = ? AND d.thread_id = ?", [place.chat_id, place.thread_id or 0])


def numbered_here(db: Database, place: Place) -> int:
    """Return the last number that an alarm of a place was given, 0 if there was none."""
    row = db.execute(
        "SELECT d.alarms_numbered FROM destination d JOIN chat c ON c.id = d.chat_id"
        " WHERE c.telegram_id = ? AND d.thread_id = ?",
        [place.chat_id, place.thread_id or 0],
    ).fetchone()
    return int(row[0]) if row else 0


def alarms_of(db: Database, destination_id: DestinationId) -> list[StoredAlarm]:
    """Return the alarms of a destination, by number."""
    return _found(db, "a.destination_id = ?", [destination_id])


def alarms_of_accounts(db: Database, account_ids: Collection[int]) -> list[StoredAlarm]:
    """Return the alarms of open chats on some accounts."""
    theirs = db.any_of(account_ids)
    return _found(db, f"a.account_id {theirs.sql} AND c.open = 1", theirs.values)


def alarms_by_row(db: Database, rows: Collection[int]) -> list[StoredAlarm]:
    """Return alarms of open chats by their rows."""
    these = db.any_of(rows)
    return _found(db, f"a.id {these.sql} AND c.open = 1", these.values)


def open_firings(db: Database, alarms: Iterable[StoredAlarm]) -> dict[int, list[Firing]]:
    """Return what rings of these alarms, by their rows."""
    these = db.any_of(one.row for one in alarms)
    result: dict[int, list[Firing]] = defaultdict(list)
    for alarm_id, row, chain_id, contract, since, is_from_start, by, at in db.execute(
        "SELECT f.alarm_id, f.id, f.chain_id, f.contract, f.since, f.since = a.created_at,"
        " f.acknowledged_by, f.acknowledged_at FROM firing f JOIN alarm a ON a.id = f.alarm_id"
        f" WHERE f.ended_at IS NULL AND f.alarm_id {these.sql} ORDER BY f.id",
        these.values,
    ):
        result[alarm_id].append(
            Firing(
                row=row,
                asset=to_asset(chain_id, contract) if chain_id else None,
                since=to_moment(since),
                is_from_start=bool(is_from_start),
                acknowledged_by=by,
                acknowledged_at=to_moment_or_none(at),
            )
        )
    return result


def count_ringing(db: Database, place: Place) -> int:
    """Return how many alarms of a place ring."""
    (count,) = db.execute(
        "SELECT count(DISTINCT f.alarm_id) FROM firing f JOIN alarm a ON a.id = f.alarm_id"
        " JOIN destination d ON d.id = a.destination_id JOIN chat c ON c.id = d.chat_id"
        " WHERE f.ended_at IS NULL AND c.telegram_id = ? AND d.thread_id = ?",
        [place.chat_id, place.thread_id or 0],
    ).fetchone()
    return int(count)


def place_of_alarm(db: Database, row: int, chat_id: int) -> Place | None:
    """Return where an alarm of this chat is set, by its row; None: it is gone, or another chat's."""
    found = db.execute(
        "SELECT c.kind, c.title, d.thread_id FROM alarm a JOIN destination d ON d.id = a.destination_id"
        " JOIN chat c ON c.id = d.chat_id WHERE a.id = ? AND c.telegram_id = ?",
        [row, chat_id],
    ).fetchone()
    return to_place(chat_id, *found) if found else None


# ---------------------------------------------------------------- with subscriptions


def end_unwatched(db: Database, destination_id: DestinationId, chat_id: int, actor: Actor) -> str:
    """End the alarms on accounts that a destination no longer watches; returns them for `restore`.

    Part of the caller's transaction.
    """
    watched = db.execute(
        "SELECT DISTINCT account_id FROM subscription WHERE destination_id = ? AND account_id IS NOT NULL",
        [destination_id],
    )
    accounts = {account_id for (account_id,) in watched}
    ended = [one for one in alarms_of(db, destination_id) if one.account_id not in accounts]
    for one in ended:
        db.execute("DELETE FROM alarm WHERE id = ?", [one.row])
        record_audit(db, actor, AuditAction.END_ALARM, chat_id, _subject(one.account, one.terms))
    return json.dumps([[one.number, one.account, terms_to_json(one.terms)] for one in ended])


def restore(db: Database, destination_id: DestinationId, chat_id: int, kept: str, actor: Actor) -> None:
    """Bring back the alarms that `end_unwatched` ended, to be judged afresh.

    Those on accounts that are still not watched are left out. Part of the caller's transaction.
    """
    for number, account, text in json.loads(kept):
        account_id = account_id_of(db, Address(account))
        is_watched = db.execute(
            "SELECT 1 FROM subscription WHERE destination_id = ? AND account_id = ?",
            [destination_id, account_id],
        ).fetchone()
        terms = to_terms(text)
        is_there = any(one.account == account and one.terms == terms for one in alarms_of(db, destination_id))
        if is_watched is None or is_there:
            continue
        _insert(db, destination_id, account_id, terms, actor, number=number)
        record_audit(db, actor, AuditAction.ALARM, chat_id, _subject(Address(account), terms))


def move(db: Database, one: DestinationId, into: DestinationId) -> None:
    """Move alarms to another destination; one that it has already is dropped. Part of a transaction.

    Their numbers come along to where none was given yet.
    """
    here, there = (
        db.execute("SELECT alarms_numbered FROM destination WHERE id = ?", [destination_id]).fetchone()[0]
        for destination_id in (one, into)
    )
    if there:
        # A button that comes along must not mean an alarm that is here.
        db.execute("DELETE FROM offer WHERE destination_id = ? AND command LIKE '/alarm A%'", [one])
    else:
        db.execute("UPDATE destination SET alarms_numbered = ? WHERE id = ?", [here, into])
    standing = {(alarm.account, alarm.terms) for alarm in alarms_of(db, into)}
    for alarm in alarms_of(db, one):
        if (alarm.account, alarm.terms) in standing:
            db.execute("DELETE FROM alarm WHERE id = ?", [alarm.row])
            continue
        number = _number(db, into, None if there else alarm.number)
        db.execute(
            "UPDATE alarm SET destination_id = ?, pending = 1, number = ? WHERE id = ?",
            [into, number, alarm.row],
        )


def _subject(account: Address, terms: AlarmTerms) -> str:
    level = f"{terms.level.number:f}"
    amount = f"${level}" if terms.is_in_dollars else f"{level} {terms.level.symbol}".strip()
    return f"{checksummed(account)} {terms.side} {amount}"


def _found(db: Database, where: str, values: Sequence[Value]) -> list[StoredAlarm]:
    rows = db.execute(f"{_ALARMS} WHERE {where} ORDER BY a.destination_id, a.number", values)
    return [_to_alarm(row) for row in rows]


_ALARMS = """
SELECT a.id, a.destination_id, a.number, a.account_id, o.address, a.terms, a.pending
FROM alarm a JOIN account o ON o.id = a.account_id
JOIN destination d ON d.id = a.destination_id JOIN chat c ON c.id = d.chat_id
"""


def _to_alarm(row: Row) -> StoredAlarm:
    alarm_id, destination_id, number, account_id, address, terms, pending = row
    return StoredAlarm(
        row=alarm_id,
        destination_id=DestinationId(destination_id),
        number=number,
        account_id=account_id,
        account=to_address(address),
        terms=to_terms(terms),
        pending=pending,
    )
