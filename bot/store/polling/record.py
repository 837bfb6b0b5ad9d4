"""Records what one batch of a sweep observed, together with the alerts that follow from it.

Begin at `record_poll`. What a verdict says was decided in `domain/observe/compare`; here it is narrowed to
what is still asked for, and written: table by table, each in a few statements however large the batch is.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import compress
from operator import itemgetter

from bot.domain.ask.plan import watched_parts, watches_by_account
from bot.domain.assets import (
    NATIVE,
    NATIVE_PART,
    NOTHING_SAID,
    WHOLE_KINDS,
    Address,
    Asset,
    ChainId,
    Items,
    Part,
)
from bot.domain.chains import Chains
from bot.domain.explain.explanations import WhyUnknown
from bot.domain.observations import Balance, Move, MoveKind, Poll, Recorded, Standing, Verdict
from bot.domain.observe.descriptions import decimals_of, is_of_units_alone
from bot.domain.observe.filters import Step
from bot.domain.observe.prices import described_price
from bot.domain.observe.readings import Coverage
from bot.domain.observe.recipients import Ignored, Watches, recipients
from bot.domain.rules.conditions import price_that_counts
from bot.store.balances.assets import AssetRow, AssetRows
from bot.store.balances.coverage import is_covered, subscriptions_about
from bot.store.balances.prints import replace_prints
from bot.store.balances.snapshots import DRIFTS_ENOUGH, account_ids, replace_items, stored_sweep
from bot.store.chats.ignore_list import all_rules
from bot.store.database.door import Database
from bot.store.database.signals import SignalName
from bot.store.explain.explanations import save_unasked
from bot.store.outbox.alerts import NewAlert, enqueue_alerts
from bot.store.polling.alarm_values import ValueTerms
from bot.store.polling.baselines import BaselineMaker
from bot.store.polling.firings import judge_batch
from bot.store.polling.gaps import close_account_gaps
from bot.store.polling.reports import RecordedChange, Reports
from bot.store.rows import (
    Row,
    balance_to_row,
    holding_to_row,
    items_to_json,
    part_to_blob,
    to_description,
    to_milliseconds,
    to_moment_or_none,
    to_part,
)


def record_poll(
    db: Database, poll: Poll, status: Part, chains: Chains, explain_until: datetime | None = None
) -> Recorded:
    """Write what one batch observed.

    `status` is the part that stands for the lists of the configured contract status; `chains` know the
    decimals of coins. Alerts wait for an explanation of their change until `explain_until`; None: they don't.

    Balances, coverage, changes, the alerts about them and prints are one transaction: a balance that was
    stored without its alert would never be reported, nor would a change that a print hides.
    """
    if poll.says_nothing_new:
        return Recorded()
    with db.transaction():
        # Answers may arrive late. Those of an older sweep would put back what a newer one has seen.
        if poll.sweep < stored_sweep(db):
            return Recorded()
        return _PollRecorder(db, poll, status, chains, explain_until).write()


class _PollRecorder:
    """Writes one batch inside an open transaction."""

    def __init__(
        self, db: Database, poll: Poll, status: Part, chains: Chains, explain_until: datetime | None
    ) -> None:
        self._db = db
        self._poll = poll
        self._status = status
        self._chains = chains
        self._at = to_milliseconds(poll.observed_at)
        # What is neither new nor missing from a first reading is not looked at: that is most of a batch.
        self._noticed = [one for one in poll.verdicts if one.never_seen or not one.says_nothing_new]
        named = [account for account, _ in poll.items]
        self._account_ids = account_ids(db, [*(verdict.account for verdict in self._noticed), *named])
        ids = self._account_ids.values()
        self._watches: Watches = watches_by_account(subscriptions_about(db, ids)) if ids else {}
        # A subscription newer than the plan was not meant by its questions: it would get a baseline without
        # the tokens that nobody had asked about.
        self._asked: Watches = {
            account: [pair for pair in pairs if max(pair[0].id, pair[1].id) <= poll.asked_under]
            for account, pairs in self._watches.items()
        }
        self._coverage = _coverage_of(db, ids, {one.chain_id for one in self._noticed})
        """By account and chain: the covered parts, and since when each is unknown."""
        self._explain_until = 0 if explain_until is None else to_milliseconds(explain_until)
        self._waiting: dict[int | None, int] = {}
        """By change, until when its alerts wait for an explanation."""

    def write(self) -> Recorded:
        """Write every verdict, then the baselines and the prints."""
        narrowed = [self._as_still_asked(verdict) for verdict in self._noticed]
        verdicts = [verdict for verdict in narrowed if not verdict.says_nothing_new]
        # A print would hide what is not recorded.
        cut = {
            one.account
            for one, still in zip(self._noticed, narrowed, strict=True)
            if not one.says_nothing_new and still != one
        }
        items = {key: items for key, items in self._poll.items.items() if key[0] in self._watches}
        assets = AssetRows(self._db, self._poll, self._assets_of(verdicts, items))
        # Descriptions before balances, so that a change is recorded with the decimals known by now.
        for asset, description in self._poll.described.items():
            assets.describe(asset, description)
        self._note_holders(verdicts, assets)
        assets.save()
        ignored = all_rules(self._db) if verdicts else {}
        # Coverage and chains come first: moves are dated by them.
        self._write_first_seen(verdicts)
        alerts = self._write_moves(verdicts, assets, ignored)
        # Only now, as the moves read since when they were unknown.
        self._write_seen_again(verdicts)
        maker = BaselineMaker(
            self._db,
            narrowed,
            account_ids=self._account_ids,
            watches=self._watches,
            ignored=ignored,
            status=self._status,
        )
        self._write_balances(verdicts, assets)
        self._write_holds(verdicts, assets)
        for (account, asset), of_collection in items.items():
            replace_items(self._db, self._account_ids[account], assets.id_of(asset), of_collection)
        # Baselines count what is stored, so they come after all balances.
        alerts += maker.alerts()
        alerts += self._alarms(verdicts)
        enqueue_alerts(self._db, alerts, self._at, self._waiting)
        self._write_newest_blocks()
        # Whether they are covered is known only now.
        prints = replace_prints(
            self._db,
            {account: one for account, one in self._poll.prints.items() if account not in cut},
            written={verdict.account for verdict in verdicts} | {account for account, _ in items},
            partly_unknown={verdict.account for verdict in self._poll.verdicts if verdict.still_unknown},
        )
        return Recorded(len(alerts), prints)

    def _as_still_asked(self, verdict: Verdict) -> Verdict:
        """Return of a verdict only what somebody asked for when the batch was planned and still asks for."""
        asked = watched_parts(self._asked.get(verdict.account, ()), verdict.chain_id, self._status)
        if verdict.says_nothing_new or not asked:
            return Verdict(verdict.account, verdict.chain_id, never_seen=verdict.never_seen & asked)
        # Coverage that ended meanwhile ended for good: a chat closed and opened again begins with a baseline.
        valid = asked & (verdict.first_seen | self._coverage[self._key(verdict)].keys())
        return verdict if self._is_all_valid(verdict, asked, valid) else self._narrowed(verdict, asked, valid)

    def _is_all_valid(self, verdict: Verdict, asked: frozenset[Part], valid: frozenset[Part]) -> bool:
        """Return whether narrowing a verdict would take nothing away, as far as that is seen at a glance."""
        return (
            {NATIVE_PART, self._status} <= valid
            and verdict.first_seen <= valid
            and verdict.seen_again <= valid
            and verdict.never_seen <= asked
            and all(move.through and move.through <= valid for move in verdict.moves)
            and all(
                balance is None or balance.standing is not Standing.NAMED or asset.contract == NATIVE
                for asset, balance in verdict.balances.items()
            )
        )

    def _narrowed(self, verdict: Verdict, asked: frozenset[Part], valid: frozenset[Part]) -> Verdict:
        coverage = Coverage(valid, self._status)
        through = [move._replace(through=move.through & valid) for move in verdict.moves]
        return Verdict(
            account=verdict.account,
            chain_id=verdict.chain_id,
            first_seen=verdict.first_seen & valid,
            seen_again=verdict.seen_again & valid,
            never_seen=verdict.never_seen & asked,
            moves=tuple(move for move in through if move.through),
            balances={
                asset: self._as_covered(asset, balance, valid)
                for asset, balance in verdict.balances.items()
                if coverage.speaks_of(asset, Standing.LISTED if balance is None else balance.standing)
            },
            holds={
                asset: hold
                for asset, hold in verdict.holds.items()
                if valid & {asset.part, *({self._status} if asset.contract else ())}
            },
            drifts=verdict.drifts,
            drifted=verdict.drifted,
        )

    def _as_covered(self, asset: Asset, balance: Balance | None, covered: frozenset[Part]) -> Balance | None:
        """Return a token's balance as known by its contract alone, where nobody asks for lists any more."""
        if balance is None or asset.contract == NATIVE or self._status in covered:
            return balance
        return balance._replace(standing=Standing.NAMED)

    def _assets_of(
        self, verdicts: Iterable[Verdict], items: Mapping[tuple[Address, Asset], Items]
    ) -> Iterator[Asset]:
        """Yield every asset that is written of, in the order in which new ones get their numbers."""
        yield from self._poll.described
        for verdict in verdicts:
            yield from (move.asset for move in verdict.moves)
            yield from verdict.balances
            yield from verdict.holds
        yield from (asset for _, asset in items)

    def _note_holders(self, verdicts: Iterable[Verdict], assets: AssetRows) -> None:
        for verdict in verdicts:
            account_id = self._account_ids[verdict.account]
            for asset, balance in verdict.balances.items():
                if balance is None:
                    assets.drop_holder(asset, account_id)
                else:
                    assets.note_holder(asset, account_id)
                if asset in verdict.drifted:
                    assets.count_drift(asset)

    def _write_first_seen(self, verdicts: Iterable[Verdict]) -> None:
        keys = [(self._key(verdict), part) for verdict in verdicts for part in verdict.first_seen]
        # Before the coverage: a chain that nobody watched until now was not missed, so its age begins here.
        self._db.executemany(
            "INSERT INTO chain (id, complete_at) VALUES (?, ?) ON CONFLICT (id)"
            f" DO UPDATE SET complete_at = excluded.complete_at WHERE NOT {is_covered('chain.id')}",
            [(chain_id, self._at) for chain_id in dict.fromkeys(chain_id for (_, chain_id), _ in keys)],
        )
        columns = ("account_id", "chain_id", "part")
        new = [(*key, part_to_blob(part)) for key, part in keys]
        self._db.upsert_many("coverage", columns, new, key=columns)
        for key, part in keys:
            self._coverage[key].setdefault(part, None)

    def _write_seen_again(self, verdicts: Iterable[Verdict]) -> None:
        self._db.executemany(
            "UPDATE coverage SET unknown_since = NULL WHERE account_id = ? AND chain_id = ? AND part = ?",
            [
                (*self._key(verdict), part_to_blob(part))
                for verdict in verdicts
                for part in verdict.seen_again
            ],
        )
        seen = [self._key(verdict) for verdict in verdicts if verdict.seen_again]
        close_account_gaps(self._db, seen, self._poll.observed_at)

    def _write_balances(self, verdicts: Sequence[Verdict], assets: AssetRows) -> None:
        stored: list[Row] = []
        drifts: list[Row] = []
        gone: list[Row] = []
        for verdict in verdicts:
            account_id = self._account_ids[verdict.account]
            for asset, balance in verdict.balances.items():
                key = (account_id, assets.id_of(asset))
                if balance is None:  # zero is not stored
                    gone.append(key)
                    continue
                stored.append((*key, *balance_to_row(balance)))
            for asset, (usual_raw, span_ms, seen_at) in verdict.drifts.items():
                if verdict.balances.get(asset) is not None:
                    key = (account_id, assets.id_of(asset))
                    drifts.append((*key, str(usual_raw), span_ms, to_milliseconds(seen_at)))
        for table in ("balance", "drift"):
            self._db.executemany(f"DELETE FROM {table} WHERE account_id = ? AND asset_id = ?", gone)
        # In the order of their keys, which is that of the table: neighbours go to the same page of the file.
        self._db.upsert_many("balance", _BALANCE, sorted(stored, key=itemgetter(0, 1)), key=_OF_ASSET)
        self._db.upsert_many("drift", _DRIFT, drifts, key=_OF_ASSET)

    def _write_holds(self, verdicts: Iterable[Verdict], assets: AssetRows) -> None:
        holds = [
            ((self._account_ids[verdict.account], assets.id_of(asset)), hold)
            for verdict in verdicts
            for asset, hold in verdict.holds.items()
        ]
        self._db.executemany(
            "DELETE FROM held WHERE account_id = ? AND asset_id = ?",
            [key for key, hold in holds if hold is None],
        )
        self._db.upsert_many(
            "held",
            _HELD,
            [(*key, *holding_to_row(hold.amount), hold.times) for key, hold in holds if hold is not None],
            key=_OF_ASSET,
        )

    def _write_newest_blocks(self) -> None:
        """Keep the blocks that were seen: rows that a print stands for are not read again to find them."""
        self._db.executemany(
            "UPDATE chain SET newest_block = ? WHERE id = ? AND (newest_block IS NULL OR newest_block < ?)",
            [(block, chain_id, block) for chain_id, block in self._poll.highest_blocks.items()],
        )

    def _alarms(self, verdicts: Iterable[Verdict]) -> list[NewAlert]:
        """Judge the alarms on accounts of which something was written, and return their notices."""
        touched: dict[int, bool] = defaultdict(bool)
        read: set[tuple[int, ChainId]] = set()
        for verdict in verdicts:
            key = self._key(verdict)
            touched[key[0]] |= bool(verdict.balances)
            read.add(key)
        if not touched:
            return []
        terms = ValueTerms(self._status, self._chains)
        return judge_batch(self._db, touched, read, terms, self._poll.observed_at)

    def _key(self, verdict: Verdict) -> tuple[int, ChainId]:
        return self._account_ids[verdict.account], verdict.chain_id

    # ---------------------------------------------------------------- moves

    def _write_moves(
        self, verdicts: Iterable[Verdict], assets: AssetRows, ignored: Ignored
    ) -> list[NewAlert]:
        """Write the changes, and return the alerts about them in the same order."""
        moves = [(verdict, move) for verdict in verdicts for move in verdict.moves]
        if not moves:
            return []
        former = self._former_decimals(moves, assets)
        complete_at = dict(self._db.execute("SELECT id, complete_at FROM chain").fetchall())
        # As much is held as before, in smaller or larger units: recorded, and no news to anybody.
        news = [
            not is_of_units_alone(
                move.before.amount_raw, move.after.amount_raw, decimals, assets[move.asset].decimals
            )
            for (_, move), decimals in zip(moves, former, strict=True)
        ]
        moved = [
            is_news and move.kind is MoveKind.MOVED for (_, move), is_news in zip(moves, news, strict=True)
        ]
        by_itself = [_changes_by_itself(assets[move.asset]) for _, move in moves]
        asked = [is_moved and not alone for is_moved, alone in zip(moved, by_itself, strict=True)]
        change_ids = self._insert_changes(
            [
                self._change_row(verdict, move, assets, decimals, complete_at, is_asked=is_asked)
                for (verdict, move), decimals, is_asked in zip(moves, former, asked, strict=True)
            ]
        )
        self._let_explain(list(compress(change_ids, asked)))
        save_unasked(
            self._db,
            [
                one
                for one, is_moved, alone in zip(change_ids, moved, by_itself, strict=True)
                if is_moved and alone
            ],
            WhyUnknown.REBASING,
        )
        ids = {self._account_ids[verdict.account] for verdict, _ in moves}
        reports = Reports(self._db, ids, self._poll.observed_at)
        alerts: list[NewAlert] = []
        for (verdict, move), decimals, is_news, change_id in zip(
            moves, former, news, change_ids, strict=True
        ):
            found = recipients(
                move,
                watches=self._watches,
                ignored=ignored,
                account=verdict.account,
                status=self._status,
            )
            change = RecordedChange(
                row=change_id,
                account=verdict.account,
                account_id=self._account_ids[verdict.account],
                asset_id=assets.id_of(move.asset),
                step=self._step(move, assets, is_redenominated=decimals is not None),
                items=move.items,
            )
            alerts += reports.alerts_of(change, found, is_news=is_news)
        reports.save()
        return alerts

    def _step(self, move: Move, assets: AssetRows, *, is_redenominated: bool) -> Step:
        """Return a change as filters look at it."""
        row = assets[move.asset]
        description = to_description(row.kind, row.symbol, row.decimals, row.rebasing)
        usd, at = self._price(move.asset, assets)
        return Step(
            asset=move.asset,
            kind=move.kind,
            before=move.before,
            after=move.after,
            decimals=decimals_of(move.asset, description, self._chains),
            price_usd=price_that_counts(usd, to_moment_or_none(at), self._poll.observed_at),
            is_collection=description.is_collection,
            is_redenominated=is_redenominated,
        )

    def _insert_changes(self, rows: list[Row]) -> list[int]:
        """Insert changes and return their numbers, in the same order."""
        # Numbers grow with each insert, and nobody else inserts within the transaction.
        (newest,) = self._db.execute("SELECT coalesce(max(id), 0) FROM change").fetchone()
        self._db.insert_many("change", _CHANGE, rows)
        inserted = self._db.execute("SELECT id FROM change WHERE id > ? ORDER BY id", [newest])
        return [change_id for (change_id,) in inserted]

    def _change_row(
        self,
        verdict: Verdict,
        move: Move,
        assets: AssetRows,
        former_decimals: int | None,
        complete_at: Mapping[ChainId, int],
        *,
        is_asked: bool,
    ) -> Row:
        before, uniques_before, block_before = holding_to_row(move.before)
        after, uniques_after, block = holding_to_row(move.after)
        return (
            self._account_ids[verdict.account],
            assets.id_of(move.asset),
            move.kind,
            before,
            after,
            uniques_before,
            uniques_after,
            block_before,
            block,
            items_to_json(move.items),
            *self._price(move.asset, assets),
            self._previous_at(verdict, move.through, complete_at),
            self._at,
            self._poll.sweep,
            assets[move.asset].decimals,
            former_decimals,
            self._at if is_asked else None,
        )

    def _let_explain(self, asked: Collection[int]) -> None:
        """Let the transfers behind changes be asked for, and the alerts about these wait for that."""
        if asked:
            self._db.notify(SignalName.CHANGES)
        if self._explain_until:
            self._waiting |= dict.fromkeys(asked, self._explain_until)

    def _price(self, asset: Asset, assets: AssetRows) -> tuple[str | None, int | None]:
        """Return the asset's price in this batch, or else the stored one, and its moment if it is older."""
        row, read_at = assets[asset], self._poll.observed_at
        said = described_price(self._poll.descriptions.get(asset, NOTHING_SAID), read_at)
        if said is not None and said.seen_at == read_at:
            return said.usd, None
        is_stored = row.price_usd is not None and row.priced_at is not None
        if said is not None and not (is_stored and to_milliseconds(said.seen_at) < (row.priced_at or 0)):
            return said.usd, to_milliseconds(said.seen_at)
        return (row.price_usd, row.priced_at) if is_stored else (None, None)

    def _former_decimals(self, moves: Iterable[tuple[Verdict, Move]], assets: AssetRows) -> list[int | None]:
        """Return of each move the former decimals of its asset, if the amount before may be in these."""
        # An amount that changed since the source named other decimals was read with the new ones.
        changed = self._newest_changes(moves, assets)
        result: list[int | None] = []
        for verdict, move in moves:
            row, key = assets[move.asset], (self._account_ids[verdict.account], assets.id_of(move.asset))
            since = row.redenominated_in
            is_read_since = since is not None and changed.get(key, 0) >= since
            result.append(None if is_read_since or row.kind in WHOLE_KINDS else row.former_decimals)
            changed[key] = self._poll.sweep
        return result

    def _newest_changes(
        self, moves: Iterable[tuple[Verdict, Move]], assets: AssetRows
    ) -> dict[tuple[int, int], int]:
        """Return the sweep of the last change of each amount, of assets that once had other decimals."""
        redenominated = [
            (self._account_ids[verdict.account], assets[move.asset].redenominated_in or 0)
            for verdict, move in moves
            if assets[move.asset].former_decimals is not None
        ]
        if not redenominated:
            return {}
        accounts = {account_id for account_id, _ in redenominated}
        theirs = self._db.any_of(accounts)
        rows = self._db.execute(
            f"SELECT account_id, asset_id, max(sweep) FROM change WHERE account_id {theirs.sql}"
            " AND sweep >= ? GROUP BY account_id, asset_id",
            [*theirs.values, min(since for _, since in redenominated)],
        )
        return {(account_id, asset_id): sweep for account_id, asset_id, sweep in rows}

    def _previous_at(
        self, verdict: Verdict, parts: frozenset[Part], complete_at: Mapping[ChainId, int]
    ) -> int | None:
        """Return when the amount before was last seen, in milliseconds."""
        covered = self._coverage[self._key(verdict)]
        if parts.isdisjoint(covered) or verdict.chain_id not in complete_at:
            return None
        unknown = [since for part in parts if (since := covered.get(part)) is not None]
        return max(unknown) if unknown else complete_at[verdict.chain_id]


def _changes_by_itself(row: AssetRow) -> bool:
    """Whether the balances of an asset change without a transfer: asking for one would be in vain."""
    return bool(row.rebasing) or row.drifts >= DRIFTS_ENOUGH


_BALANCE = ("account_id", "asset_id", "amount", "uniques", "block", "standing", "told")
_DRIFT = ("account_id", "asset_id", "usual", "span", "seen_at")
_HELD = ("account_id", "asset_id", "amount", "uniques", "block", "times")
_OF_ASSET = ("account_id", "asset_id")
"""The key of these three tables."""

_CHANGE = (
    "account_id",
    "asset_id",
    "kind",
    "before",
    "after",
    "uniques_before",
    "uniques_after",
    "block_before",
    "block",
    "items",
    "price_usd",
    "priced_at",
    "previous_at",
    "observed_at",
    "sweep",
    "decimals",
    "former_decimals",
    "ask_at",
)


def _coverage_of(
    db: Database, account_ids: Collection[int], chain_ids: Collection[ChainId]
) -> dict[tuple[int, ChainId], dict[Part, int | None]]:
    """Return the coverage of accounts on some chains."""
    # A change is on one of an account's many chains: most rows are of the others.
    theirs, here = db.any_of(account_ids), db.any_of(chain_ids)
    rows = db.execute(
        "SELECT account_id, chain_id, part, unknown_since FROM coverage"
        f" WHERE account_id {theirs.sql} AND chain_id {here.sql}",
        [*theirs.values, *here.values],
    )
    result: dict[tuple[int, ChainId], dict[Part, int | None]] = defaultdict(dict)
    for account_id, chain_id, part, unknown_since in rows:
        result[account_id, chain_id][to_part(part)] = unknown_since
    return result
