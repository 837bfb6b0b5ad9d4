"""Decides of each change of a batch who gets an alert, and from whom a filter holds it back."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from bot.domain.assets import Address, Amount, Description
from bot.domain.chains import Chains
from bot.domain.chat.mutes import MuteScope
from bot.domain.observations import Move, MoveKind
from bot.domain.observe.descriptions import decimals_of
from bot.domain.observe.recipients import Recipient
from bot.domain.rules.conditions import Difference, Judgement, judge_any
from bot.domain.subscriptions import DestinationId
from bot.store.database.door import Database
from bot.store.outbox.alerts import NewAlert
from bot.store.outbox.unreported import (
    HeldBack,
    Unreported,
    UnreportedKey,
    alert_of,
    held_back_of,
    items_between,
    save_unreported,
)
from bot.store.rows import to_milliseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedChange:
    """A change whose row was just written."""

    row: int
    account: Address
    account_id: int
    asset_id: int
    move: Move
    description: Description
    """Of its asset, with a price if one counts."""
    is_redenominated: bool
    """Whether the amounts before and after may be counted in different units."""

    @property
    def about(self) -> MuteScope:
        """Which account it is about, on which chain."""
        return MuteScope(self.account, frozenset({self.move.asset.chain_id}))


class Reports:
    """The alerts of one batch, made inside the transaction that writes its changes."""

    def __init__(
        self, db: Database, account_ids: Collection[int], chains: Chains, observed_at: datetime
    ) -> None:
        self._db = db
        self._account_ids = account_ids
        self._chains = chains
        self._at = to_milliseconds(observed_at)
        self._stored: Mapping[UnreportedKey, HeldBack] | None = None
        """What was held back before; None: nobody had a filter so far, so it was not looked for."""
        self._held_back: dict[UnreportedKey, HeldBack] = {}

    def alerts_of(
        self, change: RecordedChange, found: Mapping[DestinationId, Recipient], *, is_news: bool
    ) -> list[NewAlert]:
        """Return the alerts about a change, and note for whom it is held back.

        One that is no news by itself is told only where it ends what is held back.
        """
        alerts: list[NewAlert] = []
        for destination_id, recipient in found.items():
            # What a filter held back was reported when the filter ended: without one there is nothing.
            if any(recipient.filters):
                alerts += self._filtered(change, destination_id, recipient, is_news=is_news)
            elif is_news:
                alerts.append(_alert(change, destination_id, recipient.label, None))
        return alerts

    def save(self) -> None:
        """Write what is held back from now on."""
        stored = self._stored or {}
        changed = {key: one.unreported for key, one in self._held_back.items() if stored.get(key) is not one}
        save_unreported(self._db, changed, stored.keys() - self._held_back.keys())

    def _filtered(
        self, change: RecordedChange, destination_id: DestinationId, recipient: Recipient, *, is_news: bool
    ) -> list[NewAlert]:
        if self._stored is None:
            self._stored = held_back_of(self._db, self._account_ids)
            self._held_back = dict(self._stored)
        alerts: list[NewAlert] = []
        key = UnreportedKey(change.account_id, change.asset_id, destination_id)
        held_back = self._held_back.get(key)
        # Something else happened to the amount meanwhile: what was held back is a story of its own.
        if held_back is not None and not _goes_on(held_back, change.move):
            alerts.append(alert_of(key, self._held_back.pop(key)))
            held_back = None
        if held_back is None and not is_news:
            return alerts
        told = change.move.before if held_back is None else held_back.told
        if self._is_reported(change, told, held_back, recipient):
            alerts.append(_alert(change, destination_id, recipient.label, held_back))
            self._held_back.pop(key, None)
        else:
            self._hold_back(key, change, recipient.label, told, held_back)
        return alerts

    def _is_reported(
        self, change: RecordedChange, told: Amount, held_back: HeldBack | None, recipient: Recipient
    ) -> bool:
        filters = recipient.filters
        move = change.move
        # Nothing is measured where nobody asks for it, nor what is no change or in two units.
        if None in filters or move.kind is MoveKind.LISTED or change.is_redenominated:
            return True
        difference = Difference(
            asset=move.asset,
            told=told,
            now=move.after,
            decimals=decimals_of(move.asset, change.description, self._chains),
            price_usd=change.description.price_usd,
            exchanged=self._exchanged(change, told, held_back),
        )
        return judge_any(filters, difference) is not Judgement.NOT_MET

    def _exchanged(self, change: RecordedChange, told: Amount, held_back: HeldBack | None) -> int | None:
        """Return how many items of a collection came while as many left; None: that is not known."""
        move = change.move
        if told.amount_raw != move.after.amount_raw or not change.description.is_collection:
            return 0
        if held_back is None:
            items = move.items or None
        else:
            # Its row is there already: what happened up to this change is all in the database.
            items = items_between(self._db, held_back.unreported.first_change_id, change.row)
        if items is None:
            return None
        return sum(max(0, item.after_raw - item.before_raw) for item in items)

    def _hold_back(
        self,
        key: UnreportedKey,
        change: RecordedChange,
        label: str,
        told: Amount,
        held_back: HeldBack | None,
    ) -> None:
        """Note that a change is held back; nothing is, once the amount is what it was when last told."""
        if not told.differs_from(change.move.after) and not change.description.is_collection:
            self._held_back.pop(key, None)
            return
        former = None if held_back is None else held_back.unreported
        unreported = Unreported(
            label=label,
            first_change_id=change.row if former is None else former.first_change_id,
            last_change_id=change.row,
            steps=1 if former is None else former.steps + 1,
            since=self._at if former is None else former.since,
        )
        self._held_back[key] = HeldBack(unreported, told, change.move.after, change.about)


def _goes_on(held_back: HeldBack, move: Move) -> bool:
    """Return whether a change begins with the amount that the last one held back ended with."""
    return move.kind is MoveKind.MOVED and held_back.now.amount_raw == move.before.amount_raw


def _alert(
    change: RecordedChange, destination_id: DestinationId, label: str, held_back: HeldBack | None
) -> NewAlert:
    alert = NewAlert.of_change(destination_id, label, change.row, frozenset({change.about}))
    if held_back is None:
        return alert
    return replace(
        alert,
        first_change_id=held_back.unreported.first_change_id,
        steps=held_back.unreported.steps + 1,
    )
