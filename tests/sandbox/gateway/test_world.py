import pytest

from bot.sandbox.gateway.world import (
    EXAMPLE_ACCOUNT,
    MAX_AMOUNT,
    Contract,
    GatewayChain,
    GatewayWorld,
    HeldAmount,
    example_world,
)

ALICE = "0x00000000000000000000000000000000000A11CE"
COIN = "0xC014000000000000000000000000000000000000"
CARDS = "0xca4d500000000000000000000000000000000000"


@pytest.fixture
def world() -> GatewayWorld:
    world = GatewayWorld()
    world.add_chain(
        GatewayChain(chain_id=7, name="seven", native_name="Seven", native_symbol="SVN"), block=100
    )
    world.add_contract(
        Contract(chain_id=7, address=COIN, kind="ERC20", symbol="COIN", name="Coin", decimals=6)
    )
    world.add_contract(Contract(chain_id=7, address=CARDS, kind="ERC1155", symbol="CARD", name="Cards"))
    return world


def test_a_stranger_holds_nothing(world: GatewayWorld) -> None:
    assert world.native(7, ALICE) == 0
    assert world.token(7, COIN, ALICE) == 0
    assert world.tokens(7, ALICE) == {}


def test_what_is_set_is_held_whatever_the_case_of_the_address(world: GatewayWorld) -> None:
    world.set_native(7, ALICE, 5)
    world.set_token(7, COIN, ALICE.lower(), 6)

    assert world.native(7, ALICE.lower()) == 5
    assert world.token(7, COIN.lower(), ALICE) == 6
    assert world.accounts(7) == (ALICE.lower(),)


def test_each_change_advances_the_block_and_is_remembered_with_it(world: GatewayWorld) -> None:
    world.set_native(7, ALICE, 5)
    world.set_token(7, COIN, ALICE, 6)

    assert world.block(7) == 102
    assert world.tokens(7, ALICE)[COIN.lower()] == {0: HeldAmount(6, 102)}


def test_setting_the_same_amount_advances_the_block_and_changes_no_holding(world: GatewayWorld) -> None:
    world.set_token(7, COIN, ALICE, 6)
    world.set_token(7, COIN, ALICE, 6)

    assert world.block(7) == 102
    assert world.tokens(7, ALICE)[COIN.lower()] == {0: HeldAmount(6, 101)}


def test_a_collection_is_held_by_token_id(world: GatewayWorld) -> None:
    world.set_token(7, CARDS, ALICE, 2, token_id=11)
    world.set_token(7, CARDS, ALICE, 3, token_id=12)

    assert world.token(7, CARDS, ALICE, token_id=11) == 2
    assert world.tokens(7, ALICE)[CARDS] == {11: HeldAmount(2, 101), 12: HeldAmount(3, 102)}


def test_a_move_adds_to_what_is_held_and_takes_from_it(world: GatewayWorld) -> None:
    world.move(7, None, ALICE, 10)
    world.move(7, None, ALICE, -4)
    world.move(7, COIN, ALICE, 5)
    world.move(7, CARDS, ALICE, 1, token_id=11)

    assert world.native(7, ALICE) == 6
    assert world.token(7, COIN, ALICE) == 5
    assert world.token(7, CARDS, ALICE, token_id=11) == 1


def test_amounts_are_exact_up_to_the_last_unit(world: GatewayWorld) -> None:
    world.set_native(7, ALICE, MAX_AMOUNT)

    assert world.native(7, ALICE) == 2**256 - 1


@pytest.mark.parametrize(
    ("amount", "sentence"),
    [
        (-1, "a balance cannot be below zero, and this one would be -1"),
        (MAX_AMOUNT + 1, f"a balance cannot be above 2**256-1, and this one would be {MAX_AMOUNT + 1}"),
    ],
)
def test_an_impossible_amount_is_refused_and_nothing_happens(
    world: GatewayWorld, amount: int, sentence: str
) -> None:
    with pytest.raises(ValueError, match="a balance cannot be") as refusal:
        world.set_token(7, COIN, ALICE, amount)

    assert str(refusal.value) == sentence
    assert world.block(7) == 100
    assert world.tokens(7, ALICE) == {}


def test_more_than_is_held_cannot_be_moved_away(world: GatewayWorld) -> None:
    world.set_native(7, ALICE, 3)

    with pytest.raises(ValueError, match="below zero, and this one would be -1"):
        world.move(7, None, ALICE, -4)

    assert world.native(7, ALICE) == 3


def test_an_unknown_chain_is_refused(world: GatewayWorld) -> None:
    with pytest.raises(ValueError, match="chain 8 is not in this world"):
        world.set_native(8, ALICE, 1)


def test_an_unknown_contract_is_refused(world: GatewayWorld) -> None:
    with pytest.raises(ValueError, match="chain 7 has no contract 0x0000"):
        world.set_token(7, "0x" + "00" * 20, ALICE, 1)


def test_what_is_no_address_is_refused(world: GatewayWorld) -> None:
    with pytest.raises(ValueError, match="an address is 0x and 40 hexadecimal digits, not 'alice'"):
        world.set_native(7, "alice", 1)


def test_an_erc20_takes_no_token_id(world: GatewayWorld) -> None:
    with pytest.raises(ValueError, match="is an ERC20 and has no token ids"):
        world.set_token(7, COIN, ALICE, 1, token_id=1)


def test_a_collection_needs_a_token_id(world: GatewayWorld) -> None:
    with pytest.raises(ValueError, match="is an ERC1155: say which token id"):
        world.set_token(7, CARDS, ALICE, 1)


def test_a_token_id_has_256_bits(world: GatewayWorld) -> None:
    world.set_token(7, CARDS, ALICE, 1, token_id=MAX_AMOUNT)

    with pytest.raises(ValueError, match="a token id is between 0 and"):
        world.set_token(7, CARDS, ALICE, 1, token_id=MAX_AMOUNT + 1)


def test_blocks_pass_forward(world: GatewayWorld) -> None:
    world.advance(7, to_block=200)

    assert world.block(7) == 200


def test_blocks_do_not_pass_backward(world: GatewayWorld) -> None:
    with pytest.raises(ValueError, match="chain 7 is at block 100 already"):
        world.advance(7, to_block=99)


# What was


def test_a_past_block_shows_what_was_held_when_the_chain_was_there(world: GatewayWorld) -> None:
    world.set_native(7, ALICE, 5)  # block 101
    world.set_token(7, COIN, ALICE, 6)
    world.set_native(7, ALICE, 8)
    world.set_token(7, COIN, ALICE, 9)

    assert [world.native(7, ALICE, at_block=block) for block in (100, 101, 102, 103)] == [0, 5, 5, 8]
    assert world.tokens(7, ALICE, at_block=101) == {}
    assert world.tokens(7, ALICE, at_block=103) == {COIN.lower(): {0: HeldAmount(6, 102)}}
    assert world.tokens(7, ALICE, at_block=104) == world.tokens(7, ALICE)


def test_the_native_amount_before_the_last_is_remembered(world: GatewayWorld) -> None:
    world.set_native(7, ALICE, 5)
    world.set_native(7, ALICE, 8)
    world.set_native(7, ALICE, 8)

    assert world.native_before(7, ALICE) == 5


def test_before_its_first_native_amount_an_account_had_none(world: GatewayWorld) -> None:
    world.set_native(7, ALICE, 5)

    assert world.native_before(7, ALICE) == 0
    assert world.native_before(7, COIN) == 0


# What chains do beside moving forward


def test_a_drift_changes_an_amount_and_leaves_its_block(world: GatewayWorld) -> None:
    world.set_token(7, COIN, ALICE, 6)
    world.drift(7, COIN, ALICE, 7)

    assert world.tokens(7, ALICE)[COIN.lower()] == {0: HeldAmount(7, 101)}
    assert world.block(7) == 102
    assert world.tokens(7, ALICE, at_block=101)[COIN.lower()] == {0: HeldAmount(6, 101)}


def test_a_reorganisation_takes_a_balance_back_to_an_older_block(world: GatewayWorld) -> None:
    world.set_token(7, CARDS, ALICE, 6, token_id=11)
    world.set_token(7, CARDS, ALICE, 9, token_id=11)
    world.reorganise(7, CARDS, ALICE, 6, block=101, token_id=11)

    assert world.tokens(7, ALICE)[CARDS] == {11: HeldAmount(6, 101)}
    assert world.block(7) == 103


@pytest.mark.parametrize("block", [101, 102, 0])
def test_a_reorganisation_cannot_go_back_to_a_block_that_is_not_older(
    world: GatewayWorld, block: int
) -> None:
    world.set_token(7, COIN, ALICE, 6)

    with pytest.raises(ValueError, match=f"block {block} is not older than 101"):
        world.reorganise(7, COIN, ALICE, 5, block=block)

    assert world.token(7, COIN, ALICE) == 6


def test_what_was_never_held_can_neither_drift_nor_be_reorganised(world: GatewayWorld) -> None:
    with pytest.raises(ValueError, match="never held any of"):
        world.drift(7, COIN, ALICE, 5)
    with pytest.raises(ValueError, match="never held any of"):
        world.reorganise(7, COIN, ALICE, 5, block=1)


def test_a_drift_cannot_go_below_zero(world: GatewayWorld) -> None:
    world.set_token(7, COIN, ALICE, 6)

    with pytest.raises(ValueError, match="below zero"):
        world.drift(7, COIN, ALICE, -1)

    assert world.block(7) == 101


def test_a_hidden_chain_is_not_listed_and_goes_on_all_the_same(world: GatewayWorld) -> None:
    world.hide_chain(7)
    world.set_native(7, ALICE, 5)

    assert world.chains() == ()
    assert world.native(7, ALICE) == 5


def test_a_shown_chain_is_listed_again(world: GatewayWorld) -> None:
    world.hide_chain(7)
    world.show_chain(7)

    assert [chain.chain_id for chain in world.chains()] == [7]


def test_an_unknown_chain_cannot_be_hidden(world: GatewayWorld) -> None:
    with pytest.raises(ValueError, match="chain 8 is not in this world"):
        world.hide_chain(8)


# The example


def test_the_example_world_holds_what_the_example_answer_tells() -> None:
    world = example_world()

    assert world.native(1, EXAMPLE_ACCOUNT) == 158495082541645504
    assert world.native(137, EXAMPLE_ACCOUNT) == 12500000000000000000
    skyweaver = world.tokens(137, EXAMPLE_ACCOUNT)["0x631998e91476da5b870d741192fc5cbc55f5a52e"]
    assert len(skyweaver) == 12
    assert sum(holding.amount for holding in skyweaver.values()) == 1700
