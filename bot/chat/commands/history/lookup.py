"""Looks changes up slice by slice, so that others get at the database in between."""

from datetime import datetime

from bot.domain.history.changes import PastChange, Selection, Slice, Span
from bot.domain.history.series import Series, SeriesBuilder
from bot.domain.subscriptions import DestinationId
from bot.store.database.connection import DatabaseThread
from bot.store.history import changes, series


async def first_changes(
    db: DatabaseThread,
    destination_id: DestinationId,
    selection: Selection,
    span: Span | None,
    most: int,
    *,
    newest_first: bool = True,
) -> Slice:
    """Return so many changes of a destination from one end of a span, fewer only if there are no more."""
    found: list[PastChange] = []
    while span is not None and len(found) < most:
        one = await db.run(
            changes.read_slice,
            destination_id,
            selection,
            span,
            most - len(found),
            newest_first=newest_first,
        )
        found += one.changes
        span = one.rest
    return Slice(tuple(found), span)


async def read_series(
    db: DatabaseThread,
    key: series.BalanceKey,
    *,
    since: datetime,
    until: datetime,
    amount_raw: int | None,
    decimals: int | None,
) -> Series | None:
    """Return how a balance moved between two moments; None: nothing is known of it.

    `amount_raw` is what the destination sees of it now; None: it doesn't see it.
    """
    builder = SeriesBuilder(
        since,
        until,
        known_since=key.known_since,
        amount_raw=amount_raw,
        decimals=decimals,
        is_rebasing=key.is_rebasing,
    )
    position: int | None = series.AFTER_ALL
    while position is not None:
        position = await db.run(
            series.add_changes, key, builder, position, since, is_seen=amount_raw is not None
        )
    return builder.build(await db.run(series.unseen_spans, key, since, until))
