"""Files, end to end: what stands under one may be a command, and what comes back may be one.

The command is of this test alone: what a file means is told in the tests of the commands that take one.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pytest

from bot.chat import callbacks
from bot.chat.buttons.data import Attachment, ButtonAction, Press, Screen, button, rows
from bot.chat.commands import dispatch, registry
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.command import (
    Answer,
    CallbackAction,
    CallbackResult,
    Command,
    Feature,
    Request,
    Services,
    Who,
)
from bot.chat.permissions import Incoming
from bot.chat.text.html import EMPTY
from bot.domain.chat.access import Action
from bot.sandbox.telegram.api.faults import Cut, Error, after, before
from bot.sandbox.telegram.server import SANDBOX_TOKEN
from bot.sandbox.telegram.world.world import Chat, Message
from tests.stack import CHECKSUMMED, Stack, open_stack

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (800).to_bytes(4) + (400).to_bytes(4)
MOST = 2_000
AGAIN = ButtonAction("again")
KEYBOARD = rows([button("Again", AGAIN, 1)])


@dataclass(frozen=True, slots=True)
class EchoRequest(Request):
    """Sends a file back as it came, behind a picture."""

    needs = Action.LOOK

    async def carry_out(self, services: Services, incoming: Incoming) -> Answer:
        """Fetch the file and send it."""
        document = incoming.document
        if document is None:
            return [EMPTY + "Which file?"]
        content = await services.download(document, MOST)
        if isinstance(content, str):
            return [EMPTY + f"{document.file_name}: {content}"]
        picture = Attachment(
            name="chart.png", content=PNG, caption=EMPTY + "Its picture", keyboard=KEYBOARD, is_picture=True
        )
        return [picture, Attachment(name=document.file_name, content=content, caption=EMPTY + "The file")]


async def find_again(_services: Services, incoming: Incoming, _press: Press) -> CallbackAction:
    async def act(_presser: Incoming) -> CallbackResult:
        return CallbackResult("Once more.", redraw=Screen(EMPTY + "Looked at"), is_only_to_see=True)

    return CallbackAction(Action.LOOK, act, incoming.place)


def read_echo(_text: str, _chains: ChainReader) -> Request:
    return EchoRequest()


ECHO = Feature(Command(name="echo", does="x", grammar="/echo", examples=(), who=Who.READERS), read_echo)


@pytest.fixture(autouse=True)
def _with_echo(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatch, "BY_WORD", MappingProxyType({**registry.BY_WORD, "echo": ECHO}))
    monkeypatch.setattr(callbacks, "FIND", MappingProxyType({**dispatch.FIND, AGAIN: find_again}))


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    async with open_stack(tmp_path) as one:
        one.start()
        yield one


def sends(
    stack: Stack, caption: str = "/echo", *, content: bytes = b"1,2", chat: Chat | None = None
) -> Message:
    return stack.telegram.sends_file(stack.olga, chat or stack.chat, "list.csv", content, caption)


async def ops(stack: Stack) -> Chat:
    """Open a group where the bot hears everything."""
    group = stack.telegram.add_group("Ops", {stack.olga: "creator"}, bot="administrator")
    stack.say("/allow", chat=group)
    await stack.hears(lambda _: True, chat=group)
    return group


def files_in(chat: Chat) -> list[tuple[str, bytes]]:
    return [
        (message.document.file_name, message.document.content)
        for message in chat.messages.values()
        if message.from_bot and message.document
    ]


def times_asked(stack: Stack) -> int:
    """Return how often the bot asked for a file."""
    return sum(call.method == "getFile" for call in stack.telegram.calls)


# ---------------------------------------------------------------- there and back


async def test_a_file_with_a_command_under_it_is_read_and_files_are_answered(stack: Stack) -> None:
    sends(stack)

    picture, file = await stack.hears("Its picture"), await stack.hears("The file")
    assert picture.document is not None
    assert picture.document.pixels == (800, 400)
    assert files_in(stack.chat) == [("chart.png", PNG), ("list.csv", b"1,2")]
    assert file.buttons == ()


async def test_a_reply_with_a_command_reads_the_file_that_it_replies_to(stack: Stack) -> None:
    sent = sends(stack, "")
    await stack.hears("Is that a list of addresses?")
    stack.say("/echo", reply_to=sent)
    ours = await stack.hears("The file")
    stack.say("/echo", reply_to=ours)
    await stack.hears("The file")
    stack.say("/echo")

    await stack.hears("Which file?")
    assert [name for name, _ in files_in(stack.chat)] == 2 * ["chart.png", "list.csv"]


async def test_a_press_under_a_picture_changes_what_stands_there(stack: Stack) -> None:
    sends(stack)
    picture = await stack.hears("Its picture")

    assert await stack.presses(picture, "Again") == "Once more."

    shown = await stack.shows(picture, "Looked at")
    assert (shown.document, shown.buttons) == (picture.document, ())


async def test_any_command_may_stand_under_a_file_and_other_words_mean_what_they_ever_do(
    stack: Stack,
) -> None:
    sends(stack, "/list")
    await stack.hears("Nothing is watched")
    sends(stack, f"see {CHECKSUMMED}")
    await stack.hears("What shall I do")
    sends(stack, "my list")
    await stack.hears("Send me an address")


# ---------------------------------------------------------------- what is left alone


async def test_a_file_in_a_group_without_a_command_is_not_touched(stack: Stack) -> None:
    group = await ops(stack)
    sends(stack, "", chat=group)
    sends(stack, "the list of March, echo it", chat=group)
    sends(stack, chat=group)

    await stack.hears("The file", chat=group)
    assert times_asked(stack) == 1
    assert len(stack.said(group)) == 3


async def test_a_forwarded_file_with_a_command_is_not_carried_out_and_a_reply_to_it_is(stack: Stack) -> None:
    sent = stack.telegram.sends_file(stack.olga, stack.chat, "list.csv", b"1,2", "/echo", came_from="Mallory")
    await stack.hears("forwarded command is not carried out")
    assert times_asked(stack) == 0

    stack.say("/echo", reply_to=sent)
    await stack.hears("The file")


async def test_a_file_in_a_channel_is_not_heard(stack: Stack) -> None:
    channel = stack.telegram.add_channel("News", {stack.olga: "creator"})

    sends(stack, chat=channel)
    sends(stack)

    await stack.hears("The file")
    assert stack.said(channel) == []


async def test_a_stranger_makes_the_bot_fetch_nothing(stack: Stack) -> None:
    mallory = stack.telegram.add_user("Mallory")
    chat = stack.telegram.add_private_chat(mallory)

    stack.telegram.sends_file(mallory, chat, "list.csv", b"1,2", "/echo")

    await stack.hears(lambda _: True, chat=chat)
    assert times_asked(stack) == 0


# ---------------------------------------------------------------- trouble


async def test_a_file_that_is_too_large_is_refused_before_it_is_asked_for(stack: Stack) -> None:
    sends(stack, content=bytes(MOST + 1))

    await stack.hears("list.csv: it is larger than 1 KB")
    assert times_asked(stack) == 0


async def test_a_file_that_is_cut_is_told_without_its_address(stack: Stack) -> None:
    stack.telegram.fault(after(Cut()), method="file")

    sends(stack)

    await stack.hears("list.csv: the connection to Telegram broke off")
    assert SANDBOX_TOKEN not in "".join(stack.said())


async def test_files_that_are_throttled_arrive_in_order_and_once(stack: Stack) -> None:
    flood = before(Error(429, "Too Many Requests: retry after 1", {"retry_after": 1}))
    stack.telegram.fault(flood, method="sendPhoto", times=1)

    sends(stack)

    await stack.hears("The file")
    assert [name for name, _ in files_in(stack.chat)] == ["chart.png", "list.csv"]


async def test_telegram_never_has_to_ask_for_a_pause_because_of_files(tmp_path: Path) -> None:
    async with open_stack(tmp_path, delivery=["private_messages_per_second = 1"]) as stack:
        stack.telegram.enforce_limits()
        stack.start()
        for _ in range(3):
            sends(stack)

        for _ in range(3):
            await stack.hears("The file")
        assert stack.telegram.floods == []


async def test_where_no_files_may_be_posted_the_chat_reads_why(stack: Stack) -> None:
    group = await ops(stack)
    stack.telegram.forbid(group, "photos", "documents")

    sends(stack, chat=group)

    for _ in range(2):
        await stack.hears("I may not post files here", chat=group)
    assert files_in(group) == []


async def test_what_has_not_left_a_chat_that_is_closed_never_does(stack: Stack) -> None:
    group = await ops(stack)
    hold = stack.telegram.hold_before(method="sendPhoto")
    sends(stack, chat=group)
    await hold.arrived()

    stack.say(f"/deny {group.id}")
    await stack.hears("closed")
    hold.release()
    await stack.telegram.wait_for_message(group, "Its picture")
    stack.say("/list")

    await stack.hears("Nothing is watched")
    assert [name for name, _ in files_in(group)] == ["chart.png"]
