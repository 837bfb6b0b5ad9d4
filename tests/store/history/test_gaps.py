"""When a place could not see something, as it may look that up."""

from datetime import datetime

import pytest

from bot.domain.deliver.alerts import BlindSpan
from bot.domain.history.changes import Selection
from bot.store.chats.chats import destination_here
from bot.store.history.gaps import gaps_between, watched_since
from bot.store.polling.chains import choose_chains
from tests.builders import BASE, ETHEREUM, POLYGON, TREASURY, USDC, VAULT, asset, at
from tests.store.conftest import OLGA, OPS, Keeper

MINUTE = 60.0


@pytest.fixture
async def watching(keeper: Keeper) -> Keeper:
    """Olga watches two accounts, one of them on Polygon only; another chat watches everything on Base."""
    await keeper.db.run(choose_chains, (ETHEREUM, POLYGON, BASE), ())
    await keeper.watch(label="Treasury")
    await keeper.watch(VAULT, chains=[POLYGON], label="Vault")
    await keeper.watch(VAULT, place=OPS, chains=[BASE])
    return keeper


async def blind(
    keeper: Keeper, chain_id: int, since: float, until: float | None, account: str | None = None
) -> None:
    """Note a gap, in minutes after noon."""
    number = 0
    if account is not None:
        number = await keeper.value("SELECT id FROM account WHERE address = ?", bytes.fromhex(account[2:]))
    ends = None if until is None else _milliseconds(until)
    await keeper.rows("INSERT INTO gap VALUES (?, ?, ?, ?)", number, chain_id, _milliseconds(since), ends)


def _milliseconds(minutes: float) -> int:
    return int(at(minutes * MINUTE).timestamp() * 1000)


async def seen(
    keeper: Keeper,
    selection: Selection = Selection(),  # noqa: B008 - it has no state
    *,
    after: float = -100,
    until: float | None = None,
    now: float = 100,
) -> list[BlindSpan]:
    destination_id = await keeper.db.run(destination_here, OLGA)
    assert destination_id is not None
    return await keeper.db.run(
        gaps_between,
        destination_id,
        selection,
        at(after * MINUTE),
        None if until is None else at(until * MINUTE),
        now=at(now * MINUTE),
    )


def span(chain_id: int, since: float, until: float | None, account: str | None = None) -> tuple[object, ...]:
    return (chain_id, account, *_moments(since, until))


def _moments(since: float, until: float | None) -> tuple[datetime, datetime | None]:
    return at(since * MINUTE), None if until is None else at(until * MINUTE)


def plain(spans: list[BlindSpan]) -> list[tuple[object, ...]]:
    return [(one.chain_id, one.account, one.since, one.until) for one in spans]


async def test_gaps_of_what_is_watched_here_come_latest_first(watching: Keeper) -> None:
    await blind(watching, POLYGON, 1, 5)
    await blind(watching, BASE, 2, 9)
    await blind(watching, POLYGON, 20, 22, VAULT)

    assert plain(await seen(watching)) == [
        span(POLYGON, 20, 22, VAULT),
        span(BASE, 2, 9),
        span(POLYGON, 1, 5),
    ]
    assert [one.label for one in await seen(watching)] == ["Vault", "", ""]


async def test_gaps_of_what_is_not_watched_here_do_not(watching: Keeper) -> None:
    await blind(watching, BASE, 2, 9, VAULT)
    await blind(watching, 10, 1, 5)

    assert await seen(watching) == []


async def test_gaps_of_less_than_a_minute_are_nothing_to_speak_of(watching: Keeper) -> None:
    await blind(watching, POLYGON, 1, 1.5)
    await blind(watching, BASE, 99.5, None)

    assert await seen(watching) == []
    assert plain(await seen(watching, now=101)) == [span(BASE, 99.5, None)]


async def test_gaps_that_touch_are_one_and_an_accounts_is_not_named_beside_its_chains(
    watching: Keeper,
) -> None:
    await blind(watching, POLYGON, 1, 5)
    await blind(watching, POLYGON, 5, 7)
    await blind(watching, POLYGON, 2, 6, VAULT)
    await blind(watching, POLYGON, 6, 8, TREASURY)

    assert plain(await seen(watching)) == [span(POLYGON, 6, 8, TREASURY), span(POLYGON, 1, 7)]


async def test_a_gap_stands_on_the_page_where_it_began_and_one_that_lasts_on_the_first(
    watching: Keeper,
) -> None:
    await blind(watching, POLYGON, 1, 30)
    await blind(watching, BASE, 2, None)

    assert plain(await seen(watching, after=1)) == [span(BASE, 2, None)]
    assert plain(await seen(watching, after=5)) == [span(BASE, 2, None)]
    assert plain(await seen(watching, after=0, until=1)) == [span(POLYGON, 1, 30)]
    assert plain(await seen(watching, after=2, until=40)) == []


@pytest.mark.parametrize(
    ("selection", "found"),
    [
        (Selection(accounts=frozenset({TREASURY})), [BASE, POLYGON]),
        (Selection(accounts=frozenset({VAULT})), [POLYGON, POLYGON]),
        (Selection(chains=frozenset({BASE})), [BASE]),
        (Selection(assets=frozenset({asset(USDC, BASE)})), [BASE]),
        (Selection(accounts=frozenset({USDC})), []),
    ],
)
async def test_only_gaps_of_what_is_asked_about_are_seen(
    watching: Keeper, selection: Selection, found: list[int]
) -> None:
    await blind(watching, POLYGON, 1, 5)
    await blind(watching, BASE, 2, 9)
    await blind(watching, POLYGON, 20, 22, VAULT)

    assert sorted(one.chain_id for one in await seen(watching, selection)) == sorted(found)


async def test_it_is_known_since_when_something_is_watched(watching: Keeper) -> None:
    destination_id = await watching.db.run(destination_here, OLGA)
    assert destination_id is not None

    assert await watching.db.run(watched_since, destination_id, [TREASURY]) == at(0)
    assert await watching.db.run(watched_since, destination_id, []) == at(0)
    assert await watching.db.run(watched_since, destination_id, [USDC]) is None
