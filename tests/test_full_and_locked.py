"""A disk that is full and a database that another program locks: looking goes on, no worker dies of it."""

import asyncio
import os
import resource
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from aiohttp import ClientSession

from bot.chat import refusals
from bot.chat.buttons import toasts
from bot.chat.commands import mute
from bot.chat.commands.owners import words as owner_words
from bot.roles import chains, receiver
from bot.sandbox.telegram.api.faults import Error, before
from bot.store.database.connection import PATIENCE_SECONDS
from bot.store.database.errors import DatabaseFault
from tests.stack import ACCOUNT, POLYGON, USDC_POLYGON, Stack, buttons_of, open_stack
from tests.test_program import LOOPBACK, _free_port
from tests.test_stopping import only_linux
from tests.waits import HANG_SECONDS, until

OTHER = "0x000000000000000000000000000000000000dEaD"
LONGER = PATIENCE_SECONDS + 1

pytestmark = pytest.mark.about_the_file


@pytest.fixture
async def paged(tmp_path: Path) -> AsyncIterator[Stack]:
    """Run a bot with its pages, and let Olga watch something."""
    async with open_stack(tmp_path, web=[f'listen = "{LOOPBACK}:{_free_port()}"']) as stack:
        stack.start()
        await stack.watches()
        yield stack


@contextmanager
def locked(stack: Stack, how: str = "EXCLUSIVE") -> Iterator[None]:
    """Let another program hold the database."""
    path = stack.directory / "data" / "bot.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None, timeout=HANG_SECONDS)) as db:
        db.execute(f"BEGIN {how}")
        yield
        db.rollback()


async def page(stack: Stack, name: str) -> tuple[int, str]:
    listen = stack.lines["web"][0].split('"')[1]
    async with ClientSession() as session, session.get(f"http://{listen}/{name}") as response:
        return response.status, await response.text()


async def is_told_by_readyz(stack: Stack, words: str) -> None:
    async with asyncio.timeout(HANG_SECONDS):
        while words not in (await page(stack, "readyz"))[1]:  # noqa: ASYNC110 - nobody sets an event
            await asyncio.sleep(0.05)


async def goes_on(stack: Stack) -> None:
    """See that the bot is as it was: it obeys and tells."""
    stack.say(f"/watch {OTHER} as Other")
    await stack.hears("Watching")
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    await stack.hears("−1 USDC")


# ---------------------------------------------------------------- locked


@pytest.mark.parametrize("how", ["IMMEDIATE", "EXCLUSIVE"])
async def test_while_another_program_locks_the_database_looks_are_answered_and_changes_say_why_not(
    paged: Stack, how: str
) -> None:
    with locked(paged, how):
        for look, words in [("/list", "Treasury"), ("/balance", "USDC"), ("/status", "Last sweep")]:
            paged.say(look)
            await paged.hears(words)
        paged.say(OTHER)
        assert buttons_of(await paged.hears("dEaD")) == []
        paged.say(f"/watch {OTHER}")
        await paged.hears("locked by another program")
        await is_told_by_readyz(paged, "another program holds it")
        assert (await page(paged, "healthz"))[0] == 200

    await goes_on(paged)
    await is_told_by_readyz(paged, '"ok": true')


async def test_a_press_that_would_change_something_says_why_it_does_not(paged: Stack) -> None:
    paged.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    alert = await paged.hears("−1 USDC")

    with locked(paged):
        assert await paged.presses(alert, "Mute 1 h") == toasts.NOT_WRITTEN[DatabaseFault.LOCKED]
        await paged.presses(alert, "Balances")
        await paged.hears("USDC")

    assert await paged.presses(alert, "Mute 1 h") == mute.MUTED


async def test_a_button_that_does_its_work_after_the_toast_says_in_a_message_why_it_does_not(
    paged: Stack,
) -> None:
    paged.say(OTHER)
    offer = await paged.hears("dEaD")

    with locked(paged):
        await paged.presses(offer, "Watch all")
        await paged.hears("locked by another program")


async def test_a_chat_that_could_not_be_closed_is_answered_as_before(paged: Stack) -> None:
    paged.say("/deny")
    question = await paged.hears("your own chat")

    with locked(paged):
        assert await paged.presses(question, "Close Olga") == toasts.NOT_WRITTEN[DatabaseFault.LOCKED]

    paged.say("/list")
    await paged.hears("Treasury")


async def test_a_stranger_hears_nothing_of_the_disk(paged: Stack) -> None:
    mallory = paged.telegram.add_user("Mallory")
    chat = paged.telegram.add_private_chat(mallory)

    with locked(paged):
        paged.say("/list", user=mallory, chat=chat)
        await paged.hears("private", chat=chat)


async def test_a_database_that_is_locked_while_chains_are_noted_ends_no_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chains, "AGAIN_SECONDS", 0.01)
    monkeypatch.setattr(chains, "ANEW_SECONDS", 0.01)
    async with open_stack(tmp_path) as stack:
        stack.start()
        await stack.watches()

        with locked(stack):
            await asyncio.sleep(
                LONGER
            )  # as long as it takes to give up: that time passes is what it is about

        await goes_on(stack)


async def test_a_database_that_is_locked_when_the_link_is_made_delays_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver, "INTRODUCE_AGAIN_SECONDS", 0.05)
    async with open_stack(tmp_path, access=["owners = []"]) as stack:
        stack.telegram.fault(before(Error(500, "Internal Server Error")), method="getMe")
        stack.start()
        await until(lambda: sum(call.method == "getMe" for call in stack.telegram.calls) >= 3)

        with locked(stack):
            stack.telegram.heal()
            await asyncio.sleep(LONGER)
            assert stack.announced == [owner_words.CLAIM_LATER]

        await until(lambda: len(stack.announced) == 2)


async def test_a_start_with_a_locked_database_ends_with_5_in_words(tmp_path: Path) -> None:
    async with open_stack(tmp_path) as stack:
        stack.start()
        await stack.watches()
        await stack.stop()

        with locked(stack):
            process = await stack.start_process()
            assert await process.wait() == 5

        assert "another program holds it: end that one" in stack.log
        assert "Traceback" not in stack.log


# ---------------------------------------------------------------- full


@only_linux
async def test_while_the_disk_takes_nothing_looks_are_answered_and_changes_say_why_not(
    tmp_path: Path,
) -> None:
    async with open_stack(tmp_path) as stack:
        process = await stack.start_process()
        await stack.watches()
        limits = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, limits[1]))

        stack.say("/list")
        await stack.hears("Treasury")
        stack.say(f"/watch {OTHER}")
        await stack.hears("full or failing")
        await until(lambda: "action=sweep_failed" in stack.log)
        assert "Traceback" not in stack.log

        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, limits)
        await goes_on(stack)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a file system of its own, of two megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root mounts")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)  # noqa: S607 - root's


def fill_up(path: Path) -> None:
    """Write until nothing is taken any more."""
    number = os.open(path, os.O_WRONLY | os.O_CREAT)
    with suppress(OSError):
        while os.write(number, bytes(4096)):
            pass
    os.close(number)


async def test_a_disk_that_is_full_is_told_as_such_and_nothing_is_lost(small_disk: Path) -> None:
    async with open_stack(small_disk) as stack:
        process = await stack.start_process()
        await stack.watches()
        full = small_disk / "full"
        fill_up(full)
        stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
        await until(lambda: "the disk is full" in stack.log)

        stack.say("/list")
        await stack.hears("Treasury")
        stack.say("/watch " + "\n".join(f"0x{number:040x} as Number{number}" for number in range(1, 100)))
        await stack.hears("it is full. Nothing was changed")

        full.unlink()
        await stack.hears("−1 USDC")
        stack.say("/list")
        assert "Number" not in (await stack.hears("Treasury")).text
        assert process.returncode is None


@pytest.mark.parametrize("trouble", DatabaseFault)
def test_every_trouble_has_words_and_says_that_nothing_was_changed(trouble: DatabaseFault) -> None:
    for said in (refusals.not_written(trouble).source, toasts.NOT_WRITTEN[trouble]):
        assert "Nothing was changed" in said
        assert len(said) <= 200
