"""What can be held, how much of it was seen, and how it is described.

Addresses are `0x` and 40 lower-case hex digits everywhere inside; amounts are
whole numbers of smallest units.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple, NewType

ChainId = NewType("ChainId", int)
"""EIP-155 number of a chain."""

Address = NewType("Address", str)
"""`0x` and 40 lower-case hex digits, or `NATIVE` where a contract is meant."""

Part = NewType("Part", str)
"""What can be observed by itself: `NATIVE_PART`, all of a contract status, or one named contract."""

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


class Amount(NamedTuple):
    """How much of an asset was seen."""

    amount_raw: int
    """In smallest units; of a collection, all its items together."""
    uniques: int | None = None
    """Distinct ids of a collection; None where the source counts none."""
    block: int | None = None
    """Block of the last change, as the source tells it; natives have none (indexer-gateway.md 2.2)."""

    def differs_from(self, other: "Amount") -> bool:
        """Whether the amount is another one; a block or a price alone is no difference."""
        if self.amount_raw != other.amount_raw:
            return True
        return self.uniques is not None and other.uniques is not None and self.uniques != other.uniques


NOTHING = Amount(0)

Items = Mapping[int, int]
"""What an account holds of one collection: amounts by token id; ids it holds nothing of are left out."""


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
