"""The kinds of faults of the simulated gateway, each a small value that a test adds and heals.

Interruptions replace or spoil a whole answer, one at a time. Alterations change rows or delay answers, and
add up. Every fault can be aimed at some calls only. The class names are part of the control over HTTP:
`{"fault": "FailTokens", "chainId": 137}`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bot.sandbox.gateway.errors import WireError
from bot.sandbox.gateway.rows import Row

Method = Literal[
    "GetTokenBalancesSummary",
    "GetTokenBalancesDetails",
    "GetTokenBalancesByContract",
    "GetNativeTokenBalance",
    "GetTransactionHistory",
    "GetTokenPrices",
    "GetTokenPrice",
    "GetChains",
    "Ping",
    "Version",
    "RuntimeStatus",
]

_OF_BALANCES = (
    "GetTokenBalancesSummary",
    "GetTokenBalancesDetails",
    "GetTokenBalancesByContract",
    "GetNativeTokenBalance",
)
_OF_PRICES = ("GetTokenPrices", "GetTokenPrice")


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayCall:
    """What a fault matches a call by: method, accounts in lower case, chains."""

    method: str
    accounts: frozenset[str] = frozenset()
    chain_ids: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Aimed:
    """Which calls a fault applies to: those that match all of these, by default each one.

    Of the matching calls it can be every n-th only, and no more than `times` of them; without `times` it
    applies until healed.
    """

    method: Method | None = None
    for_account: str | None = None
    for_chain: int | None = None
    above_accounts: int | None = None
    every: int = 1
    times: int | None = None

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"every is at least 1, not {self.every}")

    def aims_at(self, call: GatewayCall) -> bool:
        """Say whether the call matches, whatever came before."""
        return (
            self.method in (None, call.method)
            and (self.for_account is None or self.for_account.lower() in call.accounts)
            and (self.for_chain is None or self.for_chain in call.chain_ids)
            and (self.above_accounts is None or len(call.accounts) > self.above_accounts)
            and self._changes(call)
        )

    def _changes(self, call: GatewayCall) -> bool:  # noqa: ARG002 - the faults below look at the call
        """Say whether the call has anything that this fault could change."""
        return True


# Interruptions


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerError(Aimed):
    """Calls are answered with an error envelope (docs/indexer-gateway.md, "Errors")."""

    name: str
    code: int
    status: int
    message: str = "something went wrong"
    cause: str = ""
    headers: Mapping[str, object] = field(default_factory=dict)

    @property
    def error(self) -> WireError:
        """The error as it goes on the wire."""
        return WireError(
            name=self.name, code=self.code, status=self.status, message=self.message, cause=self.cause
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerHtml(Aimed):
    """Calls are answered by something in front of the gateway that does not speak JSON."""

    status: int = 502
    body: str = "<html><body><h1>Bad gateway</h1></body></html>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect(Aimed):
    """Calls are sent elsewhere."""

    location: str
    status: int = 307


@dataclass(frozen=True, slots=True, kw_only=True)
class CutBody(Aimed):
    """Answers break off in the middle of their body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DripBody(Aimed):
    """Answers come a byte at a time, each after a pause."""

    seconds_per_byte: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GzipBomb(Aimed):
    """Answers are tiny on the wire and unpack to this much: blanks, which JSON allows, before the answer."""

    unpacked_bytes: int = 64 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class DropConnection(Aimed):
    """Connections end without an answer."""


# Alterations


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay(Aimed):
    """Each answer takes this much longer."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfBalances(Aimed):
    """Applies only to calls that ask for balances."""

    def _changes(self, call: GatewayCall) -> bool:
        return call.method in _OF_BALANCES


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfChain(Aimed):
    """Applies only to calls that ask for balances of this chain."""

    chain_id: int

    def _changes(self, call: GatewayCall) -> bool:
        return call.method in _OF_BALANCES and self.chain_id in call.chain_ids


@dataclass(frozen=True, slots=True, kw_only=True)
class FailTokens(_OfChain):
    """One chain's tokens are an errorReason and `results: null` (docs/indexer-gateway.md, "Answers")."""

    reason: str = "backend timeout"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailNatives(_OfChain):
    """The same for one chain's native balances."""

    reason: str = "backend timeout"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailHistory(Aimed):
    """The same for one chain's transfers."""

    chain_id: int
    reason: str = "backend timeout"

    def _changes(self, call: GatewayCall) -> bool:
        return call.method == "GetTransactionHistory" and self.chain_id in call.chain_ids


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceTransfers(Aimed):
    """Transfers get these raw fields, and their transactions those of `transaction`.

    Where they are repeated, the true transaction stays before each.
    """

    fields: Mapping[str, object] = field(default_factory=dict)
    transaction: Mapping[str, object] = field(default_factory=dict)
    is_repeated: bool = False

    def _changes(self, call: GatewayCall) -> bool:
        return call.method == "GetTransactionHistory"

    def applied(self, row: Row) -> list[Row]:
        """Return a transaction as this fault leaves it."""
        transfers = row["transfers"]
        if isinstance(transfers, list):
            transfers = [{**transfer, **self.fields} for transfer in transfers]
        return [*([row] if self.is_repeated else []), {**row, "transfers": transfers, **self.transaction}]


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfPrices(Aimed):
    """Applies only to calls that ask for prices."""

    def _changes(self, call: GatewayCall) -> bool:
        return call.method in _OF_PRICES


@dataclass(frozen=True, slots=True, kw_only=True)
class FailPrices(Aimed):
    """The same for one chain's prices."""

    chain_id: int
    reason: str = "backend timeout"

    def _changes(self, call: GatewayCall) -> bool:
        return call.method in _OF_PRICES and self.chain_id in call.chain_ids


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusePrices(_OfPrices):
    """A call that asks for the price of this contract is refused as a whole."""

    contract: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplacePrices(_OfPrices):
    """Prices get these raw fields, or only those of one contract; `entry_chain_id` is what their entry says.

    Where they are repeated, the true row stays before each.
    """

    fields: Mapping[str, object] = field(default_factory=dict)
    contract: str | None = None
    entry_chain_id: int | None = None
    is_repeated: bool = False

    def applied(self, row: Row) -> list[Row]:
        """Return the row as this fault leaves it."""
        if self.contract is not None and row["contractAddress"] != self.contract.lower():
            return [row]
        return [*([row] if self.is_repeated else []), {**row, **self.fields}]


@dataclass(frozen=True, slots=True, kw_only=True)
class FailNativeRow(_OfChain):
    """One native row is an errorReason and a balance of "0"; without an account, each row of the chain."""

    account: str | None = None
    reason: str = "node unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlickerNative(_OfChain):
    """Native rows show what was held before the last change; without an account, each row of the chain."""

    account: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveOutTokens(_OfChain):
    """One chain has no entry in `balances`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveOutNatives(_OfChain):
    """One chain has no entry in `nativeBalances`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveOutChain(Aimed):
    """One chain is missing from the answers of GetChains; its balances are answered as usual."""

    chain_id: int

    def _changes(self, call: GatewayCall) -> bool:
        return call.method == "GetChains" and self.chain_id in call.chain_ids


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag(_OfChain):
    """Answers come from a node that is some blocks behind, as to natives and tokens alike."""

    behind: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stall(_OfChain):
    """Answers come from a node that got no further than one block, as to natives and tokens alike."""

    at_block: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reindex(_OfChain):
    """A share of the chain's token rows is missing, without an error, while its index is rebuilt.

    The same rows are missing each time, and no others when the share shrinks.
    """

    share: float = 1.0

    def misses(self, account: str, contract: str, token_id: int) -> bool:
        """Say whether a row is one of the missing."""
        return _is_of_share(f"{account}/{contract}/{token_id}", self.share)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceFields(_OfBalances):
    """Native and token rows that show `where` get these raw fields and lose those in `remove`.

    The raw fields need not be well-formed.
    """

    fields: Mapping[str, object] = field(default_factory=dict)
    where: Mapping[str, object] = field(default_factory=dict)
    remove: tuple[str, ...] = ()

    def applied(self, row: Row) -> Row:
        """Return the row as this fault leaves it."""
        # Addresses come in any case from whoever writes a fault.
        if any(_lowered(row.get(name)) != _lowered(value) for name, value in self.where.items()):
            return row
        return {name: value for name, value in {**row, **self.fields}.items() if name not in self.remove}


@dataclass(frozen=True, slots=True, kw_only=True)
class StrayRows(_OfBalances):
    """A share of all rows is about another account, another chain, or both; always the same rows.

    A cache that mixes up two questions answers like this.
    """

    account: str | None = None
    chain_id: int | None = None
    share: float = 1.0

    def applied(self, row: Row) -> Row:
        """Return the row as this fault leaves it."""
        key = f"{row.get('chainId')}/{row.get('accountAddress')}/{row.get('contractAddress')}"
        if not _is_of_share(key, self.share):
            return row
        account = {} if self.account is None else {"accountAddress": self.account.lower()}
        return {**row, **account, **({} if self.chain_id is None else {"chainId": self.chain_id})}


@dataclass(frozen=True, slots=True, kw_only=True)
class ContradictRows(_OfChain):
    """Rows of one chain contradict each other; without an account, each row of the chain.

    On the same page, beside each row stands another one that shows so much more, and if `newer`, a newer
    block. On a later page, the first page shows each token as it was one block and so much ago, and then all
    begins again: the index moves on between two pages.
    """

    place: Literal["same_page", "later_page"] = "same_page"
    by: int = 1
    newer: bool = False
    account: str | None = None

    def concerns(self, row: Row) -> bool:
        """Say whether the row is one that is contradicted."""
        is_theirs = self.account is None or row.get("accountAddress") == self.account.lower()
        return row.get("chainId") == self.chain_id and is_theirs

    def contradicted(self, row: Row, by: int, blocks: int) -> Row:
        """Return the row with another amount and another block."""
        amount, block = int(str(row["balance"])), row.get("blockNumber")
        other = {**row, "balance": str(max(0, amount + by))}
        return {**other, "blockNumber": block + blocks} if isinstance(block, int) else other


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatKeys(_OfBalances):
    """Rows that show `where` have one of their keys twice, with this value before or behind the true one."""

    key: str = "balance"
    value: object = "0"
    is_last: bool = True
    where: Mapping[str, object] = field(default_factory=dict)

    def applied(self, row: Row) -> Row:
        """Return the row as this fault leaves it."""
        if self.key not in row or any(row.get(name) != value for name, value in self.where.items()):
            return row
        again: Row = {_SameKey(self.key): self.value}
        return {**row, **again} if self.is_last else {**again, **row}


class _SameKey(str):
    """A key that compares as different to a dictionary, but which JSON writes as the same name."""

    __slots__ = ()
    # Compared by identity: a dict then keeps both keys, in the order in which they were put.
    __eq__ = object.__eq__
    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True, kw_only=True)
class ManyChains(Aimed):
    """GetChains also lists many chains that do not exist; balances know none of them."""

    count: int = 100_000
    first_id: int = 10_000_000

    def _changes(self, call: GatewayCall) -> bool:
        return call.method == "GetChains"


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatPage(_OfBalances):
    """Each answer promises more and gives the cursor that leads to itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndlessPages(_OfBalances):
    """Each answer promises more and gives a new cursor, but the rows begin again on each page.

    They are repeated as they are, or, from the second page on, under contracts invented for that page: for
    each row one, or `count` contracts in all.
    """

    rows: Literal["repeated", "invented"] = "repeated"
    count: int | None = None


Interruption = AnswerError | AnswerHtml | Redirect | CutBody | DripBody | GzipBomb | DropConnection
Alteration = (
    Delay
    | FailTokens
    | FailNatives
    | FailHistory
    | ReplaceTransfers
    | FailPrices
    | RefusePrices
    | ReplacePrices
    | FailNativeRow
    | FlickerNative
    | LeaveOutTokens
    | LeaveOutNatives
    | LeaveOutChain
    | Lag
    | Stall
    | Reindex
    | ReplaceFields
    | StrayRows
    | ContradictRows
    | RepeatKeys
    | ManyChains
    | RepeatPage
    | EndlessPages
)
Fault = Interruption | Alteration


def _is_of_share(key: str, share: float) -> bool:
    """Say whether a key is one of a share that is the same in each answer.

    A hash decides, so that the keys of a smaller share are all among those of a larger one.
    """
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4]) < share * 2**32


def _lowered(value: object) -> object:
    return value.lower() if isinstance(value, str) else value
