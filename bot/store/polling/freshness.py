"""What a destination watches and how fresh it is, as /status shows it.

A part was last seen at `unknown_since` of its coverage if that is set, else at `complete_at` of its chain.
What is watched and not covered was not read yet.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime

from bot.domain.ask.plan import Wanted, wanted_by, watches_by_account
from bot.domain.assets import Address, ChainId, Part
from bot.domain.deliver.alerts import Gap, HeldBack
from bot.domain.observe.holdings import ChainSight, WatchedHere
from bot.domain.observe.readings import Coverage
from bot.domain.observe.recipients import Rules, Watches, label_on, unignored_parts
from bot.domain.places import Place
from bot.store.balances.snapshots import Views, views
from bot.store.chats.ignore_list import rules_here
from bot.store.chats.subscriptions import subscriptions_here
from bot.store.database.door import Database
from bot.store.polling.holdings import complete_at
from bot.store.polling.sweeps import held_back
from bot.store.rows import Row, to_moment_or_none


def watched_here(db: Database, place: Place, chains: frozenset[ChainId], status: Part) -> WatchedHere:
    """Return what a destination watches, how fresh it is and what waits to be sent.

    `chains` are all that are read, for subscriptions that name none.
    """
    subscriptions = [one.subscription for one in subscriptions_here(db, place)]
    wanted = wanted_by(subscriptions, chains)
    stored = views(db, tuple(wanted))
    alerts, since, paused_until = _backlog(db, place)
    return WatchedHere(
        accounts=len(wanted),
        tokens=sum(one.account is None for one in subscriptions),
        balances=sum(_balances(wanted, stored, rules_here(db, place), status)),
        chains=tuple(
            _sights(wanted, stored, complete_at(db), _gone(db), on_hold=held_back(db), status=status)
        ),
        gaps=tuple(_gaps(wanted, stored, watches_by_account(subscriptions), status)),
        alerts=alerts,
        alerts_since=to_moment_or_none(since),
        paused_until=to_moment_or_none(paused_until),
    )


# ---------------------------------------------------------------- what a destination watches


def _balances(wanted: Mapping[Address, Wanted], stored: Views, rules: Rules, status: Part) -> Iterator[int]:
    """Yield how many balances of each account and chain the destination gets alerts about."""
    for (account, chain_id), view in stored.items():
        parts = wanted[account].parts(chain_id, status)
        yield sum(
            Coverage(unignored_parts(parts, rules, asset), status).speaks_of(asset, balance.standing)
            for asset, balance in view.balances.items()
        )


def _sights(
    wanted: Mapping[Address, Wanted],
    stored: Views,
    complete_at: Mapping[ChainId, datetime],
    gone: frozenset[ChainId],
    *,
    on_hold: Mapping[ChainId, HeldBack],
    status: Part,
) -> Iterator[ChainSight]:
    accounts: dict[ChainId, list[Address]] = defaultdict(list)
    for account, one in wanted.items():
        for chain_id in one.chains():
            accounts[chain_id].append(account)
    for chain_id, there in sorted(accounts.items()):
        # Watched and without coverage: somebody subscribed, and the first reading is still to come.
        unread = sum(
            (account, chain_id) not in stored
            or not wanted[account].parts(chain_id, status) <= stored[account, chain_id].coverage.keys()
            for account in there
        )
        yield ChainSight(
            chain_id=chain_id,
            seen_at=complete_at.get(chain_id),
            accounts=len(there),
            unread=unread,
            is_gone=chain_id in gone,
            held_back=on_hold.get(chain_id),
        )


def _gaps(wanted: Mapping[Address, Wanted], stored: Views, watched: Watches, status: Part) -> Iterator[Gap]:
    """Yield what gives no answer: accounts, or a whole chain where no account that was read does."""
    read: dict[ChainId, int] = defaultdict(int)
    blind: dict[ChainId, list[Gap]] = defaultdict(list)
    for (account, chain_id), view in sorted(stored.items()):
        parts = wanted[account].parts(chain_id, status) & view.coverage.keys()
        read[chain_id] += bool(parts)
        since = [moment for part in parts if (moment := view.coverage[part]) is not None]
        if since:
            blind[chain_id].append(Gap(chain_id, account, label_on(watched[account], chain_id), min(since)))
    for chain_id, gaps in blind.items():
        if len(gaps) == read[chain_id]:
            # A chain was seen for as long as any account on it was.
            yield Gap(chain_id, None, "", max(gap.since for gap in gaps))
        else:
            yield from gaps


def _backlog(db: Database, place: Place) -> Row:
    """Return how many alerts wait to be sent, since when, and when Telegram's pause for the chat ends."""
    return db.execute(_BACKLOG, [place.chat_id, place.thread_id or 0]).fetchone() or (0, None, None)


_BACKLOG = """
WITH here AS (
  SELECT d.id, c.hold_until FROM destination d JOIN chat c ON c.id = d.chat_id
  WHERE c.telegram_id = ? AND d.thread_id = ?
), untold AS (
  SELECT coalesce(l.released_at, l.created_at) AS since FROM here
  JOIN alert l ON l.destination_id = here.id AND l.state = 'waiting'
  UNION ALL
  SELECT coalesce(l.released_at, l.created_at) FROM here
  JOIN delivery d ON d.destination_id = here.id AND d.state IN ('ready', 'sending')
  JOIN alert l ON l.delivery_id = d.id AND l.state = 'bound'
)
SELECT (SELECT count(*) FROM untold), (SELECT min(since) FROM untold), hold_until FROM here
"""
"""The conditions repeat those of the partial indexes word for word, or SQLite reads every alert ever made."""


def _gone(db: Database) -> frozenset[ChainId]:
    rows = db.execute("SELECT id FROM chain WHERE gone_since IS NOT NULL")
    return frozenset(ChainId(chain_id) for (chain_id,) in rows)
