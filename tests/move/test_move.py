"""All data moves from the file to the server and back, exactly; ended anywhere, it goes on."""

import asyncio
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import count, pairwise
from pathlib import Path

import psycopg
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain.replicas.clock import DatabaseClock
from bot.domain.replicas.replica import Replica
from bot.domain.replicas.roles import Role, Tenure
from bot.roles.keeper import RoleKeeper
from bot.store.database.connection import DatabaseThread
from bot.store.database.door import Fence, OpenDatabase, Value
from bot.store.database.errors import DatabaseInUse, DatabaseUnusable, DirectoryHeld, RoleLost
from bot.store.database.file import DirectoryLock, open_file
from bot.store.database.moved import MoveMark, MoveState, write_mark
from bot.store.database.server.connect import open_server
from bot.store.database.tables import all_tables
from bot.store.maintenance.backup import record_restore
from bot.store.move.content import digest_of, key_of, slices
from bot.store.move.move import MoveFailed, move_all, moving_tables
from bot.store.move.sides import open_sides
from bot.store.replicas.leases import take
from bot.store.replicas.renewal import renew_all
from bot.store.replicas.seen import check_in
from tests.move.conftest import numbers_of_file, rows_of_file, rows_of_server
from tests.postgres_server import PostgresServer
from tests.waits import HANG_SECONDS

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)


def move(
    path: Path,
    url: str,
    *,
    back: bool = False,
    machine: str = "here",
    steps: float = float("inf"),
    until: str | None = None,
    rows_at_once: int = 5,
    reached: list[str] | None = None,
    between: Callable[[], object] = lambda: None,
    monotonic: Callable[[], float] = time.monotonic,
) -> int:
    """Move, or give up after so many steps, or with the first that says this.

    `between` is called before a slice of any table.
    """
    done = [] if reached is None else reached

    def is_given_up() -> bool:
        between()
        return len(done) >= steps or (until is not None and until in "".join(done[-1:]))

    with open_sides(path, url, machine, NOW, back=back) as (source, target):
        return move_all(
            source,
            target,
            NOW_MS,
            report=lambda _, __, what: done.append(what),
            is_given_up=is_given_up,
            rows_at_once=rows_at_once,
            monotonic=monotonic,
        )


def change_file(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        for one in statements:
            db.execute(one)


def change_server(url: str, *statements: str) -> None:
    with psycopg.connect(url) as db:
        for one in statements:
            db.execute(one.encode())


def of_server(url: str, query: str) -> object:
    with psycopg.connect(url) as db:
        row = db.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]


# ---------------------------------------------------------------- there and back


def test_what_every_table_holds_goes_to_the_server_and_comes_back_the_same(
    files: list[Path], make_url: Callable[[], str]
) -> None:
    filled, known = set(), set()
    for path in files:
        known |= set(rows_of_file(path))
        url = make_url()
        move(path, url)
        there = rows_of_server(url)
        before, numbers = rows_of_file(path), numbers_of_file(path)
        assert there == before

        move(path, url, back=True)

        assert rows_of_file(path) == before
        after = numbers_of_file(path)
        assert {table: after[table] for table in numbers} == numbers
        filled |= {table for table, rows in before.items() if rows}
    assert filled >= known


def test_numbers_are_not_given_twice_though_the_rows_that_had_them_are_gone(file: Path, url: str) -> None:
    change_file(file, "UPDATE sqlite_sequence SET seq = 4711 WHERE name = 'offer'", "DELETE FROM offer")
    insert = (
        "INSERT INTO offer (destination_id, command, made_at)"
        " SELECT min(id), '/list', 1 FROM destination RETURNING id"
    )
    highest = max(row["id"] for row in rows_of_file(file)["change"])

    move(file, url)
    assert of_server(url, insert) == 4712
    assert of_server(url, "SELECT nextval(pg_get_serial_sequence('change', 'id'))") == highest + 1
    change_server(url, "SELECT nextval(pg_get_serial_sequence('offer', 'id'))", "DELETE FROM offer")
    move(file, url, back=True)

    with closing(sqlite3.connect(file)) as db:
        assert db.execute(insert).fetchone() == (4714,)


WHOLE = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
OPEN = st.one_of(st.none(), WHOLE)
AUDITS = st.lists(st.tuples(WHOLE, TEXT, OPEN, TEXT, OPEN, TEXT), max_size=12)
CLAIMS = st.dictionaries(st.binary(max_size=40), st.tuples(WHOLE, OPEN), max_size=12)
EDGES = [
    (2**63 - 1, "", None, "\\N", -(2**63), "NULL"),
    (0, "\t\n\r\\.", 0, "\\", None, "\x01\x7f\u2028\U0001f469\u200d\U0001f467"),
]
AUDIT, CLAIM = (next(one for one in all_tables() if one.name == name) for name in ("audit", "claim"))


@pytest.fixture(scope="module")
def engines(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[OpenDatabase]]:
    """Return a database of each engine."""
    server.execute("DROP DATABASE IF EXISTS engines", "postgres")
    server.execute("CREATE DATABASE engines", "postgres")
    path = tmp_path_factory.mktemp("engines") / "bot.sqlite3"
    opened: list[OpenDatabase] = [open_file(path, NOW, print), open_server(server.url("engines"), NOW, print)]
    for db in opened:
        db.set_patience(5)
    yield opened
    for db in opened:
        db.close()


@given(AUDITS, CLAIMS, st.integers(1, 4))
@example(EDGES, {b"": (0, None), b"\x00": (1, 1), b"\xff\x00": (2, 2)}, 1)
def test_numbers_texts_and_blobs_arrive_as_they_are_and_in_the_same_order_of_keys(
    engines: list[OpenDatabase],
    audits: list[tuple[Value, ...]],
    claims: dict[bytes, tuple[Value, ...]],
    rows_at_once: int,
) -> None:
    digests = set()
    for db in engines:
        with db.unit(None), db.transaction():
            db.execute("DELETE FROM audit")
            db.execute("DELETE FROM claim")
            db.load("audit", AUDIT.columns, [(number, *row) for number, row in enumerate(audits)])
            db.load("claim", CLAIM.columns, [(key, *row) for key, row in claims.items()])
        keys = [key_of(CLAIM, row) for rows in slices(db, CLAIM, None, rows_at_once) for row in rows]
        assert keys == sorted((key,) for key in claims)
        digests.add((digest_of(db, AUDIT, rows_at_once), digest_of(db, CLAIM, 100)))
    assert len(digests) == 1


def test_a_digest_tells_nothing_from_zero_empty_and_each_other(engines: list[OpenDatabase]) -> None:
    digests = set()
    rows: list[tuple[Value, ...]] = [
        (1, 1, "", None, "a", 0, "b"),
        (1, 1, "", 0, "a", 0, "b"),
        (1, 1, "", 0, "ab", 0, ""),
        (1, 1, "", 0, "a", None, "b"),
        (2, 1, "", 0, "a", None, "b"),
    ]
    for db in engines:
        for row in rows:
            with db.unit(None), db.transaction():
                db.execute("DELETE FROM audit")
                db.load("audit", AUDIT.columns, [row])
            digests.add(digest_of(db, AUDIT, 10))
    assert len(digests) == len(rows)


# ---------------------------------------------------------------- ended anywhere


A_MINUTE_LATER = (
    "UPDATE lease SET until = 0",
    """UPDATE setting SET value = regexp_replace(value, '"at":[0-9]+', '"at":0') WHERE name = 'move'""",
)
"""What makes a move that was killed as long ago as it keeps bots from where data comes from."""


def steps_of(path: Path, url: str) -> list[str]:
    """Return the steps of a whole move."""
    reached: list[str] = []
    move(path, url, reached=reached)
    return reached


def test_given_up_anywhere_it_goes_on_and_until_then_the_source_alone_may_be_used(
    file: Path, make_url: Callable[[], str], tmp_path: Path
) -> None:
    steps = len(steps_of(shutil.copytree(file.parent, tmp_path / "all") / file.name, make_url()))
    for number in range(1, steps, 20):
        path, url = shutil.copytree(file.parent, tmp_path / f"at {number}") / file.name, make_url()
        with pytest.raises(MoveFailed, match="run the same command again"):
            move(path, url, steps=number)
        before = rows_of_file(path)
        with pytest.raises(DatabaseUnusable, match=r"finish that with `balance-bot move`"):
            open_server(url, NOW, print)
        open_file(path, NOW, print).close()

        move(path, url)

        assert rows_of_server(url) == rows_of_file(path) == before


def test_on_the_way_back_it_is_the_same(file: Path, make_url: Callable[[], str], tmp_path: Path) -> None:
    steps = steps_of(shutil.copytree(file.parent, tmp_path / "all") / file.name, make_url())
    for number in range(1, len(steps), 29):
        path, url = shutil.copytree(file.parent, tmp_path / f"at {number}") / file.name, make_url()
        move(path, url)
        with pytest.raises(MoveFailed, match="run the same command again"):
            move(path, url, back=True, steps=number)
        before = rows_of_server(url)
        with pytest.raises(DatabaseUnusable, match=r"finish that with `balance-bot move --back`"):
            open_file(path, NOW, print)
        with pytest.raises(DatabaseInUse, match="is being moved to the file"):
            open_server(url, NOW, print)
        change_server(url, *A_MINUTE_LATER)
        open_server(url, NOW, print).close()

        move(path, url, back=True)

        assert rows_of_server(url) == rows_of_file(path) == before


def test_what_changed_since_a_move_was_killed_is_moved_as_it_is_by_now(file: Path, url: str) -> None:
    with pytest.raises(MoveFailed):
        move(file, url, steps=len(all_tables()) + 40)
    assert rows_of_server(url)["chat"]
    change_file(file, "UPDATE chat SET title = 'Renamed'", "DELETE FROM audit")

    move(file, url)

    assert rows_of_server(url) == rows_of_file(file)
    assert {row["title"] for row in rows_of_server(url)["chat"]} == {"Renamed"}


def test_one_that_begins_anew_keeps_bots_from_its_target_until_it_ends(file: Path, url: str) -> None:
    change_file(file, "INSERT OR REPLACE INTO setting (name, value) VALUES ('sending epoch', '7')")
    with pytest.raises(MoveFailed):
        move(file, url, until="comparing")
    assert of_server(url, "SELECT count(*) FROM setting WHERE name > 'move'")
    change_file(file, "UPDATE chat SET title = 'Renamed'")
    with pytest.raises(MoveFailed):
        move(file, url, until="copying")
    assert not rows_of_server(url)["setting"]

    with pytest.raises(DatabaseUnusable, match=r"finish that with `balance-bot move`"):
        open_server(url, NOW, print)
    move(file, url)
    assert rows_of_server(url) == rows_of_file(file)
    open_server(url, NOW, print).close()


def test_no_transaction_stays_open_on_the_server_while_the_new_file_is_made(file: Path, url: str) -> None:
    move(file, url)

    with open_sides(file, url, "here", NOW, back=True):
        assert list(file.parent.glob("*.moved-*"))
        assert of_server(url, OPEN_TRANSACTIONS) == 0


OPEN_TRANSACTIONS = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
AND state LIKE 'idle in transaction%'
"""


def test_a_server_that_goes_away_before_the_first_step_is_said(file: Path, url: str) -> None:
    move(file, url)

    with open_sides(file, url, "here", NOW, back=True) as (source, target):
        change_server(
            url,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        with pytest.raises(MoveFailed, match=r"does not answer.*run the same command again"):
            move_all(source, target, NOW_MS)

    move(file, url, back=True)


def test_killed_between_its_last_two_words_nobody_may_use_either_until_it_is_finished(
    file: Path, url: str
) -> None:
    open_server(url, NOW, print).close()
    change_server(
        url,
        "CREATE FUNCTION never() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE disk_full; END'",
        "CREATE TRIGGER never BEFORE DELETE ON setting FOR EACH ROW EXECUTE FUNCTION never()",
    )
    with pytest.raises(MoveFailed, match="make room"):
        move(file, url)

    with pytest.raises(DatabaseUnusable, match=r"moved to the database \S+ on 127.0.0.1:\d+ on 2026-11-29"):
        open_file(file, NOW, print)
    with pytest.raises(DatabaseUnusable, match="finish that"):
        open_server(url, NOW, print)

    change_server(url, "DROP TRIGGER never ON setting")
    move(file, url)
    open_server(url, NOW, print).close()


def test_a_server_that_fails_to_analyze_leaves_the_source_as_it_was(file: Path, url: str) -> None:
    open_server(url, NOW, print).close()
    change_server(
        url,
        "CREATE FUNCTION fail_to_analyze(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS"
        " 'BEGIN IF current_query() LIKE ''ANALYZE%'' THEN RAISE disk_full; END IF; RETURN $1; END'",
        "CREATE INDEX fails ON chat (fail_to_analyze(title))",
    )
    with pytest.raises(MoveFailed, match="make room"):
        move(file, url)

    open_file(file, NOW, print).close()
    with pytest.raises(DatabaseUnusable, match="finish that"):
        open_server(url, NOW, print)

    change_server(url, "DROP INDEX fails")
    move(file, url)
    assert of_server(url, "SELECT count(*) FROM pg_stats WHERE tablename = 'chat'")


def killed_before_its_last_word(path: Path, url: str) -> None:
    """Move back, but for the last commit."""
    with pytest.raises(MoveFailed):
        move(path, url, back=True, steps=1)
    change_file(
        path, "CREATE TRIGGER never BEFORE DELETE ON setting BEGIN SELECT RAISE(ABORT, 'on purpose'); END"
    )
    with pytest.raises(MoveFailed, match="on purpose"):
        move(path, url, back=True)
    change_file(path, "DROP TRIGGER never")
    with pytest.raises(DatabaseUnusable, match="moved to the file"):
        open_server(url, NOW, print)
    with pytest.raises(DatabaseUnusable, match="finish that"):
        open_file(path, NOW, print)


def test_a_container_of_another_name_finishes_it_as_well(file: Path, url: str) -> None:
    move(file, url)
    killed_before_its_last_word(file, url)

    move(file, url, back=True, machine="elsewhere")

    open_file(file, NOW, print).close()
    with pytest.raises(DatabaseUnusable, match="moved to the file"):
        open_server(url, NOW, print)


def test_what_an_earlier_version_left_there_is_finished_by_the_names(file: Path, url: str) -> None:
    move(file, url)
    killed_before_its_last_word(file, url)
    drop_ids(file, url)

    move(file, url, back=True, machine="elsewhere")

    open_file(file, NOW, print).close()


def drop_ids(path: Path, url: str) -> None:
    """Make marks as they were written when moves had no ids."""
    drop = "UPDATE setting SET value = {} WHERE name = 'move'"
    change_file(path, drop.format("json_remove(value, '$.move')"))
    change_server(url, drop.format("CAST(CAST(value AS jsonb) - 'move' AS text)"))


@pytest.mark.parametrize("has_ids", [True, False])
def test_a_part_from_before_is_not_finished_once_the_data_is_elsewhere(
    file: Path, make_url: Callable[[], str], *, has_ids: bool
) -> None:
    earlier, later = make_url(), make_url()
    with pytest.raises(MoveFailed):
        move(file, earlier, until="comparing")
    move(file, later)
    if not has_ids:
        drop_ids(file, earlier)

    with pytest.raises(MoveFailed, match=r"moved to the database .*nothing is left .*of it is not needed"):
        move(file, earlier)

    for refused in (partial(open_server, earlier), partial(open_file, file)):
        with pytest.raises(DatabaseUnusable):
            refused(NOW, print)
    open_server(later, NOW, print).close()


def test_what_differs_in_one_value_is_not_taken_for_moved(file: Path, url: str) -> None:
    open_server(url, NOW, print).close()
    change_server(
        url,
        "CREATE FUNCTION other() RETURNS trigger LANGUAGE plpgsql"
        " AS 'BEGIN NEW.title = NEW.title || '' ''; RETURN NEW; END'",
        "CREATE TRIGGER other BEFORE INSERT ON chat FOR EACH ROW EXECUTE FUNCTION other()",
    )

    with pytest.raises(MoveFailed, match=r"the table chat of .* is not as in the file"):
        move(file, url)

    open_file(file, NOW, print).close()


def test_a_text_that_no_server_takes_is_said_and_nothing_is_lost(file: Path, url: str) -> None:
    change_file(file, "UPDATE asset SET symbol = 'A' || char(0)")

    with pytest.raises(MoveFailed, match=r"NUL.*the source is as it was"):
        move(file, url)

    open_file(file, NOW, print).close()


# ---------------------------------------------------------------- who may use which


def test_after_a_move_the_file_says_where_the_data_is_and_the_server_is_no_copy(file: Path, url: str) -> None:
    move(file, url)

    with pytest.raises(DatabaseUnusable, match=r"set store\.url to go on there.*`balance-bot move --back`"):
        open_file(file, NOW, print)
    db = open_server(url, NOW, print)
    assert record_restore(db, NOW) is None
    db.close()


def test_after_the_way_back_it_is_the_other_way_round(file: Path, url: str) -> None:
    move(file, url)
    move(file, url, back=True)

    with pytest.raises(DatabaseUnusable, match=r'to "" to go on there, or give store\.url an empty'):
        open_server(url, NOW, print)
    db = open_file(file, NOW, print)
    assert record_restore(db, NOW) is None
    db.close()
    (aside,) = file.parent.glob("*.moved-*")
    with pytest.raises(DatabaseUnusable, match="moved to the database"):
        open_file(aside, NOW, print)


def test_nothing_is_merged_or_written_over(file: Path, url: str) -> None:
    move(file, url)
    before = rows_of_server(url)

    with pytest.raises(MoveFailed, match=r"moved to the database .*: nothing is left to do"):
        move(file, url)
    change_file(file, "DELETE FROM setting WHERE name = 'move'")
    with pytest.raises(MoveFailed, match=r"\d+ subscriptions, \d+ changes, the last of 20.*empty one"):
        move(file, url)
    with pytest.raises(MoveFailed, match=r"subscriptions.*move it away"):
        move(file, url, back=True)

    assert rows_of_server(url) == before
    assert rows_of_file(file) == before


def test_what_moved_away_from_a_server_is_not_written_over_there(file: Path, url: str) -> None:
    move(file, url)
    move(file, url, back=True)

    with pytest.raises(MoveFailed, match=r"has what moved to the file .* on here .*empty one"):
        move(file, url)


def test_an_unfinished_move_of_another_file_is_left_alone(files: list[Path], file: Path, url: str) -> None:
    other = next(path for path in files if path != file)
    with pytest.raises(MoveFailed):
        move(file, url, steps=60)
    arrived = rows_of_server(url)

    with pytest.raises(MoveFailed, match=rf"a part of what the file {file} on here has.*finish that one"):
        move(other, url)
    with pytest.raises(MoveFailed, match=r"only a part of what the file.*finish the move"):
        move(other.with_name("new.sqlite3"), url, back=True)

    assert rows_of_server(url) == arrived


def test_from_a_server_that_has_nothing_nothing_comes_back(file: Path, make_url: Callable[[], str]) -> None:
    move(file, make_url())

    with pytest.raises(MoveFailed, match="has no data of a bot"):
        move(file, make_url(), back=True)

    assert not list(file.parent.glob("*.moved-*"))


def test_without_a_file_nothing_is_begun(tmp_path: Path, url: str) -> None:
    with pytest.raises(DatabaseUnusable, match="there is no database"):
        move(tmp_path / "none.sqlite3", url)


def test_while_a_bot_has_the_file_nothing_moves_and_while_it_moves_no_bot_has_it(
    file: Path, url: str
) -> None:
    lock = DirectoryLock(file.parent)
    for back in (False, True):
        with pytest.raises(DirectoryHeld, match=r"stop it first$"):
            move(file, url, back=back)
    lock.release()

    with open_sides(file, url, "here", NOW, back=False), pytest.raises(DirectoryHeld):
        DirectoryLock(file.parent)


SEEN = "INSERT INTO replica VALUES ('a', 'db1:8080', '1', 0, {}, 0, '', NULL)"
LEASE = "UPDATE lease SET replica_id = 'a', until = {} WHERE role = 'sender'"
SERVER_NOW = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"


@pytest.mark.parametrize(
    ("statements", "who"),
    [
        ([SEEN.format(f"{SERVER_NOW} - 5000")], "db1:8080"),
        ([SEEN.format("0"), LEASE.format(f"{SERVER_NOW} + 19000")], "db1:8080"),
    ],
)
def test_while_a_replica_was_seen_lately_or_may_have_a_role_nothing_moves(
    file: Path, url: str, statements: list[str], who: str
) -> None:
    move(file, url)
    change_server(url, *statements)

    with pytest.raises(DatabaseInUse, match=rf"\({who}\): stop every replica"):
        move(file, url, back=True)

    assert not list(file.parent.glob("*.moved-*"))
    open_server(url, NOW, print).close()


def test_a_replica_that_ended_long_ago_keeps_nothing(file: Path, url: str) -> None:
    move(file, url)
    change_server(url, SEEN.format(f"{SERVER_NOW} - 15000"), LEASE.format(f"{SERVER_NOW} - 1"))

    move(file, url, back=True)


def test_a_replica_that_was_frozen_writes_nothing_once_the_data_is_elsewhere(file: Path, url: str) -> None:
    move(file, url)
    change_server(url, LEASE.format("0"))
    epoch = of_server(url, "SELECT epoch FROM lease WHERE role = 'sender'")
    frozen = open_server(url, NOW, print)
    assert isinstance(epoch, int)
    with frozen.unit(Fence("sender", epoch)), frozen.transaction():
        pass

    move(file, url, back=True)

    with pytest.raises(RoleLost), frozen.unit(Fence("sender", epoch)), frozen.transaction():
        pass
    for work in (
        partial(take, role=Role.SENDER, replica_id="a"),
        partial(
            renew_all,
            me=Replica("a", "a", "1"),
            epochs={},
            ended={},
            clock=CLOCK,
            troubles="",
        ),
    ):
        with pytest.raises(DatabaseUnusable, match="moved to the file"), frozen.unit(None):
            work(frozen)
    frozen.close()


def test_roles_are_free_where_the_data_is(file: Path, url: str) -> None:
    move(file, url)

    assert of_server(url, f"SELECT max(until) <= {SERVER_NOW} AND count(*) = 4 FROM lease") is True


def test_of_two_moves_from_one_server_only_the_later_one_ends(file: Path, url: str, tmp_path: Path) -> None:
    move(file, url)
    other = tmp_path / "other" / "bot.sqlite3"
    with open_sides(file, url, "here", NOW, back=True) as (source, target):
        steps: list[str] = []

        def report(_: int, __: int, what: str) -> None:
            steps.append(what)
            if len(steps) == 5:
                move(other, url, back=True)

        with pytest.raises(MoveFailed, match=r"another move of .* has begun"):
            move_all(source, target, NOW_MS, report=report)

    with pytest.raises(DatabaseUnusable):
        open_file(file, NOW, print)
    open_file(other, NOW, print).close()


def holds_again_within_a_table(path: Path, url: str, seconds: float) -> bool:
    """Move back by a clock that goes on so far with each look; say whether it was held while it compared."""
    reached: list[str] = []
    held = []

    def let_go_of() -> None:
        if "comparing" in "".join(reached[-1:]):
            held.append((reached[-1], of_server(url, HELD_UNTIL)))
            change_server(url, A_MINUTE_LATER[1])

    move(path, url, back=True, rows_at_once=2, reached=reached, between=let_go_of, monotonic=clock(seconds))

    pairs = list(pairwise(held))
    within = [until for (before, _), (step, until) in pairs if before == step]
    return bool(within) and "0" not in within


HELD_UNTIL = """SELECT substring(value FROM '"at":([0-9]+)') FROM setting WHERE name = 'move'"""


def clock(seconds: float) -> Callable[[], float]:
    """Return a clock that goes on so far with each look at it."""
    return (number * seconds for number in count()).__next__


def test_a_server_is_held_on_to_while_a_table_is_compared_and_not_for_each_slice(
    file: Path, make_url: Callable[[], str], tmp_path: Path
) -> None:
    for seconds in (11, 0):
        path, url = shutil.copytree(file.parent, tmp_path / f"by {seconds}") / file.name, make_url()
        move(path, url)
        assert holds_again_within_a_table(path, url, seconds) is (seconds == 11)


def test_what_a_bot_wrote_while_the_move_stood_still_is_not_left_behind(file: Path, url: str) -> None:
    move(file, url)
    last = f"comparing {moving_tables()[-1].name}"
    reached: list[str] = []
    ran: list[str] = []

    def run_a_bot() -> None:
        if reached and reached[-1] == last and not ran:
            ran.append(last)
            change_server(url, *A_MINUTE_LATER, "UPDATE chat SET title = 'Renamed'")
            bot = open_server(url, NOW, print)
            with bot.unit(None):
                assert take(bot, Role.SENDER, "a")
            bot.close()

    with pytest.raises(MoveFailed, match=r"a bot has run over .* meanwhile, and nothing is lost"):
        move(file, url, back=True, reached=reached, between=run_a_bot)
    with pytest.raises(DatabaseUnusable, match="finish that"):
        open_file(file, NOW, print)
    change_server(url, *A_MINUTE_LATER)
    open_server(url, NOW, print).close()

    move(file, url, back=True)

    assert {row["title"] for row in rows_of_file(file)["chat"]} == {"Renamed"}
    assert rows_of_file(file) == rows_of_server(url)


def test_a_bot_that_takes_a_role_as_the_move_ends_is_waited_for(file: Path, url: str) -> None:
    move(file, url)
    with open_sides(file, url, "here", NOW, back=True) as (source, target), psycopg.connect(url) as bot:
        source.db.set_patience(0.1)

        def report(_: int, __: int, what: str) -> None:
            if what == f"comparing {moving_tables()[-1].name}":
                bot.execute("UPDATE lease SET epoch = epoch + 1, replica_id = 'a' WHERE role = 'sender'")

        with pytest.raises(MoveFailed, match="others held the database"):
            move_all(source, target, NOW_MS, report=report)
        bot.rollback()
    change_server(url, *A_MINUTE_LATER)
    open_server(url, NOW, print).close()


def test_tables_stand_behind_those_that_they_refer_to() -> None:
    tables = all_tables()
    places = {table.name: place for place, table in enumerate(tables)}

    assert all(
        places[other] < places[table.name] for table in tables for other in table.refers_to - {table.name}
    )


async def test_a_replica_that_runs_when_the_data_begins_to_leave_ends_and_says_so(url: str) -> None:
    db = await DatabaseThread.open(url, replica="a", patience_seconds=0.5)

    async def work(_: Tenure) -> None:
        await db.run(write_mark, replace(LEAVING, at=2**60))
        await asyncio.Event().wait()

    keeper = RoleKeeper(
        db,
        Replica("a", "db1:8080", "1"),
        dict.fromkeys(Role, work),
        clock=CLOCK,
        join=lambda db: check_in(db, Replica("a", "db1:8080", "1"), db.now_ms()),
        monotonic=time.monotonic,
    )
    with pytest.raises(DatabaseInUse, match="is being moved to there: wait for the end"):
        await asyncio.wait_for(keeper.run(asyncio.Event()), HANG_SECONDS)
    await db.close()


async def test_one_that_begins_once_that_was_killed_a_minute_ago_works_as_ever(url: str) -> None:
    db = await DatabaseThread.open(url, replica="a", patience_seconds=0.5)
    works = asyncio.Event()

    async def work(_: Tenure) -> None:
        works.set()
        await asyncio.Event().wait()

    await db.run(write_mark, LEAVING)
    keeper = RoleKeeper(
        db,
        Replica("a", "db1:8080", "1"),
        dict.fromkeys(Role, work),
        clock=CLOCK,
        join=lambda db: check_in(db, Replica("a", "db1:8080", "1"), db.now_ms()),
        monotonic=time.monotonic,
    )
    stop = asyncio.Event()
    running = asyncio.create_task(keeper.run(stop))
    await asyncio.wait_for(works.wait(), HANG_SECONDS)
    stop.set()
    await running
    await db.close()


LEAVING = MoveMark(state=MoveState.LEAVING, here="here", other="there", is_server=True, source="2026", at=1)

CLOCK = DatabaseClock(lambda: NOW, time.monotonic)
