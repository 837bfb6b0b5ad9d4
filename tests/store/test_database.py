import asyncio
import sqlite3
import stat
import threading
from contextlib import suppress
from pathlib import Path

import pytest
import sqlite_utils
from sqlite_utils.migrations import Migrations

from bot.store.database import file, schema
from bot.store.database.connection import DatabaseThread
from bot.store.database.copy import copy_database
from bot.store.database.door import Database
from bot.store.database.errors import DatabaseUnavailable, DatabaseUnusable, DirectoryHeld, StoreError
from bot.store.database.file import DirectoryLock
from bot.store.database.inspect import look_at_database
from bot.store.database.schema import migrations
from tests.builders import NOON
from tests.new_database import sqlite_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bot.sqlite3"


@pytest.fixture
def two_migrations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Add a migration that can be made to fail, and tell which ones ran."""
    ran: list[str] = []
    later = only_the_first(ran)

    @later()
    def m002_more(db: sqlite_utils.Database) -> None:
        ran.append("second")
        db.execute("CREATE TABLE more (id INTEGER) STRICT")
        db.execute("INSERT INTO setting (name, value) VALUES ('more', 'yes')")
        if "fail" in ran:
            raise sqlite3.OperationalError("on purpose")

    monkeypatch.setattr(file, "migrations", later)
    monkeypatch.setattr("bot.store.database.tables.migrations", later)
    return ran


def only_the_first(ran: list[str]) -> Migrations:
    """Return the migrations of the first release, which tell that they ran."""
    first = Migrations(migrations.name)

    @first()
    def m001_accounts_outbox_and_chats(db: sqlite_utils.Database) -> None:
        ran.append("first")
        schema.m001_accounts_outbox_and_chats(db)

    return first


async def opened(path: Path) -> DatabaseThread:
    return await DatabaseThread.open(path)


async def pragma(thread: DatabaseThread, name: str) -> object:
    return await thread.run(lambda db: db.execute(f"PRAGMA {name}").fetchone()[0])


async def tables(path: Path) -> set[str]:
    db = sqlite3.connect(path)
    names = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    db.close()
    return names


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def fill(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def damage(path: Path) -> None:
    """Overwrite two pages in the middle."""
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2 : len(damaged) // 2 + 8192] = b"\xff" * 8192
    path.write_bytes(damaged)


def lose_but_for_its_log(path: Path, log: bytes) -> None:
    path.unlink()
    path.with_name(path.name + "-wal").write_bytes(log)


# ---------------------------------------------------------------- how it is opened


async def test_commits_survive_a_power_cut_and_keys_are_checked(path: Path) -> None:
    thread = await opened(path)

    assert await pragma(thread, "journal_mode") == "wal"
    assert await pragma(thread, "synchronous") == 2
    assert await pragma(thread, "foreign_keys") == 1
    await thread.close()


async def test_pages_take_a_megabyte_of_memory_however_long_it_is_used(path: Path) -> None:
    thread = await opened(path)

    assert await pragma(thread, "cache_size") == -1000
    await thread.close()


async def test_a_row_that_refers_to_nothing_is_refused(path: Path) -> None:
    thread = await opened(path)

    with pytest.raises(sqlite3.IntegrityError):
        await thread.run(lambda db: db.execute("INSERT INTO destination (chat_id, thread_id) VALUES (99, 0)"))
    await thread.close()


async def test_only_the_owner_of_the_files_may_read_them(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    lock = DirectoryLock(directory)
    thread = await opened(directory / "bot.sqlite3")
    await thread.run(lambda db: db.execute("INSERT INTO setting (name, value) VALUES ('a', 'b')"))

    assert mode(directory) == 0o700
    files = sorted(directory.iterdir())
    assert {file.name for file in files} >= {"balance-bot.lock", "bot.sqlite3", "bot.sqlite3-wal"}
    assert {mode(file) for file in files} == {0o600}
    await thread.close()
    lock.release()


# ---------------------------------------------------------------- what is refused


async def test_an_empty_file_is_refused_and_stays_as_it_is(path: Path) -> None:
    fill(path, b"")

    with pytest.raises(DatabaseUnusable, match="is empty"):
        await opened(path)
    assert content(path) == b""


async def test_garbage_is_refused_and_stays_as_it_is(path: Path) -> None:
    fill(path, b"not a database" * 1000)

    with pytest.raises(DatabaseUnusable, match="not a database"):
        await opened(path)
    assert content(path) == b"not a database" * 1000


@pytest.mark.parametrize("version", [(3, 37, 0), (3, 46, 1)])
async def test_a_sqlite_that_is_new_enough_is_taken(
    path: Path, version: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", version)
    await (await opened(path)).close()
    assert look_at_database(path) is not None


async def test_an_old_sqlite_is_refused_before_a_file_is_made(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 36, 0))
    monkeypatch.setattr(sqlite3, "sqlite_version", "3.36.0")
    with pytest.raises(DatabaseUnusable, match=r"SQLite 3\.36\.0, and 3\.37\.0 or later is needed"):
        await opened(path)
    with pytest.raises(DatabaseUnusable, match="or later is needed"):
        look_at_database(path)
    assert content(path) is None


async def test_a_damaged_file_is_refused(path: Path) -> None:
    thread = await opened(path)
    await thread.run(add_accounts, 5000)
    await thread.close()
    damage(path)

    with pytest.raises(DatabaseUnusable, match=r"damaged|malformed"):
        await opened(path)


async def test_an_undamaged_file_is_opened_again_with_what_it_held(path: Path) -> None:
    thread = await opened(path)
    await thread.run(lambda db: db.execute("INSERT INTO setting (name, value) VALUES ('a', 'b')"))
    await thread.close()

    thread = await opened(path)

    kept = await thread.run(lambda db: db.execute("SELECT value FROM setting WHERE name = 'a'").fetchone())
    assert kept == ("b",)
    await thread.close()


async def test_a_database_of_another_program_is_refused_and_gets_no_tables_of_ours(path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE recipe (id INTEGER)")
    other.commit()
    other.close()

    with pytest.raises(DatabaseUnusable, match="something else"):
        await opened(path)
    assert await tables(path) == {"recipe"}


async def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnusable):
        await opened(tmp_path / "nowhere" / "bot.sqlite3")


async def test_what_a_lost_database_left_in_its_log_is_not_played_into_a_new_one(path: Path) -> None:
    thread = await opened(path)
    await thread.run(lambda db: db.execute("INSERT INTO setting (name, value) VALUES ('a', 'b')"))
    log = content(path.with_name(path.name + "-wal"))
    assert log
    await thread.close()
    lose_but_for_its_log(path, log)

    with pytest.raises(DatabaseUnusable, match="-wal is there"):
        await opened(path)
    assert content(path) is None


async def test_a_log_that_belongs_to_another_database_is_not_played_into_a_copy(path: Path) -> None:
    thread = await opened(path)
    await thread.run(lambda db: db.execute("INSERT INTO setting (name, value) VALUES ('a', 'b')"))
    copy, log = path.with_name("copy.sqlite3"), path.with_name(path.name + "-wal")
    copy_database(path, copy, NOON, lambda: False)
    strange_log = content(log)
    assert strange_log
    await thread.close()
    fill(path, content(copy) or b"")
    fill(log, strange_log)

    with pytest.raises(DatabaseUnusable, match=r"belongs to another database.*move bot.sqlite3-wal and"):
        await opened(path)
    assert content(log) == strange_log


async def test_the_log_of_a_bot_that_was_killed_is_its_own(path: Path) -> None:
    thread = await opened(path)
    await thread.run(lambda db: db.execute("INSERT INTO setting (name, value) VALUES ('a', 'b')"))
    killed = path.with_name("killed")
    killed.mkdir()
    for name in (path.name, f"{path.name}-wal"):
        fill(killed / name, content(path.with_name(name)) or b"")
    await thread.close()

    thread = await opened(killed / path.name)

    assert await thread.run(lambda db: db.execute("SELECT value FROM setting").fetchall()) == [("b",)]
    await thread.close()


async def test_an_empty_log_is_no_reason_to_refuse(path: Path) -> None:
    fill(path.with_name(path.name + "-wal"), b"")

    await (await opened(path)).close()


async def test_a_file_that_was_cut_is_refused(path: Path) -> None:
    await (await opened(path)).close()
    fill(path, (content(path) or b"")[:-40_000])

    with pytest.raises(DatabaseUnusable, match=r"damaged.*restore a backup"):
        await opened(path)


async def test_a_disk_without_room_is_refused_with_a_word_of_comfort(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await (await opened(path)).close()

    def full(_: sqlite_utils.Database) -> None:
        small = sqlite3.connect(":memory:")
        small.execute("PRAGMA max_page_count = 1")
        try:
            small.execute("CREATE TABLE a (x)")
        finally:
            small.close()

    monkeypatch.setattr(sqlite_utils.Database, "enable_wal", full)
    with pytest.raises(DatabaseUnusable, match=r"the disk is full: make room; nothing is lost"):
        await opened(path)


# ---------------------------------------------------------------- making and migrating


async def test_a_half_made_database_never_stands_in_its_place(path: Path, two_migrations: list[str]) -> None:
    two_migrations.append("fail")

    with pytest.raises(DatabaseUnusable, match="on purpose"):
        await opened(path)
    assert content(path) is None

    two_migrations.remove("fail")
    thread = await opened(path)
    assert await thread.run(lambda db: db.execute("SELECT value FROM setting").fetchall()) == [("yes",)]
    await thread.close()


async def test_migrations_run_once(path: Path, two_migrations: list[str]) -> None:
    for _ in range(3):
        await (await opened(path)).close()

    assert two_migrations == ["first", "second"]


async def test_a_migration_that_fails_leaves_the_database_as_it_was(
    path: Path, two_migrations: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as before:
        before.setattr(file, "migrations", only_the_first([]))
        await (await opened(path)).close()
    two_migrations.append("fail")
    db = sqlite3.connect(path)
    applied = db.execute("SELECT name FROM _sqlite_migrations").fetchall()

    with pytest.raises(DatabaseUnusable, match="on purpose"):
        await opened(path)

    assert "more" not in await tables(path)
    assert db.execute("SELECT count(*) FROM setting").fetchone() == (0,)
    assert db.execute("SELECT name FROM _sqlite_migrations").fetchall() == applied
    db.close()


# ---------------------------------------------------------------- one instance


def test_a_second_instance_is_told_that_the_directory_is_held(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path)

    with pytest.raises(DirectoryHeld, match="another instance"):
        DirectoryLock(tmp_path)
    lock.release()


def test_the_next_instance_may_enter_when_the_first_has_left(tmp_path: Path) -> None:
    DirectoryLock(tmp_path).release()

    DirectoryLock(tmp_path).release()


def test_a_directory_that_cannot_be_made_is_unusable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(DatabaseUnusable, match="can't be used"):
        DirectoryLock(tmp_path / "file" / "data")


@pytest.mark.parametrize(
    ("bits", "who"),
    [(0o777, "everybody"), (0o1777, "everybody"), (0o770, "its group"), (0o2775, "its group"), (0o755, "")],
)
def test_a_directory_into_which_everybody_may_write_is_refused(tmp_path: Path, bits: int, who: str) -> None:
    directory = tmp_path / "data"
    directory.mkdir()
    directory.chmod(bits)

    if who:
        with pytest.raises(DatabaseUnusable, match=rf"{who} may write.*chmod 700"):
            DirectoryLock(directory)
        assert list(directory.iterdir()) == []
    else:
        DirectoryLock(directory).release()


def test_a_lock_that_leads_elsewhere_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "balance-bot.lock").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(DatabaseUnusable, match="can't be used"):
        DirectoryLock(tmp_path / "data")
    assert not (tmp_path / "elsewhere").exists()


def test_all_refusals_have_one_base() -> None:
    assert issubclass(DatabaseUnusable, StoreError)
    assert issubclass(DirectoryHeld, StoreError)


# ---------------------------------------------------------------- units of work


def add_accounts(db: Database, count: int) -> None:
    with db.transaction():
        db.insert_many("account", ["address"], [(bytes([n % 256, n // 256] * 10),) for n in range(count)])


def put(db: Database, name: str) -> None:
    db.execute("INSERT INTO setting (name, value) VALUES (?, 'x')", [name])


def names(db: Database) -> list[str]:
    return [name for (name,) in db.execute("SELECT name FROM setting ORDER BY name")]


async def test_all_work_is_done_in_one_thread(path: Path) -> None:
    thread = await opened(path)

    threads = await asyncio.gather(*(thread.run(lambda _: threading.get_ident()) for _ in range(20)))

    assert len(set(threads)) == 1
    assert threads[0] != threading.get_ident()
    await thread.close()


async def test_units_of_work_never_mix(path: Path) -> None:
    thread = await opened(path)

    def count_up(db: Database) -> None:
        with db.transaction():
            (count,) = db.execute("SELECT count(*) FROM setting").fetchone()
            put(db, f"{count:03}")

    await asyncio.gather(*(thread.run(count_up) for _ in range(50)))

    assert await thread.run(names) == [f"{count:03}" for count in range(50)]
    await thread.close()


async def test_a_unit_of_work_whose_caller_gives_up_is_done_whole(path: Path) -> None:
    thread = await opened(path)
    has_begun, may_go_on = threading.Event(), threading.Event()

    def work(db: Database) -> None:
        with db.transaction():
            put(db, "first")
            has_begun.set()
            assert may_go_on.wait(10)
            put(db, "second")

    caller = asyncio.create_task(thread.run(work))
    await asyncio.to_thread(has_begun.wait, 10)
    caller.cancel()
    with suppress(asyncio.CancelledError):
        await caller
    may_go_on.set()

    assert await thread.run(names) == ["first", "second"]
    await thread.close()


async def test_a_unit_of_work_whose_caller_gave_up_before_it_began_is_done_as_well(path: Path) -> None:
    thread = await opened(path)
    may_go_on = threading.Event()
    blocking = asyncio.create_task(thread.run(lambda _: may_go_on.wait(10)))
    caller = asyncio.create_task(thread.run(put, "queued"))
    await asyncio.sleep(0)
    caller.cancel()
    with suppress(asyncio.CancelledError):
        await caller
    may_go_on.set()
    await blocking

    assert await thread.run(names) == ["queued"]
    await thread.close()


async def test_an_error_inside_takes_everything_back_and_leaves_no_transaction_open(path: Path) -> None:
    thread = await opened(path)

    def work(db: Database) -> None:
        with db.transaction():
            put(db, "first")
            put(db, "first")

    with pytest.raises(sqlite3.IntegrityError):
        await thread.run(work)

    assert await thread.run(names) == []
    assert not await thread.run(lambda db: sqlite_of(db).in_transaction)
    await thread.run(put, "later")
    assert await thread.run(names) == ["later"]
    await thread.close()


async def test_a_database_held_by_a_stranger_is_an_error_and_no_half_done_work(path: Path) -> None:
    thread = await opened(path)
    await thread.run(lambda db: db.execute("PRAGMA busy_timeout = 1"))
    stranger = sqlite3.connect(path)
    stranger.execute("BEGIN IMMEDIATE")

    def work(db: Database) -> None:
        with db.transaction():
            put(db, "first")

    with pytest.raises(DatabaseUnavailable, match="another program holds it"):
        await thread.run(work)
    stranger.rollback()
    stranger.close()

    await thread.run(work)
    assert await thread.run(names) == ["first"]
    await thread.close()


async def test_closing_finishes_what_was_begun(path: Path) -> None:
    thread = await opened(path)
    writing = [asyncio.create_task(thread.run(put, f"{number:02}")) for number in range(20)]
    await asyncio.sleep(0)

    await thread.close()
    await asyncio.gather(*writing)

    thread = await opened(path)
    assert len(await thread.run(names)) == 20
    await thread.close()
