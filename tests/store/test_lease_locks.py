"""Over a server: who renews or takes a role waits for nobody, but for what the former holder has begun."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from threading import Event

import pytest

from bot.domain.replicas.clock import DatabaseClock
from bot.domain.replicas.replica import Replica
from bot.domain.replicas.roles import Role
from bot.store.database.connection import DatabaseThread
from bot.store.database.door import Database, Fence
from bot.store.database.errors import DatabaseUnavailable, RoleLost
from bot.store.replicas.leases import take
from bot.store.replicas.renewal import renew_all
from bot.store.replicas.seen import check_in
from tests.builders import NOON
from tests.store.conftest import Keeper
from tests.waits import HANG_SECONDS

A, B = Replica("a", "one:8080", "1.0"), Replica("b", "two:8080", "1.0")
SENDER, POLLER = Role.SENDER, Role.POLLER


@pytest.fixture
async def other(keeper: Keeper) -> AsyncIterator[DatabaseThread]:
    """Another replica's connection."""
    one = await DatabaseThread.open(keeper.url, replica="b", patience_seconds=0.2)
    yield one
    await one.close()


def write(db: Database) -> None:
    db.execute("INSERT INTO setting (name, value) VALUES ('a', '1') ON CONFLICT (name) DO NOTHING")


@asynccontextmanager
async def in_transaction(db: DatabaseThread) -> AsyncIterator[None]:
    """Let a transaction be under way that has written something, until the end of the block."""
    wrote, may_end = asyncio.Event(), Event()
    loop = asyncio.get_running_loop()

    def work(db: Database) -> None:
        with db.transaction():
            write(db)
            loop.call_soon_threadsafe(wrote.set)
            may_end.wait(HANG_SECONDS)

    task = asyncio.create_task(db.run(work))
    await wrote.wait()
    with set_at_the_end(may_end):
        yield
    await task


@contextmanager
def set_at_the_end(event: Event) -> Iterator[None]:
    try:
        yield
    finally:
        event.set()


def comes(db: Database, me: Replica) -> None:
    """Let a replica be there, without waiting for who writes."""
    with db.transaction(alone=False):
        check_in(db, me, db.now_ms())


async def renewed(db: DatabaseThread, me: Replica, epochs: dict[Role, int]) -> frozenset[Role]:
    await db.run(comes, me)
    clock = DatabaseClock(lambda: NOON, time.monotonic)
    seen = await db.run(renew_all, me, epochs, {}, clock=clock, troubles="")
    assert seen is not None
    return seen.kept


async def test_leases_are_renewed_and_taken_while_somebody_records(
    keeper: Keeper, other: DatabaseThread
) -> None:
    await keeper.db.run(take, POLLER, A.id)

    async with in_transaction(keeper.db):
        with pytest.raises(DatabaseUnavailable):
            await other.run(write)
        assert await other.run(take, SENDER, B.id) == 1
        assert await renewed(other, B, {SENDER: 1}) == {SENDER}


async def test_a_lease_is_renewed_while_its_role_writes(keeper: Keeper, other: DatabaseThread) -> None:
    epoch = await keeper.db.run(take, SENDER, A.id)
    assert epoch is not None

    async with in_transaction(keeper.db.fenced(Fence(SENDER, epoch))):
        assert await renewed(other, A, {SENDER: epoch}) == {SENDER}


async def test_a_role_is_taken_when_what_its_former_holder_began_has_ended_and_then_that_one_is_refused(
    keeper: Keeper, other: DatabaseThread
) -> None:
    epoch = await keeper.db.run(take, SENDER, A.id)
    assert epoch is not None
    former = keeper.db.fenced(Fence(SENDER, epoch))

    async with in_transaction(former):
        await other.run(expire)
        assert await other.run_if_possible(take, SENDER, B.id) is None
    await former.run(write)
    assert await other.run_if_possible(take, SENDER, B.id) == epoch + 1

    with pytest.raises(RoleLost):
        await former.run(write)
    await other.fenced(Fence(SENDER, epoch + 1)).run(write)


def expire(db: Database) -> None:
    """Let all leases be over."""
    with db.transaction(alone=False):
        db.execute("UPDATE lease SET until = 0")
