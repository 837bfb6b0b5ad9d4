"""What accounts are worth that were read for the first time, for the message that says so."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from bot.domain.assets import Part
from bot.domain.chains import Chains
from bot.domain.deliver.alerts import Alert, AlertId, Baseline, FirstWorth, NoticeAlert, PricedBalance
from bot.domain.deliver.steps import LATE_AFTER
from bot.domain.observe.holdings import NamedBalance
from bot.domain.observe.prices import PRICE_KEPT
from bot.domain.observe.worth import dollars_held
from bot.domain.subscriptions import DestinationId
from bot.domain.units import added_usd
from bot.store.chats.ignore_list import rules_of
from bot.store.database.door import Database
from bot.store.polling.holdings import holdings_by_account
from bot.store.rows import SUBSCRIPTIONS, to_subscription

READ_MOST = 5
"""First readings; more are summed up in a line that has no room for it."""

LARGEST = 3


def with_worth(
    db: Database, alerts: Sequence[Alert], chains: Chains, status: Part, now: datetime
) -> list[Alert]:
    """Return the alerts, the few first readings among them with what the accounts are worth.

    One that comes late is left as it is: what is held by now is not what it speaks of.
    """
    first = [
        (alert, alert.notice)
        for alert in alerts
        if isinstance(alert, NoticeAlert) and isinstance(alert.notice, Baseline)
    ]
    if len(first) > READ_MOST:
        return list(alerts)
    worth = {
        alert.id: _worth(_held(db, alert.id, baseline, status, now), chains)
        for alert, baseline in first
        if now - alert.observed_at < LATE_AFTER
    }
    return [
        replace(alert, worth=worth[alert.id])
        if isinstance(alert, NoticeAlert) and alert.id in worth
        else alert
        for alert in alerts
    ]


def _worth(held: Sequence[NamedBalance], chains: Chains) -> FirstWorth:
    values = [(one, dollars_held(one, chains)) for one in held]
    priced = [
        PricedBalance(one.asset, one.description, one.amount, usd, one.is_look_alike)
        for one, usd in values
        if usd is not None
    ]
    return FirstWorth(
        usd=added_usd(*(one.usd for one in priced)),
        unpriced=len(values) - len(priced),
        largest=tuple(sorted(priced, key=lambda one: one.usd, reverse=True)[:LARGEST]),
    )


def _held(
    db: Database, alert_id: AlertId, baseline: Baseline, status: Part, now: datetime
) -> list[NamedBalance]:
    """Return what the destination of an alert sees of what was read first."""
    (destination_id,) = db.execute("SELECT destination_id FROM alert WHERE id = ?", [alert_id]).fetchone()
    subscriptions = [
        to_subscription(row)
        for row in db.execute(f"{SUBSCRIPTIONS} WHERE s.destination_id = ?", [destination_id])
    ]
    ((_, known),) = holdings_by_account(
        db,
        subscriptions,
        [baseline.account],
        rules=rules_of(db, DestinationId(destination_id)),
        chains=frozenset(baseline.chains),
        status=status,
        prices_since=now - PRICE_KEPT,
        # It was read just now: only the amounts are taken, and not how old they are.
        seen_since=now,
    )
    return [
        one
        for chain in known
        if chain.chain_id in baseline.chains
        for one in chain.held
        if not baseline.contracts or one.asset.contract in baseline.contracts
    ]
