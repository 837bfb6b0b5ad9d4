"""What follows /watch and /unwatch, line by line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.commands.arguments.errors import BadLine
from bot.chat.commands.watch.grammar import WatchEntry
from bot.chat.commands.watch.unwatch import UnwatchRequest
from bot.chat.commands.watch.watch import WatchRequest, WatchTokenRequest
from bot.domain.assets import Address, ChainId
from bot.domain.subscriptions import Scope
from tests.chat.commands.builders import entries, parsed, refused, watched
from tests.chat.reading import (
    ARBITRUM,
    BASE,
    CHAINS,
    ETHEREUM,
    OTHER,
    POLYGON,
    TREASURY,
    USDC,
    VAULT,
)

WRONG_CHECKSUM = "0x8E3E38fe7367dd3b52D1e281E4e8400447C8d8B9"
REASON_CHECKSUM = "its checksum is wrong, so at least one digit or capital is mistyped"
ADDRESS_IN_LABEL = "there is an address in this label; each account needs a line of its own"
ALL_CHAINS = "for all chains leave out the word “on” and what follows it"


def test_one_address_is_one_entry() -> None:
    assert entries(f"/watch {TREASURY}") == [watched(1, TREASURY)]


def test_an_alias_means_the_same() -> None:
    assert entries(f"/add {TREASURY}") == entries(f"/watch {TREASURY}")


def test_clauses_say_which_contracts_chains_and_label() -> None:
    whole = watched(
        1,
        TREASURY,
        contracts=frozenset({USDC, OTHER}),
        chains=frozenset({ETHEREUM, POLYGON}),
        label="Main as it is, on paper",
    )

    assert entries(
        f"/watch {TREASURY} contract {USDC}, {OTHER} on ethereum,polygon as Main  as it is, on paper"
    ) == [whole]
    assert entries(
        f"/watch {TREASURY} ON Polygon Mainnet, Ethereum CONTRACT {USDC} {OTHER} AS Main as it is, on paper"
    ) == [whole]


def test_several_addresses_share_what_follows() -> None:
    shared = frozenset({BASE})

    assert entries(f"/watch {TREASURY}, {VAULT} {TREASURY} on base") == [
        watched(1, TREASURY, chains=shared),
        watched(1, VAULT, chains=shared),
    ]


def test_many_lines_are_many_entries_and_the_first_shares_the_line_of_the_command() -> None:
    assert entries(f"/watch {TREASURY} as Treasury\n\n{VAULT} on base\r\n{OTHER} as Other") == [
        watched(1, TREASURY, label="Treasury"),
        watched(3, VAULT, chains=frozenset({BASE})),
        watched(4, OTHER, label="Other"),
    ]


def test_a_list_may_begin_below_the_command() -> None:
    assert entries(f"/watch@OurBot\n{TREASURY}") == [watched(2, TREASURY)]


def test_the_same_wish_twice_is_one() -> None:
    assert entries(f"/watch {TREASURY}\n{TREASURY}") == [watched(1, TREASURY)]


def test_another_wish_for_the_same_account_stays() -> None:
    assert entries(f"/watch {TREASURY}\n{TREASURY} as Treasury") == [
        watched(1, TREASURY),
        watched(2, TREASURY, label="Treasury"),
    ]


def test_a_label_loses_what_cannot_be_seen_and_keeps_the_rest() -> None:
    assert entries(f"/watch {TREASURY} as \u202e\u200b <b>Ops\u00a0& Co</b> 🦄, on base ")[0].label == (
        "<b>Ops & Co</b> 🦄, on base"
    )


def test_a_label_of_64_characters_is_taken() -> None:
    assert entries(f"/watch {TREASURY} as {'x' * 64}")[0].label == "x" * 64


@pytest.mark.parametrize(
    ("line", "typed", "reason"),
    [
        (WRONG_CHECKSUM, "0x8E3E38fe…d8B9", REASON_CHECKSUM),
        (TREASURY[:-1], "0x8e3e38fe…8d8b", "an address has 40 digits after 0x, this has 39"),
        ("Treasury", "Treasury", "an address starts with 0x"),
        (
            f"{TREASURY} Treasury",
            "Treasury",
            "an address starts with 0x, and a label comes after the word “as”",
        ),
        (f"{TREASURY} as", "as", "a label has to follow"),
        (f"{TREASURY} as {'x' * 65}", "xxxxxxxxxx…xxxx", "a label has at most 64 characters, this has 65"),
        (f"{TREASURY} as Till {VAULT} as Vault", "Till 0xaba…ault", ADDRESS_IN_LABEL),
        (f"{TREASURY} as {VAULT}", "0xabababab…abab", ADDRESS_IN_LABEL),
        (f"{TREASURY} on all", "all", ALL_CHAINS),
        (f"{TREASURY} on every chain", "every", ALL_CHAINS),
        (f"{TREASURY} {VAULT} as Both", "Both", "a label names one address, and this line has 2"),
        ("as Treasury", "", "there is no address in it"),
        (f"contract {USDC}", "", "there is no address in it"),
        (f"{TREASURY} contract", "contract", "an address has to follow"),
        (f"{TREASURY} contract USDC", "USDC", "an address starts with 0x"),
        (f"{TREASURY} on", "on", "a chain has to follow"),
        (f"{TREASURY} on polygn", "polygn", "no chain is called that; did you mean Polygon?"),
        (f"{TREASURY} on Ethere", "Ethere", "no chain is called that; did you mean Ethereum?"),
        (f"{TREASURY} on solana", "solana", "no chain is called that"),
        (f"{TREASURY} on zzz", "zzz", "no chain is called that"),
        (f"{TREASURY} on 0", "0", "no chain is called that"),
        (f"{TREASURY} on ²", "²", "no chain is called that"),
        (f"{TREASURY} on {'9' * 5_000}", "9999999999…9999", "no chain is called that"),
        (
            f"{TREASURY} on base {VAULT}",
            "0xabababab…abab",
            "addresses stand before the word “on”, chains after it",
        ),
    ],
)
def test_a_bad_line_names_what_was_typed_and_why(line: str, typed: str, reason: str) -> None:
    (bad,) = refused(f"/watch {line}")

    assert (bad.line_number, bad.typed, bad.reason) == (1, typed, reason)


def test_a_line_with_a_mistyped_chain_knows_what_was_probably_meant() -> None:
    (bad,) = refused(f"/watch {TREASURY} on polygn, base as Till")

    assert bad.correction == f"{TREASURY} on Polygon, base as Till"


def test_a_line_of_which_nobody_can_tell_what_was_meant_is_not_mended() -> None:
    assert [bad.correction for bad in refused(f"/watch {TREASURY} on xyzzyx\n{WRONG_CHECKSUM}")] == ["", ""]
    assert [bad.correction for bad in refused(f"/watch {TREASURY} on polygn as polygn")] == [""]


def test_a_bad_line_does_not_stop_the_others() -> None:
    assert parsed(f"/watch {TREASURY}\n{VAULT} {WRONG_CHECKSUM}\n{OTHER}") == WatchRequest(
        (watched(1, TREASURY), watched(3, OTHER)), (BadLine(2, "0x8E3E38fe…d8B9", REASON_CHECKSUM),)
    )


def test_a_token_line_among_accounts_is_refused() -> None:
    assert refused(f"/watch {TREASURY}\ntoken {USDC}") == [
        BadLine(2, "token", "tokens go into a message of their own, which starts with /watch token")
    ]


def test_a_token_is_watched_in_all_accounts() -> None:
    assert parsed(f"/watch Token {USDC}, {OTHER} on base as Stables") == WatchTokenRequest(
        Scope(contracts=frozenset({USDC, OTHER}), chains=frozenset({BASE})), "Stables", ()
    )


def test_tokens_may_go_on_over_lines() -> None:
    assert parsed(f"/watch token\n{USDC}\n{OTHER}") == WatchTokenRequest(
        Scope(contracts=frozenset({USDC, OTHER})), "", ()
    )


@pytest.mark.parametrize(
    ("text", "bad"),
    [
        (f"token {WRONG_CHECKSUM}", BadLine(1, "0x8E3E38fe…d8B9", REASON_CHECKSUM)),
        (
            f"token {USDC} contract {OTHER}",
            BadLine(1, "contract", "after the word “token”, the addresses are the contracts"),
        ),
        (
            f"token\n{USDC}\n{OTHER} on base",
            BadLine(3, "", "chains and a label stand in the first line, for all tokens"),
        ),
        ("token on base", BadLine(1, "", "there is no address in it")),
    ],
)
def test_a_bad_token_line_names_what_was_typed_and_why(text: str, bad: BadLine) -> None:
    request = parsed(f"/watch {text}")

    assert isinstance(request, WatchTokenRequest)
    assert request.bad == (bad,)


def test_unwatch_keeps_the_words_and_the_whole() -> None:
    assert parsed("/unwatch  Main Treasury, #3  #3") == UnwatchRequest(
        ("Main", "Treasury", "#3"), "Main Treasury, #3 #3"
    )


def test_unwatch_takes_all_for_a_word() -> None:
    assert parsed("/remove all") == UnwatchRequest(("all",), "all")


@given(
    st.lists(st.sampled_from([TREASURY, VAULT]), min_size=1, max_size=1),
    st.frozensets(st.sampled_from([USDC, OTHER])),
    st.frozensets(st.sampled_from([ETHEREUM, ARBITRUM, BASE])),
    st.sampled_from(["", "Treasury", "on base", "contract 0x12", "as"]),
    st.booleans(),
)
def test_what_is_written_by_the_grammar_is_read_back(
    accounts: list[Address],
    contracts: frozenset[Address],
    chains: frozenset[ChainId],
    label: str,
    chains_first: bool,  # noqa: FBT001 - drawn by hypothesis
) -> None:
    clauses = [
        f"contract {', '.join(contracts)}" if contracts else "",
        f"on {', '.join(CHAINS.get(chain).title for chain in chains)}" if chains else "",
    ]
    named = f"as {label}" if label else ""

    text = " ".join(["/watch", *accounts, *(reversed(clauses) if chains_first else clauses), named])

    assert entries(text) == [WatchEntry(1, accounts[0], Scope(contracts, chains), label)]
