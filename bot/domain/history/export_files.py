"""Changes as a file for spreadsheets (CSV) or for programs (JSON), exact to the last digit.

CSV is RFC 4180, with commas and CRLF. It begins with a byte order mark: without one Excel takes UTF-8 for
the code page of its machine. Every number of JSON is a string, as its readers may take numbers for floats.
"""

import csv
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from io import BytesIO, StringIO

from bot.domain.addresses import checksummed
from bot.domain.assets import ChainId
from bot.domain.explain.explanations import Explanation, ExplanationOutcome, Leg
from bot.domain.observations import ItemMove
from bot.domain.observe.descriptions import Decimals
from bot.domain.units import plain_number


class ExportFormat(StrEnum):
    """What a file is written as; the value is its ending."""

    CSV = "csv"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRow:
    """One change as one row of a file."""

    at: datetime
    """In UTC; whole milliseconds count."""
    account: str
    label: str
    chain: str
    chain_id: ChainId
    contract: str
    """"" for a native coin."""
    symbol: str
    kind: str
    before_raw: int
    after_raw: int
    decimals: Decimals
    """Where one is unknown, the amount stands in smallest units alone."""
    price_usd: str | None
    """A plain decimal number."""
    block: int | None
    message_id: str
    """The id at the end of the message that reported it; "" where none did."""
    reported: str
    """What became of it here."""
    items: tuple[ItemMove, ...] = ()
    explanation: Explanation | None = None
    """None: nobody asked for its transfers so far."""


class ExportFile:
    """A file that grows by rows; its content is whole at any time."""

    def __init__(self, written_as: ExportFormat) -> None:
        self.rows = 0
        self._written_as = written_as
        self._written = BytesIO()
        is_csv = written_as is ExportFormat.CSV
        self._written.write(csv_file(COLUMNS, []) if is_csv else b"[")

    @property
    def size(self) -> int:
        """How many bytes it has, or a few less."""
        return self._written.tell()

    def add(self, rows: Sequence[ExportRow]) -> None:
        """Append rows."""
        if self._written_as is ExportFormat.CSV:
            self._written.write(_csv_lines(map(_cells, rows)))
        elif rows:
            lines = ",\n".join(_compact(_members(row)) for row in rows)
            self._written.write(f"{',' if self.rows else ''}\n{lines}".encode())
        self.rows += len(rows)

    def content(self) -> bytes:
        """Return the bytes of the file."""
        # Of CSV this is no copy: what was written is shared.
        return self._written.getvalue() + (b"" if self._written_as is ExportFormat.CSV else b"\n]\n")


COLUMNS = (
    "time_utc",
    "account",
    "label",
    "chain",
    "chain_id",
    "contract",
    "symbol",
    "kind",
    "before",
    "after",
    "change",
    "before_raw",
    "after_raw",
    "decimals",
    "price_usd",
    "block",
    "message_id",
    "transfers",
    "reported",
    "items",
    "explained",
)
"""In this order; new ones come last, as programs count them."""

_BYTE_ORDER_MARK = "\ufeff".encode()

# What a cell begins with that is run as a formula. In many countries programs take semicolons for what
# separates cells, so that one may begin within ours. A ' is guarded too: so the guard can be taken off again.
_FORMULA = re.compile(r"""(\A|[;\t\r\n]"*)(?=[=+\-@\t\r'])""")


def guarded(text: str) -> str:
    """Return a text that no spreadsheet runs as a formula, whoever wrote it; of numbers this is not true."""
    return _FORMULA.sub(r"\1'", text)


def csv_file(columns: Sequence[str], lines: Iterable[Iterable[str]]) -> bytes:
    """Return a whole file of CSV; its texts have to be guarded already."""
    return _BYTE_ORDER_MARK + _csv_lines([columns]) + _csv_lines(lines)


def _csv_lines(lines: Iterable[Iterable[str]]) -> bytes:
    written = StringIO(newline="")
    csv.writer(written, lineterminator="\r\n").writerows(lines)
    return written.getvalue().encode()


def _cells(row: ExportRow) -> Iterable[str]:
    """Yield the cells of a row: text is guarded, numbers never are, for -5 is one."""
    amounts = _amounts(row)
    yield _moment(row, " ")  # as spreadsheets know it
    yield guarded(row.account)
    yield guarded(row.label)
    yield guarded(row.chain)
    yield str(row.chain_id)
    yield guarded(row.contract)
    yield guarded(row.symbol)
    yield guarded(row.kind)
    for number in amounts:
        yield number or ""
    yield str(row.before_raw)
    yield str(row.after_raw)
    yield _number(row.decimals.after) or ""
    yield row.price_usd or ""
    yield _number(row.block) or ""
    yield guarded(row.message_id)
    yield " ".join(map(_leg_text, row.explanation.legs if row.explanation else ()))
    yield guarded(row.reported)
    yield " ".join(f"{one.token_id}:{one.before_raw}>{one.after_raw}" for one in row.items)
    yield _explained(row.explanation) or ""


def _members(row: ExportRow) -> Mapping[str, object]:
    """Return the members of a row's object: None is unknown."""
    before, after, change = _amounts(row)
    return {
        "time_utc": _moment(row, "T") + "Z",
        "account": row.account,
        "label": row.label,
        "chain": row.chain,
        "chain_id": str(row.chain_id),
        "contract": row.contract,
        "symbol": row.symbol,
        "kind": row.kind,
        "before": before,
        "after": after,
        "change": change,
        "before_raw": str(row.before_raw),
        "after_raw": str(row.after_raw),
        "decimals": _number(row.decimals.after),
        "price_usd": row.price_usd,
        "block": _number(row.block),
        "message_id": row.message_id,
        "transfers": _transfers(row.explanation),
        "reported": row.reported,
        "items": [
            {"id": str(one.token_id), "before": str(one.before_raw), "after": str(one.after_raw)}
            for one in row.items
        ],
        "explained": _explained(row.explanation),
    }


def _transfers(explanation: Explanation | None) -> list[Mapping[str, str | None]] | None:
    """Return the transfers behind a change; None: nobody knows whether there are any."""
    if explanation is None or explanation.outcome is ExplanationOutcome.UNKNOWN:
        return None
    return [
        {
            "counterparty": checksummed(leg.counterparty),
            "amount_raw": str(leg.amount_raw),
            "transaction": leg.transaction,
            "log_index": _number(leg.log_index),
            "block": str(leg.block),
            "token_id": _number(leg.token_id),
            "time_utc": _mined_at(leg),
        }
        for leg in explanation.legs
    ]


def _leg_text(leg: Leg) -> str:
    """Return the same in one word; the amount doesn't come first, as a cell that begins with - may be run."""
    parts = (
        checksummed(leg.counterparty),
        str(leg.amount_raw),
        leg.transaction,
        _number(leg.log_index),
        str(leg.block),
        _number(leg.token_id),
        _mined_at(leg),
    )
    return ":".join(part or "" for part in parts)


def _mined_at(leg: Leg) -> str | None:
    return None if leg.at is None else iso(leg.at, "T") + "Z"


def _explained(explanation: Explanation | None) -> str | None:
    """Return how much of a change its transfers explain, or why nobody knows; None: nobody asked."""
    if explanation is None:
        return None
    why = f": {explanation.why_unknown}" if explanation.why_unknown else ""
    by_time = " by time" if explanation.is_approximate and explanation.legs else ""
    return f"{explanation.outcome}{why}{by_time}"


def _moment(row: ExportRow, between: str) -> str:
    return iso(row.at, between)


def iso(at: datetime, between: str) -> str:
    """Return a moment in UTC to the millisecond, with that between date and time."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(between, "milliseconds")


def _amounts(row: ExportRow) -> tuple[str | None, str | None, str | None]:
    """Return what was held before, after, and the difference, in whole units; None: their size is unknown."""
    units = row.decimals
    before = None if units.before is None else plain_number(row.before_raw, units.before)
    after = None if units.after is None else plain_number(row.after_raw, units.after)
    if before is None or after is None:
        return before, after, None
    return before, after, plain_number(units.difference(row.before_raw, row.after_raw), units.places)


def _number(number: int | None) -> str | None:
    return None if number is None else str(number)


def _compact(members: Mapping[str, object]) -> str:
    return json.dumps(members, ensure_ascii=False, separators=(",", ":"))
