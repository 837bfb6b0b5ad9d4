"""Decodes one page of transfers, row by row: what can't be read is left out and noted.

See docs/indexer-gateway.md, "History".
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple

from msgspec import Raw, Struct, field
from msgspec.json import Decoder

from bot.domain.assets import COLLECTION_KINDS, NATIVE, SINGLE_BALANCE_KINDS, Address, Asset, ChainId
from bot.domain.explain.transfers import NOBODY, Moved, TransactionHash, Transfer
from bot.indexer.errors import ReplyMalformed
from bot.indexer.loose_json import Value, mend_surrogates, repeated_keys, try_decode
from bot.indexer.pages import read_page_object
from bot.indexer.rows import BLOCK_MAX, SIGNED_MAX, parse_address, parse_amount

LOGS_ITS_COIN: Final = frozenset({ChainId(137), ChainId(80002)})
"""Polygon and its test network, whose coin logs its own transfers as if it were a token."""

LOGGED_COIN: Final = Address("0x" + "0" * 36 + "1010")
"""The contract of these logs."""

_HASH_LENGTH = 66
_HASH_BYTES = 32
_ZERO_YEAR = 1
"""The year of Go's moment that was never set."""


class ListedTransfer(NamedTuple):
    """One transfer as a page shows it."""

    transfer: Transfer
    is_logged_coin: bool
    """Whether it is of the coin by a log of its own: it may come again as an ordinary one of the coin."""


class ListedTransaction(NamedTuple):
    """One row: what of a transaction can be read."""

    fingerprint: int
    """A hash of its bytes, to notice a row that is repeated."""
    block: int | None
    """None: nothing of it counts."""
    at: datetime | None
    transfers: tuple[ListedTransfer, ...]
    is_whole: bool
    """False where something of it can't be read, or where it names another chain than its entry."""


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """One page of transfers."""

    raw: bytes
    """The page object as it came, b"" if none came; it is sent back to get the next page."""
    more: bool
    names_chain: bool
    """Whether it has an entry for the chain that was asked."""
    trouble: str
    """Why the source can't say anything of the chain, "" if it can."""
    is_whole: bool
    """False where an entry can't be read, or where rows of another chain stand in one."""
    rows: tuple[ListedTransaction, ...]


def read_history_page(body: bytes, chain_id: ChainId) -> HistoryPage:
    """Decode a page, or raise ReplyMalformed where it is none."""
    # Half of a surrogate pair in some name would cost the whole page.
    reply = _sound(_REPLY, body) or _sound(_REPLY, mend_surrogates(body))
    if reply is None:
        raise ReplyMalformed("no page of transfers", status=200)
    page, more = read_page_object(reply.page)
    entries = [_sound(_ENTRY, entry) for entry in reply.transactions or ()]
    readable = [entry for entry in entries if entry is not None]
    of_chain = [entry for entry in readable if entry.chain_id == chain_id]
    strays = any(entry.results for entry in readable if entry.chain_id != chain_id)
    return HistoryPage(
        raw=page,
        more=more,
        names_chain=bool(of_chain),
        trouble=next((entry.error_reason for entry in of_chain if entry.error_reason), ""),
        is_whole=len(readable) == len(entries) and not strays,
        rows=tuple(_read_transaction(row, chain_id) for entry in of_chain for row in entry.results or ()),
    )


def _read_transaction(raw: Raw, chain_id: ChainId) -> ListedTransaction:
    fingerprint = hash(bytes(raw))
    row = _sound(_TRANSACTION, raw)
    transaction = None if row is None else parse_hash(row.txn_hash)
    if (
        row is None
        or transaction is None
        or row.chain_id != chain_id
        or not 0 < row.block_number <= BLOCK_MAX
    ):
        return ListedTransaction(fingerprint, None, None, (), is_whole=False)
    at = _parse_moment(row.timestamp)
    listed = [_read_transfer(one, chain_id, transaction, row.block_number, at) for one in row.transfers or ()]
    transfers = tuple(one for one in listed if one is not None)
    return ListedTransaction(
        fingerprint, row.block_number, at, transfers, is_whole=len(transfers) == len(listed)
    )


def _read_transfer(
    raw: Raw, chain_id: ChainId, transaction: TransactionHash, block: int, at: datetime | None
) -> ListedTransfer | None:
    row = _sound(_TRANSFER, raw)
    if row is None:
        return None
    contract, sender, receiver = map(parse_address, (row.contract_address, row.sender, row.receiver))
    moved = _read_moved(row)
    if contract is None or sender is None or receiver is None or moved is None:
        return None
    if row.log_index is not None and not 0 <= row.log_index <= SIGNED_MAX:
        return None
    is_logged_coin = chain_id in LOGS_ITS_COIN and contract == LOGGED_COIN
    is_coin = contract == NOBODY or is_logged_coin
    transfer = Transfer(
        asset=Asset(chain_id, NATIVE if is_coin else contract),
        sender=sender,
        receiver=receiver,
        moved=tuple(one._replace(token_id=None) for one in moved) if is_coin else moved,
        transaction=transaction,
        log_index=row.log_index,
        block=block,
        at=at,
    )
    return ListedTransfer(transfer, is_logged_coin)


def _read_moved(row: "_TransferRow") -> tuple[Moved, ...] | None:
    """Return how much a row moves; None where amounts or ids can't be believed, or don't belong together."""
    if row.token_ids and row.token_ids_otherwise and row.token_ids != row.token_ids_otherwise:
        return None
    spelled = row.token_ids or row.token_ids_otherwise
    amounts = [parse_amount(one) for one in row.amounts]
    ids = [parse_amount(one) for one in spelled or ["0"]]
    if not amounts or len(ids) != len(amounts) or None in amounts or None in ids:
        return None
    is_collection = row.contract_type in COLLECTION_KINDS
    is_collection |= row.contract_type not in SINGLE_BALANCE_KINDS and any(ids)
    return tuple(
        Moved(amount, token_id if is_collection and spelled else None)
        for amount, token_id in zip(amounts, ids, strict=True)
        if amount is not None
    )


def parse_hash(spelling: str) -> TransactionHash | None:
    """Return the hash of a transaction in lower case whatever its casing, None for what is none."""
    lower = spelling.lower()
    if len(spelling) != _HASH_LENGTH or not lower.startswith("0x"):
        return None
    try:
        digits = bytes.fromhex(lower[2:])
    except ValueError:
        return None
    return TransactionHash(lower) if len(digits) == _HASH_BYTES else None  # fromhex skips spaces


def _parse_moment(spelled: Raw) -> datetime | None:
    """Return a moment of RFC 3339; None for anything else, as a day without a time."""
    text = try_decode(_TEXT, spelled) if spelled else None
    try:
        at = datetime.fromisoformat(text or "")
        return at.astimezone(UTC) if at.tzinfo is not None and at.year > _ZERO_YEAR else None
    except (ValueError, OverflowError):
        return None


def _sound(decoder: Decoder[Value], raw: Raw | bytes) -> Value | None:
    """Return what can be read without doubt; None where a key stands twice: nobody knows which one counts."""
    return None if repeated_keys(raw) else try_decode(decoder, raw)


class _Reply(Struct):
    page: Raw = Raw()
    transactions: list[Raw] | None = None


class _Entry(Struct, rename="camel"):
    chain_id: int
    error_reason: str | None = None
    results: list[Raw] | None = None


class _Transaction(Struct, rename="camel"):
    txn_hash: str
    block_number: int
    chain_id: int
    transfers: list[Raw] | None = None
    timestamp: Raw = Raw()


class _TransferRow(Struct, rename="camel"):
    contract_address: str
    amounts: list[str]
    sender: str = field(name="from")
    receiver: str = field(name="to")
    contract_type: str | None = None
    token_ids: list[str] | None = None
    token_ids_otherwise: list[str] | None = field(default=None, name="tokenIDs")
    log_index: int | None = None


_REPLY = Decoder(_Reply)
_ENTRY = Decoder(_Entry)
_TRANSACTION = Decoder(_Transaction)
_TRANSFER = Decoder(_TransferRow)
_TEXT: Decoder[str] = Decoder(str)
