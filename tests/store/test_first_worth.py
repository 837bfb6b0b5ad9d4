"""What an account is worth that was read first: as its destination sees it, and only where that is shown."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from importlib.resources import files

import pytest

from bot.domain.assets import Asset, Description
from bot.domain.chains import read_registry
from bot.domain.deliver.alerts import Alert, FirstWorth, NoticeAlert
from bot.domain.deliver.steps import LATE_AFTER
from bot.domain.places import Place
from bot.store.database.door import Database
from bot.store.polling import first_worth
from bot.store.polling.first_worth import LARGEST, with_worth
from tests.builders import (
    BASE,
    DAI,
    DEGEN,
    NOON,
    POLYGON,
    USDC,
    VERIFIED,
    address,
    asset,
    coin,
    reading,
)
from tests.store.conftest import OLGA, OPS, Keeper

CHAINS = read_registry(files("bot").joinpath("chains.json").read_text(encoding="utf-8"))
PRICES = {USDC: "1", DAI: "2", DEGEN: None}
DESCRIBED = {
    Asset(chain_id, contract): Description("ERC20", f"T{contract[-4:]}", 0, price_usd=price)
    for chain_id in (POLYGON, BASE)
    for contract, price in PRICES.items()
} | {coin(): Description("NATIVE", price_usd="3")}


async def worth_of_waiting(
    keeper: Keeper, place: Place = OLGA, now: datetime = NOON
) -> list[FirstWorth | None]:
    """Return what the first readings that wait in a place are worth."""
    seen: list[FirstWorth | None] = []

    def compose(db: Database, alerts: Sequence[Alert], _: str, now: datetime) -> tuple[str, int]:
        known = with_worth(db, alerts, CHAINS, VERIFIED, now)
        assert [one.id for one in known] == [one.id for one in alerts]
        seen.extend(one.worth for one in known if isinstance(one, NoticeAlert))
        return "…", len(alerts)

    taken = await keeper.claim(place.chat_id, now, compose=compose)
    assert taken.delivery is not None
    await keeper.sent(taken.delivery, now)
    return seen


def values(worth: FirstWorth | None) -> tuple[Decimal, int, list[tuple[Asset, Decimal]]]:
    assert worth is not None
    return worth.usd, worth.unpriced, [(one.asset, one.usd) for one in worth.largest]


async def test_a_first_reading_is_worth_what_has_a_price_and_names_the_largest(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.record(reading({USDC: 5, DAI: 4, DEGEN: 9}, native=10**18), descriptions=DESCRIBED)

    (worth,) = await worth_of_waiting(keeper)

    assert values(worth) == (
        Decimal(16),
        1,
        [(asset(DAI), Decimal(8)), (asset(USDC), Decimal(5)), (coin(), Decimal(3))],
    )
    assert LARGEST == 3


async def test_only_what_the_destination_watches_and_was_read_first_counts(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.watch(contracts=[DAI], place=OPS)
    await keeper.record(reading({USDC: 5, DAI: 4}, native=0, named={DAI: 4}), descriptions=DESCRIBED)
    (named,) = await worth_of_waiting(keeper, OPS)
    await worth_of_waiting(keeper)
    await keeper.watch(chains=[BASE], place=OPS)
    await keeper.record(
        reading({USDC: 5, DAI: 4}, native=0, named={DAI: 4}),
        reading({USDC: 7}, native=0, chain_id=BASE),
        descriptions=DESCRIBED,
    )

    assert values(named) == (Decimal(8), 0, [(asset(DAI), Decimal(8))])
    assert [values(one)[2] for one in await worth_of_waiting(keeper, OPS)] == [
        [(asset(USDC, BASE), Decimal(7))]
    ]


async def test_one_that_comes_late_and_many_at_once_are_left_as_they_are(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(first_worth, "READ_MOST", 2)
    await keeper.watch()
    await keeper.record(reading({USDC: 5}, native=0), descriptions=DESCRIBED)
    assert await worth_of_waiting(keeper, now=NOON + LATE_AFTER) == [None]

    accounts = [address(number) for number in range(1, 4)]
    for account in accounts:
        await keeper.watch(account)
    await keeper.record(*(reading({USDC: 5}, native=0, account=account) for account in accounts))

    assert await worth_of_waiting(keeper) == [None, None, None]
