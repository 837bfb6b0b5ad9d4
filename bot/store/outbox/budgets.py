"""Budgets: at most so many messages of changes in any hour of a destination.

With the last of them a mute begins that keeps changes alone back, until the first of them is an hour old.
Then all that was kept comes in one message, behind a line that says why, and that message counts as well.
"""

from datetime import datetime, timedelta

from bot.domain.deliver.alerts import MuteKind
from bot.domain.due import CLOCK_SLACK
from bot.store.database.door import Database
from bot.store.database.signals import SignalName
from bot.store.rows import to_milliseconds

HOUR = timedelta(hours=1)


def spend(db: Database, destination_id: int, now: datetime) -> None:
    """Count a message of changes that is made now. Part of the caller's transaction."""
    db.execute("INSERT INTO spent (destination_id, at) VALUES (?, ?)", [destination_id, to_milliseconds(now)])
    hold_if_spent(db, destination_id, now)


def hold_if_spent(db: Database, destination_id: int, now: datetime) -> bool:
    """Keep back the changes that wait in a destination, if its budget is used up; returns whether it is.

    Part of the caller's transaction.
    """
    at, hour = to_milliseconds(now), HOUR // timedelta(milliseconds=1)
    # What was counted in the future was so before the clock was set back.
    slack = to_milliseconds(now + CLOCK_SLACK)
    db.execute(
        "DELETE FROM spent WHERE destination_id = ? AND (at <= ? OR at > ?)",
        [destination_id, at - hour, slack],
    )
    (budget,) = db.execute("SELECT budget FROM destination WHERE id = ?", [destination_id]).fetchone()
    counted = spent_of(db, destination_id)
    if not budget or len(counted) < budget:
        return False
    until = counted[-budget] + hour
    db.execute(
        "INSERT INTO mute (destination_id, account_id, chains, since, until, kind)"
        " VALUES (?, NULL, '', ?, ?, ?)"
        " ON CONFLICT (destination_id, coalesce(account_id, 0), chains, kind)"
        " DO UPDATE SET until = excluded.until",
        [destination_id, at, until, MuteKind.BUDGET],
    )
    db.execute(
        "UPDATE alert SET state = 'held', reason = ?"
        " WHERE destination_id = ? AND state = 'waiting' AND change_id IS NOT NULL",
        [MuteKind.BUDGET, destination_id],
    )
    # The end of the mute is a moment to look again.
    db.notify(SignalName.OUTBOX)
    return True


def spent_of(db: Database, destination_id: int) -> list[int]:
    """Return when messages of changes were made that may still count, in milliseconds, the oldest first."""
    rows = db.execute("SELECT at FROM spent WHERE destination_id = ? ORDER BY at", [destination_id])
    return [at for (at,) in rows]
