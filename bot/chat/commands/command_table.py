"""The one table of commands: the menu, /help and the manual come from it or are tested against it."""

from dataclasses import dataclass
from enum import StrEnum


class Who(StrEnum):
    """Who may use a command (design.md 8)."""

    ANYONE = "anyone"
    """In closed chats too."""
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
    """One row of the table."""

    name: str
    does: str
    """One line for the menu and /help."""
    grammar: str
    examples: tuple[Example, ...]
    who: Who
    aliases: tuple[str, ...] = ()


_ACCOUNT = "0x8e3E38fe7367dd3b52D1e281E4e8400447C8d8B9"
_CONTRACT = "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48"

START = Command("start", "Say hello", "/start", (Example("/start", "says hello"),), Who.ANYONE)
HELP = Command(
    "help",
    "What the bot can do",
    "/help [COMMAND]",
    (Example("/help", "lists the commands"), Example("/help watch", "explains one of them")),
    Who.ANYONE,
)
ID = Command(
    "id", "Show the ids of this chat and of you", "/id", (Example("/id", "shows the ids"),), Who.ANYONE
)
WATCH = Command(
    "watch",
    "Tell this chat when balances of an address change",
    "/watch ADDRESS… [contract ADDRESS…] [on CHAIN,…] [as LABEL]",
    (
        Example(f"/watch {_ACCOUNT} as Treasury", "watches all it holds, under a name"),
        Example(f"/watch {_ACCOUNT} on polygon, base", "watches it on these chains only"),
        Example(f"/watch {_ACCOUNT} contract {_CONTRACT}", "watches one token of it"),
        Example(f"/watch token {_CONTRACT}", "watches a token in every account watched here"),
    ),
    Who.CHANGERS,
    ("add",),
)
UNWATCH = Command(
    "unwatch",
    "Stop watching",
    "/unwatch LABEL, ADDRESS or #NUMBER",
    (
        Example("/unwatch Treasury", "stops what has this label"),
        Example("/unwatch #3", "stops number 3 of /list"),
    ),
    Who.CHANGERS,
    ("remove",),
)
LIST = Command(
    "list", "Show what this chat watches", "/list", (Example("/list", "shows all of it"),), Who.READERS
)
BALANCE = Command(
    "balance",
    "Show what an account holds",
    "/balance [LABEL, ADDRESS or #NUMBER]",
    (
        Example("/balance Treasury", "shows what it holds, and what that is worth"),
        Example("/balance", "shows all accounts watched here"),
        Example(f"/balance {_ACCOUNT}", "asks at once, if nobody watches it here"),
    ),
    Who.READERS,
    ("balances",),
)
STATUS = Command(
    "status",
    "Show how fresh each chain is, and what is still to be told",
    "/status",
    (Example("/status", "shows what is seen, what is not, and since when"),),
    Who.READERS,
)
IGNORE = Command(
    "ignore",
    "Hear no more of a token, or show what is ignored",
    "/ignore [CONTRACT…] [on CHAIN,…]",
    (
        Example(f"/ignore {_CONTRACT}", "ends what is told of this token here"),
        Example(f"/ignore {_CONTRACT} on polygon", "ends it on this chain only"),
        Example("/ignore", "shows what is ignored, with buttons that take it back"),
    ),
    Who.CHANGERS,
)
UNIGNORE = Command(
    "unignore",
    "Hear of an ignored token again",
    "/unignore CONTRACT…",
    (Example(f"/unignore {_CONTRACT}", "tells again what changes of it"),),
    Who.CHANGERS,
)
MUTE = Command(
    "mute",
    "Keep alerts for later, of this chat or of one account",
    "/mute [LABEL, ADDRESS or #NUMBER] [30m, 2h or 1d]",
    (
        Example("/mute", "keeps everything for an hour, and tells it then"),
        Example("/mute 2h", "keeps it for two hours"),
        Example(
            "/mute Treasury 1d", "keeps what is about one account for a day, on the chains of that label"
        ),
    ),
    Who.CHANGERS,
)
UNMUTE = Command(
    "unmute",
    "Tell what is kept, and everything at once again",
    "/unmute [LABEL, ADDRESS or #NUMBER]",
    (
        Example("/unmute", "ends all that is muted here"),
        Example("/unmute Treasury", "ends it for one account"),
    ),
    Who.CHANGERS,
)
HERE = Command(
    "here",
    "Move here what closed or deleted topics watched",
    "/here",
    (Example("/here", "moves it to the topic where you say this, with all that is still to be told"),),
    Who.CHANGERS,
)
ALLOW = Command(
    "allow",
    "Open this chat, or another one, for the bot",
    "/allow [CHAT ID]",
    (Example("/allow", "opens this chat"), Example("/allow -1001234567890", "opens another chat")),
    Who.OWNERS,
)
DENY = Command(
    "deny",
    "Close this chat, or another one",
    "/deny [CHAT ID]",
    (Example("/deny", "closes this chat"), Example("/deny -1001234567890", "closes another chat")),
    Who.OWNERS,
)
CHATS = Command(
    "chats",
    "Show which chats may use the bot, and which ask to",
    "/chats",
    (Example("/chats", "shows them, with buttons that open and close"),),
    Who.OWNERS,
)
AUDIT = Command(
    "audit",
    "Show who changed what",
    "/audit",
    (Example("/audit", "shows the latest changes first"),),
    Who.OWNERS,
)
BELIEVE = Command(
    "believe",
    "Take for real what vanished from a chain at once",
    "/believe CHAIN",
    (Example("/believe polygon", "tells as gone, with the next sweep, what vanished there"),),
    Who.OWNERS,
)

COMMANDS: tuple[Command, ...] = (
    START,
    WATCH,
    UNWATCH,
    LIST,
    BALANCE,
    STATUS,
    MUTE,
    UNMUTE,
    IGNORE,
    UNIGNORE,
    HERE,
    HELP,
    ID,
    ALLOW,
    DENY,
    CHATS,
    AUDIT,
    BELIEVE,
)
