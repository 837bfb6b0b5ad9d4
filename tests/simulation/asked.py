"""Asks of each change of a world what became of it, and of each amount why nothing came, as people can."""

from collections import Counter
from dataclasses import replace

from bot.domain.assets import Address, Asset, ChainId, Part
from bot.domain.history.changes import Selection, Span
from bot.domain.history.reasons import NotWatched, Reason, reason_of
from bot.domain.observations import MoveKind
from bot.domain.places import Place as Where
from bot.store.chats import chats
from bot.store.history import changes, situations
from bot.store.rows import part_to_blob
from tests.simulation.ledger import Cell, Ledger, Traced
from tests.store.conftest import Keeper

_CHANGES = """
SELECT c.id, c.kind, a.address, x.chain_id, x.contract FROM change c
JOIN account a ON a.id = c.account_id JOIN asset x ON x.id = c.asset_id WHERE c.id > ? ORDER BY c.id
"""

_TRACES = """
SELECT h.telegram_id, d.thread_id FROM
  (SELECT destination_id FROM alert WHERE change_id = ? UNION ALL
   SELECT destination_id FROM unalerted WHERE change_id = ?) t
JOIN destination d ON d.id = t.destination_id JOIN chat h ON h.id = d.chat_id
"""

_UNREAD = """
SELECT 1 FROM coverage v JOIN account a ON a.id = v.account_id
WHERE v.unknown_since IS NOT NULL AND a.address = ? AND v.chain_id = ? AND v.part = ?
"""


async def changes_traced(keeper: Keeper, places: tuple[Where, ...], since: int) -> list[Traced]:
    """Return what every change after this one has left in each place, and see that just that is shown."""
    found = []
    for number, kind, account, chain_id, contract in await keeper.rows(_CHANGES, since):
        cell = Cell("0x" + account.hex(), chain_id, "0x" + contract.hex() if contract else "")
        traces = Counter(await keeper.rows(_TRACES, number, number))
        is_unread = bool(await keeper.rows(_UNREAD, account, chain_id, part_to_blob(keeper.status)))
        for where in places:
            place = where.chat_id, where.thread_id or 0
            destination_id = await keeper.db.run(chats.destination_here, where)
            if destination_id is None:
                continue
            shown = await keeper.db.run(
                changes.read_slice, destination_id, Selection(), Span(number, number), 1
            )
            reason = next((one.reason for one in shown.changes if one.state is None), "")
            assert len(shown.changes) == traces[place], f"shown otherwise than traced: {number} in {place}"
            is_listing = kind == MoveKind.LISTED
            found.append(
                Traced(number, place, cell, traces[place], reason, is_listing=is_listing, is_unread=is_unread)
            )
    return found


async def why_silent(keeper: Keeper, where: Where, cell: Cell, ledger: Ledger) -> Reason:
    """Return why nothing came of a cell in a place, whatever is muted or on its way."""
    asset = Asset(ChainId(cell.chain_id), Address(cell.contract))
    found = await keeper.db.run(
        situations.situations,
        where,
        Address(cell.account),
        [asset],
        chains=frozenset(map(ChainId, ledger.default_chains)),
        status=Part(ledger.status),
    )
    if not found:
        return NotWatched(is_account_watched=False)
    return reason_of(replace(found[0], on_its_way=None, muted=None))
