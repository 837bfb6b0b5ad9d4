"""What is answered about who may use the bot, and who changed what."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.commands.owners import words as owner_words
from bot.domain.chat.access import Author
from bot.domain.chat.audit import Actor, AuditAction, AuditEntry
from bot.domain.chat.known_chats import ChatListPage
from bot.domain.places import Place
from tests.chat.commands.builders import CHAT, NOON, entry_of, known_chat, text
from tests.chat.reading import CHAINS, HOSTILE_NAMES, read

OPS, MALLORY = Place(-1, "group", "Ops"), Place(1002, "private", "Mallory")
ALERTS = Place(-1001, "channel", "Alerts")
OPENED_CHANNEL = """Alerts is open now.
Only its alerts are posted there. From here, add what it watches: /watch 0x… as Treasury to Alerts"""


def test_a_stranger_reads_the_chat_id_and_how_to_get_in() -> None:
    assert text(owner_words.stranger(CHAT)) == (
        "This bot is private. Chat id: -1001234567890\nAn owner can open it with /allow -1001234567890."
    )


def test_a_chat_without_a_title_is_its_number() -> None:
    answer = owner_words.allowed(Place(CHAT, "group", "\u200b"), is_here=False, was_open=False)

    assert text(answer) == "Chat -1001234567890 can use the bot now."


@pytest.mark.parametrize(
    ("place", "is_here", "was_open", "answer"),
    [
        (OPS, True, False, "This chat is open now. Begin with /watch 0x… as Treasury."),
        (OPS, True, True, "This chat is already open. Begin with /watch 0x… as Treasury."),
        (OPS, False, False, "Ops can use the bot now."),
        (MALLORY, False, True, "Mallory can already use the bot."),
        (
            ALERTS,
            False,
            False,
            OPENED_CHANNEL,
        ),
    ],
)
def test_opening_a_chat_says_what_it_changed(
    place: Place, *, is_here: bool, was_open: bool, answer: str
) -> None:
    assert text(owner_words.allowed(place, is_here=is_here, was_open=was_open)) == answer


@pytest.mark.parametrize(
    ("place", "what_to_do"),
    [
        (OPS, "Somebody has to add me to it."),
        (MALLORY, "They have to press Start first."),
        (ALERTS, "Make me an administrator who may post messages."),
    ],
)
def test_what_is_opened_and_can_not_be_written_to_says_what_to_do(place: Place, what_to_do: str) -> None:
    answer = text(owner_words.allowed(place, is_here=False, was_open=False, trouble="Chat not found"))

    assert answer.endswith(f"⚠️ I can't write there yet: Chat not found\n{what_to_do}")


@pytest.mark.parametrize(
    ("place", "is_here", "was_open", "withdrawn", "answer"),
    [
        (OPS, True, True, 0, "This chat is closed now. /allow opens it again."),
        (
            OPS,
            True,
            True,
            1,
            "This chat is closed now. 1 alert on the way was withdrawn. /allow opens it again.",
        ),
        (
            OPS,
            False,
            True,
            2,
            "Ops is closed now. 2 alerts on the way were withdrawn. /allow -1 opens it again.",
        ),
        (OPS, False, False, 0, "Ops is already closed. /allow -1 opens it."),
        (MALLORY, False, True, 0, "Mallory can no longer use the bot. /allow 1002 lets them in again."),
        (MALLORY, False, False, 0, "Mallory can't use the bot anyway. /allow 1002 lets them in."),
    ],
)
def test_closing_a_chat_says_what_it_changed(
    place: Place, *, is_here: bool, was_open: bool, withdrawn: int, answer: str
) -> None:
    denied = owner_words.denied(place, is_here=is_here, was_open=was_open, withdrawn=withdrawn)

    assert text(denied) == answer


NAMES = st.one_of(
    st.sampled_from(
        [
            "-5001",
            "(99)",
            "Eve (99) would like to use this bot.",
            "Ops (-99).",
            "x (7) would like to use this bot in Y (-99).",
            *HOSTILE_NAMES,
        ]
    ),
    st.text(st.characters()),
)


@given(NAMES, NAMES)
def test_a_request_for_access_is_about_its_own_chat_whatever_people_are_called(name: str, title: str) -> None:
    author = Author(1002, 1002, is_private=True, name=name)
    for place in (Place(1002, "private", name), Place(-5001, "group", title)):
        for is_last_today in (False, True):
            asked = owner_words.access_request(place, author, is_last_today=is_last_today)
            assert owner_words.requesting_chat(asked.visible) == place.chat_id


@given(NAMES)
def test_what_is_no_request_for_access_names_no_chat(name: str) -> None:
    chat = known_chat(name)
    for other in (
        owner_words.request_ignored(chat),
        owner_words.allowed(chat.place, is_here=False, was_open=False),
        owner_words.denied(chat.place, is_here=False, was_open=True),
        owner_words.chats(ChatListPage((chat,), 1, 1, 1), NOON),
    ):
        assert owner_words.requesting_chat(other.visible) is None


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


def test_a_mute_of_everything_says_so_and_one_of_an_account_names_it() -> None:
    entry = replace(entry_of("Ops"), action=AuditAction.MUTE, subject="")
    named = replace(entry, subject="Treasury")

    assert " muted all alerts · Ops (" in text(owner_words.audit([entry], 1, 1, CHAINS, NOON))
    line = text(owner_words.audit([named], 1, 1, CHAINS, NOON))
    assert "Treasury" in line
    assert "all alerts" not in line


@pytest.mark.parametrize("deed", [AuditAction.IGNORE_CONTRACT, AuditAction.UNIGNORE_CONTRACT])
def test_the_chains_of_an_ignored_token_are_named(deed: AuditAction) -> None:
    contract = "0x" + 20 * "ab"
    entry = replace(entry_of("Ops"), action=deed, subject=f"{contract} on 137 8453")
    everywhere = replace(entry, subject=contract)

    assert "0xABaB…ABaB on Polygon, Base · Ops (" in text(owner_words.audit([entry], 1, 1, CHAINS, NOON))
    assert "0xABaB…ABaB · Ops (" in text(owner_words.audit([everywhere], 1, 1, CHAINS, NOON))


def test_a_long_subject_is_cut_and_what_stands_behind_it_is_not() -> None:
    entry = entry_of("Ops")
    many = replace(entry, subject="token " + " ".join(f"0x{number:040x}" for number in range(75)))

    line = text(owner_words.audit([many], 1, 1, CHAINS, NOON))

    assert "… · Ops (" in line
    assert len(line) < 250
