"""What is answered where a command can't be carried out."""

from bot.chat import refusals
from bot.chat.commands.watch import words as watch_words
from tests.chat.commands.builders import text
from tests.chat.reading import (
    read,
)


def test_refusals_name_who_may_and_what_is_left() -> None:
    assert "/mute is for its administrators" in text(refusals.may_not_change("mute"))
    assert "/list, /balance and /status" in text(refusals.may_not_change("mute"))
    assert "owner" in text(refusals.owners_only())
    assert "/unwatch" in text(watch_words.too_many(500))
    assert "500" in text(watch_words.too_many(500))


def test_our_failure_has_a_reference() -> None:
    assert "K7Q2" in read(refusals.went_wrong("K7Q2").source).code
