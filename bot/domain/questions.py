"""What is asked of the source of balances, and what it answers."""

from collections.abc import Callable, Collection, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from bot.domain.assets import Address, Amount, Asset, ChainId, Description


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

    natives: Mapping[ChainId, Mapping[Address, Amount]]
    """By chain and account; an account that is not in it is unknown."""
    tokens: Mapping[ChainId, Mapping[Address, Mapping[Address, Amount]]]
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
