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
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

REACHED = "reached"
"""The file, beside the configuration, that says that a bot stands still where it should."""


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

    process: Process
    log: list[str] = field(default_factory=list)
    _started: asyncio.Queue[BotProcess] = field(default_factory=asyncio.Queue)
    _bots: dict[int, BotProcess] = field(default_factory=dict)

    async def start(self, config: Path, stand_still_at: str | None = None) -> BotProcess:
        """Start a bot; a point is named `module:function` and reached when that is called."""
        assert self.process.stdin is not None
        request = {"config": str(config), "stand_still_at": stand_still_at}
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        return await self._started.get()

    async def listen(self) -> None:
        """Note which bots have started and which have ended."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            word, pid, *status = line.split()
            if word == b"started":
                bot = BotProcess(int(pid), asyncio.get_running_loop().create_future())
                self._bots[bot.pid] = bot
                self._started.put_nowait(bot)
            else:
                self._bots.pop(int(pid)).ended.set_result(int(status[0]))

    async def read_log(self) -> None:
        """Note what bots say."""
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.log.append(line.decode())


@asynccontextmanager
async def open_fork_server() -> AsyncIterator[ForkServer]:
    """Load the program, and end with the block whatever was started."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.fork_server", stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    server = ForkServer(process)
    listening = asyncio.gather(server.listen(), server.read_log())
    try:
        yield server
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await process.wait()
        await listening


def main() -> None:
    """Start a bot for each line that is read; when no more can come, end all that still run."""
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
            for line in lines:
                alive.add(_start(json.loads(line)))
    for pid in alive:
        os.kill(pid, signal.SIGKILL)


def _start(request: dict[str, str | None]) -> int:
    pid = os.fork()
    if pid == 0:
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
