"""The sandbox as a newcomer meets it: one program, and an alert on the screen."""

import asyncio
import os
import pty
import signal
import sys
import termios
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from bot import app
from bot.sandbox.gateway.server import Gateway
from bot.sandbox.telegram.server import SANDBOX_TOKEN, SANDBOX_USER_ID, Telegram
from bot.sandbox.terminal.scenario import scenario_telegram, scenario_world
from bot.sandbox.terminal.terminal import Terminal
from bot.settings.sections import sandbox_settings
from tests.program import ROOT, started
from tests.sandbox.terminal.session import ScriptedScreen
from tests.waits import HANG_SECONDS, until

CTRL_U, CTRL_D = b"\x15", b"\x04"
FIRST_ALERT = "🔴 Treasury −1,250 USDC (−$1,250.00) · Polygon"


@asynccontextmanager
async def sandbox() -> AsyncIterator[Process]:
    program = await started("sandbox")
    try:
        yield program
    finally:
        if program.returncode is None:
            program.kill()
        await program.communicate()


async def shown_until(program: Process, *wanted: str) -> str:
    assert program.stdout is not None
    shown = ""
    async with asyncio.timeout(HANG_SECONDS):
        while not all(text in shown for text in wanted):
            line = await program.stdout.readline()
            assert line, shown
            shown += line.decode()
    return shown


async def types(program: Process, text: str) -> None:
    assert program.stdin is not None
    program.stdin.write(text.encode())
    await program.stdin.drain()


async def ended(program: Process) -> tuple[int | None, str]:
    """Return how the program ended by itself, and what it said of errors."""
    async with asyncio.timeout(HANG_SECONDS):
        _, errors = await program.communicate()
    return program.returncode, errors.decode()


async def test_the_first_alert_comes_by_itself_and_what_is_typed_is_answered() -> None:
    async with sandbox() as program:
        await types(program, "/list\n")
        shown = await shown_until(program, FIRST_ALERT, "Watched here: 1")
        program.send_signal(signal.SIGINT)

        assert "alice > /watch 0x8e3E38fe7367dd3b52D1e281E4e8400447C8d8B9 as Treasury" in shown
        assert "alice > /list" in shown
        assert "world                  │ 1,250 USDC leave Treasury on Polygon" in shown
        assert await ended(program) == (0, "")


async def test_at_the_end_of_the_input_it_goes_on_showing() -> None:
    async with sandbox() as program:
        assert program.stdin is not None
        program.stdin.close()
        await shown_until(program, FIRST_ALERT)
        program.send_signal(signal.SIGTERM)

        assert await ended(program) == (0, "")


async def test_without_any_input_it_shows_the_story() -> None:
    command = f'exec "{sys.executable}" -m bot sandbox <&-'
    program = await asyncio.create_subprocess_shell(command, stdout=PIPE, stderr=PIPE, cwd=ROOT)
    try:
        await shown_until(program, FIRST_ALERT)
        program.send_signal(signal.SIGINT)
        assert await ended(program) == (0, "")
    finally:
        if program.returncode is None:
            program.kill()


async def test_quit_ends_it_even_while_everything_is_broken() -> None:
    async with sandbox() as program:
        await shown_until(program, FIRST_ALERT)
        await types(program, "break telegram\nbreak gateway\nmove 1 pol\nquit\n")

        assert await ended(program) == (0, "")


@pytest.mark.parametrize("end", ["signal", "Ctrl-D"])
async def test_a_terminal_gets_a_prompt_and_is_left_as_it_was_found(end: str) -> None:
    ours, theirs = pty.openpty()
    found = termios.tcgetattr(theirs)
    program = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "sandbox"),
        stdin=theirs,
        stdout=theirs,
        stderr=DEVNULL,
        cwd=ROOT,
        env={**os.environ, "TERM": "xterm"},
    )
    seen = bytearray()
    reading = asyncio.create_task(asyncio.to_thread(_read_all, ours, seen))
    try:
        await until(lambda: FIRST_ALERT.encode() in seen)
        os.write(ours, b"as bob in ops\r")
        await until(lambda: b"bob in ops-group > " in seen)
        os.write(ours, b"half a li")
        await until(lambda: b"half a li" in seen)
        assert termios.tcgetattr(theirs) != found
        if end == "signal":
            program.send_signal(signal.SIGINT)
        else:
            os.write(ours, CTRL_U + CTRL_D)
        async with asyncio.timeout(HANG_SECONDS):
            status = await program.wait()

        assert status == 0
        assert termios.tcgetattr(theirs) == found
    finally:
        if program.returncode is None:
            program.kill()
        os.close(theirs)
        await reading
        os.close(ours)


def _read_all(ours: int, seen: bytearray) -> None:
    try:
        while piece := os.read(ours, 65_536):
            seen.extend(piece)
    except OSError:
        return


@asynccontextmanager
async def whole_bot(directory: Path) -> AsyncIterator[tuple[ScriptedScreen, Gateway, Telegram]]:
    """Run the sandbox in this process, for looking behind the scenes."""
    async with Gateway(scenario_world()).serve() as gateway, scenario_telegram().serve() as telegram:
        screen, stop = ScriptedScreen(), asyncio.Event()
        settings = sandbox_settings(
            token=SANDBOX_TOKEN,
            owner=SANDBOX_USER_ID,
            api_url=telegram.url,
            indexer_url=gateway.url,
            directory=directory,
        )
        terminal = asyncio.create_task(Terminal(telegram, gateway, screen).run())
        bot = asyncio.create_task(app.run(settings, stop, lambda _: None))
        try:
            yield screen, gateway, telegram
        finally:
            stop.set()
            await bot
            terminal.cancel()
            await asyncio.wait({terminal})


async def refuses(url: str) -> None:
    """Wait until nobody listens there."""
    address = urlsplit(url)
    async with asyncio.timeout(HANG_SECONDS):
        while True:
            try:
                _, writer = await asyncio.open_connection(address.hostname, address.port)
            except ConnectionRefusedError:
                return
            writer.close()


async def test_what_moves_while_telegram_is_broken_arrives_when_it_is_healed(tmp_path: Path) -> None:
    async with whole_bot(tmp_path) as (screen, gateway, telegram):
        await screen.shows("1,250 USDC leave")
        await screen.types("quiet")
        await screen.shows(FIRST_ALERT)
        await screen.types("break telegram")
        await refuses(telegram.url)
        await screen.types("move -50 usdc on polygon")
        sweeps = len(gateway.requests) + 6
        await until(lambda: len(gateway.requests) >= sweeps)
        assert not [shown for shown in screen.shown if "−50 USDC" in shown]

        await screen.types("heal")
        assert "2,150 → 2,100" in await screen.shows("−50 USDC")
