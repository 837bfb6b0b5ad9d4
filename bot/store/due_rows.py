"""Does what has come due by itself: rows with a moment, such as the end of a mute.

Nobody but the dispatcher looks, before each look at the outbox, and comes back at the next moment: so what
was missed while the bot was off is done by the first look after its start, and no timer has to be kept.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

from bot.store.chats import mutes
from bot.store.chats.rules import quiet
from bot.store.database.door import Database
from bot.store.each import do_each
from bot.store.outbox import unreported

DueWork = Callable[[Database, datetime], datetime | None]
"""Does what is due now, in a transaction of its own; returns when the next is due, None: nothing is.

A moment that only a clock set back can explain counts as due (`domain/due`), or it would wait for ever.
"""

_WORK: tuple[DueWork, ...] = (quiet.judge_due, mutes.end_expired, unreported.release_old)


def run_due(db: Database, now: datetime, others: Iterable[DueWork] = ()) -> datetime | None:
    """Do all that is due now, and what `others` find; returns when something is due next, None: nothing.

    Of much that is due only a part is done, and the next of it is due at once. What fails keeps nothing else
    from being done: the first error is raised at the end.
    """
    moments: list[datetime | None] = []
    do_each((*_WORK, *others), lambda work: moments.append(work(db, now)))
    return min((moment for moment in moments if moment is not None), default=None)
