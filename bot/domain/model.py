"""The words of the house as values: what is watched, what was seen, what changed, who is told.

Addresses are `0x` and 40 lower-case hex digits everywhere inside; amounts are
whole numbers of smallest units; moments are aware and in UTC.
"""

from collections.abc import Callable, Collection, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import NamedTuple, NewType

from bot.domain.drifts import Drift

ChainId = NewType("ChainId", int)
"""EIP-155 number of a chain."""

Address = NewType("Address", str)
"""`0x` and 40 lower-case hex digits, or `NATIVE` where a contract is meant."""

Part = NewType("Part", str)
"""What can be observed by itself: `NATIVE_PART`, all of a contract status, or one named contract."""

SubscriptionId = NewType("SubscriptionId", int)
DestinationId = NewType("DestinationId", int)
AlertId = NewType("AlertId", int)
DeliveryId = NewType("DeliveryId", int)
SweepNumber = NewType("SweepNumber", int)

NATIVE = Address("")
"""The contract of a chain's native coin: none."""

NATIVE_PART = Part("native")

AMOUNT_MAX = 2**256 - 1
"""The largest amount an EVM contract can speak of."""

COLLECTION_KINDS = frozenset(
    {"ERC721", "ERC1155", "ERC6909", "ERC721_BRIDGE", "ERC1155_BRIDGE"},
)
"""Contract types that count items with ids; a Summary folds them into one row (indexer-gateway.md 1.4)."""

WHOLE_KINDS = frozenset({"ERC721", "ERC721_BRIDGE"})
"""Those whose items can't be divided, whatever decimals a source names."""

SINGLE_BALANCE_KINDS = frozenset({"ERC20", "ERC20_BRIDGE", "NATIVE"})
"""Contract types that have one balance for each account, whatever token id stands beside it."""

KNOWN_KINDS = COLLECTION_KINDS | SINGLE_BALANCE_KINDS
"""Contract types of which nobody has to find out whether they count items."""

WITH_IDS = " with ids"
"""Ends the kind of a contract whose type nobody knows, and which was seen to count items with ids."""


class Asset(NamedTuple):
    """One thing that can be held: a chain's native coin, or a token contract on it."""

    chain_id: ChainId
    contract: Address

    @property
    def part(self) -> Part:
        """The part that observes this asset and nothing else."""
        return Part(self.contract) if self.contract else NATIVE_PART


class Holding(NamedTuple):
    """How much of an asset was seen."""

    amount_raw: int
    """In smallest units; of a collection, all its items together."""
    uniques: int | None = None
    """Distinct ids of a collection; None where the source counts none."""
    block: int | None = None
    """Block of the last change, as the source tells it; natives have none (indexer-gateway.md 2.2)."""

    def differs_from(self, other: "Holding") -> bool:
        """Whether the amount is another one; a block or a price alone is no difference."""
        if self.amount_raw != other.amount_raw:
            return True
        return self.uniques is not None and other.uniques is not None and self.uniques != other.uniques


NOTHING = Holding(0)

Items = Mapping[int, int]
"""What an account holds of one collection: amounts by token id; ids it holds nothing of are left out."""


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

    holding: Holding
    standing: Standing
    told_raw: int | None = None
    """The amount last told, where it is another one: what rebases is told in steps."""


class Hold(NamedTuple):
    """A reading that contradicts what is stored, and is believed only when others agree with it."""

    holding: Holding
    times: int
    """Readings in a row that said so."""


class Description(NamedTuple):
    """What the source says an asset is."""

    kind: str
    """Contract type in the source's spelling, `NATIVE` for a native coin; it may end `WITH_IDS`."""
    symbol: str | None = None
    decimals: int | None = None
    """None: unknown, which is not zero."""
    rebasing: bool = False
    price_usd: str | None = None
    """Decimal number as the source spelled it, of one whole unit."""

    @property
    def is_collection(self) -> bool:
        """Whether its amounts count items with ids."""
        return self.kind in COLLECTION_KINDS or self.kind.endswith(WITH_IDS)

    def and_also(self, said: "Description") -> "Description":
        """Return what is known once the source said that; what it leaves open is not forgotten."""
        stays_numbered = self.kind.endswith(WITH_IDS) and said.kind not in KNOWN_KINDS
        is_silent = said.symbol is None and said.decimals is None
        return said._replace(
            kind=self.kind if said.kind == NOTHING_SAID.kind or stays_numbered else said.kind,
            symbol=self.symbol if said.symbol is None else said.symbol,
            decimals=self.decimals if said.decimals is None else said.decimals,
            rebasing=said.rebasing or (self.rebasing and is_silent),
        )


NOTHING_SAID = Description("UNKNOWN")
"""What is known of an asset that nobody described."""


class Price(NamedTuple):
    """What the source said one whole unit is worth, and when it said so."""

    usd: str
    """A decimal number as the source spelled it."""
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Question:
    """One request for balances, pages not counted; exactly one of `chain_ids` and `networks` is given."""

    accounts: tuple[Address, ...]
    chain_ids: tuple[ChainId, ...] = ()
    networks: tuple[str, ...] = ()
    contract_status: str = "VERIFIED"
    contracts: tuple[Address, ...] = ()
    """Only these; none means no restriction."""
    contracts_left_out: tuple[Address, ...] = ()
    natives: bool = True
    prices: bool = True
    metadata: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What the source said to one question, all pages folded together.

    A chain is a key of `natives` or `tokens` only if its entry was there and
    carried no error: anything else is unknown, never zero.
    """

    natives: Mapping[ChainId, Mapping[Address, Holding]]
    """By chain and account; an account that is not in it is unknown."""
    tokens: Mapping[ChainId, Mapping[Address, Mapping[Address, Holding]]]
    """By chain, account and contract; an account that is not in it holds nothing, unless it is doubtful."""
    doubtful: frozenset[tuple[ChainId, Address]] = frozenset()
    """Accounts of which a token row was refused on that chain: their tokens there are unknown."""
    descriptions: Mapping[Asset, Description] = field(default_factory=dict)
    highest_blocks: Mapping[ChainId, int] = field(default_factory=dict)
    """The newest block that any row of a chain names; a chain whose rows name none is not in it."""
    refused_rows: int = 0
    troubles: tuple[str, ...] = ()
    """What the source or the decoder said about single chains, for the log."""
    found_late: frozenset[Address] = frozenset()
    """Accounts of which reading brought to light what their digest does not tell: it proves nothing."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the source said to one question, whole, but not read: mostly it is what it said before."""

    digests: Mapping[Address, bytes]
    """Of each account: equal only if all holdings are, blocks included, and if the same is unknown.

    Neither prices and names nor the order of rows matter. Comparable between replies to the same question,
    but for accounts that the answer names as `found_late`.
    """
    chains: frozenset[ChainId]
    """Chains of which it says anything usable."""
    about: Callable[[Collection[Address]], Answer]
    """Returns the answer as far as it concerns these accounts; names and prices come from all of it."""
    prices: Callable[[Mapping[ChainId, AbstractSet[Address]]], Mapping[Asset, str]]
    """Returns what one unit of each asset is worth in dollars, as far as it says that, but of those named."""
    troubles: Mapping[ChainId, str] = field(default_factory=dict)
    """Of chains on which something is unknown: what shows that without reading, for the log."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the source said of its limits with its last answer; None where it said nothing believable."""

    rate_limit: int | None = None
    """Requests times their cost, in a sliding minute."""
    rate_remaining: int | None = None
    quota_limit: int | None = None
    """Free units of the billing cycle."""
    quota_remaining: int | None = None
    quota_overage: int | None = None
    """Units above the free ones."""
    quota_cost: int | None = None
    """Units that the last request cost."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one sweep saw of one account on one chain."""

    account: Address
    chain_id: ChainId
    native: Holding | None = None
    """None: unknown, or not asked."""
    listed: Mapping[Asset, Holding] | None = None
    """All tokens of the contract status; None: unknown, or not asked."""
    named: Mapping[Asset, Holding] = field(default_factory=dict)
    """Each contract asked for by name and answered, with `NOTHING` where it holds none."""


@dataclass(frozen=True, slots=True)
class View:
    """What is stored of one account on one chain."""

    coverage: Mapping[Part, datetime | None] = field(default_factory=dict)
    """Parts observed since somebody asked, with the moment since when they are unknown."""
    balances: Mapping[Asset, Balance] = field(default_factory=dict)
    holds: Mapping[Asset, Hold] = field(default_factory=dict)
    lately: Mapping[Asset, Holding] = field(default_factory=dict)
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
    before: Holding
    after: Holding
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
    before: Holding
    after: Holding
    observed_at: datetime
    price_usd: str | None = None
    items: tuple[ItemMove, ...] = ()
    priced_at: datetime | None = None
    """When that price was seen; None: with the change."""
    decimals: int | None = None
    """What was known of the asset's decimals when this was observed; None: nothing yet."""
    former_decimals: int | None = None
    """Set where they may have been other ones when the amount before was read."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A destination's wish to hear of an account, or of a contract in all accounts it watches."""

    id: SubscriptionId
    destination_id: DestinationId
    account: Address | None
    """None: the contracts, for every account this destination watches."""
    contracts: frozenset[Address] = frozenset()
    """Empty: all that the account holds."""
    chains: frozenset[ChainId] = frozenset()
    """Empty: every chain that is asked."""
    label: str = ""

    def covers_chain(self, chain_id: ChainId) -> bool:
        """Whether this chain is among the wished ones."""
        return not self.chains or chain_id in self.chains


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody writes and is answered: a chat, or one topic of it."""

    chat_id: int
    """Telegram's number."""
    kind: str
    """private, group, supergroup or channel."""
    title: str
    thread_id: int | None = None

    @property
    def is_private(self) -> bool:
        """Whether one person is alone with the bot here."""
        return self.kind == "private"

    def moved_to(self, chat_id: int) -> "Place":
        """Return the same place in the supergroup that its group has become."""
        return Place(chat_id, "supergroup", self.title, self.thread_id)


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks to be told of, before it is a subscription."""

    account: Address | None
    contracts: frozenset[Address] = frozenset()
    chains: frozenset[ChainId] = frozenset()
    label: str = ""


@dataclass(frozen=True, slots=True)
class ListedSubscription:
    """A subscription as its destination sees it."""

    number: int
    """What people call it: `#3`."""
    subscription: Subscription


class Subscribing(StrEnum):
    """What came of a wish."""

    CREATED = "created"
    ALREADY = "already"
    RELABELLED = "relabelled"
    FULL = "full"
    """The chat has as many subscriptions as it may."""
    TAKEN = "taken"
    """The label names something else there."""
