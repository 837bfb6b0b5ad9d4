"""What was measured, as a table for people and as lines of JSON for later."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

_COLUMNS = ("what", "to reach", "measured", "")
_MARKS = {True: "ok", False: "MISSED", None: ""}


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table; where there is nothing to reach, `reached` is None."""

    what: str
    measured: str
    target: str = ""
    reached: bool | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    """The numbers behind it; units stand in their names."""


def write_lines(results: Iterable[Result], path: Path) -> None:
    """Append the results to a file, a line of JSON each."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.writelines(json.dumps(asdict(result), ensure_ascii=False) + "\n" for result in results)


def table(results: Iterable[Result]) -> str:
    """Return the results in columns."""
    lines = [_COLUMNS, *((one.what, one.target, one.measured, _MARKS[one.reached]) for one in results)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def middle(values: Iterable[float]) -> float:
    """Return the median: what a noisy neighbour did to one round does not count."""
    return median(values)
