"""Which mutes there are, as rows, and whether they hold something."""

from sqlite_utils import Database

from bot.domain.model import Address, DestinationId
from bot.domain.muting import Mute, holds
from bot.store.rows import Row, to_address, to_moment

MUTES = """
SELECT m.id, a.address, (SELECT s.label FROM subscription s
    WHERE s.destination_id = m.destination_id AND s.account_id = m.account_id AND s.label <> ''
    ORDER BY s.id LIMIT 1), m.since, m.until
FROM mute m LEFT JOIN account a ON a.id = m.account_id
"""


def mutes_of(db: Database, destination_id: int) -> list[Mute]:
    """Return the mutes of a destination, that of everything first."""
    rows = db.execute(f"{MUTES} WHERE m.destination_id = ? ORDER BY m.account_id, m.id", [destination_id])
    return [to_mute(row) for row in rows]


def holds_change(db: Database, destination_id: DestinationId, change_id: int) -> bool:
    """Whether a destination does not wish to hear yet of a change; asked for each alert that is made."""
    (held,) = db.execute(_HOLDS_CHANGE, [destination_id, change_id]).fetchone()
    return bool(held)


_HOLDS_CHANGE = """
SELECT EXISTS (SELECT 1 FROM mute WHERE destination_id = ?1 AND ifnull(account_id, 0) IN (
  0, (SELECT account_id FROM change WHERE id = ?2)))
"""
"""In the very words of the index `mute_once`, or SQLite reads every mute of the destination."""


def holds_notice(db: Database, destination_id: DestinationId, about: frozenset[Address]) -> bool:
    """Whether a destination does not wish to hear yet of what is about these accounts; none: about more."""
    return holds([mute.account for mute in mutes_of(db, destination_id)], about)


def to_mute(row: Row) -> Mute:
    """Return a mute of a row of `MUTES`."""
    row_id, address, label, since, until = row
    return Mute(
        row_id,
        None if address is None else to_address(address),
        label or "",
        to_moment(since),
        to_moment(until),
    )
