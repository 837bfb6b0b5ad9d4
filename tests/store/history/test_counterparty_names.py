"""What an alert knows of those whom its change was with: their names here, and who is new or forged."""

from datetime import datetime, timedelta

from bot.domain.assets import Address
from bot.domain.deliver.alerts import Alert, ChangeAlert
from bot.domain.explain.explanations import Explanation, ExplanationOutcome, Leg
from bot.domain.explain.names import NO_NAMES, CounterpartyNames
from bot.domain.explain.transfers import NOBODY, TransactionHash
from bot.domain.places import Place
from bot.store.chats import names
from bot.store.explain.explanations import save_explanations
from bot.store.history.counterparty_names import (
    KNOWN_AFTER,
    unnamed_counterparties,
    with_counterparties,
)
from tests.builders import NOON, TREASURY, USDC, VAULT, held, reading
from tests.store.conftest import OLGA, OPS, Keeper, olga

PAYROLL = Address("0x91c4000000000000000000000000000000aabe31")
FORGED = Address("0x91c4000000000000000000000000000000bbbe31")
RENT = Address("0x6a3b000000000000000000000000000000009d27")
MONTH = NOON + KNOWN_AFTER


def leg(counterparty: Address, amount: int = 5) -> Leg:
    return Leg(counterparty, amount, None, TransactionHash(f"0x{1:064x}"), 0, 12, NOON)


async def paid(keeper: Keeper, *counterparties: Address, when: datetime = NOON) -> None:
    """Let the treasury change, by transfers with these."""
    (block,) = (await keeper.value("SELECT coalesce(max(id), 0) FROM change"),)
    await keeper.record(reading({USDC: held(block + 10, block=block + 10)}, native=1), when=when)
    (change_id,) = (await keeper.value("SELECT max(id) FROM change"),)
    explanation = Explanation(
        outcome=ExplanationOutcome.EXPLAINED, legs=tuple(map(leg, counterparties)), listed_at=when
    )
    await keeper.db.run(save_explanations, {change_id: explanation}, when)


async def known(keeper: Keeper, place: Place = OLGA) -> list[CounterpartyNames]:
    """Return what is known with each change that waits for a place."""
    waiting: list[Alert] = await keeper.alerts(place)
    alerts = await keeper.db.run(with_counterparties, waiting)
    return [one.counterparties for one in alerts if isinstance(one, ChangeAlert)]


async def begin(keeper: Keeper) -> Keeper:
    await keeper.watch(label="Treasury")
    await keeper.watch(place=OPS)
    await keeper.record(reading({USDC: 5}, native=1))
    await keeper.deliver_all()
    return keeper


async def test_each_destination_calls_a_counterparty_by_its_own_name(keeper: Keeper) -> None:
    await begin(keeper)
    await keeper.db.run(names.give_name, OLGA, PAYROLL, "Payroll", olga())
    await keeper.db.run(names.give_name, OPS, PAYROLL, "Salaries", olga())
    await paid(keeper, PAYROLL, RENT)

    assert [one.names for one in await known(keeper, OPS)] == [{PAYROLL: "Salaries"}]


async def test_the_label_of_a_watched_account_is_its_name(keeper: Keeper) -> None:
    await begin(keeper)
    await keeper.watch(account=VAULT, label="Savings")
    await paid(keeper, VAULT)

    (here,) = await known(keeper)

    assert here == CounterpartyNames(names={VAULT: "Savings"})


async def test_nobody_and_the_account_itself_have_no_name(keeper: Keeper) -> None:
    await begin(keeper)
    await paid(keeper, NOBODY, TREASURY)

    assert await known(keeper) == [NO_NAMES]


async def test_nobody_is_new_before_counterparties_were_stored_for_a_month(keeper: Keeper) -> None:
    await begin(keeper)
    await paid(keeper, PAYROLL)
    await keeper.deliver_all()
    await paid(keeper, RENT, when=MONTH - timedelta(seconds=1))

    assert [one.first_time for one in await known(keeper)] == [frozenset()]


async def test_after_a_month_who_was_never_seen_is_new_once(keeper: Keeper) -> None:
    await begin(keeper)
    await paid(keeper, PAYROLL)
    await keeper.deliver_all()
    await paid(keeper, RENT, PAYROLL, when=MONTH)
    await paid(keeper, RENT, when=MONTH + timedelta(minutes=1))

    assert [one.first_time for one in await known(keeper)] == [frozenset({RENT}), frozenset()]


async def test_who_has_a_name_is_never_new(keeper: Keeper) -> None:
    await begin(keeper)
    await keeper.db.run(names.give_name, OLGA, RENT, "Rent", olga())
    await paid(keeper, PAYROLL)
    await keeper.deliver_all()
    await paid(keeper, RENT, when=MONTH)

    assert [one.first_time for one in await known(keeper)] == [frozenset()]


async def test_what_looks_like_a_named_address_is_known_for_it(keeper: Keeper) -> None:
    await begin(keeper)
    await keeper.db.run(names.give_name, OLGA, PAYROLL, "Payroll", olga())
    await paid(keeper, FORGED)

    assert await known(keeper) == [
        CounterpartyNames(names={PAYROLL: "Payroll"}, look_alikes={FORGED: PAYROLL})
    ]


async def test_what_looks_like_an_earlier_counterparty_is_known_for_it_and_that_one_is_not(
    keeper: Keeper,
) -> None:
    await begin(keeper)
    await paid(keeper, PAYROLL)
    await paid(keeper, FORGED)
    await paid(keeper, PAYROLL)

    assert [one.look_alikes for one in await known(keeper)] == [{}, {FORGED: PAYROLL}, {}]


async def test_what_looks_like_a_watched_account_without_a_label_is_known_for_it(keeper: Keeper) -> None:
    await begin(keeper)
    await keeper.watch(account=PAYROLL)
    await paid(keeper, FORGED)

    assert [one.look_alikes for one in await known(keeper)] == [{FORGED: PAYROLL}]


async def test_a_forged_address_that_somebody_named_is_not_warned_of(keeper: Keeper) -> None:
    await begin(keeper)
    await keeper.db.run(names.give_name, OLGA, PAYROLL, "Payroll", olga())
    await keeper.db.run(names.give_name, OLGA, FORGED, "Payroll of Paris", olga())
    await paid(keeper, FORGED)

    assert [one.look_alikes for one in await known(keeper)] == [{}]


async def test_what_nobody_explained_has_no_names(keeper: Keeper) -> None:
    await begin(keeper)
    await keeper.record(reading({USDC: held(9, block=9)}, native=1))

    assert await known(keeper) == [NO_NAMES]


async def test_a_message_knows_who_in_it_has_no_name_but_for_forged_ones(keeper: Keeper) -> None:
    await begin(keeper)
    await keeper.db.run(names.give_name, OLGA, PAYROLL, "Payroll", olga())
    await paid(keeper, PAYROLL, RENT, NOBODY)
    await paid(keeper, FORGED, VAULT, RENT)
    delivery = (await keeper.claim(OLGA.chat_id)).delivery
    assert delivery is not None

    unnamed = await keeper.db.run(unnamed_counterparties, delivery.id)

    assert unnamed == [RENT, VAULT]
