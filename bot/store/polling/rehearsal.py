"""Replays stored changes through a filter: what it would have reported of the last weeks."""

from collections import Counter
from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from bot.domain.assets import Address, Asset
from bot.domain.chains import Chains
from bot.domain.observations import ItemMove, MoveKind, net_items
from bot.domain.observe.descriptions import decimals_of, is_of_units_alone
from bot.domain.observe.filters import HeldBack, Step, difference_of, goes_on, is_settled, judge_step
from bot.domain.observe.recipients import Rules, ignores
from bot.domain.places import Place
from bot.domain.rules.conditions import Condition, Judgement, price_that_counts
from bot.domain.subscriptions import ListedSubscription, SubscriptionId
from bot.store.chats.ignore_list import rules_of
from bot.store.chats.subscriptions import subscriptions_here
from bot.store.database.door import Database
from bot.store.rows import (
    Row,
    to_address,
    to_asset,
    to_description,
    to_holding,
    to_item_moves,
    to_milliseconds,
    to_moment,
    to_moment_or_none,
)

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
    replay = _Replay(condition, chains)
    for row in reversed(newest[:CHANGES_REPLAYED]):
        replay.take(row, listed, rules)
    return Rehearsal(replay.changes, replay.alerts, replay.unknown, len(newest) > CHANGES_REPLAYED)


class _Replay:
    """One pass over changes, oldest first."""

    def __init__(self, condition: Condition, chains: Chains) -> None:
        self.changes = self.alerts = 0
        self.unknown: Counter[Judgement] = Counter()
        self._filters = (condition,)
        self._chains = chains
        self._held_back: dict[tuple[int, Asset], tuple[HeldBack, list[tuple[ItemMove, ...]]]] = {}

    def take(self, row: Row, listed: Collection[ListedSubscription], rules: Rules) -> None:
        """Count a change, and the alert that it would make."""
        account_id, address, items, step, is_news = _to_step(row, self._chains)
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
        judgement = judge_step(self._filters, difference_of(told, step, net))
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


_CHANGES = """
SELECT c.account_id, a.address, x.chain_id, x.contract, x.kind, x.symbol, x.decimals, x.rebasing,
       c.kind, c.before, c.uniques_before, c.after, c.uniques_after, c.items, c.price_usd, c.priced_at,
       c.observed_at, c.decimals, c.former_decimals
FROM change c JOIN account a ON a.id = c.account_id JOIN asset x ON x.id = c.asset_id
WHERE c.observed_at >= ? AND c.account_id IN (
  SELECT s.account_id FROM subscription s JOIN destination d ON d.id = s.destination_id
  JOIN chat t ON t.id = d.chat_id WHERE t.telegram_id = ? AND d.thread_id = ? AND s.account_id IS NOT NULL)
ORDER BY c.id DESC LIMIT ?
"""


def _to_step(row: Row, chains: Chains) -> tuple[int, Address, tuple[ItemMove, ...], Step, bool]:
    """Return of a change whose it is, its items, the step it is, and whether it is news by itself."""
    account_id, address, chain_id, contract, asset_kind, symbol, decimals, rebasing, *rest = row
    kind, before, uniques_before, after, uniques_after, items, price_usd, priced_at, *rest = rest
    observed_at, decimals_then, former_decimals = rest
    asset = to_asset(chain_id, contract)
    known = decimals if decimals_then is None else decimals_then
    description = to_description(asset_kind, symbol, known, rebasing)
    step = Step(
        asset=asset,
        kind=MoveKind(kind),
        before=to_holding(before, uniques_before, None),
        after=to_holding(after, uniques_after, None),
        decimals=decimals_of(asset, description, chains),
        price_usd=price_that_counts(price_usd, to_moment_or_none(priced_at), to_moment(observed_at)),
        is_collection=description.is_collection,
        is_redenominated=former_decimals is not None,
    )
    is_news = not is_of_units_alone(int(before), int(after), former_decimals, decimals_then)
    return account_id, to_address(address), to_item_moves(items), step, is_news
