from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sandbox.gateway.transfers import NOBODY, SOMEBODY
from bot.sandbox.gateway.world import GatewayWorld
from bot.sandbox.telegram.world.world import SandboxError
from bot.sandbox.terminal.commands import MoveBalance, read_command
from bot.sandbox.terminal.moves import STORY, apply_move, find_chain, story_moves
from bot.sandbox.terminal.scenario import (
    ACCOUNTS,
    BASE,
    ETHEREUM,
    PEOPLE,
    POLYGON,
    assets,
    scenario_world,
)
from bot.sandbox.terminal.view import format_units

USDC_POLYGON = "0x3c499c542cef5e3811e1192ce70d8cc03d5c3359"
DEGEN = "0x4ed4e862860bed51a9570b96d89af5e1b0efefed"
SKYWEAVER = "0x631998e91476da5b870d741192fc5cbc55f5a52e"
TREASURY, VAULT, PAYROLL, GAMES = ACCOUNTS.values()


def moved(world: GatewayWorld, typed: str) -> str:
    command = read_command(typed)
    assert isinstance(command, MoveBalance)
    return apply_move(command, world)


def holdings(world: GatewayWorld) -> dict[str, int]:
    return {
        f"{name} {asset.chain.name} {asset.symbol}": asset.held(world, address)
        for name, address in ACCOUNTS.items()
        for asset in assets(world)
    }


def test_an_amount_is_in_whole_units_and_the_account_is_the_treasury_unless_named() -> None:
    world = scenario_world()

    assert moved(world, "move -1250 usdc on polygon") == "1,250 USDC leave Treasury on Polygon"
    assert world.token(POLYGON, USDC_POLYGON, TREASURY) == 2_150_000_000


def test_an_account_is_called_by_its_name_or_the_beginning_of_it() -> None:
    world = scenario_world()

    assert moved(world, "move 0.5 eth of vau") == "0.5 ETH come into Vault on Ethereum"
    assert world.native(ETHEREUM, VAULT) == 250_500_000_000_000_000_000


def test_of_several_assets_of_a_name_the_one_that_is_held_is_meant() -> None:
    world = scenario_world()

    assert moved(world, "move 1 usdc of payroll") == "1 USDC comes into Payroll on Base"


def test_where_several_are_held_the_chain_has_to_be_said() -> None:
    world = scenario_world()
    before = holdings(world)

    with pytest.raises(SandboxError, match="USDC is on Ethereum and Polygon: say which, as in `on polygon`"):
        moved(world, "move 1 usdc")

    assert holdings(world) == before


def test_an_account_that_is_named_pays_or_is_paid() -> None:
    world = scenario_world()

    assert (
        moved(world, "move -1250 usdc on polygon to pay")
        == "1,250 USDC leave Treasury on Polygon, to Payroll"
    )
    assert (
        moved(world, "move 50 usdc on polygon from payroll")
        == "50 USDC come into Treasury on Polygon, from Payroll"
    )
    assert world.token(POLYGON, USDC_POLYGON, TREASURY) == 2_200_000_000
    assert world.token(POLYGON, USDC_POLYGON, PAYROLL) == 1_200_000_000
    out, back = world.transfers(POLYGON, PAYROLL)
    assert (out.sender, out.receiver) == (back.receiver, back.sender) == (TREASURY.lower(), PAYROLL.lower())


def test_a_person_pays_and_holds_nothing_here_and_nobody_mints() -> None:
    world = scenario_world()

    assert moved(world, "move 0.42 pol from cust") == "0.42 POL come into Treasury on Polygon, from Customer"
    assert moved(world, "move 1 skywvr #65600 from nobody").endswith(
        "comes into Treasury on Polygon, from nobody"
    )
    assert world.native(POLYGON, PEOPLE["Customer"]) == 0
    assert [each.sender for each in world.transfers(POLYGON)][-2:] == [PEOPLE["Customer"], NOBODY]


def test_without_a_name_a_stranger_is_paid() -> None:
    world = scenario_world()
    moved(world, "move -1 usdc on polygon")

    assert world.transfers(POLYGON)[-1].receiver == SOMEBODY


def test_what_is_not_held_yet_can_come() -> None:
    world = scenario_world()

    assert moved(world, "move 500 degen") == "500 DEGEN come into Treasury on Base"
    assert world.token(BASE, DEGEN, TREASURY) == 500 * 10**18


def test_an_item_of_a_collection_is_named_by_its_id() -> None:
    world = scenario_world()

    assert moved(world, "move -100 skywvr #65537 of games") == "100 SKYWVR #65537 leave Games on Polygon"
    assert world.token(POLYGON, SKYWEAVER, GAMES, 65_537) == 0
    assert world.token(POLYGON, SKYWEAVER, GAMES, 65_538) == 100


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("move -3401 usdc on polygon", "Treasury holds 3,400 USDC on Polygon: no more than that can leave."),
        ("move -1 degen on base", "Treasury holds 0 DEGEN on Base"),
        ("move 1 usdc on polygon from vault", "Vault holds 0 USDC on Polygon: no more than that can leave."),
        ("move -1 pol to treasury", "Treasury can't pay itself."),
        (
            "move -1 pol to carol",
            "“carol”. There are: Treasury, Vault, Payroll, Games, Exchange, Customer, Landlord, nobody.",
        ),
        ("move 0.0000001 usdc on polygon", "USDC has 6 decimals: less than that can't move."),
        ("move 0.5 skywvr #1", "SKYWVR has no parts"),
        ("move 1 skywvr", "SKYWVR are items, each with an id: move 1 skywvr #65600"),
        ("move 1 pol #3", "POL has no items"),
        ("move 1 doge", "Nothing is called “doge”. There are: ETH, USDC"),
        ("move 1 pol on base", "Nothing is called “pol” on Base. There are: ETH, USDC, DEGEN."),
        ("move 1 pol on solana", "There is no chain “solana”. There are: Ethereum, Polygon, Base."),
        ("move 1 pol of carol", "There is no account “carol”. There are: Treasury, Vault, Payroll, Games."),
        (f"move {10**77} gold", "That is more than a chain can count."),
        ("move 1 skywvr #" + "9" * 78, "That is more than a chain can count."),
    ],
)
def test_what_cannot_happen_is_said_in_words_and_changes_nothing(typed: str, reason: str) -> None:
    world = scenario_world()
    before = holdings(world)

    with pytest.raises(SandboxError) as refused:
        moved(world, typed)

    assert reason in str(refused.value)
    assert holdings(world) == before


@pytest.mark.parametrize(
    ("name", "chain_id"), [("Polygon", 137), ("poly", 137), ("137", 137), ("1", 1), ("BASE", 8453)]
)
def test_a_chain_is_called_by_its_name_or_its_id(name: str, chain_id: int) -> None:
    assert find_chain(name) == chain_id


@given(st.integers(min_value=1, max_value=3_400_000_000))
def test_what_leaves_and_comes_back_was_never_away(amount: int) -> None:
    world = scenario_world()
    before = holdings(world)
    whole = Decimal(amount).scaleb(-6)

    apply_move(MoveBalance(-whole, "usdc", chain="polygon"), world)
    assert world.token(POLYGON, USDC_POLYGON, TREASURY) == 3_400_000_000 - amount
    apply_move(MoveBalance(whole, "usdc", chain="polygon"), world)

    assert holdings(world) == before


def test_the_story_ends_where_it_began_so_that_it_can_go_round() -> None:
    world = scenario_world()
    before = holdings(world)

    assert len(story_moves()) == len(STORY)
    for _ in range(2):
        for move in story_moves():
            apply_move(move, world)
            assert holdings(world) != before or move == story_moves()[-1]
        assert holdings(world) == before


def test_an_amount_is_shown_exactly() -> None:
    assert format_units(1_250_000_001, 6) == "1,250.000001"
    assert format_units(1_250_000_000, 6) == "1,250"
    assert format_units(7, 0) == "7"
    assert format_units(1, 18) == "0.000000000000000001"


def test_the_treasury_holds_enough_for_an_index_that_is_rebuilt_to_look_like_one() -> None:
    world = scenario_world()
    verified = [
        asset
        for asset in assets(world)
        if asset.chain.chain_id == POLYGON and asset.contract and asset.contract.verified
    ]

    assert sum(asset.held(world, TREASURY) > 0 for asset in verified) >= 10


def test_everything_has_a_name_of_its_own_on_its_chain() -> None:
    named = [(asset.chain.chain_id, asset.symbol.casefold()) for asset in assets(scenario_world())]

    assert len(named) == len(set(named))
