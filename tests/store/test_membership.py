"""Replicas that run have one configuration: another one is refused, by the names of its keys."""

from collections.abc import Mapping

import pytest

from bot.domain.replicas.replica import Replica
from bot.store.database.door import Database
from bot.store.replicas.membership import ConfigurationDiffers, NameTaken, join
from bot.store.replicas.seen import check_in, forget, replicas_seen
from tests.store.conftest import Keeper

ALPHA, BETA = Replica("1", "alpha", "1.0"), Replica("2", "beta", "1.0")
ALPHA_ANEW = Replica("3", "alpha", "1.0")
VALUES = {"indexer.chains": "[137]", "telegram.token": "secret-of-the-team", "access.owners": "[]"}


async def joins(keeper: Keeper, me: Replica, **changes: str) -> tuple[str, ...]:
    """Let a replica start with a configuration that differs in this from what all have."""
    values: Mapping[str, str] = VALUES | {key.replace("__", "."): value for key, value in changes.items()}
    return await keeper.db.run(join, me, values, me.id.encode() * 32)


async def refused(keeper: Keeper, me: Replica, **changes: str) -> str:
    before = await keeper.rows("SELECT * FROM setting ORDER BY name")
    with pytest.raises(ConfigurationDiffers) as error:
        await joins(keeper, me, **changes)
    assert await keeper.rows("SELECT * FROM setting ORDER BY name") == before
    return str(error.value)


async def names(keeper: Keeper) -> list[str]:
    return [one.name for one in await keeper.db.run(replicas_seen)]


async def was_seen(keeper: Keeper, me: Replica, seconds_ago: int) -> None:
    def write(db: Database) -> None:
        with db.transaction():
            check_in(db, me, db.now_ms() - seconds_ago * 1000)

    await keeper.db.run(write)


async def test_replicas_of_one_configuration_run_together(keeper: Keeper) -> None:
    assert await joins(keeper, ALPHA) == ()
    assert await joins(keeper, BETA) == ()

    assert await names(keeper) == ["alpha", "beta"]


async def test_another_configuration_is_refused_by_its_keys_and_without_its_values(keeper: Keeper) -> None:
    await joins(keeper, ALPHA)

    said = await refused(keeper, BETA, telegram__token="another-secret", indexer__chains="[1]")

    assert said == (
        "the configuration differs from that of the replicas that run (alpha) in indexer.chains, "
        "telegram.token: make it the same, or stop them all first to change it"
    )
    assert await names(keeper) == ["alpha"]


async def test_once_all_are_stopped_another_one_counts(keeper: Keeper) -> None:
    await joins(keeper, ALPHA)
    await keeper.db.run(forget, ALPHA.id)

    await joins(keeper, BETA, indexer__chains="[1]")

    assert "indexer.chains" in await refused(keeper, ALPHA)


async def test_one_that_was_not_seen_for_longer_than_it_keeps_its_roles_counts_no_more(
    keeper: Keeper,
) -> None:
    await joins(keeper, ALPHA)
    await was_seen(keeper, ALPHA, 9)
    assert "alpha" in await refused(keeper, BETA, indexer__chains="[1]")

    await was_seen(keeper, ALPHA, 11)

    await joins(keeper, BETA, indexer__chains="[1]")


async def test_one_that_was_killed_comes_back_with_another_configuration_under_its_name(
    keeper: Keeper,
) -> None:
    await joins(keeper, ALPHA)
    await was_seen(keeper, ALPHA, 11)

    await joins(keeper, ALPHA_ANEW, indexer__chains="[1]")

    assert "indexer.chains" in await refused(keeper, BETA)


async def test_a_name_that_a_live_replica_has_is_refused_and_the_others_stay_as_they_are(
    keeper: Keeper,
) -> None:
    await joins(keeper, ALPHA)
    await was_seen(keeper, ALPHA, 9)

    with pytest.raises(NameTaken, match=r"another replica called alpha runs: give each a name of its own"):
        await joins(keeper, ALPHA_ANEW)

    assert [one.id for one in await keeper.db.run(replicas_seen)] == [ALPHA.id]


async def test_a_name_of_one_that_counts_no_more_is_free_and_whoever_had_it_is_refused_then(
    keeper: Keeper,
) -> None:
    await joins(keeper, ALPHA)
    await was_seen(keeper, ALPHA, 11)

    await joins(keeper, ALPHA_ANEW)

    assert [one.id for one in await keeper.db.run(replicas_seen)] == [ALPHA_ANEW.id]
    with pytest.raises(NameTaken):
        await joins(keeper, ALPHA)


async def test_whoever_joins_again_is_no_namesake_of_itself(keeper: Keeper) -> None:
    await joins(keeper, ALPHA)

    await joins(keeper, ALPHA)

    assert await names(keeper) == ["alpha"]


async def test_a_name_of_before_the_clock_was_set_back_is_free(keeper: Keeper) -> None:
    await joins(keeper, ALPHA)
    await was_seen(keeper, ALPHA, -3600)

    await joins(keeper, ALPHA_ANEW)


async def test_each_word_of_a_namesake_differs_and_silence_is_told_by_that(keeper: Keeper) -> None:
    await joins(keeper, ALPHA)

    first, second = [await refused_name(keeper) for _ in range(2)]
    await was_seen(keeper, ALPHA, 5)
    third = await refused_name(keeper)

    assert first.last_word == second.last_word != third.last_word


async def refused_name(keeper: Keeper) -> NameTaken:
    with pytest.raises(NameTaken) as error:
        await joins(keeper, ALPHA_ANEW)
    return error.value


async def test_a_key_that_only_one_version_knows_tells_nothing_and_versions_are_told(keeper: Keeper) -> None:
    await joins(keeper, ALPHA)
    newer = Replica("3", "gamma", "1.1")

    assert await joins(keeper, newer, delivery__colour="red") == ("1.0",)
    said = await refused(keeper, Replica("4", "delta", "1.1"), indexer__chains="[1]")

    assert "(alpha, gamma) in indexer.chains; they are of version 1.0, and this is 1.1:" in said


async def test_no_value_can_be_read_from_the_database_and_equal_ones_differ_by_key(keeper: Keeper) -> None:
    await joins(keeper, ALPHA, indexer__chains="same", access__owners="same")

    kept = await keeper.value("SELECT value FROM setting WHERE name = 'configuration'")

    assert "secret" not in kept
    assert "same" not in kept
    digests = [part for part in kept.split('"') if len(part) == 32]
    assert len(set(digests)) == len(VALUES)
