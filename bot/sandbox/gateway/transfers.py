"""The ledger of a simulated world: who sent what to whom, in which transaction and block."""

import bisect
import hashlib
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

NOBODY = "0x" + "0" * 40
"""Sends what is minted, and gets what is burnt."""

SOMEBODY = "0x91c4a2d0f2b1b5d8e0c3a67f4e9d5b8c2a07be31"
"""Is at the other end where nobody is named; what they hold is kept by nobody."""


class Sending(NamedTuple):
    """One transfer that is to happen; without a contract, of the chain's native coin.

    `amounts` are in smallest units by token id; those of what has no ids stand under 0.
    """

    contract: str | None
    sender: str
    receiver: str
    amounts: Mapping[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldTransfer:
    """One transfer that happened; addresses in lower case, `amounts` the pairs of a `Sending`.

    `log_index` counts the transfers of a block, whatever transaction they are of.
    """

    chain_id: int
    block: int
    log_index: int
    transaction: str
    at: datetime
    contract: str | None
    sender: str
    receiver: str
    amounts: tuple[tuple[int, int], ...]

    def change(self, account: str, token_id: int = 0) -> int:
        """Return what it adds to an account's amount of a token id; the account is in lower case."""
        amount = dict(self.amounts).get(token_id, 0)
        return amount * ((self.receiver == account) - (self.sender == account))


class TransferLedger:
    """The transfers of all chains, in the order of blocks and logs."""

    def __init__(self) -> None:
        # By chain and account, and under None those of all accounts of the chain.
        self._transfers: dict[tuple[int, str | None], list[WorldTransfer]] = {}
        self._numbers = itertools.count()

    def of(self, chain_id: int, account: str | None = None) -> tuple[WorldTransfer, ...]:
        """Return the transfers of a chain, or those from or to one of its accounts."""
        return tuple(self._transfers.get((chain_id, account), ()))

    def add(self, chain_id: int, block: int, at: datetime, sendings: Iterable[Sending]) -> None:
        """Enter one transaction, behind those that its block has."""
        transaction = self._new_transaction(chain_id, block)
        for log_index, sending in enumerate(sendings, start=self._count(chain_id, block)):
            self._enter(
                WorldTransfer(
                    chain_id=chain_id,
                    block=block,
                    log_index=log_index,
                    transaction=transaction,
                    at=at,
                    contract=sending.contract,
                    sender=sending.sender,
                    receiver=sending.receiver,
                    amounts=tuple(sorted(sending.amounts.items())),
                )
            )

    def undo(self, chain_id: int, contract: str, account: str, token_id: int, *, after_block: int) -> None:
        """Take back what an account moved of a token id in later blocks than this one."""
        for transfer in self.of(chain_id, account):
            if transfer.block > after_block and transfer.contract == contract:
                self._leave(transfer)
                rest = tuple(pair for pair in transfer.amounts if pair[0] != token_id)
                if rest:
                    self._enter(replace(transfer, amounts=rest))

    def rename(self, chain_id: int, transaction: str) -> str:
        """Give a transaction another hash, and return it; ValueError where there is none of this hash."""
        renamed = [transfer for transfer in self.of(chain_id) if transfer.transaction == transaction]
        if not renamed:
            raise ValueError(f"chain {chain_id} has no transaction {transaction}")
        new = self._new_transaction(chain_id, renamed[0].block)
        for transfer in renamed:
            self._leave(transfer)
            self._enter(replace(transfer, transaction=new))
        return new

    def _new_transaction(self, chain_id: int, block: int) -> str:
        return "0x" + hashlib.sha256(f"{chain_id}/{block}/{next(self._numbers)}".encode()).hexdigest()

    def _count(self, chain_id: int, block: int) -> int:
        """Return how many logs the block has, gaps included."""
        entered = self._transfers.get((chain_id, None), [])
        end = bisect.bisect(entered, block, key=lambda transfer: transfer.block)
        last = entered[end - 1] if end else None
        return last.log_index + 1 if last and last.block == block else 0

    def _enter(self, transfer: WorldTransfer) -> None:
        for account in {None, transfer.sender, transfer.receiver}:
            entered = self._transfers.setdefault((transfer.chain_id, account), [])
            bisect.insort(entered, transfer, key=_position)

    def _leave(self, transfer: WorldTransfer) -> None:
        for account in {None, transfer.sender, transfer.receiver}:
            self._transfers[transfer.chain_id, account].remove(transfer)


def _position(transfer: WorldTransfer) -> tuple[int, int]:
    return transfer.block, transfer.log_index
