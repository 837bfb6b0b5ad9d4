"""What people ask for, each as a value; who may ask for it follows from what it is."""

from dataclasses import dataclass
from datetime import timedelta

from bot.chat.commands.arguments.addresses import Named
from bot.chat.commands.command_table import Command, Who
from bot.domain.assets import Address, ChainId
from bot.domain.chat.access import Action


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that was not taken, as a whole."""

    line_number: int
    """From 1, the line of the command."""
    typed: str
    """The word that is wrong, shortened; "" where it is the line."""
    reason: str
    instead: str = ""
    """The whole line as it was probably meant, "" where nobody can tell."""


@dataclass(frozen=True, slots=True)
class WatchEntry:
    """One account to watch."""

    line_number: int
    account: Address
    contracts: frozenset[Address] = frozenset()
    chains: frozenset[ChainId] = frozenset()
    label: str = ""


@dataclass(frozen=True, slots=True)
class Start:
    """`/start`, with the payload of a deep link or ""."""

    payload: str


@dataclass(frozen=True, slots=True)
class Help:
    """`/help`; None: all commands."""

    topic: Command | None


@dataclass(frozen=True, slots=True)
class Id:
    """`/id`."""


@dataclass(frozen=True, slots=True)
class Allow:
    """`/allow`; None: this chat."""

    chat_id: int | None


@dataclass(frozen=True, slots=True)
class Deny:
    """`/deny`; None: this chat."""

    chat_id: int | None


@dataclass(frozen=True, slots=True)
class Chats:
    """`/chats`."""


@dataclass(frozen=True, slots=True)
class Audit:
    """`/audit`."""


@dataclass(frozen=True, slots=True)
class Watch:
    """`/watch` for accounts; at least one entry or one bad line."""

    entries: tuple[WatchEntry, ...]
    bad: tuple[BadLine, ...]


@dataclass(frozen=True, slots=True)
class WatchToken:
    """`/watch token`; at least one contract or one bad line."""

    contracts: frozenset[Address]
    chains: frozenset[ChainId]
    label: str
    bad: tuple[BadLine, ...]


@dataclass(frozen=True, slots=True)
class Unwatch:
    """`/unwatch`."""

    who: tuple[str, ...]
    """The words; each may be an address, a `#number` or a label."""
    rest: str
    """The same as one text, since a label may have spaces."""


@dataclass(frozen=True, slots=True)
class List:
    """`/list`."""


@dataclass(frozen=True, slots=True)
class Here:
    """`/here`."""


@dataclass(frozen=True, slots=True)
class Ignore:
    """`/ignore` of contracts; at least one."""

    contracts: tuple[Address, ...]
    chains: frozenset[ChainId]
    """Empty: every chain."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """`/ignore` of nothing: what is ignored."""


@dataclass(frozen=True, slots=True)
class Unignore:
    """`/unignore`; at least one contract."""

    contracts: tuple[Address, ...]


@dataclass(frozen=True, slots=True)
class Mute:
    """`/mute`."""

    rest: str
    """All that follows it: a label may end like a length of time."""
    who: str
    """What is muted, without the length; "": everything."""
    span: timedelta

    @property
    def typed_span(self) -> str:
        """The length as it was typed, "" if none was."""
        return self.rest.partition(self.who)[2].strip(" ,") if self.who else self.rest


@dataclass(frozen=True, slots=True)
class Unmute:
    """`/unmute`; "": everything that is muted here."""

    who: str


@dataclass(frozen=True, slots=True)
class BalanceOf:
    """`/balance`; None: everything watched here."""

    who: str | None


@dataclass(frozen=True, slots=True)
class Status:
    """`/status`."""


@dataclass(frozen=True, slots=True)
class Believe:
    """`/believe`."""

    chain_id: ChainId


@dataclass(frozen=True, slots=True)
class Bare:
    """A message of addresses and nothing else; at least one address or one bad line."""

    named: tuple[Named, ...]
    bad: tuple[BadLine, ...]


@dataclass(frozen=True, slots=True)
class PossibleKey:
    """A message with what may be a private key; nothing of it is kept, so that nothing of it can be shown."""

    addressed: bool
    """Whether it was meant for the bot; in a group, others may be spoken to."""


Request = (
    Start
    | Help
    | Id
    | Allow
    | Deny
    | Chats
    | Audit
    | Believe
    | Watch
    | WatchToken
    | Unwatch
    | Here
    | Ignore
    | Ignored
    | Unignore
    | Mute
    | Unmute
    | List
    | BalanceOf
    | Status
    | Bare
    | PossibleKey
)


@dataclass(frozen=True, slots=True)
class Usage:
    """A command of ours that lacks something, or has something wrong; `reason` may be ""."""

    command: Command
    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A command that is none of ours."""

    word: str
    closest: Command | None
    addressed: bool
    """Whether it named this bot; in a group one that did not may be meant for another bot."""
    rest: str = ""
    """What followed the word."""


@dataclass(frozen=True, slots=True)
class NotForUs:
    """A command that names another bot."""


def needs(request: Request | Usage | Unknown) -> Action:
    """Return how much somebody wishes to do who asks for this."""
    match request:
        case Allow() | Deny() | Believe() | Chats() | Audit():
            return Action.OWN
        case Watch() | WatchToken() | Unwatch() | Here():
            return Action.CHANGE
        case Ignore() | Unignore() | Mute() | Unmute():
            return Action.CHANGE
        case Usage(command) if command.who is Who.OWNERS:
            return Action.OWN
        case _:
            return Action.LOOK
