"""What is remembered of amounts that change by themselves."""

from datetime import timedelta

import pytest

from bot.domain.assets import Description
from bot.domain.drifts import Drift
from bot.domain.observations import Poll, Reading
from bot.domain.observe.compare import compare
from bot.store.balances import snapshots
from tests.builders import BROAD, POLYGON, TREASURY, USDC, VAULT, VERIFIED, asset, at, held, reading
from tests.store.conftest import OLGA, Keeper

TOKEN = asset()
AMOUNT = 10**12


@pytest.fixture
async def watching(keeper: Keeper) -> Keeper:
    """Olga watches two accounts that hold the same token, and a first reading is stored of each."""
    await keeper.watch()
    await keeper.watch(VAULT)
    await keeper.record(*readings(AMOUNT))
    await keeper.deliver_all()
    return keeper


def readings(amount: int) -> list[Reading]:
    """Return what is read of both accounts, at the same block as ever."""
    return [
        reading({USDC: held(amount, block=10)}, native=0, account=account) for account in (TREASURY, VAULT)
    ]


async def test_what_drifts_is_told_in_the_first_sweep_of_every_account_and_in_no_other(
    watching: Keeper,
) -> None:
    assert await watching.record(*readings(AMOUNT + 137)) == 2
    for times in range(2, 6):
        assert await watching.record(*readings(AMOUNT + 137 * times)) == 0


async def test_two_accounts_that_drift_in_one_sweep_are_no_proof(watching: Keeper) -> None:
    treasury, vault = readings(AMOUNT + 137)
    poll = await watching.judged(treasury)
    await watching.record_poll(poll)
    (view,) = (await watching.db.run(snapshots.views, [VAULT])).values()

    assert view.drifted == frozenset()
    verdict = compare(view, vault, wanted=BROAD, status=VERIFIED)
    assert await watching.record_poll(Poll(poll.sweep, poll.asked_under, at(0), (verdict,), {})) == 1
    assert await watching.value("SELECT drifts FROM asset WHERE length(contract) > 0") == 1


async def test_what_drifts_is_remembered_by_a_restart(watching: Keeper) -> None:
    await watching.record(*readings(AMOUNT + 137))
    await watching.reopen()
    assert await watching.record(*readings(AMOUNT + 274)) == 0
    await watching.reopen()

    assert await watching.record(*readings(AMOUNT + 411)) == 0


async def test_the_usual_drift_of_each_balance_is_kept_while_it_is_held(watching: Keeper) -> None:
    for minute in range(1, 4):
        await watching.record(*readings(AMOUNT + 137 * minute), when=at(60 * minute))
    await watching.reopen()

    async def drift() -> Drift | None:
        return (await watching.db.run(snapshots.views, [TREASURY]))[TREASURY, POLYGON].drifts.get(TOKEN)

    assert await drift() == Drift(137, 60_000, at(180))

    await watching.record(reading({USDC: held(0, block=11)}, native=0), when=at(300))
    assert await watching.value("SELECT count(*) FROM drift") == 1, "that of the other account"


async def test_the_usual_drift_is_forgotten_with_the_account(watching: Keeper) -> None:
    for times in range(1, 4):
        await watching.record(*readings(AMOUNT + 137 * times))
    assert await watching.value("SELECT count(*) FROM drift") == 2

    await watching.unsubscribe(OLGA, [1, 2])

    assert await watching.value("SELECT count(*) FROM drift") == 0


async def test_a_sweep_of_what_does_not_move_writes_nothing(watching: Keeper) -> None:
    for times in range(1, 4):
        await watching.record(*readings(AMOUNT + 137 * times))
    poll = await watching.judged(*readings(AMOUNT + 411))

    assert poll.says_nothing_new


async def test_a_source_that_takes_its_mark_back_forgets_no_drift(watching: Keeper) -> None:
    for times in range(1, 4):
        await watching.record(*readings(AMOUNT + 137 * times))
    poll = await watching.judged(*readings(AMOUNT + 411), when=at(0) + timedelta(days=8))
    plain = Poll(
        poll.sweep,
        poll.asked_under,
        poll.observed_at,
        poll.verdicts,
        {},
        {TOKEN: Description("ERC20", "USDC", 6)},
    )
    await watching.record_poll(plain)

    assert await watching.record(*readings(AMOUNT + 548)) == 0
