from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.gateway.transfers import NOBODY, SOMEBODY, Sending
from bot.sandbox.gateway.world import Contract, GatewayChain, GatewayWorld

ALICE = "0x00000000000000000000000000000000000a11ce"
BOB = "0x0000000000000000000000000000000000000b0b"
COIN = "0xc014000000000000000000000000000000000000"
CARDS = "0xca4d500000000000000000000000000000000000"
NOON = datetime(2026, 5, 20, 12, tzinfo=UTC)


def new_world() -> GatewayWorld:
    world = GatewayWorld(lambda: NOON)
    world.add_chain(
        GatewayChain(chain_id=7, name="seven", native_name="Seven", native_symbol="SVN"), block=100
    )
    world.add_contract(
        Contract(chain_id=7, address=COIN, kind="ERC20", symbol="COIN", name="Coin", decimals=6)
    )
    world.add_contract(Contract(chain_id=7, address=CARDS, kind="ERC1155", symbol="CARD", name="Cards"))
    return world


@pytest.fixture
def world() -> GatewayWorld:
    return new_world()


def listed(world: GatewayWorld) -> list[tuple[int, int, str | None, str, str, object]]:
    return [
        (each.block, each.log_index, each.contract, each.sender, each.receiver, dict(each.amounts))
        for each in world.transfers(7)
    ]


def test_what_comes_is_from_somebody_and_what_leaves_is_to_them(world: GatewayWorld) -> None:
    world.set_token(7, COIN, ALICE.upper().replace("X", "x"), 100)
    world.move(7, COIN, ALICE, -60)
    world.set_native(7, ALICE, 5)

    assert listed(world) == [
        (101, 0, COIN, SOMEBODY, ALICE, {0: 100}),
        (102, 0, COIN, ALICE, SOMEBODY, {0: 60}),
        (103, 0, None, SOMEBODY, ALICE, {0: 5}),
    ]
    assert {each.at for each in world.transfers(7)} == {NOON}


def test_a_counterparty_can_be_named_and_holds_nothing_by_it(world: GatewayWorld) -> None:
    world.set_token(7, CARDS, ALICE, 3, token_id=11, counterparty=NOBODY)
    world.move(7, CARDS, ALICE, -1, token_id=11, counterparty=BOB)

    assert listed(world) == [
        (101, 0, CARDS, NOBODY, ALICE, {11: 3}),
        (102, 0, CARDS, ALICE, BOB, {11: 1}),
    ]
    assert world.token(7, CARDS, BOB, token_id=11) == 0
    assert world.transfers(7, BOB) == world.transfers(7)[1:]


def test_a_change_can_happen_without_a_transfer(world: GatewayWorld) -> None:
    world.set_token(7, COIN, ALICE, 100, counterparty=None)
    world.set_native(7, ALICE, 100, counterparty=None)
    world.drift(7, COIN, ALICE, 101)

    assert world.token(7, COIN, ALICE) == 101
    assert world.transfers(7) == ()


def test_what_does_not_change_is_no_transfer(world: GatewayWorld) -> None:
    world.set_token(7, COIN, ALICE, 0)
    world.set_native(7, ALICE, 5)
    world.set_native(7, ALICE, 5)

    assert len(world.transfers(7)) == 1


def test_accounts_that_pay_each_other_both_change_in_one_block(world: GatewayWorld) -> None:
    world.set_token(7, COIN, ALICE, 100)
    world.transfer(7, COIN, ALICE, BOB, 30)

    assert (world.token(7, COIN, ALICE), world.token(7, COIN, BOB)) == (70, 30)
    assert {held[COIN][0].block for held in (world.tokens(7, ALICE), world.tokens(7, BOB))} == {102}
    assert listed(world)[1:] == [(102, 0, COIN, ALICE, BOB, {0: 30})]


def test_one_transaction_has_several_transfers_and_each_of_them_several_items(world: GatewayWorld) -> None:
    world.set_native(7, BOB, 9)
    world.set_token(7, CARDS, ALICE, 2, token_id=11)
    world.set_token(7, CARDS, ALICE, 3, token_id=12)
    world.transact(
        7,
        Sending(CARDS, ALICE, BOB, {12: 3, 11: 1}),
        Sending(None, BOB, ALICE, {0: 4}),
        Sending(COIN, NOBODY, BOB, {0: 8}),
    )

    first, second, third = world.transfers(7)[-3:]
    assert [each.log_index for each in (first, second, third)] == [0, 1, 2]
    assert first.transaction == second.transaction == third.transaction != world.transfers(7)[0].transaction
    assert first.amounts == ((11, 1), (12, 3))
    assert (world.native(7, ALICE), world.native(7, BOB), world.token(7, COIN, BOB)) == (4, 5, 8)
    assert {holding.block for holding in world.tokens(7, BOB)[CARDS].values()} == {104} == {world.block(7)}


def test_who_pays_themselves_has_a_transfer_and_no_change(world: GatewayWorld) -> None:
    world.set_token(7, COIN, ALICE, 100)
    world.transfer(7, COIN, ALICE, ALICE, 30)

    assert world.tokens(7, ALICE)[COIN][0].block == 101
    assert world.transfers(7)[-1].change(ALICE) == 0
    assert len(world.transfers(7, ALICE)) == 2


@pytest.mark.parametrize(
    ("sending", "sentence"),
    [
        (Sending(COIN, ALICE, BOB, {0: 101}), "below zero, and this one would be -1"),
        (Sending(COIN, ALICE, BOB, {0: -1}), "nobody can send less than nothing, and this would be -1"),
        (Sending(COIN, ALICE, BOB, {5: 1}), "is an ERC20 and has no token ids"),
        (Sending(None, ALICE, BOB, {5: 1}), "a native coin has no token ids"),
        (Sending(BOB, ALICE, BOB, {0: 1}), "has no contract"),
        (Sending(COIN, ALICE, "bob", {0: 1}), "an address is 0x and 40"),
    ],
)
def test_a_transaction_of_which_one_transfer_is_impossible_does_not_happen(
    world: GatewayWorld, sending: Sending, sentence: str
) -> None:
    world.set_token(7, COIN, ALICE, 100)

    with pytest.raises(ValueError, match=sentence):
        world.transact(7, Sending(COIN, NOBODY, BOB, {0: 1}), sending)

    assert (world.block(7), len(world.transfers(7)), world.token(7, COIN, BOB)) == (101, 1, 0)


def test_a_reorganisation_takes_newer_transfers_back(world: GatewayWorld) -> None:
    world.set_token(7, COIN, ALICE, 6)
    world.set_token(7, COIN, ALICE, 9)
    kept = world.transfers(7)[:1]
    world.reorganise(7, COIN, ALICE, 6, block=101)

    assert world.transfers(7) == world.transfers(7, SOMEBODY) == kept


def test_a_reorganisation_lists_another_transaction_for_what_differs(world: GatewayWorld) -> None:
    world.set_token(7, COIN, ALICE, 6)
    world.set_token(7, COIN, ALICE, 9)
    before = world.transfers(7)
    world.reorganise(7, COIN, ALICE, 4, block=101)

    assert listed(world) == [(101, 0, COIN, SOMEBODY, ALICE, {0: 6}), (101, 1, COIN, ALICE, SOMEBODY, {0: 2})]
    assert world.transfers(7)[1].transaction not in {each.transaction for each in before}


def test_a_reorganisation_leaves_other_items_of_a_transfer(world: GatewayWorld) -> None:
    world.set_token(7, CARDS, ALICE, 1, token_id=11)
    world.transact(7, Sending(CARDS, NOBODY, ALICE, {11: 1, 12: 5}))
    world.reorganise(7, CARDS, ALICE, 1, block=101, token_id=11)

    assert listed(world)[1:] == [(102, 0, CARDS, NOBODY, ALICE, {12: 5})]


def test_a_transaction_can_get_another_hash_and_nothing_else_changes(world: GatewayWorld) -> None:
    world.set_token(7, COIN, ALICE, 6)
    world.transact(7, Sending(COIN, ALICE, BOB, {0: 1}), Sending(COIN, ALICE, BOB, {0: 2}))
    before, old = listed(world), world.transfers(7)[-1].transaction

    new = world.rename_transaction(7, old)

    assert listed(world) == before
    assert [each.transaction for each in world.transfers(7)][1:] == [new, new]
    assert new != old
    with pytest.raises(ValueError, match="has no transaction"):
        world.rename_transaction(7, old)


Step = Callable[[GatewayWorld], object]

AMOUNTS = st.integers(min_value=0, max_value=100)
PEOPLE = st.sampled_from((ALICE, BOB))
IDS = st.sampled_from((11, 12))
STEPS: st.SearchStrategy[Step] = st.one_of(
    st.builds(lambda who, amount: lambda world: world.set_native(7, who, amount), PEOPLE, AMOUNTS),
    st.builds(lambda who, amount: lambda world: world.set_token(7, COIN, who, amount), PEOPLE, AMOUNTS),
    st.builds(
        lambda who, amount, item: lambda world: world.set_token(7, CARDS, who, amount, item),
        PEOPLE,
        AMOUNTS,
        IDS,
    ),
    st.builds(lambda who, amount: lambda world: world.transfer(7, None, who, BOB, amount), PEOPLE, AMOUNTS),
    st.builds(
        lambda who, amounts: lambda world: world.transact(7, Sending(CARDS, who, ALICE, amounts)),
        PEOPLE,
        st.dictionaries(IDS, AMOUNTS, min_size=1),
    ),
    st.builds(
        lambda who, amount, block: lambda world: world.reorganise(7, COIN, who, amount, block),
        PEOPLE,
        AMOUNTS,
        st.integers(min_value=95, max_value=130),
    ),
)


@given(st.lists(STEPS, max_size=20))
def test_the_transfers_of_an_account_sum_up_to_what_it_holds(steps: list[Step]) -> None:
    world = new_world()
    for step in steps:
        try:
            step(world)
        except ValueError:
            continue

    for who in (ALICE, BOB):
        own = world.transfers(7, who)
        assert world.native(7, who) == sum(each.change(who) for each in own if each.contract is None)
        assert world.token(7, COIN, who) == sum(each.change(who) for each in own if each.contract == COIN)
        for item in (11, 12):
            held = world.token(7, CARDS, who, item)
            assert held == sum(each.change(who, item) for each in own if each.contract == CARDS)
