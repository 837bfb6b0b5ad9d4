"""Records what one batch of a sweep observed, together with the alerts that follow from it.

Begin at `record_poll`. What a verdict says was decided in `domain/observe/compare`; here it is narrowed to
what is still asked for, and written.
"""

from collections import defaultdict
from collections.abc import Iterable

from bot.domain.assets import (
    NATIVE,
    NATIVE_PART,
    NOTHING_SAID,
    WHOLE_KINDS,
    WITH_IDS,
    Address,
    Asset,
    ChainId,
    Description,
    Items,
    Part,
)
from bot.domain.deliver.alerts import Baseline
from bot.domain.drifts import Drift
from bot.domain.observations import Balance, Hold, Move, Poll, Standing, Verdict
from bot.domain.observe.descriptions import asked_again_in, decimals_of_change, is_complete
from bot.domain.observe.plan import watched_parts, watches_by_account
from bot.domain.observe.readings import Coverage
from bot.domain.observe.recipients import NO_RULES, Watches, recipients, recipients_of_parts, unignored_parts
from bot.domain.subscriptions import DestinationId
from bot.domain.symbols import symbol_key
from bot.store.balances.coverage import marks, subscriptions_about
from bot.store.balances.prices import PRICES_SAVED_EVERY
from bot.store.balances.snapshots import DRIFTS_ENOUGH, Views, account_ids, replace_items, stored_sweep, views
from bot.store.chats.ignore_list import all_rules
from bot.store.database.door import Database
from bot.store.outbox.alerts import enqueue_alert
from bot.store.polling.gaps import close_account_gap
from bot.store.rows import (
    balance_to_row,
    holding_to_row,
    items_to_json,
    part_to_blob,
    to_blob,
    to_description,
    to_milliseconds,
    to_part,
)


def record_poll(db: Database, poll: Poll, status: Part) -> int:
    """Write what one batch observed; returns how many alerts that makes.

    `status` is the part that stands for the lists of the configured contract status.

    Balances, coverage, changes and the alerts about them are one transaction: a balance that was stored
    without its alert would never be reported.
    """
    with db.transaction():
        # Answers may arrive late. Those of an older sweep would put back what a newer one has seen.
        if poll.sweep < stored_sweep(db):
            return 0
        return _PollRecorder(db, poll, status).write()


class _PollRecorder:
    """Writes one batch inside an open transaction."""

    def __init__(self, db: Database, poll: Poll, status: Part) -> None:
        self._db = db
        self._poll = poll
        self._status = status
        self._at = to_milliseconds(poll.observed_at)
        self._account_ids = account_ids(db, [verdict.account for verdict in poll.verdicts])
        self._watches: Watches = watches_by_account(subscriptions_about(db, self._account_ids.values()))
        self._ignored = all_rules(db)
        self._asset_ids: dict[Asset, int] = {}
        """Rows of the assets met so far: many accounts of a batch hold the same ones."""

    def write(self) -> int:
        """Write every verdict, then the baselines, and return the number of alerts."""
        verdicts = [self._as_still_asked(verdict) for verdict in self._poll.verdicts]
        # Descriptions before balances, so that a change is recorded with the decimals known by now.
        for asset, description in self._poll.described.items():
            self._describe(asset, description)
        alerts = sum(self._write_verdict(verdict) for verdict in verdicts if not verdict.says_nothing_new)
        for (account, asset), items in self._poll.items.items():
            if account in self._watches:
                self._write_items(account, asset, items)
        # Baselines count what is stored, so they come after all balances.
        return alerts + self._enqueue_baselines(verdicts)

    def _as_still_asked(self, verdict: Verdict) -> Verdict:
        """Return of a verdict only what somebody asked for when the batch was planned and still asks for."""
        # A subscription newer than the plan was not meant by its questions: it would get a baseline without
        # the tokens that nobody had asked about.
        pairs = [
            pair
            for pair in self._watches.get(verdict.account, ())
            if max(pair[0].id, pair[1].id) <= self._poll.asked_under
        ]
        asked = watched_parts(pairs, verdict.chain_id, self._status)
        if verdict.says_nothing_new or not asked:
            return Verdict(verdict.account, verdict.chain_id, never_seen=verdict.never_seen & asked)
        # Coverage that ended meanwhile ended for good: a chat closed and opened again begins with a baseline.
        valid = asked & (verdict.first_seen | self._covered(verdict))
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
                if self._is_within(asset, balance, valid)
            },
            holds={
                asset: hold
                for asset, hold in verdict.holds.items()
                if valid & {asset.part, *({self._status} if asset.contract else ())}
            },
            drifts=verdict.drifts,
            drifted=verdict.drifted,
        )

    def _covered(self, verdict: Verdict) -> frozenset[Part]:
        rows = self._db.execute(
            "SELECT part FROM coverage WHERE account_id = ? AND chain_id = ?",
            [self._account_ids[verdict.account], verdict.chain_id],
        )
        return frozenset(to_part(blob) for (blob,) in rows)

    def _is_within(self, asset: Asset, balance: Balance | None, asked: frozenset[Part]) -> bool:
        standing = Standing.LISTED if balance is None else balance.standing
        return Coverage(asked, self._status).speaks_of(asset, standing)

    def _as_covered(self, asset: Asset, balance: Balance | None, covered: frozenset[Part]) -> Balance | None:
        """Return a token's balance as known by its contract alone, where nobody asks for lists any more."""
        if balance is None or asset.contract == NATIVE or self._status in covered:
            return balance
        return balance._replace(standing=Standing.NAMED)

    def _write_verdict(self, verdict: Verdict) -> int:
        account_id = self._account_ids[verdict.account]
        # Coverage and chain come first: `_previous_at` reads them for the moves.
        for part in verdict.first_seen:
            self._db.execute(
                "INSERT OR IGNORE INTO coverage (account_id, chain_id, part) VALUES (?, ?, ?)",
                [account_id, verdict.chain_id, part_to_blob(part)],
            )
            self._db.execute(
                "INSERT OR IGNORE INTO chain (id, complete_at) VALUES (?, ?)", [verdict.chain_id, self._at]
            )
        alerts = sum(self._write_move(verdict, account_id, move) for move in verdict.moves)
        # Only now, as the moves read since when they were unknown.
        for part in verdict.seen_again:
            self._db.execute(
                "UPDATE coverage SET unknown_since = NULL WHERE account_id = ? AND chain_id = ? AND part = ?",
                [account_id, verdict.chain_id, part_to_blob(part)],
            )
        if verdict.seen_again:
            close_account_gap(self._db, account_id, verdict.chain_id, self._poll.observed_at)
        for asset, balance in verdict.balances.items():
            self._write_balance(account_id, asset, balance)
            if asset in verdict.drifts and balance is not None:
                self._write_drift(account_id, asset, verdict.drifts[asset])
            if asset in verdict.drifted:
                self._count_drift(asset)
        for asset, hold in verdict.holds.items():
            self._write_hold(account_id, asset, hold)
        return alerts

    def _write_balance(self, account_id: int, asset: Asset, balance: Balance | None) -> None:
        asset_id = self._asset_id(asset)
        if balance is None:
            # Zero is not stored. The next balance chooses a new `holder`, by whom the asset is described.
            for table in ("balance", "drift"):
                self._db.execute(
                    f"DELETE FROM {table} WHERE account_id = ? AND asset_id = ?", [account_id, asset_id]
                )
            self._db.execute(
                "UPDATE asset SET holder = NULL WHERE id = ? AND holder = ?", [asset_id, account_id]
            )
            return
        self._db.execute(
            "UPDATE asset SET holder = ? WHERE id = ? AND holder IS NULL", [account_id, asset_id]
        )
        self._db.execute(
            "REPLACE INTO balance (account_id, asset_id, amount, uniques, block, standing, told)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [account_id, asset_id, *balance_to_row(balance)],
        )

    def _save_price(self, asset_id: int, asset: Asset) -> None:
        """Store the price that came with an asset, unless the stored one is less than an hour older."""
        description = self._poll.descriptions.get(asset)
        if description and description.price_usd is not None:
            before = to_milliseconds(self._poll.observed_at - PRICES_SAVED_EVERY)
            self._db.execute(
                "UPDATE asset SET price_usd = ?, priced_at = ?"
                " WHERE id = ? AND (priced_at IS NULL OR priced_at <= ?)",
                [description.price_usd, self._at, asset_id, before],
            )

    def _price(self, asset: Asset) -> tuple[str | None, int | None]:
        """Return the asset's price in this batch, or else the last known one and when that was read."""
        description = self._poll.descriptions.get(asset)
        if description and description.price_usd is not None:
            return description.price_usd, None
        last = self._poll.last_prices.get(asset)
        return (last.usd, to_milliseconds(last.seen_at)) if last else (None, None)

    def _write_drift(self, account_id: int, asset: Asset, drift: Drift) -> None:
        usual_raw, span_ms, seen_at = drift
        self._db.execute(
            "REPLACE INTO drift (account_id, asset_id, usual, span, seen_at) VALUES (?, ?, ?, ?, ?)",
            [account_id, self._asset_id(asset), str(usual_raw), span_ms, to_milliseconds(seen_at)],
        )

    def _count_drift(self, asset: Asset) -> None:
        """Count a sweep in which an asset drifted: once a sweep, whoever holds it, up to what is needed."""
        self._db.execute(
            "UPDATE asset SET drifts = drifts + 1, drifted_in = ?1"
            " WHERE id = ?2 AND drifts < ?3 AND ifnull(drifted_in, 0) < ?1",
            [self._poll.sweep, self._asset_id(asset), DRIFTS_ENOUGH],
        )

    def _write_hold(self, account_id: int, asset: Asset, hold: Hold | None) -> None:
        asset_id = self._asset_id(asset)
        if hold is None:
            self._db.execute("DELETE FROM held WHERE account_id = ? AND asset_id = ?", [account_id, asset_id])
            return
        self._db.execute(
            "REPLACE INTO held (account_id, asset_id, amount, uniques, block, times)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            [account_id, asset_id, *holding_to_row(hold.amount), hold.times],
        )

    def _write_items(self, account: Address, asset: Asset, items: Items) -> None:
        replace_items(self._db, self._account_ids[account], self._asset_id(asset), items)

    def _write_move(self, verdict: Verdict, account_id: int, move: Move) -> int:
        labels = recipients(
            move,
            watches=self._watches,
            ignored=self._ignored,
            account=verdict.account,
            status=self._status,
        )
        former, decimals = self._decimals(account_id, self._asset_id(move.asset))
        # As much is held as before, in smaller or larger units: recorded, and no news to anybody.
        if _is_redenomination_only(move, former, decimals):
            labels = {}
        change_id = self._insert_change(verdict, account_id, move, former, decimals)
        for destination_id, label in labels.items():
            enqueue_alert(self._db, destination_id, self._at, label=label, change_id=change_id)
        return len(labels)

    def _insert_change(
        self, verdict: Verdict, account_id: int, move: Move, former: int | None, decimals: int | None
    ) -> int:
        before, uniques_before, block_before = holding_to_row(move.before)
        after, uniques_after, block = holding_to_row(move.after)
        price_usd, priced_at = self._price(move.asset)
        (change_id,) = self._db.execute(
            "INSERT INTO change (account_id, asset_id, kind, before, after, uniques_before, uniques_after,"
            " block_before, block, items, price_usd, priced_at, previous_at, observed_at, sweep, decimals,"
            " former_decimals) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
            [
                account_id,
                self._asset_id(move.asset),
                move.kind,
                before,
                after,
                uniques_before,
                uniques_after,
                block_before,
                block,
                items_to_json(move.items),
                price_usd,
                priced_at,
                self._previous_at(account_id, verdict.chain_id, move.through),
                self._at,
                self._poll.sweep,
                decimals,
                former,
            ],
        ).fetchone()
        return int(change_id)

    def _decimals(self, account_id: int, asset_id: int) -> tuple[int | None, int | None]:
        """Return the former decimals, if the stored amount may be in these, and the decimals known now."""
        kind, decimals, former, since = self._db.execute(
            "SELECT kind, decimals, former_decimals, redenominated_in FROM asset WHERE id = ?", [asset_id]
        ).fetchone()
        if former is None or kind in WHOLE_KINDS:
            return None, decimals
        # An amount that changed since the source named other decimals was read with the new ones.
        changed = self._db.execute(
            "SELECT 1 FROM change WHERE account_id = ? AND sweep >= ? AND asset_id = ?",
            [account_id, since, asset_id],
        ).fetchone()
        return (None if changed else former), decimals

    def _previous_at(self, account_id: int, chain_id: ChainId, parts: frozenset[Part]) -> int | None:
        """Return when the amount before was last seen, in milliseconds."""
        row = self._db.execute(
            "SELECT ifnull(max(v.unknown_since), max(c.complete_at))"
            " FROM coverage v JOIN chain c ON c.id = v.chain_id"
            f" WHERE v.account_id = ? AND v.chain_id = ? AND v.part IN ({marks(parts)})",
            [account_id, chain_id, *map(part_to_blob, parts)],
        ).fetchone()
        return row[0] if row else None

    def _enqueue_baselines(self, verdicts: Iterable[Verdict]) -> int:
        by_account: dict[Address, list[Verdict]] = defaultdict(list)
        for verdict in verdicts:
            by_account[verdict.account].append(verdict)
        of_new = {
            account: of_account
            for account, of_account in by_account.items()
            if any(verdict.first_seen for verdict in of_account)
        }
        stored = views(self._db, tuple(of_new))
        return sum(
            self._enqueue_baseline(account, of_account, stored) for account, of_account in of_new.items()
        )

    def _enqueue_baseline(self, account: Address, verdicts: list[Verdict], stored: Views) -> int:
        """Enqueue a first reading, once for each label that a destination has for the account."""
        named: dict[tuple[DestinationId, str], list[Verdict]] = defaultdict(list)
        names: dict[tuple[DestinationId, str], None] = {}
        for verdict in verdicts:
            about = self._watches, account, verdict.chain_id
            seen = recipients_of_parts(*about, verdict.first_seen, self._status)
            for name in (recipients_of_parts(*about, verdict.never_seen, self._status) | seen).items():
                named[name].append(verdict)
            names |= dict.fromkeys(seen.items())
        for name in names:
            destination_id, label = name
            notice = self._baseline(destination_id, account, label, named[name], stored)
            enqueue_alert(self._db, destination_id, self._at, label=label, notice=notice)
        return len(names)

    def _baseline(
        self,
        destination_id: DestinationId,
        account: Address,
        label: str,
        verdicts: list[Verdict],
        stored: Views,
    ) -> Baseline:
        """Return the first reading as one destination asked for it: nothing that only others asked for.

        Balances are counted in what is stored, as others' subscriptions may have brought some before.
        """
        mine = [pair for pair in self._watches[account] if pair[0].destination_id == destination_id]
        rules = self._ignored.get(destination_id, NO_RULES)
        balances, seen, unanswered = 0, [], []
        read: set[Part] = set()
        wanted: set[Part] = set()
        for verdict in verdicts:
            parts = watched_parts(mine, verdict.chain_id, self._status)
            if verdict.first_seen & parts:
                seen.append(verdict.chain_id)
                read |= verdict.first_seen & parts
                wanted |= parts
                balances += sum(
                    self._is_within(asset, balance, unignored_parts(parts & verdict.first_seen, rules, asset))
                    for asset, balance in stored[account, verdict.chain_id].balances.items()
                )
            elif verdict.never_seen & parts:
                unanswered.append(verdict.chain_id)
        # Tokens are named only where they alone are new: the account itself was read before.
        listed = {NATIVE_PART, self._status}
        contracts = sorted(map(Address, read)) if listed & wanted and not listed & read else []
        return Baseline(
            account=account,
            label=label,
            balances=balances,
            chains=tuple(seen),
            unanswered=tuple(unanswered),
            contracts=tuple(contracts),
        )

    def _asset_id(self, asset: Asset) -> int:
        """Return the row of an asset, written when it is met for the first time in this batch."""
        if asset not in self._asset_ids:
            self._asset_ids[asset] = self._upsert_asset(asset)
            self._save_price(self._asset_ids[asset], asset)
        return self._asset_ids[asset]

    def _upsert_asset(self, asset: Asset) -> int:
        """Insert an asset if it is new; returns its row."""
        description = self._poll.descriptions.get(asset, NOTHING_SAID)
        # Of a known asset one thing is updated: a contract of unknown type that came with token ids is a
        # collection from now on (its kind ends with WITH_IDS).
        self._db.execute(
            "INSERT INTO asset (chain_id, contract, kind, symbol, decimals, rebasing, symbol_key)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (chain_id, contract) DO UPDATE"
            " SET kind = excluded.kind WHERE excluded.kind = kind || ?",
            [*_asset_row(asset, description), WITH_IDS],
        )
        (asset_id,) = self._db.execute(
            "SELECT id FROM asset WHERE chain_id = ? AND contract = ?",
            [asset.chain_id, to_blob(asset.contract)],
        ).fetchone()
        return int(asset_id)

    def _describe(self, asset: Asset, said: Description) -> None:
        """Store what the source said an asset is; what it left open stays as it was known."""
        asset_id = self._asset_id(asset)
        row = self._db.execute(
            "SELECT kind, symbol, decimals, rebasing, asked_in_vain FROM asset WHERE id = ?", [asset_id]
        ).fetchone()
        known, in_vain = to_description(*row[:-1]), row[-1]
        described = known.merged(said)
        in_vain = 0 if is_complete(described) else in_vain + 1
        self._db.execute(
            "UPDATE asset SET kind = ?, symbol = ?, decimals = ?, rebasing = ?, symbol_key = ?,"
            " asked_in_vain = ?, described_at = ?, describe_at = ? WHERE id = ?",
            [
                *_asset_row(asset, described)[2:],
                in_vain,
                self._at,
                to_milliseconds(self._poll.observed_at + asked_again_in(in_vain)),
                asset_id,
            ],
        )
        if known.decimals not in (None, described.decimals):
            self._db.execute(
                "UPDATE asset SET former_decimals = ?, redenominated_in = ? WHERE id = ?",
                [known.decimals, self._poll.sweep, asset_id],
            )


def _is_redenomination_only(move: Move, former: int | None, now: int | None) -> bool:
    """Return whether an amount changed only because the token's decimals did; both may be None."""
    before, after = move.before.amount_raw, move.after.amount_raw
    return before != after and not decimals_of_change(before, after, former, now).difference(before, after)


def _asset_row(
    asset: Asset, description: Description
) -> tuple[int, bytes, str, str | None, int | None, bool, str | None]:
    kind, symbol, decimals, rebasing, _ = description
    key = symbol_key(symbol) or None
    return asset.chain_id, to_blob(asset.contract), kind, symbol, decimals, rebasing, key
