"""Does the same for many, so that one of them that fails stands in nobody's way."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from bot.store.database.door import Database

T = TypeVar("T")

DUE_AT_ONCE = 100
"""Chats for which something is done that is due, before others get at the database: a tenth of a second."""


def do_each(items: Iterable[T], work: Callable[[T], None]) -> None:
    """Do something for each item; raises the first error once all were tried."""
    _raise_first(_tried(items, work))


def write_each(db: Database, find: Callable[[], Sequence[T]], work: Callable[[T], None]) -> None:
    """Do the same in one transaction for what is found; what was done stays where others fail.

    Where nothing is found there is no transaction. What is found is looked for again within: another replica
    may have done or changed it meanwhile.
    """

    def alone(item: T) -> None:
        with db.savepoint():
            work(item)

    if find():
        with db.transaction():
            errors = _tried(find(), alone)
        _raise_first(errors)


def _tried(items: Iterable[T], work: Callable[[T], None]) -> list[Exception]:
    errors: list[Exception] = []
    for item in items:
        try:
            work(item)
        except Exception as error:  # noqa: BLE001 - raised by the caller
            errors.append(error)
    return errors


def _raise_first(errors: Sequence[Exception]) -> None:
    if errors:
        raise errors[0]
