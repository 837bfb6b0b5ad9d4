import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bot.chat
from bot.chat.text.html import EMPTY, Html, bold, code, fill, italic, join, link
from bot.chat.text.untrusted import CHARACTERS_MOST, sanitized, symbol
from tests.chat.reading import HOSTILE_NAMES, read, seen

ANY_TEXT = st.one_of(st.text(), st.text(st.characters()), st.sampled_from(HOSTILE_NAMES))
"""With halves of surrogate pairs, which `st.text()` leaves out."""


@given(ANY_TEXT)
def test_what_joins_as_text_is_escaped(text: str) -> None:
    for html in (EMPTY + text, text + EMPTY, bold(text), italic(text), code(text), join(text, ["a", "b"])):
        assert seen(html.source).replace("\r\n", "\n") == html.visible.replace("\r\n", "\n")


def test_what_joins_as_html_is_not_escaped_again() -> None:
    assert (EMPTY + "a & " + bold("b < c")).source == "a &amp; <b>b &lt; c</b>"


def test_a_link_keeps_its_address_whole() -> None:
    url = 'https://scan.example/?a=1&b="2"'

    assert read(link("Polygon", url).source).urls == [url]


def test_lengths_are_counted_as_telegram_counts_them() -> None:
    html = bold("👁 é")

    assert html.visible_units == 4
    assert html.source_bytes == len("<b></b>") + 4 + 1 + 2


def test_half_a_surrogate_pair_becomes_something_that_can_be_sent() -> None:
    assert (EMPTY + "a\ud800b").source == "a\ufffdb"


def test_links_and_code_are_counted_and_bold_is_not() -> None:
    assert (code("a") + link("b", "https://c.example") + bold("d") + italic("e")).entities == 2


def test_code_is_not_made_bold() -> None:
    assert bold(code("a")) == code("a")


def test_nothing_in_bold_is_nothing() -> None:
    assert bold("") == EMPTY
    assert not bold("")


def test_a_sentence_is_filled_in_order() -> None:
    assert fill("{} is {}.", code("a"), "<b>").source == "<code>a</code> is &lt;b&gt;."


def test_parts_of_a_sentence_may_contain_braces() -> None:
    assert fill("{}, {}", "{}", "x").visible == "{}, x"


def test_a_sentence_with_too_few_parts_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="zip"):
        fill("{} and {}", "a")


@pytest.mark.parametrize(
    ("html", "fits"),
    [
        (EMPTY + "a" * 3_900, True),
        (EMPTY + "a" * 3_901, False),
        (EMPTY + "👁" * 1_950, True),
        (EMPTY + "👁" * 1_951, False),
        (EMPTY + "&" * 3_200, True),
        (EMPTY + "&" * 3_201, False),
        (join("", [code("a")] * 90), True),
        (join("", [code("a")] * 91), False),
    ],
)
def test_a_message_has_limits(html: Html, *, fits: bool) -> None:
    assert html.fits is fits


def test_no_other_module_writes_a_tag_or_escapes() -> None:
    room = Path(next(iter(bot.chat.__path__)))

    for module in room.glob("*.py"):
        if module.name != "html.py":
            assert not re.search(
                r"</?(b|i|a|code|pre)\b[^>]*>|html\.escape|\bimport escape", module.read_text()
            )


# ---------------------------------------------------------------- names that others gave


@pytest.mark.parametrize(
    "name", ["USDC", "wstETH", "sUSDe", "BTC/ETH", "UNI-V2", "aEthWETH", "S", "LP_USDC", "SKYWVR", "Usdt0"]
)
def test_a_symbol_that_is_a_mere_name_stays_plain(name: str) -> None:
    assert symbol(name).source == name


@pytest.mark.parametrize(
    "name",
    [
        "1,000 USDC",
        "000,000 USDC",
        "USDC 0 → 5,000,000",
        "04:10:00 UTC · AAAAA",
        "🔻 1,000",
        "+5",
        "$1,000",
        "−500",
        "1INCH",
        "5",
        "M",
        "k",
        "e18",
        "x10",
        "7KQ2F",
        "UTC",
        "million",
        "USDT0",
        "USDC now listed: 5",
        "USDC.e",
        "USD+",
        "A-5",
        "USD12345",
        "BTC/5",
        "\uff35\uff33\uff24\uff23",
        "日本",
        "Ξ",
        "A" * 40,
    ],
)
def test_a_symbol_that_may_be_read_as_more_than_a_name_is_code(name: str) -> None:
    shown = symbol(name)

    assert shown == code(shown.visible) != EMPTY


def test_a_symbol_that_shows_nothing_is_nothing() -> None:
    assert symbol("\u200b\u3164") == symbol("") == EMPTY


@pytest.mark.parametrize(
    "name",
    [
        "USDC",
        "wstETH",
        "USD₮0",
        "POL",
        "BTC/ETH",
        "UNI-V2",
        "1INCH",
        "Ξ",
        "\u0422\u041e\u041d",
        "日本カナ円",
        "Σ Σ",
        "sUSDe",
        "🦄",
    ],
)
def test_a_harmless_name_stays_plain(name: str) -> None:
    assert sanitized(name).source == name


@pytest.mark.parametrize(
    "name",
    [
        "USDC.e",
        "evil.example",
        "Claim at evil.example!",
        "evil\uff0eexample",
        "https://evil",
        "tg://resolve",
        "@name",
        "a@b",
        "#tag",
        "\uff03tag",
        "/start",
        "see /start",
        "$CASH",
        "+14155551234",
        "415 555 12 34",
        "+500 ETH",
        "−500 ETH",
        "ETH −",
        "+",
        "U\u0405D\u0421",
        "ΞTH",
        "USD元",
    ],
)
def test_a_name_that_could_become_a_link_or_mixes_scripts_is_code(name: str) -> None:
    assert sanitized(name) == code(name)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("\u202eCDSU", "CDSU"),
        ("U\u200bS\u2060D\ufeffC\x00", "USDC"),
        ("  a \t\n b\u2028c ", "a b c"),
        ("e\u0301", "é"),
        ("\ue000x", "x"),
        ("\u0301x", "x"),
        ("🟢 +5", "+5"),
        ("🏴‍☠️", "🏴☠️"),
    ],
)
def test_what_cannot_be_seen_is_dropped(name: str, shown: str) -> None:
    assert sanitized(name).visible == shown


@pytest.mark.parametrize("name", ["", " ", "\u200b", "\x00", "\u3164", "\u2800", "\ud800", "\u0301\u0301"])
def test_a_name_of_nothing_visible_is_replaced(name: str) -> None:
    assert sanitized(name, code("0x12")) == code("0x12")


def test_a_name_of_32_characters_is_whole() -> None:
    assert sanitized("A" * 32).visible == "A" * 32


def test_a_name_of_33_characters_is_cut_and_says_so() -> None:
    assert sanitized("A" * 33).visible == "A" * 31 + "…"


def test_a_letter_keeps_its_marks_where_a_name_is_cut() -> None:
    letter = "q\u0323\u0307"

    assert sanitized(letter * 40).visible == letter * 31 + "…"


def test_a_flag_is_one_character() -> None:
    assert sanitized("🇺🇦" * 32).visible == "🇺🇦" * 32
    assert sanitized("🇺🇦" * 33).visible == "🇺🇦" * 31 + "…"


def test_a_tower_of_marks_is_no_higher_than_a_line() -> None:
    assert len(sanitized("x" + "\u0301" * 5_000).visible) <= 5


@given(ANY_TEXT)
def test_a_foreign_name_is_one_short_escaped_line(name: str) -> None:
    html = sanitized(name, "otherwise")

    assert seen(html.source) == html.visible
    assert html.visible == html.visible.strip() != ""
    assert len(html.visible.splitlines()) == 1
    assert html.visible_units <= CHARACTERS_MOST * 10
    assert "<" not in re.sub("</?code>", "", html.source)


@given(ANY_TEXT)
def test_a_foreign_name_shown_again_looks_the_same(name: str) -> None:
    once = sanitized(name)

    assert sanitized(once.visible) == once
