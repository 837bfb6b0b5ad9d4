"""Who is told that something gives no answer, and that it does again."""

from collections.abc import Collection

import pytest

from bot.domain.assets import ChainId
from bot.domain.chains import CHAINS_MOST
from bot.domain.deliver.alerts import (
    Blind,
    ChainBack,
    ChainGone,
    DoubtEnd,
    Gap,
    HeldBack,
    MassLoss,
    SeenAgain,
    StoredNotice,
)
from bot.domain.observations import SweepNumber
from bot.store.polling import chains, sweeps
from tests.builders import BASE, BROAD, DAI, ETHEREUM, NOON, POLYGON, TREASURY, USDC, VAULT, at, held, reading
from tests.store.conftest import OLGA, OPS, Keeper

BOTH = frozenset({ETHEREUM, POLYGON})
ALL_ANSWER: dict[ChainId, int | None] = {ETHEREUM: None, POLYGON: None}
POLYGON_SILENT: dict[ChainId, int | None] = {ETHEREUM: None}


def chain(chain_id: ChainId, since: float = 0) -> Gap:
    return Gap(chain_id, None, "", at(since))


@pytest.fixture
async def covered(keeper: Keeper) -> Keeper:
    """Olga watches the treasury, read at noon on two chains."""
    await keeper.watch(label="Treasury")
    await keeper.record(reading({USDC: 5}, native=100), reading({}, native=7, chain_id=ETHEREUM))
    await keeper.reach(0, ALL_ANSWER, asked=BOTH)
    await keeper.deliver_all()
    return keeper


async def told(keeper: Keeper) -> list[StoredNotice]:
    return await keeper.notices(OLGA)


async def test_a_silent_chain_is_told_after_a_while(covered: Keeper) -> None:
    await covered.reach(599, POLYGON_SILENT, asked=BOTH)
    assert await told(covered) == []

    await covered.reach(600, POLYGON_SILENT, asked=BOTH)
    assert await told(covered) == [Blind((chain(POLYGON),), is_everything=False)]


async def test_a_silent_chain_is_told_once_and_again_when_it_is_back(covered: Keeper) -> None:
    await covered.reach(600, POLYGON_SILENT, asked=BOTH)
    await told(covered)

    await covered.reach(660, POLYGON_SILENT, asked=BOTH)
    assert await told(covered) == []

    await covered.reach(720, ALL_ANSWER, asked=BOTH)
    assert await told(covered) == [SeenAgain((chain(POLYGON),), 0)]


async def test_a_chain_that_answers_in_time_is_no_word_worth(covered: Keeper) -> None:
    await covered.reach(300, POLYGON_SILENT, asked=BOTH)
    await covered.reach(360, ALL_ANSWER, asked=BOTH)
    await covered.reach(900, ALL_ANSWER, asked=BOTH)

    assert await told(covered) == []


async def test_all_silent_is_one_message(covered: Keeper) -> None:
    await covered.reach(600, {}, asked=BOTH)

    assert await told(covered) == [Blind((chain(ETHEREUM), chain(POLYGON)), is_everything=True)]


async def test_one_account_that_gives_no_answer_is_told_by_its_name(covered: Keeper) -> None:
    unknown = [(TREASURY, POLYGON, BROAD)]
    await covered.reach(60, ALL_ANSWER, unknown, asked=BOTH)
    await covered.reach(660, ALL_ANSWER, unknown, asked=BOTH)

    assert await told(covered) == [Blind((Gap(POLYGON, TREASURY, "Treasury", NOON),), is_everything=False)]


async def test_the_end_of_blindness_counts_what_changed_meanwhile(covered: Keeper) -> None:
    await covered.reach(600, POLYGON_SILENT, asked=BOTH)
    await told(covered)

    await covered.record(reading({USDC: 3}, native=90), when=at(700))
    sweep = await covered.value("SELECT value FROM setting WHERE name = 'sweep'")
    assert len(await covered.alerts(OLGA)) == 2
    await covered.reach(700, ALL_ANSWER, asked=BOTH, sweep=SweepNumber(int(sweep)))

    assert await told(covered) == [SeenAgain((chain(POLYGON),), 2)]


async def test_a_chain_that_never_answered_is_not_blind(covered: Keeper) -> None:
    await covered.reach(6000, ALL_ANSWER, asked=BOTH | {BASE})

    assert await told(covered) == []


async def test_a_chain_that_is_no_longer_asked_is_not_blind(covered: Keeper) -> None:
    await covered.reach(6000, POLYGON_SILENT, asked=frozenset({ETHEREUM}))

    assert await told(covered) == []


async def test_only_who_watches_the_chain_is_told(covered: Keeper) -> None:
    await covered.watch(VAULT, place=OPS, chains=[ETHEREUM])

    await covered.reach(600, POLYGON_SILENT, asked=BOTH)

    assert await covered.notices(OPS) == []


async def test_who_no_longer_watches_is_not_told_that_it_is_back(covered: Keeper) -> None:
    await covered.reach(600, POLYGON_SILENT, asked=BOTH)
    await told(covered)

    await covered.unsubscribe(OLGA, [1])
    await covered.reach(660, ALL_ANSWER, asked=BOTH)

    assert await told(covered) == []


async def test_a_quiet_sweep_writes_one_row_a_chain(covered: Keeper) -> None:
    sweep = await covered.db.run(sweeps.begin_sweep)
    before = await covered.written()

    await covered.reach(60, ALL_ANSWER, asked=BOTH, sweep=sweep)

    assert await covered.written() - before == len(ALL_ANSWER)


# ---------------------------------------------------------------- chains that come and go


async def test_who_watches_a_chain_is_told_when_the_source_drops_it(covered: Keeper) -> None:
    await covered.update_chains([ETHEREUM, POLYGON], NOON)
    await covered.update_chains([ETHEREUM], at(60))
    assert await told(covered) == [ChainGone(POLYGON)]
    assert await covered.db.run(chains.remembered_chains) == BOTH

    await covered.update_chains([ETHEREUM], at(120))
    assert await told(covered) == []

    await covered.update_chains([ETHEREUM, POLYGON], at(180))
    assert await told(covered) == [ChainBack(POLYGON)]


async def test_a_chain_that_was_never_listed_is_not_gone(covered: Keeper) -> None:
    await covered.update_chains([ETHEREUM], NOON)

    assert await told(covered) == []


async def test_a_new_chain_is_remembered_and_no_word_worth(covered: Keeper) -> None:
    await covered.update_chains([ETHEREUM, POLYGON], NOON)
    await covered.update_chains([ETHEREUM, POLYGON, BASE], at(60))

    assert await told(covered) == []
    assert await covered.db.run(chains.remembered_chains) == BOTH | {BASE}


async def test_what_is_asked_is_what_is_configured_or_else_listed_or_else_known(covered: Keeper) -> None:
    async def asked(configured: Collection[ChainId]) -> frozenset[ChainId]:
        await covered.db.run(chains.choose_chains, configured, [BASE])
        return await covered.db.run(chains.asked_chains)

    assert await asked([]) == {BASE}
    assert await asked([POLYGON]) == {POLYGON}
    await covered.update_chains([ETHEREUM, POLYGON], NOON)
    assert await asked([]) == BOTH
    assert await asked([POLYGON]) == {POLYGON}
    known = await covered.db.run(chains.listing)
    assert (known.now, known.ever, known.asked) == (BOTH, BOTH, known.configured)
    assert known.configured == {POLYGON}


async def test_the_same_choice_of_chains_writes_nothing(covered: Keeper) -> None:
    await covered.db.run(chains.choose_chains, [POLYGON], [])
    before = await covered.written()
    await covered.db.run(chains.choose_chains, [POLYGON], [BASE])

    assert await covered.written() == before


async def test_no_more_chains_are_remembered_than_there_can_be(covered: Keeper) -> None:
    many = [ChainId(number) for number in range(10**6, 10**6 + CHAINS_MOST - 1)]
    await covered.update_chains([ETHEREUM, POLYGON, BASE], NOON)
    await covered.update_chains(many, at(60))
    assert sorted(await told(covered), key=repr) == [ChainGone(ETHEREUM), ChainGone(POLYGON)]

    assert await covered.db.run(chains.remembered_chains) == {*many, ETHEREUM}

    await covered.update_chains([*many[1:], ChainId(7)], at(120))
    assert await covered.db.run(chains.remembered_chains) == {*many[1:], ChainId(7), ETHEREUM}
    assert await told(covered) == []
    await covered.update_chains([POLYGON, ETHEREUM], at(180))
    assert sorted(await told(covered), key=repr) == [ChainBack(ETHEREUM), ChainBack(POLYGON)]


# ---------------------------------------------------------------- mass loss


async def test_owners_are_told_once_of_a_mass_loss(covered: Keeper) -> None:
    await covered.apply_configuration([], [OLGA.chat_id])
    for seconds in (60, 120):
        await covered.reach(seconds, POLYGON_SILENT, asked=BOTH, lost={POLYGON: (12, 14)})

    assert await told(covered) == [MassLoss(POLYGON, 12, 14)]


async def test_owners_are_told_of_an_index_that_comes_and_goes_once_an_hour(covered: Keeper) -> None:
    await covered.apply_configuration([], [OLGA.chat_id])
    losses = []
    for seconds in range(60, 3600 + 240, 120):
        await covered.reach(seconds, POLYGON_SILENT, asked=BOTH, lost={POLYGON: (12, 14)})
        await covered.reach(seconds + 60, ALL_ANSWER, asked=BOTH)
        losses += [notice for notice in await told(covered) if isinstance(notice, MassLoss)]

    assert losses == [MassLoss(POLYGON, 12, 14)] * 2


async def test_a_loss_that_lasts_is_told_to_owners_though_another_one_was_told_lately(
    covered: Keeper,
) -> None:
    await covered.apply_configuration([], [OLGA.chat_id])
    await covered.reach(60, POLYGON_SILENT, asked=BOTH, lost={POLYGON: (12, 14)})
    await covered.reach(120, ALL_ANSWER, asked=BOTH)
    await told(covered)
    await covered.reach(180, POLYGON_SILENT, asked=BOTH, lost={POLYGON: (13, 14)})
    assert MassLoss(POLYGON, 13, 14) not in await told(covered)

    await covered.reach(3660, POLYGON_SILENT, asked=BOTH, lost={POLYGON: (0, 0)})

    assert MassLoss(POLYGON, 13, 14) in await told(covered)


async def test_a_clock_that_was_set_back_keeps_no_loss_from_owners(covered: Keeper) -> None:
    await covered.apply_configuration([], [OLGA.chat_id])
    await covered.reach(90_000, POLYGON_SILENT, asked=BOTH, lost={POLYGON: (12, 14)})
    await covered.reach(90_060, ALL_ANSWER, asked=BOTH)
    await told(covered)

    await covered.reach(60, POLYGON_SILENT, asked=BOTH, lost={POLYGON: (13, 14)})

    assert MassLoss(POLYGON, 13, 14) in await told(covered)


async def test_after_a_loss_that_an_owner_believed_the_next_one_is_told_at_once(covered: Keeper) -> None:
    await covered.apply_configuration([], [OLGA.chat_id])
    await covered.reach(60, POLYGON_SILENT, asked=BOTH, lost={POLYGON: (12, 14)})
    assert await covered.believe_losses(POLYGON)
    await covered.reach(120, ALL_ANSWER, asked=BOTH, settled=frozenset({POLYGON}))
    await told(covered)

    await covered.reach(180, POLYGON_SILENT, asked=BOTH, lost={POLYGON: (13, 14)})

    assert await told(covered) == [MassLoss(POLYGON, 13, 14)]


async def test_an_owner_can_believe_a_mass_loss_until_the_chain_is_read_again(covered: Keeper) -> None:
    await covered.reach(60, POLYGON_SILENT, asked=BOTH, lost={POLYGON: (12, 14)})

    assert await covered.believe_losses(POLYGON)
    assert (await covered.db.run(sweeps.sweep_input, NOON)).believed == {POLYGON}

    await covered.reach(120, ALL_ANSWER, asked=BOTH)
    assert (await covered.db.run(sweeps.sweep_input, NOON)).believed == frozenset()


async def test_nothing_can_be_believed_where_nothing_is_doubted(covered: Keeper) -> None:
    assert not await covered.believe_losses(POLYGON)


async def test_what_an_account_holds_is_counted_by_chain(covered: Keeper) -> None:
    await covered.record(reading({USDC: 5, DAI: held(1, block=11)}, native=100))

    assert await covered.db.run(sweeps.token_balances_on, [POLYGON, ETHEREUM]) == {POLYGON: {TREASURY: 2}}


# ---------------------------------------------------------------- chains that are held back

LOST = {POLYGON: (34, 40)}
POLYGON_BACK = frozenset({POLYGON})


def on_hold(end: DoubtEnd | None = None) -> Gap:
    return chain(POLYGON)._replace(held_back=HeldBack(34, 40, end))


async def test_a_chain_that_is_held_back_is_told_with_how_much_vanished_at_once(covered: Keeper) -> None:
    await covered.reach(60, POLYGON_SILENT, asked=BOTH, lost=LOST)
    assert await told(covered) == []

    await covered.reach(600, POLYGON_SILENT, asked=BOTH, lost={POLYGON: (12, 40)})
    assert await told(covered) == [Blind((on_hold(),), is_everything=False)]

    await covered.reach(700, ALL_ANSWER, asked=BOTH)
    assert await told(covered) == [SeenAgain((on_hold(DoubtEnd.BACK),), 0)]


async def test_a_chain_held_back_alone_is_not_everything_silent(covered: Keeper) -> None:
    await covered.reach(600, {}, asked=frozenset({POLYGON}), lost=LOST)

    assert await told(covered) == [Blind((on_hold(),), is_everything=False)]


async def test_what_was_told_to_be_silent_is_told_once_to_be_held_back(covered: Keeper) -> None:
    await covered.reach(600, POLYGON_SILENT, asked=BOTH)
    assert await told(covered) == [Blind((chain(POLYGON),), is_everything=False)]

    await covered.reach(660, POLYGON_SILENT, asked=BOTH, lost=LOST)
    assert await told(covered) == [Blind((on_hold(),), is_everything=False)]
    await covered.reach(720, POLYGON_SILENT, asked=BOTH, lost=LOST)
    await covered.reach(780, POLYGON_SILENT, asked=BOTH)
    assert await told(covered) == []


async def test_the_end_of_a_hold_says_whether_an_owner_or_time_ended_it(covered: Keeper) -> None:
    await covered.reach(600, POLYGON_SILENT, asked=BOTH, lost=LOST)
    await told(covered)
    assert await covered.believe_losses(POLYGON)
    await covered.reach(660, ALL_ANSWER, asked=BOTH, settled=POLYGON_BACK)
    assert await told(covered) == [SeenAgain((on_hold(DoubtEnd.BELIEVED),), 0)]

    await covered.reach(20_000, POLYGON_SILENT, asked=BOTH, lost=LOST)
    await told(covered)
    await covered.reach(20_060, ALL_ANSWER, asked=BOTH, settled=POLYGON_BACK)

    (ended,) = await told(covered)
    assert isinstance(ended, SeenAgain)
    assert [gap.held_back for gap in ended.gaps] == [HeldBack(34, 40, DoubtEnd.SETTLED)]


async def test_a_loss_that_was_believed_and_came_back_all_the_same_is_back(covered: Keeper) -> None:
    await covered.reach(600, POLYGON_SILENT, asked=BOTH, lost=LOST)
    await told(covered)
    assert await covered.believe_losses(POLYGON)

    await covered.reach(660, ALL_ANSWER, asked=BOTH)

    assert await told(covered) == [SeenAgain((on_hold(DoubtEnd.BACK),), 0)]
