"""/export, by the whole bot: a file of what one place watched, whole or not at all."""

import csv
import json
import shutil
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest

from bot.chat.commands.history import export
from bot.chat.commands.history.export_writer import ExportWriter
from bot.domain.history.changes import PastChange
from bot.sandbox.telegram.world.world import Chat, Message
from tests.program import ran
from tests.stack import (
    ACCOUNT,
    CHECKSUMMED,
    DAI,
    ETHEREUM,
    POLYGON,
    USDC_POLYGON,
    Stack,
    buttons_of,
    open_stack,
)
from tests.waits import HANG_SECONDS, until


@pytest.fixture
async def stack(tmp_path: Path) -> AsyncIterator[Stack]:
    """Olga watches an account."""
    async with open_stack(tmp_path) as one:
        one.start()
        await one.watches()
        yield one


class Gate:
    """Where the writing of a file waits until it is let."""

    def __init__(self) -> None:
        self.is_reached = threading.Event()
        self._is_open = threading.Event()

    def open(self) -> None:
        self._is_open.set()

    def wait(self) -> None:
        self.is_reached.set()
        self._is_open.wait(HANG_SECONDS)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """Let each file wait before its first change is written."""
    one, write = Gate(), ExportWriter._write

    def gated(writer: ExportWriter, found: Sequence[PastChange]) -> None:
        one.wait()
        write(writer, found)

    monkeypatch.setattr(ExportWriter, "_write", gated)
    yield one
    one.open()


async def moves(stack: Stack, units: int, *, chat: Chat | None = None) -> Message:
    """Let USDC come or go, and wait for the alert."""
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, units * 1_000_000)
    return await stack.hears("USDC (", chat=chat)


async def exported(
    stack: Stack, command: str = "/export", *, chat: Chat | None = None, topic: int | None = None
) -> Message:
    """Ask for a file and return the message that brings it."""
    stack.say(command, chat=chat, topic=topic)
    return await hears_file(stack, chat=chat)


async def hears_file(stack: Stack, *, chat: Chat | None = None) -> Message:
    return await stack.hears(lambda message: message.document is not None, chat=chat)


def content_of(message: Message) -> bytes:
    assert message.document is not None
    return message.document.content


def rows_of(message: Message) -> list[dict[str, str]]:
    text = content_of(message).decode("utf-8-sig")
    return list(csv.DictReader(StringIO(text, newline=""), strict=True))


def moved(message: Message) -> list[tuple[str, str]]:
    return [(row["symbol"], row["change"]) for row in rows_of(message)]


def files_in(stack: Stack, chat: Chat | None = None) -> list[Message]:
    return [one for one in stack.telegram.messages(chat or stack.chat) if one.document is not None]


# ---------------------------------------------------------------- what is in it


async def test_each_change_is_a_row_with_the_message_that_told_it(stack: Stack) -> None:
    first, second = await moves(stack, 7), await moves(stack, -50)

    message = await exported(stack)

    read = rows_of(message)
    assert [(row["before"], row["after"], row["change"]) for row in read] == [
        ("50", "57", "7"),
        ("57", "7", "-50"),
    ]
    assert [row["message_id"] for row in read] == [one.text.rpartition(" · ")[2] for one in (first, second)]
    assert {row["account"] for row in read} == {CHECKSUMMED}
    assert {(row["label"], row["chain"], row["symbol"], row["reported"]) for row in read} == {
        ("Treasury", "Polygon", "USDC", "sent")
    }
    assert message.text.startswith("2 changes, ")
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    assert message.document is not None
    assert message.document.file_name == f"changes-{day}.csv"


async def test_json_has_the_same_and_all_its_numbers_are_strings(stack: Stack) -> None:
    await moves(stack, 7)

    (row,) = json.loads(content_of(await exported(stack, "/export json")))

    assert (row["before_raw"], row["after"], row["chain_id"]) == ("50000000", "57", "137")
    assert all(value is None or isinstance(value, str | list) for value in row.values())


async def test_an_account_a_token_and_a_time_narrow_it(stack: Stack) -> None:
    await moves(stack, 7)
    stack.world.move(ETHEREUM, DAI, ACCOUNT, 10**18)
    await stack.hears("DAI")

    assert moved(await exported(stack)) == [("USDC", "7"), ("DAI", "1")]
    assert moved(await exported(stack, "/export Treasury DAI 1h csv")) == [("DAI", "1")]
    stack.say("/export Nobody")
    await stack.hears("Nobody")


async def test_a_reply_to_an_alert_is_about_its_account(stack: Stack) -> None:
    alert = await moves(stack, 7)

    stack.say("/export", reply_to=alert)
    message = await hears_file(stack)

    assert "of Treasury" in message.text


async def test_what_was_not_reported_is_in_it_with_the_reason(stack: Stack) -> None:
    stack.say("/only min $10")
    await stack.hears("only changes of $10.00")
    stack.world.move(POLYGON, USDC_POLYGON, ACCOUNT, -1_000_000)
    await stack.asked(3)

    message = await exported(stack)

    assert [(row["change"], row["reported"], row["message_id"]) for row in rows_of(message)] == [
        ("-1", "filter", "")
    ]
    assert "Without a message of their own here: 1 held back by /only" in message.text


async def test_where_nothing_changed_a_sentence_says_so(stack: Stack) -> None:
    stack.say("/export")

    await stack.hears("No changes in the last 90 days.")
    assert files_in(stack) == []


@pytest.mark.about_the_file
async def test_a_copy_gives_the_same_file(stack: Stack) -> None:
    await moves(stack, 7)
    await moves(stack, -2)
    before = content_of(await exported(stack))
    copy = stack.directory / "copy.sqlite3"
    assert (await ran("backup", "--config", stack.config, copy)).status == 0
    await stack.stop()
    shutil.rmtree(stack.directory / "data")
    (stack.directory / "data").mkdir(mode=0o700)
    shutil.move(copy, stack.directory / "data" / "bot.sqlite3")
    stack.start()

    assert content_of(await exported(stack)) == before


async def test_nothing_of_it_stays_on_the_disk_and_the_audit_says_who_took_it(stack: Stack) -> None:
    await moves(stack, 7)
    there = {path.name for path in stack.directory.rglob("*")}

    await exported(stack)

    assert {path.name for path in stack.directory.rglob("*")} == there
    stack.say("/audit")
    assert "exported 1 change of everything watched, 90d, csv" in (await stack.hears("Who changed")).text


# ---------------------------------------------------------------- whose it is


async def test_no_place_gets_what_another_one_watches(stack: Stack) -> None:
    bob = stack.telegram.add_user("Bob")
    group = stack.telegram.add_forum("Ops", {stack.olga: "creator", bob: "member"})
    topic, other = stack.telegram.add_topic(group, "One"), stack.telegram.add_topic(group, "Two")
    stack.say("/allow", chat=group)
    await stack.hears("open now", chat=group)
    await moves(stack, 7)
    stack.say(f"/watch {CHECKSUMMED} as Vault", chat=group, topic=topic)
    await stack.hears("balances on", chat=group)
    await moves(stack, -2, chat=group)
    await stack.hears("−2 USDC")

    # Whoever may read a topic may export what it was told, and no more than that.
    stack.telegram.says(bob, group, "/export", thread_id=topic)
    in_topic = await hears_file(stack, chat=group)
    stack.telegram.says(bob, group, "/export", thread_id=other)
    elsewhere = await stack.hears(lambda one: one.document is not None or "watched" in one.text, chat=group)

    assert [(row["label"], row["change"]) for row in rows_of(in_topic)] == [("Vault", "-2")]
    assert in_topic.thread_id == topic
    assert elsewhere.document is None
    assert moved(await exported(stack)) == [("USDC", "7"), ("USDC", "-2")]


@pytest.mark.parametrize("is_late", [False, True])
async def test_of_a_channel_an_owner_gets_it_in_private(stack: Stack, gate: Gate, *, is_late: bool) -> None:
    channel = stack.telegram.add_channel("Alerts", {stack.olga: "creator"})
    stack.say(f"/allow {channel.id}")
    await stack.hears("is open now")
    stack.say(f"/watch {CHECKSUMMED} as Vault to Alerts")
    await stack.hears("Watching Vault")
    await moves(stack, 7, chat=channel)

    stack.say("/export to Alerts")
    if is_late:
        await stack.hears("I'm writing the file")
    gate.open()
    message = await hears_file(stack)

    assert [(row["label"], row["change"]) for row in rows_of(message)] == [("Vault", "7")]
    assert message.text.startswith("📣 Alerts")
    assert files_in(stack, channel) == []


async def test_a_group_that_becomes_a_supergroup_keeps_what_it_may_export(stack: Stack) -> None:
    group = stack.telegram.add_group("Ops", {stack.olga: "creator"})
    stack.say("/allow", chat=group)
    await stack.hears("open now", chat=group)
    stack.say(f"/watch {CHECKSUMMED}", chat=group)
    await stack.hears("balances on", chat=group)
    await moves(stack, 7, chat=group)
    supergroup = stack.telegram.migrates(group)
    await moves(stack, 2, chat=supergroup)

    assert moved(await exported(stack, chat=supergroup)) == [("USDC", "7"), ("USDC", "2")]


async def test_a_closed_chat_exports_nothing(stack: Stack) -> None:
    await moves(stack, 7)
    bob = stack.telegram.add_user("Bob")
    private = stack.telegram.add_private_chat(bob)

    stack.say("/export", chat=private, user=bob)

    await stack.hears("private", chat=private)
    assert files_in(stack, private) == []


# ---------------------------------------------------------------- while it is made


async def test_a_chat_that_is_closed_meanwhile_gets_nothing(stack: Stack, gate: Gate) -> None:
    bob = stack.telegram.add_user("Bob")
    private = stack.telegram.add_private_chat(bob)
    stack.say(f"/allow {bob.id}")
    await stack.hears("can use the bot")
    stack.say(f"/watch {CHECKSUMMED}", chat=private, user=bob)
    await stack.hears("balances on", chat=private)
    await moves(stack, 7, chat=private)
    stack.say("/export", chat=private, user=bob)
    await stack.hears("I'm writing the file", chat=private)

    stack.say(f"/deny {bob.id}")
    await stack.hears("can no longer use")
    gate.open()
    await moves(stack, 1)
    await exported(stack)

    assert files_in(stack, private) == []
    stack.say("/audit")
    assert "Bob (1001) exported" not in (await stack.hears("Who changed what")).text


async def test_other_commands_are_answered_meanwhile_and_a_second_file_is_not_begun(
    stack: Stack, gate: Gate
) -> None:
    await moves(stack, 7)
    stack.say("/export")
    await stack.hears("I'm writing the file")

    stack.say("/id")
    await stack.hears("user id")
    stack.say("/export")
    await stack.hears("still working on what was asked for")
    gate.open()
    await hears_file(stack)

    assert moved(await exported(stack)) == [("USDC", "7")]


async def test_a_bot_that_is_asked_to_stop_meanwhile_stops_and_can_be_asked_again(
    stack: Stack, gate: Gate
) -> None:
    await moves(stack, 7)
    stack.say("/export")
    promise = await stack.hears("I'm writing the file")

    await stack.stop()
    gate.open()
    stack.start()

    assert promise.text.endswith("If it doesn't come, please ask again.")
    assert moved(await exported(stack)) == [("USDC", "7")]
    assert len(files_in(stack)) == 1


async def test_a_bot_that_is_killed_before_it_answers_brings_the_file_in_its_next_run(tmp_path: Path) -> None:
    async with open_stack(tmp_path) as stack:
        process = await stack.start_process()
        await stack.watches()
        await moves(stack, 7)
        await stack.kill(process)
        process = await stack.start_process("bot.chat.commands.history.export:read_subject")
        stack.say("/export")
        await until(stack.reached.exists)

        await stack.kill(process)
        await stack.start_process()

        assert moved(await hears_file(stack)) == [("USDC", "7")]


async def test_a_bot_that_is_killed_while_it_writes_can_be_asked_again(tmp_path: Path) -> None:
    async with open_stack(tmp_path) as stack:
        process = await stack.start_process()
        await stack.watches()
        await moves(stack, 7)
        await stack.kill(process)
        process = await stack.start_process("bot.chat.commands.history.export_writer:export_row")
        stack.say("/export")
        await stack.hears("I'm writing the file")

        await stack.kill(process)
        await stack.start_process()

        assert moved(await exported(stack)) == [("USDC", "7")]


# ---------------------------------------------------------------- what does not fit


async def test_what_is_too_large_is_refused_with_a_command_for_less(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    await moves(stack, 7)
    monkeypatch.setattr(export, "BYTES_MOST", 100)

    stack.say("/export Treasury 2d json")
    refusal = await stack.hears("don't fit into a file")

    assert f"/export {CHECKSUMMED} 1d json" in refusal.text
    assert buttons_of(refusal) == ["Only 1d"]
    assert files_in(stack) == []
    monkeypatch.setattr(export, "BYTES_MOST", 10_000_000)
    await stack.presses(refusal, "Only 1d")
    assert json.loads(content_of(await hears_file(stack)))[0]["change"] == "7"


async def test_where_files_are_forbidden_a_sentence_says_so(stack: Stack) -> None:
    group = stack.telegram.add_supergroup("Ops", {stack.olga: "creator"})
    stack.say("/allow", chat=group)
    await stack.hears("open now", chat=group)
    stack.say(f"/watch {CHECKSUMMED}", chat=group)
    await stack.hears("balances on", chat=group)
    await moves(stack, 7, chat=group)
    stack.telegram.forbid(group, "documents")

    stack.say("/export", chat=group)

    await stack.hears("I may not post files here", chat=group)
