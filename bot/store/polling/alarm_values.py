"""What alarms compare: amounts that are stored, in tokens or dollars, and whether they can be relied on.

What was never read, gives no answer, or is held back as doubted is unknown, and so is a sum that lacks it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from bot.domain.ask.plan import watched_parts, watches_by_account
from bot.domain.assets import Address, Asset, ChainId, Description, Part
from bot.domain.chains import Chains
from bot.domain.observations import Standing
from bot.domain.observe.descriptions import decimals_of
from bot.domain.observe.readings import Coverage
from bot.domain.observe.recipients import Rules, WatchPair, label_on, unignored_parts
from bot.domain.observe.worth import dollars
from bot.domain.rules.alarms import Value
from bot.domain.rules.conditions import PRICE_COUNTS_FOR
from bot.domain.subscriptions import DestinationId
from bot.domain.units import added_usd, whole_units
from bot.store.balances.coverage import subscriptions_about
from bot.store.chats.ignore_list import rules_of
from bot.store.chats.rules.alarms import StoredAlarm
from bot.store.database.door import Database
from bot.store.polling.chains import asked_chains
from bot.store.rows import (
    STANDINGS,
    Row,
    to_asset,
    to_blob,
    to_moment,
    to_moment_or_none,
    to_part,
)

PRICE_GONE_AFTER = timedelta(days=1)
"""A price that the source has not named for so long is none; a younger one may only be late."""

AccountChain = tuple[int, ChainId]


@dataclass(frozen=True, slots=True)
class ValueTerms:
    """By what values are worked out."""

    status: Part
    """Stands for the lists of the configured contract status."""
    chains: Chains
    """The registry."""


class AlarmValues(NamedTuple):
    """What one alarm compares."""

    label: str
    """What its destination calls the account, "" for nothing."""
    chains: tuple[ChainId, ...]
    """Where it compares."""
    values: tuple[Value, ...]


class _Token(NamedTuple):
    """An asset, and what one of it is worth: the same for all who hold it."""

    asset: Asset
    decimals: int | None
    price_usd: str | None
    """None: there is none that counts."""
    late_since: datetime | None
    """When the price was read that is only late by now, so that nobody knows; None: it is not."""


class _Held(NamedTuple):
    token: _Token
    amount_raw: int
    standing: Standing


@dataclass(slots=True)
class _Known:
    """What is stored of the accounts of some alarms."""

    coverage: Mapping[AccountChain, Mapping[Part, datetime | None]]
    seen_at: Mapping[ChainId, datetime]
    doubted_since: Mapping[ChainId, datetime]
    asked: frozenset[ChainId]
    stale_after: timedelta
    pairs: Mapping[Address, Sequence[WatchPair]]
    read_just_now: Collection[AccountChain]
    rules: Mapping[DestinationId, Rules]
    prices: Mapping[Asset, str]
    terms: ValueTerms
    now: datetime
    held: dict[int, list[_Held]] = field(default_factory=dict)
    watched: dict[tuple[DestinationId, frozenset[Part], Asset, Standing], bool] = field(default_factory=dict)
    """Whether a destination that watches these parts wants to know of an asset, as far as it was asked."""

    def is_watched(
        self, destination_id: DestinationId, parts: frozenset[Part], asset: Asset, standing: Standing
    ) -> bool:
        """Whether a balance of an asset counts where these parts of its account are watched."""
        key = destination_id, parts, asset, standing
        if key not in self.watched:
            unignored = unignored_parts(parts, self.rules[destination_id], asset)
            self.watched[key] = Coverage(unignored, self.terms.status).speaks_of(asset, standing)
        return self.watched[key]


class _Sight(NamedTuple):
    """Whether something can be relied on; `since` is None where it was never read."""

    is_known: bool
    since: datetime | None = None


_SEEN = _Sight(is_known=True)


def values_of(
    db: Database,
    alarms: Sequence[StoredAlarm],
    terms: ValueTerms,
    now: datetime,
    *,
    prices: Mapping[Asset, str] | None = None,
    read_just_now: Collection[AccountChain] = (),
) -> dict[int, AlarmValues]:
    """Return what alarms compare, by their rows.

    `prices` are those of a sweep; where one is missing, what is stored counts for an hour. What was
    `read_just_now` counts as seen, though its sweep has not ended.
    """
    if not alarms:
        return {}
    known = _known(db, alarms, terms=terms, now=now, prices=prices or {}, read_just_now=read_just_now)
    result: dict[int, AlarmValues] = {}
    sights: dict[int, dict[ChainId, _Sight]] = {}
    for alarm in alarms:
        if alarm.terms.is_in_dollars:
            sights[alarm.row] = _sights_of_worth(known, alarm)
    # Amounts are read only of what can be judged: a chain may be silent for days.
    _read_held(db, known, [one for one in alarms if _is_readable(sights.get(one.row))])
    for alarm in alarms:
        if alarm.terms.is_in_dollars:
            on = tuple(sorted(sights[alarm.row]))
            value = _worth(known, alarm, sights[alarm.row])
            values: tuple[Value, ...] = (value,)
        else:
            assets = _assets_compared(known, alarm)
            single = [_amount(known, alarm, asset) for asset in assets]
            on = tuple(sorted({asset.chain_id for asset in assets}))
            values = (_sum(single),) if alarm.terms.is_total else tuple(single)
        result[alarm.row] = AlarmValues(_label(known, alarm, on), on, values)
    return result


def _is_readable(sights: Mapping[ChainId, _Sight] | None) -> bool:
    return sights is None or all(sight.is_known for sight in sights.values())


def _label(known: _Known, alarm: StoredAlarm, on: Sequence[ChainId]) -> str:
    mine = _mine(known, alarm)
    named = (label_on(mine, chain_id) for chain_id in on)
    fallback = next((watch.label for watch, _ in mine if watch.label), "")
    return next(filter(None, named), fallback)


def _mine(known: _Known, alarm: StoredAlarm) -> list[WatchPair]:
    pairs = known.pairs.get(alarm.account, ())
    return [pair for pair in pairs if pair[0].destination_id == alarm.destination_id]


def _parts_on(known: _Known, mine: Iterable[WatchPair], chain_id: ChainId) -> frozenset[Part]:
    """Return what is watched and read of an account on a chain."""
    # A subscription without chains is about those that are asked, and no other is ever read.
    there = [
        (watch, what)
        for watch, what in mine
        if chain_id in (watch.scope.chains or what.scope.chains or known.asked)
    ]
    return watched_parts(there, chain_id, known.terms.status)


# ---------------------------------------------------------------- tokens


def _assets_compared(known: _Known, alarm: StoredAlarm) -> list[Asset]:
    """Return the assets of an alarm that its destination watches of the account."""
    on, mine = alarm.terms.chains, _mine(known, alarm)
    return [
        asset
        for asset in sorted(alarm.terms.level.assets)
        if (not on or asset.chain_id in on) and _parts_about(known, mine, asset)
    ]


def _parts_about(known: _Known, mine: Sequence[WatchPair], asset: Asset) -> frozenset[Part]:
    parts = _parts_on(known, mine, asset.chain_id)
    return Coverage(parts, known.terms.status).parts_about(asset, Standing.LISTED)


def _amount(known: _Known, alarm: StoredAlarm, asset: Asset) -> Value:
    parts = _parts_about(known, _mine(known, alarm), asset)
    sights = [_sight(known, (alarm.account_id, asset.chain_id), part) for part in sorted(parts)]
    best = next((one for one in sights if one.is_known), None)
    if best is None:
        return Value(asset, None, max((one.since for one in sights if one.since), default=None))
    held = next((one for one in known.held.get(alarm.account_id, ()) if one.token.asset == asset), None)
    if held is None:
        return Value(asset, Decimal(0))
    decimals = held.token.decimals
    return Value(asset, None if decimals is None else whole_units(held.amount_raw, decimals))


def _sum(values: Sequence[Value]) -> Value:
    numbers = [one.number for one in values if one.number is not None]
    if len(numbers) < len(values) or not values:
        since = [one.unknown_since for one in values if one.number is None and one.unknown_since]
        return Value(None, None, min(since, default=None))
    return Value(None, added_usd(*numbers))


# ---------------------------------------------------------------- dollars


def _sights_of_worth(known: _Known, alarm: StoredAlarm) -> dict[ChainId, _Sight]:
    """Return of each chain that counts whether all of it that is watched can be relied on."""
    mine = _mine(known, alarm)
    candidates = alarm.terms.chains or known.asked.union(*(pair[0].scope.chains for pair in mine))
    result = {}
    for chain_id in candidates:
        parts = _parts_on(known, mine, chain_id)
        if parts:
            sights = [_sight(known, (alarm.account_id, chain_id), part) for part in parts]
            result[chain_id] = next((one for one in sights if not one.is_known), _SEEN)
    return result


def _worth(known: _Known, alarm: StoredAlarm, sights: Mapping[ChainId, _Sight]) -> Value:
    unknown = [sight for sight in sights.values() if not sight.is_known]
    if unknown or not sights:
        return Value(None, None, min((one.since for one in unknown if one.since), default=None))
    mine = _mine(known, alarm)
    parts = {chain_id: _parts_on(known, mine, chain_id) for chain_id in sights}
    total: list[Decimal] = []
    unpriced = 0
    for token, amount_raw, standing in known.held.get(alarm.account_id, ()):
        watched = parts.get(token.asset.chain_id)
        if watched is None or not known.is_watched(alarm.destination_id, watched, token.asset, standing):
            continue
        if token.late_since is not None:
            return Value(None, None, token.late_since)
        worth = dollars(amount_raw, token.decimals, token.price_usd)
        if worth is not None:
            total.append(worth)
        elif amount_raw and (token.price_usd is None or token.decimals is None):
            unpriced += 1
    return Value(None, added_usd(*total), unpriced=unpriced)


# ---------------------------------------------------------------- what is stored


def _sight(known: _Known, where: AccountChain, part: Part) -> _Sight:
    coverage, chain_id = known.coverage.get(where, {}), where[1]
    if part not in coverage:
        return _Sight(is_known=False)
    since = coverage[part] or known.doubted_since.get(chain_id)
    if since is not None:
        return _Sight(is_known=False, since=since)
    seen_at = known.seen_at.get(chain_id)
    if where in known.read_just_now or seen_at is None:
        return _SEEN
    return _SEEN if known.now - seen_at <= known.stale_after else _Sight(is_known=False, since=seen_at)


def _known(
    db: Database,
    alarms: Sequence[StoredAlarm],
    *,
    terms: ValueTerms,
    now: datetime,
    prices: Mapping[Asset, str],
    read_just_now: Collection[AccountChain],
) -> _Known:
    account_ids = {one.account_id for one in alarms}
    in_dollars = {one.destination_id for one in alarms if one.terms.is_in_dollars}
    coverage: dict[AccountChain, dict[Part, datetime | None]] = defaultdict(dict)
    theirs = db.any_of(account_ids)
    for account_id, chain_id, part, unknown_since in db.execute(
        f"SELECT account_id, chain_id, part, unknown_since FROM coverage WHERE account_id {theirs.sql}",
        theirs.values,
    ):
        coverage[account_id, ChainId(chain_id)][to_part(part)] = to_moment_or_none(unknown_since)
    chains = db.execute("SELECT id, complete_at, lost_since FROM chain").fetchall()
    last = db.execute("SELECT stale_ms FROM last_sweep").fetchone()
    return _Known(
        coverage=coverage,
        seen_at={ChainId(chain_id): to_moment(at) for chain_id, at, _ in chains},
        doubted_since={
            ChainId(chain_id): to_moment(lost) for chain_id, _, lost in chains if lost is not None
        },
        asked=asked_chains(db),
        stale_after=timedelta(milliseconds=last[0] if last else _STALE_MS),
        pairs=watches_by_account(subscriptions_about(db, account_ids)),
        read_just_now=read_just_now,
        rules={one: rules_of(db, one) for one in in_dollars},
        prices=prices,
        terms=terms,
        now=now,
    )


_STALE_MS = 600_000


def _read_held(db: Database, known: _Known, alarms: Iterable[StoredAlarm]) -> None:
    """Read the balances of accounts: all where their worth is asked for, else those of the assets named."""
    alarms = list(alarms)
    worth = {one.account_id for one in alarms if one.terms.is_in_dollars}
    tokens = [one for one in alarms if one.account_id not in worth]
    contracts = {to_blob(asset.contract) for one in tokens for asset in one.terms.level.assets}
    of_worth, of_tokens, these = (
        db.any_of(worth),
        db.any_of({one.account_id for one in tokens}),
        db.any_of(contracts),
    )
    rows: list[Row] = []
    if worth:
        rows += db.execute(f"{_BALANCES} WHERE b.account_id {of_worth.sql}", of_worth.values).fetchall()
    if tokens:
        rows += db.execute(
            f"{_BALANCES} JOIN asset x ON x.id = b.asset_id"
            f" WHERE b.account_id {of_tokens.sql} AND x.contract {these.sql}",
            [*of_tokens.values, *these.values],
        ).fetchall()
    # Many hold the same: what an asset is, is read once.
    named = _tokens(db, known, {asset_id for _, asset_id, _, _ in rows})
    for account_id, asset_id, amount, standing in rows:
        held = _Held(named[asset_id], int(amount), STANDINGS[standing])
        known.held.setdefault(account_id, []).append(held)


_BALANCES = "SELECT b.account_id, b.asset_id, b.amount, b.standing FROM balance b"


def _tokens(db: Database, known: _Known, asset_ids: Collection[int]) -> dict[int, _Token]:
    these = db.any_of(asset_ids)
    rows = db.execute(
        "SELECT id, chain_id, contract, kind, symbol, decimals, rebasing, price_usd, priced_at FROM asset"
        f" WHERE id {these.sql}",
        these.values,
    )
    return {
        asset_id: _token(
            known,
            to_asset(chain_id, contract),
            Description(kind, symbol, decimals, bool(rebasing), usd),
            None if usd is None else to_moment_or_none(priced_at),
        )
        for asset_id, chain_id, contract, kind, symbol, decimals, rebasing, usd, priced_at in rows
    }


def _token(known: _Known, asset: Asset, description: Description, priced_at: datetime | None) -> _Token:
    decimals = decimals_of(asset, description, known.terms.chains)
    usd = known.prices.get(asset)
    if usd is not None or priced_at is None:
        return _Token(asset, decimals, usd, None)
    age = known.now - priced_at
    is_late = PRICE_COUNTS_FOR < age <= PRICE_GONE_AFTER
    usd = description.price_usd if age <= PRICE_COUNTS_FOR else None
    return _Token(asset, decimals, usd, priced_at if is_late else None)
