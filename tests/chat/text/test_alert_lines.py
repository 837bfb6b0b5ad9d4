"""One change as it is shown: marks, units, names, ids and worth."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain.assets import AMOUNT_MAX, Amount, Asset
from bot.domain.deliver.alerts import (
    Alert,
)
from bot.domain.observations import MoveKind
from tests.chat.reading import (
    BASE,
    HOSTILE_NAMES,
    OTHER,
    POLYGON,
    VAULT,
    spoken,
)
from tests.chat.text.alert_builders import (
    NOON,
    POL,
    alert,
    change_line,
    collection,
    composed,
    lines,
)


@pytest.mark.parametrize(
    ("told", "line"),
    [
        (alert(5, 2), "🔴 −3 USDC | 5 → 2"),
        (alert(5, 0), "🔴 −5 USDC | 5 → 0, all of it"),
        (alert(2, 5), "🟢 +3 USDC | 2 → 5"),
        (alert(0, 5), "✨ +5 USDC | 0 → 5"),
        (alert(1, 12_345_678, decimals=7), "🟢 +1.2345677 USDC | 0.000000… → 1.234567…"),
    ],
)
def test_less_more_and_new_have_their_marks(told: Alert, line: str) -> None:
    assert change_line(told) == line


def test_without_decimals_raw_units_are_told() -> None:
    assert change_line(alert(0, 1_500, decimals=None)) == "✨ +1,500 USDC (raw units) | 0 → 1,500"


def test_without_decimals_nothing_is_priced() -> None:
    assert "$" not in change_line(alert(0, 1_500, decimals=None, price="2"))


@pytest.mark.parametrize(
    ("before", "after", "former", "line"),
    [
        (10**18, 2 * 10**6, 18, "🟢 +1 USDC | 1 → 2 | +$2.00"),
        (3 * 10**18, 10**6, 18, "🔴 −2 USDC | 3 → 1 | −$4.00"),
        (10, 2 * 10**6, 1, "🟢 +1 USDC | 1 → 2 | +$2.00"),
        (10**18 + 1, 2 * 10**6, 18, "🟢 +0.999999999999999999 USDC | 1.000000… → 2 | +$2.00"),
        (10**6, 2 * 10**6, 18, "🟢 +1 USDC | 1 → 2 | +$2.00"),
    ],
    ids=["gain", "loss", "more decimals", "exact", "corrected"],
)
def test_each_amount_is_told_in_the_units_of_its_time(
    before: int, after: int, former: int, line: str
) -> None:
    assert change_line(alert(before, after, decimals=9, then=6, former=former, price="2")) == line


def test_where_nobody_can_tell_the_units_raw_ones_are_told_and_not_priced() -> None:
    told = alert(10**18, 0, decimals=6, then=6, former=18, price="2")

    assert change_line(told) == (
        "🔴 −1,000,000,000,000,000,000 USDC (raw units) | 1,000,000,000,000,000,000 → 0, all of it"
    )


def test_a_change_is_told_by_the_decimals_that_were_known_when_it_was_observed() -> None:
    assert change_line(alert(1_000, 2_000, decimals=6, then=3)) == "🟢 +1 USDC | 1 → 2"
    assert change_line(alert(1_000, 2_000, decimals=3)) == "🟢 +1 USDC | 1 → 2"


def test_a_native_coin_without_decimals_has_those_of_its_chain() -> None:
    told = alert(0, 5 * 10**17, symbol=None, decimals=None, kind="NATIVE", asset=POL)

    assert change_line(told) == "✨ +0.5 POL | 0 → 0.5"


def test_a_token_without_a_symbol_is_its_short_contract() -> None:
    for symbol in (None, "", "\u200b"):
        assert change_line(alert(symbol=symbol)) == "✨ +5 0xA0b8…eB48 | 0 → 5"


def test_two_contracts_with_one_symbol_are_told_apart() -> None:
    fake = Asset(POLYGON, OTHER)

    shown = change_line(alert(), alert(symbol="us\u200bdc", asset=fake)).split("\n")

    assert shown == ["✨ +5 USDC 0xA0b8…eB48 | 0 → 5", "✨ +5 usdc 0x0D0D…0d0d | 0 → 5"]


def test_a_lone_token_whose_symbol_another_one_is_known_by_shows_its_contract() -> None:
    assert change_line(replace(alert(), is_look_alike=True)) == "✨ +5 USDC 0xA0b8…eB48 | 0 → 5"


@pytest.mark.parametrize(
    "symbol",
    [
        "\uff35\uff33\uff24\uff23",
        "US\u200bDC",
        "USDC\ufe0f",
        "U\u0405DC",
        "\U0001d414\U0001d412\U0001d403\U0001d402",
        "USDC\u3164",
        "日本",
    ],
)
def test_a_symbol_that_is_not_plain_shows_its_contract_though_it_is_alone(symbol: str) -> None:
    assert " 0xA0b8…eB48 | 0 → 5" in change_line(alert(symbol=symbol))


@pytest.mark.parametrize(
    "symbol",
    ["0xA0b8...eB49", "USDC 0xA0b8...eB49", "OXA0B8_EB49", "USDC ", "A long name of more than 32 letters"],
)
def test_a_symbol_that_is_not_shown_whole_or_reads_like_an_address_shows_its_contract(symbol: str) -> None:
    assert " 0xA0b8…eB48 | 0 → 5" in change_line(alert(symbol=symbol))


@pytest.mark.parametrize("symbol", ["USDC.e", "0xBTC", "A name of just 32 letters or so."])
def test_a_symbol_of_plain_letters_that_is_shown_whole_stands_alone(symbol: str) -> None:
    assert f" {symbol} | 0 → 5" in change_line(alert(symbol=symbol))


SPEECH = (
    "1,000",
    " ",
    "USDC",
    "0",
    "→",
    "5",
    "M",
    "k",
    "e18",
    "x10",
    "UTC",
    "·",
    "AAAAA",
    "7KQ2F",
    "🟢",
    "🔻",
)
MORE_SPEECH = (
    "+",
    "−",
    "-",
    "$",
    ":",
    "04:10:00",
    "\u200b",
    "\n",
    ".",
    "<code>",
    "</code>",
    "&",
    "l",
    "0x8e3E…d8B9",
)


@given(
    symbol=st.one_of(
        st.text(max_size=40),
        st.lists(st.sampled_from(SPEECH + MORE_SPEECH), max_size=6).map("".join),
        st.sampled_from(HOSTILE_NAMES),
    ),
    move=st.sampled_from(MoveKind),
    alike=st.booleans(),
)
@example(symbol="K/A", move=MoveKind.MOVED, alike=False)
@example(symbol="utc-x", move=MoveKind.MOVED, alike=False)
def test_no_symbol_is_read_as_an_amount_a_time_or_an_id(*, symbol: str, move: MoveKind, alike: bool) -> None:
    harmless, hostile = (
        composed(replace(alert(1, 4, symbol=one, move=move, price="2"), is_look_alike=alike)).html
        for one in ("Name", symbol)
    )

    assert spoken(hostile) == spoken(harmless)


def test_one_symbol_on_two_chains_needs_no_contract() -> None:
    assert "0xA0b8" not in "".join(lines(alert(), alert(asset=Asset(BASE, OTHER))))


def test_one_contract_in_two_accounts_needs_no_contract() -> None:
    assert "0xA0b8" not in "".join(lines(alert(), alert(account=VAULT)))


def test_a_token_that_borrows_the_native_symbol_shows_its_contract() -> None:
    assert change_line(alert(symbol="pol")) == "✨ +5 pol 0xA0b8…eB48 | 0 → 5"


@pytest.mark.parametrize("kind", ["ERC721", "ERC721_BRIDGE"])
def test_unique_items_are_counted_whatever_their_decimals(kind: str) -> None:
    told = alert(1, 3, kind=kind, decimals=18, symbol="SKYWVR")

    assert change_line(told) == "🟢 +2 SKYWVR | 1 → 3"


@pytest.mark.parametrize("kind", ["ERC1155", "ERC6909", "ERC1155_BRIDGE"])
def test_items_have_decimals_where_the_source_says_so(kind: str) -> None:
    told = alert(0, 1_500_000_000_000_000_000, kind=kind, decimals=18, symbol="GOLD")

    assert change_line(told) == "✨ +1.5 GOLD | 1.5 held"


@pytest.mark.parametrize("kind", ["ERC1155", "ERC6909", "ERC1155_BRIDGE"])
def test_items_count_whole_where_nobody_says_what_their_decimals_are(kind: str) -> None:
    assert change_line(alert(1, 3, kind=kind, decimals=None, symbol="SKYWVR")) == "🟢 +2 SKYWVR | 1 → 3"


def test_the_ids_of_a_collection_have_its_decimals() -> None:
    less = collection(Amount(1_700, 12), Amount(1_650, 12), items=[(5, 99, 49)], decimals=2)
    exchange = collection(Amount(150, 1), Amount(150, 1), items=[(5, 150, 0), (6, 0, 150)], decimals=2)

    assert change_line(less) == "🔴 −0.5 SKYWVR | 17 → 16.5 · 12 ids · fewer: #5 (0.99 → 0.49)"
    assert change_line(exchange) == "⇄ SKYWVR exchanged | 1.5 items · 1 id · gone: #5 ×1.5 · new: #6 ×1.5"  # noqa: RUF001 - times


@pytest.mark.parametrize(
    ("before", "after", "line"),
    [
        (Amount(1_700, 12), Amount(1_701, 13), "🟢 +1 SKYWVR | 1,700 → 1,701 · 12 → 13 ids"),
        (Amount(1_700, 12), Amount(1_701, 12), "🟢 +1 SKYWVR | 1,700 → 1,701 · 12 ids"),
        (Amount(1_700), Amount(1_701, 13), "🟢 +1 SKYWVR | 1,700 → 1,701 · 13 ids"),
        (Amount(1_700, 12), Amount(1_701), "🟢 +1 SKYWVR | 1,700 → 1,701"),
        (Amount(0), Amount(1, 1), "✨ +1 SKYWVR | 1 held"),
        (Amount(1, 1), Amount(0), "🔴 −1 SKYWVR | 1 → 0, all of it"),
        (Amount(1_700, 12), Amount(1_700, 13), "⇄ SKYWVR exchanged | 1,700 items · 12 → 13 ids"),
        (Amount(1, 1), Amount(1, 1), "⇄ SKYWVR exchanged | 1 item · 1 id"),
    ],
)
def test_a_collection_tells_its_ids_where_they_are_known(before: Amount, after: Amount, line: str) -> None:
    assert change_line(collection(before, after)) == line


def test_a_collection_tells_on_the_same_line_which_ids_came_and_went() -> None:
    less = collection(Amount(1_700, 12), Amount(1_698, 11), items=[(65538, 1, 0), (65540, 99, 98)])
    exchange = collection(Amount(13, 12), Amount(13, 12), items=[(12, 1, 0), (77, 0, 1)])

    assert change_line(less) == (
        "🔴 −2 SKYWVR | 1,700 → 1,698 · 12 → 11 ids · gone: #65538 · fewer: #65540 (99 → 98)"
    )
    assert change_line(exchange) == "⇄ SKYWVR exchanged | 13 items · 12 ids · gone: #12 · new: #77"


def test_what_is_only_now_listed_has_no_sign() -> None:
    listed = collection(Amount(0), Amount(1_700, 12, 70_880_011), MoveKind.LISTED)

    assert change_line(listed) == "◦ 1,700 SKYWVR now listed | held since block 70,880,011"


def test_what_is_only_now_listed_without_a_block_was_held_before() -> None:
    assert change_line(alert(0, 5, move=MoveKind.LISTED)) == "◦ 5 USDC now listed | held before"


def test_what_is_only_now_listed_without_decimals_says_so() -> None:
    told = alert(0, 5, move=MoveKind.LISTED, decimals=None)

    assert change_line(told) == "◦ 5 USDC (raw units) now listed | held before"


@pytest.mark.parametrize(
    ("before", "after", "price", "worth"),
    [
        (0, 2, "1.5", " | +$3.00"),
        (2, 0, "1.5", " | −$3.00"),
        (0, 1, "0.001", " | <$0.01"),
        (0, 1, None, ""),
        (0, 1, "", ""),
        (0, 1, "0", ""),
        (0, 1, "-1", ""),
        (0, 1, "NaN", ""),
        (0, 1, "1e999999", ""),
        (0, AMOUNT_MAX, "1e999999", ""),
        (0, 1, "1e350", ""),
        (0, 1, "1e-999999", " | <$0.01"),
    ],
)
def test_a_price_decorates_or_is_left_out(before: int, after: int, price: str | None, worth: str) -> None:
    assert change_line(alert(before, after, price=price)) == (f"{change_line(alert(before, after))}{worth}")


@pytest.mark.parametrize(
    ("old", "worth"),
    [
        (timedelta(0), " | −$10.00"),
        (timedelta(hours=1), " | −$10.00"),
        (timedelta(hours=-1), " | −$10.00"),
        (timedelta(minutes=61), " | −$10.00, price 61 min old"),
        (timedelta(hours=3), " | −$10.00, price 3 h old"),
        (timedelta(days=9), " | −$10.00, price 9 days old"),
    ],
)
def test_a_price_of_more_than_an_hour_ago_says_its_age(old: timedelta, worth: str) -> None:
    told = alert(5, 0, price="2")
    told = replace(told, change=replace(told.change, priced_at=NOON - old))

    assert change_line(told) == f"🔴 −5 USDC | 5 → 0, all of it{worth}"
