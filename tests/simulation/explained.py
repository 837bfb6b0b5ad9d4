"""Reads from the database what is said of each change, as plain facts."""

import json
from collections import defaultdict

from bot.store.rows import to_moment, to_moment_or_none
from tests.simulation.ledger import Cell
from tests.simulation.payments import Explained, Side
from tests.store.conftest import Keeper

_CHANGES = """
SELECT c.id, c.kind, a.address, x.chain_id, x.contract, c.before, c.after, c.items, c.block_before, c.block,
       c.previous_at, c.observed_at, e.outcome, e.reason, e.is_approximate
FROM explanation e JOIN change c ON c.id = e.change_id
JOIN account a ON a.id = c.account_id JOIN asset x ON x.id = c.asset_id ORDER BY c.id
"""

_LEGS = """
SELECT change_id, block, counterparty, token_id, amount, transaction_hash
FROM leg ORDER BY change_id, position
"""


async def explained(keeper: Keeper) -> list[Explained]:
    """Return all that is said of changes by now."""
    sides: dict[int, list[Side]] = defaultdict(list)
    transactions: dict[int, list[str]] = defaultdict(list)
    for number, block, counterparty, token_id, amount, transaction in await keeper.rows(_LEGS):
        item = None if token_id is None else int(token_id)
        sides[number].append(Side(block, "0x" + counterparty.hex(), item, int(amount)))
        transactions[number].append("0x" + transaction.hex())
    return [
        Explained(
            number=number,
            cell=Cell("0x" + account.hex(), chain_id, "0x" + contract.hex() if contract else ""),
            is_listing=kind == "listed",
            before=int(before),
            after=int(after),
            items=tuple((int(item), int(new) - int(old)) for item, old, new in json.loads(items or "[]")),
            block_before=block_before,
            block_after=block,
            previous_at=to_moment_or_none(previous_at),
            observed_at=to_moment(observed_at),
            outcome=outcome,
            reason=reason or "",
            is_approximate=bool(is_approximate),
            sides=tuple(sides[number]),
            transactions=tuple(transactions[number]),
        )
        for (
            number, kind, account, chain_id, contract, before, after, items, block_before, block,
            previous_at, observed_at, outcome, reason, is_approximate,
        ) in await keeper.rows(_CHANGES)
    ]  # fmt: skip
