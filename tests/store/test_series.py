"""What a chart is made of, as far as a destination may know it."""

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from bot.chat.commands.history.lookup import read_series
from bot.domain.assets import Address, Asset
from bot.domain.history.series import Series, UnseenSpan, WorthOnDay
from bot.domain.places import Place
from bot.domain.subscriptions import DestinationId
from bot.store.chats.chats import destination_here
from bot.store.history import series as stored
from bot.store.polling import worth
from bot.store.rows import to_milliseconds
from tests.builders import BASE, DAI, NOON, POLYGON, TREASURY, USDC, VAULT, asset, at, coin, reading
from tests.store.conftest import OLGA, OPS, Keeper
from tests.store.test_daily_worth import terms

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
END = 10_000


async def see(keeper: Keeper, *amounts: tuple[int, int], native: int = 1, dai: int = 0) -> None:
    """Let sweeps so many seconds after noon read how much USDC there is."""
    for seconds, usdc in amounts:
        await keeper.record(reading({USDC: usdc, DAI: dai}, native=native), when=at(seconds))
        await keeper.reach(seconds, {POLYGON: None}, asked=frozenset({POLYGON}))


async def series_of(
    keeper: Keeper,
    *,
    place: Place = OLGA,
    of: Asset | None = None,
    now: int | None = None,
    since: float = 0,
) -> Series | None:
    """Return the series of a balance; `now` is what the place sees of it."""
    here = await keeper.db.run(destination_here, place)
    assert here is not None
    key = await keeper.db.run(stored.find_balance, here, TREASURY, of or asset())
    assert key is not None
    return await read_series(keeper.db, key, since=at(since), until=at(END), amount_raw=now, decimals=None)


def steps(series: Series | None) -> list[tuple[int, int]]:
    return (
        []
        if series is None
        else [(round((one.at - NOON).total_seconds()), int(one.value)) for one in series.steps]
    )


@pytest.fixture
async def moved(keeper: Keeper) -> Keeper:
    """Let the treasury hold 5 USDC at noon, and more or less later."""
    await keeper.watch()
    await see(keeper, (0, 5), (100, 7), (200, 9), (300, 4))
    return keeper


@pytest.mark.parametrize("at_once", [1, 2, 3, 5_000])
async def test_a_series_has_every_change_however_many_are_read_at_once(
    moved: Keeper, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "ROWS_AT_ONCE", at_once)
    assert steps(await series_of(moved, now=4)) == [(0, 5), (100, 7), (200, 9), (300, 4)]
    assert steps(await series_of(moved, now=4, since=150)) == [(150, 7), (200, 9), (300, 4)]


async def test_another_balance_of_the_account_is_not_in_it(moved: Keeper) -> None:
    await see(moved, (400, 4), (500, 6), native=8)
    assert steps(await series_of(moved, now=6))[-2:] == [(300, 4), (500, 6)]
    assert steps(await series_of(moved, now=8, of=coin())) == [(0, 1), (400, 8)]


async def test_what_was_held_already_when_it_was_listed_begins_there(moved: Keeper) -> None:
    await see(moved, (400, 4), (500, 4), dai=8)
    await see(moved, (600, 6), dai=8)
    assert await moved.value("SELECT kind FROM change WHERE after = '8'") == "listed"
    assert steps(await series_of(moved, now=8, of=asset(DAI))) == [(600, 8)]


async def test_what_was_never_seen_has_no_series(moved: Keeper) -> None:
    here = await moved.db.run(destination_here, OLGA)
    assert here is not None
    for account, one in ((VAULT, asset()), (TREASURY, asset(USDC, BASE))):
        assert await moved.db.run(stored.find_balance, here, account, one) is None
    await see(moved, (400, 4), dai=8)
    await moved.rows("DELETE FROM change WHERE asset_id = (SELECT max(id) FROM asset)")
    await moved.rows("DELETE FROM alert WHERE change_id NOT IN (SELECT id FROM change)")
    assert await series_of(moved, of=asset(DAI)) is None


async def test_a_place_that_came_later_knows_nothing_of_before(moved: Keeper) -> None:
    await moved.watch(place=OPS)
    await moved.rows(
        "UPDATE subscription SET created_at = ? WHERE destination_id = 2", to_milliseconds(at(250))
    )
    await see(moved, (400, 6))
    assert steps(await series_of(moved, place=OPS, now=6)) == [(250, 9), (300, 4), (400, 6)]
    assert steps(await series_of(moved, now=6))[0] == (0, 5)


async def test_a_place_that_watches_other_chains_longer_knows_nothing_of_this_one_before(
    moved: Keeper,
) -> None:
    await moved.watch(place=OPS, chains=[BASE])
    await moved.watch(place=OPS, contracts=[DAI])
    await moved.watch(place=OPS, contracts=[USDC])
    await moved.rows(
        "UPDATE subscription SET created_at = ? WHERE destination_id = 2 AND contracts = ?",
        to_milliseconds(at(250)),
        USDC,
    )
    assert steps(await series_of(moved, place=OPS, now=4)) == [(250, 9), (300, 4)]


async def test_a_token_watched_in_every_account_is_known_since_the_account_is(moved: Keeper) -> None:
    await moved.watch(None, place=OPS, contracts=[USDC])
    await moved.watch(place=OPS, chains=[BASE])
    await moved.rows(
        "UPDATE subscription SET created_at = ? WHERE destination_id = 2 AND account_id IS NOT NULL",
        to_milliseconds(at(150)),
    )
    assert steps(await series_of(moved, place=OPS, now=4)) == [(150, 7), (200, 9), (300, 4)]


async def test_a_place_that_no_longer_watches_knows_what_it_was_told(moved: Keeper) -> None:
    await moved.watch(place=OPS)
    await see(moved, (400, 6))
    await moved.unsubscribe(OPS, [1])
    await see(moved, (500, 1), (600, 8))
    series = await series_of(moved, place=OPS)
    assert steps(series) == [(300, 4), (400, 6)]
    assert series is not None
    assert series.until == at(400)


async def test_gaps_are_those_of_the_account_and_of_its_chain_that_a_picture_can_show(moved: Keeper) -> None:
    for account_id, chain_id, since, until in (
        (1, POLYGON, 1_000, 1_100),
        (0, POLYGON, 2_000, 2_001),
        (0, POLYGON, 3_000, 3_300),
        (0, BASE, 4_000, 4_400),
        (2, POLYGON, 5_000, 5_500),
        (1, POLYGON, 9_000, None),
    ):
        await moved.rows(
            "INSERT INTO gap (account_id, chain_id, since, until) VALUES (?, ?, ?, ?)",
            account_id,
            chain_id,
            to_milliseconds(at(since)),
            None if until is None else to_milliseconds(at(until)),
        )
    series = await series_of(moved, now=4)
    assert series is not None
    assert series.unseen == tuple(
        UnseenSpan(at(since), at(until)) for since, until in ((1_000, 1_100), (3_000, 3_300), (9_000, END))
    )


async def test_assets_with_changes_that_a_place_knows_are_found_and_no_others(moved: Keeper) -> None:
    await moved.watch(place=OPS, chains=[BASE])

    async def found(place: Place, account: Address = TREASURY) -> list[Asset]:
        here = await moved.db.run(destination_here, place)
        assert here is not None
        wanted = [asset(), coin(), asset(DAI), asset(USDC, BASE)]
        return await moved.db.run(stored.changed_assets, here, account, wanted)

    assert await found(OLGA) == [asset()]
    assert await found(OPS) == await found(OLGA, VAULT) == []


async def test_daily_worth_is_that_of_the_place_and_since_a_moment(moved: Keeper) -> None:
    await moved.watch(VAULT, place=OPS)
    for days in range(3):
        moment: datetime = NOON + days * DAY
        for one in await moved.db.run(worth.destinations):
            await moved.db.run(worth.keep_worth, one, 0, terms(moment.date()), moment)
    await moved.rows("UPDATE worth SET usd = '7.25', unpriced = 2, unknown = '137' WHERE day % 2 = 1")
    here = DestinationId(1)
    found = await moved.db.run(stored.daily_worth, here, TREASURY, NOON + HOUR)
    assert [(one.at, one.usd) for one in found] in (
        [(NOON + DAY, Decimal("7.25")), (NOON + 2 * DAY, Decimal(0))],
        [(NOON + DAY, Decimal(0)), (NOON + 2 * DAY, Decimal("7.25"))],
    )
    (marked,) = (one for one in found if one.usd)
    assert marked == WorthOnDay(marked.at, Decimal("7.25"), 2, is_partial=True)
    assert await moved.db.run(stored.daily_worth, here, VAULT, NOON) == []
