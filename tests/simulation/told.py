"""Reads from the database what was told, as plain facts."""

import json

from bot.domain.deliver.alerts import AlertId, Digest, NoticeAlert
from bot.store.database.door import Database
from bot.store.outbox.notice_codec import to_notice
from bot.store.polling.digest_content import with_digests
from tests.builders import REGISTRY
from tests.simulation.ledger import Cell, Gap, SummedUp, Told
from tests.store.conftest import Keeper

_CHANGES = """
SELECT l.id, h.telegram_id, d.thread_id, a.address, x.chain_id, x.contract, c.kind,
       f.before, c.after, c.items, l.steps
FROM alert l JOIN destination d ON d.id = l.destination_id JOIN chat h ON h.id = d.chat_id
JOIN change c ON c.id = l.change_id JOIN change f ON f.id = coalesce(l.first_change_id, l.change_id)
JOIN account a ON a.id = c.account_id JOIN asset x ON x.id = c.asset_id
WHERE l.id > ? ORDER BY l.id
"""

_NOTICES = """
SELECT l.id, h.telegram_id, d.thread_id, l.notice
FROM alert l JOIN destination d ON d.id = l.destination_id JOIN chat h ON h.id = d.chat_id
WHERE l.id > ? AND l.notice IS NOT NULL ORDER BY l.id
"""


async def changes_told(keeper: Keeper, since: int) -> list[tuple[int, Told]]:
    """Return the changes that places are told of, after the alert of this number."""
    return [
        (
            number,
            Told(
                (chat, topic),
                Cell("0x" + account.hex(), chain_id, "0x" + contract.hex() if contract else ""),
                kind == "listed",
                int(before),
                int(after),
                tuple((int(one), int(old), int(new)) for one, old, new in json.loads(items or "[]"))
                if steps == 1
                else (),
            ),
        )
        for number, chat, topic, account, chain_id, contract, kind, before, after, items, steps in (
            await keeper.rows(_CHANGES, since)
        )
    ]


async def gaps_told(keeper: Keeper, since: int) -> list[tuple[int, Gap]]:
    """Return what places are told to be blind, or seen again, after the alert of this number."""
    return [
        (number, Gap((chat, topic), chain_id, account, is_blind=notice["kind"] == "blind"))
        for number, chat, topic, text in await keeper.rows(_NOTICES, since)
        for notice in [json.loads(text)]
        for chain_id, account, *_ in notice.get("gaps", ())
    ]


async def digests_told(keeper: Keeper, since: int) -> list[tuple[int, SummedUp]]:
    """Return the digests that places get, after the alert of this number, with the nets that they show."""
    rows = await keeper.rows(_NOTICES, since)
    return [
        (number, SummedUp((chat, topic), notice.due_at, await keeper.db.run(_nets, number, notice)))
        for number, chat, topic, text in rows
        if isinstance(notice := to_notice(text), Digest)
    ]


def _nets(db: Database, number: int, notice: Digest) -> tuple[tuple[Cell, int], ...]:
    (alert,) = with_digests(db, [NoticeAlert(AlertId(number), notice, notice.ends_at)], REGISTRY)
    assert isinstance(alert, NoticeAlert)
    assert alert.digest is not None
    return tuple(
        (
            Cell(change.account, change.asset.chain_id, change.asset.contract),
            change.after.amount_raw - change.before.amount_raw,
        )
        for change in (net.change for net in alert.digest.nets)
    )
