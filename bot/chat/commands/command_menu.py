"""The lists of commands in Telegram's apps: each chat shows those that work there.

A menu is a convenience, not access control. Telegram keeps it until it is deleted (docs/telegram.md, "Command
menus"), so the menus of former owners are deleted.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import NoReturn

import structlog
from telegram import (
    Bot,
    BotCommand,
    BotCommandScope,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
    BotCommandScopeDefault,
)
from telegram.error import BadRequest, Forbidden

from bot.chat.commands.basics import START_COMMAND
from bot.chat.commands.command import Command, Who
from bot.chat.commands.registry import COMMANDS
from bot.domain.backoff import Backoff
from bot.store.chats.owners import owners_with_menu, save_owners_with_menu
from bot.store.database.connection import DatabaseThread

log = structlog.get_logger(__name__)

MENU_BACKOFF = Backoff((5.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 600.0))
"""After failures in a row; without jitter, since nothing else sets menus."""

Menu = tuple[BotCommandScope, tuple[Command, ...]]


def menus(owners: Collection[int]) -> tuple[Menu, ...]:
    """Return the menus, from wide to narrow; in each chat Telegram shows only the narrowest that fits."""
    return (
        (BotCommandScopeAllPrivateChats(), _for({Who.ANYONE, Who.READERS, Who.CHANGERS})),
        (BotCommandScopeAllGroupChats(), _without_start({Who.ANYONE, Who.READERS})),
        (BotCommandScopeAllChatAdministrators(), _without_start({Who.ANYONE, Who.READERS, Who.CHANGERS})),
        *((BotCommandScopeChat(owner), _for(set(Who))) for owner in sorted(owners)),
    )


class Menus:
    """Sets the menus, and tries again until that works."""

    def __init__(
        self,
        bot: Bot,
        db: DatabaseThread,
        *,
        owners: Callable[[], Collection[int]],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._bot = bot
        self._db = db
        self._owners = owners
        self._sleep = sleep
        self._changed = asyncio.Event()

    def change(self) -> None:
        """Set the menus anew soon: there is another owner."""
        self._changed.set()

    async def run(self) -> NoReturn:
        """Set the menus now, and whenever they change."""
        while True:
            self._changed.clear()
            await self._set_at_last()
            await self._changed.wait()

    async def _set_at_last(self) -> None:
        failures = 0
        while True:
            try:
                await self._set()
            except Exception as error:  # noqa: BLE001 - a menu is no reason to stop, whatever the answer
                log.warning("the menus were not set", action="menus_failed", error=type(error).__name__)
            else:
                return
            await self._sleep(MENU_BACKOFF.seconds(failures, 0.0))
            failures += 1

    async def _set(self) -> None:
        owners = frozenset(self._owners())
        # Other programs may have set one under this token; ours are all narrower.
        await self._bot.delete_my_commands(BotCommandScopeDefault())
        for former in await self._db.run(owners_with_menu) - owners:
            await self._unless_unknown(self._bot.delete_my_commands(BotCommandScopeChat(former)))
        # Saved first, so a crash leaves no menu that we cannot delete.
        await self._db.run(save_owners_with_menu, owners)
        for scope, commands in menus(owners):
            shown = [BotCommand(command.name, command.does) for command in commands]
            await self._unless_unknown(self._bot.set_my_commands(shown, scope))

    async def _unless_unknown(self, request: Awaitable[bool]) -> None:
        """Ignore that a chat is unknown to the bot: an owner who never pressed Start has no menu."""
        try:
            await request
        except (BadRequest, Forbidden) as error:
            log.info("a menu was not set", action="menu_refused", error=type(error).__name__)


def _for(who: Collection[Who]) -> tuple[Command, ...]:
    return tuple(command for command in COMMANDS if command.who in who)


def _without_start(who: Collection[Who]) -> tuple[Command, ...]:
    """Return the commands without /start, which only begins a private chat."""
    return tuple(command for command in _for(who) if command is not START_COMMAND)
