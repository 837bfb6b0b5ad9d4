"""What the poller remembers from sweep to sweep, to ask and compare less.

Balances don't depend on it. What another run remembered is lost, but for the prints that the store keeps:
without one, an account is compared once.
What others read, or a restart must not forget, is in the database.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from pathlib import Path

import bot
from bot.domain.ask.plan import Wanted
from bot.domain.ask.questions import Question
from bot.domain.assets import Address, Asset, ChainId, Part, Price, Quote
from bot.domain.observations import Fingerprint
from bot.domain.observe.prices import prices_to_store
from bot.poller.fetcher import Replied

DIGEST_BYTES = 16

DECIDES = ("domain", "indexer", "poller", "store")
"""The packages by which a reading is compared."""

Unseen = tuple[ChainId, frozenset[Part]]
"""Parts of an account on one chain that gave no usable answer."""


def fingerprints(
    asked: Mapping[Address, tuple[Wanted, Wanted]],
    generations: Mapping[Address, int],
    replied: Iterable[Replied],
    code: bytes,
) -> dict[Address, Fingerprint]:
    """Return what was read of each account as one value to compare; no answer about one, no value.

    `asked` is what people want of an account, and that with what is asked beside it to stay visible; `code`
    is `deciding_code` of the start.
    """
    said = [(_stamp(question), reply.digests) for question, reply in replied]
    # Accounts of a batch share these values: thousands of them are asked for the same.
    starts: dict[tuple[int, int], bytes] = {}
    result = {}
    for account, (wanted, all_asked) in asked.items():
        # Two missing answers are not two equal answers.
        of_account = [stamp + digests[account] for stamp, digests in said if account in digests]
        if of_account:
            key = (id(wanted), id(all_asked))
            if key not in starts:
                starts[key] = code + _asked(wanted) + _asked(all_asked)
            result[account] = Fingerprint(
                generations.get(account), _digest(b"".join([starts[key], *of_account]))
            )
    return result


def _asked(wanted: Wanted) -> bytes:
    named = sorted((contract, sorted(chains)) for contract, chains in wanted.named.items())
    return _digest(repr((sorted(wanted.broad), named)).encode())


def _stamp(question: Question) -> bytes:
    """Return bytes that tell a question from others about the same account."""
    # Without the accounts: a batch may be cut in other parts the next time, and say the same of each.
    # Without what decorates: a first reading asks for names, the next ones don't.
    asked = (
        question.chain_ids,
        question.contract_status,
        question.contracts,
        question.contracts_left_out,
        question.natives,
    )
    return _digest(repr(asked).encode())


def deciding_code() -> bytes:
    """Return a digest of the code that reads and compares: what is old to another one may be news to it.

    To be called at the start: later, the files may be those of another version than the one that runs.
    """
    root = Path(bot.__file__).parent
    files = sorted(path for name in DECIDES for path in (root / name).rglob("*.py"))
    code = [
        f"{path.relative_to(root)} {path.stat().st_size}\n".encode() + path.read_bytes() for path in files
    ]
    return _digest(b"".join([bot.__version__.encode(), *code]))


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=DIGEST_BYTES).digest()


@dataclass(slots=True)
class KnownBlocks:
    """The highest block known on each chain, and what was known when each account was last read.

    A token that appears in an account with a block no higher than that was held before.
    """

    _highest: dict[ChainId, int] = field(default_factory=dict)
    _at_start: dict[ChainId, int] = field(default_factory=dict)
    _at_reading: dict[Address, Mapping[ChainId, int]] = field(default_factory=dict)

    def start_from(self, at_last_reading: Mapping[ChainId, int], newest: Mapping[ChainId, int]) -> None:
        """Take over what an earlier run stored, unless something was read in this one already.

        What was known when it last read its accounts is less than what it knew in the end.
        """
        if not self._highest:
            self._at_start |= at_last_reading
            # Of a sweep in which nothing was to be recorded only the first of the two is stored.
            for stored in (at_last_reading, newest):
                self._note_highest(stored)

    def now(self) -> dict[ChainId, int]:
        """Return what is known at this moment."""
        return dict(self._highest)

    def when_read(self, account: Address, chain_id: ChainId) -> int | None:
        """Return what was known of a chain when the account was last read, in this run or an earlier one."""
        return self._at_reading.get(account, self._at_start).get(chain_id)

    def note(
        self,
        read: Mapping[Address, frozenset[ChainId]],
        known: Mapping[ChainId, int],
        seen: Mapping[ChainId, int],
    ) -> None:
        """Keep what was `known` when a batch of accounts was asked for, and the highest blocks `seen` in it.

        `read` are the chains on which the tokens of each account could be read. On its other chains, what
        was known when they were last read stays.
        """
        of_group = {
            chain_id: max(known.get(chain_id, 0), seen.get(chain_id, 0)) for chain_id in {*known, *seen}
        }
        self._note_highest(of_group)
        # Accounts of a batch share one mapping: thousands of them read the same chains.
        shared: dict[tuple[int, frozenset[ChainId]], Mapping[ChainId, int]] = {}
        for account, chains in read.items():
            before = self._at_reading.get(account, self._at_start)
            key = (id(before), chains)
            if key not in shared:
                fresh = {chain_id: block for chain_id, block in of_group.items() if chain_id in chains}
                shared[key] = {**before, **fresh}
            self._at_reading[account] = shared[key]

    def _note_highest(self, blocks: Mapping[ChainId, int]) -> None:
        for chain_id, block in blocks.items():
            self._highest[chain_id] = max(block, self._highest.get(chain_id, 0))


@dataclass(slots=True)
class Memory:
    """What one poller remembers."""

    blocks: KnownBlocks = field(default_factory=KnownBlocks)
    quiet: dict[Address, Fingerprint] = field(default_factory=dict)
    """The last reading of accounts whose news are recorded: the same one again has nothing new."""
    knows_stored_prints: bool = False
    unseen: dict[Address, tuple[Unseen, ...]] = field(default_factory=dict)
    """What was unknown in these readings, of those in which something was."""
    prices: dict[Asset, Price] = field(default_factory=dict)
    """What this run had stored of prices; one that moved little since is not in it."""
    unsaved_prices: dict[Asset, Price] = field(default_factory=dict)
    """Those of them that wait for the end of the sweep."""
    partly_unknown: frozenset[ChainId] = frozenset()
    """Chains on which something is unknown, by what was last logged."""
    has_trouble: bool = False
    """Whether the source gives trouble, by what was last logged."""
    unlearned: dict[tuple[Address, Asset], None] | None = None
    """Collections whose ids are not stored, in the order they came up; None: not looked up yet."""

    def start_from_prints(self, stored: Mapping[Address, Fingerprint]) -> None:
        """Take over the readings that an earlier run stored; to be called before anything is read."""
        self.quiet = dict(stored)
        self.knows_stored_prints = True

    def note_prices(self, said: Mapping[Asset, Quote], read_at: datetime) -> None:
        """Keep what is to be stored of the prices of an answer."""
        new = prices_to_store(said, read_at, self.prices)
        self.prices |= new
        self.unsaved_prices |= new

    def keep_quiet(self, account: Address, read: Fingerprint, unseen: tuple[Unseen, ...]) -> None:
        """Remember a reading whose news are recorded."""
        self.quiet[account] = read
        if unseen:
            self.unseen[account] = unseen

    def forget(self, account: Address) -> None:
        """Have the account compared when it is read next."""
        self.quiet.pop(account, None)
        self.unseen.pop(account, None)
