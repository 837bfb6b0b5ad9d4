"""`/start`, `/help` and `/id`: what people ask before they know the bot."""

import difflib
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
from bot.chat.commands.words import FIRST_WATCH, allow_command, typed_word
from bot.chat.permissions import Incoming
from bot.chat.text.html import Html, bold, code, fill, join
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
    """The word of a command; all of them are listed where it is none, or ""."""

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Explain one command, or list all that the person may use."""
        is_owner = services.permissions.is_owner(incoming.author)
        command = command_named(services.commands, self.topic)
        if command is not None:
            return (usage(command),)
        commands = [one for one in services.commands if is_owner or one.who is not Who.OWNERS]
        return (help_for(commands, self.topic),)


def _read_help(rest: str, _chains: ChainReader) -> HelpRequest:
    return HelpRequest(rest.strip().removeprefix("/").casefold())


def command_named(commands: Sequence[Command], word: str) -> Command | None:
    """Return the command with this name or alias; None: there is none."""
    # The commands come as an argument: the registry imports this module, and can't be imported here.
    return next((command for command in commands if word in (command.name, *command.aliases)), None)


def help_for(commands: Sequence[Command], topic: str = "") -> Html:
    """Return the commands that somebody may use, by what they are for, the five to begin with first.

    `topic` is what help was asked for and is no command; "" where it was asked for in general.
    """
    grouped = {name for _, names in _GROUPS for name in names}
    owners = [one.name for one in commands if one.who is Who.OWNERS]
    others = [one.name for one in commands if one.name not in grouped and one.name not in owners]
    groups = (*_GROUPS, ("More", others), ("For owners", owners))
    by_name = {one.name: one for one in commands}
    blocks = [
        join("\n", (bold(title), *(f"/{name} · {by_name[name].does}" for name in names if name in by_name)))
        for title, names in groups
        if any(name in by_name for name in names)
    ]
    unknown = [no_such_command(topic, commands)] if topic else []
    return join("\n\n", (*unknown, *blocks, fill("More about one of them: {}", code("/help watch"))))


def no_such_command(topic: str, commands: Sequence[Command]) -> Html:
    """Return what /help says of a word that is no command, with the one that was probably meant."""
    words = {word: one.name for one in commands for word in (one.name, *one.aliases)}
    close = difflib.get_close_matches(topic, words, n=1)
    meant = f" Did you mean /{words[close[0]]}?" if close else ""
    return fill("I don't know a command called {}.{} These are all:", typed_word(topic), meant)


_GROUPS = (
    ("Begin with", ("watch", "list", "balance", "mute", "status")),
    ("Change what is watched", ("unwatch", "rename", "name", "here")),
    ("Fewer alerts, and more again", ("only", "loud", "ignore", "unignore", "unmute")),
    ("When alerts come", ("alarm", "quiet", "budget", "digest", "zone")),
)
"""What people want to do, and the commands for it; those in none of these stand below."""

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
