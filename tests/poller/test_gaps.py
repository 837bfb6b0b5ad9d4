"""What happens while not all is seen: nothing of it is told wrongly, and nothing is forgotten."""

import pytest

from bot.domain.ask.questions import Question, Reply
from bot.domain.assets import Address, Amount, Asset
from bot.domain.deliver.alerts import Blind, ChangeAlert, MassLoss, SeenAgain
from bot.domain.observations import Change, ItemMove, MoveKind
from bot.domain.observe.compare import READINGS_FOR_OLDER
from bot.domain.observe.mass_loss import SWEEPS_TO_SETTLE
from bot.indexer.errors import QuestionRefused, Unavailable
from tests.builders import DAI, POLYGON, PUNKS, TREASURY, USDC, VAULT, address
from tests.poller.conftest import PollerHarness, failing_for, poller_of
from tests.store.conftest import OLGA, STALE_AFTER

TOKENS = [address(number) for number in range(100, 112)]
PUNK = Asset(POLYGON, PUNKS)


async def told_after(harness: PollerHarness, sweeps: int) -> list[Change]:
    for _ in range(sweeps):
        harness.clock.seconds += 60
        await harness.poller.sweep()
    return [alert.change for alert in await harness.keeper.alerts() if isinstance(alert, ChangeAlert)]


def amounts(changes: list[Change]) -> list[tuple[Address, int, int]]:
    return [(one.asset.contract, one.before.amount_raw, one.after.amount_raw) for one in changes]


# ---------------------------------------------------------------- an index that is rebuilt


@pytest.fixture
async def rich(harness: PollerHarness) -> PollerHarness:
    """Olga, an owner, watches a treasury of twelve tokens beside USDC, of which the index lost all twelve."""
    await harness.keeper.apply_configuration([], [OLGA.chat_id])
    await harness.keeper.watch()
    for token in TOKENS:
        harness.source.holds(token, 3, block=5)
        harness.source.symbols[token] = "T"
    await harness.poller.sweep()
    await harness.keeper.deliver_all()
    for token in TOKENS:
        del harness.source.listed[POLYGON, TREASURY][token]
    await harness.poller.sweep()
    assert await harness.keeper.notices() == [MassLoss(POLYGON, 12, 13)]
    return harness


async def test_an_index_that_comes_back_piece_by_piece_tells_no_loss(rich: PollerHarness) -> None:
    for token in TOKENS:
        assert await told_after(rich, 2) == []
        rich.source.holds(token, 3, block=5)

    assert await told_after(rich, 2) == []
    assert len(await rich.keeper.balances()) == 14


async def test_what_is_still_missing_when_the_index_has_settled_is_lost(rich: PollerHarness) -> None:
    for token in TOKENS[1:]:
        rich.source.holds(token, 3, block=5)

    assert await told_after(rich, SWEEPS_TO_SETTLE - 1) == []
    assert amounts(await told_after(rich, 1)) == [(TOKENS[0], 3, 0)]
    rich.source.hides(TOKENS[1])
    del rich.source.hidden[POLYGON, TREASURY]
    assert amounts(await told_after(rich, 1)) == [(TOKENS[1], 3, 0)]


async def test_an_index_is_doubted_after_a_restart_too(rich: PollerHarness) -> None:
    for token in TOKENS[1:]:
        rich.source.holds(token, 3, block=5)
    await rich.restart()

    assert await told_after(rich, SWEEPS_TO_SETTLE - 1) == []


async def test_a_doubt_does_not_end_while_who_lost_something_cannot_be_read(rich: PollerHarness) -> None:
    await rich.keeper.watch(VAULT)
    rich.poller = poller_of(rich.keeper, rich.source, rich.clock, accounts_per_request=1)
    await told_after(rich, 1)
    rich.source.trouble = failing_for(TREASURY, Unavailable())
    assert await told_after(rich, 1) == []

    rich.source.trouble = lambda _: None
    for token in TOKENS[5:]:
        rich.source.holds(token, 3, block=5)

    assert await told_after(rich, SWEEPS_TO_SETTLE - 1) == []
    assert len(await told_after(rich, 1)) == 5


async def test_a_doubt_does_not_end_after_a_restart_before_who_lost_something_is_read(
    rich: PollerHarness,
) -> None:
    await rich.restart()
    rich.source.doubtful.add((POLYGON, TREASURY))
    await told_after(rich, 2)
    assert [notice for notice in await rich.keeper.notices() if isinstance(notice, SeenAgain)] == []

    rich.source.doubtful.clear()
    for token in TOKENS[5:]:
        rich.source.holds(token, 3, block=5)

    assert await told_after(rich, SWEEPS_TO_SETTLE - 1) == []


async def test_a_doubt_goes_on_being_counted_after_a_restart(rich: PollerHarness) -> None:
    for token in TOKENS[1:]:
        rich.source.holds(token, 3, block=5)
    assert await told_after(rich, SWEEPS_TO_SETTLE - 1) == []

    await rich.restart()

    assert amounts(await told_after(rich, 1)) == [(TOKENS[0], 3, 0)]


async def test_a_doubt_ends_after_a_restart_though_others_cannot_be_read(rich: PollerHarness) -> None:
    await rich.keeper.watch(VAULT)
    await told_after(rich, 1)
    await rich.restart()
    rich.source.doubtful.add((POLYGON, VAULT))
    for token in TOKENS:
        rich.source.holds(token, 3, block=5)
    await told_after(rich, 1)

    del rich.source.listed[POLYGON, TREASURY][USDC]

    assert amounts(await told_after(rich, 1)) == [(USDC, 5, 0)]


async def test_a_doubt_that_stays_as_it_is_writes_nothing(rich: PollerHarness) -> None:
    await told_after(rich, SWEEPS_TO_SETTLE)
    before = await rich.keeper.written()
    await told_after(rich, 1)

    assert await rich.keeper.written() - before == 2  # the number of the sweep, and how it went


async def test_a_doubt_that_ended_leaves_nothing_behind(rich: PollerHarness) -> None:
    assert await rich.keeper.rows("SELECT missing, missed FROM chain") == [(12, 1)]
    assert await rich.keeper.rows("SELECT count(*) FROM account_with_losses") == [(1,)]
    for token in TOKENS:
        rich.source.holds(token, 3, block=5)
    await told_after(rich, 1)

    assert await rich.keeper.rows("SELECT missing, missed FROM chain") == [(None, None)]
    assert await rich.keeper.rows("SELECT count(*) FROM account_with_losses") == [(0,)]


async def test_a_doubt_ends_though_others_cannot_be_read(rich: PollerHarness) -> None:
    await rich.keeper.watch(VAULT)
    rich.poller = poller_of(rich.keeper, rich.source, rich.clock, accounts_per_request=1)
    await told_after(rich, 1)
    rich.source.trouble = failing_for(VAULT, Unavailable())
    for token in TOKENS:
        rich.source.holds(token, 3, block=5)
    await told_after(rich, 1)

    del rich.source.listed[POLYGON, TREASURY][USDC]

    assert amounts(await told_after(rich, 1)) == [(USDC, 5, 0)]


async def test_news_are_read_with_the_same_doubt(rich: PollerHarness) -> None:
    for token in TOKENS[1:]:
        rich.source.holds(token, 3, block=5)
    await rich.keeper.watch(contracts=[DAI])

    await rich.poller.sweep_new_subscriptions()

    assert await told_after(rich, 0) == []


async def test_what_came_while_the_index_was_rebuilt_is_a_gain(rich: PollerHarness) -> None:
    rich.source.holds(DAI, 9, block=50)
    await rich.keeper.watch(VAULT)
    rich.source.holds(USDC, 1, account=VAULT, block=60)
    assert await told_after(rich, 3) == []

    for token in TOKENS:
        rich.source.holds(token, 3, block=5)

    assert [(one.kind, *amounts([one])) for one in await told_after(rich, 1)] == [
        (MoveKind.MOVED, (DAI, 0, 9))
    ]


async def test_who_leaves_while_the_index_is_rebuilt_leaves_nothing_to_doubt(rich: PollerHarness) -> None:
    await rich.keeper.watch(VAULT)
    rich.source.natives[POLYGON, VAULT] = 5
    await told_after(rich, 1)
    rich.source.natives[POLYGON, VAULT] = 6
    ask = rich.source.reply

    async def leaving(question: Question) -> Reply:
        if question.contracts:
            await rich.keeper.unsubscribe(OLGA, [1])
        return await ask(question)

    rich.source.reply = leaving  # type: ignore[method-assign]

    assert amounts(await told_after(rich, 1)) == [(Address(""), 5, 6)]


# ---------------------------------------------------------------- accounts that cannot be read


async def test_what_came_while_an_account_was_doubtful_for_long_is_a_gain(watching: PollerHarness) -> None:
    await watching.keeper.watch(VAULT)
    watching.source.doubtful.add((POLYGON, TREASURY))
    await told_after(watching, 3)
    watching.source.holds(DAI, 9, block=50)
    watching.source.holds(USDC, 1, account=VAULT, block=60)
    await told_after(watching, 2)

    watching.source.doubtful.clear()

    (gain,) = await told_after(watching, 1)
    assert (gain.kind, *amounts([gain])) == (MoveKind.MOVED, (DAI, 0, 9))


async def test_a_name_that_gives_no_answer_for_long_is_told(watching: PollerHarness) -> None:
    watching.source.hides(USDC)
    watching.source.trouble = lambda question: Unavailable() if question.contracts else None

    for _ in range(int(STALE_AFTER.total_seconds() // 60) + 2):
        watching.clock.seconds += 60
        await watching.poller.sweep()
    (blind,) = await watching.keeper.notices()
    assert isinstance(blind, Blind)
    assert [(gap.chain_id, gap.account) for gap in blind.gaps] == [(POLYGON, TREASURY)]

    watching.source.trouble = lambda _: None
    assert await told_after(watching, 1) == []
    assert await watching.keeper.balances() == {(POLYGON, Address("")): 100, (POLYGON, USDC): 5}


# ---------------------------------------------------------------- seen again


async def blind_for_long(harness: PollerHarness) -> None:
    harness.source.trouble = failing_for(TREASURY, QuestionRefused())
    for _ in range(int(STALE_AFTER.total_seconds() // 60) + 2):
        harness.clock.seconds += 60
        await harness.poller.sweep()
    (blind,) = await harness.keeper.notices()
    assert isinstance(blind, Blind)
    harness.source.trouble = lambda _: None


async def seen_again(harness: PollerHarness) -> list[int]:
    alerts = await harness.keeper.alerts()
    notices = [alert.notice for alert in alerts if not isinstance(alert, ChangeAlert)]
    return [notice.changes for notice in notices if isinstance(notice, SeenAgain)]


async def test_what_news_found_out_counts_as_changed_meanwhile(watching: PollerHarness) -> None:
    await watching.keeper.watch(VAULT)
    await told_after(watching, 1)
    await blind_for_long(watching)
    watching.source.holds(USDC, 9, block=20)
    await watching.keeper.watch(contracts=[DAI])

    await watching.poller.sweep_new_subscriptions()
    watching.clock.seconds += 60
    await watching.poller.sweep()

    assert await seen_again(watching) == [1]


async def test_what_others_did_meanwhile_does_not_count(watching: PollerHarness) -> None:
    await watching.keeper.watch(VAULT)
    await told_after(watching, 1)
    await blind_for_long(watching)
    watching.source.natives[POLYGON, VAULT] = 7

    watching.clock.seconds += 60
    await watching.poller.sweep()

    assert await seen_again(watching) == [0]


# ---------------------------------------------------------------- replicas that lag


async def test_what_a_replica_that_lags_does_not_know_yet_is_not_lost(watching: PollerHarness) -> None:
    watching.source.holds(DAI, 7, block=20)
    watching.source.holds(USDC, 6, block=21)
    await told_after(watching, 6)
    del watching.source.listed[POLYGON, TREASURY][DAI]
    watching.source.holds(USDC, 5, block=10)
    assert await told_after(watching, READINGS_FOR_OLDER - 1) == []

    watching.source.holds(DAI, 7, block=20)
    watching.source.holds(USDC, 6, block=21)
    assert await told_after(watching, READINGS_FOR_OLDER) == []


async def test_what_a_replica_that_lags_still_shows_by_name_is_no_gain(harness: PollerHarness) -> None:
    await harness.keeper.watch(contracts=[USDC])
    await harness.poller.sweep()
    del harness.source.listed[POLYGON, TREASURY][USDC]
    await told_after(harness, 6)
    harness.source.holds(USDC, 5, block=10)
    assert await told_after(harness, READINGS_FOR_OLDER - 1) == []

    del harness.source.listed[POLYGON, TREASURY][USDC]
    assert await told_after(harness, READINGS_FOR_OLDER) == []


# ---------------------------------------------------------------- collections


async def test_items_exchanged_while_a_collection_lost_its_mark_are_told(harness: PollerHarness) -> None:
    harness.source.kinds[PUNKS] = "ERC721"
    harness.source.symbols[PUNKS] = "PUNK"
    harness.source.listed[POLYGON, TREASURY][PUNKS] = Amount(2, 2, 10)
    harness.source.ids[TREASURY, PUNK] = {7: 1, 9: 1}
    await harness.keeper.watch()
    await told_after(harness, 2)

    harness.source.listed[POLYGON, TREASURY][PUNKS] = Amount(2, 2, 11)
    harness.source.ids[TREASURY, PUNK] = {7: 1, 8: 1}
    harness.source.hides(PUNKS)

    (exchange,) = await told_after(harness, 1)
    assert exchange.items == (ItemMove(8, 0, 1), ItemMove(9, 1, 0))
