"""Names of classes as metrics and logs write them: `timed_out` for TimedOut.

Renaming such a class renames what dashboards and alarms of operators look for.
"""

import re

_INNER_CAPITAL = re.compile("(?<!^)(?=[A-Z])")


def kind_of(value: object) -> str:
    """Return the name of a value's class in snake case."""
    return _INNER_CAPITAL.sub("_", type(value).__name__).lower()
