import asyncio

import pytest

from bot.domain.ask.questions import Question, Reply
from bot.domain.assets import NATIVE, ChainId, Description
from bot.domain.deliver.alerts import ChangeAlert
from bot.domain.observations import MoveKind
from bot.domain.observe.compare import READINGS_FOR_OLDER
from bot.indexer.errors import (
    Unavailable,
)
from bot.store.polling import sweeps
from tests.builders import DAI, DEGEN, ETHEREUM, NOON, POLYGON, TREASURY, USDC, VAULT, address, at
from tests.poller.conftest import PollerHarness, poller_of
from tests.store.conftest import OLGA, OPS


async def ages(harness: PollerHarness) -> list[tuple[object, object]]:
    return list((await harness.keeper.ages()).values())


async def amount(harness: PollerHarness) -> int | None:
    return (await harness.keeper.balances()).get((POLYGON, USDC))


def narrow(questions: list[Question]) -> list[Question]:
    return [question for question in questions if question.contracts]


# ---------------------------------------------------------------- asking


async def test_nothing_watched_is_nothing_asked(harness: PollerHarness) -> None:
    await harness.poller.sweep()

    assert harness.source.asked() == []


async def test_an_account_watched_by_two_chats_is_asked_for_once(harness: PollerHarness) -> None:
    await harness.keeper.watch()
    await harness.keeper.watch(place=OPS)

    await harness.poller.sweep()

    (question,) = [question for question in harness.source.asked() if not question.contracts]
    assert question.accounts == (TREASURY,)
    assert len(await harness.keeper.baselines(OLGA)) == len(await harness.keeper.baselines(OPS)) == 1


async def test_a_change_reaches_every_chat_that_watches(watching: PollerHarness) -> None:
    await watching.keeper.watch(place=OPS)
    watching.source.holds(USDC, 7, block=11)

    await watching.poller.sweep()

    for place in (OLGA, OPS):
        assert await watching.keeper.changes(place) == [(USDC, 5, 7)]


async def test_a_steady_sweep_asks_one_question_and_writes_next_to_nothing(watching: PollerHarness) -> None:
    before = await watching.keeper.written()

    await watching.poller.sweep()

    (question,) = watching.source.asked()
    assert question.metadata is False
    assert await watching.keeper.written() - before <= 3  # the sweep's number, and one chain


async def test_accounts_share_requests_and_no_more_are_under_way_than_allowed(harness: PollerHarness) -> None:
    for number in range(1, 6):
        await harness.keeper.watch(address(number))
    poller = poller_of(
        harness.keeper, harness.source, harness.clock, accounts_per_request=2, batches_at_once=2
    )

    await poller.sweep()

    assert sorted(len(question.accounts) for question in harness.source.asked()) == [1, 2, 2]
    assert harness.source.most_at_once <= 2
    assert len(await harness.keeper.baselines()) == 5


async def test_others_get_their_turn_between_any_two_batches_of_a_sweep(harness: PollerHarness) -> None:
    for number in range(1, 6):
        await harness.keeper.watch(address(number))
    poller = poller_of(
        harness.keeper, harness.source, harness.clock, accounts_per_request=1, batches_at_once=5
    )
    turns, begun_at = 0, list[int]()

    def note_turn(_: Question) -> None:
        begun_at.append(turns)

    async def take_turns() -> None:
        nonlocal turns
        while not sweep.done():
            turns += 1
            await asyncio.sleep(0)

    harness.source.trouble = note_turn
    sweep = asyncio.create_task(poller.sweep())
    await take_turns()

    assert len(set(begun_at)) == len(begun_at) == 5


# ---------------------------------------------------------------- what lists no longer show


async def test_what_is_gone_is_confirmed_by_name_before_it_is_zero(watching: PollerHarness) -> None:
    watching.source.listed.clear()

    await watching.poller.sweep()

    (question,) = narrow(watching.source.asked())
    assert (question.accounts, question.contracts, question.contract_status) == ((TREASURY,), (USDC,), "ALL")
    assert await watching.keeper.changes() == [(USDC, 5, 0)]
    assert await amount(watching) is None


async def test_what_only_lost_its_mark_is_no_change_and_is_asked_by_name_from_then_on(
    watching: PollerHarness,
) -> None:
    watching.source.hides(USDC)
    await watching.poller.sweep()
    assert await watching.keeper.changes() == []
    assert await amount(watching) == 5
    watching.source.asked()
    await watching.poller.sweep()

    assert [question.contracts for question in narrow(watching.source.asked())] == [(USDC,)]
    watching.source.hidden.clear()
    await watching.poller.sweep()
    assert await watching.keeper.changes() == [(USDC, 5, 0)]


async def test_a_confirmation_that_fails_leaves_everything_as_it_was(watching: PollerHarness) -> None:
    watching.source.listed.clear()
    watching.source.trouble = lambda question: Unavailable() if question.contracts else None

    await watching.poller.sweep()

    assert await watching.keeper.changes() == []
    assert await amount(watching) == 5
    watching.source.trouble = lambda _: None
    await watching.poller.sweep()
    assert await watching.keeper.changes() == [(USDC, 5, 0)]


async def test_a_confirmation_without_the_chain_leaves_everything_as_it_was(watching: PollerHarness) -> None:
    watching.source.listed.clear()

    def hush(question: Question) -> None:
        if question.contracts:
            watching.source.silent.add(POLYGON)

    watching.source.trouble = hush
    await watching.poller.sweep()

    assert await watching.keeper.changes() == []
    assert await amount(watching) == 5


async def test_a_failing_confirmation_does_not_keep_other_changes_back(watching: PollerHarness) -> None:
    watching.source.listed.clear()
    watching.source.natives[POLYGON, TREASURY] = 90
    watching.source.trouble = lambda question: Unavailable() if question.contracts else None

    await watching.poller.sweep()

    assert await watching.keeper.changes() == [(NATIVE, 100, 90)]


# ---------------------------------------------------------------- gains, and what is only now listed


async def sweep_times(harness: PollerHarness, times: int) -> None:
    for _ in range(times):
        await harness.poller.sweep()


async def kinds(harness: PollerHarness) -> list[MoveKind]:
    return [alert.change.kind for alert in await harness.keeper.alerts() if isinstance(alert, ChangeAlert)]


async def test_what_arrived_since_the_last_reading_is_a_gain(watching: PollerHarness) -> None:
    watching.source.holds(DAI, 3, block=11)

    await watching.poller.sweep()

    assert await kinds(watching) == [MoveKind.MOVED]


async def test_what_was_there_at_the_last_reading_is_only_now_listed(watching: PollerHarness) -> None:
    watching.source.holds(DAI, 3, block=10)

    await sweep_times(watching, READINGS_FOR_OLDER)

    assert await kinds(watching) == [MoveKind.LISTED]


@pytest.mark.parametrize(("block", "kind"), [(11, MoveKind.MOVED), (10, MoveKind.LISTED)])
async def test_gains_are_told_from_listings_after_a_restart_too(
    watching: PollerHarness, block: int, kind: MoveKind
) -> None:
    await watching.restart()
    watching.source.holds(DAI, 3, block=block)

    await sweep_times(watching, READINGS_FOR_OLDER)

    assert await kinds(watching) == [kind]


@pytest.mark.parametrize("chains", [[POLYGON], [POLYGON, ETHEREUM]])
async def test_what_arrived_while_the_chain_was_not_readable_is_a_gain(
    harness: PollerHarness, chains: list[ChainId]
) -> None:
    await harness.keeper.watch(chains=chains)
    await harness.keeper.watch(VAULT, chains=chains)
    harness.source.holds(USDC, 1, account=VAULT, block=10)
    await harness.poller.sweep()
    await harness.keeper.deliver_all()
    harness.source.doubtful.add((POLYGON, TREASURY))
    harness.source.holds(USDC, 2, account=VAULT, block=50)
    await harness.poller.sweep()
    await harness.keeper.deliver_all()
    harness.source.doubtful.clear()
    harness.source.holds(DAI, 3, block=30)

    await harness.poller.sweep()

    assert await kinds(harness) == [MoveKind.MOVED]


async def test_what_arrived_after_one_reading_and_before_another_of_the_same_sweep_is_a_gain_after_a_restart(
    watching: PollerHarness,
) -> None:
    await watching.keeper.watch(VAULT)
    watching.source.holds(USDC, 1, account=VAULT, block=12)
    await watching.poller.sweep()
    await watching.keeper.deliver_all()
    await watching.restart()
    watching.source.holds(DAI, 3, block=11)

    await watching.poller.sweep()

    assert await kinds(watching) == [MoveKind.MOVED]


# ---------------------------------------------------------------- what assets are


async def test_assets_of_a_new_account_are_described_by_its_own_answers(harness: PollerHarness) -> None:
    await harness.keeper.watch()

    await harness.poller.sweep()

    (question,) = harness.source.asked()
    assert question.metadata is True
    assert (await harness.keeper.db.run(sweeps.sweep_input, NOON)).undescribed == {}


async def test_a_new_asset_of_a_known_account_is_asked_about_once(watching: PollerHarness) -> None:
    watching.source.symbols[DAI] = "DAI"
    watching.source.holds(DAI, 3, block=11)
    await watching.poller.sweep()

    (question,) = [question for question in watching.source.asked() if question.metadata]
    assert question.contracts == (DAI,)
    (alert,) = await watching.keeper.alerts()
    assert isinstance(alert, ChangeAlert)
    assert alert.description == Description("ERC20", "DAI", 6)

    watching.source.holds(DAI, 4, block=12)
    await watching.poller.sweep()
    assert not [question for question in watching.source.asked() if question.metadata]


async def test_what_was_not_described_is_told_at_once_and_asked_about_again(watching: PollerHarness) -> None:
    watching.source.symbols[DAI] = "DAI"
    watching.source.holds(DAI, 3, block=11)
    watching.source.trouble = lambda question: Unavailable() if question.metadata else None
    await watching.poller.sweep()
    assert await watching.keeper.changes() == [(DAI, 0, 3)]
    assert (await watching.keeper.db.run(sweeps.sweep_input, NOON)).undescribed.keys() == {TREASURY}
    watching.source.asked()
    watching.source.trouble = lambda _: None

    await watching.poller.sweep()

    assert [question.contracts for question in watching.source.asked() if question.metadata] == [(DAI,)]
    assert (await watching.keeper.db.run(sweeps.sweep_input, NOON)).undescribed == {}


async def test_an_unexpected_end_of_the_question_what_assets_are_does_not_end_the_sweep(
    watching: PollerHarness,
) -> None:
    watching.source.holds(DEGEN, 3, block=11)  # the source has no words for it
    await watching.poller.sweep()
    watching.source.trouble = lambda question: ValueError("a bug") if question.metadata else None
    watching.clock.seconds = 60

    await watching.poller.sweep()

    assert watching.poller.progress.finished_at == 60
    assert await ages(watching) == [(at(60), None)]


# ---------------------------------------------------------------- people come and go


async def test_who_leaves_during_the_sweep_gets_no_baseline(
    harness: PollerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await harness.keeper.watch()

    reply = harness.source.reply

    async def leave_and_reply(question: Question) -> Reply:
        await harness.keeper.unsubscribe(OLGA, [1])
        return await reply(question)

    with monkeypatch.context() as leaving:
        leaving.setattr(harness.source, "reply", leave_and_reply)
        await harness.poller.sweep()

    assert await harness.keeper.alerts() == []
    assert await harness.keeper.balances() == {}
