"""The sandbox for people: the terminal is the chat, and the world around it moves by itself.

What is typed is said to the bot; what the bot says appears, and `[Undo]` presses the
button of that name. The first `/watch` is typed for whoever just looks on.
"""

import asyncio
import itertools
import re
import threading
from collections.abc import Callable, Iterator
from typing import TextIO

from bot.sandbox.telegram import Telegram
from bot.sandbox.telegram_world import Chat, Message, User
from bot.sandbox.world import EXAMPLE_ACCOUNT, World

FIRST_WORDS = "/watch 0x8e3E38fe7367dd3b52D1e281E4e8400447C8d8B9 as Treasury"
FIRST_MOVE_SECONDS = 1.5
MOVE_EVERY_SECONDS = 6.0
_BUTTON = re.compile(r"\[(.+)\]")
_FOREVER_SECONDS = 366 * 24 * 3600.0

_USDC_POLYGON = "0x3c499c542cef5e3811e1192ce70d8cc03d5c3359"
_SKYWEAVER = "0x631998e91476da5b870d741192fc5cbc55f5a52e"
_DAI = "0x6b175474e89094c44da98b954eedeac495271d0f"

Move = tuple[str, int, str | None, int, int | None]
"""What happens in words, then chain, contract (None: native coin), difference and token id."""

STORY: tuple[Move, ...] = (
    ("12.50 USDC leave on Polygon", 137, _USDC_POLYGON, -12_500_000, None),
    ("0.42 POL come in on Polygon", 137, None, 420_000_000_000_000_000, None),
    ("100 DAI come in on Ethereum", 1, _DAI, 100 * 10**18, None),
    ("a Skyweaver card comes in on Polygon", 137, _SKYWEAVER, 1, 65_600),
    ("12.50 USDC come back on Polygon", 137, _USDC_POLYGON, 12_500_000, None),
    ("0.42 POL leave on Polygon", 137, None, -420_000_000_000_000_000, None),
    ("100 DAI leave on Ethereum", 1, _DAI, -100 * 10**18, None),
    ("the Skyweaver card leaves on Polygon", 137, _SKYWEAVER, -1, 65_600),
)
"""Ends where it began, so that it can go round."""


class Terminal:
    """One person's chat with the bot, on a terminal."""

    def __init__(
        self,
        telegram: Telegram,
        world: World,
        *,
        user: User,
        chat: Chat,
        read_from: TextIO,
        show: Callable[[str], None],
    ) -> None:
        self._telegram = telegram
        self._world = world
        self._user = user
        self._chat = chat
        self._read_from = read_from
        self._show = show
        self._watched = asyncio.Event()
        self._shown: dict[int, Message] = {}

    async def run(self) -> None:
        """Show, listen and move the world until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._show_messages())
            tasks.create_task(self._move_world())
            tasks.create_task(self._listen())
            self._say(FIRST_WORDS)
            self._show(f"  you │ {FIRST_WORDS}")

    def _say(self, text: str) -> None:
        pressed = _BUTTON.fullmatch(text.strip())
        if pressed is None:
            self._telegram.says(self._user, self._chat, text)
            return
        for message in reversed(self._shown.values()):
            if any(button.text == pressed[1] for row in message.buttons for button in row):
                self._telegram.presses(self._user, message, pressed[1])
                return
        self._show(f"      no message shows [{pressed[1]}]")

    async def _show_messages(self) -> None:
        """Show what the bot says, and again what it changes."""
        while True:
            message = await self._telegram.changed.wait_for(self._unshown, _FOREVER_SECONDS)
            self._shown[message.message_id] = message
            self._show(_as_shown(message))
            self._watched.set()

    def _unshown(self) -> Message | None:
        """Return the first message of the bot that looks otherwise than it was shown."""
        for message in self._chat.messages.values():
            if message.from_bot and message != self._shown.get(message.message_id):
                return message
        return None

    async def _move_world(self) -> None:
        await self._watched.wait()
        await asyncio.sleep(FIRST_MOVE_SECONDS)
        for words, chain_id, contract, delta, token_id in itertools.cycle(STORY):
            self._world.move(chain_id, contract, EXAMPLE_ACCOUNT, delta, token_id)
            self._show(f"world │ {words}")
            await asyncio.sleep(MOVE_EVERY_SECONDS)

    async def _listen(self) -> None:
        """Say what is typed; at the end of the input, only look on."""
        loop = asyncio.get_running_loop()
        typed: asyncio.Queue[str] = asyncio.Queue()

        def read() -> None:
            for line in _lines(self._read_from):
                loop.call_soon_threadsafe(typed.put_nowait, line)

        threading.Thread(target=read, name="terminal", daemon=True).start()
        while True:
            self._say(await typed.get())


def _lines(file: TextIO) -> Iterator[str]:
    for line in file:
        if line.strip():
            yield line.rstrip("\n")


def _as_shown(message: Message) -> str:
    first, *others = message.text.split("\n")
    buttons = [f"      └ {' '.join(f'[{button.text}]' for button in row)}" for row in message.buttons]
    return "\n".join([f"  bot │ {first}", *(f"      │ {line}" for line in others), *buttons])
