from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.commands.balance.holdings import balances, live_balances
from bot.chat.text.html import Html
from bot.domain.assets import NATIVE, Address, Amount, Asset, ChainId, Description
from bot.domain.observe.holdings import ChainHoldings, NamedBalance, PartKind, PartSeen
from tests.chat.reading import (
    ARBITRUM,
    BASE,
    CHAINS,
    ETHEREUM,
    HOSTILE_NAMES,
    POLYGON,
    TREASURY,
    USDC,
    read,
    seen,
)

NOON = datetime(2026, 11, 22, 14, 3, 22, tzinfo=UTC)
A_WHILE_AGO = NOON - timedelta(minutes=23, seconds=22)


def text(pages: tuple[Html, ...]) -> str:
    assert all(page.fits and seen(page.source) == page.visible for page in pages)
    return "\n".join(page.visible for page in pages)


def held(
    amount_raw: int,
    symbol: str | None,
    decimals: int | None = 0,
    *,
    kind: str = "ERC20",
    contract: Address = USDC,
    ids: int | None = None,
) -> NamedBalance:
    return NamedBalance(
        Asset(ETHEREUM, contract), Description(kind, symbol, decimals), Amount(amount_raw, ids)
    )


def coin(amount_raw: int = 10**18 + 1) -> NamedBalance:
    return held(amount_raw, None, None, kind="NATIVE", contract=NATIVE)


def natives(*holds: NamedBalance, age: timedelta = timedelta(seconds=12), unknown: bool = False) -> PartSeen:
    return PartSeen(PartKind.NATIVES, NOON - age, A_WHILE_AGO if unknown else None, holds)


def tokens(*holds: NamedBalance, age: timedelta = timedelta(seconds=12), unknown: bool = False) -> PartSeen:
    return PartSeen(PartKind.TOKENS, NOON - age, A_WHILE_AGO if unknown else None, holds)


NOT_READ = PartSeen(PartKind.TOKENS, None)


def chain(chain_id: ChainId, *parts: PartSeen) -> ChainHoldings:
    return ChainHoldings(chain_id, parts)


def shown(*known: ChainHoldings) -> str:
    return text(balances(TREASURY, "Treasury", known, CHAINS, NOON))


def live(*known: ChainHoldings) -> str:
    return text(live_balances(TREASURY, known, CHAINS))


# ---------------------------------------------------------------- what is watched


def test_balances_say_how_old_they_are() -> None:
    assert shown(chain(ETHEREUM, natives(coin()), tokens(held(2_150_000_000, "USDC", 6)))) == (
        "Treasury · 0x8e3E…d8B9\nWorth unknown: no price of it is known.\n\n"
        "Ethereum · as of 14:03:10 UTC, 12 s ago\n1.000000… ETH\n2,150 USDC"
    )


def test_what_is_ignored_is_counted_and_never_called_nothing() -> None:
    without = replace(tokens(), left_out=2)

    assert shown(chain(ETHEREUM, natives(coin(10**18)), without)).endswith(
        "\n1 ETH\n2 ignored tokens, not shown"
    )
    assert shown(chain(ETHEREUM, natives(), without)).endswith("12 s ago\n2 ignored tokens, not shown")
    unknown = replace(tokens(unknown=True), left_out=1)
    assert shown(chain(POLYGON, natives(unknown=True), unknown)).endswith(
        "\n\nPolygon: unknown since 13:40 UTC; last known:\n1 ignored token, not shown"
    )
    assert shown(chain(POLYGON, natives(coin(10**18)), unknown)).endswith(
        "\n1 ETH\ntokens unknown since 13:40 UTC; last known:\n1 ignored token, not shown"
    )


def test_what_is_unknown_is_said_to_be_so_with_what_was_known() -> None:
    whole = chain(POLYGON, natives(coin(10**18), unknown=True), tokens(held(5, "USDC"), unknown=True))

    assert shown(whole).endswith("\n\nPolygon: unknown since 13:40 UTC; last known:\n1 ETH\n5 USDC")


def test_unknown_tokens_stand_apart_from_a_coin_that_was_seen() -> None:
    assert shown(chain(POLYGON, natives(coin(10**18)), tokens(held(5, "USDC"), unknown=True))).endswith(
        "\n\nPolygon · as of 14:03:10 UTC, 12 s ago\n1 ETH\n"
        "tokens unknown since 13:40 UTC; last known:\n5 USDC"
    )


def test_an_unknown_coin_stands_apart_from_tokens_that_were_seen() -> None:
    assert shown(chain(POLYGON, natives(unknown=True), tokens())).endswith(
        "\n\nPolygon · as of 14:03:10 UTC, 12 s ago\ntokens: nothing held\n"
        "native coin unknown since 13:40 UTC; last known: nothing"
    )


def test_a_part_not_read_yet_is_said_to_be_so() -> None:
    assert shown(chain(POLYGON, natives(coin(10**18)), NOT_READ)).endswith("\n1 ETH\ntokens not read yet")


def test_named_tokens_that_are_unknown_alike_share_a_heading() -> None:
    named = PartSeen(PartKind.NAMED, NOON, A_WHILE_AGO, (held(5, "USDC"),))

    assert shown(chain(POLYGON, natives(coin(10**18)), named, named)).endswith(
        "\nnamed tokens unknown since 13:40 UTC; last known:\n5 USDC\n5 USDC"
    )


def test_a_chain_that_answered_with_nothing_holds_nothing() -> None:
    assert shown(chain(BASE, natives(), tokens())).endswith(
        "\n\nBase · as of 14:03:10 UTC, 12 s ago\nnothing held"
    )


def test_chains_that_hold_nothing_share_a_line_with_the_oldest_age() -> None:
    empty = [chain(id_, natives(), tokens()) for id_ in (BASE, POLYGON)]
    old = timedelta(seconds=70)

    assert shown(*empty, chain(ARBITRUM, natives(age=old), tokens(age=old))).endswith(
        "\n\nBase, Polygon, Arbitrum One · as of 14:02:12 UTC, 70 s ago\nnothing held"
    )


def test_chains_not_read_yet_are_named() -> None:
    assert shown(chain(ETHEREUM, tokens(held(5, "USDC"))), chain(BASE, NOT_READ)).endswith(
        "\n5 USDC\n\nNot read yet: Base"
    )


def test_an_account_never_read_says_so() -> None:
    nothing = "Treasury · 0x8e3E…d8B9\n\nNo reading yet; the first one is on its way."

    assert shown() == nothing
    assert shown(chain(BASE, NOT_READ)) == nothing


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(seconds=-3), "0 s ago"),
        (timedelta(seconds=119), "119 s ago"),
        (timedelta(seconds=120), "2 min ago"),
        (timedelta(hours=2), "2 h ago"),
        (timedelta(days=3), "2026-11-19 14:03:22 UTC, 3 days ago"),
    ],
)
def test_an_age_is_told_in_the_unit_that_fits(age: timedelta, words: str) -> None:
    assert shown(chain(BASE, natives(age=age))).endswith(f"{words}\nnothing held")


@pytest.mark.parametrize(
    ("balance", "line"),
    [
        (held(5, None), "5 0xA0b8…eB48"),
        (held(5, "FOO", None), "5 FOO (raw units)"),
        (held(5, "eth"), "5 eth 0xA0b8…eB48"),
        (held(1_701, "SKYWVR", kind="ERC721", ids=13), "1,701 SKYWVR · 13 ids"),
        (held(1, "SKYWVR", kind="ERC721"), "1 SKYWVR"),
    ],
)
def test_a_balance_is_one_line(balance: NamedBalance, line: str) -> None:
    assert shown(chain(ETHEREUM, tokens(balance))).endswith(f"\n{line}")


def test_more_balances_than_three_pages_are_counted() -> None:
    many = [held(number, f"T{number}") for number in range(2_000)]

    pages = balances(TREASURY, "", [chain(ETHEREUM, tokens(*many))], CHAINS, NOON)

    lines = [line for line in text(pages).split("\n") if " T" in line]
    assert len(pages) == 3
    assert f"… and {2_000 - len(lines):,} more lines." in pages[-1].visible
    assert all("Ethereum · as of" in page.visible for page in pages)


# ---------------------------------------------------------------- what nobody watches


def test_a_live_answer_names_what_is_held_and_what_is_not_known() -> None:
    answer = live(
        chain(ETHEREUM, natives(coin(10**18)), tokens(held(5, "USDC"))),
        chain(BASE, natives(), tokens()),
        chain(POLYGON, NOT_READ, NOT_READ),
    )

    assert answer == (
        "0x8e3E…d8B9, asked just now\nWorth unknown: no price of it is known.\n\n"
        "Ethereum\n1 ETH\n5 USDC\n\nBase\nnothing held\n\n"
        "No answer from Polygon: what it holds there is unknown.\n\n"
        "/watch 0x8e3E38fe7367dd3b52D1e281E4e8400447C8d8B9 tells this chat when that changes."
    )


def test_a_live_answer_without_tokens_says_that_they_are_unknown() -> None:
    assert "1 ETH\ntokens unknown: no whole answer\n" in live(
        chain(ETHEREUM, natives(coin(10**18)), NOT_READ)
    )


def test_a_live_answer_that_no_chain_gave_holds_no_balance() -> None:
    answer = live(chain(POLYGON, NOT_READ), chain(BASE, NOT_READ))

    assert "No answer from Polygon, Base" in answer
    assert "nothing held" not in answer


# ---------------------------------------------------------------- laws

PARTS = st.builds(
    PartSeen,
    st.sampled_from(PartKind),
    st.one_of(st.none(), st.just(NOON)),
    st.one_of(st.none(), st.just(A_WHILE_AGO)),
    st.lists(st.builds(held, st.integers(1, 2**256 - 1), st.sampled_from(HOSTILE_NAMES)), max_size=2).map(
        tuple
    ),
)
KNOWN = st.lists(
    st.builds(
        ChainHoldings,
        st.sampled_from([ETHEREUM, POLYGON, BASE]),
        st.lists(PARTS, min_size=1, max_size=3).map(tuple),
    ),
    max_size=4,
)


@given(KNOWN, st.sampled_from(HOSTILE_NAMES))
def test_whatever_is_known_it_is_shown_within_the_limits(known: list[ChainHoldings], label: str) -> None:
    text(balances(TREASURY, label, known, CHAINS, NOON))
    text(live_balances(TREASURY, known, CHAINS))


@given(KNOWN)
def test_nothing_held_is_only_said_of_what_was_seen(known: list[ChainHoldings]) -> None:
    for pages in (balances(TREASURY, "", known, CHAINS, NOON), live_balances(TREASURY, known, CHAINS)):
        if "nothing held" in text(pages):
            assert any(part.is_current and not part.held for one in known for part in one.parts)


def test_no_name_is_a_link_by_itself() -> None:
    (page,) = balances(TREASURY, "evil.example", [chain(ETHEREUM, tokens(held(5, "@mention")))], CHAINS, NOON)

    assert {"evil.example", "@mention"} <= set(read(page.source).code)
