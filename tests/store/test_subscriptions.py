import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlite_utils
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.assets import NATIVE, Address
from bot.domain.chat.subscribe import SubscribeOutcome, SubscribeResult
from bot.domain.subscriptions import Scope, WatchSpec
from bot.store.chats import subscriptions
from bot.store.chats.subscriptions import subscribe
from bot.store.database.lite import LiteDatabase
from bot.store.polling import sweeps
from tests.builders import (
    BASE,
    DAI,
    ETHEREUM,
    NOON,
    POLYGON,
    TREASURY,
    USDC,
    VAULT,
    VERIFIED,
    address,
    reading,
)
from tests.examples import examples
from tests.new_database import put_new_database
from tests.store.conftest import ALERTS_TOPIC, LIMIT, OLGA, OPS, Keeper, olga

CREATED, ALREADY = SubscribeOutcome.CREATED, SubscribeOutcome.ALREADY


async def listed(keeper: Keeper, place: object = OLGA) -> list[tuple[int, Address | None, str]]:
    here = await keeper.db.run(subscriptions.subscriptions_here, place)  # type: ignore[arg-type]
    return [(one.number, one.subscription.account, one.subscription.label) for one in here]


async def parts(keeper: Keeper, chain_id: int = POLYGON) -> set[bytes]:
    rows = await keeper.rows("SELECT part FROM coverage WHERE chain_id = ?", chain_id)
    return {part for (part,) in rows}


# ---------------------------------------------------------------- subscribing


async def test_subscriptions_are_numbered_where_they_are_made(keeper: Keeper) -> None:
    assert await keeper.subscribe(WatchSpec(TREASURY, label="Treasury"), WatchSpec(VAULT)) == [
        SubscribeResult(CREATED, 1),
        SubscribeResult(CREATED, 2),
    ]
    await keeper.watch(VAULT, place=ALERTS_TOPIC)
    await keeper.watch(TREASURY, place=OPS)

    assert await listed(keeper) == [(1, TREASURY, "Treasury"), (2, VAULT, "")]
    assert await listed(keeper, ALERTS_TOPIC) == [(1, VAULT, "")]
    assert await listed(keeper, OPS) == [(1, TREASURY, "")]


async def test_a_repeated_wish_changes_nothing(keeper: Keeper) -> None:
    await keeper.watch(label="Treasury", contracts=[USDC, DAI], chains=[POLYGON, BASE])

    again = await keeper.watch(label="Treasury", contracts=[DAI, USDC], chains=[BASE, POLYGON])
    unlabelled = await keeper.watch(contracts=[DAI, USDC], chains=[BASE, POLYGON])

    assert again == unlabelled == SubscribeResult(ALREADY, 1)
    assert await listed(keeper) == [(1, TREASURY, "Treasury")]


async def test_a_repeated_wish_with_another_label_is_relabelled(keeper: Keeper) -> None:
    await keeper.watch(label="Treasury")

    assert await keeper.watch(label="Cold wallet") == SubscribeResult(SubscribeOutcome.RELABELLED, 1)
    assert await listed(keeper) == [(1, TREASURY, "Cold wallet")]


async def test_the_same_wish_twice_in_one_command_is_taken_once(keeper: Keeper) -> None:
    first, second = await keeper.subscribe(WatchSpec(TREASURY), WatchSpec(TREASURY, label="Treasury"))

    assert (first.outcome, second.outcome) == (CREATED, SubscribeOutcome.RELABELLED)
    assert await listed(keeper) == [(1, TREASURY, "Treasury")]


@contextmanager
def new_database() -> Iterator[LiteDatabase]:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "bot.sqlite3"
        put_new_database(path)
        db = LiteDatabase(sqlite_utils.Database(path, execute_plugins=False, strict=True), path)
        db.execute("PRAGMA synchronous = OFF")
        yield db
        db.close()


def subscribed(db: LiteDatabase, commands: Sequence[Sequence[WatchSpec]]) -> list[Any]:
    """Return what becomes of these commands, and what is stored after them."""
    results = [
        one
        for wanted in commands
        for one in subscribe(db, OLGA, wanted, olga(), limit=LIMIT, status=VERIFIED)
    ]
    stored = [
        db.execute(f"SELECT * FROM {table}").fetchall() for table in ("subscription", "account", "audit")
    ]
    return [results, *stored]


SPECS = st.builds(
    WatchSpec,
    st.sampled_from([TREASURY, VAULT, address(1), address(2)]),
    st.sampled_from([Scope(), Scope(chains=frozenset({BASE}))]),
    st.sampled_from(["", "Vault", "vault", "Till", "Till 2"]),
)


@given(before=st.lists(SPECS, max_size=4), wanted=st.lists(SPECS, max_size=9))
@settings(max_examples=examples(60), deadline=None)
def test_a_command_with_many_lines_does_what_as_many_commands_would(
    before: list[WatchSpec], wanted: list[WatchSpec]
) -> None:
    with new_database() as one, new_database() as several:
        at_once = subscribed(one, [before, wanted])

        assert at_once == subscribed(several, [before, *([spec] for spec in wanted)])


@pytest.mark.parametrize(
    "other",
    [
        WatchSpec(VAULT),
        WatchSpec(TREASURY, Scope(contracts=frozenset({USDC}))),
        WatchSpec(TREASURY, Scope(chains=frozenset({POLYGON}))),
        WatchSpec(None, Scope(contracts=frozenset({USDC}))),
    ],
)
async def test_another_wish_is_another_subscription(keeper: Keeper, other: WatchSpec) -> None:
    await keeper.watch()

    assert await keeper.subscribe(other) == [SubscribeResult(CREATED, 2)]


async def test_a_contract_alone_is_taken_once(keeper: Keeper) -> None:
    await keeper.watch(None, contracts=[USDC])

    assert await keeper.watch(None, contracts=[USDC]) == SubscribeResult(ALREADY, 1)
    assert await listed(keeper) == [(1, None, "")]


async def test_a_chat_has_so_many_subscriptions_and_no_more(keeper: Keeper) -> None:
    wishes = [WatchSpec(address(number)) for number in range(1, LIMIT + 3)]

    subscribed = await keeper.subscribe(*wishes[:2], place=OPS)
    subscribed += await keeper.subscribe(*wishes[2:], place=ALERTS_TOPIC)

    outcomes = [one.outcome for one in subscribed]
    assert outcomes == [CREATED] * LIMIT + [SubscribeOutcome.FULL] * 2
    assert len(await listed(keeper, OPS)) + len(await listed(keeper, ALERTS_TOPIC)) == LIMIT


async def test_a_full_chat_may_still_relabel_and_another_chat_may_subscribe(keeper: Keeper) -> None:
    wishes = [WatchSpec(address(number)) for number in range(LIMIT)]
    await keeper.subscribe(*wishes)

    assert (await keeper.watch(address(0), label="First")).outcome is SubscribeOutcome.RELABELLED
    assert (await keeper.watch(VAULT, place=OPS)).outcome is CREATED


async def test_room_that_was_given_back_can_be_used_again(keeper: Keeper) -> None:
    await keeper.subscribe(*[WatchSpec(address(number)) for number in range(LIMIT)])
    await keeper.unsubscribe(OLGA, [2])

    assert await keeper.watch(VAULT) == SubscribeResult(CREATED, LIMIT + 1)


async def test_a_number_in_the_middle_is_not_given_to_another(keeper: Keeper) -> None:
    await keeper.subscribe(WatchSpec(address(1)), WatchSpec(address(2)), WatchSpec(address(3)))
    await keeper.unsubscribe(OLGA, [2])

    await keeper.watch(VAULT)

    assert [number for number, _, _ in await listed(keeper)] == [1, 3, 4]


async def test_who_subscribed_and_when_is_kept(keeper: Keeper) -> None:
    await keeper.watch()

    assert await keeper.rows("SELECT created_by, created_at > 0 FROM subscription") == [(OLGA.chat_id, 1)]


async def test_subscribing_does_not_open_a_chat_that_was_closed_by_command(keeper: Keeper) -> None:
    await keeper.deny(OLGA)

    await keeper.watch()

    assert (await keeper.db.run(sweeps.sweep_input, NOON)).subscriptions == ()


async def test_a_place_without_subscriptions_lists_none(keeper: Keeper) -> None:
    assert await keeper.db.run(subscriptions.subscriptions_here, OPS) == []


# ---------------------------------------------------------------- ending


async def test_unsubscribing_says_how_many_changes_are_still_to_be_told(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.record(reading({USDC: 5}, native=100))
    await keeper.record(reading({USDC: 6}, native=101))
    await keeper.due()
    await keeper.record(reading({USDC: 7}, native=101))

    assert await keeper.unsubscribe(OLGA, [1]) == 3


async def test_what_was_told_or_is_no_change_is_not_still_to_be_told(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.record(reading({USDC: 5}, native=100))
    assert await keeper.unsubscribe(OLGA, []) == 0
    await keeper.record(reading({USDC: 6}, native=100))
    await keeper.deliver_all()

    assert await keeper.unsubscribe(OLGA, [1]) == 0


async def test_what_was_observed_before_the_end_is_still_told(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.record(reading({USDC: 5}, native=100))
    await keeper.deliver_all()
    await keeper.record(reading({USDC: 6}, native=100))

    await keeper.unsubscribe(OLGA, [1])

    assert await keeper.changes() == [(USDC, 5, 6)]


@pytest.mark.parametrize("numbers", [[], [9], [2]])
async def test_numbers_that_are_not_here_end_nothing(keeper: Keeper, numbers: list[int]) -> None:
    await keeper.watch()
    await keeper.watch(VAULT, place=OPS)
    await keeper.watch(address(1), place=OPS)
    await keeper.record(reading({USDC: 5}, native=100))

    assert await keeper.unsubscribe(OLGA, numbers) == 0

    assert len(await listed(keeper)) == 1
    assert len(await listed(keeper, OPS)) == 2
    assert await parts(keeper) == {b"N", b"V"}


async def test_unsubscribing_where_nothing_ever_was_is_no_error(keeper: Keeper) -> None:
    assert await keeper.unsubscribe(OPS, [1]) == 0


# ---------------------------------------------------------------- coverage


async def test_when_nobody_asks_any_more_nothing_is_known_any_more(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.record(reading({USDC: 5}, native=100), reading({}, native=1, chain_id=BASE))

    await keeper.unsubscribe(OLGA, [1])

    assert await keeper.balances() == {}
    assert await keeper.rows("SELECT * FROM coverage") == []
    assert await keeper.balances() == {}


async def test_as_long_as_another_chat_asks_for_the_same_everything_stays_known(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.watch(place=OPS)
    await keeper.record(reading({USDC: 5}, native=100))

    await keeper.unsubscribe(OLGA, [1])

    assert await parts(keeper) == {b"N", b"V"}
    assert await keeper.balances() == {(POLYGON, USDC): 5, (POLYGON, NATIVE): 100}


async def test_what_another_chat_names_stays_known_and_the_rest_does_not(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.watch(contracts=[USDC], place=OPS)
    await keeper.record(reading({USDC: 5, DAI: 3}, native=100, named={USDC: 5}))
    await keeper.deliver_all()

    await keeper.unsubscribe(OLGA, [1])

    assert await parts(keeper) == {bytes.fromhex(USDC[2:])}
    assert await keeper.balances() == {(POLYGON, USDC): 5}
    assert await keeper.rows("SELECT standing FROM balance") == [(0,)]
    assert await keeper.record(reading(named={USDC: 6})) == 1
    assert await keeper.changes(OPS) == [(USDC, 5, 6)]


async def test_what_is_listed_stays_known_when_its_name_is_no_longer_asked_for(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.watch(contracts=[USDC, DAI], place=OPS)
    await keeper.record(reading({USDC: 5}, native=100, named={USDC: 5, DAI: 3}))

    await keeper.unsubscribe(OPS, [1])

    assert await parts(keeper) == {b"N", b"V"}
    assert await keeper.balances() == {(POLYGON, USDC): 5, (POLYGON, NATIVE): 100}


async def test_coverage_ends_chain_by_chain(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.watch(chains=[BASE], place=OPS)
    await keeper.record(
        reading({USDC: 5}, native=100),
        reading({USDC: 6}, native=7, chain_id=BASE),
        reading({}, native=1, chain_id=ETHEREUM),
    )

    await keeper.unsubscribe(OLGA, [1])

    assert await keeper.balances() == {(BASE, USDC): 6, (BASE, NATIVE): 7}
    assert await keeper.rows("SELECT DISTINCT chain_id FROM coverage") == [(BASE,)]


async def test_ending_a_contract_alone_forgets_it_for_every_account_watched_there(keeper: Keeper) -> None:
    await keeper.watch(contracts=[DAI])
    await keeper.watch(VAULT)
    await keeper.watch(None, contracts=[USDC])
    await keeper.record(
        reading(named={USDC: 5, DAI: 3}), reading({}, native=1, named={USDC: 9}, account=VAULT)
    )

    await keeper.unsubscribe(OLGA, [3])

    assert await keeper.balances() == {(POLYGON, DAI): 3}
    assert await parts(keeper) == {b"N", b"V", bytes.fromhex(DAI[2:])}
    assert await keeper.value("SELECT count(*) FROM balance") == 2


async def test_ending_an_account_forgets_the_contracts_asked_of_it(keeper: Keeper) -> None:
    await keeper.watch(contracts=[DAI])
    await keeper.watch(None, contracts=[USDC])
    await keeper.record(reading(named={USDC: 5, DAI: 3}))

    await keeper.unsubscribe(OLGA, [1])

    assert await keeper.balances() == {}
    assert await parts(keeper) == set()


async def test_ending_everything_at_once_forgets_everything(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.watch(VAULT)
    await keeper.watch(None, contracts=[USDC])
    await keeper.record(reading({}, native=1, named={USDC: 5}), reading({}, native=1, account=VAULT))

    await keeper.unsubscribe(OLGA, [1, 2, 3])

    assert await keeper.rows("SELECT * FROM coverage") == []
    assert await keeper.rows("SELECT * FROM balance") == []


async def test_a_return_is_a_fresh_baseline(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.record(reading({USDC: 5}, native=100))
    await keeper.deliver_all()
    await keeper.unsubscribe(OLGA, [1])
    await keeper.watch()

    await keeper.record(reading({USDC: 500}, native=1))

    assert [notice.balances for notice in await keeper.baselines()] == [2]
