"""What holds of a message whatever alerts are in it."""

import operator
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.chat.text.alerts import compose
from bot.chat.text.html import VISIBLE_UNITS_MOST
from bot.domain.assets import AMOUNT_MAX, NATIVE, Address, Amount, Asset, ChainId, Description
from bot.domain.deliver.alerts import (
    Alert,
    AlertId,
    Baseline,
    ChangeAlert,
    NoticeAlert,
)
from bot.domain.explain.explanations import Explanation, ExplanationOutcome, Leg, WhyUnknown
from bot.domain.explain.names import CounterpartyNames
from bot.domain.explain.transfers import NOBODY
from bot.domain.observations import Change, ItemMove, MoveKind
from bot.domain.rules.loud import MENTIONS_MOST, Loudness, Mention, Sound
from tests.amounts import read_amount
from tests.builders import transaction
from tests.chat.reading import (
    BASE,
    CHAINS,
    ETHEREUM,
    HOSTILE_NAMES,
    MARKS,
    OTHER,
    POLYGON,
    TREASURY,
    USDC,
    VAULT,
    read,
    seen,
)
from tests.chat.text.alert_builders import (
    NOON,
    alert,
    change_line,
    composed,
    notice,
    token,
)
from tests.examples import examples

PAYROLL = Address("0x91c4a2d0f2b1b5d8e0c3a67f4e9d5b8c2a07be31")
FORGED = Address("0x91c4" + "0" * 32 + "be31")
NAMES = st.one_of(st.none(), st.sampled_from(HOSTILE_NAMES), st.text(), st.just("USDC"))
AMOUNTS = st.one_of(st.integers(0, AMOUNT_MAX), st.integers(0, 10), st.just(AMOUNT_MAX))
HOLDINGS = st.builds(
    Amount, AMOUNTS, st.one_of(st.none(), AMOUNTS), st.one_of(st.none(), st.integers(0, 2**64))
)
CHAIN_IDS = st.sampled_from([ETHEREUM, POLYGON, BASE, ChainId(2**53)])
ACCOUNTS = st.sampled_from([TREASURY, VAULT])
MOMENTS = st.timedeltas(timedelta(0), timedelta(days=3)).map(lambda later: NOON + later)
PEOPLE = st.sampled_from(
    [PAYROLL, FORGED, NOBODY, TREASURY, VAULT, *(Address(f"0x{n:040x}") for n in range(9))]
)
TRANSACTIONS = [transaction(number) for number in range(1, 9)]
LEGS = st.builds(
    Leg,
    PEOPLE,
    st.one_of(AMOUNTS, AMOUNTS.map(operator.neg)),
    st.one_of(st.none(), AMOUNTS),
    st.sampled_from(TRANSACTIONS),
    st.integers(0, 9),
    st.integers(0, 2**53),
    st.none(),
)
EXPLANATIONS = st.one_of(
    st.none(),
    st.builds(
        Explanation,
        outcome=st.sampled_from(ExplanationOutcome),
        legs=st.lists(LEGS, max_size=40).map(tuple),
        why_unknown=st.sampled_from(WhyUnknown),
        left_out=st.integers(0, 9),
    ),
)
COUNTERPARTIES = st.builds(
    CounterpartyNames,
    names=st.dictionaries(PEOPLE, NAMES.map(lambda name: name or ""), max_size=9),
    first_time=st.frozensets(PEOPLE, max_size=9),
    look_alikes=st.dictionaries(PEOPLE, PEOPLE, max_size=9),
)
CHANGE_ALERTS = st.builds(
    ChangeAlert,
    st.just(AlertId(1)),
    st.builds(
        Change,
        ACCOUNTS,
        st.builds(Asset, CHAIN_IDS, st.sampled_from([NATIVE, USDC, OTHER])),
        st.sampled_from(MoveKind),
        HOLDINGS,
        HOLDINGS,
        MOMENTS,
        st.one_of(st.none(), st.text(), st.decimals().map(str), st.sampled_from(["1", "1e99999"])),
        st.lists(st.builds(ItemMove, AMOUNTS, AMOUNTS, AMOUNTS), max_size=9).map(tuple),
    ),
    NAMES.map(lambda name: name or ""),
    st.builds(
        Description,
        st.sampled_from(["NATIVE", "ERC20", "ERC721", "ERC1155", "UNKNOWN"]),
        NAMES,
        st.one_of(st.none(), st.integers(0, 255)),
    ),
    explanation=EXPLANATIONS,
    counterparties=COUNTERPARTIES,
)
NOTICE_ALERTS = st.builds(
    NoticeAlert,
    st.just(AlertId(1)),
    st.builds(
        Baseline,
        ACCOUNTS,
        NAMES.map(lambda name: name or ""),
        st.integers(0, 10**9),
        st.lists(CHAIN_IDS, unique=True).map(tuple),
        st.lists(CHAIN_IDS, unique=True).map(tuple),
    ),
    MOMENTS,
)
ALERTS = st.lists(st.one_of(CHANGE_ALERTS, CHANGE_ALERTS, NOTICE_ALERTS), min_size=1, max_size=12).flatmap(
    lambda alerts: st.integers(1, 12).map(lambda times: alerts * times)
)
A_SIGNED_NUMBER = re.compile(r"(?<!\w)[+\u2212]\s*\d")
A_PART = re.compile(r"(?<!\w)[+\u2212][\d,.]+ (?=to |from |minted|burnt|without a transfer)")
"""What somebody paid or got: no symbol follows it."""


@settings(max_examples=examples(60))
@given(ALERTS)
def test_every_message_is_one_that_telegram_takes(alerts: list[Alert]) -> None:
    message = compose(alerts, "7KQ2F", CHAINS, NOON)

    reader = read(message.html)
    assert 1 <= message.alerts <= len(alerts)
    assert len(reader.visible.encode("utf-16-le")) // 2 <= 3_900
    assert len(message.html.encode()) <= 16_000
    assert len(reader.tags) - reader.tags.count("b") <= 90
    assert reader.visible.endswith(" UTC · 7KQ2F")
    assert set(reader.urls) <= {
        f"{CHAINS.get(chain).explorer_url}/address/{account}"
        for chain in (ETHEREUM, POLYGON, BASE)
        for account in (TREASURY, VAULT)
    } | {
        f"{CHAINS.get(chain).explorer_url}/tx/{one}"
        for chain in (ETHEREUM, POLYGON, BASE)
        for one in TRANSACTIONS
    }


@settings(max_examples=examples(30))
@given(ALERTS)
def test_composing_again_and_again_tells_everything(alerts: list[Alert]) -> None:
    left, told = alerts, 0
    while left:
        message = compose(left, "7KQ2F", CHAINS, NOON)
        told += message.alerts
        left = left[message.alerts :]

    assert told == len(alerts)


@settings(max_examples=examples(60))
@given(ALERTS)
def test_each_change_told_is_one_line_and_no_other_line_has_a_mark(alerts: list[Alert]) -> None:
    message = compose(alerts, "7KQ2F", CHAINS, NOON)

    shown = seen(message.html).split("\n")
    changes = sum(isinstance(alert, ChangeAlert) for alert in alerts[: message.alerts])
    assert sum(line.startswith(MARKS) for line in shown) == changes


@settings(max_examples=examples(60))
@given(ALERTS)
def test_each_step_that_was_held_back_is_counted_in_one_line(alerts: list[Alert]) -> None:
    kept = [replace(one, was_muted=True) for one in alerts if isinstance(one, ChangeAlert)] or [alert()]
    message = compose(kept, "7KQ2F", CHAINS, NOON)

    shown = seen(message.html).split("\n")
    steps = [
        int(found[1].replace(",", "")) if (found := re.search(r" in ([\d,]+) steps", below)) else 1
        for line, below in pairwise(shown)
        if line.startswith(MARKS)
    ]
    assert sum(steps) == message.alerts


BROKEN = replace(alert(7, 9), description=None)  # type: ignore[arg-type] # as by a bug


def test_an_alert_that_has_no_words_is_told_alone_in_bare_numbers() -> None:
    message = composed(BROKEN, alert())

    assert message.alerts == 1
    assert message.trouble is not None
    shown = seen(message.html)
    assert "7 → 9" in shown
    assert TREASURY in shown
    assert "chain 137" in shown
    assert USDC in shown
    assert shown.endswith(" UTC · 7KQ2F")


def test_an_alert_that_has_no_words_silences_none_before_or_behind_it() -> None:
    left: list[Alert] = [alert(after=number) for number in range(1, 31)]
    left[20] = BROKEN
    told = []
    while left:
        message = composed(*left)
        told.append(message.alerts)
        left = left[message.alerts :]

    assert told == [20, 1, 9]


def test_a_notice_that_has_no_words_is_told_to_be_there() -> None:
    broken = NoticeAlert(AlertId(1), None, NOON)  # type: ignore[arg-type]

    assert "could not be put into words" in seen(composed(broken).html)


@given(CHANGE_ALERTS)
def test_any_single_alert_fits(told: ChangeAlert) -> None:
    long = replace(
        told, label="👁\u0301\u0301\u0301\u0301&" * 90, description=Description("ERC20", "&" * 900, 255)
    )

    assert composed(long).alerts == 1
    assert len(seen(composed(long).html)) < 2_500


LONGEST_NAMES = tuple(Mention("@" + f"{number:_>32}", 10**12 + number) for number in range(MENTIONS_MOST))


@given(CHANGE_ALERTS)
def test_any_single_alert_fits_with_all_whom_it_may_call(told: ChangeAlert) -> None:
    calling = replace(told, label="&" * 90, loudness=Loudness(Sound.RING, LONGEST_NAMES))

    message = composed(calling)

    assert len(seen(message.html)) < VISIBLE_UNITS_MOST
    assert read(message.html).urls[-MENTIONS_MOST:] == [
        f"tg://user?id={one.user_id}" for one in LONGEST_NAMES
    ]


def test_a_message_does_not_outgrow_its_limit_by_those_whom_it_calls() -> None:
    many = [alert(1, number, symbol=f"T{number}", asset=token(number)) for number in range(2, 200)]
    calling = [
        replace(one, loudness=Loudness(Sound.RING, (Mention(f"@{number:_>32}", number + 1),)))
        for number, one in enumerate(many)
    ]

    message = composed(*calling)

    assert 1 < message.alerts < composed(*many).alerts
    assert len(seen(message.html)) <= VISIBLE_UNITS_MOST
    assert message.html.count("tg://user?id=") == message.alerts


def test_an_alert_calls_people_in_a_line_above_its_moment_each_once() -> None:
    olga, petr = Mention("@olga<b>", 7001), Mention("@petr")
    calling = [replace(alert(1, 2), loudness=Loudness(Sound.RING, some)) for some in ((olga,), (petr, olga))]

    message = composed(*calling)

    assert seen(message.html).split("\n")[-2] == "🔔 @olga<b> @petr"
    assert message.html.count("tg://user?id=7001") == 1
    assert '<a href="tg://user?id=7001">@olga&lt;b&gt;</a> @petr' in message.html


def test_an_alert_that_calls_nobody_has_no_such_line() -> None:
    assert "🔔" not in composed(replace(alert(1, 2), loudness=Loudness(Sound.RING))).html


def test_an_alert_without_words_still_calls_its_people() -> None:
    calling = replace(BROKEN, loudness=Loudness(Sound.RING, (Mention("@petr"),)))

    assert "🔔 @petr" in composed(calling).html


@given(AMOUNTS, AMOUNTS, st.integers(0, 36))
def test_the_signed_amount_is_the_difference_to_the_last_unit(before: int, after: int, decimals: int) -> None:
    if before == after:
        return
    line = change_line(alert(before, after, decimals=decimals))

    _, amount, symbol = line.split(" ")[:3]
    assert symbol == "USDC"
    assert amount[0] == ("+" if after > before else "−")
    assert read_amount(amount.removeprefix("+")) * 10**decimals == after - before


@settings(max_examples=examples(60))
@given(ALERTS)
def test_only_change_lines_pair_a_symbol_with_a_signed_number(alerts: list[Alert]) -> None:
    html = compose(alerts, "7KQ2F", CHAINS, NOON).html
    shown = seen(re.sub(r"<code>.*?</code>", "¤", html)).split("\n")
    for before, line in zip(["", *shown], shown, strict=False):
        is_below = line.startswith("    ") and before.startswith(MARKS)
        signed = A_PART.sub("", line) if is_below else line
        assert len(A_SIGNED_NUMBER.findall(signed)) == (line[:2] in MARKS[:3])


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_hostile_name_stays_in_its_place(name: str) -> None:
    message = composed(alert(symbol=name, label=name), notice(label=name))

    assert "<" not in re.sub(r"</?(b|code)>|<a href=\"[^\"<]*\">|</a>", "", message.html)
    assert "\u202e" not in message.html
    assert [line[:1] for line in seen(message.html).split("\n")[-3:]] == ["✨", " ", "1"]
    assert len(seen(message.html).split("\n")) == 5


@pytest.mark.parametrize(
    "name", ["@mention", "evil.example", "/command", "+1,000,000 USDC", "U\u0405D\u0421"]
)
def test_a_name_that_could_become_a_link_is_code(name: str) -> None:
    assert name in read(composed(alert(symbol=name)).html).code


def test_as_many_alerts_as_fit_are_told() -> None:
    alerts = [alert(number, number + 1) for number in range(500)]

    told = composed(*alerts).alerts

    assert 100 < told < 500
    assert not _would_fit(alerts[: told + 1])


def test_each_contract_shown_counts_against_the_formats_of_a_message() -> None:
    alerts = [
        alert(symbol=None, asset=Asset(POLYGON, Address(f"0x{number:040x}"))) for number in range(1, 200)
    ]

    message = composed(*alerts)

    assert message.alerts == 88
    assert sum(tag != "b" for tag in read(message.html).tags) == 90


def _would_fit(alerts: Sequence[Alert]) -> bool:
    return compose(alerts, "7KQ2F", CHAINS, NOON).alerts == len(alerts)
