"""Reads how things stand with assets of an account, as a destination watches them."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from bot.domain.ask.plan import Wanted, wanted_by
from bot.domain.assets import NATIVE, NATIVE_PART, Address, Asset, ChainId, Description, Part
from bot.domain.chat.mutes import Mute, MuteScope
from bot.domain.deliver.delivery import DeliveryId
from bot.domain.deliver.message_ids import message_id
from bot.domain.history.changes import Span
from bot.domain.history.reasons import (
    AccountSituation,
    Doubted,
    HeldBackAmount,
    Ignored,
    Muted,
    OnItsWay,
    Situation,
    Unseen,
    Unsettled,
)
from bot.domain.observations import Standing, View
from bot.domain.observe.filters import HeldBack
from bot.domain.places import Place
from bot.domain.subscriptions import DestinationId, Subscription
from bot.store.balances.snapshots import views
from bot.store.chats.chats import destination_here
from bot.store.chats.counterparties import with_names
from bot.store.chats.rules.digests import told_by_digests_alone
from bot.store.chats.subscriptions import subscriptions_here
from bot.store.database.door import Database
from bot.store.history.changes import CHANGES_AT_ONCE
from bot.store.outbox.muted import mutes_of
from bot.store.outbox.queue import UNFINISHED
from bot.store.outbox.unreported import held_back_here
from bot.store.rows import (
    Row,
    to_address,
    to_blob,
    to_chains,
    to_description,
    to_filters,
    to_holding,
    to_moment,
    to_moment_or_none,
)


def situations(
    db: Database,
    place: Place,
    account: Address,
    assets: Collection[Asset],
    *,
    chains: frozenset[ChainId],
    status: Part,
) -> list[Situation]:
    """Return how things stand with each asset of an account, in order; empty if nobody ever watched here.

    `chains` are all that are read, for subscriptions that name none.
    """
    destination_id = destination_here(db, place)
    if destination_id is None:
        return []
    wanted = wanted_by(_here(db, place), chains).get(account)
    reader = _Reader(db, destination_id, account, status, wanted=wanted)
    return [reader.read(asset) for asset in assets]


def account_situation(
    db: Database, place: Place, account: Address, chains: frozenset[ChainId], status: Part
) -> AccountSituation:
    """Return how things stand with an account; `chains` are all that are read."""
    wanted = wanted_by(_here(db, place), chains).get(account)
    if wanted is None:
        return AccountSituation(is_watched=False)
    stored = views(db, [account])
    unseen: dict[ChainId, datetime] = {}
    unread: list[ChainId] = []
    read = _chains(db)
    doubted = {
        chain_id: held_since
        for chain_id in sorted(wanted.chains())
        if (held_since := read.get(chain_id, _UNREAD).doubted_since) is not None
    }
    for chain_id in sorted(wanted.chains() - doubted.keys()):
        view, parts = stored.get((account, chain_id), View()), wanted.parts(chain_id, status)
        since = [at for part in parts if (at := view.coverage.get(part)) is not None]
        if not parts <= view.coverage.keys():
            unread.append(chain_id)
        elif since:
            unseen[chain_id] = min(since)
    seen = wanted.chains() - doubted.keys() - unseen.keys() - set(unread)
    destination_id = destination_here(db, place)
    mutes = [] if destination_id is None else mutes_of(db, destination_id)
    is_for_digest = destination_id in told_by_digests_alone(db)
    ends = [one for one in mutes if one.scope is None or one.scope.contains(MuteScope(account))]
    last: Mute | None = max(ends, key=lambda one: one.until, default=None)
    return AccountSituation(
        is_watched=True,
        muted=None if last is None else Muted(last.kind, last.until),
        on_its_way=None if destination_id is None else _newest_on_its_way(db, destination_id, account),
        held_back=tuple(
            HeldBackAmount(
                one.asset,
                one.description,
                Unsettled(one.held_back, one.steps, one.since, (), is_for_digest=is_for_digest),
            )
            for one in held_back_here(db, place)
            if one.account == account
        ),
        doubted=doubted,
        unseen=unseen,
        unread=tuple(unread),
        seen=frozenset(seen),
        read_at=min((at for one in seen if (at := read.get(one, _UNREAD).read_at) is not None), default=None),
    )


def traced_since(db: Database) -> datetime | None:
    """Return since when it is known why a change had no alert; None: of all changes that are kept."""
    row = db.execute("SELECT value FROM setting WHERE name = 'first traced change'").fetchone()
    if row is None:
        return None
    older = db.execute("SELECT min(id) FROM change").fetchone()
    if older[0] is None or older[0] >= int(row[0]):
        return None
    first = db.execute(
        "SELECT observed_at FROM change WHERE id >= ? ORDER BY id LIMIT 1", [int(row[0])]
    ).fetchone()
    return None if first is None else to_moment(first[0])


class _Chain(NamedTuple):
    read_at: datetime | None
    """When what is not marked as unknown there was last read; None: never."""
    doubted_since: datetime | None
    """Since when it is held back, as too much vanished there at once; None: it is not."""


_UNREAD = _Chain(None, None)


def _chains(db: Database) -> dict[ChainId, _Chain]:
    rows = db.execute("SELECT id, complete_at, lost_since FROM chain")
    return {
        ChainId(chain_id): _Chain(to_moment(at), to_moment_or_none(doubted_since))
        for chain_id, at, doubted_since in rows
    }


def _here(db: Database, place: Place) -> list[Subscription]:
    return [one.subscription for one in subscriptions_here(db, place)]


class ToldBefore(NamedTuple):
    """What one look into a span found: the newest change there whose alert was sent."""

    message: str | None
    """The message with it; None: there is none in this slice."""
    sent_at: datetime | None
    rest: Span | None
    """Where nobody looked yet."""


def told_in(
    db: Database, destination_id: DestinationId, account: Address, assets: Collection[Asset], span: Span
) -> ToldBefore:
    """Return the newest message about an account, of some assets or of all, in a slice of a span."""
    oldest = max(span.oldest, span.newest - CHANGES_AT_ONCE + 1)
    these = db.any_of(_asset_ids(db, assets))
    of_assets = f" AND c.asset_id {these.sql}" if assets else ""
    row = db.execute(
        "SELECT l.delivery_id, v.not_before FROM alert l JOIN change c ON c.id = l.change_id"
        " JOIN delivery v ON v.id = l.delivery_id"
        " WHERE l.destination_id = ? AND l.change_id BETWEEN ? AND ? AND l.state = 'told'"
        f" AND c.account_id = (SELECT id FROM account WHERE address = ?){of_assets}"
        " ORDER BY l.change_id DESC LIMIT 1",
        [destination_id, oldest, span.newest, to_blob(account), *(these.values if assets else ())],
    ).fetchone()
    if row is not None:
        return ToldBefore(message_id(DeliveryId(row[0])), to_moment(row[1]), None)
    return ToldBefore(None, None, Span(span.oldest, oldest - 1) if oldest > span.oldest else None)


def _asset_ids(db: Database, assets: Collection[Asset]) -> list[int]:
    found = (
        db.execute("SELECT id FROM asset WHERE chain_id = ? AND contract = ?", [chain_id, to_blob(contract)])
        for chain_id, contract in sorted(assets)
    )
    return [row_id for rows in found for (row_id,) in rows.fetchall()]


class _Reader:
    """Reads what assets of one account have in common once."""

    def __init__(
        self,
        db: Database,
        destination_id: DestinationId,
        account: Address,
        status: Part,
        *,
        wanted: Wanted | None,
    ) -> None:
        self._db = db
        self._destination_id = destination_id
        self._account = account
        self._status = status
        self._wanted = wanted
        self._views = views(db, [account])
        self._chains = _chains(db)
        self._mutes = mutes_of(db, destination_id)
        self._is_for_digest = destination_id in told_by_digests_alone(db)
        self._in_messages = {
            asset_id: OnItsWay(message_id(DeliveryId(delivery_id)), to_moment(created_at))
            for delivery_id, created_at, asset_id, address in db.execute(_BOUND, [destination_id])
            if to_address(address) == account
        }
        """By asset, what is in a message that is not sent yet: the newest of each."""

    def read(self, asset: Asset) -> Situation:
        """Return how things stand with an asset."""
        row = self._db.execute(_ASSET, [asset.chain_id, to_blob(asset.contract)]).fetchone()
        asset_id, description = (
            (0, Description("UNKNOWN")) if row is None else (row[0], to_description(*row[1:]))
        )
        view = self._views.get((self._account, asset.chain_id), View())
        balance = view.balances.get(asset)
        parts = self._parts(asset)
        return Situation(
            account=self._account,
            asset=asset,
            description=description,
            is_account_watched=self._wanted is not None,
            is_watched=bool(parts),
            is_named=asset.part in parts,
            is_listed=balance is not None and balance.standing is not Standing.NAMED,
            ignored=self._ignored(asset),
            muted=self._muted(asset),
            unsettled=self._unsettled(asset_id),
            on_its_way=self._on_its_way(asset_id),
            is_read=parts <= view.coverage.keys(),
            unseen=self._unseen(asset, parts, view),
            doubted=_doubted(asset, view),
            read_at=self._chains.get(asset.chain_id, _UNREAD).read_at,
            amount=None if balance is None else balance.amount,
            was_held=balance is not None or asset.contract == NATIVE,
        )

    def _parts(self, asset: Asset) -> frozenset[Part]:
        """Return the watched parts that would show a change of an asset."""
        if self._wanted is None:
            return frozenset()
        watched = self._wanted.parts(asset.chain_id, self._status)
        return watched & ({NATIVE_PART} if asset.contract == NATIVE else {asset.part, self._status})

    def _ignored(self, asset: Asset) -> Ignored | None:
        rows = self._db.execute(
            "SELECT chains, created_at, created_by_name FROM ignored"
            " WHERE destination_id = ? AND contract = ? ORDER BY id",
            [self._destination_id, to_blob(asset.contract)],
        )
        for chains, created_at, name in rows:
            if not chains or asset.chain_id in to_chains(chains):
                return Ignored(to_moment(created_at), name)
        return None

    def _muted(self, asset: Asset) -> Muted | None:
        """Return what keeps alerts about an asset back for longest."""
        about = MuteScope(self._account, frozenset({asset.chain_id}))
        ends = [one for one in self._mutes if one.scope is None or one.scope.contains(about)]
        last: Mute | None = max(ends, key=lambda one: one.until, default=None)
        return None if last is None else Muted(last.kind, last.until)

    def _unsettled(self, asset_id: int) -> Unsettled | None:
        row: Row | None = self._db.execute(
            _UNSETTLED, [self._destination_id, asset_id, to_blob(self._account)]
        ).fetchone()
        if row is None:
            return None
        steps, since, filters, before, uniques_before, after, uniques_after = row
        return Unsettled(
            HeldBack(to_holding(before, uniques_before, None), to_holding(after, uniques_after, None)),
            steps,
            to_moment(since),
            with_names(self._db, self._destination_id, to_filters(filters or "")),
            is_for_digest=self._is_for_digest,
        )

    def _on_its_way(self, asset_id: int) -> OnItsWay | None:
        if asset_id in self._in_messages:
            return self._in_messages[asset_id]
        row = self._db.execute(_WAITING, [self._destination_id, asset_id, to_blob(self._account)]).fetchone()
        return None if row is None else OnItsWay(None, to_moment(row[0]))

    def _unseen(self, asset: Asset, parts: frozenset[Part], view: View) -> Unseen | None:
        since = [at for part in parts if (at := view.coverage.get(part)) is not None]
        doubted_since = self._chains.get(asset.chain_id, _UNREAD).doubted_since
        if doubted_since is not None:
            return Unseen(doubted_since, is_chain_doubted=True)
        # What one of them still shows is seen.
        return Unseen(max(since), is_chain_doubted=False) if parts and len(since) == len(parts) else None


def _newest_on_its_way(db: Database, destination_id: DestinationId, account: Address) -> OnItsWay | None:
    """Return the newest alert about a change of an account that was made, and not sent yet."""
    row = db.execute(_WAITING_OF_ACCOUNT, [destination_id, to_blob(account)]).fetchone()
    if row is not None:
        return OnItsWay(None, to_moment(row[0]))
    in_messages = [
        OnItsWay(message_id(DeliveryId(delivery_id)), to_moment(created_at))
        for delivery_id, created_at, _, address in db.execute(_BOUND, [destination_id])
        if to_address(address) == account
    ]
    return in_messages[-1] if in_messages else None


def _doubted(asset: Asset, view: View) -> Doubted | None:
    hold = view.holds.get(asset)
    return None if hold is None else Doubted(hold.amount, hold.times)


_ASSET = "SELECT id, kind, symbol, decimals, rebasing FROM asset WHERE chain_id = ? AND contract = ?"

_UNSETTLED = """
SELECT u.steps, u.since, t.filters, f.before, f.uniques_before, l.after, l.uniques_after
FROM unreported u JOIN change f ON f.id = u.first_change_id JOIN change l ON l.id = u.last_change_id
LEFT JOIN unalerted t ON t.destination_id = u.destination_id AND t.change_id = u.last_change_id
WHERE u.destination_id = ? AND u.asset_id = ? AND u.account_id = (SELECT id FROM account WHERE address = ?)
"""

_ABOUT = """
c.asset_id = ? AND c.account_id = (SELECT id FROM account WHERE address = ?) ORDER BY l.id DESC LIMIT 1
"""

_WAITING = f"""
SELECT l.created_at FROM alert l JOIN change c ON c.id = l.change_id
WHERE l.destination_id = ? AND l.state = 'waiting' AND {_ABOUT}
"""

_WAITING_OF_ACCOUNT = """
SELECT l.created_at FROM alert l JOIN change c ON c.id = l.change_id
WHERE l.destination_id = ? AND l.state = 'waiting'
  AND c.account_id = (SELECT id FROM account WHERE address = ?) ORDER BY l.id DESC LIMIT 1
"""

# Of all assets: by one of them, SQLite would begin with all of its changes. Messages on their way are few.
_BOUND = f"""
SELECT v.id, l.created_at, c.asset_id, a.address
FROM delivery v JOIN alert l ON l.delivery_id = v.id AND l.state = 'bound'
JOIN change c ON c.id = l.change_id JOIN account a ON a.id = c.account_id
WHERE v.destination_id = ? AND v.{UNFINISHED} ORDER BY l.id
"""
