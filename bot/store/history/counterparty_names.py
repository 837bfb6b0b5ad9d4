"""What a destination knows of the addresses behind its changes, looked up when their message is made."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain.assets import Address
from bot.domain.deliver.alerts import Alert, ChangeAlert
from bot.domain.deliver.delivery import DeliveryId
from bot.domain.explain.look_alikes import ends, look_alike
from bot.domain.explain.names import CounterpartyNames
from bot.domain.explain.transfers import NOBODY
from bot.domain.subscriptions import DestinationId
from bot.store.chats.names import names_of
from bot.store.chats.subscriptions import subscriptions_of
from bot.store.database.door import Database
from bot.store.explain.counterparties import (
    alike_counterparties,
    earlier_counterparties,
    first_explained_at,
)
from bot.store.outbox.queue import alerts_of

_LOOKED_AT = 20
"""Alerts of a message: of more nobody could choose."""

KNOWN_AFTER = timedelta(days=30)
"""For so long the counterparties of an account have to be stored before one can be called new."""


def with_counterparties(db: Database, alerts: Sequence[Alert]) -> list[Alert]:
    """Return the alerts of one destination, each change with what is known there of its counterparties."""
    explained = [one.id for one in alerts if isinstance(one, ChangeAlert) and _counterparties(one)]
    if not explained:
        return list(alerts)
    these = db.any_of(explained)
    rows = db.execute(
        f"SELECT id, destination_id, change_id FROM alert WHERE id {these.sql}", these.values
    ).fetchall()
    changes = {alert_id: change_id for alert_id, _, change_id in rows}
    here = KnownHere(db, DestinationId(rows[0][1]))
    return [
        replace(one, counterparties=here.names(one, changes[one.id]))
        if isinstance(one, ChangeAlert) and one.id in changes
        else one
        for one in alerts
    ]


def unnamed_counterparties(db: Database, delivery_id: DeliveryId) -> list[Address]:
    """Return with whom the changes of a message were and who has no name, each once.

    Those that look like others are left out: who is to give them a name types the whole address.
    """
    alerts = with_counterparties(db, alerts_of(db, delivery_id, _LOOKED_AT))
    found: dict[Address, None] = {}
    for alert in alerts:
        if isinstance(alert, ChangeAlert):
            known = alert.counterparties
            found |= dict.fromkeys(
                one
                for one in _counterparties(alert)
                if one not in known.names and one not in known.look_alikes
            )
    return list(found)


class KnownHere:
    """What one destination calls addresses, read once for many changes."""

    def __init__(self, db: Database, destination_id: DestinationId) -> None:
        self._db = db
        self._names = names_of(db, destination_id)
        listed = subscriptions_of(db, destination_id)
        self._watched = dict.fromkeys(
            one.subscription.account for one in listed if one.subscription.account is not None
        )

        # Of many counterparties and many names, each is compared with those that are like it alone.
        self._by_ends: dict[tuple[str, str], list[Address]] = defaultdict(list)
        for address in {**self._names, **self._watched}:
            self._by_ends[ends(address)].append(address)

    def names(self, alert: ChangeAlert, change_id: int) -> CounterpartyNames:
        """Return what is known of the counterparties of a change by its number."""
        these = _counterparties(alert)
        account = alert.change.account
        unnamed = [one for one in these if one not in self._names and one not in self._watched]
        alike = {one: found for one in unnamed if (found := self._looks_like(account, one)) is not None}
        return CounterpartyNames(
            names={one: self._names[one] for one in {*these, *alike.values()} if one in self._names},
            first_time=self._new(account, unnamed, change_id, alert.change.observed_at),
            look_alikes=alike,
        )

    def _looks_like(self, account: Address, address: Address) -> Address | None:
        known = self._by_ends.get(ends(address), ())
        return look_alike(address, known, alike_counterparties(self._db, account, address))

    def _new(
        self, account: Address, unnamed: Collection[Address], change_id: int, observed_at: datetime
    ) -> frozenset[Address]:
        since = first_explained_at(self._db, account) if unnamed else None
        if since is None or observed_at - since < KNOWN_AFTER:
            return frozenset()
        return frozenset(unnamed) - earlier_counterparties(self._db, account, unnamed, change_id)


def _counterparties(alert: ChangeAlert) -> list[Address]:
    """Return with whom a change was, each once, but for nobody and the account itself."""
    legs = () if alert.explanation is None else alert.explanation.legs
    nobody = {NOBODY, alert.change.account}
    return [one for one in dict.fromkeys(leg.counterparty for leg in legs) if one not in nobody]
