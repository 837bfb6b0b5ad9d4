"""What is watched and not told, as the rest of the house knows it."""

import asyncio
from collections.abc import Collection
from datetime import timedelta

from bot.domain.assets import Address, ChainId
from bot.domain.chat.audit import Actor
from bot.domain.chat.ignore_list import FoundIgnored, IgnoreListPage, IgnoreResult
from bot.domain.chat.mutes import ActiveMutes, FoundMute, MuteResult, MuteScope, UnmuteResult
from bot.domain.observe.matching import Rules
from bot.domain.places import Place
from bot.store import chat_mutes, ignore_list
from bot.store.database import DatabaseThread


class Quiet:
    """What each destination does not wish to hear, or not now; each method is one unit of work.

    `outbox_grew` is set where something is to be told again.
    """

    def __init__(self, thread: DatabaseThread, outbox_grew: asyncio.Event) -> None:
        self._thread = thread
        self._outbox_grew = outbox_grew

    # not at all

    async def ignore(
        self, place: Place, contracts: Collection[Address], chains: Collection[ChainId], author: Actor
    ) -> IgnoreResult:
        """Let a destination hear no more of contracts, on these chains or on all."""
        return await self._thread.run(ignore_list.ignore, place, contracts, chains, author)

    async def unignore(self, place: Place, contracts: Collection[Address], author: Actor) -> set[Address]:
        """Let a destination hear of contracts again; returns those that were ignored."""
        return await self._thread.run(ignore_list.unignore, place, contracts, author)

    async def ignored_here(self, place: Place, page: int, page_size: int) -> IgnoreListPage:
        """Return one page of what a destination ignores."""
        return await self._thread.run(ignore_list.ignored_here, place, page, page_size)

    async def rules_here(self, place: Place) -> Rules:
        """Return all that a destination ignores."""
        return await self._thread.run(ignore_list.rules_here, place)

    async def find_rule(self, row: int, chat_id: int) -> FoundIgnored | None:
        """Return what is ignored and a button of this chat names."""
        return await self._thread.run(ignore_list.find_rule, row, chat_id)

    async def delete_rule(self, found: FoundIgnored, author: Actor) -> bool:
        """Let a destination hear again of what a button names; False: it does already."""
        return await self._thread.run(ignore_list.delete_rule, found, author)

    # not now

    async def mute(
        self, place: Place, scopes: Collection[MuteScope], span: timedelta, author: Actor
    ) -> MuteResult:
        """Hold what is told of accounts, or with none everything, for so long."""
        muted = await self._thread.run(chat_mutes.mute, place, tuple(scopes), span, author)
        self._outbox_grew.set()
        return muted

    async def unmute(self, place: Place, scopes: Collection[MuteScope], author: Actor) -> UnmuteResult:
        """End mutes of accounts, or with none all mutes of a place, and let what they held be told."""
        unmuted = await self._thread.run(chat_mutes.unmute, place, tuple(scopes), author)
        self._outbox_grew.set()
        return unmuted

    async def muted_here(self, place: Place) -> ActiveMutes:
        """Return what is muted in a place, and how many changes are held there."""
        return await self._thread.run(chat_mutes.muted_here, place)

    async def find_mute(self, row: int, chat_id: int) -> FoundMute | None:
        """Return the mute that a button of this chat names."""
        return await self._thread.run(chat_mutes.find_mute, row, chat_id)

    async def end_mute(self, found: FoundMute, author: Actor) -> UnmuteResult:
        """End the mute that a button names, and let what it held be told."""
        unmuted = await self._thread.run(chat_mutes.end_mute, found, author)
        self._outbox_grew.set()
        return unmuted
