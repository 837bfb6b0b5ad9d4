"""Moves all data from a database to another one, and can be ended anywhere and go on.

No bot may use either of them meanwhile. The source is only read until all has arrived and was compared; then
it is marked, so that no bot goes on with what is no longer true, and only then the target may be used. A move
that was killed leaves a target that no bot takes, and the next one goes on with it.
"""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Concatenate, ParamSpec, TypeVar

from bot.domain.replicas.replica import TTL_SECONDS
from bot.domain.replicas.roles import Role
from bot.store.database.door import Database, OpenDatabase
from bot.store.database.errors import DatabaseInUse
from bot.store.database.moved import MoveMark, MoveState, day, day_of, read_mark, write_mark
from bot.store.database.tables import TableShape, all_tables
from bot.store.move.content import (
    ROWS_AT_ONCE,
    Digest,
    Row,
    count_rows,
    digest_of,
    is_whole,
    key_of,
    last_key,
    slices,
    that_move,
)
from bot.store.replicas.seen import replicas_seen

STAYING = frozenset({"replica", "lease"})
"""Tables that don't move: they are about the programs that use a server."""

HOLD_MS = 60_000
"""How long a source keeps bots away after a move was killed; while it runs that begins anew all the time."""

HELD_AGAIN_AFTER_SECONDS = 10
"""A slice takes some seconds at most: that leaves enough of the minute."""

ID_BYTES = 8
"""Of what tells a move from any other."""

STOPPED = "stopped before the end: run the same command again to go on"

Report = Callable[[int, int, str], None]
"""Called with how many steps are done, of how many, and what is being done."""

P = ParamSpec("P")
T = TypeVar("T")


class MoveFailed(Exception):
    """The data was not moved, or not all of it; the text says why and what to do about it."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two databases of a move."""

    db: OpenDatabase
    name: str
    """What people call it."""
    is_server: bool

    @property
    def command(self) -> str:
        """What takes data to this side."""
        return "balance-bot move" if self.is_server else "balance-bot move --back"

    def read(self, work: Callable[[OpenDatabase], T]) -> T:
        """Run a unit of work that writes nothing."""
        with self.db.unit(None):
            return work(self.db)

    def write(
        self, work: Callable[Concatenate[OpenDatabase, P], object], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Run a unit of work as one transaction."""
        with self.db.unit(None), self.db.transaction():
            work(self.db, *args, **kwargs)


def move_all(
    source: Side,
    target: Side,
    now_ms: int,
    *,
    report: Report = lambda *_: None,
    is_given_up: Callable[[], bool] = lambda: False,
    rows_at_once: int = ROWS_AT_ONCE,
    monotonic: Callable[[], float] = time.monotonic,
) -> int:
    """Take all data from one database to the other; returns how many rows that are.

    `monotonic` is a clock in seconds that is never set. Whoever calls this keeps bots from the file. Raises
    MoveFailed, and DatabaseInUse if a bot runs over the server.
    """
    with _explained(source, target):
        one = _Move(
            source,
            target,
            now_ms=now_ms,
            report=report,
            is_given_up=is_given_up,
            rows_at_once=rows_at_once,
            monotonic=monotonic,
        )
        one.begin()
        one.copy()
        one.compare()
        one.finish()
        return one.total // 2


@contextmanager
def _explained(*sides: Side) -> Iterator[None]:
    """Say what to do about a full disk and the like."""
    try:
        yield
    except tuple(side.db.Error for side in sides) as error:
        fault = next(filter(None, (side.db.fault_of(error) for side in sides)), None)
        if fault is None:
            # Such as a text with a zero in it, which a former version took from the source.
            raise MoveFailed(
                f"a value can't be moved ({error}): the source is as it was; report this"
            ) from error
        raise MoveFailed(
            f"{fault}; what was moved so far is kept: run the same command again to go on"
        ) from error


def moving_tables() -> list[TableShape]:
    """Return the tables that move, each behind those that it refers to."""
    return [table for table in all_tables() if table.name not in STAYING]


def has_data(db: OpenDatabase) -> bool:
    """Say whether a bot has written into a database; settings alone are none of its data."""
    return any(count_rows(db, table) for table in moving_tables() if table.name != "setting")


class _Move:
    """One run of a move."""

    def __init__(
        self,
        source: Side,
        target: Side,
        *,
        now_ms: int,
        report: Report,
        is_given_up: Callable[[], bool],
        rows_at_once: int,
        monotonic: Callable[[], float],
    ) -> None:
        self._source = source
        self._target = target
        self._now_ms = now_ms
        self._report = report
        self._is_given_up = is_given_up
        self._rows_at_once = rows_at_once
        self._monotonic = monotonic
        self._held_at = float("-inf")
        self._epochs: Mapping[str, int] = {}
        """Of the roles at the source, as this move has given them."""
        self._tables = moving_tables()
        self._born = source.read(lambda db: min(db.migrated().values()))
        self._id = secrets.token_hex(ID_BYTES)
        self._done = 0
        self.total = 0

    def begin(self) -> None:
        """See that both databases are as they have to be, and keep bots away from them."""
        source, target = self._source, self._target
        (source if source.is_server else target).read(_refuse_replicas)
        arrived = target.read(read_mark)
        begun = arrived if arrived is not None and self._is_begun(arrived) else None
        self._refuse_source(source.read(read_mark), begun)
        if begun is None:
            self._refuse_target(arrived)
        else:
            self._id = begun.move
        if source.is_server:
            source.write(self._take_source)
        else:
            target.write(_take_roles)
        if begun is None:
            target.write(_begin_to_arrive, self._mark(MoveState.ARRIVING, self._now_ms))
        self.total = 2 * sum(count_rows(source.db, table) for table in self._tables)

    def copy(self) -> None:
        """Copy what is not there yet, slice by slice."""
        source, target = self._source.db, self._target.db
        if not all(map(self._is_right_so_far, self._tables)):
            self._clear()
        for table in self._tables:
            there = count_rows(target, table)
            self._step(there, f"copying {table.name}")
            if there and is_whole(table):
                continue
            after = last_key(target, table) if there else None
            for rows in slices(source, table, after, self._rows_at_once):
                self._target.write(_load, table, rows)
                self._step(len(rows), f"copying {table.name}")
        self._target.write(_go_on_behind, self._source.read(lambda db: db.last_numbers()))

    def compare(self) -> None:
        """Compare each value of both databases."""
        source, target = self._source, self._target
        for table in self._tables:
            there, here = self._digest(source, table), self._digest(target, table)
            if there != here:
                raise MoveFailed(
                    f"the table {table.name} of {target.name} is not as in {source.name} "
                    f"({here.rows:,} of {there.rows:,} rows): run the same command again, which begins anew"
                )
            self._step(there.rows, f"comparing {table.name}")

    def finish(self) -> None:
        """Let nobody use the source any more, and bots the target."""
        if self._target.is_server:
            # One by one, as the server ends what takes long; and before nobody may use either of them.
            for table in self._tables:
                self._target.write(_analyze, table)
        # In this order: whatever ends this program in between, there are never two that bots would take.
        self._source.write(self._mark_as_gone)
        self._target.write(_open_to_bots)

    # what may be moved where

    def _is_begun(self, arrived: MoveMark) -> bool:
        return arrived.state is MoveState.ARRIVING and arrived.source == self._born

    def _refuse_source(self, mark: MoveMark | None, begun: MoveMark | None) -> None:
        name = self._source.name
        if not has_data(self._source.db):
            raise MoveFailed(f"{name} has no data of a bot: nothing is to be moved from there")
        if mark is None or mark.state is MoveState.LEAVING:
            return
        if mark.state is MoveState.ARRIVING:
            raise MoveFailed(
                f"{name} has only a part of what {mark.other} has: finish the move that brings it, "
                f"with `{self._source.command}`"
            )
        if begun is None or not mark.is_of_same_move(begun):
            earlier = f", and what {self._target.name} has of it is not needed" if begun else ""
            raise MoveFailed(
                f"the data of {name} moved to {mark.other} on {day_of(mark)}: nothing is left to do{earlier}"
            )

    def _refuse_target(self, mark: MoveMark | None) -> None:
        name = self._target.name
        empty = "give store.url an empty one" if self._target.is_server else "move it away"
        if mark is not None and mark.state is MoveState.ARRIVING:
            raise MoveFailed(
                f"{name} has a part of what {mark.other} has, by a move of {day_of(mark)}: "
                f"finish that one, or {empty}"
            )
        if mark is not None and mark.state is MoveState.GONE:
            raise MoveFailed(f"{name} has what moved to {mark.other} on {day_of(mark)}: {empty}")
        if has_data(self._target.db):
            raise MoveFailed(
                f"{name} has data of a bot ({self._target.read(_what_is_there)}), "
                f"and nothing is merged or written over: {empty}"
            )

    # while it moves

    def _step(self, rows: int, what: str) -> None:
        self._done += rows
        self._report(self._done, self.total, what)
        self._between()

    def _between(self) -> None:
        """End between two slices if that is asked for, and keep bots away from the source if not."""
        if self._is_given_up():
            raise MoveFailed(STOPPED)
        if self._source.is_server and self._monotonic() >= self._held_at + HELD_AGAIN_AFTER_SECONDS:
            self._source.write(self._hold)
            self._held_at = self._monotonic()

    def _digest(self, side: Side, table: TableShape, up_to: int | None = None) -> Digest:
        return digest_of(side.db, table, self._rows_at_once, up_to, self._between)

    def _is_right_so_far(self, table: TableShape) -> bool:
        """Say whether a table of the target begins as that of the source: of a move that was killed."""
        here = self._digest(self._target, table)
        return here.rows == 0 or here == self._digest(self._source, table, here.rows)

    def _clear(self) -> None:
        """Delete what arrived from a source that has changed since."""
        for table in reversed(self._tables):
            for rows in slices(self._target.db, table, None, self._rows_at_once):
                self._target.write(_delete, table, rows)
                self._between()

    def _take_source(self, db: OpenDatabase) -> None:
        """Keep bots away from the source from now on."""
        _take_roles(db)
        self._epochs = _epochs(db)
        mark = read_mark(db)
        if mark is None or mark.state is not MoveState.GONE:
            write_mark(db, self._mark(MoveState.LEAVING, db.now_ms() + HOLD_MS))

    def _hold(self, db: OpenDatabase) -> None:
        """Keep bots away from the source for a while longer."""
        mark = read_mark(db)
        if mark is None or mark.move != self._id:
            raise MoveFailed(f"another move of {self._source.name} has begun: let that one end")
        if _epochs(db) != self._epochs:
            # Only once this program stood still for longer than the source keeps bots away.
            raise MoveFailed(
                f"a bot has run over {self._source.name} meanwhile, and nothing is lost: stop every replica, "
                "and run the same command again, which begins anew"
            )
        if mark.state is MoveState.LEAVING:
            write_mark(db, self._mark(MoveState.LEAVING, db.now_ms() + HOLD_MS))

    def _mark_as_gone(self, db: OpenDatabase) -> None:
        if self._source.is_server:
            # Who takes a role at this moment, and read no mark yet, is waited for, or gets none.
            _take_roles(db)
            self._epochs = {role: epoch + 1 for role, epoch in self._epochs.items()}
            self._hold(db)
        write_mark(db, self._mark(MoveState.GONE, self._now_ms))

    def _mark(self, state: MoveState, at: int) -> MoveMark:
        here, other = self._source, self._target
        if state is MoveState.ARRIVING:
            here, other = other, here
        return MoveMark(
            state=state,
            here=here.name,
            other=other.name,
            is_server=here.is_server,
            source=self._born,
            at=at,
            move=self._id,
        )


def _begin_to_arrive(db: Database, mark: MoveMark) -> None:
    db.execute("DELETE FROM setting")  # a new database may have some
    write_mark(db, mark)


def _load(db: OpenDatabase, table: TableShape, rows: Sequence[Row]) -> None:
    db.load(table.name, table.columns, rows)


def _delete(db: Database, table: TableShape, rows: Sequence[Row]) -> None:
    if is_whole(table):
        db.execute(f"DELETE FROM {table.name}")
        return
    key, marks = ", ".join(table.key), ", ".join("?" * len(table.key))
    db.execute(
        f"DELETE FROM {table.name} WHERE {that_move(table)} AND ({key}) <= ({marks})",
        key_of(table, rows[-1]),
    )


def _go_on_behind(db: OpenDatabase, numbers: Mapping[str, int]) -> None:
    db.set_last_numbers(numbers)


def _analyze(db: Database, table: TableShape) -> None:
    db.execute(f"ANALYZE {table.name}")


def _what_is_there(db: Database) -> str:
    subscriptions, changes, last = db.execute(
        "SELECT (SELECT count(*) FROM subscription), count(*), max(observed_at) FROM change"
    ).fetchone()
    when = "" if last is None else f", the last of {day(last)}"
    return f"{subscriptions:,} subscriptions, {changes:,} changes{when}"


# what keeps replicas away


def _open_to_bots(db: Database) -> None:
    write_mark(db, None)
    db.execute("UPDATE lease SET until = ?", [db.now_ms()])


def _take_roles(db: Database) -> None:
    """Give all roles another epoch: a replica that was frozen writes nothing once it wakes up.

    For a moment nobody can take one; later the mark is known to whoever tries.
    """
    _refuse_replicas(db)
    for role in Role:
        db.execute(
            "INSERT INTO lease (role, replica_id, epoch, until) VALUES (?, NULL, 1, ?)"
            " ON CONFLICT (role) DO UPDATE SET replica_id = NULL, epoch = lease.epoch + 1,"
            " until = excluded.until",
            [role, db.now_ms() + int(TTL_SECONDS * 1000)],
        )


def _epochs(db: Database) -> dict[str, int]:
    """Return how often each role has changed hands: whoever works has taken one."""
    return dict(db.execute("SELECT role, epoch FROM lease").fetchall())


def _refuse_replicas(db: Database) -> None:
    """Raise DatabaseInUse if a replica was seen lately."""
    names = running_replicas(db)
    if names:
        raise DatabaseInUse(
            f"a bot runs over the database server ({', '.join(names)}): stop every replica; "
            f"one that was killed counts for {TTL_SECONDS:.0f} seconds more"
        )


def running_replicas(db: Database) -> list[str]:
    """Return the names of replicas that were seen lately, or that may have a role still."""
    return [one.name for one in replicas_seen(db) if one.is_live or one.roles]
