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
"""`0x` and 40 lower-case hex digits; as the contract of an asset also `NATIVE`."""

Part = NewType("Part", str)
"""What a reading can observe by itself.

`NATIVE_PART`, a contract status such as `VERIFIED` (all tokens listed under it), or one contract's address.
"""

NATIVE = Address("")
"""Stands for the contract of a native coin, which has none."""

NATIVE_PART = Part("native")

AMOUNT_MAX = 2**256 - 1
"""The largest amount that an EVM contract can store."""

COLLECTION_KINDS = frozenset(
    {"ERC721", "ERC1155", "ERC6909", "ERC721_BRIDGE", "ERC1155_BRIDGE"},
)
"""Contract types that count items with ids; a Summary folds them into one row."""

WHOLE_KINDS = frozenset({"ERC721", "ERC721_BRIDGE"})
"""Collections whose items cannot be divided, whatever decimals the source names."""

SINGLE_BALANCE_KINDS = frozenset({"ERC20", "ERC20_BRIDGE", "NATIVE"})
"""Contract types with one balance per account, even where the source adds a token id."""

KNOWN_KINDS = COLLECTION_KINDS | SINGLE_BALANCE_KINDS
"""Contract types of which it is known whether they count items."""

WITH_IDS = " with ids"
"""Suffix for the kind of a contract of unknown type that was seen to count items with ids."""


class Asset(NamedTuple):
    """One thing that can be held: a chain's native coin, or a token contract on it."""

    chain_id: ChainId
    contract: Address

    @property
    def part(self) -> Part:
        """The part that observes this asset alone."""
        return Part(self.contract) if self.contract else NATIVE_PART


class Amount(NamedTuple):
    """How much of an asset an account holds, as the source reported it."""

    amount_raw: int
    """In smallest units; for a collection, the number of all its items."""
    uniques: int | None = None
    """Number of distinct ids of a collection; None if the source does not count them."""
    block: int | None = None
    """Block of the last change by the source; natives have none (docs/indexer-gateway.md, "Native rows")."""

    def differs_from(self, other: "Amount") -> bool:
        """Whether the amounts differ; another block or price alone is no difference."""
        if self.amount_raw != other.amount_raw:
            return True
        return self.uniques is not None and other.uniques is not None and self.uniques != other.uniques


NOTHING = Amount(0)

Items = Mapping[int, int]
"""What an account holds of one collection: amounts by token id, zeros left out."""


class Description(NamedTuple):
    """What the source says about an asset: its type, symbol, decimals and price."""

    kind: str
    """Contract type in the source's spelling, `NATIVE` for a native coin; may end with `WITH_IDS`."""
    symbol: str | None = None
    decimals: int | None = None
    """None: unknown, which is not the same as zero."""
    rebasing: bool = False
    price_usd: str | None = None
    """Dollars per whole unit, a decimal number in the source's spelling."""
    price_updated_at: datetime | None = None
    """Of when that price is by the source, None: it doesn't say; without a price, one is too old to count."""

    @property
    def is_collection(self) -> bool:
        """Whether its amounts count items with ids."""
        return self.kind in COLLECTION_KINDS or self.kind.endswith(WITH_IDS)

    @property
    def is_bare(self) -> bool:
        """Whether it names no more than a type and a price, as what came without metadata."""
        return self.symbol is None and self.decimals is None and not self.rebasing

    def merged(self, said: "Description") -> "Description":
        """Return this description updated by a newer one; what the newer one leaves open is kept."""
        stays_numbered = self.kind.endswith(WITH_IDS) and said.kind not in KNOWN_KINDS
        is_silent = said.symbol is None and said.decimals is None
        return said._replace(
            kind=self.kind if said.kind == NOTHING_SAID.kind or stays_numbered else said.kind,
            symbol=self.symbol if said.symbol is None else said.symbol,
            decimals=self.decimals if said.decimals is None else said.decimals,
            rebasing=said.rebasing or (self.rebasing and is_silent),
        )


NOTHING_SAID = Description("UNKNOWN")
"""The description of an asset that the source has not described."""


class Quote(NamedTuple):
    """A price as the source names it."""

    usd: str
    """Dollars per whole unit, a decimal number in the source's spelling."""
    updated_at: datetime | None = None
    """How old it is by the source; None: it doesn't say."""


class Price(NamedTuple):
    """What one whole unit of an asset is worth, and when that was so."""

    usd: str
    """Dollars, a decimal number in the source's spelling."""
    seen_at: datetime
    """When it was read, or the earlier moment of which the source says it is."""
