"""Bots as processes that start at once: one Python has loaded the program, and each bot is a fork of it.

They are real processes with real files, signals and exit statuses; only loading the same modules again is
saved. A bot can be told to stand still at a named point of the program, as if it were killed just there.
"""

import asyncio
import importlib
import json
import os
import select
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from subprocess import PIPE, Popen
from typing import IO, NoReturn

REACHED = "reached"
"""The file, beside the configuration, that says that a bot stands still where it should."""

OVER = b"over\n"
"""The line that ends what is said to one test."""


@dataclass
class BotProcess:
    """One bot that runs, or has ended."""

    pid: int
    ended: asyncio.Future[int]

    @property
    def returncode(self) -> int | None:
        """Its exit status, below zero for a signal; None: it runs."""
        return self.ended.result() if self.ended.done() else None

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        """Return its exit status when it has ended."""
        return await asyncio.shield(self.ended)


@dataclass
class ForkServer:
    """Where bots are started, and all that they said on their standard error."""

    process: Popen[bytes]
    log: list[str] = field(default_factory=list)
    _started: asyncio.Queue[BotProcess] = field(default_factory=asyncio.Queue)
    _bots: dict[int, BotProcess] = field(default_factory=dict)
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def start(
        self, config: Path, stand_still_at: str | None = None, clock_ahead: float = 0
    ) -> BotProcess:
        """Start a bot; a point is named `module:function` and reached when that is called.

        Its time of day may be ahead by some seconds.
        """
        self._ask({"config": str(config), "stand_still_at": stand_still_at, "clock_ahead": str(clock_ahead)})
        return await self._started.get()

    def end_all(self) -> None:
        """End whatever was started, as `kill -9` does; then both streams say that this is over."""
        self._ask({})

    def _ask(self, request: dict[str, str | None]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()

    async def listen(self, said: asyncio.StreamReader) -> None:
        """Note which bots have started and which have ended."""
        while (line := await said.readline()) != OVER:
            word, pid, *status = line.split()
            if word == b"started":
                bot = BotProcess(int(pid), asyncio.get_running_loop().create_future())
                self._bots[bot.pid] = bot
                self._started.put_nowait(bot)
            else:
                self._bots.pop(int(pid)).ended.set_result(int(status[0]))

    async def read_log(self, logged: asyncio.StreamReader) -> None:
        """Note what bots say."""
        while (line := await logged.readline()) != OVER:
            assert line, "the server has ended"
            self.log.append(line.decode())


@cache
def _process() -> Popen[bytes]:
    """Load the program once for all tests of this process; it ends with this one, when its input does."""
    return Popen([sys.executable, "-m", "tests.fork_server"], stdin=PIPE, stdout=PIPE, stderr=PIPE)


@asynccontextmanager
async def open_fork_server() -> AsyncIterator[ForkServer]:
    """Lend the loaded program to a test, and end with the block whatever was started."""
    server = ForkServer(_process())
    async with _lines_of(server.process.stdout) as said, _lines_of(server.process.stderr) as logged:
        listening = asyncio.gather(server.listen(said), server.read_log(logged))
        try:
            yield server
        finally:
            server.end_all()
            await listening


@asynccontextmanager
async def _lines_of(stream: IO[bytes] | None) -> AsyncIterator[asyncio.StreamReader]:
    """Read a pipe in this loop, and leave it open for the loops of the tests that come."""
    assert stream is not None
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(os.dup(stream.fileno()), "rb", buffering=0)
    )
    try:
        yield reader
    finally:
        transport.close()


def main() -> None:
    """Start a bot for each line that names one, and end all at one that is empty or when no more can come."""
    importlib.import_module("bot.__main__")
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    alive: set[int] = set()
    requests = b""
    while True:
        ready, _, _ = select.select([0, readable], [], [])
        if readable in ready:
            os.read(readable, 1024)
            _tell_of_ended(alive)
        if 0 in ready:
            more = os.read(0, 65536)
            if not more:
                break
            *lines, requests = (requests + more).split(b"\n")
            for request in map(json.loads, lines):
                if request:
                    alive.add(_start(request))
                else:
                    _kill(alive)
                    while alive:
                        _tell_of_ended(alive)
                    os.write(2, b"\n" + OVER)  # a bot may have been killed in the middle of a line
                    os.write(1, OVER)
    _kill(alive)


def _kill(alive: set[int]) -> None:
    for pid in alive:
        os.kill(pid, signal.SIGKILL)


def _start(request: dict[str, str | None]) -> int:
    pid = os.fork()
    if pid == 0:
        _set_clock(float(str(request["clock_ahead"])))
        _run_bot(Path(str(request["config"])), request["stand_still_at"])
    _say(f"started {pid}")
    return pid


def _tell_of_ended(alive: set[int]) -> None:
    for pid in sorted(alive):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            alive.remove(pid)
            _say(f"ended {pid} {os.waitstatus_to_exitcode(status)}")


def _say(line: str) -> None:
    os.write(1, line.encode() + b"\n")


def _run_bot(config: Path, stand_still_at: str | None) -> NoReturn:
    """Be a bot, to the end."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    if stand_still_at is not None:
        _stand_still_at(stand_still_at, config.with_name(REACHED))
    program = importlib.import_module("bot.__main__")
    try:
        program.main(["run", "--config", str(config)])
    except SystemExit as end:
        os._exit(int(end.code or 0))
    finally:
        os._exit(1)


def _set_clock(ahead: float) -> None:
    app, wiring = (importlib.import_module(f"bot.{name}") for name in ("app", "wiring"))
    vars(app)["clock"] = lambda: wiring.clock() + timedelta(seconds=ahead)


def _stand_still_at(point: str, mark: Path) -> None:
    module, _, name = point.partition(":")

    def reached(*_: object, **__: object) -> None:
        mark.touch()
        while True:
            time.sleep(60)

    assert hasattr(importlib.import_module(module), name)
    setattr(importlib.import_module(module), name, reached)


if __name__ == "__main__":
    main()
