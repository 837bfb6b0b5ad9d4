"""The rows of one answer, sorted by chain and account, their amounts still as strings."""

from collections import defaultdict
from dataclasses import dataclass, field

from bot.domain.assets import Address, ChainId
from bot.indexer.errors import plain
from bot.indexer.rows import NativeRow, TokenRow

_TROUBLES_KEPT = 50

AccountOnChain = tuple[ChainId, Address]
"""One account on one chain."""


@dataclass(slots=True)
class SortedNatives:
    """The rows of native balances on all pages so far."""

    name: str = "natives"
    rows: dict[ChainId, dict[Address, NativeRow]] = field(default_factory=dict)
    """By chain and account; a chain is a key once its entry was there."""
    unknown: set[ChainId] = field(default_factory=set)
    """Chains whose rows, and whose lack of rows, prove nothing."""
    doubtful: set[AccountOnChain] = field(default_factory=set)
    """Where a row was refused while sorting; reading may refuse more."""


@dataclass(slots=True)
class SortedTokens:
    """The rows of token balances on all pages so far."""

    name: str = "tokens"
    rows: dict[ChainId, dict[Address, dict[Address, TokenRow]]] = field(default_factory=dict)
    """By chain, account and contract, the row that counts; a chain is a key once its entry was there."""
    by_id: dict[AccountOnChain, dict[Address, dict[str, TokenRow]]] = field(
        default_factory=lambda: defaultdict(dict)
    )
    """By contract and token id: contracts that came in rows of several ids, which count together."""
    numbered: dict[AccountOnChain, set[Address]] = field(default_factory=lambda: defaultdict(set))
    """Contracts of an unknown type whose rows came with ids."""
    unknown: set[ChainId] = field(default_factory=set)
    """Chains whose rows, and whose lack of rows, prove nothing."""
    doubtful: set[AccountOnChain] = field(default_factory=set)
    """Where a row was refused while sorting; reading may refuse more."""


@dataclass(slots=True)
class Remarks:
    """What went wrong with rows and chains of one answer, for the log; `conceal` is blotted out."""

    conceal: str
    refused_rows: int = 0
    troubles: dict[str, None] = field(default_factory=dict)
    """A set in order: the first 50."""
    by_chain: dict[ChainId, str] = field(default_factory=dict)
    """The first trouble of each chain."""
    last: tuple[ChainId, str] | None = None

    def add(self, chain_id: ChainId, text: str) -> None:
        """Remember a trouble with a chain, if it is one of the first."""
        if (chain_id, text) == self.last:
            return  # thousands of rows may have the same trouble, and wording it is slow
        self.last = (chain_id, text)
        if len(self.by_chain) < _TROUBLES_KEPT:
            self.by_chain.setdefault(chain_id, plain(text, self.conceal))
        if len(self.troubles) < _TROUBLES_KEPT:
            self.troubles[f"chain {chain_id}: {plain(text, self.conceal)}"] = None

    def refuse(self, chain_id: ChainId, name: str) -> None:
        """Count a malformed row; `name` says whether it is of natives or tokens."""
        self.refused_rows += 1
        self.add(chain_id, f"{name}: refused rows")
