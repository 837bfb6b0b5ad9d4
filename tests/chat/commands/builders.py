"""What the tests of commands share: messages read, and small values to word."""

from collections.abc import Iterable
from datetime import UTC, datetime

from bot.chat.commands.arguments.errors import BadLine
from bot.chat.commands.command import Command, Request, Usage
from bot.chat.commands.dispatch import NotForUs, parse
from bot.chat.commands.watch.grammar import WatchEntry
from bot.chat.commands.watch.watch import WatchRequest
from bot.chat.text.html import EMPTY, Html
from bot.domain.assets import Address, ChainId
from bot.domain.chat.audit import Actor, AuditAction, AuditEntry
from bot.domain.chat.known_chats import KnownChat
from bot.domain.places import Place
from bot.domain.subscriptions import DestinationId, Scope, Subscription, SubscriptionId
from tests.chat.reading import (
    CHAINS,
    TREASURY,
    seen,
)

NOON = datetime(2026, 11, 22, 14, 3, 22, tzinfo=UTC)
CHAT = -1001234567890


def parsed(text: str) -> Request | NotForUs:
    return parse(text, "OurBot", CHAINS)


def entries(text: str) -> list[WatchEntry]:
    request = parsed(text)
    assert isinstance(request, WatchRequest)
    assert request.bad == ()
    return list(request.entries)


def refused(text: str) -> list[BadLine]:
    request = parsed(text)
    assert isinstance(request, WatchRequest)
    return list(request.bad)


def sentences(bad: Iterable[BadLine]) -> list[str]:
    return [text(line.sentence) for line in bad]


def watched(
    line: int,
    account: Address,
    *,
    contracts: frozenset[Address] = frozenset(),
    chains: frozenset[ChainId] = frozenset(),
    label: str = "",
) -> WatchEntry:
    return WatchEntry(line, account, Scope(contracts=contracts, chains=chains), label)


def usage_of(typed: str) -> tuple[Command, str]:
    """Return which command is explained, and what is said to be wrong."""
    request = parsed(typed)
    assert isinstance(request, Usage)
    return request.command, text(EMPTY + request.reason)


def text(html: Html) -> str:
    assert html.fits
    assert seen(html.source) == html.visible
    return html.visible


def texts(pages: tuple[Html, ...]) -> list[str]:
    return [text(page) for page in pages]


def subscription(
    account: Address | None = TREASURY,
    label: str = "",
    *,
    contracts: frozenset[Address] = frozenset(),
    chains: frozenset[ChainId] = frozenset(),
) -> Subscription:
    return Subscription(
        id=SubscriptionId(1),
        destination_id=DestinationId(1),
        account=account,
        scope=Scope(contracts=contracts, chains=chains),
        label=label,
    )


def known_chat(title: str) -> KnownChat:
    return KnownChat(
        1,
        Place(CHAT, "group", title),
        is_open=True,
        is_owner=False,
        subscriptions=2,
        unavailable=title or None,
        requested_at=None,
    )


def entry_of(name: str) -> AuditEntry:
    return AuditEntry(Actor(7001, name, NOON), AuditAction.WATCH, CHAT, name, name)
