"""The rows of one answer, sorted by chain and account; what they say is not looked at yet."""

from collections import defaultdict
from dataclasses import dataclass, field

from bot.domain.assets import Address, ChainId
from bot.indexer.rows import NativeRow, TokenRow

AccountOnChain = tuple[ChainId, Address]
"""One account on one chain."""


@dataclass(slots=True)
class SortedNatives:
    """What pages have said of native balances so far."""

    name: str = "natives"
    rows: dict[ChainId, dict[Address, NativeRow]] = field(default_factory=dict)
    """By chain whose entry was there, and account."""
    unknown: set[ChainId] = field(default_factory=set)
    doubtful: set[AccountOnChain] = field(default_factory=set)
    """Where a row was refused at sight; others may turn out to be no better when they are read."""


@dataclass(slots=True)
class SortedTokens:
    """What pages have said of token balances so far."""

    name: str = "tokens"
    rows: dict[ChainId, dict[Address, dict[Address, TokenRow]]] = field(default_factory=dict)
    """By chain whose entry was there, account and contract: the row that counts."""
    by_id: dict[AccountOnChain, dict[Address, dict[str, TokenRow]]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    """By contract and token id, where a contract came in rows of several ids: they count together."""
    numbered: dict[AccountOnChain, set[Address]] = field(default_factory=lambda: defaultdict(set))
    """Contracts of a type that nobody knows, whose rows came with ids."""
    unknown: set[ChainId] = field(default_factory=set)
    doubtful: set[AccountOnChain] = field(default_factory=set)
    """Where a row was refused at sight; others may turn out to be no better when they are read."""
