"""Replicas that join others: one configuration counts, and each has a name of its own."""

import asyncio
from pathlib import Path

import pytest

from bot.domain.replicas.replica import Replica
from bot.store.database.connection import DatabaseThread
from bot.store.database.door import Database
from bot.store.replicas.configurations import ConfigurationDiffers, join
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


def configured(directory: Path, url: str, name: str) -> Path:
    """Write the configuration of a replica whose neighbours are not there."""
    path = directory / f"{name}.toml"
    path.write_text(f"""
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
    operator: Operator, tmp_path: Path
) -> None:
    url = operator.has("named")
    db = await DatabaseThread.open(url, replica="watcher")
    config = configured(tmp_path, url, "alpha")
    first = await started("run", "--config", config)
    await until_it_joined(db, ["alpha"])

    second = await ran("run", "--config", config)

    assert second.status == 2
    assert "another replica called alpha runs: give each a name of its own (store.replica)" in second.err
    assert await db.run(names_there) == ["alpha"]

    first.kill()
    await first.communicate()
    former = await db.run(ids_there)
    again = await started("run", "--config", config)
    async with asyncio.timeout(HANG_SECONDS):
        while await db.run(ids_there) == former:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.05)
    again.terminate()
    await again.communicate()
    await db.close()
    assert again.returncode == 0
