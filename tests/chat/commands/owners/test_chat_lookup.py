"""Which chat an owner means."""

import pytest

from bot.chat.commands.owners.chat_lookup import read_chat_id


@pytest.mark.parametrize(("typed", "chat_id"), [("42", 42), ("-1001234567890", -1001234567890), ("−5", -5)])
def test_a_chat_id_is_a_number_with_any_minus(typed: str, chat_id: int) -> None:
    assert read_chat_id(typed) == chat_id


@pytest.mark.parametrize("typed", ["", "abc", "-", "0", "1 2", "@channel", "1e5", "9" * 17, "٣"])
def test_what_is_no_number_of_telegram_is_no_chat_id(typed: str) -> None:
    assert read_chat_id(typed) is None
