from dataclasses import replace

import pytest

from bot.domain.assets import NATIVE_PART, Address, Asset, ChainId, Description, Part
from bot.domain.observations import Standing, SweepNumber
from bot.domain.subscriptions import SubscriptionId
from bot.store.balances import assets, snapshots
from bot.store.polling import sweeps
from tests.builders import (
    BASE,
    BROAD,
    DAI,
    ETHEREUM,
    NOON,
    POLYGON,
    TREASURY,
    USDC,
    VAULT,
    VERIFIED,
    asset,
    at,
    coin,
    held,
    reading,
    view,
)
from tests.store.conftest import OPS, Keeper


@pytest.fixture
async def covered(keeper: Keeper) -> Keeper:
    """Olga watches the treasury, read at noon on two chains."""
    await keeper.watch()
    await keeper.record(reading({USDC: 5}, native=100), reading({}, native=7, chain_id=ETHEREUM))
    await keeper.deliver_all()
    return keeper


async def finish(
    keeper: Keeper,
    seconds: float,
    answered: dict[ChainId, int | None],
    unknown: list[tuple[Address, ChainId, frozenset[Part]]] | None = None,
) -> None:
    await keeper.reach(seconds, answered, unknown or [])


# ---------------------------------------------------------------- ages


async def test_a_finished_sweep_writes_one_row_a_chain(covered: Keeper) -> None:
    before = await covered.written()

    await finish(covered, 60, {POLYGON: 10, ETHEREUM: None})

    assert await covered.written() - before <= 2 + 2  # the number of the sweep replaces its row
    assert await covered.ages() == {POLYGON: (at(60), None), ETHEREUM: (at(60), None)}


async def test_a_chain_without_any_answer_keeps_its_age_and_nothing_is_marked(covered: Keeper) -> None:
    await finish(covered, 60, {POLYGON: None}, [(TREASURY, ETHEREUM, BROAD)])

    assert await covered.ages() == {POLYGON: (at(60), None), ETHEREUM: (at(0), None)}


async def test_a_part_that_went_blind_is_unknown_since_it_was_last_seen(covered: Keeper) -> None:
    await finish(covered, 60, {POLYGON: None, ETHEREUM: None})

    await finish(covered, 120, {POLYGON: None, ETHEREUM: None}, [(TREASURY, POLYGON, BROAD)])

    assert await covered.ages() == {POLYGON: (at(120), at(60)), ETHEREUM: (at(120), None)}


async def test_a_part_that_stays_blind_is_unknown_since_the_first_time(covered: Keeper) -> None:
    for seconds in (60, 120, 180):
        await finish(covered, seconds, {POLYGON: None}, [(TREASURY, POLYGON, frozenset({VERIFIED}))])

    assert (await covered.ages())[POLYGON] == (at(180), at(0))


async def test_staying_blind_writes_nothing_but_the_row_of_the_chain(covered: Keeper) -> None:
    unknown = [(TREASURY, POLYGON, BROAD)]
    await finish(covered, 60, {POLYGON: None}, unknown)
    before = await covered.written()

    await finish(covered, 120, {POLYGON: None}, unknown)

    assert await covered.written() - before <= 1 + 2


async def test_a_part_that_is_seen_again_is_known_again(covered: Keeper) -> None:
    await finish(covered, 60, {POLYGON: None}, [(TREASURY, POLYGON, BROAD)])

    await covered.record(reading({USDC: 5}, native=100), when=at(120))

    assert (await covered.ages())[POLYGON] == (at(60), None)
    assert await covered.changes() == []


async def test_a_part_that_is_still_blind_beside_one_seen_again_keeps_the_chain_unknown(
    covered: Keeper,
) -> None:
    await finish(covered, 60, {POLYGON: None}, [(TREASURY, POLYGON, BROAD)])

    await covered.record(reading(None, native=100), when=at(120))

    assert (await covered.ages())[POLYGON] == (at(60), at(0))


async def test_the_net_effect_of_a_blind_time_is_told_with_the_moment_it_began(covered: Keeper) -> None:
    await finish(covered, 60, {POLYGON: None})
    await finish(covered, 120, {POLYGON: None}, [(TREASURY, POLYGON, BROAD)])
    await finish(covered, 180, {POLYGON: None}, [(TREASURY, POLYGON, BROAD)])

    await covered.record(reading({USDC: 9}, native=100), when=at(240))

    assert await covered.value("SELECT previous_at FROM change") == 1000 * int(at(60).timestamp())
    assert await covered.changes() == [(USDC, 5, 9)]


async def test_what_was_never_covered_cannot_go_blind(covered: Keeper) -> None:
    await finish(covered, 60, {POLYGON: None}, [(VAULT, POLYGON, BROAD), (TREASURY, POLYGON, frozenset())])

    assert (await covered.ages())[POLYGON] == (at(60), None)


async def test_an_older_sweep_that_ends_late_says_nothing(covered: Keeper) -> None:
    late = await covered.db.run(sweeps.begin_sweep)
    await finish(covered, 120, {POLYGON: 9})

    await covered.reach(60, {POLYGON: 7}, [(TREASURY, POLYGON, BROAD)], sweep=late)

    assert (await covered.ages())[POLYGON] == (at(120), None)
    assert (await covered.db.run(sweeps.sweep_input, NOON)).highest_blocks == {POLYGON: 9}


async def test_the_highest_block_of_a_chain_never_sinks(covered: Keeper) -> None:
    for block in (10, None, 7):
        await finish(covered, 60, {POLYGON: block})

    assert (await covered.db.run(sweeps.sweep_input, NOON)).highest_blocks == {POLYGON: 10}


# ---------------------------------------------------------------- what is not seen whole


async def test_a_chain_asked_by_name_alone_is_known(keeper: Keeper) -> None:
    await keeper.watch(contracts=[USDC])
    await keeper.record(reading(named={USDC: 5}))

    assert (await keeper.ages())[POLYGON] == (at(0), None)


# ---------------------------------------------------------------- what a sweep plans from


async def test_an_empty_database_has_nothing_to_watch(keeper: Keeper) -> None:
    watched = await keeper.db.run(sweeps.sweep_input, NOON)

    assert watched.subscriptions == ()
    assert watched.newest == SubscriptionId(0)
    assert watched.generations == {}
    assert not watched.unlisted
    assert not watched.undescribed
    assert await keeper.db.run(snapshots.views, []) == {}
    assert await keeper.db.run(assets.undescribed, []) == frozenset()


async def test_accounts_that_were_read_are_told_from_those_that_were_not(covered: Keeper) -> None:
    await covered.watch(VAULT)

    watched = await covered.db.run(sweeps.sweep_input, NOON)

    assert [subscription.account for subscription in watched.subscriptions] == [TREASURY, VAULT]
    assert watched.newest == SubscriptionId(2)
    assert watched.generations == {TREASURY: 0}


async def test_closed_chats_ask_for_nothing(covered: Keeper) -> None:
    await covered.watch(VAULT, place=OPS)
    await covered.deny(OPS)

    accounts = [
        subscription.account
        for subscription in (await covered.db.run(sweeps.sweep_input, NOON)).subscriptions
    ]
    assert accounts == [TREASURY]


async def test_a_view_is_what_was_stored(covered: Keeper) -> None:
    await covered.watch(contracts=[DAI])
    await covered.record(reading({USDC: 5}, native=100, named={DAI: held(4, uniques=2, block=8)}))
    await finish(covered, 60, {POLYGON: None}, [(TREASURY, POLYGON, frozenset({VERIFIED}))])

    views = await covered.db.run(snapshots.views, [TREASURY, VAULT])

    assert views[TREASURY, POLYGON] == view(
        {USDC: 5}, native=100, named={DAI: held(4, uniques=2, block=8)}
    )._replace(
        coverage={NATIVE_PART: None, VERIFIED: at(0), Part(DAI): None},
    )
    assert views[TREASURY, ETHEREUM] == view({}, native=7, chain_id=ETHEREUM)
    assert views.keys() == {(TREASURY, POLYGON), (TREASURY, ETHEREUM)}


async def test_what_lost_its_listing_is_found_to_be_asked_by_name(covered: Keeper) -> None:
    assert not (await covered.db.run(sweeps.sweep_input, NOON)).unlisted
    await covered.record(reading({}, native=100, named={USDC: 5}))

    assert (await covered.db.run(sweeps.sweep_input, NOON)).unlisted == {TREASURY: [asset(USDC)]}
    balance = (await covered.db.run(snapshots.views, [TREASURY]))[TREASURY, POLYGON].balances[asset(USDC)]
    assert balance.standing is Standing.UNLISTED


async def test_held_tokens_that_were_never_described_come_with_a_holder(covered: Keeper) -> None:
    assert (await covered.db.run(sweeps.sweep_input, NOON)).undescribed == {TREASURY: [asset(USDC)]}
    assert await covered.db.run(assets.undescribed, [asset(USDC), coin(), asset(DAI)]) == {
        asset(USDC),
        asset(DAI),
    }

    poll = await covered.judged()
    await covered.record_poll(replace(poll, described={asset(USDC): Description("ERC20", "USDC", 6)}))

    assert (await covered.db.run(sweeps.sweep_input, NOON)).undescribed == {}
    assert await covered.db.run(assets.undescribed, [asset(USDC)]) == frozenset()


async def test_what_nobody_holds_any_more_is_not_asked_about(covered: Keeper) -> None:
    await covered.record(reading({}, native=100, named={USDC: 0}))

    assert (await covered.db.run(sweeps.sweep_input, NOON)).undescribed == {}


async def test_the_same_contract_on_two_chains_is_two_assets(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.record(reading({USDC: 5}, native=1), reading({USDC: 6}, native=1, chain_id=BASE))

    await keeper.record(reading({USDC: 7}, native=1), reading({USDC: 6}, native=1, chain_id=BASE))

    assert (await keeper.balances())[BASE, USDC] == 6
    assert (await keeper.balances())[POLYGON, USDC] == 7
    assert (await keeper.db.run(sweeps.sweep_input, NOON)).undescribed == {
        TREASURY: [Asset(POLYGON, USDC), Asset(BASE, USDC)]
    }


async def test_numbers_of_sweeps_go_on_after_a_restart(covered: Keeper) -> None:
    assert await covered.db.run(sweeps.begin_sweep) == SweepNumber(2)
    await covered.reopen()
    assert await covered.db.run(sweeps.begin_sweep) == SweepNumber(3)
