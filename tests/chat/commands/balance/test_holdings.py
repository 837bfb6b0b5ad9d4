import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.commands.balance.holdings import NamedHoldings, balances, by_worth, live_balances, table
from bot.chat.text.html import Html
from bot.domain.assets import NATIVE, Address, Amount, Asset, ChainId, Description
from bot.domain.observe.holdings import ChainHoldings, NamedBalance, PartKind, PartSeen, with_sparklines
from bot.domain.units import format_shown
from tests.chat.reading import (
    ARBITRUM,
    BASE,
    CHAINS,
    ETHEREUM,
    HOSTILE_NAMES,
    POLYGON,
    TREASURY,
    USDC,
    VAULT,
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
    price: str | None = None,
) -> NamedBalance:
    description = Description(kind, symbol, decimals)._replace(price_usd=price)
    return NamedBalance(Asset(ETHEREUM, contract), description, Amount(amount_raw, ids))


def cents(number: int, symbol: str) -> NamedBalance:
    """Return a balance of so many cents, which is a dollar a token."""
    return held(number, symbol, 2, price="1")


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
        "Treasury · 0x8e3E…d8B9\nAs of 14:03:10 UTC, 12 s ago\nWorth unknown: no price of it is known.\n\n"
        "Ethereum\n1.000000… ETH\n2,150 USDC"
    )


def test_a_sparkline_stands_behind_what_changed_and_nothing_behind_what_did_not() -> None:
    changed, still = held(250, "AAA", 2, price="1"), held(120, "BBB", 2, price="1", contract=TREASURY)
    known = with_sparklines([chain(ETHEREUM, tokens(changed, still))], {changed.asset: "▁▂▂▅▇▇▇"})

    assert shown(*known).endswith("\n2.5 AAA · $2.50 ▁▂▂▅▇▇▇\n1.2 BBB · $1.20")


def test_what_is_ignored_is_counted_and_never_called_nothing() -> None:
    without = replace(tokens(), left_out=2)

    assert shown(chain(ETHEREUM, natives(coin(10**18)), without)).endswith(
        "\n1 ETH\n2 ignored tokens, not shown"
    )
    assert shown(chain(ETHEREUM, natives(), without)).endswith("\n\nEthereum\n2 ignored tokens, not shown")
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
        "\n\nPolygon\n1 ETH\ntokens unknown since 13:40 UTC; last known:\n5 USDC"
    )


def test_an_unknown_coin_stands_apart_from_tokens_that_were_seen() -> None:
    assert shown(chain(POLYGON, natives(unknown=True), tokens())).endswith(
        "\n\nPolygon\ntokens: nothing held\nnative coin unknown since 13:40 UTC; last known: nothing"
    )


def test_a_part_not_read_yet_is_said_to_be_so() -> None:
    assert shown(chain(POLYGON, natives(coin(10**18)), NOT_READ)).endswith("\n1 ETH\ntokens not read yet")


def test_named_tokens_that_are_unknown_alike_share_a_heading() -> None:
    named = PartSeen(PartKind.NAMED, NOON, A_WHILE_AGO, (held(5, "USDC"),))

    assert shown(chain(POLYGON, natives(coin(10**18)), named, named)).endswith(
        "\nnamed tokens unknown since 13:40 UTC; last known:\n5 USDC\n5 USDC"
    )


def test_a_chain_that_answered_with_nothing_holds_nothing() -> None:
    assert shown(chain(BASE, natives(), tokens())).endswith("\n\nBase\nnothing held")


def test_chains_that_hold_nothing_share_a_line_with_the_oldest_age() -> None:
    empty = [chain(id_, natives(), tokens()) for id_ in (BASE, POLYGON)]
    old = timedelta(seconds=70)

    assert shown(*empty, chain(ARBITRUM, natives(age=old), tokens(age=old))).endswith(
        "\nAs of 14:02:12 UTC, 70 s ago\n\nBase, Polygon, Arbitrum One\nnothing held"
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
    assert shown(chain(BASE, natives(age=age))).endswith(f"{words}\n\nBase\nnothing held")


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
    assert all("\n\nEthereum\n" in page.visible or page.visible.startswith("Ethereum\n") for page in pages)


def test_a_chain_read_much_earlier_has_an_age_of_its_own() -> None:
    late = timedelta(minutes=3)
    answer = shown(
        chain(ETHEREUM, tokens(held(5, "USDC"))),
        chain(BASE, natives(age=late), tokens(held(7, "DAI"), age=late)),
    )

    assert answer.split("\n")[1] == "As of 14:03:10 UTC, 12 s ago"
    assert "\n\nEthereum\n5 USDC\n\nBase · as of 14:00:22 UTC, 3 min ago\n7 DAI" in answer


def test_chains_and_assets_stand_by_worth_with_subtotals_and_what_has_no_price_last() -> None:
    answer = shown(
        chain(ETHEREUM, tokens(held(5, "AAA"), cents(200, "BBB"), cents(12_345, "CCC"))),
        chain(POLYGON, tokens(held(9, "DDD"))),
        chain(BASE, tokens(cents(99_900, "EEE"))),
    )

    assert answer.endswith(
        "\nWorth $1,124.45, not counting 2 balances without a price\n\n"
        "Base · $999.00\n999 EEE · $999.00\n\n"
        "Ethereum · $125.45\n123.45 CCC · $123.45\n2 BBB · $2.00\n5 AAA\n\n"
        "Polygon\n9 DDD"
    )


def test_several_balances_under_a_dollar_share_a_line_that_is_complete() -> None:
    dust = (cents(40, "AAA"), cents(99, "BBB"), cents(13, "CCC"))

    assert shown(chain(ETHEREUM, tokens(*dust, cents(100, "DDD"), held(7, "FFF")))).endswith(
        "\n1 DDD · $1.00\n7 FFF\nand 3 under $1, together $1.52: 0.99 BBB, 0.4 AAA, 0.13 CCC"
    )
    assert shown(chain(ETHEREUM, tokens(*dust))).endswith(
        "\n3 under $1, together $1.52: 0.99 BBB, 0.4 AAA, 0.13 CCC"
    )


def test_many_small_balances_are_all_there_in_lines_that_fit() -> None:
    answer = shown(chain(ETHEREUM, tokens(*(cents(1, f"AB{number}") for number in range(45)))))

    assert [line.split(" ")[:3] for line in answer.split("\n")[-3:]] == [
        ["20", "under", "$1,"],
        ["and", "20", "under"],
        ["and", "5", "under"],
    ]
    assert len(re.findall(r"0\.01 AB", answer)) == 45


def test_one_balance_under_a_dollar_and_any_without_a_price_have_lines_of_their_own() -> None:
    assert shown(chain(ETHEREUM, tokens(held(1, "AAA"), cents(99, "BBB"), held(2, "CCC")))).endswith(
        "\n0.99 BBB · $0.99\n1 AAA\n2 CCC"
    )


# ---------------------------------------------------------------- several accounts


def rows_of(*named: NamedHoldings, page: int = 1) -> list[str]:
    shown_first = by_worth(named, CHAINS)
    return text((table(shown_first, CHAINS, NOON, accounts=len(named), page=page),)).split("\n")


def test_several_accounts_are_a_table_by_worth_that_says_what_is_unknown() -> None:
    ages = timedelta(minutes=5)
    assert rows_of(
        NamedHoldings(TREASURY, "Till", [chain(ETHEREUM, tokens(cents(700, "AAA"), held(1, "B")))]),
        NamedHoldings(TREASURY, "Vault", [chain(POLYGON, tokens(cents(5_275, "AAA"), age=ages))]),
        NamedHoldings(VAULT, "", [chain(BASE, tokens())]),
        NamedHoldings(VAULT, "New", [chain(BASE, NOT_READ)]),
        NamedHoldings(VAULT, "Blind", [chain(BASE, tokens(cents(100, "AAA"), unknown=True))]),
    ) == [
        "All 5 accounts",
        "As of 14:03:10 UTC, 12 s ago",
        (
            "Worth $60.75, not counting 1 balance without a price and what is unknown on Base;"
            " on Base as last known"
        ),
        "",
        "Vault · 0x8e3E…d8B9 · $52.75 · as of 13:58:22 UTC, 5 min ago",
        "Till · 0x8e3E…d8B9 · $7.00, 1 balance without a price",
        "Blind · 0xABaB…ABaB · $1.00, as last known on Base",
        "0xABaB…ABaB · nothing held",
        "New · 0xABaB…ABaB · not read yet",
    ]


def test_every_page_of_a_table_has_the_sum_of_all_accounts() -> None:
    tills = [
        NamedHoldings(TREASURY, f"Till {number}", [chain(ETHEREUM, tokens(cents(number * 100, "AAA")))])
        for number in range(1, 22)
    ]

    first, second = rows_of(*tills), rows_of(*tills, page=2)

    assert first[:3] == second[:3] == ["All 21 accounts", "As of 14:03:10 UTC, 12 s ago", "Worth $231.00"]
    assert first[4] == "Till 21 · 0x8e3E…d8B9 · $21.00"
    assert (len(first[4:-2]), first[-1]) == (20, "1/2")
    assert second[4:] == ["Till 1 · 0x8e3E…d8B9 · $1.00", "", "2/2"]


def test_a_table_of_one_page_has_no_number() -> None:
    till = NamedHoldings(TREASURY, "Till", [chain(ETHEREUM, tokens(cents(700, "AAA")))])

    assert len(rows_of(*[till] * 20)) == 4 + 20


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
        "/watch 0x8e3E38fe7367dd3b52D1e281E4e8400447C8d8B9 alerts this chat when that changes."
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


PRICED = st.lists(
    st.tuples(
        st.sampled_from([ETHEREUM, POLYGON, BASE]),
        st.lists(
            st.builds(
                held,
                st.integers(1, 400),
                st.from_regex(r"[A-F]{3}", fullmatch=True),
                st.just(2),
                price=st.sampled_from(["1", None]),
            ),
            max_size=60,
        ),
    ),
    max_size=3,
    unique_by=lambda pair: pair[0],
)
_SUM = re.compile(r"\$([\d,]+\.\d\d)")


@given(PRICED)
def test_subtotals_add_up_and_what_is_folded_and_shown_is_all_there_is(
    holdings: list[tuple[ChainId, list[NamedBalance]]],
) -> None:
    answer = shown(*(chain(chain_id, tokens(*balances_)) for chain_id, balances_ in holdings))
    every = [balance for _, balances_ in holdings for balance in balances_]
    lines = answer.split("\n")
    titles = {CHAINS.get(chain_id).title for chain_id, _ in holdings}

    total = [dollars_in(line) for line in lines if line.startswith("Worth $")]
    subtotals = [dollars_in(line) for line in lines if line.split(" · ")[0] in titles and "$" in line]
    assert sum(subtotals) == sum(total)
    listed = [amount for line in lines for amount in AMOUNT.findall(line.split(": ")[-1])]
    assert sorted(listed) == sorted(
        f"{format_shown(one.amount.amount_raw, 2)} {one.description.symbol}" for one in every
    )


AMOUNT = re.compile(r"[\d.]+ [A-F]{3}(?![a-z])")


def dollars_in(line: str) -> Decimal:
    """Return the first sum of dollars in a line."""
    found = _SUM.search(line)
    assert found
    return Decimal(found[1].replace(",", ""))
