"""Begins and ends mutes of destinations, and ends those that began by themselves.

An alert is kept back (its state is 'held') exactly while a mute covers it. So whatever ends a mute releases,
in the same transaction, all alerts that no other mute covers, behind a notice that says what was muted and
how many changes follow.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from bot.domain.assets import ChainId
from bot.domain.chat.audit import Actor, AuditAction
from bot.domain.chat.mutes import (
    ActiveMutes,
    FoundMute,
    Mute,
    Muteable,
    MuteResult,
    MuteScope,
    UnmuteResult,
    all_muted_until,
    is_over,
    kept_back_by,
    mute_over_notice,
    subjects_of,
)
from bot.domain.deliver.alerts import MuteKind, is_alarm
from bot.domain.deliver.delivery import AlertState
from bot.domain.due import CLOCK_SLACK
from bot.domain.places import Place
from bot.domain.rules.loud import Sound
from bot.domain.subscriptions import DestinationId
from bot.store.balances.snapshots import account_id_of
from bot.store.chats.audit import record_audit
from bot.store.chats.chats import destination_here, destination_of, upsert_chat
from bot.store.database.door import Database
from bot.store.database.signals import SignalName
from bot.store.each import DUE_AT_ONCE, write_each
from bot.store.outbox.muted import KeptBackHere, kept_back_in, mute_of, mutes_of
from bot.store.outbox.notice_codec import notice_to_json, to_notice
from bot.store.outbox.queue import ON_THEIR_WAY
from bot.store.rows import Row, to_address, to_milliseconds, to_moment_or_none, to_place, words_of


def mute(
    db: Database, place: Place, scopes: Collection[MuteScope], span: timedelta, actor: Actor
) -> MuteResult:
    """Keep back a destination's alerts about accounts, or with no `scopes` all of them, for `span` from now.

    What is muted already is muted until then instead. Alerts that are on their way already are still sent.
    """
    with db.transaction():
        destination_id = destination_of(db, upsert_chat(db, place), place.thread_id)
        since, until = to_milliseconds(actor.at), to_milliseconds(actor.at + span)
        wanted: tuple[MuteScope | None, ...] = tuple(scopes) or (None,)
        for scope in wanted:
            account_id = None if scope is None else account_id_of(db, scope.account)
            chains = "" if scope is None else words_of(scope.chains)
            # In the words of the index `mute_once`: NULLs differ from each other, so without `coalesce` there
            # could be two mutes of everything.
            db.execute(
                "INSERT INTO mute (destination_id, account_id, chains, since, until) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (destination_id, coalesce(account_id, 0), chains, kind)"
                " DO UPDATE SET until = excluded.until",
                [destination_id, account_id, chains, since, until],
            )
            record_audit(db, actor, AuditAction.MUTE, place.chat_id, _subject(scope))
        # Nothing is to be sent now, but the end of a mute is a moment to look again.
        db.notify(SignalName.OUTBOX)
        here = mutes_of(db, destination_id)
        return MuteResult(
            tuple(one for one in here if one.kind is MuteKind.MUTE and one.scope in wanted),
            _still_to_come(db, destination_id, scopes),
            next((one.until for one in here if one.kind is MuteKind.QUIET), None),
        )


def unmute(db: Database, place: Place, scopes: Collection[MuteScope], actor: Actor) -> UnmuteResult:
    """End the mutes that meet these accounts, or with no `scopes` all, and release their alerts.

    A mute ends as a whole, even if it covers more chains than are named. All of them are the quiet hours of
    now as well, but not a used up budget.
    """
    with db.transaction():
        destination_id = destination_of(db, upsert_chat(db, place), place.thread_id)
        ended = [
            one
            for one in mutes_of(db, destination_id)
            if one.kind is not MuteKind.BUDGET
            and (not scopes or (one.scope is not None and any(map(one.scope.meets, scopes))))
        ]
        return _unmuted(db, destination_id, ended, place, actor)


def end_mute(db: Database, found: FoundMute, actor: Actor) -> UnmuteResult:
    """End the mute that a button names; nothing ended if it is gone already."""
    with db.transaction():
        row = db.execute("SELECT destination_id FROM mute WHERE id = ?", [found.mute.row]).fetchone()
        if row is None:
            return UnmuteResult((), 0)
        return _unmuted(db, DestinationId(row[0]), [found.mute], found.place, actor)


def let_alarms_pass(db: Database, found: FoundMute, actor: Actor) -> Mute | None:
    """Let alarms pass the mute that a button names, those that it keeps as well; None: it is gone already."""
    with db.transaction():
        rows = db.execute(
            "UPDATE mute SET alarms_pass = 1 WHERE id = ? RETURNING destination_id", [found.mute.row]
        ).fetchall()
        if not rows:
            return None
        if not found.mute.alarms_pass:
            record_audit(db, actor, AuditAction.UNMUTE, found.place.chat_id, "alarms")
        _release(db, DestinationId(rows[0][0]), actor.at)
        return mute_of(db, found.mute.row)


def end_all(db: Database, destination_id: int, now: datetime, kind: MuteKind | None = None) -> int:
    """End all mutes of a destination, or those of a kind, and release its alerts; returns how many changes.

    Part of the caller's transaction.
    """
    ended = [one for one in mutes_of(db, destination_id) if kind is None or one.kind is kind]
    return _end(db, DestinationId(destination_id), ended, now) if ended else 0


def end_expired(db: Database, now: datetime) -> datetime | None:
    """End the mutes whose time has come; returns when the next one ends, None: there is none."""
    # One that begins in the future was made before the clock was set back: it would last too long.
    at, slack = to_milliseconds(now), to_milliseconds(now + CLOCK_SLACK)

    def due() -> list[Row]:
        return db.execute(
            "SELECT DISTINCT destination_id FROM mute WHERE until <= ? OR since > ?"
            " ORDER BY destination_id LIMIT ?",
            [at, slack, DUE_AT_ONCE],
        ).fetchall()

    def end(row: Row) -> None:
        over = [one for one in mutes_of(db, row[0]) if is_over(one, now)]
        _end(db, row[0], over, now)

    write_each(db, due, end)
    (until,) = db.execute("SELECT min(until) FROM mute").fetchone()
    return to_moment_or_none(until)


def muted_here(db: Database, place: Place) -> ActiveMutes:
    """Return the mutes of a place, and how many changes they keep back."""
    here = destination_here(db, place)
    if here is None:
        return ActiveMutes()
    (changes,) = db.execute(
        "SELECT count(change_id) FROM alert WHERE destination_id = ? AND state = 'held'", [here]
    ).fetchone()
    return ActiveMutes(tuple(mutes_of(db, here)), changes)


def find_mute(db: Database, row: int, chat_id: int) -> FoundMute | None:
    """Return the mute that a button of this chat names; None: it is gone, or another chat's."""
    found = db.execute(
        "SELECT c.kind, c.title, d.thread_id FROM mute m JOIN destination d ON d.id = m.destination_id"
        " JOIN chat c ON c.id = d.chat_id WHERE m.id = ? AND c.telegram_id = ?",
        [row, chat_id],
    ).fetchone()
    if found is None:
        return None
    kind, title, thread_id = found
    return FoundMute(mute_of(db, row), to_place(chat_id, kind, title, thread_id))


def _unmuted(
    db: Database, destination_id: DestinationId, ended: Sequence[Mute], place: Place, actor: Actor
) -> UnmuteResult:
    changes = _end(db, destination_id, ended, actor.at, is_answered=True)
    for one in ended:
        record_audit(db, actor, AuditAction.UNMUTE, place.chat_id, _subject(one.scope))
    return UnmuteResult(tuple(ended), changes, all_muted_until(mutes_of(db, destination_id)))


def _end(
    db: Database,
    destination_id: DestinationId,
    ended: Sequence[Mute],
    now: datetime,
    *,
    is_answered: bool = False,
) -> int:
    """Delete mutes and release the alerts that no other mute covers; returns how many changes those are.

    Each mute that kept alerts back gets a notice; where somebody is answered, only one that kept changes
    back, since the answer says of the others that nothing changed. A change of several mutes counts for the
    oldest.
    """
    db.executemany("DELETE FROM mute WHERE id = ?", [(one.row,) for one in ended])
    free = _release(db, destination_id, now)
    # A mute of everything covers what the others do: where one ended, its notice alone says it all.
    everything = [one for one in ended if one.account is None]
    uncounted = free
    for one in sorted(everything or ended, key=lambda mute: mute.since):
        theirs = [alert for alert in uncounted if one.cover.concerns(alert.alert)]
        uncounted = [alert for alert in uncounted if not one.cover.concerns(alert.alert)]
        changes = sum(alert.alert.is_change for alert in theirs)
        if changes if is_answered else theirs:
            # It announces them, so it is as loud as they are.
            sound = Sound.SILENT if all(alert.sound == Sound.SILENT for alert in theirs) else None
            _enqueue_receipt(db, destination_id, one, changes, now, sound=sound)
    return sum(one.alert.is_change for one in free)


def _release(db: Database, destination_id: DestinationId, now: datetime) -> list["_KeptBack"]:
    """Release the alerts of a destination that no mute covers any more, and return them."""
    db.notify(SignalName.OUTBOX)
    left = kept_back_in(db, [destination_id]).get(destination_id, KeptBackHere()).covers
    kept_back = [_to_kept_back(row) for row in db.execute(_KEPT_BACK, [destination_id]).fetchall()]
    keepers = [(one, kept_back_by(left, one.alert)) for one in kept_back]
    free = [one for one, keeper in keepers if keeper is None]
    db.executemany(
        "UPDATE alert SET state = 'waiting', released_at = ? WHERE id = ?",
        [(to_milliseconds(now), one.row) for one in free],
    )
    db.executemany(
        "UPDATE alert SET reason = ? WHERE id = ?",
        [(keeper, one.row) for one, keeper in keepers if keeper is not None],
    )
    return free


class _KeptBack(NamedTuple):
    """An alert that a mute keeps back."""

    row: int
    sound: str | None
    alert: Muteable


def _to_kept_back(row: Row) -> _KeptBack:
    alert_id, sound, passes_quiet, address, chain_id, text = row
    if text is None:
        about = frozenset({MuteScope(to_address(address), frozenset({ChainId(chain_id)}))})
        alert = Muteable(about, is_change=True, passes_quiet=bool(passes_quiet))
        return _KeptBack(alert_id, sound, alert)
    notice = to_notice(text)
    return _KeptBack(alert_id, sound, Muteable(subjects_of(notice), is_alarm=is_alarm(notice)))


_KEPT_BACK = """
SELECT l.id, l.sound, l.passes_quiet, a.address, x.chain_id, l.notice
FROM alert l LEFT JOIN change c ON c.id = l.change_id LEFT JOIN account a ON a.id = c.account_id
LEFT JOIN asset x ON x.id = c.asset_id
WHERE l.destination_id = ? AND l.state = 'held' ORDER BY l.id
"""


def _enqueue_receipt(
    db: Database,
    destination_id: DestinationId,
    one: Mute,
    changes: int,
    now: datetime,
    *,
    sound: Sound | None,
) -> None:
    """Enqueue the notice that a mute is over, before the alerts that it kept back."""
    # Alerts are sent in the order of their rows, and those it is about are older: it takes a number below
    # all others. Such numbers are negative and count down.
    (budget,) = db.execute("SELECT budget FROM destination WHERE id = ?", [destination_id]).fetchone()
    db.execute(
        "INSERT INTO alert (id, destination_id, notice, label, state, created_at, sound)"
        " VALUES (coalesce((SELECT min(id) - 1 FROM alert WHERE id < 0), -1), ?, ?, '', ?, ?, ?)",
        [
            destination_id,
            notice_to_json(mute_over_notice(one, now, changes, budget)),
            AlertState.WAITING,
            to_milliseconds(now),
            sound,
        ],
    )


def _still_to_come(db: Database, destination_id: DestinationId, scopes: Collection[MuteScope]) -> int:
    """Count the changes, of these accounts or of all, whose alerts are on their way already."""
    rows = db.execute(
        f"WITH {ON_THEIR_WAY} SELECT a.address, x.chain_id FROM on_their_way w"
        " JOIN change c ON c.id = w.change_id"
        " JOIN account a ON a.id = c.account_id JOIN asset x ON x.id = c.asset_id",
        [destination_id, destination_id],
    )
    coming = [MuteScope(to_address(address), frozenset({ChainId(chain_id)})) for address, chain_id in rows]
    return sum(not scopes or any(scope.contains(one) for scope in scopes) for one in coming)


def _subject(scope: MuteScope | None) -> str:
    if scope is None:
        return ""
    return f"{scope.account} on {words_of(scope.chains)}" if scope.chains else scope.account
