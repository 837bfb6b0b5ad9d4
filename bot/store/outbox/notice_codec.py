"""Notices as JSON in a column of `alert`.

A row may be read by any later version, so a shape that was written once is understood for good: a new
field needs a default, and neither a kind nor a key is ever renamed. Keys are as they were first written,
even where a field has a better name by now, so that the version before can read them after a downgrade.
Add a kind by a line in `_KINDS`.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime

import msgspec

from bot.domain.deliver.alerts import (
    AlarmEnded,
    AlarmRang,
    AlarmRepeated,
    BackupFails,
    BackupWorks,
    Baseline,
    Blind,
    ChainBack,
    ChainGone,
    Digest,
    Dropped,
    MassLoss,
    MuteOver,
    Notice,
    ReplicaAway,
    ReplicaBack,
    Restored,
    Sample,
    SeenAgain,
    SourceRefuses,
    StoredNotice,
    Undelivered,
    UnreadableNotice,
)
from bot.store.rows import to_milliseconds, to_moment, to_moment_or_none

_KINDS: Mapping[str, type[Notice]] = {
    "baseline": Baseline,
    "blind": Blind,
    "seen again": SeenAgain,
    "chain gone": ChainGone,
    "chain back": ChainBack,
    "mass loss": MassLoss,
    "source refuses": SourceRefuses,
    "dropped": Dropped,
    "undelivered": Undelivered,
    "backup fails": BackupFails,
    "backup works": BackupWorks,
    "restored": Restored,
    "replica away": ReplicaAway,
    "replica back": ReplicaBack,
    "mute over": MuteOver,
    "sample": Sample,
    "alarm rang": AlarmRang,
    "alarm repeated": AlarmRepeated,
    "alarm ended": AlarmEnded,
    "digest": Digest,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}

_KEYS = {"chain_id": "chain", "is_everything": "everything"}
"""Fields that are stored under another name, in whichever notice they are."""
_FIELDS = {key: field for field, key in _KEYS.items()}

_MOMENTS = {"dropped": ("first_at", "last_at"), "mute over": ("since", "until")}
"""Two fields that are stored as one list, `moments`."""

_SINGLE_MOMENTS = (
    "copied_at",
    "rang_at",
    "unknown_since",
    "due_at",
    "begins_at",
    "ends_at",
    "oldest_at",
    "seen_at",
)
"""Fields that are moments, or None."""

_KIND = re.compile(r'\{"kind": "([^"]*)"')


def notice_to_json(notice: Notice) -> str:
    """Return a notice as text; moments in whole milliseconds since 1970."""
    name = _NAMES[type(notice)]
    fields = msgspec.to_builtins(notice, builtin_types=(datetime,))
    if name in _MOMENTS:
        fields["moments"] = [fields.pop(field) for field in _MOMENTS[name]]
    # A gap is stored as one flat list, which ends early where nothing is held back.
    if "gaps" in fields:
        fields["gaps"] = [[*gap, *(held_back or ())] for *gap, held_back in fields["gaps"]]
    # The kind comes first, after a space, as json writes it: statements look for it with LIKE.
    row = {"kind": name} | {_KEYS.get(field, field): value for field, value in fields.items()}
    return json.dumps(row, default=to_milliseconds)


def to_notice(text: str) -> StoredNotice:
    """Return what `notice_to_json` wrote, or that it can't be read: one row must not silence others."""
    try:
        fields = {_FIELDS.get(key, key): value for key, value in json.loads(text).items()}
        name = fields["kind"]
        if name in _MOMENTS:
            fields |= zip(_MOMENTS[name], map(to_moment, fields["moments"]), strict=True)
        fields |= {field: to_moment_or_none(fields[field]) for field in _SINGLE_MOMENTS if field in fields}
        if "gaps" in fields:
            fields["gaps"] = [
                (chain_id, account, label, to_moment(since), held_back or None)
                for chain_id, account, label, since, *held_back in fields["gaps"]
            ]
        # The class of a notice says which fields it has and of which types; whatever doesn't fit raises here.
        return msgspec.convert(fields, _KINDS[name])
    except Exception:  # noqa: BLE001 - a later version, or damage, may have left anything
        kind = _KIND.match(text)
        return UnreadableNotice(kind[1] if kind else "")
