"""What /status and /balance show, as values: what is held, and how fresh that is.

Native coins and tokens fail independently, so each part has a state of its own: seen,
unknown since a moment, or not read yet. The last two are never shown as zero.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from bot.domain.ask.questions import Allowance, Answer
from bot.domain.assets import NATIVE, Address, Amount, Asset, ChainId, Description
from bot.domain.deliver.alerts import Gap, HeldBack
from bot.domain.observe.prices import PRICE_KEPT, described_price
from bot.domain.observe.recipients import NO_RULES, Rules, ignores


class NamedBalance(NamedTuple):
    """One balance with its asset's description."""

    asset: Asset
    description: Description
    amount: Amount
    is_look_alike: bool = False
    """Whether the symbol looks like another one that the chain is known to have, or the account."""
    sparkline: str = ""
    """Its amounts of the last days, "" if they are all alike or nobody knows them."""


class PartKind(StrEnum):
    """What a part of a view is about, as people call it."""

    NATIVES = "native coin"
    TOKENS = "tokens"
    NAMED = "named tokens"


@dataclass(frozen=True, slots=True)
class PartSeen:
    """What is known of one part of an account on one chain."""

    kind: PartKind
    seen_at: datetime | None
    """When it was last seen; None: not read yet."""
    unknown_since: datetime | None = None
    """Set where it gives no answer: what is held is the last known."""
    held: tuple[NamedBalance, ...] = ()
    left_out: int = 0
    """How many more tokens are held that are ignored here."""
    is_late: bool = False
    """Whether it was seen longer ago than sweeps that go well leave it: what is held is the last known."""

    @property
    def is_current(self) -> bool:
        """Whether it answered when it was last asked."""
        return self.seen_at is not None and self.unknown_since is None


@dataclass(frozen=True, slots=True)
class ChainHoldings:
    """What is known of an account on one chain, natives first."""

    chain_id: ChainId
    parts: tuple[PartSeen, ...]
    held_back: HeldBack | None = None
    """Set where too much of the chain vanished at once: what is held is the last known."""
    label: str = ""
    """What the destination calls the account there, "" if nothing."""

    @property
    def held(self) -> tuple[NamedBalance, ...]:
        """Everything held, however old."""
        return tuple(held for part in self.parts for held in part.held)

    @property
    def left_out(self) -> int:
        """How much more is held of tokens that are ignored."""
        return sum(part.left_out for part in self.parts)


def with_sparklines(known: Iterable[ChainHoldings], sparklines: Mapping[Asset, str]) -> list[ChainHoldings]:
    """Return the same with the sparkline of each balance that has one."""
    return [
        replace(
            chain,
            parts=tuple(
                replace(
                    part,
                    held=tuple(held._replace(sparkline=sparklines.get(held.asset, "")) for held in part.held),
                )
                for part in chain.parts
            ),
        )
        for chain in known
    ]


@dataclass(frozen=True, slots=True)
class ChainSight:
    """How far a chain is seen, for who watches accounts there."""

    chain_id: ChainId
    seen_at: datetime | None
    """None: it never gave an answer."""
    accounts: int
    unread: int
    """Of these accounts, those of which something was not read there yet."""
    is_gone: bool = False
    """Whether the source no longer lists it; it is asked all the same."""
    held_back: HeldBack | None = None
    """Set where too much of it vanished at once to be believed."""


@dataclass(frozen=True, slots=True)
class WatchedHere:
    """What one destination watches, and what is on its way to it."""

    accounts: int
    tokens: int
    """Entries that name tokens and no account."""
    balances: int
    chains: tuple[ChainSight, ...]
    gaps: tuple[Gap, ...]
    """What was read there once and gives no whole answer now."""
    alerts: int
    """Not delivered yet."""
    alerts_since: datetime | None
    """When the oldest of them was observed."""
    paused_until: datetime | None
    """Telegram asked for a pause in this chat."""


@dataclass(frozen=True, slots=True)
class Sweeps:
    """How the source of balances is being asked."""

    interval_seconds: float
    late_after_seconds: float
    """A view older than this is no longer what a sweep that goes well leaves behind."""
    ended_seconds_ago: float | None
    """None: no sweep has ever ended, or none since the clock was set back."""
    took_seconds: float
    trouble: str | None
    """What the source said instead of answers in the last sweep."""
    allowance: Allowance = field(default_factory=Allowance)

    @property
    def is_current(self) -> bool:
        """Whether a sweep has ended, and not so long ago that the next one is late."""
        return self.ended_seconds_ago is not None and self.ended_seconds_ago <= self.late_after_seconds


def holdings_in(
    answer: Answer,
    account: Address,
    chain_ids: Iterable[ChainId],
    seen_at: datetime,
    rules: Rules = NO_RULES,
) -> tuple[ChainHoldings, ...]:
    """Return what a whole answer says of one account on the chains that were asked, zeros left out.

    Tokens that the `rules` ignore are only counted.
    """
    return tuple(
        ChainHoldings(
            chain_id,
            (
                _natives_in(answer, account, chain_id, seen_at),
                _tokens_in(answer, account, chain_id, seen_at, rules),
            ),
        )
        for chain_id in sorted(chain_ids)
    )


def _natives_in(answer: Answer, account: Address, chain_id: ChainId, seen_at: datetime) -> PartSeen:
    holding = answer.natives.get(chain_id, {}).get(account)
    if holding is None:
        return PartSeen(PartKind.NATIVES, None)
    return PartSeen(
        PartKind.NATIVES,
        seen_at,
        held=_held({NATIVE: holding}, chain_id, answer.descriptions, "NATIVE", seen_at),
    )


def _tokens_in(
    answer: Answer, account: Address, chain_id: ChainId, seen_at: datetime, rules: Rules
) -> PartSeen:
    by_account = answer.tokens.get(chain_id)
    if by_account is None or (chain_id, account) in answer.doubtful:
        return PartSeen(PartKind.TOKENS, None)
    # An account without rows in a list that was answered holds none of its tokens.
    holdings = by_account.get(account, {})
    held = _held(holdings, chain_id, answer.descriptions, "UNKNOWN", seen_at)
    shown = tuple(balance for balance in held if not ignores(rules, balance.asset))
    return PartSeen(PartKind.TOKENS, seen_at, held=shown, left_out=len(held) - len(shown))


def _held(
    holdings: Mapping[Address, Amount],
    chain_id: ChainId,
    descriptions: Mapping[Asset, Description],
    kind: str,
    seen_at: datetime,
) -> tuple[NamedBalance, ...]:
    """Return what is more than nothing, by symbol, with the prices that are not too old to count."""
    held = [
        NamedBalance(asset, _with_current_price(descriptions.get(asset, Description(kind)), seen_at), holding)
        for asset, holding in ((Asset(chain_id, contract), holding) for contract, holding in holdings.items())
        if holding.amount_raw
    ]
    return tuple(
        sorted(held, key=lambda balance: ((balance.description.symbol or "").casefold(), balance.asset))
    )


def _with_current_price(description: Description, seen_at: datetime) -> Description:
    price = described_price(description, seen_at)
    is_old = price is not None and seen_at - price.seen_at > PRICE_KEPT
    return description._replace(price_usd=None) if is_old else description
