"""How a replica joins the others: with their configuration, tables it knows, and a name of its own."""

import json
from collections.abc import Mapping
from typing import NamedTuple

from bot.domain.replicas.fingerprints import differing_keys, fingerprint
from bot.domain.replicas.replica import TTL_SECONDS, Replica, ReplicaSeen
from bot.store.database.door import Database, OpenDatabase
from bot.store.database.errors import StoreError, StoreMisconfigured
from bot.store.database.tables import refuse_newer
from bot.store.replicas.seen import check_in, replicas_seen

CONFIGURATION = "configuration"
"""Of the row in `setting` that has it."""


class _Known(NamedTuple):
    """What is kept of the configuration of those that run."""

    salt: str
    digests: Mapping[str, str]
    """By key."""


class ConfigurationDiffers(StoreError):
    """Other replicas run with another configuration; the text names the keys, and no values."""

    def __init__(self, keys: tuple[str, ...], others: tuple[ReplicaSeen, ...], me: Replica) -> None:
        names = ", ".join(other.name for other in others)
        versions = ", ".join(sorted({other.version for other in others} - {me.version}))
        also = f"; they are of version {versions}, and this is {me.version}" if versions else ""
        super().__init__(
            f"the configuration differs from that of the replicas that run ({names}) in {', '.join(keys)}"
            f"{also}: make it the same, or stop them all first to change it"
        )


class NameTaken(StoreMisconfigured):
    """A replica of the same name was heard of lately: it runs, or was killed a moment ago."""

    def __init__(self, other: ReplicaSeen) -> None:
        super().__init__(
            f"another replica called {other.name} runs: give each a name of its own (store.replica)"
        )
        self.last_word = (other.id, other.up_seconds)
        """Another one each time that it was heard of."""


def join(db: OpenDatabase, me: Replica, values: Mapping[str, str], salt: bytes) -> tuple[str, ...]:
    """Check in as a replica whose configuration is that of all that run; returns their other versions.

    Where none runs, this configuration becomes that of all who join later. `salt` is what digests are keyed
    with from the first time on. Raises ConfigurationDiffers, NameTaken, or DatabaseUnusable for tables of a
    later version, and changes nothing then.
    """
    with db.transaction():
        refuse_newer(db.migrated(), "the database")
        _refuse_namesake(db, me)
        others = _others_that_run(db, me)
        known_salt = compare(db, me, values)
        if known_salt is None or not others:
            salt = known_salt or salt
            value = json.dumps(_Known(salt.hex(), fingerprint(values, salt))._asdict())
            db.upsert_many("setting", ("name", "value"), [(CONFIGURATION, value)], key=("name",))
        check_in(db, me, db.now_ms())
    return tuple(sorted({other.version for other in others} - {me.version}))


def compare(db: Database, me: Replica, values: Mapping[str, str]) -> bytes | None:
    """Compare a configuration with that of the replicas that run, and raise ConfigurationDiffers.

    Returns the salt of their digests; None: none ever ran.
    """
    row = db.execute("SELECT value FROM setting WHERE name = ?", [CONFIGURATION]).fetchone()
    if row is None:
        return None
    known = _Known(**json.loads(row[0]))
    salt = bytes.fromhex(known.salt)
    keys = differing_keys(fingerprint(values, salt), known.digests)
    others = _others_that_run(db, me)
    if others and keys:
        raise ConfigurationDiffers(keys, others, me)
    return salt


def _refuse_namesake(db: Database, me: Replica) -> None:
    for other in replicas_seen(db):
        # One seen later than now was seen before the database's clock was set back. If it lives, it finds
        # itself replaced.
        if other.name == me.name and other.id != me.id and 0 <= other.seen_ago_seconds < TTL_SECONDS:
            raise NameTaken(other)


def _others_that_run(db: Database, me: Replica) -> tuple[ReplicaSeen, ...]:
    """Return the replicas that run beside this one; one of its own name is what it was before a restart."""
    return tuple(other for other in replicas_seen(db) if other.is_live and other.name != me.name)
