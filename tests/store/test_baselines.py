import pytest

from bot.domain.chat.subscribe import SubscribeOutcome
from bot.domain.deliver.alerts import Baseline
from tests.builders import BASE, DAI, ETHEREUM, POLYGON, TREASURY, USDC, VAULT, reading
from tests.store.conftest import ALERTS_TOPIC, OLGA, OPS, Keeper


def baseline(
    balances: int,
    *,
    chains: tuple[int, ...] = (POLYGON,),
    unanswered: tuple[int, ...] = (),
    label: str = "",
    account: str = TREASURY,
    contracts: tuple[str, ...] = (),
) -> Baseline:
    return Baseline(account, label, balances, chains, unanswered, contracts)  # type: ignore[arg-type]


async def test_a_first_reading_is_one_notice_for_each_destination(keeper: Keeper) -> None:
    await keeper.watch(label="Treasury")
    await keeper.watch(place=OPS)
    await keeper.watch(place=ALERTS_TOPIC, label="Cold")

    assert await keeper.record(reading({USDC: 5, DAI: 3}, native=100)) == 3

    assert await keeper.baselines(OLGA) == [baseline(3, label="Treasury")]
    assert await keeper.baselines(OPS) == [baseline(3)]
    assert await keeper.baselines(ALERTS_TOPIC) == [baseline(3, label="Cold")]


async def test_chains_of_one_reading_share_a_notice_that_names_those_without_an_answer(
    keeper: Keeper,
) -> None:
    await keeper.watch()

    await keeper.record(
        reading({USDC: 5}, native=100),
        reading({}, native=7, chain_id=ETHEREUM),
        reading(None, native=None, chain_id=BASE),
    )

    assert await keeper.baselines() == [baseline(3, chains=(POLYGON, ETHEREUM), unanswered=(BASE,))]


async def test_a_chain_that_answers_later_is_told_then(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.record(reading({USDC: 5}, native=100), reading(None, chain_id=BASE))
    assert await keeper.baselines() == [baseline(2, unanswered=(BASE,))]

    await keeper.record(reading({USDC: 5}, native=100), reading({DAI: 1}, native=1, chain_id=BASE))

    assert await keeper.baselines() == [baseline(2, chains=(BASE,))]


async def test_an_account_that_gave_no_answer_at_all_has_no_baseline_yet(keeper: Keeper) -> None:
    await keeper.watch()

    assert await keeper.record(reading(None, native=None)) == 0
    assert await keeper.baselines() == []


async def test_an_account_that_holds_nothing_is_told_so(keeper: Keeper) -> None:
    await keeper.watch()

    await keeper.record(reading({}, native=0))

    assert await keeper.baselines() == [baseline(0)]


async def test_each_account_has_its_own_notice(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.watch(VAULT)

    await keeper.record(reading({USDC: 5}, native=1), reading({}, native=1, account=VAULT))

    assert await keeper.baselines() == [baseline(2), baseline(1, account=VAULT)]


async def test_what_only_others_asked_for_is_not_counted(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.watch(contracts=[USDC], place=OPS)
    await keeper.watch(chains=[BASE], place=ALERTS_TOPIC)

    await keeper.record(
        reading({USDC: 5, DAI: 3}, native=100, named={USDC: 5}), reading({DAI: 1}, native=1, chain_id=BASE)
    )

    assert await keeper.baselines(OLGA) == [baseline(5, chains=(POLYGON, BASE))]
    assert await keeper.baselines(OPS) == [baseline(1, unanswered=(BASE,))]
    assert await keeper.baselines(ALERTS_TOPIC) == [baseline(2, chains=(BASE,))]


async def test_a_token_that_is_named_of_an_account_watched_before_is_told_as_that(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.watch(contracts=[USDC], place=OPS)
    await keeper.record(reading({USDC: 5}, native=100, named={USDC: 5}))

    await keeper.watch(None, contracts=[DAI])
    await keeper.watch(None, contracts=[DAI], place=OPS)
    await keeper.record(reading({USDC: 5}, native=100, named={USDC: 5, DAI: 3}))

    assert await keeper.baselines(OLGA) == [baseline(2), baseline(1, contracts=(DAI,))]
    assert await keeper.baselines(OPS) == [baseline(1), baseline(1)]


async def test_what_another_chat_named_is_not_counted_as_listed(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.watch(contracts=[DAI], place=OPS)

    await keeper.record(reading({USDC: 5}, native=100, named={DAI: 9}))

    assert await keeper.baselines(OLGA) == [baseline(2)]
    assert await keeper.baselines(OPS) == [baseline(1)]


async def test_what_was_known_through_lists_counts_for_who_names_it_later(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.record(reading({USDC: 5}, native=100))
    await keeper.deliver_all()
    await keeper.watch(contracts=[USDC], place=OPS)

    await keeper.record(reading({USDC: 5}, native=100, named={USDC: 5}))

    assert await keeper.baselines(OPS) == [baseline(1)]
    assert await keeper.baselines(OLGA) == []


async def test_what_was_known_by_name_counts_for_who_asks_for_everything_later(keeper: Keeper) -> None:
    await keeper.watch(contracts=[USDC], place=OPS)
    await keeper.record(reading(named={USDC: 5}))
    await keeper.deliver_all()
    await keeper.watch()

    await keeper.record(reading({USDC: 5, DAI: 1}, native=100, named={USDC: 5}))

    assert await keeper.baselines(OLGA) == [baseline(3)]
    assert await keeper.baselines(OPS) == []


async def test_a_baseline_of_one_chat_beside_a_change_for_another(keeper: Keeper) -> None:
    await keeper.watch(contracts=[USDC], place=OPS)
    await keeper.record(reading(named={USDC: 5}))
    await keeper.deliver_all()
    await keeper.watch()

    await keeper.record(reading({USDC: 7}, native=100, named={USDC: 7}))

    assert await keeper.baselines(OLGA) == [baseline(2)]
    assert await keeper.changes(OPS) == [(USDC, 5, 7)]


async def test_a_chat_that_asks_for_what_is_covered_learns_at_once_and_gets_no_notice(
    keeper: Keeper,
) -> None:
    await keeper.watch()
    await keeper.record(reading({USDC: 5}, native=100))
    await keeper.deliver_all()

    subscribed = await keeper.watch(place=OPS, label="Ours")

    assert subscribed.known == baseline(2, label="Ours")
    await keeper.record(reading({USDC: 5}, native=100))
    assert await keeper.baselines(OPS) == []


async def test_what_another_chat_named_is_not_known_as_listed(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.watch(contracts=[DAI], place=OPS)
    await keeper.record(reading({USDC: 5}, native=100, named={DAI: 9}))

    assert (await keeper.watch(place=ALERTS_TOPIC)).known == baseline(2)
    assert (await keeper.watch(contracts=[DAI], place=ALERTS_TOPIC)).known == baseline(1)


@pytest.mark.parametrize(
    ("contracts", "chains"), [([DAI], []), ([], [POLYGON, BASE]), ([], [BASE]), ([USDC], [])]
)
async def test_a_wish_with_anything_still_to_be_read_is_not_known(
    keeper: Keeper, contracts: list[str], chains: list[int]
) -> None:
    await keeper.watch()
    await keeper.record(reading({USDC: 5}, native=100))

    subscribed = await keeper.watch(contracts=contracts, chains=chains, place=OPS)  # type: ignore[arg-type]

    assert subscribed.outcome is SubscribeOutcome.CREATED
    assert subscribed.known is None


async def test_a_contract_alone_is_never_known(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.record(reading({USDC: 5}, native=100))

    assert (await keeper.watch(None, contracts=[USDC])).known is None
