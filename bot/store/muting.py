"""Mutes of destinations: what they hold is kept, and let go when they are over.

An alert is held if and only if a mute that is there holds it, so what ends a mute lets go, in the same
transaction, of all that no other mute holds. A receipt stands before it.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlite_utils import Database

from bot.domain.audit import Author, Deed
from bot.domain.delivery import AlertState
from bot.domain.model import Address, DestinationId, Place
from bot.domain.muting import (
    FoundMute,
    Mute,
    Muted,
    MutedHere,
    Unmuted,
    accounts_of,
    holds,
    is_over,
    receipt,
)
from bot.store.audit import note
from bot.store.chats import destination_of, remember
from bot.store.database import transaction
from bot.store.mutes import MUTES, mutes_of, to_mute
from bot.store.notices import notice_to_json, to_notice
from bot.store.polls import account_id_of
from bot.store.rows import to_address, to_blob, to_milliseconds, to_moment_or_none
from bot.store.untold import UNTOLD
from bot.store.wishes import marks


def mute(db: Database, place: Place, accounts: Collection[Address], span: timedelta, author: Author) -> Muted:
    """Mute accounts for a destination, or with none all that it is told; what is muted already ends anew."""
    with transaction(db):
        destination_id = destination_of(db, remember(db, place), place.thread_id)
        since, until = to_milliseconds(author.at), to_milliseconds(author.at + span)
        wanted: tuple[Address | None, ...] = tuple(accounts) or (None,)
        for account in wanted:
            account_id = None if account is None else account_id_of(db, account)
            db.execute(
                "INSERT INTO mute (destination_id, account_id, since, until) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (destination_id, ifnull(account_id, 0)) DO UPDATE SET until = excluded.until",
                [destination_id, account_id, since, until],
            )
            note(db, author, Deed.MUTE, place.chat_id, account or "")
        return Muted(
            tuple(one for one in mutes_of(db, destination_id) if one.account in wanted),
            _still_to_come(db, destination_id, accounts),
        )


def unmute(db: Database, place: Place, accounts: Collection[Address], author: Author) -> Unmuted:
    """End the mutes of accounts, or with none all mutes of a destination; what they held is told now."""
    with transaction(db):
        destination_id = destination_of(db, remember(db, place), place.thread_id)
        ended = [one for one in mutes_of(db, destination_id) if not accounts or one.account in set(accounts)]
        return _unmuted(db, destination_id, ended, place, author)


def end_mute(db: Database, found: FoundMute, author: Author) -> Unmuted:
    """End the mute that a button names, if it is still there."""
    with transaction(db):
        row = db.execute("SELECT destination_id FROM mute WHERE id = ?", [found.mute.row]).fetchone()
        if row is None:
            return Unmuted((), 0)
        return _unmuted(db, DestinationId(row[0]), [found.mute], found.place, author)


def end_all(db: Database, destination_id: int, now: datetime) -> None:
    """End the mutes of a destination, and let what they held be told. Part of the caller's transaction."""
    ended = mutes_of(db, destination_id)
    if ended:
        _end(db, DestinationId(destination_id), ended, now)


def end_due(db: Database, now: datetime) -> datetime | None:
    """End the mutes whose time has come; returns when the next one ends, None: there is none."""
    at, slack = to_milliseconds(now), to_milliseconds(now + timedelta(minutes=1))
    due = db.execute(
        "SELECT DISTINCT destination_id FROM mute WHERE until <= ? OR since > ?", [at, slack]
    ).fetchall()
    if due:
        with transaction(db):
            for (destination_id,) in due:
                over = [one for one in mutes_of(db, destination_id) if is_over(one, now)]
                _end(db, destination_id, over, now)
    (until,) = db.execute("SELECT min(until) FROM mute").fetchone()
    return to_moment_or_none(until)


def muted_here(db: Database, place: Place) -> MutedHere:
    """Return what is muted in a place, and how many changes are held there."""
    row = db.execute(
        "SELECT d.id FROM destination d JOIN chat c ON c.id = d.chat_id"
        " WHERE c.telegram_id = ? AND d.thread_id = ?",
        [place.chat_id, place.thread_id or 0],
    ).fetchone()
    if row is None:
        return MutedHere()
    (held,) = db.execute(
        "SELECT count(change_id) FROM alert WHERE destination_id = ? AND state = 'held'", [row[0]]
    ).fetchone()
    return MutedHere(tuple(mutes_of(db, row[0])), held)


def find_mute(db: Database, row: int, chat_id: int) -> FoundMute | None:
    """Return the mute that a button of this chat names."""
    found = db.execute(
        "SELECT c.kind, c.title, d.thread_id FROM mute m JOIN destination d ON d.id = m.destination_id"
        " JOIN chat c ON c.id = d.chat_id WHERE m.id = ? AND c.telegram_id = ?",
        [row, chat_id],
    ).fetchone()
    if found is None:
        return None
    kind, title, thread_id = found
    mute_row = db.execute(f"{MUTES} WHERE m.id = ?", [row]).fetchone()
    return FoundMute(to_mute(mute_row), Place(chat_id, kind, title, thread_id or None))


def _unmuted(
    db: Database, destination_id: DestinationId, ended: Sequence[Mute], place: Place, author: Author
) -> Unmuted:
    changes = _end(db, destination_id, ended, author.at)
    for one in ended:
        note(db, author, Deed.UNMUTE, place.chat_id, one.account or "")
    left = [one.until for one in mutes_of(db, destination_id) if one.account is None]
    return Unmuted(tuple(ended), changes, left[0] if left else None)


def _end(db: Database, destination_id: DestinationId, ended: Sequence[Mute], now: datetime) -> int:
    """Take mutes away and let go of what none holds any more; returns how many changes that is."""
    db.conn.executemany("DELETE FROM mute WHERE id = ?", [(one.row,) for one in ended])
    left = [one.account for one in mutes_of(db, destination_id)]
    rows = db.execute(_HELD, [destination_id]).fetchall()
    held = [(alert_id, is_change, _about(address, text)) for alert_id, is_change, address, text in rows]
    free = [one for one in held if not holds(left, one[2])]
    db.conn.executemany(
        "UPDATE alert SET state = 'waiting', reason = NULL, released_at = ? WHERE id = ?",
        [(to_milliseconds(now), alert_id) for alert_id, *_ in free],
    )
    everything = [one for one in ended if one.account is None]
    for one in everything or ended:
        theirs = [is_change for _, is_change, about in free if one.account is None or one.account in about]
        if theirs:
            _tell_receipt(db, destination_id, one, sum(theirs), now)
    return sum(is_change for _, is_change, _ in free)


def _about(address: bytes | None, text: str | None) -> frozenset[Address]:
    """Return the accounts that a held alert is about."""
    if address is not None:
        return frozenset({to_address(address)})
    return accounts_of(to_notice(text)) if text is not None else frozenset()


_HELD = """
SELECT l.id, l.change_id IS NOT NULL, a.address, l.notice
FROM alert l LEFT JOIN change c ON c.id = l.change_id LEFT JOIN account a ON a.id = c.account_id
WHERE l.destination_id = ? AND l.state = 'held' ORDER BY l.id
"""


def _tell_receipt(
    db: Database, destination_id: DestinationId, one: Mute, changes: int, now: datetime
) -> None:
    """Let a receipt be told before all that it is about: such numbers count down, below all others."""
    db.execute(
        "INSERT INTO alert (id, destination_id, notice, label, state, created_at)"
        " VALUES ((SELECT min(0, ifnull(min(id), 0)) - 1 FROM alert), ?, ?, '', ?, ?)",
        [
            destination_id,
            notice_to_json(receipt(one, now, changes)),
            AlertState.WAITING,
            to_milliseconds(now),
        ],
    )


def _still_to_come(db: Database, destination_id: DestinationId, accounts: Collection[Address]) -> int:
    """Count the changes, of these accounts or of all, that are on their way already."""
    theirs = f"WHERE a.address IN ({marks(accounts)})" if accounts else ""
    (count,) = db.execute(
        f"WITH {UNTOLD} SELECT count(*) FROM untold JOIN change c ON c.id = untold.change_id"
        f" JOIN account a ON a.id = c.account_id {theirs}",
        [destination_id, *map(to_blob, accounts)],
    ).fetchone()
    return int(count)
