"""Replicas that start at the same moment: only one of two configurations counts."""

import asyncio

import pytest

from bot.domain.replicas.replica import Replica
from bot.store.database.connection import DatabaseThread
from bot.store.replicas.configurations import ConfigurationDiffers, join
from tests.server.conftest import Operator


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
