"""The chains that the source lists, those that it ever listed, and those that are asked."""

import json
from collections.abc import Collection
from datetime import datetime

from bot.domain.assets import ChainId, Part
from bot.domain.chains import CHAINS_MOST, Listing
from bot.domain.deliver.alerts import ChainBack, ChainGone
from bot.store.balances.coverage import destinations_watching
from bot.store.database.door import Database
from bot.store.outbox.alerts import enqueue_alert
from bot.store.rows import to_milliseconds


def remembered_chains(db: Database) -> frozenset[ChainId]:
    """Return every mainnet that the source ever listed: each of them goes on being read."""
    row = db.execute("SELECT value FROM setting WHERE name = 'chains'").fetchone()
    return frozenset(map(ChainId, json.loads(row[0]))) if row else frozenset()


def listing(db: Database) -> Listing:
    """Return the chains that the source lists and ever listed, test networks included, and what is asked."""
    listed, chosen = _kept(db, "listed"), _kept(db, "asked")
    return Listing(
        now=_chains_in(listed, "now"),
        ever=_chains_in(listed, "ever") | remembered_chains(db),
        configured=_chains_in(chosen, "configured"),
        asked=_chains_in(chosen, "asked"),
    )


def asked_chains(db: Database) -> frozenset[ChainId]:
    """Return the chains that are asked where a subscription names none."""
    return _chains_in(_kept(db, "asked"), "asked")


def choose_chains(db: Database, configured: Collection[ChainId], known: Collection[ChainId]) -> None:
    """Save which chains are asked where a subscription names none.

    Those are the configured ones, else all mainnets that the source ever listed, else those that are `known`.
    Nothing is written if they are the same as before.
    """
    chosen = frozenset(configured) or remembered_chains(db) or frozenset(known)
    value = {"asked": sorted(chosen), "configured": sorted(configured)}
    if value != _kept(db, "asked"):
        _save(db, "asked", value)


def update_chains(
    db: Database,
    mainnets: Collection[ChainId],
    now: datetime,
    status: Part,
    *,
    testnets: Collection[ChainId] = (),
) -> None:
    """Save which chains the source lists, and enqueue notices of watched ones it dropped or lists again.

    An empty list is taken for a mistake of the source, and changes nothing.
    """
    if not mainnets:
        return
    at = to_milliseconds(now)
    listed = frozenset(mainnets) | frozenset(testnets)
    with db.transaction():
        before = listing(db).ever
        _save(db, "chains", _worth_remembering(db, remembered_chains(db), frozenset(mainnets)))
        ever = _worth_remembering(db, before, listed)
        _save(db, "listed", {"now": sorted(listed), "ever": ever})
        for chain_id, gone_since in db.execute("SELECT id, gone_since FROM chain").fetchall():
            # A chain that the source never listed is read because somebody named it: it can't be dropped.
            is_gone = chain_id not in listed and (chain_id in before or gone_since is not None)
            if is_gone == (gone_since is not None):
                continue
            db.execute("UPDATE chain SET gone_since = ? WHERE id = ?", [at if is_gone else None, chain_id])
            notice = ChainGone(chain_id) if is_gone else ChainBack(chain_id)
            for destination_id in destinations_watching(db, chain_id, status):
                enqueue_alert(db, destination_id, at, notice=notice)


def _kept(db: Database, name: str) -> dict[str, list[int]]:
    row = db.execute("SELECT value FROM setting WHERE name = ?", [name]).fetchone()
    kept: dict[str, list[int]] = json.loads(row[0]) if row else {}
    return kept


def _chains_in(kept: dict[str, list[int]], name: str) -> frozenset[ChainId]:
    return frozenset(map(ChainId, kept.get(name, [])))


def _save(db: Database, name: str, value: object) -> None:
    db.upsert_many("setting", ["name", "value"], [(name, json.dumps(value))], key=["name"])


def _worth_remembering(db: Database, before: frozenset[ChainId], listed: frozenset[ChainId]) -> list[ChainId]:
    """Return the chains to save, in order: all of them up to `CHAINS_MOST`.

    Beyond that, listed ones come before those on which anything is held, and these before the others.
    """
    # A source that lists ever new chains can't make the bot read ever more of them.
    if len(before | listed) <= CHAINS_MOST:
        return sorted(before | listed)
    held = {
        ChainId(chain_id)
        for (chain_id,) in db.execute(
            "SELECT DISTINCT x.chain_id FROM balance b JOIN asset x ON x.id = b.asset_id"
        )
    }
    by_worth = [*sorted(listed), *sorted(before & held - listed), *sorted(before - held - listed)]
    return sorted(by_worth[:CHAINS_MOST])
