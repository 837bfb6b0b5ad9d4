"""What the source's history lists: transfers of coins and tokens between accounts."""

from datetime import datetime
from typing import NamedTuple, NewType

from bot.domain.assets import Address, Asset

TransactionHash = NewType("TransactionHash", str)
"""`0x` and 64 lower-case hex digits."""

NOBODY = Address("0x" + "0" * 40)
"""Stands as sender where something is minted, and as receiver where it is burnt."""


class Moved(NamedTuple):
    """How much of one thing a transfer moves."""

    amount_raw: int
    """In smallest units; never negative."""
    token_id: int | None = None
    """Of a collection; None for what has one balance."""


class Transfer(NamedTuple):
    """One transfer of an asset, as the source lists it."""

    asset: Asset
    sender: Address
    receiver: Address
    moved: tuple[Moved, ...]
    """Several for a batch of a collection."""
    transaction: TransactionHash
    log_index: int | None
    """In the block or in the transaction, which is not documented: a key only with its transaction."""
    block: int
    at: datetime | None
    """When its block was made; None: the source does not say."""
