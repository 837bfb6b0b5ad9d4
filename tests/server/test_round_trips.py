"""How often a unit of work goes to the server and back: over a network that is what it costs."""

from collections.abc import Iterator
from typing import Any, cast

import psycopg
import pytest

from bot.domain.deliver.delivery import DeliveryState, DeliveryUpdate
from bot.domain.subscriptions import WatchSpec
from bot.store.balances.snapshots import views
from bot.store.database.server.connect import open_server
from bot.store.database.server.postgres import PostgresDatabase, ServerConnection
from bot.store.delivery_results import apply_outcome
from bot.store.outbox.queue import claim_next
from bot.store.polling.record import record_poll
from bot.store.polling.sweeps import begin_sweep, sweep_input
from tests.builders import NOON, REGISTRY, VERIFIED, address, at
from tests.server.conftest import Operator
from tests.store import test_statements as work
from tests.store.conftest import words


class CountedConnection(ServerConnection):
    """A connection that counts how often it waits for the server."""

    waits = 0

    def wait(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as the base class has it
        self.waits += 1
        return super().wait(*args, **kwargs)


class CountedServer(PostgresDatabase):
    """A database on a server that tells how often units of work went there."""

    def count(self) -> int:
        """Return how often since the last count."""
        assert isinstance(self.conn, CountedConnection)
        counted, self.conn.waits = self.conn.waits, 0
        return counted


@pytest.fixture
def db(operator: Operator) -> Iterator[CountedServer]:
    url = operator.has("counted")
    open_server(url, NOON, lambda _: None).close()
    one = CountedServer(lambda: CountedConnection.connect(url, autocommit=True))
    yield one
    one.close()


def as_file(db: CountedServer) -> work.CountedDatabase:
    """Return the same for helpers that are written for a file."""
    return cast("work.CountedDatabase", db)


@pytest.fixture
def read_once(db: CountedServer) -> CountedServer:
    """Fifty accounts with fifty balances each, whose baselines were told."""
    work.watch(as_file(db), [WatchSpec(account) for account in work.ACCOUNTS])
    record_poll(db, work.poll(work.first_reading(), work.FIRST_SWEEP), VERIFIED, REGISTRY)
    while work.sent(as_file(db)):
        pass
    db.count()
    return db


def test_a_first_reading_of_2500_balances_is_recorded_in_few_round_trips(db: CountedServer) -> None:
    work.watch(as_file(db), [WatchSpec(account) for account in work.ACCOUNTS])
    db.count()

    with db.unit(None):
        record_poll(db, work.poll(work.first_reading(), work.FIRST_SWEEP), VERIFIED, REGISTRY)

    assert db.count() <= 25


@pytest.mark.parametrize("count", [1, 50])
def test_changes_take_as_few_round_trips_for_fifty_accounts_as_for_one(
    read_once: CountedServer, count: int
) -> None:
    with read_once.unit(None):
        record_poll(read_once, work.poll(work.changes(count), work.SECOND_SWEEP), VERIFIED, REGISTRY)

    assert read_once.count() <= 25


def test_a_batch_without_news_takes_no_round_trip(read_once: CountedServer) -> None:
    with read_once.unit(None):
        record_poll(read_once, work.poll(work.changes(0), work.SECOND_SWEEP), VERIFIED, REGISTRY)

    assert read_once.count() == 0


def test_what_is_stored_of_fifty_accounts_is_read_in_few_round_trips(read_once: CountedServer) -> None:
    with read_once.unit(None):
        assert len(views(read_once, work.ACCOUNTS)) == len(work.ACCOUNTS)

    assert read_once.count() <= 11


def test_a_message_is_claimed_and_settled_in_few_round_trips(read_once: CountedServer) -> None:
    record_poll(read_once, work.poll(work.changes(50), work.SECOND_SWEEP), VERIFIED, REGISTRY)
    read_once.count()

    with read_once.unit(None):
        found = claim_next(read_once, work.PLACE.chat_id, at(600), 0, words, epoch=work.EPOCH).delivery
    assert found is not None
    assert read_once.count() <= 16

    update = DeliveryUpdate(DeliveryState.SENT, at(601), message_id=1)
    with read_once.unit(None):
        apply_outcome(read_once, found.id, update, VERIFIED, epoch=work.EPOCH)
    assert read_once.count() <= 7


def test_a_hundred_subscriptions_take_few_round_trips(db: CountedServer) -> None:
    with db.unit(None):
        work.watch(as_file(db), [WatchSpec(address(30_000 + number)) for number in range(100)])

    assert db.count() <= 30


def test_a_sweep_begins_in_few_round_trips(read_once: CountedServer) -> None:
    with read_once.unit(None):
        begin_sweep(read_once)
    assert read_once.count() <= 4

    with read_once.unit(None):
        sweep_input(read_once, NOON)
    assert read_once.count() <= 20


def test_a_transaction_that_tells_others_goes_three_times(db: CountedServer) -> None:
    with db.unit(None), db.transaction():
        db.execute("UPDATE setting SET value = ? WHERE name = ?", ["", ""])
        db.notify("outbox")
        db.notify("changes")

    assert db.count() == 3
    assert isinstance(db.conn, psycopg.Connection)
