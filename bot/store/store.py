"""The store as the other rooms call it.

Each method runs one function of this room as one unit of work in the database's thread, and wakes the
dispatcher if that made alerts. What a method does is described at the function that it names.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from bot.domain.assets import Address, Asset, ChainId, Items, Part, Price
from bot.domain.chains import Listing
from bot.domain.chat.audit import Actor, AuditEntry
from bot.domain.chat.claims import ClaimResult
from bot.domain.chat.ignore_list import FoundIgnored, IgnoreListPage, IgnoreResult
from bot.domain.chat.known_chats import AccessRequest, ChatListPage, KnownChat
from bot.domain.chat.mutes import ActiveMutes, FoundMute, MuteResult, MuteScope, UnmuteResult
from bot.domain.chat.subscribe import SubscribeResult
from bot.domain.chat.unsubscribe import UndoResult, UnsubscribeResult
from bot.domain.deliver.alerts import Notice
from bot.domain.deliver.delivery import DeliveryId, DeliveryUpdate, Parking
from bot.domain.due import Schedule
from bot.domain.observations import Poll, SweepNumber
from bot.domain.observe.holdings import ChainHoldings, WatchedHere
from bot.domain.observe.recipients import Rules
from bot.domain.places import Place
from bot.domain.subscriptions import ListedSubscription, WatchSpec
from bot.store import delivery_results
from bot.store.balances import coverage, prices, snapshots
from bot.store.balances.look_alikes import look_alikes
from bot.store.balances.snapshots import Views
from bot.store.chats import (
    access_requests,
    audit,
    button_commands,
    chats,
    ignore_list,
    migrate,
    mutes,
    owners,
    subscriptions,
    unsubscribe,
)
from bot.store.chats.button_commands import ButtonCommand
from bot.store.database.connection import PATIENCE_SECONDS, DatabaseThread
from bot.store.database.errors import DatabaseFault, DatabaseUnavailable
from bot.store.database.signals import SignalName
from bot.store.maintenance import backup, jobs, retention, stats
from bot.store.maintenance.stats import DatabaseStats
from bot.store.outbox import alerts, delivered, queue, withdraw
from bot.store.outbox.delivered import FoundDelivery
from bot.store.outbox.queue import Compose, NextDelivery, Outbox, RecentSend
from bot.store.polling import chains, freshness, record, sweeps
from bot.store.polling.sweeps import SweepInput, SweepResult


class Store:
    """Everything that outlives the process.

    `db` runs units of work. A method that writes raises
    DatabaseUnavailable if the disk or another program prevents it, unless it says that it is left out then.
    """

    def __init__(
        self, thread: DatabaseThread, *, status: Part, max_subscriptions_per_chat: int, stale_after: timedelta
    ) -> None:
        self.db = thread
        self._status = status
        self._limit = max_subscriptions_per_chat
        self._stale_after = stale_after
        self.outbox_grew = thread.signal(SignalName.OUTBOX)
        self.new_subscriptions = thread.signal(SignalName.SUBSCRIPTIONS)

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

        `status` is the part that stands for the lists of the configured contract status. What gives no answer
        for `stale_after` is reported as an outage. `patience_seconds` is how long a unit of work waits for
        another program that holds the database.
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
        await self.db.close()

    @property
    def write_failure(self) -> DatabaseUnavailable | None:
        """Why the last write failed, if the disk or a lock is to blame; None: it succeeded."""
        return self.db.write_failure

    @property
    def is_locked(self) -> bool:
        """Return whether another program held the database at the last attempt to write."""
        return self.write_failure is not None and self.write_failure.kind is DatabaseFault.LOCKED

    async def stats(self) -> DatabaseStats:
        """Return numbers about everything stored."""
        return await self.db.run(stats.collect_stats)

    async def ping(self) -> None:
        """Return once the database's thread answers: health asks whether it is stuck."""
        await self.db.run(lambda db: db.execute("SELECT 1").fetchone())

    async def record_restore(self, now: datetime) -> datetime | None:
        """Adapt a database that is a copy put in place; returns when it was made, None: it is no copy."""
        return await self.db.run(backup.record_restore, now)

    # recurring jobs, and history

    async def due_work(self) -> Mapping[str, Schedule]:
        """Return the schedule of each job that ever ran, by its name."""
        return await self.db.run(jobs.due_work)

    async def record_success(
        self, name: str, next_at: datetime, now: datetime, recovery: Notice | None
    ) -> None:
        """Record that a job succeeded; if it failed before, owners get `recovery`."""
        await self.db.run(jobs.record_success, name, next_at, now, recovery)

    async def record_failure(
        self, name: str, next_at: datetime, now: datetime, trouble: Notice | None
    ) -> None:
        """Record that a job failed; the first time in a row, owners get `trouble`."""
        await self.db.run(jobs.record_failure, name, next_at, now, trouble)

    async def delete_old_rows(self, before: datetime) -> int:
        """Delete a slice of the history from before a moment; returns how many rows, 0: none are left."""
        return await self.db.run(retention.delete_old_rows, before)

    # what is observed

    async def begin_sweep(self) -> SweepNumber:
        """Return the number of a new sweep; batches of older ones are not recorded any more."""
        return await self.db.run(sweeps.begin_sweep)

    async def sweep_input(self, now: datetime) -> SweepInput:
        """Return what a sweep that begins `now` is planned from."""
        return await self.db.run(sweeps.sweep_input, now)

    async def last_prices(self) -> dict[Asset, Price]:
        """Return the last known price of each asset that ever had one."""
        return await self.db.run(prices.last_prices)

    async def save_prices(self, said: Collection[tuple[Asset, Price]]) -> None:
        """Store prices of assets."""
        await self.db.run(prices.save_prices, said)

    async def look_alikes(self, symbols: Collection[tuple[Asset, str | None]]) -> frozenset[Asset]:
        """Return the assets whose symbol looks like that of another known asset of their chain."""
        return await self.db.run(look_alikes, tuple(symbols))

    async def views(self, accounts: Sequence[Address]) -> Views:
        """Return what is stored of these accounts, by account and chain."""
        return await self.db.run(snapshots.views, accounts)

    async def doubtful_descriptions(self, assets: Iterable[Asset], now: datetime) -> frozenset[Asset]:
        """Return the tokens to be described anew before an amount of them is reported."""
        return await self.db.run(snapshots.doubtful_descriptions, tuple(assets), now)

    async def undescribed(self, assets: Iterable[Asset]) -> frozenset[Asset]:
        """Return the tokens that the source was never asked to describe."""
        return await self.db.run(snapshots.undescribed, tuple(assets))

    async def record_poll(self, poll: Poll) -> int:
        """Write what one batch observed; returns how many alerts that makes."""
        return await self.db.run(record.record_poll, poll, self._status)

    async def items_of(self, account: Address, assets: Iterable[Asset]) -> dict[Asset, Items]:
        """Return the stored token ids of an account's collections, where there are any."""
        return await self.db.run(snapshots.items_of, account, tuple(assets))

    async def save_items(self, account: Address, asset: Asset, items: Items) -> bool:
        """Store the token ids of a collection if they add up to the stored balance; False: they don't."""
        return await self.db.run(snapshots.save_items, account, asset, items)

    async def collections_without_items(self) -> list[tuple[Address, Asset]]:
        """Return the collections without stored ids that are small enough for ids to be stored."""
        return await self.db.run(snapshots.collections_without_items)

    async def token_balances_on(self, chains: Iterable[ChainId]) -> dict[ChainId, int]:
        """Count the token balances stored on these chains."""
        return await self.db.run(sweeps.token_balances_on, tuple(chains))

    async def believe_losses(self, chain_id: ChainId, actor: Actor) -> bool:
        """Let the next sweep record a chain's missing balances as gone; False: it is not held back."""
        return await self.db.run(sweeps.believe_losses, chain_id, actor)

    async def remembered_chains(self) -> frozenset[ChainId]:
        """Return every mainnet that the source ever listed."""
        return await self.db.run(chains.remembered_chains)

    async def listing(self) -> Listing:
        """Return the chains that the source lists and ever listed."""
        return await self.db.run(chains.listing)

    async def update_chains(
        self, mainnets: Collection[ChainId], at: datetime, *, testnets: Collection[ChainId] = ()
    ) -> None:
        """Save which chains the source lists; notices say which watched ones it dropped or lists again."""
        await self.db.run(chains.update_chains, tuple(mainnets), at, self._status, testnets=testnets)

    async def finish_sweep(self, result: SweepResult) -> None:
        """Write when each chain was seen, with notices of what gives no answer, or does again."""
        await self.db.run(sweeps.finish_sweep, result, self._stale_after, self._status)

    # what is sent

    async def outbox(self, now: datetime, group_wait_seconds: float) -> Outbox:
        """Return the chats that something can be sent to, once mutes that are over have ended."""
        # First, as their alerts can be sent then; and the next one to end is a moment to look again.
        next_mute_ends_at = await self.db.run(mutes.end_expired, now)
        found = await self.db.run(queue.outbox, now, group_wait_seconds)
        moments = [moment for moment in (found.next_at, next_mute_ends_at) if moment is not None]
        return replace(found, next_at=min(moments, default=None))

    async def recent_sends(self, now: datetime, within: timedelta) -> list[RecentSend]:
        """Return the messages sent within the last `within`, oldest first."""
        return await self.db.run(queue.recent_sends, now, within)

    async def claim_next(
        self,
        chat_id: int,
        now: datetime,
        group_wait_seconds: float,
        compose: Compose,
        *,
        answered: DeliveryId | None = None,
    ) -> NextDelivery:
        """Return the next message of a chat, marked as being sent, or one to ask about first."""
        return await self.db.run(
            queue.claim_next, chat_id, now, group_wait_seconds, compose, answered=answered
        )

    async def apply_outcome(self, delivery_id: DeliveryId, update: DeliveryUpdate) -> None:
        """Write what came of sending a message."""
        await self.db.run(delivery_results.apply_outcome, delivery_id, update, self._status)

    async def pause_chat(self, chat_id: int, until: datetime, span: timedelta) -> None:
        """Send nothing to a chat until a moment, as Telegram asked; left out where nothing can be written."""
        await self.db.run_if_possible(delivery_results.pause_chat, chat_id, until, span)

    async def doubt_unfinished_sends(self, now: datetime) -> int:
        """Count the sends that the end of the last run cut off as unanswered; returns how many."""
        return await self.db.run(delivery_results.doubt_unfinished_sends, now)

    async def expire(self, now: datetime, after: timedelta) -> int:
        """Drop alerts that have waited longer than `after`; returns how many changes that were."""
        return await self.db.run(withdraw.expire, now, after)

    async def find_delivery(self, row: int, chat_id: int) -> FoundDelivery | None:
        """Return the message of this chat whose button was pressed; None: there is none."""
        return await self.db.run(delivered.find_delivery, row, chat_id)

    # subscriptions

    async def subscribe(
        self, place: Place, specs: Sequence[WatchSpec], actor: Actor
    ) -> list[SubscribeResult]:
        """Subscribe a destination to what its chat asks for; one result for each request, in order."""
        return await self.db.run(
            subscriptions.subscribe, place, specs, actor, limit=self._limit, status=self._status
        )

    async def unsubscribe(self, place: Place, numbers: Collection[int], actor: Actor) -> UnsubscribeResult:
        """End subscriptions of a destination by their numbers."""
        return await self.db.run(unsubscribe.unsubscribe, place, numbers, actor, self._status)

    async def unsubscribe_place(self, parting: int, chat_id: int) -> Place | None:
        """Return where an /unwatch was said, by its row; None: it was in another chat."""
        return await self.db.run(unsubscribe.unsubscribe_place, parting, chat_id)

    async def undo_unsubscribe(self, parting: int, place: Place, actor: Actor) -> UndoResult:
        """Undo an /unwatch: its subscriptions return while the chat has room for them."""
        return await self.db.run(
            unsubscribe.undo_unsubscribe,
            parting,
            place,
            actor,
            limit=self._limit,
            status=self._status,
        )

    async def subscriptions_here(self, place: Place) -> list[ListedSubscription]:
        """Return the subscriptions of a destination, by number."""
        return await self.db.run(subscriptions.subscriptions_here, place)

    # what is watched and not sent: ignored for good, muted for a while

    async def ignore(
        self, place: Place, contracts: Collection[Address], chains: Collection[ChainId], actor: Actor
    ) -> IgnoreResult:
        """Let a destination get no alerts about contracts, on these chains or with none on all."""
        return await self.db.run(ignore_list.ignore, place, contracts, chains, actor)

    async def unignore(self, place: Place, contracts: Collection[Address], actor: Actor) -> set[Address]:
        """Stop ignoring contracts, on every chain; returns those that were ignored."""
        return await self.db.run(ignore_list.unignore, place, contracts, actor)

    async def ignored_here(self, place: Place, page: int, page_size: int) -> IgnoreListPage:
        """Return one page of what a destination ignores."""
        return await self.db.run(ignore_list.ignored_here, place, page, page_size)

    async def rules_here(self, place: Place) -> Rules:
        """Return all that a destination ignores, by contract."""
        return await self.db.run(ignore_list.rules_here, place)

    async def find_rule(self, row: int, chat_id: int) -> FoundIgnored | None:
        """Return the ignored contract that a button of this chat names; None: it is gone."""
        return await self.db.run(ignore_list.find_rule, row, chat_id)

    async def delete_rule(self, found: FoundIgnored, actor: Actor) -> bool:
        """Stop ignoring what a button names; False: it is not ignored any more."""
        return await self.db.run(ignore_list.delete_rule, found, actor)

    async def mute(
        self, place: Place, scopes: Collection[MuteScope], span: timedelta, actor: Actor
    ) -> MuteResult:
        """Keep back a destination's alerts about accounts, or with no `scopes` all of them, for `span`."""
        return await self.db.run(mutes.mute, place, tuple(scopes), span, actor)

    async def unmute(self, place: Place, scopes: Collection[MuteScope], actor: Actor) -> UnmuteResult:
        """End the mutes that meet these accounts, or with no `scopes` all, and release their alerts."""
        return await self.db.run(mutes.unmute, place, tuple(scopes), actor)

    async def muted_here(self, place: Place) -> ActiveMutes:
        """Return the mutes of a place, and how many changes they keep back."""
        return await self.db.run(mutes.muted_here, place)

    async def find_mute(self, row: int, chat_id: int) -> FoundMute | None:
        """Return the mute that a button of this chat names; None: it is gone."""
        return await self.db.run(mutes.find_mute, row, chat_id)

    async def end_mute(self, found: FoundMute, actor: Actor) -> UnmuteResult:
        """End the mute that a button names, and release its alerts."""
        return await self.db.run(mutes.end_mute, found, actor)

    # what a destination watches, and how fresh it is

    async def watched_here(self, place: Place, chains: frozenset[ChainId]) -> WatchedHere:
        """Return what a destination watches and how fresh it is; `chains` are all that are read."""
        return await self.db.run(freshness.watched_here, place, chains, self._status)

    async def holdings_of(
        self, place: Place, account: Address, chains: frozenset[ChainId]
    ) -> list[ChainHoldings]:
        """Return what a destination watches of an account, chain by chain; `chains` are all that are read."""
        return await self.db.run(freshness.holdings_of, place, account, chains, self._status)

    # chats

    async def decision_on(self, chat_id: int) -> bool | None:
        """Return whether /allow (True) or /deny (False) was last said of a chat; None: neither."""
        return await self.db.run(chats.decision_on, chat_id)

    async def open_among(self, chat_ids: Collection[int]) -> frozenset[int]:
        """Return which of these chats are open."""
        return await self.db.run(chats.open_among, tuple(chat_ids))

    async def allow(self, place: Place, actor: Actor) -> None:
        """Open a chat by command."""
        await self.db.run(chats.allow, place, actor)

    async def deny(self, place: Place, actor: Actor) -> int:
        """Close a chat by command and withdraw its alerts; returns how many."""
        return await self.db.run(chats.deny, place, actor, self._status)

    async def apply_configuration(self, open_chats: Collection[int], owners: Collection[int]) -> None:
        """Open and close the chats that no command decided on, as the configuration says."""
        await self.db.run(chats.apply_configuration, open_chats, owners, self._status)

    async def exclude_contracts(self, contracts: Collection[Address]) -> None:
        """Delete balances of contracts that lists leave out from now on."""
        await self.db.run(coverage.exclude_contracts, tuple(contracts))

    async def enqueue_owner_alerts(self, notice: Notice, at: datetime) -> None:
        """Enqueue a notice for every owner."""
        await self.db.run(alerts.notify_owners, notice, at)

    async def mark_reachable(self, chat_id: int, thread_id: int | None = None) -> None:
        """Let messages be sent to a chat and a topic again; left out where nothing can be written."""
        await self.db.run_if_possible(chats.mark_reachable, chat_id, thread_id)

    async def mark_topic_reachable(self, chat_id: int, thread_id: int | None) -> None:
        """Let messages be sent to a topic again; left out where nothing can be written."""
        await self.db.run_if_possible(chats.mark_topic_reachable, chat_id, thread_id)

    async def mark_unreachable(self, chat_id: int, parking: Parking) -> None:
        """Send nothing to a chat until somebody writes to the bot there, or a probe succeeds."""
        await self.db.run(chats.mark_unreachable, chat_id, parking)

    async def migrate(self, old_id: int, new_id: int) -> None:
        """Move everything of a group to the supergroup that it became."""
        await self.db.run(migrate.migrate, old_id, new_id, self._status)

    async def former_ids(self, chat_id: int) -> frozenset[int]:
        """Return the numbers that a chat had as a group."""
        return await self.db.run(migrate.former_ids, chat_id)

    async def take_over_lost_topics(self, place: Place, actor: Actor) -> int | None:
        """Move the subscriptions of lost topics to this place; returns how many, None: none is lost."""
        return await self.db.run(migrate.take_over_lost_topics, place, actor)

    async def update_title(self, place: Place) -> None:
        """Update the kind and title of a chat that is known; left out where nothing can be written."""
        await self.db.run_if_possible(chats.update_title, place)

    # access requests, owners, audit

    async def request_access(self, place: Place, at: datetime) -> AccessRequest | None:
        """Record that a closed chat asks for access; None: owners are not to hear of it now."""
        return await self.db.run(access_requests.request_access, place, at)

    async def mark_request_announced(self, row: int, at: datetime) -> None:
        """Record that an owner has heard of a request; left out where nothing can be written."""
        await self.db.run_if_possible(access_requests.mark_request_announced, row, at)

    async def ignore_request(self, row: int, actor: Actor) -> bool:
        """Ignore all requests of a chat from now on; False: there is none to ignore."""
        return await self.db.run(access_requests.ignore_request, row, actor)

    async def count_access_requests(self) -> int:
        """Count the chats that ask for access and have no answer."""
        return await self.db.run(access_requests.count_requests)

    async def known_chat(self, row: int) -> KnownChat | None:
        """Return a chat by its row, which buttons carry; None: there is none."""
        return await self.db.run(access_requests.known_chat, row)

    async def known_place(self, chat_id: int) -> Place | None:
        """Return a chat by Telegram's number; None: the bot does not know it."""
        return await self.db.run(access_requests.known_place, chat_id)

    async def known_chats(self, page: int, page_size: int) -> ChatListPage:
        """Return one page of all chats."""
        return await self.db.run(access_requests.known_chats, page, page_size)

    async def audit_page(self, page: int, page_size: int) -> tuple[list[AuditEntry], int]:
        """Return one page of the audit, newest first, and the number of all entries."""
        return await self.db.run(audit.audit_page, page, page_size)

    async def apply_owners(self, configured: Collection[int]) -> frozenset[int]:
        """Return the user ids of the owners; configured ones end an ownership by code."""
        return await self.db.run(owners.apply_owners, configured)

    async def save_claim_code(self, code_hash: bytes, now: datetime) -> None:
        """Save the hash of a new code and let all former ones expire."""
        await self.db.run(owners.save_claim_code, code_hash, now)

    async def use_claim_code(self, code_hash: bytes, place: Place, actor: Actor) -> ClaimResult:
        """Make the actor the owner if the code is valid and nobody owns the bot yet."""
        return await self.db.run(owners.use_claim_code, code_hash, place, actor)

    async def owners_with_menu(self) -> frozenset[int]:
        """Return the owners whose private chats were given the owners' command menu."""
        return await self.db.run(owners.owners_with_menu)

    async def save_owners_with_menu(self, user_ids: Collection[int]) -> None:
        """Save whose command menu has to be taken away when they are no owner any more."""
        await self.db.run(owners.save_owners_with_menu, user_ids)

    # commands of buttons

    async def save_button_commands(self, place: Place, commands: Sequence[str], at: datetime) -> list[int]:
        """Save commands for buttons of a chat; returns their rows, none where nothing can be written."""
        return await self.db.run_if_possible(button_commands.save_button_commands, place, commands, at) or []

    async def find_button_command(self, row: int, chat_id: int) -> ButtonCommand | None:
        """Return the command of a button of this chat; None: it is too old."""
        return await self.db.run(button_commands.find_button_command, row, chat_id)

    async def mark_button_command_done(self, row: int, at: datetime) -> None:
        """Record that a button's command was carried out; left out where nothing can be written."""
        await self.db.run_if_possible(button_commands.mark_button_command_done, row, at)
