"""The store as the rest of the house knows it: each method is one unit of work in the database's thread."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from bot.domain.assets import Address, Asset, ChainId, Items, Part, Price
from bot.domain.chains import Listing
from bot.domain.chat.access_requests import AccessRequest, ChatListPage, KnownChat
from bot.domain.chat.audit import Actor, AuditEntry
from bot.domain.chat.claims import ClaimResult
from bot.domain.chat.ignore_list import FoundIgnored, IgnoreListPage, IgnoreResult
from bot.domain.chat.mutes import ActiveMutes, FoundMute, MuteResult, MuteScope, UnmuteResult
from bot.domain.chat.subscribe import SubscribeResult
from bot.domain.chat.unsubscribe import UndoResult, UnsubscribeResult
from bot.domain.deliver.alerts import Notice
from bot.domain.deliver.delivery import DeliveryId, Parking, Settlement
from bot.domain.due import Schedule
from bot.domain.observations import Poll, SweepNumber
from bot.domain.observe.freshness import ChainHoldings, WatchedHere
from bot.domain.observe.matching import Rules
from bot.domain.places import Place
from bot.domain.subscriptions import ListedSubscription, WatchSpec
from bot.store import (
    access_requests,
    alerts,
    audit,
    backup,
    button_commands,
    chains,
    chat_mutes,
    chats,
    coverage,
    delivered,
    delivery_results,
    freshness,
    ignore_list,
    jobs,
    migrate,
    outbox,
    owners,
    prices,
    record,
    retention,
    snapshots,
    stats,
    subscriptions,
    sweeps,
    unsubscribe,
    withdraw,
)
from bot.store.button_commands import ButtonCommand
from bot.store.database import PATIENCE_SECONDS, DatabaseThread
from bot.store.delivered import FoundDelivery
from bot.store.errors import DatabaseFault, DatabaseUnavailable
from bot.store.look_alikes import look_alikes
from bot.store.outbox import Compose, NextDelivery, Outbox, RecentSend
from bot.store.rows import to_milliseconds
from bot.store.snapshots import Views
from bot.store.stats import DatabaseStats
from bot.store.sweeps import SweepInput, SweepResult


class Store:
    """Everything that outlives the process.

    `outbox_grew` is set whenever there is something new to be told.
    """

    def __init__(
        self, thread: DatabaseThread, *, status: Part, max_subscriptions_per_chat: int, stale_after: timedelta
    ) -> None:
        self._thread = thread
        self._status = status
        self._limit = max_subscriptions_per_chat
        self._stale_after = stale_after
        self.outbox_grew = asyncio.Event()

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        status: Part,
        max_subscriptions_per_chat: int,
        stale_after: timedelta,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> Self:
        """Open the database, made if it isn't there; raises DatabaseUnusable.

        What gives no answer for `stale_after` is told to be blind. Where another program holds the database,
        it is waited for so long; then, as with a full disk, whatever writes raises DatabaseUnavailable.
        """
        thread = await DatabaseThread.open(path, patience_seconds=patience_seconds)
        return cls(
            thread,
            status=status,
            max_subscriptions_per_chat=max_subscriptions_per_chat,
            stale_after=stale_after,
        )

    async def close(self) -> None:
        """Finish what was begun and close the file."""
        await self._thread.close()

    @property
    def write_failure(self) -> DatabaseUnavailable | None:
        """Why nothing can be written, where disk or lock are to blame; None: the last write went well."""
        return self._thread.write_failure

    @property
    def is_locked(self) -> bool:
        """Whether another program held the database when something was to be written last."""
        return self.write_failure is not None and self.write_failure.kind is DatabaseFault.LOCKED

    async def stats(self) -> DatabaseStats:
        """Return what can be counted of everything stored."""
        return await self._thread.run(stats.collect_stats)

    async def ping(self) -> None:
        """Return once the database's thread has answered."""
        await self._thread.run(lambda db: db.execute("SELECT 1").fetchone())

    async def record_restore(self, now: datetime) -> datetime | None:
        """Tell who is concerned if the database is a copy put in place; returns when that was made."""
        copied_at = await self._thread.run(backup.record_restore, now)
        if copied_at is not None:
            self.outbox_grew.set()
        return copied_at

    # work that comes round again

    async def due_work(self) -> Mapping[str, Schedule]:
        """Return what is kept of each work that was ever done, by its name."""
        return await self._thread.run(jobs.due_work)

    async def record_success(
        self, name: str, next_at: datetime, now: datetime, recovery: Notice | None
    ) -> None:
        """Write that a work was done; owners hear the recovery if it failed before."""
        if await self._thread.run(jobs.record_success, name, next_at, now, recovery):
            self.outbox_grew.set()

    async def record_failure(
        self, name: str, next_at: datetime, now: datetime, trouble: Notice | None
    ) -> None:
        """Write that a work failed; owners hear of the first time in a row."""
        if await self._thread.run(jobs.record_failure, name, next_at, now, trouble):
            self.outbox_grew.set()

    async def delete_old_rows(self, before: datetime) -> int:
        """Delete some of the history from before a moment; returns how many rows, 0: no more are there."""
        return await self._thread.run(retention.delete_old_rows, before)

    # what is observed

    async def begin_sweep(self) -> SweepNumber:
        """Return the number of a new sweep."""
        return await self._thread.run(sweeps.begin_sweep)

    async def sweep_input(self, now: datetime) -> SweepInput:
        """Return everything a sweep plans from."""
        return await self._thread.run(sweeps.sweep_input, now)

    async def last_prices(self) -> dict[Asset, Price]:
        """Return what each asset was last seen to be worth."""
        return await self._thread.run(prices.last_prices)

    async def save_prices(self, said: Collection[tuple[Asset, Price]]) -> None:
        """Store what assets are worth."""
        await self._thread.run(prices.save_prices, said)

    async def look_alikes(self, symbols: Collection[tuple[Asset, str | None]]) -> frozenset[Asset]:
        """Return those assets whose symbol looks like that of another one known on their chain."""
        return await self._thread.run(look_alikes, tuple(symbols))

    async def views(self, accounts: Sequence[Address]) -> Views:
        """Return what is stored of these accounts."""
        return await self._thread.run(snapshots.views, accounts)

    async def doubtful_descriptions(self, assets: Iterable[Asset], now: datetime) -> frozenset[Asset]:
        """Return those that no amount should be told by before the source was asked what they are."""
        return await self._thread.run(snapshots.doubtful_descriptions, tuple(assets), now)

    async def undescribed(self, assets: Iterable[Asset]) -> frozenset[Asset]:
        """Return the assets of which the source was never asked what they are."""
        return await self._thread.run(snapshots.undescribed, tuple(assets))

    async def record_poll(self, poll: Poll) -> int:
        """Write what one batch brought and return how many alerts it made."""
        alerts = await self._thread.run(record.record_poll, poll, self._status)
        if alerts:
            self.outbox_grew.set()
        return alerts

    async def items_of(self, account: Address, assets: Iterable[Asset]) -> dict[Asset, Items]:
        """Return the stored ids of an account's collections, where they are stored."""
        return await self._thread.run(snapshots.items_of, account, tuple(assets))

    async def save_items(self, account: Address, asset: Asset, items: Items) -> bool:
        """Store the ids of a collection if they are what is stored of it."""
        return await self._thread.run(snapshots.save_items, account, asset, items)

    async def collections_without_items(self) -> list[tuple[Address, Asset]]:
        """Return the collections of which the ids are not stored, though they could be."""
        return await self._thread.run(snapshots.collections_without_items)

    async def token_balances_on(self, chains: Iterable[ChainId]) -> dict[ChainId, int]:
        """Return how many token balances are stored on these chains."""
        return await self._thread.run(sweeps.token_balances_on, tuple(chains))

    async def believe_losses(self, chain_id: ChainId, author: Actor) -> bool:
        """Take what vanished of a chain for gone; False: nothing there is doubted."""
        return await self._thread.run(sweeps.believe_losses, chain_id, author)

    async def remembered_chains(self) -> frozenset[ChainId]:
        """Return every chain that the source ever listed."""
        return await self._thread.run(chains.remembered_chains)

    async def listing(self) -> Listing:
        """Return which chains the source has, as far as it has said."""
        return await self._thread.run(chains.listing)

    async def update_chains(
        self, mainnets: Collection[ChainId], at: datetime, *, testnets: Collection[ChainId] = ()
    ) -> None:
        """Remember what the source lists, and tell what became of watched chains."""
        if await self._thread.run(chains.update_chains, tuple(mainnets), tuple(testnets), at, self._status):
            self.outbox_grew.set()

    async def finish_sweep(self, result: SweepResult) -> None:
        """Note how far a sweep reached, and tell what gives no answer."""
        if await self._thread.run(sweeps.finish_sweep, result, self._stale_after, self._status):
            self.outbox_grew.set()

    # what is told

    async def outbox(self, now: datetime, group_wait_seconds: float) -> Outbox:
        """Return where something can be sent, with what was muted until now."""
        next_mute_ends_at = await self._thread.run(chat_mutes.end_expired, now)
        found = await self._thread.run(outbox.outbox, now, group_wait_seconds)
        moments = [moment for moment in (found.next_at, next_mute_ends_at) if moment is not None]
        return replace(found, next_at=min(moments, default=None))

    async def recent_sends(self, now: datetime, within: timedelta) -> list[RecentSend]:
        """Return what left lately."""
        return await self._thread.run(outbox.recent_sends, now, within)

    async def claim_next(
        self,
        chat_id: int,
        now: datetime,
        group_wait_seconds: float,
        compose: Compose,
        *,
        answered: DeliveryId | None = None,
    ) -> NextDelivery:
        """Return the next message of a chat, marked as leaving now, or what is to be asked about it first."""
        work = outbox.claim_next
        return await self._thread.run(work, chat_id, now, group_wait_seconds, compose, answered=answered)

    async def apply_outcome(self, delivery_id: DeliveryId, settlement: Settlement) -> None:
        """Write what became of an attempt."""
        if await self._thread.run(delivery_results.apply_outcome, delivery_id, settlement, self._status):
            self.outbox_grew.set()

    async def pause_chat(self, chat_id: int, until: datetime, span: timedelta) -> None:
        """Remember that Telegram wants a chat left alone, if anything can be written now."""
        milliseconds = span // timedelta(milliseconds=1)
        await self._thread.run_if_possible(delivery_results.pause_chat, chat_id, until, milliseconds)

    async def doubt_unfinished_sends(self, now: datetime) -> int:
        """Put back what was being sent when the last run ended."""
        return await self._thread.run(delivery_results.doubt_unfinished_sends, now)

    async def expire(self, now: datetime, after: timedelta) -> int:
        """Drop what has waited too long, and let its destinations be told; returns how many changes."""
        return await self._thread.run(withdraw.expire, now, after)

    async def find_delivery(self, row: int, chat_id: int) -> FoundDelivery | None:
        """Return what a message of this chat tells of, whose button was pressed."""
        return await self._thread.run(delivered.find_delivery, row, chat_id)

    # who asks

    async def subscribe(
        self, place: Place, wishes: Sequence[WatchSpec], author: Actor
    ) -> list[SubscribeResult]:
        """Take in what an open chat asks for."""
        return await self._thread.run(
            subscriptions.subscribe, place, wishes, limit=self._limit, author=author, status=self._status
        )

    async def unsubscribe(self, place: Place, numbers: Collection[int], author: Actor) -> UnsubscribeResult:
        """End subscriptions."""
        return await self._thread.run(unsubscribe.unsubscribe, place, numbers, author, self._status)

    async def unsubscribe_place(self, parting: int, chat_id: int) -> Place | None:
        """Return where subscriptions were ended, if it was in this chat."""
        return await self._thread.run(unsubscribe.unsubscribe_place, parting, chat_id)

    async def undo_unsubscribe(self, parting: int, place: Place, author: Actor) -> UndoResult:
        """Take the end of subscriptions back."""
        return await self._thread.run(
            unsubscribe.undo_unsubscribe,
            parting,
            place,
            limit=self._limit,
            author=author,
            status=self._status,
        )

    async def subscriptions_here(self, place: Place) -> list[ListedSubscription]:
        """Return what a destination is subscribed to."""
        return await self._thread.run(subscriptions.subscriptions_here, place)

    # what is watched and not told, for good or for a while

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

    async def mute(
        self, place: Place, scopes: Collection[MuteScope], span: timedelta, author: Actor
    ) -> MuteResult:
        """Hold what is told of accounts, or with none everything, for so long."""
        muted = await self._thread.run(chat_mutes.mute, place, tuple(scopes), span, author)
        self.outbox_grew.set()
        return muted

    async def unmute(self, place: Place, scopes: Collection[MuteScope], author: Actor) -> UnmuteResult:
        """End mutes of accounts, or with none all mutes of a place, and let what they held be told."""
        unmuted = await self._thread.run(chat_mutes.unmute, place, tuple(scopes), author)
        self.outbox_grew.set()
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
        self.outbox_grew.set()
        return unmuted

    # how far it is seen

    async def watched_here(self, place: Place, chains: frozenset[ChainId]) -> WatchedHere:
        """Return what a destination watches; `chains` are meant where a subscription names none."""
        return await self._thread.run(freshness.watched_here, place, chains, self._status)

    async def holdings_of(
        self, place: Place, account: Address, chains: frozenset[ChainId]
    ) -> list[ChainHoldings]:
        """Return what a destination watches of an account, with what is unknown of it."""
        return await self._thread.run(freshness.holdings_of, place, account, chains, self._status)

    # chats

    async def decision_on(self, chat_id: int) -> bool | None:
        """Return what /allow or /deny said of a chat."""
        return await self._thread.run(chats.decision_on, chat_id)

    async def open_among(self, chat_ids: Collection[int]) -> frozenset[int]:
        """Return which of these chats are open."""
        return await self._thread.run(chats.open_among, tuple(chat_ids))

    async def allow(self, place: Place, author: Actor) -> None:
        """Open a chat."""
        await self._thread.run(chats.allow, place, author)

    async def deny(self, place: Place, author: Actor) -> int:
        """Close a chat; returns how many alerts were withdrawn."""
        return await self._thread.run(chats.deny, place, author, self._status)

    async def apply_configuration(self, open_chats: Collection[int], owners: Collection[int]) -> None:
        """Open and close the chats that no command decided on."""
        await self._thread.run(chats.apply_configuration, open_chats, owners, self._status)

    async def exclude_contracts(self, contracts: Collection[Address]) -> None:
        """Forget what lists showed of contracts that they are no longer asked for."""
        await self._thread.run(coverage.exclude_contracts, tuple(contracts))

    async def enqueue_owner_alerts(self, notice: Notice, at: datetime) -> None:
        """Let every owner be told of something."""
        if await self._thread.run(alerts.enqueue_owner_alerts, notice, to_milliseconds(at)):
            self.outbox_grew.set()

    async def mark_reachable(self, chat_id: int, thread_id: int | None = None) -> None:
        """Note that a chat spoke to us, in a topic or none; later, where nothing can be written."""
        await self._thread.run_if_possible(chats.mark_reachable, chat_id, thread_id)
        self.outbox_grew.set()

    async def mark_topic_reachable(self, chat_id: int, thread_id: int | None) -> None:
        """Note that somebody writes in a topic; later, where nothing can be written."""
        await self._thread.run_if_possible(chats.mark_topic_reachable, chat_id, thread_id)

    async def mark_unreachable(self, chat_id: int, parking: Parking) -> None:
        """Note that nothing can be sent to a chat."""
        await self._thread.run(chats.mark_unreachable, chat_id, parking)

    async def migrate(self, old_id: int, new_id: int) -> None:
        """Take over everything of a group into the supergroup that it has become."""
        await self._thread.run(migrate.migrate, old_id, new_id, self._status)
        self.outbox_grew.set()

    async def former_ids(self, chat_id: int) -> frozenset[int]:
        """Return the numbers that a chat had before."""
        return await self._thread.run(migrate.former_ids, chat_id)

    async def take_over_lost_topics(self, place: Place, author: Actor) -> int | None:
        """Move what lost topics watch to this place; returns how many subscriptions, None: none is lost."""
        moved = await self._thread.run(migrate.take_over_lost_topics, place, author)
        self.outbox_grew.set()
        return moved

    async def update_title(self, place: Place) -> None:
        """Note what a known chat is called now; later, where nothing can be written."""
        await self._thread.run_if_possible(chats.update_title, place)

    # who knocks, who owns, who did what

    async def request_access(self, place: Place, at: datetime) -> AccessRequest | None:
        """Note that a closed chat asks to come in; None: owners are not to be told now."""
        return await self._thread.run(access_requests.request_access, place, at)

    async def mark_request_announced(self, row: int, at: datetime) -> None:
        """Note that an owner was told of a knock, if anything can be written now."""
        await self._thread.run_if_possible(access_requests.mark_request_announced, row, at)

    async def ignore_request(self, row: int, author: Actor) -> bool:
        """Let a chat knock in vain from now on; False: there is nothing to ignore."""
        return await self._thread.run(access_requests.ignore_request, row, author)

    async def count_access_requests(self) -> int:
        """Return how many chats wait to be let in."""
        return await self._thread.run(access_requests.count_requests)

    async def known_chat(self, row: int) -> KnownChat | None:
        """Return the chat that a button names."""
        return await self._thread.run(access_requests.known_chat, row)

    async def known_place(self, chat_id: int) -> Place | None:
        """Return a chat of Telegram's number as it is called."""
        return await self._thread.run(access_requests.known_place, chat_id)

    async def known_chats(self, page: int, page_size: int) -> ChatListPage:
        """Return one page of the chats that are known."""
        return await self._thread.run(access_requests.known_chats, page, page_size)

    async def audit_page(self, page: int, page_size: int) -> tuple[list[AuditEntry], int]:
        """Return one page of what was done, newest first, and the number of all entries."""
        return await self._thread.run(audit.audit_page, page, page_size)

    async def apply_owners(self, configured: Collection[int]) -> frozenset[int]:
        """Return who owns the bot; configured owners end what was claimed."""
        return await self._thread.run(owners.apply_owners, configured)

    async def save_claim_code(self, code_hash: bytes, now: datetime) -> None:
        """Let this code be the only one that can still be used."""
        await self._thread.run(owners.save_claim_code, code_hash, now)

    async def use_claim_code(self, code_hash: bytes, place: Place, author: Actor) -> ClaimResult:
        """Make somebody the owner if the code is good."""
        return await self._thread.run(owners.use_claim_code, code_hash, place, author)

    async def owners_with_menu(self) -> frozenset[int]:
        """Return the owners whose private chats were given a menu of their own."""
        return await self._thread.run(owners.owners_with_menu)

    async def save_owners_with_menu(self, user_ids: Collection[int]) -> None:
        """Remember whose menu is to be taken away one day."""
        await self._thread.run(owners.save_owners_with_menu, user_ids)

    # what buttons stand for

    async def save_button_commands(self, place: Place, commands: Sequence[str], at: datetime) -> list[int]:
        """Keep commands for buttons of a chat and return their rows; none where nothing can be written."""
        return (
            await self._thread.run_if_possible(button_commands.save_button_commands, place, commands, at)
            or []
        )

    async def find_button_command(self, row: int, chat_id: int) -> ButtonCommand | None:
        """Return what a button of this chat offers."""
        return await self._thread.run(button_commands.find_button_command, row, chat_id)

    async def mark_button_command_done(self, row: int, at: datetime) -> None:
        """Note that an offer was taken; where nothing can be written now it can be taken again."""
        await self._thread.run_if_possible(button_commands.mark_button_command_done, row, at)
