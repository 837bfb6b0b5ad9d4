"""Alarms as people type them: clauses in any order, and nothing that can't ring or end."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.commands.arguments.alarms import (
    TypedAlarm,
    may_begin_alarm,
    read_alarm,
    with_signs_apart,
    with_token_behind,
    write_alarm,
    written_length,
)
from bot.chat.commands.arguments.amounts import TypedAmount
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.conditions import split_who
from bot.chat.commands.arguments.errors import LineRefused
from bot.domain.assets import NATIVE, Asset, ChainId
from bot.domain.rules.alarms import AlarmTerms, Side
from bot.domain.rules.conditions import Level, Unit
from tests.chat.reading import CHAINS

POLYGON, BASE = ChainId(137), ChainId(8453)
READER = ChainReader(CHAINS)
HALF = TypedAmount(Decimal("0.5"), symbol="ETH")
PLAIN = TypedAlarm(Side.BELOW, HALF)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [(">0.5 ETH", "> 0.5 ETH"), ("Till <$5", "Till < $5"), ("a>5", "a>5"), ("> 5 ETH", "> 5 ETH")],
)
def test_a_sign_is_read_without_a_blank_behind_it(typed: str, expected: str) -> None:
    assert with_signs_apart(typed) == expected


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("below 40", "below 40 USDC"),
        ("< 1,000 again 6h", "< 1,000 USDC again 6h"),
        ("above 1.5m on base", "above 1.5m USDC on base"),
        ("below 40 DAI again 6h", None),
        ("below $40", None),
        ("below 5%", None),
        ("on base below 40", None),
        ("below", None),
        ("", None),
    ],
)
def test_a_token_before_its_level_is_put_behind_it(typed: str, expected: str | None) -> None:
    assert with_token_behind("USDC", typed) == expected


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("below 0.5 ETH", PLAIN),
        ("under 0.5 ETH", PLAIN),
        ("above 0.5 ETH", replace(PLAIN, side=Side.ABOVE)),
        ("over 0.5 ETH total", replace(PLAIN, side=Side.ABOVE, is_total=True)),
        ("total below 0.5 ETH", replace(PLAIN, is_total=True)),
        ("below 0.5 ETH again 6h", replace(PLAIN, again=timedelta(hours=6))),
        ("again every 90 min below 0.5 ETH", replace(PLAIN, again=timedelta(minutes=90))),
        ("below 0.5 ETH until 0.6", replace(PLAIN, until=TypedAmount(Decimal("0.6")))),
        ("until 0.6 eth, below 0.5 ETH", replace(PLAIN, until=TypedAmount(Decimal("0.6"), symbol="eth"))),
        ("on base and polygon below 0.5 ETH", replace(PLAIN, chains=frozenset({BASE, POLYGON}))),
        ("below $1,000", TypedAlarm(Side.BELOW, TypedAmount(Decimal(1000), Unit.DOLLARS))),
    ],
)
def test_clauses_come_in_any_order(typed: str, expected: TypedAlarm) -> None:
    assert read_alarm(typed, READER) == expected


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "How low"),
        ("again 6h", "How low"),
        ("below", "isn't an amount"),
        ("below 5", "of what?"),
        ("5", "of what?"),
        ("below 5 ETH @olga", "@olga can't be mentioned by an alarm"),
        ("below 5 ETH again 6h @olga", "/loud mentions people"),
        ("below 5%", "is a part"),
        ("below 1,5 ETH", "could be 1.5 or 15"),
        ("below 0 ETH", "never happens"),
        ("below 1 ETH above 2 ETH", "second level"),
        ("below 1 ETH again 1m", "isn't how often"),
        ("below 1 ETH again soon", "isn't how often"),
        ("below 1 ETH again", "is followed by no time"),
        ("below 1 ETH until 0.9", "at least the level"),
        ("above 1 ETH until 1.1", "at most the level"),
        ("below 1 ETH until $5", "something else"),
        ("below 1 ETH until 5 USDC", "something else"),
        ("below 1 ETH on", "followed by nothing"),
        ("below 1 ETH on nowhere", "chain"),
        ("below 1 ETH total please", "no part of an alarm"),
    ],
)
def test_what_cannot_ring_or_be_read_is_refused(typed: str, says: str) -> None:
    with pytest.raises(LineRefused) as refused:
        read_alarm(typed, READER)

    assert says in refused.value.sentence.visible


def test_without_a_side_both_are_offered() -> None:
    with pytest.raises(LineRefused) as refused:
        read_alarm("500 usdc again 6h", READER)

    assert refused.value.word == "500 usdc"
    assert [(one.text, one.line) for one in refused.value.offers] == [
        ("Below 500 usdc", "below 500 usdc"),
        ("Above 500 usdc", "above 500 usdc"),
    ]


def test_a_side_that_goes_without_saying_counts_where_none_is_named() -> None:
    assert read_alarm("0.5 ETH", READER, Side.BELOW) == PLAIN
    assert read_alarm("above 0.5 ETH", READER, Side.BELOW).side is Side.ABOVE


def test_the_level_itself_may_end_it() -> None:
    assert read_alarm("below 1 ETH until 1", READER).until == TypedAmount(Decimal(1))


@pytest.mark.parametrize(
    ("typed", "names", "who", "rest"),
    [
        ("Relayer below 0.5 ETH", {"Relayer"}, "Relayer", "below 0.5 ETH"),
        ("Hot below below 0.5 ETH", {"Hot below"}, "Hot below", "below 0.5 ETH"),
        ("Treasury $100", {"Treasury"}, "Treasury", "$100"),
        ("below 0.5 ETH", {"Relayer"}, "", "below 0.5 ETH"),
        ("Relyaer below 1 ETH", {"Relayer"}, "Relyaer", "below 1 ETH"),
    ],
)
def test_a_name_may_end_like_an_alarm_begins(typed: str, names: set[str], who: str, rest: str) -> None:
    assert split_who(typed, names.__contains__, may_begin_alarm) == (who, rest)


all_terms = st.builds(
    AlarmTerms,
    st.sampled_from(Side),
    st.builds(
        Level,
        st.decimals("0.000001", 10**30, places=6),
        st.sampled_from([Unit.TOKENS, Unit.DOLLARS]),
        st.just(frozenset({Asset(POLYGON, NATIVE)})),
        st.just("POL"),
    ),
    again=st.none() | st.integers(5, 40_000).map(lambda minutes: timedelta(minutes=minutes)),
    chains=st.frozensets(st.sampled_from([POLYGON, BASE])),
    is_total=st.booleans(),
)


@given(all_terms)
def test_what_is_written_is_read_as_the_same(terms: AlarmTerms) -> None:
    text = write_alarm("Relayer", terms, CHAINS)

    read = read_alarm(text.removeprefix("/alarm Relayer "), READER)

    assert (read.side, read.amount.number, read.amount.unit) == (
        terms.side,
        terms.level.number,
        terms.level.unit,
    )
    assert (read.again, read.chains, read.is_total) == (terms.again, terms.chains, terms.is_total)


@pytest.mark.parametrize(
    ("span", "text"),
    [(timedelta(hours=6), "6h"), (timedelta(days=2), "2d"), (timedelta(minutes=90), "90m")],
)
def test_a_length_is_written_in_its_largest_unit(span: timedelta, text: str) -> None:
    assert written_length(span) == text
