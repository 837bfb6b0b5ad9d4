"""What is stored of accounts, what a sweep saw of them, and what changed between the two.

Moments are aware and in UTC.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import NamedTuple, NewType

from bot.domain.assets import Address, Amount, Asset, ChainId, Description, Items, Part
from bot.domain.drifts import Drift
from bot.domain.subscriptions import SubscriptionId

SweepNumber = NewType("SweepNumber", int)


class Standing(IntEnum):
    """Through which kind of question a stored balance is known."""

    NAMED = 0
    """Only because a subscription names its contract."""
    LISTED = 1
    """Listed among all tokens of a contract status."""
    UNLISTED = 2
    """Was listed, is no longer, but still held: asked for by contract until it is listed again or zero."""


class Balance(NamedTuple):
    """The stored balance of one asset of one account; zero balances are not stored."""

    amount: Amount
    standing: Standing
    last_alerted_raw: int | None = None
    """The amount of the last alert, if it differs: rebasing tokens are reported in steps."""


class Hold(NamedTuple):
    """A suspicious reading, which counts only once further readings agree with it."""

    amount: Amount
    times: int
    """How many readings in a row showed this amount."""


class Reading(NamedTuple):
    """What one sweep read about one account on one chain."""

    account: Address
    chain_id: ChainId
    native: Amount | None = None
    """None: unknown or not asked."""
    listed: Mapping[Asset, Amount] | None = None
    """All tokens of the contract status; None: unknown or not asked."""
    named: Mapping[Asset, Amount] = MappingProxyType({})
    """Contracts that were asked for by address and answered; `NOTHING` where the account holds none."""


class View(NamedTuple):
    """What is stored about one account on one chain."""

    coverage: Mapping[Part, datetime | None] = MappingProxyType({})
    """Parts observed since somebody subscribed, and since when each is unknown; None: it is not."""
    balances: Mapping[Asset, Balance] = MappingProxyType({})
    holds: Mapping[Asset, Hold] = MappingProxyType({})
    previous: Mapping[Asset, Amount] = MappingProxyType({})
    """What was held before the last change, of assets that changed within the last few sweeps."""
    rebasing: frozenset[Asset] = frozenset()
    """Assets whose amounts change by themselves: marked so by the source, or seen to drift.

    This and the next but one may name assets of other accounts, too: a batch shares them.
    """
    collections: frozenset[Asset] = frozenset()
    """Assets of unknown type that once came with ids: they stay collections."""
    drifting: frozenset[Asset] = frozenset()
    """Assets whose amount moved twice while the block stayed the same."""
    drifted: frozenset[Asset] = frozenset()
    """Assets whose amount did so once so far, in an earlier sweep."""
    drifts: Mapping[Asset, Drift] = MappingProxyType({})
    """How the balances of rebasing assets usually drift, as far as it was observed."""


class MoveKind(StrEnum):
    """What kind of change it is."""

    MOVED = "moved"
    """The amount changed."""
    LISTED = "listed"
    """The amount was held before and only now appears in the listing."""


class ItemMove(NamedTuple):
    """One token id of a collection with its amounts before and after."""

    token_id: int
    before_raw: int
    after_raw: int


def net_items(steps: Iterable[Iterable[ItemMove]]) -> tuple[ItemMove, ...]:
    """Return which ids came and went over successive changes of one collection, all told."""
    net: dict[int, ItemMove] = {}
    for move in (move for step in steps for move in step):
        before = net.get(move.token_id, move).before_raw
        net[move.token_id] = ItemMove(move.token_id, before, move.after_raw)
    return tuple(sorted(move for move in net.values() if move.before_raw != move.after_raw))


class Move(NamedTuple):
    """A change of one asset of one account, before it is stored and matched with subscriptions."""

    asset: Asset
    before: Amount
    after: Amount
    through: frozenset[Part]
    """The covered parts that show this change: subscriptions to one of them receive it."""
    kind: MoveKind = MoveKind.MOVED
    items: tuple[ItemMove, ...] = ()
    """For a collection, the ids that came and went; empty if unknown."""

    @property
    def is_loss(self) -> bool:
        """Whether nothing is left."""
        return not self.after.amount_raw


class Verdict(NamedTuple):
    """The result of comparing a reading with what is stored, for one account on one chain."""

    account: Address
    chain_id: ChainId
    first_seen: frozenset[Part] = frozenset()
    """Parts observed for the first time since somebody subscribed: a baseline, not a change."""
    seen_again: frozenset[Part] = frozenset()
    """Covered parts that were unknown before and are observed again."""
    still_unknown: frozenset[Part] = frozenset()
    """Covered parts that were asked for and gave no usable answer."""
    never_seen: frozenset[Part] = frozenset()
    """Wanted parts that gave no usable answer since somebody subscribed."""
    moves: tuple[Move, ...] = ()
    missing: tuple[Asset, ...] = ()
    """Assets listed before and missing now: to be asked for by contract, since missing is not zero."""
    balances: Mapping[Asset, Balance | None] = MappingProxyType({})
    """Balances to store; None: delete it, the account holds none."""
    holds: Mapping[Asset, Hold | None] = MappingProxyType({})
    """Suspicious readings to keep; None: drop it."""
    drifts: Mapping[Asset, Drift] = MappingProxyType({})
    """Usual drifts to store, where they changed."""
    drifted: frozenset[Asset] = frozenset()
    """Assets whose amount moved while the block stayed the same."""
    unexplained: tuple[Asset, ...] = ()
    """Collections whose moved ids are not known yet: the next sweep asks for them again."""

    @property
    def says_nothing_new(self) -> bool:
        """Whether there is nothing to write to the database."""
        return not (self.first_seen or self.seen_again or self.moves or self.balances or self.holds)


class Fingerprint(NamedTuple):
    """All that was read of an account, in few bytes: equal only if nothing is different."""

    generation: int | None
    """Of the account's coverage, which ends and begins anew; None: nothing is covered."""
    digest: bytes
    """Of what was asked, what was answered, and by which code it was compared."""


@dataclass(frozen=True, slots=True)
class Poll:
    """The results of one batch of a sweep, recorded in one transaction or not at all."""

    sweep: SweepNumber
    asked_under: SubscriptionId
    """The newest subscription when the batch was planned: nothing is recorded for newer ones."""
    observed_at: datetime
    verdicts: tuple[Verdict, ...]
    descriptions: Mapping[Asset, Description]
    """Descriptions that came along with balances; mostly without symbol and decimals."""
    described: Mapping[Asset, Description] = field(default_factory=dict)
    """Descriptions that were asked for."""
    items: Mapping[tuple[Address, Asset], Items] = field(default_factory=dict)
    """Items of collections to store, by id; empty: delete the stored ids."""
    prints: Mapping[Address, Fingerprint] = field(default_factory=dict)
    """Of accounts whose reading says nothing new once all of the poll is recorded."""
    highest_blocks: Mapping[ChainId, int] = field(default_factory=dict)
    """The newest block that was read on each chain."""

    @property
    def says_nothing_new(self) -> bool:
        """Whether there is nothing to write to the database."""
        return not (self.described or self.items or self.prints) and all(
            verdict.says_nothing_new for verdict in self.verdicts
        )


@dataclass(frozen=True, slots=True)
class Recorded:
    """What came of recording a poll."""

    alerts: int = 0
    """How many it makes."""
    prints: Mapping[Address, Fingerprint] = field(default_factory=dict)
    """Those of its prints that stand for what is stored now: the same reading says nothing new."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of one asset of one account, as alerts report it."""

    account: Address
    asset: Asset
    kind: MoveKind
    before: Amount
    after: Amount
    observed_at: datetime
    price_usd: str | None = None
    items: tuple[ItemMove, ...] = ()
    priced_at: datetime | None = None
    """When that price was read; None: together with the change."""
    decimals: int | None = None
    """The asset's decimals as known when the change was observed; None: unknown then."""
    former_decimals: int | None = None
    """The decimals to read the amount before with, if they may have been different then."""
