"""What the answers of all commands have in common."""

from hypothesis import given
from hypothesis import strategies as st

from bot.chat.commands import dispatch, words
from bot.chat.commands.arguments.errors import BadLine
from bot.chat.commands.balance import words as balance_words
from bot.chat.commands.owners import words as owner_words
from bot.chat.commands.watch import words as watch_words
from bot.chat.commands.watch.grammar import WatchEntry
from bot.domain.chat.access import Author
from bot.domain.chat.known_chats import ChatListPage
from bot.domain.chat.subscribe import LabelTaken, SubscribeOutcome
from bot.domain.chat.unsubscribe import RestoredSubscription
from bot.domain.places import Place
from bot.domain.subscriptions import ListedSubscription, Scope, WatchSpec
from tests.chat.commands.builders import CHAT, NOON, entry_of, known_chat, subscription, text
from tests.chat.reading import (
    CHAINS,
    HOSTILE_NAMES,
    TREASURY,
    USDC,
    read,
)


@given(st.one_of(st.sampled_from(HOSTILE_NAMES), st.text(st.characters())))
def test_no_name_leaves_its_place_in_any_answer(name: str) -> None:
    entry = WatchEntry(1, TREASURY, label=name)
    answers = (
        owner_words.allowed(Place(CHAT, "group", name), is_here=False, was_open=False),
        owner_words.denied(Place(CHAT, "group", name), is_here=False, was_open=True),
        watch_words.watching(TREASURY, name, CHAINS, first_reading_pending=True),
        watch_words.already_watching(TREASURY, name),
        watch_words.label_changed(TREASURY, name),
        *watch_words.bulk_watched([entry], [entry], [BadLine(1, name, "no")]),
        watch_words.watching_token(Scope(contracts=frozenset({USDC})), name, CHAINS, accounts=1),
        *watch_words.unwatched([subscription(None, name)], still_to_come=0),
        watch_words.undone(
            [RestoredSubscription(SubscribeOutcome.CREATED, 1, WatchSpec(TREASURY, label=name))], 5
        ),
        owner_words.access_request(
            Place(CHAT, "group", name), Author(1, CHAT, is_private=False, name=name), is_last_today=True
        ),
        owner_words.chats(ChatListPage((known_chat(name),), 1, 1, 1), NOON),
        owner_words.audit([entry_of(name)], 1, 1, CHAINS, NOON),
        words.not_watched(name, name),
        watch_words.watch_list(
            [
                ListedSubscription(1, subscription(label=name)),
                ListedSubscription(2, subscription(None, name)),
            ],
            2,
            CHAINS,
        ),
        watch_words.opened_entry(1, subscription(label=name), CHAINS, []),
        watch_words.how_to_rename(1, subscription(label=name)),
        watch_words.renamed(subscription(label=name), name),
        watch_words.name_taken(name, LabelTaken(TREASURY, name)),
        watch_words.which_to_rename(name),
        balance_words.no_live_answer(TREASURY, name),
        dispatch.unknown_command(name, None),
    )

    for answer in answers:
        assert text(answer).count("\n") < 15


def test_no_answer_shows_an_active_name_outside_code() -> None:
    for name in ("@mention", "evil.example", "/command"):
        for answer in (
            owner_words.allowed(Place(CHAT, "group", name), is_here=False, was_open=False),
            watch_words.watching(TREASURY, name, CHAINS, first_reading_pending=True),
            words.not_watched(name, name),
        ):
            reader = read(answer.source)
            assert reader.visible.count(name) == reader.code.count(name) > 0


def test_a_name_not_watched_may_have_a_neighbour() -> None:
    assert text(words.not_watched("Tresury", "Treasury")) == (
        "Tresury is not watched here. Did you mean Treasury? /list shows what is."
    )
    assert text(words.not_watched("#9")) == "#9 is not watched here. /list shows what is."
