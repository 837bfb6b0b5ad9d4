"""Does the same for many, so that one of them that fails stands in nobody's way."""

from collections.abc import Callable, Iterable
from typing import TypeVar

T = TypeVar("T")


def do_each(items: Iterable[T], work: Callable[[T], None]) -> None:
    """Do something for each item; raises the first error once all were tried."""
    errors: list[Exception] = []
    for item in items:
        try:
            work(item)
        except Exception as error:  # noqa: BLE001 - raised below
            errors.append(error)
    if errors:
        raise errors[0]
