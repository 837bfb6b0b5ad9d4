"""Moves between the two databases of one configuration, the file and the server."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from bot.store.database.connection import require_driver
from bot.store.database.door import OpenDatabase
from bot.store.database.errors import DatabaseUnusable, DirectoryHeld
from bot.store.database.file import DirectoryLock, open_file
from bot.store.database.moved import MoveState, read_mark
from bot.store.move.move import Report, Side, has_data, move_all, running_replicas
from bot.store.rows import to_milliseconds

PATIENCE_SECONDS = 5.0
"""How long a transaction waits for another program that holds the database."""


def move_between(
    is_given_up: Callable[[], bool],
    *,
    path: Path,
    url: str,
    machine: str,
    now: datetime,
    report: Report,
    back: bool,
) -> str:
    """Take all data from the file to the server, or back; returns a sentence that says so.

    Raises what `open_sides` and `move_all` do.
    """
    with open_sides(path, url, machine, now, back=back) as (source, target):
        rows = move_all(source, target, to_milliseconds(now), report=report, is_given_up=is_given_up)
        there = 'set store.url to "", then start the bot' if back else "start the bot"
        return f"moved {rows:,} rows from {source.name} to {target.name}, and compared every value: {there}"


@contextmanager
def open_sides(
    path: Path, url: str, machine: str, now: datetime, *, back: bool
) -> Iterator[tuple[Side, Side]]:
    """Open where data comes from and where it goes: from the file to the server, or back.

    Both are brought up to date, and no bot can use the file until the end of the block. `machine` tells
    people where the file is.

    Raises DirectoryHeld, DatabaseUnusable, DatabaseUnavailable or StoreMisconfigured.
    """
    require_driver()
    from bot.store.database.server.connect import open_server, server_name  # noqa: PLC0415 - only who has a server needs it

    if not back and not path.exists():
        raise DatabaseUnusable(
            f"there is no database {path}: check store.path; nothing has to be moved without one"
        )
    try:
        lock = DirectoryLock(path.parent)
    except DirectoryHeld:
        raise DirectoryHeld(f"a bot, or another move, works with the file {path}: stop it first") from None
    opened: list[OpenDatabase] = []
    try:
        there = open_server(url, now, lambda _: None, to_move=True)
        opened.append(there)
        here = open_file(path, now, lambda _: None, to_move=True)
        if back and _is_to_be_set_aside(here, there):
            here.close()
            path.rename(_aside(path, now))
            here = open_file(path, now, lambda _: None, to_move=True)
        opened.append(here)
        for db in opened:
            db.set_patience(PATIENCE_SECONDS)
        file = Side(here, f"the file {path.absolute()} on {machine}", is_server=False)
        server = Side(there, server_name(there), is_server=True)
        yield (server, file) if back else (file, server)
    finally:
        for db in opened:
            db.close()
        lock.release()


def _is_to_be_set_aside(file: OpenDatabase, server: OpenDatabase) -> bool:
    """Say whether a file only has what went to a server from which it can come back."""
    with file.unit(None), server.unit(None):  # no snapshot stays open while the new file is made
        return (
            _state_of(file) is MoveState.GONE
            and _state_of(server) in {None, MoveState.LEAVING}
            and has_data(server)
            and not running_replicas(server)
        )


def _state_of(db: OpenDatabase) -> MoveState | None:
    mark = read_mark(db)
    return None if mark is None else mark.state


def _aside(path: Path, now: datetime) -> Path:
    return path.with_name(f"{path.stem}.moved-{now:%Y%m%dT%H%M%SZ}{path.suffix}")
