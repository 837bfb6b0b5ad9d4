"""What is stored of accounts, what a sweep saw of them, and what changed between the two.

Moments are aware and in UTC.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import NamedTuple, NewType

from bot.domain.assets import Address, Amount, Asset, ChainId, Description, Items, Part, Price
from bot.domain.drifts import Drift
from bot.domain.subscriptions import SubscriptionId

SweepNumber = NewType("SweepNumber", int)


class Standing(IntEnum):
    """How a stored balance came to be known."""

    NAMED = 0
    """Only because somebody named its contract."""
    LISTED = 1
    """Listed by the readings that list everything of a contract status."""
    UNLISTED = 2
    """Was listed, lost its mark, is still held: asked for by name until it is listed again or gone."""


class Balance(NamedTuple):
    """What is stored of one asset of one account; zero is not stored."""

    amount: Amount
    standing: Standing
    told_raw: int | None = None
    """The amount last told, where it is another one: what rebases is told in steps."""


class Hold(NamedTuple):
    """A reading that contradicts what is stored, and is believed only when others agree with it."""

    amount: Amount
    times: int
    """Readings in a row that said so."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one sweep saw of one account on one chain."""

    account: Address
    chain_id: ChainId
    native: Amount | None = None
    """None: unknown, or not asked."""
    listed: Mapping[Asset, Amount] | None = None
    """All tokens of the contract status; None: unknown, or not asked."""
    named: Mapping[Asset, Amount] = field(default_factory=dict)
    """Each contract asked for by name and answered, with `NOTHING` where it holds none."""


@dataclass(frozen=True, slots=True)
class View:
    """What is stored of one account on one chain."""

    coverage: Mapping[Part, datetime | None] = field(default_factory=dict)
    """Parts observed since somebody asked, with the moment since when they are unknown."""
    balances: Mapping[Asset, Balance] = field(default_factory=dict)
    holds: Mapping[Asset, Hold] = field(default_factory=dict)
    lately: Mapping[Asset, Amount] = field(default_factory=dict)
    """What was held before the last change, of assets that changed within the last few sweeps."""
    rebasing: frozenset[Asset] = frozenset()
    """Assets whose amounts change by themselves: the source says so, or they drift."""
    collections: frozenset[Asset] = frozenset()
    """What once came with ids, though nobody knows its type: it stays a collection."""
    drifting: frozenset[Asset] = frozenset()
    """Those of which amounts moved twice while their block stood still."""
    drifted: frozenset[Asset] = frozenset()
    """Assets of which an amount did so once, in an earlier sweep."""
    drifts: Mapping[Asset, Drift] = field(default_factory=dict)
    """How the balances of what rebases move by themselves, as far as that was seen."""


class MoveKind(StrEnum):
    """What a change says."""

    MOVED = "moved"
    """The amount is another one than before."""
    LISTED = "listed"
    """It was held before, and is only now listed."""


class ItemMove(NamedTuple):
    """One token id of a collection, before and after."""

    token_id: int
    before_raw: int
    after_raw: int


class Move(NamedTuple):
    """One asset of one account, before and after."""

    asset: Asset
    before: Amount
    after: Amount
    through: frozenset[Part]
    """The covered parts it was seen through: who asked for one of them hears of it."""
    kind: MoveKind = MoveKind.MOVED
    items: tuple[ItemMove, ...] = ()
    """Of a collection, the ids that came and went; none where nobody knows."""

    @property
    def is_loss(self) -> bool:
        """Whether nothing is left."""
        return not self.after.amount_raw


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a reading says about what is stored of one account on one chain."""

    account: Address
    chain_id: ChainId
    first_seen: frozenset[Part] = frozenset()
    """Parts observed for the first time since somebody asked: a baseline, not a change."""
    seen_again: frozenset[Part] = frozenset()
    """Covered parts that had been unknown."""
    still_unknown: frozenset[Part] = frozenset()
    """Covered parts that were asked for and not observed."""
    never_seen: frozenset[Part] = frozenset()
    """Wanted parts that gave no usable answer since somebody asked."""
    moves: tuple[Move, ...] = ()
    missing: tuple[Asset, ...] = ()
    """Listed before, not listed now: a question to ask by name, not a zero."""
    balances: Mapping[Asset, Balance | None] = field(default_factory=dict)
    """What is to be stored anew; None: it is gone."""
    holds: Mapping[Asset, Hold | None] = field(default_factory=dict)
    """What is to be held from now on; None: no longer."""
    drifts: Mapping[Asset, Drift] = field(default_factory=dict)
    """How balances that are stored anew move by themselves, where that is another way than before."""
    drifted: frozenset[Asset] = frozenset()
    """Assets whose amount moved while its block stood still."""
    unexplained: tuple[Asset, ...] = ()
    """Collections that moved in a way that nobody explained yet: the next reading asks again."""

    @property
    def says_nothing_new(self) -> bool:
        """Whether nothing of this verdict has to be written."""
        return not (self.first_seen or self.seen_again or self.moves or self.balances or self.holds)

    @property
    def is_settled(self) -> bool:
        """Whether the same reading again would have nothing to say either."""
        return self.says_nothing_new and not (self.missing or self.unexplained)


@dataclass(frozen=True, slots=True)
class Poll:
    """What one batch of a sweep brought: all of it is recorded, or nothing."""

    sweep: SweepNumber
    asked_under: SubscriptionId
    """The newest subscription when the questions were planned; what only newer ones ask for is not meant."""
    observed_at: datetime
    verdicts: tuple[Verdict, ...]
    descriptions: Mapping[Asset, Description]
    """What the answers said of assets on the way; steady ones leave symbol and decimals out."""
    described: Mapping[Asset, Description] = field(default_factory=dict)
    """What the source said when it was asked what an asset is."""
    items: Mapping[tuple[Address, Asset], Items] = field(default_factory=dict)
    """What is to be stored of collections, id by id; nothing: forget what is stored."""
    last_prices: Mapping[Asset, Price] = field(default_factory=dict)
    """What assets that moved were worth when the source last said it, for where the answers name no price."""

    @property
    def says_nothing_new(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.described or self.items) and all(
            verdict.says_nothing_new for verdict in self.verdicts
        )


@dataclass(frozen=True, slots=True)
class Change:
    """One asset of one account, before and after, as it is told."""

    account: Address
    asset: Asset
    kind: MoveKind
    before: Amount
    after: Amount
    observed_at: datetime
    price_usd: str | None = None
    items: tuple[ItemMove, ...] = ()
    priced_at: datetime | None = None
    """When that price was seen; None: with the change."""
    decimals: int | None = None
    """What was known of the asset's decimals when this was observed; None: nothing yet."""
    former_decimals: int | None = None
    """Set where they may have been other ones when the amount before was read."""
