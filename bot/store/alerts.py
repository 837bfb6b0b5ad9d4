"""Notices as rows: each kind is JSON with a name, so that an old row is understood for good."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from sqlite_utils import Database

from bot.domain.chat.mutes import subjects_of
from bot.domain.deliver.alerts import (
    BackupFails,
    BackupWorks,
    Baseline,
    Blind,
    ChainBack,
    ChainGone,
    Dropped,
    Gap,
    HeldBack,
    HoldEnd,
    MassLoss,
    MuteOver,
    Notice,
    Restored,
    SeenAgain,
    SourceRefuses,
    StoredNotice,
    Undelivered,
    UnreadableNotice,
)
from bot.domain.deliver.delivery import AlertState
from bot.domain.subscriptions import DestinationId
from bot.store.muted import holds_change, holds_notice
from bot.store.rows import to_milliseconds, to_moment

Fields = Mapping[str, Any]

_KIND = re.compile(r'\{"kind": "([^"]*)"')  # as `notice_to_json` begins them

MUTED = "muted"
"""Why an alert is held."""


def enqueue_alert(
    db: Database,
    destination_id: DestinationId,
    at: int,
    *,
    label: str = "",
    change_id: int | None = None,
    notice: Notice | None = None,
) -> None:
    """Let a destination be told of a change, or of a notice, once it is not muted; `at` in milliseconds.

    Part of the caller's transaction.
    """
    text = None if notice is None else notice_to_json(notice)
    held = (change_id is not None and holds_change(db, destination_id, change_id)) or (
        notice is not None and holds_notice(db, destination_id, subjects_of(notice))
    )
    state, reason = (AlertState.HELD, MUTED) if held else (AlertState.WAITING, None)
    db.execute(
        "INSERT INTO alert (destination_id, change_id, notice, label, state, reason, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [destination_id, change_id, text, label, state, reason, at],
    )


def enqueue_owner_alerts(db: Database, notice: Notice, at: int) -> int:
    """Let every owner be told in their private chat; returns how many.

    Part of the caller's transaction.
    """
    destinations = owner_destinations(db)
    for destination_id in destinations:
        enqueue_alert(db, destination_id, at, notice=notice)
    return len(destinations)


def owner_destinations(db: Database) -> list[DestinationId]:
    """Return where each owner is told what only owners need to know.

    Part of the caller's transaction.
    """
    db.execute(
        "INSERT OR IGNORE INTO destination (chat_id, thread_id) SELECT id, 0 FROM chat WHERE is_owner = 1"
    )
    rows = db.execute(
        "SELECT d.id FROM destination d JOIN chat c ON c.id = d.chat_id"
        " WHERE c.is_owner = 1 AND d.thread_id = 0 ORDER BY d.id"
    )
    return [DestinationId(destination_id) for (destination_id,) in rows]


def notice_to_json(notice: Notice) -> str:
    """Return a notice as it is kept."""
    kind, fields = _named_fields(notice)
    return json.dumps({"kind": kind, **fields})


def to_notice(text: str) -> StoredNotice:
    """Return what `notice_to_json` wrote, or that it can't be read: one row must not silence others."""
    try:
        fields = json.loads(text)
        notice = _READERS[fields["kind"]](fields)
        hash(notice)  # its accounts are looked for in sets
    except Exception:  # noqa: BLE001 - a later version, or damage, may have left anything
        kind = _KIND.match(text)
        return UnreadableNotice(kind[1] if kind else "")
    return notice


def _named_fields(notice: Notice) -> tuple[str, Fields]:  # noqa: PLR0911 - one for each kind
    match notice:
        case Baseline():
            return "baseline", _baseline_fields(notice)
        case Blind():
            return "blind", {"gaps": _gap_rows(notice.gaps), "everything": notice.is_everything}
        case SeenAgain():
            return "seen again", {"gaps": _gap_rows(notice.gaps), "changes": notice.changes}
        case ChainGone():
            return "chain gone", {"chain": notice.chain_id}
        case ChainBack():
            return "chain back", {"chain": notice.chain_id}
        case MassLoss():
            return "mass loss", {"chain": notice.chain_id, "lost": notice.lost, "held": notice.held}
        case SourceRefuses():
            return "source refuses", {"reason": notice.reason}
        case Dropped() | Undelivered() | MuteOver():
            return _about_telling(notice)
        case BackupFails() | BackupWorks() | Restored():
            return _about_copies(notice)


def _about_telling(notice: Dropped | Undelivered | MuteOver) -> tuple[str, Fields]:
    match notice:
        case Undelivered():
            return "undelivered", asdict(notice)
        case Dropped(changes, first_at, last_at):
            moments = [to_milliseconds(first_at), to_milliseconds(last_at)]
            return "dropped", {"changes": changes, "moments": moments}
        case MuteOver(account, label, since, until, changes, chains):
            return "mute over", {
                "account": account,
                "label": label,
                "moments": [to_milliseconds(since), to_milliseconds(until)],
                "changes": changes,
                "chains": chains,
            }


def _about_copies(notice: BackupFails | BackupWorks | Restored) -> tuple[str, Fields]:
    match notice:
        case BackupFails():
            return "backup fails", {"reason": notice.reason}
        case BackupWorks():
            return "backup works", {}
        case Restored():
            return "restored", {"copied_at": to_milliseconds(notice.copied_at)}


def _baseline_fields(notice: Baseline) -> dict[str, object]:
    return {
        "account": notice.account,
        "label": notice.label,
        "balances": notice.balances,
        "chains": notice.chains,
        "unanswered": notice.unanswered,
        "contracts": notice.contracts,
    }


def _gap_rows(gaps: Iterable[Gap]) -> list[list[object]]:
    return [
        [gap.chain_id, gap.account, gap.label, to_milliseconds(gap.since), *(gap.held_back or ())]
        for gap in gaps
    ]


def _gaps(fields: Fields) -> tuple[Gap, ...]:
    return tuple(
        Gap(chain_id, account, label, to_moment(since), _held_back(*why) if why else None)
        for chain_id, account, label, since, *why in fields["gaps"]
    )


def _held_back(lost: int, held: int, end: str | None) -> HeldBack:
    return HeldBack(lost, held, HoldEnd(end) if end else None)


_READERS: Mapping[str, Callable[[Fields], Notice]] = {
    "baseline": lambda fields: Baseline(
        fields["account"],
        fields["label"],
        fields["balances"],
        tuple(fields["chains"]),
        tuple(fields["unanswered"]),
        tuple(fields.get("contracts", ())),
    ),
    "blind": lambda fields: Blind(_gaps(fields), fields["everything"]),
    "seen again": lambda fields: SeenAgain(_gaps(fields), fields["changes"]),
    "chain gone": lambda fields: ChainGone(fields["chain"]),
    "chain back": lambda fields: ChainBack(fields["chain"]),
    "mass loss": lambda fields: MassLoss(fields["chain"], fields["lost"], fields["held"]),
    "source refuses": lambda fields: SourceRefuses(fields["reason"]),
    "dropped": lambda fields: Dropped(fields["changes"], *map(to_moment, fields["moments"])),
    "undelivered": lambda fields: Undelivered(
        fields["message_id"], fields["changes"], fields["reason"], fields["chat_id"], fields["title"]
    ),
    "backup fails": lambda fields: BackupFails(fields["reason"]),
    "backup works": lambda _: BackupWorks(),
    "mute over": lambda fields: MuteOver(
        fields["account"],
        fields["label"],
        to_moment(fields["moments"][0]),
        to_moment(fields["moments"][1]),
        fields["changes"],
        tuple(fields.get("chains", ())),
    ),
    "restored": lambda fields: Restored(to_moment(fields["copied_at"])),
}
