"""Run the sandbox on one terminal, which shows every chat of the bot.

What is typed is sent to the bot, unless it is a command to the world around it (`commands`). Whatever the bot
does appears, in any chat. The first `/watch` is typed for the visitor, and balances change by themselves.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from bot.sandbox.gateway.server import Gateway
from bot.sandbox.telegram.server import SANDBOX_USER_ID, Telegram
from bot.sandbox.telegram.world.world import Message, SandboxError
from bot.sandbox.terminal import view
from bot.sandbox.terminal.commands import (
    Become,
    Break,
    Command,
    GoTo,
    Heal,
    LagChain,
    Misunderstood,
    MoveBalance,
    OneWord,
    PressButton,
    Rebuild,
    SaveFile,
    Say,
    SendFile,
    read_command,
)
from bot.sandbox.terminal.faults import NeighbourFaults
from bot.sandbox.terminal.files import newest_file, read_here, write_here
from bot.sandbox.terminal.moves import apply_move, story_moves
from bot.sandbox.terminal.names import (
    ChatOrTopic,
    default_place,
    find_person,
    find_place,
    place_of,
    speaker_in,
)
from bot.sandbox.terminal.people import block_bot, find_button, invite_bot, kick_bot, unblock_bot
from bot.sandbox.terminal.scenario import ACCOUNTS
from bot.sandbox.terminal.screen import TerminalScreen

FIRST_WORDS = f"/watch {ACCOUNTS['Treasury']} as Treasury"
FIRST_READING_SECONDS = 10.0
MOVE_EVERY_SECONDS = 6.0
TOAST_SECONDS = 5.0
FORGET_EVERY_SECONDS = 60.0
REQUESTS_KEPT = 1_000

WORLD, SANDBOX = "world", "sandbox"

MessageKey = tuple[int, int]
"""A chat and a message in it."""


class _Quit(Exception):
    """Somebody typed `quit` or ended the input."""


class Terminal:
    """Shows what the bot does, obeys what is typed, and lets balances change."""

    def __init__(
        self,
        telegram: Telegram,
        gateway: Gateway,
        screen: TerminalScreen,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._telegram = telegram
        self._gateway = gateway
        self._screen = screen
        self._sleep = sleep
        self._user = telegram.user(SANDBOX_USER_ID)
        self._place = ChatOrTopic(telegram.chat(SANDBOX_USER_ID))
        self._shown: Mapping[MessageKey, Message] = {}
        self._story_goes_on = asyncio.Event()
        self._story_goes_on.set()
        self._one_word: Mapping[OneWord, Callable[[], None]] = {
            OneWord.BLOCK: lambda: self._happens(block_bot(telegram, self._user)),
            OneWord.UNBLOCK: lambda: self._happens(unblock_bot(telegram, self._user)),
            OneWord.KICK: lambda: self._happens(kick_bot(telegram, self._user, self._place)),
            OneWord.INVITE: lambda: self._happens(invite_bot(telegram, self._user, self._place)),
            OneWord.FLOOD: lambda: self._happens(self._faults.flood()),
            OneWord.QUIET: self._be_quiet,
            OneWord.STORY: self._go_on,
            OneWord.PEOPLE: lambda: screen.show(view.list_people(telegram)),
            OneWord.CHATS: lambda: screen.show(view.list_chats(telegram)),
            OneWord.WORLD: lambda: screen.show(view.list_accounts(gateway.world)),
            OneWord.HELP: lambda: screen.show(view.render_help()),
            OneWord.QUIT: self._quit,
        }

    async def run(self) -> None:
        """Run until somebody quits or the terminal is closed."""
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                self._faults = NeighbourFaults(self._gateway, self._telegram, tasks)
                tasks.create_task(self._show_what_the_bot_does())
                tasks.create_task(self._tell_story())
                tasks.create_task(self._forget_requests())
                tasks.create_task(self._listen())
        # A closed pipe (`| head`) is an end like any other.
        except* (_Quit, BrokenPipeError):
            pass

    async def _show_what_the_bot_does(self) -> None:
        while True:
            for who, text in await self._telegram.changed.wait_for(self._news):
                self._show(who, text)

    def _news(self) -> list[tuple[str, str]] | None:
        """Return what the bot sent, edited and deleted since the last call, None where nothing."""
        before, now = self._shown, _messages_of_the_bot(self._telegram)
        self._shown = now
        news = [
            (
                self._bot_at(message),
                view.render_edit(message) if key in before else view.render_message(message),
            )
            for key, message in now.items()
            # By identity: an edit puts a new message in the old one's place.
            if before.get(key) is not message
        ]
        gone = [message for key, message in before.items() if key not in now]
        news += [(self._bot_at(message), view.render_deletion(message)) for message in gone]
        return news or None

    def _bot_at(self, message: Message) -> str:
        return view.bot_at(place_of(self._telegram, message))

    async def _tell_story(self) -> None:
        """Change balances for ever, beginning when the bot has read them: earlier changes give no alert."""
        # The first message confirms the watch, the second shows the first reading.
        await self._telegram.changed.wait_for(lambda: self._heard(1))
        with suppress(TimeoutError):
            await self._telegram.changed.wait_for(lambda: self._heard(2), FIRST_READING_SECONDS)
        for move in itertools.cycle(story_moves()):
            await self._story_goes_on.wait()
            with suppress(SandboxError):  # somebody else moved it all away
                self._show(WORLD, apply_move(move, self._gateway.world))
            await self._sleep(MOVE_EVERY_SECONDS)

    def _heard(self, messages: int) -> bool | None:
        said = (key for key in self._shown if key[0] == SANDBOX_USER_ID)
        return True if sum(1 for _ in said) >= messages else None

    async def _forget_requests(self) -> None:
        """Drop old recorded requests, which only tests look at; a sandbox may run for days."""
        while True:
            await self._sleep(FORGET_EVERY_SECONDS)
            for asked in (self._gateway.requests, self._telegram.calls):
                del asked[:-REQUESTS_KEPT]

    async def _listen(self) -> None:
        self._screen.show(f"{self._prompt}{FIRST_WORDS}")
        # Shown behind the prompt like typed input: the visitor learns how to write to the bot.
        self._obey(Say(FIRST_WORDS))
        while True:
            try:
                line = await self._screen.line(self._prompt)
            except EOFError:
                raise _Quit from None
            if line.strip():
                self._obey(read_command(line))

    @property
    def _prompt(self) -> str:
        return f"{speaker_in(self._user, self._place)} > "

    def _obey(self, command: Command) -> None:
        """Do what was typed, and show why it can't be done where it can't."""
        try:
            self._carry_out(command)
        except SandboxError as error:
            self._show(SANDBOX, str(error))

    def _carry_out(self, command: Command) -> None:
        match command:
            case OneWord():
                self._one_word[command]()
            case Say():
                self._say(command)
            case Become():
                self._become(command)
            case GoTo():
                self._go_to(command)
            case PressButton():
                self._press(command)
            case SendFile():
                self._send_file(command)
            case SaveFile():
                self._save_file(command)
            case Misunderstood(reason):
                self._show(SANDBOX, reason)
            case _:
                self._happens(self._change_world(command))

    def _change_world(self, command: MoveBalance | Break | LagChain | Rebuild | Heal) -> str:
        """Return a sentence about what happened."""
        match command:
            case MoveBalance():
                return apply_move(command, self._gateway.world)
            case Break(what):
                return self._faults.break_(what)
            case LagChain(chain):
                return self._faults.lag(chain)
            case Rebuild(chain):
                return self._faults.rebuild(chain)
            case Heal(what):
                return self._faults.heal(what)

    def _say(self, say: Say) -> None:
        self._telegram.says(self._user, self._place.chat, say.text, thread_id=self._place.thread_id)

    def _send_file(self, send: SendFile) -> None:
        name, content = read_here(send.path)
        self._telegram.sends_file(
            self._user,
            self._place.chat,
            name,
            content,
            send.caption,
            thread_id=self._place.thread_id,
        )

    def _save_file(self, save: SaveFile) -> None:
        file = newest_file(self._telegram, self._place)
        write_here(save.path, file.content)
        self._show(SANDBOX, f"{file.file_name} is saved as {save.path}")

    def _go_to(self, go: GoTo) -> None:
        self._place = find_place(self._telegram, go.place, self._user)

    def _become(self, become: Become) -> None:
        user = find_person(self._telegram, become.person)
        there = find_place(self._telegram, become.place, user) if become.place else None
        self._place = there or default_place(user, self._place, self._telegram)
        self._user = user

    def _press(self, press: PressButton) -> None:
        message, button = find_button(self._telegram, self._place, press.button)
        if button.url or button.copy_text:
            self._show(SANDBOX, f"It {'opens' if button.url else 'copies'} {button.url or button.copy_text}")
            return
        query_id = self._telegram.presses_unshown(self._user, message, button.callback_data)
        self._tasks.create_task(self._show_toast(query_id, self._bot_at(message)))

    async def _show_toast(self, query_id: str, who: str) -> None:
        try:
            toast = await self._telegram.wait_for_toast(query_id, timeout_seconds=TOAST_SECONDS)
        except TimeoutError:
            self._show(SANDBOX, "The bot has not answered the press yet.")
        else:
            self._show(who, view.render_toast(toast))

    def _be_quiet(self) -> None:
        self._story_goes_on.clear()
        self._show(SANDBOX, "Nothing moves by itself any more; `story` lets it go on.")

    def _go_on(self) -> None:
        self._story_goes_on.set()
        self._show(SANDBOX, "Things move by themselves again; `quiet` stops them.")

    def _quit(self) -> None:
        raise _Quit

    def _happens(self, what: str) -> None:
        self._show(WORLD, what)

    def _show(self, who: str, text: str) -> None:
        self._screen.show(view.render_block(who, text))


def _messages_of_the_bot(telegram: Telegram) -> dict[MessageKey, Message]:
    return {
        (chat.id, number): message
        for chat in telegram.chats.values()
        for number, message in chat.messages.items()
        if message.from_bot
    }
