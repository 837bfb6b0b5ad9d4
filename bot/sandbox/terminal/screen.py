"""Where a person types and reads: a terminal with a prompt, a pipe, or nothing to read from at all.

Reading happens in a daemon thread that nobody joins: it may be in a read that never ends.
"""

import asyncio
import codecs
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import Protocol

_PIECE_BYTES = 65_536


class TerminalScreen(Protocol):
    """Where a person types and reads."""

    def show(self, text: str) -> None:
        """Show something, whatever is being typed."""

    async def line(self, prompt: str) -> str:
        """Return the next line; raises EOFError where somebody ends the input on purpose."""


@contextmanager
def open_screen(echo: Callable[[str], object]) -> Iterator[TerminalScreen]:
    """Return a screen for how the program was started."""
    if sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty() and find_spec("readline"):
        from bot.sandbox.terminal.prompt import prompt_screen  # noqa: PLC0415 - not every system can do it

        with prompt_screen(sys.stdin.fileno(), echo) as screen:
            yield screen
    else:
        yield PipeScreen(None if sys.stdin is None else sys.stdin.fileno(), echo)


class PipeScreen:
    """Reads lines from a pipe and shows each behind the prompt; after the last it only shows."""

    def __init__(self, read_from: int | None, echo: Callable[[str], object]) -> None:
        self._echo = echo
        self._loop = asyncio.get_running_loop()
        self._typed: asyncio.Queue[str] = asyncio.Queue()
        if read_from is not None:
            threading.Thread(target=self._read, args=(read_from,), name="terminal", daemon=True).start()

    def show(self, text: str) -> None:
        """Show something."""
        self._echo(text)

    async def line(self, prompt: str) -> str:
        """Return the next line; after the last one nothing comes any more."""
        line = await self._typed.get()
        self._echo(f"{prompt}{line}")
        return line

    def _read(self, read_from: int) -> None:
        with suppress(RuntimeError):  # the loop has ended meanwhile
            for line in lines_of(_pieces(read_from)):
                self._loop.call_soon_threadsafe(self._typed.put_nowait, line)


def _pieces(read_from: int) -> Iterator[bytes]:
    """Yield what is read.

    Not by the file object of the standard input: whoever ends while a thread reads from that is stopped by
    its lock.
    """
    with suppress(OSError):
        while piece := os.read(read_from, _PIECE_BYTES):
            yield piece


def lines_of(pieces: Iterable[bytes]) -> Iterator[str]:
    """Yield the lines of what comes in pieces; what is no UTF-8 is replaced."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest = ""
    for piece in pieces:
        *whole, rest = (rest + decoder.decode(piece)).split("\n")
        yield from (line.rstrip("\r") for line in whole)
    if rest:
        yield rest
