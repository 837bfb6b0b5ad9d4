"""What kinds of things are called in figures: `timed_out` for a TimedOut."""

import re

_INNER_CAPITAL = re.compile("(?<!^)(?=[A-Z])")


def kind_of(value: object) -> str:
    """Return the name of a value's class, in the words of figures."""
    return _INNER_CAPITAL.sub("_", type(value).__name__).lower()
