"""Looks changes up slice by slice, so that others get at the database in between."""

from bot.domain.history.changes import PastChange, Selection, Slice, Span
from bot.domain.subscriptions import DestinationId
from bot.store.database.connection import DatabaseThread
from bot.store.history import changes


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
