"""Every gap of sight is a row, from when something was last seen to when it was seen again."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.assets import NATIVE_PART, Address, ChainId
from bot.store.maintenance import retention
from tests.builders import BASE, POLYGON, TREASURY, USDC, VAULT, VERIFIED, at, reading
from tests.store.conftest import OLGA, STALE_AFTER, Keeper, open_new_keeper

ALL_PARTS = frozenset({NATIVE_PART, VERIFIED})
Gap = tuple[Address | None, ChainId, float, float | None]
"""Whose gap, None for all of the chain; on which chain; from when to when, in seconds after noon."""


@pytest.fixture
async def watching(keeper: Keeper) -> Keeper:
    """Let the treasury and the vault have been read on Polygon and Base at noon."""
    for account in (TREASURY, VAULT):
        await keeper.watch(account)
        for chain_id in (POLYGON, BASE):
            await keeper.record(reading({USDC: 5}, native=1, account=account, chain_id=chain_id))
    await keeper.reach(0, {POLYGON: None, BASE: None}, asked=frozenset({POLYGON, BASE}))
    return keeper


async def gaps(keeper: Keeper) -> list[Gap]:
    rows = await keeper.rows(
        "SELECT a.address, g.chain_id, g.since, g.until FROM gap g LEFT JOIN account a ON a.id = g.account_id"
        " ORDER BY g.since, g.account_id, g.chain_id"
    )
    noon = int(at(0).timestamp() * 1000)
    return [
        (
            None if address is None else Address("0x" + address.hex()),
            ChainId(chain_id),
            (since - noon) / 1000,
            None if until is None else (until - noon) / 1000,
        )
        for address, chain_id, since, until in rows
    ]


async def sweep(
    keeper: Keeper, seconds: float, *, blind: tuple[Address, ...] = (), silent: tuple[ChainId, ...] = ()
) -> None:
    """Let a sweep of both chains begin so long after noon; `blind` accounts are not seen on Polygon."""
    both = (POLYGON, BASE)
    for account in (TREASURY, VAULT):
        for chain_id in both:
            if chain_id not in silent and not (account in blind and chain_id == POLYGON):
                await keeper.record(
                    reading({USDC: 5}, native=1, account=account, chain_id=chain_id), when=at(seconds)
                )
    await keeper.reach(
        seconds,
        {chain_id: None for chain_id in both if chain_id not in silent},
        [(account, POLYGON, ALL_PARTS) for account in blind],
        asked=frozenset(both),
    )


async def test_what_is_always_seen_has_no_gap(watching: Keeper) -> None:
    await sweep(watching, 60)

    assert await gaps(watching) == []


async def test_an_account_that_gives_no_answer_has_a_gap_until_it_is_seen(watching: Keeper) -> None:
    await sweep(watching, 60, blind=(TREASURY,))
    assert await gaps(watching) == [(TREASURY, POLYGON, 0, None)]

    await sweep(watching, 120, blind=(TREASURY,))
    await sweep(watching, 180)

    assert await gaps(watching) == [(TREASURY, POLYGON, 0, 180)]


async def test_a_second_gap_stands_beside_the_first(watching: Keeper) -> None:
    for seconds, blind in ((60, True), (120, False), (180, True), (240, False)):
        await sweep(watching, seconds, blind=(TREASURY,) if blind else ())

    assert await gaps(watching) == [(TREASURY, POLYGON, 0, 120), (TREASURY, POLYGON, 120, 240)]


async def test_an_account_seen_in_part_has_its_gap_still(watching: Keeper) -> None:
    await sweep(watching, 60, blind=(TREASURY,))

    await watching.record(reading(native=1), when=at(120))
    assert await gaps(watching) == [(TREASURY, POLYGON, 0, None)]

    await watching.record(reading({USDC: 5}, native=1), when=at(180))
    assert await gaps(watching) == [(TREASURY, POLYGON, 0, 180)]


async def test_a_silent_chain_is_one_gap_however_many_are_watched_there(watching: Keeper) -> None:
    for seconds in (60, 120):
        await sweep(watching, seconds, silent=(BASE,))
    assert await gaps(watching) == [(None, BASE, 0, None)]

    await sweep(watching, 180)
    await sweep(watching, 240, silent=(BASE,))

    assert await gaps(watching) == [(None, BASE, 0, 180), (None, BASE, 180, None)]


async def test_a_time_in_which_nobody_looked_is_a_gap_once_it_is_long(watching: Keeper) -> None:
    long = STALE_AFTER.total_seconds()
    await sweep(watching, long)
    assert await gaps(watching) == []

    await sweep(watching, 2 * long + 1)

    assert await gaps(watching) == [(None, POLYGON, long, 2 * long + 1), (None, BASE, long, 2 * long + 1)]


async def test_the_gap_of_what_nobody_watches_any_more_ends(watching: Keeper) -> None:
    await sweep(watching, 60, blind=(TREASURY,))

    await watching.unsubscribe(OLGA, [1])
    await watching.reach(120, {POLYGON: None, BASE: None}, asked=frozenset({POLYGON, BASE}))

    assert await gaps(watching) == [(TREASURY, POLYGON, 0, 120)]


async def unwatched(keeper: Keeper, seconds: float, *, silent: tuple[ChainId, ...] = ()) -> None:
    """End all subscriptions, and let a sweep come by that has nothing to read."""
    await keeper.unsubscribe(OLGA, [1, 2])
    answered = {chain_id: None for chain_id in (POLYGON, BASE) if chain_id not in silent}
    await keeper.reach(seconds, answered, asked=frozenset({POLYGON, BASE}))


async def test_the_gap_of_a_chain_ends_when_nobody_watches_anything_there(watching: Keeper) -> None:
    await sweep(watching, 60, silent=(BASE,))
    assert await gaps(watching) == [(None, BASE, 0, None)]

    await unwatched(watching, 120, silent=(BASE,))

    assert await gaps(watching) == [(None, BASE, 0, 120)]


async def test_the_gap_of_a_chain_goes_on_while_anybody_watches_there(watching: Keeper) -> None:
    await sweep(watching, 60, silent=(BASE,))

    await watching.unsubscribe(OLGA, [1])
    await watching.reach(120, {POLYGON: None}, asked=frozenset({POLYGON, BASE}))

    assert await gaps(watching) == [(None, BASE, 0, None)]


async def test_a_chain_that_nobody_watched_for_long_was_not_missed(watching: Keeper) -> None:
    long = 2 * STALE_AFTER.total_seconds()
    await watching.unsubscribe(OLGA, [1, 2])

    await watching.watch(TREASURY)
    await watching.watch(VAULT)
    await sweep(watching, long)

    assert await gaps(watching) == []


async def test_a_clock_set_back_makes_no_gap_that_ends_before_it_began(watching: Keeper) -> None:
    await sweep(watching, 60)
    await sweep(watching, 120, blind=(TREASURY,))

    await sweep(watching, -3600)

    assert await gaps(watching) == [(TREASURY, POLYGON, 60, 60)]


async def test_a_quiet_sweep_writes_as_many_rows_as_without_gaps(watching: Keeper) -> None:
    before = await watching.written()

    await watching.reach(60, {POLYGON: None, BASE: None}, asked=frozenset({POLYGON, BASE}))

    # The number of the sweep, and when each of the two chains was seen.
    assert await watching.written() - before == 3


async def test_old_gaps_are_forgotten_and_open_ones_are_not(watching: Keeper) -> None:
    await sweep(watching, 60, blind=(TREASURY, VAULT))
    await sweep(watching, 120, blind=(VAULT,))
    await sweep(watching, 240, blind=(TREASURY, VAULT))

    while await watching.db.run(retention.delete_old_rows, at(120) + timedelta(milliseconds=1)):
        pass

    assert await gaps(watching) == [(VAULT, POLYGON, 0, None), (TREASURY, POLYGON, 120, None)]


@pytest.mark.both_engines
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.sets(st.sampled_from((TREASURY, VAULT))).map(tuple),
            st.sets(st.sampled_from((POLYGON, BASE))).map(tuple),
        ),
        max_size=6,
    )
)
async def test_gaps_of_one_thing_follow_each_other_and_are_open_while_it_is_not_seen(
    tmp_path_factory: pytest.TempPathFactory,
    story: list[tuple[tuple[Address, ...], tuple[ChainId, ...]]],
) -> None:
    keeper = await open_new_keeper(tmp_path_factory.mktemp("gaps") / "bot.sqlite3")
    try:
        for account in (TREASURY, VAULT):
            await keeper.watch(account)
        await sweep(keeper, 0)
        seen: dict[tuple[Address | None, ChainId], bool] = {}
        for number, (blind, silent) in enumerate(story, 1):
            await sweep(keeper, 60 * number, blind=blind, silent=silent)
            for chain_id in (POLYGON, BASE):
                seen[None, chain_id] = chain_id not in silent
            if POLYGON not in silent:
                seen |= {(account, POLYGON): account not in blind for account in (TREASURY, VAULT)}
        found = await gaps(keeper)
    finally:
        await keeper.db.close()

    open_now = {(whose, chain_id) for whose, chain_id, _, until in found if until is None}
    assert open_now == {thing for thing, is_seen in seen.items() if not is_seen}
    for thing in {(whose, chain_id) for whose, chain_id, *_ in found}:
        spans = [(since, until) for whose, chain_id, since, until in found if (whose, chain_id) == thing]
        assert all(until is None or since < until for since, until in spans)
        assert all(until is not None and until <= later for (_, until), (later, _) in pairwise(spans))
