"""The menus of Telegram's apps, against the local Telegram."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from telegram import BotCommandScope

from bot.chat.commands.command import Who
from bot.chat.commands.command_menu import Menus, menus
from bot.chat.commands.registry import COMMANDS
from bot.chat.telegram.connection import build_bot
from bot.sandbox.telegram.api.commands import Scope
from bot.sandbox.telegram.api.faults import Error, before
from bot.sandbox.telegram.server import SANDBOX_TOKEN, Telegram
from tests.store.conftest import Keeper, open_new_keeper
from tests.waits import until

OLGA, NINA = 7001, 7002


def shown(owners: set[int]) -> dict[Scope, list[str]]:
    return {
        (scope.type, getattr(scope, "chat_id", 0), 0): [command.name for command in commands]
        for scope, commands in menus(owners)
    }


def of(scope: str, chat: int = 0) -> Scope:
    return scope, chat, 0


def test_each_place_shows_what_works_there() -> None:
    private = [command.name for command in COMMANDS if command.who is not Who.OWNERS]
    look = [command.name for command in COMMANDS if command.who in (Who.ANYONE, Who.READERS)]
    look.remove("start")

    assert shown(set()) == {
        of("all_private_chats"): private,
        of("all_group_chats"): look,
        of("all_chat_administrators"): [name for name in private if name != "start"],
    }
    assert "watch" not in look


def test_owners_see_everything_in_their_private_chat() -> None:
    menu = shown({OLGA})[of("chat", OLGA)]

    assert menu == [command.name for command in COMMANDS]


def test_every_line_fits_what_telegram_takes() -> None:
    for command in COMMANDS:
        assert 1 <= len(command.name) <= 32
        assert 1 <= len(command.does) <= 256


class Place:
    """A local Telegram, a store, and menus that are being kept."""

    def __init__(self, telegram: Telegram, keeper: Keeper, owners: set[int]) -> None:
        self.telegram = telegram
        self.owners = owners
        self.pauses: list[float] = []
        self.keeper = keeper
        self.bot = build_bot(SANDBOX_TOKEN, telegram.url)
        self.menus = Menus(self.bot, keeper.db, owners=lambda: self.owners, sleep=self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)

    def set_menus(self) -> set[Scope]:
        """Return the scopes that have a menu."""
        return {scope for scope, _ in self.telegram._methods.commands._lists}

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.menus.run())
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    path = tmp_path / "bot.sqlite3"
    telegram = Telegram()
    for user_id in (OLGA, NINA):
        telegram.add_private_chat(telegram.add_user("Owner", user_id=user_id))
    keeper = await open_new_keeper(path)
    async with telegram.serve():
        one = Place(telegram, keeper, {OLGA})
        await one.bot.initialize()
        yield one
        await one.bot.shutdown()
    await keeper.db.close()


def scopes(*owners: int) -> set[Scope]:
    wide = {of("all_private_chats"), of("all_group_chats"), of("all_chat_administrators")}
    return wide | {of("chat", owner) for owner in owners}


async def test_menus_are_set_and_the_one_of_old_is_taken_away(place: Place) -> None:
    await place.bot.set_my_commands([("old", "An old one")])
    assert of("default") in place.set_menus()

    async with place.kept():
        await until(lambda: place.set_menus() == scopes(OLGA))


async def test_a_new_owner_gets_the_owners_menu_and_a_former_one_loses_it(place: Place) -> None:
    async with place.kept():
        await until(lambda: place.set_menus() == scopes(OLGA))
        place.owners = {NINA}
        place.menus.change()

        await until(lambda: place.set_menus() == scopes(NINA))


async def test_what_fails_is_tried_again_with_longer_pauses(place: Place) -> None:
    place.telegram.fault(before(Error(502, "Bad Gateway")), times=3, method="setMyCommands")

    async with place.kept():
        await until(lambda: place.set_menus() == scopes(OLGA))

    assert place.pauses == [5, 10, 20]


async def test_an_owner_who_is_not_known_yet_stops_no_menu_of_others(place: Place) -> None:
    place.telegram.fault(before(Error(400, "Bad Request: chat not found")), times=1, method="setMyCommands")

    async with place.kept():
        await until(lambda: len(place.set_menus()) == 3)

    assert place.pauses == []


def test_a_scope_is_one_of_the_librarys() -> None:
    assert all(isinstance(scope, BotCommandScope) for scope, _ in menus({OLGA}))
