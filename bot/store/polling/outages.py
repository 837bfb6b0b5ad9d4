"""Enqueues notices of what gives no answer (an outage) and of what answers again, and keeps who got them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from bot.domain.ask.plan import watched_parts, watches_by_account
from bot.domain.assets import Address, ChainId, Part
from bot.domain.deliver.alerts import Blind, DoubtEnd, Gap, HeldBack, MassLoss, SeenAgain
from bot.domain.observe.outages import BlindSpot, LastReport, OutageReport, as_gaps, outage_report
from bot.domain.observe.recipients import Watches, WatchPair, label_on
from bot.domain.subscriptions import DestinationId
from bot.store.balances.coverage import all_subscriptions, covered_on
from bot.store.database.door import Database
from bot.store.outbox.alerts import enqueue_alert
from bot.store.outbox.notice_codec import notice_to_json
from bot.store.rows import to_address, to_blob, to_milliseconds, to_moment, to_moment_or_none, to_part

Gaps = dict[DestinationId, dict[BlindSpot, datetime]]


def enqueue_outage_notices(
    db: Database,
    now: datetime,
    *,
    asked: frozenset[ChainId],
    answered: frozenset[ChainId],
    held_back: Mapping[ChainId, HeldBack],
    stale_after: timedelta,
    status: Part,
) -> None:
    """Enqueue notices of what has given no answer for `stale_after`, and of what answers again.

    `asked` and `answered` are the chains of the sweep that has just ended; a chain that
    never answered has no row and no outage. `held_back` has the chains that are held back, and those that
    were until now with how that ended. Part of the caller's transaction, after the sweep's own rows.
    """
    chains = _silent_chains(db, asked - answered)
    views = _silent_views(db, asked & answered)
    reports = _last_reports(db)
    # Nearly every sweep ends here: nothing is silent for long, and nobody waits to hear that it is over.
    oldest = min([*chains.values(), *(since for *_, since in views)], default=now)
    if not any(one.ended_at is None for of_one in reports.values() for one in of_one.values()) and (
        now - oldest < stale_after
    ):
        return
    watches_of = _by_destination(watches_by_account(all_subscriptions(db)))
    gaps = _gaps(db, watches_of, chains, views, status)
    still = {chain_id for chain_id, one in held_back.items() if one.end is None}
    for destination_id in gaps.keys() | reports.keys():
        known = reports.get(destination_id, {})
        mine = watches_of.get(destination_id, {})
        wanted = {spot: one for spot, one in known.items() if _is_watched(spot, mine, status)}
        _delete_reports(db, destination_id, known.keys() - wanted.keys())
        one = outage_report(gaps.get(destination_id, {}), wanted, now, stale_after, still)
        _save_reports(db, destination_id, one)
        since = {spot: last.since for spot, last in wanted.items()} | gaps.get(destination_id, {})
        label_of = partial(_label_of, mine)
        if one.blind:
            why = {spot: held_back[spot.chain_id] for spot in one.blind if spot.chain_id in still}
            is_everything = not answered and not still
            news = tuple(
                gap
                for gap in as_gaps(one.blind, since, label_of, why)
                if not _is_known_as_owner(db, destination_id, gap)
            )
            if news:
                blind = Blind(news, is_everything=is_everything)
                enqueue_alert(db, destination_id, to_milliseconds(now), notice=blind)
        if one.seen:
            changes = _count_changes(
                db, destination_id, {spot: wanted[spot].reported_at for spot in one.seen}
            )
            why = {spot: _ended(spot, held_back) for spot in one.seen if wanted[spot].is_held_back}
            seen_again = SeenAgain(as_gaps(one.seen, since, label_of, why), changes)
            enqueue_alert(db, destination_id, to_milliseconds(now), notice=seen_again)


def _is_known_as_owner(db: Database, destination_id: DestinationId, gap: Gap) -> bool:
    """Return whether this destination got the notice to owners that the chain is held back."""
    if gap.held_back is None:
        return False
    # The counts stay as they are while a chain is held back; an equal notice of before is older than the gap.
    notice = notice_to_json(MassLoss(gap.chain_id, gap.held_back.lost, gap.held_back.held))
    (count,) = db.execute(
        "SELECT count(*) FROM alert WHERE destination_id = ? AND created_at >= ? AND notice = ?",
        [destination_id, to_milliseconds(gap.since), notice],
    ).fetchone()
    return bool(count)


def _ended(spot: BlindSpot, held_back: Mapping[ChainId, HeldBack]) -> HeldBack:
    return held_back.get(spot.chain_id, HeldBack(0, 0, DoubtEnd.BACK))


def _by_destination(by_account: Watches) -> dict[DestinationId, dict[Address, list[WatchPair]]]:
    result: dict[DestinationId, dict[Address, list[WatchPair]]] = defaultdict(lambda: defaultdict(list))
    for account, pairs in by_account.items():
        for pair in pairs:
            result[pair[0].destination_id][account].append(pair)
    return result


def _label_of(mine: Watches, spot: BlindSpot) -> str:
    """Return what a destination calls the account of a spot, "" if nothing."""
    return label_on(mine.get(spot.account, ()), spot.chain_id) if spot.account is not None else ""


def _is_watched(spot: BlindSpot, mine: Mapping[Address, Sequence[WatchPair]], status: Part) -> bool:
    """Return whether a destination still watches what it had a notice about."""
    accounts = mine if spot.account is None else {spot.account} & mine.keys()
    return any(watched_parts(mine[account], spot.chain_id, status) for account in accounts)


def _silent_chains(db: Database, chains: frozenset[ChainId]) -> dict[ChainId, datetime]:
    these = db.any_of(chains)
    rows = db.execute(f"SELECT id, complete_at FROM chain WHERE id {these.sql}", these.values)
    return {ChainId(chain_id): to_moment(complete_at) for chain_id, complete_at in rows}


def _silent_views(db: Database, chains: frozenset[ChainId]) -> list[tuple[Address, ChainId, Part, datetime]]:
    these = db.any_of(chains)
    rows = db.execute(
        "SELECT a.address, v.chain_id, v.part, v.unknown_since FROM coverage v"
        " JOIN account a ON a.id = v.account_id"
        f" WHERE v.unknown_since IS NOT NULL AND v.chain_id {these.sql}",
        these.values,
    )
    return [
        (to_address(address), ChainId(chain_id), to_part(part), to_moment(since))
        for address, chain_id, part, since in rows
    ]


def _gaps(
    db: Database,
    watches_of: Mapping[DestinationId, Watches],
    chains: Mapping[ChainId, datetime],
    views: Sequence[tuple[Address, ChainId, Part, datetime]],
    status: Part,
) -> Gaps:
    """Return what gives no answer, and since when, by the destinations that watch it."""
    result: Gaps = defaultdict(dict)
    covered = {chain_id: covered_on(db, chain_id) for chain_id in chains}
    for destination_id, mine in watches_of.items():
        for chain_id, since in chains.items():
            if any(watched_parts(mine[one], chain_id, status) for one in mine.keys() & covered[chain_id]):
                result[destination_id][BlindSpot(chain_id, None)] = since
        for account, chain_id, part, since in views:
            if part in watched_parts(mine.get(account, ()), chain_id, status):
                of_one = result[destination_id]
                spot = BlindSpot(chain_id, account)
                of_one[spot] = min(since, of_one.get(spot, since))
    return result


def _last_reports(db: Database) -> dict[DestinationId, dict[BlindSpot, LastReport]]:
    result: dict[DestinationId, dict[BlindSpot, LastReport]] = defaultdict(dict)
    for destination_id, chain_id, address, since, told_at, times, ended_at, is_held_back in db.execute(
        "SELECT b.destination_id, b.chain_id, a.address, b.since, b.told_at, b.times, b.ended_at,"
        " b.is_held_back FROM blindness b LEFT JOIN account a ON a.id = b.account_id"
    ):
        spot = BlindSpot(ChainId(chain_id), None if address is None else to_address(address))
        result[DestinationId(destination_id)][spot] = LastReport(
            since=to_moment(since),
            reported_at=to_moment(told_at),
            times=times,
            ended_at=to_moment_or_none(ended_at),
            is_held_back=bool(is_held_back),
        )
    return result


def _count_changes(db: Database, destination_id: DestinationId, blind: Mapping[BlindSpot, datetime]) -> int:
    """Count the changes reported to a destination since its notices of these outages, each change once."""
    # One query for each spot, as each has its own moment; a change may be in two, of a chain and an account.
    changes: set[int] = set()
    for spot, told_at in blind.items():
        of_account = "AND a.address = ?" if spot.account else ""
        rows = db.execute(
            "SELECT c.id FROM change c JOIN asset x ON x.id = c.asset_id"
            " JOIN account a ON a.id = c.account_id"
            f" WHERE x.chain_id = ? AND c.observed_at >= ? {of_account}"
            " AND c.account_id IN (SELECT account_id FROM subscription WHERE destination_id = ?)"
            " AND EXISTS (SELECT 1 FROM alert l WHERE l.change_id = c.id AND l.destination_id = ?)",
            [
                spot.chain_id,
                to_milliseconds(told_at),
                *([to_blob(spot.account)] if spot.account else []),
                destination_id,
                destination_id,
            ],
        )
        changes.update(change_id for (change_id,) in rows)
    return len(changes)


def _save_reports(db: Database, destination_id: DestinationId, one: OutageReport) -> None:
    # Account 0 stands for the whole chain: a NULL in a key would be another row each time.
    for spot, report in (one.remembered or {}).items():
        ended_at = None if report.ended_at is None else to_milliseconds(report.ended_at)
        db.execute(
            "INSERT INTO blindness"
            " (destination_id, chain_id, account_id, since, told_at, times, ended_at, is_held_back)"
            " VALUES (?, ?, coalesce((SELECT id FROM account WHERE address = ?), 0), ?, ?, ?, ?, ?)"
            " ON CONFLICT (destination_id, chain_id, account_id) DO UPDATE SET since = excluded.since,"
            " told_at = excluded.told_at, times = excluded.times, ended_at = excluded.ended_at,"
            " is_held_back = excluded.is_held_back",
            [
                destination_id,
                spot.chain_id,
                to_blob(spot.account) if spot.account else None,
                to_milliseconds(report.since),
                to_milliseconds(report.reported_at),
                report.times,
                ended_at,
                report.is_held_back,
            ],
        )


def _delete_reports(db: Database, destination_id: DestinationId, spots: Iterable[BlindSpot]) -> None:
    for spot in spots:
        db.execute(
            "DELETE FROM blindness WHERE destination_id = ? AND chain_id = ?"
            " AND account_id = coalesce((SELECT id FROM account WHERE address = ?), 0)",
            [destination_id, spot.chain_id, to_blob(spot.account) if spot.account else None],
        )
