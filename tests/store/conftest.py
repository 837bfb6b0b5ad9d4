"""A real store on a real file, with short words for what the poller and people do with it."""

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from bot.domain.ask.plan import wanted_by, with_unlisted
from bot.domain.assets import Address, Asset, ChainId, Description, Part
from bot.domain.chat.audit import Actor
from bot.domain.chat.subscribe import SubscribeResult
from bot.domain.deliver.alerts import Alert, Baseline, ChangeAlert, NoticeAlert, StoredNotice
from bot.domain.deliver.delivery import (
    Delivery,
    DeliveryId,
    DeliveryState,
    DeliveryUpdate,
    Epoch,
    update_after,
)
from bot.domain.deliver.outcomes import Offline, Outcome
from bot.domain.observations import Poll, Reading, SweepNumber, View
from bot.domain.observe.compare import compare
from bot.domain.observe.holdings import ChainHoldings, WatchedHere
from bot.domain.places import Place
from bot.domain.subscriptions import Scope, WatchSpec
from bot.store import delivery_results, due_rows
from bot.store.balances import snapshots
from bot.store.chats import chats, migrate, subscriptions, unsubscribe
from bot.store.chats.owners import apply_access
from bot.store.database.connection import DatabaseThread
from bot.store.database.door import Database, Value
from bot.store.database.lite import LiteDatabase
from bot.store.outbox import queue
from bot.store.outbox.queue import Compose, NextDelivery, Outbox
from bot.store.polling import freshness, holdings, record, sweeps
from bot.store.polling.chains import update_chains
from bot.store.polling.sweeps import SweepResult
from bot.store.rows import to_blob, to_moment, to_moment_or_none
from tests import postgres_server
from tests.builders import BASE, ETHEREUM, NOON, POLYGON, REGISTRY, TREASURY, USDC, VERIFIED, at, reading
from tests.new_database import put_new_database
from tests.store.plans import plan_of

OLGA = Place(7001, "private", "Olga")
OPS = Place(-1001, "supergroup", "Ops")
ALERTS_TOPIC = Place(-1001, "supergroup", "Ops", thread_id=5)
EVERYONE = (OLGA, OPS, ALERTS_TOPIC)
CHAINS = frozenset({ETHEREUM, POLYGON, BASE})
LIMIT = 5
STALE_AFTER = timedelta(minutes=10)
LONG_AFTER = NOON + timedelta(days=1)
NO_EPOCH = Epoch(-1)


def olga(when: datetime = NOON) -> Actor:
    """Return the author of what a test changes."""
    return Actor(OLGA.chat_id, OLGA.title, when)


@dataclass
class Keeper:
    """The store, and what happens to it in a test."""

    db: DatabaseThread
    where: Path | str
    """The file, or the address of the server."""
    status: Part = VERIFIED
    """The part that stands for the lists of the contract status."""
    limit: int = LIMIT
    """The most subscriptions a chat may have."""
    epoch: Epoch = NO_EPOCH
    """In which it sends."""
    explain_wait_seconds: float = 0.0
    """How long alerts wait for an explanation."""

    async def plan(self, sql: str, *values: Value) -> list[str]:
        """Return the steps of a statement, as `plans` says them."""
        return await self.db.run(plan_of, sql, values)

    @property
    def path(self) -> Path:
        """The file; a test that needs one is skipped where there is a server."""
        if isinstance(self.where, str):
            pytest.skip("about a file")
        return self.where

    @property
    def url(self) -> str:
        """The address of the server; a test that needs one is skipped where there is a file."""
        if isinstance(self.where, Path):
            pytest.skip("about a server")
        return self.where

    async def rows(self, sql: str, *values: Value) -> list[tuple[Any, ...]]:
        """Return rows of the database as they are."""
        return await self.db.run(lambda db: db.execute(sql, values).fetchall())

    async def value(self, sql: str, *values: Value) -> Any:  # noqa: ANN401 - it is what is stored
        """Return the one value of the one row."""
        ((value,),) = await self.rows(sql, *values)
        return value

    async def script(self, script: str) -> None:
        """Let the database do something beside the store."""
        await self.db.run(lambda db: [db.execute(one) for one in script.split(";") if one.strip()])

    async def refuse_inserts(self, table: str) -> None:
        """Let the database refuse new rows of a table, as if its disk were on fire."""
        await self.db.run(refuse_inserts, table)

    async def take_inserts(self) -> None:
        """Let the database take new rows of every table again."""
        await self.db.run(take_inserts)

    async def written(self) -> int:
        """Return how many rows were ever written by this connection."""
        return await self.db.run(lambda db: db.written)

    async def subscribe(
        self, *wishes: WatchSpec, place: Place = OLGA, when: datetime = NOON
    ) -> list[SubscribeResult]:
        return await self.db.run(
            subscriptions.subscribe, place, wishes, olga(when), limit=self.limit, status=self.status
        )

    async def unsubscribe(self, place: Place, numbers: Collection[int]) -> int:
        """End subscriptions; returns how many changes are still to be told."""
        return (await self.db.run(unsubscribe.unsubscribe, place, numbers, olga(), self.status)).still_to_come

    async def apply_configuration(self, open_chats: Collection[int], owners: Collection[int]) -> None:
        """Open the chats that a configuration names."""
        await self.db.run(apply_access, owners, open_chats, self.status)

    async def migrate(self, old_id: int, new_id: int) -> None:
        """Let a group become a supergroup."""
        await self.db.run(migrate.migrate, old_id, new_id, self.status, NOON)

    async def update_chains(
        self, mainnets: Collection[ChainId], at: datetime, *, testnets: Collection[ChainId] = ()
    ) -> None:
        """Let the source list these chains."""
        await self.db.run(update_chains, mainnets, at, self.status, testnets=testnets)

    async def record_poll(self, poll: Poll) -> int:
        """Record what a batch observed; returns how many alerts that makes."""
        wait = self.explain_wait_seconds
        until = poll.observed_at + timedelta(seconds=wait) if wait else None
        return (await self.db.run(record.record_poll, poll, self.status, REGISTRY, until)).alerts

    async def finish_sweep(self, result: SweepResult) -> None:
        """Record how a sweep ended."""
        await self.db.run(sweeps.finish_sweep, result, STALE_AFTER, self.status)

    async def apply_outcome(self, delivery_id: DeliveryId, update: DeliveryUpdate) -> bool:
        """Write what came of a send; returns whether more may wait in its chat."""
        return await self.db.run(
            delivery_results.apply_outcome, delivery_id, update, self.status, epoch=self.epoch
        )

    async def watched_here(self, place: Place, chain_ids: frozenset[ChainId]) -> WatchedHere:
        """Return what a place watches."""
        return await self.db.run(freshness.watched_here, place, chain_ids, self.status)

    async def holdings_of(
        self,
        place: Place,
        account: Address,
        chain_ids: frozenset[ChainId],
        prices_since: datetime = NOON,
        seen_since: datetime = NOON,
    ) -> list[ChainHoldings]:
        """Return what a place watches of an account."""
        known = await self.db.run(
            holdings.holdings_of,
            place,
            [account],
            chain_ids,
            self.status,
            prices_since=prices_since,
            seen_since=seen_since,
        )
        return known[account]

    async def allow(self, place: Place) -> None:
        await self.db.run(chats.allow, place, olga())

    async def deny(self, place: Place) -> int:
        return await self.db.run(chats.deny, place, olga(), self.status)

    async def believe_losses(self, chain_id: ChainId) -> bool:
        return await self.db.run(sweeps.believe_losses, chain_id, olga())

    async def watch(
        self,
        account: Address | None = TREASURY,
        *,
        place: Place = OLGA,
        contracts: Iterable[Address] = (),
        chains: Iterable[ChainId] = (),
        label: str = "",
    ) -> SubscribeResult:
        wish = WatchSpec(account, Scope(contracts=frozenset(contracts), chains=frozenset(chains)), label)
        (subscribed,) = await self.subscribe(wish, place=place)
        return subscribed

    async def judged(
        self,
        *readings: Reading,
        when: datetime = NOON,
        descriptions: Mapping[Asset, Description] | None = None,
        status: Part = VERIFIED,
    ) -> Poll:
        """Return what a new sweep makes of these readings; nothing is recorded yet."""
        watched = await self.db.run(sweeps.sweep_input, when)
        asked = with_unlisted(wanted_by(watched.subscriptions, CHAINS), watched.unlisted)
        wanted = wanted_by(watched.subscriptions, CHAINS)
        sweep = await self.db.run(sweeps.begin_sweep)
        views = await self.db.run(snapshots.views, [reading.account for reading in readings])
        verdicts = [
            compare(
                views.get((reading.account, reading.chain_id), View()),
                reading,
                wanted=wanted[reading.account].parts(reading.chain_id, status),
                status=status,
                known_block=0,
                observed_at=when,
            )
            for reading in readings
            if reading.account in asked
        ]
        return Poll(sweep, watched.newest, when, tuple(verdicts), descriptions or {})

    async def record(
        self,
        *readings: Reading,
        when: datetime = NOON,
        descriptions: Mapping[Asset, Description] | None = None,
    ) -> int:
        """Let one sweep see these readings, and return the number of alerts."""
        return await self.record_poll(await self.judged(*readings, when=when, descriptions=descriptions))

    async def reach(
        self,
        seconds: float,
        answered: Mapping[ChainId, int | None],
        unknown: Sequence[tuple[Address, ChainId, frozenset[Part]]] = (),
        *,
        asked: frozenset[ChainId] = CHAINS,
        lost: Mapping[ChainId, tuple[int, int]] | None = None,
        settled: frozenset[ChainId] = frozenset(),
        sweep: SweepNumber | None = None,
    ) -> None:
        """Let a sweep end so many seconds after noon, by default a new one."""
        number = await self.db.run(sweeps.begin_sweep) if sweep is None else sweep
        when = at(seconds)
        await self.finish_sweep(
            SweepResult(
                sweep=number,
                started_at=when,
                ended_at=when,
                asked=asked,
                answered=answered,
                unknown=unknown,
                lost=lost or {},
                settled=settled,
            )
        )

    async def ages(self, account: Address = TREASURY) -> dict[ChainId, tuple[datetime, datetime | None]]:
        """Return for each chain of an account when it was last seen, and since when some of it is unknown."""
        rows = await self.rows(
            "SELECT v.chain_id, c.complete_at, min(v.unknown_since) FROM coverage v"
            " JOIN account a ON a.id = v.account_id JOIN chain c ON c.id = v.chain_id"
            " WHERE a.address = ? GROUP BY v.chain_id, c.complete_at",
            to_blob(account),
        )
        return {
            ChainId(chain_id): (to_moment(complete_at), to_moment_or_none(unknown_since))
            for chain_id, complete_at, unknown_since in rows
        }

    async def balances(self) -> dict[tuple[ChainId, Address], int]:
        """Return the stored amounts of the treasury."""
        views = await self.db.run(snapshots.views, [TREASURY])
        return {
            (asset.chain_id, asset.contract): balance.amount.amount_raw
            for view in views.values()
            for asset, balance in view.balances.items()
        }

    async def alerts(self, place: Place = OLGA) -> list[Alert]:
        """Return what waits for a destination, oldest first, and take it as told."""
        heard: list[Alert] = []

        def listen(_: Database, alerts: Sequence[Alert], __: str, ___: datetime) -> tuple[str, int]:
            heard.extend(alerts)
            return "…", len(alerts)

        others = (
            "UPDATE alert SET state = ? WHERE state = ? AND destination_id NOT IN (SELECT d.id"
            " FROM destination d JOIN chat c ON c.id = d.chat_id WHERE c.telegram_id = ? AND d.thread_id = ?)"
        )
        here = (place.chat_id, place.thread_id or 0)
        await self.rows(others, "of another", "waiting", *here)
        while (taken := await self.claim(place.chat_id, LONG_AFTER, compose=listen)).delivery:
            await self.sent(taken.delivery, LONG_AFTER)
        await self.rows(others, "waiting", "of another", *here)
        return heard

    async def baselines(self, place: Place = OLGA) -> list[Baseline]:
        """Return the baseline notices that wait for a destination; anything else there must not be."""
        notices = await self.notices(place)
        baselines = [notice for notice in notices if isinstance(notice, Baseline)]
        assert baselines == notices
        return baselines

    async def notices(self, place: Place = OLGA) -> list[StoredNotice]:
        """Return the notices that wait for a destination; changes there must be none."""
        alerts = await self.alerts(place)
        assert not [alert for alert in alerts if isinstance(alert, ChangeAlert)]
        return [alert.notice for alert in alerts if isinstance(alert, NoticeAlert)]

    async def changes(self, place: Place = OLGA) -> list[tuple[Address, int, int]]:
        """Return the changes that wait for a destination: contract, before and after."""
        alerts = await self.alerts(place)
        return [
            (alert.change.asset.contract, alert.change.before.amount_raw, alert.change.after.amount_raw)
            for alert in alerts
            if isinstance(alert, ChangeAlert)
        ]

    async def outbox(self, now: datetime = NOON, window: float = 0, taken: Collection[int] = ()) -> Outbox:
        due_at = await self.db.run(due_rows.run_due, now)
        found = await self.db.run(queue.outbox, now, window, taken, self.explain_wait_seconds)
        moments = [moment for moment in (found.next_at, due_at) if moment is not None]
        return replace(found, next_at=min(moments, default=None))

    async def due(
        self, now: datetime = NOON, window: float = 0, taken: Collection[int] = ()
    ) -> tuple[Delivery, ...]:
        """Take what is due in each chat that nobody has `taken`: it is leaving now.

        Telegram answers whatever it is asked.
        """
        chats = (await self.outbox(now, window, taken)).due
        claimed = [await self._taken(chat.chat_id, now, window) for chat in chats]
        return tuple(one.delivery for one in claimed if one.delivery)

    async def claim(
        self,
        chat_id: int,
        now: datetime = NOON,
        window: float = 0,
        *,
        compose: Compose | None = None,
        answered: DeliveryId | None = None,
    ) -> NextDelivery:
        """Claim the next message of a chat."""
        return await self.db.run(
            queue.claim_next,
            chat_id,
            now,
            window,
            compose or words,
            epoch=self.epoch,
            answered=answered,
            explain_wait_seconds=self.explain_wait_seconds,
        )

    async def _taken(self, chat_id: int, now: datetime, window: float) -> NextDelivery:
        taken = await self.claim(chat_id, now, window)
        if taken.question is None:
            return taken
        taken = await self.claim(chat_id, now, window, answered=taken.question.id)
        answered = taken.delivery and replace(taken.delivery, unanswered_questions=0)
        return replace(taken, delivery=answered)

    async def sent(self, delivery: Delivery, now: datetime = NOON) -> None:
        """Let what is leaving arrive."""
        await self.apply_outcome(delivery.id, DeliveryUpdate(DeliveryState.SENT, now, message_id=delivery.id))

    async def came_back(self, delivery: Delivery, outcome: Outcome, now: datetime = NOON) -> DeliveryUpdate:
        """Let what is leaving end otherwise."""
        update = update_after(delivery, outcome, now, 0.0)
        await self.apply_outcome(delivery.id, update)
        return update

    async def bind(self, now: datetime = NOON) -> None:
        """Let what waits become messages that could not leave."""
        for delivery in await self.due(now):
            await self.came_back(delivery, Offline("no connection"), now)

    async def deliver_all(self, now: datetime = NOON) -> list[Delivery]:
        """Deliver whatever is due, until nothing is."""
        delivered: list[Delivery] = []
        while due := await self.due(now):
            for delivery in due:
                await self.sent(delivery, now)
            delivered += due
        return delivered

    async def reopen(self) -> None:
        """Close the file and open it again, as a restart does."""
        await self.db.close()
        self.db = await DatabaseThread.open(self.where)

    async def copied(self, path: Path) -> Path | str:
        """Copy the database as it is, to `path` if it is a file; returns where the copy is."""
        if isinstance(self.where, Path):
            await self.rows("VACUUM INTO ?", str(path))
            return path
        assert postgres_server.SERVER is not None
        await self.db.close()
        copy = postgres_server.SERVER.copy()
        self.db = await DatabaseThread.open(self.where)
        return copy

    async def start_sending(self, now: datetime = NOON) -> int:
        """Begin to send, as a start does; returns how many sends of former runs are in doubt."""
        self.epoch = await self.db.run(delivery_results.begin_epoch)
        return await self.db.run(delivery_results.doubt_unfinished_sends, now, self.epoch)


class Meanwhile:
    """A database in which somebody else comes first, just before the next transaction begins."""

    def __init__(self, db: Database, work: Callable[[Database], object]) -> None:
        self._db = db
        self._work: Callable[[Database], object] | None = work

    @classmethod
    def before(cls, db: Database, work: Callable[[Database], object]) -> Database:
        """Return a database as units of work know it."""
        return cast("Database", cls(db, work))

    def __getattr__(self, name: str) -> object:
        return getattr(self._db, name)

    @contextmanager
    def transaction(self, *, alone: bool = True) -> Iterator[None]:
        work, self._work = self._work, None
        if work is not None:
            work(self._db)
        with self._db.transaction(alone=alone):
            yield


def refuse_inserts(db: Database, table: str) -> None:
    """Refuse new rows of a table."""
    if isinstance(db, LiteDatabase):
        refuse = "BEGIN SELECT RAISE(ABORT, 'disk on fire'); END"
    else:
        refuse = "EXECUTE FUNCTION on_fire()"
        db.execute(
            "CREATE OR REPLACE FUNCTION on_fire() RETURNS trigger LANGUAGE plpgsql"
            " AS 'BEGIN RAISE ''disk on fire''; END'"
        )
    db.execute(f"CREATE TRIGGER broken_{table} BEFORE INSERT ON {table} FOR EACH ROW {refuse}")


def take_inserts(db: Database) -> None:
    """Take new rows of every table again."""
    if isinstance(db, LiteDatabase):
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {name}")
    else:
        db.execute("DROP FUNCTION on_fire CASCADE")


async def change(keeper: Keeper, amount: int, seconds: float = 0) -> None:
    """Let the treasury hold so much of a token, so many seconds after noon."""
    await keeper.record(reading({USDC: amount}, native=100), when=at(seconds))


async def told(keeper: Keeper) -> list[str]:
    """Return what became of each alert about a change, oldest first."""
    rows = await keeper.rows("SELECT state FROM alert WHERE change_id IS NOT NULL ORDER BY id")
    return [state for (state,) in rows]


def words(_: Database, alerts: Sequence[Alert], message_id: str, __: datetime) -> tuple[str, int]:
    """Compose a text that shows the id and each alert."""
    return " ".join([message_id, *map(word, alerts)]), len(alerts)


def word(alert: Alert) -> str:
    if isinstance(alert, ChangeAlert):
        change = alert.change
        return f"{alert.id}:{change.before.amount_raw}>{change.after.amount_raw}"
    if isinstance(alert.notice, Baseline):
        return f"{alert.id}:baseline={alert.notice.balances}"
    return f"{alert.id}:{type(alert.notice).__name__}"


async def open_new_keeper(path: Path) -> Keeper:
    """Open a store over a new database: a file, or the server that this run is about."""
    where: Path | str = path
    if postgres_server.SERVER is None:
        put_new_database(path)
    else:
        where = postgres_server.SERVER.empty_database()
    return Keeper(await DatabaseThread.open(where), where)


@pytest.fixture
async def keeper(tmp_path: Path) -> AsyncIterator[Keeper]:
    one = await open_new_keeper(tmp_path / "bot.sqlite3")
    yield one
    await one.db.close()


@pytest.fixture
async def watching(keeper: Keeper) -> Keeper:
    """Olga, the group and one of its topics watch the treasury, which was read once."""
    for place in EVERYONE:
        await keeper.watch(place=place)
    await keeper.record(reading({USDC: 5}, native=100))
    await keeper.deliver_all()
    return keeper
