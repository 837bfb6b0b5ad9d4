"""What people ask for by command: subscribing, ending it, looking at what is known."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlite_utils import Database

from bot.domain.alerts import Baseline, Subscribed
from bot.domain.model import (
    NATIVE_PART,
    DestinationId,
    ListedSubscription,
    Part,
    Place,
    Standing,
    Subscribing,
    Wish,
)
from bot.store.chats import remember
from bot.store.database import transaction
from bot.store.moving import destination_of
from bot.store.outbox import waiting_alerts
from bot.store.polls import account_id_of, views
from bot.store.rows import (
    to_blob,
    to_milliseconds,
    to_subscription,
    words_of,
)
from bot.store.wishes import end_unwished_coverage

_LISTED = """
SELECT s.number, s.id, s.destination_id, a.address, s.contracts, s.chains, s.label
FROM subscription s
JOIN destination d ON d.id = s.destination_id
JOIN chat c ON c.id = d.chat_id
LEFT JOIN account a ON a.id = s.account_id
WHERE c.telegram_id = ? AND d.thread_id = ?
ORDER BY s.number
"""


def subscribe(
    db: Database,
    place: Place,
    wanted: Sequence[Wish],
    *,
    limit: int,
    by: int | None,
    at: datetime,
    status: Part,
) -> list[Subscribed]:
    """Take in what an open chat asks for; a repeated wish changes at most its label."""
    with transaction(db):
        chat_row = remember(db, place)
        db.execute("UPDATE chat SET open = 1 WHERE id = ? AND decided IS NOT 0", [chat_row])
        destination_id = DestinationId(destination_of(db, chat_row, place.thread_id or 0))
        return [
            _relabelled(db, destination_id, wish)
            or _created(db, destination_id, wish, limit=limit, by=by, at=at, status=status)
            for wish in wanted
        ]


def unsubscribe(db: Database, place: Place, numbers: Collection[int], status: Part) -> int:
    """End subscriptions of a destination; returns how many changes it is still to be told."""
    with transaction(db):
        listed = [one for one in subscriptions_here(db, place) if one.number in numbers]
        accounts: set[int] = set()
        for one in listed:
            accounts |= _accounts_about(db, one)
            db.execute("DELETE FROM subscription WHERE id = ?", [one.subscription.id])
        end_unwished_coverage(db, accounts, status)
        return sum(
            waiting_alerts(db, destination_id)
            for destination_id in {one.subscription.destination_id for one in listed}
        )


def subscriptions_here(db: Database, place: Place) -> list[ListedSubscription]:
    """Return what a destination is subscribed to, by number."""
    rows = db.execute(_LISTED, [place.chat_id, place.thread_id or 0])
    return [ListedSubscription(row[0], to_subscription(row[1:])) for row in rows]


def _relabelled(db: Database, destination_id: DestinationId, wish: Wish) -> Subscribed | None:
    """Return what stands already, with its new label if one was given; None: it is a new wish."""
    row = db.execute(
        "SELECT s.id, s.number, s.label FROM subscription s LEFT JOIN account a ON a.id = s.account_id"
        " WHERE s.destination_id = ? AND a.address IS ? AND s.contracts = ? AND s.chains = ?",
        [
            destination_id,
            to_blob(wish.account) if wish.account else None,
            words_of(wish.contracts),
            words_of(wish.chains),
        ],
    ).fetchone()
    if row is None:
        return None
    subscription_id, number, label = row
    if not wish.label or wish.label == label:
        return Subscribed(Subscribing.ALREADY, number)
    db.execute("UPDATE subscription SET label = ? WHERE id = ?", [wish.label, subscription_id])
    return Subscribed(Subscribing.RELABELLED, number)


def _created(
    db: Database,
    destination_id: DestinationId,
    wish: Wish,
    *,
    limit: int,
    by: int | None,
    at: datetime,
    status: Part,
) -> Subscribed:
    (count,) = db.execute(
        "SELECT count(*) FROM subscription s JOIN destination d ON d.id = s.destination_id"
        " WHERE d.chat_id = (SELECT chat_id FROM destination WHERE id = ?)",
        [destination_id],
    ).fetchone()
    if count >= limit:
        return Subscribed(Subscribing.FULL, 0)
    (number,) = db.execute(
        "INSERT INTO subscription (destination_id, number, account_id, contracts, chains, label, created_by,"
        " created_at) VALUES (?1,"
        " (SELECT ifnull(max(number), 0) + 1 FROM subscription WHERE destination_id = ?1),"
        " ?2, ?3, ?4, ?5, ?6, ?7) RETURNING number",
        [
            destination_id,
            account_id_of(db, wish.account) if wish.account else None,
            words_of(wish.contracts),
            words_of(wish.chains),
            wish.label,
            by,
            to_milliseconds(at),
        ],
    ).fetchone()
    return Subscribed(Subscribing.CREATED, number, _known(db, wish, status))


def _known(db: Database, wish: Wish, status: Part) -> Baseline | None:
    """Return what was read before of what a wish asks for; None: something of it is still to be read."""
    if wish.account is None:
        return None
    of_account = {chain_id: view for (_, chain_id), view in views(db, [wish.account]).items()}
    chains = [chain_id for chain_id in of_account if not wish.chains or chain_id in wish.chains]
    if not chains or (wish.chains and len(chains) < len(wish.chains)):
        return None
    balances = 0
    for chain_id in chains:
        view = of_account[chain_id]
        parts = frozenset(map(Part, wish.contracts)) or frozenset({NATIVE_PART, status})
        if not parts <= view.coverage.keys():
            return None
        balances += sum(
            asset.part in parts or (status in parts and balance.standing is not Standing.NAMED)
            for asset, balance in view.balances.items()
        )
    return Baseline(wish.account, wish.label, balances, tuple(sorted(chains)), ())


def _accounts_about(db: Database, one: ListedSubscription) -> set[int]:
    """Return the accounts whose coverage may rest on a subscription."""
    if one.subscription.account is not None:
        return {account_id_of(db, one.subscription.account)}
    rows = db.execute(
        "SELECT DISTINCT account_id FROM subscription WHERE destination_id = ? AND account_id IS NOT NULL",
        [one.subscription.destination_id],
    )
    return {account_id for (account_id,) in rows}
