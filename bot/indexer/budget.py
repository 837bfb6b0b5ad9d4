"""How large an answer may get, and how much memory all answers under way may take together.

Bytes are counted as they come in. A row costs its bytes plus `ROW_BYTES`, as measured (docs/limits.md).
"""

from dataclasses import dataclass
from typing import Final

from bot.indexer.errors import ReplyTooLarge

ROW_BYTES: Final = 750
"""The memory of a decoded row, beside the bytes it came as."""

COMING_IN: Final = 3
"""A page that is coming in takes its bytes three times: in pieces, as a whole, and as rows."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an answer may take, all of its pages together."""

    rows: int = 150_000
    body_bytes: int = 128 * 2**20
    seconds: float = 240.0
    bytes_of_all: int = 180 * 2**20
    """In memory, of all answers that are under way at once."""


BOUNDS: Final = Bounds()


class Budget:
    """The memory that all answers of a client share."""

    def __init__(self, bounds: Bounds) -> None:
        self.bounds = bounds
        self._taken = 0

    def take(self, count: int) -> None:
        """Take so many bytes; ReplyTooLarge where no more are left, and none are taken."""
        most = self.bounds.bytes_of_all
        if self._taken + count > most:
            raise ReplyTooLarge(f"all answers under way would take more than {most} bytes")
        self._taken += count

    def give_back(self, count: int) -> None:
        """Return bytes that were taken."""
        self._taken -= count


class Share:
    """The part of the budget that one answer takes: the pages it keeps, and the one that is coming in."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._rows = 0
        self._body_bytes = 0
        self._kept = 0
        self._coming_in = 0

    def receive(self, count: int) -> None:
        """Count bytes of the page that is coming in; ReplyTooLarge where they are too many."""
        # Taken before the page is whole: a bound that is checked afterwards bounds nothing.
        self._budget.take(COMING_IN * count)
        self._coming_in += COMING_IN * count

    def page_done(self) -> None:
        """Stop counting the page that was coming in: it was read or dropped."""
        self._budget.give_back(self._coming_in)
        self._coming_in = 0

    def keep(self, rows: int, body_bytes: int) -> None:
        """Count what is kept of a page; ReplyTooLarge where it is too much."""
        bounds = self._budget.bounds
        self._rows += rows
        self._body_bytes += body_bytes
        if self._rows > bounds.rows:
            raise ReplyTooLarge(f"more than {bounds.rows} rows")
        if self._body_bytes > bounds.body_bytes:
            raise ReplyTooLarge(f"more than {bounds.body_bytes} bytes on all pages")
        count = body_bytes + rows * ROW_BYTES
        self._budget.take(count)
        self._kept += count

    def end(self) -> None:
        """Give everything back, once the answer is not needed any more."""
        self.page_done()
        self._budget.give_back(self._kept)
        self._kept = 0
