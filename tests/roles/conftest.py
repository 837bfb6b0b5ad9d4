"""Replicas in this process, over one server; each says what it does."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest

from bot.domain.replicas.clock import DatabaseClock
from bot.domain.replicas.replica import Replica
from bot.domain.replicas.roles import Role, Tenure
from bot.roles.keeper import RoleKeeper, Work
from bot.store.database.connection import DatabaseThread
from bot.store.database.signals import SignalName
from bot.store.replicas.membership import join
from tests.builders import NOON
from tests.store.conftest import Keeper, open_new_keeper
from tests.waits import HANG_SECONDS, until


@dataclass
class Member:
    """A replica: its two connections, and who keeps its roles."""

    db: DatabaseThread
    second: DatabaseThread
    keeper: RoleKeeper
    stop: asyncio.Event
    task: asyncio.Task[None]

    async def leave(self) -> None:
        """Let it end as it does when it is asked to stop."""
        self.stop.set()
        async with asyncio.timeout(HANG_SECONDS):
            await self.task


@dataclass
class Group:
    """Several replicas over one database, and what they did, in order."""

    store: Keeper
    said: list[tuple[str, str, Role]] = field(default_factory=list)
    """Who began or ended which role."""
    members: dict[str, Member] = field(default_factory=dict)
    now: Callable[[], datetime] = lambda: NOON
    """What renewals ask for the time of day, each within its unit of work."""
    ahead: float = 0.0
    """Seconds that have passed for all of them beside those that have indeed."""

    async def join(
        self, name: str, works: Mapping[Role, Work] | None = None, values: Mapping[str, str] | None = None
    ) -> Member:
        """Start a replica, by default one whose works say when they begin and end, and do nothing.

        `values` are those of its configuration.
        """
        me = Replica(name, name, "1.0")
        db = await DatabaseThread.open(self.store.url, replica=name)
        second = await DatabaseThread.open(
            self.store.url, replica=name, signals=db.signals, patience_seconds=0.5
        )

        def work(tenure: Tenure) -> Coroutine[None, None, None]:
            return self.idle(name, tenure)

        def now() -> datetime:
            return self.now()

        keeper = RoleKeeper(
            second,
            me,
            dict.fromkeys(Role, work) | dict(works or {}),
            clock=DatabaseClock(now, time.monotonic),
            join=partial(join, me=me, values=values or {}, salt=b"salt"),
            monotonic=lambda: time.monotonic() + self.ahead,
        )
        stop = asyncio.Event()
        one = self.members[name] = Member(db, second, keeper, stop, asyncio.create_task(keeper.run(stop)))
        return one

    async def idle(self, name: str, tenure: Tenure) -> None:
        """Have a role until it ends."""
        self.said.append((name, "begins", tenure.role))
        try:
            await asyncio.Event().wait()
        finally:
            self.said.append((name, "ends", tenure.role))

    async def holds(self, name: str, *roles: Role) -> None:
        """Wait until a replica has just these roles."""
        await until(lambda: self.members[name].keeper.held.keys() == set(roles))

    async def look(self) -> None:
        """Let all look at the leases, as they do when one of them gives up a role."""
        await self.store.db.run(lambda db: db.notify(SignalName.ROLES))

    async def grow_old(self) -> None:
        """Let all replicas have been up for long."""
        await self.store.script("UPDATE replica SET started_at = started_at - 3600000")

    async def renewals(self, count: int) -> None:
        """Wait until a lease has been renewed so many times."""
        for _ in range(count):
            before = await self.store.value("SELECT max(until) FROM lease")
            async with asyncio.timeout(HANG_SECONDS):
                while await self.store.value("SELECT max(until) FROM lease") == before:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)

    async def close(self) -> None:
        """End all that run."""
        for one in self.members.values():
            one.stop.set()
        await asyncio.gather(*(one.task for one in self.members.values()), return_exceptions=True)
        for one in self.members.values():
            await one.second.close()
            await one.db.close()


@pytest.fixture
async def keeper(tmp_path: Path) -> AsyncIterator[Keeper]:
    one = await open_new_keeper(tmp_path / "bot.sqlite3")
    yield one
    await one.db.close()


@pytest.fixture
async def group(keeper: Keeper) -> AsyncIterator[Group]:
    keeper.url  # noqa: B018 - a file has nobody to share it with
    one = Group(keeper)
    yield one
    await one.close()
