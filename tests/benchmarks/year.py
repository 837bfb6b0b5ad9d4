"""A database with a year of history: a thousand changes a day, and what came of each in every destination.

By hand: `python -m tests.benchmarks.year FILE` makes one that ends now. Its amounts are one story: what an
account holds before a change is what it held after the one before. Equal arguments give equal rows.
"""

import random
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import click
import sqlite_utils

from bot.domain.assets import NATIVE, Address, Asset, ChainId
from bot.domain.places import Place
from bot.domain.rules.conditions import Condition, Level, Unit
from bot.store.database.schema import migrations
from bot.store.rows import filters_to_json, to_blob, to_milliseconds
from tests.benchmarks.load_rows import account_address

ACCOUNTS = 100
TOKENS_PER_CHAIN = 20
CHAINS = tuple(map(ChainId, (1, 10, 137, 8453, 42161)))
PRIVATE = Place(7001, "private", "Olga")
PLACES = (
    PRIVATE,
    Place(-1_002_000_000_001, "supergroup", "Treasury"),
    Place(-1_002_000_000_001, "supergroup", "Treasury", 11),
    Place(-1_002_000_000_001, "supergroup", "Treasury", 12),
    Place(-1_002_000_000_002, "supergroup", "Operations"),
    Place(-1_002_000_000_003, "supergroup", "Audit"),
)
"""Each of the first five watches every fifth account, all tokens of it; the last one every third."""

LAST_WITHOUT_TRACES = "m027_digests"
"""The last migration whose schema keeps nothing of a change that was not reported."""

_ALERTS_PER_MESSAGE = 4
_TEXT = "🔴 <b>Treasury 17</b> −1,250.123456 USDC (−$1,250.12) · Polygon\n    3,400.123456 → 2,150\n"
_ROWS_AT_ONCE = 10_000
_DAY_ZERO = datetime(1970, 1, 1, tzinfo=UTC)
_FILTERS = filters_to_json((Condition(levels=(Level(Decimal(1000), Unit.DOLLARS),)),))

_Row = Mapping[str, object]


class _Token(NamedTuple):
    row: int
    asset: Asset
    kind: str
    symbol: str | None
    decimals: int | None
    price_usd: str | None

    @property
    def unit(self) -> int:
        return int(10 ** (self.decimals or 0))


class _Unreported(NamedTuple):
    """Changes that a filter held back, one after the other."""

    first: int
    last: int
    steps: int
    since: int


class _Trace(NamedTuple):
    """One row of the two tables that say what became of a change in a destination."""

    table: str
    columns: _Row


def account(number: int) -> Address:
    """Return the address of one of the hundred accounts, by its number from 0."""
    return Address(account_address(number))


def label(number: int) -> str:
    """Return what every destination calls an account."""
    return f"Treasury {number}"


def watched(number: int) -> list[int]:
    """Return the accounts that a destination watches, each by its number."""
    divisor = 3 if number == len(PLACES) - 1 else len(PLACES) - 1
    return [one for one in range(ACCOUNTS) if one % divisor == number % divisor]


def make_year(
    path: Path, ends_at: datetime, *, days: int = 365, changes_per_day: int = 1_000, stop_before: str = ""
) -> Path:
    """Make a database with that much history and return its path; with all of it that takes half a minute.

    With `stop_before` the migrations end there: what the schema has no room for is left out.
    """
    db = sqlite_utils.Database(path, execute_plugins=False, strict=True)
    migrations.apply(db, stop_before=stop_before)
    db.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        _Writer(connection, ends_at, days, changes_per_day).write()
        connection.commit()
    return path


def first_migration_with_traces() -> str:
    """Return where to stop before; "" where the schema has no such migration yet."""
    with closing(sqlite_utils.Database(memory=True)) as empty:
        names = [one.name for one in migrations.pending(empty)]
    return next(iter(names[names.index(LAST_WITHOUT_TRACES) + 1 :]), "")


class _Writer:
    def __init__(self, db: sqlite3.Connection, ends_at: datetime, days: int, changes_per_day: int) -> None:
        self._db = db
        self._rng = random.Random(days * changes_per_day)  # noqa: S311 - the same rows each time
        self._ends_at = ends_at
        self._days = days
        self._changes = days * changes_per_day
        self._spacing = timedelta(days=days) / max(1, self._changes)
        self._tokens = tuple(_tokens())
        self._held: dict[tuple[int, int], int] = {}
        """What each account holds of each asset, both by their rows."""
        self._unreported: dict[tuple[int, int, int], _Unreported] = {}
        """By destination, account and asset."""
        self._watching = [
            [number + 1 for number in range(len(PLACES)) if one in watched(number)] for one in range(ACCOUNTS)
        ]

    def write(self) -> None:
        self._write_world()
        self._write_history()
        self._write_balances()
        self._write_gaps()
        self._write_worth()

    def _write_world(self) -> None:
        chats = list(dict.fromkeys(one.chat_id for one in PLACES))
        by_chat = {one.chat_id: one for one in PLACES}
        self._insert(
            "chat",
            (
                {
                    "id": chats.index(chat_id) + 1,
                    "telegram_id": chat_id,
                    "kind": one.kind,
                    "title": one.title,
                    "decided": 1,
                    "open": 1,
                }
                for chat_id, one in by_chat.items()
            ),
        )
        self._insert(
            "destination",
            (
                {"id": row, "chat_id": chats.index(one.chat_id) + 1, "thread_id": one.thread_id or 0}
                for row, one in enumerate(PLACES, 1)
            ),
        )
        self._insert("account", ({"id": n + 1, "address": to_blob(account(n))} for n in range(ACCOUNTS)))
        self._insert(
            "asset",
            (
                {
                    "id": one.row,
                    "chain_id": one.asset.chain_id,
                    "contract": to_blob(one.asset.contract) if one.asset.contract else b"",
                    "kind": one.kind,
                    "symbol": one.symbol,
                    "symbol_key": one.symbol and one.symbol.casefold(),
                    "decimals": one.decimals,
                    "rebasing": 0,
                    "price_usd": one.price_usd,
                    "priced_at": one.price_usd and to_milliseconds(self._ends_at),
                    "describe_at": to_milliseconds(self._ends_at + timedelta(days=7)),
                }
                for one in self._tokens
            ),
        )
        self._insert(
            "chain",
            (
                {"id": one, "highest_block": 30_000_000, "complete_at": to_milliseconds(self._ends_at)}
                for one in CHAINS
            ),
        )
        self._insert("subscription", self._subscriptions())
        self._insert(
            "coverage",
            (
                {"account_id": n + 1, "chain_id": chain_id, "part": part}
                for n in range(ACCOUNTS)
                for chain_id in CHAINS
                for part in (b"N", b"V")
            ),
        )

    def _subscriptions(self) -> Iterator[_Row]:
        began = to_milliseconds(self._ends_at - timedelta(days=self._days))
        for row in range(1, len(PLACES) + 1):
            for number, one in enumerate(watched(row - 1), 1):
                yield {
                    "destination_id": row,
                    "number": number,
                    "account_id": one + 1,
                    "contracts": "",
                    "chains": "",
                    "label": label(one),
                    "created_by": PRIVATE.chat_id,
                    "created_at": began,
                }

    def _write_history(self) -> None:
        traces = _Batch(self._insert)
        open_messages: dict[int, list[int]] = {}
        deliveries = 0
        for number in range(1, self._changes + 1):
            at = self._ends_at - self._spacing * (self._changes - number)
            holder = self._rng.randrange(ACCOUNTS)
            token = self._rng.choice(self._tokens)
            traces.add("change", self._change(number, holder + 1, token, at))
            for destination_id in self._watching[holder]:
                trace = self._trace(destination_id, number, holder, token, at)
                if trace.columns.get("state") == "told":
                    waiting = open_messages.setdefault(destination_id, [])
                    if not waiting:
                        deliveries += 1
                        waiting += [deliveries] * self._rng.randint(1, _ALERTS_PER_MESSAGE)
                        traces.add("delivery", _delivery(deliveries, destination_id, len(waiting), at))
                    trace = trace._replace(columns={**trace.columns, "delivery_id": waiting.pop()})
                traces.add(*trace)
        traces.flush()
        self._write_unreported()

    def _change(self, row: int, account_id: int, token: _Token, at: datetime) -> _Row:
        key = account_id, token.row
        held = self._held.get(key, 0)
        # Mostly a part of what is there or as much again, with every digit down to the smallest unit.
        after = (
            self._rng.randrange(2 * held) if held > token.unit else self._rng.randrange(10**5 * token.unit)
        )
        self._held[key] = after
        block = 20_000_000 + row if token.asset.contract else None
        return {
            "id": row,
            "account_id": account_id,
            "asset_id": token.row,
            "kind": "moved",
            "before": str(held),
            "after": str(after),
            "uniques_before": str(held) if token.kind == "ERC721" else None,
            "uniques_after": str(after) if token.kind == "ERC721" else None,
            "block": block,
            "block_before": block and block - 40,
            "price_usd": token.price_usd,
            "decimals": token.decimals,
            "previous_at": to_milliseconds(at - timedelta(minutes=1)),
            "observed_at": to_milliseconds(at),
            "sweep": row,
        }

    def _trace(self, destination_id: int, change: int, holder: int, token: _Token, at: datetime) -> _Trace:
        """Return what became of a change; of a hundred some six are not told, half of them summed up."""
        key = destination_id, holder + 1, token.row
        before = self._unreported.pop(key, _Unreported(change, change, 0, to_milliseconds(at)))
        chance = self._rng.random()
        if chance < 0.03:
            self._unreported[key] = before._replace(last=change, steps=before.steps + 1)
            return _untold(destination_id, change, holder, "filter", _FILTERS)
        if chance < 0.04 and not before.steps:
            return _untold(destination_id, change, holder, "ignored", "")
        columns = {
            "destination_id": destination_id,
            "change_id": change,
            "label": label(holder),
            "state": "withdrawn" if chance < 0.05 else "expired" if chance < 0.06 else "told",
            "delivery_id": None,
            "created_at": to_milliseconds(at),
            "first_change_id": before.first if before.steps else None,
            "steps": before.steps + 1,
            "wanted_by": str(holder // 5 + 1),
            "filters": _FILTERS if chance > 0.9 else "",
            "cause": "met" if chance > 0.9 else "",
        }
        return _Trace("alert", columns)

    def _write_unreported(self) -> None:
        self._insert(
            "unreported",
            (
                {
                    "account_id": account_id,
                    "asset_id": asset_id,
                    "destination_id": destination_id,
                    "label": label(account_id - 1),
                    "first_change_id": one.first,
                    "last_change_id": one.last,
                    "steps": one.steps,
                    "since": one.since,
                }
                for (destination_id, account_id, asset_id), one in self._unreported.items()
            ),
        )

    def _write_balances(self) -> None:
        self._insert(
            "balance",
            (
                {"account_id": holder, "asset_id": asset_id, "amount": str(amount), "standing": 1}
                for (holder, asset_id), amount in self._held.items()
                if amount
            ),
        )

    def _write_gaps(self) -> None:
        """Let each chain be out of sight for twenty minutes every third day, and an account each day."""
        began = self._ends_at - timedelta(days=self._days)
        gaps = [(0, chain_id, day) for chain_id in CHAINS for day in range(0, self._days, 3)]
        gaps += [(day % ACCOUNTS + 1, CHAINS[day % len(CHAINS)], day) for day in range(self._days)]
        self._insert(
            "gap",
            (
                {
                    "account_id": account_id,
                    "chain_id": chain_id,
                    "since": to_milliseconds(began + timedelta(days=day, hours=1 + bool(account_id))),
                    "until": to_milliseconds(
                        began + timedelta(days=day, hours=1 + bool(account_id), minutes=20)
                    ),
                }
                for account_id, chain_id, day in gaps
            ),
        )

    def _write_worth(self) -> None:
        last = (self._ends_at - _DAY_ZERO).days
        self._insert(
            "worth",
            (
                {
                    "destination_id": row,
                    "account_id": one + 1,
                    "day": day,
                    "at": to_milliseconds(_DAY_ZERO + timedelta(days=day, minutes=1)),
                    "usd": f"{self._rng.randrange(10**6, 10**9)}.{self._rng.randrange(10**18):018}",
                    "priced": 80,
                    "unpriced": 21,
                    "ignored": 0,
                    "unknown": "",
                    "last_known": "",
                }
                for row in range(1, len(PLACES) + 1)
                for one in watched(row - 1)
                for day in range(last - self._days + 1, last + 1)
            ),
        )

    def _insert(self, table: str, rows: Iterable[_Row]) -> None:
        """Insert rows, without the columns that the table does not have; without the table, nothing."""
        there = {name for _, name, *_ in self._db.execute(f"PRAGMA table_info({table})")}
        names: Sequence[str] = ()
        values = []
        for row in rows:
            names = names or [name for name in row if name in there]
            values.append([row[name] for name in names])
        if names:
            marks = ",".join("?" * len(names))
            self._db.executemany(f"INSERT INTO {table} ({','.join(names)}) VALUES ({marks})", values)


class _Batch:
    """Rows of several tables that wait to be inserted together."""

    def __init__(self, insert: Callable[[str, Iterable[_Row]], None]) -> None:
        self._insert = insert
        self._rows: dict[str, list[_Row]] = {"change": [], "delivery": [], "alert": [], "unalerted": []}

    def add(self, table: str, row: _Row) -> None:
        rows = self._rows[table]
        rows.append(row)
        if len(rows) >= _ROWS_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        for table, rows in self._rows.items():  # in this order: rows refer to those before them
            self._insert(table, rows)
            rows.clear()


def _tokens() -> Iterator[_Token]:
    """Yield each chain's coin, then its tokens: most with 18 decimals, one with none, one nobody knows of."""
    row = 0
    for chain_id in CHAINS:
        row += 1
        yield _Token(row, Asset(chain_id, NATIVE), "NATIVE", None, 18, "1834.221")
        for number in range(TOKENS_PER_CHAIN):
            row += 1
            asset = Asset(chain_id, Address(account_address(10_000 * chain_id + number)))
            match number:
                case 0:
                    yield _Token(row, asset, "ERC20", "USDC", 6, "0.999812")
                case 1:
                    yield _Token(row, asset, "ERC721", "PUNK", 0, None)
                case 2:
                    yield _Token(row, asset, "ERC20", None, None, None)
                case _:
                    yield _Token(row, asset, "ERC20", f"TOK{number}", 18, f"{number}.0{number}")


def _untold(destination_id: int, change: int, holder: int, reason: str, filters: str) -> _Trace:
    columns = {
        "destination_id": destination_id,
        "change_id": change,
        "reason": reason,
        "label": label(holder),
        "wanted_by": str(holder // 5 + 1),
        "filters": filters,
    }
    return _Trace("unalerted", columns)


def _delivery(row: int, destination_id: int, alerts: int, at: datetime) -> _Row:
    return {
        "id": row,
        "destination_id": destination_id,
        "text": _TEXT * alerts,
        "state": "sent",
        "attempts": 1,
        "tried_at": to_milliseconds(at),
        "not_before": to_milliseconds(at + timedelta(seconds=2)),
        "message_id": row,
    }


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
def main(path: Path) -> None:
    """Make a database at PATH with a year of history that ends now."""
    make_year(path, datetime.now(UTC))


if __name__ == "__main__":
    main()
