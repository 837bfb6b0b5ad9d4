"""A prompt on a real terminal, with editing and history; output appears above the line being typed."""

import asyncio
import queue
import readline
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_ERASE_LINE = "\r\x1b[K"


class PromptScreen:
    """Reads lines in a thread of its own, so that the event loop goes on while somebody types."""

    def __init__(self, echo: Callable[[str], object]) -> None:
        self._echo = echo
        self._loop = asyncio.get_running_loop()
        self._prompts: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._typed: asyncio.Queue[str | None] = asyncio.Queue()
        self._prompt = ""
        self._is_asking = False
        # Only from this moment on there is a line to redraw below new output.
        readline.set_pre_input_hook(self._note_asking)
        threading.Thread(target=self._read, name="terminal", daemon=True).start()

    def show(self, text: str) -> None:
        """Show something above the line that is being typed."""
        if not self._is_asking:
            self._echo(text)
            return
        self._echo(f"{_ERASE_LINE}{text}")
        print(f"{self._prompt}{readline.get_line_buffer()}", end="", flush=True)  # noqa: T201 - no new line

    async def line(self, prompt: str) -> str:
        """Return the next line; EOFError for Ctrl-D."""
        self._prompt = prompt
        self._prompts.put(prompt)
        line = await self._typed.get()
        if line is None:
            raise EOFError
        return line

    def _note_asking(self) -> None:
        self._is_asking = True

    def _read(self) -> None:
        while True:
            line = _ask(self._prompts.get())
            self._is_asking = False
            with suppress(RuntimeError):  # the loop has ended meanwhile
                self._loop.call_soon_threadsafe(self._typed.put_nowait, line)


def _ask(prompt: str) -> str | None:
    try:
        return input(prompt)
    except EOFError:
        return None


@contextmanager
def prompt_screen(terminal: int, echo: Callable[[str], object]) -> Iterator[PromptScreen]:
    """Open a prompt, and leave the terminal as it was found."""
    found = termios.tcgetattr(terminal)
    # Otherwise readline writes escape codes that a killed program would leave switched on.
    readline.parse_and_bind("set enable-bracketed-paste off")
    try:
        yield PromptScreen(echo)
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, found)
        echo("")
