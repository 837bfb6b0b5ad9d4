"""The door to PostgreSQL: what it promises to units of work, and what it makes of a server's troubles."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

import psycopg
import pytest

from bot.domain.replicas.roles import Role
from bot.store.database.connection import SERVER_PATIENCE_SECONDS, DatabaseThread
from bot.store.database.door import Database, Fence, OpenDatabase
from bot.store.database.errors import CommitUnknown, DatabaseFault, DatabaseUnavailable, RoleLost
from bot.store.database.server import postgres
from bot.store.database.server.connect import IDLE_SECONDS
from bot.store.database.server.postgres import ONE_WRITER, RETRY_SECONDS, PostgresDatabase, ServerConnection
from bot.store.database.signals import SignalName
from tests.replicas.proxy import Direction, Proxy
from tests.server.conftest import PASSWORD, Operator
from tests.waits import HANG_SECONDS, until

FENCE = Fence(Role.SENDER, 7)
EMPTY = "DELETE FROM setting; UPDATE lease SET epoch = 7, until = 0 WHERE role = 'sender'"


class Broken(Exception):
    """What goes wrong in the middle of something."""


@pytest.fixture(scope="module")
def url(request: pytest.FixtureRequest) -> Iterator[str]:
    """Return the address of a database with the tables of the bot, in which the sender has epoch 7."""
    server = request.getfixturevalue("server")
    operator = Operator(server)
    yield operator.has("engine")
    operator.does("DROP DATABASE engine WITH (FORCE)")


@pytest.fixture
async def db(url: str) -> AsyncIterator[DatabaseThread]:
    """Open the database, emptied of what other tests wrote."""
    one = await DatabaseThread.open(url, replica="first")
    await one.run(empty)
    yield one
    await one.close()


@pytest.fixture
async def other(url: str) -> AsyncIterator[DatabaseThread]:
    """Open the database once more, as another replica does."""
    one = await DatabaseThread.open(url, replica="second")
    yield one
    await one.close()


def empty(db: Database) -> None:
    db.execute("DELETE FROM setting")
    db.execute(
        "INSERT INTO lease (role, replica_id, epoch, until) VALUES ('sender', 'first', 7, 0)"
        " ON CONFLICT (role) DO UPDATE SET epoch = excluded.epoch, until = 0"
    )


def put(db: Database, name: str, value: str = "") -> None:
    """Store something, by a single statement."""
    db.execute("INSERT INTO setting (name, value) VALUES (?, ?)", [name, value])


def put_within(db: Database, name: str) -> None:
    """Store something in a transaction."""
    with db.transaction():
        put(db, name)


def names(db: Database) -> list[str]:
    return [name for (name,) in db.execute("SELECT name FROM setting ORDER BY name").fetchall()]


def renew(db: Database) -> None:
    with db.transaction(alone=False):
        db.execute("UPDATE lease SET until = until + 1 WHERE role = 'sender'")


def take_over(db: Database) -> None:
    with db.transaction(alone=False):
        db.execute("UPDATE lease SET epoch = epoch + 1 WHERE role = 'sender'")


def waiting_for(loop: asyncio.AbstractEventLoop) -> Callable[[Any], Any]:
    """Return a function that lets a unit of work wait, in its thread, for something in the event loop."""

    def wait(work: Any) -> Any:  # noqa: ANN401 - whatever it is
        future: Future[Any] = asyncio.run_coroutine_threadsafe(work, loop)
        return future.result(HANG_SECONDS)

    return wait


def is_blocked(url: str) -> bool:
    """Return whether somebody in the database waits for a lock."""
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        ).fetchone()
    return row is not None


# ---------------------------------------------------------------- fences


@pytest.mark.parametrize("write", [put, put_within])
async def test_what_is_written_while_the_role_is_held_is_done(
    db: DatabaseThread, write: Callable[[Database, str], None]
) -> None:
    await db.fenced(FENCE).run(write, "mine")

    assert await db.run(names) == ["mine"]


@pytest.mark.parametrize("write", [put, put_within])
async def test_nothing_is_written_once_another_has_the_role(
    db: DatabaseThread, other: DatabaseThread, write: Callable[[Database, str], None]
) -> None:
    await other.run(take_over)

    with pytest.raises(RoleLost):
        await db.fenced(FENCE).run(write, "late")

    assert await db.fenced(FENCE).run(names) == []
    await db.run(write, "of no role")
    assert await db.run(names) == ["of no role"]


async def test_a_renewal_passes_a_running_transaction_and_a_take_over_waits_for_it(
    db: DatabaseThread, other: DatabaseThread, url: str
) -> None:
    wait = waiting_for(asyncio.get_running_loop())
    taken: list[asyncio.Task[None]] = []

    async def begin_to_take_over() -> None:
        taken.append(asyncio.create_task(other.run(take_over)))
        await until(lambda: is_blocked(url))

    def work(db: Database) -> None:
        with db.transaction():
            put(db, "first")
            wait(other.run(renew))
            wait(begin_to_take_over())
            assert not taken[0].done()
            put(db, "second")

    await db.fenced(FENCE).run(work)

    await taken[0]
    assert await db.run(names) == ["first", "second"]
    with pytest.raises(RoleLost):
        await db.fenced(FENCE).run(put, "third")


# ---------------------------------------------------------------- one writer, snapshots


async def test_of_two_who_claim_the_same_thing_one_gets_it_and_none_is_hung_up(
    db: DatabaseThread, other: DatabaseThread
) -> None:
    def claim(db: Database, name: str) -> int:
        with db.transaction():
            found = db.execute("SELECT 1 FROM setting WHERE name = ?", [name]).fetchone()
            if found is None:
                put(db, name)
            return int(found is None)

    for number in range(30):
        claims = await asyncio.gather(db.run(claim, f"{number}"), other.run(claim, f"{number}"))
        assert sorted(claims) == [0, 1]


async def test_a_lock_that_does_not_come_free_is_waited_for_once_and_costs_no_connection(
    url: str, db: DatabaseThread
) -> None:
    wait = waiting_for(asyncio.get_running_loop())
    hasty = await DatabaseThread.open(url, replica="hasty", patience_seconds=0.05)
    tried: list[str] = []

    async def is_refused() -> None:
        with pytest.raises(DatabaseUnavailable) as refusal:
            await hasty.run(put_late)
        assert refusal.value.kind is DatabaseFault.BUSY
        assert (len(tried), hasty.connections) == (1, 1)

    def put_late(db: Database) -> None:
        tried.append("late")
        put_within(db, "late")

    def hold(db: Database) -> None:
        with db.transaction():
            wait(is_refused())

    await db.run(hold)
    await hasty.close()
    assert await db.run(names) == []


async def test_what_may_be_left_out_waits_for_others_for_a_moment(
    db: DatabaseThread, other: DatabaseThread, url: str
) -> None:
    wait = waiting_for(asyncio.get_running_loop())
    brief: list[asyncio.Task[None]] = []

    async def begin() -> None:
        brief.append(asyncio.create_task(other.run_if_possible(put, "waited")))
        await until(lambda: is_blocked(url))

    def hold(db: Database) -> None:
        with db.transaction():
            wait(begin())

    await db.run(hold)
    await brief[0]
    assert await db.run(names) == ["waited"]


async def test_what_may_be_left_out_is_left_out_where_others_hold_the_database_for_long(
    db: DatabaseThread, other: DatabaseThread
) -> None:
    wait = waiting_for(asyncio.get_running_loop())

    def hold(db: Database) -> None:
        with db.transaction():
            assert wait(other.run_if_possible(session)) is not None
            assert wait(other.run_if_possible(put, "left out")) is None

    await db.run(hold)
    assert await db.run(names) == []
    assert other.write_failure is None


async def test_who_waited_in_vain_waits_again_the_next_time(
    url: str, db: DatabaseThread, other: DatabaseThread
) -> None:
    wait = waiting_for(asyncio.get_running_loop())
    hasty = await DatabaseThread.open(url, replica="hasty", patience_seconds=0.5)
    second: list[asyncio.Task[None]] = []

    async def is_refused_and_waits_again() -> None:
        with pytest.raises(DatabaseUnavailable):
            await hasty.run(put, "first")
        second.append(asyncio.create_task(hasty.run(put, "second")))
        while not await other.run(waits):  # noqa: ASYNC110 - a server tells nobody that somebody waits
            await asyncio.sleep(0.01)

    def waits(db: Database) -> bool:
        return bool(db.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone())

    def hold(db: Database) -> None:
        with db.transaction():
            wait(is_refused_and_waits_again())

    await db.run(hold)
    await second[0]
    await hasty.close()
    assert await db.run(names) == ["second"]


async def test_who_waited_in_vain_waits_for_less_until_a_write_succeeds(url: str, db: DatabaseThread) -> None:
    wait = waiting_for(asyncio.get_running_loop())
    hasty = await DatabaseThread.open(url, replica="hasty", patience_seconds=0.9)

    async def is_refused() -> None:
        with pytest.raises(DatabaseUnavailable):
            await hasty.run(put, "first")

    def hold(db: Database) -> None:
        with db.transaction():
            wait(is_refused())

    def patience(db: Database) -> str:
        with db.transaction():
            (shown,) = db.execute("SELECT current_setting('lock_timeout')").fetchone()
        return str(shown)

    assert await hasty.run(patience) == "900ms"
    await db.run(hold)
    assert await hasty.run(patience) == "500ms"
    await hasty.run(put, "second")
    assert await hasty.run(patience) == "900ms"
    await hasty.close()


def test_others_wait_longer_than_a_process_that_stands_still_keeps_its_locks() -> None:
    assert SERVER_PATIENCE_SECONDS > IDLE_SECONDS


async def test_all_that_a_unit_of_work_reads_is_of_one_moment(
    db: DatabaseThread, other: DatabaseThread
) -> None:
    wait = waiting_for(asyncio.get_running_loop())

    def work(db: Database) -> tuple[list[str], list[str]]:
        before = names(db)
        wait(other.run(put, "new"))
        return before, names(db)

    assert await db.run(work) == ([], [])
    assert await db.run(names) == ["new"]


async def test_a_transaction_reads_what_others_wrote_before_it_began(
    db: DatabaseThread, other: DatabaseThread
) -> None:
    wait = waiting_for(asyncio.get_running_loop())

    def work(db: Database) -> tuple[list[str], list[str]]:
        before = names(db)
        wait(other.run(put, "new"))
        with db.transaction():
            return before, names(db)

    assert await db.run(work) == ([], ["new"])


async def test_a_savepoint_that_fails_takes_back_only_what_was_done_inside(db: DatabaseThread) -> None:
    def work(db: Database) -> None:
        with db.transaction():
            put(db, "a")
            with suppress(Broken), db.savepoint():
                put(db, "b")
                raise Broken
            with suppress(db.Error), db.savepoint():
                put(db, "a")
            put(db, "c")

    await db.run(work)

    assert await db.run(names) == ["a", "c"]


# ---------------------------------------------------------------- signals


def hear(db: OpenDatabase, seconds: float) -> None:
    db.hear(seconds)


async def test_a_signal_is_heard_by_others_once_it_is_committed_and_by_oneself_without_listening(
    db: DatabaseThread, url: str
) -> None:
    mine = await DatabaseThread.open(url, replica="first", signals=db.signals)
    others = await DatabaseThread.open(url, replica="second")
    for one in (mine, others):
        await one.run(hear, 0)

    def work(db: Database) -> None:
        with db.transaction():
            db.notify(SignalName.OUTBOX)

    await db.run(work)
    assert await db.signal(SignalName.OUTBOX).wait(HANG_SECONDS)
    await mine.run(hear, 0.1)
    while not others.signal(SignalName.OUTBOX).is_set:
        await others.run(hear, 0.1)
    await asyncio.sleep(0)
    assert not db.signal(SignalName.OUTBOX).is_set
    assert not others.signal(SignalName.CHANGES).is_set
    await mine.close()
    await others.close()


async def test_a_signal_of_what_was_not_committed_is_heard_by_nobody(
    db: DatabaseThread, other: DatabaseThread
) -> None:
    await other.run(hear, 0)

    def work(db: Database) -> None:
        with suppress(Broken), db.transaction():
            db.notify(SignalName.OUTBOX)
            raise Broken
        with db.transaction():
            db.notify(SignalName.CHANGES)

    await db.run(work)
    while not other.signal(SignalName.CHANGES).is_set:
        await other.run(hear, 0.1)

    assert not other.signal(SignalName.OUTBOX).is_set
    assert not db.signal(SignalName.OUTBOX).is_set


async def test_who_listens_goes_on_listening_over_a_new_connection(
    db: DatabaseThread, other: DatabaseThread
) -> None:
    await other.run(hear, 0)
    await db.run(end, await other.run(session))

    while not other.signal(SignalName.OUTBOX).is_set:
        await db.run(lambda db: db.notify(SignalName.OUTBOX))
        await other.run(hear, 0.1)


async def test_a_signal_that_only_a_later_version_knows_is_passed_over(
    db: DatabaseThread, other: DatabaseThread
) -> None:
    await other.run(hear, 0)
    await db.run(lambda db: db.notify("news of a later version"))

    while not other.signal(SignalName.OUTBOX).is_set:
        await db.run(lambda db: db.notify(SignalName.OUTBOX))
        await other.run(hear, 0.1)


# ---------------------------------------------------------------- a server that goes away


def session(db: Database) -> int:
    """Return the number of the server's process behind a connection."""
    (number,) = db.execute("SELECT pg_backend_pid()").fetchone()
    return int(number)


def end(db: Database, number: int, how: str = "pg_terminate_backend") -> None:
    """End a connection, as a restart of the server does."""
    db.execute(f"SELECT {how}(CAST(? AS INTEGER))", [number])


async def test_nobody_notices_a_restart_between_two_units_of_work(
    db: DatabaseThread, other: DatabaseThread
) -> None:
    for work in (names, empty):
        await other.run(end, await db.run(session))
        await db.run(work)


async def test_what_a_restart_interrupts_is_not_done_and_says_so(
    db: DatabaseThread, other: DatabaseThread
) -> None:
    wait = waiting_for(asyncio.get_running_loop())

    def work(db: Database) -> None:
        with db.transaction():
            put(db, "first")
            wait(other.run(end, session(db)))
            put(db, "second")

    with pytest.raises(DatabaseUnavailable) as failed:
        await db.run(work)

    assert failed.value.kind is DatabaseFault.AWAY
    assert not isinstance(failed.value, CommitUnknown)
    assert await db.run(names) == []


async def test_a_process_that_stands_still_in_a_transaction_loses_it_and_its_locks(
    db: DatabaseThread, other: DatabaseThread
) -> None:
    wait = waiting_for(asyncio.get_running_loop())

    def work(db: Database) -> None:
        with db.transaction():
            db.execute("SET idle_in_transaction_session_timeout = 50")
            put(db, "stopped")
            wait(other.run(put, "goes on"))  # which waits for the lock
            put(db, "wakes up")

    with pytest.raises(DatabaseUnavailable) as failed:
        await db.run(work)

    assert failed.value.kind is DatabaseFault.AWAY
    assert await db.run(names) == ["goes on"]


async def test_a_process_that_stands_still_in_the_middle_of_a_statement_loses_it_and_its_locks(
    url: str, db: DatabaseThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "STILL_SECONDS", 0.1)
    hasty = await DatabaseThread.open(url, replica="hasty", patience_seconds=0.2)
    still = psycopg.connect(url, autocommit=True)
    still.execute(f"BEGIN; SELECT pg_advisory_xact_lock({ONE_WRITER})".encode())
    still.pgconn.enter_pipeline_mode()
    still.pgconn.send_query_params(b"SELECT 1", None)
    still.pgconn.send_flush_request()
    still.pgconn.flush()  # the rest of it never comes

    async with asyncio.timeout(HANG_SECONDS):
        while not await stored(hasty, "goes on"):
            pass

    assert await db.run(names) == ["goes on"]
    await hasty.close()
    still.close()


async def test_a_statement_that_takes_long_is_left_to_end(
    url: str, db: DatabaseThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "STILL_SECONDS", 0.1)
    hasty = await DatabaseThread.open(url, replica="hasty", patience_seconds=0.2)

    def work(db: Database) -> None:
        with db.transaction():
            put(db, "ends")
            db.execute("SELECT pg_sleep(1)")

    slow = asyncio.create_task(db.run(work))
    await until(lambda: is_at_work(url))
    assert not await stored(hasty, "in between")

    await slow
    assert await db.run(names) == ["ends"]
    await hasty.close()


async def stored(db: DatabaseThread, name: str) -> bool:
    """Store something; False: others held the database."""
    try:
        await db.run(put, name)
    except DatabaseUnavailable as error:
        if error.kind is not DatabaseFault.BUSY:
            raise
        return False
    return True


def is_at_work(url: str) -> bool:
    """Whether the server executes a statement for somebody who sleeps in it."""
    with psycopg.connect(url) as looker:
        seen = looker.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'").fetchone()
    return seen is not None


async def test_a_server_that_takes_no_writes_is_left_for_one_that_does(
    db: DatabaseThread,
) -> None:
    await db.run(lambda db: db.execute("SET default_transaction_read_only = on"))

    await db.run(put, "written")

    assert await db.run(names) == ["written"]


# ---------------------------------------------------------------- commits nobody knows of


@pytest.fixture
async def proxy(url: str) -> AsyncIterator[Proxy]:
    async with Proxy(int(psycopg.conninfo.conninfo_to_dict(url)["port"] or 0)).serve() as one:
        yield one


@pytest.fixture
async def far(url: str, proxy: Proxy) -> AsyncIterator[DatabaseThread]:
    """Open the database over the proxy."""
    port = psycopg.conninfo.conninfo_to_dict(url)["port"]
    one = await DatabaseThread.open(url.replace(f":{port}/", f":{proxy.port}/"), replica="far")
    yield one
    proxy.heal()
    await one.close()


@pytest.mark.parametrize(
    "frozen", [Direction.TO_CLIENT, Direction.TO_SERVER], ids=["that was done", "that was not done"]
)
async def test_a_commit_whose_answer_is_lost_is_unknown(
    db: DatabaseThread,
    far: DatabaseThread,
    proxy: Proxy,
    monkeypatch: pytest.MonkeyPatch,
    frozen: Direction,
) -> None:
    wait = waiting_for(asyncio.get_running_loop())

    async def freeze() -> None:
        proxy.freeze([frozen])
        monkeypatch.setattr(postgres, "ANSWER_SECONDS", 0.3)

    def work(db: Database) -> None:
        with db.transaction():
            put(db, "far")
            wait(freeze())

    with pytest.raises(CommitUnknown):
        await far.run(work)
    proxy.cut()
    proxy.heal()
    monkeypatch.undo()

    done = ["far"] if frozen is Direction.TO_CLIENT else []
    assert await db.run(names) == done  # waits for the lock, if the transaction lives on there
    await far.run(put_within, "later")
    assert await far.run(names) == [*done, "later"]


async def test_a_statement_whose_answer_is_lost_is_not_waited_for_for_ever(
    db: DatabaseThread, far: DatabaseThread, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "ANSWER_SECONDS", 0.3)
    proxy.freeze([Direction.TO_CLIENT])

    with pytest.raises(DatabaseUnavailable) as failed:
        await far.run(put_within, "far")

    assert failed.value.kind is DatabaseFault.AWAY
    assert not isinstance(failed.value, CommitUnknown)
    assert await db.run(names) == []


@pytest.mark.parametrize("how", ["pg_cancel_backend", "pg_terminate_backend"])
async def test_a_commit_that_no_standby_confirms_is_unknown(
    db: DatabaseThread, other: DatabaseThread, operator: Operator, how: str
) -> None:
    operator.does("ALTER SYSTEM SET synchronous_standby_names = 'nobody'", "SELECT pg_reload_conf()")
    try:

        def work(db: Database) -> None:
            with db.transaction():
                db.execute("SET LOCAL synchronous_commit = on")
                put(db, "here alone")

        number = await db.run(session)
        writing = asyncio.create_task(db.run(work))
        await until(lambda: _waits_for_standby(operator))
        await other.run(end, number, how)
        with pytest.raises(CommitUnknown):
            await writing
    finally:
        operator.does("ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()")
    assert await db.run(names) == ["here alone"]


def _waits_for_standby(operator: Operator) -> bool:
    with psycopg.connect(operator.server.url("postgres")) as connection:
        sql = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        return connection.execute(sql).fetchone() is not None


async def test_an_error_that_nobody_passes_on_still_lets_nothing_be_committed(db: DatabaseThread) -> None:
    def work(db: Database) -> None:
        with db.transaction():
            put(db, "first")
            with suppress(db.Error):
                put(db, "first")

    with pytest.raises(psycopg.errors.InFailedSqlTransaction):
        await db.run(work)

    assert await db.run(names) == []


# ---------------------------------------------------------------- words


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (psycopg.errors.DiskFull, DatabaseFault.FULL),
        (psycopg.errors.ReadOnlySqlTransaction, DatabaseFault.READ_ONLY),
        (psycopg.errors.InsufficientPrivilege, DatabaseFault.READ_ONLY),
        (psycopg.errors.LockNotAvailable, DatabaseFault.BUSY),
        (psycopg.errors.DeadlockDetected, DatabaseFault.BUSY),
        (psycopg.errors.QueryCanceled, DatabaseFault.SLOW),
        (psycopg.errors.AdminShutdown, DatabaseFault.AWAY),
        (psycopg.errors.TooManyConnections, DatabaseFault.AWAY),
        (psycopg.errors.IdleInTransactionSessionTimeout, DatabaseFault.AWAY),
        (psycopg.errors.IoError, DatabaseFault.BROKEN),
        (psycopg.errors.DataCorrupted, DatabaseFault.BROKEN),
        (psycopg.OperationalError, DatabaseFault.AWAY),
        (psycopg.errors.UniqueViolation, None),
        (psycopg.errors.UndefinedTable, None),
    ],
)
async def test_an_error_of_the_server_says_what_kind_of_trouble_it_is(
    db: DatabaseThread, error: type[psycopg.Error], kind: DatabaseFault | None
) -> None:
    def work(_: Database) -> None:
        raise error("its words")

    with pytest.raises(DatabaseUnavailable if kind else error, match="its words") as failed:
        await db.run(work)

    if kind is not None:
        assert isinstance(failed.value, DatabaseUnavailable)
        assert failed.value.kind is kind


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO setting (name, value) VALUES ('confidential', NULL)",
        "SELECT confidential FROM setting",
        "SELECT CAST('1' AS BIGINT) / 0 AS confidential",
    ],
)
async def test_no_error_says_what_was_to_be_stored_or_asked(db: DatabaseThread, sql: str) -> None:
    with pytest.raises(psycopg.Error) as failed:
        await db.run(lambda db: db.execute(sql))

    said = str(failed.value)
    assert said
    assert "LINE" not in said
    assert "DETAIL" not in said
    assert PASSWORD not in said


# ---------------------------------------------------------------- a server that stays away


async def test_who_cannot_connect_fails_at_once_for_a_second_and_then_tries_again(url: str) -> None:
    now, attempts = [0.0], [0]
    is_there = True

    def connect() -> ServerConnection:
        attempts[0] += 1
        if not is_there:
            raise psycopg.OperationalError("nobody answers")
        return ServerConnection.connect(url, autocommit=True)

    def ask() -> None:
        with opened.unit(None):
            opened.execute("SELECT 1")

    opened = PostgresDatabase(connect, monotonic=lambda: now[0])
    opened.close()
    is_there = False
    for _ in range(3):
        with pytest.raises(psycopg.OperationalError, match="nobody answers"):
            ask()
    assert attempts == [2]

    now[0] += RETRY_SECONDS
    is_there = True
    ask()
    assert attempts == [3]
    opened.close()
