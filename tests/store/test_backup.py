"""Copies of the database: made while it is in use, whole or not there, and what starting with one means."""

import shutil
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from datetime import time, timedelta
from pathlib import Path

import pytest

from bot.domain.deliver.alerts import ChangeAlert, NoticeAlert, Restored
from bot.domain.rules.quiet import QuietHours
from bot.store.chats import button_commands, mutes
from bot.store.chats.rules import quiet
from bot.store.database.connection import DatabaseThread
from bot.store.database.copy import CopyFailed, copy_database, open_to_read
from bot.store.maintenance import backup
from bot.store.maintenance.backup import copy_of_today
from bot.store.polling import chains
from tests.builders import NOON, USDC, at, reading
from tests.new_database import sqlite_of
from tests.store.conftest import OLGA, OPS, Keeper, olga

TOMORROW = NOON + timedelta(days=1)


def go_on() -> bool:
    return False


def copied(keeper: Keeper, name: str = "copy.sqlite3") -> Path:
    target = keeper.path.parent / name
    copy_database(keeper.path, target, NOON, go_on)
    return target


def settings_in(path: Path) -> dict[str, str]:
    with closing(open_to_read(path)) as db:
        return dict(db.execute("SELECT name, value FROM setting"))


def entries(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


@pytest.fixture
async def used(keeper: Keeper) -> Keeper:
    """Use a database: something stands in its log alone. It is a file: a server makes its own copies."""
    assert keeper.path.exists()
    await keeper.script("INSERT INTO setting (name, value) VALUES ('a', 'b')")
    return keeper


# ---------------------------------------------------------------- one copy


async def test_a_copy_holds_what_was_committed_though_it_stands_in_the_log(used: Keeper) -> None:
    log = used.path.with_name(f"{used.path.name}-wal")
    assert log.stat().st_size > 0

    copy = copied(used)

    assert settings_in(copy)["a"] == "b"
    assert not {name for name in entries(copy.parent) if name.startswith("copy") and name != copy.name}


async def test_a_copy_lacks_what_is_not_committed(used: Keeper) -> None:
    await used.db.run(lambda db: sqlite_of(db).execute("BEGIN IMMEDIATE").close())
    await used.db.run(
        lambda db: sqlite_of(db).execute("UPDATE setting SET value = 'c' WHERE name = 'a'").close()
    )

    copy = copied(used)

    assert settings_in(copy)["a"] == "b"
    await used.db.run(lambda db: sqlite_of(db).rollback())


async def test_a_copy_can_be_read_by_its_owner_only_and_is_one_file(used: Keeper) -> None:
    copy = copied(used)

    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with closing(sqlite3.connect(copy)) as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("delete",)


async def test_a_copy_opens_as_a_database_of_ours(used: Keeper) -> None:
    db = await DatabaseThread.open(copied(used))

    assert await db.run(chains.remembered_chains) == frozenset()
    await db.close()


def nothing(_: Path) -> None:
    pass


def make_it(target: Path) -> None:
    target.write_bytes(b"precious")


def make_a_link(target: Path) -> None:
    target.symlink_to(target.with_name("bot.sqlite3"))


@pytest.mark.parametrize(
    ("prepare", "name", "words"),
    [
        (make_it, "copy.sqlite3", "exists"),
        (make_a_link, "copy.sqlite3", "exists"),
        (nothing, "nowhere/copy.sqlite3", "does not exist"),
    ],
)
async def test_a_copy_is_refused_where_it_could_do_harm(
    used: Keeper, prepare: Callable[[Path], None], name: str, words: str
) -> None:
    target = used.path.parent / name
    prepare(target)
    before = {path.name: path.stat().st_size for path in used.path.parent.iterdir()}

    with pytest.raises(CopyFailed, match=words):
        copy_database(used.path, target, NOON, go_on)

    assert {path.name: path.stat().st_size for path in used.path.parent.iterdir()} == before


def test_what_is_not_there_is_not_copied(tmp_path: Path) -> None:
    with pytest.raises(CopyFailed, match="no database"):
        copy_database(tmp_path / "bot.sqlite3", tmp_path / "copy.sqlite3", NOON, go_on)
    assert entries(tmp_path) == set()


async def test_a_damaged_database_makes_no_copy_and_leaves_nothing_behind(used: Keeper) -> None:
    await used.script(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)"
        " INSERT INTO account (address) SELECT randomblob(20) FROM n"
    )
    damaged = copied(used, "damaged.sqlite3")
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 65_536] = b"\xff" * 65_536
    damaged.write_bytes(content)

    with pytest.raises(CopyFailed, match=r"damaged"):
        copy_database(damaged, used.path.with_name("copy.sqlite3"), NOON, go_on)

    assert not {name for name in entries(used.path.parent) if "copy" in name}


async def test_a_copy_that_is_not_sound_does_not_count(used: Keeper) -> None:
    await used.watch()
    await used.script(
        "PRAGMA ignore_check_constraints = ON;"
        "INSERT INTO alert (destination_id, label, state, created_at)"
        " SELECT id, '', 'told', 0 FROM destination"
    )

    with pytest.raises(CopyFailed, match=r"damaged \(CHECK constraint failed in alert\)"):
        copied(used)

    assert not {name for name in entries(used.path.parent) if "copy" in name}


async def test_what_is_opened_to_be_read_cannot_be_written(used: Keeper) -> None:
    with closing(open_to_read(used.path)) as db, pytest.raises(sqlite3.OperationalError, match="readonly"):
        db.execute("DELETE FROM setting")


@pytest.mark.parametrize("content", [b"no database, but many words\n" * 100, b""])
def test_what_is_no_database_is_not_copied(tmp_path: Path, content: bytes) -> None:
    source = tmp_path / "bot.sqlite3"
    source.write_bytes(content)

    with pytest.raises(CopyFailed, match=r"no database|something else"):
        copy_database(source, tmp_path / "copy.sqlite3", NOON, go_on)

    assert entries(tmp_path) == {"bot.sqlite3"}


async def test_a_copy_that_is_given_up_leaves_nothing_behind(used: Keeper) -> None:
    await used.script(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)"
        " INSERT INTO account (address) SELECT randomblob(20) FROM n"
    )

    with pytest.raises(CopyFailed, match="asked to stop"):
        copy_database(used.path, used.path.with_name("copy.sqlite3"), NOON, lambda: True)

    assert not {name for name in entries(used.path.parent) if "copy" in name}


# ---------------------------------------------------------------- day by day


async def test_the_newest_copies_are_kept_and_what_is_not_ours_is_left_alone(
    used: Keeper, tmp_path: Path
) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    others = {"bot-20260301T000000Z.sqlite3.bak", "other-20260301T000000Z.sqlite3", "bot-holiday.sqlite3"}
    for name in others:
        (folder / name).touch()

    days = [NOON + timedelta(days=day) for day in range(5)]
    made = [copy_of_today(used.path, folder, 3, day, go_on).name for day in days]

    assert entries(folder) == others | set(made[-3:])
    assert made[0] == "bot-20260301T120000Z.sqlite3"


async def test_what_a_killed_program_left_of_a_copy_is_cleared_away(used: Keeper, tmp_path: Path) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    left = ".bot-20260201T000000Z.sqlite3.a1b2_3c4"
    others = {".other-20260201T000000Z.sqlite3.a1b2_3c4", ".bot.sqlite3"}
    for name in (left, f"{left}-journal", *others):
        (folder / name).touch()

    made = copy_of_today(used.path, folder, 3, NOON, go_on)

    assert entries(folder) == {made.name, *others}


async def test_a_copy_that_fails_costs_no_older_one(used: Keeper, tmp_path: Path) -> None:
    folder = tmp_path / "copies"
    folder.mkdir()
    first = copy_of_today(used.path, folder, 1, NOON, go_on)

    with pytest.raises(CopyFailed):
        copy_of_today(tmp_path / "gone.sqlite3", folder, 1, TOMORROW, go_on)

    assert entries(folder) == {first.name}


# ---------------------------------------------------------------- going on from a copy


async def restored(keeper: Keeper) -> None:
    """Lose the database and put the copy in its place."""
    copy = copied(keeper)
    await keeper.db.close()
    for name in entries(keeper.path.parent) - {copy.name}:
        (keeper.path.parent / name).unlink()
    shutil.move(copy, keeper.path)
    keeper.db = await DatabaseThread.open(keeper.path)


async def test_who_goes_on_from_a_copy_says_so_to_all_concerned_once(keeper: Keeper) -> None:
    await keeper.apply_configuration([OPS.chat_id, -1002], [OLGA.chat_id])
    await keeper.allow(OPS)
    await keeper.watch(place=OPS)
    await restored(keeper)

    assert await keeper.db.run(backup.record_restore, TOMORROW) == NOON
    assert await keeper.db.run(backup.record_restore, TOMORROW) is None

    assert await keeper.notices(OPS) == [Restored(NOON)]
    assert await keeper.notices(OLGA) == [Restored(NOON)]
    assert await keeper.value("SELECT count(*) FROM alert WHERE notice LIKE '%restored%'") == 2


async def test_a_copy_of_a_copy_tells_of_the_later_one(keeper: Keeper) -> None:
    await keeper.apply_configuration([], [OLGA.chat_id])
    await restored(keeper)
    second = keeper.path.with_name("second.sqlite3")
    copy_database(keeper.path, second, TOMORROW, go_on)

    assert settings_in(second)["copied_at"] == str(int(TOMORROW.timestamp() * 1000))


async def test_who_goes_on_from_its_own_database_says_nothing(keeper: Keeper) -> None:
    await keeper.apply_configuration([], [OLGA.chat_id])
    copied(keeper)
    await keeper.reopen()

    assert await keeper.db.run(backup.record_restore, TOMORROW) is None
    assert await keeper.notices(OLGA) == []


async def test_no_message_id_comes_twice_though_the_copy_does_not_know_which_were_given(
    keeper: Keeper,
) -> None:
    await keeper.apply_configuration([], [OLGA.chat_id])
    await keeper.watch()
    await keeper.record(reading({USDC: 5}, native=100))
    (before,) = await keeper.deliver_all()
    await restored(keeper)

    await keeper.db.run(backup.record_restore, at(3600))

    (after,) = await keeper.deliver_all(TOMORROW)
    assert after.id > before.id + 3600 * 25


async def test_a_copy_from_the_future_is_no_reason_to_stumble(keeper: Keeper) -> None:
    await restored(keeper)

    assert await keeper.db.run(backup.record_restore, NOON - timedelta(days=1)) == NOON
    assert await keeper.value("SELECT seq > 0 FROM sqlite_sequence WHERE name = 'delivery'")


async def test_no_button_of_after_the_copy_means_something_else_now(keeper: Keeper) -> None:
    await keeper.watch()
    await restored(keeper)

    await keeper.db.run(backup.record_restore, at(3600))
    (offer,) = await keeper.db.run(button_commands.save_button_commands, OLGA, ["/list"], at(3600))
    (muted,) = (await keeper.db.run(mutes.mute, OLGA, (), timedelta(hours=1), olga(at(3600)))).mutes

    assert offer > 3600 * 25
    assert muted.row > 3600 * 25


async def test_quiet_hours_of_a_copy_are_judged_anew_by_what_time_it_is(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.record(reading({USDC: 5}))
    await keeper.deliver_all()
    await keeper.db.run(quiet.set_quiet, OLGA, QuietHours(time(11), time(13)), olga(), "")
    await keeper.record(reading({USDC: 6}))
    await restored(keeper)

    await keeper.db.run(backup.record_restore, at(1800))
    await keeper.outbox(at(1800))
    assert [one.until for one in (await keeper.db.run(mutes.muted_here, OLGA)).mutes] == [at(3600)]
    await keeper.outbox(at(3600))

    assert (await keeper.db.run(mutes.muted_here, OLGA)).mutes == ()
    told = await keeper.alerts(OLGA)
    assert [one.change.after.amount_raw for one in told if isinstance(one, ChangeAlert)] == [6]


async def test_a_mute_of_the_time_of_the_copy_is_over(keeper: Keeper) -> None:
    await keeper.watch()
    await keeper.record(reading({USDC: 5}))
    await keeper.deliver_all()
    await keeper.db.run(mutes.mute, OLGA, (), timedelta(days=30), olga())
    await restored(keeper)

    await keeper.db.run(backup.record_restore, at(3600))
    await keeper.record(reading({USDC: 6}), when=at(3600))

    told = await keeper.alerts(OLGA)
    assert [one.notice for one in told if isinstance(one, NoticeAlert)] == [Restored(NOON)]
    assert [one.change.after.amount_raw for one in told if isinstance(one, ChangeAlert)] == [6]
