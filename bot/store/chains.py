"""The chains that the source lists, remembered from day to day."""

import json
from collections.abc import Collection
from datetime import datetime

from sqlite_utils import Database

from bot.domain.alerts import ChainBack, ChainGone
from bot.domain.chains import Listing
from bot.domain.model import ChainId, Part
from bot.store.database import transaction
from bot.store.notices import tell
from bot.store.rows import to_milliseconds
from bot.store.wishes import destinations_watching


def remembered_chains(db: Database) -> frozenset[ChainId]:
    """Return every mainnet that the source ever listed: one that was watched is asked on."""
    row = db.execute("SELECT value FROM setting WHERE name = 'chains'").fetchone()
    return frozenset(map(ChainId, json.loads(row[0]))) if row else frozenset()


def listing(db: Database) -> Listing:
    """Return which chains the source has, test networks too, as far as it has said."""
    row = db.execute("SELECT value FROM setting WHERE name = 'listed'").fetchone()
    kept = json.loads(row[0]) if row else {"now": [], "ever": []}
    ever = frozenset(map(ChainId, kept["ever"])) | remembered_chains(db)
    return Listing(frozenset(map(ChainId, kept["now"])), ever)


def note_chains(
    db: Database, mainnets: Collection[ChainId], testnets: Collection[ChainId], now: datetime, status: Part
) -> int:
    """Remember what the source lists, and tell of watched chains that it dropped or lists again.

    Returns the number of notices. An empty list says nothing: no source serves no chain at all.
    """
    if not mainnets:
        return 0
    at = to_milliseconds(now)
    listed = frozenset(mainnets) | frozenset(testnets)
    with transaction(db):
        before = listing(db).ever
        _keep(db, "chains", sorted(remembered_chains(db).union(mainnets)))
        _keep(db, "listed", {"now": sorted(listed), "ever": sorted(before | listed)})
        told = 0
        for chain_id, gone_since in db.execute("SELECT id, gone_since FROM chain").fetchall():
            is_gone = chain_id in before and chain_id not in listed
            if is_gone == (gone_since is not None):
                continue
            db.execute("UPDATE chain SET gone_since = ? WHERE id = ?", [at if is_gone else None, chain_id])
            notice = ChainGone(chain_id) if is_gone else ChainBack(chain_id)
            watching = destinations_watching(db, chain_id, status)
            for destination_id in watching:
                tell(db, destination_id, at, notice=notice)
            told += len(watching)
    return told


def _keep(db: Database, name: str, value: object) -> None:
    db.execute("REPLACE INTO setting (name, value) VALUES (?, ?)", [name, json.dumps(value)])
