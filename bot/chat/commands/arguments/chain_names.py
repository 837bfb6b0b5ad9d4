"""How chains are read from what people type, and what is answered where that names none.

The one reader of chains for all commands: `polygon`, `Base Mainnet`, `137`, `polygon and base`.
"""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bot.chat.commands.arguments.errors import LineRefused
from bot.domain.assets import ChainId
from bot.domain.chains import Chains, Listing

_WORDS_MOST = 8  # of a title with what may follow it: "SKALE Nebula Gaming Hub Testnet Mainnet"
_LETTERS_COMPARED = 64

_BETWEEN_CHAINS = re.compile(r"[,;/&+|\n]|\band\b", re.IGNORECASE)
"""What keeps two chains apart for certain; blanks may also stand inside a name."""

_ALL = frozenset({"all", "any", "each", "every", "everything", "everywhere"})

_NEAR = 0.8
"""A slip of a letter or two is nearer, another name is not: `solana` and Somnia are at 0.67."""

_LETTERS_OF_A_START = 3
"""So many letters may be meant as the start of a name."""

_UNKNOWN = "I don't know a chain called"

_NAMED_WHOLE = 8
_NAMED_BEFORE_FOLD = 6


@dataclass(frozen=True, slots=True)
class ChainReader:
    """Reads chains: all that the registry knows, as far as the source has them."""

    chains: Chains
    listing: Listing = field(default_factory=Listing)

    def one(self, text: str) -> ChainId:
        """Return the chain that a text names, all of it; raises LineRefused with the reason."""
        chain_id = self.chains.find(text)
        if chain_id is None:
            raise self._no_chain(text)
        return self._listed(chain_id, text)

    def possible(self, text: str) -> frozenset[ChainId]:
        """Return the chains that a text may name, all of it; empty where it may not."""
        try:
            return self.several(text)
        except LineRefused:
            return frozenset()

    def meant(self, text: str) -> frozenset[ChainId]:
        """Return the chains that a text may mean, all of it, mistyped ones too; empty where it may not."""
        for _ in text.split():
            try:
                return self.several(text)
            except LineRefused as refused:
                mistyped = rf"(?<!\w){re.escape(refused.word)}(?!\w)"
                text = re.sub(mistyped, refused.meant, text, count=1) if refused.meant else ""
        return self.possible(text)

    def several(self, text: str) -> frozenset[ChainId]:
        """Return the chains that a text names; raises LineRefused with the reason.

        Where only blanks stand between them, as many words as can be are one name: `polygon base mainnet`
        is Polygon and Base.
        """
        pieces = [piece.split() for piece in _BETWEEN_CHAINS.split(text)]
        return frozenset(chain_id for words in pieces for chain_id in self._in_a_row(words))

    def _in_a_row(self, words: Sequence[str]) -> Iterable[ChainId]:
        while words:
            length, chain_id = self._first(words)
            yield self._listed(chain_id, " ".join(words[:length]))
            words = words[length:]

    def _first(self, words: Sequence[str]) -> tuple[int, ChainId]:
        """Return how many words the first chain takes, and which it is: the most that name one."""
        # The longest first, or "base mainnet" would be Base and then Ethereum.
        for length in range(min(len(words), _WORDS_MOST), 0, -1):
            chain_id = self.chains.find(" ".join(words[:length]))
            if chain_id is not None:
                return length, chain_id
        if words[0].casefold() in _ALL:
            raise LineRefused(words[0], "isn't needed: for all chains leave out “on” and what follows it.")
        raise self._no_chain(words[0])

    def _listed(self, chain_id: ChainId, typed: str) -> ChainId:
        if not self.listing.promises(chain_id):
            title = self.chains.get(chain_id).title
            raise LineRefused(
                typed, f"can't be read: the source does not list {title}; it lists {self._listed_titles()}."
            )
        return chain_id

    def _no_chain(self, typed: str) -> LineRefused:
        if typed.casefold().startswith("0x"):
            return LineRefused(typed, "stands after “on”, where a chain belongs. Addresses come before it.")
        closest = self._closest(typed.casefold())
        if closest is not None:
            title = self.chains.get(closest).title
            return LineRefused(typed, f"Did you mean {title}?", lead=_UNKNOWN, meant=title)
        if self.listing.is_known:
            return LineRefused(typed, f"The source lists {self._listed_titles()}.", lead=_UNKNOWN)
        return LineRefused(typed, "Send its name or number, such as polygon or 137.", lead=_UNKNOWN)

    def _listed_titles(self) -> str:
        mainnets = [
            chain_id
            for chain_id in self.chains.in_order(self.listing.now)
            if not self.chains.is_testnet(chain_id)
        ]
        titles = [self.chains.get(chain_id).title for chain_id in mainnets]
        if len(titles) <= _NAMED_WHOLE:
            return " and ".join(filter(None, (", ".join(titles[:-1]), *titles[-1:])))
        more = len(titles) - _NAMED_BEFORE_FOLD
        return f"{', '.join(titles[:_NAMED_BEFORE_FOLD])} and {more:,} more"

    def _closest(self, word: str) -> ChainId | None:
        """Return the chain that was probably meant, of those that the source has; None if none is near."""
        offered = self.listing.now or frozenset(self.chains.mainnets())
        called = {
            name: chain_id
            for chain_id in self.chains.in_order(offered)
            for name in self.chains.words(chain_id)
        }
        starting = {called[name] for name in called if name.startswith(word)}
        if len(starting) == 1 and len(word) >= _LETTERS_OF_A_START:
            return starting.pop()
        # Cut: difflib takes quadratic time, and a message may have thousands of letters.
        close = difflib.get_close_matches(word[:_LETTERS_COMPARED], sorted(called), n=1, cutoff=_NEAR)
        return called[close[0]] if close else None
