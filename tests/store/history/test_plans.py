"""How the past is looked up: by indexes, and without sorting what is not shown."""

import re
from collections.abc import Callable

import pytest

from bot.domain.deliver.delivery import DeliveryId
from bot.domain.history.changes import Selection, Span
from bot.domain.subscriptions import DestinationId
from bot.store.database.door import Database
from bot.store.history import changes, gaps, situations, subjects, ways
from bot.store.polling.chains import choose_chains
from tests.builders import DAI, POLYGON, TREASURY, USDC, VERIFIED, asset, at, reading
from tests.store.conftest import OLGA, Keeper
from tests.store.plans import plans_of

HERE = DestinationId(1)
SPAN = Span(1, 100)
SELECTION = Selection(frozenset({TREASURY}), frozenset({asset(USDC), asset(DAI)}), frozenset({POLYGON}))


@pytest.fixture
async def with_silences(watching: Keeper) -> Keeper:
    """There are changes that were told, and one that a filter holds back."""
    await watching.record(reading({USDC: 6, DAI: 6}, native=100))
    await watching.script(
        """
        INSERT INTO unalerted (destination_id, change_id, reason, label, wanted_by, filters)
          SELECT 1, max(id), 'filtered', '', '', '' FROM change;
        INSERT INTO unreported (account_id, asset_id, destination_id, label, first_change_id, last_change_id,
          steps, since) SELECT 1, 1, 1, '', max(id), max(id), 1, 0 FROM change;
        """
    )
    return watching


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("selection", [Selection(), SELECTION], ids=["everything", "some"])
async def test_a_slice_walks_the_traces_of_its_destination_in_order(
    with_silences: Keeper, selection: Selection, *, newest_first: bool
) -> None:
    plans = await with_silences.db.run(
        plans_of,
        lambda db: changes.read_slice(db, HERE, selection, SPAN, 10, newest_first=newest_first),
    )

    steps = [step for plan in plans.values() for step in plan]
    assert not [step for step in steps if "TEMP B-TREE" in step]
    assert not [step for step in steps if re.match(r"SCAN (?!json_each)", step)]
    walks = [step for step in steps if re.match(r"SEARCH t ", step)]
    assert len(walks) == len(changes.TRACES)
    here = "" if isinstance(with_silences.where, str) else "destination_id=? AND "
    assert all(f"{here}change_id>? AND change_id<?" in step for step in walks)


async def test_the_ends_of_the_past_are_found_without_reading_what_is_between(with_silences: Keeper) -> None:
    plans = await with_silences.db.run(plans_of, lambda db: changes.span_of(db, HERE, at(0)))

    steps = [step for plan in plans.values() for step in plan]
    assert not [step for step in steps if "TEMP B-TREE" in step or re.match(r"SCAN (?!CONSTANT)", step)]


async def test_whether_a_token_was_ever_seen_is_looked_up_in_an_index(with_silences: Keeper) -> None:
    plans = await with_silences.db.run(plans_of, lambda db: subjects.seen_in(db, HERE, (), [asset(USDC)]))

    steps = [step for plan in plans.values() for step in plan]
    assert not [step for step in steps if re.match(r"SCAN (?!CONSTANT)", step)]
    index = "change_of_asset (asset_id=? AND account_id=?)"
    if isinstance(with_silences.where, str):
        # A server begins with the accounts: it believes that few of them are watched here.
        index = "change_of_account (account_id=?)"
    assert [step for step in steps if index in step]


async def test_gaps_are_found_by_whose_they_are_and_when_they_began(with_silences: Keeper) -> None:
    await with_silences.db.run(choose_chains, [POLYGON], ())
    plans = await with_silences.db.run(
        plans_of,
        lambda db: gaps.gaps_between(db, HERE, Selection(), at(0), None, now=at(100)),
    )

    found = [step for statement, plan in plans.items() if "FROM gap" in statement for step in plan]
    searches = [step for step in found if step.startswith("SEARCH g ")]
    assert len(searches) == 2
    assert "account_id=? AND chain_id=? AND since>?" in searches[0]
    assert "gap_open" in searches[1]


async def test_why_nothing_came_is_read_by_indexes_alone(with_silences: Keeper) -> None:
    chains = frozenset({POLYGON})
    for work in (
        lambda db: situations.situations(db, OLGA, TREASURY, [asset(USDC)], chains=chains, status=VERIFIED),
        lambda db: situations.told_in(db, HERE, TREASURY, [asset(USDC)], SPAN),
        lambda db: situations.told_in(db, HERE, TREASURY, [], SPAN),
    ):
        assert await _scanned(with_silences, work) == []


async def test_how_a_message_came_about_is_read_by_indexes_alone(with_silences: Keeper) -> None:
    assert await _scanned(with_silences, lambda db: ways.find_message(db, OLGA, DeliveryId(1), at(0))) == []
    assert await _scanned(with_silences, lambda db: ways.newest_message(db, OLGA)) == []


async def _scanned(keeper: Keeper, work: Callable[[Database], object]) -> list[str]:
    """Return the steps that read all rows of a table that grows with time."""
    plans = await keeper.db.run(plans_of, work)
    assert plans
    steps = [step for plan in plans.values() for step in plan]
    return [step for step in steps if re.match(r"SCAN (c|f|l|t|u|v|change|alert|delivery|unalerted)\b", step)]
