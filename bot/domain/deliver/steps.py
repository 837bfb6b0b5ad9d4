"""What was held back for a while is summed: one line for each asset of an account, not one for each step.

Held back is what a mute kept, and what waited long for any other reason, such as a Telegram out of reach.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.assets import Address, Asset
from bot.domain.deliver.alerts import Alert, ChangeAlert, Within
from bot.domain.explain.names import merged
from bot.domain.explain.sums import explanation_of_sum
from bot.domain.observations import ItemMove, MoveKind, net_items

LATE_AFTER = timedelta(minutes=2)
"""A change that is reported so much later than it was observed was held back."""

_Key = tuple[Address, Asset, str]


def was_held_back(alert: ChangeAlert, now: datetime) -> bool:
    """Whether a change waited long, or until a mute ended."""
    return alert.was_muted or now - alert.change.observed_at >= LATE_AFTER


def in_groups(alerts: Sequence[Alert], now: datetime) -> list[Alert]:
    """Return the alerts with the steps of one asset behind its first one, where they were held back.

    So a message that can't take all of them takes whole groups, and no asset is in two messages needlessly.
    """
    steps: dict[_Key, list[Alert]] = {}
    groups: list[list[Alert]] = []
    for alert in alerts:
        if not isinstance(alert, ChangeAlert) or not was_held_back(alert, now):
            groups.append([alert])
        elif _key(alert) in steps:
            steps[_key(alert)].append(alert)
        else:
            steps[_key(alert)] = [alert]
            groups.append(steps[_key(alert)])
    return [alert for group in groups for alert in group]


def summed(alerts: Iterable[ChangeAlert], now: datetime | None = None) -> list[ChangeAlert]:
    """Return the changes with held-back steps of one asset as one change each, where the first step stood.

    Without `now` all steps are added up, whenever they happened.

    Steps are only added up where each goes on from the amount that the one before it reached, counted in the
    same unit: so the sum is exactly what happened, and whatever doesn't fit is a change of its own.
    """
    last: dict[_Key, int] = {}
    runs: list[list[ChangeAlert]] = []
    for alert in alerts:
        if now is None or was_held_back(alert, now):
            index = last.get(_key(alert))
            if index is not None and _goes_on(runs[index][-1], alert):
                runs[index].append(alert)
                continue
            last[_key(alert)] = len(runs)
        runs.append([alert])
    return [_sum(run) for run in runs]


def _key(alert: ChangeAlert) -> _Key:
    return alert.change.account, alert.change.asset, alert.label


def _goes_on(before: ChangeAlert, alert: ChangeAlert) -> bool:
    first, second = before.change, alert.change
    return (
        first.kind is MoveKind.MOVED
        and second.kind is MoveKind.MOVED
        and first.after.amount_raw == second.before.amount_raw
        and first.decimals == second.decimals
        and first.former_decimals is None
        and second.former_decimals is None
    )


def _sum(steps: Sequence[ChangeAlert]) -> ChangeAlert:
    first, last = steps[0].change, steps[-1]
    if len(steps) == 1:
        return last
    priced = next((step.change for step in reversed(steps) if step.change.price_usd is not None), last.change)
    change = replace(
        last.change,
        before=first.before,
        price_usd=priced.price_usd,
        priced_at=priced.priced_at or priced.observed_at,
        items=_net_items(steps),
    )
    is_filtered = any(step.since for step in steps)
    return replace(
        last,
        change=change,
        since=(steps[0].since or first.observed_at) if is_filtered else None,
        steps=sum(step.steps for step in steps),
        is_look_alike=any(step.is_look_alike for step in steps),
        explanation=explanation_of_sum([step.explanation for step in steps]),
        counterparties=merged([step.counterparties for step in steps]),
        within=_within(steps),
    )


def _within(steps: Sequence[ChangeAlert]) -> Within | None:
    known = [step.within for step in steps if step.within is not None]
    if not known:
        return None
    is_all = len(known) == len(steps) and all(one.is_all for one in known)
    return Within(sum(one.amount_raw for one in known), is_all)


def _net_items(steps: Sequence[ChangeAlert]) -> tuple[ItemMove, ...]:
    """Return which ids came and went over all steps; nothing if those of one step are unknown."""
    items = [step.change.items for step in steps]
    return net_items(items) if all(items) else ()
