"""What a message tells of, for the buttons under it."""

import pytest

from bot.domain.assets import ChainId, Description
from bot.domain.deliver.delivery import About
from bot.domain.explain.explanations import Explanation, ExplanationOutcome, Leg, WhyUnknown
from bot.store.chats import samples
from bot.store.explain.explanations import save_explanations
from bot.store.outbox import delivered
from tests.builders import (
    BASE,
    DAI,
    NOON,
    POLYGON,
    TREASURY,
    USDC,
    VAULT,
    Amounts,
    address,
    asset,
    reading,
    transaction,
)
from tests.store.conftest import ALERTS_TOPIC, OLGA, OPS, Keeper

USDC_ON_BOTH = {asset(USDC, chain_id): Description("ERC20", "USDC", 6) for chain_id in (POLYGON, BASE)}


async def told(keeper: Keeper, *changed: tuple[Amounts, int]) -> int:
    """Let tokens and the coin of the treasury change, and return the row of the message that tells it."""
    for amounts, native in changed:
        await keeper.record(reading(amounts, native=native), descriptions=USDC_ON_BOTH)
    taken = await keeper.claim(OLGA.chat_id)
    assert taken.delivery is not None
    await keeper.sent(taken.delivery)
    return taken.delivery.id


async def about(keeper: Keeper, row: int) -> About:
    found = await keeper.db.run(delivered.find_delivery, row, OLGA.chat_id)
    assert found is not None
    return found.about


def about_usdc(*chains: ChainId, lacks_transfers: bool = True) -> About:
    on = frozenset(chains or (POLYGON,))
    return About((TREASURY,), USDC, "USDC", on, lacks_transfers=lacks_transfers)


async def begin(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.record(reading({USDC: 5, DAI: 5}, native=1), descriptions=USDC_ON_BOTH)
    await keeper.deliver_all()


async def test_a_message_of_one_token_names_it_and_its_chains(keeper: Keeper) -> None:
    await begin(keeper)

    row = await told(keeper, ({USDC: 6, DAI: 5}, 1), ({USDC: 7, DAI: 5}, 1))

    assert await about(keeper, row) == about_usdc()


async def test_a_message_of_several_things_or_of_a_coin_names_no_token(keeper: Keeper) -> None:
    await begin(keeper)

    both = await told(keeper, ({USDC: 6, DAI: 6}, 1))
    with_coin = await told(keeper, ({USDC: 7, DAI: 6}, 2))
    coin = await told(keeper, ({USDC: 7, DAI: 6}, 3))

    assert [await about(keeper, row) for row in (both, with_coin, coin)] == [
        About((TREASURY,), chains=frozenset({POLYGON}), lacks_transfers=True)
    ] * 3


async def test_one_contract_on_two_chains_is_one_token(keeper: Keeper) -> None:
    await keeper.watch()
    rows = []
    for amount in (5, 6):
        await keeper.record(
            reading({USDC: amount}, native=1),
            reading({USDC: amount}, native=1, chain_id=BASE),
            descriptions=USDC_ON_BOTH,
        )
        rows += [delivery.id for delivery in await keeper.deliver_all()]

    assert await about(keeper, rows[-1]) == about_usdc(POLYGON, BASE)


async def test_what_leaves_says_what_it_is_about(keeper: Keeper) -> None:
    await begin(keeper)
    await keeper.watch(VAULT)
    await keeper.record(reading({USDC: 6, DAI: 5}, native=1), reading({USDC: 1}, account=VAULT))

    (delivery,) = await keeper.due()

    assert delivery.about == about_usdc()


async def test_a_message_of_first_readings_alone_says_whose_they_are(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.record(reading({USDC: 5}, native=1))
    (first,) = await keeper.deliver_all()
    await keeper.watch(VAULT)
    await keeper.record(reading({USDC: 6}, native=1), reading({USDC: 1}, native=1, account=VAULT))
    (mixed,) = await keeper.deliver_all()

    assert first.about == About((TREASURY,), chains=frozenset({POLYGON}), is_first_reading=True)
    assert await about(keeper, first.id) == first.about
    assert mixed.about.accounts == (TREASURY,)
    assert not mixed.about.is_first_reading


async def test_a_message_of_other_notices_or_of_another_chat_is_not_found(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.record(reading({USDC: 5}, native=1))
    await keeper.deliver_all()
    row = await told(keeper, ({USDC: 6}, 1))
    await keeper.db.run(samples.enqueue_sample, OLGA, NOON)
    (first,) = await keeper.deliver_all()

    assert first.about == About()
    assert await keeper.db.run(delivered.find_delivery, first.id, OLGA.chat_id) is None
    assert await keeper.db.run(delivered.find_delivery, row, OPS.chat_id) is None
    assert await keeper.db.run(delivered.find_delivery, row, OLGA.chat_id) is not None


async def test_a_message_of_a_lost_topic_is_found_astray(keeper: Keeper) -> None:
    await keeper.watch(place=ALERTS_TOPIC)
    await keeper.record(reading({USDC: 5}, native=1))
    await keeper.deliver_all()
    await keeper.record(reading({USDC: 6}, native=1))
    (delivery,) = await keeper.due()
    before = await keeper.db.run(delivered.find_delivery, delivery.id, ALERTS_TOPIC.chat_id)
    await keeper.script("UPDATE destination SET lost = 'closed'")
    after = await keeper.db.run(delivered.find_delivery, delivery.id, ALERTS_TOPIC.chat_id)

    assert before is not None
    assert after is not None
    assert (before.place, before.is_fallback, after.is_fallback) == (ALERTS_TOPIC, False, True)


def explained(*amounts: int, outcome: ExplanationOutcome = ExplanationOutcome.EXPLAINED) -> Explanation:
    """Return an explanation with so many counterparties."""
    legs = tuple(
        Leg(address(number), amount, None, transaction(number), 0, 12, NOON)
        for number, amount in enumerate(amounts, 1)
    )
    return Explanation(outcome=outcome, legs=legs, listed_at=NOON)


@pytest.mark.parametrize(
    ("found", "lacks"),
    [
        (explained(1), False),
        (explained(1, 1, -1), False),
        (explained(1, 1, 1, -2), True),
        (explained(2, outcome=ExplanationOutcome.PARTLY), True),
        (Explanation(outcome=ExplanationOutcome.UNKNOWN, why_unknown=WhyUnknown.QUOTA), True),
        (Explanation(outcome=ExplanationOutcome.UNKNOWN, why_unknown=WhyUnknown.REBASING), False),
    ],
)
async def test_a_message_says_whether_more_is_to_be_said_of_its_transfers(
    keeper: Keeper, found: Explanation, *, lacks: bool
) -> None:
    await begin(keeper)
    row = await told(keeper, ({USDC: 6, DAI: 5}, 1))

    await keeper.db.run(save_explanations, {1: found}, NOON)

    assert await about(keeper, row) == about_usdc(lacks_transfers=lacks)
