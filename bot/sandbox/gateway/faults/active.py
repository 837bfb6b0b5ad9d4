"""The faults of one gateway that are not healed yet, and those of them that one call meets."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from bot.sandbox.gateway.faults.kinds import (
    Alteration,
    ContradictRows,
    Delay,
    EndlessPages,
    FailHistory,
    FailNativeRow,
    FailNatives,
    FailPrices,
    FailTokens,
    Fault,
    FlickerNative,
    GatewayCall,
    Interruption,
    Lag,
    LeaveOutChain,
    LeaveOutNatives,
    LeaveOutTokens,
    ManyChains,
    RefusePrices,
    Reindex,
    RepeatKeys,
    RepeatPage,
    ReplaceFields,
    ReplacePrices,
    ReplaceTransfers,
    Stall,
    StrayRows,
)
from bot.sandbox.gateway.rows import Row

_Alteration = TypeVar("_Alteration", bound=Alteration)
_Fault = TypeVar("_Fault", bound=Fault)


@dataclass(frozen=True, slots=True)
class CallFaults:
    """The faults that apply to one call, asked about by the code that makes each part of the answer."""

    interruption: Interruption | None = None
    alterations: tuple[Alteration, ...] = ()

    def delay_seconds(self) -> float:
        """Return how much longer the answer takes."""
        return sum(delay.seconds for delay in self._all(Delay))

    def token_failure(self, chain_id: int) -> str | None:
        """Return the reason why this chain's tokens fail."""
        return next((fault.reason for fault in self._all(FailTokens) if fault.chain_id == chain_id), None)

    def native_failure(self, chain_id: int) -> str | None:
        """Return the reason why this chain's native balances fail."""
        return next((fault.reason for fault in self._all(FailNatives) if fault.chain_id == chain_id), None)

    def history_failure(self, chain_id: int) -> str | None:
        """Return the reason why this chain's transfers fail."""
        return next((fault.reason for fault in self._all(FailHistory) if fault.chain_id == chain_id), None)

    def price_failure(self, chain_id: int) -> str | None:
        """Return the reason why this chain's prices fail."""
        return next((fault.reason for fault in self._all(FailPrices) if fault.chain_id == chain_id), None)

    def refuses_price(self, contract: str) -> bool:
        """Say whether nobody may ask for the price of this contract."""
        return any(fault.contract.lower() == contract.lower() for fault in self._all(RefusePrices))

    def altered_transactions(self, rows: Iterable[Row]) -> list[Row]:
        """Return transactions with all replacements of their transfers."""
        altered = list(rows)
        for fault in self._all(ReplaceTransfers):
            altered = [each for row in altered for each in fault.applied(row)]
        return altered

    def chain_of_prices(self, chain_id: int) -> int:
        """Return which chain the prices of a chain say they are of."""
        said = (fault.entry_chain_id for fault in self._all(ReplacePrices))
        return next((each for each in said if each is not None), chain_id)

    def altered_prices(self, rows: Iterable[Row]) -> list[Row]:
        """Return the rows with all their replacements."""
        altered = list(rows)
        for fault in self._all(ReplacePrices):
            altered = [each for row in altered for each in fault.applied(row)]
        return altered

    def native_row_failure(self, chain_id: int, account: str) -> str | None:
        """Return the reason why this account's native balance fails; the account is in lower case."""
        failures = (fault for fault in self._all(FailNativeRow) if _is_of(fault, chain_id, account))
        return next((fault.reason for fault in failures), None)

    def native_flickers(self, chain_id: int, account: str) -> bool:
        """Say whether this account's native balance is the one before the last; it is in lower case."""
        return any(_is_of(fault, chain_id, account) for fault in self._all(FlickerNative))

    def leaves_out_tokens(self, chain_id: int) -> bool:
        """Say whether the chain is missing from `balances`."""
        return any(fault.chain_id == chain_id for fault in self._all(LeaveOutTokens))

    def leaves_out_natives(self, chain_id: int) -> bool:
        """Say whether the chain is missing from `nativeBalances`."""
        return any(fault.chain_id == chain_id for fault in self._all(LeaveOutNatives))

    def leaves_out_chain(self, chain_id: int) -> bool:
        """Say whether the chain is missing from the list of chains."""
        return any(fault.chain_id == chain_id for fault in self._all(LeaveOutChain))

    def block(self, chain_id: int, newest: int) -> int | None:
        """Return the block at which the chain is shown, or None where it is shown as it is."""
        lags = [newest - fault.behind for fault in self._all(Lag) if fault.chain_id == chain_id]
        stalls = [fault.at_block for fault in self._all(Stall) if fault.chain_id == chain_id]
        # The node that is furthest behind decides, as one answer shows one block of a chain.
        return min((*lags, *stalls), default=None)

    def misses_row(self, chain_id: int, account: str, contract: str, token_id: int) -> bool:
        """Say whether a token row is missing from an index that is being rebuilt."""
        return any(
            fault.misses(account, contract, token_id)
            for fault in self._all(Reindex)
            if fault.chain_id == chain_id
        )

    def repeats_page(self) -> bool:
        """Say whether the page leads to itself."""
        return any(self._all(RepeatPage))

    def endless_pages(self) -> EndlessPages | None:
        """Return the fault by which pages never end, None where they do."""
        return next(self._all(EndlessPages), None)

    def altered(self, row: Row) -> Row:
        """Return the row with all its replacements."""
        for alteration in self.alterations:
            if isinstance(alteration, ReplaceFields | StrayRows | RepeatKeys):
                # In the order they were added: a later fault sees the row as an earlier one left it.
                row = alteration.applied(row)
        return row

    def contradicted(self, rows: Iterable[Row]) -> list[Row]:
        """Return the rows of a page, each followed by those that contradict it."""
        contradictions = [fault for fault in self._all(ContradictRows) if fault.place == "same_page"]
        return [
            each
            for row in rows
            for each in (
                row,
                *(
                    fault.contradicted(row, fault.by, int(fault.newer))
                    for fault in contradictions
                    if fault.concerns(row)
                ),
            )
        ]

    def begins_again(self) -> bool:
        """Say whether the second page shows the first rows again."""
        return any(fault.place == "later_page" for fault in self._all(ContradictRows))

    def as_before(self, row: Row) -> Row:
        """Return a row of the first page as it was before the index moved on."""
        for fault in self._all(ContradictRows):
            if fault.place == "later_page" and fault.concerns(row):
                row = fault.contradicted(row, -fault.by, -1)
        return row

    def invented_chains(self) -> Iterator[int]:
        """Yield the ids of invented chains that GetChains lists."""
        for fault in self._all(ManyChains):
            yield from range(fault.first_id, fault.first_id + fault.count)

    def _all(self, kind: type[_Alteration]) -> Iterator[_Alteration]:
        return (fault for fault in self.alterations if isinstance(fault, kind))


class ActiveFaults:
    """The faults of one gateway that are not healed yet."""

    def __init__(self) -> None:
        self._interruptions: list[_Active[Interruption]] = []
        self._alterations: list[_Active[Alteration]] = []

    def add(self, *faults: Fault) -> None:
        """Add faults; interruptions take turns in the order they were added."""
        for fault in faults:
            if isinstance(fault, Interruption):
                self._interruptions.append(_Active(fault))
            else:
                self._alterations.append(_Active(fault))

    def heal(self, *faults: Fault) -> None:
        """End these faults, or all of them."""
        self._interruptions = [each for each in self._interruptions if faults and each.fault not in faults]
        self._alterations = [each for each in self._alterations if faults and each.fault not in faults]

    def active(self) -> tuple[Fault, ...]:
        """Return the faults that the next call may meet."""
        return (
            *(each.fault for each in self._interruptions),
            *(each.fault for each in self._alterations),
        )

    def faults_of(self, call: GatewayCall) -> CallFaults:
        """Return the faults that apply to a call, and count the call."""
        # Of the interruptions only the first that matches counts the call; the others wait for their turn.
        interruption = next((each.fault for each in self._interruptions if each.applies_to(call)), None)
        alterations = tuple(each.fault for each in self._alterations if each.applies_to(call))
        # Dropped only now, so that a fault with `times=1` still applies to the call that used it up.
        self._interruptions = [each for each in self._interruptions if not each.is_spent]
        self._alterations = [each for each in self._alterations if not each.is_spent]
        return CallFaults(interruption, alterations)


class _Active(Generic[_Fault]):
    """A fault, with how many calls it matched and how many it applied to."""

    def __init__(self, fault: _Fault) -> None:
        self.fault = fault
        self._times_matched = 0
        self._times_applied = 0

    @property
    def is_spent(self) -> bool:
        return self.fault.times is not None and self._times_applied >= self.fault.times

    def applies_to(self, call: GatewayCall) -> bool:
        if self.is_spent or not self.fault.aims_at(call):
            return False
        self._times_matched += 1
        if self._times_matched % self.fault.every:
            return False
        self._times_applied += 1
        return True


def _is_of(fault: FailNativeRow | FlickerNative, chain_id: int, account: str) -> bool:
    return fault.chain_id == chain_id and (fault.account is None or fault.account.lower() == account)
