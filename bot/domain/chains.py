"""The chains the house knows by name; a chain it does not know is shown by its number."""

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

_SAYS_NOTHING = frozenset({"mainnet", "network", "chain", "blockchain", "one", "pos"})
"""Words behind a chain's name that leave it the same chain: `Base Mainnet`, `Polygon PoS`."""

_TESTNET = "testnet"
"""Says nothing behind the name of a test network, and something else behind any other."""

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
"""What people call chains beside their names and coins; `ETH` is the coin of many and means Ethereum."""

_SYMBOL_LETTERS_LEAST = 2


CHAINS_MOST = 2_000
"""More than there are: a source that lists more is not believed, and no more are remembered."""


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
    """Which chains the source has, as far as it has said."""

    now: frozenset[ChainId] = frozenset()
    """What it last listed; empty: it has not said yet, and nothing can be told by it."""
    ever: frozenset[ChainId] = frozenset()
    """What it ever listed: more than `now` where a chain went away."""
    configured: frozenset[ChainId] = frozenset()
    """What the operator has it asked for, whatever it lists."""

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
        """Whether something can be expected of a chain, as far as anybody knows."""
        return not self.lacks(chain_id) or chain_id in self.configured


NOT_LISTED = Listing()
"""Nothing is known of what the source has."""


class Chains:
    """The registry, by number and by all that people call a chain."""

    def __init__(self, chains: Iterable[Chain]) -> None:
        self._by_id: Mapping[ChainId, Chain] = {chain.id: chain for chain in chains}
        coins = Counter(chain.native_symbol.casefold() for chain in self._by_id.values() if not chain.testnet)
        self._words = {
            chain.id: _words_of(chain, is_only_coin=coins[chain.native_symbol.casefold()] == 1)
            for chain in self._by_id.values()
        }
        self._by_host = {
            urlsplit(chain.explorer_url).netloc.removeprefix("www."): chain.id
            for chain in self._by_id.values()
            if chain.explorer_url and not urlsplit(chain.explorer_url).path
        }
        self._by_word = {word: chain_id for chain_id, words in self._words.items() for word in words}

    def get(self, chain_id: ChainId) -> Chain:
        """Return the chain; one that is not registered is `chain 123`, with 18 decimals and no explorer."""
        return self._by_id.get(chain_id) or Chain(
            chain_id, str(chain_id), f"chain {chain_id}", "native coin", 18, "", testnet=False
        )

    def find(self, text: str) -> ChainId | None:
        """Return the one chain that all of a text names; None if there is none.

        A name, title, coin or short word may be followed by what says nothing more, `Base Mainnet`. Any
        number is a chain, in hex too, but for zero and for what is too large to be one anywhere.
        """
        number = _NUMBER.fullmatch(text)
        if number:
            return ChainId(int(number["hex"], 16) if number["hex"] else int(number["decimal"])) or None
        words, is_testnet = _plain(text).split(), False
        while words:
            chain_id = self._by_word.get(" ".join(words))
            if chain_id is not None:
                return None if is_testnet and not self.is_testnet(chain_id) else chain_id
            dropped = words.pop()
            is_testnet = is_testnet or dropped == _TESTNET
            if dropped != _TESTNET and dropped not in _SAYS_NOTHING:
                return None
        return None

    def words(self, chain_id: ChainId) -> frozenset[str]:
        """Return what a chain is called, in lower case with blanks between; nothing of one not registered."""
        return self._words.get(chain_id, frozenset())

    def at_host(self, host: str) -> ChainId | None:
        """Return the chain whose explorer alone a host serves; None if it may be several or none."""
        return self._by_host.get(host.casefold().removeprefix("www."))

    def in_order(self, chain_ids: Collection[ChainId]) -> tuple[ChainId, ...]:
        """Return chains as the registry has them, the well-known first, and then those it has not."""
        known = [chain_id for chain_id in self._by_id if chain_id in chain_ids]
        return (*known, *sorted(frozenset(chain_ids) - self._by_id.keys()))

    def registered(self) -> tuple[ChainId, ...]:
        """Return every registered chain, test networks too."""
        return tuple(self._by_id)

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


def _words_of(chain: Chain, *, is_only_coin: bool) -> frozenset[str]:
    """Return what a chain is called; its coin counts where no other chain has it."""
    is_named_by_coin = (
        is_only_coin and not chain.testnet and len(chain.native_symbol) >= _SYMBOL_LETTERS_LEAST
    )
    names = {_plain(chain.title), _plain(chain.name)}
    short = {*_SHORT_WORDS.get(chain.id, ()), *([chain.native_symbol] if is_named_by_coin else [])}
    return frozenset(names | {_without_ending(name) for name in names} | {_plain(word) for word in short})


def _without_ending(words: str) -> str:
    """Return a name without words behind it that say nothing, the first one always kept."""
    first, *others = words.split()
    while others and others[-1] in _SAYS_NOTHING:
        others.pop()
    return " ".join((first, *others))


def _plain(text: str) -> str:
    """Return a text in lower case, one blank for all that stands between words."""
    return _BETWEEN_WORDS.sub(" ", text.casefold()).strip()


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
