"""What is answered about watching."""

import pytest

from bot.chat.commands.arguments.errors import BadLine
from bot.chat.commands.watch import words as watch_words
from bot.chat.commands.watch.grammar import WatchEntry
from bot.chat.commands.watch.watch_list import ENTRIES_A_PAGE
from bot.chat.text.html import EMPTY
from bot.domain.addresses import checksummed
from bot.domain.assets import Address
from bot.domain.chat.subscribe import SubscribeOutcome
from bot.domain.chat.unsubscribe import RestoredSubscription
from bot.domain.subscriptions import ListedSubscription, Scope, WatchSpec
from tests.chat.commands.builders import subscription, text, texts
from tests.chat.reading import (
    ARBITRUM,
    BASE,
    CHAINS,
    HOSTILE_NAMES,
    OTHER,
    POLYGON,
    TREASURY,
    USDC,
    VAULT,
    read,
)

TOKEN = subscription(None, contracts=frozenset({USDC}))


def test_a_new_account_is_confirmed_before_its_first_reading() -> None:
    assert text(watch_words.watching(TREASURY, "Treasury", CHAINS, first_reading_pending=True)) == (
        "👁 Watching Treasury · 0x8e3E…d8B9.\nI'll post what it holds in a moment, then every change."
    )


def test_an_account_that_is_known_already_tells_what_is_known() -> None:
    assert text(
        watch_words.watching(
            TREASURY, "Treasury", CHAINS, first_reading_pending=False, balances=14, chain_count=3
        )
    ) == ("👁 Watching Treasury · 0x8e3E…d8B9: 14 balances on 3 chains.\nI'll post every change from now on.")
    assert "nothing held yet on 1 chain." in text(
        watch_words.watching(TREASURY, "", CHAINS, first_reading_pending=False, chain_count=1)
    )


def test_without_a_label_the_whole_address_is_confirmed() -> None:
    assert checksummed(TREASURY) in text(
        watch_words.watching(TREASURY, "", CHAINS, first_reading_pending=True)
    )


def test_a_narrow_wish_is_confirmed_with_its_limits() -> None:
    answer = watch_words.watching(
        TREASURY,
        "Treasury",
        CHAINS,
        scope=Scope(contracts=frozenset({USDC}), chains=frozenset({BASE, ARBITRUM})),
        first_reading_pending=True,
    )

    assert "d8B9, only token 0xA0b8…eB48 on Base and Arbitrum One." in text(answer)


def test_many_contracts_are_folded() -> None:
    many = [Address(f"0x{number:040x}") for number in range(50)]

    assert "0x0000…0002 and 47 more" in text(
        watch_words.watching(
            TREASURY, "", CHAINS, scope=Scope(contracts=frozenset(many)), first_reading_pending=True
        )
    )


def test_a_repeated_wish_is_answered_calmly() -> None:
    assert text(watch_words.already_watching(TREASURY, "Treasury")) == (
        "Already watching Treasury · 0x8e3E…d8B9. /list shows everything watched here."
    )


def test_a_label_changes_or_goes() -> None:
    assert text(watch_words.label_changed(TREASURY, "Vault")).startswith("0x8e3E…d8B9 is called Vault now.")
    assert text(watch_words.label_changed(TREASURY, "")).startswith("0x8e3E…d8B9 has no label any more.")


def test_many_lines_are_answered_in_groups_and_bad_ones_by_number() -> None:
    pages = watch_words.bulk_watched(
        [WatchEntry(1, TREASURY, label="Treasury")],
        [WatchEntry(2, VAULT)],
        [BadLine(3, "polygn", "is no chain."), BadLine(4, "", "There is no address in it.")],
        over_limit=2,
    )

    assert texts(pages) == [
        (
            "👁 Watching 1 account:\n"
            "Treasury · 0x8e3E…d8B9\n\n"
            "Already watched:\n"
            "0xABaB…ABaB\n\n"
            "Not taken:\n"
            "Line 3: polygn is no chain.\n"
            "Line 4: There is no address in it.\n\n"
            "No room for 2 more: make some with /unwatch. "
            "Correct what was not taken and send it again with /watch. "
            "I'll post what they hold in a moment, then every change."
        )
    ]


def test_many_lines_without_a_mistake_speak_of_none() -> None:
    (page,) = texts(watch_words.bulk_watched([], [WatchEntry(1, VAULT)], []))

    assert page == "Already watched:\n0xABaB…ABaB\n\n/list shows everything watched here."


def test_many_lines_of_accounts_that_were_read_before_promise_no_reading() -> None:
    (page,) = texts(watch_words.bulk_watched([WatchEntry(1, VAULT)], [], [], first_reading_pending=False))

    assert page == "👁 Watching 1 account:\n0xABaB…ABaB\n\nI'll post every change from now on."


def test_many_lines_say_which_labels_are_new() -> None:
    (page,) = texts(
        watch_words.bulk_watched(
            [], [WatchEntry(1, VAULT)], [], relabelled=[WatchEntry(2, TREASURY, label="Till")]
        )
    )

    assert page == (
        "Already watched, now under these names:\nTill · 0x8e3E…d8B9\n\n"
        "Already watched:\n0xABaB…ABaB\n\n/list shows everything watched here."
    )


def test_a_token_is_confirmed_for_all_accounts() -> None:
    assert text(watch_words.watching_token(Scope(contracts=frozenset({USDC})), "", CHAINS, accounts=12)) == (
        "👁 Watching token 0xA0b8…eB48 in all 12 accounts watched here, and in each one to come."
    )


def test_a_token_for_no_account_names_the_next_step() -> None:
    assert text(
        watch_words.watching_token(
            Scope(frozenset({USDC, OTHER}), frozenset({BASE})), "Stables", CHAINS, accounts=0
        )
    ) == (
        "👁 Watching Stables · tokens 0x0D0D…0d0d, 0xA0b8…eB48 on Base in every account of this chat.\n"
        "There is none yet; /watch 0x… adds one."
    )


def test_a_bare_address_can_be_watched_in_two_ways() -> None:
    (page,) = watch_words.bare_offer([checksummed(TREASURY)])

    assert text(page).startswith(
        "What shall I do with this?\n/watch 0x8e3E38fe7367dd3b52D1e281E4e8400447C8d8B9 posts"
    )
    assert [word.rpartition(" ")[0] for word in read(page.source).code] == ["/watch", "/watch token"]


@pytest.mark.parametrize("number", [2, 90])
def test_many_bare_addresses_are_counted_and_not_repeated(number: int) -> None:
    assert texts(watch_words.bare_offer([TREASURY] * number)) == [
        (
            f"{number} addresses. What shall I do with them?\n"
            "/watch before them posts every change here.\n"
            "/watch token before them follows each as a token, in every account watched here."
        )
    ]


def test_bare_addresses_with_names_are_shown_as_they_would_be_watched() -> None:
    lines = [f"{TREASURY} as Treasury", VAULT]

    assert texts(watch_words.bare_offer(lines)) == [
        f"What shall I do with these?\n/watch {TREASURY} as Treasury\n{VAULT} posts every change here."
    ]


def test_a_bare_address_with_a_mistake_says_so() -> None:
    assert texts(watch_words.bare_offer([], [BadLine(1, "0x12", "is wrong.")])) == ["0x12 is wrong."]


def test_stopping_says_what_will_still_come() -> None:
    assert texts(watch_words.unwatched([subscription(label="Treasury")], still_to_come=2)) == [
        "Stopped watching Treasury · 0x8e3E…d8B9. 2 alerts from before will still come. /list shows the rest."
    ]
    assert texts(watch_words.unwatched([TOKEN], still_to_come=0)) == [
        "Stopped watching token 0xA0b8…eB48. /list shows the rest."
    ]


def test_stopping_several_is_one_answer() -> None:
    assert texts(watch_words.unwatched([subscription(label="Treasury"), TOKEN], still_to_come=0)) == [
        "Stopped watching 2:\nTreasury · 0x8e3E…d8B9\ntoken 0xA0b8…eB48\n\n/list shows the rest."
    ]


def test_taking_an_end_back_says_what_is_not_told() -> None:
    treasury = WatchSpec(TREASURY, label="Treasury")

    assert text(watch_words.undone([RestoredSubscription(SubscribeOutcome.CREATED, 3, treasury)], 5)) == (
        "👁 Watching Treasury · 0x8e3E…d8B9 (#3) again.\n"
        "I'm reading it anew. Changes in between are not reported."
    )
    assert text(
        watch_words.undone([RestoredSubscription(SubscribeOutcome.CREATED, 3, treasury, is_known=True)], 5)
    ) == ("👁 Watching Treasury · 0x8e3E…d8B9 (#3) again.\nChanges in between are not reported.")


def test_taking_an_end_back_says_what_does_not_return() -> None:
    ones = [
        RestoredSubscription(SubscribeOutcome.ALREADY, 4, WatchSpec(TREASURY, label="Treasury")),
        RestoredSubscription(SubscribeOutcome.FULL, 0, WatchSpec(None, Scope(contracts=frozenset({USDC})))),
    ]

    assert text(watch_words.undone(ones, 5)) == (
        "Already watched again: Treasury · 0x8e3E…d8B9.\n"
        "No room for token 0xA0b8…eB48: this chat can watch 5 at most."
    )


def test_many_numbers_that_are_not_watched_are_one_message() -> None:
    (answer,) = watch_words.none_of_these([f"#{number}" for number in range(1, 2000)])
    assert text(answer).startswith("Not watched here: 1,999\n#1\n#2\n")
    assert text(answer).endswith("more lines.\n\n/list shows what is.")
    assert len(text(answer)) <= 4096


def test_the_list_has_numbers_labels_and_limits() -> None:
    entries = [
        ListedSubscription(1, subscription(label="Treasury")),
        ListedSubscription(
            4, subscription(VAULT, contracts=frozenset({USDC}), chains=frozenset({BASE, POLYGON}))
        ),
        ListedSubscription(5, subscription(None, "Stables", contracts=frozenset({USDC, OTHER}))),
    ]

    assert text(watch_words.watch_list(entries, 24, CHAINS)) == (
        "Watched here: 24\n"
        "#1 Treasury · 0x8e3E…d8B9\n"
        "#4 0xABaB…ABaB, only token 0xA0b8…eB48 on Polygon and Base\n"
        "#5 Stables · tokens 0x0D0D…0d0d, 0xA0b8…eB48 in every account\n\n"
        "Tap one for its balances, or to rename, mute or stop it."
    )


def test_what_is_set_for_the_place_stands_at_the_end_of_the_list() -> None:
    entry = ListedSubscription(1, subscription(TREASURY, "Treasury"))
    settings = [EMPTY + "Budget: 10", EMPTY + "Time zone: UTC"]

    assert text(watch_words.watch_list([entry], 1, CHAINS, last=settings)).endswith(
        "d8B9\n\nBudget: 10 · Time zone: UTC\nTap one for its balances, or to rename, mute or stop it."
    )


def test_an_empty_list_names_the_first_step() -> None:
    assert text(watch_words.watch_list([], 0, CHAINS)) == (
        "Nothing is watched here yet. Begin with /watch 0x… as Treasury."
    )


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_page_of_the_list_is_one_message_whatever_the_names(name: str) -> None:
    wide = subscription(None, (name * 64)[:64], contracts=frozenset({USDC, OTHER, VAULT, TREASURY}))
    page = [ListedSubscription(number, wide) for number in range(1, ENTRIES_A_PAGE + 1)]

    assert text(watch_words.watch_list(page, 500, CHAINS)).count("#") >= ENTRIES_A_PAGE


def test_an_opened_entry_has_the_whole_address_to_be_copied() -> None:
    one = subscription(label="Treasury", chains=frozenset({POLYGON}))

    assert text(watch_words.opened_entry(3, one, CHAINS, [])) == (
        f"#3 Treasury · 0x8e3E…d8B9 on Polygon\n{checksummed(TREASURY)}"
    )
    assert text(watch_words.opened_entry(4, subscription(None, contracts=frozenset({USDC})), CHAINS, [])) == (
        "#4 token 0xA0b8…eB48 in every account"
    )
