from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat import refusals
from bot.chat.commands import basics, dispatch, words
from bot.chat.commands.arguments.errors import BadLine
from bot.chat.commands.balance import words as balance_words
from bot.chat.commands.command import Command, Who, usage
from bot.chat.commands.owners import words as owner_words
from bot.chat.commands.owners.access import ALLOW_COMMAND
from bot.chat.commands.registry import COMMANDS
from bot.chat.commands.watch import words as watch_words
from bot.chat.commands.watch.grammar import WatchEntry
from bot.chat.commands.watch.watch import WATCH_COMMAND
from bot.chat.text.html import Html
from bot.domain.addresses import checksummed
from bot.domain.assets import Address, ChainId
from bot.domain.chat.access import Author
from bot.domain.chat.access_requests import ChatListPage, KnownChat
from bot.domain.chat.audit import Actor, AuditAction, AuditEntry
from bot.domain.chat.subscribe import SubscribeOutcome
from bot.domain.chat.unsubscribe import RestoredSubscription
from bot.domain.places import Place
from bot.domain.subscriptions import DestinationId, Subscription, SubscriptionId, WatchSpec
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
    seen,
)

NOON = datetime(2026, 11, 22, 14, 3, 22, tzinfo=UTC)
CHAT = -1001234567890
LATE_HERE = "This chat is closed now. 1 alert still on the way was taken back. /allow opens it again."
LATE_THERE = "Ops (-1) is closed now. 2 alerts still on the way were taken back. /allow -1 opens it again."


def text(html: Html) -> str:
    assert html.fits
    assert seen(html.source) == html.visible
    return html.visible


def texts(pages: tuple[Html, ...]) -> list[str]:
    return [text(page) for page in pages]


def subscription(
    account: Address | None = TREASURY,
    label: str = "",
    *,
    contracts: frozenset[Address] = frozenset(),
    chains: frozenset[ChainId] = frozenset(),
) -> Subscription:
    return Subscription(SubscriptionId(1), DestinationId(1), account, contracts, chains, label)


TOKEN = subscription(None, contracts=frozenset({USDC}))


def known_chat(title: str) -> KnownChat:
    return KnownChat(
        1,
        Place(CHAT, "group", title),
        is_open=True,
        is_owner=False,
        subscriptions=2,
        unavailable=title or None,
        knocked_at=None,
    )


def entry_of(name: str) -> AuditEntry:
    return AuditEntry(Actor(7001, name, NOON), AuditAction.WATCH, CHAT, name, name)


# ---------------------------------------------------------------- first words


def test_the_welcome_names_the_first_step() -> None:
    assert "/watch 0x… as Treasury" in read(basics.start(is_owner=False).source).code


def test_only_owners_are_welcomed_to_allow_and_deny() -> None:
    assert "/allow" in text(basics.start(is_owner=True))
    assert "/allow" not in text(basics.start(is_owner=False))


def test_a_stranger_reads_the_chat_id_and_how_to_get_in() -> None:
    assert text(owner_words.stranger(CHAT)) == (
        "This bot is private. Chat id: -1001234567890\nAn owner can open it with /allow -1001234567890."
    )


def test_a_chat_without_a_title_is_its_number() -> None:
    answer = owner_words.allowed(CHAT, "\u200b", is_here=False, was_open=False)

    assert text(answer).startswith("Chat -1001234567890 is open now")


def test_help_lists_exactly_the_table() -> None:
    lines = text(basics.help_for(COMMANDS, is_owner=True)).split("\n")

    assert lines[: len(COMMANDS)] == [f"/{command.name} · {command.does}" for command in COMMANDS]


def test_help_for_others_leaves_out_what_owners_may() -> None:
    lines = text(basics.help_for(COMMANDS, is_owner=False))

    for command in COMMANDS:
        assert (f"/{command.name} ·" in lines) is (command.who is not Who.OWNERS)


def test_here_names_the_ids_there_are() -> None:
    assert text(basics.here(CHAT, 7, 42, is_open=True)) == (
        "Chat id: -1001234567890\nTopic id: 7\nYour user id: 42\nThis chat is open: /watch works here."
    )
    assert text(basics.here(CHAT, None, None, is_open=False)) == (
        "Chat id: -1001234567890\nThis chat is closed. An owner can open it with /allow -1001234567890."
    )


# ---------------------------------------------------------------- chats


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


# ---------------------------------------------------------------- watching


def test_a_new_account_is_confirmed_before_its_first_reading() -> None:
    assert text(watch_words.watching(TREASURY, "Treasury", CHAINS, first_reading_pending=True)) == (
        "👁 Watching Treasury · 0x8e3E…d8B9.\n"
        "The first reading is on its way; after it, every change is told here."
    )


def test_an_account_that_is_known_already_tells_what_is_known() -> None:
    assert text(
        watch_words.watching(
            TREASURY, "Treasury", CHAINS, first_reading_pending=False, balances=14, chain_count=3
        )
    ) == (
        "👁 Watching Treasury · 0x8e3E…d8B9: 14 balances on 3 chains.\nEvery change from now on is told here."
    )
    assert "nothing held yet on 1 chain." in text(
        watch_words.watching(TREASURY, "", CHAINS, first_reading_pending=False, chain_count=1)
    )


def test_without_a_label_the_whole_address_is_confirmed() -> None:
    assert checksummed(TREASURY) in text(
        watch_words.watching(TREASURY, "", CHAINS, first_reading_pending=True)
    )


def test_a_narrow_wish_is_confirmed_with_its_limits() -> None:
    answer = watch_words.watching(
        TREASURY, "Treasury", CHAINS, contracts=[USDC], only_on=[BASE, ARBITRUM], first_reading_pending=True
    )

    assert "d8B9, only token 0xA0b8…eB48 on Base and Arbitrum One." in text(answer)


def test_many_contracts_are_folded() -> None:
    many = [Address(f"0x{number:040x}") for number in range(50)]

    assert "0x0000…0002 and 47 more" in text(
        watch_words.watching(TREASURY, "", CHAINS, contracts=many, first_reading_pending=True)
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
        [BadLine(3, "polygn", "no chain is called that"), BadLine(4, "", "there is no address in it")],
        over_limit=2,
    )

    assert texts(pages) == [
        (
            "👁 Watching 1 account:\n"
            "Treasury · 0x8e3E…d8B9\n\n"
            "Watched already:\n"
            "0xABaB…ABaB\n\n"
            "Not taken:\n"
            "Line 3: polygn: no chain is called that\n"
            "Line 4: there is no address in it\n\n"
            "No room for 2 more: make some with /unwatch. "
            "Correct the lines not taken and send them again with /watch. "
            "The first readings are on their way; after them, every change is told here."
        )
    ]


def test_many_lines_without_a_mistake_speak_of_none() -> None:
    (page,) = texts(watch_words.bulk_watched([], [WatchEntry(1, VAULT)], []))

    assert page == "Watched already:\n0xABaB…ABaB\n\n/list shows everything watched here."


def test_many_lines_of_accounts_that_were_read_before_promise_no_reading() -> None:
    (page,) = texts(watch_words.bulk_watched([WatchEntry(1, VAULT)], [], [], first_reading_pending=False))

    assert page == "👁 Watching 1 account:\n0xABaB…ABaB\n\nEvery change from now on is told here."


def test_many_lines_say_which_labels_are_new() -> None:
    (page,) = texts(
        watch_words.bulk_watched(
            [], [WatchEntry(1, VAULT)], [], relabelled=[WatchEntry(2, TREASURY, label="Till")]
        )
    )

    assert page == (
        "Watched already, and called so now:\nTill · 0x8e3E…d8B9\n\n"
        "Watched already:\n0xABaB…ABaB\n\n/list shows everything watched here."
    )


def test_a_token_is_confirmed_for_all_accounts() -> None:
    assert text(watch_words.watching_token([USDC], "", CHAINS, accounts=12)) == (
        "👁 Watching token 0xA0b8…eB48 in all 12 accounts watched here, and in each one to come."
    )


def test_a_token_for_no_account_names_the_next_step() -> None:
    assert text(watch_words.watching_token([USDC, OTHER], "Stables", CHAINS, only_on=[BASE], accounts=0)) == (
        "👁 Watching Stables · tokens 0x0D0D…0d0d, 0xA0b8…eB48 on Base in every account of this chat.\n"
        "There is none yet; /watch 0x… adds one."
    )


def test_a_bare_address_can_be_watched_in_two_ways() -> None:
    (page,) = watch_words.bare_offer([checksummed(TREASURY)])

    assert text(page).startswith(
        "What shall I do with this?\n/watch 0x8e3E38fe7367dd3b52D1e281E4e8400447C8d8B9 tells"
    )
    assert [word.rpartition(" ")[0] for word in read(page.source).code] == ["/watch", "/watch token"]


def test_many_bare_addresses_are_not_repeated() -> None:
    (page,) = texts(watch_words.bare_offer([TREASURY] * 90))

    assert page.startswith("What shall I do with these?\n/watch 0x… 0x… tells")


def test_a_bare_address_with_a_mistake_says_so() -> None:
    assert texts(watch_words.bare_offer([], [BadLine(1, "0x12", "its checksum is wrong")])) == [
        "Not taken:\nLine 1: 0x12: its checksum is wrong"
    ]


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
        "A fresh reading is on its way. What changed in between is not told."
    )
    assert text(
        watch_words.undone([RestoredSubscription(SubscribeOutcome.CREATED, 3, treasury, is_known=True)], 5)
    ) == ("👁 Watching Treasury · 0x8e3E…d8B9 (#3) again.\nWhat changed in between is not told.")


def test_taking_an_end_back_says_what_does_not_return() -> None:
    ones = [
        RestoredSubscription(SubscribeOutcome.ALREADY, 4, WatchSpec(TREASURY, label="Treasury")),
        RestoredSubscription(SubscribeOutcome.FULL, 0, WatchSpec(None, frozenset({USDC}))),
    ]

    assert text(watch_words.undone(ones, 5)) == (
        "Watched again already: Treasury · 0x8e3E…d8B9.\n"
        "No room for token 0xA0b8…eB48: this chat can watch 5 at most."
    )


def test_a_name_not_watched_may_have_a_neighbour() -> None:
    assert text(words.not_watched("Tresury", "Treasury")) == (
        "Tresury is not watched here. Did you mean Treasury? /list shows what is."
    )
    assert text(words.not_watched("#9")) == "#9 is not watched here. /list shows what is."


def test_many_numbers_that_are_not_watched_are_one_message() -> None:
    (answer,) = watch_words.none_of_these([f"#{number}" for number in range(1, 2000)])
    assert text(answer).startswith("Not watched here: 1,999\n#1\n#2\n")
    assert text(answer).endswith("more lines.\n\n/list shows what is.")
    assert len(text(answer)) <= 4096


# ---------------------------------------------------------------- lists


def test_the_list_has_numbers_labels_and_limits() -> None:
    pages = watch_words.watch_list(
        [
            (1, subscription(label="Treasury")),
            (4, subscription(VAULT, contracts=frozenset({USDC}), chains=frozenset({BASE, POLYGON}))),
            (5, subscription(None, "Stables", contracts=frozenset({USDC, OTHER}))),
        ],
        CHAINS,
    )

    assert texts(pages) == [
        (
            "Watched here: 3\n"
            "#1 Treasury · 0x8e3E…d8B9\n"
            "#4 0xABaB…ABaB, only token 0xA0b8…eB48 on Polygon and Base\n"
            "#5 Stables · tokens 0x0D0D…0d0d, 0xA0b8…eB48 in every account\n\n"
            "/balance #1 shows what it holds, /unwatch #1 stops it."
        )
    ]


def test_an_empty_list_names_the_first_step() -> None:
    assert texts(watch_words.watch_list([], CHAINS)) == [
        "Nothing is watched here yet. Begin with /watch 0x… as Treasury."
    ]


def test_a_long_list_comes_in_numbered_pages_that_fit() -> None:
    entries = [(number, subscription(label=f"Account {number}")) for number in range(1, 501)]

    pages = texts(watch_words.watch_list(entries, CHAINS))

    shown = [line.split(" ")[0] for page in pages for line in page.split("\n") if line.startswith("#")]
    assert shown == [f"#{number}" for number in range(1, 501)]
    assert [page.split("\n")[0] for page in pages] == ["Watched here: 500"] * len(pages)
    assert [page.split("\n")[-1] for page in pages] == [f"{n}/{len(pages)}" for n in range(1, len(pages) + 1)]
    assert sum("stops it" in page for page in pages) == 1


# ---------------------------------------------------------------- when something is wrong


@pytest.mark.parametrize("command", COMMANDS)
def test_usage_shows_the_grammar_and_every_example(command: Command) -> None:
    code = read(usage(command).source).code

    assert code == [command.grammar, *(example.text for example in command.examples)]


def test_usage_begins_with_what_was_wrong() -> None:
    assert text(usage(ALLOW_COMMAND, "That is no number.")).startswith("That is no number.\n\n/allow · ")
    assert text(usage(ALLOW_COMMAND)).startswith("/allow · ")


def test_an_unknown_command_may_have_a_neighbour() -> None:
    assert text(dispatch.unknown_command("wathc", WATCH_COMMAND)) == (
        "I do not know /wathc. Did you mean /watch? /help lists what I know."
    )
    assert text(dispatch.unknown_command("zzz", None)) == "I do not know /zzz. /help lists what I know."


def test_refusals_name_who_may_and_what_is_left() -> None:
    assert "administrators" in text(refusals.may_not_change())
    assert "/list, /balance and /status" in text(refusals.may_not_change())
    assert "owner" in text(refusals.owners_only())
    assert "/unwatch" in text(watch_words.too_many(500))
    assert "500" in text(watch_words.too_many(500))


def test_our_failure_has_a_reference() -> None:
    assert "K7Q2" in read(refusals.went_wrong("K7Q2").source).code


@given(st.one_of(st.sampled_from(HOSTILE_NAMES), st.text(st.characters())))
def test_no_name_leaves_its_place_in_any_answer(name: str) -> None:
    entry = WatchEntry(1, TREASURY, label=name)
    answers = (
        owner_words.allowed(CHAT, name, is_here=False, was_open=False),
        owner_words.denied(CHAT, name, is_here=False, was_open=True),
        watch_words.watching(TREASURY, name, CHAINS, first_reading_pending=True),
        watch_words.already_watching(TREASURY, name),
        watch_words.label_changed(TREASURY, name),
        *watch_words.bulk_watched([entry], [entry], [BadLine(1, name, "no")]),
        watch_words.watching_token([USDC], name, CHAINS, accounts=1),
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
        *watch_words.watch_list([(1, subscription(label=name)), (2, subscription(None, name))], CHAINS),
        balance_words.no_address(name, "no"),
        balance_words.no_live_answer(TREASURY, name),
        dispatch.unknown_command(name, None),
    )

    for answer in answers:
        assert text(answer).count("\n") < 15


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


def test_no_answer_shows_an_active_name_outside_code() -> None:
    for name in ("@mention", "evil.example", "/command"):
        for answer in (
            owner_words.allowed(CHAT, name, is_here=False, was_open=False),
            watch_words.watching(TREASURY, name, CHAINS, first_reading_pending=True),
            words.not_watched(name, name),
        ):
            reader = read(answer.source)
            assert reader.visible.count(name) == reader.code.count(name) > 0
