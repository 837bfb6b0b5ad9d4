"""Decides of each change of a batch who gets an alert, and from whom a filter holds it back.

Whoever watches it and gets no alert gets a row that says why, in the same transaction.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.assets import Address, Amount
from bot.domain.chat.mutes import MuteScope
from bot.domain.deliver.traces import AlertCause, Silence, Trace, conditions, why_reported
from bot.domain.observations import ItemMove
from bot.domain.observe.filters import HeldBack, Step, difference_of, goes_on, is_settled, judge_step
from bot.domain.observe.recipients import Recipient, Recipients
from bot.domain.rules.conditions import Condition, Difference, Judgement
from bot.domain.rules.loud import AS_EVER, Loudness, judge_loudness
from bot.domain.subscriptions import DestinationId
from bot.store.chats.rules.digests import told_by_digests_alone
from bot.store.chats.rules.loud_rules import places_with_loud_rules
from bot.store.database.door import Database
from bot.store.outbox.alerts import NewAlert
from bot.store.outbox.unreported import (
    Unreported,
    UnreportedKey,
    alert_of,
    items_between,
    save_unreported,
    unreported_of,
)
from bot.store.rows import Row, to_milliseconds, trace_to_row


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedChange:
    """A change whose row was just written."""

    row: int
    account: Address
    account_id: int
    asset_id: int
    step: Step
    items: tuple[ItemMove, ...]
    """Of a collection, the ids that came and went; empty if unknown."""

    @property
    def about(self) -> MuteScope:
        """Which account it is about, on which chain."""
        return MuteScope(self.account, frozenset({self.step.asset.chain_id}))


class Reports:
    """The alerts of one batch, made inside the transaction that writes its changes."""

    def __init__(self, db: Database, account_ids: Collection[int], observed_at: datetime) -> None:
        self._db = db
        self._account_ids = account_ids
        self._at = to_milliseconds(observed_at)
        self._stored: Mapping[UnreportedKey, Unreported] | None = None
        """What was held back before; None: nobody had a filter so far, so it was not looked for."""
        self._held_back: dict[UnreportedKey, Unreported] = {}
        self._loud_places: frozenset[DestinationId] | None = None
        """Where there is a loud rule; None: nobody had to know so far."""
        self._told_by_digests: frozenset[DestinationId] | None = None
        """Where changes have no alerts of their own; None: nobody had to know so far."""
        self._silent: list[Row] = []
        """What is to be said of the changes without an alert."""

    def alerts_of(self, change: RecordedChange, found: Recipients, *, is_news: bool) -> list[NewAlert]:
        """Return the alerts about a change, and note for whom it is held back or why else there is none.

        One that is no news by itself is told only where it ends what is held back.
        """
        alerts: list[NewAlert] = []
        # The same for all to whom nothing is held back of it.
        by_itself = difference_of(change.step.before, change.step, change.items or None)
        for destination_id, recipient in found.ignoring.items():
            self._keep_silent(change, destination_id, recipient, Silence.IGNORED)
        for destination_id, recipient in found.wanting.items():
            # What a filter held back was reported when the filter ended: without one there is nothing.
            filters = self._filters(destination_id, recipient)
            if filters is not None:
                alerts += self._filtered(
                    change, destination_id, recipient, filters, by_itself, is_news=is_news
                )
            elif is_news:
                loudness = self._loudness(by_itself, recipient, destination_id)
                trace = Trace(recipient.wanted_by)
                alerts.append(
                    _alert(change, destination_id, recipient.label, loudness, by_itself, trace=trace)
                )
            else:
                self._keep_silent(change, destination_id, recipient, Silence.UNITS)
        return alerts

    def save(self) -> None:
        """Write what is held back from now on, and why changes have no alert."""
        if self._silent:
            self._db.insert_many("unalerted", _UNALERTED, self._silent)
        stored = self._stored or {}
        changed = {key: one for key, one in self._held_back.items() if stored.get(key) is not one}
        save_unreported(self._db, changed, stored.keys() - self._held_back.keys())

    def _filters(
        self, destination_id: DestinationId, recipient: Recipient
    ) -> Sequence[Condition | None] | None:
        """Return of which filters a change has to pass any; of none it passes none. None: it needs none."""
        if self._told_by_digests is None:
            self._told_by_digests = told_by_digests_alone(self._db)
        if destination_id in self._told_by_digests:
            return ()
        filters = recipient.filters
        return filters if any(filters) else None

    def _filtered(
        self,
        change: RecordedChange,
        destination_id: DestinationId,
        recipient: Recipient,
        filters: Sequence[Condition | None],
        by_itself: Difference | None,
        *,
        is_news: bool,
    ) -> list[NewAlert]:
        if self._stored is None:
            self._stored = unreported_of(self._db, self._account_ids)
            self._held_back = dict(self._stored)
        alerts: list[NewAlert] = []
        key = UnreportedKey(change.account_id, change.asset_id, destination_id)
        before = self._held_back.pop(key, None)
        if before is not None and not goes_on(before.held_back, change.step):
            alerts.append(alert_of(key, before, AlertCause.BROKEN))
            before = None
        if before is None and not is_news:
            self._keep_silent(change, destination_id, recipient, Silence.UNITS)
            return alerts
        told = change.step.before if before is None else before.held_back.told
        items = self._items(change, before)
        difference = by_itself if before is None else difference_of(told, change.step, items, by_itself)
        judged = judge_step(filters, difference)
        is_reported = judged is not Judgement.NOT_MET
        if not is_reported and is_settled(told, change.step, items):
            self._keep_silent(change, destination_id, recipient, Silence.SETTLED, filters)
            return alerts
        loudness = self._loudness(difference, recipient, destination_id)
        if is_reported:
            cause, passed = why_reported(filters, difference, judged)
            trace = Trace(recipient.wanted_by, passed)
            if before is None:
                label = recipient.label
                alone = _alert(change, destination_id, label, loudness, difference, trace=trace, cause=cause)
                return [*alerts, alone]
            after = self._with(before, change, recipient, told)._replace(loudness=loudness, trace=trace)
            alert = alert_of(key, after, cause, difference)
            return [*alerts, replace(alert, is_in_two_units=change.step.is_redenominated)]
        trace = Trace(recipient.wanted_by, conditions(filters))
        after = self._with(before, change, recipient, told)._replace(loudness=loudness, trace=trace)
        is_for_digest = destination_id in (self._told_by_digests or ())
        silence = Silence.DIGEST if is_for_digest else Silence.FILTER
        self._keep_silent(change, destination_id, recipient, silence, filters)
        self._held_back[key] = after
        return alerts

    def _keep_silent(
        self,
        change: RecordedChange,
        destination_id: DestinationId,
        recipient: Recipient,
        why: Silence,
        filters: Sequence[Condition | None] = (),
    ) -> None:
        """Note why a destination gets no alert about a change of its own."""
        trace = Trace(recipient.wanted_by, conditions(filters))
        self._silent.append((destination_id, change.row, why, recipient.label, *trace_to_row(trace)))

    def _loudness(
        self, difference: Difference | None, recipient: Recipient, destination_id: DestinationId
    ) -> Loudness:
        """Return how an alert arrives that goes from what was told to this change."""
        if self._loud_places is None:
            self._loud_places = places_with_loud_rules(self._db)
        if destination_id not in self._loud_places:
            return AS_EVER
        return judge_loudness(recipient.loud_rules, difference)

    def _items(self, change: RecordedChange, before: Unreported | None) -> tuple[ItemMove, ...] | None:
        """Return which ids of a collection came and went with a change and what was held back before."""
        if before is None or not change.step.is_collection:
            return change.items or None
        # Its row is there already: all that happened up to this change is in the database.
        return items_between(self._db, before.first_change_id, change.row)

    def _with(
        self,
        before: Unreported | None,
        change: RecordedChange,
        recipient: Recipient,
        told: Amount,
    ) -> Unreported:
        """Return what was held back before together with a change."""
        return Unreported(
            label=recipient.label,
            first_change_id=change.row if before is None else before.first_change_id,
            last_change_id=change.row,
            steps=1 if before is None else before.steps + 1,
            since=self._at if before is None else before.since,
            held_back=HeldBack(told, change.step.after),
            about=change.about,
            loudness=AS_EVER,
        )


def _alert(
    change: RecordedChange,
    destination_id: DestinationId,
    label: str,
    loudness: Loudness,
    difference: Difference | None,
    *,
    trace: Trace,
    cause: AlertCause = AlertCause.UNFILTERED,
) -> NewAlert:
    return NewAlert(
        destination_id=destination_id,
        about=frozenset({change.about}),
        label=label,
        change_id=change.row,
        loudness=loudness,
        difference=difference,
        is_in_two_units=change.step.is_redenominated,
        trace=trace,
        cause=cause,
    )


_UNALERTED = ("destination_id", "change_id", "reason", "label", "wanted_by", "filters")
