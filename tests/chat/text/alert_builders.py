"""Alerts to be composed, and what a message of them says."""

from collections.abc import Sequence
from datetime import UTC, datetime

from bot.chat.text.alerts import Composed, compose
from bot.domain.assets import NATIVE, Address, Amount, Asset, ChainId, Description
from bot.domain.deliver.alerts import (
    Alert,
    AlertId,
    Baseline,
    ChangeAlert,
    NoticeAlert,
)
from bot.domain.observations import Change, ItemMove, MoveKind
from tests.chat.reading import (
    BASE,
    CHAINS,
    ETHEREUM,
    POLYGON,
    TREASURY,
    USDC,
    moves,
    seen,
)

NOON = datetime(2026, 11, 22, 14, 3, 22, tzinfo=UTC)
POL = Asset(POLYGON, NATIVE)
SKYWVR = Description("ERC1155", "SKYWVR")


def alert(
    before: int = 0,
    after: int = 5,
    *,
    symbol: str | None = "USDC",
    decimals: int | None = 0,
    kind: str = "ERC20",
    asset: Asset = Asset(POLYGON, USDC),  # noqa: B008 - a value
    account: Address = TREASURY,
    label: str = "Treasury",
    price: str | None = None,
    observed_at: datetime = NOON,
    move: MoveKind = MoveKind.MOVED,
    block: int | None = None,
    then: int | None = None,
    former: int | None = None,
) -> ChangeAlert:
    holdings = (Amount(before), Amount(after, block=block))
    change = Change(
        account, asset, move, *holdings, observed_at, price, decimals=then, former_decimals=former
    )
    return ChangeAlert(AlertId(1), change, label, Description(kind, symbol, decimals))


def collection(
    before: Amount,
    after: Amount,
    move: MoveKind = MoveKind.MOVED,
    items: Sequence[tuple[int, int, int]] = (),
    *,
    decimals: int | None = None,
) -> ChangeAlert:
    moves = tuple(ItemMove(*item) for item in items)
    change = Change(TREASURY, Asset(POLYGON, USDC), move, before, after, NOON, items=moves)
    return ChangeAlert(AlertId(1), change, "Treasury", SKYWVR._replace(decimals=decimals))


def notice(
    balances: int = 14,
    seen_on: Sequence[ChainId] = (ETHEREUM, POLYGON, BASE),
    unanswered: Sequence[ChainId] = (),
    *,
    account: Address = TREASURY,
    label: str = "Treasury",
    contracts: Sequence[Address] = (),
) -> NoticeAlert:
    return NoticeAlert(
        AlertId(1),
        Baseline(account, label, balances, tuple(seen_on), tuple(unanswered), tuple(contracts)),
        NOON,
    )


def composed(*alerts: Alert, at: datetime = NOON) -> Composed:
    return compose(alerts, "7KQ2F", CHAINS, at)


def lines(*alerts: Alert) -> list[str]:
    return seen(composed(*alerts).html).split("\n")


def change_line(*alerts: Alert) -> str:
    return moves(seen(composed(*alerts).html))


def footer(*alerts: Alert, at: datetime = NOON) -> str:
    return seen(composed(*alerts, at=at).html).split("\n")[-1]


def token(number: int) -> Asset:
    return Asset(POLYGON, Address(f"0x{number:040x}"))
