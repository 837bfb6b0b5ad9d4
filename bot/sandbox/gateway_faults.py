"""What can go wrong with the simulated Indexer Gateway, each fault a small value that a test adds and heals.

Faults with `times` strike that many calls, without it every call until healed. The others change the
answers of GetTokenBalancesSummary, or delay them all, until healed.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from bot.sandbox.gateway_errors import WireError
from bot.sandbox.gateway_rows import Row


@dataclass(frozen=True, slots=True, kw_only=True)
class FailTokens:
    """One chain's tokens are an errorReason and `results: null` (indexer-gateway.md 4.3)."""

    chain_id: int
    reason: str = "backend timeout"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailNatives:
    """The same for one chain's native balances."""

    chain_id: int
    reason: str = "backend timeout"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailNativeRow:
    """One native row is an errorReason and a balance of "0"; without an account, each row of the chain."""

    chain_id: int
    account: str | None = None
    reason: str = "node unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveOutTokens:
    """One chain has no entry in `balances`."""

    chain_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveOutNatives:
    """One chain has no entry in `nativeBalances`."""

    chain_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceFields:
    """Native and token rows that show `where` get these raw fields and lose those in `remove`.

    The raw fields need not be well-formed.
    """

    fields: Mapping[str, object] = field(default_factory=dict)
    where: Mapping[str, object] = field(default_factory=dict)
    remove: tuple[str, ...] = ()

    def applied(self, row: Row) -> Row:
        """Return the row as this fault leaves it."""
        if any(_lowered(row.get(name)) != _lowered(value) for name, value in self.where.items()):
            return row
        return {name: value for name, value in {**row, **self.fields}.items() if name not in self.remove}


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatPage:
    """Each answer promises more and gives the cursor that leads to itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """Each answer takes this much longer."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerError:
    """Calls are answered with an error envelope (indexer-gateway.md 4.1, 4.2)."""

    name: str
    code: int
    status: int
    message: str = "something went wrong"
    cause: str = ""
    headers: Mapping[str, object] = field(default_factory=dict)
    times: int | None = None

    @property
    def error(self) -> WireError:
        """The error as it goes on the wire."""
        return WireError(self.name, self.code, self.status, self.message, self.cause)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerHtml:
    """Calls are answered by something in front of the gateway that does not speak JSON."""

    status: int = 502
    body: str = "<html><body><h1>Bad gateway</h1></body></html>"
    times: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CutBody:
    """Answers break off in the middle of their body."""

    times: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DropConnection:
    """Connections end without an answer."""

    times: int | None = None


Interruption = AnswerError | AnswerHtml | CutBody | DropConnection
Alteration = (
    FailTokens
    | FailNatives
    | FailNativeRow
    | LeaveOutTokens
    | LeaveOutNatives
    | ReplaceFields
    | RepeatPage
    | Delay
)
Fault = Interruption | Alteration

_Alteration = TypeVar("_Alteration", bound=Alteration)


@dataclass(slots=True)
class _Pending:
    fault: Interruption
    left: int | None


class Faults:
    """The faults of one gateway that are not healed yet."""

    def __init__(self) -> None:
        self._interruptions: list[_Pending] = []
        self._alterations: list[Alteration] = []

    def add(self, *faults: Fault) -> None:
        """Let these happen too; interruptions wait for their turn in the order they were added."""
        for fault in faults:
            if isinstance(fault, Interruption):
                self._interruptions.append(_Pending(fault, fault.times))
            else:
                self._alterations.append(fault)

    def heal(self) -> None:
        """End all faults."""
        self._interruptions.clear()
        self._alterations.clear()

    def active(self) -> tuple[Fault, ...]:
        """Return the faults that the next call may meet."""
        return (*(pending.fault for pending in self._interruptions), *self._alterations)

    def take_interruption(self) -> Interruption | None:
        """Return what strikes the call that is being answered now, and count it."""
        if not self._interruptions:
            return None
        pending = self._interruptions[0]
        if pending.left is not None:
            pending.left -= 1
            if pending.left <= 0:
                self._interruptions.pop(0)
        return pending.fault

    def delay_seconds(self) -> float:
        """Return how much longer answers take."""
        return sum(delay.seconds for delay in self._all(Delay))

    def token_failure(self, chain_id: int) -> str | None:
        """Return the reason why this chain's tokens fail."""
        return next((fault.reason for fault in self._all(FailTokens) if fault.chain_id == chain_id), None)

    def native_failure(self, chain_id: int) -> str | None:
        """Return the reason why this chain's native balances fail."""
        return next((fault.reason for fault in self._all(FailNatives) if fault.chain_id == chain_id), None)

    def native_row_failure(self, chain_id: int, account: str) -> str | None:
        """Return the reason why this account's native balance fails; the account is in lower case."""
        return next(
            (fault.reason for fault in self._all(FailNativeRow) if _strikes(fault, chain_id, account)), None
        )

    def leave_out_tokens(self, chain_id: int) -> bool:
        """Say whether the chain is missing from `balances`."""
        return LeaveOutTokens(chain_id=chain_id) in self._alterations

    def leave_out_natives(self, chain_id: int) -> bool:
        """Say whether the chain is missing from `nativeBalances`."""
        return LeaveOutNatives(chain_id=chain_id) in self._alterations

    def repeat_page(self) -> bool:
        """Say whether pages lead to themselves."""
        return RepeatPage() in self._alterations

    def altered(self, row: Row) -> Row:
        """Return the row with all its replacements."""
        for replacement in self._all(ReplaceFields):
            row = replacement.applied(row)
        return row

    def _all(self, kind: type[_Alteration]) -> Iterator[_Alteration]:
        return (fault for fault in self._alterations if isinstance(fault, kind))


class Gate:
    """Lets calls pass, or keeps them waiting for as long as a test likes."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()
        self._arrived = asyncio.Event()
        self._waiting = 0

    def hold(self) -> None:
        """Keep every call that arrives from now on waiting."""
        self._open.clear()

    def release(self) -> None:
        """Let the waiting calls go on, and those that follow pass."""
        self._open.set()

    async def passed(self) -> None:
        """Wait until the gate is open."""
        self._waiting += 1
        self._arrived.set()
        try:
            await self._open.wait()
        finally:
            self._waiting -= 1

    async def until_waiting(self, calls: int) -> None:
        """Wait until at least this many calls are kept at the gate."""
        while self._waiting < calls:
            self._arrived.clear()
            await self._arrived.wait()


def _strikes(fault: FailNativeRow, chain_id: int, account: str) -> bool:
    return fault.chain_id == chain_id and (fault.account is None or fault.account.lower() == account)


def _lowered(value: object) -> object:
    return value.lower() if isinstance(value, str) else value
