"""Names of classes as metrics and logs write them: `timed_out` for TimedOut."""

import re

_INNER_CAPITAL = re.compile("(?<!^)(?=[A-Z])")


def kind_of(value: object) -> str:
    """Return the name of a value's class in snake case.

    Metrics have these names as labels: whoever renames such a class changes what operators see.
    """
    return _INNER_CAPITAL.sub("_", type(value).__name__).lower()
