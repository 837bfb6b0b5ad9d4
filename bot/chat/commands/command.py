"""What a family of commands declares: each command is one `Feature`, named once in `registry`.

A feature is what people read of it (`Command`), how its arguments are read (`read`), and what its buttons
do (`callbacks`). Reading gives a `Request`, a value that knows what it needs and can carry itself out, so
that nothing stands between what was typed and who handles it.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum
from types import MappingProxyType

from bot.chat.buttons.button_commands import ButtonCommands
from bot.chat.buttons.data import Attachment, ButtonAction, Press, Screen
from bot.chat.buttons.screens import Screens
from bot.chat.chart_turns import ChartTurns
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.permissions import Incoming, Permissions
from bot.chat.telegram.downloads import IncomingDocument
from bot.chat.text.html import Html, code, fill, join
from bot.domain.assets import Address, Part
from bot.domain.chains import Chains, Listing
from bot.domain.chat.access import Action
from bot.domain.class_names import kind_of
from bot.domain.observe.holdings import Sweeps
from bot.domain.observe.recipients import Rules
from bot.domain.places import Place
from bot.domain.zones import local
from bot.store.chats.rules.zones import zone_here
from bot.store.database.connection import DatabaseThread
from bot.store.polling.chains import listing

# ---------------------------------------------------------------- what people read of it


class Who(StrEnum):
    """Who may use a command."""

    ANYONE = "anyone"
    """In closed chats too, where the answer may be how to get in."""
    READERS = "readers"
    """Everybody in an open chat."""
    CHANGERS = "changers"
    """In an open group its administrators, in an open private chat its user."""
    OWNERS = "owners"
    """Who may also do all of the above."""


@dataclass(frozen=True, slots=True)
class Example:
    """One thing to type, and what it does."""

    text: str
    does: str


@dataclass(frozen=True, slots=True)
class Command:
    """What people read of a command in menus, /help and the manual, and who may use it."""

    name: str
    does: str
    """One line for the menu and /help."""
    grammar: str
    examples: tuple[Example, ...]
    who: Who
    aliases: tuple[str, ...] = ()

    @property
    def needs(self) -> Action:
        """What a person must be allowed to do here before the command is carried out."""
        match self.who:
            case Who.OWNERS:
                return Action.OWN
            case Who.CHANGERS:
                return Action.CHANGE
            case Who.READERS | Who.ANYONE:
                return Action.LOOK


# ---------------------------------------------------------------- what it works with


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What commands work with: handed to every request and callback."""

    db: DatabaseThread
    permissions: Permissions
    screens: Screens
    chains: Chains
    button_commands: ButtonCommands
    commands: Sequence[Command]
    """All there are, in the order of /help."""
    username: Callable[[], str]
    """Returns the bot's own name, which Telegram may change."""
    sweeps: Callable[[], Awaitable[Sweeps]]
    ask_live: Callable[[Place, Address, Rules], Awaitable[Sequence[Html]]]
    """Asks the source about an account that nobody watches in a place."""
    explain: Callable[[Collection[int]], Awaitable[None]]
    """Asks which transfers explain changes, by their numbers, and returns once what was found is stored."""
    owners_are_configured: bool
    """Whether the configuration names the owners, so that nobody else can."""
    owners_changed: Callable[[], None]
    """Called when somebody becomes an owner, or is one no more."""
    run_slowly: Callable[[Place, "SlowWork"], Awaitable["Answer"]]
    """Runs what makes a file: what is not there almost at once is said in the place when it comes."""
    look_up_chat: Callable[[int | str], Awaitable[Place | None]]
    """Asks Telegram about a chat, by its id or @name."""
    download: Callable[[IncomingDocument, int], Awaitable[bytes | str]]
    """Returns what is in a file of so many bytes at most; a `str` says in words why it can't be had."""
    posting_trouble: Callable[[int], Awaitable[str]]
    """Returns why the bot can't post in the channel of an id, "" if it can."""
    chart_turns: ChartTurns
    max_subscriptions_per_chat: int
    history_days: int
    """For so long it is known what happened."""
    contract_status: Part
    """The part that stands for the lists of the configured contract status."""
    now: Callable[[], datetime]

    async def now_in(self, place: Place) -> datetime:
        """Return the current time in the zone of a place, for the moments that are read there."""
        return local(self.now(), await self.db.run(zone_here, place))

    async def listing(self) -> Listing:
        """Return which chains the source has, as far as it said, and which of them are asked."""
        return await self.db.run(listing)


# ---------------------------------------------------------------- what is asked for

Answer = Sequence[Html | Screen | Attachment]
"""The messages of one answer, in order."""

SlowWork = Callable[[Callable[[Html], None]], Awaitable[Answer]]
"""Work that tells now and then how far it is."""


class Missing(Enum):
    """What a command is about and does not name."""

    ACCOUNT = "account"
    TOKEN = "token"  # noqa: S105 - no secret
    COUNTERPARTY = "counterparty"
    """With whom a change was, and who has no name yet."""
    MESSAGE = "message"
    """Which was sent; one that is none is taken for the account that it is about."""


class Request(ABC):
    """What somebody asks for: read from a message, and able to carry itself out."""

    __slots__ = ()

    @property
    @abstractmethod
    def needs(self) -> Action:
        """What the person must be allowed to do; nothing is carried out before that is known."""

    @property
    def is_talk(self) -> bool:
        """Whether in a group it may be meant for others, and counts only where the bot is spoken to."""
        return False

    @property
    def missing(self) -> "Missing | None":
        """What is not named in it, and may be named by the message that it replies to."""
        return None

    @property
    def kind(self) -> str:
        """Its name in metrics: `watch_token` for a WatchTokenRequest."""
        return kind_of(self).removesuffix("_request")

    @abstractmethod
    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Do it and return the answer; safe to run twice, since Telegram repeats updates after a crash."""


@dataclass(frozen=True, slots=True)
class Usage(Request):
    """A command that lacks something or has something wrong: it is answered by how to use it."""

    command: Command
    reason: Html | str = ""
    missing: Missing | None = field(default=None, compare=False)

    @property
    def needs(self) -> Action:
        """To read how a command is used: owners' commands are explained to owners only."""
        return Action.OWN if self.command.who is Who.OWNERS else Action.LOOK

    async def carry_out(self, _services: Services, _incoming: Incoming) -> Answer:
        """Explain the command."""
        return (usage(self.command, self.reason),)


@dataclass(frozen=True, slots=True)
class Refusal(Request):
    """What was typed is not taken; the reason says what to type in its place."""

    needs = Action.LOOK
    reason: Html

    async def carry_out(self, _services: Services, _incoming: Incoming) -> Answer:
        """Say why."""
        return (self.reason,)


def usage(command: Command, reason: Html | str = "") -> Html:
    """Return how a command is used, after what was wrong with it."""
    lines: list[Html | str] = [reason, ""] if reason else []
    lines += [f"/{command.name} · {command.does}", code(command.grammar), ""]
    lines += [fill("{}\n{}", code(example.text), example.does) for example in command.examples]
    return join("\n", lines)


# ---------------------------------------------------------------- what its buttons do


@dataclass(frozen=True, slots=True)
class CallbackResult:
    """What comes of a press: a toast, then what takes longer, then what changes on the screen."""

    toast: str = ""
    redraw: Screen | None = None
    """What the message shows from now on; None: it stays."""
    is_only_to_see: bool = False
    """Whether the press only showed something: where the message can't be edited, nothing came of it."""
    is_used_up: bool = False
    """Whether the button goes away."""
    ends_buttons: bool = False
    """Whether all buttons of the message go away."""
    then: Callable[[], Awaitable[Answer]] | None = None
    """What is to be done once the presser has an answer, and may take its time."""


@dataclass(frozen=True, slots=True)
class CallbackAction:
    """What a press does, once its row is found in this chat; it is done if the presser may."""

    needs: Action
    act: Callable[[Incoming], Awaitable[CallbackResult]]
    place: Place
    """Where it happens: the row knows the topic even where the message is out of reach."""


FindCallback = Callable[[Services, Incoming, Press], Awaitable[CallbackAction | None]]
"""Finds the row that a press names in the chat it came from; None: it is not there."""


# ---------------------------------------------------------------- all of it


@dataclass(frozen=True, slots=True)
class Feature:
    """All of one command: what people read, how it is read, what its buttons do."""

    command: Command
    read: Callable[[str, ChainReader], Request]
    """Reads what follows the command; what can't be read becomes a `Usage`."""
    callbacks: Mapping[ButtonAction, FindCallback] = field(default_factory=lambda: MappingProxyType({}))
    """What its buttons do."""
    read_as: Mapping[str, Callable[[str, ChainReader], Request]] = field(
        default_factory=lambda: MappingProxyType({})
    )
    """Aliases that say more than the name, and how what follows them is read."""
