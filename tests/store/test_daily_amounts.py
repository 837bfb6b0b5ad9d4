"""What each balance was at the end of each of the last days, as far as a destination may know it."""

from datetime import timedelta

import pytest

from bot.domain.assets import Address, Asset
from bot.domain.places import Place
from bot.store.balances.daily_amounts import daily_amounts
from bot.store.chats.chats import destination_here
from bot.store.rows import to_milliseconds
from tests.builders import BASE, NOON, POLYGON, TREASURY, USDC, VAULT, asset, coin, reading
from tests.store.conftest import OLGA, OPS, Keeper

DAY = timedelta(days=1)
NOW = NOON + 7 * DAY


async def amounts(
    keeper: Keeper, place: Place = OLGA, accounts: tuple[Address, ...] = (TREASURY,)
) -> dict[tuple[Address, Asset], list[int | None]]:
    here = await keeper.db.run(destination_here, place)
    assert here is not None
    return await keeper.db.run(daily_amounts, here, accounts, NOW)


async def hold(
    keeper: Keeper, days: float, usdc: int, *, native: int = 1, account: Address = TREASURY
) -> None:
    """Let a sweep so many days after noon read what an account holds."""
    await keeper.record(reading({USDC: usdc}, native=native, account=account), when=NOON + days * DAY)


@pytest.fixture
async def moved(keeper: Keeper) -> Keeper:
    """Let USDC move on the second day, twice on the fourth, and on the last."""
    await keeper.watch()
    for days, usdc in ((0, 5), (1.5, 7), (3.2, 9), (3.8, 4), (6.9, 6)):
        await hold(keeper, days, usdc)
    return keeper


async def test_each_day_has_the_amount_at_its_end_and_what_did_not_move_has_none(moved: Keeper) -> None:
    assert await amounts(moved) == {(TREASURY, asset()): [5, 7, 7, 4, 4, 4, 6]}


async def test_what_is_gone_is_zero(moved: Keeper) -> None:
    await hold(moved, 6.95, 0)
    await hold(moved, 6.96, 0)
    found = await amounts(moved)
    assert found[TREASURY, asset()] == [5, 7, 7, 4, 4, 4, 0]


async def test_a_change_before_these_days_does_not_count(keeper: Keeper) -> None:
    await keeper.watch()
    for days in (-3.0, -2.0, 1.0):
        await hold(keeper, days, round(10 + days))
    assert await amounts(keeper) == {(TREASURY, asset()): [8, 11, 11, 11, 11, 11, 11]}
    await keeper.rows("DELETE FROM alert")
    await keeper.rows("DELETE FROM change WHERE observed_at >= ?", to_milliseconds(NOON))
    assert await amounts(keeper) == {}


async def test_of_several_accounts_each_has_its_own(moved: Keeper) -> None:
    await moved.watch(VAULT)
    await hold(moved, 6.91, 1, account=VAULT)
    await hold(moved, 6.92, 2, native=2, account=VAULT)
    found = await amounts(moved, accounts=(TREASURY, VAULT))
    assert found[TREASURY, asset()] == [5, 7, 7, 4, 4, 4, 6]
    assert found[VAULT, coin()] == found[VAULT, asset()] == [1, 1, 1, 1, 1, 1, 2]


async def test_nothing_is_said_of_days_before_a_destination_watched(moved: Keeper) -> None:
    await moved.watch(place=OPS)
    await moved.rows(
        "UPDATE subscription SET created_at = ? WHERE destination_id = 2", to_milliseconds(NOON + 3.5 * DAY)
    )
    assert (await amounts(moved, OPS))[TREASURY, asset()] == [None, None, None, 4, 4, 4, 6]
    assert (await amounts(moved))[TREASURY, asset()] == [5, 7, 7, 4, 4, 4, 6]


async def test_a_chain_or_a_token_that_is_watched_later_is_unknown_before(moved: Keeper) -> None:
    await moved.watch(place=OPS, chains=[BASE])
    await moved.watch(place=OPS, contracts=[USDC], chains=[POLYGON])
    await moved.rows(
        "UPDATE subscription SET created_at = ? WHERE destination_id = 2 AND contracts <> ''",
        to_milliseconds(NOON + 3.5 * DAY),
    )
    assert (await amounts(moved, OPS))[TREASURY, asset()] == [None, None, None, 4, 4, 4, 6]
    await moved.unsubscribe(OPS, [2])
    assert set((await amounts(moved, OPS))[TREASURY, asset()]) == {None}


@pytest.mark.parametrize(
    ("account", "chain_id", "third"),
    [("treasury", POLYGON, None), ("all", POLYGON, None), ("all", BASE, 7), ("another", POLYGON, 7)],
)
async def test_a_day_in_which_nobody_looked_has_no_amount(
    moved: Keeper, account: str, chain_id: int, third: int | None
) -> None:
    account_id = {"treasury": 1, "all": 0, "another": 2}[account]
    for since, until in ((1.9, 3.1), (4.1, 4.9)):  # one of them has a whole day in it
        await moved.rows(
            "INSERT INTO gap (account_id, chain_id, since, until) VALUES (?, ?, ?, ?)",
            account_id,
            chain_id,
            *(to_milliseconds(NOON + days * DAY) for days in (since, until)),
        )
    assert (await amounts(moved))[TREASURY, asset()] == [5, 7, third, 4, 4, 4, 6]


async def test_a_gap_that_is_still_open_ends_now(moved: Keeper) -> None:
    await moved.rows(
        "INSERT INTO gap (account_id, chain_id, since) VALUES (0, ?, ?)",
        POLYGON,
        to_milliseconds(NOON + 3.9 * DAY),
    )
    assert (await amounts(moved))[TREASURY, asset()] == [5, 7, 7, 4, None, None, None]


async def test_what_changed_its_units_is_left_out(moved: Keeper) -> None:
    await moved.rows("UPDATE change SET former_decimals = 18 WHERE after = '9'")
    assert await amounts(moved) == {}
