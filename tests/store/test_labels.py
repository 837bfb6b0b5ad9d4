"""One address may have a name on one chain and another elsewhere: each thing is told under its own."""

from collections.abc import Iterable

import pytest

from bot.domain.alerts import Baseline, Blind, ChangeAlert, Gap, SeenAgain
from bot.domain.model import NATIVE_PART, ChainId
from tests.builders import BASE, ETHEREUM, TREASURY, USDC, VAULT, VERIFIED, held, reading
from tests.store.conftest import CHAINS, OLGA, Keeper

BOTH = (ETHEREUM, BASE)
PARTS = frozenset({NATIVE_PART, VERIFIED})


async def read(keeper: Keeper, amount: int, chains: Iterable[ChainId] = BOTH) -> None:
    await keeper.record(
        *(reading({USDC: held(amount, block=amount)}, native=1, chain_id=one) for one in chains)
    )


@pytest.fixture
async def watching(keeper: Keeper) -> Keeper:
    """Let Olga watch one address under two names, each for a chain."""
    await keeper.watch(chains=[ETHEREUM], label="Safe ETH")
    await keeper.watch(chains=[BASE], label="Safe Base")
    return keeper


async def test_a_first_reading_is_told_under_the_name_of_each_chain(watching: Keeper) -> None:
    await read(watching, 5)

    assert await watching.baselines() == [
        Baseline(TREASURY, "Safe ETH", 2, (ETHEREUM,), ()),
        Baseline(TREASURY, "Safe Base", 2, (BASE,), ()),
    ]


async def test_under_one_name_a_first_reading_is_told_once(keeper: Keeper) -> None:
    for chain_id in BOTH:
        await keeper.watch(chains=[chain_id], label="Safe")
    await read(keeper, 5)

    assert await keeper.baselines() == [Baseline(TREASURY, "Safe", 4, BOTH, ())]


async def test_a_chain_without_an_answer_belongs_to_its_own_name(watching: Keeper) -> None:
    await watching.record(
        reading({USDC: 5}, native=1, chain_id=ETHEREUM), reading(None, native=None, chain_id=BASE)
    )

    assert await watching.baselines() == [Baseline(TREASURY, "Safe ETH", 2, (ETHEREUM,), ())]


async def test_a_change_is_told_under_the_name_of_its_chain(watching: Keeper) -> None:
    await read(watching, 5)
    await watching.alerts()
    await read(watching, 6)

    changes = [one for one in await watching.alerts() if isinstance(one, ChangeAlert)]
    assert {one.change.asset.chain_id: one.label for one in changes} == {
        ETHEREUM: "Safe ETH",
        BASE: "Safe Base",
    }


async def test_a_gap_and_its_end_are_told_under_the_name_of_the_chain(watching: Keeper) -> None:
    other = [(TREASURY, chain_id, PARTS) for chain_id in BOTH]
    await read(watching, 5)
    await watching.reach(0, dict.fromkeys(BOTH, 1))
    await watching.alerts()

    await watching.reach(700, dict.fromkeys(BOTH, 1), other)
    await watching.reach(1400, dict.fromkeys(BOTH, 1), other)
    (blind,) = await watching.notices()
    assert isinstance(blind, Blind)
    await read(watching, 5)
    await watching.reach(2000, dict.fromkeys(BOTH, 1))
    (seen,) = await watching.notices()
    assert isinstance(seen, SeenAgain)

    for gaps in (blind.gaps, seen.gaps):
        assert names(gaps) == {ETHEREUM: "Safe ETH", BASE: "Safe Base"}


async def test_status_names_an_account_as_it_is_called_on_the_chain(watching: Keeper) -> None:
    for chain_id in BOTH:
        await watching.watch(VAULT, chains=[chain_id])
    await read(watching, 5)
    await watching.record(*(reading({}, native=1, chain_id=one, account=VAULT) for one in BOTH))
    await watching.reach(0, dict.fromkeys(BOTH, 1))
    await watching.reach(700, dict.fromkeys(BOTH, 1), [(TREASURY, chain_id, PARTS) for chain_id in BOTH])

    here = await watching.store.watched_here(OLGA, CHAINS)

    assert names(here.gaps) == {ETHEREUM: "Safe ETH", BASE: "Safe Base"}


def names(gaps: Iterable[Gap]) -> dict[ChainId, str]:
    return {gap.chain_id: gap.label for gap in gaps}
