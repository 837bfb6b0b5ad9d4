"""What contradicts newer knowledge is held until other readings agree, end to end; what stays is told."""

from dataclasses import replace

import pytest

from bot.sandbox.gateway.faults.kinds import AnswerError, FlickerNative, Lag, Reindex
from bot.sandbox.gateway.world import Contract
from tests.chat.reading import moves
from tests.stack import ACCOUNT, BASE, POLYGON, SKYWEAVER, USDC_POLYGON, Stack

TOKENS = tuple(f"0x{number:040x}" for number in range(0x70, 0x7C))
ATOKEN = Contract(
    chain_id=BASE,
    address="0x" + "a7" * 20,
    kind="ERC20",
    symbol="aUSDC",
    name="Interest",
    decimals=6,
    rebasing=True,
)


# ---------------------------------------------------------------- older blocks


async def test_a_replica_that_lags_for_two_readings_tells_nothing(stack: Stack) -> None:
    await stack.watches()
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    await stack.hears("50 → 49")
    before = stack.said()

    stack.gateway.faults.add(Lag(chain_id=POLYGON, behind=1, times=2))
    await stack.asked(6)

    assert stack.said() == before


async def test_a_reorganisation_stays_and_is_told_after_three_readings(stack: Stack) -> None:
    await stack.watches()
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    await stack.hears("50 → 49")

    stack.world.reorganise(POLYGON, USDC_POLYGON, ACCOUNT, 50_000_000, 71_000_123)

    assert "🟢 +1 USDC | 49 → 50" in moves((await stack.hears("USDC")).text)
    await stack.asked(3)
    assert "".join(stack.said()).count("→") == 2


async def test_a_token_that_came_is_not_lost_to_a_replica_that_lags(stack: Stack) -> None:
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -50_000_000)
    await stack.watches()
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 7_000_000)
    await stack.hears("0 → 7")
    stack.world.move(POLYGON, SKYWEAVER, ACCOUNT, 1, 70_000)
    await stack.hears("SKYWVR")
    await stack.asked(5)
    before = stack.said()

    stack.gateway.faults.add(
        Lag(chain_id=POLYGON, behind=2, times=2, method="GetTokenBalancesSummary", for_account=ACCOUNT)
    )
    await stack.asked(8)

    assert stack.said() == before


# ---------------------------------------------------------------- natives that flicker


async def test_a_native_that_flickers_is_told_once(stack: Stack) -> None:
    await stack.watches()

    stack.gateway.faults.add(FlickerNative(chain_id=POLYGON, every=2, times=1))
    stack.world.move(POLYGON, None, ACCOUNT, 10**18)
    await stack.hears("12.5 → 13.5")
    await stack.asked(6)

    assert "".join(stack.said()).count("→") == 1


async def test_a_native_that_returns_for_good_is_told_twice(stack: Stack) -> None:
    await stack.watches()

    stack.world.move(POLYGON, None, ACCOUNT, 10**18)
    await stack.hears("12.5 → 13.5")
    stack.world.move(POLYGON, None, ACCOUNT, -(10**18))

    assert "🔴 −1 POL | 13.5 → 12.5" in moves((await stack.hears("POL")).text)


# ---------------------------------------------------------------- an index that is rebuilt


@pytest.fixture
async def rich(stack: Stack) -> Stack:
    """Olga watches twelve tokens on a chain of which nothing else is known."""
    for number, address in enumerate(TOKENS):
        stack.world.add_contract(
            Contract(chain_id=BASE, address=address, kind="ERC20", symbol=f"T{number}", name="T", decimals=0)
        )
        stack.world.set_token(BASE, address, ACCOUNT, 3)
    await stack.watches()
    return stack


async def test_an_index_that_is_rebuilt_tells_no_loss_though_it_comes_back_piece_by_piece(
    rich: Stack,
) -> None:
    gone = Reindex(chain_id=BASE)
    rich.gateway.faults.add(gone)
    alert = (await rich.hears("vanished at once")).text
    assert "Base: 12 of 12 token balances vanished at once" in alert
    assert "/believe base" in alert

    for share in (0.7, 0.3):
        rich.gateway.faults.heal()
        rich.gateway.faults.add(replace(gone, share=share))
        await rich.asked(4)
    rich.gateway.faults.heal()
    await rich.asked(4)

    assert "→" not in "".join(rich.said())


async def test_a_mass_loss_that_an_owner_believes_is_told(rich: Stack) -> None:
    for address in TOKENS:
        rich.world.set_token(BASE, address, ACCOUNT, 0)
    await rich.hears("vanished at once")

    rich.say("/believe base")

    assert (await rich.hears(lambda message: message.text.count("3 → 0, all of it") == 12)).text.count(
        "🔴 −3 T"
    ) == 12


async def test_what_was_really_spent_meanwhile_is_told_when_the_index_is_back(rich: Stack) -> None:
    rich.gateway.faults.add(Reindex(chain_id=BASE))
    await rich.hears("vanished at once")
    rich.world.set_token(BASE, TOKENS[0], ACCOUNT, 0)
    rich.world.set_token(BASE, TOKENS[1], ACCOUNT, 5)

    rich.gateway.faults.heal()

    told = (await rich.hears("→")).text
    assert "🔴 −3 T0 | 3 → 0, all of it\n🟢 +2 T1 | 3 → 5" in moves(told)


async def test_few_losses_are_told_at_once(rich: Stack) -> None:
    for address in TOKENS[:9]:
        rich.world.set_token(BASE, address, ACCOUNT, 0)

    assert (await rich.hears("→")).text.count("3 → 0") == 9


# ---------------------------------------------------------------- tokens that rebase


async def test_what_rebases_is_told_from_a_step_on_against_the_amount_last_told(stack: Stack) -> None:
    stack.world.add_contract(ATOKEN)
    stack.world.set_token(BASE, ATOKEN.address, ACCOUNT, 1_000_000_000)
    await stack.watches()

    for amount in (1_004_000_000, 1_008_000_000):
        stack.world.drift(BASE, ATOKEN.address, ACCOUNT, amount)
        await stack.asked(3)
    assert "→" not in "".join(stack.said())
    stack.world.drift(BASE, ATOKEN.address, ACCOUNT, 1_011_000_000)

    assert "🟢 +11 aUSDC | 1,000 → 1,011" in moves((await stack.hears("aUSDC")).text)


async def test_what_does_not_rebase_is_told_to_the_last_unit(stack: Stack) -> None:
    stack.world.add_contract(replace(ATOKEN, rebasing=False))
    stack.world.set_token(BASE, ATOKEN.address, ACCOUNT, 1_000_000_000)
    await stack.watches()

    stack.world.drift(BASE, ATOKEN.address, ACCOUNT, 1_000_000_001)

    assert "🟢 +0.000001 aUSDC" in moves((await stack.hears("aUSDC")).text)


# ---------------------------------------------------------------- collections


async def test_an_item_that_leaves_while_another_comes_is_told_though_their_number_is_the_same(
    stack: Stack,
) -> None:
    await stack.watches()
    await stack.asked(2)  # the ids are learned after the first reading

    stack.world.set_token(POLYGON, SKYWEAVER, ACCOUNT, 0, 65_538)
    stack.world.set_token(POLYGON, SKYWEAVER, ACCOUNT, 100, 70_000)

    told = (await stack.hears("SKYWVR")).text
    assert "SKYWVR exchanged · Polygon\n    1,700 items · 12 ids" in told
    assert "#70000" in told
    assert "#65538" in told


async def test_a_collection_that_only_moved_out_and_in_again_is_no_change(stack: Stack) -> None:
    await stack.watches()
    await stack.asked(2)
    before = stack.said()

    stack.world.set_token(POLYGON, SKYWEAVER, ACCOUNT, 0, 65_538)
    stack.world.set_token(POLYGON, SKYWEAVER, ACCOUNT, 100, 65_538)
    await stack.asked(4)

    assert stack.said() == before


async def test_where_ids_cannot_be_read_their_number_is_told(stack: Stack) -> None:
    await stack.watches()
    await stack.asked(2)

    stack.gateway.faults.add(
        AnswerError(method="GetTokenBalancesDetails", name="InvalidArgument", code=2001, status=400)
    )
    stack.world.move(POLYGON, SKYWEAVER, ACCOUNT, 1, 70_000)

    told = (await stack.hears("SKYWVR")).text
    assert "🟢 +1 SKYWVR | 1,700 → 1,701 · 12 → 13 ids" in moves(told)
    assert "#70000" not in told


async def test_more_than_two_hundred_ids_are_only_counted(stack: Stack) -> None:
    for token_id in range(250):
        stack.world.set_token(POLYGON, SKYWEAVER, ACCOUNT, 1, 80_000 + token_id)
    await stack.watches()
    await stack.asked(2)

    stack.world.set_token(POLYGON, SKYWEAVER, ACCOUNT, 1, 90_000)

    told = (await stack.hears("SKYWVR")).text
    assert "🟢 +1 SKYWVR | 1,950 → 1,951 · 262 → 263 ids" in moves(told)
    assert "#90000" not in told
