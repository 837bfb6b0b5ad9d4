"""Writes the changes that a destination watched into a file, slice by slice."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from bot.chat.text.untrusted import sanitized
from bot.domain.addresses import checksummed
from bot.domain.chains import Chains
from bot.domain.deliver.alerts import MuteKind
from bot.domain.deliver.delivery import AlertState
from bot.domain.history.changes import PastChange, Selection
from bot.domain.history.export_files import ExportFile, ExportFormat, ExportRow
from bot.domain.observe.descriptions import decimals_in
from bot.domain.subscriptions import DestinationId
from bot.domain.units import plain_price
from bot.store.database.connection import DatabaseThread
from bot.store.history import changes

ROWS_AT_ONCE = 200
"""A few milliseconds of the database, and as many of a thread."""

_REPORTED = {
    AlertState.WAITING: "waiting",
    AlertState.BOUND: "waiting",
    AlertState.SENT: "sent",
    AlertState.WITHDRAWN: "withdrawn",
    AlertState.EXPIRED: "expired",
    AlertState.DEAD: "refused",
}
"""What became of alerts, but for those that are kept back: there the reason is the word."""


class ExportWriter:
    """Writes one file, and notes what is in it."""

    def __init__(self, db: DatabaseThread, chains: Chains, written_as: ExportFormat) -> None:
        self.file = ExportFile(written_as)
        self.first: datetime | None = None
        """When the first change was observed, in UTC; None: there is none so far."""
        self.last: datetime | None = None
        self.reported: Counter[str] = Counter()
        """How many changes there are of which something became here, by its word."""
        self.raw_only = 0
        """How many stand in smallest units alone."""
        self._db = db
        self._chains = chains

    async def write(
        self, destination_id: DestinationId, selection: Selection, since: datetime
    ) -> AsyncIterator[None]:
        """Write the changes since a moment, the oldest first; yields after each slice of them.

        What is recorded meanwhile is left out. Nobody waits for more than a slice.
        """
        span = await self._db.run(changes.span_of, destination_id, since)
        while span is not None:
            found = await self._db.run(
                changes.read_slice, destination_id, selection, span, ROWS_AT_ONCE, newest_first=False
            )
            await asyncio.to_thread(self._write, found.changes)
            span = found.rest
            yield

    def _write(self, found: Sequence[PastChange]) -> None:
        written = [export_row(one, self._chains) for one in found]
        self.file.add(written)
        for row in written:
            self.first = self.first or row.at
            self.last = row.at
            self.reported[row.reported] += 1
            self.raw_only += row.decimals.after is None


def export_row(past: PastChange, chains: Chains) -> ExportRow:
    """Return the row of a change that a destination watched, with what became of it there.

    The symbol is cleaned as it is in messages: whoever deploys a token chooses it.
    """
    change, description = past.change, past.told.description
    asset, chain = change.asset, chains.get(change.asset.chain_id)
    symbol = description.symbol or ("" if asset.contract else chain.native_symbol)
    return ExportRow(
        at=change.observed_at,
        account=checksummed(change.account),
        label=past.told.label,
        chain=chain.title,
        chain_id=asset.chain_id,
        contract=checksummed(asset.contract) if asset.contract else "",
        symbol=sanitized(symbol).visible,
        kind=change.kind.value,
        before_raw=change.before.amount_raw,
        after_raw=change.after.amount_raw,
        decimals=decimals_in(change, description, chains),
        price_usd=plain_price(change.price_usd),
        block=change.after.block,
        message_id=(past.message or "") if past.state is AlertState.SENT else "",
        reported=_reported(past),
        items=change.items,
        explanation=past.explanation,
    )


def _reported(past: PastChange) -> str:
    if past.state is AlertState.MUTED:
        return past.reason or MuteKind.MUTE.value
    return past.reason if past.state is None else _REPORTED[past.state]
