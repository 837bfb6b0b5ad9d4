"""What is asked for may end while a poll is under way: what it brings is taken for what it is then."""

from bot.domain.observations import Standing
from bot.store.balances import snapshots
from tests.builders import DEGEN, ETHEREUM, NOON, POLYGON, TREASURY, USDC, reading
from tests.store.conftest import OLGA, OPS, Keeper


async def standings(keeper: Keeper) -> dict[str, Standing]:
    views = await keeper.db.run(snapshots.views, [TREASURY])
    return {
        one.contract: balance.standing
        for one, balance in views[TREASURY, POLYGON].balances.items()
        if one.contract
    }


async def test_what_is_asked_by_name_alone_when_the_poll_ends_is_known_by_its_name(keeper: Keeper) -> None:
    subscribed = await keeper.watch()
    await keeper.watch(place=OPS, contracts=[USDC])
    await keeper.record(reading({USDC: 5}, native=1, named={USDC: 5}))
    poll = await keeper.judged(reading({USDC: 6}, native=1, named={USDC: 6}))

    await keeper.unsubscribe(OLGA, [subscribed.number])
    await keeper.record_poll(poll)

    assert await standings(keeper) == {USDC: Standing.NAMED}
    assert await keeper.changes(OPS) == [(USDC, 5, 6)]


async def test_what_lists_are_still_asked_for_stays_listed(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.watch(place=OPS, contracts=[USDC])
    await keeper.record(reading({USDC: 5, DEGEN: 1}, native=1, named={USDC: 5}))
    poll = await keeper.judged(reading({USDC: 6, DEGEN: 1}, native=1, named={USDC: 6}))

    await keeper.unsubscribe(OPS, [1])
    await keeper.record_poll(poll)

    assert await standings(keeper) == {USDC: Standing.LISTED, DEGEN: Standing.LISTED}


# ---------------------------------------------------------------- chains that the source lists


async def test_a_source_that_lists_no_chain_at_all_says_nothing(keeper: Keeper) -> None:
    await keeper.update_chains([ETHEREUM, POLYGON], NOON)
    await keeper.watch()
    await keeper.record(reading({USDC: 5}, native=1))
    await keeper.alerts()

    await keeper.update_chains([], NOON)

    assert await keeper.notices() == []
