"""Paging: the cursor that a page object carries, read from a request and written into an answer.

It holds the last row shown, of the whole request or of each chain, as a knob says: the truth is open
(docs/indexer-gateway.md, "Pages").
"""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.sandbox.gateway.errors import INVALID_ARGUMENT, CallRefused
from bot.sandbox.gateway.knobs import Knobs
from bot.sandbox.gateway.request import AskedPage, Fields
from bot.sandbox.gateway.rows import Row

Position = tuple[str, str, int]

START: Position = ("", "", 0)

_DEFAULT_SIZE = 40
_NO_CHAIN = 0


@dataclass(frozen=True, slots=True)
class Cursor:
    """Pages seen, rows per page, and by chain the last row seen: its account, contract and token id."""

    page: int
    size: int
    last: Mapping[int, Position]

    def beyond(self, chain_id: int, knobs: Knobs) -> Position | None:
        """Return the row of a chain after which to go on, or None where all of them were shown."""
        # With one cursor for the request, chains below the one it points into are done.
        if knobs.page_scope == "request" and any(chain_id < reached for reached in self.last):
            return None
        return self.last.get(chain_id, START)

    def page_object(self, knobs: Knobs) -> Row:
        """Return the page object that asks for the page after this point."""
        after = {str(chain_id): self._encoded(position) for chain_id, position in self.last.items()}
        return {
            **_numbered(self.page, self.size, knobs),
            "more": True,
            "column": "id",
            "after": _sealed(after) if knobs.cursor_type == "string" else after,
        }

    def end(self, knobs: Knobs) -> Row:
        """Return the page object of the last page."""
        page = self.page + 1 if self.page else 0
        return {**_numbered(page, self.size, knobs), "more": False}

    def turned(self, shown: Iterable[tuple[int, Position]], knobs: Knobs) -> "Cursor":
        """Return the cursor of the next page, given the rows shown on this one in their order."""
        last = dict(shown)
        if knobs.page_scope == "request":
            return Cursor(self.page + 1, self.size, dict([*last.items()][-1:]))
        before = {chain_id: position for chain_id, position in self.last.items() if chain_id != _NO_CHAIN}
        return Cursor(self.page + 1, self.size, before | last)

    def restarted(self) -> "Cursor":
        """Return the cursor of a next page that shows the first rows again."""
        return Cursor(self.page + 1, self.size, {_NO_CHAIN: START})

    def _encoded(self, position: Position) -> str:
        account, contract, token_id = position
        return _base64(f"{self.page}/{self.size}/{account}/{contract}/{token_id}")


def read_cursor(asked: AskedPage, knobs: Knobs) -> Cursor:
    """Read the cursor of a page object; raises CallRefused for one that this gateway never gave."""
    size = asked.size or min(_DEFAULT_SIZE, knobs.max_page_size or _DEFAULT_SIZE)
    if knobs.max_page_size is not None and size > knobs.max_page_size:
        raise CallRefused(INVALID_ARGUMENT.because(f"pageSize {size} is above {knobs.max_page_size}"))
    after = asked.members.get("after")
    if after is None and asked.number == 0:
        return Cursor(0, size, {_NO_CHAIN: START})
    cursor = _decoded(after)
    # The whole object must come back as it was given, as the vendor asks of clients.
    if Fields(cursor.page_object(knobs)).members != asked.members:
        raise CallRefused(INVALID_ARGUMENT.because("the page was not given like this"))
    return cursor


def _numbered(page: int, size: int, knobs: Knobs) -> Row:
    return {**({"page": page} if knobs.page_numbers else {}), "pageSize": size}


def _decoded(after: object) -> Cursor:
    try:
        opened = json.loads(base64.b64decode(after, validate=True)) if isinstance(after, str) else after
        found = {int(chain_id): _split(text) for chain_id, text in _members(opened).items()}
        # Every chain's entry must name the same page and size, or the cursor was put together by hand.
        ((page, size),) = {(page, size) for page, size, _ in found.values()}
    except (TypeError, ValueError):
        raise CallRefused(INVALID_ARGUMENT.because("the cursor was not given like this")) from None
    return Cursor(page, size, {chain_id: position for chain_id, (_, _, position) in found.items()})


def _members(cursor: object) -> dict[str, str]:
    return cursor if isinstance(cursor, dict) else {}


def _split(encoded: str) -> tuple[int, int, Position]:
    page, size, account, contract, token_id = base64.b64decode(encoded, validate=True).decode().split("/")
    return int(page), int(size), (account, contract, int(token_id))


def _sealed(after: Mapping[str, str]) -> str:
    return _base64(json.dumps(after))


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
