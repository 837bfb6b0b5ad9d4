"""The rows of one answer, sorted by chain and account; what they say is not looked at yet."""

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


@dataclass(slots=True)
class Remarks:
    """What there is to say about an answer beside what is in it; `conceal` is blotted out."""

    conceal: str
    refused_rows: int = 0
    troubles: dict[str, None] = field(default_factory=dict)
    """A set in order."""
    by_chain: dict[ChainId, str] = field(default_factory=dict)
    """The first trouble of each chain."""
    last: tuple[ChainId, str] | None = None

    def add(self, chain_id: ChainId, text: str) -> None:
        """Remember a trouble with a chain, if it is one of the first."""
        if (chain_id, text) == self.last:
            return  # to word the same again for each of many rows would take long
        self.last = (chain_id, text)
        if len(self.by_chain) < _TROUBLES_KEPT:
            self.by_chain.setdefault(chain_id, plain(text, self.conceal))
        if len(self.troubles) < _TROUBLES_KEPT:
            self.troubles[f"chain {chain_id}: {plain(text, self.conceal)}"] = None

    def refuse(self, chain_id: ChainId, name: str) -> None:
        """Count a row of natives or tokens that cannot be believed."""
        self.refused_rows += 1
        self.add(chain_id, f"{name}: refused rows")
