"""The JSON of transactions and their transfers (docs/indexer-gateway.md, "History")."""

from collections.abc import Callable, Iterable
from datetime import datetime

from bot.sandbox.gateway.history.pages import HistoryRow
from bot.sandbox.gateway.knobs import Knobs
from bot.sandbox.gateway.rows import Row, contract_info, native_prices, token_metadata, token_prices
from bot.sandbox.gateway.transfers import NOBODY
from bot.sandbox.gateway.world import Contract, GatewayChain, GatewayWorld, HeldAmount

NATIVE_LOG_CONTRACT = "0x0000000000000000000000000000000000001010"
"""The contract whose logs tell moves of Polygon's coin as if it were a token."""


def transactions(
    world: GatewayWorld, rows: Iterable[HistoryRow], to_transfer: Callable[[HistoryRow], Row], knobs: Knobs
) -> list[Row]:
    """Return the transactions of these rows, in the order of their first ones."""
    found: dict[str, Row] = {}
    transfers: dict[str, list[Row]] = {}
    for row in rows:
        transfer = row.transfer
        transfers.setdefault(transfer.transaction, []).append(to_transfer(row))
        found[transfer.transaction] = {
            "txnHash": transfer.transaction,
            "blockNumber": transfer.block,
            "blockHash": world.block_hash(transfer.chain_id, transfer.block),
            "chainId": transfer.chain_id,
            "metaTxnID": None,
            "transfers": transfers[transfer.transaction] if knobs.transfers_listed else None,
            "timestamp": _timestamp(transfer.at, knobs),
        }
    return list(found.values())


def _timestamp(at: datetime, knobs: Knobs) -> str | None:
    match knobs.transaction_timestamps:
        case "seconds":
            return f"{at:%Y-%m-%dT%H:%M:%SZ}"
        case "date":
            return f"{at:%Y-%m-%d}"
        case "null":
            return None


def transfer_row(row: HistoryRow, kind: str, knobs: Knobs) -> Row:
    """Return one transfer, without prices and descriptions."""
    amounts = row.transfer.amounts
    ids = [] if row.contract == NOBODY else [str(token_id) for token_id, _ in amounts]
    named: Row = {knobs.transfer_ids: ids} if ids and knobs.transfer_ids != "absent" else {}
    return {
        "transferType": _transfer_type(row, knobs),
        "contractAddress": row.contract,
        "contractType": kind,
        "from": row.transfer.sender,
        "to": row.transfer.receiver,
        **named,
        "amounts": [str(amount) for _, amount in amounts],
        "logIndex": row.key.log_index,
    }


def _transfer_type(row: HistoryRow, knobs: Knobs) -> str:
    if knobs.transfer_types == "unknown" or not row.key.account:
        return "UNKNOWN"
    is_sent = row.key.account == row.transfer.sender
    if knobs.transfer_types == "of_the_other":
        is_sent = not is_sent
    return "SEND" if is_sent else "RECEIVE"


def transfer_prices(
    world: GatewayWorld, row: HistoryRow, chain: GatewayChain, contract: Contract | None
) -> Row:
    """Return what prices add to a transfer, nothing where there are none."""
    priced = [
        native_prices(world, chain, amount)
        if contract is None
        else token_prices(world, contract, {0: HeldAmount(amount, 0)})
        for _, amount in row.transfer.amounts
    ]
    if not all(priced):
        return {}
    return {
        "amountsUSD": [each["balanceUSD"] for each in priced],
        "pricesUSD": [each["priceUSD"] for each in priced],
    }


def transfer_descriptions(row: HistoryRow, contract: Contract, knobs: Knobs) -> Row:
    """Return what describes a transfer: its contract and, by token id, its items."""
    described: Row = {}
    if knobs.metadata != "no_contract_info":
        described["contractInfo"] = contract_info(contract, knobs.metadata)
    if contract.kind != "ERC20":
        described["tokenMetadata"] = {
            str(token_id): token_metadata(contract, token_id, knobs.metadata)
            for token_id, _ in row.transfer.amounts
        }
    return described
