"""A replica in a process of its own, whose works act ten times a second: `replica ADDRESS NAME CLAIMS`.

To act is to write a row behind the fence of the role, and to append to the file of claims, which stands for a
request that no fence can hold back.
"""

import asyncio
import signal
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from bot.domain.replicas.clock import DatabaseClock
from bot.domain.replicas.replica import Replica
from bot.domain.replicas.roles import Role, Tenure
from bot.roles.keeper import RoleKeeper
from bot.store.database.connection import DatabaseThread
from bot.store.database.door import Database, Fence
from bot.store.database.errors import DatabaseUnavailable
from bot.store.replicas.seen import check_in

ACT_EVERY_SECONDS = 0.1


def note(db: Database, role: Role, epoch: int, name: str) -> None:
    """Write that a role was acted in."""
    db.execute("INSERT INTO act (role, epoch, name) VALUES (?, ?, ?)", [role, epoch, name])


async def run(url: str, name: str, claims: Path) -> None:
    """Run one replica until it is asked to end."""
    db = await DatabaseThread.open(url, replica=name)
    second = await DatabaseThread.open(url, replica=name, signals=db.signals, patience_seconds=0.5)

    async def act(tenure: Tenure) -> None:
        assert tenure.epoch is not None
        fenced = db.fenced(Fence(tenure.role, tenure.epoch))
        try:
            while True:
                now = time.monotonic()
                if tenure.lasts(now, 0.0):
                    say(f"{now} acts {tenure.role}")
                    with suppress(DatabaseUnavailable):
                        await fenced.run(note, tenure.role, tenure.epoch, name)
                await asyncio.sleep(ACT_EVERY_SECONDS)
        finally:
            say(f"{time.monotonic()} ends {tenure.role}")

    def say(what: str) -> None:
        with claims.open("a") as file:
            file.write(f"{what}\n")

    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    keeper = RoleKeeper(
        second,
        Replica(name, name, "1.0"),
        dict.fromkeys(Role, act),
        clock=DatabaseClock(lambda: datetime.now(UTC), time.monotonic),
        join=lambda db: check_in(db, Replica(name, name, "1.0"), db.now_ms()),
        monotonic=time.monotonic,
    )
    await keeper.run(stop)
    await second.close()
    await db.close()


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
