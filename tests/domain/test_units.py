"""Amounts as text, exact to the last unit, and dollars that never stand in the way."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.assets import AMOUNT_MAX
from bot.domain.units import (
    ELLIPSIS,
    MINUS,
    format_exact,
    format_shown,
    format_signed,
    format_signed_usd,
    plain_number,
    plain_price,
    usd_value,
)
from tests.amounts import read_amount

amounts = st.integers(-AMOUNT_MAX, AMOUNT_MAX)
decimals = st.integers(0, 77)


# ---------------------------------------------------------------- exact


@pytest.mark.parametrize(
    ("amount_raw", "places", "text"),
    [
        (0, 18, "0"),
        (1, 0, "1"),
        (1, 18, "0.000000000000000001"),
        (1_234_000_001, 6, "1,234.000001"),
        (1_500_000, 6, "1.5"),
        (1_000_000, 6, "1"),
        (-1_250_000_000, 6, f"{MINUS}1,250"),
        (-1, 2, f"{MINUS}0.01"),
        (1_000_000, 0, "1,000,000"),
        (AMOUNT_MAX, 0, f"{AMOUNT_MAX:,}"),
        (AMOUNT_MAX, 77, "1." + str(AMOUNT_MAX)[1:]),
        (1, 255, "0." + "0" * 254 + "1"),
    ],
)
def test_an_amount_is_written_with_every_digit(amount_raw: int, places: int, text: str) -> None:
    assert format_exact(amount_raw, places) == text


@given(amounts, decimals)
def test_what_is_written_reads_back(amount_raw: int, places: int) -> None:
    written = format_exact(amount_raw, places)

    assert read_amount(written) == Fraction(amount_raw, 10**places)


@given(amounts, decimals)
def test_for_programs_the_same_is_written_without_commas_and_with_a_minus_they_know(
    amount_raw: int, places: int
) -> None:
    written = plain_number(amount_raw, places)

    assert Fraction(written) == Fraction(amount_raw, 10**places)
    assert written == format_exact(amount_raw, places).replace(",", "").replace(MINUS, "-")


@pytest.mark.parametrize(
    ("price", "plain"),
    [
        ("1", "1"),
        ("0.9998", "0.9998"),
        ("1.5e-9", "0.0000000015"),
        ("2E3", "2000"),
        (None, None),
        ("", None),
        ("=1+1", None),
        ("NaN", None),
        ("-1", None),
        ("1e100", None),
        ("1e-999999", None),
    ],
)
def test_a_price_is_written_out_unless_it_is_nonsense(price: str | None, plain: str | None) -> None:
    assert plain_price(price) == plain


# ---------------------------------------------------------------- shown


@pytest.mark.parametrize(
    ("amount_raw", "places", "text"),
    [
        (12_500_000, 6, "12.5"),
        (1_234_567, 6, "1.234567"),
        (12_345_678, 7, f"1.234567{ELLIPSIS}"),
        (19_999_999, 7, f"1.999999{ELLIPSIS}"),
        (1, 18, f"0.000000{ELLIPSIS}"),
        (-19_999_999, 7, f"{MINUS}1.999999{ELLIPSIS}"),
        (10_000_000, 7, "1"),
        (0, 18, "0"),
    ],
)
def test_a_shown_amount_is_exact_up_to_six_decimals_and_cut_beyond(
    amount_raw: int, places: int, text: str
) -> None:
    assert format_shown(amount_raw, places) == text


@given(st.integers(0, AMOUNT_MAX), decimals)
def test_a_shown_amount_never_claims_more_than_there_is(amount_raw: int, places: int) -> None:
    shown = format_shown(amount_raw, places)

    claimed = read_amount(shown.removesuffix(ELLIPSIS)) * 10**places
    assert 0 <= amount_raw - claimed < max(1, 10 ** (places - 6))
    assert (claimed == amount_raw) == (not shown.endswith(ELLIPSIS))


@pytest.mark.parametrize(
    ("delta_raw", "text"), [(420_000, "+0.42"), (-1_250_000_000, f"{MINUS}1,250"), (0, "+0")]
)
def test_a_difference_has_its_sign(delta_raw: int, text: str) -> None:
    assert format_signed(delta_raw, 6) == text


# ---------------------------------------------------------------- dollars


@pytest.mark.parametrize(
    ("amount_raw", "places", "price", "text"),
    [
        (-1_250_000_000, 6, "1", f"{MINUS}$1,250.00"),
        (500_000, 6, "0.9998", "+$0.50"),
        (1, 18, "3000", "<$0.01"),
        (-1, 18, "3000", "<$0.01"),
        (1_000_000, 6, "0.004", "<$0.01"),
        (10**18, 18, "2534.1234567890123456", "+$2,534.12"),
        (AMOUNT_MAX, 0, "1", f"+${AMOUNT_MAX:,}.00"),
        (0, 6, "1", "+$0.00"),
    ],
)
def test_dollars_are_cents_of_the_exact_worth(amount_raw: int, places: int, price: str, text: str) -> None:
    value = usd_value(amount_raw, places, price)

    assert value is not None
    assert format_signed_usd(value) == text


@given(amounts, decimals, st.decimals(0, 10**9, places=18))
def test_worth_is_exact(amount_raw: int, places: int, price: Decimal) -> None:
    value = usd_value(amount_raw, places, f"{price:f}")

    assert value is not None
    assert Fraction(value) == Fraction(amount_raw, 10**places) * Fraction(price)


@pytest.mark.parametrize(
    "price",
    [
        None,
        "",
        "abc",
        "NaN",
        "sNaN",
        "-NaN",
        "Infinity",
        "-inf",
        "-1",
        "-0.5",
        "1e999999",
        "1e100",
        "9" * 1000,
        "1,000",
        "0x1",
    ],
)
def test_a_price_that_cannot_be_gives_no_worth(price: str | None) -> None:
    assert usd_value(10**77, 0, price) is None


@pytest.mark.parametrize("price", ["0", "1e-999999", "0." + "0" * 1000 + "1", "1e99", "9" * 100, "0e999999"])
@pytest.mark.parametrize("places", [0, 18, 255])
def test_an_absurd_price_is_no_reason_to_stumble(price: str, places: int) -> None:
    for amount_raw in (AMOUNT_MAX, -1, 0):
        value = usd_value(amount_raw, places, price)
        if value is not None:
            format_signed_usd(value)


@given(amounts, st.integers(0, 255), st.none() | st.text(max_size=20) | st.decimals().map(str))
def test_no_price_stands_in_the_way(amount_raw: int, places: int, price: str | None) -> None:
    value = usd_value(amount_raw, places, price)

    if value is not None:
        assert "$" in format_signed_usd(value)
