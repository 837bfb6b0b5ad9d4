"""Replicas that join others: one configuration counts, and each has a name of its own."""

import asyncio
import signal
import socket
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot.domain.replicas.replica import Replica
from bot.domain.replicas.roles import Role
from bot.store.database.connection import DatabaseThread
from bot.store.database.door import Database
from bot.store.replicas.membership import ConfigurationDiffers, join
from bot.store.replicas.seen import replicas_seen
from tests.program import ran, started
from tests.server.conftest import Operator
from tests.waits import HANG_SECONDS


@pytest.mark.parametrize("turn", range(5))
async def test_of_two_configurations_that_start_at_once_exactly_one_wins(
    operator: Operator, turn: int
) -> None:
    url = operator.has(f"joined{turn}")
    first = await DatabaseThread.open(url, replica="1")
    second = await DatabaseThread.open(url, replica="2")

    ended = await asyncio.gather(
        first.run(join, Replica("1", "alpha", "1"), {"indexer.chains": "[1]"}, b"x" * 32),
        second.run(join, Replica("2", "beta", "1"), {"indexer.chains": "[137]"}, b"y" * 32),
        return_exceptions=True,
    )

    assert [type(one) for one in ended if one != ()] == [ConfigurationDiffers]
    assert len(await first.run(lambda db: db.execute("SELECT id FROM replica").fetchall())) == 1
    await first.close()
    await second.close()


Bots = Callable[[Path], Awaitable[Process]]
"""Starts the program with a configuration."""


@pytest.fixture
async def bots() -> AsyncIterator[Bots]:
    """Start bots; what still runs in the end is killed."""
    begun: list[Process] = []

    async def start(config: Path) -> Process:
        begun.append(await started("run", "--config", config))
        return begun[-1]

    yield start
    for one in begun:
        if one.returncode is None:
            one.kill()
            await one.communicate()


def configured(directory: Path, url: str, name: str, *, owner: int = 1) -> Path:
    """Write the configuration of a replica whose neighbours are not there."""
    path = directory / f"{name}-{owner}.toml"
    path.write_text(f"""
[access]
owners = [{owner}]
[telegram]
token = "123456:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
api_url = "http://127.0.0.1:1"
[indexer]
url = "http://127.0.0.1:1"
[store]
path = "{directory / "bot.sqlite3"}"
url = "{url}"
replica = "{name}"
[web]
listen = ""
""")
    return path


async def until_it_joined(db: DatabaseThread, names: list[str]) -> None:
    """Wait until these replicas are there, by the database."""
    async with asyncio.timeout(HANG_SECONDS):
        while await db.run(names_there) != names:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)


def names_there(db: Database) -> list[str]:
    return [name for (name,) in db.execute("SELECT name FROM replica ORDER BY name").fetchall()]


def ids_there(db: Database) -> list[str]:
    return [one for (one,) in db.execute("SELECT id FROM replica").fetchall()]


async def test_a_name_that_a_replica_has_is_refused_to_another_and_free_once_that_was_killed(
    operator: Operator, bots: Bots, tmp_path: Path
) -> None:
    url = operator.has("named")
    db = await DatabaseThread.open(url, replica="watcher")
    config = configured(tmp_path, url, "alpha")
    first = await bots(config)
    await until_it_joined(db, ["alpha"])

    second = await ran("run", "--config", config)

    assert second.status == 2
    assert "another replica called alpha runs: give each a name of its own (store.replica)" in second.err
    assert await db.run(names_there) == ["alpha"]

    first.kill()
    await first.communicate()
    former = await db.run(ids_there)
    again = await bots(config)
    async with asyncio.timeout(HANG_SECONDS):
        while await db.run(ids_there) == former:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)
    again.terminate()
    await again.communicate()
    await db.close()
    assert again.returncode == 0


async def test_of_two_that_start_at_once_with_one_name_exactly_one_runs(
    operator: Operator, bots: Bots, tmp_path: Path
) -> None:
    config = configured(tmp_path, operator.has("twice"), "alpha")

    both = await asyncio.gather(*(bots(config) for _ in range(2)))
    ends = [asyncio.create_task(one.communicate()) for one in both]
    async with asyncio.timeout(HANG_SECONDS):
        (refused,), (runs,) = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)

    assert b"another replica called alpha runs" in refused.result()[1]
    both[ends.index(runs)].terminate()
    await runs
    assert sorted(one.returncode or 0 for one in both) == [0, 2]


async def test_replicas_of_one_machine_that_nobody_named_are_numbered(
    operator: Operator, watcher: DatabaseThread, bots: Bots, tmp_path: Path
) -> None:
    config = configured(tmp_path, operator.url("watched"), "")
    host = socket.gethostname()

    both = [await bots(config) for _ in range(2)]

    await until_it_joined(watcher, [host, f"{host}-2"])
    assert [await stopped(one) for one in both] == [0, 0]


# ---------------------------------------------------------------- frozen for long


@asynccontextmanager
async def frozen_for_long(
    bots: Bots, config: Path, watcher: DatabaseThread, name: str = "alpha"
) -> AsyncIterator[Process]:
    """Let a replica be the only one, stand still in the block for longer than it counts, and wake up then."""
    one = await bots(config)
    await until_it_joined(watcher, [name])
    async with asyncio.timeout(HANG_SECONDS):
        while await watcher.run(roles_there) < len(Role):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)
    one.send_signal(signal.SIGSTOP)
    await watcher.run(lambda db: db.execute("UPDATE replica SET seen_at = seen_at - 20000"))
    yield one
    one.send_signal(signal.SIGCONT)


def roles_there(db: Database) -> int:
    (count,) = db.execute("SELECT count(*) FROM lease WHERE replica_id IS NOT NULL").fetchone()
    return int(count)


@pytest.fixture
async def watcher(operator: Operator) -> AsyncIterator[DatabaseThread]:
    db = await DatabaseThread.open(operator.has("watched"), replica="watcher")
    yield db
    await db.close()


async def ended(one: Process) -> tuple[int | None, str]:
    """Return what a program ends with and what it says, once it does."""
    async with asyncio.timeout(HANG_SECONDS):
        _, err = await one.communicate()
    return one.returncode, err.decode().splitlines()[-1]


async def stopped(one: Process) -> int | None:
    """Ask a program to stop, and return what it ends with."""
    one.terminate()
    return (await ended(one))[0]


async def test_one_that_wakes_up_beside_another_configuration_ends_and_names_the_keys(
    operator: Operator, watcher: DatabaseThread, bots: Bots, tmp_path: Path
) -> None:
    url = operator.url("watched")
    async with frozen_for_long(bots, configured(tmp_path, url, "alpha"), watcher) as frozen:
        other = await bots(configured(tmp_path, url, "beta", owner=2))
        await until_it_joined(watcher, ["alpha", "beta"])

    status, said = await ended(frozen)

    assert status == 2
    assert "differs from that of the replicas that run (beta) in access.owners:" in said
    assert await stopped(other) == 0


async def test_one_that_wakes_up_beside_its_own_configuration_goes_on(
    operator: Operator, watcher: DatabaseThread, bots: Bots, tmp_path: Path
) -> None:
    url = operator.url("watched")
    async with frozen_for_long(bots, configured(tmp_path, url, "alpha"), watcher) as frozen:
        other = await bots(configured(tmp_path, url, "beta"))
        await until_it_joined(watcher, ["alpha", "beta"])

    async with asyncio.timeout(HANG_SECONDS):
        while sum(one.is_live for one in await watcher.run(replicas_seen)) < 2:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.05)
    assert await stopped(frozen) == await stopped(other) == 0


async def test_one_that_wakes_up_under_a_name_that_another_one_has_by_now_ends(
    operator: Operator, watcher: DatabaseThread, bots: Bots, tmp_path: Path
) -> None:
    url = operator.url("watched")
    config = configured(tmp_path, url, "alpha")
    async with frozen_for_long(bots, config, watcher) as frozen:
        former = await watcher.run(ids_there)
        other = await bots(config)
        async with asyncio.timeout(HANG_SECONDS):
            while await watcher.run(ids_there) == former:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.05)

    status, said = await ended(frozen)

    assert (status, "another replica called alpha runs" in said) == (2, True)
    assert await watcher.run(names_there) == ["alpha"]
    assert await stopped(other) == 0


async def test_one_that_nobody_named_goes_on_with_a_number_if_another_one_has_its_name_by_now(
    operator: Operator, watcher: DatabaseThread, bots: Bots, tmp_path: Path
) -> None:
    config, host = configured(tmp_path, operator.url("watched"), ""), socket.gethostname()
    async with frozen_for_long(bots, config, watcher, host) as frozen:
        former = await watcher.run(ids_there)
        other = await bots(config)
        async with asyncio.timeout(HANG_SECONDS):
            while await watcher.run(ids_there) == former:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.05)

    await until_it_joined(watcher, [host, f"{host}-2"])
    assert await stopped(frozen) == await stopped(other) == 0


async def test_one_that_wakes_up_over_tables_of_a_newer_version_ends(
    operator: Operator, watcher: DatabaseThread, bots: Bots, tmp_path: Path
) -> None:
    url = operator.url("watched")
    async with frozen_for_long(bots, configured(tmp_path, url, "alpha"), watcher) as frozen:
        await watcher.run(
            lambda db: db.execute("INSERT INTO migration (name, applied_at) VALUES ('m999_later', 1)")
        )

    status, said = await ended(frozen)

    assert status == 5
    assert "written by a newer version of the program, which added m999_later: install that" in said
