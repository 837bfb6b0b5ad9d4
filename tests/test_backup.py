"""`balance-bot backup`, and a bot that goes on from what it made."""

import re
import shutil
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.store.database.connection import DatabaseThread
from bot.store.database.copy import open_to_read
from tests.chat.reading import moves
from tests.program import Ran, ran, started
from tests.stack import ACCOUNT, DAI, ETHEREUM, POLYGON, USDC_POLYGON, Stack, open_stack
from tests.waits import until

pytestmark = pytest.mark.about_the_file


async def backed_up(stack: Stack, target: Path) -> Ran:
    result = await ran("backup", "--config", stack.config, target)
    assert "Traceback" not in result.err
    return result


def subscriptions(path: Path) -> int:
    with closing(open_to_read(path)) as db:
        return int(db.execute("SELECT count(*) FROM subscription").fetchone()[0])


def entries(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def changes_in(texts: list[str]) -> list[str]:
    return [line for text in texts for line in moves(text).split("\n") if line]


# ---------------------------------------------------------------- the command


async def test_a_copy_is_made_while_the_bot_works_and_the_bot_goes_on(stack: Stack) -> None:
    await stack.watches()
    target = stack.directory / "copy.sqlite3"

    result = await backed_up(stack, target)

    assert (result.status, result.err) == (0, "")
    assert re.fullmatch(rf"copied \S+ to {target} and checked the copy: [\d,]+ bytes\n", result.out)
    assert target.stat().st_mode & 0o777 == 0o600
    assert subscriptions(target) == 1
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    await stack.hears("−1 USDC")


async def test_a_copy_is_made_of_what_a_killed_bot_left(tmp_path: Path) -> None:
    async with open_stack(tmp_path) as stack:
        process = await stack.start_process()
        await stack.watches()
        await stack.kill(process)

        result = await backed_up(stack, tmp_path / "copy.sqlite3")

        assert result.status == 0
        assert subscriptions(tmp_path / "copy.sqlite3") == 1
        await stack.start_process()
        await stack.asked(2)


async def test_what_is_there_is_not_written_over(stack: Stack) -> None:
    await stack.watches()
    target = stack.directory / "copy.sqlite3"
    target.write_bytes(b"precious")

    result = await backed_up(stack, target)

    assert result.status == 5
    assert result.err == f"balance-bot: {target} exists: choose another name, or move it away\n"
    assert target.read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("target", "words"), [("nowhere/copy.sqlite3", "does not exist"), ("", "is a folder")]
)
async def test_where_no_copy_can_stand_it_ends_with_5(stack: Stack, target: str, words: str) -> None:
    await stack.watches()

    result = await backed_up(stack, stack.directory / target)

    assert result.status == 5
    assert words in result.err


@pytest.mark.parametrize(("letters", "status"), [(250, 0), (255, 0), (256, 5), (5000, 5)])
async def test_a_long_name_is_taken_or_refused_in_words(tmp_path: Path, letters: int, status: int) -> None:
    async with open_stack(tmp_path) as stack:
        path = tmp_path / "data" / "bot.sqlite3"
        path.parent.mkdir(mode=0o700)
        await (await DatabaseThread.open(path)).close()

        result = await backed_up(stack, tmp_path / ("x" * letters))

    assert result.status == status
    assert ("choose a shorter name" in result.err) == (status == 5)
    assert entries(tmp_path) - {"config.toml", "data"} == ({"x" * letters} if status == 0 else set())


async def test_without_a_database_it_ends_with_5_and_makes_none(tmp_path: Path) -> None:
    async with open_stack(tmp_path) as stack:
        result = await backed_up(stack, tmp_path / "copy.sqlite3")

    assert result.status == 5
    assert "there is no database" in result.err
    assert entries(tmp_path) == {"config.toml"}


async def test_a_copy_that_is_asked_to_stop_ends_and_leaves_nothing_of_it(tmp_path: Path) -> None:
    async with open_stack(tmp_path) as stack:
        path = tmp_path / "data" / "bot.sqlite3"
        path.parent.mkdir(mode=0o700)
        await (await DatabaseThread.open(path)).close()
        holder = sqlite3.connect(path)  # a copy waits for who holds all of the database, some seconds
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("PRAGMA journal_mode = DELETE")
        holder.execute("BEGIN EXCLUSIVE")
        process = await started("backup", "--config", stack.config, tmp_path / "copy.sqlite3")
        await until(lambda: any(one.name.startswith(".copy") for one in tmp_path.iterdir()))

        process.send_signal(signal.SIGTERM)
        _, err = await process.communicate()
        holder.close()

    assert process.returncode == 5
    assert b"nothing is left" in err
    assert entries(tmp_path) == {"config.toml", "data"}


# ---------------------------------------------------------------- restoring


async def lost_and_restored(stack: Stack, copy: Path) -> None:
    """Lose the data directory and put the copy in place, as the manual says."""
    await stack.stop()
    data = stack.directory / "data"
    shutil.rmtree(data)
    data.mkdir(mode=0o700)
    shutil.copy(copy, data / "bot.sqlite3")
    stack.start()


async def test_a_restored_bot_says_so_and_tells_what_changed_since_the_copy(stack: Stack) -> None:
    await stack.watches()
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    await stack.hears("−1 USDC")
    copy = stack.directory / "copy.sqlite3"
    await backed_up(stack, copy)
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -2_000_000)
    told_before = await stack.hears("−2 USDC")
    said_before = len(stack.said())

    await stack.stop()
    stack.world.move(ETHEREUM, DAI, ACCOUNT, 10**18)
    await lost_and_restored(stack, copy)

    assert "restored from a backup" in (await stack.hears("restored")).text
    await until(lambda: "DAI" in "\n".join(stack.said()[said_before:]))
    await stack.asked(3)
    changes = changes_in(stack.said()[said_before:])
    # The weightiest comes first.
    assert [change.split(" | ")[0] for change in changes] == ["🔴 −2 USDC", "🟢 +1 DAI"]
    ids = {text.split(" · ")[-1] for text in stack.said()[said_before:]}
    assert told_before.text.split(" · ")[-1] not in ids


async def test_a_restored_bot_of_a_quiet_world_tells_no_change(stack: Stack) -> None:
    await stack.watches()
    await stack.asked(2)
    copy = stack.directory / "copy.sqlite3"
    await backed_up(stack, copy)

    await lost_and_restored(stack, copy)

    await stack.hears("restored")
    await stack.asked(4)
    assert changes_in(stack.said()) == []
    assert sum("restored" in text for text in stack.said()) == 1


async def test_what_rings_in_a_copy_does_not_ring_again_and_ends_there(stack: Stack) -> None:
    await stack.watches()
    stack.say("/alarm Treasury below 40 USDC on polygon")
    await stack.hears("A1 · Treasury below 40 USDC, on Polygon")
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -20_000_000)
    await stack.hears("⏰ Treasury · Polygon: 30 USDC, below 40")
    await stack.asked(2)
    copy = stack.directory / "copy.sqlite3"
    await backed_up(stack, copy)

    await lost_and_restored(stack, copy)
    await stack.hears("restored")
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    await stack.hears("−1 USDC")
    assert sum("below 40" in text and "⏰ Treasury" in text for text in stack.said()) == 1

    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, 21_000_000)
    await stack.hears("✓ Treasury · Polygon: 50 USDC again, was below 40 for ")


async def test_what_was_unwatched_since_the_copy_is_watched_again_and_can_be_ended_again(
    stack: Stack,
) -> None:
    await stack.watches()
    copy = stack.directory / "copy.sqlite3"
    await backed_up(stack, copy)
    stack.say("/unwatch Treasury")
    await stack.hears("Treasury")

    await lost_and_restored(stack, copy)

    await stack.hears("/list")
    stack.say("/list")
    assert "Treasury" in (await stack.hears("Treasury")).text


async def test_what_a_lost_database_left_in_its_log_is_not_played_into_the_copy(tmp_path: Path) -> None:
    async with open_stack(tmp_path) as stack:
        process = await stack.start_process()
        await stack.watches()
        await stack.kill(process)
        copy = tmp_path / "copy.sqlite3"
        await backed_up(stack, copy)
        path = tmp_path / "data" / "bot.sqlite3"
        assert path.with_name("bot.sqlite3-wal").stat().st_size > 0
        path.unlink()
        shutil.copy(copy, path)

        refused = await ran("run", "--config", stack.config)
        path.with_name("bot.sqlite3-wal").unlink()
        path.with_name("bot.sqlite3-shm").unlink()
        stack.start()

        assert refused.status == 5
        assert "move bot.sqlite3-wal and bot.sqlite3-shm away" in refused.err
        await stack.hears("restored")
