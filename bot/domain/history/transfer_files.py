"""The transfers behind changes as a file for spreadsheets: a row for each side of a transfer."""

from collections.abc import Iterable

from bot.domain.addresses import checksummed
from bot.domain.deliver.alerts import ChangeAlert
from bot.domain.explain.explanations import Leg
from bot.domain.history.export_files import csv_file, guarded, iso
from bot.domain.units import plain_number

COLUMNS = (
    "time_utc",
    "account",
    "label",
    "chain_id",
    "contract",
    "symbol",
    "counterparty",
    "name",
    "amount",
    "amount_raw",
    "token_id",
    "transaction",
    "log_index",
    "block",
)


def transfers_file(rows: Iterable[tuple[ChangeAlert, str, int | None]]) -> bytes:
    """Return the transfers behind changes, each with its symbol and the decimals of its amount as CSV.

    Where the decimals are None the amount stands in smallest units alone.
    """
    return csv_file(
        COLUMNS,
        (
            _cells(alert, leg, symbol, decimals)
            for alert, symbol, decimals in rows
            for leg in (alert.explanation.legs if alert.explanation else ())
        ),
    )


def _cells(alert: ChangeAlert, leg: Leg, symbol: str, decimals: int | None) -> Iterable[str]:
    change = alert.change
    yield "" if leg.at is None else iso(leg.at, " ")
    yield checksummed(change.account)
    yield guarded(alert.label)
    yield str(change.asset.chain_id)
    yield checksummed(change.asset.contract) if change.asset.contract else ""
    yield guarded(symbol)
    yield checksummed(leg.counterparty)
    yield guarded(alert.counterparties.names.get(leg.counterparty, ""))
    yield "" if decimals is None else plain_number(leg.amount_raw, decimals)
    yield str(leg.amount_raw)
    yield "" if leg.token_id is None else str(leg.token_id)
    yield leg.transaction
    yield "" if leg.log_index is None else str(leg.log_index)
    yield str(leg.block)
