"""Who may do what."""

from itertools import product

import pytest

from bot.domain.chat.access import (
    ANONYMOUS_ADMINISTRATOR,
    CHANNEL_IN_GROUP,
    Action,
    Author,
    Permission,
    is_open,
    judge,
)

GROUP, OTHER_GROUP, OLGA = -1001, -1002, 7001
ASK_THE_GROUP = None
"""It depends on whether they administer the group."""


# ---------------------------------------------------------------- what they may do


@pytest.mark.parametrize("is_private", [True, False])
@pytest.mark.parametrize("action", [Action.LOOK, Action.CHANGE])
@pytest.mark.parametrize("is_owner", [True, False])
def test_in_a_closed_chat_everybody_is_a_stranger(
    action: Action, *, is_private: bool, is_owner: bool
) -> None:
    assert judge(action, chat_is_open=False, is_private=is_private, is_owner=is_owner) is Permission.STRANGER


@pytest.mark.parametrize("is_private", [True, False])
@pytest.mark.parametrize("chat_is_open", [True, False])
def test_opening_and_closing_is_for_owners_wherever_they_are(*, is_private: bool, chat_is_open: bool) -> None:
    def verdict(*, is_owner: bool) -> Permission | None:
        return judge(Action.OWN, chat_is_open=chat_is_open, is_private=is_private, is_owner=is_owner)

    assert verdict(is_owner=True) is Permission.ALLOWED
    assert verdict(is_owner=False) is Permission.NEEDS_OWNER


@pytest.mark.parametrize(
    ("action", "is_private", "is_owner", "verdict"),
    [
        (Action.LOOK, True, False, Permission.ALLOWED),
        (Action.CHANGE, True, False, Permission.ALLOWED),
        (Action.LOOK, False, False, Permission.ALLOWED),
        (Action.CHANGE, False, False, ASK_THE_GROUP),
        (Action.LOOK, False, True, Permission.ALLOWED),
        (Action.CHANGE, False, True, Permission.ALLOWED),
    ],
)
def test_in_an_open_chat_looking_is_free_and_changing_a_group_is_for_its_administrators_and_owners(
    action: Action, verdict: Permission | None, *, is_private: bool, is_owner: bool
) -> None:
    assert judge(action, chat_is_open=True, is_private=is_private, is_owner=is_owner) is verdict


def test_nobody_may_do_more_for_not_being_an_owner() -> None:
    for action, is_opened, is_private in product(Action, (True, False), (True, False)):
        as_guest = judge(action, chat_is_open=is_opened, is_private=is_private, is_owner=False)
        as_owner = judge(action, chat_is_open=is_opened, is_private=is_private, is_owner=True)
        assert as_guest is not Permission.ALLOWED or as_owner is Permission.ALLOWED


# ---------------------------------------------------------------- open chats


@pytest.mark.parametrize(
    ("decided", "configured", "is_owners", "opened"),
    [
        (None, False, False, False),
        (None, True, False, True),
        (None, False, True, True),
        (True, False, False, True),
        (False, True, False, False),
        (False, False, True, False),
    ],
)
def test_a_chat_is_closed_until_opened_and_a_command_beats_the_configuration(
    *, decided: bool | None, configured: bool, is_owners: bool, opened: bool
) -> None:
    assert is_open(decided=decided, configured=configured, is_owners_private_chat=is_owners) is opened


# ---------------------------------------------------------------- who they are


def test_an_anonymous_administrator_writes_in_the_name_of_this_very_group() -> None:
    here = Author(ANONYMOUS_ADMINISTRATOR, GROUP, is_private=False, sender_chat_id=GROUP)
    elsewhere = Author(ANONYMOUS_ADMINISTRATOR, GROUP, is_private=False, sender_chat_id=OTHER_GROUP)

    assert here.is_anonymous_administrator
    assert not elsewhere.is_anonymous_administrator


@pytest.mark.parametrize(
    "sender",
    [
        Author(CHANNEL_IN_GROUP, GROUP, is_private=False, sender_chat_id=OTHER_GROUP),
        Author(CHANNEL_IN_GROUP, GROUP, is_private=False, sender_chat_id=GROUP),
        Author(ANONYMOUS_ADMINISTRATOR, GROUP, is_private=False),
        Author(OLGA, GROUP, is_private=False),
        Author(None, GROUP, is_private=False),
    ],
    ids=["a channel", "a channel of that number", "nobody's name", "a person", "no user"],
)
def test_nobody_else_is_an_anonymous_administrator(sender: Author) -> None:
    assert not sender.is_anonymous_administrator


def test_a_number_that_stands_for_many_is_no_person() -> None:
    person = Author(OLGA, GROUP, is_private=False)
    anonymous = Author(ANONYMOUS_ADMINISTRATOR, GROUP, is_private=False, sender_chat_id=GROUP)

    assert person.named_user_id == OLGA
    assert anonymous.named_user_id is None
