"""What is answered about who may use the bot, and who changed what."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.chat.commands.owners import words as owner_words
from bot.domain.chat.audit import Actor, AuditAction, AuditEntry
from tests.chat.commands.builders import CHAT, NOON, entry_of, text
from tests.chat.reading import (
    CHAINS,
    read,
)

LATE_HERE = "This chat is closed now. 1 alert still on the way was taken back. /allow opens it again."
LATE_THERE = "Ops (-1) is closed now. 2 alerts still on the way were taken back. /allow -1 opens it again."


def test_a_stranger_reads_the_chat_id_and_how_to_get_in() -> None:
    assert text(owner_words.stranger(CHAT)) == (
        "This bot is private. Chat id: -1001234567890\nAn owner can open it with /allow -1001234567890."
    )


def test_a_chat_without_a_title_is_its_number() -> None:
    answer = owner_words.allowed(CHAT, "\u200b", is_here=False, was_open=False)

    assert text(answer).startswith("Chat -1001234567890 is open now")


@pytest.mark.parametrize(
    ("is_here", "was_open", "answer"),
    [
        (True, False, "This chat is open now. Begin with /watch 0x… as Treasury."),
        (True, True, "This chat is already open. Begin with /watch 0x… as Treasury."),
        (False, False, "Ops (-1001234567890) is open now. /watch works there."),
        (False, True, "Ops (-1001234567890) is already open. /watch works there."),
    ],
)
def test_opening_a_chat_says_what_it_changed(*, is_here: bool, was_open: bool, answer: str) -> None:
    assert text(owner_words.allowed(CHAT, "Ops", is_here=is_here, was_open=was_open)) == answer


@pytest.mark.parametrize(
    ("is_here", "was_open", "withdrawn", "answer"),
    [
        (True, True, 0, "This chat is closed now. /allow opens it again."),
        (
            True,
            True,
            1,
            LATE_HERE,
        ),
        (
            False,
            True,
            2,
            LATE_THERE,
        ),
        (False, False, 0, "Ops (-1) is closed already. /allow -1 opens it."),
    ],
)
def test_closing_a_chat_says_what_it_changed(
    *, is_here: bool, was_open: bool, withdrawn: int, answer: str
) -> None:
    assert (
        text(owner_words.denied(-1, "Ops", is_here=is_here, was_open=was_open, withdrawn=withdrawn)) == answer
    )


@pytest.mark.parametrize(
    "letter", ["m", "&", "漢", "𓀀", "a\u0301\u0302\u0303\u0304", "𓀀" + 4 * "\U0001d165", "@"]
)
@pytest.mark.parametrize("deed", sorted(set(AuditAction) - {AuditAction.BELIEVE}))
def test_a_page_of_who_changed_what_fits_whatever_was_named(letter: str, deed: AuditAction) -> None:
    long = letter * 1_000
    entry = AuditEntry(Actor(10**15, long, NOON - timedelta(days=400)), deed, -(10**15), long, long)

    answer = owner_words.audit([entry] * owner_words.ENTRIES_A_PAGE, 99_999, 99_999, CHAINS, NOON)

    assert answer.fits
    assert read(answer.source).visible == answer.visible
    assert answer.visible.count("\n") == 1 + owner_words.ENTRIES_A_PAGE


def test_a_long_subject_is_cut_and_what_stands_behind_it_is_not() -> None:
    entry = entry_of("Ops")
    many = replace(entry, subject="token " + " ".join(f"0x{number:040x}" for number in range(75)))

    line = text(owner_words.audit([many], 1, 1, CHAINS, NOON))

    assert "… · Ops (" in line
    assert len(line) < 250
