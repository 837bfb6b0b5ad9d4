"""`/start`, `/help` and `/id`: what people ask before they know the bot."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.command import (
    Answer,
    Command,
    Example,
    Feature,
    Request,
    Services,
    Who,
    usage,
)
from bot.chat.commands.words import FIRST_WATCH, allow_command
from bot.chat.permissions import Incoming
from bot.chat.text.html import Html, code, fill, join
from bot.chat.text.wording import counted
from bot.store.chats import access_requests

START_COMMAND = Command(
    name="start",
    does="Say hello",
    grammar="/start",
    examples=(Example("/start", "says hello"),),
    who=Who.ANYONE,
)
HELP_COMMAND = Command(
    name="help",
    does="What the bot can do",
    grammar="/help [COMMAND]",
    examples=(Example("/help", "lists the commands"), Example("/help watch", "explains one of them")),
    who=Who.ANYONE,
)
ID_COMMAND = Command(
    name="id",
    does="Show the ids of this chat and of you",
    grammar="/id",
    examples=(Example("/id", "shows the ids"),),
    who=Who.ANYONE,
)

_PAYLOAD = re.compile(r"[A-Za-z0-9_-]{1,64}")

# ---------------------------------------------------------------- /start


@dataclass(frozen=True, slots=True)
class StartRequest(Request):
    """`/start`, with the payload of a deep link or ""."""

    needs = START_COMMAND.needs
    payload: str

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Say hello."""
        is_owner, db = services.permissions.is_owner(incoming.author), services.db
        # In private only: how many chats ask for access is not for the members of a group.
        waiting = (
            await db.run(access_requests.count_requests) if is_owner and incoming.place.is_private else 0
        )
        return (start(is_owner=is_owner, waiting=waiting),)


def _read_start(rest: str, _chains: ChainReader) -> StartRequest:
    payload = rest.strip()
    return StartRequest(payload if _PAYLOAD.fullmatch(payload) else "")


def start(*, is_owner: bool, waiting: int = 0) -> Html:
    """Return the welcome where the bot may be used; owners also read how many chats ask for access."""
    hello = fill(
        "Hello! I watch wallets and post here when their balances change.\n\n"
        "Begin with {}, or see /help for the rest.",
        FIRST_WATCH,
    )
    if not is_owner:
        return hello
    yours = (
        hello + "\n\nThis bot is yours: /chats shows who may use it, /allow opens a chat, /deny closes one."
    )
    if not waiting:
        return yours
    ask = "asks" if waiting == 1 else "ask"
    return yours + f"\n{counted(waiting, 'chat')} {ask} to come in: see /chats."


# ---------------------------------------------------------------- /help


@dataclass(frozen=True, slots=True)
class HelpRequest(Request):
    """`/help`."""

    needs = HELP_COMMAND.needs
    topic: str
    """The word of a command; all of them are listed where it is none."""

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Explain one command, or list all that the person may use."""
        command = command_named(services.commands, self.topic)
        if command is not None:
            return (usage(command),)
        return (help_for(services.commands, is_owner=services.permissions.is_owner(incoming.author)),)


def _read_help(rest: str, _chains: ChainReader) -> HelpRequest:
    return HelpRequest(rest.strip().removeprefix("/").casefold())


def command_named(commands: Sequence[Command], word: str) -> Command | None:
    """Return the command with this name or alias; None: there is none."""
    # The commands come as an argument: the registry imports this module, and can't be imported here.
    return next((command for command in commands if word in (command.name, *command.aliases)), None)


def help_for(commands: Sequence[Command], *, is_owner: bool) -> Html:
    """Return the list of commands; owners see theirs too."""
    lines = [
        f"/{command.name} · {command.does}"
        for command in commands
        if is_owner or command.who is not Who.OWNERS
    ]
    return join("\n", (*lines, "", fill("More about one of them: {}", code("/help watch"))))


# ---------------------------------------------------------------- /id


@dataclass(frozen=True, slots=True)
class IdRequest(Request):
    """`/id`, which strangers may ask too."""

    needs = ID_COMMAND.needs

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Show the ids of the place and of the person."""
        place, user_id = incoming.place, incoming.author.named_user_id
        is_open = await services.permissions.is_open(place)
        return (here(place.chat_id, place.thread_id, user_id, is_open=is_open),)


def _read_id(_rest: str, _chains: ChainReader) -> IdRequest:
    return IdRequest()


def here(chat_id: int, thread_id: int | None, user_id: int | None, *, is_open: bool) -> Html:
    """Return the ids of the chat, the topic and the person, as far as there are any."""
    ids = (("Chat id", chat_id), ("Topic id", thread_id), ("Your user id", user_id))
    lines = [fill("{}: {}", what, code(str(number))) for what, number in ids if number is not None]
    closed = fill("This chat is closed. An owner can open it with {}.", allow_command(chat_id))
    return join("\n", (*lines, "This chat is open: /watch works here." if is_open else closed))


START = Feature(START_COMMAND, _read_start)
HELP = Feature(HELP_COMMAND, _read_help)
ID = Feature(ID_COMMAND, _read_id)
