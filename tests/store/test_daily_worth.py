"""Once a day, what each account is worth to who watches it: as /balance says it, once, and never made up."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.assets import NATIVE_PART, Address, Asset, ChainId, Description, Part
from bot.domain.observe.worth import Worth, worth_of
from bot.domain.places import Place
from bot.store.chats import ignore_list
from bot.store.maintenance import retention
from bot.store.polling import worth
from bot.store.polling.worth import WorthTerms
from bot.store.rows import to_address, to_blob, to_chains, to_milliseconds
from tests.builders import BASE, DAI, POLYGON, TREASURY, USDC, VAULT, VERIFIED, address, asset, at, reading
from tests.chat.reading import CHAINS as REGISTRY
from tests.examples import examples
from tests.store.conftest import CHAINS, OLGA, OPS, Keeper, olga, open_new_keeper

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
TODAY = date(2026, 3, 1)
LATER = at(60)
COIN = Description("NATIVE", "POL", 18)
TOKEN = Description("ERC20", "USDC", 6)

Kept = Mapping[tuple[Address, date], Worth]


def terms(day: date = TODAY, late_after: timedelta = HOUR) -> WorthTerms:
    return WorthTerms(
        day=day,
        asked=CHAINS,
        price_kept=HOUR,
        late_after=late_after,
        chains=REGISTRY,
        status=VERIFIED,
    )


async def add_up(
    keeper: Keeper,
    now: datetime = LATER,
    *,
    day: date = TODAY,
    late_after: timedelta = HOUR,
    slices: int = 10_000,
) -> None:
    """Keep what everything is worth, in at most so many slices."""
    for destination_id in await keeper.db.run(worth.destinations):
        last: int | None = 0
        while last is not None and slices:
            last = await keeper.db.run(worth.keep_worth, destination_id, last, terms(day, late_after), now)
            slices -= 1


async def kept(keeper: Keeper, place: Place = OLGA) -> Kept:
    """Return what is kept for a destination, by account and day."""
    rows = await keeper.rows(
        "SELECT a.address, w.day, w.usd, w.priced, w.unpriced, w.ignored, w.unknown, w.last_known"
        " FROM worth w JOIN account a ON a.id = w.account_id JOIN destination d ON d.id = w.destination_id"
        " JOIN chat c ON c.id = d.chat_id WHERE c.telegram_id = ? AND d.thread_id = ?",
        place.chat_id,
        place.thread_id or 0,
    )
    return {
        (to_address(account), date(1970, 1, 1) + timedelta(days=day)): Worth(
            usd=Decimal(usd),
            priced=priced,
            unpriced=unpriced,
            ignored=ignored,
            unknown=to_chains(unknown),
            last_known=to_chains(last_known),
        )
        for account, day, usd, priced, unpriced, ignored, unknown, last_known in rows
    }


async def price(keeper: Keeper, contract: Address, usd: str, seen_at: datetime = LATER) -> None:
    await keeper.rows(
        "UPDATE asset SET price_usd = ?, priced_at = ? WHERE contract = ?",
        usd,
        to_milliseconds(seen_at),
        to_blob(contract),
    )


async def held(keeper: Keeper, *accounts: Address, chain_id: ChainId = POLYGON, amount: int = 5) -> None:
    """Let accounts hold so many USDC and one raw unit of DAI, of which nobody knows anything."""
    readings = [
        reading({USDC: amount * 10**6, DAI: 1}, native=0, account=account, chain_id=chain_id)
        for account in accounts
    ]
    await keeper.record(*readings, descriptions={asset(USDC, chain_id): TOKEN})


@pytest.fixture
async def watching(keeper: Keeper) -> Keeper:
    """Let Olga watch the treasury on Polygon, where it holds 5 USDC of a dollar each."""
    await keeper.watch(chains=[POLYGON])
    await held(keeper, TREASURY)
    await price(keeper, USDC, "1.5")
    return keeper


# ---------------------------------------------------------------- what


async def test_an_account_s_worth_is_kept_with_what_is_not_in_it(watching: Keeper) -> None:
    await add_up(watching)

    assert await kept(watching) == {(TREASURY, TODAY): Worth(usd=Decimal("7.5"), priced=1, unpriced=1)}


async def test_a_chain_that_was_not_read_yet_and_one_that_gives_no_answer_are_named(watching: Keeper) -> None:
    await watching.watch(chains=[POLYGON, BASE])
    await watching.reach(30, {POLYGON: None}, [(TREASURY, POLYGON, frozenset({NATIVE_PART, VERIFIED}))])

    await add_up(watching)

    assert await kept(watching) == {
        (TREASURY, TODAY): Worth(
            usd=Decimal("7.5"),
            priced=1,
            unpriced=1,
            unknown=frozenset({BASE}),
            last_known=frozenset({POLYGON}),
        )
    }


@pytest.mark.parametrize("is_silent", [True, False])
async def test_a_chain_that_is_silent_for_too_long_is_last_known_and_no_other(
    watching: Keeper, *, is_silent: bool
) -> None:
    await watching.watch(chains=[POLYGON, BASE])
    await held(watching, TREASURY, chain_id=BASE)
    # The newest sweep ended just now, and a silent chain has no part in what it says.
    await watching.reach(60, dict.fromkeys([BASE] if is_silent else [BASE, POLYGON]))

    await add_up(watching, late_after=timedelta(seconds=30))

    last_known = frozenset({POLYGON} if is_silent else ())
    assert (await kept(watching))[TREASURY, TODAY].last_known == last_known


@pytest.mark.parametrize(
    ("old", "priced"), [(HOUR, 1), (HOUR + timedelta(milliseconds=1), 0)], ids=["young", "old"]
)
async def test_a_price_counts_for_as_long_as_in_an_answer(
    watching: Keeper, old: timedelta, priced: int
) -> None:
    await price(watching, USDC, "1", LATER - old)

    await add_up(watching)

    assert (await kept(watching))[TREASURY, TODAY].priced == priced


async def test_each_destination_has_its_own_view(watching: Keeper) -> None:
    await watching.watch(place=OPS, contracts=[USDC])
    await watching.db.run(ignore_list.ignore, OLGA, [DAI], [], olga())
    await held(watching, TREASURY)

    await add_up(watching)

    assert (await kept(watching))[TREASURY, TODAY] == Worth(usd=Decimal("7.5"), priced=1, ignored=1)
    assert (await kept(watching, OPS))[TREASURY, TODAY] == Worth(unknown=CHAINS)


async def test_a_token_watched_in_every_account_counts_in_each(watching: Keeper) -> None:
    await watching.watch(VAULT, contracts=[DAI], chains=[POLYGON])
    await watching.watch(None, contracts=[USDC])
    await watching.record(
        reading({}, native=0, named={USDC: 10**6}), reading(named={USDC: 2 * 10**6, DAI: 3}, account=VAULT)
    )

    await add_up(watching)

    found = await kept(watching)
    assert {account: one.usd for (account, _), one in found.items()} == {
        TREASURY: Decimal("1.5"),
        VAULT: Decimal(3),
    }


async def test_in_a_closed_chat_nothing_is_kept_and_what_was_stays(watching: Keeper) -> None:
    await add_up(watching)
    await watching.deny(OLGA)

    await add_up(watching, day=TODAY + timedelta(days=1))

    assert [day for _, day in await kept(watching)] == [TODAY]


async def test_what_is_no_longer_watched_gets_no_more_rows(watching: Keeper) -> None:
    await add_up(watching)
    await watching.unsubscribe(OLGA, [1])

    await add_up(watching, day=TODAY + timedelta(days=1))

    assert [day for _, day in await kept(watching)] == [TODAY]


# ---------------------------------------------------------------- once, in slices, over kills


async def test_a_day_that_is_kept_is_not_added_up_again(watching: Keeper) -> None:
    await add_up(watching)
    before = await kept(watching)
    await price(watching, USDC, "9")

    await add_up(watching, LATER + HOUR / 2)
    assert await kept(watching) == before

    await add_up(watching, LATER + HOUR / 2, day=TODAY + timedelta(days=1))
    assert len(await kept(watching)) == 2


async def test_what_was_cut_off_goes_on_where_it_was_and_changes_nothing_of_what_is_there(
    keeper: Keeper,
) -> None:
    keeper.limit = 100
    accounts = [address(number) for number in range(1, 2 * worth.ACCOUNTS_AT_ONCE + 2)]
    for account in accounts:
        await keeper.watch(account, chains=[POLYGON])
    await held(keeper, *accounts)
    await price(keeper, USDC, "1")
    await add_up(keeper, slices=1)
    first = await kept(keeper)
    assert len(first) == worth.ACCOUNTS_AT_ONCE

    await keeper.reopen()
    await price(keeper, USDC, "2", LATER)
    await add_up(keeper)

    found = await kept(keeper)
    assert set(found) == {(account, TODAY) for account in accounts}
    assert {key: found[key] for key in first} == first
    assert {one.usd for key, one in found.items() if key not in first} == {Decimal(10)}


async def test_a_slice_ends_with_the_account_that_makes_it_large(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worth, "BALANCES_AT_ONCE", 3)
    accounts = [address(number) for number in range(1, 5)]
    for account in accounts:
        await keeper.watch(account, chains=[POLYGON])
    await held(keeper, *accounts)

    await add_up(keeper, slices=1)
    assert len(await kept(keeper)) == 2

    await add_up(keeper)
    assert len(await kept(keeper)) == 4


async def test_a_chat_that_is_closed_in_between_gets_no_more(watching: Keeper) -> None:
    (destination_id,) = await watching.db.run(worth.destinations)
    await watching.deny(OLGA)

    assert await watching.db.run(worth.keep_worth, destination_id, 0, terms(), LATER) is None
    assert await kept(watching) == {}


# ---------------------------------------------------------------- where it goes


async def test_old_days_are_forgotten(watching: Keeper) -> None:
    await add_up(watching)
    await add_up(watching, LATER + DAY, day=TODAY + timedelta(days=1))

    while await watching.db.run(retention.delete_old_rows, LATER + timedelta(milliseconds=1)):
        pass

    assert [day for _, day in await kept(watching)] == [TODAY + timedelta(days=1)]


async def test_a_group_that_becomes_a_supergroup_takes_its_days_along_and_keeps_its_own(
    keeper: Keeper,
) -> None:
    group = Place(-55, "group", "Ops")
    for place, account in ((group, TREASURY), (group, VAULT), (OPS, TREASURY)):
        await keeper.watch(account, place=place, chains=[POLYGON])
    await held(keeper, TREASURY, VAULT)
    await price(keeper, USDC, "1")
    await add_up(keeper)
    await keeper.rows("UPDATE worth SET usd = '77' WHERE destination_id = 1")

    await keeper.migrate(group.chat_id, OPS.chat_id)

    assert await kept(keeper, group) == {}
    found = await kept(keeper, OPS)
    assert {account: one.usd for (account, _), one in found.items()} == {TREASURY: 5, VAULT: 77}


@pytest.mark.parametrize(
    ("condition", "index"),
    [("at < 5", "worth_at"), ("account_id = 5", "worth_of_account"), ("destination_id = 5", "PRIMARY KEY")],
)
async def test_rows_are_found_without_looking_at_everything(
    keeper: Keeper, condition: str, index: str
) -> None:
    (step,) = await keeper.plan(f"SELECT * FROM worth WHERE {condition}")

    assert step.startswith("SEARCH")
    assert index in step or (index == "PRIMARY KEY" and "worth_pkey" in step)


# ---------------------------------------------------------------- as /balance says it


@dataclass(frozen=True)
class World:
    """What is watched, and what is known of it; the treasury and the vault hold the same on both chains."""

    watches: Sequence[tuple[Place, Address | None, Collection[Address], Collection[ChainId]]]
    answering: Collection[ChainId]
    blind: Sequence[tuple[Address, ChainId, frozenset[Part]]]
    ignored: Collection[Address]
    priced: Mapping[Address, timedelta]
    """How long ago each price was seen."""
    late_after: timedelta


WATCHES = st.tuples(
    st.sampled_from((OLGA, OPS)),
    st.sampled_from((TREASURY, VAULT, None)),
    st.sets(st.sampled_from((USDC, DAI))),
    st.sets(st.sampled_from((POLYGON, BASE))),
).filter(lambda one: one[1] is not None or bool(one[2]))

PARTS = st.frozensets(st.sampled_from((NATIVE_PART, VERIFIED, Part(USDC), Part(DAI))))

WORLDS = st.builds(
    World,
    watches=st.lists(WATCHES, min_size=1, max_size=5),
    answering=st.sets(st.sampled_from((POLYGON, BASE)), min_size=1),
    blind=st.lists(
        st.tuples(st.sampled_from((TREASURY, VAULT)), st.sampled_from((POLYGON, BASE)), PARTS), max_size=3
    ),
    ignored=st.sets(st.sampled_from((USDC, DAI)), max_size=1),
    priced=st.dictionaries(st.sampled_from((USDC, DAI)), st.sampled_from((timedelta(0), HOUR, 2 * HOUR))),
    late_after=st.sampled_from((timedelta(seconds=30), HOUR)),
)


@pytest.mark.both_engines
@settings(max_examples=examples(20), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(WORLDS)
async def test_a_day_has_what_balance_says_at_that_moment(
    tmp_path_factory: pytest.TempPathFactory, world: World
) -> None:
    keeper = await open_new_keeper(tmp_path_factory.mktemp("worth") / "bot.sqlite3")
    try:
        for place, account, contracts, chains in world.watches:
            await keeper.watch(account, place=place, contracts=contracts, chains=chains)
        for chain_id in world.answering:
            for account in (TREASURY, VAULT):
                await held(keeper, account, chain_id=chain_id)
                await keeper.record(
                    reading(
                        {USDC: 7, DAI: 2},
                        native=3,
                        named={USDC: 7, DAI: 2},
                        account=account,
                        chain_id=chain_id,
                    ),
                    descriptions={asset(DAI, chain_id): TOKEN, Asset(chain_id, Address("")): COIN},
                )
        await keeper.reach(0, dict.fromkeys(world.answering), world.blind)
        if world.ignored:
            await keeper.db.run(ignore_list.ignore, OLGA, world.ignored, [], olga())
        for contract, old in world.priced.items():
            await price(keeper, contract, "2", LATER - old)

        await add_up(keeper, late_after=world.late_after)

        for place in (OLGA, OPS):
            said = {
                (account, TODAY): await _said(keeper, place, account, world.late_after)
                for account in (TREASURY, VAULT)
            }
            assert await kept(keeper, place) == {key: one for key, one in said.items() if one is not None}
    finally:
        await keeper.db.close()


async def _said(keeper: Keeper, place: Place, account: Address, late_after: timedelta) -> Worth | None:
    """Return what /balance adds up for an account; None where the place doesn't watch it."""
    known = await keeper.holdings_of(place, account, CHAINS, LATER - HOUR, LATER - late_after)
    # How old a price was is not kept.
    return replace(worth_of(known, REGISTRY), outdated=0) if known else None
