"""Which alerts and balances name a token whose symbol looks like another one that is known."""

import gzip
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from bot.domain.assets import NATIVE, Address, Asset, Description
from bot.domain.deliver.alerts import ChangeAlert
from bot.domain.symbols import symbol_key
from bot.store.balances import look_alikes
from bot.store.database.connection import DatabaseThread
from tests.builders import BASE, DAI, TREASURY, USDC, VAULT, Amounts, asset, held, reading
from tests.store.conftest import CHAINS, OLGA, OPS, Keeper

OLD = Path(__file__).parent / "old"


def called(symbol: str | None) -> Description:
    return Description("ERC20", symbol, 6)


async def changed(keeper: Keeper, amounts: Amounts, symbols: dict[Asset, str | None]) -> dict[Address, bool]:
    """Let tokens of the treasury change, and return which of them look like another one."""
    descriptions = {one: called(symbol) for one, symbol in symbols.items()}
    await keeper.record(reading(amounts, native=1), descriptions=descriptions)
    alerts = await keeper.alerts()
    return {one.change.asset.contract: one.is_look_alike for one in alerts if isinstance(one, ChangeAlert)}


@pytest.fixture
async def watching(keeper: Keeper) -> Keeper:
    await keeper.watch()
    await keeper.record(reading({USDC: 5}, native=1), descriptions={asset(USDC): called("USDC")})
    await keeper.alerts()
    return keeper


@pytest.mark.parametrize(
    ("symbol", "alike"), [("USDC", True), ("U5DC", True), ("US\u200bDC", True), ("DAI", False), (None, False)]
)
async def test_a_token_told_alone_looks_like_one_that_the_chain_is_known_to_have(
    watching: Keeper, symbol: str | None, *, alike: bool
) -> None:
    assert await changed(watching, {USDC: 5, DAI: held(7, block=9)}, {asset(DAI): symbol}) == {DAI: alike}


async def test_the_first_of_two_is_plain_while_it_is_alone(watching: Keeper) -> None:
    assert await changed(watching, {USDC: 6}, {}) == {USDC: False}
    await changed(watching, {USDC: 6, DAI: held(7, block=9)}, {asset(DAI): "USDC"})

    assert await changed(watching, {USDC: 7, DAI: held(7, block=9)}, {}) == {USDC: True}


async def test_what_another_chat_watches_is_known_too(watching: Keeper) -> None:
    await watching.watch(VAULT, place=OPS)
    await watching.record(
        reading({DAI: held(1, block=9)}, account=VAULT, native=1), descriptions={asset(DAI): called("usdc")}
    )

    assert await changed(watching, {USDC: 6}, {}) == {USDC: True}


async def test_a_token_looks_like_one_spelled_otherwise_that_the_account_has_elsewhere(
    watching: Keeper,
) -> None:
    spelled = {asset(USDC, BASE): called("USDC"), asset(DAI, BASE): called("usdc")}
    await watching.record(reading({}, native=1, chain_id=BASE))
    await watching.alerts()

    await watching.record(
        reading({USDC: held(1, block=9), DAI: held(1, block=9)}, native=1, chain_id=BASE),
        descriptions=spelled,
    )
    alerts = await watching.alerts()
    assert [one.is_look_alike for one in alerts if isinstance(one, ChangeAlert)] == [True, True]


async def test_one_symbol_on_two_chains_is_one_token(watching: Keeper) -> None:
    await watching.record(reading({}, native=1, chain_id=BASE))
    await watching.alerts()

    here = {asset(USDC, BASE): called("USDC")}
    await watching.record(reading({USDC: held(1, block=9)}, native=1, chain_id=BASE), descriptions=here)
    (alert,) = await watching.alerts()
    assert isinstance(alert, ChangeAlert)
    assert not alert.is_look_alike


async def test_a_symbol_that_was_told_late_counts_from_then_on(watching: Keeper) -> None:
    assert await changed(watching, {USDC: 5, DAI: held(7, block=9)}, {asset(DAI): None}) == {DAI: False}
    poll = await watching.judged(reading({USDC: 5, DAI: held(8, block=9)}, native=1))
    await watching.record_poll(replace(poll, described={asset(DAI): called("USDC")}))

    assert await changed(watching, {USDC: 6, DAI: held(8, block=9)}, {}) == {DAI: True, USDC: True}


async def test_balances_say_which_look_alike(watching: Keeper) -> None:
    await changed(watching, {USDC: 5, DAI: held(7, block=9)}, {asset(DAI): "USDC"})
    listed = await watching.holdings_of(OLGA, TREASURY, CHAINS)

    assert {one.asset: one.is_look_alike for chain in listed for one in chain.held} == {
        asset(USDC): True,
        asset(DAI): True,
        asset(NATIVE): False,
    }


async def test_an_asset_that_nobody_stored_is_compared_with_what_is_known(watching: Keeper) -> None:
    fake, same, elsewhere = asset(DAI), asset(USDC), asset(DAI, BASE)

    found = await watching.db.run(look_alikes.look_alikes, [(one, "usdc") for one in (fake, same, elsewhere)])

    assert found == {fake}


async def test_a_message_says_that_its_only_token_looks_like_another(watching: Keeper) -> None:
    await changed(watching, {USDC: 5, DAI: held(7, block=9)}, {asset(DAI): "USDC"})
    await watching.record(reading({USDC: 5, DAI: held(8, block=9)}, native=1))
    (delivery,) = await watching.due()

    assert (delivery.about.contract, delivery.about.is_look_alike) == (DAI, True)


async def test_it_is_found_by_the_index(keeper: Keeper) -> None:
    steps = await keeper.plan(
        f"SELECT {look_alikes.LOOKS_LIKE_ANOTHER} FROM asset x JOIN account a ON a.id = 1 WHERE x.id = 1"
    )

    assert sum("INDEX asset_symbol (symbol_key=?" in step for step in steps) == 2
    assert not [step for step in steps if step.startswith("SCAN")]


async def test_a_database_of_before_gets_its_keys(tmp_path: Path) -> None:
    path = tmp_path / "bot.sqlite3"
    path.write_bytes(gzip.decompress((OLD / "m001.sqlite3.gz").read_bytes()))
    with closing(sqlite3.connect(path)) as db:
        symbols = db.execute("SELECT symbol FROM asset WHERE symbol IS NOT NULL ORDER BY id").fetchall()
    await (await DatabaseThread.open(path)).close()

    with closing(sqlite3.connect(path)) as db:
        keys = db.execute("SELECT symbol_key FROM asset WHERE symbol IS NOT NULL ORDER BY id").fetchall()
    assert symbols
    assert keys == [(symbol_key(symbol),) for (symbol,) in symbols]
