"""What was found of the transfers behind a change is kept with it, and never replaced by less."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.assets import Address
from bot.domain.explain.explanations import Explanation, ExplanationOutcome, Leg, WhyUnknown
from bot.domain.explain.transfers import NOBODY, TransactionHash
from bot.store.database.door import Database
from bot.store.database.signals import SignalName
from bot.store.explain.counterparties import (
    alike_counterparties,
    earlier_counterparties,
    first_explained_at,
)
from bot.store.explain.explanations import AGAIN_AFTER, explanations_of, save_explanations
from bot.store.maintenance import retention
from bot.store.rows import to_moment_or_none
from tests.builders import NOON, TREASURY, USDC, VAULT, address, at, reading
from tests.store.conftest import LONG_AFTER, Keeper, change

PAYROLL = Address("0xaaaa000000000000000000000000000000001111")
FORGED = Address("0xaaaa000000000000000000000000000000ff1111")
EXCHANGE = Address("0xaaab000000000000000000000000000000001111")

UNANSWERED = Explanation(outcome=ExplanationOutcome.UNKNOWN, why_unknown=WhyUnknown.UNANSWERED)
OVER_BUDGET = Explanation(outcome=ExplanationOutcome.UNKNOWN, why_unknown=WhyUnknown.QUOTA)
NONE_LISTED = Explanation(outcome=ExplanationOutcome.NONE_LISTED, listed_at=NOON)


def leg(counterparty: Address = PAYROLL, amount_raw: int = 5, number: int = 1) -> Leg:
    """Return what one transfer moved."""
    return Leg(
        counterparty=counterparty,
        amount_raw=amount_raw,
        token_id=None,
        transaction=TransactionHash(f"0x{number:064x}"),
        log_index=3,
        block=71_000_451,
        at=NOON,
    )


def explained(*legs: Leg) -> Explanation:
    return Explanation(outcome=ExplanationOutcome.EXPLAINED, legs=legs, listed_at=NOON)


async def save(keeper: Keeper, explanation: Explanation, change_id: int = 1, now: datetime = NOON) -> None:
    await keeper.db.run(save_explanations, {change_id: explanation}, now)


async def stored(keeper: Keeper, change_id: int = 1) -> Explanation | None:
    return (await keeper.db.run(explanations_of, [change_id])).get(change_id)


async def asked_at(keeper: Keeper, change_id: int = 1) -> datetime | None:
    return to_moment_or_none(await keeper.value("SELECT ask_at FROM change WHERE id = ?", change_id))


@pytest.fixture
async def changed(watching: Keeper) -> Keeper:
    """Let two changes of the treasury be recorded."""
    await change(watching, 15, 60)
    await change(watching, 25, 120)
    return watching


amounts = st.integers(min_value=-(2**256) + 1, max_value=2**256 - 1)
legs = st.builds(
    Leg,
    counterparty=st.sampled_from([PAYROLL, NOBODY, TREASURY]),
    amount_raw=amounts,
    token_id=st.none() | st.integers(min_value=0, max_value=2**256 - 1),
    transaction=st.integers(min_value=0, max_value=2**256 - 1).map(
        lambda number: TransactionHash(f"0x{number:064x}")
    ),
    log_index=st.none() | st.integers(min_value=0, max_value=2**31),
    block=st.integers(min_value=0, max_value=2**62),
    at=st.none() | st.integers(min_value=0, max_value=10**9).map(at),
)
explanations = st.builds(
    Explanation,
    outcome=st.sampled_from(ExplanationOutcome),
    legs=st.lists(legs, max_size=4).map(tuple),
    why_unknown=st.none() | st.sampled_from(WhyUnknown),
    left_out=st.integers(min_value=0, max_value=1000),
    is_approximate=st.booleans(),
    listed_at=st.none() | st.just(NOON),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(explanation=explanations)
async def test_what_is_stored_is_read_as_it_was(changed: Keeper, explanation: Explanation) -> None:
    await changed.script("DELETE FROM explanation")

    await save(changed, explanation)

    assert await stored(changed) == explanation


async def test_of_a_change_that_nobody_asked_about_nothing_is_known(changed: Keeper) -> None:
    await save(changed, explained(leg()))

    assert await stored(changed, 2) is None


async def test_what_is_not_explained_is_asked_for_once_more_and_not_a_third_time(changed: Keeper) -> None:
    for explanation in (
        NONE_LISTED,
        UNANSWERED,
        OVER_BUDGET,
        replace(NONE_LISTED, outcome=ExplanationOutcome.PARTLY),
    ):
        await changed.script("DELETE FROM explanation")
        await save(changed, explanation)
        assert await asked_at(changed) == NOON + AGAIN_AFTER

        await save(changed, explanation, now=LONG_AFTER)
        assert await asked_at(changed) is None


async def test_what_no_second_answer_can_change_is_not_asked_for_again(changed: Keeper) -> None:
    final = [WhyUnknown.CUT, WhyUnknown.TOO_OLD, WhyUnknown.REBASING]
    for explanation in (explained(leg()), *(replace(UNANSWERED, why_unknown=why) for why in final)):
        await changed.script("DELETE FROM explanation; UPDATE change SET ask_at = 5")

        await save(changed, explanation)

        assert await asked_at(changed) is None


async def test_a_later_answer_replaces_an_earlier_one(changed: Keeper) -> None:
    await save(changed, replace(explained(leg(), leg(VAULT)), outcome=ExplanationOutcome.PARTLY))

    await save(changed, explained(leg(number=2)))

    assert await stored(changed) == explained(leg(number=2))


async def test_no_answer_replaces_none(changed: Keeper) -> None:
    partly = replace(explained(leg()), outcome=ExplanationOutcome.PARTLY)
    await save(changed, partly)

    await save(changed, UNANSWERED)

    assert await stored(changed) == partly
    assert await asked_at(changed) is None


async def test_of_two_reasons_the_last_one_counts(changed: Keeper) -> None:
    await save(changed, OVER_BUDGET)

    await save(changed, UNANSWERED)

    assert await stored(changed) == UNANSWERED


async def test_an_alert_that_waits_for_an_explanation_may_leave_once_it_is_there(changed: Keeper) -> None:
    await changed.script("UPDATE alert SET explain_until = 5")
    signal = changed.db.signal(SignalName.OUTBOX)
    signal.clear()

    await save(changed, explained(leg()))

    waiting = await changed.rows("SELECT DISTINCT change_id, explain_until FROM alert WHERE change_id > 0")
    assert sorted(waiting) == [(1, 0), (2, 5)]
    assert await signal.wait(1)


async def test_alerts_are_judged_with_the_explanation_and_before_they_leave(changed: Keeper) -> None:
    await changed.script("UPDATE alert SET explain_until = 5")
    seen: list[object] = []

    def judge(db: Database, change_ids: Collection[int], _: int) -> None:
        (until,) = db.execute("SELECT max(explain_until) FROM alert").fetchone()
        seen.append((list(change_ids), explanations_of(db, [1]), until))

    await changed.db.run(save_explanations, {1: explained(leg())}, NOON, judge)

    assert seen == [([1], {1: explained(leg())}, 5)]


async def test_a_failure_while_alerts_are_judged_stores_nothing_and_they_still_wait(changed: Keeper) -> None:
    await changed.script("UPDATE alert SET explain_until = 5")

    def judge(_db: Database, _change_ids: Collection[int], _at: int) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await changed.db.run(save_explanations, {1: explained(leg())}, NOON, judge)

    assert await changed.rows("SELECT * FROM explanation") == []
    assert await changed.rows("SELECT DISTINCT explain_until FROM alert WHERE change_id > 0") == [(5,)]


async def test_an_explanation_is_deleted_with_its_change(changed: Keeper) -> None:
    await save(changed, explained(leg()))
    await changed.script("DELETE FROM alert")

    while await changed.db.run(retention.delete_old_rows, at(0) + timedelta(days=400)):
        pass

    assert await changed.rows("SELECT id FROM change") == [(2,)]
    assert await changed.rows("SELECT * FROM explanation") == []
    assert await changed.rows("SELECT * FROM leg") == []


async def test_a_counterparty_is_an_earlier_one_only_by_a_change_before(changed: Keeper) -> None:
    await save(changed, explained(leg(), leg(EXCHANGE)), 1)
    await save(changed, explained(leg(VAULT)), 2)

    async def earlier(before: int) -> frozenset[Address]:
        return await changed.db.run(earlier_counterparties, TREASURY, [PAYROLL, VAULT, address(9)], before)

    assert await earlier(1) == frozenset()
    assert await earlier(2) == {PAYROLL}
    assert await earlier(3) == {PAYROLL, VAULT}
    assert await changed.db.run(earlier_counterparties, VAULT, [PAYROLL], 3) == frozenset()


async def test_alike_are_counterparties_with_the_same_ends_the_first_one_first(changed: Keeper) -> None:
    await save(changed, explained(leg(FORGED), leg(EXCHANGE)), 2)
    await save(changed, explained(leg(PAYROLL)), 1)

    assert await changed.db.run(alike_counterparties, TREASURY, FORGED) == [PAYROLL, FORGED]
    assert await changed.db.run(alike_counterparties, TREASURY, EXCHANGE) == [EXCHANGE]
    assert await changed.db.run(alike_counterparties, VAULT, FORGED) == []


async def test_counterparties_are_known_since_the_first_change_that_somebody_asked_about(
    changed: Keeper,
) -> None:
    assert await changed.db.run(first_explained_at, TREASURY) is None

    await save(changed, UNANSWERED, 2)

    assert await changed.db.run(first_explained_at, TREASURY) == at(120)
    assert await changed.db.run(first_explained_at, VAULT) is None


async def test_an_account_that_changed_later_is_known_for_less_long(changed: Keeper) -> None:
    await save(changed, UNANSWERED, 1)
    await changed.watch(VAULT)
    await changed.record(reading({USDC: 5}, account=VAULT), when=at(180))
    await changed.record(reading({USDC: 6}, account=VAULT), when=at(240))

    assert await changed.db.run(first_explained_at, TREASURY) == at(60)
    assert await changed.db.run(first_explained_at, VAULT) == at(240)
