"""Reads what a digest tells, when its message is made: the alerts of its time, and what was out of sight."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from bot.domain.ask.plan import wanted_by, watches_by_account
from bot.domain.assets import Asset, ChainId
from bot.domain.chains import Chains
from bot.domain.deliver.alerts import (
    AlarmEnded,
    AlarmRang,
    Alert,
    AlertId,
    BlindSpan,
    ChangeAlert,
    Digest,
    DigestContent,
    MovedWithin,
    NoticeAlert,
    Within,
)
from bot.domain.deliver.steps import summed
from bot.domain.explain.netting import (
    ExplainedChange,
    Passage,
    amount_within,
    is_within,
    within_accounts,
)
from bot.domain.history.sparkline import sparkline
from bot.domain.observations import Change, MoveKind
from bot.domain.observe.descriptions import decimals_of
from bot.domain.observe.recipients import label_on
from bot.domain.observe.worth import dollars
from bot.domain.subscriptions import DestinationId
from bot.store.balances.daily_amounts import daily_amounts
from bot.store.chats.rules.digests import told_by_digests_alone
from bot.store.database.door import Database
from bot.store.outbox.queue import alerts_between, held_back_from
from bot.store.polling.chains import asked_chains
from bot.store.rows import (
    SUBSCRIPTIONS,
    to_address,
    to_asset,
    to_blob,
    to_milliseconds,
    to_moment,
    to_moment_or_none,
    to_subscription,
)

READ_MOST = 5_000
"""Alerts; of more the oldest are left out, which the digest says."""

NETS_MOST = 60
"""More than fit into one message."""

SHORTEST_SPAN = timedelta(minutes=1)
"""An answer that is missing for less is nothing to speak of."""

SPANS_MOST = 50
ALARMS_MOST = 50


def with_digests(db: Database, alerts: Sequence[Alert], chains: Chains) -> list[Alert]:
    """Return the alerts, the digests among them with what they tell."""
    return [
        replace(alert, digest=_content(db, alert.id, alert.notice, chains))
        if isinstance(alert, NoticeAlert) and isinstance(alert.notice, Digest)
        else alert
        for alert in alerts
    ]


def _content(db: Database, alert_id: AlertId, digest: Digest, chains: Chains) -> DigestContent:
    (destination_id,) = db.execute("SELECT destination_id FROM alert WHERE id = ?", [alert_id]).fetchone()
    told = alerts_between(db, destination_id, digest.after_alert, digest.last_alert, READ_MOST + 1)
    changes = [alert for alert in told[-READ_MOST:] if isinstance(alert, ChangeAlert)]
    passages = within_accounts(filter(None, map(_explained, changes)))
    everything = _by_weight(summed(_with_within(alert, passages) for alert in changes), chains)
    nets = [net for net in everything if net.within is None or not net.within.is_all]
    alarms = [
        alert
        for alert in told
        if isinstance(alert, NoticeAlert) and isinstance(alert.notice, AlarmRang | AlarmEnded)
    ]
    held_back, more_held_back = _held_back(db, destination_id, chains)
    return DigestContent(
        nets=tuple(_with_sparklines(db, destination_id, nets[:NETS_MOST], digest)),
        more=max(0, len(nets) - NETS_MOST),
        is_cut=len(told) > READ_MOST,
        held_back=tuple(held_back),
        more_held_back=more_held_back,
        alarms=tuple(alarms[-ALARMS_MOST:]),
        spans=tuple(_spans(db, destination_id, digest)),
        new_tokens=tuple(_new_and_unknown(db, everything, digest)),
        within=tuple(_moved_within(everything, passages)),
    )


def _explained(alert: ChangeAlert) -> ExplainedChange | None:
    if alert.explanation is None:
        return None
    return ExplainedChange(alert.change.account, alert.change.asset, alert.explanation)


def _with_within(alert: ChangeAlert, passages: frozenset[Passage]) -> ChangeAlert:
    """Return a change with what of it is no news, as it only changed pockets."""
    explained = _explained(alert)
    if explained is None or not passages or alert.change.former_decimals is not None:
        return alert
    is_all, amount = is_within(explained, passages), amount_within(explained, passages)
    # Of a collection it is no amount that says which items are news.
    is_known = is_all or (amount and not alert.description.is_collection)
    return replace(alert, within=Within(amount, is_all)) if is_known else alert


def _moved_within(nets: Iterable[ChangeAlert], passages: Iterable[Passage]) -> list[MovedWithin]:
    """Return how much moved of each asset, in the order of the changes."""
    amounts: dict[Asset, int] = defaultdict(int)
    for passage in passages:
        amounts[passage.asset] += passage.amount_raw
    descriptions = {net.change.asset: net.description for net in nets if net.change.asset in amounts}
    return [MovedWithin(asset, of, amounts[asset]) for asset, of in descriptions.items()]


def _with_sparklines(
    db: Database, destination_id: DestinationId, nets: Sequence[ChangeAlert], digest: Digest
) -> list[ChangeAlert]:
    """Return changes with what their balances were in the days up to the end of a digest."""
    accounts = {net.change.account for net in nets}
    days = daily_amounts(db, destination_id, accounts, digest.ends_at)
    keys = [(net.change.account, net.change.asset) for net in nets]
    return [replace(net, sparkline=sparkline(days.get(key, ()))) for net, key in zip(nets, keys, strict=True)]


def _held_back(db: Database, destination_id: DestinationId, chains: Chains) -> tuple[list[ChangeAlert], int]:
    """Return what filters hold back, that of most worth first, and of how many further balances they do."""
    if destination_id in told_by_digests_alone(db):
        return [], 0  # it is kept for the next digest
    (balances,) = db.execute(
        "SELECT count(*) FROM unreported WHERE destination_id = ?", [destination_id]
    ).fetchone()
    largest = _by_weight(held_back_from(db, destination_id, READ_MOST), chains)[:NETS_MOST]
    return largest, balances - len(largest)


def _by_weight(nets: Iterable[ChangeAlert], chains: Chains) -> list[ChangeAlert]:
    """Return changes by what they are worth, the rest in their order."""
    return sorted(nets, key=lambda net: _worth(net, chains), reverse=True)


def _worth(net: ChangeAlert, chains: Chains) -> Decimal:
    change = net.change
    decimals = decimals_of(change.asset, net.description, chains)
    within = 0 if net.within is None else net.within.amount_raw
    moved = abs(change.after.amount_raw - change.before.amount_raw - within)
    value = dollars(moved, decimals, change.price_usd)
    return value or Decimal(0)


def _new_and_unknown(db: Database, nets: Iterable[ChangeAlert], digest: Digest) -> list[ChangeAlert]:
    """Return what accounts have of tokens that have no price, and that they did not have before."""
    come = [net for net in nets if _has_come_without_a_price(net.change)]
    if not come:
        return []
    of_them = db.any_of(to_blob(net.change.account) for net in come)
    rows = db.execute(
        "SELECT DISTINCT a.address, x.chain_id, x.contract"
        " FROM account a JOIN change c ON c.account_id = a.id"
        f" JOIN asset x ON x.id = c.asset_id WHERE a.address {of_them.sql} AND c.observed_at < ?",
        [*of_them.values, to_milliseconds(digest.begins_at)],
    )
    known = {(to_address(address), to_asset(chain_id, contract)) for address, chain_id, contract in rows}
    return [net for net in come if (net.change.account, net.change.asset) not in known]


def _has_come_without_a_price(change: Change) -> bool:
    is_new = change.kind is MoveKind.MOVED and not change.before.amount_raw and change.after.amount_raw > 0
    return is_new and bool(change.asset.contract) and change.price_usd is None


def _spans(db: Database, destination_id: int, digest: Digest) -> list[BlindSpan]:
    """Return when something that the destination watches could not be read, the longest first."""
    rows = db.execute(f"{SUBSCRIPTIONS} WHERE s.destination_id = ?", [destination_id])
    subscriptions = [to_subscription(row) for row in rows]
    wanted = wanted_by(subscriptions, asked_chains(db))
    watches = watches_by_account(subscriptions)
    on = {chain_id for one in wanted.values() for chain_id in one.chains()}
    chain_ids = db.any_of(on)
    begins_at, ends_at = to_milliseconds(digest.begins_at), to_milliseconds(digest.ends_at)
    spans: list[BlindSpan] = []
    for address, chain, since, until in db.execute(
        f"{_GAPS} AND g.chain_id {chain_ids.sql} ORDER BY g.since",
        [ends_at, begins_at, ends_at, SHORTEST_SPAN // timedelta(milliseconds=1), *chain_ids.values],
    ):
        account, chain_id = (None if address is None else to_address(address)), ChainId(chain)
        if account is not None and (account not in wanted or chain_id not in wanted[account].chains()):
            continue
        label = "" if account is None else label_on(watches.get(account, ()), chain_id)
        # What ended after the digest was made is, for it, still going on.
        ended = None if until is None or until > ends_at else to_moment_or_none(until)
        spans.append(BlindSpan(chain_id, account, label, to_moment(since), ended))
    return sorted(spans, key=lambda one: _seen_from(one, digest), reverse=True)[:SPANS_MOST]


def _seen_from(span: BlindSpan, digest: Digest) -> float:
    begins, ends = max(span.since, digest.begins_at), span.until or digest.ends_at
    return (ends - begins).total_seconds()


# Account 0 is all of the chain.
_GAPS = """
SELECT a.address, g.chain_id, g.since, g.until FROM gap g LEFT JOIN account a ON a.id = g.account_id
WHERE g.since < ? AND (g.until IS NULL OR g.until > ?) AND coalesce(g.until, ?) - g.since >= ?
"""
