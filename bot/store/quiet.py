"""What is watched and not told, as the rest of the house knows it."""

from collections.abc import Collection

from bot.domain.audit import Author
from bot.domain.ignoring import FoundIgnored, IgnoredHere, Ignoring
from bot.domain.model import Address, ChainId, Place
from bot.store import ignoring
from bot.store.database import DatabaseThread


class Quiet:
    """What each destination does not wish to hear; each method is one unit of work, as in `Store`."""

    def __init__(self, thread: DatabaseThread) -> None:
        self._thread = thread

    async def ignore(
        self, place: Place, contracts: Collection[Address], chains: Collection[ChainId], author: Author
    ) -> Ignoring:
        """Let a destination hear no more of contracts, on these chains or on all."""
        return await self._thread.run(ignoring.ignore, place, contracts, chains, author)

    async def hear_again(self, place: Place, contracts: Collection[Address], author: Author) -> set[Address]:
        """Let a destination hear of contracts again; returns those that were ignored."""
        return await self._thread.run(ignoring.hear_again, place, contracts, author)

    async def ignored_here(self, place: Place, page: int, page_size: int) -> IgnoredHere:
        """Return one page of what a destination ignores."""
        return await self._thread.run(ignoring.ignored_here, place, page, page_size)

    async def find_rule(self, row: int, chat_id: int) -> FoundIgnored | None:
        """Return what is ignored and a button of this chat names."""
        return await self._thread.run(ignoring.find_rule, row, chat_id)

    async def end_rule(self, found: FoundIgnored, author: Author) -> bool:
        """Let a destination hear again of what a button names; False: it does already."""
        return await self._thread.run(ignoring.end_rule, found, author)
