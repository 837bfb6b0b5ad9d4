"""Creates and lists subscriptions: what a destination watches."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from bot.domain.assets import NATIVE_PART, Address, Part
from bot.domain.chat.audit import Actor, AuditAction
from bot.domain.chat.labels import Labels, LabelTarget, label_target
from bot.domain.chat.subscribe import LabelTaken, SubscribeOutcome, SubscribeResult
from bot.domain.deliver.alerts import Baseline
from bot.domain.observe.readings import Coverage
from bot.domain.observe.recipients import unignored_parts
from bot.domain.places import Place
from bot.domain.subscriptions import (
    DestinationId,
    ListedSubscription,
    Scope,
    Subscription,
    SubscriptionId,
    WatchSpec,
)
from bot.store.balances.snapshots import account_id_of, views
from bot.store.chats.audit import record_audit, subject_of
from bot.store.chats.chats import destination_of, upsert_chat
from bot.store.chats.ignore_list import rules_of
from bot.store.database.door import Database, Value
from bot.store.database.signals import SignalName
from bot.store.rows import SUBSCRIPTIONS, scope_to_columns, to_listed, to_milliseconds

Subject = tuple[Address | None, Scope]
"""What a destination has one subscription to at most."""

_ACTIONS: Mapping[SubscribeOutcome, AuditAction] = MappingProxyType(
    {SubscribeOutcome.CREATED: AuditAction.WATCH, SubscribeOutcome.RELABELLED: AuditAction.RELABEL}
)


def subscribe(
    db: Database,
    place: Place,
    wanted: Sequence[WatchSpec],
    actor: Actor,
    *,
    limit: int,
    status: Part,
) -> list[SubscribeResult]:
    """Subscribe a destination to what a chat asks for; what it is subscribed to already may get a new label.

    `limit` is the most subscriptions a chat may have. There is one result for each request, in order.
    """
    with db.transaction():
        # Whoever may subscribe is allowed in: here a chat opens unless a command closed it.
        chat_row = upsert_chat(db, place)
        db.execute("UPDATE chat SET open = 1 WHERE id = ? AND coalesce(decided, 1) <> 0", [chat_row])
        destination_id = destination_of(db, chat_row, place.thread_id)
        subscriber = _Subscriber(db, destination_id, limit=limit, actor=actor, status=status)
        subscribed = [subscriber.subscribe(spec) for spec in wanted]
        for spec, one in zip(wanted, subscribed, strict=True):
            action = _ACTIONS.get(one.outcome)
            if action is not None:
                record_audit(
                    db,
                    actor,
                    action,
                    place.chat_id,
                    subject_of(spec.account, spec.scope.contracts, spec.label),
                )
        return subscribed


def labels_of(listed: Iterable[ListedSubscription]) -> Labels:
    """Return the labels of a destination's subscriptions, and what each of them names."""
    subscriptions = (one.subscription for one in listed)
    # The oldest first: of two things with one label, which former versions allowed, that one is named.
    return Labels((one.label, thing_named(one)) for one in sorted(subscriptions, key=lambda one: one.id))


def thing_named(one: Subscription | WatchSpec) -> LabelTarget:
    """Return what a subscription's label names: its account or its contracts."""
    return label_target(one.account, one.scope.contracts)


def subscriptions_of(db: Database, destination_id: DestinationId) -> list[ListedSubscription]:
    """Return the subscriptions of a destination, by number."""
    rows = db.execute(SUBSCRIPTIONS + " WHERE s.destination_id = ? ORDER BY s.number", [destination_id])
    return [to_listed(row) for row in rows]


def subject_by_scope(one: Subscription | WatchSpec) -> Subject:
    """Return what a destination has one subscription to at most, whatever its label."""
    return one.account, one.scope


def insert_subscription(
    db: Database,
    destination_id: DestinationId,
    spec: WatchSpec,
    *,
    number: int,
    others: Mapping[str, Value],
) -> Subscription:
    """Store a subscription; `others` are its other columns. Part of the caller's transaction."""
    # Column names come from here and from rows that /unwatch kept, never from what people type.
    columns: dict[str, Value] = {
        **others,
        "destination_id": destination_id,
        "number": number,
        "account_id": account_id_of(db, spec.account) if spec.account else None,
        **scope_to_columns(spec.scope),
        "label": spec.label,
    }
    (subscription_id,) = db.execute(
        f"INSERT INTO subscription ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
        " RETURNING id",
        list(columns.values()),
    ).fetchone()
    db.notify(SignalName.SUBSCRIPTIONS)
    return Subscription(
        id=SubscriptionId(subscription_id),
        destination_id=destination_id,
        account=spec.account,
        scope=spec.scope,
        label=spec.label,
    )


def next_number(db: Database, destination_id: DestinationId) -> int:
    """Return the number that a new subscription of a destination gets. Part of the caller's transaction."""
    (number,) = db.execute(
        "SELECT coalesce(max(number), 0) + 1 FROM subscription WHERE destination_id = ?", [destination_id]
    ).fetchone()
    return int(number)


def subscriptions_here(db: Database, place: Place) -> list[ListedSubscription]:
    """Return the subscriptions of a destination, by number."""
    rows = db.execute(
        SUBSCRIPTIONS + " WHERE c.telegram_id = ? AND d.thread_id = ? ORDER BY s.number",
        [place.chat_id, place.thread_id or 0],
    )
    return [to_listed(row) for row in rows]


def is_full(db: Database, destination_id: DestinationId, limit: int) -> bool:
    """Return whether the chat of a destination, all topics together, has its most subscriptions."""
    (count,) = db.execute(
        "SELECT count(*) FROM subscription s JOIN destination d ON d.id = s.destination_id"
        " WHERE d.chat_id = (SELECT chat_id FROM destination WHERE id = ?)",
        [destination_id],
    ).fetchone()
    return int(count) >= limit


def known_of(db: Database, destination_id: DestinationId, spec: WatchSpec, status: Part) -> Baseline | None:
    """Return the first reading of what is asked for, if all of it was read before; None: it is to come.

    What the destination ignores is not counted.
    """
    if spec.account is None:
        return None
    of_account = {chain_id: view for (_, chain_id), view in views(db, [spec.account]).items()}
    chains = [chain_id for chain_id in of_account if spec.scope.covers_chain(chain_id)]
    # Without chains it asks for all that are read: those stored stand for all, others may follow.
    if not chains or (spec.scope.chains and len(chains) < len(spec.scope.chains)):
        return None
    balances, rules = 0, rules_of(db, destination_id)
    for chain_id in chains:
        view = of_account[chain_id]
        parts = frozenset(map(Part, spec.scope.contracts)) or frozenset({NATIVE_PART, status})
        if not parts <= view.coverage.keys():
            return None
        balances += sum(
            Coverage(unignored_parts(parts, rules, asset), status).speaks_of(asset, balance.standing)
            for asset, balance in view.balances.items()
        )
    return Baseline(
        account=spec.account, label=spec.label, balances=balances, chains=tuple(sorted(chains)), unanswered=()
    )


class _Subscriber:
    """Subscribes one destination inside an open transaction; it knows what was subscribed just before."""

    def __init__(
        self, db: Database, destination_id: DestinationId, *, limit: int, actor: Actor, status: Part
    ) -> None:
        self._db = db
        self._destination_id = destination_id
        self._limit = limit
        self._actor = actor
        self._status = status
        self._by_subject: dict[Subject, ListedSubscription] = {}
        self._labels = Labels(())
        self._read()

    def subscribe(self, spec: WatchSpec) -> SubscribeResult:
        """Subscribe to one thing, or give what is subscribed to already another label."""
        same = self._by_subject.get(subject_by_scope(spec))
        return self._created(spec) if same is None else self._relabelled(same, spec)

    def _read(self) -> None:
        listed = subscriptions_of(self._db, self._destination_id)
        self._by_subject = {subject_by_scope(one.subscription): one for one in listed}
        self._labels = labels_of(listed)

    def _relabelled(self, same: ListedSubscription, spec: WatchSpec) -> SubscribeResult:
        if not spec.label or spec.label == same.subscription.label:
            return SubscribeResult(SubscribeOutcome.ALREADY, same.number)
        taken = self._taken(spec)
        if taken is not None:
            return SubscribeResult(SubscribeOutcome.TAKEN, same.number, taken=taken)
        self._db.execute("UPDATE subscription SET label = ? WHERE id = ?", [spec.label, same.subscription.id])
        # Its former label is free for the lines that follow.
        self._read()
        return SubscribeResult(SubscribeOutcome.RELABELLED, same.number)

    def _created(self, spec: WatchSpec) -> SubscribeResult:
        taken = self._taken(spec)
        if taken is not None:
            return SubscribeResult(SubscribeOutcome.TAKEN, 0, taken=taken)
        if is_full(self._db, self._destination_id, self._limit):
            return SubscribeResult(SubscribeOutcome.FULL, 0)
        number = next_number(self._db, self._destination_id)
        one = insert_subscription(
            self._db,
            self._destination_id,
            spec,
            number=number,
            others={
                "created_by": self._actor.user_id,
                "created_at": to_milliseconds(self._actor.at),
            },
        )
        # The next line may be about the same, or want the same label.
        self._by_subject[subject_by_scope(spec)] = ListedSubscription(number, one)
        self._labels.give(spec.label, thing_named(spec))
        known = known_of(self._db, self._destination_id, spec, self._status)
        return SubscribeResult(SubscribeOutcome.CREATED, number, known)

    def _taken(self, spec: WatchSpec) -> LabelTaken | None:
        """Return what else the label names in the destination; None: the label is free."""
        holder = self._labels.holder(spec.label, thing_named(spec))
        if holder is None:
            return None
        return LabelTaken(
            min(holder) if isinstance(holder, frozenset) else holder, self._labels.free(spec.label)
        )
