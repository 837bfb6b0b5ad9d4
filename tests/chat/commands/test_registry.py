"""What follows from the list of features: menus, /help, the manual, rights and callbacks know each."""

from pathlib import Path

import pytest

from bot.chat.buttons.data import ButtonAction, Press, button, read_press
from bot.chat.commands.balance.balance import BALANCE_COMMAND
from bot.chat.commands.balance.status import STATUS_COMMAND
from bot.chat.commands.basics import HELP_COMMAND, command_named, help_for
from bot.chat.commands.command import Command, Feature, Request, Usage, Who
from bot.chat.commands.command_menu import menus
from bot.chat.commands.dispatch import FIND, NotForUs, UnknownRequest, parse
from bot.chat.commands.ignore import (
    IgnoredRequest,
)
from bot.chat.commands.owners.access import ALLOW_COMMAND, DENY_COMMAND
from bot.chat.commands.owners.believe import BELIEVE_COMMAND
from bot.chat.commands.registry import BY_WORD, COMMANDS, FEATURES
from bot.chat.commands.times.budget import ShowBudgetRequest
from bot.chat.commands.times.digest import ShowDigestRequest
from bot.chat.commands.times.quiet import ShowQuietRequest
from bot.chat.commands.times.zone import ShowZoneRequest
from bot.chat.commands.watch.name import NamesRequest
from bot.chat.commands.watch.unwatch import UNWATCH_COMMAND
from bot.chat.commands.watch.watch import WATCH_COMMAND
from bot.chat.commands.watch.watch_list import LIST_COMMAND
from bot.domain.chat.access import Action
from tests.chat.commands.builders import parsed
from tests.chat.reading import (
    CHAINS,
)

MANUAL = (Path(__file__).parents[3] / "docs" / "commands.md").read_text()

NEEDED = {
    Who.ANYONE: Action.LOOK,
    Who.READERS: Action.LOOK,
    Who.CHANGERS: Action.CHANGE,
    Who.OWNERS: Action.OWN,
}

ON_PEOPLES_PHONES = {
    "do",
    "undo",
    "stop",
    "list",
    "balance",
    "chats",
    "audit",
    "allow",
    "deny",
    "ignore",
    "hear",
    "look",
    "quiet",
    "leave",
    "unmute",
    "ignored",
    "entry",
    "holds",
    "mute",
    "sound",
    "name",
}
"""Names in buttons that were sent and may still be pressed: none may be lost, none mean something new."""

each_feature = pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.command.name)


@each_feature
def test_a_feature_is_in_the_menu_help_and_the_manual(feature: Feature) -> None:
    command = feature.command
    _, owners_menu = menus({1})[-1]

    assert command in owners_menu
    assert f"/{command.name} · {command.does}" in help_for(COMMANDS).visible
    assert f"\n## /{command.name}\n" in MANUAL


@each_feature
def test_a_feature_is_found_by_its_name_and_its_aliases_alone(feature: Feature) -> None:
    for word in (feature.command.name, *feature.command.aliases):
        assert BY_WORD[word] is feature
        assert command_named(COMMANDS, word) == feature.command
    assert command_named(COMMANDS, feature.command.name + "x") is None


SHOWING = (
    IgnoredRequest,
    NamesRequest,
    ShowBudgetRequest,
    ShowDigestRequest,
    ShowQuietRequest,
    ShowZoneRequest,
)


@each_feature
def test_what_is_asked_for_needs_what_the_command_says(feature: Feature) -> None:
    for example in feature.command.examples:
        request = parse(example.text, "OurBot", CHAINS)
        assert isinstance(request, Request)
        # What shows what is set changes nothing: readers of a group may see it, though not change it.
        expected = Action.LOOK if isinstance(request, SHOWING) else NEEDED[feature.command.who]
        assert request.needs is expected, example.text


@each_feature
def test_only_owners_are_told_how_an_owners_command_is_used(feature: Feature) -> None:
    expected = Action.OWN if feature.command.who is Who.OWNERS else Action.LOOK

    assert Usage(feature.command, "").needs is expected


def test_every_button_that_was_ever_sent_still_does_something() -> None:
    assert {action.name for action in FIND} >= ON_PEOPLES_PHONES


def test_no_two_features_share_a_button() -> None:
    names = [action.name for feature in FEATURES for action in feature.callbacks]

    assert len(names) == len(set(names))


@pytest.mark.parametrize("action", FIND, ids=lambda action: action.name)
def test_a_button_reads_back_what_it_carries(action: ButtonAction) -> None:
    assert read_press(button("", action, 10**17).data) == Press(action, 10**17)
    assert read_press(button("", action, 10**17, 99).data) == Press(action, 10**17, 99)


def test_every_word_of_the_table_is_a_command_of_its_own() -> None:
    words = [word for command in COMMANDS for word in (command.name, *command.aliases)]

    assert len(words) == len(set(words))
    for word in words:
        assert word.isascii()
        assert word.isidentifier()
        assert not isinstance(parsed(f"/{word}"), UnknownRequest)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_row_of_the_table_fits_telegrams_menu(command: Command) -> None:
    assert 1 <= len(command.name) <= 32
    assert 1 <= len(command.does) <= 256
    assert command.grammar.startswith(f"/{command.name}")


@pytest.mark.parametrize("text", [example.text for command in COMMANDS for example in command.examples])
def test_every_example_works(text: str) -> None:
    request = parsed(text)

    assert request is not None
    assert not isinstance(request, Usage | UnknownRequest | NotForUs)
    assert getattr(request, "bad", ()) == ()


def test_looking_is_for_everybody_and_opening_for_owners() -> None:
    assert {LIST_COMMAND.who, BALANCE_COMMAND.who, STATUS_COMMAND.who} == {Who.READERS}
    assert {WATCH_COMMAND.who, UNWATCH_COMMAND.who} == {Who.CHANGERS}
    assert {ALLOW_COMMAND.who, DENY_COMMAND.who, BELIEVE_COMMAND.who} == {Who.OWNERS}
    assert HELP_COMMAND.who is Who.ANYONE
