"""Replays stored changes through a filter: what it would have reported of the last weeks."""

from collections import Counter
from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from bot.domain.assets import Address, Asset
from bot.domain.chains import Chains
from bot.domain.explain.explanations import Explanation
from bot.domain.observations import ItemMove, net_items
from bot.domain.observe.filters import (
    HeldBack,
    difference_of,
    goes_on,
    is_settled,
    judge_step,
    with_transfers,
)
from bot.domain.observe.recipients import Rules, ignores
from bot.domain.places import Place
from bot.domain.rules.conditions import Condition, Judgement
from bot.domain.subscriptions import ListedSubscription, SubscriptionId
from bot.store.chats.ignore_list import rules_of
from bot.store.chats.subscriptions import subscriptions_here
from bot.store.database.door import Database
from bot.store.explain.explanations import explanations_of
from bot.store.polling.steps import STEP_COLUMNS, StoredStep, to_step
from bot.store.rows import to_milliseconds

CHANGES_REPLAYED = 5_000
"""The newest; more take longer than anybody waits for an answer."""


class Rehearsal(NamedTuple):
    """What a filter would have done."""

    changes: int
    """How many changes there were."""
    alerts: int
    """How many alerts there would have been, those that could not be judged among them."""
    unknown: Counter[Judgement]
    """How many of these alerts are for want of a price, or of anything else."""
    is_cut: bool = False
    """Whether there were more changes, which are left out."""


def rehearse(
    db: Database,
    place: Place,
    ids: Collection[SubscriptionId],
    condition: Condition,
    *,
    since: datetime,
    chains: Chains,
) -> Rehearsal:
    """Replay the changes since a moment of what these subscriptions watch, or with no `ids` all of a place.

    They are those of the accounts on the chains and of the contracts that are named, and not ignored; what a
    list did not show by its contract status is among them, too.
    """
    listed = [one for one in subscriptions_here(db, place) if not ids or one.subscription.id in ids]
    if not listed:
        return Rehearsal(0, 0, Counter())
    rules = rules_of(db, listed[0].subscription.destination_id)
    here = (place.chat_id, place.thread_id or 0)
    newest = db.execute(_CHANGES, [to_milliseconds(since), *here, CHANGES_REPLAYED + 1]).fetchall()
    replay = _Replay(condition)
    steps = [to_step(row, chains) for row in reversed(newest[:CHANGES_REPLAYED])]
    # Only where they count: there are several rows for each change.
    known = explanations_of(db, [one.change_id for one in steps]) if condition.counterparties else {}
    for one in steps:
        replay.take(one, known.get(one.change_id), listed, rules)
    return Rehearsal(replay.changes, replay.alerts, replay.unknown, len(newest) > CHANGES_REPLAYED)


class _Replay:
    """One pass over changes, oldest first."""

    def __init__(self, condition: Condition) -> None:
        self.changes = self.alerts = 0
        self.unknown: Counter[Judgement] = Counter()
        self._filters = (condition,)
        self._held_back: dict[tuple[int, Asset], tuple[HeldBack, list[tuple[ItemMove, ...]]]] = {}

    def take(
        self,
        one: StoredStep,
        known: Explanation | None,
        listed: Collection[ListedSubscription],
        rules: Rules,
    ) -> None:
        """Count a change, and the alert that it would make."""
        _, account_id, address, items, step, is_news = one
        if not any(_is_about(one, address, step.asset, rules) for one in listed):
            return
        self.changes += is_news
        key = account_id, step.asset
        held_back, moved = self._held_back.pop(key, (None, []))
        if held_back is not None and not goes_on(held_back, step):
            self.alerts += 1
            held_back, moved = None, []
        if held_back is None and not is_news:
            return
        moved = [*moved, items]
        told = step.before if held_back is None else held_back.told
        net = net_items(moved) if all(moved) else None
        alone = None if held_back is None else difference_of(step.before, step, items or None)
        difference = with_transfers(difference_of(told, step, net, alone), known)
        judgement = judge_step(self._filters, difference)
        if judgement is not Judgement.NOT_MET:
            self.alerts += 1
            self.unknown[judgement] += judgement.is_unknown
        elif not is_settled(told, step, net):
            self._held_back[key] = HeldBack(told, step.after), moved


def _is_about(one: ListedSubscription, account: Address, asset: Asset, rules: Rules) -> bool:
    """Whether a subscription is about a change; one of tokens is about every account that was read."""
    scope = one.subscription.scope
    if one.subscription.account not in {None, account} or not scope.covers_chain(asset.chain_id):
        return False
    return asset.contract in scope.contracts if scope.contracts else not ignores(rules, asset)


_CHANGES = f"""
SELECT {STEP_COLUMNS}
FROM change c JOIN account a ON a.id = c.account_id JOIN asset x ON x.id = c.asset_id
WHERE c.observed_at >= ? AND c.account_id IN (
  SELECT s.account_id FROM subscription s JOIN destination d ON d.id = s.destination_id
  JOIN chat t ON t.id = d.chat_id WHERE t.telegram_id = ? AND d.thread_id = ? AND s.account_id IS NOT NULL)
ORDER BY c.id DESC LIMIT ?
"""
