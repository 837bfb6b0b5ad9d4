"""Reads stored changes as filters look at them."""

from typing import NamedTuple

from bot.domain.assets import Address
from bot.domain.chains import Chains
from bot.domain.observations import ItemMove, MoveKind
from bot.domain.observe.descriptions import decimals_of, is_of_units_alone
from bot.domain.observe.filters import Step
from bot.domain.rules.conditions import price_that_counts
from bot.store.rows import (
    Row,
    to_address,
    to_asset,
    to_description,
    to_holding,
    to_item_moves,
    to_moment,
    to_moment_or_none,
)


class StoredStep(NamedTuple):
    """A change that was recorded."""

    change_id: int
    account_id: int
    address: Address
    items: tuple[ItemMove, ...]
    step: Step
    is_news: bool
    """Whether it is any by itself, and not only counted in other units."""


STEP_COLUMNS = """
c.id, c.account_id, a.address, x.chain_id, x.contract, x.kind, x.symbol, x.decimals, x.rebasing,
c.kind, c.before, c.uniques_before, c.after, c.uniques_after, c.items, c.price_usd, c.priced_at,
c.observed_at, c.decimals, c.former_decimals
"""
"""Of the change `c`, its account `a` and its asset `x`."""


def to_step(row: Row, chains: Chains) -> StoredStep:
    """Return the change of a row of `STEP_COLUMNS`."""
    change_id, account_id, address, chain_id, contract, asset_kind, symbol, decimals, rebasing, *rest = row
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
    return StoredStep(change_id, account_id, to_address(address), to_item_moves(items), step, is_news)
