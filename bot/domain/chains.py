"""The registry of chains: names, coins and explorers; a chain that is not in it is shown by its number."""

import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urlsplit

from bot.domain.assets import Address, Asset, ChainId

_NUMBER = re.compile(
    r"(?:chain(?: id)? |eip155:)?(?:0x(?P<hex>[0-9a-f]{1,13})|(?P<decimal>[0-9]{1,15}))",
    re.ASCII | re.IGNORECASE,
)
"""`137`, `0x89`, `chain 137`, `eip155:137`: EIP-2294 keeps chain ids below 2^52."""

_BETWEEN_WORDS = re.compile(r"[\W_]+")

_FILLER_WORDS = frozenset({"mainnet", "network", "chain", "blockchain", "one", "pos"})
"""Words after a chain's name that do not change which chain is meant: `Base Mainnet`, `Polygon PoS`."""

_TESTNET = "testnet"
"""A filler word after the name of a test network; after any other name it means another chain."""

_SHORT_WORDS: Mapping[int, tuple[str, ...]] = MappingProxyType(
    {
        1: ("eth",),
        137: ("matic",),
        56: ("bnb", "binance", "binance smart chain"),
        10: ("op", "oeth"),
        42161: ("arb", "arb1"),
        42170: ("nova", "arb nova"),
        43114: ("avax", "c-chain", "avalanche c-chain", "avax c-chain"),
        43113: ("fuji", "avalanche fuji"),
        100: ("gno",),
        13371: ("immutable",),
    }
)
"""What people call chains besides their names and coins.

`ETH` is the coin of many chains, so it is listed here to mean Ethereum.
"""

_SYMBOL_LETTERS_LEAST = 2


CHAINS_MOST = 2_000
"""More than exist: a list longer than this is not believed, and no more chains are remembered."""


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


@dataclass(frozen=True, slots=True)
class Listing:
    """Which chains the source of balances lists, as far as it has said."""

    now: frozenset[ChainId] = frozenset()
    """What it listed last; empty: it has not answered yet, so nothing follows from a missing chain."""
    ever: frozenset[ChainId] = frozenset()
    """Everything it ever listed; more than `now` if a chain was dropped."""
    configured: frozenset[ChainId] = frozenset()
    """Chains the operator configured, which are asked for whether listed or not."""
    asked: frozenset[ChainId] = frozenset()
    """Chains that are asked where a subscription names none."""

    @property
    def is_known(self) -> bool:
        """Whether the source has said which chains it has."""
        return bool(self.now)

    def lacks(self, chain_id: ChainId) -> bool:
        """Whether the source is known never to have listed a chain."""
        return self.is_known and chain_id not in self.now | self.ever

    def has_dropped(self, chain_id: ChainId) -> bool:
        """Whether the source listed a chain once and does not now; it is asked all the same."""
        return self.is_known and chain_id in self.ever and chain_id not in self.now

    def promises(self, chain_id: ChainId) -> bool:
        """Whether a watch on this chain can be accepted: listed, configured, or not known to be missing."""
        return not self.lacks(chain_id) or chain_id in self.configured


NOT_LISTED = Listing()
"""The source has not said yet which chains it has."""


class Chains:
    """The registry of chains, looked up by id, by any of their names, or by their explorer."""

    def __init__(self, chains: Iterable[Chain]) -> None:
        self._by_id: Mapping[ChainId, Chain] = {chain.id: chain for chain in chains}
        coins = Counter(chain.native_symbol.casefold() for chain in self._by_id.values() if not chain.testnet)
        self._words = {
            chain.id: _words_of(chain, is_only_coin=coins[chain.native_symbol.casefold()] == 1)
            for chain in self._by_id.values()
        }
        # An explorer of several chains tells them apart by path: its host alone names none of them.
        self._by_host = {
            urlsplit(chain.explorer_url).netloc.removeprefix("www."): chain.id
            for chain in self._by_id.values()
            if chain.explorer_url and not urlsplit(chain.explorer_url).path
        }
        self._by_word = {word: chain_id for chain_id, words in self._words.items() for word in words}

    def get(self, chain_id: ChainId) -> Chain:
        """Return a chain; one that is not registered becomes `chain 123` with 18 decimals and no explorer."""
        return self._by_id.get(chain_id) or Chain(
            chain_id, str(chain_id), f"chain {chain_id}", "native coin", 18, "", testnet=False
        )

    def find(self, text: str) -> ChainId | None:
        """Return the chain that a whole text names, or None.

        A name, title, coin or short word may be followed by filler words (`Base Mainnet`). A number,
        decimal or hex, is a chain id, registered or not, unless it is zero or 2^52 and above.
        """
        number = _NUMBER.fullmatch(text)
        if number:
            return ChainId(int(number["hex"], 16) if number["hex"] else int(number["decimal"])) or None
        # Drop one word after the other from the end: what is left is a name, or all that was
        # dropped must be filler words.
        words, is_testnet = _plain(text).split(), False
        while words:
            chain_id = self._by_word.get(" ".join(words))
            if chain_id is not None:
                return None if is_testnet and not self.is_testnet(chain_id) else chain_id
            dropped = words.pop()
            is_testnet = is_testnet or dropped == _TESTNET
            if dropped != _TESTNET and dropped not in _FILLER_WORDS:
                return None
        return None

    def words(self, chain_id: ChainId) -> frozenset[str]:
        """Return all names of a chain, in lower case; empty for a chain that is not registered."""
        return self._words.get(chain_id, frozenset())

    def at_host(self, host: str) -> ChainId | None:
        """Return the chain whose explorer has this host; None if no single chain does."""
        return self._by_host.get(host.casefold().removeprefix("www."))

    def in_order(self, chain_ids: Collection[ChainId]) -> tuple[ChainId, ...]:
        """Return chains in the registry's order, which has the well-known first; unregistered ones follow."""
        known = [chain_id for chain_id in self._by_id if chain_id in chain_ids]
        return (*known, *sorted(frozenset(chain_ids) - self._by_id.keys()))

    def registered(self) -> tuple[ChainId, ...]:
        """Return the ids of all registered chains, test networks included."""
        return tuple(self._by_id)

    def mainnets(self) -> tuple[ChainId, ...]:
        """Return the ids of all registered chains that are not test networks."""
        return tuple(chain.id for chain in self._by_id.values() if not chain.testnet)

    def is_testnet(self, chain_id: ChainId) -> bool:
        """Whether the registry marks a chain as a test network; False for an unregistered one."""
        return self.get(chain_id).testnet

    def explorer_link(self, asset: Asset, account: Address) -> str | None:
        """Return the URL of an account's page on the asset's chain; None without an explorer."""
        url = self.get(asset.chain_id).explorer_url
        return f"{url}/address/{account}" if url else None

    def transaction_link(self, chain_id: ChainId, transaction: str) -> str | None:
        """Return the URL of a transaction's page, by its hash; None without an explorer."""
        url = self.get(chain_id).explorer_url
        return f"{url}/tx/{transaction}" if url else None


def _words_of(chain: Chain, *, is_only_coin: bool) -> frozenset[str]:
    """Return the names of a chain; its coin's symbol is one if no other mainnet has the same coin."""
    is_named_by_coin = (
        is_only_coin and not chain.testnet and len(chain.native_symbol) >= _SYMBOL_LETTERS_LEAST
    )
    names = {_plain(chain.title), _plain(chain.name)}
    short = {*_SHORT_WORDS.get(chain.id, ()), *([chain.native_symbol] if is_named_by_coin else [])}
    return frozenset(names | {_without_ending(name) for name in names} | {_plain(word) for word in short})


def _without_ending(words: str) -> str:
    """Return a name without the filler words at its end; the first word is always kept."""
    first, *others = words.split()
    while others and others[-1] in _FILLER_WORDS:
        others.pop()
    return " ".join((first, *others))


def _plain(text: str) -> str:
    """Return a text in lower case with one blank between words."""
    return _BETWEEN_WORDS.sub(" ", text.casefold()).strip()


def read_registry(text: str) -> Chains:
    """Return the registry that a JSON text holds, in the form of `bot/chains.json`."""
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
