"""A command whose commit is of unknown fate is handled again: that does no harm, and is answered once."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.chat.permissions import Permissions
from bot.chat.telegram import receiver
from bot.chat.telegram.connection import build_bot
from bot.domain.places import Place
from bot.sandbox.telegram.world.world import Message
from bot.store.chats import owners
from bot.store.database.connection import DatabaseThread
from bot.store.database.errors import CommitUnknown
from tests.builders import VERIFIED
from tests.faulty_database import Fate, FaultyDatabase, ForgetfulServer, make_faulty, make_forgetful
from tests.stack import CHECKSUMMED, Stack, open_stack
from tests.store.conftest import OLGA, olga, open_new_keeper
from tests.waits import until

PAYROLL = "0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045"


class Databases:
    """Those that the bot has opened."""

    def __init__(self) -> None:
        self.opened: list[FaultyDatabase | ForgetfulServer] = []

    async def forget_the_next_change(self) -> None:
        """Let the next command that changes something be done without anybody knowing."""
        await until(lambda: bool(self.opened))
        self.opened[0].unknown_with = "audit"

    @property
    def forgot(self) -> bool:
        return not self.opened[0].unknown_with


@pytest.fixture
def databases(monkeypatch: pytest.MonkeyPatch) -> Databases:
    databases, open_thread = Databases(), DatabaseThread.open

    async def open_faulty(*args: Any, **kwargs: Any) -> DatabaseThread:  # noqa: ANN401 - as it takes them
        thread = await open_thread(*args, **kwargs)
        databases.opened.append(await make_forgetful(thread))
        return thread

    monkeypatch.setattr(DatabaseThread, "open", open_faulty)
    monkeypatch.setattr(receiver, "AGAIN_SECONDS", 0.01)
    return databases


@pytest.fixture
async def stack(tmp_path: Path, databases: Databases) -> AsyncIterator[Stack]:
    async with open_stack(tmp_path) as one:
        one.start()
        await databases.forget_the_next_change()
        yield one


def count(stack: Stack, table: str) -> int:
    ((number,),) = stack.rows(f"SELECT count(*) FROM {table}")
    return int(number)


async def says(stack: Stack, databases: Databases, text: str, wanted: str) -> Message:
    """Let Olga change something without anybody knowing, and wait for the answer."""
    await databases.forget_the_next_change()
    before = len(stack.said())
    stack.say(text)
    answer = await stack.hears(wanted)
    assert databases.forgot, "the command changed nothing"
    assert sum(said == answer.text for said in stack.said()[before:]) == 1
    assert not [said for said in stack.said() if "Nothing was changed" in said or "went wrong" in said]
    return answer


async def test_what_changes_something_is_done_once_though_it_is_handled_twice(
    stack: Stack, databases: Databases
) -> None:
    await says(stack, databases, f"/watch {CHECKSUMMED} as Treasury", "Already watching")
    assert count(stack, "subscription") == 1

    await says(stack, databases, "/mute 2h", "muted")
    assert count(stack, "mute") == 1

    await says(stack, databases, f"/name {PAYROLL} Payroll", "Payroll")
    assert count(stack, "name") == 1

    await says(stack, databases, "/only Treasury above $100", "only changes of")
    await says(stack, databases, "/quiet 22:00-07:00", "Quiet hours here")
    assert count(stack, "quiet") == 1

    await says(stack, databases, "/unmute", "muted")
    assert count(stack, "mute") == 0

    await says(stack, databases, "/unwatch Treasury", "not watched here")
    assert count(stack, "subscription") == 0


async def test_a_press_is_done_once_though_it_is_handled_twice(stack: Stack, databases: Databases) -> None:
    databases.opened[0].unknown_with = ""
    await stack.watches()
    stack.say("/unwatch Treasury")
    ended = await stack.hears("Treasury")
    assert count(stack, "subscription") == 0

    await databases.forget_the_next_change()
    await stack.presses(ended, "Undo")

    assert databases.forgot
    await until(lambda: count(stack, "subscription") == 1)


async def test_an_owner_whose_removal_nobody_knew_of_is_none_once_it_is_repeated(tmp_path: Path) -> None:
    keeper = await open_new_keeper(tmp_path / "bot.sqlite3")
    faulty = await make_faulty(keeper.db)
    petr = Place(7002, "private", "Petr")
    for place in (OLGA, petr):
        await keeper.db.run(owners.add_owner, place, olga())
    permissions = Permissions(
        build_bot("1:a", "http://127.0.0.1:1"),
        keeper.db,
        owners=frozenset({OLGA.chat_id, petr.chat_id}),
        chats=frozenset(),
        contract_status=VERIFIED,
        monotonic=lambda: 0.0,
    )
    faulty.fates.append(Fate.UNKNOWN_DONE)
    with pytest.raises(CommitUnknown):
        await permissions.remove_owner(petr, olga())
    assert petr.chat_id in permissions.owners

    assert await permissions.remove_owner(petr, olga())

    assert permissions.owners == {OLGA.chat_id}
    assert not await permissions.remove_owner(OLGA, olga()), "the last one stays"
    assert permissions.owners == {OLGA.chat_id}
    await keeper.db.close()
