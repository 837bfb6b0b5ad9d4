"""How many statements a unit of work takes: over a network each of them would be a round trip."""

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlite_utils

from bot.domain.assets import NATIVE, NATIVE_PART, Asset, Description
from bot.domain.chat.audit import Actor
from bot.domain.deliver.delivery import DeliveryState, DeliveryUpdate, Epoch
from bot.domain.observations import Balance, Fingerprint, Move, Poll, Standing, SweepNumber, Verdict
from bot.domain.places import Place
from bot.domain.replicas.clock import DatabaseClock
from bot.domain.replicas.replica import Replica
from bot.domain.replicas.roles import Role
from bot.domain.subscriptions import SubscriptionId, WatchSpec
from bot.store.balances.assets import doubtful_descriptions, undescribed
from bot.store.balances.snapshots import views
from bot.store.chats.subscriptions import subscribe
from bot.store.database.door import Value
from bot.store.database.lite import LiteDatabase
from bot.store.delivery_results import apply_outcome
from bot.store.outbox.queue import claim_next
from bot.store.polling.record import record_poll
from bot.store.replicas.leases import take
from bot.store.replicas.renewal import renew_all
from bot.store.replicas.seen import check_in
from tests.builders import BROAD, NOON, POLYGON, REGISTRY, VERIFIED, address, at, held
from tests.new_database import put_new_database
from tests.store.conftest import words

ACCOUNTS = [address(10_000 + number) for number in range(50)]
ASSETS = [Asset(POLYGON, NATIVE), *(Asset(POLYGON, address(20_000 + number)) for number in range(49))]
"""What each account holds."""

PLACE = Place(-1001, "supergroup", "Ops")
ACTOR = Actor(7001, "Olga", NOON)
ASKED_UNDER = SubscriptionId(1_000)

EPOCH = Epoch(1)
FIRST_SWEEP, SECOND_SWEEP = SweepNumber(1), SweepNumber(2)


class CountedDatabase(LiteDatabase):
    """A database that counts what it is asked to do; a statement for many rows is one."""

    def __init__(self, raw: sqlite_utils.Database, path: Path) -> None:
        super().__init__(raw, path)
        self._counted = 0

    def count(self) -> int:
        """Return how many statements there were since the last count."""
        counted, self._counted = self._counted, 0
        return counted

    def execute(self, sql: str, values: Sequence[Value] = (), /) -> sqlite3.Cursor:
        self._counted += 1
        return super().execute(sql, values)

    def executemany(self, sql: str, rows: Iterable[Sequence[Value]], /) -> int:
        return super().executemany(sql, self._noted(rows))

    def insert_many(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Value]]) -> None:
        super().insert_many(table, columns, self._noted(rows))

    def upsert_many(
        self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Value]], *, key: Sequence[str]
    ) -> None:
        super().upsert_many(table, columns, self._noted(rows), key=key)

    @contextmanager
    def transaction(self, *, alone: bool = True) -> Iterator[None]:
        self._counted += 2  # its begin and its end
        with super().transaction(alone=alone):
            yield

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        self._counted += 2
        with super().savepoint():
            yield

    def _noted(self, rows: Iterable[Sequence[Value]]) -> list[Sequence[Value]]:
        """Return rows as a list, and count one statement unless there are none."""
        listed = list(rows)
        self._counted += bool(listed)
        return listed


@pytest.fixture
def db(tmp_path: Path) -> Iterator[CountedDatabase]:
    path = tmp_path / "bot.sqlite3"
    put_new_database(path)
    one = CountedDatabase(sqlite_utils.Database(path, execute_plugins=False, strict=True), path)
    yield one
    one.close()


def first_reading() -> Iterable[Verdict]:
    for account in ACCOUNTS:
        yield Verdict(
            account=account,
            chain_id=POLYGON,
            first_seen=BROAD,
            balances={asset: Balance(held(5), _standing(asset)) for asset in ASSETS},
        )


def changes(count: int) -> Iterable[Verdict]:
    """Yield a verdict of each account, of which so many have one asset that moved."""
    for number, account in enumerate(ACCOUNTS):
        asset = ASSETS[1 + number % 49]
        moves = (Move(asset, held(5), held(6), frozenset({VERIFIED})),)
        if number < count:
            yield Verdict(
                account=account,
                chain_id=POLYGON,
                moves=moves,
                balances={asset: Balance(held(6), Standing.LISTED)},
            )
        else:
            yield Verdict(account=account, chain_id=POLYGON)


def _standing(asset: Asset) -> Standing:
    return Standing.NAMED if asset.part == NATIVE_PART else Standing.LISTED


def poll(verdicts: Iterable[Verdict], sweep: SweepNumber) -> Poll:
    descriptions = {asset: Description("ERC20", price_usd="1.5") for asset in ASSETS}
    settled = tuple(verdicts)
    return Poll(
        sweep=sweep,
        asked_under=ASKED_UNDER,
        observed_at=at(60 * sweep),
        verdicts=settled,
        descriptions=descriptions,
        prints={one.account: Fingerprint(None, b"a print") for one in settled if not one.says_nothing_new},
        highest_blocks={POLYGON: 100 + sweep},
    )


def watch(db: CountedDatabase, specs: Sequence[WatchSpec]) -> None:
    subscribe(db, PLACE, specs, limit=1_000, actor=ACTOR, status=VERIFIED)


@pytest.fixture
def read_once(db: CountedDatabase) -> CountedDatabase:
    """Fifty accounts with fifty balances each, whose baselines were told."""
    watch(db, [WatchSpec(account) for account in ACCOUNTS])
    assert record_poll(db, poll(first_reading(), FIRST_SWEEP), VERIFIED, REGISTRY).alerts == len(ACCOUNTS)
    while sent(db):
        pass
    db.count()
    return db


def sent(db: CountedDatabase) -> bool:
    """Send the next message; return whether there was one."""
    claimed = claim_next(db, PLACE.chat_id, at(600), 0, words, epoch=EPOCH).delivery
    if claimed is None:
        return False
    update = DeliveryUpdate(DeliveryState.SENT, at(601), message_id=claimed.id)
    apply_outcome(db, claimed.id, update, VERIFIED, epoch=EPOCH)
    return True


def test_a_first_reading_takes_as_few_statements_for_2500_balances_as_for_one(db: CountedDatabase) -> None:
    watch(db, [WatchSpec(account) for account in ACCOUNTS])
    db.count()

    record_poll(db, poll(first_reading(), FIRST_SWEEP), VERIFIED, REGISTRY)

    assert db.execute("SELECT count(*) FROM balance").fetchone() == (2_500,)
    assert db.count() <= 21


@pytest.mark.parametrize("count", [1, 50])
def test_changes_take_as_few_statements_for_fifty_accounts_as_for_one(
    read_once: CountedDatabase, count: int
) -> None:
    assert record_poll(read_once, poll(changes(count), SECOND_SWEEP), VERIFIED, REGISTRY).alerts == count

    assert read_once.count() <= 21


def test_a_batch_without_news_takes_no_statement(read_once: CountedDatabase) -> None:
    assert record_poll(read_once, poll(changes(0), SECOND_SWEEP), VERIFIED, REGISTRY).alerts == 0

    assert read_once.count() == 0


def test_a_batch_asks_in_one_statement_what_nobody_described(read_once: CountedDatabase) -> None:
    assert undescribed(read_once, ASSETS) == frozenset(ASSETS[1:])
    assert doubtful_descriptions(read_once, ASSETS, NOON) == frozenset(ASSETS[1:])
    assert read_once.count() == 2


def test_what_is_stored_of_fifty_accounts_is_read_in_as_few_statements_as_of_one(
    read_once: CountedDatabase,
) -> None:
    for accounts in (ACCOUNTS, ACCOUNTS[:1]):
        assert len(views(read_once, accounts)) == len(accounts)
        assert read_once.count() == 9


def test_a_message_is_claimed_in_few_statements_however_many_changes_it_tells(
    read_once: CountedDatabase,
) -> None:
    record_poll(read_once, poll(changes(50), SECOND_SWEEP), VERIFIED, REGISTRY)
    read_once.count()

    claimed = claim_next(read_once, PLACE.chat_id, at(600), 0, words, epoch=EPOCH).delivery

    assert claimed is not None
    assert claimed.alerts == 50
    assert read_once.count() <= 15


def test_what_came_of_a_message_is_written_in_few_statements(read_once: CountedDatabase) -> None:
    record_poll(read_once, poll(changes(50), SECOND_SWEEP), VERIFIED, REGISTRY)
    claimed = claim_next(read_once, PLACE.chat_id, at(600), 0, words, epoch=EPOCH).delivery
    assert claimed is not None
    read_once.count()

    update = DeliveryUpdate(DeliveryState.SENT, at(601), message_id=1)
    apply_outcome(read_once, claimed.id, update, VERIFIED, epoch=EPOCH)

    assert read_once.count() <= 6


@pytest.mark.parametrize("count", [1, 100])
def test_a_hundred_subscriptions_take_as_few_statements_as_one(db: CountedDatabase, count: int) -> None:
    watch(db, [WatchSpec(address(30_000 + number)) for number in range(count)])

    assert db.execute("SELECT count(*) FROM subscription").fetchone() == (count,)
    assert db.count() <= 27


def test_a_hundred_new_labels_take_few_statements(db: CountedDatabase) -> None:
    accounts = [address(30_000 + number) for number in range(100)]
    watch(db, [WatchSpec(account) for account in accounts])
    db.count()

    watch(db, [WatchSpec(account, label=f"A{number}") for number, account in enumerate(accounts)])

    assert db.execute("SELECT count(*) FROM subscription WHERE label <> ''").fetchone() == (100,)
    assert db.count() <= 25


def test_all_leases_are_renewed_in_as_few_statements_as_one(db: CountedDatabase) -> None:
    me = Replica("a", "one:8080", "1.0")
    check_in(db, me, db.now_ms())
    epochs = {role: take(db, role, me.id) or 0 for role in Role}
    db.count()

    seen = renew_all(db, me, epochs, {}, clock=DatabaseClock(lambda: NOON, time.monotonic), troubles="")

    assert seen is not None
    assert seen.kept == set(Role)
    assert db.count() <= 8
