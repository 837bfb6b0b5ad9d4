"""Where an update comes from, as far as anybody can tell."""

import pytest

from bot.chat.telegram.origin import Origin, origin_of

OLGA, GROUP = {"id": 7001}, {"id": -1005}


@pytest.mark.parametrize(
    "raw",
    [
        {"message": {"chat": GROUP, "from": OLGA}},
        {"my_chat_member": {"chat": GROUP, "from": OLGA}},
        {"callback_query": {"from": OLGA, "message": {"chat": GROUP, "from": {"id": 1}}}},
    ],
)
def test_an_update_comes_from_somebody_in_a_chat(raw: dict[str, object]) -> None:
    assert origin_of(raw) == Origin(-1005, 7001)


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"message": 7},
        {"message": {"chat": 7, "from": []}},
        {"message": {"chat": {"id": "7"}, "from": {"id": 2**63}}},
        {"message": {"chat": {"id": True}}},
        {"callback_query": {"from": {"id": 7.0}}},
        {"edited_message": {"chat": GROUP, "from": OLGA}},
    ],
)
def test_what_cannot_be_read_comes_from_nowhere(raw: dict[str, object]) -> None:
    assert origin_of(raw) == Origin(None, None)
