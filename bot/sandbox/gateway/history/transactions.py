"""Answer GetTransactionHistory: find the rows in the world's ledger, and write the page that is asked for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.sandbox.gateway.errors import INVALID_ARGUMENT, CallRefused
from bot.sandbox.gateway.faults.active import CallFaults
from bot.sandbox.gateway.history.pages import HistoryRow, RowKey, cut_page
from bot.sandbox.gateway.history.request import HistoryRequest
from bot.sandbox.gateway.history.rows import (
    NATIVE_LOG_CONTRACT,
    transactions,
    transfer_descriptions,
    transfer_prices,
    transfer_row,
)
from bot.sandbox.gateway.knobs import Knobs
from bot.sandbox.gateway.request import require_few_accounts, select_chains
from bot.sandbox.gateway.rows import Row, entry, failed_entry, with_empty
from bot.sandbox.gateway.transfers import NOBODY, WorldTransfer
from bot.sandbox.gateway.world import GatewayChain, GatewayWorld

_NATIVE_LOGS_FROM = 10_000
_CHAINS_WITH_NATIVE_LOGS = frozenset({137, 80002})


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryQuery:
    """A request for transfers and all that its answer depends on."""

    world: GatewayWorld
    knobs: Knobs
    faults: CallFaults
    request: HistoryRequest
    now: datetime


def transaction_history(query: HistoryQuery) -> Row:
    """Answer a query; raises CallRefused for accounts, chains or pages that cannot be."""
    wanted, knobs = query.request, query.knobs
    restricts = wanted.accounts or wanted.contracts or wanted.transactions or wanted.meta_transactions
    if not restricts and knobs.no_accounts == "refused":
        raise CallRefused(INVALID_ARGUMENT.because("filter is empty"))
    require_few_accounts(len(wanted.accounts), knobs)
    chains = select_chains(query.world.chains(), wanted.selectors, knobs)
    rows = [row for chain in chains.chains for row in _rows(query, chain)]
    page = cut_page(rows, wanted.page, knobs)
    entries = [_entry(query, chain, page.rows) for chain in chains.chains]
    return {"page": page.page, "transactions": with_empty(entries, knobs) + list(chains.unknown)}


def _rows(query: HistoryQuery, chain: GatewayChain) -> Iterator[HistoryRow]:
    """Yield the chain's rows: one for each log, or for each log and account asked for."""
    if query.faults.history_failure(chain.chain_id) is not None or query.request.meta_transactions:
        return
    for transfer in _transfers(query, chain.chain_id):
        for contract, log_index in _logs(transfer, query.knobs):
            if not query.request.contracts or contract in query.request.contracts:
                for account in _accounts(transfer, query):
                    key = RowKey(chain.chain_id, transfer.block, log_index, account)
                    yield HistoryRow(key, transfer, contract)


def _transfers(query: HistoryQuery, chain_id: int) -> Iterator[WorldTransfer]:
    """Yield the chain's transfers that are asked for, whatever their contract; each of them once."""
    wanted, world = query.request, query.world
    found = [world.transfers(chain_id, account) for account in wanted.accounts or (None,)]
    for transfer in {(each.block, each.log_index): each for of_one in found for each in of_one}.values():
        ids = [token_id for token_id, _ in transfer.amounts]
        if (
            _is_listed(query, transfer.at)
            and _is_in_range(query, transfer.block)
            and (not wanted.transactions or transfer.transaction in wanted.transactions)
            and wanted.token_id in (None, *ids)
        ):
            yield transfer


def _is_listed(query: HistoryQuery, at: datetime) -> bool:
    days, lag = query.knobs.history_retention_days, timedelta(seconds=query.knobs.history_lag_seconds)
    return at <= query.now - lag and (days is None or at > query.now - timedelta(days=days))


def _is_in_range(query: HistoryQuery, block: int) -> bool:
    first, last = query.request.from_block, query.request.to_block
    match query.knobs.history_block_range:
        case "obeyed":
            return first <= block and (not last or block <= last)
        case "exclusive":
            return first < block and (not last or block < last)
        case "ignored":
            return True


def _logs(transfer: WorldTransfer, knobs: Knobs) -> Iterator[tuple[str, int]]:
    """Yield under which contracts and log indexes a transfer is listed."""
    if transfer.contract is not None:
        yield transfer.contract, transfer.log_index
    elif knobs.native_transfers != "missing":
        yield NOBODY, transfer.log_index
        if knobs.native_transfers == "twice" and transfer.chain_id in _CHAINS_WITH_NATIVE_LOGS:
            yield NATIVE_LOG_CONTRACT, _NATIVE_LOGS_FROM + transfer.log_index


def _accounts(transfer: WorldTransfer, query: HistoryQuery) -> tuple[str, ...]:
    """Return whose rows a transfer has; an account that pays itself has one."""
    if not query.request.accounts:
        return ("",)
    ends = dict.fromkeys((transfer.sender, transfer.receiver))
    asked = tuple(account for account in ends if account in query.request.accounts)
    return asked[:1] if query.knobs.history_of_pairs == "one_row" else asked


def _entry(query: HistoryQuery, chain: GatewayChain, rows: Sequence[HistoryRow]) -> Row:
    reason = query.faults.history_failure(chain.chain_id)
    if reason is not None:
        return failed_entry(chain.chain_id, reason)
    own = [row for row in rows if row.key.chain_id == chain.chain_id]
    listed = transactions(query.world, own, lambda row: _transfer(query, chain, row), query.knobs)
    return entry(chain.chain_id, query.faults.altered_transactions(listed))


def _transfer(query: HistoryQuery, chain: GatewayChain, row: HistoryRow) -> Row:
    address = row.transfer.contract
    contract = query.world.contract(chain.chain_id, address) if address else None
    kind = contract.kind if contract else ("NATIVE" if row.contract == NOBODY else "ERC20")
    written = transfer_row(row, kind, query.knobs)
    if not query.request.omit_prices:
        written |= transfer_prices(query.world, row, chain, contract)
    if query.request.include_metadata and contract:
        written |= transfer_descriptions(row, contract, query.knobs)
    return written
