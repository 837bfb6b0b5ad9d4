"""The mark of a database whose data comes from another one, or went there: no bot may use it.

It is a row of `setting` that is not moved itself.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

from bot.store.database.door import Database
from bot.store.database.errors import DatabaseInUse, DatabaseUnusable

MARK = "move"
"""The setting's name."""


class MoveState(StrEnum):
    """How far a move is, as one of its two databases knows it."""

    ARRIVING = "arriving"
    """Not all of the data is here yet."""
    LEAVING = "leaving"
    """The data is copied from here at this moment."""
    GONE = "gone"
    """The data is in the other database by now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveMark:
    """What a database knows of a move."""

    state: MoveState
    here: str
    """What people call this database."""
    other: str
    """What they call the other one."""
    is_server: bool
    """Whether this one is on a server."""
    source: str
    """Which database the data comes from, by what tells it from any other."""
    at: int
    """When it began, or ended; of one that leaves, until when that counts without being said again."""
    move: str = ""
    """Which move it is, as both databases have it; empty: an earlier version began it."""

    def is_of_same_move(self, target: "MoveMark") -> bool:
        """Say whether what left this database is what arrives at another one."""
        # Names aren't enough where there is more: a file has another one in each container.
        return self.move == target.move and (self.move != "" or self.other == target.here)


def read_mark(db: Database) -> MoveMark | None:
    """Return what a database knows of a move; None: nothing."""
    row = db.execute("SELECT value FROM setting WHERE name = ?", [MARK]).fetchone()
    return None if row is None else msgspec.json.decode(row[0], type=MoveMark)


def write_mark(db: Database, mark: MoveMark | None) -> None:
    """Keep what a database is to know of a move."""
    if mark is None:
        db.execute("DELETE FROM setting WHERE name = ?", [MARK])
    else:
        row = (MARK, msgspec.json.encode(mark).decode())
        db.upsert_many("setting", ("name", "value"), [row], key=["name"])


def refuse_moved(db: Database) -> None:
    """Raise DatabaseUnusable, or DatabaseInUse, if a move keeps bots from a database."""
    mark = read_mark(db)
    if mark is None:
        return
    command = "balance-bot move" if mark.is_server else "balance-bot move --back"
    match mark.state:
        case MoveState.ARRIVING:
            raise DatabaseUnusable(
                f"{mark.here} has only a part of the data of {mark.other}, which is being moved: "
                f"finish that with `{command}`"
            )
        case MoveState.LEAVING if mark.at > db.now_ms():
            raise DatabaseInUse(
                f"the data of {mark.here} is being moved to {mark.other}: wait for the end, "
                "and start the bot there"
            )
        case MoveState.GONE:
            to_go_on = (
                # What was on a server once is never written over.
                f'set store.url to "" to go on there, or give store.url an empty database and run `{command}`'
                if mark.is_server
                else f"set store.url to go on there, or take it back with `{command}`"
            )
            raise DatabaseUnusable(
                f"the data of {mark.here} moved to {mark.other} on {day_of(mark)}: {to_go_on}"
            )


def day_of(mark: MoveMark) -> str:
    """Return the day of a move, in UTC."""
    return day(mark.at)


def day(at: int) -> str:
    """Return the day of a moment in milliseconds, in UTC."""
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d}"
