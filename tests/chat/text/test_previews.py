"""What a notification shows of the commonest alerts: its first two lines, in which the news has to be."""

from datetime import UTC, datetime

import pytest

from bot.chat.text.alerts import compose
from bot.domain.assets import NATIVE, Amount, Asset, Description
from bot.domain.deliver.alerts import Alert, AlertId, ChangeAlert
from bot.domain.observations import Change, ItemMove, MoveKind
from tests.chat.reading import CHAINS, ETHEREUM, POLYGON, TREASURY, USDC, seen

NOON = datetime(2026, 11, 22, 14, 3, 22, tzinfo=UTC)

USD_COIN = Description("ERC20", "USDC", 6)
COIN = Description("NATIVE", "POL", 18)
PUNK = Description("ERC721", "PUNK", 0)


def changed(
    asset: Asset,
    description: Description,
    before: int,
    after: int,
    *,
    price: str | None = None,
    items: tuple[ItemMove, ...] = (),
) -> ChangeAlert:
    change = Change(
        TREASURY, asset, MoveKind.MOVED, Amount(before), Amount(after), NOON, price_usd=price, items=items
    )
    return ChangeAlert(AlertId(1), change, "Treasury", description)


OUT = changed(Asset(POLYGON, USDC), USD_COIN, 3_400_000_000, 2_150_000_000, price="1")
IN = changed(
    Asset(POLYGON, NATIVE), COIN, 12_080_000_000_000_000_000, 12_500_000_000_000_000_000, price="0.22"
)
GONE = changed(Asset(POLYGON, USDC), USD_COIN, 50_000_000, 0, price="1")
ITEM = changed(Asset(ETHEREUM, USDC), PUNK, 0, 1, items=(ItemMove(7804, 0, 1),))


@pytest.mark.parametrize(
    ("alerts", "shown"),
    [
        ([OUT], "🔴 Treasury −1,250 USDC (−$1,250.00) · Polygon\n    3,400 → 2,150"),
        ([IN], "🟢 Treasury +0.42 POL (+$0.09) · Polygon\n    12.08 → 12.5"),
        ([GONE], "🔴 Treasury −50 USDC (−$50.00) · Polygon\n    50 → 0, all of it"),
        ([ITEM], "✨ Treasury +1 PUNK #7804 · Ethereum\n    1 held"),
        ([OUT, IN], "Treasury · 2 changes · −$1,249.91\n🔴 −1,250 USDC (−$1,250.00) · Polygon"),
    ],
    ids=["a token leaves", "a coin comes in", "all of it is gone", "an item", "several changes"],
)
def test_two_lines_say_the_news(alerts: list[Alert], shown: str) -> None:
    message = seen(compose(alerts, "7KQ2F", CHAINS, NOON).html)

    assert message.startswith(shown)
    assert all(len(line) <= 52 for line in message.split("\n")[:2]), "more is cut on a phone"
