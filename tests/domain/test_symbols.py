# ruff: noqa: RUF001 - ambiguous letters are what it is about
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.assets import Asset
from bot.domain.symbols import find_look_alikes, is_plain, symbol_key
from tests.builders import BASE, address, asset, coin

ONE, OTHER, THIRD = address(1), address(2), address(3)


@pytest.mark.parametrize(
    ("symbol", "other"),
    [
        ("USDC", "usdc"),
        ("USDC", "US\u200bDC"),
        ("USDC", "USDC\u2060"),
        ("USDC", "USDC\ufe0f"),
        ("USDC", "U\u00adSDC"),
        ("USDC", "USDC\U000e0041"),
        ("USDC", "\u3164USDC"),
        ("USDC", "USDC "),
        ("USDC", "ÚSDC"),
        ("USDC", "ＵＳＤＣ"),
        ("USDC", "𝐔𝐒𝐃𝐂"),
        ("USDC", "Ⓤⓢⓓⓒ"),
        ("USDC", "🇺🇸🇩🇨"),
        ("USDC", "USDС"),
        ("USDC", "ՍՏDC"),
        ("USDC", "ꓴꓢꓓꓚ"),
        ("USDC", "U5DC"),
        ("USDC", "U$DC"),
        ("USDT", "USD₮"),
        ("ETH", "ЕТН"),
        ("ETH", "ΕΤΗ"),
        ("ETH", "ᎬᎢᎻ"),
        ("ETH", "ꭼꭲꮋ"),
        ("DAI", "DAl"),
        ("DAI", "DA1"),
        ("LINK", "|ink"),
        ("OP", "0P"),
    ],
)
def test_symbols_that_look_the_same_have_one_key(symbol: str, other: str) -> None:
    assert symbol_key(symbol) == symbol_key(other) != ""


@pytest.mark.parametrize(
    ("symbol", "other"),
    [("USDC", "USDT"), ("USDC", "USDC.e"), ("ETH", "WETH"), ("DAI", "sDAI"), ("UNI", "UNI-V2"), ("円", "元")],
)
def test_symbols_that_a_reader_tells_apart_have_keys_of_their_own(symbol: str, other: str) -> None:
    assert symbol_key(symbol) != symbol_key(other)


@pytest.mark.parametrize("symbol", [None, "", " ", "\u200b", "\u3164\u2800", "\u0301"])
def test_a_symbol_that_shows_nothing_has_no_key(symbol: str | None) -> None:
    assert symbol_key(symbol) == ""


@given(st.text())
def test_a_key_is_the_key_of_itself(symbol: str) -> None:
    assert symbol_key(symbol_key(symbol)) == symbol_key(symbol)


@pytest.mark.parametrize(
    ("symbol", "plain"),
    [("USDC", True), ("1,000 USDC", True), ("USDС", False), ("USDC\u200b", False), ("USDC\n", False)],
)
def test_printable_ascii_is_plain(symbol: str, *, plain: bool) -> None:
    assert is_plain(symbol) == plain


def alike(*symbols: tuple[Asset, str | None]) -> frozenset[Asset]:
    return find_look_alikes(symbols)


def test_two_tokens_of_a_chain_with_one_symbol_look_alike() -> None:
    assert alike((asset(ONE), "USDC"), (asset(OTHER), "U5DC"), (asset(THIRD), "DAI")) == {
        asset(ONE),
        asset(OTHER),
    }


def test_a_token_looks_like_the_coin_of_its_chain() -> None:
    assert alike((coin(), "POL"), (asset(ONE), "pol")) == {coin(), asset(ONE)}


def test_one_symbol_on_two_chains_is_one_token() -> None:
    assert not alike((asset(ONE), "USDC"), (asset(ONE, BASE), "USDC"))


def test_another_spelling_on_another_chain_looks_alike() -> None:
    assert alike((asset(ONE), "USDC"), (asset(OTHER, BASE), "USDС")) == {asset(ONE), asset(OTHER, BASE)}


def test_tokens_without_a_symbol_look_like_nothing() -> None:
    assert not alike((asset(ONE), None), (asset(OTHER), ""), (asset(THIRD), "\u200b"))


def test_one_asset_named_twice_does_not_look_like_itself() -> None:
    assert not alike((asset(ONE), "USDC"), (asset(ONE), "USDC"))
