"""Conditions as people type them, and the words that they read."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.chat.commands.arguments.amounts import TypedAmount
from bot.chat.commands.arguments.chain_names import ChainReader
from bot.chat.commands.arguments.conditions import (
    TypedCondition,
    read_condition,
    split_who,
    write_condition,
)
from bot.chat.commands.arguments.errors import LineRefused
from bot.chat.text.conditions import show_condition
from bot.domain.addresses import checksummed
from bot.domain.assets import NATIVE, Asset, ChainId
from bot.domain.rules.conditions import Condition, Counterparty, Direction, Level, Unit
from bot.store.rows import condition_to_json, to_condition
from tests.builders import TREASURY
from tests.chat.reading import CHAINS, USDC

POLYGON, BASE = ChainId(137), ChainId(8453)
READER = ChainReader(CHAINS)
DOLLARS = TypedAmount(Decimal(1000), Unit.DOLLARS)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("", TypedCondition()),
        ("out", TypedCondition(Direction.OUT)),
        ("Incoming", TypedCondition(Direction.IN)),
        ("min $1000", TypedCondition(None, (DOLLARS,))),
        ("$1000", TypedCondition(None, (DOLLARS,))),
        ("out $1,000", TypedCondition(Direction.OUT, (DOLLARS,))),
        (
            "out min $1000 on polygon, base",
            TypedCondition(Direction.OUT, (DOLLARS,), frozenset({POLYGON, BASE})),
        ),
        (
            "on polygon and base min $1k out",
            TypedCondition(Direction.OUT, (DOLLARS,), frozenset({POLYGON, BASE})),
        ),
        ("$1000, out", TypedCondition(Direction.OUT, (DOLLARS,))),
        (">$1000", TypedCondition(None, (DOLLARS,))),
        ("> 1000$", TypedCondition(None, (DOLLARS,))),
        (">= $1000", TypedCondition(None, (DOLLARS,))),
        ("out over $1000", TypedCondition(Direction.OUT, (DOLLARS,))),
        ("above 1000 usd", TypedCondition(None, (DOLLARS,))),
        ("more than $1000 on base", TypedCondition(None, (DOLLARS,), frozenset({BASE}))),
        ("at least $1000", TypedCondition(None, (DOLLARS,))),
        (
            "min 5 USDC min $1000",
            TypedCondition(None, (TypedAmount(Decimal(5), symbol="USDC"), DOLLARS)),
        ),
        ("to Payroll", TypedCondition(Direction.OUT, counterparties=("Payroll",))),
        ("out to Payroll", TypedCondition(Direction.OUT, counterparties=("Payroll",))),
        ("From Payroll, Tax", TypedCondition(Direction.IN, counterparties=("Payroll, Tax",))),
        (
            "on base to Payroll min $1000 to Tax Office",
            TypedCondition(Direction.OUT, (DOLLARS,), frozenset({BASE}), ("Payroll", "Tax Office")),
        ),
        # In quotes a name may have any word in it.
        ('to "Cash in bank"', TypedCondition(Direction.OUT, counterparties=('"Cash in bank"',))),
    ],
)
def test_clauses_come_in_any_order(typed: str, expected: TypedCondition) -> None:
    assert read_condition(typed, READER) == expected


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("in out", "out together with “in” means every change. Leave both out."),
        ("min", "min isn't an amount. Write one like 1000, 10k, $500, 0.5 ETH or 5%."),
        ("min 0", "0 is nothing: every change is more. Send an amount above zero."),
        ("min 1,5", "1,5 could be 1.5 or 15. Write one of these."),
        ("on", "on is followed by nothing. A chain comes after it, such as polygon."),
        ("on polygn", "I don't know a chain called “polygn”. Did you mean Polygon?"),
        ("to", "to is followed by nothing. A name or an address comes after it."),
        (
            "from Payroll to Tax",
            "to means outgoing changes, what stands beside it incoming ones. Leave one out.",
        ),
        (
            "to Payroll in",
            "in means incoming changes, what stands beside it outgoing ones. Leave one out.",
        ),
        (
            "in to Payroll",
            "to means outgoing changes, what stands beside it incoming ones. Leave one out.",
        ),
        ("min 5 min 6", "min stands there twice for the same tokens. One amount is enough."),
        ("above", "min isn't an amount. Write one like 1000, 10k, $500, 0.5 ETH or 5%."),
        ("> soon", "soon isn't an amount. Write one like 1000, 10k, $500, 0.5 ETH or 5%."),
        ("big", "big isn't an amount. Write one like 1000, 10k, $500, 0.5 ETH or 5%."),
    ],
)
def test_what_is_no_condition_is_refused_with_the_reason(typed: str, says: str) -> None:
    with pytest.raises(LineRefused) as refused:
        read_condition(typed, READER)

    assert refused.value.sentence.visible == says


@pytest.mark.parametrize(
    ("text", "labels", "expected"),
    [
        ("Treasury out min 5", {"Treasury"}, ("Treasury", "out min 5")),
        ("out min 5", set(), ("", "out min 5")),
        ("", set(), ("", "")),
        ("Treasury", {"Treasury"}, ("Treasury", "")),
        # A label may hold any of the words: the most that is one counts.
        ("Cash in bank out", {"Cash in bank"}, ("Cash in bank", "out")),
        ("Cash in bank out", {"Cash"}, ("Cash", "in bank out")),
        ("Savings 2 min 5", {"Savings 2"}, ("Savings 2", "min 5")),
        ("Savings $5", {"Savings"}, ("Savings", "$5")),
        ("Cash over 9000", {"Cash over 9000", "Cash"}, ("Cash over 9000", "")),
        ("Cash over 9000", {"Cash"}, ("Cash", "over 9000")),
        (">$5", {"Treasury"}, ("", ">$5")),
        ("Nobody in", {"Treasury"}, ("Nobody", "in")),
        ("0x8e min 5", {"0x8e"}, ("0x8e", "min 5")),
        ("0x8e 5", set(), ("0x8e", "5")),
        ("Till to Payroll", {"Till", "Payroll"}, ("Till", "to Payroll")),
        ("Gate to Till out", {"Gate to Till", "Gate"}, ("Gate to Till", "out")),
    ],
)
def test_whom_it_is_about_stands_before_it(text: str, labels: set[str], expected: tuple[str, str]) -> None:
    assert split_who(text, labels.__contains__) == expected


ETH = Level(Decimal("0.5"), assets=frozenset({Asset(ChainId(1), NATIVE)}), symbol="ETH")
NAMELESS = Level(Decimal(5), assets=frozenset({Asset(POLYGON, USDC), Asset(BASE, USDC)}))
THOUSAND = Level(Decimal(1000), Unit.DOLLARS)
PAYROLL = Counterparty(TREASURY, "Payroll")


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        (Condition(), "changes"),
        (Condition(Direction.OUT), "outgoing changes"),
        (Condition(Direction.OUT, (THOUSAND,)), "outgoing changes of $1,000.00 and more"),
        (Condition(None, (Level(Decimal("0.005"), Unit.DOLLARS),)), "changes of $0.005 and more"),
        (Condition(Direction.IN, (Level(Decimal(10_000)),)), "incoming changes of 10,000 tokens and more"),
        (Condition(None, (Level(Decimal(5), Unit.PERCENT),)), "changes of 5% and more"),
        (Condition(None, (ETH,)), "changes of 0.5 ETH and more, and all of other tokens"),
        (Condition(None, (THOUSAND, ETH)), "changes of $1,000.00 and more (ETH: 0.5 and more)"),
        (Condition(None, (NAMELESS,)), "changes of 5 0xA0b8…eB48 and more, and all of other tokens"),
        (Condition(None, (THOUSAND,), frozenset({POLYGON})), "changes of $1,000.00 and more on Polygon"),
        (
            Condition(Direction.OUT, (THOUSAND,), counterparties=(PAYROLL,)),
            "outgoing changes to Payroll of $1,000.00 and more",
        ),
        (
            Condition(Direction.IN, counterparties=(PAYROLL, Counterparty(USDC))),
            "incoming changes from Payroll or 0xA0b869…06eB48",
        ),
    ],
)
def test_what_was_taken_is_said_in_exact_words(condition: Condition, words: str) -> None:
    assert show_condition(condition, CHAINS).visible == words


LEVELS = st.builds(Level, st.decimals("0.000001", 10**30, places=6), st.sampled_from(Unit))
NAMED = st.builds(
    Level,
    st.decimals("0.000001", 10**30, places=6),
    assets=st.just(frozenset({Asset(POLYGON, USDC), Asset(BASE, USDC)})),
    symbol=st.just("USDC"),
)
SOME_LEVELS = st.lists(LEVELS, max_size=1).map(tuple) | st.tuples(LEVELS, NAMED)
SOME_CHAINS = st.sets(st.sampled_from([POLYGON, BASE])).map(frozenset)
COUNTERPARTIES = st.lists(
    st.builds(Counterparty, st.sampled_from([TREASURY, USDC]), st.sampled_from(["", "Payroll", "a, b"])),
    min_size=1,
    unique_by=lambda one: one.address,
).map(tuple)
CONDITIONS = st.builds(
    Condition, st.none() | st.sampled_from(Direction), SOME_LEVELS, SOME_CHAINS
) | st.builds(Condition, st.sampled_from(Direction), SOME_LEVELS, SOME_CHAINS, COUNTERPARTIES)


@given(CONDITIONS)
def test_what_is_written_is_read_as_the_same(condition: Condition) -> None:
    read = read_condition(write_condition(condition, CHAINS), READER)

    assert (read.direction, read.chains) == (condition.direction, condition.chains)
    assert [(one.number, one.unit) for one in read.amounts] == [
        (one.number, one.unit) for one in condition.levels
    ]
    assert ", ".join(read.counterparties) == ", ".join(
        checksummed(one.address) for one in condition.counterparties
    )


@given(CONDITIONS)
def test_what_is_stored_is_read_as_the_same(condition: Condition) -> None:
    assert to_condition(condition_to_json(condition)) == condition


def test_a_condition_without_names_is_stored_as_ever() -> None:
    stored = condition_to_json(Condition(Direction.OUT))

    assert stored == '{"direction":"out","levels":[],"chains":[]}'


def test_nothing_is_stored_of_no_condition() -> None:
    assert condition_to_json(None) == ""
    assert to_condition("") is None
