"""Pages of a history: a cursor names the last row shown, so that newer rows do not shift what follows it."""

import base64
import hashlib
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bot.sandbox.gateway.errors import INVALID_ARGUMENT, CallRefused
from bot.sandbox.gateway.knobs import Knobs
from bot.sandbox.gateway.request import AskedPage
from bot.sandbox.gateway.rows import Row
from bot.sandbox.gateway.transfers import WorldTransfer


class RowKey(NamedTuple):
    """What tells a row from all others; `account` is empty where no accounts were asked for."""

    chain_id: int
    block: int
    log_index: int
    account: str


class HistoryRow(NamedTuple):
    """One transfer as one account sees it: whether the contract is the native coin's, and under which log."""

    key: RowKey
    transfer: WorldTransfer
    contract: str


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """The rows of one page, and the page object beside them."""

    rows: Sequence[HistoryRow]
    page: Row


def cut_page(rows: Sequence[HistoryRow], asked: AskedPage, knobs: Knobs) -> HistoryPage:
    """Return the page asked for; raises CallRefused for a size or cursor that cannot be."""
    size, last = _size(asked, knobs), _read_cursor(asked)
    ordered = sorted(rows, key=lambda row: _place(row.key, knobs))
    left = [row for row in ordered if last is None or _place(row.key, knobs) > _place(last, knobs)]
    shown = left[: _rows_of(left, size, knobs)]
    if knobs.history_end == "repeated":
        return HistoryPage(shown, _page_object(last, size, knobs))
    reached = shown[-1].key if shown else last
    more = len(left) > len(shown) or knobs.history_end == "never"
    return HistoryPage(
        shown, _page_object(reached, size, knobs) if more else {"pageSize": size, "more": False}
    )


def _size(asked: AskedPage, knobs: Knobs) -> int:
    if knobs.max_page_size is not None and asked.size > knobs.max_page_size:
        raise CallRefused(INVALID_ARGUMENT.because(f"pageSize {asked.size} is above {knobs.max_page_size}"))
    return asked.size or min(knobs.history_page_size, knobs.max_page_size or knobs.history_page_size)


def _place(key: RowKey, knobs: Knobs) -> tuple[int, int, int, str]:
    """Return what rows are sorted by; chains one after the other."""
    match knobs.history_order:
        case "newest_first":
            return key.chain_id, -key.block, -key.log_index, key.account
        case "oldest_first":
            return key
        case "shuffled":
            # By a hash, so that a row keeps its place from page to page.
            digest = hashlib.sha256(json.dumps(key).encode()).digest()
            return key.chain_id, int.from_bytes(digest), 0, ""


def _rows_of(rows: Sequence[HistoryRow], size: int, knobs: Knobs) -> int:
    """Return how many rows a page of this size has."""
    if knobs.history_page_counts == "rows":
        return size
    groups = itertools.groupby(rows, key=lambda row: (row.key.chain_id, row.transfer.transaction))
    return sum(len(list(group)) for _, group in itertools.islice(groups, size))


def _page_object(reached: RowKey | None, size: int, knobs: Knobs) -> Row:
    cursor: object = list(reached or ())
    if knobs.history_cursor_type == "string":
        cursor = base64.b64encode(json.dumps(cursor).encode()).decode()
    else:
        cursor = {"row": cursor}
    return {"after": cursor, "pageSize": size, "more": True}


def _read_cursor(asked: AskedPage) -> RowKey | None:
    """Return the row that a page object leads behind, None for the first page."""
    after = asked.members.get("after")
    if after is None:
        return None
    try:
        opened = (
            after["row"]
            if isinstance(after, dict)
            else json.loads(base64.b64decode(str(after), validate=True))
        )
        if opened == []:
            return None
        chain_id, block, log_index, account = opened
        return RowKey(int(chain_id), int(block), int(log_index), str(account))
    except (KeyError, TypeError, ValueError):
        raise CallRefused(INVALID_ARGUMENT.because("the cursor was not given like this")) from None
