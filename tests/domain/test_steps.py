"""What was held back is summed exactly, and nothing that does not add up is."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.assets import Address, Asset
from bot.domain.deliver.alerts import Alert, AlertId, ChainGone, ChangeAlert, NoticeAlert
from bot.domain.deliver.steps import LATE_AFTER, in_groups, summed, was_held_back
from bot.domain.explain.names import CounterpartyNames
from bot.domain.observations import Change, ItemMove, MoveKind
from tests.builders import DAI, NOON, POLYGON, TREASURY, USDC, VAULT, asset, change_alert, held


def step(
    before: int,
    after: int,
    *,
    what: Asset = asset(),  # noqa: B008 - a value
    account: Address = TREASURY,
    label: str = "",
    number: int = 1,
    muted: bool = True,
    kind: MoveKind = MoveKind.MOVED,
) -> ChangeAlert:
    moved = Change(account, what, kind, held(before), held(after), NOON)
    return replace(change_alert(moved, number=number, label=label), was_muted=muted)


def sums(alerts: Sequence[ChangeAlert]) -> list[tuple[int, int, int]]:
    return [
        (alert.change.before.amount_raw, alert.change.after.amount_raw, alert.steps)
        for alert in summed(alerts, NOON)
    ]


def test_what_was_muted_or_waited_for_long_was_held_back() -> None:
    assert was_held_back(step(1, 2), NOON)
    assert was_held_back(step(1, 2, muted=False), NOON + LATE_AFTER)
    assert not was_held_back(step(1, 2, muted=False), NOON + LATE_AFTER - timedelta(seconds=1))


def test_steps_of_one_asset_are_one_change_where_its_first_stood() -> None:
    dai = asset(DAI)

    assert sums([step(1, 2), step(5, 6, what=dai), step(2, 4), step(6, 9, what=dai)]) == [
        (1, 4, 2),
        (5, 9, 2),
    ]


def test_a_sum_knows_the_counterparties_of_all_its_steps() -> None:
    known = [
        CounterpartyNames(names={VAULT: "Vault"}, first_time=frozenset({VAULT})),
        CounterpartyNames(names={USDC: "Exchange"}, look_alikes={DAI: USDC}),
    ]
    steps = [replace(one, counterparties=known[index]) for index, one in enumerate((step(1, 2), step(2, 9)))]

    assert [one.counterparties for one in summed(steps)] == [
        CounterpartyNames({VAULT: "Vault", USDC: "Exchange"}, frozenset({VAULT}), {DAI: USDC})
    ]


def test_a_sum_with_steps_that_a_filter_held_back_begins_with_the_first_step() -> None:
    earlier, since = NOON - timedelta(hours=2), NOON - timedelta(hours=1)
    first = step(1, 2)
    first = replace(first, change=replace(first.change, observed_at=earlier))
    held_back = replace(step(2, 9), steps=3, since=since)

    assert [alert.since for alert in summed([first, held_back])] == [earlier]
    last = replace(first, change=step(9, 12).change)
    assert [alert.since for alert in summed([held_back, last])] == [since]
    assert [alert.since for alert in summed([first, step(2, 3)])] == [None]
    assert [alert.since for alert in summed([held_back])] == [since]


def test_what_was_not_held_back_stays_as_it_is() -> None:
    assert sums([step(1, 2, muted=False), step(2, 4, muted=False)]) == [(1, 2, 1), (2, 4, 1)]


def test_another_account_label_or_kind_is_a_change_of_its_own() -> None:
    apart = [
        step(2, 3),
        step(3, 4, account=VAULT),
        step(3, 4, label="Till"),
        step(3, 4, kind=MoveKind.LISTED),
    ]

    assert sums(apart) == [(2, 3, 1), (3, 4, 1), (3, 4, 1), (3, 4, 1)]


def test_a_step_that_does_not_go_on_where_the_last_one_ended_begins_anew() -> None:
    assert sums([step(1, 2), step(2, 3), step(7, 8), step(8, 9)]) == [(1, 3, 2), (7, 9, 2)]


def test_the_last_price_of_all_steps_counts_with_its_age() -> None:
    priced = replace(step(1, 2), change=replace(step(1, 2).change, price_usd="3"))
    (both,) = summed([priced, step(2, 3)], NOON)

    assert (both.change.price_usd, both.change.priced_at) == ("3", NOON)


def test_ids_that_came_and_went_again_are_no_news() -> None:
    def items(*moves: tuple[int, int, int]) -> ChangeAlert:
        total = sum(after - before for _, before, after in moves)
        last = step(10, 10 + total)
        return replace(last, change=replace(last.change, items=tuple(ItemMove(*move) for move in moves)))

    (both,) = summed([items((1, 0, 1), (2, 1, 0)), items((1, 1, 0), (3, 0, 1))], NOON)

    assert both.change.items == (ItemMove(2, 1, 0), ItemMove(3, 0, 1))


Cell = tuple[Address, Address, bool]
"""A contract, an account, and whether a mute kept the step back."""

CELLS = st.tuples(st.sampled_from([USDC, DAI]), st.sampled_from([TREASURY, VAULT]), st.booleans())


@given(st.lists(st.tuples(CELLS, st.integers(0, 9)), max_size=40))
def test_the_sums_are_what_happened_and_count_every_step(
    moves: list[tuple[Cell, int]],
) -> None:
    amounts: dict[tuple[Address, Address], int] = {}
    steps = []
    for (contract, account, muted), after in moves:
        before = amounts.get((contract, account), 0)
        amounts[contract, account] = after
        steps.append(step(before, after, what=asset(contract), account=account, muted=muted))

    result = summed(steps, NOON)

    assert sum(one.steps for one in result) == len(steps)
    for (contract, account), last in amounts.items():
        of_cell = [
            one.change
            for one in result
            if (one.change.asset.contract, one.change.account) == (contract, account)
        ]
        assert sum(one.after.amount_raw - one.before.amount_raw for one in of_cell) == last


@given(st.lists(st.tuples(CELLS, st.booleans()), max_size=40))
def test_groups_lose_and_repeat_nothing(cells: list[tuple[Cell, bool]]) -> None:
    alerts: list[Alert] = [
        NoticeAlert(AlertId(number), ChainGone(POLYGON), NOON)
        if is_notice
        else step(1, 2, what=asset(contract), account=account, number=number, muted=muted)
        for number, ((contract, account, muted), is_notice) in enumerate(cells)
    ]

    ordered = in_groups(alerts, NOON)

    assert sorted(alert.id for alert in ordered) == [alert.id for alert in alerts]
    kept = [alert for alert in ordered if isinstance(alert, ChangeAlert) and alert.was_muted]
    keys = [(alert.change.account, alert.change.asset) for alert in kept]
    assert sorted(keys, key=keys.index) == keys, "each group in one piece"
