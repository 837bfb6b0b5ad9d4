"""What people read before they know the bot: hello, help, ids, and how a command is used."""

from collections.abc import Sequence

import pytest

from bot.chat.commands import basics, dispatch
from bot.chat.commands.command import Command, Who, usage
from bot.chat.commands.owners.access import ALLOW_COMMAND
from bot.chat.commands.registry import COMMANDS
from bot.chat.commands.watch.watch import WATCH_COMMAND
from tests.chat.commands.builders import CHAT, text
from tests.chat.reading import HOSTILE_NAMES, read


def test_the_welcome_names_the_first_step() -> None:
    assert "/watch 0x… as Treasury" in read(basics.start(is_owner=False).source).code


def test_only_owners_are_welcomed_to_allow_and_deny() -> None:
    assert "/allow" in text(basics.start(is_owner=True))
    assert "/allow" not in text(basics.start(is_owner=False))


MEMBERS = [command for command in COMMANDS if command.who is not Who.OWNERS]


def listed(commands: Sequence[Command], topic: str = "") -> list[str]:
    return [line for line in text(basics.help_for(commands, topic)).split("\n") if line.startswith("/")]


def test_help_lists_exactly_the_table_the_five_to_begin_with_first() -> None:
    lines = listed(COMMANDS)

    assert sorted(lines) == sorted(f"/{command.name} · {command.does}" for command in COMMANDS)
    assert [line.split(" ")[0] for line in lines[:5]] == ["/watch", "/list", "/balance", "/mute", "/status"]


def test_help_for_others_leaves_out_what_owners_may() -> None:
    answer = text(basics.help_for(MEMBERS))

    assert sorted(listed(MEMBERS)) == sorted(f"/{command.name} · {command.does}" for command in MEMBERS)
    assert "For owners" not in answer
    assert "\n\nFor owners\n/allow · " in text(basics.help_for(COMMANDS))


def test_help_about_what_is_no_command_says_so_and_names_the_nearest() -> None:
    assert text(basics.help_for(COMMANDS, "blance")).startswith(
        "I don't know a command called blance. Did you mean /balance? These are all:\n\nBegin with\n/watch · "
    )
    assert text(basics.help_for(COMMANDS, "weather in rome")).startswith(
        "I don't know a command called weather in rome. These are all:\n\n"
    )
    assert listed(COMMANDS, "blance") == listed(COMMANDS)


def test_what_only_owners_may_is_not_named_to_others() -> None:
    assert "Did you mean /believe?" in text(basics.help_for(COMMANDS, "beleive"))
    assert "believe" not in text(basics.help_for(MEMBERS, "beleive"))


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_no_topic_leaves_its_place(name: str) -> None:
    assert listed(COMMANDS, name) == listed(COMMANDS)


def test_here_names_the_ids_there_are() -> None:
    assert text(basics.here(CHAT, 7, 42, is_open=True)) == (
        "Chat id: -1001234567890\nTopic id: 7\nYour user id: 42\nThis chat is open: /watch works here."
    )
    assert text(basics.here(CHAT, None, None, is_open=False)) == (
        "Chat id: -1001234567890\nThis chat is closed. An owner can open it with /allow -1001234567890."
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_usage_shows_the_grammar_and_every_example(command: Command) -> None:
    code = read(usage(command).source).code

    assert code == [command.grammar, *(example.text for example in command.examples)]


def test_usage_begins_with_what_was_wrong() -> None:
    assert text(usage(ALLOW_COMMAND, "That is no number.")).startswith("That is no number.\n\n/allow · ")
    assert text(usage(ALLOW_COMMAND)).startswith("/allow · ")


def test_an_unknown_command_may_have_a_neighbour() -> None:
    assert text(dispatch.unknown_command("wathc", WATCH_COMMAND)) == (
        "I don't know /wathc. Did you mean /watch? /help lists what I know."
    )
    assert text(dispatch.unknown_command("zzz", None)) == "I don't know /zzz. /help lists what I know."
