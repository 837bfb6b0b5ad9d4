"""Which tokens a symbol stands for in a place: those that are held there, or were."""

import pytest

from bot.domain.assets import Asset, Description
from bot.domain.places import Place
from bot.store.balances.held_tokens import held_tokens
from tests.builders import DAI, ETHEREUM, POLYGON, USDC, VAULT, Amounts, address, asset, held, reading
from tests.store.conftest import ALERTS_TOPIC, OLGA, OPS, Keeper

FAKE = address(7)


async def record(keeper: Keeper, amounts: Amounts, symbols: dict[Asset, str]) -> None:
    descriptions = {one: Description("ERC20", symbol, 6) for one, symbol in symbols.items()}
    await keeper.record(reading(amounts, native=1), descriptions=descriptions)


@pytest.fixture
async def holding(keeper: Keeper) -> Keeper:
    await keeper.watch()
    await keeper.watch(VAULT, place=OPS)
    await record(keeper, {USDC: 5, DAI: 3}, {asset(USDC): "USDC", asset(DAI): "DAI"})
    return keeper


async def called(keeper: Keeper, symbol: str, place: Place = OLGA) -> list[Asset]:
    return await keeper.db.run(held_tokens, place, symbol)


@pytest.mark.parametrize("typed", ["USDC", "usdc", "U5DC", "US\u200bDC"])
async def test_a_symbol_stands_for_what_is_held_and_reads_like_it(holding: Keeper, typed: str) -> None:
    assert await called(holding, typed) == [asset(USDC)]


@pytest.mark.parametrize("typed", ["USDT", "", "POL", "%"])
async def test_another_symbol_and_a_coin_stand_for_none(holding: Keeper, typed: str) -> None:
    assert await called(holding, typed) == []


async def test_what_another_place_watches_stands_for_nothing_here(holding: Keeper) -> None:
    assert await called(holding, "USDC", OPS) == []
    assert await called(holding, "USDC", ALERTS_TOPIC) == []


async def test_a_symbol_of_several_tokens_stands_for_each_in_the_order_of_chains(holding: Keeper) -> None:
    on_ethereum = {asset(USDC, ETHEREUM): Description("ERC20", "USDC", 6)}
    await holding.record(reading({USDC: 1}, native=1, chain_id=ETHEREUM), descriptions=on_ethereum)
    await record(holding, {USDC: 5, DAI: 3, FAKE: held(3, block=9)}, {asset(FAKE): "U5DC"})

    assert await called(holding, "USDC") == [asset(USDC, ETHEREUM), *sorted([asset(USDC), asset(FAKE)])]


async def test_what_was_held_counts_where_nothing_is_held_that_is_called_so(holding: Keeper) -> None:
    await record(holding, {USDC: held(0, block=9), DAI: 3}, {})
    await holding.record(reading({DAI: 3}, native=1))

    assert await called(holding, "USDC") == [asset(USDC, POLYGON)]
    await holding.unsubscribe(OLGA, [1])
    assert await called(holding, "USDC") == []
