"""Filters that name who is at the other end: what is known a moment later counts as if it was at once."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.assets import Address
from bot.domain.deliver.traces import AlertCause
from bot.domain.explain.explanations import Explanation, ExplanationOutcome, Leg, WhyUnknown
from bot.domain.explain.transfers import TransactionHash
from bot.domain.rules.conditions import Condition, Counterparty, Direction, Level, Unit
from bot.store.chats import ignore_list, mutes, unsubscribe
from bot.store.explain.explanations import save_explanations
from bot.store.polling import record
from bot.store.polling.explained import judge_explained
from bot.store.polling.rehearsal import rehearse
from tests.builders import NOON, REGISTRY, USDC, VAULT, VERIFIED, address, asset
from tests.examples import examples
from tests.store.conftest import OLGA, Keeper, olga, open_new_keeper
from tests.store.test_filters import IN, Story, least, seen

PAYROLL, TAX = address(0xABC), address(0xDEF)
TO_PAYROLL = Condition(Direction.OUT, counterparties=(Counterparty(PAYROLL),))
FROM_PAYROLL = Condition(Direction.IN, counterparties=(Counterparty(PAYROLL),))
WAIT = timedelta(seconds=2)
NONE_LISTED = Explanation(outcome=ExplanationOutcome.NONE_LISTED, listed_at=NOON)
UNANSWERED = Explanation(outcome=ExplanationOutcome.UNKNOWN, why_unknown=WhyUnknown.UNANSWERED)


def between(*moved: tuple[Address, int], whole: bool = True) -> Explanation:
    """Return that somebody got so much of an account, or gave it so much."""
    legs = tuple(
        Leg(other, amount, None, TransactionHash("0x" + f"{number:064x}"), number, number, NOON)
        for number, (other, amount) in enumerate(moved)
    )
    outcome = ExplanationOutcome.EXPLAINED if whole else ExplanationOutcome.PARTLY
    return Explanation(outcome=outcome, legs=legs, listed_at=NOON)


class ExplainedStory(Story):
    """The same, with alerts that wait for what is found of the transfers."""

    async def see(self, *amounts: int) -> None:
        for amount in amounts:
            self.minutes += 1
            poll = await self.keeper.judged(
                seen({USDC: amount}, self.minutes),
                when=self.now,
                descriptions={asset(USDC): self.description},
            )
            poll = replace(poll, described={asset(USDC): self.description})
            until = self.now + WAIT
            await self.keeper.db.run(record.record_poll, poll, self.keeper.status, REGISTRY, until)

    async def explain(self, found: Explanation) -> None:
        """Let it be known of the newest change."""
        newest = await self.keeper.value("SELECT max(id) FROM change")
        judge = partial(judge_explained, chains=REGISTRY)
        await self.keeper.db.run(save_explanations, {newest: found}, self.now, judge)

    async def pay(self, other: Address, amount: int) -> None:
        """Let somebody get so much, or give it: that is seen first, and known a moment later."""
        balance = int(await self.keeper.value("SELECT amount FROM balance WHERE asset_id = ?", self.usdc))
        await self.see(balance - amount)
        await self.explain(between((other, -amount)))

    usdc = 0

    async def begin(self, condition: Condition | None, amount: int = 10_000) -> "ExplainedStory":
        await super().begin(condition, amount)
        self.usdc = await self.keeper.value("SELECT id FROM asset WHERE symbol = 'USDC'")
        return self

    async def causes(self) -> list[str]:
        rows = await self.keeper.rows("SELECT cause FROM alert WHERE change_id IS NOT NULL ORDER BY id")
        return [cause for (cause,) in rows]

    async def silences(self) -> list[str]:
        rows = await self.keeper.rows("SELECT reason FROM unalerted ORDER BY change_id")
        return [reason for (reason,) in rows]


@pytest.mark.parametrize(
    ("condition", "amount", "found", "is_told"),
    [
        (TO_PAYROLL, 9_000, between((PAYROLL, -1_000)), True),
        (TO_PAYROLL, 9_000, between((TAX, -1_000)), False),
        # Any of them is enough, and what comes back from somebody does not go there.
        (TO_PAYROLL, 9_000, between((TAX, -900), (PAYROLL, -100)), True),
        (TO_PAYROLL, 9_000, between((TAX, -1_100), (PAYROLL, 100)), False),
        (FROM_PAYROLL, 11_000, between((PAYROLL, 1_000)), True),
        (FROM_PAYROLL, 11_000, between((TAX, 1_000)), False),
        (FROM_PAYROLL, 11_000, between((TAX, 1_100), (PAYROLL, -100)), False),
        # What is not known lets through; so does a part of it, unless it is told by that part.
        (TO_PAYROLL, 9_000, between((PAYROLL, -900), whole=False), True),
        (TO_PAYROLL, 9_000, between((TAX, -900), whole=False), True),
        (TO_PAYROLL, 9_000, NONE_LISTED, True),
        (TO_PAYROLL, 9_000, UNANSWERED, True),
        # What amounts don't meet waits for nothing.
        (TO_PAYROLL, 11_000, between((PAYROLL, 1_000)), False),
    ],
)
async def test_a_change_is_told_if_it_is_with_those_who_are_named_or_may_be(
    keeper: Keeper, condition: Condition, amount: int, found: Explanation, *, is_told: bool
) -> None:
    story = await ExplainedStory(keeper).begin(condition)
    await story.see(amount)

    await story.explain(found)

    assert await story.told() == ([(10_000, amount, 1)] if is_told else [])


@pytest.mark.parametrize(
    ("found", "cause"),
    [
        (between((PAYROLL, -1_000)), AlertCause.MET),
        (NONE_LISTED, AlertCause.NO_TRANSFERS),
        (between((TAX, -1), whole=False), AlertCause.NO_TRANSFERS),
    ],
)
async def test_an_alert_says_whether_its_filter_could_judge(
    keeper: Keeper, found: Explanation, cause: AlertCause
) -> None:
    story = await ExplainedStory(keeper).begin(TO_PAYROLL)
    await story.see(9_000)
    assert await story.causes() == [AlertCause.NO_TRANSFERS]

    await story.explain(found)

    assert await story.causes() == [cause]


async def test_what_is_held_back_late_is_stored_as_what_is_at_once(keeper: Keeper, tmp_path: Path) -> None:
    late = await ExplainedStory(keeper).begin(TO_PAYROLL)
    await late.pay(TAX, 600)
    await late.pay(TAX, 300)
    stored = [await kept(keeper), await late.silences()]

    other = await open_new_keeper(tmp_path / "other.sqlite3")
    at_once = await ExplainedStory(other).begin(IN)
    await at_once.pay(TAX, 600)
    await at_once.pay(TAX, 300)

    assert stored == [await kept(other), await at_once.silences()]
    await other.db.close()


async def kept(keeper: Keeper) -> list[tuple[Any, ...]]:
    rows = await keeper.rows("SELECT * FROM unreported")
    alerts = await keeper.rows("SELECT count(*) FROM alert WHERE change_id IS NOT NULL")
    told = await keeper.rows("SELECT account_id, asset_id, amount, told FROM balance")
    return [*rows, *alerts, *told]


async def test_what_was_held_back_comes_with_what_is_meant(keeper: Keeper) -> None:
    story = await ExplainedStory(keeper).begin(TO_PAYROLL)

    await story.pay(TAX, 600)
    assert await story.told() == []
    await story.pay(PAYROLL, 300)

    assert await story.told() == [(10_000, 9_100, 2)]
    assert await keeper.rows("SELECT * FROM unreported") == []


async def test_what_came_in_before_hides_no_payment(keeper: Keeper) -> None:
    story = await ExplainedStory(keeper).begin(TO_PAYROLL)

    await story.pay(TAX, -5_000)
    await story.pay(PAYROLL, 300)
    # As much as came: the sum is nothing, and the payment is news all the same.
    await story.pay(TAX, -300)
    await story.pay(PAYROLL, 300)

    assert await story.told() == [(10_000, 14_700, 2), (14_700, 14_700, 2)]


async def test_small_payments_add_up_to_the_level(keeper: Keeper) -> None:
    condition = replace(TO_PAYROLL, levels=(Level(least(1_000).levels[0].number, Unit.TOKENS),))
    story = await ExplainedStory(keeper).begin(condition)

    await story.pay(PAYROLL, 600)
    await story.pay(TAX, 600)
    assert await story.told() == []
    await story.pay(PAYROLL, 1)

    assert await story.told() == [(10_000, 8_799, 3)]


async def test_what_is_again_as_it_was_told_is_settled(keeper: Keeper) -> None:
    story = await ExplainedStory(keeper).begin(TO_PAYROLL)

    await story.pay(TAX, -500)
    await story.pay(TAX, 500)

    assert await story.told() == []
    assert await story.silences() == ["filter", "settled"]
    assert await keeper.rows("SELECT * FROM unreported") == []


async def test_what_was_sent_stays_sent(keeper: Keeper) -> None:
    story = await ExplainedStory(keeper).begin(TO_PAYROLL)
    await story.see(9_000)
    assert await story.told() == [(10_000, 9_000, 1)]

    await story.explain(between((TAX, -1_000)))

    assert await story.causes() == [AlertCause.NO_TRANSFERS]
    assert await keeper.rows("SELECT * FROM unreported") == []


async def test_what_changed_again_meanwhile_stays(keeper: Keeper) -> None:
    story = await ExplainedStory(keeper).begin(TO_PAYROLL)
    await story.see(9_000)
    first = await keeper.value("SELECT max(id) FROM change")
    await story.see(8_000)

    judge = partial(judge_explained, chains=REGISTRY)
    await keeper.db.run(save_explanations, {first: between((TAX, -1_000))}, story.now, judge)
    await story.explain(between((TAX, -1_000)))

    assert await story.told() == [(10_000, 9_000, 1)]
    assert len(await keeper.rows("SELECT * FROM unreported")) == 1


async def test_what_does_not_wait_is_not_taken_back(keeper: Keeper) -> None:
    story = await ExplainedStory(keeper).begin(TO_PAYROLL)
    poll = await keeper.judged(seen({USDC: 9_000}, 2), descriptions={asset(USDC): story.description})
    await keeper.record_poll(poll)

    await story.explain(between((TAX, -1_000)))

    assert await story.told() == [(10_000, 9_000, 1)]


async def test_what_a_mute_keeps_is_taken_back_too(keeper: Keeper) -> None:
    story = await ExplainedStory(keeper).begin(TO_PAYROLL)
    await keeper.db.run(mutes.mute, OLGA, (), timedelta(hours=1), olga(story.now))

    await story.pay(TAX, 1_000)
    await story.pay(PAYROLL, 1_000)
    await keeper.db.run(mutes.unmute, OLGA, (), olga(story.now))

    assert await story.told() == [(10_000, 8_000, 2)]


@pytest.mark.parametrize("end", ["filter", "subscription", "token"])
async def test_a_filter_that_ended_meanwhile_takes_nothing_back(keeper: Keeper, end: str) -> None:
    story = await ExplainedStory(keeper).begin(TO_PAYROLL)
    await keeper.watch(VAULT)
    await story.see(9_000)
    match end:
        case "filter":
            await story.set(None, 1)
        case "subscription":
            await keeper.db.run(unsubscribe.unsubscribe, OLGA, [1], olga(story.now), VERIFIED)
        case _:
            await keeper.db.run(ignore_list.ignore, OLGA, [USDC], [], olga(story.now))

    await story.explain(between((TAX, -1_000)))

    assert await story.told() == [(10_000, 9_000, 1)]
    assert await keeper.rows("SELECT * FROM unreported") == []


async def test_another_filter_that_wants_it_needs_no_transfers(keeper: Keeper) -> None:
    story = await ExplainedStory(keeper).begin(TO_PAYROLL)
    await keeper.watch(contracts=[USDC])
    await story.see(10_000)

    await story.pay(TAX, 1_000)

    assert await story.told() == [(10_000, 9_000, 1)]
    assert await story.causes() == [AlertCause.MET]


MOVES = st.lists(
    st.tuples(
        st.sampled_from([PAYROLL, TAX]),
        st.integers(-900, 900).filter(bool),
        st.sampled_from(["whole", "part", "none"]),
    ),
    max_size=8,
)
CONDITIONS = st.builds(
    lambda direction, level, who: Condition(direction, level.levels, counterparties=who),
    st.sampled_from(Direction),
    st.sampled_from([Condition(), least(1), least(700)]),
    st.sampled_from([(Counterparty(PAYROLL),), (Counterparty(PAYROLL), Counterparty(TAX))]),
)


def known_of(other: Address, amount: int, outcome: str) -> Explanation:
    if outcome == "none":
        return NONE_LISTED
    return between((other, -amount), whole=outcome == "whole")


@pytest.mark.both_engines
@settings(max_examples=examples(40), deadline=None)
@given(CONDITIONS, MOVES)
async def test_what_was_told_is_what_a_rehearsal_says_and_adds_up_to_what_happened(
    condition: Condition, moves: Sequence[tuple[Address, int, str]]
) -> None:
    with TemporaryDirectory() as directory:
        keeper = await open_new_keeper(Path(directory) / "bot.sqlite3")
        story = await ExplainedStory(keeper).begin(condition)
        told: list[tuple[int, int, int]] = []
        amount = 10_000
        for other, paid, outcome in moves:
            amount -= paid
            await story.see(amount)
            await story.explain(known_of(other, paid, outcome))
            told += await story.told()

        rehearsal = await keeper.db.run(
            rehearse, OLGA, [], condition, since=NOON - timedelta(days=1), chains=REGISTRY
        )

        assert rehearsal.alerts == len(told)
        assert sum(after - before for before, after, _ in told) + await remainder(keeper) == amount - 10_000
        assert no_gaps([(10_000, 10_000, 0), *told])
        traced = await keeper.rows(
            "SELECT c.id, (SELECT count(*) FROM alert l WHERE l.change_id = c.id)"
            " + (SELECT count(*) FROM unalerted u WHERE u.change_id = c.id)"
            " FROM change c JOIN asset x ON x.id = c.asset_id WHERE x.symbol = 'USDC' AND c.kind = 'moved'"
        )
        assert {traces for _, traces in traced} <= {1}
        await keeper.db.close()


async def remainder(keeper: Keeper) -> int:
    rows = await keeper.rows(
        "SELECT l.after, f.before FROM unreported u JOIN change f ON f.id = u.first_change_id"
        " JOIN change l ON l.id = u.last_change_id"
    )
    return sum(int(after) - int(before) for after, before in rows)


def no_gaps(told: Iterable[tuple[int, int, int]]) -> bool:
    steps = list(told)
    return all(one[1] == other[0] for one, other in pairwise(steps))
