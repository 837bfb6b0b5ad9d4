"""The chains the house knows by name; a chain it does not know is shown by its number."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.domain.model import Address, Asset, ChainId

_NUMBER_DIGITS_MOST = 18
"""Numbers of chains fit 64 bits with their sign, here and at the source."""


@dataclass(frozen=True, slots=True)
class Chain:
    """One row of the registry."""

    id: ChainId
    name: str
    """Short slug, `polygon`."""
    title: str
    native_symbol: str
    native_decimals: int
    explorer_url: str
    """Without a slash at the end; "" where none is known."""
    testnet: bool


class Chains:
    """The registry, by number and by name."""

    def __init__(self, chains: Iterable[Chain]) -> None:
        self._by_id: Mapping[ChainId, Chain] = {chain.id: chain for chain in chains}
        self._by_word: Mapping[str, Chain] = {
            word.casefold(): chain for chain in self._by_id.values() for word in (chain.title, chain.name)
        }

    def get(self, chain_id: ChainId) -> Chain:
        """Return the chain; one that is not registered is `chain 123`, with 18 decimals and no explorer."""
        return self._by_id.get(chain_id) or Chain(
            chain_id, str(chain_id), f"chain {chain_id}", "native coin", 18, "", testnet=False
        )

    def find(self, word: str) -> ChainId | None:
        """Return the chain of a name, a title or a number; None if there is none.

        Any number is one, but for zero and for what is too large to be anywhere.
        """
        if word.isascii() and word.isdigit():
            number = int(word) if len(word) <= _NUMBER_DIGITS_MOST else 0
            return ChainId(number) if number else None
        chain = self._by_word.get(word.casefold())
        return chain.id if chain else None

    def mainnets(self) -> tuple[ChainId, ...]:
        """Return every registered chain that is no test network."""
        return tuple(chain.id for chain in self._by_id.values() if not chain.testnet)

    def is_testnet(self, chain_id: ChainId) -> bool:
        """Whether the registry calls it a test network; an unknown chain is none."""
        return self.get(chain_id).testnet

    def explorer_link(self, asset: Asset, account: Address) -> str | None:
        """Return the page of an account on the asset's chain."""
        url = self.get(asset.chain_id).explorer_url
        return f"{url}/address/{account}" if url else None


def read_registry(text: str) -> Chains:
    """Return the registry from its JSON (`chains.json`)."""
    return Chains(
        Chain(
            ChainId(row["chainId"]),
            row["name"],
            row["title"],
            row["nativeSymbol"],
            row["nativeDecimals"],
            row["explorerUrl"],
            testnet=row["testnet"],
        )
        for row in json.loads(text)
    )
