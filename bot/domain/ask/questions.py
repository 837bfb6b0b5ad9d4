"""Questions to the source of balances, and its answers."""

from collections.abc import Callable, Collection, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from bot.domain.assets import Address, Amount, Asset, ChainId, Description, Quote


@dataclass(frozen=True, slots=True)
class Question:
    """One question for balances, however many pages its answer has.

    Exactly one of `chain_ids` and `networks` is given.
    """

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
    """The answer to one question, all pages merged.

    A chain is a key of `natives` or `tokens` only if its entry was there and
    carried no error: anything else is unknown, never zero.
    """

    natives: Mapping[ChainId, Mapping[Address, Amount]]
    """Native balances by chain and account; an account that is missing here is unknown."""
    tokens: Mapping[ChainId, Mapping[Address, Mapping[Address, Amount]]]
    """Token balances by chain, account and contract.

    An account that is missing under a chain holds no tokens there, unless it is `doubtful`.
    """
    doubtful: frozenset[tuple[ChainId, Address]] = frozenset()
    """Accounts with a token row that could not be read on that chain: their tokens there are unknown."""
    descriptions: Mapping[Asset, Description] = field(default_factory=dict)
    """Left empty by `Reply.about`: many accounts hold the same assets."""
    highest_blocks: Mapping[ChainId, int] = field(default_factory=dict)
    """The newest block that any row of a chain names; chains whose rows name none are missing."""
    refused_rows: int = 0
    troubles: tuple[str, ...] = ()
    """Complaints about single chains, by the source or the decoder, for the log."""
    found_late: frozenset[Address] = frozenset()
    """Accounts whose digest must not be compared: reading found a fault that the digest does not show."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete answer whose rows are not decoded yet, since mostly nothing changed (decision 13)."""

    digests: Mapping[Address, bytes]
    """A digest of each account: equal if all amounts and blocks are, and the same parts are unknown.

    Prices, names and the order of rows do not matter. Comparable between replies to the same question only,
    and not for accounts that the decoded answer lists in `found_late`.
    """
    chains: frozenset[ChainId]
    """Chains with at least one usable entry."""
    about: Callable[[Collection[Address]], Answer]
    """Decodes the amounts of these accounts."""
    descriptions: Callable[[Collection[Address]], Mapping[Asset, Description]]
    """Describes what these accounts hold."""
    prices: Callable[[Mapping[ChainId, AbstractSet[Address]]], Mapping[Asset, Quote]]
    """Returns prices in dollars per unit of the assets it knows a price of, without those named."""
    troubles: Mapping[ChainId, str] = field(default_factory=dict)
    """By chain, what is visibly wrong with it even before its rows are decoded, for the log."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """Rate limit and quota as the last answer's headers stated them; None where they said nothing usable."""

    rate_limit: int | None = None
    """Units per sliding minute; a request costs one or more units."""
    rate_remaining: int | None = None
    quota_limit: int | None = None
    """Free units per billing cycle."""
    quota_remaining: int | None = None
    quota_overage: int | None = None
    """Units used beyond the free ones."""
    quota_cost: int | None = None
    """Units that the last request cost."""
