"""Creates and lists subscriptions: what a destination watches."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import compress
from types import MappingProxyType

from bot.domain.assets import NATIVE_PART, Address, ChainId, Part
from bot.domain.chat.audit import Actor, AuditAction
from bot.domain.chat.labels import Labels
from bot.domain.chat.subscribe import LabelTaken, SubscribeOutcome, SubscribeResult
from bot.domain.deliver.alerts import Baseline
from bot.domain.observations import View
from bot.domain.observe.readings import Coverage
from bot.domain.observe.recipients import Rules, unignored_parts
from bot.domain.places import Place
from bot.domain.rules.conditions import named
from bot.domain.subscriptions import (
    DestinationId,
    ListedSubscription,
    Scope,
    Subscription,
    WatchSpec,
)
from bot.store.balances.snapshots import add_accounts, views
from bot.store.chats.audit import record_audits, subject_of
from bot.store.chats.chats import destination_here, destination_of, upsert_chat
from bot.store.chats.ignore_list import rules_of
from bot.store.chats.labels import given_names, label_taken, thing_named
from bot.store.database.door import Database, Value
from bot.store.database.signals import SignalName
from bot.store.outbox.unreported import release, release_subscribed
from bot.store.rows import (
    SUBSCRIPTIONS,
    condition_to_json,
    loud_rule_to_json,
    scope_to_columns,
    to_listed,
    to_milliseconds,
)

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
        return subscribe_within(db, place, wanted, actor, limit=limit, status=status)


def subscribe_within(
    db: Database,
    place: Place,
    wanted: Sequence[WatchSpec],
    actor: Actor,
    *,
    limit: int,
    status: Part,
) -> list[SubscribeResult]:
    """Do the same as part of the caller's transaction."""
    # Whoever may subscribe is allowed in: here a chat opens unless a command closed it.
    chat_row = upsert_chat(db, place)
    db.execute("UPDATE chat SET open = 1 WHERE id = ? AND coalesce(decided, 1) <> 0", [chat_row])
    destination_id = destination_of(db, chat_row, place.thread_id)
    plan = _Plan(
        subscriptions_of(db, destination_id),
        given_names(db, destination_id),
        room=room_left(db, destination_id, limit),
        next_number=next_number(db, destination_id),
    )
    outcomes = [plan.subscribe(spec) for spec in wanted]
    others = {"created_by": actor.user_id, "created_at": to_milliseconds(actor.at)}
    insert_subscriptions(db, destination_id, plan.new, others)
    _relabel(db, destination_id, plan.new_labels)
    _set_filters(db, destination_id, plan.new_filters, actor)
    _set_loud_rules(db, destination_id, plan.new_loud_rules)
    changes = [
        (_ACTIONS[one.outcome], _subject_of_spec(spec))
        for spec, one in zip(wanted, outcomes, strict=True)
        if one.outcome in _ACTIONS
    ]
    changes += [(AuditAction.FILTER, _subject_of_spec(spec)) for spec in plan.new_filters.values()]
    changes += [(AuditAction.LOUD, _subject_of_spec(spec)) for spec in plan.new_loud_rules.values()]
    record_audits(db, actor, changes, place.chat_id)
    is_new = [one.outcome is SubscribeOutcome.CREATED for one in outcomes]
    known = iter(known_of(db, destination_id, list(compress(wanted, is_new)), status))
    release_subscribed(db, destination_id, list(compress(wanted, is_new)), to_milliseconds(actor.at))
    return [
        replace(one, known=next(known)) if new else one for one, new in zip(outcomes, is_new, strict=True)
    ]


def what_would_be_new(
    db: Database, place: Place, wanted: Sequence[WatchSpec], *, limit: int
) -> list[SubscribeResult]:
    """Return what `subscribe` would do if nothing that stands were changed; nothing is stored."""
    here = destination_here(db, place)
    listed = [] if here is None else subscriptions_of(db, here)
    room = _room_in_chat(db, place.chat_id, limit)
    number = 1 + max((one.number for one in listed), default=0)
    plan = _Plan(listed, given_names(db, here), room=room, next_number=number, is_only_new=True)
    return [plan.subscribe(spec) for spec in wanted]


def _subject_of_spec(spec: WatchSpec) -> str:
    return subject_of(spec.account, spec.scope.contracts, spec.label)


def subscriptions_of(db: Database, destination_id: DestinationId) -> list[ListedSubscription]:
    """Return the subscriptions of a destination, by number."""
    rows = db.execute(SUBSCRIPTIONS + " WHERE s.destination_id = ? ORDER BY s.number", [destination_id])
    return [to_listed(row) for row in rows]


def spec_of(one: Subscription) -> WatchSpec:
    """Return what was asked for, as it stands now."""
    return WatchSpec(one.account, one.scope, one.label, one.filter, one.loud)


def subject_by_scope(one: Subscription | WatchSpec) -> Subject:
    """Return what a destination has one subscription to at most, whatever its label."""
    return one.account, one.scope


def insert_subscriptions(
    db: Database, destination_id: DestinationId, specs: Mapping[int, WatchSpec], others: Mapping[str, Value]
) -> None:
    """Store subscriptions by their numbers; all have these `others` as their other columns.

    Part of the caller's transaction.
    """
    if not specs:
        return
    account_ids = add_accounts(db, dict.fromkeys(filter(None, (spec.account for spec in specs.values()))))
    # Column names come from here and from rows that /unwatch kept, never from what people type.
    rows = [
        {
            **others,
            "destination_id": destination_id,
            "number": number,
            "account_id": account_ids[spec.account] if spec.account else None,
            **scope_to_columns(spec.scope),
            "label": spec.label,
            "filter": condition_to_json(spec.filter),
            "loud": loud_rule_to_json(spec.loud),
        }
        for number, spec in specs.items()
    ]
    db.insert_many("subscription", list(rows[0]), [list(row.values()) for row in rows])
    db.notify(SignalName.SUBSCRIPTIONS)


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
    listed = [to_listed(row) for row in rows]
    if not any(one.subscription.filter and one.subscription.filter.counterparties for one in listed):
        return listed
    names = given_names(db, listed[0].subscription.destination_id) | labels_by_account(listed)
    return [replace(one, subscription=_named(one.subscription, names)) for one in listed]


def _named(one: Subscription, names: Mapping[Address, str]) -> Subscription:
    return one if one.filter is None else replace(one, filter=named(one.filter, names))


def labels_by_account(listed: Iterable[ListedSubscription]) -> dict[Address, str]:
    """Return what accounts are called that are watched; several may call one, then the first counts."""
    names: dict[Address, str] = {}
    for one in listed:
        if one.subscription.account is not None and one.subscription.label:
            names.setdefault(one.subscription.account, one.subscription.label)
    return names


def room_left(db: Database, destination_id: DestinationId, limit: int) -> int:
    """Return how many subscriptions the chat of a destination, all topics together, may still have.

    Below zero where the limit was lowered since. Part of the caller's transaction.
    """
    (count,) = db.execute(
        "SELECT count(*) FROM subscription s JOIN destination d ON d.id = s.destination_id"
        " WHERE d.chat_id = (SELECT chat_id FROM destination WHERE id = ?)",
        [destination_id],
    ).fetchone()
    return limit - int(count)


def _room_in_chat(db: Database, chat_id: int, limit: int) -> int:
    """Return how many subscriptions the chat of a number of Telegram's may still have."""
    (count,) = db.execute(
        "SELECT count(*) FROM subscription s JOIN destination d ON d.id = s.destination_id"
        " JOIN chat c ON c.id = d.chat_id WHERE c.telegram_id = ?",
        [chat_id],
    ).fetchone()
    return limit - int(count)


def known_of(
    db: Database, destination_id: DestinationId, specs: Sequence[WatchSpec], status: Part
) -> list[Baseline | None]:
    """Return the first reading of each spec, if all of it was read before; None: it is to come.

    What the destination ignores is not counted.
    """
    rules = rules_of(db, destination_id)
    chains: dict[Address, dict[ChainId, View]] = defaultdict(dict)
    for (account, chain_id), view in views(db, [spec.account for spec in specs if spec.account]).items():
        chains[account][chain_id] = view
    return [
        _baseline(spec.account, spec, chains[spec.account], rules, status) if spec.account else None
        for spec in specs
    ]


def _baseline(
    account: Address, spec: WatchSpec, of_account: Mapping[ChainId, View], rules: Rules, status: Part
) -> Baseline | None:
    chains = [chain_id for chain_id in of_account if spec.scope.covers_chain(chain_id)]
    # Without chains it asks for all that are read: those stored stand for all, others may follow.
    if not chains or (spec.scope.chains and len(chains) < len(spec.scope.chains)):
        return None
    balances = 0
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
        account=account, label=spec.label, balances=balances, chains=tuple(sorted(chains)), unanswered=()
    )


def _relabel(db: Database, destination_id: DestinationId, labels: Mapping[int, str]) -> None:
    """Give the subscriptions of these numbers other labels."""
    db.executemany(
        "UPDATE subscription SET label = ? WHERE destination_id = ? AND number = ?",
        [(label, destination_id, number) for number, label in labels.items()],
    )


def _set_filters(
    db: Database, destination_id: DestinationId, specs: Mapping[int, WatchSpec], actor: Actor
) -> None:
    """Give the subscriptions of these numbers other filters, and report what the former ones held back."""
    if not specs:
        return
    db.executemany(
        "UPDATE subscription SET filter = ? WHERE destination_id = ? AND number = ?",
        [(condition_to_json(spec.filter), destination_id, number) for number, spec in specs.items()],
    )
    ids = add_accounts(db, dict.fromkeys(filter(None, (spec.account for spec in specs.values()))))
    is_everywhere = any(spec.account is None for spec in specs.values())
    release(db, destination_id, to_milliseconds(actor.at), None if is_everywhere else tuple(ids.values()))


def _set_loud_rules(db: Database, destination_id: DestinationId, specs: Mapping[int, WatchSpec]) -> None:
    """Give the subscriptions of these numbers other loud rules."""
    db.executemany(
        "UPDATE subscription SET loud = ? WHERE destination_id = ? AND number = ?",
        [(loud_rule_to_json(spec.loud), destination_id, number) for number, spec in specs.items()],
    )


class _Plan:
    """What becomes of the lines of one command; each line knows those before it, and nothing is stored yet.

    `room` is how many subscriptions may be added, and `next_number` what the first of them gets. With
    `is_only_new` nothing that stands is changed.
    """

    def __init__(
        self,
        listed: Iterable[ListedSubscription],
        names: Mapping[Address, str],
        *,
        room: int,
        next_number: int,
        is_only_new: bool = False,
    ) -> None:
        self.new: dict[int, WatchSpec] = {}
        """What to add, by number."""
        self.new_labels: dict[int, str] = {}
        """Other labels for what is there, by number."""
        self.new_filters: dict[int, WatchSpec] = {}
        """What is there and gets another filter, by number."""
        self.new_loud_rules: dict[int, WatchSpec] = {}
        """What is there and gets another loud rule, by number."""
        self._names = names
        self._is_only_new = is_only_new
        self._room = room
        self._next_number = next_number
        # The oldest first, as in `labels_of`.
        self._specs = {
            one.number: spec_of(one.subscription)
            for one in sorted(listed, key=lambda one: one.subscription.id)
        }
        self._numbers = {subject_by_scope(spec): number for number, spec in self._specs.items()}
        self._labels = self._labels_given()

    def subscribe(self, spec: WatchSpec) -> SubscribeResult:
        """Subscribe to one thing, or give what is subscribed to already another label."""
        number = self._numbers.get(subject_by_scope(spec))
        if number is None:
            return self._created(spec)
        former = self._specs[number]
        if self._is_only_new:
            is_kept = spec.label not in {"", former.label}
            return SubscribeResult(SubscribeOutcome.KEPT if is_kept else SubscribeOutcome.ALREADY, number)
        if spec.filter not in {None, former.filter}:
            self.new_filters[number] = spec
        if spec.loud not in {None, former.loud}:
            self.new_loud_rules[number] = spec
        rules = replace(spec, filter=spec.filter or former.filter, loud=spec.loud or former.loud)
        return self._relabelled(number, rules)

    def _relabelled(self, number: int, spec: WatchSpec) -> SubscribeResult:
        if not spec.label or spec.label == self._specs[number].label:
            return SubscribeResult(SubscribeOutcome.ALREADY, number)
        taken = self._taken(spec)
        if taken is not None:
            return SubscribeResult(SubscribeOutcome.TAKEN, number, taken=taken)
        self._specs[number] = spec
        if number in self.new:
            self.new[number] = spec
        else:
            self.new_labels[number] = spec.label
        # Its former label is free for the lines that follow.
        self._labels = self._labels_given()
        return SubscribeResult(SubscribeOutcome.RELABELLED, number)

    def _created(self, spec: WatchSpec) -> SubscribeResult:
        taken = self._taken(spec)
        if taken is not None:
            return SubscribeResult(SubscribeOutcome.TAKEN, 0, taken=taken)
        if len(self.new) >= self._room:
            return SubscribeResult(SubscribeOutcome.FULL, 0)
        number = self._next_number + len(self.new)
        self.new[number] = self._specs[number] = spec
        self._numbers[subject_by_scope(spec)] = number
        self._labels.give(spec.label, thing_named(spec))
        return SubscribeResult(SubscribeOutcome.CREATED, number)

    def _labels_given(self) -> Labels:
        labels = Labels((spec.label, thing_named(spec)) for spec in self._specs.values())
        for address, name in self._names.items():
            labels.give(name, address)
        return labels

    def _taken(self, spec: WatchSpec) -> LabelTaken | None:
        return label_taken(self._labels, spec.label, thing_named(spec))
