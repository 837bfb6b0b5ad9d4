"""What sweep after sweep makes of a source that lags, loses, flickers and comes back."""

import pytest

from bot.domain.assets import Address, Amount, Asset
from bot.domain.deliver.alerts import ChangeAlert, MassLoss, SourceRefuses
from bot.domain.observations import ItemMove
from bot.domain.observe.compare import READINGS_FOR_OLDER, READINGS_FOR_RETURN
from bot.domain.observe.mass_loss import SWEEPS_TO_SETTLE
from bot.indexer.errors import AccessRefused, IndexerError, QuotaExceeded, Unavailable
from tests.builders import DAI, POLYGON, PUNKS, TREASURY, USDC, VAULT, address
from tests.poller.conftest import PollerHarness, failing
from tests.store.conftest import OLGA

PUNK = Asset(POLYGON, PUNKS)
UNKNOWN_PARTS = "SELECT count(*) FROM coverage WHERE unknown_since IS NOT NULL"


async def changes_after(harness: PollerHarness, sweeps: int) -> list[tuple[Address, int, int]]:
    for _ in range(sweeps):
        harness.clock.seconds += 60
        await harness.poller.sweep()
    return await harness.keeper.changes()


# ---------------------------------------------------------------- held


async def test_a_lagging_replica_tells_nothing_and_goes_away(watching: PollerHarness) -> None:
    watching.source.holds(USDC, 9, block=20)
    assert await changes_after(watching, 1) == [(USDC, 5, 9)]
    watching.source.holds(USDC, 5, block=10)
    assert await changes_after(watching, READINGS_FOR_OLDER - 1) == []
    watching.source.holds(USDC, 9, block=20)
    assert await changes_after(watching, 5) == []


async def test_a_reorganisation_stays_and_is_told(watching: PollerHarness) -> None:
    watching.source.holds(USDC, 9, block=20)
    assert await changes_after(watching, 1) == [(USDC, 5, 9)]
    watching.source.holds(USDC, 5, block=10)
    assert await changes_after(watching, READINGS_FOR_OLDER) == [(USDC, 9, 5)]
    assert await changes_after(watching, 2) == []


async def test_a_hold_survives_a_restart(watching: PollerHarness) -> None:
    watching.source.holds(USDC, 4, block=9)
    assert await changes_after(watching, READINGS_FOR_OLDER - 1) == []
    await watching.restart()

    assert await changes_after(watching, 1) == [(USDC, 5, 4)]


async def test_a_token_that_came_is_not_lost_to_a_replica_that_does_not_know_it_yet(
    watching: PollerHarness,
) -> None:
    watching.source.holds(DAI, 7, block=20)
    assert await changes_after(watching, 1) == [(DAI, 0, 7)]
    del watching.source.listed[POLYGON, TREASURY][DAI]
    assert await changes_after(watching, 1) == []
    watching.source.holds(DAI, 7, block=20)
    assert await changes_after(watching, 3) == []


async def test_a_token_that_is_spent_at_once_is_told_one_reading_later(watching: PollerHarness) -> None:
    watching.source.holds(DAI, 7, block=20)
    assert await changes_after(watching, 1) == [(DAI, 0, 7)]
    del watching.source.listed[POLYGON, TREASURY][DAI]
    assert await changes_after(watching, READINGS_FOR_RETURN) == [(DAI, 7, 0)]


async def test_a_native_that_flickers_is_told_once(watching: PollerHarness) -> None:
    watching.source.natives[POLYGON, TREASURY] = 90
    assert await changes_after(watching, 1) == [(Address(""), 100, 90)]
    for amount in (100, 90):
        watching.source.natives[POLYGON, TREASURY] = amount
        assert await changes_after(watching, 1) == []


async def test_a_native_that_returns_for_good_is_told(watching: PollerHarness) -> None:
    watching.source.natives[POLYGON, TREASURY] = 90
    assert await changes_after(watching, 1) == [(Address(""), 100, 90)]
    watching.source.natives[POLYGON, TREASURY] = 100
    assert await changes_after(watching, READINGS_FOR_RETURN) == [(Address(""), 90, 100)]


async def test_a_native_that_returns_after_a_while_is_told_at_once(watching: PollerHarness) -> None:
    watching.source.natives[POLYGON, TREASURY] = 90
    assert await changes_after(watching, 5) == [(Address(""), 100, 90)]
    watching.source.natives[POLYGON, TREASURY] = 100
    assert await changes_after(watching, 1) == [(Address(""), 90, 100)]


# ---------------------------------------------------------------- mass loss


TOKENS = [address(number) for number in range(100, 112)]


@pytest.fixture
async def rich(harness: PollerHarness) -> PollerHarness:
    """Olga, an owner, watches a treasury of twelve tokens beside USDC, and a vault."""
    await harness.keeper.apply_configuration([], [OLGA.chat_id])
    await harness.keeper.watch()
    await harness.keeper.watch(VAULT)
    for token in TOKENS:
        harness.source.holds(token, 3, block=5)
        harness.source.symbols[token] = "T"
    await harness.poller.sweep()
    await harness.poller.sweep()
    await harness.keeper.deliver_all()
    return harness


def lose(harness: PollerHarness, tokens: list[Address]) -> None:
    for token in tokens:
        del harness.source.listed[POLYGON, TREASURY][token]


async def test_an_index_that_is_rebuilt_tells_no_loss_and_owners_of_it(rich: PollerHarness) -> None:
    lose(rich, TOKENS)
    rich.source.natives[POLYGON, VAULT] = 5

    for _ in range(4):
        rich.clock.seconds += 60
        await rich.poller.sweep()
    alerts = await rich.keeper.alerts()
    assert [alert.notice for alert in alerts if not isinstance(alert, ChangeAlert)] == [
        MassLoss(POLYGON, 12, 13)
    ]
    told = [alert.change for alert in alerts if isinstance(alert, ChangeAlert)]
    assert [(change.account, change.asset.contract) for change in told] == [(VAULT, "")]

    for token in TOKENS:
        rich.source.holds(token, 3, block=5)
    assert await changes_after(rich, 2) == []
    assert len(await rich.keeper.balances()) == 14


@pytest.mark.parametrize("is_killed", [False, True])
async def test_whoever_takes_over_between_two_sweeps_doubts_what_was_doubted(
    rich: PollerHarness,
    is_killed: bool,  # noqa: FBT001 - a case
) -> None:
    lose(rich, TOKENS)
    assert await changes_after(rich, 1) == []
    for token in TOKENS[2:]:
        rich.source.holds(token, 3, block=5)

    # Two losses alone would be told: that they are doubted is all that is left of the first sweep.
    for _ in range(SWEEPS_TO_SETTLE - 1):
        if is_killed:
            await rich.restart()
        assert await changes_after(rich, 1) == []
    if is_killed:
        await rich.restart()

    assert await changes_after(rich, 1) == [(token, 3, 0) for token in TOKENS[:2]]


@pytest.fixture
async def curated(rich: PollerHarness) -> PollerHarness:
    """Of three ids of a collection that the vault held, the source shows two."""
    rich.source.kinds[PUNKS], rich.source.symbols[PUNKS] = "ERC1155", "PUNK"
    rich.source.listed.setdefault((POLYGON, VAULT), {})[PUNKS] = Amount(7, 3, 30)
    rich.source.ids[VAULT, PUNK] = {1: 4, 2: 2, 3: 1}
    await changes_after(rich, 2)
    rich.source.listed[POLYGON, VAULT][PUNKS] = Amount(3, 2, 30)
    rich.source.ids[VAULT, PUNK] = {2: 2, 3: 1}
    return rich


async def test_ids_that_an_index_lacks_while_it_is_rebuilt_are_not_told(curated: PollerHarness) -> None:
    lose(curated, TOKENS)
    assert await changes_after(curated, 2) == []

    for token in TOKENS:
        curated.source.holds(token, 3, block=5)
    assert await changes_after(curated, 2) == []
    curated.source.listed[POLYGON, VAULT][PUNKS] = Amount(7, 3, 30)
    curated.source.ids[VAULT, PUNK] = {1: 4, 2: 2, 3: 1}
    assert await changes_after(curated, 4) == []


async def test_ids_that_leave_are_told(curated: PollerHarness) -> None:
    assert await changes_after(curated, 1) == [(PUNKS, 7, 3)]


async def test_few_losses_are_told(rich: PollerHarness) -> None:
    lose(rich, TOKENS[:9])

    assert sorted(await changes_after(rich, 1)) == sorted((token, 3, 0) for token in TOKENS[:9])


@pytest.fixture
async def naming(rich: PollerHarness) -> PollerHarness:
    """Olga also names USDC in the vault, which each sweep asks for; other questions by name get no answer."""
    await rich.keeper.watch(VAULT, contracts=[USDC])
    rich.source.holds(USDC, 5, account=VAULT, block=20)
    await changes_after(rich, 5)  # what only just came is not lost at once
    rich.source.trouble = lambda question: Unavailable() if TOKENS[0] in question.contracts else None
    return rich


async def test_a_loss_is_not_told_while_much_else_vanished_without_an_answer_by_name(
    naming: PollerHarness,
) -> None:
    lose(naming, TOKENS)
    del naming.source.listed[POLYGON, VAULT]

    await naming.poller.sweep()
    assert await naming.keeper.notices() == [MassLoss(POLYGON, 13, 14)]
    naming.source.doubtful.add((POLYGON, TREASURY))  # no list either
    assert await changes_after(naming, SWEEPS_TO_SETTLE + 1) == []


async def test_a_loss_is_told_while_little_else_vanished_without_an_answer_by_name(
    naming: PollerHarness,
) -> None:
    lose(naming, TOKENS[:8])
    del naming.source.listed[POLYGON, VAULT]

    assert await changes_after(naming, 1) == [(USDC, 5, 0)]


async def test_what_vanished_without_an_answer_by_name_is_no_doubt_where_nothing_is_lost(
    naming: PollerHarness,
) -> None:
    lose(naming, TOKENS)

    await naming.poller.sweep()
    assert await naming.keeper.notices() == []


@pytest.fixture
async def far_more(rich: PollerHarness) -> PollerHarness:
    """Olga also watches thirteen tokens in the vault."""
    for number in range(200, 213):
        rich.source.holds(address(number), 1, account=VAULT, block=20)
    await changes_after(rich, 1)
    return rich


async def test_many_losses_of_a_chain_that_holds_far_more_are_told(far_more: PollerHarness) -> None:
    lose(far_more, TOKENS)

    assert len(await changes_after(far_more, 1)) == 12


async def test_many_losses_of_all_that_could_be_read_are_not_told(far_more: PollerHarness) -> None:
    far_more.source.doubtful.add((POLYGON, VAULT))
    lose(far_more, TOKENS)

    await far_more.poller.sweep()
    assert await far_more.keeper.notices() == [MassLoss(POLYGON, 12, 13)]


async def test_many_losses_that_news_bring_wait_for_a_sweep_over_everything(far_more: PollerHarness) -> None:
    await far_more.keeper.watch(contracts=[DAI])
    lose(far_more, TOKENS)

    await far_more.poller.sweep_new_subscriptions()
    assert await far_more.keeper.changes() == []
    assert len(await changes_after(far_more, 1)) == 12


async def test_a_mass_loss_that_an_owner_believes_is_told(rich: PollerHarness) -> None:
    lose(rich, TOKENS)
    await rich.poller.sweep()
    assert await rich.keeper.notices() == [MassLoss(POLYGON, 12, 13)]

    assert await rich.keeper.believe_losses(POLYGON)

    assert len(await changes_after(rich, 1)) == 12
    assert await changes_after(rich, 1) == []


async def test_a_chain_that_lost_too_much_counts_as_not_seen(rich: PollerHarness) -> None:
    (before,) = await rich.keeper.rows("SELECT complete_at FROM chain")
    lose(rich, TOKENS)
    rich.clock.seconds += 60
    await rich.poller.sweep()

    assert await rich.keeper.rows("SELECT complete_at FROM chain") == [before]


# ---------------------------------------------------------------- collections


@pytest.fixture
async def collecting(harness: PollerHarness) -> PollerHarness:
    """Olga watches a treasury with a collection of two items, of which the ids are known."""
    harness.source.kinds[PUNKS] = "ERC721"
    harness.source.symbols[PUNKS] = "PUNK"
    collect(harness, {7: 1, 9: 1}, block=10)
    await harness.keeper.watch()
    await harness.poller.sweep()
    await harness.poller.sweep()
    await harness.keeper.deliver_all()
    harness.source.items_asked.clear()
    return harness


def collect(harness: PollerHarness, items: dict[int, int], *, block: int) -> None:
    harness.source.listed.setdefault((POLYGON, TREASURY), {})[PUNKS] = Amount(
        sum(items.values()), len(items), block
    )
    harness.source.ids[TREASURY, PUNK] = items


async def items_told(harness: PollerHarness) -> list[tuple[ItemMove, ...]]:
    await harness.poller.sweep()
    return [alert.change.items for alert in await harness.keeper.alerts() if isinstance(alert, ChangeAlert)]


async def test_ids_that_came_and_went_are_told(collecting: PollerHarness) -> None:
    collect(collecting, {7: 1}, block=11)
    assert await items_told(collecting) == [(ItemMove(9, 1, 0),)]

    collect(collecting, {7: 1, 8: 1, 10: 1}, block=12)
    assert await items_told(collecting) == [(ItemMove(8, 0, 1), ItemMove(10, 0, 1))]


async def test_one_id_that_left_while_another_came_is_told(collecting: PollerHarness) -> None:
    collect(collecting, {7: 1, 8: 1}, block=11)

    assert await items_told(collecting) == [(ItemMove(8, 0, 1), ItemMove(9, 1, 0))]


async def test_a_collection_that_moved_out_and_in_again_is_no_change(collecting: PollerHarness) -> None:
    collect(collecting, {7: 1, 9: 1}, block=11)
    assert await items_told(collecting) == []
    collecting.source.items_asked.clear()

    assert await items_told(collecting) == []
    assert collecting.source.items_asked == []


async def test_all_ids_of_a_collection_that_is_gone_went(collecting: PollerHarness) -> None:
    del collecting.source.listed[POLYGON, TREASURY][PUNKS]

    assert await items_told(collecting) == [(ItemMove(7, 1, 0), ItemMove(9, 1, 0))]
    assert collecting.source.items_asked == []


async def test_without_details_the_count_is_told_and_the_ids_are_learned_again(
    collecting: PollerHarness,
) -> None:
    collect(collecting, {7: 1}, block=11)
    collecting.source.items_trouble = Unavailable()
    assert await items_told(collecting) == [()]
    assert await collecting.keeper.rows("SELECT * FROM item") == []

    collecting.source.items_trouble = None
    collect(collecting, {7: 1, 8: 1}, block=12)
    assert await items_told(collecting) == [()]
    collect(collecting, {8: 1}, block=13)
    assert await items_told(collecting) == [(ItemMove(7, 1, 0),)]


async def test_ids_that_were_never_learned_are_learned_after_a_restart(collecting: PollerHarness) -> None:
    collecting.source.items_trouble = Unavailable()
    collect(collecting, {7: 1}, block=11)
    await collecting.poller.sweep()
    assert await collecting.keeper.rows("SELECT * FROM item") == []
    await collecting.restart()
    collecting.source.items_trouble = None

    await collecting.poller.sweep()

    assert await collecting.keeper.rows("SELECT token_id FROM item") == [("7",)]


async def test_an_exchange_that_details_do_not_explain_is_looked_at_until_they_do(
    collecting: PollerHarness,
) -> None:
    collect(collecting, {7: 1, 8: 1}, block=11)
    collecting.source.items_trouble = Unavailable()
    assert await items_told(collecting) == []

    collecting.source.items_trouble = None
    assert await items_told(collecting) == [(ItemMove(8, 0, 1), ItemMove(9, 1, 0))]


async def test_ids_that_do_not_add_up_are_not_believed(collecting: PollerHarness) -> None:
    collect(collecting, {7: 1, 8: 1, 10: 1}, block=11)
    collecting.source.ids[TREASURY, PUNK] = {7: 1, 8: 1}

    assert await items_told(collecting) == [()]


async def test_more_ids_than_are_stored_are_only_counted(collecting: PollerHarness) -> None:
    collect(collecting, dict.fromkeys(range(201), 1), block=11)

    assert await items_told(collecting) == [()]
    assert collecting.source.items_asked == []


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize("error", [AccessRefused("no"), QuotaExceeded("no")])
async def test_owners_are_told_once_that_the_source_refuses(
    watching: PollerHarness, error: IndexerError
) -> None:
    await watching.keeper.apply_configuration([], [OLGA.chat_id])
    watching.source.trouble = failing(error)

    for _ in range(6):
        watching.clock.seconds += 60
        await watching.poller.sweep()

    notices = [notice for notice in await watching.keeper.notices() if isinstance(notice, SourceRefuses)]
    assert notices == [SourceRefuses(str(error))]


async def test_a_source_that_is_down_is_no_matter_for_owners(watching: PollerHarness) -> None:
    await watching.keeper.apply_configuration([], [OLGA.chat_id])
    watching.source.trouble = failing(Unavailable())

    for _ in range(6):
        watching.clock.seconds += 60
        await watching.poller.sweep()

    assert await watching.keeper.notices() == []
