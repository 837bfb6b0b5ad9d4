"""What headers say of limits, and that nothing they say can do harm."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.ask.questions import Allowance
from bot.indexer.rate_limits import decode_allowance, named_wait_seconds, used_up_seconds

NOW = 1_780_000_000.0
SOON = str(int(NOW) + 20)

NAMES = [
    "Credits-Rate-Limit",
    "Credits-Rate-Remaining",
    "Credits-Rate-Reset",
    "Credits-Rate-Cost",
    "Retry-After",
    "Quota-Limit",
    "Quota-Remaining",
    "Quota-Overage",
    "Quota-Cost",
    "X-RateLimit-Increment",
]


def test_every_limit_has_its_header() -> None:
    headers = {
        "Credits-Rate-Limit": "3000",
        "credits-rate-remaining": "2999",
        "Quota-Limit": "10000000",
        "QUOTA-REMAINING": "0",
        "Quota-Overage": "17",
        "Quota-Cost": "2",
    }

    assert decode_allowance(headers) == Allowance(3000, 2999, 10_000_000, 0, 17, 2)


def test_the_cost_has_an_older_name() -> None:
    assert decode_allowance({"X-RateLimit-Increment": "3"}) == Allowance(quota_cost=3)
    assert decode_allowance({"X-RateLimit-Increment": "3", "Quota-Cost": "2"}) == Allowance(quota_cost=2)


def test_headers_that_say_nothing_of_limits_are_no_allowance() -> None:
    assert decode_allowance({"Content-Type": "application/json", "Credits-Rate-Reset": "5"}) is None


@pytest.mark.parametrize("text", ["", "-1", "1.5", "1e9", "nan", "many", " 5", "٣", "²", "5, 5", "9" * 30])
def test_what_is_no_count_is_not_said(text: str) -> None:
    assert decode_allowance({"Quota-Limit": text}) is None
    assert decode_allowance({"Quota-Limit": text, "Quota-Cost": "1"}) == Allowance(quota_cost=1)


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Credits-Rate-Remaining": "0"}, 21.0),
        ({"Credits-Rate-Remaining": "1"}, None),
        ({"Credits-Rate-Remaining": "4", "Credits-Rate-Cost": "5"}, 21.0),
        ({"Credits-Rate-Remaining": "5", "Credits-Rate-Cost": "5"}, None),
        ({"Credits-Rate-Remaining": "0", "Credits-Rate-Limit": "1"}, 21.0),
        ({"Credits-Rate-Remaining": "0", "Credits-Rate-Limit": "0"}, None),
        ({"Credits-Rate-Remaining": "0", "Credits-Rate-Reset": "0"}, None),
        ({"Credits-Rate-Remaining": "0", "Credits-Rate-Reset": "soon"}, None),
        ({"Credits-Rate-Remaining": "0", "Credits-Rate-Reset": "inf"}, None),
        ({"Credits-Rate-Remaining": "-1"}, None),
        ({"Credits-Rate-Remaining": "none"}, None),
        ({}, None),
    ],
)
def test_a_used_up_rate_is_waited_for_until_its_window_ends(
    headers: dict[str, str], wait: float | None
) -> None:
    assert used_up_seconds({"Credits-Rate-Reset": SOON, **headers}, NOW) == wait


@given(st.dictionaries(st.sampled_from(NAMES), st.text() | st.floats().map(str) | st.integers().map(str)))
def test_no_header_whatsoever_does_harm(headers: dict[str, str]) -> None:
    decode_allowance(headers)
    for wait in (used_up_seconds(headers, NOW), named_wait_seconds(headers, NOW)):
        assert wait is None or (math.isfinite(wait) and wait >= 0)
