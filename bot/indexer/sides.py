"""The rows of one answer, sorted by chain and account; what they say is not looked at yet."""

from collections import defaultdict
from dataclasses import dataclass, field

from bot.domain.model import Address, ChainId
from bot.indexer.rows import NativeRow, TokenRow

Spot = tuple[ChainId, Address]
"""One account on one chain."""


@dataclass(slots=True)
class Natives:
    """What pages have said of native balances so far."""

    name: str = "natives"
    rows: dict[ChainId, dict[Address, NativeRow]] = field(default_factory=dict)
    """By chain whose entry was there, and account."""
    again: dict[Spot, list[NativeRow]] = field(default_factory=lambda: defaultdict(list))
    """From the first row on that differs from the one in `rows`, all in the order in which they came."""
    unknown: set[ChainId] = field(default_factory=set)
    doubtful: set[Spot] = field(default_factory=set)
    """Where a row was refused at sight; others may turn out to be no better when they are read."""

    def is_settled(self, chain_id: ChainId, accounts: frozenset[Address]) -> bool:
        """Whether each of these accounts has a row or is unknown on a chain, whatever may still come."""
        if chain_id in self.unknown:
            return True
        missing = accounts.difference(self.rows.get(chain_id, ()))
        return all((chain_id, account) in self.doubtful for account in missing)


@dataclass(slots=True)
class Tokens:
    """What pages have said of token balances so far."""

    name: str = "tokens"
    rows: dict[ChainId, dict[Address, dict[Address, TokenRow]]] = field(default_factory=dict)
    """By chain whose entry was there, account and contract."""
    again: dict[Spot, list[tuple[Address, TokenRow]]] = field(default_factory=lambda: defaultdict(list))
    """The same, of an account: from the first row on that differs from the one of its contract."""
    unknown: set[ChainId] = field(default_factory=set)
    doubtful: set[Spot] = field(default_factory=set)
    """Where a row was refused at sight; others may turn out to be no better when they are read."""
