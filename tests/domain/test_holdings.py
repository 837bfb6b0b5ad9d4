from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.ask.progress import LastSweep, ended_seconds_ago
from bot.domain.ask.questions import Answer
from bot.domain.assets import NATIVE, Address, Amount, ChainId, Description
from bot.domain.observe.holdings import ChainHoldings, PartKind, PartSeen, Sweeps, holdings_in
from tests.builders import BASE, DAI, ETHEREUM, NOON, POLYGON, TREASURY, USDC, VAULT, answer, asset, coin


def of_polygon(said: Answer) -> tuple[PartSeen, PartSeen]:
    (chain,) = holdings_in(said, TREASURY, [POLYGON], NOON)
    natives, tokens = chain.parts
    return natives, tokens


def held(part: PartSeen) -> list[tuple[Address, int]]:
    return [(one.asset.contract, one.amount.amount_raw) for one in part.held]


@pytest.mark.parametrize(("ago", "is_current"), [(None, False), (0.0, True), (180.0, True), (180.1, False)])
def test_the_view_is_current_while_the_last_sweep_is_not_late(ago: float | None, *, is_current: bool) -> None:
    sweeps = Sweeps(
        interval_seconds=60,
        late_after_seconds=180,
        ended_seconds_ago=ago,
        took_seconds=1,
        trouble=None,
    )

    assert sweeps.is_current == is_current


@pytest.mark.parametrize(
    ("seconds", "ago"), [(-181, None), (-180, 0.0), (-1, 0.0), (0, 0.0), (90, 90.0), (1000, 1000.0)]
)
def test_after_a_clock_was_set_back_far_nobody_knows_when_a_sweep_ended(
    seconds: float, ago: float | None
) -> None:
    last = LastSweep(ended_at=NOON, took_seconds=1)

    assert ended_seconds_ago(last, NOON + timedelta(seconds=seconds), 180) == ago


def test_what_is_held_is_shown_and_zeros_are_left_out() -> None:
    natives, tokens = of_polygon(
        answer({POLYGON: {TREASURY: {USDC: 5, DAI: 0}}}, natives={POLYGON: {TREASURY: 0}})
    )

    assert natives == PartSeen(PartKind.NATIVES, NOON)
    assert held(tokens) == [(USDC, 5)]


@pytest.mark.parametrize(
    ("age", "usd"), [(None, "2"), (timedelta(hours=1), "2"), (timedelta(hours=1, seconds=1), None)]
)
def test_a_price_of_more_than_an_hour_ago_is_none(age: timedelta | None, usd: str | None) -> None:
    priced = Description("ERC20", "USDC", price_usd="2", price_updated_at=NOON - age if age else None)
    said = Answer({}, {POLYGON: {TREASURY: {USDC: Amount(5)}}}, descriptions={asset(USDC): priced})

    assert [one.description.price_usd for one in of_polygon(said)[1].held] == [usd]


def test_tokens_are_in_the_order_of_their_symbols() -> None:
    said = Answer(
        {},
        {POLYGON: {TREASURY: {USDC: Amount(5), DAI: Amount(3)}}},
        descriptions={asset(USDC): Description("ERC20", "USDC"), asset(DAI): Description("ERC20", "dai")},
    )

    assert held(of_polygon(said)[1]) == [(DAI, 3), (USDC, 5)]


def test_what_is_ignored_is_counted_and_not_shown() -> None:
    said = answer({POLYGON: {TREASURY: {USDC: 5, DAI: 3, VAULT: 0}}, BASE: {TREASURY: {DAI: 1}}})
    rules = {DAI: frozenset({POLYGON}), VAULT: frozenset()}

    polygon, base = holdings_in(said, TREASURY, [POLYGON, BASE], NOON, rules)

    assert (held(polygon.parts[1]), polygon.left_out) == ([(USDC, 5)], 1)
    assert (held(base.parts[1]), base.left_out) == ([(DAI, 1)], 0)


def test_an_account_without_rows_holds_no_tokens() -> None:
    assert of_polygon(answer({POLYGON: {VAULT: {USDC: 5}}}))[1] == PartSeen(PartKind.TOKENS, NOON)


def test_an_account_without_a_native_row_is_unknown() -> None:
    assert of_polygon(answer(natives={POLYGON: {VAULT: 5}}))[0] == PartSeen(PartKind.NATIVES, None)


def test_refused_rows_make_the_tokens_unknown() -> None:
    said = answer({POLYGON: {TREASURY: {USDC: 5}}}, doubtful=[(POLYGON, TREASURY)])

    assert of_polygon(said)[1] == PartSeen(PartKind.TOKENS, None)


def test_a_chain_that_is_not_in_the_answer_is_unknown() -> None:
    assert holdings_in(answer({POLYGON: {}}), TREASURY, [BASE], NOON) == (
        ChainHoldings(BASE, (PartSeen(PartKind.NATIVES, None), PartSeen(PartKind.TOKENS, None))),
    )


def test_a_coin_that_nobody_described_is_a_coin() -> None:
    natives, _ = of_polygon(answer(natives={POLYGON: {TREASURY: 7}}))

    assert natives.held[0].asset == coin()
    assert natives.held[0].description == Description("NATIVE")


AMOUNTS = st.one_of(st.just(0), st.integers(0, 2**256 - 1))
CHAIN_IDS = st.sampled_from([ETHEREUM, POLYGON, BASE])
ANSWERS = st.builds(
    answer,
    st.dictionaries(
        CHAIN_IDS,
        st.dictionaries(
            st.sampled_from([TREASURY, VAULT]), st.dictionaries(st.sampled_from([USDC, DAI]), AMOUNTS)
        ),
    ),
    natives=st.dictionaries(CHAIN_IDS, st.dictionaries(st.sampled_from([TREASURY, VAULT]), AMOUNTS)),
    doubtful=st.lists(st.tuples(CHAIN_IDS, st.sampled_from([TREASURY, VAULT]))),
)


@given(ANSWERS, st.frozensets(CHAIN_IDS))
def test_every_chain_asked_is_there_and_nothing_unknown_is_held(
    said: Answer, asked: frozenset[ChainId]
) -> None:
    known = holdings_in(said, TREASURY, asked, NOON)

    assert [chain.chain_id for chain in known] == sorted(asked)
    for chain in known:
        natives, tokens = chain.parts
        assert natives.is_current == (TREASURY in said.natives.get(chain.chain_id, {}))
        is_read = chain.chain_id in said.tokens and (chain.chain_id, TREASURY) not in said.doubtful
        assert tokens.is_current == is_read
        assert all(part.is_current or not part.held for part in chain.parts)
        shown = {one.asset.contract: one.amount.amount_raw for one in chain.held}
        assert 0 not in shown.values()
        for contract, amount in shown.items():
            rows = said.natives if contract == NATIVE else None
            there = (
                rows[chain.chain_id][TREASURY] if rows else said.tokens[chain.chain_id][TREASURY][contract]
            )
            assert there.amount_raw == amount
