"""Creates and lists subscriptions: what a destination watches."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from bot.domain.assets import NATIVE_PART, Address, Part
from bot.domain.chat.audit import Actor, AuditAction
from bot.domain.chat.labels import Labels, Thing, thing_of
from bot.domain.chat.subscribe import LabelTaken, SubscribeOutcome, SubscribeResult
from bot.domain.deliver.alerts import Baseline
from bot.domain.observe.matching import unignored_parts
from bot.domain.observe.readings import Coverage
from bot.domain.places import Place
from bot.domain.subscriptions import DestinationId, ListedSubscription, WatchSpec
from bot.store.balances.snapshots import account_id_of, views
from bot.store.chats.audit import record_audit, subject_of
from bot.store.chats.chats import destination_of, upsert_chat
from bot.store.chats.ignore_list import rules_of
from bot.store.database.door import Database
from bot.store.database.signals import SignalName
from bot.store.rows import (
    to_address,
    to_blob,
    to_milliseconds,
    to_subscription,
    words_of,
)

_LISTED = """
SELECT s.number, s.id, s.destination_id, a.address, s.contracts, s.chains, s.label
FROM subscription s
JOIN destination d ON d.id = s.destination_id
JOIN chat c ON c.id = d.chat_id
LEFT JOIN account a ON a.id = s.account_id
WHERE c.telegram_id = ? AND d.thread_id = ?
ORDER BY s.number
"""

_ACTIONS: Mapping[SubscribeOutcome, AuditAction] = MappingProxyType(
    {SubscribeOutcome.CREATED: AuditAction.WATCH, SubscribeOutcome.RELABELLED: AuditAction.RELABEL}
)


def subscribe(
    db: Database,
    place: Place,
    wanted: Sequence[WatchSpec],
    *,
    limit: int,
    actor: Actor,
    status: Part,
) -> list[SubscribeResult]:
    """Subscribe a destination to what a chat asks for; what it is subscribed to already may get a new label.

    `limit` is the most subscriptions a chat may have. There is one result for each request, in order.
    """
    with db.transaction():
        # Whoever may subscribe is allowed in: here a chat opens unless a command closed it.
        chat_row = upsert_chat(db, place)
        db.execute("UPDATE chat SET open = 1 WHERE id = ? AND decided IS NOT 0", [chat_row])
        destination_id = destination_of(db, chat_row, place.thread_id)
        labels = labels_of(db, destination_id)
        subscribed: list[SubscribeResult] = []
        for spec in wanted:
            one = _relabelled(db, destination_id, spec, labels) or _created(
                db, destination_id, spec, labels, limit=limit, actor=actor, status=status
            )
            subscribed.append(one)
            if one.outcome is SubscribeOutcome.RELABELLED:
                labels = labels_of(db, destination_id)
            elif one.outcome is SubscribeOutcome.CREATED:
                labels.give(spec.label, thing_of(spec.account, spec.contracts))
        for spec, one in zip(wanted, subscribed, strict=True):
            action = _ACTIONS.get(one.outcome)
            if action is not None:
                record_audit(
                    db, actor, action, place.chat_id, subject_of(spec.account, spec.contracts, spec.label)
                )
        return subscribed


def labels_of(db: Database, destination_id: DestinationId) -> Labels:
    """Return the labels of a destination, and what each of them names."""
    rows = db.execute(
        "SELECT s.label, a.address, s.contracts FROM subscription s"
        " LEFT JOIN account a ON a.id = s.account_id WHERE s.destination_id = ? AND s.label <> ''"
        " ORDER BY s.id",
        [destination_id],
    )
    return Labels((label, to_thing(address, contracts)) for label, address, contracts in rows)


def to_thing(address: bytes | None, contracts: str) -> Thing:
    """Return what a subscription's label names: its account or its contracts."""
    return thing_of(
        None if address is None else to_address(address), frozenset(map(Address, contracts.split()))
    )


def subscriptions_here(db: Database, place: Place) -> list[ListedSubscription]:
    """Return the subscriptions of a destination, by number."""
    rows = db.execute(_LISTED, [place.chat_id, place.thread_id or 0])
    return [ListedSubscription(row[0], to_subscription(row[1:])) for row in rows]


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
    chains = [chain_id for chain_id in of_account if not spec.chains or chain_id in spec.chains]
    # Without chains it asks for all that are read: those stored stand for all, others may follow.
    if not chains or (spec.chains and len(chains) < len(spec.chains)):
        return None
    balances, rules = 0, rules_of(db, destination_id)
    for chain_id in chains:
        view = of_account[chain_id]
        parts = frozenset(map(Part, spec.contracts)) or frozenset({NATIVE_PART, status})
        if not parts <= view.coverage.keys():
            return None
        balances += sum(
            Coverage(unignored_parts(parts, rules, asset), status).speaks_of(asset, balance.standing)
            for asset, balance in view.balances.items()
        )
    return Baseline(
        account=spec.account, label=spec.label, balances=balances, chains=tuple(sorted(chains)), unanswered=()
    )


def _relabelled(
    db: Database, destination_id: DestinationId, spec: WatchSpec, labels: Labels
) -> SubscribeResult | None:
    """Return the subscription that is there already, relabelled if another label was given; None: new."""
    # IS, as one of tokens alone has no account. Sets are compared as the sorted words they are stored as.
    row = db.execute(
        "SELECT s.id, s.number, s.label FROM subscription s LEFT JOIN account a ON a.id = s.account_id"
        " WHERE s.destination_id = ? AND a.address IS ? AND s.contracts = ? AND s.chains = ?",
        [
            destination_id,
            to_blob(spec.account) if spec.account else None,
            words_of(spec.contracts),
            words_of(spec.chains),
        ],
    ).fetchone()
    if row is None:
        return None
    subscription_id, number, label = row
    if not spec.label or spec.label == label:
        return SubscribeResult(SubscribeOutcome.ALREADY, number)
    taken = _taken(spec, labels)
    if taken is not None:
        return SubscribeResult(SubscribeOutcome.TAKEN, number, taken=taken)
    db.execute("UPDATE subscription SET label = ? WHERE id = ?", [spec.label, subscription_id])
    return SubscribeResult(SubscribeOutcome.RELABELLED, number)


def _taken(spec: WatchSpec, labels: Labels) -> LabelTaken | None:
    """Return what else the label names in the destination; None: the label is free."""
    holder = labels.holder(spec.label, thing_of(spec.account, spec.contracts))
    if holder is None:
        return None
    return LabelTaken(min(holder) if isinstance(holder, frozenset) else holder, labels.free(spec.label))


def _created(
    db: Database,
    destination_id: DestinationId,
    spec: WatchSpec,
    labels: Labels,
    *,
    limit: int,
    actor: Actor,
    status: Part,
) -> SubscribeResult:
    taken = _taken(spec, labels)
    if taken is not None:
        return SubscribeResult(SubscribeOutcome.TAKEN, 0, taken=taken)
    if is_full(db, destination_id, limit):
        return SubscribeResult(SubscribeOutcome.FULL, 0)
    # The number is found within the statement: two commands at once can't get the same one.
    (number,) = db.execute(
        "INSERT INTO subscription (destination_id, number, account_id, contracts, chains, label, created_by,"
        " created_at) VALUES (?1,"
        " (SELECT ifnull(max(number), 0) + 1 FROM subscription WHERE destination_id = ?1),"
        " ?2, ?3, ?4, ?5, ?6, ?7) RETURNING number",
        [
            destination_id,
            account_id_of(db, spec.account) if spec.account else None,
            words_of(spec.contracts),
            words_of(spec.chains),
            spec.label,
            actor.user_id,
            to_milliseconds(actor.at),
        ],
    ).fetchone()
    db.notify(SignalName.SUBSCRIPTIONS)
    return SubscribeResult(SubscribeOutcome.CREATED, number, known_of(db, destination_id, spec, status))
