"""A print is stored with what it stands for, and goes with it."""

from dataclasses import replace

import pytest

from bot.domain.assets import Address
from bot.domain.observations import Fingerprint, Poll, Reading
from bot.domain.subscriptions import SubscriptionId
from bot.store.balances import coverage, prints
from bot.store.polling import record, sweeps
from tests.builders import BASE, DAI, POLYGON, REGISTRY, TREASURY, USDC, VAULT, at, held, reading
from tests.store.conftest import OLGA, OPS, Keeper

OLD, NEW = Fingerprint(0, b"old"), Fingerprint(0, b"new")


@pytest.fixture
async def watching(keeper: Keeper) -> Keeper:
    """Olga watches the treasury; what it was first read as has a print."""
    await keeper.watch()
    poll = await printed(keeper, reading({USDC: 5}, native=100), Fingerprint(None, b"old"))
    assert await recorded(keeper, poll) == {TREASURY: OLD}
    await keeper.deliver_all()
    return keeper


async def printed(keeper: Keeper, seen: Reading, one: Fingerprint) -> Poll:
    return replace(await keeper.judged(seen, when=at(60)), prints={TREASURY: one})


async def recorded(keeper: Keeper, poll: Poll) -> dict[Address, Fingerprint]:
    return dict((await keeper.db.run(record.record_poll, poll, keeper.status, REGISTRY)).prints)


async def stored(keeper: Keeper) -> dict[Address, Fingerprint]:
    return await keeper.db.run(prints.stored_prints)


async def test_a_print_is_stored_with_a_first_reading(watching: Keeper) -> None:
    assert await stored(watching) == {TREASURY: OLD}


async def test_a_print_is_replaced_with_a_change(watching: Keeper) -> None:
    poll = await printed(watching, reading({USDC: 7}, native=100), NEW)

    assert await recorded(watching, poll) == {TREASURY: NEW}
    assert await stored(watching) == {TREASURY: NEW}


async def test_a_print_is_replaced_though_nothing_changed(watching: Keeper) -> None:
    poll = await printed(watching, reading({USDC: held(5, block=8)}, native=100), NEW)

    assert await recorded(watching, poll) == {TREASURY: NEW}
    assert await stored(watching) == {TREASURY: NEW}


async def test_a_print_goes_with_a_change_that_brings_none(watching: Keeper) -> None:
    await watching.record(reading({USDC: 7}, native=100))

    assert await stored(watching) == {}


async def test_a_print_goes_with_a_suspicious_reading(watching: Keeper) -> None:
    await watching.record(reading({USDC: held(7, block=9)}, native=100))
    assert await recorded(
        watching, await printed(watching, reading({USDC: held(7, block=9)}, native=100), NEW)
    )

    await watching.record(reading({USDC: held(6, block=8)}, native=100))

    assert await watching.rows("SELECT times FROM held") == [(1,)]
    assert await stored(watching) == {}


async def test_a_print_stays_where_another_account_changed(watching: Keeper) -> None:
    await watching.watch(VAULT)

    await watching.record(reading({USDC: 1}, native=1, account=VAULT))

    assert await stored(watching) == {TREASURY: OLD}


async def test_a_poll_that_fails_midway_leaves_the_print_as_it_was(watching: Keeper) -> None:
    poll = await printed(watching, reading({USDC: 7}, native=100), NEW)
    await watching.refuse_inserts("alert")

    with pytest.raises(Exception, match="disk on fire"):
        await recorded(watching, poll)

    assert await stored(watching) == {TREASURY: OLD}


async def test_a_poll_of_an_older_sweep_brings_no_print(watching: Keeper) -> None:
    poll = await printed(watching, reading({USDC: 7}, native=100), NEW)
    await watching.db.run(sweeps.begin_sweep)

    assert await recorded(watching, poll) == {}
    assert await stored(watching) == {TREASURY: OLD}


async def test_what_is_newer_than_the_question_brings_no_print(keeper: Keeper) -> None:
    await keeper.watch()
    poll = await printed(keeper, reading({USDC: 5}, native=100), Fingerprint(None, b"old"))

    assert await recorded(keeper, replace(poll, asked_under=SubscriptionId(0))) == {}
    assert await stored(keeper) == {}


async def test_a_reading_that_is_recorded_in_part_brings_no_print(watching: Keeper) -> None:
    await watching.watch(contracts=[USDC], place=OPS)
    await watching.record(reading({USDC: 5}, native=100, named={USDC: 5}))
    poll = await printed(watching, reading({USDC: 7}, native=99, named={USDC: 7}), NEW)
    await watching.unsubscribe(OLGA, [1])

    assert await recorded(watching, poll) == {}
    assert await watching.balances() == {(POLYGON, USDC): 7}
    assert await stored(watching) == {}


@pytest.mark.parametrize("seen", [reading({USDC: 7}, native=100), reading({USDC: 5}, native=100)])
async def test_a_reading_under_coverage_that_ended_brings_no_print(watching: Keeper, seen: Reading) -> None:
    poll = await printed(watching, seen, NEW)
    await watching.unsubscribe(OLGA, [1])
    await watching.watch()
    assert await stored(watching) == {}

    assert await recorded(watching, poll) == {}
    assert await stored(watching) == {}


async def test_a_reading_that_is_still_wanted_under_coverage_that_ended_in_part_brings_no_print(
    watching: Keeper,
) -> None:
    await watching.watch(contracts=[USDC], place=OPS)
    await recorded(watching, await printed(watching, reading({USDC: 5}, native=100, named={USDC: 5}), OLD))
    poll = await printed(watching, reading({USDC: 5}, native=100, named={USDC: 5}), NEW)
    assert await stored(watching) == {TREASURY: OLD}
    await watching.unsubscribe(OLGA, [1])
    await watching.watch()
    assert await stored(watching) == {}

    assert await recorded(watching, poll) == {}
    assert await stored(watching) == {}


async def test_a_first_reading_that_is_recorded_in_part_brings_no_print(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.watch(contracts=[USDC], place=OPS)
    seen = reading({USDC: 5}, native=100, named={USDC: 5})
    poll = await printed(keeper, seen, Fingerprint(None, b"old"))
    await keeper.unsubscribe(OLGA, [1])
    await keeper.watch()

    assert await recorded(keeper, poll) == {}
    assert await keeper.balances() == {(POLYGON, USDC): 5}
    assert await stored(keeper) == {}


async def test_what_is_covered_anew_has_a_print_of_its_own(watching: Keeper) -> None:
    await watching.unsubscribe(OLGA, [1])
    await watching.watch()
    poll = await printed(watching, reading({USDC: 5}, native=100), Fingerprint(None, b"anew"))

    assert await recorded(watching, poll) == {TREASURY: Fingerprint(1, b"anew")}
    assert await stored(watching) == {TREASURY: Fingerprint(1, b"anew")}


async def test_what_is_partly_unknown_has_a_print_for_this_run_alone(watching: Keeper) -> None:
    poll = await printed(watching, reading(None, native=99), NEW)

    assert await recorded(watching, poll) == {TREASURY: NEW}
    assert await stored(watching) == {}


async def test_a_print_counts_again_once_all_is_seen_again(watching: Keeper) -> None:
    await watching.reach(60, {POLYGON: None}, [(TREASURY, POLYGON, frozenset({watching.status}))])
    assert await stored(watching) == {}

    await recorded(watching, await printed(watching, reading({USDC: 5}, native=100), NEW))

    assert await stored(watching) == {TREASURY: NEW}


@pytest.mark.parametrize(("excluded", "kept"), [(USDC, {}), (DAI, {TREASURY: OLD})])
async def test_a_print_goes_with_the_balance_of_what_is_excluded(
    watching: Keeper, excluded: Address, kept: dict[Address, Fingerprint]
) -> None:
    await watching.db.run(coverage.exclude_contracts, [excluded])

    assert await stored(watching) == kept


async def test_the_newest_block_that_was_read_is_kept(watching: Keeper) -> None:
    for block, newest in ((30, 30), (20, 30), (31, 31)):
        poll = await printed(watching, reading({USDC: 5}, native=100), NEW)
        await recorded(watching, replace(poll, highest_blocks={POLYGON: block, BASE: 1}))

        watched = await watching.db.run(sweeps.sweep_input, at(60))
        assert watched.newest_blocks == {POLYGON: newest}
